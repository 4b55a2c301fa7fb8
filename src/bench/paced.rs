//! The open loop: operations have intended start times that do not wait for the table. And the closed
//! loop with a clock around every nth operation.
//!
//! In the open loop a thread spins on the clock until an operation is due, then runs it. Response time
//! counts from when it was due, service time from when it began. Behind its schedule, a thread
//! begins an operation where the last one ended, with one reading of the clock for both. Both times go
//! straight into histograms; behind schedule, the cost of that counts to the next operation. The control
//! that stores nothing shows the whole cost.

use std::hint::spin_loop;
use std::thread;

use super::latency::Recorder;
use super::room::Room;
use super::timed::Loop;
use crate::base::PerSecond;
use crate::machine;
use crate::table::Session;
use crate::workload::{Arrival, Arrivals, Op, Pace, Segment};

/// Where threads outnumber processors, one that is early by more gives its processor to the others.
const YIELD_NS: u64 = 50_000;

/// How early it stops doing so.
const SPIN_NS: u64 = 20_000;

/// The intended start times of one thread, and what its operations took.
pub(crate) struct Pacer {
    arrivals: Arrivals,
    /// Whether times come with the operations.
    from_trace: bool,
    pub(crate) recorder: Recorder,
    /// Whether threads outnumber processors.
    yields: bool,
}

impl Pacer {
    /// For one of `threads` threads; what it needs in memory is there before the table is.
    pub(crate) fn new(seed: u64, thread: u32, threads: u32, pace: Option<Pace>) -> Pacer {
        let mut arrivals = Arrivals::new(seed, thread, threads);
        if let Some(Pace::Rate { arrival, .. }) = pace {
            arrivals.prepare(arrival);
        }
        let cpus = machine::allowed_cpus().len();
        let mut recorder = Recorder::new();
        recorder.prepare(0);
        Pacer {
            arrivals,
            from_trace: false,
            recorder,
            yields: threads as usize > cpus,
        }
    }

    /// A schedule from time 0. A pass goes on with its own, part by part, and starts it once.
    pub(crate) fn start(&mut self, pace: Pace) {
        self.from_trace = matches!(pace, Pace::Trace { .. });
        if let Pace::Rate { per_s, arrival } = pace {
            self.start_rate(per_s, arrival);
        }
    }

    fn start_rate(&mut self, per_s: PerSecond, arrival: Arrival) {
        self.arrivals.start(per_s, arrival);
    }

    /// When the next operation is due, in nanoseconds from the start of the schedule; `at` is its place
    /// in the segment.
    #[inline]
    pub(crate) fn due_ns(&self, segment: &Segment, at: usize) -> u64 {
        if self.from_trace {
            segment.due_ns.get(at).copied().unwrap_or(u64::MAX)
        } else {
            self.arrivals.peek()
        }
    }

    /// The operation that was due has begun.
    pub(crate) fn advance(&mut self) {
        self.arrivals.advance();
    }

    /// Counts what is left of the schedule before its end.
    pub(crate) fn left_before(&mut self, end_ns: u64) -> u64 {
        let mut left = 0;
        while !self.from_trace && self.arrivals.peek() < end_ns {
            self.arrivals.advance();
            left += 1;
        }
        left
    }
}

/// Where a stretch of an open loop lies in time.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "they end in their unit")]
pub(crate) struct Stretch {
    /// When the schedule's time 0 is, on the child's clock.
    pub(crate) base_ns: u64,
    /// Operations that are due earlier, from the schedule's start, are done and not kept.
    pub(crate) keep_from_ns: u64,
    /// Those due from here on are not done.
    pub(crate) end_ns: u64,
    /// On the child's clock: from here on nothing begins.
    pub(crate) give_up_ns: u64,
}

/// What a stretch came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ran {
    /// Operations, all that were done.
    pub(crate) ops: usize,
    /// Of those, what is not kept.
    pub(crate) discarded: usize,
    /// Whether the schedule's end was reached, or it was given up.
    pub(crate) over: bool,
    /// Whether it was given up.
    pub(crate) gave_up: bool,
    /// The clock's last reading.
    pub(crate) last_ns: u64,
    /// When the last operation was due, from the schedule's start.
    pub(crate) last_due_ns: u64,
}

impl<S: Session, R: Room<S>> Loop<S, R> {
    /// Runs operations of a segment from `from` on, each when it is due, until the segment, the
    /// schedule or the patience ends.
    #[inline(never)]
    pub(crate) fn run_paced(
        &mut self,
        segment: &Segment,
        from: usize,
        pacer: &mut Pacer,
        stretch: Stretch,
    ) -> Ran {
        let mut ran = Ran::default();
        let gap = self.gap();
        let (mut now_ns, mut moved) = (machine::now_ns(), 0);
        for (at, op) in segment.ops.iter().enumerate().skip(from) {
            let due_ns = pacer.due_ns(segment, at);
            if due_ns >= stretch.end_ns {
                ran.over = true;
                break;
            }
            let due_at_ns = stretch.base_ns + due_ns;
            if now_ns < due_at_ns {
                now_ns = wait_until(due_at_ns, now_ns, pacer.yields);
            } else if now_ns >= stretch.give_up_ns {
                (ran.over, ran.gave_up) = (true, true);
                break;
            }
            let began_ns = now_ns;
            let answer = self.one(op, segment.key_moved(op, moved));
            now_ns = machine::now_ns();
            moved = gap.after(answer);
            pacer.arrivals.advance();
            ran.ops += 1;
            ran.last_due_ns = due_ns;
            if due_ns >= stretch.keep_from_ns {
                let (response_ns, service_ns) = (now_ns - due_at_ns, now_ns - began_ns);
                pacer.recorder.open(response_ns, service_ns, now_ns);
            } else {
                ran.discarded += 1;
                pacer.recorder.start(now_ns);
            }
        }
        ran.last_ns = now_ns;
        ran
    }

    /// Runs operations as fast as they go, with a clock around the last one: what that took, and when
    /// it ended.
    #[inline(never)]
    pub(crate) fn run_sampled(&mut self, segment: &Segment, ops: &[Op]) -> (u64, u64) {
        let Some((last, others)) = ops.split_last() else {
            return (0, machine::now_ns());
        };
        self.run(segment, others);
        let began_ns = machine::now_ns();
        self.one(last, segment.key(last));
        let ended_ns = machine::now_ns();
        (ended_ns - began_ns, ended_ns)
    }
}

/// Spins on the clock; returns its last reading.
#[inline]
fn wait_until(due_ns: u64, mut now_ns: u64, yields: bool) -> u64 {
    while yields && now_ns + YIELD_NS < due_ns {
        while now_ns + SPIN_NS < due_ns {
            thread::yield_now();
            now_ns = machine::now_ns();
        }
    }
    while now_ns < due_ns {
        spin_loop();
        now_ns = machine::now_ns();
    }
    now_ns
}
