//! Starting children and filling their tables.

use std::time::Duration;

use super::cell::Place;
use super::live::{Bench, Live, Stop, out_of_turn};
use super::process::{Failure, Process};
use crate::bench::{Open, Reply, Request};
use crate::workload;

/// What a child may take on a core before it fills: its start, its streams and the empty table.
const BIRTH_NS: u64 = 50_000_000;

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
        let process = Process::start(bench.executable, live.cell.heap)
            .map_err(|error| Failure::Cell(format!("cannot be started: {error}")))?;
        live.process = Some(process);
        Request::Open(Box::new(Open {
            strategy: live.cell.row.name.to_owned(),
            values: live.cell.params.values(),
            server: None,
            overwrite: false,
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
    let expected = Duration::from_nanos(ns);
    match live.process().answer(expected, bench.interrupted)? {
        Reply::Opened(opened) => live.opened = *opened,
        other => return Err(out_of_turn(&other).into()),
    }
    Ok(())
}
