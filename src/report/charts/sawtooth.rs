//! The cost of a lookup at the fill points of a growing table.

use super::axis::{Axis, amount};
use super::palette::Style;
use super::shape::{Band, Multiples, Plot, Series, Shape, Zone};
use super::suite::{Draft, Suite, and_more, extremes, stem, workload_of};
use crate::analysis::sawtooth::{Course, Resize, courses};
use crate::base::human_integer;
use crate::record::Records;
use crate::report::format::figure;
use crate::report::labels;
use crate::report::summary::PanelSummary;

const COLUMNS: i32 = 2;
/// Small plots in a chart.
const MOST_CELLS: usize = 12;
/// From this ratio of the extremes on costs are on a logarithmic scale.
const LOG_FROM: f64 = 10.0;
/// Resizes that are drawn in a plot: of more, which go on all the time, no band would be seen.
const MOST_RESIZES: usize = 40;

pub(super) fn charts(suite: &Suite<'_>, records: &Records) -> Vec<Draft> {
    let panels = suite.panels.iter();
    panels
        .filter_map(|panel| chart(suite.name, panel, records))
        .collect()
}

fn chart(suite: &str, panel: &PanelSummary, records: &Records) -> Option<Draft> {
    let mut courses = courses(panel, records);
    let left_out = courses.len().saturating_sub(MOST_CELLS);
    courses.truncate(MOST_CELLS);
    let points = || courses.iter().flat_map(|course| &course.points);
    let (low, high) = extremes(points().map(|(_, ns)| *ns))?;
    let (_, most) = extremes(points().map(|(entries, _)| *entries))?;
    let log = high / low >= LOG_FROM;
    let (scale, y) = if log {
        ("logarithmic", Axis::log(low, high, 4, "ns a lookup"))
    } else {
        ("linear, from 0", Axis::from_zero(high, 4, "ns a lookup"))
    };
    let x = Axis::from_zero(most, 4, "entries in the table");
    let (workload, threads) = (workload_of(panel), panel.entry.threads);
    Some(Draft {
        file: stem(&["sawtooth", suite, &workload, &format!("{threads}t")]),
        panels: vec![panel.entry.panel],
        title: format!(
            "What does a lookup cost while a table fills up, between two resizes? ({workload}, {})",
            labels::threads(panel)
        ),
        about: format!(
            "Nanoseconds of one thread a lookup, harness included, at {} fill points: the median over the trials. \
             All plots have the same axes, the upright one {scale}. Grey bands with a triangle on top are resizes, \
             where a table notes them and they are few.{}",
            panel.entry.points.unwrap_or(0),
            and_more(left_out, "target")
        ),
        shape: Shape::Multiples(Multiples {
            columns: COLUMNS,
            plots: courses.iter().map(|course| small(course, &x, &y)).collect(),
            notes: Vec::new(),
        }),
    })
}

fn small(course: &Course<'_>, x: &Axis, y: &Axis) -> (String, Plot) {
    let points = &course.points;
    let line = Series::curve(Style::of(course.cell).fill(), 2, points.iter().copied());
    let mut before = 0.0;
    let zones = points.iter().map(|&(entries, ns)| {
        let from = std::mem::replace(&mut before, entries);
        Zone {
            from,
            to: entries,
            hover: format!(
                "{}, {} entries: {} ns a lookup",
                course.label,
                amount(entries),
                figure(ns)
            ),
        }
    });
    let end = points.last().map_or(0.0, |(entries, _)| *entries);
    let few = course.resizes.len() <= MOST_RESIZES;
    let band = |resize: &Resize| Band {
        from: resize.from,
        to: resize.to.unwrap_or(end),
        hover: format!(
            "{}: resize from {} to {} buckets at {} entries",
            course.label,
            human_integer(resize.from_buckets),
            human_integer(resize.to_buckets),
            amount(resize.from)
        ),
    };
    let plot = Plot {
        zones: zones.collect(),
        bands: course.resizes.iter().filter(|_| few).map(band).collect(),
        ..Plot::new(x.clone(), y.clone(), vec![line])
    };
    (course.label.clone(), plot)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::sawtooth::tests::run;

    #[test]
    fn each_table_has_a_plot_over_its_entries() {
        let charts = drawn(&run());
        let sawtooth = chart(&charts, "sawtooth-quick-growing-1t");
        has(&texts(&sawtooth.svg), "striped");
        has(&titles(&sawtooth.svg), "striped, 1000 entries: 1");
        has(
            &titles(&sawtooth.svg),
            "striped: resize from 2^10 to 2^11 buckets at 1250 entries",
        );
        assert!(charts.iter().all(|chart| !chart.file.starts_with("time-")));
    }
}
