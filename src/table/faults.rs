//! Tables with planted faults, to try whether the lab notices. Built with the feature `faults` only;
//! never in a program that people measure with.

mod stall;

use std::hint::spin_loop;

use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use crate::base::{BadInput, Census, Key, Param, Params, SpecError, Usage, Worker};

pub use stall::{LostUpdate, Stall};

/// Operations between two looks at the clock: at 50 ns each, two looks of 25 ns are below half a per
/// cent of them.
const EVERY: u32 = 256;

/// A stretch of [`EVERY`] operations that took longer, in nanoseconds, had a pause in it: the time
/// between two slices, or another process on the core. No table is slower for that.
const LONGEST_NS: u64 = 4_000_000;

/// The environment variable that says by how many per cent [`Slow`] is slower. It is no parameter,
/// because a table that has become slower has the same name and parameters as before.
const PERCENT: &str = "BUCKETLAB_SLOW_PERCENT";

/// A table whose operations take longer by 10 %, or what [`PERCENT`] says: each thread measures
/// what its operations took, every [`EVERY`] of them, and then spins for that part of it. So the
/// slowdown is proportional to the time whatever an operation costs, and within a per cent of what was
/// asked for.
pub struct Slow<S> {
    table: S,
    percent: u64,
    clock: fn() -> u64,
}

/// A session of [`Slow`].
pub struct SlowSession<S> {
    session: S,
    percent: u64,
    clock: fn() -> u64,
    /// Operations since the clock was read.
    ops: u32,
    /// When that was.
    since_ns: u64,
}

impl<S> SlowSession<S> {
    #[inline]
    fn drag(&mut self, ops: usize) {
        if self.percent > 0 {
            self.ops = self.ops.saturating_add(u32::try_from(ops).unwrap_or(EVERY));
            if self.ops >= EVERY {
                self.pay();
            }
        }
    }

    #[cold]
    fn pay(&mut self) {
        let now = (self.clock)();
        let busy = now.saturating_sub(self.since_ns);
        if busy <= LONGEST_NS {
            let until = now + busy * self.percent / 100;
            while (self.clock)() < until {
                spin_loop();
            }
        }
        self.ops = 0;
        self.since_ns = (self.clock)();
    }
}

impl<S: Strategy> Strategy for Slow<S> {
    const NAME: &'static str = "slow";
    const ABOUT: &'static str = "fault: another table, 10 % slower";
    const SOURCE: &'static str = "bucketlab";
    const PARAMS: &'static [Param] = S::PARAMS;
    const WALK: bool = S::WALK;
    const PEER: bool = S::PEER;
    type Session<'t> = SlowSession<S::Session<'t>>;

    fn check(params: &Params) -> Result<(), SpecError> {
        S::check(params)
    }

    fn open(params: &Params, env: &Env) -> Result<Slow<S>, SpecError> {
        let percent = match std::env::var(PERCENT) {
            Err(_) => 10,
            Ok(text) => text.parse().map_err(|_| {
                BadInput(format!(
                    "{PERCENT}={text} is not a whole number of per cent"
                ))
            })?,
        };
        Ok(Slow {
            table: S::open(params, env)?,
            percent,
            clock: env.clock,
        })
    }

    fn session(&self, who: Worker) -> SlowSession<S::Session<'_>> {
        SlowSession {
            session: self.table.session(who),
            percent: self.percent,
            clock: self.clock,
            ops: 0,
            since_ns: 0,
        }
    }

    fn usage(&self) -> Usage {
        self.table.usage()
    }

    fn settled(&self) -> bool {
        self.table.settled()
    }

    fn census(&mut self) -> Census {
        self.table.census()
    }
}

impl<S: Session> Session for SlowSession<S> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let found = self.session.get(key, read);
        self.drag(1);
        found
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let stored = self.session.set(key, value);
        self.drag(1);
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let removed = self.session.remove(key);
        self.drag(1);
        removed
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let result = self.session.update(key, edit);
        self.drag(1);
        result
    }

    fn get_many(&mut self, keys: &[Key<'_>], each: impl FnMut(usize, Option<&[u8]>)) {
        self.session.get_many(keys, each);
        self.drag(keys.len());
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        self.session.insert_new(key, value);
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        self.session.walk(from, buckets, see)
    }

    fn quiesce(&mut self) {
        self.session.quiesce();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::table::Null;
    use crate::table::tests::{key, open};

    thread_local! {
        static NOW_NS: Cell<u64> = const { Cell::new(0) };
    }

    fn pass(ns: u64) -> u64 {
        NOW_NS.set(NOW_NS.get() + ns);
        NOW_NS.get()
    }

    /// What a thousand times [`EVERY`] operations of this many nanoseconds come to, over what they take.
    fn stretched(op_ns: u64, percent: u64) -> f64 {
        let table = Slow {
            table: open::<Null>("null"),
            percent,
            clock: || pass(1),
        };
        let mut session = table.session(Worker::ALONE);
        session.pay();
        let (began, ops) = (NOW_NS.get(), 1000 * u64::from(EVERY));
        for _ in 0..ops {
            pass(op_ns);
            session.get(key("a"), |_| ());
        }
        (NOW_NS.get() - began) as f64 / (ops * op_ns) as f64
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
