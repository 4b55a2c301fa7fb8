//! A whole run: its directory, its panels one after the other, its manifest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use super::built::{BuiltFrom, Program, hash_seed};
use super::cell::{Panel, Place};
use super::done::Done;
use super::entries::{all_cells, all_guarantees, not_measured, panel_entry, suite_table};
use super::guard::Guard;
use super::live::Bench;
use super::lone::Lone;
use super::misses;
use super::panel::measure;
use super::plan::Plan;
use super::resume::{Left, check, check_for};
use super::search;
use super::verified::{is_whole, leave_out, verified};
use super::watch::Watch;
use crate::base::BadInput;
use crate::machine::{self, MemorySpeed};
use crate::record::{CellEntry, Manifest, Records, RunDirectory, SCHEMA_VERSION, Status};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its directory.
    pub path: PathBuf,
    /// Complete, with errors, or interrupted.
    pub status: Status,
}

/// Runs a plan: every row is in the directory as soon as its trial has ended.
///
/// `executable` is the program that children are started from; it must answer the hidden verb, as
/// every program does whose `main` calls [`crate::cli::main`].
///
/// # Errors
/// A results directory that cannot be written (found out before the first trial), or a disk that
/// fills. What goes wrong in a child is an error row instead.
pub fn execute(
    plan: &Plan<'_>,
    executable: &Path,
    out: &Path,
    argv: &[String],
    watch: &mut dyn Watch,
    interrupted: &AtomicBool,
) -> anyhow::Result<Ended> {
    let names: Vec<&str> = plan
        .suites
        .iter()
        .map(|suite| suite.name.as_str())
        .collect();
    let name = plan.name.clone().unwrap_or_else(|| names.join("+"));
    let BuiltFrom {
        revision,
        binary_hash,
        lockfile_hash,
    } = BuiltFrom::of(executable);
    let (compact, started) = machine::utc_now();
    let mut directory = RunDirectory::create(out, &name, &revision, &compact)?;
    let run_id = directory.run_id().to_owned();
    // Slices of latencies have a length of their own.
    let of_throughput = |panel: &&Panel<'_>| panel.workload.pace.is_none();
    let panel = plan.panels.iter().find(of_throughput);
    let slice_ns = panel
        .or(plan.panels.first())
        .map_or(0, |panel| panel.slice_ns);
    let clock_cost_ps = machine::clock_cost_ps();
    let mut manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.clone(),
        name,
        started,
        status: Status::Running,
        argv: argv.to_vec(),
        seed: plan.seed,
        slice_ns,
        discard_ns: slice_ns / 5,
        program: plan.program.map(Program::entry),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision,
        binary_hash,
        lockfile_hash,
        clock_cost_ps,
        not_measured: not_measured(plan),
        notes: plan.notes.clone(),
        bytes_available: plan.bytes_available,
        resumed: Vec::new(),
        machine: machine::fingerprint(),
        doctor: machine::doctor::look(clock_cost_ps),
        verification: None,
        suites: plan.suites.iter().map(suite_table).collect(),
        panels: (0..)
            .zip(&plan.panels)
            .map(|(index, panel)| panel_entry(index, panel))
            .collect(),
        cells: all_cells(plan),
        guarantees: all_guarantees(plan),
        servers: Vec::new(),
        task: plan.task.clone(),
        merged: Vec::new(),
    };
    directory.manifest(&manifest)?;
    let (misses, reasons) = misses::simulate(&plan.panels, plan.seed)?;
    directory.misses(&misses)?;
    manifest.not_measured.extend(reasons);
    let done = vec![Done::default(); plan.panels.len()];
    measure_all(
        plan,
        executable,
        directory,
        manifest,
        done,
        watch,
        interrupted,
    )
}

/// Leaves of a plan, which is that of a whole run, the panels that are given, to measure them again with new
/// births.
///
/// # Errors
/// [`crate::base::BadInput`] where the run was made by another build of the program, on another machine, or
/// with other suites than `plan` has.
pub fn again(
    plan: &mut Plan<'_>,
    executable: &Path,
    measured: &Manifest,
    panels: &BTreeSet<u32>,
) -> Result<(), BadInput> {
    let cells: Vec<CellEntry> = all_cells(plan);
    let built_from = BuiltFrom::of(executable);
    let machine = machine::fingerprint();
    check_for("confirmed", measured, &built_from, &cells, &machine)?;
    let mut index = 0..;
    plan.panels
        .retain(|_| index.next().is_some_and(|index| panels.contains(&index)));
    Ok(())
}

/// Goes on with a run that was killed or interrupted: trials that are complete stay, what is left of
/// others is dropped, and the rest of the plan is measured as if nothing had happened, but for the
/// tables, which are born anew.
///
/// # Errors
/// [`crate::base::BadInput`] where the run was begun by another build of the program, on another
/// machine, or with other suites than `plan` has, or where it is still going on; otherwise like
/// [`execute`].
pub fn resume(
    plan: &Plan<'_>,
    executable: &Path,
    path: &Path,
    records: Records,
    watch: &mut dyn Watch,
    interrupted: &AtomicBool,
) -> anyhow::Result<Ended> {
    let built_from = BuiltFrom::of(executable);
    let cells: Vec<CellEntry> = all_cells(plan);
    check(
        &records.manifest,
        &built_from,
        &cells,
        &machine::fingerprint(),
    )?;
    let left = Left::of(plan, records);
    let mut directory = RunDirectory::resume(path, &left.records)?;
    let mut manifest = left.records.manifest;
    manifest.status = Status::Running;
    manifest.resumed.push(left.entry);
    directory.manifest(&manifest)?;
    let (misses, _) = misses::simulate(&plan.panels, plan.seed)?;
    directory.misses(&misses)?;
    measure_all(
        plan,
        executable,
        directory,
        manifest,
        left.done,
        watch,
        interrupted,
    )
}

/// What memory could do for a panel with tables that are asked for as fast as they answer; a table's size is
/// guessed as that of its entries and some words for each.
fn memory_speed(panel: &Panel<'_>) -> Option<MemorySpeed> {
    /// Bytes of an entry beyond its key and value: header, slot and slack.
    const BESIDE: u64 = 56;
    let paced = panel.workload.pace.is_some() || panel.search.is_some();
    let mut cells = panel.cells.iter().filter(|_| !paced);
    let cell = cells.find(|cell| cell.target.table().is_some())?;
    let entries = panel
        .trace
        .as_ref()
        .map_or(panel.workload.entries, |facts| facts.distinct);
    let each = panel.workload.planned_bytes(panel.trace.as_ref()) + BESIDE;
    MemorySpeed::measure(entries.checked_mul(each)?, cell.heap.pages, panel.threads)
}

fn measure_all(
    plan: &Plan<'_>,
    executable: &Path,
    mut directory: RunDirectory,
    mut manifest: Manifest,
    mut done: Vec<Done>,
    watch: &mut dyn Watch,
    interrupted: &AtomicBool,
) -> anyhow::Result<Ended> {
    let run_id = manifest.run_id.clone();
    let mut status = Status::Complete;
    if !is_whole(manifest.verification.as_ref(), plan) {
        let hash = &manifest.binary_hash;
        let found = verified(plan, executable, hash, watch, interrupted);
        let found = found.context("a process that checks a table cannot be started")?;
        leave_out(plan, (&run_id, &found), &mut done, &mut directory, watch)?;
        manifest.verification = Some(found);
        directory.manifest(&manifest)?;
    }
    let mut bench = Bench {
        executable,
        directory: &mut directory,
        watch,
        interrupted,
        hash_seed: hash_seed(plan.seed),
        kept: Vec::new(),
        guard: Guard::new(),
        lone: Lone::default(),
        overwrite: plan.overwrite,
        servers: std::mem::take(&mut manifest.servers),
    };
    for ((index, panel), done) in (0..).zip(&plan.panels).zip(&done) {
        if interrupted.load(Ordering::Relaxed) {
            status = Status::Interrupted;
            break;
        }
        bench.watch.panel(index as usize, panel);
        let place = Place {
            run_id: &run_id,
            panel,
            index,
            seed: plan.seed,
            birth: 0,
        };
        manifest.panels[index as usize].memory = memory_speed(panel);
        let end = match panel.search {
            Some(search) => search::measure(place, search, &mut bench, done)?,
            None => measure(place, &mut bench, done)?,
        };
        if end.interrupted {
            status = Status::Interrupted;
            break;
        }
        if let (Some((wanted, max_s)), Some(reached)) = (panel.precision, end.precision) {
            let hit = if reached <= wanted { "as" } else { "not" };
            let why = if reached <= wanted {
                String::new()
            } else {
                format!(": its {max_s:.0} s were spent")
            };
            manifest.notes.push(format!(
                "{}: every ratio to the baseline is known to ±{:.1} %, {hit} the ±{:.1} % asked for{why}",
                panel.label(),
                reached * 100.0,
                wanted * 100.0
            ));
        }
        if end.errors > 0 {
            status = Status::Errors;
        }
    }
    manifest.servers = bench.servers;
    manifest.status = status.clone();
    directory.manifest(&manifest)?;
    Ok(Ended {
        path: directory.path().to_owned(),
        status,
    })
}
