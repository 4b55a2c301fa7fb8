//! Latency by percentile: how long the middle operation takes, and how long the worst ones.

use super::axis::{Axis, amount};
use super::canvas::{self, Align, Canvas, Drawn, Frame, Plot, WIDTH, pixel};
use super::labels::Labels;
use super::palette::{Style, Tone};
use super::{Chart, Suite, stem, workload_of};
use crate::record::{LoopKind, TimeKind};
use crate::report::format::{counted, duration_within};
use crate::report::percentiles::{Latency, Percentile};
use crate::report::summary::PanelSummary;

const HEIGHT: i32 = 410;
const FRAME: Frame = Frame {
    left: 84,
    top: 34,
    width: WIDTH - 84 - 190,
    height: HEIGHT - 34 - 52,
};
/// Nines beyond which an axis does not go: no run has so many operations.
const MOST_NINES: f64 = 9.0;

/// One curve.
struct Line<'s> {
    label: String,
    style: Style,
    latency: &'s Latency,
}

pub(super) fn charts(suite: &Suite<'_>, charts: &mut Vec<Chart>) {
    for panel in &suite.panels {
        charts.extend(chart(suite.name, panel, LoopKind::Open));
        charts.extend(chart(suite.name, panel, LoopKind::Closed));
    }
}

fn chart(suite: &str, panel: &PanelSummary, loop_kind: LoopKind) -> Option<Chart> {
    let lines = lines(panel, loop_kind);
    let end = lines
        .iter()
        .filter_map(|line| Some(line.latency.curve.last()?.0))
        .fold(0.0, f64::max);
    let times = || lines.iter().flat_map(|line| &line.latency.curve);
    let (least, most) = (
        times().map(|point| point.1).fold(f64::INFINITY, f64::min),
        times().map(|point| point.1).fold(0.0, f64::max),
    );
    if lines.is_empty() || end <= 0.0 {
        return None;
    }
    let workload = workload_of(panel);
    let threads = counted(u64::from(panel.entry.threads), "thread");
    let title = match loop_kind {
        LoopKind::Open => {
            let offered = panel
                .entry
                .pace
                .as_ref()
                .and_then(|pace| pace.offered_per_s);
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
    let svg = canvas::draw(&title, HEIGHT, |canvas| {
        let x = nines(end.min(MOST_NINES));
        let y = Axis::log_time(least, most, 12, "latency");
        paint(canvas, &lines, &x, &y, loop_kind)
    })?;
    Some(Chart {
        file: stem(&[
            match loop_kind {
                LoopKind::Open => "percentiles",
                LoopKind::Closed => "percentiles-closed",
            },
            suite,
            &workload,
            &format!("{}t", panel.entry.threads),
        ]),
        suite: suite.to_owned(),
        panels: vec![panel.entry.panel],
        title,
        about: about(loop_kind, &lines),
        svg,
    })
}

fn about(loop_kind: LoopKind, lines: &[Line<'_>]) -> String {
    let mut about = "The part of operations that took no longer, against that time; both axes are logarithmic, each \
                     step to the right leaves a tenth of the operations. Curves are of all trials together, whiskers \
                     from the least to the most of any trial. "
        .to_owned();
    about += match loop_kind {
        LoopKind::Open => {
            "Solid: response time, from when the operation was to begin. Dashed: service time, from when it did. \
             Between the two is what it waited for those before it."
        }
        LoopKind::Closed => {
            "Service times of a sample of operations, each begun when the last one had ended: while one stalls, those \
             that would have met the stall are not there to be counted."
        }
    };
    if lines.iter().any(|line| line.latency.fell_behind()) {
        about += " Hollow: it fell behind the rate that was offered, so that response times grow with the length of \
                  the slice and say nothing of the table at that rate.";
    }
    about
}

/// The curves of a panel, the controls' left out: an open loop's response before its service.
fn lines(panel: &PanelSummary, loop_kind: LoopKind) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let own = cell.latency.iter();
        let own = own.filter(|latency| latency.loop_kind == loop_kind && !latency.curve.is_empty());
        lines.extend(own.map(|latency| Line {
            label: panel.label(cell),
            style: Style::of(&cell.entry),
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

fn paint(
    canvas: &mut Canvas<'_>,
    lines: &[Line<'_>],
    x: &Axis,
    y: &Axis,
    loop_kind: LoopKind,
) -> Drawn {
    if loop_kind == LoopKind::Open {
        key(canvas)?;
    }
    let plot = canvas.plot(FRAME, x, y)?;
    let mut labels = Labels::new(FRAME);
    for line in lines {
        let path: Vec<(i32, i32)> = line
            .latency
            .curve
            .iter()
            .map(|(at, ns)| pixel(&plot, (x.within(*at), y.within(*ns))))
            .collect();
        let second = loop_kind == LoopKind::Open && line.latency.time == TimeKind::Service;
        if second {
            canvas.line(&path, line.style.dashed(), 1)?;
        } else {
            canvas.line(&path, line.style.fill(), 2)?;
        }
        points(canvas, &plot, line, (x, y), second)?;
        if let Some(last) = path.last().filter(|_| !second) {
            let behind = line.latency.fell_behind();
            let said = if behind { ": fell behind" } else { "" };
            labels.add_marked(last.1, (&line.label, said), line.style, behind);
        }
    }
    labels.draw(canvas)
}

/// What the two kinds of line are.
fn key(canvas: &Canvas<'_>) -> Drawn {
    let entries = [
        (
            FRAME.left,
            "response, from the intended start",
            Tone::Ink.colour(),
            2,
        ),
        (
            FRAME.left + 260,
            "service, from the real start",
            Tone::Ink.dashed(),
            1,
        ),
    ];
    for (left, text, colour, width) in entries {
        canvas.line(&[(left, 14), (left + 28, 14)], colour, width)?;
        canvas.text(text, (left + 36, 14), Align::Left, Tone::Muted)?;
    }
    Ok(())
}

/// The percentiles that reports tell, with their spread over trials.
fn points(
    canvas: &mut Canvas<'_>,
    plot: &Plot<'_>,
    line: &Line<'_>,
    (x, y): (&Axis, &Axis),
    second: bool,
) -> Drawn {
    let latency = line.latency;
    let Some((end, _)) = latency.curve.last() else {
        return Ok(());
    };
    let what = match latency.time {
        TimeKind::Response => "response",
        TimeKind::Service => "service",
    };
    for percentile in Percentile::ALL {
        let place = match percentile {
            Percentile::Max => *end,
            other => -(1.0 - other.quantile()).log10(),
        };
        // Of a hundred operations none is the 99.9th percentile.
        if place > *end {
            continue;
        }
        let ns = latency.at(percentile);
        let height = |ns: f64| pixel(plot, (x.within(place), y.within(ns)));
        let at = height(ns.mid);
        if !second {
            canvas.whiskers(
                at.0,
                (height(ns.low).1, height(ns.high).1),
                Tone::Ink.colour(),
            )?;
            if latency.fell_behind() {
                canvas.hollow_mark(at, line.style)?;
            } else {
                canvas.mark(at, line.style)?;
            }
        }
        let behind = match latency.behind {
            0 => String::new(),
            behind => format!(
                "; fell behind in {behind} of {}",
                counted(latency.trials as u64, "trial")
            ),
        };
        let text = format!(
            "{}: {what} {} {}{behind}",
            line.label,
            percentile.name(),
            duration_within(&ns)
        );
        canvas.hover_point(at, &text);
    }
    Ok(())
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
