//! One panel measured: its tables alive together, their slices dealt alternately.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::deal::Dealer;
use super::execute::Watch;
use super::plan::{Cell, Panel};
use super::process::{Failure, Process};
use super::tally::{self, Place, Trial};
use crate::bench::{
    CensusReply, Cut, Finished, Memory, Open, Opened, Reply, Request, SliceOrder, Sliced,
};
use crate::record::{RunDirectory, SliceKind};

/// Every so many rounds the floor also hashes its stream without looking anything up.
const HASH_ROUNDS: u32 = 3;

/// The least trials of a pass: an interval needs some.
const LEAST_PASSES: u32 = 3;

/// What measuring a panel needs beside the panel.
pub(super) struct Bench<'b> {
    pub(super) executable: &'b Path,
    pub(super) directory: &'b mut RunDirectory,
    pub(super) watch: &'b mut dyn Watch,
    pub(super) interrupted: &'b AtomicBool,
    pub(super) hash_seed: [u64; 2],
}

/// How a panel ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PanelEnd {
    /// Cells that have an error row.
    pub(super) errors: usize,
    /// Whether the run is to stop.
    pub(super) interrupted: bool,
}

/// A cell while its panel is measured.
struct Live<'p> {
    cell: &'p Cell<'p>,
    process: Option<Process>,
    opened: Opened,
    trial: Trial,
    finished: Option<Finished>,
    /// What an operation of a pass took last, in nanoseconds.
    last_op_ns: f64,
    census_written: bool,
}

/// Measures a panel. Failures of cells become error rows; an error is one of the run's own.
pub(super) fn measure(place: Place<'_>, bench: &mut Bench<'_>) -> anyhow::Result<PanelEnd> {
    let panel = place.panel;
    let mut end = PanelEnd::default();
    let mut cells: Vec<Live<'_>> = panel
        .cells
        .iter()
        .map(|cell| Live {
            cell,
            process: None,
            opened: Opened::default(),
            trial: Trial::default(),
            finished: None,
            last_op_ns: 0.0,
            census_written: false,
        })
        .collect();
    let mut dealer = Dealer::new(cells.len(), place.seed ^ u64::from(place.index));
    let mut open_all = true;
    let measuring = Instant::now();
    let (mut trial, mut round) = (0, 0);
    let mut opening = Duration::ZERO;
    loop {
        if open_all || panel.is_pass() {
            let opening_since = Instant::now();
            for live in &mut cells {
                if trial > 0 && live.process.is_none() {
                    continue;
                }
                bench
                    .watch
                    .step(place.index, &format!("filling {}", name(live.cell)));
                let opened = birth(live, place, bench, trial > 0);
                if let Err(failure) = opened {
                    fail(live, place, bench, trial, failure, &mut end)?;
                }
                if end.interrupted {
                    return Ok(end);
                }
            }
            open_all = false;
            opening += opening_since.elapsed();
        }
        for part in 0..panel.slices() {
            let order = dealer.round().to_vec();
            for (position, &at) in (0..).zip(&order) {
                if cells[at].process.is_none() {
                    continue;
                }
                let name = name(cells[at].cell);
                bench
                    .watch
                    .step(place.index, &format!("trial {trial}, {name}"));
                let slots = (trial, round, position);
                if let Err(failure) = one_slice(&mut cells[at], place, bench, part, slots) {
                    fail(&mut cells[at], place, bench, trial, failure, &mut end)?;
                }
                if end.interrupted {
                    return Ok(end);
                }
            }
            round += 1;
        }
        for live in &mut cells {
            if let Err(failure) = end_trial(live, place, bench, trial)? {
                fail(live, place, bench, trial, failure, &mut end)?;
            }
            if end.interrupted {
                return Ok(end);
            }
        }
        trial += 1;
        let spent = measuring.elapsed().saturating_sub(opening).as_secs_f64();
        if enough(
            panel,
            trial,
            spent,
            cells.iter().all(|live| live.process.is_none()),
        ) {
            return Ok(end);
        }
        if bench.interrupted.load(Ordering::Relaxed) {
            end.interrupted = true;
            return Ok(end);
        }
    }
}

fn name(cell: &Cell<'_>) -> String {
    let twin = if cell.twin { " (twin)" } else { "" };
    format!("{}{twin}", cell.params.short())
}

fn enough(panel: &Panel<'_>, trials: u32, spent_s: f64, all_failed: bool) -> bool {
    let per_trial_s = spent_s / f64::from(trials);
    let out_of_time = spent_s + per_trial_s > panel.time_s;
    all_failed
        || match panel.trials {
            Some(wanted) => trials >= wanted || out_of_time,
            None if panel.is_pass() => trials >= LEAST_PASSES && out_of_time,
            None => out_of_time,
        }
}

/// Starts a child, or renews the table of one, and waits until it is filled.
fn birth(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    renew: bool,
) -> Result<(), Failure> {
    let panel = place.panel;
    let request = if renew {
        Request::Renew
    } else {
        let process = Process::start(bench.executable)
            .map_err(|error| Failure::Cell(format!("cannot be started: {error}")))?;
        live.process = Some(process);
        Request::Open(Box::new(Open {
            spec: live.cell.params.full(),
            hash: live.cell.hash.clone(),
            hash_seed: bench.hash_seed,
            workload: panel.workload.clone(),
            threads: panel.threads,
            seed: place.seed,
        }))
    };
    let entries = panel
        .trace
        .as_ref()
        .map_or(panel.workload.entries, |facts| facts.requests);
    let expected = Duration::from_secs(2) + Duration::from_nanos(entries.saturating_mul(3_000));
    match ask(live, &request, expected, bench)? {
        Reply::Opened(opened) => live.opened = *opened,
        other => return Err(out_of_turn(&other)),
    }
    Ok(())
}

fn one_slice(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    part: u32,
    slots: (u32, u32, u32),
) -> Result<(), Failure> {
    let panel = place.panel;
    let cut = if panel.is_pass() {
        Cut::Part {
            part,
            of: panel.slices(),
        }
    } else {
        Cut::Time {
            ns: panel.slice_ns,
            discard_ns: panel.slice_ns / 5,
        }
    };
    let sliced = slice(
        live,
        SliceOrder {
            cut,
            hash_only: false,
        },
        panel,
        bench,
    )?;
    if let Some(why) = sliced.failed {
        return Err(Failure::Cell(why));
    }
    live.trial
        .add(place, live.cell, slots, SliceKind::Throughput, &sliced);
    if live.cell.row.control && !panel.is_pass() && slots.1.is_multiple_of(HASH_ROUNDS) {
        let sliced = slice(
            live,
            SliceOrder {
                cut,
                hash_only: true,
            },
            panel,
            bench,
        )?;
        live.trial
            .add(place, live.cell, slots, SliceKind::Hash, &sliced);
    }
    Ok(())
}

fn slice(
    live: &mut Live<'_>,
    order: SliceOrder,
    panel: &Panel<'_>,
    bench: &mut Bench<'_>,
) -> Result<Sliced, Failure> {
    let expected_ns = match order.cut {
        Cut::Time { ns, .. } => ns as f64,
        Cut::Part { of, .. } => {
            let ops = live.opened.pass_ops.unwrap_or(0) as f64 / f64::from(of);
            ops * live.last_op_ns.max(2_000.0)
        }
    };
    let expected = Duration::from_secs_f64(expected_ns / 1e9);
    let sliced = match ask(live, &Request::Slice(order), expected, bench)? {
        Reply::Sliced(sliced) => sliced,
        other => return Err(out_of_turn(&other)),
    };
    let (ops, ns) = sliced.threads.iter().fold((0, 0), |(ops, ns), thread| {
        (ops + thread.ops, ns + thread.elapsed_ns)
    });
    live.last_op_ns = ns as f64 / ops.max(1) as f64 / f64::from(panel.threads);
    Ok(sliced)
}

/// Ends a trial of a cell: the census of a pass, the slices, the row.
fn end_trial(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    trial: u32,
) -> anyhow::Result<Result<(), Failure>> {
    if live.process.is_none() {
        return Ok(Ok(()));
    }
    let taken = std::mem::take(&mut live.trial);
    let structure: Option<(Memory, CensusReply)> = if place.panel.is_pass() {
        let items = place.panel.workload.entries + live.opened.pass_ops.unwrap_or(0);
        let expected = Duration::from_secs(1) + Duration::from_nanos(items.saturating_mul(1_000));
        match ask(live, &Request::Finish, expected, bench) {
            Ok(Reply::Finished(finished)) => {
                bench
                    .directory
                    .marks(&tally::mark_rows(live.cell, trial, &finished))?;
                let structure = (finished.memory.clone(), finished.census.clone());
                live.finished = Some(*finished);
                Some(structure)
            }
            Ok(other) => return Ok(Err(out_of_turn(&other))),
            Err(failure) => return Ok(Err(failure)),
        }
    } else {
        live.opened.filled.clone()
    };
    bench.directory.slices(&taken.slices)?;
    let row = taken.row(place, live.cell, trial, structure.as_ref());
    if let Some((_, census)) = &structure
        && !live.census_written
        && !live.cell.row.control
    {
        bench
            .directory
            .census(&tally::census_rows(live.cell, census))?;
        live.census_written = true;
    }
    bench.directory.trial(&row)?;
    Ok(Ok(()))
}

fn ask(
    live: &mut Live<'_>,
    request: &Request,
    expected: Duration,
    bench: &mut Bench<'_>,
) -> Result<Reply, Failure> {
    let process = live.process.as_mut().expect("asked while it lives");
    process.ask(request, expected, bench.interrupted)
}

fn out_of_turn(reply: &Reply) -> Failure {
    Failure::Cell(format!("the child answered out of turn: {reply:?}"))
}

/// Takes a cell out of the panel and leaves an error row, or notes that the run is interrupted.
fn fail(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    trial: u32,
    failure: Failure,
    end: &mut PanelEnd,
) -> anyhow::Result<()> {
    live.process = None;
    match failure {
        Failure::Interrupted => end.interrupted = true,
        Failure::Cell(why) => {
            end.errors += 1;
            let row = tally::error_row(place, live.cell, trial, &why);
            bench.watch.error(&format!(
                "{} on {}: {}",
                name(live.cell),
                place.panel.label(),
                row.error
            ));
            bench.directory.trial(&row)?;
        }
    }
    Ok(())
}
