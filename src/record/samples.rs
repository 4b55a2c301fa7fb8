//! Made-up records, for tests.

use std::collections::BTreeMap;

use super::manifest::{CellEntry, Manifest, PanelEntry, Status};
use super::rows::{SCHEMA_VERSION, SliceKind, SliceRow};
use crate::base::{Between, Percent};
use crate::machine::{Allocator, Pages};

/// A manifest with a panel and a cell.
pub(super) fn manifest(run_id: &str) -> Manifest {
    Manifest {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.into(),
        name: "quick".into(),
        started: "2026-01-31T12:34:56Z".into(),
        status: Status::Interrupted,
        argv: vec!["bucketlab".into(), "run".into()],
        program: None,
        seed: u64::MAX,
        slice_ns: 10_000_000,
        discard_ns: 2_000_000,
        version: "0.1.0".into(),
        revision: "abc1234-dirty".into(),
        binary_hash: "00ff".into(),
        lockfile_hash: "ff00".into(),
        clock_cost_ps: 21_000,
        not_measured: vec!["latency: no slice of that kind".into()],
        notes: Vec::new(),
        bytes_available: None,
        resumed: Vec::new(),
        machine: BTreeMap::from([("cpu".into(), "one with \"quotes\"".into())]),
        doctor: Vec::new(),
        verification: None,
        guarantees: Vec::new(),
        servers: Vec::new(),
        task: None,
        merged: Vec::new(),
        suites: vec!["name = \"quick\"\ntargets = [\"fixed\"]".parse().unwrap()],
        panels: vec![PanelEntry {
            panel: 0,
            suite: "quick".into(),
            workload: "ycsb-c".into(),
            about: "100 % get".into(),
            threads: 2,
            batch: 1,
            connections: 0,
            depth: 1,
            between: Between::default(),
            absent: Percent::ZERO,
            entries: 100_000,
            corpus: String::new(),
            pass: false,
            points: None,
            budget: None,
            origin_ns: None,
            baseline: "c1".into(),
            pace: None,
            memory: None,
        }],
        cells: vec![CellEntry {
            cell_id: "c1".into(),
            panel: 0,
            suite: "quick".into(),
            strategy: "fixed".into(),
            target: "fixed".into(),
            target_full: "fixed:buckets=2^10,capacity=0".into(),
            hash: "sip13".into(),
            allocator: Allocator::System,
            pages: Pages::Default,
            control: false,
            peer: false,
            server: false,
            twin: false,
            colour: 1,
        }],
    }
}

/// A slice of that cell.
pub(super) fn slice(thread: u32) -> SliceRow {
    SliceRow {
        panel: 0,
        birth: 0,
        trial: 0,
        round: 3,
        position: 1,
        cell_id: "c1".into(),
        kind: SliceKind::Hash,
        attempt: 0,
        thread,
        started_ns: 5,
        ops: 1000,
        elapsed_ns: 9000,
        discarded_ops: 100,
        discarded_ns: 1000,
        longest_ns: None,
        rss_bytes: None,
        run_queue_ns: Some(70),
        involuntary_switches: Some(1),
        page_faults: Some(0),
        disturbed: Some(true),
        additions_per_kcycle: Some(3650),
    }
}
