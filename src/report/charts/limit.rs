//! The highest rate of each target that keeps a limit on its response times.

use super::axis::{Axis, amount};
use super::palette::Style;
use super::shape::{Group, Row, Rows, Shape};
use super::suite::{Draft, Suite, extremes, stem};
use crate::analysis::Searched;
use crate::base::whole;
use crate::report::format::duration;
use crate::report::labels::place_of;
use crate::report::latency::{rate, time};
use crate::report::summary::{CellSummary, PanelSummary, Summary};

/// The searches of a panel, highest rate first.
struct Searches<'s> {
    panel: &'s PanelSummary,
    rows: Vec<(&'s CellSummary, &'s Searched)>,
}

impl<'s> Searches<'s> {
    fn of(summary: &'s Summary, panel: &'s PanelSummary) -> Searches<'s> {
        let rows = summary.searches(panel.entry.panel);
        let mut rows: Vec<_> = rows
            .filter_map(|row| {
                let mut cells = panel.cells.iter();
                let cell = cells.find(|cell| cell.entry.cell_id == row.cell_id && cell.ranked());
                Some((cell?, row))
            })
            .collect();
        rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.rank()));
        Searches { panel, rows }
    }
}

pub(super) fn chart(suite: &Suite<'_>, summary: &Summary) -> Option<Draft> {
    let panels = suite.panels.iter();
    let searched: Vec<Searches<'_>> = panels
        .map(|&panel| Searches::of(summary, panel))
        .filter(|searched| !searched.rows.is_empty())
        .collect();
    let rows = || searched.iter().flat_map(|searched| &searched.rows);
    let rates = rows().flat_map(|(_, row)| {
        let kept = row.kept_per_s;
        let ends = [kept.map(|kept| kept.low), kept.map(|kept| kept.high)];
        ends.into_iter().chain([row.broken_per_s])
    });
    let (low, high) = extremes(rates.flatten())?;
    let (_, first) = rows().next()?;
    let limit = format!("{} within {}", first.percentile, time(first.limit_ns));
    let group = |searched: &Searches<'_>| Group {
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
                rate of a search at which response times kept the limit twice, the median over births; \
                the line goes from the least to the most of the births, and of fewer than three there is none. \
                Where the floor broke the limit too, the machine leaves what is beyond undecided."
            .to_owned(),
        shape: Shape::Rows(Rows::new(axis, searched.iter().map(group).collect())),
    })
}

fn row(panel: &PanelSummary, cell: &CellSummary, found: &Searched) -> Row {
    let label = panel.label(cell);
    let kept = found.kept_per_s.filter(|kept| kept.low > 0.0);
    let (Some(kept), Some(words)) = (kept, found.kept_in_words()) else {
        return Row::without_figure(label, &found.one_sided());
    };
    let value = format!("{}/s", amount(kept.mid));
    let there = |ns: Option<f64>| ns.map_or_else(String::new, |ns| format!(" ({})", duration(ns)));
    let mut then: Vec<String> = Vec::new();
    if let Some(broken) = found.broken_per_s {
        let broken = rate(whole(broken));
        then.push(format!("broken at {broken}/s{}", there(found.broken_ns)));
    }
    then.extend(Some(found.one_sided()).filter(|words| !words.is_empty()));
    Row {
        interval: Some((kept.low, kept.high)),
        point: Some((kept.mid, Style::of(cell))),
        hover: format!(
            "{label}: kept at {words}/s{}; {}",
            there(found.kept_ns),
            then.join("; ")
        ),
        label,
        value,
        ..Row::default()
    }
}
