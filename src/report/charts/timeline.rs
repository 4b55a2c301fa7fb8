//! Passes in windows of time: what each table gets done in a window, and its longest operation.

use super::axis::{Axis, amount};
use super::course::Course;
use super::palette::Style;
use super::shape::{Multiples, Plot, Shape};
use super::suite::{Draft, Suite, and_more, extremes, stem, workload_of};
use crate::analysis::windows::{Pass, Step, passes};
use crate::record::Records;
use crate::report::format::duration;
use crate::report::labels;
use crate::report::summary::PanelSummary;

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

/// The figure of a step.
fn value(step: &Step, shown: Figure) -> f64 {
    match shown {
        Figure::Rate => step.rate,
        Figure::Longest => step.longest_ns,
    }
}

pub(super) fn charts(suite: &Suite<'_>, records: &Records) -> Vec<Draft> {
    let mut drafts = Vec::new();
    if records.windows.is_empty() {
        return drafts;
    }
    let detail = Detail::of(records);
    for panel in suite.panels.iter().filter(|panel| panel.entry.pass) {
        let (passes, left_out, width_ns) = passes(panel, records, (MOST_CELLS, detail.steps));
        for shown in [Figure::Rate, Figure::Longest] {
            let of = (passes.as_slice(), left_out, width_ns);
            drafts.extend(chart(suite.name, panel, of, shown, detail));
        }
    }
    drafts
}

fn chart(
    suite: &str,
    panel: &PanelSummary,
    (passes, left_out, width_ns): (&[Pass<'_>], usize, u64),
    shown: Figure,
    detail: Detail,
) -> Option<Draft> {
    let steps = || passes.iter().flat_map(|pass| &pass.steps);
    let (low, high) = extremes(steps().map(|step| value(step, shown)))?;
    let low = low.max(high / LOG_RANGE);
    let (_, end_ns) = extremes(steps().map(|step| step.to_ns))?;
    let log = high / low >= LOG_FROM;
    let workload = workload_of(panel);
    let threads = labels::threads(panel);
    let (file, title, y) = match shown {
        Figure::Rate => (
            "timeline-rate",
            format!("How does the rate of each table change during {workload}? ({threads})"),
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
        (Figure::Rate, true) => "logarithmic, with 0 on the floor",
        (Figure::Longest, _) => "logarithmic",
    };
    let ordinate = match shown {
        Figure::Rate => {
            "Operations a second over all threads. A clock is read around each operation, unlike \
             in other charts of rates."
        }
        Figure::Longest => {
            "The longest operation of any thread, wall time less its run-queue delay where that is known."
        }
    };
    format!(
        "{ordinate} A step is {width}; all plots have the same axes, the vertical one {scale}. \
         The plot shows the trial of median length of each table, named behind it, without the \
         waits between slices. Grey bands with a triangle on top are resizes.{}",
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
        let value = value(step, shown).max(f64::MIN_POSITIVE);
        (step.from_ns, step.to_ns, value)
    };
    let said = |steps: &[Step]| {
        let (first, last) = (steps[0], steps[steps.len() - 1]);
        (first.from_ns, last.to_ns, in_words(steps, shown))
    };
    let each = pass.steps.len().div_ceil(detail.zones).max(1);
    let course = Course {
        label: &pass.label,
        line: (Style::of(pass.cell).fill(), 1),
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
    let values = || steps.iter().map(|step| value(step, shown));
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
