//! One workload with several things between its operations: what targets cost where a processor can
//! overlap lookups, and where it cannot.

use super::figures::gather;
use super::summary::{PanelSummary, Summary};
use super::turn_over::{Line, TurnOver, lines};
use crate::base::Between;

/// Kinds of work between operations from which on panels are a series.
const KINDS_OF_A_SERIES: usize = 3;

/// Panels that differ in nothing but what stands between two operations.
pub(crate) struct Series<'s> {
    /// Instructions rising, `chained` last.
    pub panels: Vec<&'s PanelSummary>,
}

impl<'s> Series<'s> {
    /// The series of panels that have at least three things between their operations.
    pub fn of(panels: impl Iterator<Item = &'s PanelSummary>) -> Vec<Series<'s>> {
        let mut groups: Vec<(_, Vec<&PanelSummary>)> = Vec::new();
        for panel in panels.filter(|panel| !panel.is_open_loop()) {
            let entry = &panel.entry;
            let size = (
                (entry.batch, entry.asked()),
                entry.entries,
                entry.threads,
                entry.pass,
            );
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
        lines(&self.panels)
    }

    /// The panel with this between its operations.
    pub fn with(&self, between: Between) -> Option<&'s PanelSummary> {
        let mut panels = self.panels.iter().copied();
        panels.find(|panel| panel.entry.between == between)
    }

    /// The two targets whose order differs most between back-to-back and chained operations: the one that is faster back
    /// to back, and the one that is faster chained. Where none do, the same of the number of instructions between at
    /// which most differs from chained: one that lets lookups of some tables overlap, and of others not.
    pub fn turn_over(&self) -> Option<TurnOver<'s>> {
        let (loose, chained) = (self.with(Between::NONE)?, self.with(Between::Chained)?);
        let spaced = || {
            let panels = self.panels.iter().copied();
            let spaced = panels.filter(|panel| panel.entry.between != Between::Chained);
            let turns = spaced.filter_map(|panel| TurnOver::between(panel, chained));
            turns.max_by(|a, b| a.size().total_cmp(&b.size()))
        };
        TurnOver::between(loose, chained).or_else(spaced)
    }
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
    use crate::analysis::summary::CellSummary;
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
            (name(turn.first.1), name(turn.first.2)),
            ("a".into(), "b".into())
        );
        assert_eq!(
            (name(turn.last.1), name(turn.last.2)),
            ("b".into(), "a".into())
        );
        assert!((turn.first.3.interval.mid - 2.0).abs() < 0.1);
        assert!((turn.last.3.interval.mid - 4.0 / 3.0).abs() < 0.1);
        assert_eq!(spoken_of(&summary).count(), 1);
        assert_eq!(spoken_of(&run(&[("none", [100.0, 90.0])])).count(), 1);
    }

    #[test]
    fn where_back_to_back_agrees_with_chained_numbers_between_are_looked_at() {
        let with = |first: [f64; 2]| {
            run(&[
                ("none", first),
                ("50", [200.0, 220.0]),
                ("100", [200.0, 260.0]),
                ("400", [380.0, 300.0]),
                ("chained", [400.0, 300.0]),
            ])
        };
        let between = |summary: &Summary| {
            let series = Series::of(summary.panels.iter());
            let turn = series[0].turn_over().unwrap();
            assert_eq!(turn.last.0.entry.between, Between::Chained);
            assert_eq!(turn.first.1.entry.target, "a");
            turn.first.0.entry.between.to_string()
        };
        assert_eq!(between(&with([180.0, 100.0])), "100");
        assert_eq!(between(&with([100.0, 120.0])), "none");
    }
}
