//! `papaya`: lock-free reads over open addressing, with an incremental resize.
//!
//! A table of pointers to entries with a byte of each entry's hash beside them, as in a
//! `SwissTable` but probed one at a time; every change is a compare-and-swap of a pointer. While a
//! resize goes on, old and new table stand side by side and writers move entries in chunks.
//!
//! ```text
//!   hash ──▶ │ 7f │ 00 │ 13 │ …   hash bytes
//!            │ ●  │    │ ●  │ …   pointers ──▶ entry (key, value), never changed, only replaced
//! ```
//!
//! Values are immutable: `set` and every kind of `update` put a new entry in the place of the old
//! one, which is the map's way and its cost. Lookup and removal go by reference and take the caller's
//! hash; `set` and `update` need an owned key for their new entry, and hash it a second time.
//!
//! **Collisions:** an insertion that probes more than 5·log2(slots) slots asks for another table, and
//! where more keys than that have one hash, removed ones not yet dropped included, no table will do: it
//! allocates one after the other until memory is gone. Do not flood it.
//!
//! **Locking:** none to read. `update` is the map's `compute`: a compare-and-swap, and `edit` runs again
//! if another thread was faster, unless the map has kept what it said to the same question before: of an
//! absent entry it is asked once, of a present one once for each value. Each operation enters and leaves the map's collector, as `pin()`
//! does; `get_many` does so once for the batch.
//!
//! **Memory:** a replaced entry is retired to the map's collector (`seize`, hyaline-based), which frees
//! it in batches when every thread that was inside has left. No guard outlives an operation, so no
//! session holds garbage back; `quiesce` hands in the batch that this thread has begun.
//!
//! **Census:** an entry's header is its two fat pointers; the table's size is not told.
//!
//! **Source:** the `papaya` crate (Ibraheem Ahmed), version 0.2. Expect reads that do not slow each
//! other, and writes that pay for an allocation each.

use papaya::{Compute, Guard, Operation};

use super::key::{BuildPassing, Hashed};
use super::tally::{Counter, Tally};
use super::value::{self, Bytes};
use crate::base::{Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use crate::table::{Edit, Env, Outcome, Session, Stored, Strategy};

/// `papaya::HashMap`.
#[derive(Debug)]
pub struct Papaya {
    map: papaya::HashMap<Bytes, Bytes, BuildPassing>,
    tally: Tally,
}

/// A session of [`Papaya`].
#[derive(Debug)]
pub struct PapayaSession<'t> {
    map: &'t papaya::HashMap<Bytes, Bytes, BuildPassing>,
    counter: Counter<'t>,
    buffer: Vec<u8>,
}

impl Strategy for Papaya {
    const NAME: &'static str = "papaya";
    const PEER: bool = true;
    const ABOUT: &'static str =
        "peer: papaya, lock-free reads over open addressing, resized step by step.";
    const SOURCE: &'static str = "the papaya crate, version 0.2";
    const PARAMS: &'static [Param] = &[Param::CAPACITY];
    const SAMPLES: &'static [&'static str] = &["papaya", "papaya:capacity=100"];
    // It takes 5·log2(slots) entries of one hash, and with more tries one table after the other
    // until memory is gone.
    const BEARS_ONE_HASH: bool = false;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Nothing),
        growth: Promise::word(Waits::Nobody),
        memory: Promise::shown(Freed::Unread),
        floods: Promise::shown(Floods::Fails),
    };
    type Session<'t> = PapayaSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Papaya, SpecError> {
        let build = BuildPassing(env.hasher);
        let map = papaya::HashMap::with_capacity_and_hasher(value::capacity(params)?, build);
        Ok(Papaya {
            map,
            tally: Tally::default(),
        })
    }

    fn session(&self, _who: Worker) -> PapayaSession<'_> {
        let (map, counter) = (&self.map, self.tally.counter());
        PapayaSession {
            map,
            counter,
            buffer: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        self.tally.usage()
    }

    fn census(&mut self) -> Census {
        let mut census = Census::default();
        for (key, value) in &self.map.pin() {
            value::count(&mut census, key, value);
        }
        census
    }
}

impl Session for PapayaSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.map.pin().get(&Hashed(key)).map(|value| read(value))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        match self.map.pin().insert(key.bytes.into(), value.into()) {
            None => {
                self.counter.created(key.bytes, value.len());
                Stored::Created
            }
            Some(old) => {
                self.counter.replaced(old.len(), value.len());
                Stored::Replaced
            }
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let map = self.map.pin();
        let Some(old) = map.remove(&Hashed(key)) else {
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
        let buffer = &mut self.buffer;
        // Of the last run of `edit` on an absent entry and of the last on a present one. The map may
        // carry out the earlier of the two: a removal between two tries takes it back to what it kept.
        let (mut of_absent, mut of_present, mut present_last) = (None, None, false);
        let compute = |entry: Option<(&Bytes, &Bytes)>| {
            let value = entry.map(|(_, value)| &**value);
            buffer.clear();
            let (edit, result) = edit(value, buffer);
            present_last = value.is_some();
            let slot = if present_last {
                &mut of_present
            } else {
                &mut of_absent
            };
            *slot = Some(result);
            match edit {
                Edit::Keep => Operation::Abort(()),
                Edit::Remove if value.is_none() => Operation::Abort(()),
                Edit::Store => Operation::Insert(buffer.as_slice().into()),
                Edit::Patch { at } => {
                    let value = value.expect("a patch needs an entry");
                    Operation::Insert(value::patched(value, at, buffer))
                }
                Edit::Remove => Operation::Remove,
            }
        };
        let outcome = match self.map.pin().compute(key.bytes.into(), compute) {
            Compute::Aborted(()) => Outcome::Kept,
            Compute::Inserted(_, new) => {
                self.counter.created(key.bytes, new.len());
                Outcome::Created
            }
            Compute::Updated {
                old: (_, old),
                new: (_, new),
            } => {
                self.counter.replaced(old.len(), new.len());
                Outcome::Replaced
            }
            Compute::Removed(_, old) => {
                self.counter.removed(key.bytes, old.len());
                Outcome::Removed
            }
        };
        let of_it = match outcome {
            Outcome::Created => of_absent,
            Outcome::Replaced | Outcome::Removed => of_present,
            // What aborts is never kept for later.
            _ if present_last => of_present,
            _ => of_absent,
        };
        (outcome, of_it.expect("compute ran its closure on this"))
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let map = self.map.pin();
        for (index, &key) in keys.iter().enumerate() {
            each(index, map.get(&Hashed(key)).map(|value| &**value));
        }
    }

    fn quiesce(&mut self) {
        self.map.guard().flush();
    }
}
