//! One workload with several shares of lookups for keys that were never stored.

use super::figures::gather;
use super::summary::PanelSummary;
use super::turn_over::{Line, TurnOver, lines};

/// Shares from which on panels are a series.
const SHARES_OF_A_SERIES: usize = 3;

/// Panels that differ in nothing but their share of absent keys.
pub(crate) struct Series<'s> {
    /// The share rising.
    pub panels: Vec<&'s PanelSummary>,
}

impl<'s> Series<'s> {
    /// The series of panels that have at least three shares of absent keys.
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
                panel.workload_without_absent(),
                entry.suite.as_str(),
                entry.corpus.as_str(),
                size,
                (entry.between, entry.budget),
            );
            gather(&mut groups, key, panel);
        }
        let mut all = Vec::new();
        for (_, mut panels) in groups {
            panels.sort_by_key(|panel| (panel.entry.absent, panel.entry.panel));
            let mut shares: Vec<_> = panels.iter().map(|p| p.entry.absent).collect();
            shares.dedup();
            if shares.len() >= SHARES_OF_A_SERIES {
                all.push(Series { panels });
            }
        }
        all
    }

    /// The targets, each over its panels.
    pub fn lines(&self) -> Vec<Line<'s>> {
        lines(&self.panels)
    }

    /// The panels with the smallest and the largest share.
    pub fn ends(&self) -> [&'s PanelSummary; 2] {
        [self.panels[0], self.panels[self.panels.len() - 1]]
    }

    /// The two targets whose order differs most between the smallest and the largest share.
    pub fn turn_over(&self) -> Option<TurnOver<'s>> {
        let [first, last] = self.ends();
        TurnOver::between(first, last)
    }

    /// What each target's operation takes with the largest share, as a part of what it takes with the smallest:
    /// the targets with figures at both, the least part first.
    pub fn parts(&self) -> Vec<(String, f64)> {
        let [first, last] = self.ends().map(|panel| panel.entry.panel);
        let mut parts: Vec<(String, f64)> = Vec::new();
        for (label, points) in self.lines() {
            let ns = |number| {
                let (_, cell) = points.iter().find(|(p, _)| p.entry.panel == number)?;
                cell.ns_per_op.as_ref().map(|ns| ns.mid)
            };
            if let (Some(before), Some(after)) = (ns(first), ns(last)) {
                parts.push((label, after / before));
            }
        }
        parts.sort_by(|a, b| a.1.total_cmp(&b.1));
        parts
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::record::Records;

    /// A run of `w` with these shares of absent keys, and the nanoseconds of targets `a` and `b`.
    pub(crate) fn run(shares: &[(&str, [f64; 2])]) -> Records {
        let mut run = Synthetic::new();
        for (_, [a, b]) in shares {
            let cells = [
                Cell::new("fixed", 900.0),
                Cell::new("a", *a),
                Cell::new("b", *b),
            ];
            run = run.panel("w", 1, &cells);
        }
        let mut records = run.records();
        for (panel, (absent, _)) in records.manifest.panels.iter_mut().zip(shares) {
            panel.absent = absent.parse().unwrap();
            if !panel.absent.is_zero() {
                panel.workload += &crate::workload::absent_suffix(panel.absent);
            }
        }
        records
    }

    #[test]
    fn a_series_needs_three_shares_and_has_them_rising() {
        let even = [100.0, 100.0];
        let summary = Summary::of(&run(&[("0%", even), ("50%", even)]));
        assert!(Series::of(summary.panels.iter()).is_empty());
        let summary = Summary::of(&run(&[("100%", even), ("0%", even), ("50%", even)]));
        let series = Series::of(summary.panels.iter());
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].panels[1].workload_without_absent(), "w");
        let shares: Vec<u32> = series[0]
            .panels
            .iter()
            .map(|panel| panel.entry.absent.get())
            .collect();
        assert_eq!(shares, [0, 50, 100]);
        assert_eq!(series[0].lines().len(), 3);
        assert!(series[0].turn_over().is_none());
    }

    #[test]
    fn targets_change_places_and_have_parts_of_their_time() {
        let shares = [
            ("0%", [100.0, 200.0]),
            ("50%", [150.0, 150.0]),
            ("100%", [200.0, 100.0]),
        ];
        let summary = Summary::of(&run(&shares));
        let series = Series::of(summary.panels.iter());
        let turn = series[0].turn_over().unwrap();
        assert_eq!(turn.first.1.entry.target, "a");
        assert_eq!(turn.last.1.entry.target, "b");
        let parts = series[0].parts();
        let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "fixed", "a"]);
        assert!((parts[0].1 - 0.5).abs() < 0.05 && (parts[2].1 - 2.0).abs() < 0.1);
    }
}
