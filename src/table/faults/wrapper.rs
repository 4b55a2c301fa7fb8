//! The table that has a fault, and what a fault is.

use crate::base::{BadInput, Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::{Cursor, Edit, Env, Guarantees, Keep, Outcome, Session, Stored, Strategy};

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
pub(super) fn from_environment(variable: &str, default: u64, unit: &str) -> Result<u64, SpecError> {
    match std::env::var(variable) {
        Err(_) => Ok(default),
        Ok(text) => text
            .parse()
            .map_err(|_| BadInput(format!("{variable}={text} is not a whole number of {unit}"))),
    }
}

/// A table with a fault.
pub struct Faulty<S, F> {
    pub(super) table: S,
    pub(super) fault: F,
}

/// A session of [`Faulty`].
pub struct FaultySession<S, T> {
    session: S,
    pub(super) thread: T,
}

impl<S: Strategy, F: Fault> Strategy for Faulty<S, F> {
    const NAME: &'static str = F::NAME;
    const ABOUT: &'static str = F::ABOUT;
    const SOURCE: &'static str = "bucketlab";
    const PARAMS: &'static [Param] = S::PARAMS;
    // Some are wrong on purpose.
    const SAMPLES: &'static [&'static str] = &[];
    const WALK: bool = S::WALK;
    const GUARANTEES: Guarantees = S::GUARANTEES;
    const PEER: bool = S::PEER;
    const UNCLAIMED: Option<&'static str> = S::UNCLAIMED;
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

impl<S: Session, T> FaultySession<S, T> {
    /// Says what a set would have done.
    fn lose(&mut self, key: Key<'_>) -> Stored {
        match self.session.get(key, |_| ()) {
            Some(()) => Stored::Replaced,
            None => Stored::Created,
        }
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
        let stored = if self.thread.loses() {
            self.lose(key)
        } else {
            self.session.set(key, value)
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

    fn prefetch(&self, key: Key<'_>) {
        self.session.prefetch(key);
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], mut each: impl FnMut(usize, Stored)) {
        self.thread.before();
        let mut from = 0;
        while from < entries.len() {
            let rest = &entries[from..];
            let lost = rest.iter().position(|_| self.thread.loses());
            let kept = &rest[..lost.unwrap_or(rest.len())];
            self.session
                .set_many(kept, |index, stored| each(from + index, stored));
            from += kept.len();
            if lost.is_some() {
                each(from, self.lose(entries[from].0));
                from += 1;
            }
        }
        self.thread.after(entries.len());
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
