//! What a lookup costs at the fill points of a growing table, and the resizes between them.

use std::collections::BTreeMap;

use super::passes::{marks_of, span};
use super::rates::rate_of_slice;
use super::summary::{CellSummary, PanelSummary};
use crate::record::{Records, SliceKind, SliceRow};
use crate::stats::median;

/// The course of one cell.
pub(crate) struct Course<'s> {
    pub cell: &'s CellSummary,
    pub label: String,
    /// Entries in the table, and nanoseconds of one thread a lookup: the median over the trials.
    pub points: Vec<(f64, f64)>,
    /// Resizes of the first trial.
    pub resizes: Vec<Resize>,
}

/// A resize, on the axis of entries.
pub(crate) struct Resize {
    pub from: f64,
    /// `None` where it did not end.
    pub to: Option<f64>,
    pub from_buckets: u64,
    pub to_buckets: u64,
}

/// The courses of a panel whose tables grow from fill point to fill point.
pub(crate) fn courses<'s>(panel: &'s PanelSummary, records: &Records) -> Vec<Course<'s>> {
    if panel.entry.points.is_none() {
        return Vec::new();
    }
    let number = panel.entry.panel;
    let mut slices: BTreeMap<&str, Vec<&SliceRow>> = BTreeMap::new();
    for row in records.slices.iter().filter(|row| row.panel == number) {
        slices.entry(&row.cell_id).or_default().push(row);
    }
    let ranked = panel.cells.iter().filter(|cell| cell.ranked());
    let course = |cell: &'s CellSummary| {
        cell.rate?;
        let id = cell.entry.cell_id.as_str();
        let trials = trials(slices.get(id)?);
        let (first, steps) = trials.iter().next()?;
        let marks = marks_of(&records.marks, number, id, first.1);
        let resizes = marks
            .iter()
            .enumerate()
            .filter(|(_, mark)| mark.event == "begin")
            .filter_map(|(at, begin)| {
                let is_its_end = |mark: &&&crate::record::MarkRow| {
                    mark.event == "end" && mark.to_buckets == begin.to_buckets
                };
                let end = marks[at..].iter().find(is_its_end);
                Some(Resize {
                    from: entries_at(steps, begin.at_ns)?,
                    to: end.and_then(|end| entries_at(steps, end.at_ns)),
                    from_buckets: begin.from_buckets,
                    to_buckets: begin.to_buckets,
                })
            });
        Some(Course {
            cell,
            label: panel.label(cell),
            points: points(&trials, panel.entry.threads),
            resizes: resizes.collect(),
        })
    };
    let courses = ranked.filter_map(course);
    courses.filter(|course| !course.points.is_empty()).collect()
}

/// One fill point of one trial: the inserts up to it, and the lookups at it.
#[derive(Default)]
struct Step<'r> {
    growth: Vec<&'r SliceRow>,
    lookups: Vec<&'r SliceRow>,
    /// Entries before and after the inserts.
    before: f64,
    after: f64,
}

/// The steps of each trial of a cell, in order, by birth and trial.
fn trials<'r>(slices: &[&'r SliceRow]) -> BTreeMap<(u32, u32), Vec<Step<'r>>> {
    let mut rounds: BTreeMap<(u32, u32), BTreeMap<u32, Step<'r>>> = BTreeMap::new();
    for row in slices {
        let trial = rounds.entry((row.birth, row.trial)).or_default();
        let step = trial.entry(row.round).or_default();
        match row.kind {
            SliceKind::Growth => step.growth.push(row),
            SliceKind::Throughput => step.lookups.push(row),
            _ => {}
        }
    }
    let counted = |steps: BTreeMap<u32, Step<'r>>| {
        let mut entries = 0.0;
        let mut steps: Vec<Step<'r>> = steps.into_values().collect();
        for step in &mut steps {
            step.before = entries;
            entries += step.growth.iter().map(|row| row.ops as f64).sum::<f64>();
            step.after = entries;
        }
        steps
    };
    let all = rounds.into_iter();
    all.map(|(trial, steps)| (trial, counted(steps))).collect()
}

/// Entries and the median cost over the trials, for each point.
fn points(trials: &BTreeMap<(u32, u32), Vec<Step<'_>>>, threads: u32) -> Vec<(f64, f64)> {
    let count = trials.values().map(Vec::len).max().unwrap_or(0);
    let point = |at: usize| {
        let mut steps = trials.values().filter_map(|steps| steps.get(at));
        let mut costs: Vec<f64> = steps
            .clone()
            .map(|step| f64::from(threads) * 1e9 / rate_of_slice(&step.lookups))
            .filter(|ns| ns.is_finite())
            .collect();
        costs.sort_by(f64::total_cmp);
        let entries = steps.next()?.after;
        Some((entries, median(&costs)?))
    };
    (0..count).filter_map(point).collect()
}

/// Entries in the table at a time of the child's clock, as if a step's inserts were evenly spread over it.
fn entries_at(steps: &[Step<'_>], at_ns: u64) -> Option<f64> {
    let step = steps.iter().rev().find(|step| {
        let started = step.growth.iter().map(|row| row.started_ns).min();
        started.is_some_and(|started| started <= at_ns)
    })?;
    let (started, took) = span(&step.growth);
    let part = (at_ns - started) as f64 / took.max(1) as f64;
    Some(step.before + (step.after - step.before) * part.min(1.0))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::record::MarkRow;

    /// Passes of `fixed` and `striped` whose every slice is lookups at a fill point, after 1,000 inserts that took a
    /// millisecond; one resize of `striped` goes on for half of the second point's inserts.
    pub(crate) fn run() -> Records {
        let cells = [Cell::new("fixed", 600.0), Cell::new("striped", 120.0)];
        let mut records = Synthetic::new()
            .pass("growing", 1, 100_000, &cells)
            .records();
        records.manifest.panels[0].points = Some(20);
        let grown = |row: &SliceRow| SliceRow {
            kind: SliceKind::Growth,
            ops: 1_000,
            started_ns: row.started_ns - 2_000_000,
            elapsed_ns: 1_000_000,
            ..row.clone()
        };
        for row in &mut records.slices {
            // Room for the inserts before it.
            row.started_ns = 10_000_000 * (u64::from(row.round) + 1);
        }
        let growth: Vec<SliceRow> = records.slices.iter().map(grown).collect();
        let own = growth
            .iter()
            .filter(|row| row.cell_id == "p0-striped" && row.trial == 0);
        let mut starts: Vec<(u32, u64)> = own.map(|row| (row.round, row.started_ns)).collect();
        starts.sort_unstable();
        let (_, started) = starts[1];
        records.slices.extend(growth);
        for (event, after) in [("begin", 250_000), ("end", 750_000)] {
            records.marks.push(MarkRow {
                panel: 0,
                cell_id: "p0-striped".into(),
                trial: 0,
                at_ns: started + after,
                event: event.into(),
                from_buckets: 1024,
                to_buckets: 2048,
            });
        }
        records
    }

    #[test]
    fn a_course_goes_from_point_to_point_and_has_its_resizes() {
        let records = run();
        let summary = Summary::of(&records);
        let courses = courses(&summary.panels[0], &records);
        let labels: Vec<&str> = courses.iter().map(|course| course.label.as_str()).collect();
        assert_eq!(labels, ["fixed", "striped"]);
        let entries: Vec<f64> = courses[1]
            .points
            .iter()
            .map(|(entries, _)| *entries)
            .collect();
        assert!(entries.len() > 2, "{entries:?}");
        for (at, entries) in entries.iter().enumerate() {
            assert!(
                (entries - 1_000.0 * (at as f64 + 1.0)).abs() < 0.5,
                "{entries}"
            );
        }
        for (course, ns) in courses.iter().zip([600.0, 120.0]) {
            // Rounds are disturbed now and then.
            let mut all = course.points.iter();
            assert!(all.all(|(_, own)| (0.7..1.4).contains(&(own / ns))));
        }
        assert!(courses[0].resizes.is_empty());
        let resize = &courses[1].resizes[0];
        assert!((resize.from - 1_250.0).abs() < 1.0, "{}", resize.from);
        assert!((resize.to.unwrap() - 1_750.0).abs() < 1.0);
        // Other passes have none.
        let mut records = records;
        records.manifest.panels[0].points = None;
        let summary = Summary::of(&records);
        assert!(super::courses(&summary.panels[0], &records).is_empty());
    }
}
