//! Latency against load: a sweep over offered rates, and where each target gives in.

use super::axis::{Axis, amount};
use super::canvas::{self, Canvas, Drawn, Frame, WIDTH, pixel};
use super::labels::Labels;
use super::palette::{Style, Tone};
use super::{Chart, Suite, gather, positive, stem};
use crate::report::format::{counted, duration_within};
use crate::report::percentiles::{Latency, Percentile};
use crate::report::summary::PanelSummary;

const HEIGHT: i32 = 410;
const FRAME: Frame = Frame {
    left: 84,
    top: 14,
    width: WIDTH - 84 - 226,
    height: HEIGHT - 14 - 56,
};

/// A target over the rates of a sweep, by offered rate, rising.
struct Line<'s> {
    label: String,
    style: Style,
    points: Vec<&'s Latency>,
}

impl Line<'_> {
    /// From which rate on it fell behind, if it did.
    fn behind(&self) -> String {
        let behind = self.points.iter().find(|latency| latency.fell_behind());
        match behind.and_then(|latency| latency.offered_per_s) {
            Some(rate) => format!(": behind at {}/s", amount(rate)),
            None => String::new(),
        }
    }
}

pub(super) fn charts(suite: &Suite<'_>, charts: &mut Vec<Chart>) {
    let mut sweeps = Vec::new();
    for &panel in &suite.panels {
        let Some(pace) = &panel.entry.pace else {
            continue;
        };
        let entry = &panel.entry;
        let key = (
            pace.sweep.as_str(),
            entry.threads,
            entry.batch,
            entry.entries,
            pace.arrival.as_str(),
        );
        gather(&mut sweeps, key, panel);
    }
    for ((sweep, threads, ..), panels) in sweeps {
        charts.extend(chart(suite.name, sweep, threads, &panels));
    }
}

fn chart(suite: &str, sweep: &str, threads: u32, panels: &[&PanelSummary]) -> Option<Chart> {
    let lines = lines(panels);
    let points = || lines.iter().flat_map(|line| &line.points);
    if lines.iter().all(|line| line.points.len() < 2) {
        return None;
    }
    let ends = |figures: &mut dyn Iterator<Item = f64>| {
        figures
            .filter_map(positive)
            .fold((f64::INFINITY, 0.0_f64), |(low, high), figure| {
                (low.min(figure), high.max(figure))
            })
    };
    let rates = ends(&mut points().map(|latency| latency.achieved_per_s.mid));
    let times = ends(&mut points().flat_map(|latency| {
        let (p50, p99) = (latency.at(Percentile::P50), latency.at(Percentile::P99));
        [p50.mid, p99.low, p99.high]
    }));
    positive(rates.1)?;
    let threads_in_words = counted(u64::from(threads), "thread");
    let title = format!(
        "How does the response time of {sweep} grow with the load, and which rate is too much? ({threads_in_words})"
    );
    let svg = canvas::draw(&title, HEIGHT, |canvas| {
        let x = Axis::log(rates.0, rates.1, 6, "achieved operations a second");
        let y = Axis::log_time(times.0, times.1, 12, "response time");
        paint(canvas, &lines, &x, &y)
    })?;
    Some(Chart {
        file: stem(&["offered", suite, sweep, &format!("{threads}t")]),
        suite: suite.to_owned(),
        panels: panels.iter().map(|panel| panel.entry.panel).collect(),
        title,
        about: "Open loop; both axes are logarithmic. Thick with points: the response time that 99 % of the operations \
                do not exceed; thin: half of them (p50). Whiskers run from the least to the most of any trial. A hollow \
                point fell behind the rate that was offered: it stands at the rate that was reached, and its time \
                grows with the length of the slice."
            .to_owned(),
        svg,
    })
}

fn lines<'s>(panels: &[&'s PanelSummary]) -> Vec<Line<'s>> {
    let mut lines: Vec<Line<'s>> = Vec::new();
    for panel in panels {
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            let Some(latency) = cell.response() else {
                continue;
            };
            let label = panel.label(cell);
            match lines.iter_mut().find(|line| line.label == label) {
                Some(line) => line.points.push(latency),
                None => lines.push(Line {
                    label,
                    style: Style::of(&cell.entry),
                    points: vec![latency],
                }),
            }
        }
    }
    let offered = |latency: &Latency| latency.offered_per_s.unwrap_or(latency.achieved_per_s.mid);
    for line in &mut lines {
        line.points
            .sort_by(|a, b| offered(a).total_cmp(&offered(b)));
    }
    lines
}

fn paint(canvas: &mut Canvas<'_>, lines: &[Line<'_>], x: &Axis, y: &Axis) -> Drawn {
    let plot = canvas.plot(FRAME, x, y)?;
    let mut labels = Labels::new(FRAME);
    for line in lines {
        let path = |percentile| -> Vec<(i32, i32)> {
            let place = |latency: &&Latency| {
                let rate = x.within(latency.achieved_per_s.mid.max(1.0));
                pixel(&plot, (rate, y.within(latency.at(percentile).mid)))
            };
            line.points.iter().map(place).collect()
        };
        canvas.line(&path(Percentile::P50), line.style.fill(), 1)?;
        let tail = path(Percentile::P99);
        canvas.line(&tail, line.style.fill(), 2)?;
        for (at, latency) in tail.iter().zip(&line.points) {
            let p99 = latency.at(Percentile::P99);
            let height = |ns: f64| pixel(&plot, (x.range().0, y.within(ns))).1;
            canvas.whiskers(
                at.0,
                (height(p99.low), height(p99.high)),
                Tone::Ink.colour(),
            )?;
            if latency.fell_behind() {
                canvas.hollow_mark(*at, line.style)?;
            } else {
                canvas.mark(*at, line.style)?;
            }
            canvas.hover_point(*at, &in_words(&line.label, latency));
        }
        if let Some(last) = tail.last() {
            let behind = line.points.iter().any(|latency| latency.fell_behind());
            labels.add_marked(last.1, (&line.label, &line.behind()), line.style, behind);
        }
    }
    labels.draw(canvas)
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
