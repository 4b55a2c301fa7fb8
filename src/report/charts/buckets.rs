//! Throughput against the number of buckets, with the cost model of a chained table beside it.

use super::axis::{Axis, amount};
use super::load;
use super::palette::{Ink, Tone};
use super::shape::{Note, Plot, Point, Rule, Series, Shape, Single};
use super::suite::{
    Draft, Suite, extremes, floor_per_s, gather, numbers, positive, stem, workload_of,
};
use super::sweep::{Line, tell_apart};
use crate::analysis::structure::Structures;
use crate::analysis::sweep::sweeps;
use crate::base::{human_integer, things};
use crate::report::format::{figure, figure_within};
use crate::report::labels;
use crate::report::summary::CellSummary;

/// Points of a drawn model.
const MODEL_STEPS: u32 = 48;
/// Ticks that have room.
const MOST_TICKS: usize = 12;
/// Failures that are named.
const MOST_FAILURES: usize = 3;

/// The charts of a suite's sweeps: rates over buckets, and costs over loads where there is a model.
pub(super) fn charts(suite: &Suite<'_>, structures: &Structures<'_>) -> Vec<Draft> {
    let mut groups: Vec<((String, u64), Vec<Line<'_>>)> = Vec::new();
    for &panel in &suite.panels {
        for sweep in sweeps(panel) {
            let key = (workload_of(panel), panel.entry.entries);
            gather(&mut groups, key, Line::new(sweep, structures));
        }
    }
    let mut drafts = Vec::new();
    let mut by_workload: Vec<(String, Vec<Line<'_>>)> = Vec::new();
    for ((workload, _), mut lines) in groups {
        tell_apart(&mut lines);
        drafts.extend(chart(suite.name, &workload, &lines));
        for line in lines {
            gather(&mut by_workload, workload.clone(), line);
        }
    }
    for (workload, lines) in by_workload {
        drafts.extend(load::chart(suite.name, &workload, lines));
    }
    drafts
}

/// The chart of some sweeps of one workload.
fn chart(suite: &str, workload: &str, lines: &[Line<'_>]) -> Option<Draft> {
    let points = || lines.iter().flat_map(|line| &line.sweep.points);
    let rates = points()
        .filter_map(|(_, cell)| Some([positive(cell.rate?.low)?, positive(cell.rate?.high)?]));
    let rates: Vec<f64> = rates.flatten().collect();
    if rates.len() < 4 {
        return None;
    }
    let (low, high) = extremes(rates)?;
    let strategies = points().map(|(_, cell)| cell.entry.strategy.as_str());
    let first = strategies.clone().next()?;
    let one = strategies.clone().all(|strategy| strategy == first);
    let subject = if one { first } else { "each strategy" };
    let x = buckets_axis(points().map(|(buckets, _)| *buckets).collect());
    let y = Axis::log(low, high, 12, "operations a second");
    let series = lines.iter().flat_map(|line| series(line, &x, &y)).collect();
    let mut single = Single::new(Plot {
        rules: floors(lines),
        ..Plot::new(x, y, series)
    });
    let failed = points().filter(|(_, cell)| cell.error.is_some());
    single.notes = failed
        .take(MOST_FAILURES)
        .map(|(_, cell)| note(cell))
        .collect();
    Some(Draft {
        file: stem(&["buckets", suite, workload]),
        panels: numbers(lines.iter().map(|line| line.sweep.panel)),
        title: format!(
            "How does the throughput of {subject} depend on the number of buckets under {workload}?"
        ),
        about: about(lines),
        shape: Shape::Plot(single),
    })
}

fn about(lines: &[Line<'_>]) -> String {
    let mut about = "Median operations a second over all threads; both axes are logarithmic. \
                     Whiskers are 95 % bootstrap intervals. The dotted grey line is the harness \
                     floor, if it is on the scale."
        .to_owned();
    if let Some(model) = lines.iter().find_map(|line| line.model.as_ref()) {
        about += &format!(
            " The dashed grey line is the cost model: a lookup walks α/2 + 1 entries, where α is \
             the entries a bucket. Each entry takes {} ns, by a least-squares fit of relative \
             errors, on top of the harness's {} ns.",
            figure(model.step_ns),
            figure(model.base_ns)
        );
    }
    about
}

fn buckets_axis(mut counts: Vec<u64>) -> Axis {
    counts.sort_unstable();
    counts.dedup();
    let (fewest, most) = (counts[0] as f64, counts[counts.len() - 1] as f64);
    let every = counts.len().div_ceil(MOST_TICKS);
    let ticks = counts.iter().step_by(every);
    let ticks = ticks.map(|&count| (count as f64, human_integer(count)));
    Axis::log(fewest, most, 1, "buckets").with_ticks(ticks)
}

/// The model of a sweep, where there is one, and what was measured.
fn series(line: &Line<'_>, x: &Axis, y: &Axis) -> Vec<Series> {
    let sweep = &line.sweep;
    let threads = f64::from(sweep.panel.entry.threads);
    let ends = (sweep.points[0].0, sweep.points[sweep.points.len() - 1].0);
    let model = line.model.as_ref().map(|model| {
        let places = x.steps(ends.0 as f64, ends.1 as f64, MODEL_STEPS);
        let curve = places.map(|buckets| (buckets, threads * 1e9 / model.ns(buckets)));
        let curve = curve.filter(|(_, rate)| y.holds(*rate));
        Series::curve(Ink::from(Tone::Muted).dashed(), 2, curve).named("model: α/2 + 1 steps", "")
    });
    let points = sweep.points.iter();
    let points = points.filter_map(|(buckets, cell)| point(line, *buckets, cell));
    let measured = Series::marked(line.style, line.style.line(), points.collect());
    model
        .into_iter()
        .chain([measured.named(&line.label, "")])
        .collect()
}

fn point(line: &Line<'_>, buckets: u64, cell: &CellSummary) -> Option<Point> {
    let rate = cell.rate.filter(|rate| positive(rate.low).is_some())?;
    let ns = cell.ns_per_op.map_or(String::new(), |ns| {
        format!("; {} ns an operation", figure(ns.mid))
    });
    let model = line.model.as_ref().map_or(String::new(), |model| {
        format!(", the model says {} ns", figure(model.ns(buckets as f64)))
    });
    let walk = cell.mean_walk.map_or(String::new(), |walk| {
        format!("; a lookup walks {} entries by the census", figure(walk))
    });
    let panel = line.sweep.panel;
    let point = Point::new(buckets as f64, rate.mid).within(rate.low, rate.high);
    Some(point.says(format!(
        "{}, {}, {} {}: {} M operations a second{ns}{model}{walk}",
        panel.label(cell),
        labels::threads(panel),
        human_integer(buckets),
        things(buckets, "bucket"),
        figure_within(&rate.map(|rate| rate / 1e6))
    )))
}

/// The harness floor of each panel, once.
fn floors(lines: &[Line<'_>]) -> Vec<Rule> {
    let mut panels: Vec<_> = lines.iter().map(|line| line.sweep.panel).collect();
    panels.dedup_by_key(|panel| panel.entry.panel);
    let rates = panels.into_iter().filter_map(floor_per_s);
    let rule = |at| Rule {
        at,
        name: format!("harness floor {}/s", amount(at)),
    };
    rates.map(rule).collect()
}

fn note(cell: &CellSummary) -> Note {
    Note {
        text: format!("{}: failed", cell.entry.target),
        hover: format!(
            "{}: {}",
            cell.entry.target,
            cell.error.as_deref().unwrap_or("")
        ),
    }
}
