//! The timed loops of any strategy: one indirect call for a chunk of operations, none for an operation.
//!
//! A child's plumbing, its workers and the micro-benchmarks are compiled once and call [`Chunks`]; behind
//! it, [`Loop`] is compiled for each strategy, with and without a budget, and calls its table directly.

use std::fmt;

use super::checks::Tally;
use super::clocked::Longest;
use super::latency::Recorder;
use super::paced::{Pacer, Ran, Stretch};
use super::room::{Bounded, Room, Unbounded};
use super::timed::Loop;
use crate::base::{Between, Params, SpecError, Worker};
use crate::hash::Hasher;
use crate::table::{Env, ErasedTable, Kind, Opened, Session, Strategy};
use crate::workload::{Op, Segment};

/// How tables of one strategy are opened for timing, without its type.
#[derive(Clone, Copy)]
pub struct TimedKind {
    /// What else is known of the strategy.
    pub kind: Kind,
    pub(crate) open: fn(&Params, &Env) -> Result<Box<dyn TimedTable>, SpecError>,
}

impl TimedKind {
    /// The kind of a strategy.
    #[must_use]
    pub const fn of<S: Strategy>() -> TimedKind {
        TimedKind {
            kind: Kind::of::<S>(),
            open: |params, env| Ok(Box::new(Opened::new(S::open(params, env)?))),
        }
    }
}

impl fmt::Debug for TimedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TimedKind").field(&self.kind).finish()
    }
}

/// How operations are run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// Hashes keys in the loop.
    pub(crate) hasher: Hasher,
    /// Gets, or plain sets, that are handed over together.
    pub(crate) batch: u32,
    /// What stands between two operations, or two batches.
    pub(crate) between: Between,
    /// Whether outcomes are compared with what is known of them.
    pub(crate) outcomes: bool,
    /// The bytes that the table is kept to, where it is bounded.
    pub(crate) budget: Option<u64>,
    /// Whether sets are never handed over together: in a panel with a budget, its controls included.
    pub(crate) single_sets: bool,
}

/// A table whose sessions can be timed.
pub(crate) trait TimedTable: ErasedTable {
    /// The timed loop with a session of the calling thread.
    fn timed(&self, who: Worker, how: How) -> Box<dyn Chunks + '_>;
}

impl<S: Strategy> TimedTable for Opened<S> {
    fn timed(&self, who: Worker, how: How) -> Box<dyn Chunks + '_> {
        let How {
            hasher,
            batch,
            between,
            outcomes,
            budget,
            single_sets,
        } = how;
        let session = self.table.session(who);
        match budget {
            None => {
                let how = (batch, between);
                let timed = Loop::new(session, Unbounded, hasher, how, (outcomes, who));
                if single_sets {
                    Box::new(timed.with_single_sets())
                } else {
                    Box::new(timed)
                }
            }
            // Without the condition, loops that no budget ever reaches would be compiled too.
            Some(budget) if S::WALK => {
                let room = Bounded::new(&self.table, &self.clock, budget, who.of);
                Box::new(Loop::new(
                    session,
                    room,
                    hasher,
                    (batch, between),
                    (outcomes, who),
                ))
            }
            Some(_) => unreachable!("a table that cannot be walked has no budget"),
        }
    }
}

/// A [`Loop`] without its generics.
pub(crate) trait Chunks {
    /// [`Loop::prepare`]
    fn prepare(&mut self, segment: &Segment);
    /// [`Loop::quiesce`]
    fn quiesce(&mut self);
    /// What has been counted.
    fn tally(&mut self) -> &mut Tally;
    /// Waits for what is still under way: operations that go over a network end after they were begun.
    fn finish(&mut self, _segment: &Segment) {}
    /// Why no operation can be done any more, where that is so: a connection that broke.
    fn broken(&mut self) -> Option<String> {
        None
    }
    /// [`Loop::run`]
    fn run(&mut self, segment: &Segment, ops: &[Op]);
    /// [`Loop::run_hash_only`]
    fn run_hash_only(&mut self, segment: &Segment, ops: &[Op]);
    /// [`Loop::run_paced`]
    fn run_paced(
        &mut self,
        segment: &Segment,
        from: usize,
        pacer: &mut Pacer,
        stretch: Stretch,
    ) -> Ran;
    /// [`Loop::run_sampled`]; no time where the operation that is clocked has not ended yet.
    fn run_sampled(&mut self, segment: &Segment, ops: &[Op]) -> (Option<u64>, u64);
    /// [`Loop::run_clocked`]
    fn run_clocked(
        &mut self,
        segment: &Segment,
        ops: &[Op],
        longest: &mut Longest,
        recorder: &mut Recorder,
    );
}

impl<S: Session, R: Room<S>> Chunks for Loop<S, R> {
    fn prepare(&mut self, segment: &Segment) {
        self.prepare(segment);
    }

    fn quiesce(&mut self) {
        self.quiesce();
    }

    fn tally(&mut self) -> &mut Tally {
        self.tally()
    }

    fn run(&mut self, segment: &Segment, ops: &[Op]) {
        self.run(segment, ops);
    }

    fn run_hash_only(&mut self, segment: &Segment, ops: &[Op]) {
        self.run_hash_only(segment, ops);
    }

    fn run_paced(
        &mut self,
        segment: &Segment,
        from: usize,
        pacer: &mut Pacer,
        stretch: Stretch,
    ) -> Ran {
        self.run_paced(segment, from, pacer, stretch)
    }

    fn run_sampled(&mut self, segment: &Segment, ops: &[Op]) -> (Option<u64>, u64) {
        let (took_ns, ended_ns) = self.run_sampled(segment, ops);
        (Some(took_ns), ended_ns)
    }

    fn run_clocked(
        &mut self,
        segment: &Segment,
        ops: &[Op],
        longest: &mut Longest,
        recorder: &mut Recorder,
    ) {
        self.run_clocked(segment, ops, longest, recorder);
    }
}
