//! Floor 2: the two traits of a hash table under test, then one file per strategy.
//!
//! A [`Strategy`] is a table that many threads share; a [`Session`] is what one thread holds while
//! it works on it. Every harness loop is generic over the strategy, so a call into a table is
//! a direct call that the compiler may inline; the only dynamic step is around a whole loop, in
//! the catalog.

mod claim;
mod clock;
mod count;
mod cuckoo;
mod dash;
#[cfg(feature = "faults")]
mod faults;
mod fixed;
mod incremental;
mod item;
mod linear;
mod null;
mod optimistic;
mod peers;
mod prefetch;
mod resizable;
mod rwlock;
mod scan;
mod segments;
mod spinbit;
mod split_ordered;
mod striped;
mod striped_rw;
mod stripes;
mod tagged;
mod tally;

use std::sync::Arc;

pub use clock::{Clock, Evicted, Keeper};
pub use cuckoo::Cuckoo;
pub use dash::Dash;
#[cfg(feature = "faults")]
pub use faults::{LostUpdate, Same, Slow, Stall};
pub use fixed::Fixed;
pub use incremental::Incremental;
pub use linear::Linear;
pub use null::Null;
pub use optimistic::Optimistic;
pub use peers::{DashMap, Flurry, MutexHashbrown, Papaya, Scc, ShardedHashbrown};
pub use resizable::Resizable;
pub use rwlock::RwLocked;
pub use spinbit::SpinBit;
pub use split_ordered::SplitOrdered;
pub use striped::Striped;
pub use striped_rw::StripedRw;
pub use tagged::Tagged;

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
    /// Whether [`Session::walk`] is implemented, so that eviction and expiry are possible.
    const WALK: bool = false;
    /// Whether this is a map that people would pick instead, behind our interface: reports set the
    /// fastest of those against the fastest of the others.
    const PEER: bool = false;
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

    /// A session for one thread; made once per thread, outside any timed region.
    fn session(&self, who: Worker) -> Self::Session<'_>;

    /// Live items and bytes: cheap, for limits and statistics; exact when nobody is writing.
    fn usage(&self) -> Usage;

    /// Whether no resize is pending. Awaited after the prefill, so that a resize in the background
    /// does not run into the measurement.
    fn settled(&self) -> bool {
        true
    }

    /// Counts the structure by walking it. The exclusive borrow proves that nobody is working.
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
    /// What is present throughout is seen at least once, even across a resize; while nobody writes,
    /// exactly once. A cursor is good for the table that gave it, for as long as the table lives.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    /// An environment with the named hash function and a clock that stands still.
    pub(super) fn env(hash: &str) -> Env {
        Env {
            hasher: Hasher::new(hash::find(hash).unwrap(), [1, 2]),
            clock: || 0,
            journal: Arc::new(Journal::new(1024)),
            recency: false,
        }
    }

    /// Opens a table from its spec, under SipHash-1-3.
    pub(super) fn open<S: Strategy>(spec: &str) -> S {
        open_in(spec, &env("sip13"))
    }

    /// Opens a table from its spec.
    pub(super) fn open_in<S: Strategy>(spec: &str, env: &Env) -> S {
        let params = Params::resolve(S::PARAMS, &spec.parse().unwrap()).unwrap();
        assert_eq!(params.strategy(), S::NAME);
        S::open(&params, env).unwrap()
    }

    /// A key with its hash under [`env`]'s SipHash-1-3.
    pub(super) fn key(bytes: &str) -> Key<'_> {
        let bytes = bytes.as_bytes();
        let hash = env("sip13").hasher.hash(bytes);
        Key { bytes, hash }
    }

    /// Adds the decimals of these numbers.
    pub(super) fn fill<S: Strategy>(table: &S, numbers: std::ops::Range<u64>) {
        let mut session = table.session(Worker::ALONE);
        for number in numbers {
            session.insert_new(key(&number.to_string()), b"value");
        }
    }

    /// A growth that one leaves to another must not be left undone.
    fn is_not_full_when_all_have_gone<S: Strategy>() {
        for _ in 0..2000 {
            let mut table: S = open(&format!("{}:buckets=1,load=1", S::NAME));
            std::thread::scope(|scope| {
                for index in 0..2 {
                    let table = &table;
                    scope.spawn(move || {
                        let mut session = table.session(Worker { index, of: 2 });
                        for number in 0..3 {
                            session.set(key(&format!("{index} {number}")), b"value");
                        }
                    });
                }
            });
            assert!(table.settled());
            let census = table.census();
            assert_eq!((census.items, census.buckets), (6, 8), "{}", S::NAME);
        }
    }

    #[test]
    fn no_growth_is_left_undone() {
        is_not_full_when_all_have_gone::<SpinBit>();
        is_not_full_when_all_have_gone::<SplitOrdered>();
    }

    fn absent_patch<S: Strategy>(spec: &str) {
        let table: S = open(spec);
        let mut session = table.session(Worker::ALONE);
        session.update(key("absent"), |_, _| (Edit::Patch { at: 0 }, ()));
    }

    #[test]
    #[should_panic(expected = "a patch needs an entry")]
    fn fixed_asserts_a_patch_of_nothing() {
        absent_patch::<Fixed>("fixed");
    }

    #[test]
    #[should_panic(expected = "a patch needs an entry")]
    fn resizable_asserts_a_patch_of_nothing() {
        absent_patch::<Resizable>("resizable");
    }

    #[test]
    #[should_panic(expected = "a patch needs an entry")]
    fn striped_asserts_a_patch_of_nothing() {
        absent_patch::<Striped>("striped");
    }

    #[test]
    fn an_array_too_large_to_allocate_is_bad_input() {
        let spec = "resizable:load=0.1,capacity=2^40".parse().unwrap();
        let params = Params::resolve(Resizable::PARAMS, &spec).unwrap();
        let buckets = item::buckets_for(1 << 40, 0.1, 1024);
        assert_eq!(buckets, 1 << 44);
        let error = Resizable::open(&params, &env("sip13")).err().unwrap();
        assert!(error.0.contains("more than can be allocated"), "{error}");
    }
}
