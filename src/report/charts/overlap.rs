//! The cost of an operation over the work between two of them.

use super::axis::Axis;
use super::cost::{load_rules, own_ns};
use super::palette::Style;
use super::shape::{Plot, Point, Series as Drawn, Shape, Single};
use super::suite::{Draft, Suite, extremes, numbers, stem};
use crate::analysis::overlap::Series;
use crate::analysis::turn_over::Line;
use crate::base::Between;
use crate::report::format::{figure, figure_within};
use crate::report::labels::workload_among;

pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let all = Series::of(suite.panels.iter().copied());
    all.iter().filter_map(|one| chart(suite, one)).collect()
}

fn chart(suite: &Suite<'_>, series: &Series<'_>) -> Option<Draft> {
    let first = series.panels[0];
    let lines = series.lines();
    let mut kinds: Vec<Between> = series.panels.iter().map(|p| p.entry.between).collect();
    kinds.dedup();
    let points = || lines.iter().flat_map(|(_, points)| points);
    let (_, highest) =
        extremes(points().filter_map(|(panel, cell)| Some(own_ns(panel, cell)?.high)))?;
    let mut x = Axis::bare(-0.2, kinds.len() as f64 - 0.8).with_ticks(
        (0..)
            .zip(&kinds)
            .map(|(at, kind)| (f64::from(at), kind.to_string())),
    );
    "instructions between two operations (none: back to back), or chained".clone_into(&mut x.name);
    let y = Axis::from_zero(highest, 6, "ns an operation, without the harness");
    let drawn = lines
        .iter()
        .flat_map(|line| of_target(line, &kinds))
        .collect();
    let mut plot = Plot::new(x, y, drawn);
    plot.rules = load_rules(first);
    // What stands between is on the axis.
    let alike = suite
        .panels
        .iter()
        .copied()
        .filter(|panel| panel.entry.between == first.entry.between);
    let workload = workload_among(&first.entry, alike);
    Some(Draft {
        file: stem(&["overlap", suite.name, &workload]),
        panels: numbers(series.panels.iter().copied()),
        title: format!("What does an operation cost over the work between two, under {workload}?"),
        about: "Nanoseconds an operation less those of the harness with the same work between: what the table \
                costs, from 0; whiskers are 95 % bootstrap intervals. Back to back, a processor runs the next \
                lookup's cache misses under this one's. Work between two lookups ends that. Chained, the next \
                lookup waits for this one's value, as in a program that uses it."
            .to_owned(),
        shape: Shape::Plot(Single::new(plot)),
    })
}

/// A line over the instructions, and a point of its own where the target is chained.
fn of_target((label, points): &Line<'_>, kinds: &[Between]) -> Vec<Drawn> {
    let style = Style::of(points[0].1);
    let (mut counted, mut chained) = (Vec::new(), Vec::new());
    for (panel, cell) in points {
        let between = panel.entry.between;
        let (Some(ns), Some(at)) = (
            own_ns(panel, cell),
            kinds.iter().position(|kind| *kind == between),
        ) else {
            continue;
        };
        let rate = cell.rate.map_or(String::new(), |rate| {
            figure_within(&rate.map(|rate| rate / 1e6))
        });
        let point = Point::new(at as f64, ns.mid)
            .within(ns.low, ns.high)
            .says(format!(
                "{label}, {}: {} ns without the harness, {rate} M operations a second",
                between.words(),
                figure(ns.mid)
            ));
        match between {
            Between::Chained => chained.push(point),
            Between::Instructions(_) => counted.push(point),
        }
    }
    let end = chained.first().map(|point| point.y);
    let mut lines = vec![Drawn::marked(style, style.line(), counted)];
    if !chained.is_empty() {
        let mut alone = Drawn::marked(style, style.line(), chained);
        alone.line = None;
        lines.push(alone);
    }
    let said = end.map_or(String::new(), |ns| format!(": {} ns", figure(ns)));
    let last = lines.pop().expect("a target has a line");
    lines.push(last.named(label, said));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn a_target_is_a_line_over_instructions_and_a_point_where_it_is_chained() {
        let kinds = ["chained", "none", "100"];
        let mut run = Synthetic::new();
        for ns in [300.0, 100.0, 200.0] {
            run = run.panel("w", 1, &[Cell::new("fixed", 400.0), Cell::new("a", ns)]);
        }
        let mut records = run.records();
        for (panel, between) in records.manifest.panels.iter_mut().zip(kinds) {
            panel.between = between.parse().unwrap();
        }
        let charts = drawn(&records);
        let overlap = chart(&charts, "overlap-quick-w");
        for text in ["none", "100", "chained"] {
            has(&texts(&overlap.svg), text);
        }
        has(&titles(&overlap.svg), "a, back to back: ");
        has(&titles(&overlap.svg), "a, with 100 instructions between: ");
        has(&titles(&overlap.svg), "a, chained: ");
    }
}
