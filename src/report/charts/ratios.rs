//! Paired ratios: each cell's rate over its baseline's, with the A/A band of its panel.

use super::axis::Axis;
use super::palette::Style;
use super::shape::{Group, Row, Rows, Shape};
use super::suite::{Draft, Suite, extremes, numbers, positive, stem};
use crate::report::format::{changes, noise, times, times_within};
use crate::report::labels::Shared;
use crate::report::labels::place_of;
use crate::report::rates::Ratio;
use crate::report::summary::{CellSummary, PanelSummary, Verdict};

/// Rows from which on a suite's panels are spread over several charts.
const MOST_ROWS: usize = 60;

pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let mut parts: Vec<Vec<&PanelSummary>> = Vec::new();
    let mut rows_in_last = usize::MAX;
    for &panel in &suite.panels {
        let rows = rows_of(panel).count();
        if rows == 0 {
            continue;
        }
        if parts.is_empty() || rows_in_last + rows > MOST_ROWS {
            parts.push(Vec::new());
            rows_in_last = 0;
        }
        rows_in_last += rows;
        if let Some(part) = parts.last_mut() {
            part.push(panel);
        }
    }
    let count = parts.len();
    let part = |(at, panels): (usize, &Vec<&PanelSummary>)| {
        let part = if count > 1 {
            format!(" ({} of {count})", at + 1)
        } else {
            String::new()
        };
        chart(suite.name, panels, &part)
    };
    parts.iter().enumerate().filter_map(part).collect()
}

/// The cells of a panel that have a row: compared with the baseline, or failed.
fn rows_of(panel: &PanelSummary) -> impl Iterator<Item = &CellSummary> {
    panel
        .cells
        .iter()
        .filter(|cell| cell.ranked() && (ratio_of(cell).is_some() || cell.error.is_some()))
}

fn ratio_of(cell: &CellSummary) -> Option<Ratio> {
    cell.ratio.filter(|ratio| {
        positive(ratio.interval.low).is_some() && positive(ratio.interval.high).is_some()
    })
}

fn chart(suite: &str, panels: &[&PanelSummary], part: &str) -> Option<Draft> {
    let cells = || panels.iter().flat_map(|panel| rows_of(panel));
    let mut ends: Vec<f64> = cells()
        .filter_map(ratio_of)
        .flat_map(|ratio| [ratio.interval.low, ratio.interval.high])
        .collect();
    if ends.is_empty() {
        return None;
    }
    let edges = panels.iter().map(|panel| panel.noise_band.exp());
    ends.extend(edges.flat_map(|edge| [1.0, edge, 1.0 / edge]));
    let (low, high) = extremes(ends)?;
    let baselines: Vec<&str> = panels
        .iter()
        .filter_map(|panel| Some(panel.baseline()?.entry.target.as_str()))
        .collect();
    let same = baselines.windows(2).all(|pair| pair[0] == pair[1]);
    let baseline = baselines
        .first()
        .filter(|_| same)
        .copied()
        .unwrap_or("its panel's baseline");
    let shared = Shared::of(panels.iter().copied());
    let all_with = shared
        .in_words()
        .map_or_else(String::new, |params| format!(" All targets have {params}."));
    let groups = panels.iter().map(|panel| group(panel, &shared));
    let axis = Axis::log(low, high, 12, "rate over the baseline's, times");
    Some(Draft {
        file: stem(&["ratios", suite]),
        panels: numbers(panels.iter().copied()),
        title: format!("Which targets are really faster or slower than {baseline}?{part}"),
        about: format!(
            "Each target's rate over that of {baseline}, paired slice by slice, with its 95 % bootstrap interval; right \
             of 1 is faster; the scale is logarithmic. The grey band is the A/A noise, the same table measured twice: \
             what lies inside it is the same, what only touches it is not told apart.{all_with}"
        ),
        shape: Shape::Rows(Rows {
            origin: Some(1.0),
            ..Rows::new(axis, groups.collect())
        }),
    })
}

fn group(panel: &PanelSummary, shared: &Shared) -> Group {
    // Fastest first; what failed comes last.
    let mut cells: Vec<&CellSummary> = rows_of(panel).collect();
    let mid = |cell: &CellSummary| ratio_of(cell).map_or(-1.0, |ratio| ratio.interval.mid);
    cells.sort_by(|a, b| mid(b).total_cmp(&mid(a)));
    let rows = cells.into_iter().map(|cell| row(panel, cell, shared));
    Group {
        heading: place_of(panel),
        band: band(panel),
        rows: rows.collect(),
    }
}

/// The A/A band. A panel without a twin is held against the worst band of the others.
fn band(panel: &PanelSummary) -> Option<(f64, f64, String)> {
    let edge = positive(panel.noise_band.exp()).filter(|edge| *edge > 1.0)?;
    let whose = if panel.noise_floor.is_some() {
        ""
    } else {
        ", from the noisiest other panel"
    };
    let hover = format!("A/A noise ±{}{whose}", noise(panel.noise_band));
    Some((1.0 / edge, edge, hover))
}

fn row(panel: &PanelSummary, cell: &CellSummary, shared: &Shared) -> Row {
    let full = panel.label(cell);
    let label = shared.without(&full);
    let Some(ratio) = ratio_of(cell).filter(|_| cell.error.is_none()) else {
        let why = cell.error.as_deref().unwrap_or("no figures");
        return Row::failed(label, &full, why);
    };
    let within = ratio.interval;
    let words = match cell.verdict {
        Verdict::Is(difference) => difference.words(panel.noise()),
        _ => "undecided".to_owned(),
    };
    Row {
        label,
        interval: Some((within.low, within.high)),
        point: Some((within.mid, Style::of(cell))),
        value: times(within.mid),
        word: words.clone(),
        hover: format!(
            "{full}: {} of the baseline's rate ({}), {} pairs: {}",
            times_within(&within),
            changes(within.low, within.high),
            ratio.pairs,
            words
        ),
        ..Row::default()
    }
}
