//! Throughput by target: a bar from 0 for each cell, fastest first, one chart per workload.

use std::collections::BTreeSet;

use super::axis::{Axis, amount};
use super::palette::Style;
use super::shape::{Group, Piece, Row, Rows, Rule, Shape};
use super::suite::{Draft, Suite, extremes, floor_per_s, gather, numbers, positive, stem};
use crate::analysis::sweep;
use crate::report::format::{figure, figure_within, listed};
use crate::report::labels::{self, workload_among};
use crate::report::summary::{CellSummary, PanelSummary};

/// The harness floor is drawn where it is at most so many times the largest bar: further out it
/// would squeeze the bars, and stands in words instead.
const FLOOR_WITHIN: f64 = 1.6;

pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let mut groups = Vec::new();
    for &panel in &suite.panels {
        let workload = workload_among(&panel.entry, suite.panels.iter().copied());
        gather(&mut groups, workload, panel);
    }
    let chart = |(workload, panels): &(String, Vec<_>)| chart(suite.name, workload, panels);
    groups.iter().filter_map(chart).collect()
}

fn chart(suite: &str, workload: &str, panels: &[&PanelSummary]) -> Option<Draft> {
    let panels = &at_one_count(panels);
    let mut cells = cells(panels);
    // Fastest first; what has no figure comes last.
    let speed = |cell: &CellSummary| cell.rate.map_or(-1.0, |rate| rate.mid);
    cells.sort_by(|(_, a), (_, b)| speed(b).total_cmp(&speed(a)));
    let rates = cells.iter().filter_map(|(_, cell)| Some(cell.rate?.high));
    let (_, largest) = extremes(rates)?;
    let (rules, beyond, right) = floors(panels, largest);
    let group = Group {
        rows: cells.iter().map(|(panel, cell)| row(panel, cell)).collect(),
        ..Group::default()
    };
    let axis = Axis::from_zero(right, 6, "operations a second, over all threads");
    let threads = labels::threads(panels.first()?);
    Some(Draft {
        file: stem(&["throughput", suite, workload]),
        panels: numbers(panels.iter().copied()),
        title: format!(
            "How many operations a second does each table reach under {workload}? ({threads})"
        ),
        about: "Bars from 0, longer is faster: median operations a second over all threads; whiskers are 95 % \
                bootstrap intervals. The grey line is the harness floor, a table that does nothing."
            .to_owned(),
        shape: Shape::Rows(Rows {
            origin: Some(0.0),
            rules,
            beyond,
            ..Rows::new(axis, vec![group])
        }),
    })
}

/// The panels of one thread count: the most threads that have a core each, or the fewest. What others add is the
/// question of a chart of its own.
fn at_one_count<'s>(panels: &[&'s PanelSummary]) -> Vec<&'s PanelSummary> {
    let count = |panel: &&&PanelSummary| panel.entry.threads;
    let uncrowded = panels.iter().filter(|panel| panel.crowded_on().is_none());
    let most = uncrowded.map(|panel| count(&panel)).max();
    let shown = most.or_else(|| panels.iter().map(|panel| count(&panel)).min());
    let panels = panels.iter().copied();
    panels
        .filter(|panel| Some(panel.entry.threads) == shown)
        .collect()
}

/// The ranked cells, in the order of the manifest. Of a sweep only the baseline is here: sweeps have a
/// chart of their own.
fn cells<'s>(panels: &[&'s PanelSummary]) -> Vec<(&'s PanelSummary, &'s CellSummary)> {
    let mut cells = Vec::new();
    // A panel that is too large for the memory is split, and the baseline is in each part.
    let mut seen = BTreeSet::new();
    for &panel in panels {
        let sweeps = sweep::sweeps(panel);
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            let is_baseline = cell.entry.cell_id == panel.entry.baseline;
            if !is_baseline && sweeps.iter().any(|sweep| sweep.has(cell)) {
                continue;
            }
            let measured = cell.rate.is_some() || cell.error.is_some();
            if measured && seen.insert(&cell.entry.cell_id) {
                cells.push((panel, cell));
            }
        }
    }
    cells
}

/// The harness floors that have room, what is said of those that have none, and where the axis ends.
fn floors(panels: &[&PanelSummary], largest: f64) -> (Vec<Rule>, String, f64) {
    let mut floors: Vec<(f64, String)> = panels
        .iter()
        .filter_map(|panel| {
            let (rate, threads) = (floor_per_s(panel)?, labels::threads(panel));
            Some((rate, format!("{}/s with {threads}", amount(rate))))
        })
        .collect();
    floors.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let shown = |(rate, _): &(f64, String)| *rate <= FLOOR_WITHIN * largest;
    let (near, far): (Vec<_>, Vec<_>) = floors.into_iter().partition(shown);
    let right = near.iter().map(|(rate, _)| *rate).fold(largest, f64::max);
    let rule = |(at, name)| Rule {
        at,
        name: format!("harness floor {name}"),
    };
    let names: Vec<String> = far.into_iter().map(|(_, name)| name).collect();
    let beyond = if names.is_empty() {
        String::new()
    } else {
        format!("harness floor, off the scale: {} →", listed(&names))
    };
    (near.into_iter().map(rule).collect(), beyond, right)
}

fn row(panel: &PanelSummary, cell: &CellSummary) -> Row {
    let threads = labels::threads(panel);
    let name = panel.label(cell);
    if let Some(error) = &cell.error {
        return Row::failed(name.clone(), &name, error);
    }
    let Some(rate) = cell.rate.filter(|rate| positive(rate.mid).is_some()) else {
        return Row::without_figure(name, "no figure");
    };
    let style = Style::of(cell);
    let per_op = cell.ns_per_op.map_or(String::new(), |ns| {
        format!("; {} ns an operation", figure(ns.mid))
    });
    Row {
        pieces: vec![Piece {
            from: 0.0,
            to: rate.mid,
            fill: Some(style.fill()),
            hover: String::new(),
        }],
        interval: Some((rate.low, rate.high)),
        value: format!("{}/s", amount(rate.mid)),
        hover: format!(
            "{name}, {threads}: {} M operations a second{per_op}",
            figure_within(&rate.map(|rate| rate / 1e6)),
        ),
        label: name,
        sample: Some(style),
        ..Row::default()
    }
}
