//! The records of an interrupted run, and whether it can be resumed.
//!
//! A trial counts when all cells of its panel have ended it, because ratios are paired within it. The rows
//! of an unfinished trial are dropped, and so are rows of trials without a row in `trials.csv`; the plan
//! continues with that trial.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::built::BuiltFrom;
use super::cell::Panel;
use super::done::Done;
use super::estimate::SEARCHED_BIRTHS;
use super::plan::Plan;
use crate::base::BadInput;
use crate::machine;
use crate::record::{CellEntry, Manifest, Records, ResumeEntry, SliceKind, SliceRow};

/// What must not change between two parts of one run.
const SAME_MACHINE: [&str; 5] = [
    "cpu_model",
    "cpus_online",
    "cpus_usable",
    "memory_total_bytes",
    "kernel",
];

/// Refuses to resume if the rest of the run would not be comparable with its records.
pub(super) fn check(
    begun: &Manifest,
    built_from: &BuiltFrom,
    cells: &[CellEntry],
    machine: &BTreeMap<String, String>,
) -> Result<(), BadInput> {
    check_for("resumed", begun, built_from, cells, machine)
}

/// Refuses what is to be `done` with a run, where what would be measured now were not comparable with it.
pub(super) fn check_for(
    done: &str,
    begun: &Manifest,
    built_from: &BuiltFrom,
    cells: &[CellEntry],
    machine: &BTreeMap<String, String>,
) -> Result<(), BadInput> {
    let refuse = |why: String| {
        Err(BadInput(format!(
            "run '{}' cannot be {done}: {why}",
            begun.run_id
        )))
    };
    if begun.binary_hash != built_from.binary_hash {
        return refuse(format!(
            "another build of this program began it (executable {}, revision {}; this one is {}, \
             revision {}), and one run cannot mix figures of two builds",
            begun.binary_hash, begun.revision, built_from.binary_hash, built_from.revision
        ));
    }
    for name in SAME_MACHINE {
        let (was, is) = (begun.machine.get(name), machine.get(name));
        if was != is {
            let say = |value: Option<&String>| value.map_or("unknown", String::as_str).to_owned();
            return refuse(format!(
                "it began on another machine: {name} was {} and is {} now",
                say(was),
                say(is)
            ));
        }
    }
    let ids = |cells: &[CellEntry]| -> Vec<(u32, String)> {
        let id = |cell: &CellEntry| (cell.panel, cell.cell_id.clone());
        cells.iter().map(id).collect()
    };
    if ids(&begun.cells) != ids(cells) {
        return refuse(
            "its suites give different cells now; perhaps one of their traces has changed"
                .to_owned(),
        );
    }
    Ok(())
}

/// What is left of a run.
pub(super) struct Left {
    /// The rows that count, and the manifest as it was.
    pub(super) records: Records,
    /// How far each panel had come.
    pub(super) done: Vec<Done>,
    /// What there is to say of it in the manifest.
    pub(super) entry: ResumeEntry,
}

impl Left {
    /// Sorts out what counts.
    pub(super) fn of(plan: &Plan<'_>, mut records: Records) -> Left {
        let mut done: Vec<Done> = (0..)
            .zip(&plan.panels)
            .map(|(index, panel)| trials_done(index, panel, &records))
            .collect();
        let before = rows(&records);
        let counts = |panel: u32, cell: &str, trial: u32| {
            done.get(panel as usize)
                .is_some_and(|done| trial < done.trials || done.searched.contains(cell))
        };
        // A cell's failure is the last that is known of it; it is no part of a trial in flight.
        records
            .trials
            .retain(|row| counts(row.panel, &row.cell_id, row.trial) || !row.error.is_empty());
        records
            .slices
            .retain(|row| counts(row.panel, &row.cell_id, row.trial));
        records
            .marks
            .retain(|row| counts(row.panel, &row.cell_id, row.trial));
        records
            .latency
            .retain(|row| counts(row.panel, &row.cell_id, row.trial));
        records
            .windows
            .retain(|row| counts(row.panel, &row.cell_id, row.trial));
        records
            .slo
            .retain(|row| counts(row.panel, &row.cell_id, u32::MAX));
        let ended: BTreeSet<String> = records
            .trials
            .iter()
            .filter(|row| row.error.is_empty())
            .map(|row| row.cell_id.clone())
            .collect();
        records.census.retain(|row| ended.contains(&row.cell_id));
        let dropped_rows = (before - rows(&records)) as u64;
        // They are simulated again.
        records.misses.clear();
        let counted: BTreeSet<&str> = records
            .census
            .iter()
            .map(|row| row.cell_id.as_str())
            .collect();
        for (done, panel) in done.iter_mut().zip(&plan.panels) {
            let cells = panel.cells.iter().map(|cell| cell.id.as_str());
            done.counted = cells
                .filter(|id| counted.contains(id))
                .map(str::to_owned)
                .collect();
        }
        let last = done.iter().rposition(|done| done.trials > 0).unwrap_or(0);
        let entry = ResumeEntry {
            at: machine::utc_now().1,
            panel: u32::try_from(last).unwrap_or(u32::MAX),
            trials: done.get(last).map_or(0, |done| done.trials),
            dropped_rows,
            dropped_lines: records.dropped_lines,
        };
        Left {
            records,
            done,
            entry,
        }
    }
}

fn rows(records: &Records) -> usize {
    records.trials.len()
        + records.slices.len()
        + records.marks.len()
        + records.latency.len()
        + records.windows.len()
        + records.census.len()
}

/// The trials of a panel that every cell has ended, but for those that had failed before.
fn trials_done(index: u32, panel: &Panel<'_>, records: &Records) -> Done {
    let mut ended: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut failed: BTreeMap<&str, u32> = BTreeMap::new();
    let mut births: BTreeMap<u32, u32> = BTreeMap::new();
    for row in records.trials.iter().filter(|row| row.panel == index) {
        if row.error.is_empty() {
            ended.entry(&row.cell_id).or_default().insert(row.trial);
            births.insert(row.trial, row.birth);
        } else {
            failed.entry(&row.cell_id).or_insert(row.trial);
        }
    }
    if panel.search.is_some() {
        // The rates are the last that a search writes; one without all of them is begun anew.
        let of_panel = || records.slo.iter().filter(|row| row.panel == index);
        let births = |id: &str| of_panel().filter(|row| row.cell_id == id).count();
        let has_all = |id: &str| births(id) >= SEARCHED_BIRTHS as usize;
        let cells = || {
            panel
                .cells
                .iter()
                .map(|cell| (cell.target.control(), cell.id.as_str()))
        };
        // The floor's rows count with those of the targets.
        let all = cells().all(|(control, id)| control || has_all(id) || failed.contains_key(id));
        let searched = cells().filter(|(control, id)| if *control { all } else { has_all(id) });
        return Done {
            searched: searched.map(|(_, id)| id.to_owned()).collect(),
            failed: failed.into_keys().map(str::to_owned).collect(),
            ..Done::default()
        };
    }
    let has_ended = |trial: u32| {
        let mut cells = panel.cells.iter().map(|cell| cell.id.as_str());
        cells.all(|id| {
            let had_failed = failed.get(id).is_some_and(|&at| at <= trial);
            had_failed || ended.get(id).is_some_and(|trials| trials.contains(&trial))
        })
    };
    // A trial that no cell ended is none, though all may have failed by then.
    let trials = (0..=u32::MAX)
        .take_while(|trial| births.contains_key(trial) && has_ended(*trial))
        .count();
    let trials = u32::try_from(trials).unwrap_or(u32::MAX);
    let kept = |row: &&SliceRow| row.panel == index && row.trial < trials;
    Done {
        trials,
        birth: trials
            .checked_sub(1)
            .and_then(|last| births.get(&last).copied())
            .unwrap_or(0),
        spent: time_in(records.slices.iter().filter(kept)),
        failed: failed.into_keys().map(str::to_owned).collect(),
        searched: BTreeSet::new(),
        counted: BTreeSet::new(),
        slices: match panel.precision {
            Some(_) => records.slices.iter().filter(kept).cloned().collect(),
            None => Vec::new(),
        },
    }
}

/// How long slices took, threads of one slice side by side. Sampled ones come on top of a panel's time.
fn time_in<'r>(slices: impl Iterator<Item = &'r SliceRow>) -> Duration {
    let mut longest: BTreeMap<(u32, u32, u32, bool), u64> = BTreeMap::new();
    for row in slices.filter(|row| row.kind != SliceKind::Sampled) {
        let grows = row.kind == SliceKind::Growth;
        let slice = longest
            .entry((row.round, row.position, row.attempt, grows))
            .or_default();
        *slice = row.elapsed_ns.max(*slice);
    }
    Duration::from_nanos(longest.values().sum())
}
