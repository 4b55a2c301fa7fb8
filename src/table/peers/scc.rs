//! `scc`: fine-grained locks with an incremental resize.
//!
//! An array of buckets of 32 slots each under a small reader–writer lock of its own, with a byte of
//! each entry's hash beside the slots and further buckets linked where one is full; old and new
//! array stand side by side while a resize moves a few buckets at each access.
//!
//! ```text
//!   hash ──▶ bucket │ lock │ 32 hash bytes │ 32 × (key, value) │ ──▶ overflow
//!                                 └── compared 32 at a time
//! ```
//!
//! Lookups, replacement and removal go by reference and take the caller's hash; an owned key is made,
//! and hashed a second time, only to be inserted. `update` takes the entry's lock by reference where
//! there is one and goes through `entry`, which locks the bucket for the whole decision, where there
//! is none. `get_many` holds one epoch guard for the batch, which makes those inside cheap.
//!
//! **Locking:** the bucket's lock, shared for a `get` and exclusive for what may write, for one
//! operation, while `read` looks at a value and while `edit` runs.
//!
//! **Memory:** the map owns its entries, and each entry a key and a value that are allocated singly. A value
//! that is replaced by one of another length is freed at once, under the bucket's lock. What is removed is
//! handed out by the map and freed before the operation returns. Arrays, of which removals make the
//! map take a smaller one, and overflow buckets are left to epoch-based reclamation (`sdd`), which
//! advances by itself when guards are dropped: no guard outlives an operation, so that no session holds them
//! back. `usage` counts the bytes of live keys and values and the two fat pointers of each, as sessions
//! have tallied them, and the slots of the array in use; not what waits to be reclaimed, nor overflow
//! buckets.
//!
//! **Census:** the slots that `capacity` tells of, of two fat pointers and a hash byte; locks and
//! overflow buckets are not told.
//!
//! **Source:** the `scc` crate (Changgyoo Park), version 3. Expect it to be good where threads write to
//! different keys, and to grow without a pause.

use scc::hash_map::Entry;

use super::key::{BuildPassing, Hashed};
use super::tally::{Counter, Tally};
use super::value::{self, Bytes, HANDLES};
use crate::base::{ByteSplit, Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use crate::table::{Edit, Env, Outcome, Session, Stored, Strategy};

/// Bytes of a slot that are no entry's header: its byte of the hash.
const HASH_BYTE: u64 = 1;

/// `scc::HashMap`.
#[derive(Debug)]
pub struct Scc {
    map: scc::HashMap<Bytes, Bytes, BuildPassing>,
    tally: Tally,
}

/// A session of [`Scc`].
#[derive(Debug)]
pub struct SccSession<'t> {
    map: &'t scc::HashMap<Bytes, Bytes, BuildPassing>,
    counter: Counter<'t>,
    buffer: Vec<u8>,
}

impl Scc {
    /// Bytes of the array beside its entries' headers: hash bytes, and empty slots.
    fn array(&self, items: u64) -> (u64, u64) {
        let slots = self.map.capacity() as u64;
        (slots * HASH_BYTE, slots.saturating_sub(items) * HANDLES)
    }
}

impl Strategy for Scc {
    const NAME: &'static str = "scc";
    const PEER: bool = true;
    const ABOUT: &'static str =
        "peer: scc::HashMap, 32-slot buckets each with a lock, resized a few buckets at a time.";
    const SOURCE: &'static str = "the scc crate, version 3";
    const PARAMS: &'static [Param] = &[Param::CAPACITY];
    const SAMPLES: &'static [&'static str] = &["scc", "scc:capacity=100"];
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Shared("bucket")),
        growth: Promise::word(Waits::Nobody),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = SccSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Scc, SpecError> {
        let build = BuildPassing(env.hasher);
        let map = scc::HashMap::with_capacity_and_hasher(value::capacity(params)?, build);
        Ok(Scc {
            map,
            tally: Tally::default(),
        })
    }

    fn session(&self, _who: Worker) -> SccSession<'_> {
        let (map, counter) = (&self.map, self.tally.counter());
        SccSession {
            map,
            counter,
            buffer: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = self.tally.usage();
        let (hash_bytes, slack) = self.array(usage.items);
        usage.bytes += hash_bytes + slack;
        usage
    }

    fn census(&mut self) -> Census {
        // Before the walk, which may finish a resize.
        let slots = self.map.capacity();
        let mut census = Census::default();
        self.map.iter_sync(|key, value| {
            value::count(&mut census, key, value);
            true
        });
        let slack = (slots as u64).saturating_sub(census.items) * HANDLES;
        let bucket_array = slots as u64 * HASH_BYTE;
        census.bytes = ByteSplit {
            bucket_array,
            slack,
            ..census.bytes
        };
        census
    }
}

impl Session for SccSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.map.read_sync(&Hashed(key), |_, value| read(value))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let overwrite = |_: &Bytes, old: &mut Bytes| {
            self.counter.replaced(old.len(), value.len());
            value::replace(old, value);
        };
        if self.map.update_sync(&Hashed(key), overwrite).is_some() {
            return Stored::Replaced;
        }
        match self.map.upsert_sync(key.bytes.into(), value.into()) {
            None => {
                self.counter.created(key.bytes, value.len());
                Stored::Created
            }
            // Another thread was faster.
            Some(old) => {
                self.counter.replaced(old.len(), value.len());
                Stored::Replaced
            }
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let Some((_, old)) = self.map.remove_sync(&Hashed(key)) else {
            return false;
        };
        self.counter.removed(key.bytes, old.len());
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let entry = match self.map.get_sync(&Hashed(key)) {
            Some(occupied) => Entry::Occupied(occupied),
            None => self.map.entry_sync(key.bytes.into()),
        };
        let value = match &entry {
            Entry::Occupied(entry) => Some(&**entry.get()),
            Entry::Vacant(_) => None,
        };
        self.buffer.clear();
        let (edit, result) = edit(value, &mut self.buffer);
        let outcome = match (edit, entry) {
            (Edit::Keep, _) | (Edit::Remove, Entry::Vacant(_)) => Outcome::Kept,
            (Edit::Store, Entry::Occupied(mut entry)) => {
                self.counter.replaced(entry.get().len(), self.buffer.len());
                value::replace(entry.get_mut(), &self.buffer);
                Outcome::Replaced
            }
            (Edit::Store, Entry::Vacant(entry)) => {
                entry.insert_entry(self.buffer.as_slice().into());
                self.counter.created(key.bytes, self.buffer.len());
                Outcome::Created
            }
            (Edit::Patch { at }, Entry::Occupied(mut entry)) => {
                value::patch(Some(entry.get_mut()), at, &self.buffer);
                Outcome::Replaced
            }
            (Edit::Patch { at }, Entry::Vacant(_)) => {
                value::patch(None, at, &self.buffer);
                Outcome::Kept
            }
            (Edit::Remove, Entry::Occupied(entry)) => {
                let old = entry.remove();
                self.counter.removed(key.bytes, old.len());
                Outcome::Removed
            }
        };
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let _guard = scc::Guard::new();
        for (index, &key) in keys.iter().enumerate() {
            let hit = self
                .map
                .read_sync(&Hashed(key), |_, value| each(index, Some(value)));
            if hit.is_none() {
                each(index, None);
            }
        }
    }
}
