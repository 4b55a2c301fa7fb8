//! Panels and cells: what is measured, and what is measured together.

use crate::base::{Between, Params};
use crate::catalog::Row;
use crate::machine::Heap;
use crate::workload::{Pace, TraceFacts, Workload};

use super::limit::Search;

/// The least slices of a trial that is cut by time.
const LEAST_SLICES: u32 = 2;

/// Cells measured together, because they share everything but the target.
#[derive(Clone, Debug)]
pub struct Panel<'r> {
    /// The suite that asked for it first.
    pub suite: String,
    /// The workload.
    pub workload: Workload,
    /// What is known of the workload's trace.
    pub trace: Option<TraceFacts>,
    /// Threads that work on each table.
    pub threads: u32,
    /// The cells, controls and twin included.
    pub cells: Vec<Cell<'r>>,
    /// Index of the cell that ratios are taken against.
    pub baseline: Option<usize>,
    /// Time for its slices, in seconds.
    pub time_s: f64,
    /// Trials of each cell; `None` for as many as the time allows.
    pub trials: Option<u32>,
    /// How well each ratio to the baseline is to be known, as a part of it, and the seconds of slices
    /// that this may take; `None` to use the time that the panel has, and no more.
    pub precision: Option<(f64, f64)>,
    /// Length of a slice that is cut by time, in nanoseconds, where each thread has a core.
    pub slice_ns: u64,
    /// Threads to a core, rounded up: from 2 on they take turns on it.
    pub crowd: u32,
    /// Whether each birth has a slice of latencies too, in a closed loop.
    pub latency: bool,
    /// A search for the highest rate that keeps a limit, instead of trials.
    pub search: Option<Search>,
    /// Bytes that its tables and streams are estimated to take together.
    pub bytes: u64,
    /// What its cells share, in a form that is the same for the same thing: part of each cell's id.
    pub(super) key: String,
}

/// One workload on one target with one thread count.
#[derive(Clone, Debug)]
pub struct Cell<'r> {
    /// A hash over every parameter, defaults included.
    pub id: String,
    /// The strategy.
    pub row: &'r Row,
    /// The index of its colour and marker in charts.
    pub colour: u32,
    /// Its parameters.
    pub params: Params,
    /// The hash function.
    pub hash: String,
    /// The heap of its child.
    pub heap: Heap,
    /// Whether it is the second copy of the baseline.
    pub twin: bool,
}

impl Cell<'_> {
    /// The target as people read it, defaults left out.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}{}", self.params.short(), self.heap.suffix())
    }

    /// The target, and whether it is the twin.
    pub(super) fn name(&self) -> String {
        let twin = if self.twin { " (twin)" } else { "" };
        format!("{}{twin}", self.target())
    }
}

impl Panel<'_> {
    /// Slices in a trial. A pass is cut into more, so that a resize is seen where it falls.
    #[must_use]
    pub fn slices(&self) -> u32 {
        if self.workload.pace.is_some() {
            return 1;
        }
        if let Some(points) = self.workload.points {
            return points;
        }
        match (self.is_pass(), self.workload.clocked) {
            (true, true) => 200,
            (true, false) => 20,
            (false, _) => (10 / self.crowd).max(LEAST_SLICES),
        }
    }

    /// Length of a slice that is cut by time, in nanoseconds. Where threads share a core, the scheduler lets
    /// each run for some milliseconds at a time: a slice is longer by as many times as there are threads to
    /// a core, so that each has as much of a core as it has elsewhere.
    #[must_use]
    pub fn cut_ns(&self) -> u64 {
        if self.workload.pace.is_some() {
            return self.slice_ns;
        }
        self.slice_ns * u64::from(self.crowd)
    }

    /// Whether a trial is one pass from a fresh table.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        !self.workload.keeps_key_set()
    }

    /// The workload and thread count in words.
    #[must_use]
    pub fn label(&self) -> String {
        let threads = if self.threads == 1 {
            "thread"
        } else {
            "threads"
        };
        let name = &self.workload.name;
        match self.workload.between {
            Between::Chained => format!("{name}, {} {threads}", self.threads),
            between @ Between::Instructions(_) => {
                format!("{name} {}, {} {threads}", between.words(), self.threads)
            }
        }
    }

    /// Seconds that a pass takes at its pace.
    pub(super) fn pass_s(&self) -> f64 {
        let workload = &self.workload;
        match workload.pace {
            Some(Pace::Rate { per_s, .. }) => {
                workload.ops.unwrap_or(workload.entries) as f64 / per_s.0.max(1) as f64
            }
            Some(Pace::Trace { speed }) => {
                self.trace.as_ref().map_or(0, TraceFacts::span_s) as f64 / speed
            }
            None => 0.0,
        }
    }
}

/// What all rows of a panel share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    pub(super) run_id: &'p str,
    pub(super) panel: &'p Panel<'p>,
    pub(super) index: u32,
    pub(super) seed: u64,
    /// Which birth of its tables.
    pub(super) birth: u32,
}

/// `fixed` where present, as it comes by default if that is there; else the first that is no
/// control.
pub(super) fn baseline(cells: &[Cell<'_>]) -> Option<usize> {
    let at = |test: &dyn Fn(&Cell<'_>) -> bool| {
        cells
            .iter()
            .position(|cell| !cell.row.control && !cell.twin && test(cell))
    };
    at(&|cell| cell.target() == "fixed")
        .or_else(|| at(&|cell| cell.row.name == "fixed"))
        .or_else(|| at(&|_| true))
}
