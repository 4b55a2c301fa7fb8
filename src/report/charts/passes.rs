//! What charts over the time of passes share: the clock that runs in slices alone, the trial that is
//! drawn, and the resizes in it.

use std::collections::BTreeMap;

use crate::record::{MarkRow, SliceRow};

/// A resize, on the clock of its pass.
pub(super) struct Resize {
    pub at_ns: f64,
    pub took_ns: Option<f64>,
    pub from_buckets: u64,
    pub to_buckets: u64,
}

/// The trial of median length, of the slices of one cell: its number, and its slices in order.
pub(super) fn median_trial<'r>(slices: &[&'r SliceRow]) -> Option<(u32, Vec<Vec<&'r SliceRow>>)> {
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
pub(super) fn marks_of<'r>(
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
pub(super) struct Clock {
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
pub(super) fn last_attempts<'r>(rows: &[&'r SliceRow]) -> Vec<&'r SliceRow> {
    let last = rows.iter().map(|row| row.attempt).max().unwrap_or(0);
    rows.iter()
        .copied()
        .filter(|row| row.attempt == last)
        .collect()
}

/// When the first of a slice's threads began, and how long it took until the last was done.
pub(super) fn span(rows: &[&SliceRow]) -> (u64, u64) {
    let started = rows.iter().map(|row| row.started_ns).min().unwrap_or(0);
    let ended = rows
        .iter()
        .map(|row| row.started_ns.saturating_add(row.elapsed_ns))
        .max();
    (started, ended.unwrap_or(0).saturating_sub(started))
}

/// The resizes of a trial. Marks and slices have the same clock.
pub(super) fn resizes(marks: &[&MarkRow], clock: &Clock) -> Vec<Resize> {
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
