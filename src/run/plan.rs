//! From suites to panels and cells, checked before anything is allocated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::built::Program;
use super::cell::{Cell, Panel};
use super::check::{check_connections, check_suite, check_together};
use super::controls::complete;
use super::expand::{heaps, workloads};
use super::fit::split_to_fit;
use super::limit::Search;
use super::suite::{Group, Suite};
use super::target::Target;
use super::{order, pace};
use crate::base::BadInput;
use crate::catalog::Row;
use crate::hash;
use crate::machine;
use crate::record::TaskEntry;
use crate::workload::{Oversize, TraceFacts, TraceSource, Workload};

/// A run, planned.
#[derive(Debug)]
pub struct Plan<'r> {
    /// What the run is called; after its suites, where nothing else is asked for.
    pub name: Option<String>,
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
    /// Whether targets are checked before the first slice.
    pub verify: bool,
    /// Whether servers that hold keys already may be written to.
    pub overwrite: bool,
    /// The program that runs it, where it is one of another crate.
    pub program: Option<Program>,
    /// What of a sweep it is, where it is a part of one.
    pub task: Option<TaskEntry>,
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
        let mut draft = Draft::default();
        for suite in &suites {
            check_suite(rows, suite)?;
            for group in &suite.group {
                for workload in workloads(suite, group)? {
                    draft.add(rows, suite, group, workload)?;
                }
            }
        }
        let Draft {
            mut panels,
            mut notes,
            ..
        } = draft;
        pace::check_panels(&mut panels, &mut notes)?;
        for panel in &mut panels {
            notes.extend(complete(panel, rows));
            notes.extend(asked_in_vain(panel));
        }
        let panels = split_to_fit(panels, available)?;
        let bytes = panels.iter().map(|panel| panel.bytes).max().unwrap_or(0);
        let seed = suites.first().map_or(1, |suite| suite.seed);
        check_together(&suites)?;
        Ok(Plan {
            name: None,
            suites,
            panels,
            seed,
            bytes,
            bytes_available: available,
            notes,
            verify: true,
            overwrite: false,
            program: None,
            task: None,
        })
    }

    /// Cells in all panels, controls and twins included.
    #[must_use]
    pub fn cell_count(&self) -> usize {
        self.panels.iter().map(|panel| panel.cells.len()).sum()
    }

    /// Targets that are checked before the first slice, for a second at most each.
    #[must_use]
    pub fn checked_targets(&self) -> usize {
        let cells = self.panels.iter().flat_map(|panel| &panel.cells);
        let checked = cells.filter(|cell| self.verify && cell.is_checked());
        let names: BTreeSet<String> = checked.map(|cell| cell.target.full()).collect();
        names.len()
    }

    /// Whether any cell's operations go to a server.
    #[must_use]
    pub fn has_servers(&self) -> bool {
        let mut cells = self.panels.iter().flat_map(|panel| &panel.cells);
        cells.any(|cell| cell.target.server().is_some())
    }

    /// Seconds that the run may take, its checks not counted: a guess.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.panels.iter().map(Panel::seconds).sum()
    }
}

/// What to say of a panel without servers whose workload says how requests come to them.
fn asked_in_vain(panel: &Panel<'_>) -> Option<String> {
    let workload = &panel.workload;
    let is_asked = workload.connections > 0 || workload.depth > 1;
    let has_server = panel
        .cells
        .iter()
        .any(|cell| cell.target.server().is_some());
    (is_asked && !has_server).then(|| {
        format!(
            "{}: connections and depth are of servers, and it has none",
            panel.label()
        )
    })
}

/// Panels as they are gathered from suites, before controls and limits.
#[derive(Default)]
struct Draft<'r> {
    panels: Vec<Panel<'r>>,
    /// Places in `panels`.
    by_key: BTreeMap<String, usize>,
    /// By path and how it is read: each file is read once.
    traces: BTreeMap<(PathBuf, String, bool, Oversize), Trace>,
    notes: Vec<String>,
}

/// A trace that was read.
#[derive(Clone)]
struct Trace {
    facts: TraceFacts,
    /// A hash of the file.
    content: String,
}

impl<'r> Draft<'r> {
    /// Adds the cells of a group under one workload, to the panel that has it at each thread count.
    fn add(
        &mut self,
        rows: &'r [Row],
        suite: &Suite,
        group: &Group,
        mut workload: Workload,
    ) -> Result<(), BadInput> {
        let trace = self.trace_of(&workload)?;
        self.note_raised_keys(&workload);
        if let Some(trace) = &trace {
            workload.ops = Some(trace.facts.requests);
        }
        for &threads in group.threads.as_ref().unwrap_or(&suite.threads) {
            check_connections(&workload, threads)?;
            let search = pace::search(suite, group, &workload, threads)?;
            let panel = self.panel(suite, &workload, trace.as_ref(), threads, search);
            panel.latency |= suite.latency || group.latency;
            panel.time_s = group.time_s.unwrap_or(panel.time_s);
            add_cells(panel, rows, suite, group)?;
        }
        Ok(())
    }

    /// The trace that a workload replays. At its first reading, notes what of it is not replayed as it was
    /// recorded.
    fn trace_of(&mut self, workload: &Workload) -> Result<Option<Trace>, BadInput> {
        let Some(source) = &workload.trace else {
            return Ok(None);
        };
        let key = (
            source.path.clone(),
            source.format.clone(),
            source.lenient,
            source.oversize,
        );
        if let Some(known) = self.traces.get(&key) {
            return Ok(Some(known.clone()));
        }
        let trace = Trace::scan(source)?;
        let notes = trace.facts.notes_in_words().into_iter();
        let name = &workload.name;
        self.notes
            .extend(notes.map(|note| format!("trace {name}: {note}")));
        self.traces.insert(key, trace.clone());
        Ok(Some(trace))
    }

    /// Notes how many keys are longer than the workload draws them.
    fn note_raised_keys(&mut self, workload: &Workload) {
        let raised = workload.raised_keys();
        if raised > 0 {
            self.notes.push(format!(
                "workload {}: {raised} of {} keys are longer than their draw, which has no \
                 room for what tells them apart",
                workload.name, workload.entries
            ));
        }
    }

    /// The panel of these settings; a new one where no suite before has asked for them.
    fn panel(
        &mut self,
        suite: &Suite,
        workload: &Workload,
        trace: Option<&Trace>,
        threads: u32,
        search: Option<Search>,
    ) -> &mut Panel<'r> {
        let content = trace.map(|trace| trace.content.as_str());
        let key = panel_key(workload, content, threads, search);
        let at = *self.by_key.entry(key.clone()).or_insert_with(|| {
            let facts = trace.map(|trace| trace.facts.clone());
            let mut panel = new_panel(suite, workload, facts, threads, key);
            panel.search = search;
            self.panels.push(panel);
            self.panels.len() - 1
        });
        &mut self.panels[at]
    }
}

impl Trace {
    fn scan(source: &TraceSource) -> Result<Trace, BadInput> {
        let facts = TraceFacts::scan(source)?;
        let content = machine::file_hash(&source.path).map_err(|error| {
            BadInput(format!(
                "trace '{}' cannot be read: {error}",
                source.path.display()
            ))
        })?;
        Ok(Trace { facts, content })
    }
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
        source.path = PathBuf::new();
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
            order::SLICE_NS
        } else {
            suite.slice_ms * 1_000_000
        },
        crowd: crowd(threads),
        latency: false,
        search: None,
        bytes: 0,
        key,
    }
}

/// Threads to a core of this machine, rounded up.
fn crowd(threads: u32) -> u32 {
    let cores = u32::try_from(machine::allowed_cpus().len()).unwrap_or(u32::MAX);
    // Where the kernel does not say, threads are taken to have a core each.
    if cores == 0 {
        1
    } else {
        threads.div_ceil(cores)
    }
}

/// Two cells of a panel are measured at the same time, and would write each other's keys on one server.
fn check_alone(panel: &Panel<'_>, cell: &Cell<'_>) -> Result<(), BadInput> {
    let Some(server) = cell.target.server() else {
        return Ok(());
    };
    for known in &panel.cells {
        if let Some(address) = known.target.server().and_then(|known| known.shares(server)) {
            return Err(BadInput(format!(
                "targets '{}' and '{}' are one server, {address}, which cannot be measured under two names at the same \
                 time: give one of them, and the other in a run of its own",
                known.target.short(),
                cell.target.short()
            )));
        }
    }
    Ok(())
}

fn add_cells<'r>(
    panel: &mut Panel<'r>,
    rows: &'r [Row],
    suite: &Suite,
    group: &Group,
) -> Result<(), BadInput> {
    for text in &group.targets {
        for target in Target::read_all(rows, text)? {
            let hashes = group.hash.as_ref().unwrap_or(&suite.hash);
            for hash in hashes {
                hash::find(hash)?;
            }
            let heaps = heaps(suite, group);
            // A server of others has a hash function and an allocator of its own.
            let (hashes, heaps) = match target.strategy() {
                Some(_) => (&hashes[..], &heaps[..]),
                None => (&hashes[..1.min(hashes.len())], &heaps[..1.min(heaps.len())]),
            };
            for hash in hashes {
                for &heap in heaps {
                    let cell = Cell::new(rows, target.clone(), (hash, heap), &panel.key);
                    if panel.cells.iter().all(|known| known.id != cell.id) {
                        check_alone(panel, &cell)?;
                        panel.cells.push(cell);
                    }
                }
            }
        }
    }
    Ok(())
}
