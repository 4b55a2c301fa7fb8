//! Latency against load: a sweep over offered rates, and where each target gives in.

use super::axis::{Axis, amount};
use super::palette::Style;
use super::shape::{Plot, Point, Series, Shape, Single};
use super::suite::{Draft, Suite, extremes, gather, numbers, stem};
use crate::report::format::{counted, duration_within};
use crate::report::labels;
use crate::report::percentiles::{Latency, Percentile};
use crate::report::summary::{CellSummary, PanelSummary};

/// A target over the rates of a sweep, by offered rate, rising: its name and its points.
type Line<'s> = (String, Vec<(&'s CellSummary, &'s Latency)>);

pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let mut sweeps: Vec<(_, Vec<&PanelSummary>)> = Vec::new();
    for &panel in &suite.panels {
        let entry = &panel.entry;
        if let Some(pace) = &entry.pace {
            let shared = (
                (entry.batch, entry.asked()),
                entry.between,
                entry.entries,
                pace.arrival.as_str(),
            );
            gather(
                &mut sweeps,
                (pace.sweep.as_str(), entry.threads, shared),
                panel,
            );
        }
    }
    let sweeps = sweeps.into_iter();
    sweeps
        .filter_map(|((sweep, threads, _), panels)| chart(suite.name, sweep, threads, &panels))
        .collect()
}

fn chart(suite: &str, sweep: &str, threads: u32, panels: &[&PanelSummary]) -> Option<Draft> {
    let lines = lines(panels);
    if lines.iter().all(|(_, points)| points.len() < 2) {
        return None;
    }
    let points = || lines.iter().flat_map(|(_, points)| points);
    let rates = extremes(points().map(|(_, latency)| latency.achieved_per_s.mid))?;
    let times = extremes(points().flat_map(|(_, latency)| {
        let (p50, p99) = (latency.at(Percentile::P50), latency.at(Percentile::P99));
        [p50.mid, p99.low, p99.high]
    }))?;
    let x = Axis::log(rates.0, rates.1, 6, "achieved operations a second");
    let y = Axis::log_time(times.0, times.1, 12, "response time");
    let series = lines.iter().flat_map(series).collect();
    let threads_in_words = labels::threads(panels.first()?);
    Some(Draft {
        file: stem(&["offered", suite, sweep, &format!("{threads}t")]),
        panels: numbers(panels.iter().copied()),
        title: format!(
            "How does the response time of {sweep} grow with the load, and which rate is too \
             high? ({threads_in_words})"
        ),
        about: "Open loop; both axes are logarithmic. Thick with points: the 99th percentile of \
                response times (p99); thin: the median (p50). Whiskers run from the lowest to the \
                highest of any trial. At a hollow point the target fell behind the offered rate: \
                the point stands at the achieved rate, and its time grows with the length of the \
                slice."
            .to_owned(),
        shape: Shape::Plot(Single::new(Plot::new(x, y, series))),
    })
}

fn lines<'s>(panels: &[&'s PanelSummary]) -> Vec<Line<'s>> {
    let mut lines: Vec<Line<'s>> = Vec::new();
    for panel in panels {
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            if let Some(latency) = cell.response() {
                gather(&mut lines, panel.label(cell), (cell, latency));
            }
        }
    }
    let offered = |latency: &Latency| latency.offered_per_s.unwrap_or(latency.achieved_per_s.mid);
    for (_, points) in &mut lines {
        points.sort_by(|(_, a), (_, b)| offered(a).total_cmp(&offered(b)));
    }
    lines
}

/// The middle of the response times, thin, and their 99th percentile with its points.
fn series((label, points): &Line<'_>) -> [Series; 2] {
    let style = Style::of(points[0].0);
    // A rate of nothing is at the left end.
    let rate = |latency: &Latency| latency.achieved_per_s.mid.max(1.0);
    let middle = points.iter();
    let middle = middle.map(|(_, latency)| (rate(latency), latency.at(Percentile::P50).mid));
    let tail = points.iter().map(|(_, latency)| {
        let p99 = latency.at(Percentile::P99);
        Point {
            hollow: latency.fell_behind(),
            ..Point::new(rate(latency), p99.mid)
                .within(p99.low, p99.high)
                .says(in_words(label, latency))
        }
    });
    let tail = Series::marked(style, style.fill(), tail.collect());
    [
        Series::curve(style.fill(), 1, middle),
        tail.named(label, behind(points)),
    ]
}

/// From which rate on a target fell behind, if it did.
fn behind(points: &[(&CellSummary, &Latency)]) -> String {
    let behind = points.iter().find(|(_, latency)| latency.fell_behind());
    match behind.and_then(|(_, latency)| latency.offered_per_s) {
        Some(rate) => format!(": behind at {}/s", amount(rate)),
        None => String::new(),
    }
}

fn in_words(label: &str, latency: &Latency) -> String {
    let offered = latency.offered_per_s.map_or(String::new(), |rate| {
        format!(", offered {}/s", amount(rate))
    });
    let behind = if latency.fell_behind() {
        format!(
            ", fell behind in {} of {}",
            latency.behind,
            counted(latency.trials as u64, "trial")
        )
    } else {
        String::new()
    };
    format!(
        "{label}{offered}, achieved {}/s{behind}: response p99 {}, p50 {}",
        amount(latency.achieved_per_s.mid),
        duration_within(&latency.at(Percentile::P99)),
        duration_within(&latency.at(Percentile::P50))
    )
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::synthetic::{Paced, Synthetic};

    fn swept(rates: &[u64]) -> Synthetic {
        let targets = [
            Paced::new("fixed", 400.0, 800_000.0),
            Paced::new("striped", 90.0, 5e6),
            Paced::new("resizable", 80.0, 4e6),
        ];
        rates.iter().fold(Synthetic::new(), |run, rate| {
            run.paced("ycsb-c", *rate, &targets)
        })
    }

    #[test]
    fn a_sweep_is_one_chart_and_says_who_falls_behind_at_what() {
        let records = swept(&[2_000_000, 100_000, 500_000, 1_000_000]).records();
        let charts = drawn(&records);
        let load = chart(&charts, "offered-quick-ycsb-c-1t");
        assert_eq!(load.panels, [0, 1, 2, 3]);
        has(&texts(&load.svg), "fixed: behind at 1.00 M/s");
        assert!(texts(&load.svg).iter().any(|text| text == "striped"));
        let titles = titles(&load.svg);
        has(
            &titles,
            "fixed, offered 2.00 M/s, achieved 800 k/s, fell behind in 3 of 3 trials: response p99 ",
        );
        has(
            &titles,
            "striped, offered 100 k/s, achieved 100 k/s: response p99 ",
        );
        assert_eq!(
            titles
                .iter()
                .filter(|title| title.contains("response p99"))
                .count(),
            12
        );
    }

    #[test]
    fn one_rate_is_no_sweep() {
        let charts = drawn(&swept(&[100_000]).records());
        assert!(!charts.iter().any(|chart| chart.file.starts_with("offered")));
        assert!(
            charts
                .iter()
                .any(|chart| chart.file.starts_with("percentiles"))
        );
    }
}
