//! The timed loop with a clock around every operation: how long each takes, and the longest one.
//!
//! These passes are of their own kind. The clock costs as much as a cheap operation, so their rates
//! are not compared with those of passes without it.

use super::latency::Recorder;
use super::room::Room;
use super::timed::Loop;
use crate::machine::{self, RunQueue};
use crate::table::Session;
use crate::workload::{Op, Segment};

/// Operations shorter than this are not looked into: the kernel's own timer interrupts take as
/// long.
const FLOOR_NS: u64 = 10_000;

/// Operations between two looks at the run queue, so that short waits, which no operation is long
/// enough to have looked into, are not counted against a later one.
const LOOK_EVERY: usize = 1024;

/// The longest operation of a slice: wall time less what the thread waited for a processor, where
/// the kernel tells.
pub(crate) struct Longest {
    queue: Option<RunQueue>,
    waited_ns: u64,
    pub(crate) ns: u64,
}

impl Longest {
    /// For operations of the calling thread.
    pub(crate) fn new() -> Longest {
        Longest {
            queue: RunQueue::of_this_thread(),
            waited_ns: 0,
            ns: 0,
        }
    }

    /// Waits until now belong to no operation.
    fn look(&mut self) -> u64 {
        let waited_ns = self.queue.as_ref().and_then(RunQueue::waited_ns);
        let before = self.waited_ns;
        self.waited_ns = waited_ns.unwrap_or(before);
        self.waited_ns - before
    }

    /// What an operation took less what the thread waited for a processor in it.
    #[cold]
    fn of_its_own(&mut self, took_ns: u64) -> u64 {
        took_ns.saturating_sub(self.look())
    }
}

impl<S: Session, R: Room<S>> Loop<S, R> {
    /// Runs the operations in order, one at a time; every nanosecond between the first and the last
    /// belongs to one of them.
    #[inline(never)]
    pub(crate) fn run_clocked(
        &mut self,
        segment: &Segment,
        ops: &[Op],
        longest: &mut Longest,
        recorder: &mut Recorder,
    ) {
        let gap = self.gap();
        let mut moved = 0;
        for ops in ops.chunks(LOOK_EVERY) {
            longest.look();
            let mut before_ns = machine::now_ns();
            for op in ops {
                let answer = self.one(op, segment.key_moved(op, moved));
                moved = gap.after(answer);
                let after_ns = machine::now_ns();
                let mut took_ns = after_ns - before_ns;
                before_ns = after_ns;
                let is_long = took_ns >= FLOOR_NS;
                if is_long {
                    took_ns = longest.of_its_own(took_ns);
                }
                longest.ns = longest.ns.max(took_ns);
                recorder.clocked(took_ns, after_ns);
                if is_long {
                    // What looking cost belongs to no operation.
                    before_ns = machine::now_ns();
                }
            }
        }
    }
}
