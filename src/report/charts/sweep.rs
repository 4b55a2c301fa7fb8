//! Sweeps over the number of buckets, and the cost model that is fitted to them.

use super::palette::Style;
use super::structure::Structures;
use super::suite::{gather, positive};
use crate::base::{Spec, Value};
use crate::report::format::counted;
use crate::report::model::Model;
use crate::report::summary::{CellSummary, PanelSummary};

/// Bucket counts from which on targets are a sweep.
const POINTS_OF_A_SWEEP: usize = 3;
/// Targets of a panel that differ in nothing but `buckets`.
pub(super) struct Sweep<'s> {
    pub panel: &'s PanelSummary,
    /// By bucket count, rising.
    pub points: Vec<(u64, &'s CellSummary)>,
    /// The parameters that all of them have, `buckets` left out.
    others: String,
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
pub(super) fn sweeps(panel: &PanelSummary) -> Vec<Sweep<'_>> {
    let mut groups = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let Ok(mut spec) = cell.entry.target_full.parse::<Spec>() else {
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

/// A sweep as it is drawn.
pub(super) struct Line<'s> {
    pub sweep: Sweep<'s>,
    pub label: String,
    pub style: Style,
    pub model: Option<Model>,
}

/// Fits the cost model to a sweep of chains. What the harness costs is measured, not fitted.
fn fit(sweep: &Sweep<'_>, structures: &Structures<'_>) -> Option<Model> {
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
pub(super) fn measured(sweep: &Sweep<'_>) -> impl Iterator<Item = (f64, f64)> {
    sweep
        .points
        .iter()
        .filter_map(|(buckets, cell)| Some((*buckets as f64, positive(cell.ns_per_op?.mid)?)))
}

impl<'s> Line<'s> {
    /// A sweep in the look of its strategy, with the model that fits it.
    pub fn new(sweep: Sweep<'s>, structures: &Structures<'_>) -> Line<'s> {
        let first = &sweep.points[0].1.entry;
        let threads = counted(u64::from(sweep.panel.entry.threads), "thread");
        Line {
            label: format!("{}, {threads}", first.strategy),
            style: Style::of(first),
            model: fit(&sweep, structures),
            sweep,
        }
    }
}

/// Lines that would have one label get what tells them apart, and lines of one colour other dashes.
pub(super) fn tell_apart(lines: &mut [Line<'_>]) {
    let labels: Vec<String> = lines.iter().map(|line| line.label.clone()).collect();
    for (line, label) in lines.iter_mut().zip(&labels) {
        if labels.iter().filter(|other| *other == label).count() > 1 {
            let hash = &line.sweep.points[0].1.entry.hash;
            line.label = format!("{} {} {hash}", line.label, line.sweep.others);
        }
    }
    vary_dashes(lines);
}

/// Gives lines of one colour different dashes.
pub(super) fn vary_dashes(lines: &mut [Line<'_>]) {
    let styles: Vec<Style> = lines.iter().map(|line| line.style).collect();
    for (at, line) in lines.iter_mut().enumerate() {
        let before = styles[..at].iter().filter(|style| **style == styles[at]);
        line.style = line.style.variant(before.count());
    }
}
