//! Passes in windows of time: what each table got done in a window, and its longest operation.

use std::collections::BTreeMap;

use super::passes::{Clock, Resize, last_attempts, marks_of, median_trial, resizes, span};
use super::summary::{CellSummary, PanelSummary};
use crate::record::{Records, SliceKind, SliceRow, WINDOW_NS, WindowRow};

/// One trial of one cell.
pub(crate) struct Pass<'s> {
    pub cell: &'s CellSummary,
    pub label: String,
    pub trial: u32,
    pub steps: Vec<Step>,
    pub resizes: Vec<Resize>,
}

/// A window, or several: from and to in nanoseconds since the pass began, waits between slices left
/// out.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    pub from_ns: f64,
    pub to_ns: f64,
    /// Operations a second, over all threads.
    pub rate: f64,
    pub longest_ns: f64,
}

/// The passes of the first cells, at most so many of at most so many steps; how many cells are left out,
/// and the width of a step in nanoseconds.
pub(crate) fn passes<'s>(
    panel: &'s PanelSummary,
    records: &Records,
    (most_cells, most_steps): (usize, usize),
) -> (Vec<Pass<'s>>, usize, u64) {
    let number = panel.entry.panel;
    let mut windows: BTreeMap<&str, Vec<&WindowRow>> = BTreeMap::new();
    for row in records.windows.iter().filter(|row| row.panel == number) {
        windows.entry(&row.cell_id).or_default().push(row);
    }
    let mut slices: BTreeMap<&str, Vec<&SliceRow>> = BTreeMap::new();
    if !windows.is_empty() {
        let own = |row: &&SliceRow| row.panel == number && row.kind != SliceKind::Hash;
        for row in records.slices.iter().filter(own) {
            slices.entry(&row.cell_id).or_default().push(row);
        }
    }
    let mut raw = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let id = cell.entry.cell_id.as_str();
        let (Some(windows), Some(slices)) = (windows.get(id), slices.get(id)) else {
            continue;
        };
        let Some((trial, rounds)) = median_trial(slices).filter(|_| cell.error.is_none()) else {
            continue;
        };
        let mut clock = Clock::default();
        for rows in &rounds {
            let (started, took) = span(&last_attempts(rows));
            clock.add(started, took);
        }
        let own: Vec<&WindowRow> = windows
            .iter()
            .copied()
            .filter(|row| row.trial == trial)
            .collect();
        if !own.is_empty() && clock.end_ns > 0.0 {
            raw.push((cell, trial, own, clock));
        }
    }
    let left_out = raw.len().saturating_sub(most_cells);
    raw.truncate(most_cells);
    let longest = raw
        .iter()
        .map(|(.., clock)| clock.end_ns)
        .fold(0.0, f64::max);
    let windows = longest / WINDOW_NS as f64 / most_steps as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "windows of a pass in a step: at least one, and few"
    )]
    let width_ns = WINDOW_NS * (windows.ceil().max(1.0) as u64);
    let passes = raw
        .into_iter()
        .map(|(cell, trial, own, clock)| {
            let marks = marks_of(&records.marks, number, &cell.entry.cell_id, trial);
            Pass {
                cell,
                label: panel.label(cell),
                trial,
                steps: steps(own, &clock, width_ns as f64),
                resizes: resizes(&marks, &clock),
            }
        })
        .collect();
    (passes, left_out, width_ns)
}

/// Windows of all threads as steps of one width. Operations of a window that lies in two steps are
/// shared out by time; its longest operation counts in the step where it began.
fn steps(windows: Vec<&WindowRow>, clock: &Clock, width_ns: f64) -> Vec<Step> {
    let count = index(clock.end_ns / width_ns).max(1) + 1;
    let (mut ops, mut longest) = (vec![0.0; count], vec![0.0_f64; count]);
    for row in windows {
        let Some(from) = clock.at(row.at_ns) else {
            continue;
        };
        let lasts = row.elapsed_ns.max(1) as f64;
        let first = index(from / width_ns).min(count - 1);
        longest[first] = longest[first].max(row.longest_ns as f64);
        for (at, sum) in ops.iter_mut().enumerate().skip(first) {
            let (start, end) = (at as f64 * width_ns, (at + 1) as f64 * width_ns);
            let share = (end.min(from + lasts) - start.max(from)) / lasts;
            if share <= 0.0 {
                break;
            }
            *sum += row.ops as f64 * share;
        }
    }
    let mut steps: Vec<Step> = (0..count)
        .map(|at| {
            let from_ns = at as f64 * width_ns;
            let to_ns = (from_ns + width_ns).min(clock.end_ns);
            Step {
                from_ns,
                to_ns,
                rate: ops[at] * 1e9 / (to_ns - from_ns).max(1.0),
                longest_ns: longest[at],
            }
        })
        .filter(|step| step.to_ns > step.from_ns)
        .collect();
    // What is left of a step at the end is too short for a rate of its own.
    if let [.., before, last] = steps.as_mut_slice()
        && last.to_ns - last.from_ns < width_ns / 4.0
    {
        before.longest_ns = before.longest_ns.max(last.longest_ns);
        before.to_ns = last.to_ns;
        steps.pop();
    }
    steps
}

fn index(figure: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the place of a time within a pass"
    )]
    let index = figure.max(0.0) as usize;
    index
}
