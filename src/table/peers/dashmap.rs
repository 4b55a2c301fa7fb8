//! `dashmap`: the best-known concurrent map of Rust.
//!
//! A sharded `hashbrown` table too, with a spin-then-park lock of its own, as many shards as four
//! times the machine's threads (to the next power of two), and references into it that hold the
//! shard's lock.
//!
//! ```text
//!   get(&key) ──▶ shard by the bits below the tag ──▶ Ref { shared lock, &value }
//!                                                       └── dropped at the end of the operation
//! ```
//!
//! `set` first looks for an entry to overwrite, by reference, and inserts where there is none: an
//! owned key is made, and hashed a second time, only to be inserted. `update` edits in place where
//! there is an entry, and goes through `entry`, whose lock spans the whole decision, where there is
//! none or where it is to be removed; `edit` runs again then.
//!
//! **Locking:** the shard's lock, shared for a `get` and exclusive for what may write, for one
//! operation, while `read` looks at a value and while `edit` runs.
//!
//! **Memory:** the map owns its entries, and each entry a key and a value that are allocated singly. A value
//! that is replaced by one of another length is freed at once, under the shard's lock. What is removed is
//! handed out by the map, and freed before the operation returns, mostly when the lock is gone already. A
//! shard's array never shrinks. `usage` counts the bytes of live keys and values and the two fat pointers of
//! each, as sessions have tallied them, and the slots that the map says it has; it does not count
//! the shards themselves.
//!
//! **Census:** the slots that `capacity` says can be used, of two fat pointers and a control byte;
//! the eighth that `hashbrown` keeps empty is not told.
//!
//! **Source:** the `dashmap` crate (Acrimon), version 6. Expect figures near `sharded-hashbrown`'s.

use dashmap::mapref::entry::Entry;

use super::key::{BuildPassing, Hashed, Lookup};
use super::tally::{Counter, Tally};
use super::value::{self, Bytes, HANDLES};
use crate::base::{ByteSplit, Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use crate::table::{Edit, Env, Outcome, Session, Stored, Strategy};

/// Bytes of a slot that are no entry's header: its control byte.
const CONTROL: u64 = 1;

/// `dashmap::DashMap`.
#[derive(Debug)]
pub struct DashMap {
    map: dashmap::DashMap<Bytes, Bytes, BuildPassing>,
    tally: Tally,
}

/// A session of [`DashMap`].
#[derive(Debug)]
pub struct DashMapSession<'t> {
    map: &'t dashmap::DashMap<Bytes, Bytes, BuildPassing>,
    counter: Counter<'t>,
    buffer: Vec<u8>,
}

impl DashMap {
    /// Bytes of the array beside its entries' headers: control bytes, and empty slots.
    fn array(&self, items: u64) -> (u64, u64) {
        let slots = self.map.capacity() as u64;
        (slots * CONTROL, slots.saturating_sub(items) * HANDLES)
    }
}

impl Strategy for DashMap {
    const NAME: &'static str = "dashmap";
    const PEER: bool = true;
    const ABOUT: &'static str = "peer: dashmap, a sharded hashbrown with locks of its own.";
    const SOURCE: &'static str = "the dashmap crate, version 6";
    const PARAMS: &'static [Param] = &[Param::CAPACITY];
    const SAMPLES: &'static [&'static str] = &["dashmap", "dashmap:capacity=100"];
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Shared("shard")),
        growth: Promise::word(Waits::Part("shard")),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = DashMapSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<DashMap, SpecError> {
        let build = BuildPassing(env.hasher);
        let map = dashmap::DashMap::with_capacity_and_hasher(value::capacity(params)?, build);
        Ok(DashMap {
            map,
            tally: Tally::default(),
        })
    }

    fn session(&self, _who: Worker) -> DashMapSession<'_> {
        let (map, counter) = (&self.map, self.tally.counter());
        DashMapSession {
            map,
            counter,
            buffer: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = self.tally.usage();
        let (control, slack) = self.array(usage.items);
        usage.bytes += control + slack;
        usage
    }

    fn census(&mut self) -> Census {
        let mut census = Census::default();
        for entry in &self.map {
            value::count(&mut census, entry.key(), entry.value());
        }
        let (bucket_array, slack) = self.array(census.items);
        census.bytes = ByteSplit {
            bucket_array,
            slack,
            ..census.bytes
        };
        census
    }
}

impl Session for DashMapSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let key = Hashed(key);
        self.map.get(&key as &dyn Lookup).map(|value| read(&value))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let hashed = Hashed(key);
        if let Some(mut old) = self.map.get_mut(&hashed as &dyn Lookup) {
            self.counter.replaced(old.len(), value.len());
            value::replace(&mut old, value);
            return Stored::Replaced;
        }
        match self.map.insert(key.bytes.into(), value.into()) {
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
        let hashed = Hashed(key);
        let Some((_, old)) = self.map.remove(&hashed as &dyn Lookup) else {
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
        let hashed = Hashed(key);
        if let Some(mut value) = self.map.get_mut(&hashed as &dyn Lookup) {
            self.buffer.clear();
            let (edit, result) = edit(Some(&value), &mut self.buffer);
            match edit {
                Edit::Keep => return (Outcome::Kept, result),
                Edit::Store => {
                    self.counter.replaced(value.len(), self.buffer.len());
                    value::replace(&mut value, &self.buffer);
                    return (Outcome::Replaced, result);
                }
                Edit::Patch { at } => {
                    value::patch(Some(&mut value), at, &self.buffer);
                    return (Outcome::Replaced, result);
                }
                // Not possible through the reference that is held: once more, through the entry.
                Edit::Remove => {}
            }
        }
        let entry = self.map.entry(key.bytes.into());
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
                entry.insert(self.buffer.as_slice().into());
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
}
