//! `flurry`: Java's `ConcurrentHashMap`, in Rust.
//!
//! An array of bins, each a linked list, or a balanced tree once it is longer than eight; reads take no
//! lock, writes lock the bin's first node. The array doubles with the help of every thread that writes
//! meanwhile, bin by bin, each bin that was moved forwarding to the new array.
//!
//! ```text
//!   hash ──▶ │ bin 0 │ moved │ bin 2 │ …
//!                │ lock            └──▶ tree of nodes, ordered by hash and key
//!                └──▶ node (hash, key, value ●) ──▶ node ──▶ …
//!                                            └──▶ value, never changed, only replaced
//! ```
//!
//! Values are immutable: `set` and every kind of `update` put a new value in the place of the old one.
//! Lookup, removal and `update` of a present entry go by reference and take the caller's hash; `set`
//! and the creation of an entry hash an owned key a second time.
//!
//! **Locking:** none to read. `update` is `compute_if_present`, under the bin's lock, and `try_insert`
//! where nothing is present, and begins anew, with another run of `edit`, if another thread was faster
//! to insert. Each operation enters and leaves the map's collector, as `pin()` does; `get_many` does
//! so once for the batch.
//!
//! **Memory:** replaced values and removed nodes are retired to the map's collector (`seize` 0.3), which
//! frees them in batches when every thread that was inside has left. No guard outlives an operation, so
//! no session holds garbage back; `quiesce` hands in the batch that this thread has begun.
//!
//! **Census:** an entry's header is its two fat pointers; nodes and the array are not told.
//!
//! **Source:** the `flurry` crate (Jon Gjengset), version 0.5, after Doug Lea's `ConcurrentHashMap`
//! (`java.util.concurrent`). Expect reads that do not slow each other but touch four cache lines each,
//! and bad hashes to cost a logarithm instead of a walk.

use super::key::{BuildPassing, Hashed, Lookup};
use super::tally::{Counter, Tally};
use super::value::{self, Bytes};
use crate::base::{Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use crate::table::{Edit, Env, Outcome, Session, Stored, Strategy};

/// `flurry::HashMap`.
#[derive(Debug)]
pub struct Flurry {
    map: flurry::HashMap<Bytes, Bytes, BuildPassing>,
    tally: Tally,
}

/// A session of [`Flurry`].
#[derive(Debug)]
pub struct FlurrySession<'t> {
    map: &'t flurry::HashMap<Bytes, Bytes, BuildPassing>,
    counter: Counter<'t>,
    buffer: Vec<u8>,
}

impl Strategy for Flurry {
    const NAME: &'static str = "flurry";
    const PEER: bool = true;
    const ABOUT: &'static str =
        "peer: flurry, Java's ConcurrentHashMap: lock-free reads of bins that are lists or trees.";
    const SOURCE: &'static str =
        "the flurry crate, version 0.5, after Doug Lea's ConcurrentHashMap";
    const PARAMS: &'static [Param] = &[Param::CAPACITY];
    const SAMPLES: &'static [&'static str] = &["flurry", "flurry:capacity=100"];
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Nothing),
        growth: Promise::word(Waits::Nobody),
        memory: Promise::shown(Freed::Unread),
        floods: Promise::word(Floods::Logarithm),
    };
    type Session<'t> = FlurrySession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Flurry, SpecError> {
        let build = BuildPassing(env.hasher);
        let map = match value::capacity(params)? {
            0 => flurry::HashMap::with_hasher(build),
            capacity => flurry::HashMap::with_capacity_and_hasher(capacity, build),
        };
        Ok(Flurry {
            map,
            tally: Tally::default(),
        })
    }

    fn session(&self, _who: Worker) -> FlurrySession<'_> {
        let (map, counter) = (&self.map, self.tally.counter());
        FlurrySession {
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

impl FlurrySession<'_> {
    /// One attempt at an update, under one guard: nothing if another thread created the entry
    /// between the look that found none and the insertion.
    fn attempt<R>(
        &mut self,
        key: Key<'_>,
        edit: &mut impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> Option<(Outcome, R)> {
        let map = self.map.pin();
        let (buffer, counter) = (&mut self.buffer, &self.counter);
        let hashed = Hashed(key);
        let mut done = None;
        map.compute_if_present(&hashed as &dyn Lookup, |_, value| {
            buffer.clear();
            let (edit, result) = edit(Some(value), buffer);
            let (outcome, new) = match edit {
                // There is no way to leave the value alone but to replace it with its like.
                Edit::Keep => (Outcome::Kept, Some(value.clone())),
                Edit::Store => (Outcome::Replaced, Some(buffer.as_slice().into())),
                Edit::Patch { at } => (Outcome::Replaced, Some(value::patched(value, at, buffer))),
                Edit::Remove => (Outcome::Removed, None),
            };
            match &new {
                Some(new) => counter.replaced(value.len(), new.len()),
                None => counter.removed(key.bytes, value.len()),
            }
            done = Some((outcome, result));
            new
        });
        if done.is_some() {
            return done;
        }
        buffer.clear();
        let (edit, result) = edit(None, buffer);
        match edit {
            Edit::Keep | Edit::Remove => Some((Outcome::Kept, result)),
            Edit::Patch { at } => {
                value::patch(None, at, buffer);
                Some((Outcome::Kept, result))
            }
            Edit::Store => {
                map.try_insert(key.bytes.into(), buffer.as_slice().into())
                    .ok()?;
                counter.created(key.bytes, buffer.len());
                Some((Outcome::Created, result))
            }
        }
    }
}

impl Session for FlurrySession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let hashed = Hashed(key);
        self.map
            .pin()
            .get(&hashed as &dyn Lookup)
            .map(|value| read(value))
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
        let (map, hashed) = (self.map.pin(), Hashed(key));
        let Some(old) = map.remove(&hashed as &dyn Lookup) else {
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
        loop {
            if let Some(done) = self.attempt(key, &mut edit) {
                return done;
            }
        }
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let map = self.map.pin();
        for (index, &key) in keys.iter().enumerate() {
            let hashed = Hashed(key);
            each(index, map.get(&hashed as &dyn Lookup).map(|value| &**value));
        }
    }

    fn quiesce(&mut self) {
        self.map.guard().flush();
    }
}
