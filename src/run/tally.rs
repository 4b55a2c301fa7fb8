//! From the children's answers to the rows of the run.

use hdrhistogram::Histogram;

use super::cell::{Cell, Place};
use super::guard::{Cores, Watched};
use super::latency::{self, Measured};
use crate::bench::{CensusReply, Finished, LongOp, Memory, Sliced, ThreadSlice};
use crate::machine::counters::{Counts, Event};
use crate::record::{
    CensusRow, LatencyRow, MarkRow, SCHEMA_VERSION, SliceKind, SliceRow, TrialRow, WindowRow,
};

/// One attempt at a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// Which one, from 0.
    pub(super) number: u32,
    /// Whether there will be another, so that this one counts for nothing.
    pub(super) superseded: bool,
    /// What the guard saw.
    pub(super) watched: Watched,
}

impl Attempt {
    /// One that is not done over, whatever was seen.
    pub(super) fn only(watched: Watched) -> Attempt {
        Attempt {
            number: 0,
            superseded: false,
            watched,
        }
    }
}

/// What the guard saw in the slices of a trial.
#[derive(Debug, Default)]
struct Guarded {
    disturbed_slices: Option<u32>,
    repeated_slices: u32,
    cores: Option<Cores>,
    frequency_khz: Option<u64>,
}

impl Guarded {
    fn add(&mut self, attempt: Attempt) {
        if attempt.superseded {
            self.repeated_slices += 1;
            return;
        }
        let Watched {
            disturbed,
            cores,
            frequency_khz,
        } = attempt.watched;
        if let Some(disturbed) = disturbed {
            *self.disturbed_slices.get_or_insert(0) += u32::from(disturbed);
        }
        if let Some(cores) = cores {
            let sum = self.cores.get_or_insert_default();
            sum.total_ns += cores.total_ns;
            sum.foreign_ns += cores.foreign_ns;
            sum.steal_ns += cores.steal_ns;
        }
        let both = self.frequency_khz.into_iter().chain(frequency_khz);
        self.frequency_khz = both.min();
    }
}

/// A trial of one cell, as its slices come in.
#[derive(Debug, Default)]
pub(super) struct Trial {
    pub(super) slices: Vec<SliceRow>,
    pub(super) latencies: Vec<(LatencyRow, Histogram<u64>)>,
    pub(super) windows: Vec<WindowRow>,
    /// The latencies of a clocked pass so far, and its long operations.
    clocked: Option<Measured>,
    long: Vec<LongOp>,
    total: ThreadSlice,
    slice_count: u32,
    helper_cpu_ns: u64,
    /// What the processor counted, of each thread of each slice.
    counts: Vec<Option<Counts>>,
    guarded: Guarded,
}

impl Trial {
    /// Adds an attempt at a slice. Every attempt has its rows; one that will be done over adds nothing else
    /// to the trial but that it was repeated.
    pub(super) fn add(
        &mut self,
        place: Place<'_>,
        cell: &Cell<'_>,
        at: (u32, u32, u32),
        kind: SliceKind,
        sliced: &Sliced,
        attempt: Attempt,
    ) {
        self.add_rows(place, cell, at, kind, sliced, attempt);
        if !attempt.superseded {
            self.add_latencies(place, cell, at.0, sliced);
        }
        if matches!(kind, SliceKind::Throughput | SliceKind::Paced) {
            self.guarded.add(attempt);
            if !attempt.superseded {
                self.add_up(sliced);
            }
        }
    }

    /// Begins anew: what was measured keeps its slices' rows, and counts for nothing but that it was repeated.
    pub(super) fn try_again(&mut self) {
        let repeated_slices = self.guarded.repeated_slices + self.slice_count;
        let slices = std::mem::take(&mut self.slices);
        *self = Trial {
            slices,
            guarded: Guarded {
                repeated_slices,
                ..Guarded::default()
            },
            ..Trial::default()
        };
    }

    /// The rows of a slice, one a thread, and one more where the thread timed the hash alone.
    fn add_rows(
        &mut self,
        place: Place<'_>,
        cell: &Cell<'_>,
        (trial, round, position): (u32, u32, u32),
        kind: SliceKind,
        sliced: &Sliced,
        attempt: Attempt,
    ) {
        for (thread, slice) in (0..).zip(&sliced.threads) {
            self.slices.push(SliceRow {
                panel: place.index,
                birth: place.birth,
                trial,
                round,
                position,
                cell_id: cell.id.clone(),
                kind,
                attempt: attempt.number,
                thread,
                started_ns: slice.started_ns,
                ops: slice.ops,
                elapsed_ns: slice.elapsed_ns,
                discarded_ops: slice.discarded_ops,
                discarded_ns: slice.discarded_ns,
                longest_ns: slice.longest_ns,
                rss_bytes: sliced.rss_bytes,
                run_queue_ns: slice.run_queue_ns,
                involuntary_switches: Some(slice.involuntary_switches),
                page_faults: Some(slice.page_faults),
                disturbed: attempt.watched.disturbed,
                additions_per_kcycle: slice.additions_per_kcycle,
            });
            if let Some(hash_ns) = slice.hash_ns {
                let timed = self.slices.last().expect("just pushed");
                self.slices.push(SliceRow {
                    kind: SliceKind::Hash,
                    elapsed_ns: hash_ns,
                    discarded_ops: 0,
                    discarded_ns: 0,
                    longest_ns: None,
                    rss_bytes: None,
                    ..timed.clone()
                });
            }
        }
    }

    /// Latencies and windows, where the slice has any.
    fn add_latencies(&mut self, place: Place<'_>, cell: &Cell<'_>, trial: u32, sliced: &Sliced) {
        let Some(measured) = Measured::of(sliced) else {
            return;
        };
        // The parts of a clocked pass are one trial.
        if place.panel.workload.clocked {
            match &mut self.clocked {
                Some(all) => all.add(&measured),
                None => self.clocked = Some(measured),
            }
            self.long.extend(latency::long_ops(sliced));
        } else {
            self.latencies.extend(measured.rows(place, cell, trial));
        }
        self.windows
            .extend(latency::window_rows(place, cell, trial, sliced));
    }

    /// Adds what the threads did to the totals of the trial.
    fn add_up(&mut self, sliced: &Sliced) {
        self.slice_count += 1;
        self.helper_cpu_ns += sliced.helper_cpu_ns;
        let total = &mut self.total;
        for slice in &sliced.threads {
            total.ops += slice.ops;
            total.elapsed_ns += slice.elapsed_ns;
            total.discarded_ops += slice.discarded_ops;
            total.discarded_ns += slice.discarded_ns;
            total.hits += slice.hits;
            total.misses += slice.misses;
            total.refused += slice.refused;
            total.evicted += slice.evicted;
            total.cpu_ns += slice.cpu_ns;
            total.longest_ns = total.longest_ns.max(slice.longest_ns);
            total.involuntary_switches += slice.involuntary_switches;
            total.page_faults += slice.page_faults;
            if let Some(waited_ns) = slice.run_queue_ns {
                *total.run_queue_ns.get_or_insert(0) += waited_ns;
            }
            // A thread without operations has counted nothing; others must have.
            if slice.ops > 0 || slice.counts.is_some() {
                self.counts.push(slice.counts);
            }
        }
    }

    /// The latencies of a clocked pass that has ended, with what of its tail overlaps a resize.
    pub(super) fn clocked_rows(
        &mut self,
        place: Place<'_>,
        cell: &Cell<'_>,
        trial: u32,
        finished: &Finished,
    ) -> Vec<(LatencyRow, Histogram<u64>)> {
        let Some(measured) = self.clocked.take() else {
            return Vec::new();
        };
        let mut rows = measured.rows(place, cell, trial);
        for (row, _) in &mut rows {
            let (all, within) = latency::tail(&self.long, row.p999_ns, finished);
            (row.tail_ops, row.tail_in_resize_ops) = (Some(all), Some(within));
        }
        rows
    }

    /// The trial's row.
    pub(super) fn row(
        &self,
        place: Place<'_>,
        cell: &Cell<'_>,
        trial: u32,
        structure: Option<&(Memory, CensusReply)>,
    ) -> TrialRow {
        let total = &self.total;
        let counts = Counts::sum(&self.counts);
        let count = |event| counts.and_then(|counts| counts.scaled(event));
        let mut row = TrialRow {
            slices: self.slice_count,
            ops: Some(total.ops),
            elapsed_ns: Some(total.elapsed_ns),
            discarded_ops: Some(total.discarded_ops),
            discarded_ns: Some(total.discarded_ns),
            hits: Some(total.hits),
            misses: Some(total.misses),
            refused: Some(total.refused),
            evicted: place.panel.workload.budget.map(|_| total.evicted),
            cpu_ns: Some(total.cpu_ns),
            helper_cpu_ns: Some(self.helper_cpu_ns),
            longest_ns: total.longest_ns,
            disturbed_slices: self.guarded.disturbed_slices,
            repeated_slices: self
                .guarded
                .disturbed_slices
                .map(|_| self.guarded.repeated_slices),
            run_queue_ns: total.run_queue_ns,
            involuntary_switches: Some(total.involuntary_switches),
            page_faults: Some(total.page_faults),
            foreign_cpu_ns: self.guarded.cores.map(|cores| cores.foreign_ns),
            steal_ns: self.guarded.cores.map(|cores| cores.steal_ns),
            cores_ns: self.guarded.cores.map(|cores| cores.total_ns),
            frequency_khz: self.guarded.frequency_khz,
            cycles: count(Event::Cycles),
            instructions: count(Event::Instructions),
            branch_misses: count(Event::BranchMisses),
            llc_misses: count(Event::LlcMisses),
            dtlb_misses: count(Event::DtlbMisses),
            counters_enabled_ns: counts.map(|counts| counts.enabled_ns),
            counters_running_ns: counts.map(|counts| counts.running_ns),
            ..empty_row(place, cell, trial)
        };
        match structure {
            Some(_) if cell.target.control() => {
                "a control holds no entries".clone_into(&mut row.memory_reason);
            }
            Some((memory, census)) => {
                let claimed: u64 = census.bytes.iter().sum();
                row.items = Some(census.items);
                row.rss_bytes = memory.rss_bytes;
                row.rss_peak_bytes = memory.rss_peak_bytes;
                row.rss_emptied_bytes = memory.rss_emptied_bytes;
                row.huge_page_bytes = memory.huge_page_bytes;
                row.bytes_claimed = Some(claimed);
                row.gap_bytes = memory
                    .rss_bytes
                    .and_then(|rss| rss.checked_signed_diff(claimed));
                row.bytes_counted = memory.bytes_counted;
                row.memory_reason.clone_from(&memory.reason);
            }
            None => "the trial did not end".clone_into(&mut row.memory_reason),
        }
        row
    }
}

/// The row of a trial that has no figures.
pub(super) fn error_row(place: Place<'_>, cell: &Cell<'_>, trial: u32, why: &str) -> TrialRow {
    let one_line = why.split_whitespace().collect::<Vec<_>>().join(" ");
    TrialRow {
        error: one_line,
        ..empty_row(place, cell, trial)
    }
}

fn empty_row(place: Place<'_>, cell: &Cell<'_>, trial: u32) -> TrialRow {
    let panel = place.panel;
    let to_server = cell.target.server().is_some();
    TrialRow {
        schema_version: SCHEMA_VERSION,
        run_id: place.run_id.to_owned(),
        cell_id: cell.id.clone(),
        suite: panel.suite.clone(),
        workload: panel.workload.name.clone(),
        target: cell.label(),
        twin: cell.twin,
        hash: cell.hash.clone(),
        allocator: cell.heap.allocator.word().to_owned(),
        pages: cell.heap.pages.word().to_owned(),
        threads: panel.threads,
        batch: panel.workload.batch,
        between: panel.workload.between.to_string(),
        absent_percent: Some(panel.workload.absent.get()),
        connections: to_server.then(|| panel.workload.connections.max(panel.threads)),
        depth: to_server.then_some(panel.workload.depth),
        entries: panel.workload.entries,
        panel: place.index,
        birth: place.birth,
        trial,
        seed: place.seed,
        ..TrialRow::default()
    }
}

/// The census of a cell in long form.
pub(super) fn census_rows(cell: &Cell<'_>, census: &CensusReply) -> Vec<CensusRow> {
    let row = |figure: &str, label: &str, count: u64| CensusRow {
        cell_id: cell.id.clone(),
        figure: figure.to_owned(),
        label: label.to_owned(),
        count,
    };
    let mut rows = vec![
        row("total", "items", census.items),
        row("total", "buckets", census.buckets),
    ];
    let kinds = ["key", "value", "header", "bucket_array", "slack"];
    rows.extend(
        kinds
            .iter()
            .zip(census.bytes)
            .map(|(kind, count)| row("bytes", kind, count)),
    );
    rows.extend(
        (0u64..)
            .zip(&census.chain_lengths)
            .filter(|(_, buckets)| **buckets > 0)
            .map(|(length, &buckets)| row("chain_length", &length.to_string(), buckets)),
    );
    rows
}

/// The resize marks of a pass.
pub(super) fn mark_rows(
    panel: u32,
    cell: &Cell<'_>,
    trial: u32,
    finished: &Finished,
) -> Vec<MarkRow> {
    finished
        .marks
        .iter()
        .map(|mark| MarkRow {
            panel,
            cell_id: cell.id.clone(),
            trial,
            at_ns: mark.at_ns,
            event: mark.event.clone(),
            from_buckets: mark.from_buckets,
            to_buckets: mark.to_buckets,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ROWS;
    use crate::run::flags::Overrides;
    use crate::run::plan::Plan;
    use crate::run::suite::Suite;

    #[test]
    fn an_attempt_that_is_done_over_counts_as_repeated_and_as_nothing_else() {
        let flags = Overrides {
            workloads: vec!["ycsb-c".to_owned()],
            ..Overrides::default()
        };
        let suite = Suite::load("quick").unwrap().with(&flags);
        let plan = Plan::new(ROWS, vec![suite]).unwrap();
        let place = Place {
            run_id: "run",
            panel: &plan.panels[0],
            index: 0,
            seed: 1,
            birth: 0,
        };
        let cell = &plan.panels[0].cells[1];
        let attempt = |number, superseded, disturbed, foreign_ns| Attempt {
            number,
            superseded,
            watched: Watched {
                disturbed: Some(disturbed),
                cores: Some(Cores {
                    total_ns: 100,
                    foreign_ns,
                    steal_ns: 1,
                }),
                frequency_khz: None,
            },
        };
        let sliced = |ops| Sliced {
            threads: vec![ThreadSlice {
                ops,
                run_queue_ns: Some(3),
                counts: Some(Counts {
                    events: [Some(ops), None, None, None, None],
                    enabled_ns: 40,
                    running_ns: 20,
                }),
                ..ThreadSlice::default()
            }],
            ..Sliced::default()
        };
        let mut trial = Trial::default();
        let kind = SliceKind::Throughput;
        let mut add = |round, ops, attempt| {
            trial.add(place, cell, (0, round, 0), kind, &sliced(ops), attempt);
        };
        add(0, 7, attempt(0, true, true, 50));
        add(0, 100, attempt(1, false, false, -2));
        add(1, 1000, attempt(0, false, true, 10));
        let row = trial.row(place, cell, 0, None);
        assert_eq!((row.slices, row.ops), (2, Some(1100)));
        assert_eq!(
            (row.disturbed_slices, row.repeated_slices),
            (Some(1), Some(1))
        );
        let cores = (row.foreign_cpu_ns, row.steal_ns, row.cores_ns);
        assert_eq!(cores, (Some(8), Some(2), Some(200)));
        assert_eq!((row.run_queue_ns, row.frequency_khz), (Some(6), None));
        // Of half the time, and scaled to all of it.
        assert_eq!((row.cycles, row.instructions), (Some(2200), None));
        let counted = (row.counters_enabled_ns, row.counters_running_ns);
        assert_eq!(counted, (Some(80), Some(40)));
        let attempts: Vec<(u32, Option<bool>)> = trial
            .slices
            .iter()
            .map(|row| (row.attempt, row.disturbed))
            .collect();
        let wanted = [(0, Some(true)), (1, Some(false)), (0, Some(true))];
        assert_eq!(attempts, wanted);
        // Begun anew, the trial has the rows and nothing of the figures.
        trial.try_again();
        trial.add(
            place,
            cell,
            (0, 2, 0),
            kind,
            &sliced(5),
            attempt(0, false, false, 0),
        );
        let row = trial.row(place, cell, 0, None);
        assert_eq!(
            (row.slices, row.ops, row.repeated_slices),
            (1, Some(5), Some(3))
        );
        assert_eq!((trial.slices.len(), row.disturbed_slices), (4, Some(0)));
    }
}
