//! From suites to panels and cells, checked before anything is allocated.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::check::{check_suite, check_together};
use super::expand::{heaps, workloads};
use super::fit::split_to_fit;
use super::latency;
use super::slo::Search;
use super::suite::{Group, Suite};
use crate::base::{BadInput, Params, Spec, expand_sweeps};
use crate::catalog::{self, Row};
use crate::hash;
use crate::machine::{self, Heap};
use crate::workload::{TraceFacts, Workload};

/// Time for the slices of a cell when nobody says, in seconds: ten slices of 10 ms for each of
/// eight births. Copies of one table differ more from birth to birth than such a second differs
/// within one.
const CELL_S: f64 = 0.8;

/// How many times its time a panel may take to become as precise as asked when nobody says.
const TIMES_LONGER: f64 = 10.0;

/// The most births of a panel that has no time to spare, or ends by other means than time. With eight, the median of
/// an A/A pair at 10^5 entries comes within 5 %; `scripts/aa` shows how often.
pub(super) const MOST_BIRTHS: u32 = 8;

/// The most births of any panel.
const ENOUGH_BIRTHS: u32 = 1000;

/// Slices of each cell for each birth from which on more time is better spent on a further birth.
const SLICES_A_BIRTH: f64 = 10.0;

/// A run, planned.
#[derive(Debug)]
pub struct Plan<'r> {
    /// The suites, flags applied.
    pub suites: Vec<Suite>,
    /// What is measured together.
    pub panels: Vec<Panel<'r>>,
    /// Seed of streams, dealing and bootstrap.
    pub seed: u64,
    /// Bytes that the largest panel is estimated to take.
    pub bytes: u64,
    /// Bytes at hand; `None` where the machine does not say.
    pub bytes_available: Option<u64>,
    /// What of the traces is not replayed as it was recorded, a sentence each.
    pub notes: Vec<String>,
}

/// Cells measured together, because they share everything but the target.
#[derive(Debug)]
pub struct Panel<'r> {
    /// The suite that asked for it first.
    pub suite: String,
    /// The workload.
    pub workload: Workload,
    /// What is known of the workload's trace.
    pub trace: Option<TraceFacts>,
    /// Threads that work on each table.
    pub threads: u32,
    /// The cells, controls and twin included.
    pub cells: Vec<Cell<'r>>,
    /// Index of the cell that ratios are taken against.
    pub baseline: Option<usize>,
    /// Time for its slices, in seconds.
    pub time_s: f64,
    /// Trials of each cell; `None` for as many as the time allows.
    pub trials: Option<u32>,
    /// How well each ratio to the baseline is to be known, as a part of it, and the seconds of slices
    /// that this may take; `None` to use the time that the panel has, and no more.
    pub precision: Option<(f64, f64)>,
    /// Length of a slice that is cut by time, in nanoseconds.
    pub slice_ns: u64,
    /// Whether each birth has a slice of latencies too, in a closed loop.
    pub latency: bool,
    /// A search for the highest rate that keeps a limit, instead of trials.
    pub search: Option<Search>,
    /// Bytes that its tables and streams are estimated to take together.
    pub bytes: u64,
    /// What its cells share, in a form that is the same for the same thing: part of each cell's id.
    pub(super) key: String,
}

/// One workload on one target with one thread count.
#[derive(Clone, Debug)]
pub struct Cell<'r> {
    /// A hash over every parameter, defaults included.
    pub id: String,
    /// The strategy.
    pub row: &'r Row,
    /// The index of its colour and marker in charts.
    pub colour: u32,
    /// Its parameters.
    pub params: Params,
    /// The hash function.
    pub hash: String,
    /// The heap of its child.
    pub heap: Heap,
    /// Whether it is the second copy of the baseline.
    pub twin: bool,
}

impl Cell<'_> {
    /// The target as people read it, defaults left out.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}{}", self.params.short(), self.heap.suffix())
    }
}

impl Panel<'_> {
    /// Slices in a trial. A pass is cut into more, so that a resize is seen where it falls.
    #[must_use]
    pub fn slices(&self) -> u32 {
        if self.workload.pace.is_some() {
            return 1;
        }
        match (self.is_pass(), self.workload.clocked) {
            (true, true) => 200,
            (true, false) => 20,
            (false, _) => 10,
        }
    }

    /// Whether a trial is one pass from a fresh table.
    #[must_use]
    pub fn is_pass(&self) -> bool {
        !self.workload.keeps_key_set()
    }

    /// The workload and thread count in words.
    #[must_use]
    pub fn label(&self) -> String {
        let threads = if self.threads == 1 {
            "thread"
        } else {
            "threads"
        };
        format!("{}, {} {threads}", self.workload.name, self.threads)
    }

    /// How often its tables are born: a pass makes a fresh table each time anyway; otherwise as
    /// often as filling takes up to half as long as measuring, at least twice and at most
    /// `MOST_BIRTHS` times. More often, if it is time that ends it, where each birth has
    /// `SLICES_A_BIRTH` all the same.
    #[must_use]
    pub fn births(&self) -> u32 {
        if self.is_pass() {
            return 1;
        }
        let cells = self.cells.len() as f64;
        // Of long slices there may be fewer than births.
        let paced_s = self.workload.pace.map_or(0.0, |_| cells * latency::SLICE_S);
        let affordable = |births: &u32| {
            f64::from(*births) * self.one_filling_s() <= self.time_s / 2.0
                && f64::from(*births) * paced_s <= self.time_s
        };
        let sampled_s = if self.latency { latency::SLICE_S } else { 0.0 };
        let birth_s = cells * (SLICES_A_BIRTH * self.slice_ns as f64 / 1e9 + sampled_s);
        let by_time = self.time_s.is_finite() && self.precision.is_none();
        let births = (2..=ENOUGH_BIRTHS)
            .take_while(|&births| {
                births <= MOST_BIRTHS || by_time && f64::from(births) * birth_s <= self.time_s
            })
            .filter(affordable)
            .last()
            // An interval over one birth would know nothing of a table's place in memory.
            .unwrap_or(if paced_s > 0.0 { 1 } else { 2 });
        births.min(self.trials.unwrap_or(u32::MAX))
    }

    /// Seconds that starting children and filling their tables may take in all. A child is checked before it is filled, and its stream is drawn.
    fn filling_s(&self) -> f64 {
        let one = 0.1 + self.filled() * 0.65e-6;
        let births = match self.search {
            Some(_) => 1,
            None => self.births(),
        };
        one * self.cells.len() as f64 * f64::from(births)
    }

    /// Seconds that the panel may take, births and slices together: a guess, for people who wait.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        // Of its own kind, before the slices of each birth.
        let sampled_s = if self.latency { latency::SLICE_S } else { 0.0 };
        let sampled_s = sampled_s * self.cells.len() as f64 * f64::from(self.births());
        self.slices_s() + self.filling_s() + sampled_s
    }

    /// Seconds of its slices: what it is given, or what so many trials may take. Between the slices
    /// of a pass streams are drawn, and each pass begins with a fresh table.
    fn slices_s(&self) -> f64 {
        let paced = self.workload.pace.is_some();
        let streams = if self.is_pass() && !paced { 2.0 } else { 1.05 };
        let most_s = streams * self.time_s;
        let Some(trials) = self.trials.filter(|_| self.search.is_none()) else {
            return most_s;
        };
        let trial_s = match (self.is_pass(), paced) {
            (false, _) => 1.05 * f64::from(self.slices()) * self.slice_ns as f64 / 1e9,
            (true, true) => latency::pass_s(self),
            (true, false) => {
                let ops = self.workload.ops.unwrap_or(self.workload.entries) as f64;
                let op_s = if self.workload.clocked {
                    1.6e-6
                } else {
                    1.2e-6
                };
                0.1 + ops * op_s
            }
        };
        (f64::from(trials) * self.cells.len() as f64 * trial_s).min(most_s)
    }

    /// The least that filling its tables once takes, by which births are rationed: what others do to
    /// the machine is no reason for fewer.
    fn one_filling_s(&self) -> f64 {
        (0.03 + self.filled() * 0.4e-6) * self.cells.len() as f64
    }

    /// Entries that a table has before it is measured.
    fn filled(&self) -> f64 {
        let filled = self.workload.prefill.then_some(self.workload.entries);
        filled.unwrap_or(0) as f64
    }
}

impl<'r> Plan<'r> {
    /// Plans suites: every name and number is checked, cells that coincide are merged, controls and
    /// twins are added, and panels too large for the memory are split.
    ///
    /// # Errors
    /// The first thing that cannot be run, named.
    pub fn new(rows: &'r [Row], suites: Vec<Suite>) -> Result<Plan<'r>, BadInput> {
        Plan::within(rows, suites, machine::available_bytes())
    }

    /// [`Plan::new`] with so many bytes at hand, whatever the machine has just now: the same suites
    /// give the same panels again.
    ///
    /// # Errors
    /// Like [`Plan::new`].
    pub fn within(
        rows: &'r [Row],
        suites: Vec<Suite>,
        available: Option<u64>,
    ) -> Result<Plan<'r>, BadInput> {
        let mut panels: Vec<Panel<'r>> = Vec::new();
        let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
        let mut traces: BTreeMap<(std::path::PathBuf, String), (TraceFacts, String)> =
            BTreeMap::new();
        let mut notes = Vec::new();
        for suite in &suites {
            check_suite(rows, suite)?;
            for group in &suite.group {
                for mut workload in workloads(suite, group)? {
                    let trace = match &workload.trace {
                        None => None,
                        Some(source) => {
                            let key = (source.path.clone(), source.format.clone());
                            Some(match traces.entry(key) {
                                Entry::Occupied(known) => known.get().clone(),
                                Entry::Vacant(new) => {
                                    let scanned = scan_trace(source)?;
                                    notes.extend(trace_notes(&workload.name, &scanned.0));
                                    new.insert(scanned).clone()
                                }
                            })
                        }
                    };
                    let raised = workload.raised_keys();
                    if raised > 0 {
                        notes.push(format!(
                            "workload {}: {raised} of {} keys are longer than their draw, which has no \
                             room for what tells them apart",
                            workload.name, workload.entries
                        ));
                    }
                    let (facts, content) = trace.unzip();
                    if let Some(facts) = &facts {
                        workload.ops = Some(facts.requests);
                    }
                    for &threads in group.threads.as_ref().unwrap_or(&suite.threads) {
                        let search = latency::search(suite, group, &workload, threads)?;
                        let key = panel_key(&workload, content.as_deref(), threads, search);
                        let at = *by_key.entry(key.clone()).or_insert_with(|| {
                            let mut panel =
                                new_panel(suite, &workload, facts.clone(), threads, key);
                            panel.search = search;
                            panels.push(panel);
                            panels.len() - 1
                        });
                        panels[at].latency |= suite.latency || group.latency;
                        add_cells(&mut panels[at], rows, suite, group)?;
                    }
                }
            }
        }
        latency::check_panels(&mut panels, &mut notes)?;
        for panel in &mut panels {
            complete(panel, rows);
        }
        let panels = split_to_fit(panels, available)?;
        let bytes = panels.iter().map(|panel| panel.bytes).max().unwrap_or(0);
        let seed = suites.first().map_or(1, |suite| suite.seed);
        check_together(&suites)?;
        Ok(Plan {
            suites,
            panels,
            seed,
            bytes,
            bytes_available: available,
            notes,
        })
    }

    /// Cells in all panels, controls and twins included.
    #[must_use]
    pub fn cell_count(&self) -> usize {
        self.panels.iter().map(|panel| panel.cells.len()).sum()
    }

    /// Seconds that the run may take: a guess.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.panels.iter().map(Panel::seconds).sum()
    }
}

fn scan_trace(source: &crate::workload::TraceSource) -> Result<(TraceFacts, String), BadInput> {
    let facts = TraceFacts::scan(source)?;
    let content = machine::file_hash(&source.path).map_err(|error| {
        BadInput(format!(
            "trace '{}' cannot be read: {error}",
            source.path.display()
        ))
    })?;
    Ok((facts, content))
}

fn trace_notes(name: &str, facts: &TraceFacts) -> Vec<String> {
    let notes = facts.notes_in_words().into_iter();
    notes.map(|note| format!("trace {name}: {note}")).collect()
}

/// What the cells of a panel share, in a form that is the same for the same thing. A trace stands
/// by its content, not by where it lies.
fn panel_key(
    workload: &Workload,
    trace_content: Option<&str>,
    threads: u32,
    search: Option<Search>,
) -> String {
    #[derive(Serialize)]
    struct Shared<'a> {
        workload: Workload,
        trace: Option<&'a str>,
        threads: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        search: Option<Search>,
    }
    let mut workload = workload.clone();
    if let Some(source) = &mut workload.trace {
        source.path = std::path::PathBuf::new();
    }
    let shared = Shared {
        workload,
        trace: trace_content,
        threads,
        search,
    };
    serde_json::to_string(&shared).expect("plain data")
}

fn new_panel<'r>(
    suite: &Suite,
    workload: &Workload,
    trace: Option<TraceFacts>,
    threads: u32,
    key: String,
) -> Panel<'r> {
    Panel {
        suite: suite.name.clone(),
        workload: workload.clone(),
        trace,
        threads,
        cells: Vec::new(),
        baseline: None,
        time_s: suite.time_s.unwrap_or(if suite.trials.is_some() {
            f64::INFINITY
        } else {
            0.0
        }),
        trials: suite.trials,
        precision: suite
            .precision_percent
            .filter(|_| workload.pace.is_none())
            .map(|percent| (percent / 100.0, suite.max_time_s.unwrap_or(0.0))),
        slice_ns: if workload.pace.is_some() {
            latency::SLICE_NS
        } else {
            suite.slice_ms * 1_000_000
        },
        latency: false,
        search: None,
        bytes: 0,
        key,
    }
}

fn add_cells<'r>(
    panel: &mut Panel<'r>,
    rows: &'r [Row],
    suite: &Suite,
    group: &Group,
) -> Result<(), BadInput> {
    for text in &group.targets {
        for spec in expand_sweeps(text)? {
            for hash in group.hash.as_ref().unwrap_or(&suite.hash) {
                hash::find(hash)?;
                for heap in heaps(suite, group) {
                    let cell = new_cell(rows, &spec, (hash, heap), &panel.key)?;
                    if panel.cells.iter().all(|known| known.id != cell.id) {
                        panel.cells.push(cell);
                    }
                }
            }
        }
    }
    Ok(())
}

fn new_cell<'r>(
    rows: &'r [Row],
    spec: &Spec,
    (hash, heap): (&str, Heap),
    panel_key: &str,
) -> Result<Cell<'r>, BadInput> {
    let (row, params) = catalog::resolve(rows, spec)?;
    let mut cell = Cell {
        id: String::new(),
        row,
        colour: catalog::look_of(rows, row),
        params,
        hash: hash.to_owned(),
        heap,
        twin: false,
    };
    cell.id = cell_id(&cell, panel_key);
    Ok(cell)
}

fn cell_id(cell: &Cell<'_>, panel_key: &str) -> String {
    let full = cell.params.full();
    let whole = format!(
        "{panel_key}|{full}|{}|{}|{}|twin={}",
        cell.hash,
        cell.heap.allocator.word(),
        cell.heap.pages.word(),
        cell.twin
    );
    format!("{:016x}", xxh3_64(whole.as_bytes()))
}

/// Adds the controls: the floor and the twin of the baseline; and settles the panel's time.
fn complete<'r>(panel: &mut Panel<'r>, rows: &'r [Row]) {
    if panel.search.is_some() {
        // Its targets are searched one after the other, and not compared.
        panel.time_s = panel.cells.len() as f64 * latency::SEARCH_S;
        return;
    }
    if panel.cells.iter().all(|cell| !cell.row.control)
        && let Some(control) = rows.iter().find(|row| row.control)
        && let Some((hash, heap)) = panel
            .cells
            .first()
            .map(|cell| (cell.hash.clone(), cell.heap))
    {
        let spec = Spec {
            name: control.name.to_owned(),
            params: Vec::new(),
        };
        let floor = new_cell(rows, &spec, (&hash, heap), &panel.key)
            .expect("a control's defaults are valid");
        panel.cells.insert(0, floor);
    }
    panel.baseline = baseline(&panel.cells);
    if let Some(baseline) = panel.baseline {
        let mut twin = panel.cells[baseline].clone();
        twin.twin = true;
        twin.id = cell_id(&twin, &panel.key);
        panel.cells.push(twin);
    }
    if panel.time_s == 0.0 {
        let cell_s = match panel.workload.pace {
            Some(_) => latency::cell_s(panel),
            None => CELL_S,
        };
        panel.time_s = panel.cells.len() as f64 * cell_s;
    }
    if let Some((_, max_s)) = &mut panel.precision
        && *max_s == 0.0
    {
        *max_s = panel.time_s * TIMES_LONGER;
    }
}

/// `fixed` where present, as it comes by default if that is there; else the first that is no
/// control.
pub(super) fn baseline(cells: &[Cell<'_>]) -> Option<usize> {
    let at = |test: &dyn Fn(&Cell<'_>) -> bool| {
        cells
            .iter()
            .position(|cell| !cell.row.control && !cell.twin && test(cell))
    };
    at(&|cell| cell.target() == "fixed")
        .or_else(|| at(&|cell| cell.row.name == "fixed"))
        .or_else(|| at(&|_| true))
}
