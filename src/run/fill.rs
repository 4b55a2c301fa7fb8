//! Starting children and filling their tables.

use std::time::Duration;

use super::cell::Place;
use super::live::{Bench, Live, Stop, out_of_turn};
use super::process::{Failure, Process};
use crate::bench::{Open, Reply, Request};
use crate::workload;

/// What a child may take on a core before it fills: its start, its streams and the empty table.
const BIRTH_NS: u64 = 50_000_000;

/// What a server takes to start; it may take twenty times as long, as everything that is asked of a child.
const SERVER_START: Duration = Duration::from_millis(500);

/// What a server may take to stop, or to be emptied of each entry that was stored in it.
const SERVER_STOP: Duration = Duration::from_secs(10);
const REMOVED: Duration = Duration::from_micros(20);

/// Starts a child, or renews the table of one, and has it filled.
pub(super) fn begin_filling(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
    renew: bool,
) -> Result<(), Stop> {
    let panel = place.panel;
    let request = if renew {
        Request::Renew
    } else {
        let mut process = Process::start(bench.executable, live.cell.heap)
            .map_err(|error| Failure::Cell(format!("cannot be started: {error}")))?;
        let target = &live.cell.target;
        if target.server().is_some() {
            let entries = u32::try_from(panel.workload.entries).unwrap_or(u32::MAX);
            process.give_time_to_end(SERVER_STOP + REMOVED * entries);
        }
        live.process = Some(process);
        let strategy = target.strategy();
        Request::Open(Box::new(Open {
            strategy: strategy.map_or_else(String::new, |(row, _)| row.name.to_owned()),
            values: strategy.map_or_else(Vec::new, |(_, params)| params.values()),
            server: target.server().map(ToString::to_string),
            overwrite: bench.overwrite,
            hash: live.cell.hash.clone(),
            hash_seed: bench.hash_seed,
            workload: panel.workload.clone(),
            threads: panel.threads,
            seed: place.seed,
            pin_offset: place.birth,
            searched: workload::searched(&panel.workload),
            heap: live.cell.heap,
        }))
    };
    Ok(live.process().send(&request)?)
}

/// Waits until a table is filled.
pub(super) fn await_filled(
    live: &mut Live<'_>,
    place: Place<'_>,
    bench: &mut Bench<'_>,
) -> Result<(), Stop> {
    let panel = place.panel;
    let entries = panel
        .trace
        .as_ref()
        .map_or(panel.workload.entries, |facts| facts.requests);
    // All tables of the panel may be at it.
    let ns = entries
        .saturating_mul(3_000)
        .saturating_add(BIRTH_NS)
        .saturating_mul(panel.cells.len() as u64);
    let mut expected = Duration::from_nanos(ns);
    if live.cell.target.server().is_some() {
        expected += SERVER_START;
    }
    match live.process().answer(expected, bench.interrupted)? {
        Reply::Opened(opened) => {
            live.opened = *opened;
            if let Some(facts) = &live.opened.server {
                bench.keep_facts(live.cell, facts);
            }
        }
        other => return Err(out_of_turn(&other).into()),
    }
    Ok(())
}
