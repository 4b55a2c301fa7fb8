//! From slices to rates, and from two cells' rates to their ratio.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{SliceKind, SliceRow};
use crate::stats::{self, Interval};

/// Pairs that a verdict needs: of fewer, chance alone puts all on one side too often.
pub const PAIRS_FOR_A_VERDICT: usize = 3;

/// What ratios are paired within: the birth, and in it the round of a panel whose slices are cut by
/// time, or the trial of a panel whose trials are passes.
pub(crate) type Pairing = (u32, u32);

/// The rates of one cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rates {
    /// Operations a second, one per slice or, where trials are passes, per trial.
    pub values: Vec<f64>,
    /// How unevenly the threads shared each of them; empty where there is one thread.
    pub shares: Vec<Share>,
    /// Slices, or passes, without a rate: a thread did nothing that counts in them.
    pub idle: usize,
    /// Slices that are left out, as another hardware thread worked on a thread's core.
    pub shared: usize,
    /// The birth that each of them belongs to.
    births: Vec<u32>,
    /// The mean natural logarithm of the rates within one pairing; a rate of 0 has none.
    logs: BTreeMap<Pairing, f64>,
}

/// What the slowest and the fastest thread did of the work of all: a fair share is 1 over the threads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The part of the thread that did least, from 0 to 1.
    pub slowest: f64,
    /// The part of the thread that did most, from 0 to 1.
    pub fastest: f64,
}

impl Share {
    /// The medians of both ends.
    pub(crate) fn median(shares: &[Share]) -> Option<Share> {
        let of = |end: fn(&Share) -> f64| {
            let ends: Vec<f64> = shares.iter().map(end).collect();
            stats::median(&ends)
        };
        Some(Share {
            slowest: of(|share| share.slowest)?,
            fastest: of(|share| share.fastest)?,
        })
    }

    /// Of what each thread did; `None` for one thread, and where none did anything.
    fn of(parts: &[f64]) -> Option<Share> {
        let all: f64 = parts.iter().sum();
        (parts.len() > 1 && all > 0.0).then(|| Share {
            slowest: parts.iter().copied().fold(f64::INFINITY, f64::min) / all,
            fastest: parts.iter().copied().fold(0.0, f64::max) / all,
        })
    }
}

/// The counted part of a slice, of all its threads: operations, over the time from the first thread's
/// start to the last one's end.
///
/// Not the sum of the threads' own rates. Where they outnumber the cores, each is timed while it is on
/// one, or short of it, and the sum counts a core as often as threads took turns on it.
#[derive(Clone, Copy, Default)]
struct Window {
    ops: u64,
    ns: u64,
}

impl Window {
    /// What was discarded is left out. The clock of a thread stands while it loads the next part of its
    /// stream, so its end is its start and the time that it worked.
    fn of(rows: &[&SliceRow]) -> Window {
        let timed = || rows.iter().filter(|row| kept(row).ns > 0);
        let began = timed().map(|row| row.started_ns.saturating_add(row.discarded_ns));
        let ended = timed().map(|row| row.started_ns.saturating_add(row.elapsed_ns));
        let (began, ended) = (began.min().unwrap_or(0), ended.max().unwrap_or(0));
        Window {
            ops: timed().map(|row| kept(row).ops).sum(),
            ns: ended.saturating_sub(began),
        }
    }

    fn add(&mut self, other: Window) {
        self.ops += other.ops;
        self.ns += other.ns;
    }

    fn rate(self) -> f64 {
        self.ops as f64 * 1e9 / self.ns as f64
    }
}

/// What one thread did in the counted part of a slice, on its own clock.
fn kept(row: &SliceRow) -> Window {
    Window {
        ops: row.ops.saturating_sub(row.discarded_ops),
        ns: row.elapsed_ns.saturating_sub(row.discarded_ns),
    }
}

/// The rate of some slices that were cut at the same place for all threads: of one alone, or of all
/// parts of a pass. The rows of each are given by thread.
struct Measured {
    rate: f64,
    share: Option<Share>,
}

impl Measured {
    /// `None` where a thread was kept from running throughout: the others worked without the contention
    /// that the cell is about, which is no rate of that cell.
    fn of<'r>(parts: impl Iterator<Item = &'r [&'r SliceRow]>, pass: bool) -> Option<Measured> {
        let mut all = Window::default();
        let mut threads: BTreeMap<u32, Window> = BTreeMap::new();
        for rows in parts {
            all.add(Window::of(rows));
            for row in rows {
                threads.entry(row.thread).or_default().add(kept(row));
            }
        }
        if all.ns == 0 || threads.values().any(|thread| thread.ns == 0) {
            return None;
        }
        // The threads of a pass have the same work to do: what differs is how long they take.
        let did = |thread: &Window| {
            if pass {
                thread.rate()
            } else {
                thread.ops as f64
            }
        };
        let did: Vec<f64> = threads.values().map(did).collect();
        Some(Measured {
            rate: all.rate(),
            share: Share::of(&did),
        })
    }
}

/// The rate of the slice that these rows are of, a row for each thread, discarded parts left out; 0 where
/// no thread worked.
pub(crate) fn rate_of_slice(rows: &[&SliceRow]) -> f64 {
    let window = Window::of(rows);
    if window.ns == 0 { 0.0 } else { window.rate() }
}

/// The slices of one rate, by the round that they were dealt in.
type Parts<'r> = BTreeMap<u32, Vec<&'r SliceRow>>;

impl Rates {
    /// The rates behind throughput or hash slices of one cell: what was discarded is left
    /// out, and of a slice that was repeated the last attempt counts. Slices in which a thread's core gave it less than
    /// `least` additions in a thousand cycles are left out and counted.
    pub(super) fn of<'r>(
        slices: impl Iterator<Item = &'r SliceRow>,
        pass: bool,
        least: Option<u64>,
    ) -> Rates {
        let mut attempts: BTreeMap<(Pairing, u32, u32, u32), &SliceRow> = BTreeMap::new();
        for slice in slices {
            let unit = if pass { slice.trial } else { slice.round };
            // A pass is cut into rounds, and its rate is that of the whole.
            let round = if pass { slice.round } else { 0 };
            let place = ((slice.birth, unit), round, slice.position, slice.thread);
            let kept = attempts.entry(place).or_insert(slice);
            if slice.attempt >= kept.attempt {
                *kept = slice;
            }
        }
        let mut units: BTreeMap<(Pairing, u32), Parts<'_>> = BTreeMap::new();
        for ((pairing, round, position, _), slice) in attempts {
            let position = if pass { 0 } else { position };
            let parts = units.entry((pairing, position)).or_default();
            parts.entry(round).or_default().push(slice);
        }
        let mut rates = Rates::default();
        let mut logs: BTreeMap<Pairing, Vec<f64>> = BTreeMap::new();
        let has_less = |row: &SliceRow| {
            let given = least.zip(row.additions_per_kcycle);
            given.is_some_and(|(least, given)| given < least)
        };
        for ((pairing, _), parts) in units {
            if parts.values().flatten().any(|row| has_less(row)) {
                rates.shared += 1;
                continue;
            }
            let Some(Measured { rate, share }) =
                Measured::of(parts.values().map(Vec::as_slice), pass)
            else {
                rates.idle += 1;
                continue;
            };
            rates.values.push(rate);
            rates.shares.extend(share);
            rates.births.push(pairing.0);
            if rate > 0.0 {
                logs.entry(pairing).or_default().push(rate.ln());
            }
        }
        rates.logs = logs
            .into_iter()
            .map(|(pairing, logs)| (pairing, logs.iter().sum::<f64>() / logs.len() as f64))
            .collect();
        rates
    }

    /// What there is a rate of.
    pub(super) fn rounds(&self) -> impl Iterator<Item = Pairing> {
        self.logs.keys().copied()
    }

    /// The rates by birth.
    pub fn by_birth(&self) -> Vec<Vec<f64>> {
        let mut births: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (birth, rate) in self.births.iter().zip(&self.values) {
            births.entry(*birth).or_default().push(*rate);
        }
        births.into_values().collect()
    }

    /// What its own interval was resampled from first.
    pub fn units(&self) -> usize {
        let births: BTreeSet<u32> = self.births.iter().copied().collect();
        units(births.len(), self.values.len())
    }

    /// The median rate in operations a second.
    pub fn interval(&self, seed: u64) -> Option<Interval> {
        by_birth(
            self.births.iter().copied().zip(self.values.iter().copied()),
            seed,
        )
    }

    /// How far the rates lie from their median.
    pub fn spread(&self) -> Option<Spread> {
        Some(Spread {
            mad: stats::median_absolute_deviation(&self.values)?,
            outliers: stats::outliers(&self.values),
            of: self.values.len(),
        })
    }

    /// This cell's rate over the other's, from the median log-ratio of what was measured together.
    pub fn ratio_to(&self, other: &Rates, seed: u64) -> Option<Ratio> {
        let logs: Vec<(u32, f64)> = self
            .logs
            .iter()
            .filter_map(|(pairing, log)| Some((pairing.0, log - other.logs.get(pairing)?)))
            .collect();
        let interval = by_birth(logs.iter().copied(), seed)?;
        let births: BTreeSet<u32> = logs.iter().map(|(birth, _)| *birth).collect();
        Some(Ratio {
            interval: interval.map(f64::exp),
            pairs: logs.len(),
            units: units(births.len(), logs.len()),
        })
    }

    /// The logarithms of the rates, birth by birth in the order measured; over the geometric mean of the
    /// other cells, which were measured together with this one, where there are any.
    pub fn logs(&self, over: &[&Rates]) -> Vec<Vec<f64>> {
        let mut births: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (pairing, log) in &self.logs {
            let others: Option<Vec<f64>> = over
                .iter()
                .map(|other| other.logs.get(pairing).copied())
                .collect();
            let Some(others) = others else {
                continue;
            };
            let mean = others.iter().sum::<f64>() / others.len().max(1) as f64;
            births.entry(pairing.0).or_default().push(log - mean);
        }
        births.into_values().collect()
    }
}

/// The median of values with its interval; births are resampled before the values within them.
fn by_birth(values: impl Iterator<Item = (u32, f64)>, seed: u64) -> Option<Interval> {
    let mut births: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (birth, value) in values {
        births.entry(birth).or_default().push(value);
    }
    let groups: Vec<&[f64]> = births.values().map(Vec::as_slice).collect();
    stats::bootstrap_median_in_groups(&groups, seed, stats::RESAMPLES, stats::CONFIDENCE)
}

/// How well the ratio of two cells' rates is known that were measured together: the end of its interval
/// that is further from the median, as a part of it (0.03 is ±3 %). The slices are the cells' own, of one
/// panel, all kinds of them. `None` where there are too few pairs for a verdict.
#[must_use]
pub fn precision(cell: &[&SliceRow], baseline: &[&SliceRow], pass: bool, seed: u64) -> Option<f64> {
    let rates = |slices: &[&SliceRow]| {
        let of_kind = |row: &&SliceRow| row.kind == SliceKind::Throughput;
        Rates::of(slices.iter().copied().filter(of_kind), pass, None)
    };
    let ratio = rates(cell).ratio_to(&rates(baseline), seed)?;
    let Interval { low, mid, high } = ratio.interval;
    (ratio.pairs >= PAIRS_FOR_A_VERDICT).then(|| (high / mid - 1.0).max(mid / low - 1.0))
}

/// A ratio of two cells' rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The ratio and the interval it is known to.
    pub interval: Interval,
    /// Pairs of slices, or of passes, behind it.
    pub pairs: usize,
    /// What was resampled first: its births, or its pairs where there was one birth.
    pub units: usize,
}

/// What the bootstrap resamples first: births, or values where a lone birth is not drawn.
pub(crate) fn units(births: usize, values: usize) -> usize {
    if births > 1 { births } else { values }
}

/// How far the rates behind a median lie from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Their median absolute deviation, in operations a second.
    pub mad: f64,
    /// How many of them are outliers: they are counted, and stay.
    pub outliers: usize,
    /// How many rates there are.
    pub of: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread's slice: from and until when it worked, in milliseconds, the first of them discarded, at 100
    /// operations in each.
    fn row(thread: u32, (from, until): (u64, u64), discarded: u64) -> SliceRow {
        const MS: u64 = 1_000_000;
        SliceRow {
            panel: 0,
            birth: 0,
            trial: 0,
            round: 0,
            position: 0,
            cell_id: "cell".into(),
            kind: SliceKind::Throughput,
            attempt: 0,
            thread,
            started_ns: from * MS,
            ops: (until - from) * 100,
            elapsed_ns: (until - from) * MS,
            discarded_ops: discarded * 100,
            discarded_ns: discarded * MS,
            longest_ns: None,
            rss_bytes: None,
            run_queue_ns: None,
            involuntary_switches: None,
            page_faults: None,
            disturbed: None,
            additions_per_kcycle: None,
        }
    }

    fn rates(rows: &[SliceRow], pass: bool) -> Rates {
        Rates::of(rows.iter(), pass, None)
    }

    /// What one core does.
    const CORE: f64 = 100_000.0;

    #[test]
    fn threads_that_take_turns_on_a_core_are_no_faster_than_it() {
        // Each thread's own rate is that of the core: their sum would be four cores'.
        let turns = [(0, 4), (4, 8), (8, 12), (12, 16)];
        let rows: Vec<SliceRow> = (0..).zip(turns).map(|(n, turn)| row(n, turn, 0)).collect();
        assert_eq!(rates(&rows, false).values, [CORE]);
        assert_eq!(rates(&rows, true).values, [CORE]);
        // Two cores, four threads, in turns.
        let turns = [(0, 8), (0, 8), (8, 16), (8, 16)];
        let rows: Vec<SliceRow> = (0..).zip(turns).map(|(n, turn)| row(n, turn, 0)).collect();
        assert_eq!(rates(&rows, false).values, [2.0 * CORE]);
    }

    #[test]
    fn threads_side_by_side_add_up_and_what_is_discarded_is_left_out() {
        let rows = [row(0, (0, 10), 2), row(1, (1, 10), 1)];
        assert_eq!(rates(&rows, false).values, [2.0 * CORE]);
        assert_eq!(rates(&rows[..1], false).values, [CORE]);
        // One that is late leaves its core idle, and that is part of the time.
        let rows = [row(0, (0, 10), 2), row(1, (6, 10), 0)];
        assert_eq!(rates(&rows, false).values, [1.5 * CORE]);
    }

    #[test]
    fn the_parts_of_a_pass_are_windows_of_their_own() {
        let part = |round, rows: [SliceRow; 2]| rows.map(|row| SliceRow { round, ..row });
        let rows = [
            part(0, [row(0, (0, 4), 0), row(1, (0, 2), 0)]),
            part(1, [row(0, (100, 104), 0), row(1, (104, 106), 0)]),
        ];
        // 1200 operations in 4 and 6 ms; what lies between the parts does not count.
        assert_eq!(rates(&rows.concat(), true).values, [1.2 * CORE]);
    }

    #[test]
    fn a_slice_in_which_a_thread_did_not_run_has_no_rate_and_is_counted() {
        let round = |round, rows: [SliceRow; 2]| rows.map(|row| SliceRow { round, ..row });
        let rows = [
            round(0, [row(0, (0, 10), 2), row(1, (0, 3), 3)]),
            round(1, [row(0, (20, 30), 2), row(1, (20, 30), 2)]),
        ];
        let rates = rates(&rows.concat(), false);
        assert_eq!(
            (rates.values.as_slice(), rates.idle),
            ([2.0 * CORE].as_slice(), 1)
        );
    }

    #[test]
    fn shares_are_of_the_slowest_and_the_fastest_thread() {
        let rows = [row(0, (0, 6), 0), row(1, (0, 3), 0), row(2, (5, 6), 0)];
        let fair = Share::of(&[5.0, 5.0]).unwrap();
        assert_eq!((fair.slowest, fair.fastest), (0.5, 0.5));
        assert_eq!(
            rates(&rows, false).shares,
            [Share {
                slowest: 0.1,
                fastest: 0.6
            }]
        );
        assert_eq!(rates(&rows[..1], false).shares, []);
        // In a pass each has the same to do, and as much of the rate as it is fast.
        let mut rows = [row(0, (0, 4), 0), row(1, (0, 4), 0)];
        (rows[0].ops, rows[1].ops) = (300, 100);
        assert_eq!(
            rates(&rows, true).shares,
            [Share {
                slowest: 0.25,
                fastest: 0.75
            }]
        );
        assert_eq!(Share::median(&[]), None);
    }
}
