//! Slices of latencies: how long they are, what is refused, and the rows that come of them.

use std::sync::OnceLock;

use hdrhistogram::Histogram;

use super::expand::pacing;
use super::plan::{Cell, Panel};
use super::slo::Search;
use super::suite::{Group, Suite};
use super::tally::Place;
use crate::base::{BadInput, PerSecond, whole};
use crate::bench::{Cut, Finished, LatencyOrder, LongOp, SliceOrder, Sliced};
use crate::machine;
use crate::record::{LatencyRow, LoopKind, PaceEntry, TimeKind, WindowRow, empty_histogram};
use crate::workload::{Arrival, Pace, TraceFacts, Workload};

/// What a slice of latencies lasts, after what is left out of it, in nanoseconds: of 10^5 operations a
/// second, ten are then beyond the 99.99th percentile.
const KEPT_NS: u64 = 1_000_000_000;

/// The first part, in which caches are warmed again and threads find their processors.
const WARM_NS: u64 = 50_000_000;

/// The whole slice.
pub(super) const SLICE_NS: u64 = WARM_NS + KEPT_NS;

/// The same in seconds.
pub(super) const SLICE_S: f64 = 1.05;

/// Such slices of a cell when nobody says how long.
const SLICES: f64 = 3.0;

/// Seconds that the search of one target may take: a guess for the progress bar.
pub(super) const SEARCH_S: f64 = 20.0;

/// In a closed loop, one operation in so many is clocked: a prime, so that no pattern of the
/// stream is met in step, and few enough for the clock to be a small part.
const EVERY: u32 = 61;

/// The clock is read about once an operation; where it takes more than a third of the time between
/// two of them, it is the clock that is measured.
const READINGS: u64 = 3;

/// Short of the offered rate by more than this, a table is behind.
const BEHIND: f64 = 0.99;

/// Seconds of a cell's slices when nobody says.
pub(super) fn cell_s(panel: &Panel<'_>) -> f64 {
    if panel.is_pass() {
        pass_s(panel)
    } else {
        SLICES * SLICE_S
    }
}

/// Seconds that a pass takes at its pace.
pub(super) fn pass_s(panel: &Panel<'_>) -> f64 {
    let workload = &panel.workload;
    match workload.pace {
        Some(Pace::Rate { per_s, .. }) => {
            workload.ops.unwrap_or(workload.entries) as f64 / per_s.0.max(1) as f64
        }
        Some(Pace::Trace { speed }) => {
            panel.trace.as_ref().map_or(0, TraceFacts::span_s) as f64 / speed
        }
        None => 0.0,
    }
}

/// The highest rate that the clock of this machine can pace, in operations a second.
pub(super) fn highest_per_s(threads: u32) -> u64 {
    static COST_PS: OnceLock<u64> = OnceLock::new();
    let cost_ps = *COST_PS.get_or_init(machine::clock_cost_ps);
    1_000_000_000_000 / (READINGS * cost_ps.max(1)) * u64::from(threads)
}

/// The search that a suite asks for, if it does.
pub(super) fn search(
    suite: &Suite,
    group: &Group,
    workload: &Workload,
    threads: u32,
) -> Result<Option<Search>, BadInput> {
    let Some(slo) = suite.slo else {
        return Ok(None);
    };
    let bad = |why: &str| {
        let name = &workload.name;
        Err(BadInput(format!(
            "workload '{name}': slo = \"{slo}\" {why}"
        )))
    };
    if !workload.keeps_key_set() {
        return bad(
            "is not valid: rates are searched with workloads that keep the set of keys, without a \
             budget; give such a one (ycsb-a, ycsb-b, ycsb-c, uniform)",
        );
    }
    if workload.batch > 1 {
        return bad("is not valid with batches; give batch = 1");
    }
    let arrival_alone = |pacing: &crate::workload::Pacing| pacing.rate.is_none();
    let (start, arrival) = match pacing(suite, group, &workload.name) {
        None => (Search::START, Arrival::Fixed),
        Some(pacing) if arrival_alone(pacing) && pacing.speed.is_none() => {
            (Search::START, pacing.arrival.unwrap_or_default())
        }
        Some(pacing) => match pacing.paces()?.as_slice() {
            [Pace::Rate { per_s, arrival }] => (*per_s, *arrival),
            _ => return bad("starts from one rate: give one"),
        },
    };
    check_rate(&workload.name, start, threads)?;
    let search = Search {
        slo,
        start,
        arrival,
    };
    Ok(Some(search))
}

fn check_rate(workload: &str, per_s: PerSecond, threads: u32) -> Result<(), BadInput> {
    let highest = highest_per_s(threads);
    if per_s.0 <= highest {
        return Ok(());
    }
    // Rounded down to two digits: the clock's cost is not known better.
    let scale = 10_u64.pow(highest.max(1).ilog10().saturating_sub(1));
    Err(BadInput(format!(
        "workload '{workload}': {per_s} operations a second are more than the clock of this machine can \
         pace with {threads} thread{}: at most {}",
        if threads == 1 { "" } else { "s" },
        PerSecond(highest / scale * scale),
    )))
}

/// Checks what has a pace, and takes back what cannot be sampled, with a note.
pub(super) fn check_panels(
    panels: &mut [Panel<'_>],
    notes: &mut Vec<String>,
) -> Result<(), BadInput> {
    for panel in panels {
        if panel.workload.pace.is_some() || panel.search.is_some() {
            // There is no ratio of rates to be known better.
            panel.precision = None;
        }
        let name = &panel.workload.name;
        match panel.workload.pace {
            Some(Pace::Rate { per_s, .. }) => check_rate(name, per_s, panel.threads)?,
            Some(Pace::Trace { .. }) if pass_s(panel) == 0.0 => {
                return Err(BadInput(format!(
                    "workload '{name}': speed is not valid: this trace says nothing of when its \
                     requests came; give a rate"
                )));
            }
            _ => {}
        }
        if panel.search.is_some() && panel.cells.iter().all(|cell| cell.row.control) {
            return Err(BadInput(format!(
                "workload '{name}': slo: a control has no rate to search for; give another target"
            )));
        }
        let sampled = panel.latency && panel.workload.pace.is_none() && panel.search.is_none();
        if sampled && (panel.is_pass() || panel.workload.batch > 1) {
            notes.push(format!(
                "workload {name}: no latencies are sampled: only in slices of time, of operations \
                 that are handed over one at a time"
            ));
        }
        panel.latency = sampled && !panel.is_pass() && panel.workload.batch == 1;
    }
    Ok(())
}

/// How a panel's pace is written down.
pub(super) fn pace_entry(panel: &Panel<'_>) -> Option<PaceEntry> {
    let sweep = panel.workload.sweep_name();
    if let Some(search) = panel.search {
        return Some(PaceEntry {
            offered_per_s: None,
            arrival: search.arrival.word().to_owned(),
            speed: None,
            sweep,
        });
    }
    let pace = panel.workload.pace?;
    let (offered_per_s, speed) = match pace {
        Pace::Rate { per_s, .. } => (Some(per_s.0), None),
        Pace::Trace { speed } => (None, Some(speed)),
    };
    Some(PaceEntry {
        offered_per_s,
        arrival: pace.arrival_word().to_owned(),
        speed,
        sweep,
    })
}

/// A slice in an open loop: so long, or the whole pass.
pub(super) fn open_loop(pace: Pace, pass: bool) -> SliceOrder {
    let cut = if pass {
        Cut::Part { part: 0, of: 1 }
    } else {
        time()
    };
    order(cut, LatencyOrder::Open(pace))
}

/// A slice in a closed loop.
pub(super) fn closed_loop() -> SliceOrder {
    order(time(), LatencyOrder::Closed { every: EVERY })
}

fn time() -> Cut {
    Cut::Time {
        ns: SLICE_NS,
        discard_ns: WARM_NS,
    }
}

fn order(cut: Cut, latency: LatencyOrder) -> SliceOrder {
    SliceOrder {
        cut,
        hash_only: false,
        clocked: false,
        latency: Some(latency),
    }
}

/// What all threads of a slice came to.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// From the intended start; `None` in a closed loop.
    pub(super) response: Option<Histogram<u64>>,
    /// From the real start.
    pub(super) service: Histogram<u64>,
    /// Operations, without those that were left out.
    ops: u64,
    elapsed_ns: u64,
    /// Operations a second that were due.
    scheduled_per_s: f64,
}

impl Measured {
    /// The sum over the threads; `None` for a slice of another kind.
    pub(super) fn of(sliced: &Sliced) -> Option<Measured> {
        let mut all: Option<Measured> = None;
        for thread in &sliced.threads {
            let latencies = thread.latencies.as_ref()?;
            let all = all.get_or_insert_with(|| Measured {
                response: latencies.response.as_ref().map(|_| empty_histogram()),
                service: empty_histogram(),
                ops: 0,
                elapsed_ns: 0,
                scheduled_per_s: 0.0,
            });
            // Both have the range of the one that all start from.
            if let (Some(all), Some(one)) = (&mut all.response, &latencies.response) {
                all.add(&one.0).ok()?;
            }
            all.service.add(&latencies.service.0).ok()?;
            all.ops += thread.ops.saturating_sub(thread.discarded_ops);
            let kept_ns = thread.elapsed_ns.saturating_sub(thread.discarded_ns);
            all.elapsed_ns = all.elapsed_ns.max(kept_ns);
            if latencies.scheduled_ns > 0 {
                all.scheduled_per_s +=
                    latencies.scheduled as f64 * 1e9 / latencies.scheduled_ns as f64;
            }
        }
        all
    }

    /// Adds another part of the same trial.
    pub(super) fn add(&mut self, part: &Measured) {
        // All have the range of the one that all start from.
        let same_range = "histograms of one range";
        if let (Some(all), Some(one)) = (&mut self.response, &part.response) {
            all.add(one).expect(same_range);
        }
        self.service.add(&part.service).expect(same_range);
        self.ops += part.ops;
        self.elapsed_ns += part.elapsed_ns;
    }

    /// Operations a second that ended.
    pub(super) fn achieved_per_s(&self) -> f64 {
        self.ops as f64 * 1e9 / self.elapsed_ns.max(1) as f64
    }

    /// Whether that falls short of what was due.
    pub(super) fn behind(&self) -> bool {
        self.achieved_per_s() < BEHIND * self.scheduled_per_s
    }

    /// Its rows, with the histogram of each: one for each way to count that has an operation.
    pub(super) fn rows(
        self,
        place: Place<'_>,
        cell: &Cell<'_>,
        trial: u32,
    ) -> Vec<(LatencyRow, Histogram<u64>)> {
        let loop_kind = match self.response {
            Some(_) => LoopKind::Open,
            None => LoopKind::Closed,
        };
        let offered_per_s = match (loop_kind, place.panel.workload.pace) {
            (LoopKind::Closed, _) => None,
            (LoopKind::Open, Some(Pace::Rate { per_s, .. })) => Some(per_s.0),
            (LoopKind::Open, _) => Some(whole(self.scheduled_per_s)),
        };
        let (achieved_per_s, behind) = (whole(self.achieved_per_s()), self.behind());
        let times = [
            self.response.map(|response| (TimeKind::Response, response)),
            Some((TimeKind::Service, self.service)),
        ];
        let with_operations = |(_, histogram): &(TimeKind, Histogram<u64>)| !histogram.is_empty();
        times
            .into_iter()
            .flatten()
            .filter(with_operations)
            .map(|(time, histogram)| {
                let row = LatencyRow {
                    panel: place.index,
                    birth: place.birth,
                    trial,
                    offered_per_s,
                    achieved_per_s,
                    behind,
                    elapsed_ns: self.elapsed_ns,
                    ops: self.ops,
                    ..LatencyRow::of(&cell.id, loop_kind, time, &histogram)
                };
                (row, histogram)
            })
            .collect()
    }
}

/// The long operations of all threads of a slice.
pub(super) fn long_ops(sliced: &Sliced) -> impl Iterator<Item = LongOp> + '_ {
    let latencies = sliced.threads.iter().flat_map(|thread| &thread.latencies);
    latencies.flat_map(|latencies| latencies.long.iter().copied())
}

/// How many operations of a pass took longer than `longer_than_ns`, of those that were kept one by one;
/// and how many of them overlap a resize of the table, from its begin to its end or to the end of the
/// pass.
pub(super) fn tail(long: &[LongOp], longer_than_ns: u64, finished: &Finished) -> (u64, u64) {
    let mut resizes: Vec<(u64, u64)> = Vec::new();
    let mut begun = None;
    for mark in &finished.marks {
        match mark.event.as_str() {
            "begin" => begun = begun.or(Some(mark.at_ns)),
            // A begin may have fallen out of the journal.
            "end" => resizes.push((begun.take().unwrap_or(0), mark.at_ns)),
            _ => {}
        }
    }
    resizes.extend(begun.map(|begun| (begun, u64::MAX)));
    let overlaps = |op: &&LongOp| {
        let began_ns = op.ended_ns.saturating_sub(op.took_ns);
        resizes
            .iter()
            .any(|(begin, end)| began_ns <= *end && *begin <= op.ended_ns)
    };
    let tail = || long.iter().filter(|op| op.took_ns > longer_than_ns);
    (
        tail().count() as u64,
        tail().filter(overlaps).count() as u64,
    )
}

/// The windows of all threads of a slice.
pub(super) fn window_rows(
    place: Place<'_>,
    cell: &Cell<'_>,
    trial: u32,
    sliced: &Sliced,
) -> Vec<WindowRow> {
    let mut rows = Vec::new();
    for (thread, slice) in (0..).zip(&sliced.threads) {
        let windows = slice.latencies.iter().flat_map(|l| &l.windows);
        rows.extend(windows.map(|window| WindowRow {
            panel: place.index,
            cell_id: cell.id.clone(),
            trial,
            thread,
            at_ns: window.at_ns,
            elapsed_ns: window.elapsed_ns,
            ops: window.ops,
            longest_ns: window.longest_ns,
        }));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::Mark;

    #[test]
    fn a_tail_that_overlaps_a_resize_is_told_from_one_that_does_not() {
        let mark = |at_ns, event: &str| Mark {
            at_ns,
            event: event.to_owned(),
            from_buckets: 1,
            to_buckets: 2,
        };
        let op = |ended_ns, took_ns| LongOp { ended_ns, took_ns };
        let finished = |marks| Finished {
            marks,
            ..Finished::default()
        };
        let long = [
            op(90, 50),
            op(130, 60),
            op(500, 250),
            op(900, 40),
            op(130, 30),
        ];
        let marks = vec![mark(100, "begin"), mark(110, "step"), mark(200, "end")];
        // One ends before it, one begins before it, one after it; the last took too little.
        assert_eq!(tail(&long, 30, &finished(marks.clone())), (4, 1));
        let unfinished = [marks, vec![mark(300, "begin")]].concat();
        assert_eq!(tail(&long, 30, &finished(unfinished)), (4, 3));
        assert_eq!(tail(&long, 30, &finished(Vec::new())), (4, 0));
    }
}
