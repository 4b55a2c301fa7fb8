//! A finding, and the topics that findings have.

use crate::analysis::summary::{CellSummary, PanelSummary};

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A cell failed.
    Error,
    /// What stands between two operations, and what it does to the order of targets.
    Overlap,
    /// What absent keys do to the cost of a lookup.
    Absent,
    /// The fastest strategies against the fastest peers.
    Peers,
    /// What a batch gains over single lookups.
    Batch,
    /// Two strategies that the suite asks to compare.
    Asked,
    /// One parameter of a strategy, over several values.
    Sweep,
    /// A target against the baseline.
    Baseline,
    /// The longest operation of clocked passes.
    Longest,
    /// Response times in an open loop.
    Latency,
    /// The highest rate that keeps a limit on response times.
    Limit,
    /// How well the cost model explains a sweep over bucket counts.
    Model,
    /// Two targets, none of them the baseline.
    Pair,
    /// A target at several thread counts.
    Scaling,
    /// A target with more threads than the machine has cores.
    Crowding,
    /// What is missed under budgets, beside what policies would have missed.
    Misses,
    /// What an operation costs when misses go to the stated origin.
    Origin,
    /// Hits and misses of a trace or of a workload with misses.
    Replay,
    /// Resizes within trials.
    Resizes,
    /// The effect of the hash function on a table.
    Hash,
    /// The tail of response times against the baseline's.
    Tail,
    /// What a closed loop hides.
    Hidden,
    /// The part of the tail that overlaps resizes.
    TailInResizes,
    /// The Universal Scalability Law.
    Law,
    /// Where the time of a request to a server goes.
    Parts,
    /// Two targets that do not differ by more than the noise.
    NoDifference,
}

impl Topic {
    /// Topics that a suite may ask for.
    pub const ASKED: &'static [Topic] = &[
        Topic::Batch,
        Topic::Sweep,
        Topic::Baseline,
        Topic::Longest,
        Topic::Model,
        Topic::Pair,
        Topic::Scaling,
        Topic::Crowding,
        Topic::Misses,
        Topic::Origin,
        Topic::Replay,
        Topic::Resizes,
        Topic::Law,
        Topic::Parts,
    ];

    /// The word used in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Topic::Error => "error",
            Topic::Overlap => "overlap",
            Topic::Absent => "absent",
            Topic::Peers => "peers",
            Topic::Batch => "batch",
            Topic::Asked => "asked",
            Topic::Sweep => "sweep",
            Topic::Baseline => "baseline",
            Topic::Longest => "longest",
            Topic::Latency => "latency",
            Topic::Limit => "limit",
            Topic::Model => "model",
            Topic::Pair => "pair",
            Topic::Scaling => "scaling",
            Topic::Crowding => "crowding",
            Topic::Misses => "misses",
            Topic::Origin => "origin",
            Topic::Replay => "replay",
            Topic::Resizes => "resizes",
            Topic::Hash => "hash",
            Topic::Tail => "tail",
            Topic::Hidden => "hidden",
            Topic::TailInResizes => "tail-in-resizes",
            Topic::Law => "law",
            Topic::Parts => "parts",
            Topic::NoDifference => "no-difference",
        }
    }
}

/// One sentence, and what it rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The sentence.
    pub text: String,
    /// What it is about.
    pub topic: Topic,
    /// The panels that it rests on.
    pub panels: Vec<u32>,
    /// The cells that it rests on.
    pub cells: Vec<String>,
    /// The size of the effect: the natural logarithm of its largest ratio, without sign; 0 where
    /// the sentence claims no difference.
    pub effect: f64,
}

/// The numbers of the panels, each once, ascending.
pub(super) fn panel_numbers<'s>(panels: impl IntoIterator<Item = &'s PanelSummary>) -> Vec<u32> {
    let mut numbers: Vec<u32> = panels.into_iter().map(|p| p.entry.panel).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The ids of the cells, each once, in the order given.
pub(super) fn cell_ids<'s>(cells: impl IntoIterator<Item = &'s CellSummary>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for cell in cells {
        if !ids.contains(&cell.entry.cell_id) {
            ids.push(cell.entry.cell_id.clone());
        }
    }
    ids
}
