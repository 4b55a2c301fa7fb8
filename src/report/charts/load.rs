//! What an operation costs against the load factor, with the cost model beside it and what does not
//! obey it marked.

use super::axis::Axis;
use super::palette::{Ink, Tone};
use super::shape::{Plot, Point, Series, Shape, Single};
use super::suite::{Draft, extremes, numbers, positive, stem};
use super::sweep::{Line, vary_dashes};
use crate::analysis::sweep::measured;
use crate::base::{human_integer, things};
use crate::report::format::{change, figure, figure_within};
use crate::report::labels;
use crate::report::model::{FLAGGED, Model};
use crate::report::summary::CellSummary;

/// Points of a drawn model.
const MODEL_STEPS: u32 = 48;

/// The chart of some sweeps under one workload; only those with a model are on it.
pub(super) fn chart(suite: &str, workload: &str, mut lines: Vec<Line<'_>>) -> Option<Draft> {
    lines.retain(|line| line.model.is_some());
    name_by_entries(&mut lines);
    let pairs = || {
        lines
            .iter()
            .filter_map(|line| Some((line, line.model.as_ref()?)))
    };
    let (mut loads, mut times) = (Vec::new(), Vec::new());
    for (line, model) in pairs() {
        for (buckets, ns) in measured(&line.sweep) {
            loads.push(model.entries / buckets);
            times.extend([ns, model.ns(buckets)]);
        }
    }
    if loads.len() < 3 {
        return None;
    }
    let (loads, times) = (extremes(loads)?, extremes(times)?);
    let x = Axis::log(loads.0, loads.1, 8, "load factor α, entries a bucket");
    let y = Axis::log(times.0, times.1, 12, "ns an operation");
    let series = pairs().flat_map(|(line, model)| series(line, model, &x));
    let series = series.collect();
    Some(Draft {
        file: stem(&["load", suite, workload]),
        panels: numbers(lines.iter().map(|line| line.sweep.panel)),
        title: format!(
            "How does the cost of an operation depend on the load factor under \
                        {workload}?"
        ),
        about: format!(
            "Median nanoseconds an operation, with one thread, against α, the entries a bucket; \
             both axes are logarithmic; whiskers are 95 % bootstrap intervals. The dashed lines \
             are the cost model: α/2 + 1 steps of the same length, on top of the cost of the \
             harness. The step of each line is fitted by least squares of relative errors. A ring \
             marks a point more than {:.0} % off its model, with the difference.",
            FLAGGED * 100.0
        ),
        shape: Shape::Plot(Single::new(Plot::new(x, y, series))),
    })
}

/// Lines of several entry counts say which; those of one colour get other dashes.
fn name_by_entries(lines: &mut [Line<'_>]) {
    let entries: Vec<u64> = lines
        .iter()
        .map(|line| line.sweep.panel.entry.entries)
        .collect();
    if entries.iter().any(|other| *other != entries[0]) {
        for (line, entries) in lines.iter_mut().zip(&entries) {
            line.label = format!("{} {}", human_integer(*entries), things(*entries, "entry"));
        }
    }
    vary_dashes(lines);
}

/// The model of a sweep and what was measured, from the lowest load on.
fn series(line: &Line<'_>, model: &Model, x: &Axis) -> [Series; 2] {
    let loads = extremes(measured(&line.sweep).map(|(buckets, _)| model.entries / buckets));
    let (least, most) = loads.unwrap_or((1.0, 1.0));
    let places = x.steps(least, most, MODEL_STEPS);
    let curve = places.map(|load| (load, model.ns(model.entries / load)));
    let points = line.sweep.points.iter().rev();
    let points = points.filter_map(|(buckets, cell)| point(line, model, *buckets, cell));
    [
        Series::curve(Ink::from(Tone::Muted).dashed(), 2, curve),
        Series::marked(line.style, line.style.line(), points.collect()).named(&line.label, ""),
    ]
}

fn point(line: &Line<'_>, model: &Model, buckets: u64, cell: &CellSummary) -> Option<Point> {
    let ns = cell.ns_per_op.filter(|ns| positive(ns.low).is_some())?;
    let load = model.entries / buckets as f64;
    let residual = model.residual(buckets as f64, ns.mid);
    let panel = line.sweep.panel;
    let mut point = Point::new(load, ns.mid)
        .within(ns.low, ns.high)
        .says(format!(
            "{}, {}, α = {} ({} {} in {} {}): {} ns an operation, the model says {} ns ({})",
            panel.label(cell),
            labels::threads(panel),
            figure(load),
            human_integer(panel.entry.entries),
            things(panel.entry.entries, "entry"),
            human_integer(buckets),
            things(buckets, "bucket"),
            figure_within(&ns),
            figure(model.ns(buckets as f64)),
            change(1.0 + residual)
        ));
    if residual.abs() > FLAGGED {
        point.flag = Some((change(1.0 + residual), residual > 0.0));
    }
    Some(point)
}
