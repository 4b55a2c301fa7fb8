//! How far a panel has come, and how it ended.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::record::SliceRow;

/// How far a panel had come when its run was killed or interrupted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Done {
    /// Trials that all cells have ended.
    pub(super) trials: u32,
    /// The birth that the last of them belongs to.
    pub(super) birth: u32,
    /// Time in their slices.
    pub(super) spent: Duration,
    /// Cells that have an error row.
    pub(super) failed: BTreeSet<String>,
    /// Cells whose search for a rate has ended, of a panel of searches.
    pub(super) searched: BTreeSet<String>,
    /// Cells whose census is written.
    pub(super) counted: BTreeSet<String>,
    /// The slices, of a panel that is to become as precise as asked.
    pub(super) slices: Vec<SliceRow>,
}

/// How a panel ended.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PanelEnd {
    /// Cells that have an error row.
    pub(super) errors: usize,
    /// Whether the run is to stop.
    pub(super) interrupted: bool,
    /// How well its ratios are known, where a precision was asked for.
    pub(super) precision: Option<f64>,
}
