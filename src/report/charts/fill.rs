//! Operations over time while the set of keys changes, with the resizes that fell into it.

use super::axis::{Axis, amount};
use super::course::Course;
use super::palette::Style;
use super::shape::{Multiples, Note, Plot, Shape};
use super::suite::{Draft, Suite, and_more, extremes, stem, workload_of};
use crate::analysis::passes::{Figure, Pass, Step, passes};
use crate::record::Records;
use crate::report::format::figure;
use crate::report::labels;
use crate::report::summary::{CellSummary, PanelSummary};

const COLUMNS: i32 = 2;
/// Small plots in a chart.
const MOST_CELLS: usize = 12;
/// From this ratio of the extremes on the rates are on a logarithmic scale.
const LOG_FROM: f64 = 10.0;

pub(super) fn charts(suite: &Suite<'_>, records: &Records) -> Vec<Draft> {
    // Lookups at fill points have a chart of their own.
    let is_shown = |panel: &&&PanelSummary| panel.entry.pass && panel.entry.points.is_none();
    let passes = suite.panels.iter().filter(is_shown);
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
        // The longest pauses are listed window by window.
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
        ("logarithmic", Axis::log(low, high, 5, axis_name(shown)))
    } else {
        let axis = Axis::from_zero(high, 3, axis_name(shown));
        ("linear, from 0", axis)
    };
    let ranked = panel.cells.iter().filter(|cell| cell.ranked());
    let notes = ranked.filter_map(|cell| note(panel, cell)).collect();
    let workload = workload_of(panel);
    let threads = panel.entry.threads;
    Some(Draft {
        file: stem(&[file(shown), suite, &workload, &format!("{threads}t")]),
        panels: vec![panel.entry.panel],
        title: title(shown, &workload, &labels::threads(panel)),
        about: about(shown, scale) + &and_more(left_out, "target"),
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

/// The small plot of a pass, with its heading.
fn small(pass: &Pass<'_>, y: &Axis, shown: Figure) -> (String, Plot) {
    let steps = || pass.steps.iter();
    let said = |step: &Step| (step.from_ns, step.to_ns, in_words(shown, step.value));
    let course = Course {
        label: &pass.label,
        line: (Style::of(pass.cell).fill(), 2),
        end_ns: pass.steps.last().map_or(1.0, |step| step.to_ns),
        steps: steps()
            .map(|step| (step.from_ns, step.to_ns, step.value))
            .collect(),
        said: steps().map(said).collect(),
        resizes: &pass.resizes,
    };
    (pass.label.clone(), course.plot(y))
}

fn file(shown: Figure) -> &'static str {
    match shown {
        Figure::Rate => "time",
        Figure::Longest => "longest",
        Figure::Memory => "memory",
    }
}

fn axis_name(shown: Figure) -> &'static str {
    match shown {
        Figure::Rate => "operations/s",
        Figure::Longest => "longest op, ms",
        Figure::Memory => "RSS growth, MiB",
    }
}

fn title(shown: Figure, workload: &str, threads: &str) -> String {
    match shown {
        Figure::Rate => format!(
            "How does the rate move during {workload}, and what do resizes cost? ({threads})"
        ),
        Figure::Longest => {
            format!("How long does the longest operation of {workload} take? ({threads})")
        }
        Figure::Memory => format!("How does memory grow during {workload}? ({threads})"),
    }
}

/// What a step is, for the caption.
fn about(shown: Figure, scale: &str) -> String {
    let ordinate = match shown {
        Figure::Rate => format!("Rates are on one scale, {scale}."),
        Figure::Longest => format!(
            "The height is the longest operation of the step, wall time less the thread's \
             run-queue delay; one scale, {scale}."
        ),
        Figure::Memory => format!(
            "The height is the growth of the process's resident memory at the end of the step, in \
             the first trial of a process; one scale, {scale}."
        ),
    };
    format!(
        "Each step is a slice with the same number of operations. Time runs over the slices of \
         one trial, the one of median length; each plot has its own time axis. {ordinate} Grey \
         bands with a triangle on top are resizes."
    )
}

fn in_words(shown: Figure, value: f64) -> String {
    match shown {
        Figure::Rate => format!("{} operations a second", amount(value)),
        Figure::Longest => format!("longest operation {} ms", figure(value)),
        Figure::Memory => format!("{} MiB", figure(value)),
    }
}
