//! The children of a panel while it is measured, the state that each step of the work uses, and one slice.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::cell::{Cell, Panel};
use super::guard::{Guard, Watched};
use super::lone::Lone;
use super::process::{Failure, Process};
use super::tally::Trial;
use super::watch::Watch;
use crate::bench::{
    CensusReply, Cut, Memory, Opened, Reply, Request, ServerFacts, SliceOrder, Sliced,
};
use crate::record::{RunDirectory, ServerEntry, SliceRow};

/// What measuring a panel needs beside the panel.
pub(super) struct Bench<'b> {
    pub(super) executable: &'b Path,
    pub(super) directory: &'b mut RunDirectory,
    pub(super) watch: &'b mut dyn Watch,
    pub(super) interrupted: &'b AtomicBool,
    pub(super) hash_seed: [u64; 2],
    /// The slices of a panel that is to become as precise as asked; empty for others.
    pub(super) kept: Vec<SliceRow>,
    pub(super) guard: Guard,
    pub(super) lone: Lone,
    /// Whether servers that hold keys already may be written to.
    pub(super) overwrite: bool,
    /// What servers said of themselves, each once.
    pub(super) servers: Vec<ServerEntry>,
}

impl Bench<'_> {
    /// Keeps what a server says of itself, at its first birth.
    pub(super) fn keep_facts(&mut self, cell: &Cell<'_>, facts: &ServerFacts) {
        let target = cell.label();
        if self.servers.iter().any(|known| known.target == target) {
            return;
        }
        let ServerFacts {
            version,
            command,
            cpus,
        } = facts.clone();
        self.servers.push(ServerEntry {
            target,
            version,
            command,
            cpus,
        });
    }
}

/// A cell while its panel is measured.
pub(super) struct Live<'p> {
    pub(super) cell: &'p Cell<'p>,
    pub(super) process: Option<Process>,
    /// It has an error row, and gets no more slices.
    pub(super) failed: bool,
    pub(super) opened: Opened,
    pub(super) trial: Trial,
    /// What an operation of a pass took last, in nanoseconds.
    last_op_ns: f64,
    pub(super) census_written: bool,
    /// Slices of throughput that give a rate, and all of them.
    pub(super) rated: (u32, u32),
}

impl<'p> Live<'p> {
    pub(super) fn new(cell: &'p Cell<'p>) -> Live<'p> {
        Live {
            cell,
            process: None,
            failed: false,
            opened: Opened::default(),
            trial: Trial::default(),
            last_op_ns: 0.0,
            census_written: false,
            rated: (0, 0),
        }
    }
}

impl Live<'_> {
    /// Memory and structure after the prefill.
    pub(super) fn filled(&self) -> Option<&(Memory, CensusReply)> {
        self.opened.filled.as_ref()
    }

    /// Its child, which [`fill`](super::fill) has started.
    pub(super) fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("asked while it selfs")
    }
}

/// Why a step of a cell's work did not end well.
pub(super) enum Stop {
    /// The cell's own failure, or an interrupt.
    Failure(Failure),
    /// The run's: a disk that is full.
    Run(anyhow::Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Stop {
        Stop::Run(error)
    }
}

pub(super) fn slice(
    live: &mut Live<'_>,
    order: SliceOrder,
    panel: &Panel<'_>,
    bench: &mut Bench<'_>,
) -> Result<(Sliced, Watched), Failure> {
    let expected_ns = match order.cut {
        Cut::Time { ns, .. } => ns as f64,
        Cut::Part { .. } if panel.workload.pace.is_some() => panel.pass_s() * 1e9,
        Cut::Part { of, .. } => {
            let ops = live.opened.pass_ops.unwrap_or(0) as f64 / f64::from(of);
            ops * live.last_op_ns.max(2_000.0)
        }
    };
    let expected = Duration::from_secs_f64(expected_ns / 1e9);
    let before = bench.guard.before();
    let sliced = match ask(live, &Request::Slice(order), expected, bench)? {
        Reply::Sliced(sliced) => sliced,
        other => return Err(out_of_turn(&other)),
    };
    let watched = bench.guard.after(&before, &sliced);
    let (ops, ns) = sliced.threads.iter().fold((0, 0), |(ops, ns), thread| {
        (ops + thread.ops, ns + thread.elapsed_ns)
    });
    live.last_op_ns = ns as f64 / ops.max(1) as f64 / f64::from(panel.threads);
    Ok((sliced, watched))
}

pub(super) fn ask(
    live: &mut Live<'_>,
    request: &Request,
    expected: Duration,
    bench: &mut Bench<'_>,
) -> Result<Reply, Failure> {
    live.process().ask(request, expected, bench.interrupted)
}

pub(super) fn out_of_turn(reply: &Reply) -> Failure {
    Failure::Cell(format!("the child sent an unexpected answer: {reply:?}"))
}
