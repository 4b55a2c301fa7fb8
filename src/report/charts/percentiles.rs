//! Latency by percentile: how long the middle operation takes, and how long the worst ones.

use super::axis::{Axis, amount};
use super::palette::{Ink, Style, Tone};
use super::shape::{Mark, Plot, Point, Series, Shape, Single};
use super::suite::{Draft, Suite, extremes, stem, workload_of};
use crate::record::{LoopKind, TimeKind};
use crate::report::format::{counted, duration_within};
use crate::report::labels;
use crate::report::percentiles::{Latency, Percentile};
use crate::report::summary::{CellSummary, PanelSummary};

/// Nines beyond which an axis does not go: no run has so many operations.
const MOST_NINES: f64 = 9.0;

/// One curve.
struct Line<'s> {
    label: String,
    style: Style,
    latency: &'s Latency,
}

pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let kinds = [LoopKind::Open, LoopKind::Closed];
    let charts = suite.panels.iter().flat_map(|panel| {
        let of_kind = move |kind| chart(suite.name, panel, kind);
        kinds.into_iter().filter_map(of_kind)
    });
    charts.collect()
}

fn chart(suite: &str, panel: &PanelSummary, loop_kind: LoopKind) -> Option<Draft> {
    let lines = lines(panel, loop_kind);
    let ends = lines.iter().filter_map(|line| line.latency.curve.last());
    let (_, end) = extremes(ends.map(|(end, _)| *end))?;
    let times = lines.iter().flat_map(|line| &line.latency.curve);
    let (least, most) = extremes(times.map(|(_, ns)| *ns))?;
    let workload = workload_of(panel);
    let threads = labels::threads(panel);
    let title = match loop_kind {
        LoopKind::Open => {
            let pace = panel.entry.pace.as_ref();
            let offered = pace.and_then(|pace| pace.offered_per_s);
            let rate = offered.map_or(String::new(), |rate| {
                format!(" at {} operations a second", amount(rate as f64))
            });
            format!("How long does an operation of {workload} take{rate}? (open loop, {threads})")
        }
        LoopKind::Closed => format!(
            "How long does an operation of {workload} take? \
             (closed loop, sampled: hides what a stall delays; {threads})"
        ),
    };
    let kind = match loop_kind {
        LoopKind::Open => "percentiles",
        LoopKind::Closed => "percentiles-closed",
    };
    let y = Axis::log_time(least, most, 12, "latency");
    let series = lines.iter().flat_map(|line| series(line, loop_kind));
    let mut plot = Plot::new(nines(end.min(MOST_NINES)), y, series.collect());
    plot.noise = noise(panel, loop_kind);
    let mut about = about(loop_kind, &lines);
    if let Some(baseline) = panel.baseline().filter(|_| !plot.noise.is_empty()) {
        about += &format!(
            " Grey: where two copies of {} lie, from the lowest to the highest of any trial: what lies inside is noise.",
            panel.label(baseline)
        );
    }
    Some(Draft {
        file: stem(&[kind, suite, &workload, &format!("{}t", panel.entry.threads)]),
        panels: vec![panel.entry.panel],
        title,
        about,
        shape: Shape::Plot(Single {
            key: key(loop_kind),
            ..Single::new(plot)
        }),
    })
}

fn about(loop_kind: LoopKind, lines: &[Line<'_>]) -> String {
    let mut about = "The share of operations that took no longer than a time, against that time; \
                     both axes are logarithmic, and each step to the right leaves a tenth of the \
                     operations. Curves cover all trials together; whiskers run from the lowest \
                     to the highest of any trial. "
        .to_owned();
    about += match loop_kind {
        LoopKind::Open => {
            "Solid: response time, from the intended start of the operation. Dashed: service \
             time, from its real start. The difference is the time that it waited for operations \
             before it."
        }
        LoopKind::Closed => {
            "Service times of a sample of operations; each operation begins when the last one has \
             ended. While one operation stalls, no others begin, so the delay of later operations \
             is not counted."
        }
    };
    if lines.iter().any(|line| line.latency.fell_behind()) {
        about += " Hollow: the target fell behind the offered rate, so response times grow with \
                  the length of the slice and say nothing about the table at that rate.";
    }
    about
}

/// From the lowest to the highest that the baseline or its twin took in any trial, by percentile; empty where there
/// is no twin. In an open loop of response times.
fn noise(panel: &PanelSummary, loop_kind: LoopKind) -> Vec<(f64, f64, f64)> {
    let time = match loop_kind {
        LoopKind::Open => TimeKind::Response,
        LoopKind::Closed => TimeKind::Service,
    };
    let twin = panel.cells.iter().find(|cell| cell.entry.twin);
    let latency_of = |cell: &CellSummary| cell.latency_of(loop_kind, time).cloned();
    let copies = [panel.baseline(), twin].map(|cell| cell.and_then(latency_of));
    let [Some(one), Some(other)] = copies else {
        return Vec::new();
    };
    let known = |percentile| {
        let places = [place_of(&one, percentile), place_of(&other, percentile)];
        let [Some(x), Some(_)] = places else {
            return None;
        };
        let (one, other) = (one.at(percentile), other.at(percentile));
        Some((x, one.low.min(other.low), one.high.max(other.high)))
    };
    Percentile::ALL.into_iter().filter_map(known).collect()
}

/// Where a percentile stands on the axis; `None` where the curve does not reach it.
fn place_of(latency: &Latency, percentile: Percentile) -> Option<f64> {
    let (end, _) = latency.curve.last()?;
    let place = match percentile {
        Percentile::Max => *end,
        other => -(1.0 - other.quantile()).log10(),
    };
    // Of a hundred operations none is the 99.9th percentile.
    (place <= *end).then_some(place)
}

/// The curves of a panel, the controls' left out: an open loop's response before its service.
fn lines(panel: &PanelSummary, loop_kind: LoopKind) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let own = cell.latency.iter();
        let own = own.filter(|latency| latency.loop_kind == loop_kind && !latency.curve.is_empty());
        lines.extend(own.map(|latency| Line {
            label: panel.label(cell),
            style: Style::of(cell),
            latency,
        }));
    }
    lines
}

/// An axis from percentile 0 on, at −log10(1 − p).
fn nines(end: f64) -> Axis {
    let names = [
        "50", "90", "99", "99.9", "99.99", "99.999", "99.9999", "99.99999",
    ];
    let places = [0.5_f64.recip().log10()]
        .into_iter()
        .chain((1..).map(f64::from));
    let ticks = places.zip(names.map(str::to_owned));
    let mut axis = Axis::bare(0.0, end * 1.02).with_ticks(
        [(0.0, "0".to_owned())]
            .into_iter()
            .chain(ticks.take_while(|tick| tick.0 <= end)),
    );
    "percentile (log scale)".clone_into(&mut axis.name);
    axis
}

/// What the two kinds of line are.
fn key(loop_kind: LoopKind) -> Vec<(Ink, u32, String)> {
    let ink = Ink::from(Tone::Ink);
    match loop_kind {
        LoopKind::Open => vec![
            (ink, 2, "response, from the intended start".to_owned()),
            (ink.dashed(), 1, "service, from the real start".to_owned()),
        ],
        LoopKind::Closed => Vec::new(),
    }
}

/// The curve of all trials together, and the percentiles that reports tell with their spread over
/// trials. Of an open loop's service times only the curve is seen.
fn series(line: &Line<'_>, loop_kind: LoopKind) -> [Series; 2] {
    let (style, latency) = (line.style, line.latency);
    let second = loop_kind == LoopKind::Open && latency.time == TimeKind::Service;
    let (ink, width) = if second {
        (style.fill().dashed(), 1)
    } else {
        (style.fill(), 2)
    };
    let curve = Series::curve(ink, width, latency.curve.iter().copied());
    let points = Percentile::ALL.into_iter();
    let mut points = Series {
        points: points
            .filter_map(|percentile| point(line, percentile))
            .collect(),
        ..Series::default()
    };
    if second {
        for point in &mut points.points {
            point.interval = None;
        }
        return [curve, points];
    }
    let said = if latency.fell_behind() {
        ": fell behind"
    } else {
        ""
    };
    points.mark = Mark::Of(style);
    [curve, points.named(&line.label, said)]
}

fn point(line: &Line<'_>, percentile: Percentile) -> Option<Point> {
    let latency = line.latency;
    let place = place_of(latency, percentile)?;
    let ns = latency.at(percentile);
    let what = match latency.time {
        TimeKind::Response => "response",
        TimeKind::Service => "service",
    };
    let behind = match latency.behind {
        0 => String::new(),
        behind => format!(
            "; fell behind in {behind} of {}",
            counted(latency.trials as u64, "trial")
        ),
    };
    let hover = format!(
        "{}: {what} {} {}{behind}",
        line.label,
        percentile.name(),
        duration_within(&ns)
    );
    Some(Point {
        hollow: latency.fell_behind(),
        ..Point::new(place, ns.mid)
            .within(ns.low, ns.high)
            .says(hover)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::synthetic::{Paced, Synthetic};

    fn targets<'a>() -> [Paced<'a>; 3] {
        [
            Paced::new("fixed", 400.0, 800_000.0),
            Paced::new("striped", 90.0, 5e6),
            Paced::new("stalls", 80.0, 5e6).stall(50_000_000.0),
        ]
    }

    #[test]
    fn response_and_service_are_told_apart_and_who_fell_behind_is_named() {
        let records = Synthetic::new()
            .paced("ycsb-c", 1_000_000, &targets())
            .records();
        let charts = drawn(&records);
        let open = chart(&charts, "percentiles-quick-ycsb-c-at-1000000-1t");
        has(
            std::slice::from_ref(&open.title),
            "at 1.00 M operations a second? (open loop, 1 thread)",
        );
        let (texts, titles) = (texts(&open.svg), titles(&open.svg));
        for tick in ["50", "90", "99", "99.9", "99.99", "1 ms"] {
            assert!(texts.iter().any(|text| text == tick), "{tick} in {texts:?}");
        }
        has(&texts, "fixed: fell behind");
        has(&titles, "stalls: response p99.99 ");
        has(&titles, "stalls: service p99 ");
        has(&titles, "; fell behind in 3 of 3 trials");
        assert!(open.svg.contains("stroke-dasharray"));
        assert!(
            !titles
                .iter()
                .any(|title| title.contains("striped") && title.contains("behind"))
        );
    }

    #[test]
    fn a_closed_loop_has_a_chart_of_its_own_that_says_what_it_hides() {
        let [_, striped, _] = targets();
        let records = Synthetic::new()
            .paced("ycsb-c", 100_000, &targets())
            .sampled(&striped)
            .records();
        let charts = drawn(&records);
        let closed = chart(&charts, "percentiles-closed-quick-ycsb-c-at-100000-1t");
        has(
            std::slice::from_ref(&closed.title),
            "closed loop, sampled: hides what a stall delays",
        );
        assert!(
            !titles(&closed.svg)
                .iter()
                .any(|title| title.contains("response"))
        );
        let open = chart(&charts, "percentiles-quick-ycsb-c-at-100000-1t");
        assert!(!open.about.contains("Hollow"));
    }

    #[test]
    fn what_two_copies_of_a_table_cover_is_grey() {
        let mut records = Synthetic::new()
            .paced("ycsb-c", 100_000, &targets())
            .records();
        let file = "percentiles-quick-ycsb-c-at-100000-1t";
        let plain = drawn(&records);
        assert!(!chart(&plain, file).svg.contains("--chart-band,"));
        let cells = records.manifest.cells.iter_mut();
        for cell in cells.filter(|cell| cell.target == "striped") {
            cell.twin = true;
        }
        let charts = drawn(&records);
        let banded = chart(&charts, file);
        let area = banded.svg.lines().find(|line| line.contains("<polygon"));
        assert!(area.unwrap().contains("--chart-band,"), "behind all else");
        let about = "Grey: where two copies of fixed lie";
        assert!(banded.about.contains(about), "{}", banded.about);
    }

    #[test]
    fn panels_without_latencies_have_no_curves() {
        let mut records = Synthetic::new()
            .paced("ycsb-c", 100_000, &targets())
            .records();
        records.histograms.clear();
        assert!(
            !drawn(&records)
                .iter()
                .any(|chart| chart.file.starts_with("percentiles"))
        );
    }
}
