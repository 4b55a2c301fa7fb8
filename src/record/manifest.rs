//! `run.toml`: the suites of a run, its machine, and how far it came.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::verified::Verification;
use crate::base::{Between, Percent, Spec, asked_in_words, counted};
use crate::machine::{Allocator, MemorySpeed, Pages};

/// The name of the manifest within the directory of a run.
pub(super) const MANIFEST: &str = "run.toml";

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It is going on, or was killed.
    Running,
    /// Every cell was measured.
    Complete,
    /// It ended and some cells have error rows.
    Errors,
    /// It was interrupted; what was measured is here.
    Interrupted,
}

/// The contents of `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the columns and of this file.
    pub schema_version: u32,
    /// The name of the directory.
    pub run_id: String,
    /// The name of the run: its suites.
    pub name: String,
    /// UTC, `2026-01-31T12:34:56Z`.
    pub started: String,
    /// How it ended.
    pub status: Status,
    /// The command line, program first.
    pub argv: Vec<String>,
    /// Seed of streams, dealing and bootstrap.
    pub seed: u64,
    /// Length of a slice that is cut by time, in nanoseconds.
    pub slice_ns: u64,
    /// The part of such a slice that is discarded, in nanoseconds.
    pub discard_ns: u64,
    /// The program that ran, where it is one of another crate that brought its own tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramEntry>,
    /// Version of bucketlab.
    pub version: String,
    /// Revision of the source, with `-dirty` where it was changed; empty when unknown.
    pub revision: String,
    /// XXH3-64 of the executable, in hexadecimal.
    pub binary_hash: String,
    /// XXH3-64 of the lockfile that it was built with, in hexadecimal.
    pub lockfile_hash: String,
    /// What one reading of the clock costs, in picoseconds.
    pub clock_cost_ps: u64,
    /// What could not be measured, and why.
    pub not_measured: Vec<String>,
    /// What of its input a run could not honour or left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Bytes that were at hand when the run was planned: panels too large for them were split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_available: Option<u64>,
    /// When the run was taken up again after it had been interrupted or killed, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<ResumeEntry>,
    /// The machine, as names and values.
    pub machine: std::collections::BTreeMap<String, String>,
    /// What is wrong with it for measuring, as far as reading tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doctor: Vec<crate::machine::doctor::Diagnosis>,
    /// What was checked of its targets before the first slice; `None` in runs that did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// The suites as run, after flags.
    pub suites: Vec<toml::Table>,
    /// The panels, in order.
    pub panels: Vec<PanelEntry>,
    /// The cells, in order.
    pub cells: Vec<CellEntry>,
    /// What each strategy of the run promises, in the order of the cells; none in runs that did not record it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guarantees: Vec<GuaranteesEntry>,
    /// What the servers of the run said of themselves when they were first asked, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerEntry>,
    /// What of a sweep this run is, where its panels are shared out over machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskEntry>,
    /// The runs that this one was merged from, in the order of their rows; none in a run that was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedEntry>,
}

/// A server that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEntry {
    /// The target as people read it.
    pub target: String,
    /// Its name and version, as it says itself.
    pub version: String,
    /// The command that started it, where it was started for the run; otherwise empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command: String,
    /// The processors that it was pinned to, where it was started for the run; otherwise empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cpus: String,
}

/// A run that was merged into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedEntry {
    /// Its identity, which its rows in `trials.csv` keep.
    pub run_id: String,
    /// When it was started.
    pub started: String,
    /// Its panels, as they are numbered in the merged run.
    pub panels: Vec<u32>,
    /// For each of them the first birth that is its own: above 0 where an earlier one has measured the panel too.
    pub first_births: Vec<u32>,
}

/// A part of a sweep that was measured as one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEntry {
    /// The task: a hash over the ids of its cells.
    pub id: String,
    /// All panels of the sweep, in the order in which an undivided run measures them; this run's are among them.
    pub sweep: Vec<SweepPanel>,
}

/// The id of a task, or of a panel: a hash over the ids of its cells, whatever their order.
#[must_use]
pub fn task_id<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let mut cells: Vec<&str> = cells.collect();
    cells.sort_unstable();
    format!("{:016x}", xxh3_64(cells.join("\n").as_bytes()))
}

/// What tells a panel from the others of a sweep: `ycsb-c, 1000 entries, 2 threads, chained`. `asked` is of servers:
/// connections, and requests that one sends together.
#[must_use]
pub fn place_in_words(
    workload: &str,
    (entries, threads): (u64, u32),
    (batch, between): (u32, Between),
    asked: (u32, u32),
) -> String {
    let mut words = vec![workload.to_owned()];
    if entries > 0 {
        words.push(counted(entries, "entry"));
    }
    words.push(counted(threads.into(), "thread"));
    if batch > 1 {
        words.push(format!("batch {batch}"));
    }
    words.push(between.words());
    words.join(", ") + &asked_in_words(asked.0, asked.1)
}

/// A panel of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepPanel {
    /// A hash over the ids of its cells: the task that has this panel alone.
    pub id: String,
    /// Workload and threads, as people read them.
    pub label: String,
}

/// A program of another crate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramEntry {
    /// The crate's name.
    pub name: String,
    /// The crate's version.
    pub version: String,
    /// Revision of its sources, with `-dirty` where they were changed; empty when unknown.
    pub revision: String,
}

/// What a strategy promises beside its speed, in words; `†` behind what no check shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuaranteesEntry {
    /// The strategy's name.
    pub strategy: String,
    /// Whether each operation on a key takes effect at one moment.
    pub linearizable: String,
    /// What of a batch of lookups is of one moment.
    pub batch: String,
    /// What a walk sees.
    pub walk: String,
    /// What a lookup holds while the value is read.
    pub read: String,
    /// Which operations wait while the table grows.
    pub growth: String,
    /// When the memory of a removed entry is given back.
    pub memory: String,
    /// Under which hash functions it resists keys that are chosen to collide.
    pub floods: String,
}

/// A run taken up again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeEntry {
    /// UTC, `2026-01-31T12:34:56Z`.
    pub at: String,
    /// The last panel that had complete trials.
    pub panel: u32,
    /// How many it had. The tables of the next one are new ones, whatever birth it belongs to.
    pub trials: u32,
    /// Rows of a trial that was not complete, and were dropped.
    pub dropped_rows: u64,
    /// Last lines that were cut short, and were dropped: at most one a file.
    pub dropped_lines: u32,
}

/// A panel: cells that share everything but the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PanelEntry {
    /// Its index.
    pub panel: u32,
    /// The suite that asked for it first.
    pub suite: String,
    /// The workload's name.
    pub workload: String,
    /// The workload as people read it.
    pub about: String,
    /// Threads.
    pub threads: u32,
    /// Gets, or plain sets, handed over at a time.
    pub batch: u32,
    /// Connections to a server, over all threads; 0 for one a thread.
    #[serde(default, skip_serializing_if = "is_default")]
    pub connections: u32,
    /// Requests that a connection to a server sends together.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub depth: u32,
    /// What stands between two operations of a thread, or between two batches.
    pub between: Between,
    /// Of the lookups, the share whose keys were never stored.
    #[serde(default, skip_serializing_if = "Percent::is_zero")]
    pub absent: Percent,
    /// Records in the key space at first.
    pub entries: u64,
    /// What the records' keys look like; empty where they are YCSB's, or a trace's own.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub corpus: String,
    /// Whether a trial is one pass from a fresh table; otherwise slices are cut by time.
    pub pass: bool,
    /// Fill points of a growing table, at each of which lookups are a slice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// The most bytes that each table may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
    /// What a miss costs at the original source, as the workload states it, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_ns: Option<u64>,
    /// The cell that ratios are taken against; empty where the panel has controls only.
    pub baseline: String,
    /// When operations are to begin, where the workload says; otherwise one begins when the last one
    /// has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<PaceEntry>,
    /// What memory of a table's size could do just before the panel was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySpeed>,
}

/// The intended start times of a panel's operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaceEntry {
    /// Operations a second over all threads; empty where a trace's own times are replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_per_s: Option<u64>,
    /// `fixed`, `poisson` or `trace`.
    pub arrival: String,
    /// How much faster than recorded a trace is replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// The workload's name without its rate: panels of one sweep over rates share it.
    pub sweep: String,
}

/// A cell: one workload on one target with one thread count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellEntry {
    /// The cell.
    pub cell_id: String,
    /// Its panel.
    pub panel: u32,
    /// The suite that asked for it first.
    pub suite: String,
    /// The strategy's name.
    pub strategy: String,
    /// The target as people read it, defaults left out.
    pub target: String,
    /// The target with every parameter.
    pub target_full: String,
    /// The hash function.
    pub hash: String,
    /// The allocator of its child.
    #[serde(default, skip_serializing_if = "is_default")]
    pub allocator: Allocator,
    /// The page mode of its child.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pages: Pages,
    /// Whether it is a control: drawn as the floor, never ranked.
    pub control: bool,
    /// Whether it is a map of others behind our interface, or a server of others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub peer: bool,
    /// Whether operations go to a server; otherwise to a table in the child.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub server: bool,
    /// Whether it is the second copy of the baseline.
    pub twin: bool,
    /// Index of the target's colour and marker, the same in all charts.
    pub colour: u32,
}

impl PanelEntry {
    /// How requests come to its servers: connections, and requests that one sends together.
    #[must_use]
    pub fn asked(&self) -> (u32, u32) {
        (self.connections, self.depth)
    }
}

impl CellEntry {
    /// The strategy with every parameter, behind a server or not; `None` for a server that is none of ours.
    #[must_use]
    pub fn spec(&self) -> Option<Spec> {
        let whole = self.target_full.as_str();
        let own = if self.server {
            let (_, served) = whole
                .split_once(':')
                .filter(|_| self.strategy.contains(':'))?;
            served.split_once('?').map_or(served, |(served, _)| served)
        } else {
            whole
        };
        own.parse().ok()
    }
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
