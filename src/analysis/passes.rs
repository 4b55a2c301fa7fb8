//! Passes: the trial that stands for a cell, its slices on a clock that runs in slices alone, and the
//! resizes in it.

use std::collections::BTreeMap;

use super::figures::positive;
use super::rates::rate_of_slice;
use super::summary::{CellSummary, PanelSummary};
use crate::record::{MarkRow, Records, SliceKind, SliceRow};

/// A resize, on the clock of its pass.
pub(crate) struct Resize {
    pub at_ns: f64,
    pub took_ns: Option<f64>,
    pub from_buckets: u64,
    pub to_buckets: u64,
}

/// The trial of median length, of the slices of one cell: its number, and its slices in order.
pub(crate) fn median_trial<'r>(slices: &[&'r SliceRow]) -> Option<(u32, Vec<Vec<&'r SliceRow>>)> {
    let mut trials: BTreeMap<(u32, u32), BTreeMap<u32, Vec<&SliceRow>>> = BTreeMap::new();
    for slice in slices {
        let trial = trials.entry((slice.birth, slice.trial)).or_default();
        trial.entry(slice.round).or_default().push(slice);
    }
    let length = |rounds: &BTreeMap<u32, Vec<&SliceRow>>| -> u64 {
        rounds
            .values()
            .map(|rows| span(&last_attempts(rows)).1)
            .sum()
    };
    let mut lengths: Vec<(u64, (u32, u32))> = trials
        .iter()
        .map(|(key, rounds)| (length(rounds), *key))
        .collect();
    lengths.sort_unstable();
    let key = lengths.get(lengths.len().checked_sub(1)? / 2)?.1;
    let rounds = trials.remove(&key)?;
    Some((key.1, rounds.into_values().collect()))
}

/// The marks of one trial of a cell.
pub(crate) fn marks_of<'r>(
    marks: &'r [MarkRow],
    panel: u32,
    cell_id: &str,
    trial: u32,
) -> Vec<&'r MarkRow> {
    let own = marks.iter();
    own.filter(|mark| (mark.panel, mark.trial) == (panel, trial) && mark.cell_id == cell_id)
        .collect()
}

/// The time within slices: what lies between them, when other children work, does not pass.
#[derive(Default)]
pub(crate) struct Clock {
    /// When a slice began and how long it took, by the child's clock, and the time within slices
    /// when it began.
    slices: Vec<(u64, u64, f64)>,
    pub end_ns: f64,
}

impl Clock {
    /// Adds a slice; gives the time at its start and at its end.
    pub fn add(&mut self, started: u64, took: u64) -> (f64, f64) {
        let from_ns = self.end_ns;
        self.slices.push((started, took, from_ns));
        self.end_ns += took as f64;
        (from_ns, self.end_ns)
    }

    /// The time within slices at a time of the child's clock, if it is within the trial. Between
    /// two slices it is the start of the later one.
    pub fn at(&self, at_ns: u64) -> Option<f64> {
        let (first, ..) = self.slices.first()?;
        if at_ns < *first {
            return None;
        }
        let later = |(started, took, _): &&(u64, u64, f64)| at_ns <= started.saturating_add(*took);
        let (started, _, from_ns) = self.slices.iter().find(later)?;
        Some(from_ns + at_ns.saturating_sub(*started) as f64)
    }
}

/// Of a slice that was repeated the last attempt counts.
pub(crate) fn last_attempts<'r>(rows: &[&'r SliceRow]) -> Vec<&'r SliceRow> {
    let last = rows.iter().map(|row| row.attempt).max().unwrap_or(0);
    rows.iter()
        .copied()
        .filter(|row| row.attempt == last)
        .collect()
}

/// When the first of a slice's threads began, and how long it took until the last was done.
pub(crate) fn span(rows: &[&SliceRow]) -> (u64, u64) {
    let started = rows.iter().map(|row| row.started_ns).min().unwrap_or(0);
    let ended = rows
        .iter()
        .map(|row| row.started_ns.saturating_add(row.elapsed_ns))
        .max();
    (started, ended.unwrap_or(0).saturating_sub(started))
}

/// The resizes of a trial. Marks and slices have the same clock.
pub(crate) fn resizes(marks: &[&MarkRow], clock: &Clock) -> Vec<Resize> {
    let began = marks
        .iter()
        .enumerate()
        .filter(|(_, mark)| mark.event == "begin");
    began
        .filter_map(|(index, begin)| {
            let mut later = marks[index..].iter().filter(|mark| mark.event == "end");
            // One that was given up ends at the buckets that it began with.
            let given_up = |mark: &MarkRow| {
                mark.from_buckets == begin.from_buckets && mark.to_buckets == begin.from_buckets
            };
            let end = later.find(|mark| mark.to_buckets == begin.to_buckets || given_up(mark));
            let at_ns = clock.at(begin.at_ns)?;
            Some(Resize {
                at_ns,
                took_ns: end.and_then(|end| Some((clock.at(end.at_ns)? - at_ns).max(0.0))),
                from_buckets: begin.from_buckets,
                to_buckets: begin.to_buckets,
            })
        })
        .collect()
}

/// What a report says of the slices of a pass.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Figure {
    /// Operations a second.
    Rate,
    /// The longest operation of each slice, in milliseconds.
    Longest,
    /// Growth of resident memory, in MiB.
    Memory,
}

impl Figure {
    /// The figure of a slice, over its threads.
    fn of(self, rows: &[&SliceRow]) -> f64 {
        match self {
            Figure::Rate => rate_of_slice(rows),
            Figure::Longest => {
                let longest = rows.iter().filter_map(|row| row.longest_ns).max();
                longest.map_or(0.0, |ns| ns as f64 / 1e6)
            }
            Figure::Memory => {
                let rss = rows.iter().filter_map(|row| row.rss_bytes).max();
                rss.map_or(0.0, |bytes| bytes as f64 / f64::from(1 << 20))
            }
        }
    }
}

/// One trial of one cell.
pub(crate) struct Pass<'s> {
    pub cell: &'s CellSummary,
    pub label: String,
    pub steps: Vec<Step>,
    pub resizes: Vec<Resize>,
}

/// One slice: from and to in nanoseconds since the trial began, waits between slices left out.
pub(crate) struct Step {
    pub from_ns: f64,
    pub to_ns: f64,
    pub value: f64,
}

/// The passes of a panel, one of each cell that has figures.
pub(crate) fn passes<'s>(
    panel: &'s PanelSummary,
    records: &Records,
    shown: Figure,
) -> Vec<Pass<'s>> {
    let mut slices: BTreeMap<&str, Vec<&SliceRow>> = BTreeMap::new();
    let of_panel =
        |row: &&SliceRow| row.panel == panel.entry.panel && row.kind == SliceKind::Throughput;
    // Only a process's first pass knows its memory.
    let is_known = |row: &&SliceRow| shown != Figure::Memory || row.rss_bytes.is_some();
    for row in records.slices.iter().filter(of_panel).filter(is_known) {
        slices.entry(&row.cell_id).or_default().push(row);
    }
    let ranked = panel.cells.iter().filter(|cell| cell.ranked());
    let pass = |cell: &'s CellSummary| {
        let slices = slices.get(cell.entry.cell_id.as_str())?;
        pass(panel, cell, slices, &records.marks, shown)
    };
    ranked.filter_map(pass).collect()
}

/// The trial of median length with one figure; none of a cell that failed.
fn pass<'s>(
    panel: &PanelSummary,
    cell: &'s CellSummary,
    slices: &[&SliceRow],
    marks: &[MarkRow],
    shown: Figure,
) -> Option<Pass<'s>> {
    cell.rate?;
    let (trial, rounds) = median_trial(slices)?;
    let marks = marks_of(marks, panel.entry.panel, &cell.entry.cell_id, trial);
    let mut pass = Pass {
        cell,
        label: panel.label(cell),
        steps: Vec::new(),
        resizes: Vec::new(),
    };
    let mut clock = Clock::default();
    for rows in &rounds {
        let rows = last_attempts(rows);
        let (started, took) = span(&rows);
        let value = shown.of(&rows);
        let (from_ns, to_ns) = clock.add(started, took);
        if positive(value).is_some() {
            pass.steps.push(Step {
                from_ns,
                to_ns,
                value,
            });
        }
    }
    pass.resizes = resizes(&marks, &clock);
    (!pass.steps.is_empty()).then_some(pass)
}
