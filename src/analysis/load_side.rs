//! Whether it was the servers that were measured, or the side that puts load on them.

use super::figures::gather;
use super::format::listed;
use super::labels::place_of;
use super::summary::{CellSummary, PanelSummary, Summary};

/// The control of servers, which answers as soon as it has read.
const NULL_SERVER: &str = "null-server";

/// From this part of the control's rate on a server may be faster than its rate says.
const NEAR: f64 = 0.8;

/// Servers whose rate is near what the load side gets from a server that does nothing.
pub(crate) struct LoadSide<'s> {
    /// Each target by its label, with its rate as a part of the control's in each panel where it is near.
    near: Vec<(String, Vec<(&'s PanelSummary, f64)>)>,
    /// Panels that have the control.
    of: usize,
}

impl<'s> LoadSide<'s> {
    /// What of a run was limited by the load side, or may have been; `None` where nothing was.
    pub fn of(summary: &'s Summary) -> Option<LoadSide<'s>> {
        let mut near = Vec::new();
        let mut of = 0;
        for panel in summary.panels.iter().filter(|panel| !panel.is_open_loop()) {
            let Some(most) = control_rate(panel) else {
                continue;
            };
            of += 1;
            for cell in panel.ranking().into_iter().filter(|cell| is_over_tcp(cell)) {
                let part = cell.rate.map_or(0.0, |rate| rate.mid / most);
                if part > NEAR {
                    gather(&mut near, panel.label(cell), (panel, part));
                }
            }
        }
        (!near.is_empty()).then_some(LoadSide { near, of })
    }

    /// `The load side was the limit: start:memcached has 92 % of the rate of null-server under …`.
    pub fn sentence(&self) -> String {
        let each: Vec<String> = self.near.iter().map(|one| self.of_target(one)).collect();
        format!(
            "The load side was the limit: of the rate of {NULL_SERVER}, which stores nothing, {}. What is left is the \
             client and the kernel, and a faster server would not show; more --threads, --connections or --depth ask \
             more of it.",
            listed(&each)
        )
    }

    /// `start:memcached has 92 % (ycsb-c, 1 thread, chained)`, or in how many panels.
    fn of_target(&self, (label, near): &(String, Vec<(&PanelSummary, f64)>)) -> String {
        let percent = |part: f64| format!("{:.0}", part * 100.0);
        let parts = near.iter().map(|(_, part)| *part);
        let least = percent(parts.clone().fold(f64::INFINITY, f64::min));
        let most = percent(parts.fold(0.0, f64::max));
        let range = if least == most {
            most
        } else {
            format!("{least} to {most}")
        };
        match near.as_slice() {
            [(panel, _)] => format!("{label} has {range} % ({})", place_of(panel)),
            several => format!(
                "{label} has {range} % in {} of {} panels",
                several.len(),
                self.of
            ),
        }
    }
}

/// The rate of the control of servers.
fn control_rate(panel: &PanelSummary) -> Option<f64> {
    let mut controls = panel.cells.iter();
    let control = controls.find(|cell| cell.entry.strategy == NULL_SERVER)?;
    Some(control.rate?.mid)
}

/// Only what is asked over TCP, as the control is, is held against it.
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
        let text = LoadSide::of(&summary).unwrap().sentence();
        let begin = "The load side was the limit: of the rate of null-server, which stores nothing, start:memcached has 9";
        assert!(text.starts_with(begin), "{text}");
        assert!(
            text.contains(" % (w, 100000 entries, 1 thread, chained). What is left"),
            "{text}"
        );
        assert!(
            !text.contains("redis") && !text.contains("striped"),
            "{text}"
        );
        let twice = Synthetic::new().panel("w", 1, &cells).panel("v", 1, &cells);
        let text = LoadSide::of(&Summary::of(&twice.records()))
            .unwrap()
            .sentence();
        assert!(text.contains(" % in 2 of 2 panels"), "{text}");
        let far = Synthetic::new().panel("w", 1, &[cells[0].clone(), cells[2].clone()]);
        assert!(LoadSide::of(&Summary::of(&far.records())).is_none());
    }
}
