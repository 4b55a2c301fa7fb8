//! A whole run: its directory, its panels one after the other, its manifest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use xxhash_rust::xxh3::xxh3_64;

use super::guard::Guard;
use super::misses;
use super::panel::{Bench, Done, measure};
use super::plan::{Panel, Plan};
use super::resume::{Left, check};
use super::tally::Place;
use super::{latency, slo};
use crate::machine;
use crate::record::{
    CellEntry, Manifest, PanelEntry, Records, RunDirectory, SCHEMA_VERSION, Status,
};

/// The lockfile that the program was built with.
const LOCKFILE: &[u8] = include_bytes!("../../Cargo.lock");

/// Who looks on while a run goes.
pub trait Watch {
    /// A panel begins.
    fn panel(&mut self, index: usize, panel: &Panel<'_>);
    /// What is being done in it.
    fn step(&mut self, panel: u32, what: &str);
    /// A cell has failed.
    fn error(&mut self, what: &str);
}

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
    let name = names.join("+");
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
        suites: plan.suites.iter().map(suite_table).collect(),
        panels: (0..)
            .zip(&plan.panels)
            .map(|(index, panel)| panel_entry(index, panel))
            .collect(),
        cells: all_cells(plan),
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
        &done,
        watch,
        interrupted,
    )
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
        &left.done,
        watch,
        interrupted,
    )
}

fn measure_all(
    plan: &Plan<'_>,
    executable: &Path,
    mut directory: RunDirectory,
    mut manifest: Manifest,
    done: &[Done],
    watch: &mut dyn Watch,
    interrupted: &AtomicBool,
) -> anyhow::Result<Ended> {
    let run_id = manifest.run_id.clone();
    let mut status = Status::Complete;
    let mut bench = Bench {
        executable,
        directory: &mut directory,
        watch,
        interrupted,
        hash_seed: hash_seed(plan.seed),
        kept: Vec::new(),
        guard: Guard::new(),
    };
    for ((index, panel), done) in (0..).zip(&plan.panels).zip(done) {
        bench.watch.panel(index as usize, panel);
        let place = Place {
            run_id: &run_id,
            panel,
            index,
            seed: plan.seed,
            birth: 0,
        };
        let end = match panel.search {
            Some(search) => slo::measure(place, search, &mut bench, done)?,
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
    manifest.status = status.clone();
    directory.manifest(&manifest)?;
    Ok(Ended {
        path: directory.path().to_owned(),
        status,
    })
}

/// What the program is made from.
pub(super) struct BuiltFrom {
    pub(super) revision: String,
    pub(super) binary_hash: String,
    pub(super) lockfile_hash: String,
}

impl BuiltFrom {
    pub(super) fn of(executable: &Path) -> BuiltFrom {
        BuiltFrom {
            revision: revision(),
            binary_hash: machine::file_hash(executable).unwrap_or_default(),
            lockfile_hash: format!("{:016x}", xxh3_64(LOCKFILE)),
        }
    }
}

/// 128 bits for a keyed hash out of the run's seed.
pub(super) fn hash_seed(seed: u64) -> [u64; 2] {
    let half = |salt: u8| {
        let mut bytes = seed.to_le_bytes().to_vec();
        bytes.push(salt);
        xxh3_64(&bytes)
    };
    [half(0), half(1)]
}

fn not_measured(plan: &Plan<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    let counters = machine::counters::seen();
    if let Some(missing) = counters.missing() {
        reasons.push(format!("hardware counters: {missing}"));
    }
    let waits = |panel: &Panel<'_>| panel.workload.pace.is_some() || panel.search.is_some();
    if !counters.counted.is_empty() && plan.panels.iter().any(waits) {
        reasons.push("hardware counters in an open loop: its waiting would count too".to_owned());
    }
    let clocked = |panel: &Panel<'_>| panel.is_pass();
    if !counters.counted.is_empty() && plan.panels.iter().any(clocked) {
        reasons.push(
            "hardware counters in passes whose every operation is clocked: the clock would count too"
                .to_owned(),
        );
    }
    let has_latency = |panel: &Panel<'_>| {
        panel.latency || panel.workload.pace.is_some() || panel.search.is_some()
    };
    if !plan.panels.iter().any(has_latency) {
        reasons.push("latency: slices here measure throughput only".to_owned());
    }
    reasons
}

fn suite_table(suite: &super::Suite) -> toml::Table {
    toml::Table::try_from(suite).expect("a suite that was read from TOML is TOML")
}

fn panel_entry(index: u32, panel: &Panel<'_>) -> PanelEntry {
    PanelEntry {
        panel: index,
        suite: panel.suite.clone(),
        workload: panel.workload.name.clone(),
        about: panel.workload.describe(),
        threads: panel.threads,
        batch: panel.workload.batch,
        entries: panel.workload.entries,
        corpus: if panel.workload.corpus.is_ycsb() {
            String::new()
        } else {
            panel.workload.corpus.to_string()
        },
        pass: panel.is_pass(),
        budget: panel.workload.budget.map(|budget| budget.0),
        origin_ns: panel.workload.origin.map(|origin| origin.latency.0),
        baseline: panel
            .baseline
            .map(|at| panel.cells[at].id.clone())
            .unwrap_or_default(),
        pace: latency::pace_entry(panel),
    }
}

fn all_cells(plan: &Plan<'_>) -> Vec<CellEntry> {
    let panels = (0..).zip(&plan.panels);
    panels
        .flat_map(|(index, panel)| cells(index, panel))
        .collect()
}

fn cells(index: u32, panel: &Panel<'_>) -> Vec<CellEntry> {
    let entry = |cell: &super::Cell<'_>| CellEntry {
        cell_id: cell.id.clone(),
        panel: index,
        suite: panel.suite.clone(),
        strategy: cell.row.name.to_owned(),
        target: cell.target(),
        target_full: cell.params.full(),
        hash: cell.hash.clone(),
        allocator: cell.heap.allocator,
        pages: cell.heap.pages,
        control: cell.row.control,
        peer: cell.row.peer,
        twin: cell.twin,
        colour: cell.colour,
    };
    panel.cells.iter().map(entry).collect()
}

/// The revision of the sources that the program was built from, if they are still there.
fn revision() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(env!("CARGO_MANIFEST_DIR"))
            .args(arguments)
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(revision) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return String::new();
    };
    // Results are made by the program, not the program of them.
    let sources = ["--", ".", ":(exclude)results", ":(exclude)README.md"];
    let status = ["status", "--porcelain", "--untracked-files=no"];
    let changed = git(&[&status[..], &sources[..]].concat());
    let dirty = if changed.is_none_or(|changed| !changed.is_empty()) {
        "-dirty"
    } else {
        ""
    };
    format!("{revision}{dirty}")
}
