//! A table that stands still once, and one that loses a write now and then.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::base::{BadInput, Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};

/// The environment variable that says how many milliseconds [`Stall`] stands still.
const STALL_MS: &str = "BUCKETLAB_STALL_MS";

/// How long a thread works before it stalls, in nanoseconds: within a slice of a second, well past what
/// is left out of it.
const AFTER_NS: u64 = 400_000_000;

/// Two looks at the clock that are further apart had a pause between them: what a thread works on
/// begins again, so that the stall lies within one slice.
const PAUSE_NS: u64 = 100_000_000;

/// Operations between two looks.
const EVERY: u32 = 64;

/// One set in so many is lost.
const LOST: u64 = 100_000;

/// A table that stands still once, for 50 ms or what [`STALL_MS`] says, after its first thread to get
/// so far has worked for 0.4 s without a pause. Another process on the core is none.
pub struct Stall<S> {
    table: S,
    still_ns: u64,
    stalled: AtomicBool,
    clock: fn() -> u64,
}

/// A session of [`Stall`].
pub struct StallSession<'t, S> {
    session: S,
    still_ns: u64,
    stalled: &'t AtomicBool,
    clock: fn() -> u64,
    ops: u32,
    /// When it began to work, and when the clock was looked at last.
    since_ns: Option<(u64, u64)>,
}

impl<S> StallSession<'_, S> {
    #[inline]
    fn worked(&mut self) {
        self.ops += 1;
        if self.ops >= EVERY {
            self.ops = 0;
            self.look();
        }
    }

    #[cold]
    fn look(&mut self) {
        let now = (self.clock)();
        let (began, _) = match self.since_ns {
            Some((began, last)) if now - last < PAUSE_NS => (began, last),
            _ => (now, now),
        };
        self.since_ns = Some((began, now));
        if now - began > AFTER_NS && !self.stalled.swap(true, Ordering::Relaxed) {
            while (self.clock)() < now + self.still_ns {
                spin_loop();
            }
        }
    }
}

impl<S: Strategy> Strategy for Stall<S> {
    const NAME: &'static str = "stall";
    const ABOUT: &'static str = "fault: another table, that stands still once for 50 ms";
    const SOURCE: &'static str = "bucketlab";
    const PARAMS: &'static [Param] = S::PARAMS;
    type Session<'t> = StallSession<'t, S::Session<'t>>;

    fn open(params: &Params, env: &Env) -> Result<Stall<S>, SpecError> {
        let stall_ms: u64 = match std::env::var(STALL_MS) {
            Err(_) => 50,
            Ok(text) => text.parse().map_err(|_| {
                BadInput(format!(
                    "{STALL_MS}={text} is not a whole number of milliseconds"
                ))
            })?,
        };
        Ok(Stall {
            table: S::open(params, env)?,
            still_ns: stall_ms.saturating_mul(1_000_000),
            stalled: AtomicBool::new(false),
            clock: env.clock,
        })
    }

    fn session(&self, who: Worker) -> StallSession<'_, S::Session<'_>> {
        StallSession {
            session: self.table.session(who),
            still_ns: self.still_ns,
            stalled: &self.stalled,
            clock: self.clock,
            ops: 0,
            since_ns: None,
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

impl<S: Session> Session for StallSession<'_, S> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.worked();
        self.session.get(key, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.worked();
        self.session.set(key, value)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.worked();
        self.session.remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        self.worked();
        self.session.update(key, edit)
    }

    fn get_many(&mut self, keys: &[Key<'_>], each: impl FnMut(usize, Option<&[u8]>)) {
        self.worked();
        self.session.get_many(keys, each);
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

/// A table that answers every [`LOST`]th set as if it had stored the value, and does not.
pub struct LostUpdate<S> {
    table: S,
    sets: AtomicU64,
}

/// A session of [`LostUpdate`].
pub struct LostUpdateSession<'t, S> {
    session: S,
    sets: &'t AtomicU64,
}

impl<S: Strategy> Strategy for LostUpdate<S> {
    const NAME: &'static str = "lost-update";
    const ABOUT: &'static str = "fault: another table, that loses one set in 10^5";
    const SOURCE: &'static str = "bucketlab";
    const PARAMS: &'static [Param] = S::PARAMS;
    type Session<'t> = LostUpdateSession<'t, S::Session<'t>>;

    fn open(params: &Params, env: &Env) -> Result<LostUpdate<S>, SpecError> {
        Ok(LostUpdate {
            table: S::open(params, env)?,
            sets: AtomicU64::new(0),
        })
    }

    fn session(&self, who: Worker) -> LostUpdateSession<'_, S::Session<'_>> {
        LostUpdateSession {
            session: self.table.session(who),
            sets: &self.sets,
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

impl<S: Session> Session for LostUpdateSession<'_, S> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.session.get(key, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let number = self.sets.fetch_add(1, Ordering::Relaxed) + 1;
        if !number.is_multiple_of(LOST) {
            return self.session.set(key, value);
        }
        match self.session.get(key, |_| ()) {
            Some(()) => Stored::Replaced,
            None => Stored::Created,
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.session.remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        self.session.update(key, edit)
    }

    fn get_many(&mut self, keys: &[Key<'_>], each: impl FnMut(usize, Option<&[u8]>)) {
        self.session.get_many(keys, each);
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
    use crate::table::tests::{key, open};
    use crate::table::{Null, Striped};

    thread_local! {
        static NOW_NS: Cell<u64> = const { Cell::new(0) };
    }

    fn pass(ns: u64) -> u64 {
        NOW_NS.set(NOW_NS.get() + ns);
        NOW_NS.get()
    }

    #[test]
    fn it_stalls_once_after_working_for_a_while() {
        let table = Stall {
            table: open::<Null>("null"),
            still_ns: 50_000_000,
            stalled: AtomicBool::new(false),
            clock: || pass(1_000),
        };
        let mut session = table.session(Worker::ALONE);
        // Short slices with pauses between them are no long one.
        for slice in 0..100 {
            for _ in 0..1_000 {
                pass(10_000);
                session.get(key("a"), |_| ());
            }
            assert!(!table.stalled.load(Ordering::Relaxed), "{slice}");
            pass(PAUSE_NS);
        }
        let mut longest = Vec::new();
        for _ in 0..200_000 {
            let before = pass(10_000);
            session.get(key("a"), |_| ());
            let took = NOW_NS.get() - before;
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

    #[test]
    fn one_set_in_so_many_is_lost() {
        let table = LostUpdate {
            table: open::<Striped>("striped"),
            sets: AtomicU64::new(LOST - 2),
        };
        let mut session = table.session(Worker::ALONE);
        for name in ["a", "b", "c"] {
            assert_eq!(session.set(key(name), b"v"), Stored::Created);
        }
        let kept = ["a", "b", "c"].map(|name| session.get(key(name), |_| ()).is_some());
        assert_eq!(kept, [true, false, true]);
    }
}
