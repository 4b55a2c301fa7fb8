//! What an operation costs against the load factor, with the cost model beside it and what does not
//! obey it marked.

use super::axis::Axis;
use super::buckets::{Line, measured};
use super::canvas::{self, Canvas, Drawn, Frame, WIDTH, pixel};
use super::labels::Labels;
use super::palette::Tone;
use super::{Chart, positive, stem};
use crate::base::human_integer;
use crate::report::format::{change, counted, figure, figure_within};
use crate::report::model::FLAGGED;

const HEIGHT: i32 = 400;
/// Points of a drawn model.
const MODEL_STEPS: u32 = 48;

/// The chart of some sweeps under one workload; only those with a model are on it.
pub(super) fn chart(suite: &str, workload: &str, lines: Vec<Line<'_>>) -> Option<Chart> {
    let mut lines: Vec<Line<'_>> = lines
        .into_iter()
        .filter(|line| line.model.is_some())
        .collect();
    name_by_entries(&mut lines);
    let ends = extent(&lines)?;
    let title = format!("What does an operation cost at which load factor under {workload}?");
    let about = format!(
        "Both axes are logarithmic: median nanoseconds of one thread an operation against α, the entries a bucket; \
         whiskers are 95 % bootstrap intervals. The dashed lines are the cost model, (α/2 + 1) steps of the same \
         length each on top of what the harness costs; a step is fitted for each line by least squares of relative \
         errors. A ring marks what lies more than {:.0} % off its model, with by how much.",
        FLAGGED * 100.0
    );
    let mut panels: Vec<u32> = lines
        .iter()
        .map(|line| line.sweep.panel.entry.panel)
        .collect();
    panels.dedup();
    let svg = canvas::draw(&title, HEIGHT, |canvas| paint(canvas, &lines, ends))?;
    Some(Chart {
        file: stem(&["load", suite, workload]),
        suite: suite.to_owned(),
        panels,
        title,
        about,
        svg,
    })
}

/// Lines of several entry counts say which; those of one colour get other dashes.
fn name_by_entries(lines: &mut [Line<'_>]) {
    let entries: Vec<u64> = lines
        .iter()
        .map(|line| line.sweep.panel.entry.entries)
        .collect();
    let styles: Vec<_> = lines.iter().map(|line| line.style).collect();
    let several = entries.iter().any(|other| *other != entries[0]);
    for (at, line) in lines.iter_mut().enumerate() {
        if several {
            line.label = format!("{} entries", human_integer(entries[at]));
        }
        let before = styles[..at].iter().filter(|style| **style == styles[at]);
        line.style = line.style.variant(before.count());
    }
}

/// The ends of load factors and of times, measured and modelled.
fn extent(lines: &[Line<'_>]) -> Option<[(f64, f64); 2]> {
    let mut ends = [(f64::INFINITY, 0.0_f64); 2];
    let mut points = 0;
    for line in lines {
        let model = line.model.as_ref()?;
        for (buckets, ns) in measured(&line.sweep) {
            let load = model.entries / buckets;
            for (at, value) in [(0, load), (1, ns), (1, model.ns(buckets))] {
                ends[at] = (ends[at].0.min(value), ends[at].1.max(value));
            }
            points += 1;
        }
    }
    (points > 2).then_some(ends)
}

fn paint(canvas: &mut Canvas<'_>, lines: &[Line<'_>], [loads, times]: [(f64, f64); 2]) -> Drawn {
    let frame = Frame {
        left: 84,
        top: 14,
        width: WIDTH - 84 - 170,
        height: HEIGHT - 70,
    };
    let x = Axis::log(loads.0, loads.1, 8, "load factor α, entries a bucket");
    let y = Axis::log(times.0, times.1, 12, "ns an operation");
    let plot = canvas.plot(frame, &x, &y)?;
    let mut labels = Labels::new(frame);
    for line in lines {
        let Some(model) = &line.model else { continue };
        let place = |load: f64, ns: f64| pixel(&plot, (x.at(load), y.within(ns)));
        let mut points: Vec<(f64, f64)> = measured(&line.sweep)
            .map(|(buckets, _)| (model.entries / buckets, buckets))
            .collect();
        points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            continue;
        };
        let (from, to) = (x.at(first.0), x.at(last.0));
        let curve: Vec<(i32, i32)> = (0..=MODEL_STEPS)
            .map(|step| from + (to - from) * f64::from(step) / f64::from(MODEL_STEPS))
            .map(|at| 10_f64.powf(at))
            .map(|load| place(load, model.ns(model.entries / load)))
            .collect();
        canvas.line(&curve, Tone::Muted.dashed(), 2)?;
        let mut path = Vec::new();
        let mut flags = Vec::new();
        for (buckets, cell) in line.sweep.points.iter().rev() {
            let Some(ns) = cell.ns_per_op.filter(|ns| positive(ns.low).is_some()) else {
                continue;
            };
            let (load, buckets_f) = (model.entries / *buckets as f64, *buckets as f64);
            let at = place(load, ns.mid);
            let ends = (place(load, ns.low).1, place(load, ns.high).1);
            canvas.line(&[(at.0, ends.0), (at.0, ends.1)], Tone::Ink.colour(), 1)?;
            path.push(at);
            let residual = model.residual(buckets_f, ns.mid);
            if residual.abs() > FLAGGED {
                flags.push((at, residual));
            }
            let text = format!(
                "{}, {}, α = {} ({} entries in {} buckets): {} ns an operation, the model says {} ns ({})",
                line.sweep.panel.label(cell),
                counted(u64::from(line.sweep.panel.entry.threads), "thread"),
                figure(load),
                human_integer(line.sweep.panel.entry.entries),
                human_integer(*buckets),
                figure_within(&ns),
                figure(model.ns(buckets_f)),
                change(1.0 + residual)
            );
            canvas.hover_point(at, &text);
        }
        canvas.line(&path, line.style.line(), 2)?;
        for at in &path {
            canvas.mark(*at, line.style)?;
        }
        for (at, residual) in flags {
            canvas.ring(at, 8)?;
            let above = if residual > 0.0 { -16 } else { 16 };
            canvas.text(
                &change(1.0 + residual),
                (at.0, at.1 + above),
                canvas::Align::Centre,
                Tone::Ink,
            )?;
        }
        if let Some(last) = path.last() {
            labels.add(last.1, &line.label, Tone::Ink);
        }
    }
    labels.draw(canvas)
}
