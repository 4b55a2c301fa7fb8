//! Made-up runs: records for tests, with figures that are known beforehand.

mod paced;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

pub(crate) use self::paced::Paced;

use crate::base::{Between, Percent, whole};
use crate::record::{
    CellEntry, CensusRow, Manifest, MarkRow, MissRow, PanelEntry, Records, SCHEMA_VERSION,
    SliceKind, SliceRow, Status, TrialRow,
};

/// Trials of each cell.
const TRIALS: u32 = 3;
/// Rounds in a trial of a panel whose slices are cut by time.
const ROUNDS: u32 = 20;
/// Operations in a pass.
const PASS_OPS: u64 = 100_000;

/// A run in the making.
pub(crate) struct Synthetic {
    records: Records,
    /// Where each trial is a birth.
    births: Option<Births>,
}

/// Births, each with luck of its own.
#[derive(Clone, Copy)]
struct Births {
    count: u32,
    /// The standard deviation of the logarithm of a birth's rate.
    luck: f64,
    seed: u64,
}

/// A cell to add.
#[derive(Clone)]
pub(crate) struct Cell<'a> {
    target: &'a str,
    /// Nanoseconds of one thread an operation.
    ns: f64,
    /// The largest deviation of a slice, as a part of its rate.
    jitter: f64,
    control: bool,
    peer: bool,
    server: bool,
    twin: bool,
    hash_ns: Option<f64>,
    error: Option<&'a str>,
    hits_misses: Option<(u64, u64)>,
    bytes_per_entry: u64,
    chains: &'a [(u64, u64)],
    resizes: u64,
}

impl<'a> Cell<'a> {
    /// An ordinary target that takes so many nanoseconds of one thread an operation.
    pub fn new(target: &'a str, ns: f64) -> Cell<'a> {
        Cell {
            target,
            ns,
            jitter: 0.02,
            control: false,
            peer: false,
            server: false,
            twin: false,
            hash_ns: None,
            error: None,
            hits_misses: None,
            bytes_per_entry: 96,
            chains: &[],
            resizes: 0,
        }
    }

    /// The control, with what the hash takes of it.
    pub fn null(ns: f64, hash_ns: f64) -> Cell<'a> {
        Cell {
            control: true,
            hash_ns: Some(hash_ns),
            bytes_per_entry: 0,
            ..Cell::new("null", ns)
        }
    }

    /// A map of others.
    pub fn peer(target: &'a str, ns: f64) -> Cell<'a> {
        Cell {
            peer: true,
            ..Cell::new(target, ns)
        }
    }

    /// A server, or a strategy behind one.
    pub fn server(target: &'a str, ns: f64) -> Cell<'a> {
        Cell {
            server: true,
            bytes_per_entry: 0,
            ..Cell::new(target, ns)
        }
    }

    /// The same, of others.
    pub fn of_others(self) -> Cell<'a> {
        Cell { peer: true, ..self }
    }

    /// The control of servers.
    pub fn null_server(ns: f64) -> Cell<'a> {
        Cell {
            control: true,
            ..Cell::server("null-server", ns)
        }
    }

    /// The twin of a baseline.
    pub fn twin(target: &'a str, ns: f64) -> Cell<'a> {
        Cell {
            twin: true,
            ..Cell::new(target, ns)
        }
    }

    /// Its last trial fails.
    pub fn failing(self, reason: &'a str) -> Cell<'a> {
        let error = Some(reason);
        Cell { error, ..self }
    }

    /// Slices differ from each other by up to this part.
    pub fn jitter(self, jitter: f64) -> Cell<'a> {
        Cell { jitter, ..self }
    }

    /// Hits and misses of each trial.
    pub fn answers(self, hits: u64, misses: u64) -> Cell<'a> {
        let hits_misses = Some((hits, misses));
        Cell {
            hits_misses,
            ..self
        }
    }

    /// Its chains: length and how many there are.
    pub fn chains(self, chains: &'a [(u64, u64)]) -> Cell<'a> {
        Cell { chains, ..self }
    }

    /// Resizes in each trial.
    pub fn resizes(self, resizes: u64) -> Cell<'a> {
        Cell { resizes, ..self }
    }
}

impl Synthetic {
    /// A run without a panel.
    pub fn new() -> Synthetic {
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            run_id: "20260131T123456Z-quick".into(),
            name: "quick".into(),
            started: "2026-01-31T12:34:56Z".into(),
            status: Status::Complete,
            argv: vec!["bucketlab".into(), "run".into()],
            program: None,
            seed: 42,
            slice_ns: 10_000_000,
            discard_ns: 2_000_000,
            version: "0.1.0".into(),
            revision: String::new(),
            binary_hash: String::new(),
            lockfile_hash: String::new(),
            clock_cost_ps: 20_000,
            not_measured: Vec::new(),
            notes: Vec::new(),
            bytes_available: None,
            resumed: Vec::new(),
            machine: std::collections::BTreeMap::new(),
            doctor: Vec::new(),
            verification: None,
            guarantees: Vec::new(),
            servers: Vec::new(),
            task: None,
            merged: Vec::new(),
            suites: Vec::new(),
            panels: Vec::new(),
            cells: Vec::new(),
        };
        Synthetic {
            births: None,
            records: Records {
                manifest,
                trials: Vec::new(),
                slices: Vec::new(),
                census: Vec::new(),
                marks: Vec::new(),
                misses: Vec::new(),
                latency: Vec::new(),
                histograms: Vec::new(),
                windows: Vec::new(),
                slo: Vec::new(),
                dropped_lines: 0,
            },
        }
    }

    /// From now on each trial of a cell is a birth, and short: so many, with normal luck that lasts as long as
    /// the birth, all drawn from the seed.
    pub fn births(mut self, count: u32, luck: f64, seed: u64) -> Synthetic {
        self.births = Some(Births { count, luck, seed });
        self
    }

    /// Adds a panel whose slices are cut by time; the first cell that is no control is the baseline.
    pub fn panel(self, workload: &str, threads: u32, cells: &[Cell<'_>]) -> Synthetic {
        self.any_panel(workload, threads, 100_000, false, cells)
    }

    /// Adds a panel whose trials are passes; a trace has 0 entries.
    pub fn pass(self, workload: &str, threads: u32, entries: u64, cells: &[Cell<'_>]) -> Synthetic {
        self.any_panel(workload, threads, entries, true, cells)
    }

    /// Gives the last panel a budget and an origin: its workload is named after the budget.
    pub fn bounded(mut self, budget: u64, origin_ns: u64) -> Synthetic {
        let panel = self.records.manifest.panels.last_mut().expect("a panel");
        panel.workload = format!("{}@{}", panel.workload, crate::base::ByteCount(budget));
        (panel.budget, panel.origin_ns) = (Some(budget), Some(origin_ns));
        let (index, workload) = (panel.panel, panel.workload.clone());
        for row in self
            .records
            .trials
            .iter_mut()
            .filter(|row| row.panel == index)
        {
            row.workload.clone_from(&workload);
            row.evicted = Some(100);
        }
        self
    }

    /// Adds what a policy would miss: of so many requests under a budget.
    pub fn simulated(mut self, policy: &str, budget: u64, requests: u64, misses: u64) -> Synthetic {
        self.records.misses.push(MissRow {
            suite: "quick".into(),
            workload: "web".into(),
            policy: policy.into(),
            budget_bytes: budget,
            requests,
            misses,
        });
        self
    }

    /// Sets how the run ended.
    pub fn status(mut self, status: Status) -> Synthetic {
        self.records.manifest.status = status;
        self
    }

    /// The finished records.
    pub fn records(self) -> Records {
        self.records
    }

    fn any_panel(
        mut self,
        workload: &str,
        threads: u32,
        entries: u64,
        pass: bool,
        cells: &[Cell<'_>],
    ) -> Synthetic {
        let panel = u32::try_from(self.records.manifest.panels.len()).unwrap();
        let baseline = cells.iter().find(|cell| !cell.control && !cell.twin);
        let entry = PanelEntry {
            panel,
            suite: "quick".into(),
            workload: workload.into(),
            about: format!("the workload {workload}"),
            threads,
            batch: 1,
            connections: 0,
            depth: 1,
            between: Between::default(),
            absent: Percent::ZERO,
            entries,
            corpus: String::new(),
            pass,
            points: None,
            budget: None,
            origin_ns: None,
            baseline: baseline.map_or_else(String::new, |cell| cell_id(panel, cell)),
            pace: None,
            memory: None,
        };
        for cell in cells {
            self.add(&entry, cell);
        }
        self.records.manifest.panels.push(entry);
        self
    }

    fn add(&mut self, panel: &PanelEntry, cell: &Cell<'_>) {
        let id = cell_id(panel.panel, cell);
        let (strategy, rest) = match cell.target.rsplit_once(':') {
            Some((strategy, params)) if params.contains('=') => (strategy, params),
            _ if cell.control => (cell.target, ""),
            _ => (cell.target, "buckets=2^10"),
        };
        let colour = u32::try_from(self.records.manifest.cells.len()).unwrap();
        self.records.manifest.cells.push(CellEntry {
            cell_id: id.clone(),
            panel: panel.panel,
            suite: panel.suite.clone(),
            strategy: strategy.into(),
            target: cell.target.into(),
            target_full: format!("{strategy}:{rest}").trim_end_matches(':').into(),
            hash: "sip13".into(),
            allocator: crate::machine::Allocator::System,
            pages: crate::machine::Pages::Default,
            control: cell.control,
            peer: cell.peer,
            server: cell.server,
            twin: cell.twin,
            colour,
        });
        for &(length, count) in cell.chains {
            self.records.census.push(CensusRow {
                cell_id: id.clone(),
                figure: "chain_length".into(),
                label: length.to_string(),
                count,
            });
        }
        // Slices of one round share a disturbance, as on a real machine; each has a jitter of its own.
        let seed = self.births.map_or(0, |births| births.seed);
        let mut jitter = Xoshiro256PlusPlus::seed_from_u64((seed << 32) + u64::from(colour) + 1);
        for trial in 0..self.births.map_or(TRIALS, |births| births.count) {
            self.trial(panel, cell, &id, trial, &mut jitter);
        }
    }

    fn trial(
        &mut self,
        panel: &PanelEntry,
        cell: &Cell<'_>,
        id: &str,
        trial: u32,
        jitter: &mut Xoshiro256PlusPlus,
    ) {
        let mut row = TrialRow {
            schema_version: SCHEMA_VERSION,
            run_id: self.records.manifest.run_id.clone(),
            cell_id: id.into(),
            suite: panel.suite.clone(),
            workload: panel.workload.clone(),
            target: cell.target.into(),
            twin: cell.twin,
            hash: "sip13".into(),
            threads: panel.threads,
            batch: panel.batch,
            entries: panel.entries,
            panel: panel.panel,
            trial,
            ..TrialRow::default()
        };
        if let Some(reason) = cell.error.filter(|_| trial + 1 == TRIALS) {
            row.error = reason.into();
            self.records.trials.push(row);
            return;
        }
        let mut disturbance = Xoshiro256PlusPlus::seed_from_u64(u64::from(trial));
        let mut ops = 0;
        let birth = self.births.map_or(0, |_| trial);
        row.birth = birth;
        // Near enough to normal: the sum of twelve.
        let luck = self.births.map_or(1.0, |births| {
            let normal = (0..12).map(|_| unit(jitter)).sum::<f64>() - 6.0;
            (births.luck * normal).exp()
        });
        let rounds = match self.births {
            _ if panel.pass => 4,
            Some(_) => 5,
            None => ROUNDS,
        };
        for round in 0..rounds {
            let shared = 1.0 + 0.3 * unit(&mut disturbance);
            let own = 1.0 + cell.jitter * (2.0 * unit(jitter) - 1.0);
            for (kind, ns) in [
                (SliceKind::Throughput, Some(cell.ns)),
                (SliceKind::Hash, cell.hash_ns),
            ] {
                let Some(ns) = ns.map(|ns| ns * luck * shared * own) else {
                    continue;
                };
                for thread in 0..panel.threads {
                    let slice = SliceRow {
                        birth,
                        ..slice(panel, id, (trial, round, thread), kind, ns)
                    };
                    if kind == SliceKind::Throughput {
                        ops += slice.ops;
                    }
                    self.records.slices.push(slice);
                }
            }
        }
        row.ops = Some(ops);
        row.refused = Some(0);
        (row.hits, row.misses) = match cell.hits_misses {
            Some((hits, misses)) => {
                row.ops = Some(hits + misses);
                (Some(hits), Some(misses))
            }
            None => (Some(ops), Some(0)),
        };
        row.items = Some(100_000);
        row.rss_bytes = Some(cell.bytes_per_entry * 100_000);
        row.bytes_claimed = row.rss_bytes.map(|bytes| bytes * 3 / 4);
        self.records.trials.push(row);
        for resize in 0..cell.resizes {
            for event in ["begin", "end"] {
                self.records.marks.push(MarkRow {
                    panel: panel.panel,
                    cell_id: id.into(),
                    trial,
                    at_ns: 1000 * resize,
                    event: event.into(),
                    from_buckets: 1024 << resize,
                    to_buckets: 2048 << resize,
                });
            }
        }
    }
}

fn slice(
    panel: &PanelEntry,
    id: &str,
    (trial, round, thread): (u32, u32, u32),
    kind: SliceKind,
    ns: f64,
) -> SliceRow {
    let counted_ns = 8_000_000_u64;
    let (ops, elapsed_ns) = if panel.pass {
        let ops = PASS_OPS / 4 / u64::from(panel.threads);
        (ops, whole(ops as f64 * ns))
    } else {
        (whole(counted_ns as f64 / ns), counted_ns)
    };
    // The discarded part is twice as slow: a reader that counts it is found out.
    let (discarded_ops, discarded_ns) = if panel.pass {
        (0, 0)
    } else {
        (whole(1_000_000.0 / ns), 2_000_000)
    };
    SliceRow {
        panel: panel.panel,
        birth: 0,
        trial,
        round: trial * ROUNDS + round,
        position: 0,
        cell_id: id.into(),
        kind,
        attempt: 0,
        thread,
        started_ns: 0,
        ops: ops + discarded_ops,
        elapsed_ns: elapsed_ns + discarded_ns,
        discarded_ops,
        discarded_ns,
        longest_ns: None,
        rss_bytes: None,
        run_queue_ns: None,
        involuntary_switches: None,
        page_faults: None,
        disturbed: None,
        additions_per_kcycle: None,
    }
}

/// The id that a cell of a panel gets.
pub(crate) fn cell_id(panel: u32, cell: &Cell<'_>) -> String {
    let twin = if cell.twin { "-twin" } else { "" };
    format!("p{panel}-{}{twin}", cell.target)
}

/// Uniform in 0..1.
fn unit(rng: &mut Xoshiro256PlusPlus) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
