//! Operations over time while the set of keys changes, with the resizes that fell into it.

use std::collections::BTreeMap;

use super::axis::{Axis, amount};
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel};
use super::palette::{Style, Tone};
use super::passes::{
    Clock, Resize, bands, last_attempts, marks_of, median_trial, name_bands, resizes, span, unit_of,
};
use super::{Chart, Suite, positive, stem, workload_of};
use crate::record::{MarkRow, Records, SliceKind, SliceRow};
use crate::report::format::{counted, figure};
use crate::report::summary::{CellSummary, PanelSummary};

const COLUMNS: u8 = 2;
const ROW: i32 = 186;
/// Small plots in a chart.
const MOST_CELLS: usize = 12;
/// From this ratio of the extremes on the rates are on a logarithmic scale.
const LOG_FROM: f64 = 10.0;

/// What of a pass is drawn.
#[derive(Clone, Copy, PartialEq)]
enum Figure {
    /// Operations a second.
    Rate,
    /// The longest operation of each slice, in milliseconds.
    Longest,
    /// Growth of resident memory, in MiB.
    Memory,
}

impl Figure {
    fn axis_name(self) -> &'static str {
        match self {
            Figure::Rate => "operations/s",
            Figure::Longest => "longest op, ms",
            Figure::Memory => "RSS growth, MiB",
        }
    }

    fn title(self, workload: &str, threads: &str) -> String {
        match self {
            Figure::Rate => format!(
                "How does the rate move during {workload}, and what do resizes cost? ({threads})"
            ),
            Figure::Longest => {
                format!("How long does one operation take at most during {workload}? ({threads})")
            }
            Figure::Memory => format!("How does memory grow during {workload}? ({threads})"),
        }
    }

    /// What a step is, for the caption.
    fn about(self, scale: &str) -> String {
        let ordinate = match self {
            Figure::Rate => format!("Rates are on one scale, {scale}."),
            Figure::Longest => format!(
                "Shown is its longest operation, wall time less the thread's run-queue delay; one scale, {scale}."
            ),
            Figure::Memory => format!(
                "Shown is the growth of the process's resident memory at its end, for which only the first trial of a \
                 process will do; one scale, {scale}."
            ),
        };
        format!(
            "Each step is a slice with the same number of operations; time runs over the slices of one trial, the \
             one of median length, and is each plot's own. {ordinate} Grey bands with a triangle on top are resizes."
        )
    }

    /// The figure of a slice, over its threads.
    fn of(self, rows: &[&SliceRow]) -> f64 {
        match self {
            Figure::Rate => {
                let timed = rows.iter().filter(|row| row.elapsed_ns > 0);
                timed
                    .map(|row| row.ops as f64 * 1e9 / row.elapsed_ns as f64)
                    .sum()
            }
            Figure::Longest => {
                let longest = rows.iter().filter_map(|row| row.longest_ns).max();
                longest.map_or(0.0, |ns| ns as f64 / 1e6)
            }
            Figure::Memory => {
                let rss = rows.iter().filter_map(|row| row.rss_bytes).max();
                rss.map_or(0.0, |bytes| bytes as f64 / f64::from(1 << 20))
            }
        }
    }

    fn in_words(self, value: f64) -> String {
        match self {
            Figure::Rate => format!("{} operations a second", amount(value)),
            Figure::Longest => format!("longest operation {} ms", figure(value)),
            Figure::Memory => format!("{} MiB", figure(value)),
        }
    }
}

/// One trial of one cell.
struct Pass<'s> {
    cell: &'s CellSummary,
    label: String,
    steps: Vec<Step>,
    resizes: Vec<Resize>,
}

/// One slice: from and to in nanoseconds since the trial began, waits between slices left out.
struct Step {
    from_ns: f64,
    to_ns: f64,
    value: f64,
}

pub(super) fn charts(suite: &Suite<'_>, records: &Records, charts: &mut Vec<Chart>) {
    for panel in suite.panels.iter().filter(|panel| panel.entry.pass) {
        let of_panel = |row: &&SliceRow| row.panel == panel.entry.panel;
        let clocked = records
            .slices
            .iter()
            .filter(of_panel)
            .any(|row| row.longest_ns.is_some());
        // A clock around every operation is part of a rate, so those passes show none.
        let windows = records.windows.iter();
        let has_windows = windows.clone().any(|row| row.panel == panel.entry.panel);
        let figures: &[Figure] = if clocked && has_windows {
            // What took longest is told window by window.
            &[Figure::Memory]
        } else if clocked {
            &[Figure::Longest, Figure::Memory]
        } else {
            &[Figure::Rate]
        };
        for figure in figures {
            charts.extend(chart(suite.name, panel, records, *figure));
        }
    }
}

fn chart(suite: &str, panel: &PanelSummary, records: &Records, shown: Figure) -> Option<Chart> {
    let mut slices: BTreeMap<&str, Vec<&SliceRow>> = BTreeMap::new();
    let of_panel =
        |row: &&SliceRow| row.panel == panel.entry.panel && row.kind == SliceKind::Throughput;
    // Only a process's first pass knows its memory.
    let is_known = |row: &&SliceRow| shown != Figure::Memory || row.rss_bytes.is_some();
    for row in records.slices.iter().filter(of_panel).filter(is_known) {
        slices.entry(&row.cell_id).or_default().push(row);
    }
    let mut passes: Vec<Pass<'_>> = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let of_cell = slices.get(cell.entry.cell_id.as_str());
        passes.extend(of_cell.and_then(|slices| pass(panel, cell, slices, &records.marks, shown)));
    }
    let left_out = passes.len().saturating_sub(MOST_CELLS);
    passes.truncate(MOST_CELLS);
    let values = || {
        passes
            .iter()
            .flat_map(|pass| &pass.steps)
            .map(|step| step.value)
    };
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(0.0, f64::max),
    );
    if passes.is_empty() || positive(low).is_none() {
        return None;
    }
    let failed: Vec<&CellSummary> = panel
        .cells
        .iter()
        .filter(|cell| cell.ranked() && cell.error.is_some())
        .collect();
    let log = high / low >= LOG_FROM;
    let workload = workload_of(panel);
    let threads = counted(u64::from(panel.entry.threads), "thread");
    let title = shown.title(&workload, &threads);
    let scale = if log { "logarithmic" } else { "linear, from 0" };
    let mut about = shown.about(scale);
    if left_out > 0 {
        about += &format!(" {} more not shown.", counted(left_out as u64, "target"));
    }
    let rows = i32::try_from(passes.len().div_ceil(usize::from(COLUMNS))).ok()?;
    let notes = 18 * i32::try_from(failed.len()).ok()?;
    let svg = canvas::draw(&title, rows * ROW + notes + 8, |canvas| {
        let y = if log {
            Axis::log(low, high, 5, shown.axis_name())
        } else {
            Axis::from_zero(high, 3, shown.axis_name())
        };
        paint(canvas, &passes, &y, shown)?;
        for (at, cell) in (0..).zip(&failed) {
            let text = format!("{}: failed", clip(&panel.label(cell), 600));
            let top = rows * ROW + 18 * at;
            canvas.text(&text, (16, top + 8), Align::Left, Tone::Ink)?;
            let why = cell.error.as_deref().unwrap_or_default();
            let text = format!("{}: {why}", panel.label(cell));
            canvas.hover((0, top), (WIDTH, top + 18), &text);
        }
        Ok(())
    })?;
    Some(Chart {
        file: stem(&[
            match shown {
                Figure::Rate => "time",
                Figure::Longest => "longest",
                Figure::Memory => "memory",
            },
            suite,
            &workload,
            &format!("{}t", panel.entry.threads),
        ]),
        suite: suite.to_owned(),
        panels: vec![panel.entry.panel],
        title,
        about,
        svg,
    })
}

/// The trial of median length with one figure; none of a cell that failed.
fn pass<'s>(
    panel: &PanelSummary,
    cell: &'s CellSummary,
    slices: &[&SliceRow],
    marks: &[MarkRow],
    shown: Figure,
) -> Option<Pass<'s>> {
    cell.rate?;
    let (trial, rounds) = median_trial(slices)?;
    let marks = marks_of(marks, panel.entry.panel, &cell.entry.cell_id, trial);
    let mut pass = Pass {
        cell,
        label: panel.label(cell),
        steps: Vec::new(),
        resizes: Vec::new(),
    };
    let mut clock = Clock::default();
    for rows in &rounds {
        let rows = last_attempts(rows);
        let (started, took) = span(&rows);
        let value = shown.of(&rows);
        let (from_ns, to_ns) = clock.add(started, took);
        if positive(value).is_some() {
            pass.steps.push(Step {
                from_ns,
                to_ns,
                value,
            });
        }
    }
    pass.resizes = resizes(&marks, &clock);
    (!pass.steps.is_empty()).then_some(pass)
}

fn paint(canvas: &mut Canvas<'_>, passes: &[Pass<'_>], y: &Axis, shown: Figure) -> Drawn {
    let columns = i32::from(COLUMNS);
    let cell_width = WIDTH / columns;
    for (at, pass) in (0..).zip(passes) {
        let (column, row) = (at % columns, at / columns);
        let frame = Frame {
            left: column * cell_width + 74,
            top: row * ROW + 30,
            width: cell_width - 90,
            height: ROW - 30 - 50,
        };
        let heading = clip(&pass.label, cell_width - 90);
        canvas.text(
            &heading,
            (frame.left, frame.top - 18),
            Align::Left,
            Tone::Ink,
        )?;
        let mut y = y.clone();
        if column > 0 {
            y.name.clear();
        }
        one(canvas, pass, frame, &y, shown)?;
    }
    Ok(())
}

fn one(canvas: &mut Canvas<'_>, pass: &Pass<'_>, frame: Frame, y: &Axis, shown: Figure) -> Drawn {
    let end = pass.steps.last().map_or(1.0, |step| step.to_ns);
    let (unit_ns, unit) = unit_of(end);
    let x = Axis::from_zero(end / unit_ns, 5, &format!("time in slices, {unit}"));
    let plot = canvas.plot(frame, &x, y)?;
    let across = |ns: f64| pixel(&plot, (x.within(ns / unit_ns), y.range().0)).0;
    let bottom = frame.top + frame.height;
    bands(canvas, &pass.resizes, across, frame, end)?;
    let style = Style::of(&pass.cell.entry);
    let mut path = Vec::new();
    for step in &pass.steps {
        let height = pixel(&plot, (x.range().0, y.within(step.value))).1;
        let ends = (across(step.from_ns), across(step.to_ns));
        path.extend([(ends.0, height), (ends.1, height)]);
        let text = format!(
            "{}, {}–{} {unit}: {}",
            pass.label,
            figure(step.from_ns / unit_ns),
            figure(step.to_ns / unit_ns),
            shown.in_words(step.value)
        );
        canvas.hover((ends.0, frame.top), (ends.1, bottom), &text);
    }
    canvas.line(&path, style.fill(), 2)?;
    // Behind the slices', so that they are on top of them.
    name_bands(
        canvas,
        &pass.label,
        &pass.resizes,
        across,
        frame,
        (unit_ns, unit),
    );
    Ok(())
}
