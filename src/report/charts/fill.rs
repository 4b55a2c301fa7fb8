//! Operations over time while the set of keys changes, with the resizes that fell into it.

use std::collections::BTreeMap;

use plotters::style::Color;

use super::axis::{Axis, amount};
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel};
use super::palette::{Style, Tone};
use super::{Chart, Suite, positive, stem, workload_of};
use crate::base::human_integer;
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

/// A resize, on the same clock.
struct Resize {
    at_ns: f64,
    took_ns: Option<f64>,
    from_buckets: u64,
    to_buckets: u64,
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
        let figures: &[Figure] = if clocked {
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
    let mut trials: BTreeMap<(u32, u32), BTreeMap<u32, Vec<&SliceRow>>> = BTreeMap::new();
    for slice in slices {
        let trial = trials.entry((slice.birth, slice.trial)).or_default();
        trial.entry(slice.round).or_default().push(slice);
    }
    let mut lengths: Vec<(u64, (u32, u32))> = trials
        .iter()
        .map(|(key, rounds)| {
            (
                rounds
                    .values()
                    .map(|rows| span(&last_attempts(rows)).1)
                    .sum(),
                *key,
            )
        })
        .collect();
    lengths.sort_unstable();
    let key = lengths.get(lengths.len().checked_sub(1)? / 2)?.1;
    let rounds = trials.get(&key)?;
    let marks: Vec<&MarkRow> = marks
        .iter()
        .filter(|mark| (mark.panel, mark.trial) == (panel.entry.panel, key.1))
        .filter(|mark| mark.cell_id == cell.entry.cell_id)
        .collect();
    let mut pass = Pass {
        cell,
        label: panel.label(cell),
        steps: Vec::new(),
        resizes: Vec::new(),
    };
    let mut clock = Clock::default();
    for rows in rounds.values() {
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

/// The time within slices: what lies between them, when other children work, does not pass.
#[derive(Default)]
struct Clock {
    /// When a slice began and how long it took, by the child's clock, and the time within slices
    /// when it began.
    slices: Vec<(u64, u64, f64)>,
    end_ns: f64,
}

impl Clock {
    /// Adds a slice; gives the time at its start and at its end.
    fn add(&mut self, started: u64, took: u64) -> (f64, f64) {
        let from_ns = self.end_ns;
        self.slices.push((started, took, from_ns));
        self.end_ns += took as f64;
        (from_ns, self.end_ns)
    }

    /// The time within slices at a time of the child's clock, if it is within the trial. Between
    /// two slices it is the start of the later one.
    fn at(&self, at_ns: u64) -> Option<f64> {
        let (first, ..) = self.slices.first()?;
        if at_ns < *first {
            return None;
        }
        let later = |(started, took, _): &&(u64, u64, f64)| at_ns <= started.saturating_add(*took);
        let (started, _, from_ns) = self.slices.iter().find(later)?;
        Some(from_ns + at_ns.saturating_sub(*started) as f64)
    }
}

/// Of a slice that was repeated the last attempt counts.
fn last_attempts<'r>(rows: &[&'r SliceRow]) -> Vec<&'r SliceRow> {
    let last = rows.iter().map(|row| row.attempt).max().unwrap_or(0);
    rows.iter()
        .copied()
        .filter(|row| row.attempt == last)
        .collect()
}

/// When the first of a slice's threads began, and how long it took until the last was done.
fn span(rows: &[&SliceRow]) -> (u64, u64) {
    let started = rows.iter().map(|row| row.started_ns).min().unwrap_or(0);
    let ended = rows
        .iter()
        .map(|row| row.started_ns.saturating_add(row.elapsed_ns))
        .max();
    (started, ended.unwrap_or(0).saturating_sub(started))
}

/// The resizes of a trial. Marks and slices have the same clock.
fn resizes(marks: &[&MarkRow], clock: &Clock) -> Vec<Resize> {
    let began = marks
        .iter()
        .enumerate()
        .filter(|(_, mark)| mark.event == "begin");
    began
        .filter_map(|(index, begin)| {
            let mut later = marks[index..].iter().filter(|mark| mark.event == "end");
            // One that was given up ends at the buckets that it began with.
            let given_up = |mark: &MarkRow| {
                mark.from_buckets == begin.from_buckets && mark.to_buckets == begin.from_buckets
            };
            let end = later.find(|mark| mark.to_buckets == begin.to_buckets || given_up(mark));
            let at_ns = clock.at(begin.at_ns)?;
            Some(Resize {
                at_ns,
                took_ns: end.and_then(|end| Some((clock.at(end.at_ns)? - at_ns).max(0.0))),
                from_buckets: begin.from_buckets,
                to_buckets: begin.to_buckets,
            })
        })
        .collect()
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
    let (unit_ns, unit) = match end {
        ns if ns >= 2e9 => (1e9, "s"),
        ns if ns >= 2e6 => (1e6, "ms"),
        _ => (1e3, "µs"),
    };
    let x = Axis::from_zero(end / unit_ns, 5, &format!("time in slices, {unit}"));
    let plot = canvas.plot(frame, &x, y)?;
    let across = |ns: f64| pixel(&plot, (x.within(ns / unit_ns), y.range().0)).0;
    let bottom = frame.top + frame.height;
    for resize in &pass.resizes {
        let from = across(resize.at_ns);
        // One that did not end within the pass went on until its last slice.
        let ended = resize.took_ns.map_or(end, |took_ns| resize.at_ns + took_ns);
        let to = across(ended).max(from + 1);
        canvas.rectangle(
            (from, frame.top),
            (to, bottom),
            Tone::Band.colour().filled(),
        )?;
        canvas.triangle((from, frame.top - 5))?;
    }
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
    for resize in &pass.resizes {
        let from = across(resize.at_ns);
        let took = resize.took_ns.map_or("did not end".to_owned(), |ns| {
            format!("took {} µs", figure(ns / 1e3))
        });
        let text = format!(
            "{}: resize from {} to {} buckets at {} {unit}, {took}",
            pass.label,
            human_integer(resize.from_buckets),
            human_integer(resize.to_buckets),
            figure(resize.at_ns / unit_ns)
        );
        canvas.hover((from - 5, frame.top - 12), (from + 5, frame.top + 2), &text);
    }
    Ok(())
}
