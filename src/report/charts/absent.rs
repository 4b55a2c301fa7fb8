//! The cost of an operation over the share of lookups for absent keys.

use super::axis::Axis;
use super::cost::{load_rules, own_ns};
use super::palette::Style;
use super::shape::{Plot, Point, Series as Drawn, Shape, Single};
use super::suite::{Draft, Suite, extremes, numbers, stem};
use crate::analysis::absent::Series;
use crate::analysis::turn_over::Line;
use crate::report::format::{figure, figure_within};
use crate::report::labels::workload_among;
use crate::workload::absent_suffix;

pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let all = Series::of(suite.panels.iter().copied());
    all.iter().filter_map(|one| chart(suite, one)).collect()
}

fn chart(suite: &Suite<'_>, series: &Series<'_>) -> Option<Draft> {
    let [first, last] = series.ends();
    let lines = series.lines();
    let points = || lines.iter().flat_map(|(_, points)| points);
    let (_, highest) =
        extremes(points().filter_map(|(panel, cell)| Some(own_ns(panel, cell)?.high)))?;
    let share = |percent: u32| f64::from(percent);
    let (low, high) = (
        share(first.entry.absent.get()),
        share(last.entry.absent.get()),
    );
    let margin = (high - low) / 40.0;
    let mut shares: Vec<_> = series.panels.iter().map(|p| p.entry.absent).collect();
    shares.dedup();
    let ticks = shares.iter().map(|at| (share(at.get()), at.to_string()));
    let mut x = Axis::bare(low - margin, high + margin).with_ticks(ticks);
    "share of lookups for keys that were never stored".clone_into(&mut x.name);
    let y = Axis::from_zero(highest, 6, "ns an operation, without the harness");
    let mut plot = Plot::new(x, y, lines.iter().map(of_target).collect());
    plot.rules = load_rules(first);
    // The share is on the axis.
    let alike = suite.panels.iter().copied();
    let alike = alike.filter(|panel| panel.entry.absent == first.entry.absent);
    let suffix = absent_suffix(first.entry.absent);
    let workload = workload_among(&first.entry, alike).replacen(&suffix, "", 1);
    Some(Draft {
        file: stem(&["absent", suite.name, &workload]),
        panels: numbers(series.panels.iter().copied()),
        title: format!("What does an operation cost over the share of absent keys, under {workload}?"),
        about: "Nanoseconds an operation less those of the harness: what the table costs, from 0; whiskers are \
                95 % bootstrap intervals. Absent keys look like those that are stored and were never among \
                them. A chain is walked to its end for them; tags and filters tell most of them without a \
                look at an entry."
            .to_owned(),
        shape: Shape::Plot(Single::new(plot)),
    })
}

fn of_target((label, points): &Line<'_>) -> Drawn {
    let style = Style::of(points[0].1);
    let mut drawn = Vec::new();
    for (panel, cell) in points {
        let Some(ns) = own_ns(panel, cell) else {
            continue;
        };
        let rate = cell.rate.map_or(String::new(), |rate| {
            figure_within(&rate.map(|rate| rate / 1e6))
        });
        let share = panel.entry.absent;
        let said = format!(
            "{label}, {share} absent: {} ns without the harness, {rate} M operations a second",
            figure(ns.mid)
        );
        let at = f64::from(share.get());
        drawn.push(Point::new(at, ns.mid).within(ns.low, ns.high).says(said));
    }
    let said = drawn
        .last()
        .map_or(String::new(), |point| format!(": {} ns", figure(point.y)));
    Drawn::marked(style, style.line(), drawn).named(label, said)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::absent::tests::run;

    #[test]
    fn a_target_is_a_line_over_the_shares() {
        let shares = [
            ("0%", [100.0, 200.0]),
            ("50%", [150.0, 150.0]),
            ("100%", [200.0, 100.0]),
        ];
        let charts = drawn(&run(&shares));
        let absent = chart(&charts, "absent-quick-w");
        for text in ["0 %", "50 %", "100 %"] {
            has(&texts(&absent.svg), text);
        }
        has(&titles(&absent.svg), "a, 0 % absent: ");
        has(&titles(&absent.svg), "b, 100 % absent: ");
    }
}
