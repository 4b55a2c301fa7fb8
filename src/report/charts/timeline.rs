//! Passes in windows of time: what each table gets done in a window, and its longest operation.

use std::collections::BTreeMap;

use super::axis::{Axis, amount};
use super::course::Course;
use super::palette::Style;
use super::passes::{Clock, Resize, last_attempts, marks_of, median_trial, resizes, span};
use super::shape::{Multiples, Plot, Shape};
use super::suite::{Draft, Suite, and_more, extremes, stem, workload_of};
use crate::record::{Records, SliceKind, SliceRow, WINDOW_NS, WindowRow};
use crate::report::format::{counted, duration};
use crate::report::summary::{CellSummary, PanelSummary};

const COLUMNS: i32 = 2;
/// Small plots in a chart.
const MOST_CELLS: usize = 12;
/// From this ratio of the extremes on an axis is logarithmic.
const LOG_FROM: f64 = 10.0;
/// Of a range of more than this a logarithmic axis shows the upper part.
const LOG_RANGE: f64 = 1e4;
/// Steps and hover zones of one small plot, at most: more have no room.
const STEPS: usize = 280;
const ZONES: usize = 40;
/// Steps and hover zones of all the plots of a run, so that a page stays small.
const STEPS_OF_A_RUN: usize = 24_000;
const ZONES_OF_A_RUN: usize = 3_200;

/// What of the windows is drawn.
#[derive(Clone, Copy, PartialEq)]
enum Figure {
    Rate,
    Longest,
}

/// How fine the drawings of a run are.
#[derive(Clone, Copy)]
struct Detail {
    steps: usize,
    zones: usize,
}

impl Detail {
    fn of(records: &Records) -> Detail {
        let mut cells: Vec<(u32, &str)> = Vec::new();
        for row in &records.windows {
            // Rows of a cell follow each other, mostly: there are few of these.
            let cell = (row.panel, row.cell_id.as_str());
            if cells.last() != Some(&cell) {
                cells.push(cell);
            }
        }
        cells.sort_unstable();
        cells.dedup();
        let cells = cells.len().max(1);
        Detail {
            steps: (STEPS_OF_A_RUN / cells).clamp(24, STEPS),
            zones: (ZONES_OF_A_RUN / cells).clamp(6, ZONES),
        }
    }
}

/// One trial of one cell.
struct Pass<'s> {
    cell: &'s CellSummary,
    label: String,
    trial: u32,
    steps: Vec<Step>,
    resizes: Vec<Resize>,
}

/// A window, or several: from and to in nanoseconds since the pass began, waits between slices left
/// out.
#[derive(Clone, Copy)]
struct Step {
    from_ns: f64,
    to_ns: f64,
    /// Operations a second, over all threads.
    rate: f64,
    longest_ns: f64,
}

impl Step {
    fn value(&self, shown: Figure) -> f64 {
        match shown {
            Figure::Rate => self.rate,
            Figure::Longest => self.longest_ns,
        }
    }
}

pub(super) fn charts(suite: &Suite<'_>, records: &Records) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if records.windows.is_empty() {
        return drafts;
    }
    let detail = Detail::of(records);
    for panel in suite.panels.iter().filter(|panel| panel.entry.pass) {
        let (passes, left_out, width_ns) = passes(panel, records, detail);
        for shown in [Figure::Rate, Figure::Longest] {
            let of = (passes.as_slice(), left_out, width_ns);
            drafts.extend(chart(suite.name, panel, of, shown, detail));
        }
    }
    drafts
}

/// The passes that are drawn, how many are not, and the width of a step in nanoseconds.
fn passes<'s>(
    panel: &'s PanelSummary,
    records: &Records,
    detail: Detail,
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
    let left_out = raw.len().saturating_sub(MOST_CELLS);
    raw.truncate(MOST_CELLS);
    let longest = raw
        .iter()
        .map(|(.., clock)| clock.end_ns)
        .fold(0.0, f64::max);
    let windows = longest / WINDOW_NS as f64 / detail.steps as f64;
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

fn chart(
    suite: &str,
    panel: &PanelSummary,
    (passes, left_out, width_ns): (&[Pass<'_>], usize, u64),
    shown: Figure,
    detail: Detail,
) -> Option<Draft> {
    let steps = || passes.iter().flat_map(|pass| &pass.steps);
    let (low, high) = extremes(steps().map(|step| step.value(shown)))?;
    let low = low.max(high / LOG_RANGE);
    let (_, end_ns) = extremes(steps().map(|step| step.to_ns))?;
    let log = high / low >= LOG_FROM;
    let workload = workload_of(panel);
    let threads = counted(u64::from(panel.entry.threads), "thread");
    let (file, title, y) = match shown {
        Figure::Rate => (
            "timeline-rate",
            format!(
                "What does each table get done during {workload}, window by window? ({threads})"
            ),
            if log {
                Axis::log(low, high, 4, "operations/s")
            } else {
                Axis::from_zero(high, 3, "operations/s")
            },
        ),
        Figure::Longest => (
            "timeline-longest",
            format!("When do operations stall during {workload}, and for how long? ({threads})"),
            Axis::log_time(low, high, 4, "longest op"),
        ),
    };
    let small = |pass: &Pass<'_>| small(pass, (end_ns, &y), (shown, detail));
    Some(Draft {
        file: stem(&[file, suite, &workload, &format!("{}t", panel.entry.threads)]),
        panels: vec![panel.entry.panel],
        title,
        about: about(shown, width_ns, log, left_out),
        shape: Shape::Multiples(Multiples {
            columns: COLUMNS,
            plots: passes.iter().map(small).collect(),
            notes: Vec::new(),
        }),
    })
}

fn about(shown: Figure, width_ns: u64, log: bool, left_out: usize) -> String {
    let width = duration(width_ns as f64);
    let scale = match (shown, log) {
        (Figure::Rate, false) => "linear, from 0",
        (Figure::Rate, true) => "logarithmic, and what is nothing lies on its floor",
        (Figure::Longest, _) => "logarithmic",
    };
    let ordinate = match shown {
        Figure::Rate => {
            "Operations a second over all threads; a clock is read around each, which a rate elsewhere does without."
        }
        Figure::Longest => {
            "The longest operation of any thread, wall time less its run-queue delay where that is known."
        }
    };
    format!(
        "{ordinate} A step is {width}; all plots have the same axes, upward {scale}. Shown is the trial of median \
         length of each table, named behind it; waits between slices are left out. Grey bands with a triangle on top \
         are resizes.{}",
        and_more(left_out, "target")
    )
}

/// The small plot of a pass, with its heading: its axis ends where the longest of all does.
fn small(
    pass: &Pass<'_>,
    (end_ns, y): (f64, &Axis),
    (shown, detail): (Figure, Detail),
) -> (String, Plot) {
    let step = |step: &Step| {
        // What is nothing lies on the floor of a logarithmic scale.
        let value = step.value(shown).max(f64::MIN_POSITIVE);
        (step.from_ns, step.to_ns, value)
    };
    let said = |steps: &[Step]| {
        let (first, last) = (steps[0], steps[steps.len() - 1]);
        (first.from_ns, last.to_ns, in_words(steps, shown))
    };
    let each = pass.steps.len().div_ceil(detail.zones).max(1);
    let course = Course {
        label: &pass.label,
        line: (Style::of(&pass.cell.entry).fill(), 1),
        end_ns,
        steps: pass.steps.iter().map(step).collect(),
        said: pass.steps.chunks(each).map(said).collect(),
        resizes: &pass.resizes,
    };
    (
        format!("{}, trial {}", pass.label, pass.trial),
        course.plot(y),
    )
}

fn in_words(steps: &[Step], shown: Figure) -> String {
    let values = || steps.iter().map(|step| step.value(shown));
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(0.0, f64::max),
    );
    match shown {
        Figure::Longest => format!("longest operation {}", duration(high)),
        Figure::Rate if amount(low) == amount(high) => {
            format!("{} operations a second", amount(high))
        }
        Figure::Rate => format!("{} to {} operations a second", amount(low), amount(high)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::record::MarkRow;

    fn run(count: u64, stall: u64) -> crate::record::Records {
        let cells = [Cell::new("fixed", 600.0), Cell::new("striped", 120.0)];
        let mut records = Synthetic::new()
            .pass("fill", 2, 100_000, &cells)
            .windows(count, stall)
            .records();
        let slice = records
            .slices
            .iter()
            .find(|slice| slice.cell_id == "p0-striped" && slice.trial == 1);
        let started = slice.unwrap().started_ns;
        for (event, after) in [("begin", 20_000_000), ("end", 60_000_000)] {
            records.marks.push(MarkRow {
                panel: 0,
                cell_id: "p0-striped".into(),
                trial: 1,
                at_ns: started + after,
                event: event.into(),
                from_buckets: 1024,
                to_buckets: 2048,
            });
        }
        records
    }

    #[test]
    fn windows_of_all_threads_add_up_on_the_clock_of_the_slices() {
        let charts = drawn(&run(40, 20));
        let rate = chart(&charts, "timeline-rate-quick-fill-2t");
        let said = titles(&rate.svg);
        // 40 windows of 10 ms, the waits between slices left out.
        has(&said, "fixed, 390–400 ms: ");
        assert!(
            !said.iter().any(|title| title.contains("–410 ms")),
            "{said:?}"
        );
        // 45,000 to 54,950 operations in 10 ms by each of two threads.
        has(&said, "fixed, 0–10.0 ms: 9.00 M operations a second");
        has(
            &said,
            "striped: resize from 2^10 to 2^11 buckets at 20.0 ms, took 40000 µs",
        );
        has(&texts(&rate.svg), "fixed, trial 1");
        let longest = chart(&charts, "timeline-longest-quick-fill-2t");
        has(
            &titles(&longest.svg),
            "fixed, 190–200 ms: longest operation 5.00 ms",
        );
        assert!(
            longest.about.contains("A step is 10.0 ms"),
            "{}",
            longest.about
        );
    }

    #[test]
    fn a_long_pass_has_no_more_steps_than_there_is_room_for() {
        let charts = drawn(&run(8_000, 0));
        let rate = chart(&charts, "timeline-rate-quick-fill-2t");
        assert!(rate.about.contains("A step is 290 ms"), "{}", rate.about);
        assert!(rate.svg.len() < 40_000, "{}", rate.svg.len());
    }
}
