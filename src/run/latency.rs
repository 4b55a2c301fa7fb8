//! From slices of latencies to rows: sums over threads, tails and windows.

use hdrhistogram::Histogram;

use super::cell::{Cell, Place};
use crate::base::whole;
use crate::bench::{Finished, LongOp, Sliced};
use crate::record::{LatencyRow, LoopKind, TimeKind, WindowRow, empty_histogram};
use crate::workload::Pace;

/// Short of the offered rate by more than this, a table is behind.
const BEHIND: f64 = 0.99;

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
