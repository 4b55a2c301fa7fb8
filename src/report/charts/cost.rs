//! What an operation costs without the harness, beside what memory takes.

use super::shape::Rule;
use crate::report::summary::{CellSummary, PanelSummary};
use crate::stats::Interval;

/// What one, two and three dependent loads take on memory of the tables' size.
pub(super) fn load_rules(panel: &PanelSummary) -> Vec<Rule> {
    let memory = panel.entry.memory.iter();
    let rules = memory.flat_map(|memory| {
        let ns = memory.dependent_load_ps as f64 / 1000.0;
        [
            (1.0, "1 dependent load"),
            (2.0, "2 loads"),
            (3.0, "3 loads"),
        ]
        .map(|(count, name)| Rule {
            at: ns * count,
            name: name.to_owned(),
        })
    });
    rules.collect()
}

/// What an operation takes beyond the harness, which runs the same work between operations.
pub(super) fn own_ns(panel: &PanelSummary, cell: &CellSummary) -> Option<Interval> {
    let floor = panel.harness.as_ref().map_or(0.0, |floor| floor.floor_ns);
    let threads = f64::from(panel.entry.threads);
    let rate = cell.rate?;
    // A rate's upper end is a time's lower one.
    let ns = |rate: f64| (threads * 1e9 / rate - floor).max(0.0);
    Some(Interval {
        low: ns(rate.high),
        mid: ns(rate.mid),
        high: ns(rate.low),
    })
}
