//! Runs that nobody measured, of any size, for tests and benchmarks of the report.

use std::path::{Path, PathBuf};

use bucketlab::base::{Between, Percent};
use bucketlab::record::{
    CellEntry, CensusRow, LatencyRow, LoopKind, Manifest, MarkRow, PaceEntry, PanelEntry,
    RunDirectory, SCHEMA_VERSION, SliceKind, SliceRow, Status, TimeKind, TrialRow, WINDOW_NS,
    WindowRow, empty_histogram,
};

/// How large a made-up run is. Each trial has twenty slices, as in a real one.
#[derive(Clone, Copy)]
pub struct Size {
    /// Panels of five cells.
    pub panels: u32,
    /// Trials of each cell.
    pub trials: u32,
}

const TARGETS: [&str; 5] = ["null", "fixed", "fixed", "resizable", "striped"];
const SLICES: u32 = 20;

/// Trials of a paced cell that have latencies.
const LATENCIES: u32 = 3;

/// What kind of panel one is: of eight, four have free slices, two are passes in windows of time, and
/// two are at a pace.
#[derive(PartialEq)]
enum Kind {
    Free,
    Pass,
    Paced,
}

fn kind_of(panel: u32) -> Kind {
    match panel % 8 {
        0..4 => Kind::Free,
        4 | 5 => Kind::Pass,
        _ => Kind::Paced,
    }
}

/// Ten thousand trials, 200,000 slices, with windows of passes and latencies.
pub const LARGE: Size = Size {
    panels: 40,
    trials: 50,
};

/// Writes a run that nobody measured: panels of five targets, the second `fixed` being the twin.
pub fn made_up(root: &Path, size: Size) -> PathBuf {
    let mut run = RunDirectory::create(root, "made-up", "", "20260131T123456Z").unwrap();
    run.manifest(&manifest(run.run_id(), size)).unwrap();
    for panel in 0..size.panels {
        for (at, target) in (0..).zip(TARGETS) {
            let id = cell_id(panel, at);
            for trial in 0..size.trials {
                let (row, slices) = trial_of(run.run_id(), panel, at, trial);
                run.slices(&slices).unwrap();
                run.trial(&row).unwrap();
            }
            match kind_of(panel) {
                Kind::Free => {}
                Kind::Pass => run.windows(&windows(panel, at, size.trials / 2)).unwrap(),
                Kind::Paced => latencies(&mut run, panel, at),
            }
            let census: Vec<CensusRow> = (0..8)
                .map(|length: u64| CensusRow {
                    cell_id: id.clone(),
                    figure: "chain_length".into(),
                    label: length.to_string(),
                    count: 1000 / (length + 1),
                })
                .collect();
            if target != "null" {
                run.census(&census).unwrap();
            }
            run.marks(&[MarkRow {
                panel,
                cell_id: id,
                trial: 0,
                at_ns: 1000,
                event: "end".into(),
                from_buckets: 1024,
                to_buckets: 2048,
            }])
            .unwrap();
        }
    }
    run.path().to_owned()
}

fn cell_id(panel: u32, at: u32) -> String {
    format!("{panel:04x}{at:04x}")
}

/// The windows of one trial: of the one that is drawn.
fn windows(panel: u32, at: u32, trial: u32) -> Vec<WindowRow> {
    let from = u64::from(trial * SLICES) * PASS_SLICE_NS;
    let count = u64::from(SLICES) * PASS_SLICE_NS / WINDOW_NS;
    (0..count)
        .map(|window| WindowRow {
            panel,
            cell_id: cell_id(panel, at),
            trial,
            thread: 0,
            at_ns: from + window * WINDOW_NS,
            elapsed_ns: WINDOW_NS,
            ops: 10_000 + window * 7919 % 1000,
            longest_ns: 2_000 + window * 7919 % 90_000,
        })
        .collect()
}

fn latencies(run: &mut RunDirectory, panel: u32, at: u32) {
    for time in [TimeKind::Response, TimeKind::Service] {
        for trial in 0..LATENCIES {
            let mut histogram = empty_histogram();
            for part in 1..=2_000_u64 {
                let ns = 200 + 1_000_000 * u64::from(at + 1) / part;
                histogram.record_n(ns, part).unwrap();
            }
            let row = LatencyRow {
                panel,
                trial,
                offered_per_s: Some(offered(panel)),
                achieved_per_s: offered(panel),
                elapsed_ns: 1_000_000_000,
                ..LatencyRow::of(&cell_id(panel, at), LoopKind::Open, time, &histogram)
            };
            run.latency(&row, &histogram).unwrap();
        }
    }
}

fn offered(panel: u32) -> u64 {
    10_000 * u64::from(panel)
}

/// Length of a slice of a pass.
const PASS_SLICE_NS: u64 = 500_000_000;

fn manifest(run_id: &str, size: Size) -> Manifest {
    let panels = 0..size.panels;
    Manifest {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.into(),
        name: "made-up".into(),
        started: "2026-01-31T12:34:56Z".into(),
        status: Status::Complete,
        program: None,
        argv: vec!["bucketlab".into(), "run".into()],
        seed: 7,
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
        suites: vec!["name = \"made-up\"".parse().unwrap()],
        panels: panels
            .clone()
            .map(|panel| PanelEntry {
                panel,
                suite: "made-up".into(),
                workload: format!("workload-{}", panel / 2),
                about: String::new(),
                threads: panel % 2 + 1,
                batch: 1,
                connections: 0,
                depth: 1,
                between: Between::default(),
                absent: Percent::ZERO,
                entries: 100_000,
                corpus: String::new(),
                pass: kind_of(panel) == Kind::Pass,
                points: None,
                budget: None,
                origin_ns: None,
                baseline: cell_id(panel, 1),
                memory: None,
                pace: (kind_of(panel) == Kind::Paced).then(|| PaceEntry {
                    offered_per_s: Some(offered(panel)),
                    arrival: "poisson".into(),
                    speed: None,
                    sweep: "sweep".into(),
                }),
            })
            .collect(),
        cells: panels
            .flat_map(|panel| (0..).zip(TARGETS).map(move |cell| (panel, cell)))
            .map(|(panel, (at, target))| CellEntry {
                cell_id: cell_id(panel, at),
                panel,
                suite: "made-up".into(),
                strategy: target.into(),
                target: target.into(),
                target_full: target.into(),
                hash: "sip13".into(),
                allocator: bucketlab::machine::Allocator::System,
                pages: bucketlab::machine::Pages::Default,
                control: target == "null",
                peer: false,
                server: false,
                twin: at == 2,
                colour: at.saturating_sub(u32::from(at > 1)),
            })
            .collect(),
    }
}

/// A trial with its slices; rates differ by a few percent from slice to slice.
fn trial_of(run_id: &str, panel: u32, at: u32, trial: u32) -> (TrialRow, Vec<SliceRow>) {
    let threads = panel % 2 + 1;
    let mut slices = Vec::new();
    let slice_ns = match kind_of(panel) {
        Kind::Pass => PASS_SLICE_NS,
        Kind::Free | Kind::Paced => 10_000_000,
    };
    for slice in 0..SLICES {
        let round = trial * SLICES + slice;
        // Spread over 0 to 99 without a generator: 37 and 61 are prime to 100.
        let jitter = u64::from((round * 37 + at * 61 + panel) % 100);
        let ops = 800_000 / u64::from(at + 1) * (1000 + jitter) / 1000;
        slices.push(SliceRow {
            panel,
            birth: trial / 25,
            trial,
            round,
            position: at,
            cell_id: cell_id(panel, at),
            kind: SliceKind::Throughput,
            attempt: 0,
            thread: slice % threads,
            started_ns: u64::from(round) * slice_ns,
            ops: ops * 5 / 4,
            elapsed_ns: slice_ns,
            discarded_ops: ops / 4,
            discarded_ns: 2_000_000,
            longest_ns: None,
            rss_bytes: None,
            run_queue_ns: None,
            involuntary_switches: None,
            page_faults: None,
            disturbed: None,
            additions_per_kcycle: None,
        });
    }
    let ops: u64 = slices.iter().map(|slice| slice.ops).sum();
    let row = TrialRow {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.into(),
        cell_id: cell_id(panel, at),
        suite: "made-up".into(),
        workload: format!("workload-{}", panel / 2),
        target: TARGETS[at as usize].into(),
        twin: at == 2,
        hash: "sip13".into(),
        threads,
        batch: 1,
        entries: 100_000,
        panel,
        birth: trial / 25,
        trial,
        seed: 7,
        slices: SLICES,
        ops: Some(ops),
        elapsed_ns: Some(200_000_000),
        discarded_ops: Some(ops / 5),
        discarded_ns: Some(40_000_000),
        hits: Some(ops),
        misses: Some(0),
        refused: Some(0),
        items: Some(100_000),
        rss_bytes: Some(9_600_000),
        bytes_claimed: Some(7_200_000),
        ..TrialRow::default()
    };
    (row, slices)
}
