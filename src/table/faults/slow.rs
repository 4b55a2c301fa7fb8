//! A slowdown in proportion.

use super::wrapper::{Fault, FaultyThread, from_environment};
use crate::base::SpecError;

/// Operations between two looks at the clock: at 50 ns each, two looks of 25 ns are below half a per
/// cent of them.
const EVERY: u32 = 256;

/// A stretch of [`EVERY`] operations that took longer, in nanoseconds, had a pause in it: the time
/// between two slices, or another process on the core. No table is slower for that.
const LONGEST_NS: u64 = 4_000_000;

/// Each thread measures what its operations took, every [`EVERY`] of them, and then spins for that part of it. So
/// the slowdown is proportional to the time whatever an operation costs, and within a per cent of what was
/// asked for.
#[derive(Clone, Copy)]
pub struct Slowness {
    percent: u64,
    clock: fn() -> u64,
}

/// [`Slowness`] of nothing: what another table behind the same wrapper is, so that the two differ in the
/// fault alone.
pub struct Sameness(Slowness);

/// One thread's operations.
pub struct Dragging {
    how: Slowness,
    /// Nanoseconds that are still to be spun, or have been spun too many.
    owed_ns: i64,
    /// Operations since the clock was read.
    ops: u32,
    /// When that was.
    since_ns: u64,
}

impl Fault for Slowness {
    const NAME: &'static str = "slow";
    const ABOUT: &'static str = "fault: another table, 10 % slower";
    type Thread<'f> = Dragging;

    fn open(clock: fn() -> u64) -> Result<Slowness, SpecError> {
        let percent = from_environment("BUCKETLAB_SLOW_PERCENT", 10, "per cent")?;
        Ok(Slowness { percent, clock })
    }

    fn thread(&self) -> Dragging {
        Dragging {
            how: *self,
            owed_ns: 0,
            ops: 0,
            since_ns: 0,
        }
    }
}

impl Fault for Sameness {
    const NAME: &'static str = "same";
    const ABOUT: &'static str = "no fault: another table behind the wrapper of the faults";
    type Thread<'f> = Dragging;

    fn open(clock: fn() -> u64) -> Result<Sameness, SpecError> {
        Ok(Sameness(Slowness { percent: 0, clock }))
    }

    fn thread(&self) -> Dragging {
        self.0.thread()
    }
}

impl FaultyThread for Dragging {
    #[inline]
    fn after(&mut self, ops: usize) {
        // At 0 per cent too: counting costs something of itself, some per cent of a table whose lookups
        // overlap their misses.
        self.ops = self.ops.saturating_add(u32::try_from(ops).unwrap_or(EVERY));
        if self.ops >= EVERY {
            self.pay();
        }
    }
}

impl Dragging {
    #[cold]
    fn pay(&mut self) {
        let Slowness { percent, clock } = self.how;
        let mut now = clock();
        let busy = now.saturating_sub(self.since_ns);
        if busy <= LONGEST_NS {
            self.owed_ns += (busy * percent / 100).cast_signed();
            let (from, until) = (now, now.saturating_add_signed(self.owed_ns));
            // Without the hint that this is a spin: a hypervisor may take the core away then.
            while now < until {
                now = clock();
            }
            // A turn that took longer than it should makes the next one shorter, but for a pause.
            let spun = now - from;
            self.owed_ns = if spun <= LONGEST_NS {
                self.owed_ns - spun.cast_signed()
            } else {
                0
            };
        }
        self.ops = 0;
        self.since_ns = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Worker;
    use crate::table::faults::hand_clock::{now, pass};
    use crate::table::faults::wrapper::Faulty;
    use crate::table::testing::{key, open};
    use crate::table::{Null, Session, Strategy};

    type Slow<S> = Faulty<S, Slowness>;

    /// What a thousand times [`EVERY`] operations of this many nanoseconds come to, over what they take.
    fn stretched(op_ns: u64, percent: u64) -> f64 {
        let table = Slow {
            table: open::<Null>("null"),
            fault: Slowness {
                percent,
                clock: || pass(1),
            },
        };
        let mut session = table.session(Worker::ALONE);
        session.thread.pay();
        let (began, ops) = (now(), 1000 * u64::from(EVERY));
        for _ in 0..ops {
            pass(op_ns);
            session.get(key("a"), |_| ());
        }
        (now() - began) as f64 / (ops * op_ns) as f64
    }

    #[test]
    fn it_takes_longer_by_the_part_asked_for() {
        for (op_ns, percent) in [(20, 10), (400, 10), (400, 50)] {
            let wanted = 1.0 + percent as f64 / 100.0;
            let got = stretched(op_ns, percent);
            assert!((got - wanted).abs() < 0.005, "{got} instead of {wanted}");
        }
        assert!((stretched(20, 0) - 1.0).abs() < 0.001);
    }

    /// Each look at this clock takes longer than what is owed.
    #[test]
    fn what_was_spun_too_long_is_made_up_for() {
        let table = Slow {
            table: open::<Null>("null"),
            fault: Slowness {
                percent: 10,
                clock: || pass(300),
            },
        };
        let mut session = table.session(Worker::ALONE);
        session.thread.pay();
        let (began, ops) = (now(), 10_000 * u64::from(EVERY));
        for _ in 0..ops {
            pass(10);
            session.get(key("a"), |_| ());
        }
        // One look at the clock for each stretch counts as the table's own.
        let own_ns = ops * 10 + 10_000 * 300;
        let got = (now() - began) as f64 / own_ns as f64;
        assert!((got - 1.1).abs() < 0.005, "{got}");
    }

    #[test]
    fn a_pause_is_not_made_longer() {
        let got = stretched(LONGEST_NS / u64::from(EVERY) + 100, 10);
        assert!((got - 1.0).abs() < 0.001, "{got}");
    }
}
