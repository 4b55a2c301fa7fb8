//! Rates over many runs: a small plot for each cell, with the changes of its level.

use super::axis::Axis;
use super::draw;
use super::palette::{Ink, Style, Tone};
use super::shape::{Multiples, Plot, Point, Series, Shape};
use crate::analysis::{History, PastSeries};
use crate::report::format::{counted, figure, figure_within};

/// Ticks of dates that have room under a small plot.
const DATES: usize = 3;

/// A chart of a history, as an SVG file with its heading. `None` where no cell was measured.
#[must_use]
pub fn past_chart(history: &History) -> Option<String> {
    let plots: Vec<(String, Plot)> = history
        .series
        .iter()
        .map(|series| (heading(history, series), plot(history, series)))
        .collect();
    if plots.is_empty() {
        return None;
    }
    let runs = counted(history.runs.len() as u64, "run");
    let title = format!("When did rates change, over {runs}?");
    let about = format!(
        "Each plot is a cell: its operations a second, the runs in the order of their dates at even distances, whiskers \
         95 % bootstrap intervals within a run; scales do not begin at 0. Level lines are means between changes, and a \
         ring is the first run of a new level, with what it does to the rate. {}",
        history.promise()
    );
    let shape = Shape::Multiples(Multiples {
        columns: 2,
        plots,
        notes: Vec::new(),
    });
    let svg = draw::svg(&title, &shape, draw::Size::Wide)?;
    Some(draw::with_heading(&svg, &title, &about))
}

fn heading(history: &History, series: &PastSeries) -> String {
    let machine = if history.machines.len() > 1 {
        format!(", machine {}", series.machine + 1)
    } else {
        String::new()
    };
    // What stands between operations is named where it is not what is usual.
    let place = series.place.replace(", chained", "");
    format!("{}: {place}{machine}", series.target)
}

fn plot(history: &History, series: &PastSeries) -> Plot {
    let rates = || series.points.iter().map(|(_, rate)| rate);
    let low = rates().map(|rate| rate.low).fold(f64::INFINITY, f64::min);
    let high = rates().map(|rate| rate.high).fold(0.0, f64::max);
    let spare = (high - low).max(high * 0.02) * 0.2;
    let y = Axis::between((low - spare).max(0.0), high + spare, 4).named("operations a second");
    let last = history.runs.len().saturating_sub(1);
    let every = last.div_ceil(DATES.saturating_sub(1)).max(1);
    let x = Axis::bare(-0.5, last as f64 + 0.5)
        .with_ticks((0..=last).step_by(every).map(|at| {
            let day = history.runs[at]
                .started
                .split('T')
                .next()
                .unwrap_or_default();
            (at as f64, day.to_owned())
        }))
        .named("runs by date");
    let style = Style::of_entry(series.control, series.colour);
    let points = series.points.iter().enumerate().map(|(at, (run, rate))| {
        let of = &history.runs[*run];
        let mut point = Point::new(*run as f64, rate.mid)
            .within(rate.low, rate.high)
            .says(format!(
                "{}, {}, {}{}: {} M operations a second",
                series.target,
                series.place,
                of.started,
                if of.revision.is_empty() {
                    String::new()
                } else {
                    format!(", {}", of.revision)
                },
                figure_within(&rate.map(|rate| rate / 1e6)),
            ));
        let change = series.changes.iter().find(|change| change.point == at);
        point.flag = change.map(|change| (percent(change.ratio()), change.ratio() > 1.0));
        point
    });
    let measured = Series {
        line: Some((style.line(), 1)),
        ..Series::marked(style, style.line(), points.collect())
    };
    let mut all = levels(series);
    all.push(measured);
    Plot::new(x, y, all)
}

/// A level line for each part between changes, where there are some.
fn levels(series: &PastSeries) -> Vec<Series> {
    let run = |at: usize| series.points.get(at).map_or(0.0, |(run, _)| *run as f64);
    let line = |from: usize, to: usize, level: f64| {
        let ends = [(run(from), level), (run(to), level)];
        let mut line = Series::curve(Ink::from(Tone::Ink), 2, ends);
        line.points[1].hover = format!("mean: {} M operations a second", figure(level / 1e6));
        line
    };
    let mut lines = Vec::new();
    for (at, change) in series.changes.iter().enumerate() {
        let from = at
            .checked_sub(1)
            .map_or(0, |before| series.changes[before].point);
        lines.push(line(from, change.point - 1, change.before));
    }
    if let Some(change) = series.changes.last() {
        lines.push(line(change.point, series.points.len() - 1, change.after));
    }
    lines
}

/// What a ratio adds: `+4.2 %`.
pub(in crate::report) fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0).replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Change, PastRun};
    use crate::stats::Interval;

    #[test]
    fn a_change_has_a_ring_and_two_levels() {
        let run = |at: usize| PastRun {
            run_id: format!("run-{at}"),
            started: format!("2026-01-{:02}T00:00:00Z", at + 1),
            revision: "abc1234".into(),
            machine: 0,
        };
        let point = |at: usize| {
            let mid = if at < 5 { 1e6 } else { 0.9e6 };
            let (low, high) = (0.99 * mid, 1.01 * mid);
            (at, Interval { low, mid, high })
        };
        let series = PastSeries {
            cell_id: "00".into(),
            place: "ycsb-c, 1 thread".into(),
            target: "<striped>".into(),
            colour: 1,
            control: false,
            machine: 0,
            points: (0..10).map(point).collect(),
            changes: vec![Change {
                point: 5,
                before: 1e6,
                after: 0.9e6,
            }],
        };
        let history = History {
            runs: (0..10).map(run).collect(),
            machines: vec!["a loom".into()],
            series: vec![series],
        };
        let svg = past_chart(&history).unwrap();
        assert!(roxmltree::Document::parse(&svg).is_ok());
        for word in [
            "−10.0 %",
            "2026-01-01",
            "&lt;striped&gt;",
            "abc1234",
            "Matteson",
            "mean: 0.900 M",
        ] {
            assert!(svg.contains(word), "{word}");
        }
        assert_eq!(past_chart(&History::default()), None);
    }
}
