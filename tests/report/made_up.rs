//! Runs that nobody measured, of any size, for tests and benchmarks of the report.

use std::path::{Path, PathBuf};

use bucketlab::record::{
    CellEntry, CensusRow, Manifest, MarkRow, PanelEntry, RunDirectory, SCHEMA_VERSION, SliceKind,
    SliceRow, Status, TrialRow,
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

/// Ten thousand trials, 200,000 slices.
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

fn manifest(run_id: &str, size: Size) -> Manifest {
    let panels = 0..size.panels;
    Manifest {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.into(),
        name: "made-up".into(),
        started: "2026-01-31T12:34:56Z".into(),
        status: Status::Complete,
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
                entries: 100_000,
                corpus: String::new(),
                pass: false,
                budget: None,
                origin_ns: None,
                baseline: cell_id(panel, 1),
                pace: None,
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
            started_ns: u64::from(round) * 10_000_000,
            ops: ops * 5 / 4,
            elapsed_ns: 10_000_000,
            discarded_ops: ops / 4,
            discarded_ns: 2_000_000,
            longest_ns: None,
            rss_bytes: None,
            run_queue_ns: None,
            involuntary_switches: None,
            page_faults: None,
            disturbed: None,
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
