//! The two traits of a hash table under test, and the words that they speak.
//!
//! A [`Strategy`] is a table that many threads share; a [`Session`] is what one thread holds while
//! it works on it.

use std::sync::Arc;

use super::guarantees::Guarantees;
use super::prefetch::AHEAD;
use crate::base::{
    Census, Event, EventKind, Journal, Key, Param, Params, SpecError, Usage, Worker,
};
use crate::hash::Hasher;

/// What a table is given when it opens, beside its parameters.
#[derive(Clone, Debug)]
pub struct Env {
    /// The hash function of the run; a table needs it only to rehash on growth.
    pub hasher: Hasher,
    /// Nanoseconds of a monotonic clock. Tables read it for the journal, never on the path of an
    /// ordinary operation.
    pub clock: fn() -> u64,
    /// Where resizes are noted.
    pub journal: Arc<Journal>,
    /// Whether uses of entries are marked, for eviction: a lookup or an update that finds its entry, or
    /// a set that replaces it, sets the entry's mark if it is not set. Without it nothing is written.
    pub recency: bool,
}

impl Env {
    /// Notes a resize event with the present time.
    pub fn note(&self, kind: EventKind, from_buckets: usize, to_buckets: usize) {
        self.journal.note(Event {
            at_ns: (self.clock)(),
            kind,
            from_buckets: from_buckets as u64,
            to_buckets: to_buckets as u64,
        });
    }
}

/// A hash table that threads share: one way to store byte-string keys and values.
///
/// Keys and values are opaque bytes, of any length including zero. The order of entries in a
/// bucket is no part of the semantics.
pub trait Strategy: Send + Sync + Sized + 'static {
    /// The name in a spec and in every file.
    const NAME: &'static str;
    /// One sentence, shown by `bucketlab list`.
    const ABOUT: &'static str;
    /// Where the idea comes from: paper, system or crate; shown by `bucketlab list`.
    const SOURCE: &'static str;
    /// The parameters, [`Param::CAPACITY`] among them.
    const PARAMS: &'static [Param];
    /// Specs that the checks open tables with: beside the defaults the smallest table, one that grows
    /// all the time, and what else takes another path through the code.
    const SAMPLES: &'static [&'static str] = &[Self::NAME];
    /// What the table promises beside its speed: shown by `bucketlab list guarantees`, and by reports with peers.
    const GUARANTEES: Guarantees;
    /// Whether it stays usable when all keys have one hash, as the checks and a hash flood demand.
    const BEARS_ONE_HASH: bool = true;
    /// Whether [`Session::walk`] is implemented, so that eviction and expiry are possible.
    const WALK: bool = false;
    /// Whether this is a map that people would pick instead, behind our interface: reports set the
    /// fastest of those against the fastest of the others.
    const PEER: bool = false;
    /// Why [`Strategy::usage`] claims more or fewer bytes than the table allocates, if they differ by more than
    /// 2 %; the checks hold a table without a reason to its claim.
    const UNCLAIMED: Option<&'static str> = if Self::PEER {
        Some("the adapter knows the entries, and not the map's own arrays")
    } else {
        None
    };
    /// Bytes that one more bucket takes, at least: what a memory limit has to leave room for.
    const BUCKET_BYTES: usize = size_of::<usize>();
    /// What one thread holds while it works on the table.
    type Session<'t>: Session
    where
        Self: 't;

    /// Whether parameters that are valid one by one go together: asked before anything is run.
    ///
    /// # Errors
    /// What does not, and what would.
    fn check(_params: &Params) -> Result<(), SpecError> {
        Ok(())
    }

    /// Opens an empty table.
    ///
    /// # Errors
    /// Parameters that are each in range and do not go together.
    fn open(params: &Params, env: &Env) -> Result<Self, SpecError>;

    /// A session for one thread; made once per thread, outside any timed region. Helper threads are started in
    /// [`open`](Strategy::open): one started here would inherit this thread's core, from which the thread itself may move.
    fn session(&self, who: Worker) -> Self::Session<'_>;

    /// Live items and bytes: cheap, for limits and statistics; exact when no thread is writing.
    fn usage(&self) -> Usage;

    /// Whether no resize is pending. Awaited after the prefill, so that a resize in the background
    /// does not run into the measurement.
    fn settled(&self) -> bool {
        true
    }

    /// Counts the structure by walking it. The exclusive borrow proves that no session is at work.
    fn census(&mut self) -> Census;
}

/// One thread's hold on a table.
pub trait Session {
    /// Looks a key up; a hit calls `read` with the value and returns what it returns.
    ///
    /// The bytes that `read` sees are stable: no other thread changes them meanwhile. A lock may be
    /// held, so `read` must not touch the table.
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R>;

    /// Overwrites the entry of `key`, or creates it.
    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored;

    /// Removes the entry of `key`; whether there was one.
    fn remove(&mut self, key: Key<'_>) -> bool;

    /// Atomic read-modify-write: add, replace, append, incr, cas and expiry are all this.
    ///
    /// `edit` sees the present value, or `None`, and says what becomes of it; for [`Edit::Store`]
    /// and [`Edit::Patch`] it has written the bytes into the buffer, which is cleared before each
    /// call. It must be pure: some tables call it again after losing a race.
    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R);

    /// Looks several keys up: `each` is called exactly once per index, in any order, with the value
    /// or `None`, perhaps under a lock; it must not touch the table. Not a snapshot.
    ///
    /// Independent lookups can overlap their cache misses here, which a loop over [`Session::get`]
    /// cannot.
    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        for (index, key) in keys.iter().enumerate() {
            if self.get(*key, |value| each(index, Some(value))).is_none() {
                each(index, None);
            }
        }
    }

    /// Asks memory for what an operation on `key` loads first, such as its bucket. A hint: it may be given any number
    /// of times, changes no result and takes no lock; at most it loads what leads to the bucket.
    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        let _ = key;
    }

    /// Sets several entries, in order: of two with one key the later stays. `each` is called exactly once per index,
    /// in any order, perhaps under a lock; it must not touch the table. Each entry is set at a moment of its own.
    ///
    /// Like [`Session::get_many`], it lets independent operations overlap their cache misses.
    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], mut each: impl FnMut(usize, Stored)) {
        for (key, _) in entries.iter().take(AHEAD) {
            self.prefetch(*key);
        }
        for (index, (key, value)) in entries.iter().enumerate() {
            if let Some((later, _)) = entries.get(index + AHEAD) {
                self.prefetch(*later);
            }
            each(index, self.set(*key, value));
        }
    }

    /// Sets a key that the caller knows to be absent: the prefill. Asserted in debug builds.
    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let stored = self.set(key, value);
        debug_assert_ne!(
            stored,
            Stored::Replaced,
            "insert_new of a key that is present"
        );
    }

    /// Visits the entries of up to `buckets` buckets (one at least, or as many as the table locks as
    /// one) from `from` on and returns where to go on; a walk starts at 0 and has ended when the cursor
    /// comes back as 0. `see` gets key, value and whether the entry has been used since its mark was
    /// last cleared (see [`Env::recency`]; a new entry has none), and says what becomes of it. A lock
    /// may be held, so `see` must not touch the table.
    ///
    /// What is present throughout is seen at least once, even across a resize; while no thread writes,
    /// exactly once. A table in which entries change their buckets may show some of them again while it
    /// is written to (`cuckoo` after it has doubled). A cursor is good for the table that gave it, for as long as the table lives.
    ///
    /// Implemented where [`Strategy::WALK`] is true.
    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let _ = (from, buckets, see);
        unreachable!("callers look at Strategy::WALK first")
    }

    /// Between batches: reclamation of removed entries may advance.
    fn quiesce(&mut self) {}
}

/// Where a [`Session::walk`] stands; 0 is both the start and the end.
pub type Cursor = u64;

/// What a set did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// There was no entry of the key.
    Created,
    /// The entry of the key has the new value.
    Replaced,
    /// There was no room; an earlier entry of the key is as it was.
    Refused,
}

/// What an edit wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Nothing.
    Keep,
    /// The buffer is the new value; creates the entry if there was none.
    Store,
    /// The buffer overwrites the value's bytes from `at` on, in place where the table can. It never
    /// lengthens the value, and there must be one: a broken promise asserts.
    Patch {
        /// Offset of the first byte overwritten.
        at: usize,
    },
    /// The entry goes away, if there is one.
    Remove,
}

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing changed.
    Kept,
    /// There is an entry where there was none.
    Created,
    /// The entry has another value.
    Replaced,
    /// The entry is gone.
    Removed,
    /// There was no room; the entry is as it was.
    Refused,
}

/// What a walk does with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Leave it as it is.
    Keep,
    /// Leave it, and clear its referenced mark.
    Unmark,
    /// Remove it.
    Remove,
}
