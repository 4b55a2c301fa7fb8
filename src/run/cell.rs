//! Panels and cells: what is measured, and what is measured together.

use xxhash_rust::xxh3::xxh3_64;

use crate::base::{Between, asked_in_words};
use crate::catalog::Row;
use crate::machine::Heap;
use crate::workload::{Pace, TraceFacts, Workload};

use super::limit::Search;
use super::target::Target;

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
    /// What it runs against.
    pub target: Target<'r>,
    /// The index of its colour and marker in charts.
    pub colour: u32,
    /// The hash function.
    pub hash: String,
    /// The heap of its child.
    pub heap: Heap,
    /// Whether it is the second copy of the baseline.
    pub twin: bool,
}

impl<'r> Cell<'r> {
    /// A cell of a panel that has this key.
    pub(super) fn new(
        rows: &[Row],
        target: Target<'r>,
        (hash, heap): (&str, Heap),
        panel_key: &str,
    ) -> Cell<'r> {
        let mut cell = Cell {
            id: String::new(),
            colour: target.look(rows),
            target,
            hash: hash.to_owned(),
            heap,
            twin: false,
        };
        cell.id = cell.id_in(panel_key);
        cell
    }

    /// The second copy of it.
    pub(super) fn twin(&self, panel_key: &str) -> Cell<'r> {
        let mut twin = self.clone();
        twin.twin = true;
        twin.id = twin.id_in(panel_key);
        twin
    }

    fn id_in(&self, panel_key: &str) -> String {
        let full = self.target.full();
        let whole = format!(
            "{panel_key}|{full}|{}|{}|{}|twin={}",
            self.hash,
            self.heap.allocator.word(),
            self.heap.pages.word(),
            self.twin
        );
        format!("{:016x}", xxh3_64(whole.as_bytes()))
    }
}

impl Cell<'_> {
    /// The target as people read it, defaults left out, and the heap of its child.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}{}", self.target.short(), self.heap.suffix())
    }

    /// Whether its target is checked before the first slice: a table, and no control.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.target.table().is_some() && !self.target.control()
    }

    /// The target, and whether it is the twin.
    pub(super) fn name(&self) -> String {
        let twin = if self.twin { " (twin)" } else { "" };
        format!("{}{twin}", self.label())
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
        let Workload {
            name,
            between,
            connections,
            depth,
            ..
        } = &self.workload;
        let asked = asked_in_words(*connections, *depth);
        match between {
            Between::Chained => format!("{name}, {} {threads}{asked}", self.threads),
            Between::Instructions(_) => {
                let between = between.words();
                format!("{name} {between}, {} {threads}{asked}", self.threads)
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

/// `fixed` where present, as it comes by default if that is there; else the first that is no control, and can have a
/// twin if any can.
pub(super) fn baseline(cells: &[Cell<'_>]) -> Option<usize> {
    let at = |test: &dyn Fn(&Cell<'_>) -> bool| {
        cells
            .iter()
            .position(|cell| !cell.target.control() && !cell.twin && test(cell))
    };
    at(&|cell| cell.label() == "fixed")
        .or_else(|| at(&|cell| cell.target.kind() == "fixed"))
        .or_else(|| at(&|cell| !cell.target.is_there_already()))
        .or_else(|| at(&|_| true))
}
