//! `cuckoo`: four-way buckets, two for each key, with tags and readers that take no lock.
//!
//! The hash picks a *tag* of 16 bits and two buckets: the first by its low bits, the second by the
//! first XOR a hash of the tag. So either bucket and the tag give the other one, and an entry can be
//! moved between its two without a look at its key. A slot is one word, the entry's address with the
//! tag above it, so that a lookup reads two half cache lines and, in nearly all cases, one entry:
//!
//! ```text
//!   hash ──▶ tag t, bucket b ─────────┐        ┌──── bucket b ⊕ h(t)
//!                                     ▼        ▼
//!   buckets  ┌──────────┬──────────┬──────────┬──────────┬──
//!            │ ▪ ▪ ▪ ▪  │ ▪ ▪ – –  │ ▪ ▪ ▪ ▪  │ ▪ ▪ ▪ ▪  │       ▪ = [tag|address], – = empty
//!            └──────────┴───▲──────┴───┼──────┴──────────┴──
//!                           └──────────┘ an entry whose other bucket has room moves over
//! ```
//!
//! An entry that finds both its buckets full makes room by moving another to its other bucket, which
//! may first need room itself: a *cuckoo path*, searched breadth first over at most 682 buckets. The
//! entries on it move the last first, each into an empty slot, so that all are findable throughout.
//! Slots fill to some 95 % before no path is found; then the array doubles.
//!
//! **When hashes collide** so that more than eight entries have the same two buckets, doubling is of no
//! use. An entry that finds no path while less than half of the slots are full goes to an *overflow
//! chain* instead, which every lookup that finds nothing else walks, comparing hashes first. A doubling
//! puts as much of it into slots as fits.
//!
//! **A walk** goes through the buckets in order and follows entries that move between them
//! (`moves.rs`). A doubling puts entries into new buckets in no order that a walk could follow, so the
//! walk starts over: what it had shown it shows again, in a dump of a table that grows meanwhile a part
//! of the keys twice. With `capacity=` for what is to come the table does not double and the walk shows
//! next to none again.
//!
//! `capacity=` opens with enough buckets for that many entries, at 90 % of the slots.
//!
//! **Locking:**
//! - One mutex for all writers, held for one operation, while `edit` runs, and for a doubling.
//! - Readers take none and write nothing that others read, but for their pin. They load the array, then
//!   slots. An entry found is right: entries never change, and one that is in a slot is in the table. *Not*
//!   finding one may be an error, where it moved from the bucket looked at second to the one looked at
//!   first. So a miss is confirmed by a second look between two readings of a version counter that each
//!   move between the two buckets increments, before and after; if it changed, the look is repeated.
//!   Counters are shared by buckets with the same low bits (`versions`).
//! - A doubling fills a new array, which no other thread sees, then publishes it. Readers go on in the old
//!   one meanwhile, and those that are still there afterwards read the table as it was at that moment.
//!
//! **Memory:** entries are immutable; a replaced or removed one, an old array, an unlinked chain link
//! is freed by epoch-based reclamation (crossbeam-epoch, a collector for each table) when every reader
//! that was pinned at the time is done. A batch pins once. During a doubling both arrays exist; if the
//! new one cannot be allocated, the overflow chain takes what does not fit.
//!
//! **Good at** lookups, from any number of threads, and at memory: no links, 95 % full. **Bad at**
//! writes from several threads, at misses (two looks), and at the pause of a doubling, for writers.
//!
//! **Source:** Fan, Andersen and Kaminsky, "`MemC3`: Compact and Concurrent `MemCache` with Dumber Caching
//! and Smarter Hashing", NSDI 2013: tags, partial keys, paths moved backwards, 8,192 version counters,
//! one writer. Breadth-first search is from Li, Andersen, Kaminsky and Freedman, "Algorithmic
//! Improvements for Fast Concurrent Cuckoo Hashing", `EuroSys` 2014. Tags of two bytes, versions read for
//! misses only, growth, overflow and epochs (the paper guards values by its cache) are this table's own.

mod array;
mod entry;
mod moves;
mod overflow;
mod version;

use crate::table::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::ptr::NonNull;

use crate::table::sync::Mutex;
use crossbeam_epoch::{Collector, Guard, LocalHandle};

use self::array::{Array, Place, Search, Spot, WAYS};
use self::entry::{Borrowed, Entry, Header};
use self::overflow::Link;
use self::version::Version;
use super::buckets;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::hinted;
use super::prefetch::{LINE, prefetch_read};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use crate::base::{
    BadInput, ByteSplit, Census, EventKind, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// Entries a bucket that `capacity=` counts on: 90 % of the slots.
const FILL: f64 = 3.6;

/// Keys that `get_many` looks up side by side: as many misses as a core keeps in flight, or more.
const GROUP: usize = 16;

/// Sets of a batch under one pin: what they replace is freed after it at the earliest, in all threads.
const PINNED: usize = 64;

/// Cuckoo hashing with tags, optimistic readers and one writer.
pub struct Cuckoo {
    /// The array in force: from a box, and valid until it has been replaced and every reader that was
    /// pinned at that time is done.
    array: AtomicPtr<Array>,
    /// A power of two of counters.
    versions: Box<[Version]>,
    writer: Mutex<Writer>,
    /// Entries, and their bytes with those of the overflow chain's links; written under the lock.
    items: AtomicU64,
    item_bytes: AtomicU64,
    /// Bytes of the array; written under the lock.
    array_bytes: AtomicU64,
    collector: Collector,
    /// For rehashing, and for the journal.
    env: Env,
}

/// What only the writer uses.
#[derive(Default)]
struct Writer {
    /// Entries that are in slots.
    in_slots: usize,
    search: Search,
}

/// A session of [`Cuckoo`].
pub struct CuckooSession<'t> {
    table: &'t Cuckoo,
    handle: LocalHandle,
    scratch: Vec<u8>,
}

/// An array that was replaced: dropped when no thread reads it any more.
struct Outgrown(NonNull<Array>);

// SAFETY: it owns its array, but not the entries that slots and links point to; atomic words.
unsafe impl Send for Outgrown {}

impl Drop for Outgrown {
    fn drop(&mut self) {
        // SAFETY: the array came from a box, was replaced once, and no thread reads it any more,
        // as the one that replaced it has seen to.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl Cuckoo {
    /// The array, for as long as the guard is held.
    #[inline]
    fn array<'g>(&self, _guard: &'g Guard) -> &'g Array {
        // SAFETY: acquiring the pointer makes the array visible. It is freed by this table's
        // collector, and the guard, which is one of that collector's, keeps it from doing so.
        unsafe { &*self.array.load(Ordering::Acquire) }
    }

    /// The entry of a key.
    #[inline]
    fn find<'g>(&self, array: &'g Array, place: Place, key: Key<'_>) -> Option<Borrowed<'g>> {
        array
            .find(place, key)
            .or_else(|| self.confirm_miss(array, place, key))
    }

    /// Looks again, until nothing moved meanwhile.
    fn confirm_miss<'g>(
        &self,
        array: &'g Array,
        place: Place,
        key: Key<'_>,
    ) -> Option<Borrowed<'g>> {
        let version = place.version(&self.versions);
        loop {
            let before = version.read();
            let found = array.find(place, key);
            if found.is_some() || version.is_still(before) {
                return found;
            }
        }
    }

    /// Adds an entry that is not there. The caller holds the writer's lock.
    fn add(&self, writer: &mut Writer, guard: &Guard, hash: u64, entry: Entry) {
        self.count(1, entry.size(), 0);
        let mut array = self.array(guard);
        let mut entry = entry.into_raw();
        loop {
            match array.insert(array.place(hash), entry, &self.versions, &mut writer.search) {
                Ok(()) => {
                    writer.in_slots += 1;
                    return;
                }
                Err(back) => entry = back,
            }
            let half_full = 2 * writer.in_slots >= WAYS * array.buckets();
            if !half_full || !self.grow(writer, array, guard) {
                array.overflow.push(hash, entry);
                self.count(0, link_bytes(1), 0);
                return;
            }
            array = self.array(guard);
        }
    }

    /// Replaces the array by one of twice its length; whether there was memory for it. The caller
    /// holds the writer's lock.
    #[cold]
    fn grow(&self, writer: &mut Writer, old: &Array, guard: &Guard) -> bool {
        let (from, to) = (old.buckets(), 2 * old.buckets());
        self.env.note(EventKind::Begin, from, to);
        let Some(new) = Array::open(to) else {
            self.env.note(EventKind::End, from, from);
            return false;
        };
        let links_before = old.overflow.links().count();
        writer.in_slots = 0;
        for block in old.entries() {
            // SAFETY: an entry of the present array: the writer, which this is, takes out none here.
            let hash = self.env.hasher.hash(unsafe { Entry::borrow(block) }.key());
            match new.insert(new.place(hash), block, &self.versions, &mut writer.search) {
                Ok(()) => writer.in_slots += 1,
                Err(block) => new.overflow.push(hash, block),
            }
        }
        writer.search.moves.forget();
        let links = new.overflow.links().count();
        self.count(0, link_bytes(links), link_bytes(links_before));
        self.array_bytes.store(new.bytes(), Ordering::Relaxed);
        let old = self
            .array
            .swap(Box::into_raw(Box::new(new)), Ordering::AcqRel);
        let old = Outgrown(NonNull::new(old).expect("an array"));
        guard.defer(move || drop(old));
        self.env.note(EventKind::End, from, to);
        true
    }

    /// Gives an entry another value. The caller holds the writer's lock.
    fn replace(&self, spot: Spot<'_>, guard: &Guard, entry: Entry) {
        let size = entry.size();
        let old = spot.replace(entry.into_raw());
        let old = retire(guard, old);
        self.count(0, size, old);
    }

    /// Takes an entry out. The caller holds the writer's lock.
    fn take(&self, writer: &mut Writer, array: &Array, spot: Spot<'_>, guard: &Guard) {
        let (block, link) = array.take(spot);
        let mut went = retire(guard, block);
        if let Some(link) = link {
            went += link_bytes(1);
            guard.defer(move || drop(link));
        } else {
            writer.in_slots -= 1;
        }
        self.count(-1, 0, went);
    }

    /// Counts items, bytes that came, and bytes that went. The caller holds the writer's lock, so that
    /// reading and writing need not be one step.
    fn count(&self, items: i64, came: u64, went: u64) {
        let now = self
            .items
            .load(Ordering::Relaxed)
            .wrapping_add_signed(items);
        self.items.store(now, Ordering::Relaxed);
        let now = self.item_bytes.load(Ordering::Relaxed) + came - went;
        self.item_bytes.store(now, Ordering::Relaxed);
    }
}

/// Drops an entry that was just taken out, when no thread has it any more; returns its bytes.
fn retire(guard: &Guard, block: NonNull<Header>) -> u64 {
    // SAFETY: the block was put into a slot or link by `Entry::into_raw` and has just been taken out,
    // once; readers that may have it borrowed were pinned by now, and the drop waits for them.
    let entry = unsafe { Entry::from_raw(block) };
    let size = entry.size();
    guard.defer(move || drop(entry));
    size
}

fn link_bytes(links: usize) -> u64 {
    (links * size_of::<Link>()) as u64
}

impl Drop for Cuckoo {
    fn drop(&mut self) {
        let array = NonNull::new(*self.array.get_mut())
            .map(Outgrown)
            .expect("an array");
        // SAFETY: the array in force is valid, and the exclusive borrow keeps it from being replaced.
        for block in unsafe { array.0.as_ref() }.entries() {
            // SAFETY: put there by `Entry::into_raw`, taken back once, and no thread reads any more.
            drop(unsafe { Entry::from_raw(block) });
        }
    }
}

impl Strategy for Cuckoo {
    const NAME: &'static str = "cuckoo";
    const ABOUT: &'static str =
        "cuckoo hashing with tags: optimistic readers and one writer, as in MemC3";
    const SOURCE: &'static str = "MemC3: Fan, Andersen and Kaminsky, NSDI 2013; breadth-first search by Li et al., EuroSys 2014";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 256,
                min: 1,
                max: 1 << 32,
            },
            meaning: "buckets of four slots at the start",
        },
        Param {
            name: "versions",
            range: Range::PowerOfTwo {
                default: 8192,
                min: 1,
                max: 1 << 20,
            },
            meaning: "version counters that readers validate misses by",
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "cuckoo",
        "cuckoo:buckets=1",
        "cuckoo:buckets=1,versions=1",
        "cuckoo:buckets=2,capacity=100",
    ];
    const WALK: bool = true;
    const UNCLAIMED: Option<&'static str> = Some(
        "the epoch collector's lists and what waits in them are not claimed: some 40 KB, however much the table holds",
    );
    const BUCKET_BYTES: usize = array::BUCKET_BYTES;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Nothing),
        growth: Promise::shown(Waits::Writers),
        memory: Promise::shown(Freed::Unread),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = CuckooSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Cuckoo, SpecError> {
        let buckets =
            buckets::buckets_for(params.integer("capacity"), FILL, params.size("buckets"));
        let array = Array::open(buckets).ok_or_else(|| {
            BadInput(format!(
                "{}: {buckets} buckets take {} MiB, more than can be allocated; give fewer buckets \
                 or less capacity",
                Cuckoo::NAME,
                (buckets as u128 * 8 * WAYS as u128).div_ceil(1 << 20)
            ))
        })?;
        let versions = params.size("versions");
        Ok(Cuckoo {
            array_bytes: AtomicU64::new(array.bytes()),
            array: AtomicPtr::new(Box::into_raw(Box::new(array))),
            versions: (0..versions).map(|_| Version::default()).collect(),
            writer: Mutex::default(),
            items: AtomicU64::new(0),
            item_bytes: AtomicU64::new(0),
            collector: Collector::new(),
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> CuckooSession<'_> {
        CuckooSession {
            table: self,
            handle: self.collector.register(),
            scratch: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        let structure = self.array_bytes.load(Ordering::Relaxed);
        let structure = structure + size_of_val(&*self.versions) as u64;
        Usage {
            items: self.items.load(Ordering::Relaxed),
            bytes: self.item_bytes.load(Ordering::Relaxed) + structure,
        }
    }

    fn census(&mut self) -> Census {
        // SAFETY: the array in force is valid, and the exclusive borrow keeps it from being replaced.
        let array = unsafe { &**self.array.get_mut() };
        let mut census = Census {
            buckets: array.buckets() as u64,
            ..Census::default()
        };
        let links = array.overflow.links().count();
        let mut bytes = ByteSplit {
            header: link_bytes(links),
            ..ByteSplit::default()
        };
        for block in array.entries() {
            // SAFETY: an entry of the table, from which no thread takes any now.
            let entry = unsafe { Entry::borrow(block) };
            census.items += 1;
            bytes.header += Entry::HEADER as u64;
            bytes.key += entry.key().len() as u64;
            bytes.value += entry.value().len() as u64;
        }
        let full = census.items - links as u64;
        bytes.slack = 8 * (WAYS as u64 * census.buckets - full);
        bytes.bucket_array = array.bytes() - bytes.slack + size_of_val(&*self.versions) as u64;
        Census { bytes, ..census }
    }
}

impl Session for CuckooSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let guard = self.handle.pin();
        let array = self.table.array(&guard);
        let entry = self.table.find(array, array.place(key.hash), key)?;
        entry.touch(self.table.env.recency);
        Some(read(entry.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        // Allocated and copied before the lock is taken.
        let entry = Entry::new(key.bytes, value);
        let mut writer = self.table.writer.lock();
        let guard = self.handle.pin();
        let array = self.table.array(&guard);
        if let Some(spot) = array.spot(array.place(key.hash), key) {
            entry.touch(self.table.env.recency);
            self.table.replace(spot, &guard, entry);
            return Stored::Replaced;
        }
        self.table.add(&mut writer, &guard, key.hash, entry);
        Stored::Created
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut writer = self.table.writer.lock();
        let guard = self.handle.pin();
        let array = self.table.array(&guard);
        let Some(spot) = array.spot(array.place(key.hash), key) else {
            return false;
        };
        self.table.take(&mut writer, array, spot, &guard);
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let table = self.table;
        let mut writer = table.writer.lock();
        let guard = self.handle.pin();
        let array = table.array(&guard);
        let spot = array.spot(array.place(key.hash), key);
        self.scratch.clear();
        let entry = spot.as_ref().map(Spot::entry);
        let recency = table.env.recency;
        if let Some(entry) = &entry {
            entry.touch(recency);
        }
        let (edit, result) = edit(entry.as_ref().map(|entry| entry.value()), &mut self.scratch);
        let outcome = match (edit, spot) {
            (Edit::Keep, _) | (Edit::Remove, None) => Outcome::Kept,
            (Edit::Store, Some(spot)) => {
                let entry = Entry::new(key.bytes, &self.scratch);
                entry.touch(recency);
                table.replace(spot, &guard, entry);
                Outcome::Replaced
            }
            (Edit::Store, None) => {
                let entry = Entry::new(key.bytes, &self.scratch);
                table.add(&mut writer, &guard, key.hash, entry);
                Outcome::Created
            }
            (Edit::Patch { at }, spot) => {
                let spot = spot.expect("a patch needs an entry");
                let value = spot.entry();
                let patched = Entry::with_patch(key.bytes, value.value(), at, &self.scratch);
                patched.touch(recency);
                table.replace(spot, &guard, patched);
                Outcome::Replaced
            }
            (Edit::Remove, Some(spot)) => {
                table.take(&mut writer, array, spot, &guard);
                Outcome::Removed
            }
        };
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let guard = self.handle.pin();
        let array = self.table.array(&guard);
        for (keys, first) in keys.chunks(GROUP).zip((0..).step_by(GROUP)) {
            let mut places = [array.place(0); GROUP];
            for (key, place) in keys.iter().zip(&mut places) {
                *place = array.place(key.hash);
                array.prefetch(*place);
            }
            for &place in &places[..keys.len()] {
                for entry in array.candidates(place) {
                    // The lengths and the key, and what may be the value.
                    prefetch_read(entry);
                    prefetch_read(entry.wrapping_add(LINE));
                }
            }
            for ((&key, place), index) in keys.iter().zip(places).zip(first..) {
                let entry = self.table.find(array, place, key);
                let entry = entry.inspect(|entry| entry.touch(self.table.env.recency));
                each(index, entry.as_ref().map(|entry| entry.value()));
            }
        }
    }

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        let guard = self.handle.pin();
        let array = self.table.array(&guard);
        array.prefetch(array.place(key.hash));
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], each: impl FnMut(usize, Stored)) {
        let mut each = each;
        let hint = |session: &Self, (key, _): hinted::Entry<'_>| {
            let guard = session.handle.pin();
            let array = session.table.array(&guard);
            for entry in array.candidates(array.place(key.hash)) {
                prefetch_read(entry);
            }
            true
        };
        for (part, entries) in entries.chunks(PINNED).enumerate() {
            // The pins of the hints and of the sets are within this one, and cost next to nothing.
            let _pin = self.handle.pin();
            let each = |at, stored| each(part * PINNED + at, stored);
            hinted::set_many(self, entries, each, hint, |session, (key, value), _| {
                session.set(key, value)
            });
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let entry = Entry::new(key.bytes, value);
        let mut writer = self.table.writer.lock();
        let guard = self.handle.pin();
        debug_assert!(
            {
                let array = self.table.array(&guard);
                array.spot(array.place(key.hash), key).is_none()
            },
            "insert_new of a key that is present"
        );
        self.table.add(&mut writer, &guard, key.hash, entry);
    }

    /// Under the writer's lock. Buckets in order, the overflow chain last; `moves.rs` says how entries
    /// are followed that move meanwhile. After a doubling between two calls, or more moves than are
    /// remembered, the walk starts over and shows entries again that it has shown.
    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let table = self.table;
        let mut writer = table.writer.lock();
        let guard = self.handle.pin();
        let array = table.array(&guard);
        let (bucket, again) = match from {
            0 => (0, Vec::new()),
            _ => writer.search.moves.resume(from),
        };
        let end = array.buckets() + 1;
        let to = end.min(bucket.saturating_add(buckets.max(1)));
        for spot in again
            .into_iter()
            .chain(bucket..to)
            .flat_map(|bucket| array.spots(bucket))
        {
            let entry = spot.entry();
            match see(entry.key(), entry.value(), entry.is_marked()) {
                Keep::Keep => {}
                Keep::Unmark => entry.unmark(),
                Keep::Remove => table.take(&mut writer, array, spot, &guard),
            }
        }
        if to == end {
            return 0;
        }
        writer.search.moves.cursor(to)
    }

    fn quiesce(&mut self) {
        self.handle.pin().flush();
    }
}

#[cfg(test)]
mod tests;
