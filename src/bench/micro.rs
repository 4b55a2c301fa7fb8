//! One operation at a time, for micro-benchmarks: the timed loop on a small table in this process.
//!
//! These figures include the loop itself, as `null` shows, and share the process with the tool that
//! collects them: they are for finding out why, not for ranking. Rankings come from runs.

use std::time::{Duration, Instant};

use super::erased::{How, TimedKind};
use super::timed::write_value;
use crate::base::{Key, Params, Worker};
use crate::table::{Env, Session};
use crate::workload::{Mix, Prefill, Segment, Stream, find_preset};

/// Entries in the table: they fit the second-level cache.
const ENTRIES: u64 = 10_000;

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MicroOp {
    /// One get that hits.
    Get,
    /// One set that overwrites.
    Set,
    /// A get that hits, as one of sixteen handed over together.
    GetMany,
}

impl MicroOp {
    /// All of them.
    pub const ALL: [MicroOp; 3] = [MicroOp::Get, MicroOp::Set, MicroOp::GetMany];

    /// Its name in a benchmark's.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MicroOp::Get => "get",
            MicroOp::Set => "set",
            MicroOp::GetMany => "get-many-16",
        }
    }
}

/// Who collects the figures: calls what it is given with a number of operations, as often as it
/// likes, and gets the time that they took.
pub type Measure<'m> = dyn FnMut(&mut Run<'_>) + 'm;

/// Runs a number of operations and says how long they took.
pub type Run<'r> = dyn FnMut(u64) -> Duration + 'r;

/// Opens and fills a table and gives `measure` a function that runs a number of operations and says
/// how long they took.
///
/// # Errors
/// Parameters that do not go together.
///
/// # Panics
/// If the table gives a wrong answer.
pub fn micro(
    timed: &TimedKind,
    params: &Params,
    env: &Env,
    op: MicroOp,
    measure: &mut Measure<'_>,
) -> anyhow::Result<()> {
    run(timed, (params, env), op, true, measure)
}

/// The same for a control: it holds nothing, so nothing is checked but that values belong to their keys.
///
/// # Errors
/// Like [`micro`].
///
/// # Panics
/// Like [`micro`].
pub fn control_micro(
    timed: &TimedKind,
    params: &Params,
    env: &Env,
    op: MicroOp,
    measure: &mut Measure<'_>,
) -> anyhow::Result<()> {
    run(timed, (params, env), op, false, measure)
}

fn run(
    timed: &TimedKind,
    (params, env): (&Params, &Env),
    op: MicroOp,
    outcomes: bool,
    measure: &mut Measure<'_>,
) -> anyhow::Result<()> {
    let mut workload = (find_preset("uniform")?.build)();
    workload.resize(ENTRIES);
    if op == MicroOp::Set {
        workload.mix = Mix {
            set: 1,
            ..Mix::default()
        };
    }
    workload.batch = if op == MicroOp::GetMany { 16 } else { 1 };

    let table = (timed.open)(params, env)?;
    let mut session = table.session(Worker::ALONE);
    let mut value = Vec::new();
    Prefill::new(&workload).for_each(|bytes, length| {
        write_value(&mut value, bytes, length as usize);
        session.insert_new(
            Key {
                bytes,
                hash: env.hasher.hash(bytes),
            },
            &value,
        );
    });
    let mut segment = Segment::default();
    Stream::open(&workload, 1, 0, 1)?.refill(&mut segment)?;
    drop(session);
    let how = How {
        hasher: env.hasher,
        batch: workload.batch,
        between: workload.between,
        outcomes,
        budget: None,
        single_sets: false,
    };
    let mut chunks = table.timed(Worker::ALONE, how);
    chunks.prepare(&segment);
    let mut at = 0;
    measure(&mut |operations| {
        let mut left = usize::try_from(operations).unwrap_or(usize::MAX);
        let start = Instant::now();
        while left > 0 {
            let count = left.min(segment.ops.len() - at);
            chunks.run(&segment, &segment.ops[at..at + count]);
            at = (at + count) % segment.ops.len();
            left -= count;
        }
        start.elapsed()
    });
    assert_eq!(
        chunks.tally().first_wrong,
        None,
        "{} gave a wrong answer",
        timed.kind.name
    );
    Ok(())
}
