//! From suites to panels and cells, checked before anything is allocated.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use super::expand::workloads;
use super::suite::{Group, Suite};
use crate::base::{BadInput, Params, Spec, expand_sweeps};
use crate::catalog::{self, Row};
use crate::hash;
use crate::machine;
use crate::workload::{TraceFacts, Workload};

/// Quarters of the memory at hand that a panel's tables and streams may take together.
const MEMORY_QUARTERS: u64 = 3;

/// What a child takes before it holds anything, in bytes: the program, its stacks and buffers.
const CHILD_BYTES: u64 = 16 << 20;

/// Time for the slices of a cell when nobody says, in seconds: ten slices of 10 ms for each of
/// eight births. Copies of one table differ more from birth to birth than such a second differs
/// within one.
const CELL_S: f64 = 0.8;

/// The most births of a panel. With eight, the median of an A/A pair at 10^5 entries comes within
/// 5 %; `scripts/aa` shows how often.
const MOST_BIRTHS: u32 = 8;

/// The most threads that a cell may ask for.
const MOST_THREADS: u32 = 4096;

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
    /// Length of a slice that is cut by time, in nanoseconds.
    pub slice_ns: u64,
    /// Bytes that its tables and streams are estimated to take together.
    pub bytes: u64,
    /// What its cells share, in a form that is the same for the same thing: part of each cell's id.
    key: String,
}

/// One workload on one target with one thread count.
#[derive(Clone, Debug)]
pub struct Cell<'r> {
    /// A hash over every parameter, defaults included.
    pub id: String,
    /// The strategy.
    pub row: &'r Row,
    /// Its place in the catalog, which fixes its colour.
    pub colour: u32,
    /// Its parameters.
    pub params: Params,
    /// The hash function.
    pub hash: String,
    /// Whether it is the second copy of the baseline.
    pub twin: bool,
}

impl Panel<'_> {
    /// Slices in a trial. A pass is cut into more, so that a resize is seen where it falls.
    #[must_use]
    pub fn slices(&self) -> u32 {
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
    /// often as filling takes up to half as long as measuring, and at most `MOST_BIRTHS`.
    #[must_use]
    pub fn births(&self) -> u32 {
        if self.is_pass() {
            return 1;
        }
        let affordable =
            |births: &u32| f64::from(*births) * self.one_filling_s() <= self.time_s / 2.0;
        let births = (2..=MOST_BIRTHS).rev().find(affordable).unwrap_or(1);
        births.min(self.trials.unwrap_or(u32::MAX))
    }

    /// Seconds that filling its tables may take in all: a guess for the progress bar.
    #[must_use]
    pub fn filling_s(&self) -> f64 {
        self.one_filling_s() * f64::from(self.births())
    }

    fn one_filling_s(&self) -> f64 {
        let filled = if self.workload.prefill {
            self.workload.entries
        } else {
            0
        };
        (0.03 + filled as f64 * 0.4e-6) * self.cells.len() as f64
    }
}

impl<'r> Plan<'r> {
    /// Plans suites: every name and number is checked, cells that coincide are merged, controls and
    /// twins are added, and panels too large for the memory are split.
    ///
    /// # Errors
    /// The first thing that cannot be run, named.
    pub fn new(rows: &'r [Row], suites: Vec<Suite>) -> Result<Plan<'r>, BadInput> {
        let available = machine::available_bytes();
        let mut panels: Vec<Panel<'r>> = Vec::new();
        let mut by_key: BTreeMap<String, usize> = BTreeMap::new();
        let mut traces: BTreeMap<std::path::PathBuf, (TraceFacts, String)> = BTreeMap::new();
        for suite in &suites {
            check_suite(suite)?;
            for group in &suite.group {
                for mut workload in workloads(suite, group)? {
                    let trace = match &workload.trace {
                        None => None,
                        Some(source) => Some(match traces.entry(source.path.clone()) {
                            Entry::Occupied(known) => known.get().clone(),
                            Entry::Vacant(new) => new.insert(scan_trace(source)?).clone(),
                        }),
                    };
                    let (facts, content) = trace.unzip();
                    if let Some(facts) = &facts {
                        workload.ops = Some(facts.requests);
                    }
                    for &threads in group.threads.as_ref().unwrap_or(&suite.threads) {
                        let key = panel_key(&workload, content.as_deref(), threads);
                        let at = *by_key.entry(key.clone()).or_insert_with(|| {
                            panels.push(new_panel(suite, &workload, facts.clone(), threads, key));
                            panels.len() - 1
                        });
                        add_cells(&mut panels[at], rows, suite, group)?;
                    }
                }
            }
        }
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
        self.panels
            .iter()
            .map(|panel| panel.time_s + panel.filling_s())
            .sum()
    }
}

fn check_suite(suite: &Suite) -> Result<(), BadInput> {
    let bad = |why: String| Err(BadInput(format!("suite '{}': {why}", suite.name)));
    let groups = suite.group.iter();
    for &threads in groups.flat_map(|group| group.threads.as_ref().unwrap_or(&suite.threads)) {
        if threads == 0 || threads > MOST_THREADS {
            return bad(format!(
                "threads = {threads} is not valid: 1 to {MOST_THREADS}"
            ));
        }
    }
    if suite.group.is_empty() {
        return bad("it has no [[group]]: nothing to measure".into());
    }
    if suite.trials == Some(0) {
        return bad("trials = 0 is not valid: at least 1".into());
    }
    if suite
        .time_s
        .is_some_and(|time_s| !(time_s > 0.0 && time_s <= 1e6))
    {
        return bad(format!(
            "time = {} s is not valid: above 0, at most 10^6",
            suite.time_s.unwrap_or(0.0)
        ));
    }
    if !(1..=1000).contains(&suite.slice_ms) {
        return bad(format!(
            "slice_ms = {} is not valid: 1 to 1000",
            suite.slice_ms
        ));
    }
    Ok(())
}

/// What a run has one of, its suites must agree on.
fn check_together(suites: &[Suite]) -> Result<(), BadInput> {
    for pair in suites.windows(2) {
        let [a, b] = pair else { continue };
        if a.seed != b.seed {
            return Err(BadInput(format!(
                "suites '{}' and '{}' have different seeds ({} and {}): give one with --seed, or \
                 run them one after the other",
                a.name, b.name, a.seed, b.seed
            )));
        }
        if a.slice_ms != b.slice_ms {
            return Err(BadInput(format!(
                "suites '{}' and '{}' have slices of different length ({} and {} ms): run them one \
                 after the other",
                a.name, b.name, a.slice_ms, b.slice_ms
            )));
        }
    }
    Ok(())
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

/// What the cells of a panel share, in a form that is the same for the same thing. A trace stands
/// by its content, not by where it lies.
fn panel_key(workload: &Workload, trace_content: Option<&str>, threads: u32) -> String {
    #[derive(Serialize)]
    struct Shared<'a> {
        workload: Workload,
        trace: Option<&'a str>,
        threads: u32,
    }
    let mut workload = workload.clone();
    if let Some(source) = &mut workload.trace {
        source.path = std::path::PathBuf::new();
    }
    let shared = Shared {
        workload,
        trace: trace_content,
        threads,
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
        slice_ns: suite.slice_ms * 1_000_000,
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
                let cell = new_cell(rows, &spec, hash, &panel.key)?;
                if panel.cells.iter().all(|known| known.id != cell.id) {
                    panel.cells.push(cell);
                }
            }
        }
    }
    Ok(())
}

fn new_cell<'r>(
    rows: &'r [Row],
    spec: &Spec,
    hash: &str,
    panel_key: &str,
) -> Result<Cell<'r>, BadInput> {
    let (row, params) = catalog::resolve(rows, spec)?;
    let place = rows
        .iter()
        .position(|other| other.name == row.name)
        .unwrap_or(0);
    let mut cell = Cell {
        id: String::new(),
        row,
        colour: u32::try_from(place).expect("a catalog is short"),
        params,
        hash: hash.to_owned(),
        twin: false,
    };
    cell.id = cell_id(&cell, panel_key);
    Ok(cell)
}

fn cell_id(cell: &Cell<'_>, panel_key: &str) -> String {
    let full = cell.params.full();
    let whole = format!(
        "{panel_key}|{full}|{}|system|default|twin={}",
        cell.hash, cell.twin
    );
    format!("{:016x}", xxh3_64(whole.as_bytes()))
}

/// Adds the controls: the floor and the twin of the baseline; and settles the panel's time.
fn complete<'r>(panel: &mut Panel<'r>, rows: &'r [Row]) {
    if panel.cells.iter().all(|cell| !cell.row.control)
        && let Some(control) = rows.iter().find(|row| row.control)
        && let Some(hash) = panel.cells.first().map(|cell| cell.hash.clone())
    {
        let spec = Spec {
            name: control.name.to_owned(),
            params: Vec::new(),
        };
        let floor =
            new_cell(rows, &spec, &hash, &panel.key).expect("a control's defaults are valid");
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
        panel.time_s = panel.cells.len() as f64 * CELL_S;
    }
}

/// `fixed` where present, as it comes by default if that is there; else the first that is no
/// control.
fn baseline(cells: &[Cell<'_>]) -> Option<usize> {
    let at = |test: &dyn Fn(&Cell<'_>) -> bool| {
        cells
            .iter()
            .position(|cell| !cell.row.control && !cell.twin && test(cell))
    };
    at(&|cell| cell.params.short() == "fixed")
        .or_else(|| at(&|cell| cell.row.name == "fixed"))
        .or_else(|| at(&|_| true))
}

/// Estimates each panel's memory and splits those that do not fit, the controls and the baseline in
/// each part.
pub(super) fn split_to_fit(
    panels: Vec<Panel<'_>>,
    available: Option<u64>,
) -> Result<Vec<Panel<'_>>, BadInput> {
    let limit = available.map_or(u64::MAX, |bytes| bytes / 4 * MEMORY_QUARTERS);
    let mut fitting = Vec::new();
    for panel in panels {
        let sizes = panel
            .cells
            .iter()
            .map(|cell| {
                cell_bytes(&panel, cell).filter(|&bytes| bytes <= limit).ok_or_else(|| {
                let wanted = cell_bytes(&panel, cell)
                    .map_or("more than 2^64 bytes".to_owned(), mib);
                BadInput(format!(
                    "{} on {}: about {wanted} of memory would be needed and {} may be used ({} are \
                     available); give fewer entries, buckets or threads",
                    cell.params.short(),
                    panel.label(),
                    mib(limit),
                    mib(available.unwrap_or(0)),
                ))
            })
            })
            .collect::<Result<Vec<u64>, BadInput>>()?;
        fitting.extend(split(&panel, &sizes, limit)?);
    }
    Ok(fitting)
}

fn split<'r>(panel: &Panel<'r>, sizes: &[u64], limit: u64) -> Result<Vec<Panel<'r>>, BadInput> {
    let shared =
        |at: usize, cell: &Cell<'_>| cell.row.control || cell.twin || panel.baseline == Some(at);
    let cells = || panel.cells.iter().enumerate();
    let common: u64 = cells()
        .filter(|(at, cell)| shared(*at, cell))
        .map(|(at, _)| sizes[at])
        .sum();
    if common > limit {
        let which = panel
            .baseline
            .map_or_else(String::new, |at| panel.cells[at].params.short());
        return Err(BadInput(format!(
            "{}: {which} with its twin and the floor needs about {} of memory and {} may be used; \
             give fewer entries",
            panel.label(),
            mib(common),
            mib(limit),
        )));
    }
    let mut parts: Vec<(Vec<usize>, u64)> = vec![(Vec::new(), common)];
    for (at, _) in cells().filter(|(at, cell)| !shared(*at, cell)) {
        let (members, bytes) = parts.last_mut().expect("never empty");
        if bytes.saturating_add(sizes[at]) <= limit {
            members.push(at);
            *bytes += sizes[at];
        } else if members.is_empty() {
            return Err(BadInput(format!(
                "{}: {} and the baseline with its twin need {} together and {} may be used; give \
                 fewer entries",
                panel.label(),
                panel.cells[at].params.short(),
                mib(bytes.saturating_add(sizes[at])),
                mib(limit),
            )));
        } else {
            parts.push((vec![at], common + sizes[at]));
        }
    }
    let share = parts.len() as f64;
    Ok(parts
        .into_iter()
        .map(|(members, bytes)| {
            let kept: Vec<Cell<'r>> = cells()
                .filter(|(at, cell)| shared(*at, cell) || members.contains(at))
                .map(|(_, cell)| cell.clone())
                .collect();
            Panel {
                suite: panel.suite.clone(),
                workload: panel.workload.clone(),
                trace: panel.trace.clone(),
                threads: panel.threads,
                baseline: baseline(&kept),
                cells: kept,
                time_s: panel.time_s / share,
                trials: panel.trials,
                slice_ns: panel.slice_ns,
                bytes,
                key: panel.key.clone(),
            }
        })
        .collect())
}

/// Bytes that a cell's child is estimated to take: entries with their keys, values, headers and the
/// allocator's rounding, bucket arrays (by convention: parameters named `buckets`, `stripes` and
/// `capacity`), and the streams. `None` beyond 2^64.
fn cell_bytes(panel: &Panel<'_>, cell: &Cell<'_>) -> Option<u64> {
    let workload = &panel.workload;
    let given = |name: &str| {
        let declared = cell.row.params.iter().any(|param| param.name == name);
        if declared {
            cell.params.integer(name)
        } else {
            0
        }
    };
    let arrays = given("buckets")
        .checked_add(given("capacity"))?
        .checked_mul(8)?
        .checked_add(given("stripes").checked_mul(128)?)?;
    let (entries, key_bytes) = match &panel.trace {
        Some(facts) => (facts.distinct, u64::from(facts.max_key_len)),
        None => (workload.entries, 24),
    };
    let inserted = if workload.mix.insert > 0 && workload.prefill {
        workload.ops.unwrap_or(workload.entries)
    } else {
        0
    };
    let items = if cell.row.control {
        0
    } else {
        entries.checked_add(inserted)?
    };
    // Below a load of 1 a table keeps several buckets an item, and twice that while it doubles.
    let has_load = cell.row.params.iter().any(|param| param.name == "load");
    let load = if has_load {
        cell.params.decimal("load")
    } else {
        1.0
    };
    let buckets_per_item = (4.0 / load).ceil().clamp(1.0, 1e6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    let bucket_bytes = buckets_per_item as u64 * 8;
    let per_item = bucket_bytes + 48 + workload.planned_bytes(panel.trace.as_ref());
    let records = entries
        .max(1 << 16)
        .checked_mul(key_bytes + 12)?
        .min(64 << 20);
    items
        .checked_mul(per_item)?
        .checked_add(arrays)?
        .checked_add(records.checked_mul(u64::from(panel.threads))?)?
        .checked_add(CHILD_BYTES)
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
