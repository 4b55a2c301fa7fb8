//! Sweeps over the number of buckets, and the cost model that is fitted to them.

use super::figures::{gather, positive};
use super::model::Model;
use super::structure::Structures;
use super::summary::{CellSummary, PanelSummary};
use crate::base::Value;

/// Bucket counts from which on targets are a sweep.
const POINTS_OF_A_SWEEP: usize = 3;
/// Targets of a panel that differ in nothing but `buckets`.
pub(crate) struct Sweep<'s> {
    pub panel: &'s PanelSummary,
    /// By bucket count, rising.
    pub points: Vec<(u64, &'s CellSummary)>,
    /// The parameters that all of them have, `buckets` left out.
    pub others: String,
}

impl Sweep<'_> {
    /// Whether a cell is one of its points.
    pub fn has(&self, cell: &CellSummary) -> bool {
        self.points
            .iter()
            .any(|(_, point)| point.entry.cell_id == cell.entry.cell_id)
    }

    /// The cells of the smallest, the middle and the largest bucket count.
    pub fn telling(&self) -> [&CellSummary; 3] {
        let last = self.points.len() - 1;
        [0, last / 2, last].map(|at| self.points[at].1)
    }
}

/// The sweeps over `buckets` in a panel, whatever their cells came to.
pub(crate) fn sweeps(panel: &PanelSummary) -> Vec<Sweep<'_>> {
    let mut groups = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let Some(mut spec) = cell.entry.spec() else {
            continue;
        };
        let Some(at) = spec.params.iter().position(|(name, _)| name == "buckets") else {
            continue;
        };
        let (_, Value::Integer(buckets)) = spec.params.remove(at) else {
            continue;
        };
        let others = spec
            .params
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let others = others.collect::<Vec<_>>().join(",");
        let key = (
            cell.entry.strategy.as_str(),
            (
                cell.entry.hash.as_str(),
                cell.entry.allocator,
                cell.entry.pages,
            ),
            others,
        );
        if buckets > 0 {
            gather(&mut groups, key, (buckets, cell));
        }
    }
    let sweeps = groups.into_iter().map(|((.., others), mut points)| {
        points.sort_by_key(|(buckets, _)| *buckets);
        Sweep {
            panel,
            points,
            others,
        }
    });
    sweeps
        .filter(|sweep| sweep.points.len() >= POINTS_OF_A_SWEEP)
        .collect()
}

/// Fits the cost model to a sweep of chains. What the harness costs is measured, not fitted.
pub(crate) fn fit(sweep: &Sweep<'_>, structures: &Structures<'_>) -> Option<Model> {
    let chained = sweep
        .points
        .iter()
        .any(|(_, cell)| cell.mean_walk.is_some());
    let items = sweep.points.iter().find_map(|(_, cell)| {
        let structure = structures.get(cell.entry.cell_id.as_str())?;
        positive(structure.in_chains().1)
    });
    let harness = sweep.panel.harness.as_ref();
    Model::fit(
        items.filter(|_| chained)?,
        harness.map_or(0.0, |floor| floor.floor_ns),
        measured(sweep),
    )
}

/// Bucket counts and nanoseconds an operation.
pub(crate) fn measured(sweep: &Sweep<'_>) -> impl Iterator<Item = (f64, f64)> {
    sweep
        .points
        .iter()
        .filter_map(|(buckets, cell)| Some((*buckets as f64, positive(cell.ns_per_op?.mid)?)))
}
