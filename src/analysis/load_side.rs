//! Whether it was the servers that were measured, or the side that puts load on them.

use super::format::listed;
use super::labels::place_of;
use super::summary::{CellSummary, PanelSummary, Summary};

/// The control of servers, which answers as soon as it has read.
const NULL_SERVER: &str = "null-server";

/// From this part of the control's rate on a server may be faster than its rate says.
const NEAR: f64 = 0.8;

/// Servers of a panel whose rate is near what the load side gets from a server that does nothing.
pub(crate) struct LoadSide<'s> {
    /// The panel.
    pub panel: &'s PanelSummary,
    /// Each server, and its rate as a part of the control's, the highest first.
    pub near: Vec<(&'s CellSummary, f64)>,
}

impl LoadSide<'_> {
    /// The panels in which the load side was the limit, or may have been.
    pub fn of(summary: &Summary) -> Vec<LoadSide<'_>> {
        let panels = summary.panels.iter().filter(|panel| !panel.is_open_loop());
        panels.filter_map(load_side).collect()
    }

    /// `The load side was the limit: start:memcached has 92 % of the rate of null-server, … (ycsb-c, 1 thread).`
    pub fn sentence(&self) -> String {
        let each: Vec<String> = self
            .near
            .iter()
            .map(|(cell, part)| format!("{} has {:.0} %", self.panel.label(cell), part * 100.0))
            .collect();
        format!(
            "The load side was the limit: {} of the rate of {NULL_SERVER}, which stores nothing ({}). A faster server \
             would not show there; give more --threads, or fewer requests at a time.",
            listed(&each),
            place_of(self.panel)
        )
    }
}

/// Only what is asked over TCP, as the control is, is held against it.
fn load_side(panel: &PanelSummary) -> Option<LoadSide<'_>> {
    let mut controls = panel.cells.iter();
    let control = controls.find(|cell| cell.entry.strategy == NULL_SERVER)?;
    let most = control.rate?.mid;
    let mut near: Vec<(&CellSummary, f64)> = panel
        .ranking()
        .into_iter()
        .filter(|cell| is_over_tcp(cell))
        .filter_map(|cell| Some((cell, cell.rate?.mid / most)))
        .filter(|(_, part)| *part > NEAR)
        .collect();
    near.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    (!near.is_empty()).then_some(LoadSide { panel, near })
}

fn is_over_tcp(cell: &CellSummary) -> bool {
    let target = cell.entry.target.as_str();
    let elsewhere = target.starts_with("parsed:")
        || target.starts_with("served-unix:")
        || target.contains(":///");
    cell.entry.server && !elsewhere
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn a_server_near_the_control_is_named() {
        let cells = [
            Cell::null_server(10_000.0),
            Cell::server("start:memcached", 11_000.0),
            Cell::server("start:redis-server", 20_000.0),
            Cell::server("parsed:striped", 500.0),
            Cell::new("striped", 100.0),
        ];
        let summary = Summary::of(&Synthetic::new().panel("w", 1, &cells).records());
        let found = LoadSide::of(&summary);
        assert_eq!(found.len(), 1);
        let text = found[0].sentence();
        let begin = "The load side was the limit: start:memcached has 9";
        assert!(text.starts_with(begin), "{text}");
        assert!(
            !text.contains("redis") && !text.contains("striped"),
            "{text}"
        );
        let far = Synthetic::new().panel("w", 1, &[cells[0].clone(), cells[2].clone()]);
        assert!(LoadSide::of(&Summary::of(&far.records())).is_empty());
    }
}
