//! What speed costs in memory: rates over bytes an entry, and the front that nothing beats in both.

use super::axis::Axis;
use super::palette::{Ink, Style, Tone};
use super::shape::{Mark, Names, Plot, Point, Series, Shape, Single};
use super::suite::{Draft, Suite, extremes, positive, stem, workload_of};
use crate::base::Between;
use crate::report::format::{figure, figure_within};
use crate::report::labels;
use crate::report::summary::{CellSummary, PanelSummary};

/// Targets below which two columns of a table say it as well.
const FEWEST: usize = 4;

/// A target in the plane.
struct Place<'s> {
    cell: &'s CellSummary,
    bytes: f64,
    per_s: f64,
}

/// The panel of a suite in which most targets have both figures, the first of several.
pub(super) fn chart(suite: &Suite<'_>) -> Option<Draft> {
    // Where there are any that are chained, back to back is for comparison with other benchmarks.
    let is_chained = |panel: &PanelSummary| panel.entry.between == Between::Chained;
    let any_chained = suite.panels.iter().any(|panel| is_chained(panel));
    let panels = suite.panels.iter().copied();
    let panels =
        panels.filter(|panel| !panel.is_open_loop() && (!any_chained || is_chained(panel)));
    let mut best: Option<(&PanelSummary, Vec<Place<'_>>)> = None;
    for panel in panels {
        let places: Vec<Place<'_>> = panel.cells.iter().filter_map(place).collect();
        if best
            .as_ref()
            .is_none_or(|(_, most)| places.len() > most.len())
        {
            best = Some((panel, places));
        }
    }
    let (panel, places) = best.filter(|(_, places)| places.len() >= FEWEST)?;
    let (least, most) = extremes(places.iter().map(|place| place.bytes))?;
    let (_, fastest) = extremes(places.iter().map(|place| place.per_s))?;
    let front = front(&places);
    let at_front = front.iter().map(|place| panel.label(place.cell));
    let at_front: Vec<String> = at_front.collect();
    let mut series = vec![steps(&front, most)];
    series.extend(places.iter().map(|place| point(panel, place)));
    let plot = Plot::new(
        Axis::log(least, most, 6, "bytes an entry, resident"),
        Axis::from_zero(fastest / 1e6, 6, "M ops/s"),
        series,
    );
    let place = format!("{}, {}", workload_of(panel), labels::threads(panel));
    Some(Draft {
        file: stem(&["tradeoff", suite.name]),
        panels: vec![panel.entry.panel],
        title: format!("What does speed cost in memory ({place})?"),
        about: format!(
            "Rates of all threads together with their 95 % intervals, from 0, over resident memory at rest, \
             logarithmic. Left and up is better. On the line lies what no other table here beats in both: {}.",
            at_front.join(", ")
        ),
        shape: Shape::Plot(Single {
            names: Names::Listed,
            ..Single::new(plot)
        }),
    })
}

fn place(cell: &CellSummary) -> Option<Place<'_>> {
    Some(Place {
        cell,
        bytes: positive(cell.bytes_per_entry.filter(|_| cell.ranked())?)?,
        per_s: positive(cell.rate?.mid)?,
    })
}

/// Those that are faster than everything as small, the smallest first.
fn front<'p, 's>(places: &'p [Place<'s>]) -> Vec<&'p Place<'s>> {
    let mut sorted: Vec<&Place<'_>> = places.iter().collect();
    sorted.sort_by(|a, b| {
        a.bytes
            .total_cmp(&b.bytes)
            .then(b.per_s.total_cmp(&a.per_s))
    });
    let mut fastest = 0.0;
    sorted.retain(|place| {
        let better = place.per_s > fastest;
        fastest = fastest.max(place.per_s);
        better
    });
    sorted
}

/// The front as a staircase: with so many bytes, the fastest that takes no more.
fn steps(front: &[&Place<'_>], most: f64) -> Series {
    let mut points = Vec::new();
    let mut before = 0.0;
    for place in front {
        points.push((place.bytes, before));
        points.push((place.bytes, place.per_s / 1e6));
        before = place.per_s / 1e6;
    }
    points.push((most, before));
    Series::curve(Ink::from(Tone::Muted).dashed(), 2, points)
}

fn point(panel: &PanelSummary, place: &Place<'_>) -> Series {
    let label = panel.label(place.cell);
    let rate = place.cell.rate.map(|rate| rate.map(|rate| rate / 1e6));
    let said = rate.as_ref().map_or(String::new(), figure_within);
    let hover = format!(
        "{label}: {said} million operations a second, {} bytes an entry",
        figure(place.bytes)
    );
    let mut at = Point::new(place.bytes, place.per_s / 1e6).says(hover);
    if let Some(rate) = rate {
        at = at.within(rate.low, rate.high);
    }
    Series {
        mark: Mark::Of(Style::of(place.cell)),
        points: vec![at],
        ..Series::default()
    }
    .named(label, format!("{} B", figure(place.bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn the_front_is_what_nothing_beats_in_both() {
        let cells: Vec<Cell<'_>> = ["fixed", "striped", "cuckoo", "dash"]
            .map(|name| Cell::new(name, 100.0))
            .into();
        let records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
        let summary = Summary::of(&records);
        let cell = &summary.panels[0].cells[0];
        let places = [
            (100.0, 5.0),
            (80.0, 3.0),
            (90.0, 2.0),
            (120.0, 5.0),
            (80.0, 4.0),
        ]
        .map(|(bytes, per_s)| Place { cell, bytes, per_s });
        let front: Vec<(f64, f64)> = front(&places)
            .iter()
            .map(|one| (one.bytes, one.per_s))
            .collect();
        assert_eq!(front, [(80.0, 4.0), (100.0, 5.0)]);
    }
}
