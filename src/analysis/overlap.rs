//! One workload with several things between its operations: what targets cost where a processor can
//! overlap lookups, and where it cannot.

use super::figures::gather;
use super::rates::Ratio;
use super::summary::{CellSummary, PanelSummary};
use super::verdict::Difference;
use super::{Verdict, summary::Summary};
use crate::base::Between;

/// Kinds of work between operations from which on panels are a series.
const KINDS_OF_A_SERIES: usize = 3;

/// Panels that differ in nothing but what stands between two operations.
pub(crate) struct Series<'s> {
    /// Instructions rising, `chained` last.
    pub panels: Vec<&'s PanelSummary>,
}

/// One target over the panels that have figures of it.
pub(crate) type Line<'s> = (String, Vec<(&'s PanelSummary, &'s CellSummary)>);

impl<'s> Series<'s> {
    /// The series of panels that have at least three things between their operations.
    pub fn of(panels: impl Iterator<Item = &'s PanelSummary>) -> Vec<Series<'s>> {
        let mut groups: Vec<(_, Vec<&PanelSummary>)> = Vec::new();
        for panel in panels.filter(|panel| !panel.is_open_loop()) {
            let entry = &panel.entry;
            let size = (entry.batch, entry.entries, entry.threads, entry.pass);
            let key = (
                &entry.suite,
                &entry.workload,
                &entry.corpus,
                size,
                entry.budget,
            );
            gather(&mut groups, key, panel);
        }
        let mut all = Vec::new();
        for (_, mut panels) in groups {
            panels.sort_by_key(|panel| (place(panel.entry.between), panel.entry.panel));
            let mut kinds: Vec<Between> = panels.iter().map(|p| p.entry.between).collect();
            kinds.dedup();
            if kinds.len() >= KINDS_OF_A_SERIES {
                all.push(Series { panels });
            }
        }
        all
    }

    /// The targets, each over its panels.
    pub fn lines(&self) -> Vec<Line<'s>> {
        let mut lines: Vec<Line<'s>> = Vec::new();
        for &panel in &self.panels {
            for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
                if cell.ns_per_op.is_some() {
                    gather(&mut lines, panel.label(cell), (panel, cell));
                }
            }
        }
        lines
    }

    /// The panel with this between its operations.
    pub fn with(&self, between: Between) -> Option<&'s PanelSummary> {
        let mut panels = self.panels.iter().copied();
        panels.find(|panel| panel.entry.between == between)
    }

    /// The two targets whose order differs most between back-to-back and chained operations: the one that
    /// is faster back to back, and the one that is faster chained.
    pub fn turn_over(&self) -> Option<TurnOver<'s>> {
        let (loose, chained) = (self.with(Between::NONE)?, self.with(Between::Chained)?);
        let mut best: Option<(f64, TurnOver<'s>)> = None;
        for a in loose.ranking() {
            for b in loose.ranking() {
                let Some(turn) = TurnOver::of((loose, chained), a, b) else {
                    continue;
                };
                let size = turn.size();
                if best.as_ref().is_none_or(|(most, _)| size > *most) {
                    best = Some((size, turn));
                }
            }
        }
        best.map(|(_, turn)| turn)
    }
}

/// Two targets of which one is faster back to back and the other chained.
pub(crate) struct TurnOver<'s> {
    /// Back to back: the panel, the faster target, the other, and the ratio of their rates.
    pub loose: (&'s PanelSummary, &'s CellSummary, &'s CellSummary, Ratio),
    /// Chained: the same with the other target first.
    pub chained: (&'s PanelSummary, &'s CellSummary, &'s CellSummary, Ratio),
}

impl<'s> TurnOver<'s> {
    fn of(
        (loose, chained): (&'s PanelSummary, &'s PanelSummary),
        a: &'s CellSummary,
        b: &'s CellSummary,
    ) -> Option<TurnOver<'s>> {
        let same = |cell: &CellSummary| {
            chained
                .cells
                .iter()
                .find(|other| other.ranked() && other.is_target_of(cell))
        };
        let (later_a, later_b) = (same(a)?, same(b)?);
        Some(TurnOver {
            loose: (loose, a, b, faster(loose, a, b)?),
            chained: (
                chained,
                later_b,
                later_a,
                faster(chained, later_b, later_a)?,
            ),
        })
    }

    /// How far the order turns: the lesser of the two effects.
    fn size(&self) -> f64 {
        let effect = |ratio: &Ratio| ratio.interval.mid.ln();
        effect(&self.loose.3).min(effect(&self.chained.3))
    }
}

/// The ratio of two cells' rates, where the first is faster.
fn faster(panel: &PanelSummary, a: &CellSummary, b: &CellSummary) -> Option<Ratio> {
    let ratio = panel.ratio(a, b)?;
    let is = Verdict::on(&ratio, panel.noise_band) == Verdict::Is(Difference::Faster);
    is.then_some(ratio)
}

/// Where it stands in a series.
fn place(between: Between) -> u64 {
    match between {
        Between::Instructions(count) => u64::from(count),
        Between::Chained => u64::MAX,
    }
}

/// The panels that findings and rankings speak of: those that are chained, where there are any. Back to
/// back is for comparison with other benchmarks, and never stands alone.
pub(crate) fn spoken_of(summary: &Summary) -> impl Iterator<Item = &PanelSummary> + Clone {
    let is_chained = |panel: &&PanelSummary| panel.entry.between == Between::Chained;
    let any = summary.panels.iter().any(|panel| is_chained(&panel));
    summary
        .panels
        .iter()
        .filter(move |panel| !any || is_chained(panel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    fn run(kinds: &[(&str, [f64; 2])]) -> Summary {
        let mut run = Synthetic::new();
        for (_, [a, b]) in kinds {
            let cells = [
                Cell::new("fixed", 900.0),
                Cell::new("a", *a),
                Cell::new("b", *b),
            ];
            run = run.panel("w", 1, &cells);
        }
        let mut records = run.records();
        for (panel, (between, _)) in records.manifest.panels.iter_mut().zip(kinds) {
            panel.between = between.parse().unwrap();
        }
        Summary::of(&records)
    }

    #[test]
    fn a_series_needs_three_kinds_and_has_chained_last() {
        let even = [100.0, 100.0];
        assert!(Series::of(run(&[("none", even), ("chained", even)]).panels.iter()).is_empty());
        let summary = run(&[("chained", even), ("50", even), ("none", even)]);
        let series = Series::of(summary.panels.iter());
        let kinds: Vec<String> = series[0]
            .panels
            .iter()
            .map(|panel| panel.entry.between.to_string())
            .collect();
        assert_eq!(kinds, ["none", "50", "chained"]);
        assert_eq!(series[0].lines().len(), 3);
        assert!(series[0].turn_over().is_none());
    }

    #[test]
    fn a_turn_over_is_faster_on_either_side() {
        let summary = run(&[
            ("none", [100.0, 200.0]),
            ("50", [200.0, 200.0]),
            ("chained", [400.0, 300.0]),
        ]);
        let series = Series::of(summary.panels.iter());
        let turn = series[0].turn_over().unwrap();
        let name = |cell: &CellSummary| cell.entry.target.clone();
        assert_eq!(
            (name(turn.loose.1), name(turn.loose.2)),
            ("a".into(), "b".into())
        );
        assert_eq!(
            (name(turn.chained.1), name(turn.chained.2)),
            ("b".into(), "a".into())
        );
        assert!((turn.loose.3.interval.mid - 2.0).abs() < 0.1);
        assert!((turn.chained.3.interval.mid - 4.0 / 3.0).abs() < 0.1);
        assert_eq!(spoken_of(&summary).count(), 1);
        assert_eq!(spoken_of(&run(&[("none", [100.0, 90.0])])).count(), 1);
    }
}
