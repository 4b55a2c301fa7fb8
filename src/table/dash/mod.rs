//! `dash`: extendible hashing with large segments, so that the table grows one segment at a time.
//!
//! The low bits of the hash pick a pointer in the *directory*, which leads to a *segment* of 56 home
//! buckets and 4 stash buckets, each of 14 slots. Other bits of the hash pick the home bucket. An
//! entry goes there or to the bucket on its right, whichever is emptier, and to the stash if both are
//! full. A byte of the hash for each slot stands in front of a bucket, so that a lookup reads two
//! cache lines of tags, in most cases one item, and the stash only if the home bucket says that some
//! entry of its own is there:
//!
//! ```text
//!     directory (depth 2)        segments
//!     ┌────┐             ┌───────────────────────────────────────────────────┐
//!     │ 00 ├────────────▶│ lock, depth 2, pattern 00                         │
//!     ├────┤             │ home 0  1  2  3 … 55 │ stash 0 … 3 │ overflow: –  │
//!     │ 01 ├───┐         └──────┬───────────────────────────────────────────┘
//!     ├────┤   │                └─▶ 14 tags, 14 slots ──▶ items [lengths key value]
//!     │ 10 ├── │ ─────────▶ lock, depth 2, pattern 10
//!     ├────┤   │
//!     │ 11 ├───┴──────────▶ lock, depth 1, pattern 1: two pointers lead here
//!     └────┘
//! ```
//!
//! A segment with no slot left for an entry is split in two by the next bit of the hashes, which are
//! computed again; where all bits of the directory are used up, that doubles first, which copies
//! pointers only. So no operation ever moves more than the 840 entries of one segment. The
//! directory's doubling is the one pause that grows with the table, 8 bytes for some 600 entries.
//!
//! **When hashes collide** so that a split is of no use (they differ in no bit, or in none that a
//! directory of at most 64 pointers a segment could use) the segment gets an *overflow chain*, which
//! is walked as in any chained table. A split is tried again each time the chain has doubled.
//!
//! `capacity=` opens with enough segments for that many entries, at 672 (80 % of the slots) each.
//!
//! **Locking:**
//! - A segment's reader–writer lock protects all that is in the segment. It is held for one operation,
//!   while `read` looks at a value, and while `edit` runs; for writing also while the segment is split.
//! - The directory is read without a lock. A segment that it named is asked, once locked, whether it
//!   still owns the hash: if it has been split meanwhile, the directory is read again.
//! - The directory's mutex is taken by a split, under the segment's lock, to double the directory and
//!   to publish the new segment. Its holder takes no other lock.
//! - `get_many` holds the locks of up to 16 segments at once, for reading, and waits for none of them,
//!   so that no thread waits in a circle: those that are not to be had at once, it takes one by one after
//!   it has let go of the others.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under its segment's
//! lock. Segments are never freed before the table, nor are directories that were outgrown: together
//! they are smaller than the present one. So there is nothing to defer. The table never shrinks.
//!
//! **Good at** growing: the longest operation splits a segment or copies a directory. Misses are cheap.
//! **Not so good at** many threads on few segments, and at lookups of few hot keys: each takes a lock.
//!
//! **Source:** Lu, Hao, Wang and Lo, "Dash: Scalable Hashing on Persistent Memory", VLDB 2020, in
//! memory instead, without the displacement of entries to the neighbours' neighbours, and with locks
//! for readers where the paper validates versions; the sizes are those of Dragonfly's `dash` table.
//! Extendible hashing is from Fagin, Nievergelt, Pippenger and Strong, ACM TODS 4 (3), 1979.

mod bucket;
mod directory;
mod segment;

use crate::table::sync::{RwLockReadGuard, RwLockWriteGuard};

use self::directory::{Directory, Room};
use self::segment::{HOME, Place, Segment, State};
use super::buckets;
use super::change::Change;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::{self, Item};
use super::tally::{Part, Tally};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy, scan};
use crate::base::{
    BadInput, ByteSplit, Census, EventKind, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// Entries of a segment that `capacity=` counts on. One fills up at some 780 to 840; chance spreads what
/// a segment gets by 26.
const FILL: f64 = 672.0;

/// Keys that `get_many` looks up side by side: as many misses as a core keeps in flight, or more.
const GROUP: usize = 16;

/// Extendible hashing with segments of 56 + 4 buckets.
pub struct Dash {
    directory: Directory,
    tally: Tally,
    /// For rehashing, and for the journal.
    env: Env,
}

/// A session of [`Dash`].
pub struct DashSession<'t> {
    table: &'t Dash,
    tally: &'t Part,
    scratch: Vec<u8>,
}

impl Dash {
    /// Locks the segment of a hash for reading.
    #[inline]
    fn read(&self, hash: u64) -> RwLockReadGuard<'_, State> {
        loop {
            let state = self.directory.segment(hash).state.read();
            if state.owns(hash) {
                return state;
            }
        }
    }

    /// Locks the segment of a hash for writing.
    #[inline]
    fn write(&self, hash: u64) -> RwLockWriteGuard<'_, State> {
        loop {
            let state = self.directory.segment(hash).state.write();
            if state.owns(hash) {
                return state;
            }
        }
    }
}

impl DashSession<'_> {
    /// Adds an entry that is not there to the segment that is locked for it.
    fn add(&self, state: &mut State, key: Key<'_>, value: &[u8]) {
        let item = Item::new(key.bytes, value, None);
        self.tally.add(Change::added(item.size()));
        if let Err(item) = state.insert(Place::of(key.hash), item) {
            self.add_to_full(state, key.hash, item);
        }
    }

    /// Adds an entry to a segment that has no slot for it: splits it, if that is of use.
    #[cold]
    fn add_to_full(&self, state: &mut State, hash: u64, item: Item) {
        let place = Place::of(hash);
        if !state.wants_split() {
            return state.insert_anyway(place, item);
        }
        let Dash { directory, env, .. } = self.table;
        let hashes = state.hashes(&env.hasher);
        let differing = hashes.iter().fold(0, |bits, other| bits | (other ^ hash));
        let room = match differing {
            0 => Room::Refused,
            _ => directory.make_room(state.depth + 1, differing.trailing_zeros()),
        };
        match room {
            Room::Refused => {
                state.postpone_split();
                return state.insert_anyway(place, item);
            }
            Room::Doubled(bytes) => self.tally.add(Change::resized(0, bytes)),
            Room::Enough => {}
        }
        let buckets = directory.segments() * HOME;
        env.note(EventKind::Begin, buckets, buckets + HOME);
        let mut sibling = state.split(&hashes);
        let half = if state.owns(hash) {
            state
        } else {
            sibling.state.get_mut()
        };
        debug_assert!(half.owns(hash));
        half.insert_anyway(place, item);
        self.tally
            .add(Change::resized(0, size_of::<Segment>() as u64));
        directory.publish(sibling);
        env.note(EventKind::End, buckets, buckets + HOME);
    }

    /// Gives an entry another value.
    fn replace(&self, item: &mut Item, value: &[u8]) {
        let before = item.size();
        item.replace_value(value);
        self.tally.add(Change::resized(before, item.size()));
    }
}

impl Strategy for Dash {
    const NAME: &'static str = "dash";
    const ABOUT: &'static str =
        "extendible hashing with tags: a segment of 60 buckets splits at a time, as in Dragonfly";
    const SOURCE: &'static str = "Lu et al., VLDB 2020, with the sizes of Dragonfly's dash table";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "segments",
            range: Range::PowerOfTwo {
                default: 1,
                min: 1,
                max: 1 << 26,
            },
            meaning: "segments at the start, 7,744 bytes each",
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &["dash", "dash:segments=4", "dash:capacity=2000"];
    const WALK: bool = true;
    const BUCKET_BYTES: usize = size_of::<bucket::Bucket>();
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::word(Batch::Keys),
        read: Promise::shown(Holds::Shared("segment")),
        growth: Promise::shown(Waits::Part("segment")),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = DashSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Dash, SpecError> {
        let capacity = params.integer("capacity");
        let segments = buckets::buckets_for(capacity, FILL, params.size("segments"));
        let directory = Directory::open(segments).ok_or_else(|| {
            BadInput(format!(
                "{}: {segments} segments take {} MiB, more than can be allocated; give fewer \
                 segments or less capacity",
                Dash::NAME,
                (segments as u128 * size_of::<Segment>() as u128).div_ceil(1 << 20)
            ))
        })?;
        let tally = Tally::default();
        let bytes = size_of::<Tally>() + segments * size_of::<Segment>();
        let bytes = bytes as u64 + directory.bytes();
        tally.part(Worker::ALONE).add(Change::resized(0, bytes));
        Ok(Dash {
            directory,
            tally,
            env: env.clone(),
        })
    }

    fn session(&self, who: Worker) -> DashSession<'_> {
        DashSession {
            table: self,
            tally: self.tally.part(who),
            scratch: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        self.tally.usage()
    }

    fn census(&mut self) -> Census {
        let mut census = Census::default();
        let mut bytes = ByteSplit {
            bucket_array: size_of::<Tally>() as u64 + self.directory.bytes(),
            ..ByteSplit::default()
        };
        self.directory.each(|segment| {
            let state = segment.state.get_mut();
            census.buckets += HOME as u64;
            let slack = state.slack();
            bytes.slack += slack;
            bytes.bucket_array += size_of::<Segment>() as u64 - slack;
            for item in state.items() {
                census.items += 1;
                bytes.header += Item::HEADER as u64;
                bytes.key += item.key().len() as u64;
                bytes.value += item.value().len() as u64;
            }
        });
        Census { bytes, ..census }
    }
}

impl Session for DashSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let state = self.table.read(key.hash);
        let item = state.find(Place::of(key.hash), key.bytes)?;
        item.touch(self.table.env.recency);
        Some(read(item.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut state = self.table.write(key.hash);
        if let Some(spot) = state.spot(Place::of(key.hash), key.bytes) {
            let item = state.item_mut(spot, key.bytes);
            item.touch(self.table.env.recency);
            self.replace(item, value);
            return Stored::Replaced;
        }
        self.add(&mut state, key, value);
        Stored::Created
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let place = Place::of(key.hash);
        let mut state = self.table.write(key.hash);
        let Some(spot) = state.spot(place, key.bytes) else {
            return false;
        };
        let item = state.take(spot, place, key.bytes);
        self.tally.add(Change::removed(item.size()));
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let place = Place::of(key.hash);
        let mut state = self.table.write(key.hash);
        let spot = state.spot(place, key.bytes);
        self.scratch.clear();
        let item = spot.map(|spot| &*state.item_mut(spot, key.bytes));
        let item = item.inspect(|item| item.touch(self.table.env.recency));
        let (edit, result) = edit(item.map(Item::value), &mut self.scratch);
        let outcome = match (edit, spot) {
            (Edit::Keep, _) | (Edit::Remove, None) => Outcome::Kept,
            (Edit::Store, Some(spot)) => {
                self.replace(state.item_mut(spot, key.bytes), &self.scratch);
                Outcome::Replaced
            }
            (Edit::Store, None) => {
                self.add(&mut state, key, &self.scratch);
                Outcome::Created
            }
            (Edit::Patch { at }, spot) => {
                let item = spot.map(|spot| state.item_mut(spot, key.bytes));
                item::patch(item, at, &self.scratch);
                Outcome::Replaced
            }
            (Edit::Remove, Some(spot)) => {
                let item = state.take(spot, place, key.bytes);
                self.tally.add(Change::removed(item.size()));
                Outcome::Removed
            }
        };
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        for (keys, first) in keys.chunks(GROUP).zip((0..).step_by(GROUP)) {
            let mut segments = [None; GROUP];
            for (key, segment) in keys.iter().zip(&mut segments) {
                let found = self.table.directory.segment(key.hash);
                found.prefetch(Place::of(key.hash));
                *segment = Some(found);
            }
            let mut states = [const { None }; GROUP];
            for ((key, segment), state) in keys.iter().zip(segments).zip(&mut states) {
                let lock = &segment.expect("one for each key").state;
                let locked = lock.try_read().filter(|state| state.owns(key.hash));
                if let Some(state) = &locked {
                    state.prefetch_items(Place::of(key.hash));
                }
                *state = locked;
            }
            let mut answer = |index: usize, state: &State| {
                let item = state.find(Place::of(keys[index].hash), keys[index].bytes);
                let item = item.inspect(|item| item.touch(self.table.env.recency));
                each(first + index, item.map(Item::value));
            };
            let held = states.each_ref().map(Option::is_some);
            for (index, state) in states.into_iter().enumerate() {
                if let Some(state) = state {
                    answer(index, &state);
                }
            }
            for (index, key) in keys.iter().enumerate().filter(|&(index, _)| !held[index]) {
                answer(index, &self.table.read(key.hash));
            }
        }
    }

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        let segment = self.table.directory.segment(key.hash);
        segment.prefetch(Place::of(key.hash));
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut state = self.table.write(key.hash);
        debug_assert!(
            state.spot(Place::of(key.hash), key.bytes).is_none(),
            "insert_new of a key that is present"
        );
        self.add(&mut state, key, value);
    }

    /// A segment at a time, as it has one lock and one depth: it counts as its [`HOME`] buckets, and
    /// at least one is visited.
    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        scan::steps(from, (buckets / HOME).max(1), |at| {
            let mut state = self.table.write(at);
            let change = state.sweep(&self.table.env.hasher, &mut see);
            self.tally.add(change);
            state.depth
        })
    }
}

#[cfg(test)]
mod tests;
