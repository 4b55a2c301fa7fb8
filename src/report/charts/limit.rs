//! The highest rate of each target that keeps a limit on its response times.

use super::axis::{Axis, amount};
use super::palette::Style;
use super::shape::{Group, Row, Rows, Shape};
use super::suite::{Draft, Suite, extremes, stem};
use crate::record::SloRow;
use crate::report::labels::place_of;
use crate::report::latency::{one_sided, time};
use crate::report::summary::{CellSummary, PanelSummary, Summary};

/// The searches of a panel, highest rate first.
struct Searched<'s> {
    panel: &'s PanelSummary,
    rows: Vec<(&'s CellSummary, &'s SloRow)>,
}

impl<'s> Searched<'s> {
    fn of(summary: &'s Summary, panel: &'s PanelSummary) -> Searched<'s> {
        let rows = summary.searches(panel.entry.panel);
        let mut rows: Vec<_> = rows
            .filter_map(|row| {
                let mut cells = panel.cells.iter();
                let cell = cells.find(|cell| cell.entry.cell_id == row.cell_id && cell.ranked());
                Some((cell?, row))
            })
            .collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.kept_per_s));
        Searched { panel, rows }
    }
}

pub(super) fn chart(suite: &Suite<'_>, summary: &Summary) -> Option<Draft> {
    let panels = suite.panels.iter();
    let searched: Vec<Searched<'_>> = panels
        .map(|&panel| Searched::of(summary, panel))
        .filter(|searched| !searched.rows.is_empty())
        .collect();
    let rows = || searched.iter().flat_map(|searched| &searched.rows);
    let rates = rows().flat_map(|(_, row)| [row.kept_per_s, row.broken_per_s]);
    let (low, high) = extremes(rates.flatten().map(|rate| rate as f64))?;
    let (_, first) = rows().next()?;
    let limit = format!("{} within {}", first.percentile, time(first.limit_ns));
    let group = |searched: &Searched<'_>| Group {
        heading: place_of(searched.panel),
        rows: searched
            .rows
            .iter()
            .map(|(cell, found)| row(searched.panel, cell, found))
            .collect(),
        ..Group::default()
    };
    // Of one target the two lie so close together that a scale of their own would have no ticks.
    let middle = (low * high).sqrt();
    let (low, high) = (low.min(middle / 2.0), high.max(2.0 * middle));
    let axis = Axis::log(low, high, 8, "operations a second, over all threads");
    Some(Draft {
        file: stem(&["limit", suite.name]),
        panels: searched.iter().map(|of| of.panel.entry.panel).collect(),
        title: format!("Up to which rate does each target keep {limit}?"),
        about: "Open loop; right is better, the scale is logarithmic. The point is the highest \
                rate of a search at which response times kept the limit twice. The line runs to \
                the lowest rate above it at which the target broke the limit or fell behind."
            .to_owned(),
        shape: Shape::Rows(Rows::new(axis, searched.iter().map(group).collect())),
    })
}

fn row(panel: &PanelSummary, cell: &CellSummary, found: &SloRow) -> Row {
    let label = panel.label(cell);
    let Some(kept) = found.kept_per_s.filter(|&rate| rate > 0) else {
        return Row::without_figure(label, one_sided(found));
    };
    let value = format!("{}/s", amount(kept as f64));
    let there = |at: Option<u64>| at.map_or_else(String::new, |ns| format!(" ({})", time(ns)));
    let then = found.broken_per_s.map_or_else(
        || one_sided(found).to_owned(),
        |rate| {
            let rate = amount(rate as f64);
            format!("broken at {rate}/s{}", there(found.broken_ns))
        },
    );
    let (kept, broken) = (kept as f64, found.broken_per_s.unwrap_or(kept) as f64);
    Row {
        interval: Some((kept, broken)),
        point: Some((kept, Style::of(&cell.entry))),
        hover: format!("{label}: kept at {value}{}; {then}", there(found.kept_ns)),
        label,
        value,
        ..Row::default()
    }
}
