//! From slices to rates, and from two cells' rates to their ratio.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{Records, SliceKind, SliceRow, TrialRow};
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
    /// The birth that each of them belongs to.
    births: Vec<u32>,
    /// The mean natural logarithm of the rates within one pairing; a rate of 0 has none.
    logs: BTreeMap<Pairing, f64>,
}

/// Operations and the nanoseconds that they took.
#[derive(Clone, Copy, Default)]
struct Work {
    ops: u64,
    ns: u64,
}

impl Rates {
    /// The rates behind throughput or hash slices of one cell: what was discarded is left
    /// out, and of a slice that was repeated the last attempt counts.
    fn of<'r>(slices: impl Iterator<Item = &'r SliceRow>, pass: bool) -> Rates {
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
        let mut work: BTreeMap<(Pairing, u32), BTreeMap<u32, Work>> = BTreeMap::new();
        for ((pairing, _, position, thread), slice) in attempts {
            let position = if pass { 0 } else { position };
            let of_thread = work
                .entry((pairing, position))
                .or_default()
                .entry(thread)
                .or_default();
            of_thread.ops += slice.ops.saturating_sub(slice.discarded_ops);
            of_thread.ns += slice.elapsed_ns.saturating_sub(slice.discarded_ns);
        }
        let mut rates = Rates::default();
        let mut logs: BTreeMap<Pairing, Vec<f64>> = BTreeMap::new();
        for ((pairing, _), threads) in work {
            // A thread that was kept from running until the slice was over leaves the others' work
            // without the contention that the cell is about: no rate of that cell.
            if threads.values().any(|work| work.ns == 0) {
                continue;
            }
            let rate: f64 = threads
                .values()
                .map(|work| work.ops as f64 * 1e9 / work.ns as f64)
                .sum();
            rates.values.push(rate);
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

    /// The rates by birth.
    pub fn by_birth(&self) -> Vec<Vec<f64>> {
        let mut births: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (birth, rate) in self.births.iter().zip(&self.values) {
            births.entry(*birth).or_default().push(*rate);
        }
        births.into_values().collect()
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
        Some(Ratio {
            interval: interval.map(f64::exp),
            pairs: logs.len(),
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
        Rates::of(slices.iter().copied().filter(of_kind), pass)
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

/// The rows of a run by panel and cell: each cell's are looked for once.
pub(crate) struct Index<'r> {
    trials: BTreeMap<(u32, &'r str), Vec<&'r TrialRow>>,
    slices: BTreeMap<(u32, &'r str), Vec<&'r SliceRow>>,
}

impl<'r> Index<'r> {
    pub fn of(records: &'r Records) -> Index<'r> {
        // The last attempt at a trial is the one that counts.
        let mut attempts: BTreeMap<(u32, &str, u32, u32), &TrialRow> = BTreeMap::new();
        for row in &records.trials {
            let place = (row.panel, row.cell_id.as_str(), row.birth, row.trial);
            let kept = attempts.entry(place).or_insert(row);
            if row.attempt >= kept.attempt {
                *kept = row;
            }
        }
        let mut trials: BTreeMap<_, Vec<&TrialRow>> = BTreeMap::new();
        for ((panel, cell, ..), row) in attempts {
            trials.entry((panel, cell)).or_default().push(row);
        }
        let mut slices: BTreeMap<_, Vec<&SliceRow>> = BTreeMap::new();
        for row in &records.slices {
            let place = (row.panel, row.cell_id.as_str());
            slices.entry(place).or_default().push(row);
        }
        Index { trials, slices }
    }

    /// A cell's trials, failed ones included.
    pub fn trials<'s>(&'s self, panel: u32, cell: &'s str) -> &'s [&'s TrialRow] {
        self.trials.get(&(panel, cell)).map_or(&[], Vec::as_slice)
    }

    /// A cell's rates. A slice whose trial has no row yet was never checked and does not count; a
    /// cell with a failed trial has no rates at all.
    pub fn rates(&self, panel: u32, cell: &str, kind: SliceKind, pass: bool) -> Rates {
        let trials = self.trials(panel, cell);
        if trials.iter().any(|row| !row.error.is_empty()) {
            return Rates::default();
        }
        let checked: BTreeSet<(u32, u32)> =
            trials.iter().map(|row| (row.birth, row.trial)).collect();
        let slices = self
            .slices
            .get(&(panel, cell))
            .map_or(&[][..], Vec::as_slice);
        let counted = slices
            .iter()
            .copied()
            .filter(|row| row.kind == kind && checked.contains(&(row.birth, row.trial)));
        Rates::of(counted, pass)
    }
}

/// The rate of one cell over another's, measured together in the same panel: 2 means that `cell_a`
/// does twice the operations a second. `None` where they share no panel or one has no figures.
#[must_use]
pub fn ratio(records: &Records, cell_a: &str, cell_b: &str) -> Option<Interval> {
    let index = Index::of(records);
    records.manifest.panels.iter().find_map(|panel| {
        let rates = |cell| index.rates(panel.panel, cell, SliceKind::Throughput, panel.pass);
        let ratio = rates(cell_a).ratio_to(&rates(cell_b), records.manifest.seed)?;
        Some(ratio.interval)
    })
}
