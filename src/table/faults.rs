//! Tables with planted faults, to try whether the lab notices. Built with the feature `faults` only;
//! never in a program that people measure with.
//!
//! Each is another table behind one wrapper, [`Faulty`], which asks a [`Fault`] before and after what it
//! passes on.

mod lost_update;
mod slow;
mod stall;

use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use crate::base::{BadInput, Census, Key, Param, Params, SpecError, Usage, Worker};

/// A table whose operations take longer by 10 %, or what `BUCKETLAB_SLOW_PERCENT` says.
pub type Slow<S> = Faulty<S, slow::Slowness>;

/// A table that has no fault, and what the wrapper costs.
pub type Same<S> = Faulty<S, slow::Sameness>;

/// A table that stands still once, for 50 ms or what `BUCKETLAB_STALL_MS` says, after its first thread to get
/// so far has worked for 0.4 s without a pause.
pub type Stall<S> = Faulty<S, stall::Standstill>;

/// A table that answers one set in 10^5 as if it had stored the value, and does not.
pub type LostUpdate<S> = Faulty<S, lost_update::Forgetting>;

/// What is wrong with a table.
pub trait Fault: Sized + Send + Sync + 'static {
    /// [`Strategy::NAME`]
    const NAME: &'static str;
    /// [`Strategy::ABOUT`]
    const ABOUT: &'static str;
    /// A thread's part in it.
    type Thread<'f>: FaultyThread
    where
        Self: 'f;

    /// Reads what the environment says of it. `clock` tells nanoseconds.
    ///
    /// # Errors
    /// What the environment says is no number.
    fn open(clock: fn() -> u64) -> Result<Self, SpecError>;
    /// A thread's part in it.
    fn thread(&self) -> Self::Thread<'_>;
}

/// A thread's part in a fault.
pub trait FaultyThread {
    /// About to do an operation, or one call for many.
    #[inline]
    fn before(&mut self) {}
    /// So many operations have been done.
    #[inline]
    fn after(&mut self, _ops: usize) {}
    /// Whether this set is lost.
    #[inline]
    fn loses(&mut self) -> bool {
        false
    }
}

/// A number that the environment may give instead of a default. It is no parameter of the table, because one
/// that has become worse has the same name and parameters as before.
fn from_environment(variable: &str, default: u64, unit: &str) -> Result<u64, SpecError> {
    match std::env::var(variable) {
        Err(_) => Ok(default),
        Ok(text) => text
            .parse()
            .map_err(|_| BadInput(format!("{variable}={text} is not a whole number of {unit}"))),
    }
}

/// A table with a fault.
pub struct Faulty<S, F> {
    table: S,
    fault: F,
}

/// A session of [`Faulty`].
pub struct FaultySession<S, T> {
    session: S,
    thread: T,
}

impl<S: Strategy, F: Fault> Strategy for Faulty<S, F> {
    const NAME: &'static str = F::NAME;
    const ABOUT: &'static str = F::ABOUT;
    const SOURCE: &'static str = "bucketlab";
    const PARAMS: &'static [Param] = S::PARAMS;
    const WALK: bool = S::WALK;
    const PEER: bool = S::PEER;
    const BUCKET_BYTES: usize = S::BUCKET_BYTES;
    type Session<'t>
        = FaultySession<S::Session<'t>, F::Thread<'t>>
    where
        Self: 't;

    fn check(params: &Params) -> Result<(), SpecError> {
        S::check(params)
    }

    fn open(params: &Params, env: &Env) -> Result<Faulty<S, F>, SpecError> {
        Ok(Faulty {
            table: S::open(params, env)?,
            fault: F::open(env.clock)?,
        })
    }

    fn session(&self, who: Worker) -> FaultySession<S::Session<'_>, F::Thread<'_>> {
        FaultySession {
            session: self.table.session(who),
            thread: self.fault.thread(),
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

impl<S: Session, T: FaultyThread> Session for FaultySession<S, T> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.thread.before();
        let found = self.session.get(key, read);
        self.thread.after(1);
        found
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.thread.before();
        let stored = if !self.thread.loses() {
            self.session.set(key, value)
        } else if self.session.get(key, |_| ()).is_some() {
            Stored::Replaced
        } else {
            Stored::Created
        };
        self.thread.after(1);
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.thread.before();
        let removed = self.session.remove(key);
        self.thread.after(1);
        removed
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        self.thread.before();
        let result = self.session.update(key, edit);
        self.thread.after(1);
        result
    }

    fn get_many(&mut self, keys: &[Key<'_>], each: impl FnMut(usize, Option<&[u8]>)) {
        self.thread.before();
        self.session.get_many(keys, each);
        self.thread.after(keys.len());
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

/// A clock that tests move on by hand.
#[cfg(test)]
mod hand_clock {
    use std::cell::Cell;

    thread_local! {
        static NOW_NS: Cell<u64> = const { Cell::new(0) };
    }

    pub(super) fn now() -> u64 {
        NOW_NS.get()
    }

    pub(super) fn pass(ns: u64) -> u64 {
        NOW_NS.set(NOW_NS.get() + ns);
        NOW_NS.get()
    }
}
