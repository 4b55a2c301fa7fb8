//! A standstill, once.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering};

use super::wrapper::{Fault, FaultyThread, from_environment};
use crate::base::SpecError;

/// How long a thread works before it stalls, in nanoseconds: within a slice of a second, well past what
/// is left out of it.
const AFTER_NS: u64 = 400_000_000;

/// Two looks at the clock that are further apart had a pause between them: what a thread works on
/// begins again, so that the stall lies within one slice.
const PAUSE_NS: u64 = 100_000_000;

/// Operations between two looks.
const EVERY: u32 = 64;

/// Stands still once. Another process on the core is no standstill of the table.
pub struct Standstill {
    still_ns: u64,
    stalled: AtomicBool,
    clock: fn() -> u64,
}

/// One thread's work so far.
pub struct Working<'f> {
    fault: &'f Standstill,
    ops: u32,
    /// When it began to work, and when the clock was looked at last.
    since_ns: Option<(u64, u64)>,
}

impl Fault for Standstill {
    const NAME: &'static str = "stall";
    const ABOUT: &'static str = "fault: another table, that stands still once for 50 ms";
    type Thread<'f> = Working<'f>;

    fn open(clock: fn() -> u64) -> Result<Standstill, SpecError> {
        let ms = from_environment("BUCKETLAB_STALL_MS", 50, "milliseconds")?;
        Ok(Standstill {
            still_ns: ms.saturating_mul(1_000_000),
            stalled: AtomicBool::new(false),
            clock,
        })
    }

    fn thread(&self) -> Working<'_> {
        Working {
            fault: self,
            ops: 0,
            since_ns: None,
        }
    }
}

impl FaultyThread for Working<'_> {
    #[inline]
    fn before(&mut self) {
        self.ops += 1;
        if self.ops >= EVERY {
            self.ops = 0;
            self.look();
        }
    }
}

impl Working<'_> {
    #[cold]
    fn look(&mut self) {
        let fault = self.fault;
        let now = (fault.clock)();
        let began = match self.since_ns {
            Some((began, last)) if now - last < PAUSE_NS => began,
            _ => now,
        };
        self.since_ns = Some((began, now));
        if now - began > AFTER_NS && !fault.stalled.swap(true, Ordering::Relaxed) {
            while (fault.clock)() < now + fault.still_ns {
                spin_loop();
            }
        }
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

    type Stall<S> = Faulty<S, Standstill>;

    #[test]
    fn it_stalls_once_after_working_for_a_while() {
        let table = Stall {
            table: open::<Null>("null"),
            fault: Standstill {
                still_ns: 50_000_000,
                stalled: AtomicBool::new(false),
                clock: || pass(1_000),
            },
        };
        let mut session = table.session(Worker::ALONE);
        // Short slices with pauses between them are no long one.
        for slice in 0..100 {
            for _ in 0..1_000 {
                pass(10_000);
                session.get(key("a"), |_| ());
            }
            assert!(!table.fault.stalled.load(Ordering::Relaxed), "{slice}");
            pass(PAUSE_NS);
        }
        let mut longest = Vec::new();
        for _ in 0..200_000 {
            let before = pass(10_000);
            session.get(key("a"), |_| ());
            let took = now() - before;
            if took > 1_000_000 {
                longest.push(took);
            }
        }
        assert_eq!(longest.len(), 1);
        assert!(
            (50_000_000..51_000_000).contains(&longest[0]),
            "{longest:?}"
        );
    }
}
