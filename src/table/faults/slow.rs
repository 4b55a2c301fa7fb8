//! A slowdown in proportion.

use std::hint::spin_loop;

use super::{Fault, FaultyThread, from_environment};
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

/// One thread's operations.
pub struct Dragging {
    how: Slowness,
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
            ops: 0,
            since_ns: 0,
        }
    }
}

impl FaultyThread for Dragging {
    #[inline]
    fn after(&mut self, ops: usize) {
        if self.how.percent > 0 {
            self.ops = self.ops.saturating_add(u32::try_from(ops).unwrap_or(EVERY));
            if self.ops >= EVERY {
                self.pay();
            }
        }
    }
}

impl Dragging {
    #[cold]
    fn pay(&mut self) {
        let Slowness { percent, clock } = self.how;
        let now = clock();
        let busy = now.saturating_sub(self.since_ns);
        if busy <= LONGEST_NS {
            let until = now + busy * percent / 100;
            while clock() < until {
                spin_loop();
            }
        }
        self.ops = 0;
        self.since_ns = clock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Worker;
    use crate::table::faults::Slow;
    use crate::table::faults::hand_clock::{now, pass};
    use crate::table::tests::{key, open};
    use crate::table::{Null, Session, Strategy};

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
        assert!((stretched(20, 0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_pause_is_not_made_longer() {
        let got = stretched(LONGEST_NS / u64::from(EVERY) + 100, 10);
        assert!((got - 1.0).abs() < 0.001, "{got}");
    }
}
