//! Operations over time while the set of keys changes, with the resizes that fell into it.

use std::collections::BTreeMap;

use super::axis::{Axis, amount};
use super::course::Course;
use super::palette::Style;
use super::passes::{Clock, Resize, last_attempts, marks_of, median_trial, resizes, span};
use super::shape::{Multiples, Note, Plot, Shape};
use super::suite::{Draft, Suite, and_more, extremes, positive, stem, workload_of};
use crate::record::{MarkRow, Records, SliceKind, SliceRow};
use crate::report::format::{counted, figure};
use crate::report::summary::{CellSummary, PanelSummary};

const COLUMNS: i32 = 2;
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
    fn file(self) -> &'static str {
        match self {
            Figure::Rate => "time",
            Figure::Longest => "longest",
            Figure::Memory => "memory",
        }
    }

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

pub(super) fn charts(suite: &Suite<'_>, records: &Records) -> Vec<Draft> {
    let passes = suite.panels.iter().filter(|panel| panel.entry.pass);
    let charts = passes.flat_map(|panel| {
        let figures = figures(panel, records).iter();
        figures.filter_map(|figure| chart(suite.name, panel, records, *figure))
    });
    charts.collect()
}

/// What is drawn of a panel's passes.
fn figures(panel: &PanelSummary, records: &Records) -> &'static [Figure] {
    let number = panel.entry.panel;
    let mut slices = records.slices.iter().filter(|row| row.panel == number);
    let clocked = slices.any(|row| row.longest_ns.is_some());
    let has_windows = records.windows.iter().any(|row| row.panel == number);
    match (clocked, has_windows) {
        // What took longest is told window by window.
        (true, true) => &[Figure::Memory],
        // A clock around every operation is part of a rate, so those passes show none.
        (true, false) => &[Figure::Longest, Figure::Memory],
        (false, _) => &[Figure::Rate],
    }
}

fn chart(suite: &str, panel: &PanelSummary, records: &Records, shown: Figure) -> Option<Draft> {
    let mut passes = passes(panel, records, shown);
    let left_out = passes.len().saturating_sub(MOST_CELLS);
    passes.truncate(MOST_CELLS);
    let values = passes.iter().flat_map(|pass| &pass.steps);
    let (low, high) = extremes(values.map(|step| step.value))?;
    let log = high / low >= LOG_FROM;
    let (scale, y) = if log {
        ("logarithmic", Axis::log(low, high, 5, shown.axis_name()))
    } else {
        let axis = Axis::from_zero(high, 3, shown.axis_name());
        ("linear, from 0", axis)
    };
    let ranked = panel.cells.iter().filter(|cell| cell.ranked());
    let notes = ranked.filter_map(|cell| note(panel, cell)).collect();
    let workload = workload_of(panel);
    let threads = panel.entry.threads;
    Some(Draft {
        file: stem(&[shown.file(), suite, &workload, &format!("{threads}t")]),
        panels: vec![panel.entry.panel],
        title: shown.title(&workload, &counted(u64::from(threads), "thread")),
        about: shown.about(scale) + &and_more(left_out, "target"),
        shape: Shape::Multiples(Multiples {
            columns: COLUMNS,
            plots: passes.iter().map(|pass| small(pass, &y, shown)).collect(),
            notes,
        }),
    })
}

/// Says that a cell failed.
fn note(panel: &PanelSummary, cell: &CellSummary) -> Option<Note> {
    let (label, why) = (panel.label(cell), cell.error.as_ref()?);
    Some(Note {
        text: format!("{label}: failed"),
        hover: format!("{label}: {why}"),
    })
}

/// The passes of a panel, one of each cell.
fn passes<'s>(panel: &'s PanelSummary, records: &Records, shown: Figure) -> Vec<Pass<'s>> {
    let mut slices: BTreeMap<&str, Vec<&SliceRow>> = BTreeMap::new();
    let of_panel =
        |row: &&SliceRow| row.panel == panel.entry.panel && row.kind == SliceKind::Throughput;
    // Only a process's first pass knows its memory.
    let is_known = |row: &&SliceRow| shown != Figure::Memory || row.rss_bytes.is_some();
    for row in records.slices.iter().filter(of_panel).filter(is_known) {
        slices.entry(&row.cell_id).or_default().push(row);
    }
    let ranked = panel.cells.iter().filter(|cell| cell.ranked());
    let pass = |cell: &'s CellSummary| {
        let slices = slices.get(cell.entry.cell_id.as_str())?;
        pass(panel, cell, slices, &records.marks, shown)
    };
    ranked.filter_map(pass).collect()
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

/// The small plot of a pass, with its heading.
fn small(pass: &Pass<'_>, y: &Axis, shown: Figure) -> (String, Plot) {
    let steps = || pass.steps.iter();
    let said = |step: &Step| (step.from_ns, step.to_ns, shown.in_words(step.value));
    let course = Course {
        label: &pass.label,
        line: (Style::of(&pass.cell.entry).fill(), 2),
        end_ns: pass.steps.last().map_or(1.0, |step| step.to_ns),
        steps: steps()
            .map(|step| (step.from_ns, step.to_ns, step.value))
            .collect(),
        said: steps().map(said).collect(),
        resizes: &pass.resizes,
    };
    (pass.label.clone(), course.plot(y))
}
