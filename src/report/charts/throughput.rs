//! Throughput by strategy and threads: a bar from 0 for each cell, one chart per workload.

use std::collections::BTreeSet;

use plotters::style::Color;

use super::axis::{Axis, amount};
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel, text_width};
use super::palette::{Style, Tone};
use super::{Chart, Suite, buckets, gather, positive, stem};
use crate::report::format::{counted, figure, figure_within, listed};
use crate::report::labels::workload_among;
use crate::report::summary::{CellSummary, PanelSummary};

const BAR: i32 = 15;
const ROW: i32 = 19;
const BETWEEN_TARGETS: i32 = 9;
/// The harness floor is drawn where it is at most so many times the largest bar: further out it
/// would squeeze the bars, and is told in words.
const FLOOR_WITHIN: f64 = 1.6;

/// A target under one or more thread counts.
struct Target<'s> {
    label: String,
    rows: Vec<(&'s PanelSummary, &'s CellSummary)>,
}

pub(super) fn charts(suite: &Suite<'_>, charts: &mut Vec<Chart>) {
    let mut groups: Vec<(String, Vec<&PanelSummary>)> = Vec::new();
    for &panel in &suite.panels {
        let workload = workload_among(&panel.entry, suite.panels.iter().copied());
        gather(&mut groups, workload, panel);
    }
    for (workload, panels) in groups {
        charts.extend(chart(suite.name, &workload, &panels));
    }
}

fn chart(suite: &str, workload: &str, panels: &[&PanelSummary]) -> Option<Chart> {
    let targets = targets(panels);
    let rates = targets.iter().flat_map(|target| &target.rows);
    let largest = rates
        .filter_map(|(_, cell)| positive(cell.rate?.high))
        .fold(0.0, f64::max);
    positive(largest)?;
    let threads = panels.iter().any(|panel| panel.entry.threads > 1);
    let title = if threads {
        format!(
            "How many operations a second does each strategy do under {workload}, and what do more threads add?"
        )
    } else {
        format!("How many operations a second does each strategy do under {workload}?")
    };
    let rows: usize = targets.iter().map(|target| target.rows.len()).sum();
    let height =
        ROW * i32::try_from(rows).ok()? + BETWEEN_TARGETS * i32::try_from(targets.len()).ok()?;
    let svg = canvas::draw(&title, height + 84, |canvas| {
        paint(canvas, panels, &targets, largest, height)
    })?;
    Some(Chart {
        file: stem(&["throughput", suite, workload]),
        suite: suite.to_owned(),
        panels: panels.iter().map(|panel| panel.entry.panel).collect(),
        title,
        about: "Bars from 0, longer is faster: median operations a second over all threads; whiskers are 95 % \
                bootstrap intervals. The grey line is the harness floor, a table that does nothing."
            .to_owned(),
        svg,
    })
}

/// The ranked cells by target, in the order of the manifest. Of a sweep only the baseline is here:
/// sweeps have a chart of their own.
fn targets<'s>(panels: &[&'s PanelSummary]) -> Vec<Target<'s>> {
    let mut groups = Vec::new();
    // A panel that is too large for the memory is split, and the baseline is in each part.
    let mut seen = BTreeSet::new();
    for &panel in panels {
        let sweeps = buckets::sweeps(panel);
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            let is_baseline = cell.entry.cell_id == panel.entry.baseline;
            if !is_baseline && sweeps.iter().any(|sweep| sweep.has(cell)) {
                continue;
            }
            let measured = cell.rate.is_some() || cell.error.is_some();
            if measured && seen.insert(&cell.entry.cell_id) {
                gather(&mut groups, panel.label(cell), (panel, cell));
            }
        }
    }
    groups
        .into_iter()
        .map(|(label, rows)| Target { label, rows })
        .collect()
}

fn paint(
    canvas: &mut Canvas<'_>,
    panels: &[&PanelSummary],
    targets: &[Target<'_>],
    largest: f64,
    height: i32,
) -> Drawn {
    let mut floors: Vec<(u32, f64)> = panels
        .iter()
        .filter_map(|panel| {
            let floor = panel.harness.as_ref()?;
            let rate = positive(f64::from(panel.entry.threads) * 1e9 / floor.floor_ns)?;
            Some((panel.entry.threads, rate))
        })
        .collect();
    floors.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let shown = |rate: f64| rate <= FLOOR_WITHIN * largest;
    let right = floors
        .iter()
        .map(|(_, rate)| *rate)
        .filter(|&rate| shown(rate));
    let right = right.fold(largest, f64::max);
    let widest = targets.iter().map(|target| text_width(&target.label)).max();
    let left = widest.unwrap_or(0).clamp(60, 260) + 24 + 66;
    let frame = Frame {
        left,
        top: 24,
        width: WIDTH - left - 120,
        height,
    };
    let x = Axis::from_zero(right, 6, "operations a second, over all threads");
    let plot = canvas.plot(frame, &x, &Axis::bare(0.0, 1.0))?;
    let at = |rate: f64| pixel(&plot, (x.within(rate), 0.0)).0;
    let (mut off_scale, mut free) = (Vec::new(), 0);
    for (threads, rate) in &floors {
        let name = format!(
            "{}/s with {}",
            amount(*rate),
            counted(u64::from(*threads), "thread")
        );
        if !shown(*rate) {
            off_scale.push(name);
            continue;
        }
        let (place, bottom) = (at(*rate), frame.top + height);
        let name = format!("harness floor {name}");
        canvas.line(&[(place, 18), (place, bottom)], Tone::Muted.colour(), 1)?;
        // Beside each other where the lines are close.
        let half = text_width(&name) / 2;
        let middle = (place - half).max(free) + half;
        free = middle + half + 8;
        canvas.text(&name, (middle, 9), Align::Centre, Tone::Muted)?;
        canvas.hover((place - 4, 0), (place + 4, bottom), &name);
    }
    if !off_scale.is_empty() {
        let text = format!("harness floor, off the scale: {} →", listed(&off_scale));
        canvas.text(&text, (WIDTH - 8, 9), Align::Right, Tone::Muted)?;
    }
    let mut y = frame.top + BETWEEN_TARGETS / 2;
    for target in targets {
        let rows = i32::try_from(target.rows.len()).unwrap_or(1);
        let middle = y + rows * ROW / 2;
        let label = clip(&target.label, 260);
        canvas.text(&label, (left - 76, middle), Align::Right, Tone::Ink)?;
        for (panel, cell) in &target.rows {
            let threads = counted(u64::from(panel.entry.threads), "thread");
            canvas.text(&threads, (left - 6, y + ROW / 2), Align::Right, Tone::Muted)?;
            row(canvas, (panel, cell), &at, y)?;
            y += ROW;
        }
        y += BETWEEN_TARGETS;
    }
    canvas.line(
        &[(left, frame.top), (left, frame.top + height)],
        Tone::Ink.colour(),
        1,
    )
}

fn row(
    canvas: &mut Canvas<'_>,
    (panel, cell): (&PanelSummary, &CellSummary),
    at: &impl Fn(f64) -> i32,
    top: i32,
) -> Drawn {
    let (zero, middle) = (at(0.0), top + ROW / 2);
    let label = panel.label(cell);
    if let Some(error) = &cell.error {
        return canvas.failure(&label, error, (zero, WIDTH), (top, top + ROW));
    }
    let Some(rate) = cell.rate.filter(|rate| positive(rate.mid).is_some()) else {
        return canvas.text("no figure", (zero + 8, middle), Align::Left, Tone::Muted);
    };
    let end = at(rate.mid);
    let style = Style::of(&cell.entry);
    let bar = (middle - BAR / 2, middle + BAR / 2);
    canvas.rectangle((zero, bar.0), (end, bar.1), style.fill().filled())?;
    canvas.interval_on_bar((at(rate.low), at(rate.high)), middle)?;
    let value = format!("{}/s", amount(rate.mid));
    let after = at(rate.high).max(end) + 8;
    canvas.text(&value, (after, middle), Align::Left, Tone::Ink)?;
    let per_op = cell.ns_per_op.map_or(String::new(), |ns| {
        format!("; {} ns an operation", figure(ns.mid))
    });
    let text = format!(
        "{label}, {}: {} M operations a second{per_op}",
        counted(u64::from(panel.entry.threads), "thread"),
        figure_within(&rate.map(|rate| rate / 1e6)),
    );
    canvas.hover((zero, top), (WIDTH, top + ROW), &text);
    Ok(())
}
