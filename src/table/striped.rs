//! `striped`: chained buckets under many locks, each for a part of the buckets.
//!
//! As in `fixed`, the hash's low bits pick a bucket and each bucket is a linked list. Fewer low bits
//! pick one of the `stripes` locks, so that a stripe covers every bucket whose number ends in its
//! own, and goes on covering the same keys when the array doubles:
//!
//! ```text
//!   hash  … 0 1 1 0 1          stripes = 4        buckets = 8
//!               │ └─┴── stripe   ┌─────────┐      ┌───┐
//!               └───┴── bucket   │ 0 lock ─┼──┬──▶│ 0 ├──▶ [k v] ──▶ [k v]
//!                                │ 1 lock ─┼─┐│   │ 1 │
//!                                │ 2 lock  │ ││   │ 2 │
//!                                │ 3 lock  │ ││   │ 3 │
//!                                └─────────┘ │└──▶│ 4 ├──▶ [k v]
//!                                            └───▶│ 5 │   (and 1)
//!                                                 └───┘    …
//! ```
//!
//! Threads that work on different stripes do not wait for each other. The array doubles
//! stop-the-world when items exceed `load` × buckets, as in `resizable`; `grow=off` keeps it.
//!
//! How many items there are is nobody's to count on every insertion, as one counter written by all
//! threads would undo what the stripes gain. Each stripe counts its own under its lock and reports
//! the change to a shared counter whenever it reaches `report_every`: 1 where an array has few
//! buckets a stripe, so that small tables grow on the item, at most 64, and never so much that the
//! stripes together hold back more than an eighth of what the array allows. Whoever's report shows
//! the array to be full takes all locks, counts exactly, and grows if it is so.
//!
//! There are never more stripes than buckets at the start: the default is lowered to them, a number
//! beyond that is refused, and it stays as it is when the array grows. `capacity=` opens with enough buckets for that
//! many items at `load`; with `grow=off` it has no effect.
//!
//! **Locking:**
//! - A stripe's mutex protects the chains of its buckets and its own counts. It is held for one
//!   operation, while `read` looks at a value and while `edit` runs. An operation holds one; a lookup
//!   of several keys holds those of a group of them, taken in index order.
//! - The array (where it is, how long, its limit) may be read under any stripe's lock and is
//!   replaced only while all are held. They are taken in index order, by a thread that holds none.
//! - One thread grows at a time: `growing` turns the others away, who wait for a stripe at their next
//!   operation and see the new array. `growing` is no lock: what is decided under all locks rests on
//!   them alone.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under its stripe's
//! lock, the old array at the end of a resize, under all; as nobody reads without a lock, nothing
//! needs to be deferred. If the larger array cannot be allocated, the table goes on with the one it
//! has and tries again at a later report.
//!
//! **Source:** memcached's item locks (`thread.c`: a power of two of them, picked by the hash's low
//! bits, never more than buckets) over its `assoc.c`, which takes all of them to swap arrays and then
//! moves its buckets in the background instead of at once.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};

use super::item::{self, Chain, Item};
use super::prefetch::{GROUP, lock_group, prefetch_read};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy, scan, stripes};
use crate::base::{
    ByteSplit, Census, EventKind, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// An array of chains under striped locks.
pub struct Striped {
    /// Read under any stripe's lock, replaced under all.
    array: UnsafeCell<Array>,
    stripes: Box<[CachePadded<Mutex<Stripe>>]>,
    /// Items as far as the stripes have reported them.
    reported: CachePadded<AtomicI64>,
    /// Whether some thread is about to grow the table.
    growing: AtomicBool,
    /// Items a bucket before it grows; nothing if it never does.
    load: Option<f64>,
    /// For rehashing, and for the journal.
    env: Env,
}

// SAFETY: what is not `Sync` by itself is `array`. It is read under any stripe's lock and written
// under all of them, and each of its chains is touched only under the lock of its own stripe, so no
// access runs beside a conflicting one. What moves between threads that way, `Item`, is `Send`.
unsafe impl Sync for Striped {}

/// The buckets, and what follows from how many there are.
struct Array {
    /// A power of two of chains, each accessed under the lock of its stripe.
    buckets: Box<[UnsafeCell<Chain>]>,
    /// More items than this, and the array doubles.
    limit: i64,
    /// The change in a stripe's items from which on it is reported.
    report_every: u64,
}

/// What a stripe counts of its own buckets.
#[derive(Default)]
struct Stripe {
    items: u64,
    /// Bytes of its items, headers included.
    item_bytes: u64,
    /// Items added, less those removed, since the last report.
    unreported: i64,
}

/// A stripe whose lock is held, on behalf of one key.
struct Locked<'t> {
    stripe: MutexGuard<'t, Stripe>,
    table: &'t Striped,
    /// The hash that `stripe` was picked by.
    hash: u64,
}

/// A session of [`Striped`].
pub struct StripedSession<'t> {
    table: &'t Striped,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Array {
    fn open(buckets: usize, stripes: usize, load: Option<f64>) -> Option<Array> {
        let limit = load.map_or(u64::MAX, |load| item::items_allowed(buckets, load));
        let held_back = limit / 8 / stripes as u64;
        Some(Array {
            buckets: item::empty_buckets(buckets)?,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            report_every: load.map_or(u64::MAX, |_| held_back.clamp(1, 64)),
        })
    }

    fn bytes(&self) -> u64 {
        size_of_val(&*self.buckets) as u64
    }
}

impl Striped {
    /// Takes the lock of the stripe that a hash belongs to.
    #[inline]
    fn lock(&self, hash: u64) -> Locked<'_> {
        Locked {
            stripe: self.stripes[item::low_bits(hash, self.stripes.len())].lock(),
            table: self,
            hash,
        }
    }

    /// Grows the array if the items really exceed its limit. The caller holds no lock.
    #[cold]
    fn grow_if_full(&self) {
        if self.growing.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut stripes: Vec<_> = self.stripes.iter().map(|stripe| stripe.lock()).collect();
        // SAFETY: all stripes' locks are held, and all references into the array live no longer
        // than the lock they were taken under.
        let array = unsafe { &mut *self.array.get() };
        let mut items = 0;
        for stripe in &mut stripes {
            items += stripe.items;
            stripe.unreported = 0;
        }
        let counted = i64::try_from(items).expect("items fit the address space");
        self.reported.store(counted, Ordering::Relaxed);
        if let Some(load) = self.load.filter(|_| counted > array.limit) {
            let from = array.buckets.len();
            let to = item::buckets_for(items, load, from);
            self.env.note(EventKind::Begin, from, to);
            let grown = self.replace(array, to);
            self.env
                .note(EventKind::End, from, if grown { to } else { from });
        }
        // Still under the locks: whoever adds an item from here on is not turned away.
        self.growing.store(false, Ordering::Relaxed);
    }

    /// Moves every item into an array of `to` buckets; whether there was memory for it.
    fn replace(&self, array: &mut Array, to: usize) -> bool {
        let Some(mut new) = Array::open(to, self.stripes.len(), self.load) else {
            return false;
        };
        for chain in &mut array.buckets {
            while let Some(item) = item::unlink(chain.get_mut()) {
                let bucket = item::low_bits(self.env.hasher.hash(item.key()), to);
                item::prepend(new.buckets[bucket].get_mut(), item);
            }
        }
        *array = new;
        true
    }
}

impl Locked<'_> {
    /// The counts of the stripe, the array, and the chain of the key's bucket.
    #[inline]
    fn parts(&mut self) -> (&mut Stripe, &Array, &mut Chain) {
        // SAFETY: a stripe's lock is held for as long as `self` is borrowed, and the array is
        // replaced only while all are.
        let array = unsafe { &*self.table.array.get() };
        let bucket = &array.buckets[item::low_bits(self.hash, array.buckets.len())];
        // SAFETY: the number of stripes divides the number of buckets, so whoever wants this bucket
        // must hold the lock that is held here; and the exclusive borrow of `self` keeps its holder
        // from making a second reference.
        let chain = unsafe { &mut *bucket.get() };
        (&mut self.stripe, array, chain)
    }

    /// Counts an item more or less and reports it if it is time; whether the array is full then.
    #[inline]
    fn count(&mut self, change: i64) -> bool {
        let table = self.table;
        let (stripe, array, _) = self.parts();
        stripe.items = stripe.items.wrapping_add_signed(change);
        stripe.unreported += change;
        if stripe.unreported.unsigned_abs() < array.report_every {
            return false;
        }
        let change = std::mem::take(&mut stripe.unreported);
        // Relaxed: a hint, as what is decided by it is counted again under all locks.
        let before = table.reported.fetch_add(change, Ordering::Relaxed);
        change > 0 && before + change > array.limit
    }
}

impl Strategy for Striped {
    const NAME: &'static str = "striped";
    const ABOUT: &'static str =
        "chains under many locks, the stripe picked by the bucket's low bits; grows or stays fixed";
    const SOURCE: &'static str = "memcached's thread.c (item locks) over its assoc.c";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 1024,
                min: 1,
                max: 1 << 32,
            },
            meaning: "buckets at the start",
        },
        Param {
            name: "grow",
            range: Range::Word(&["on", "off"]),
            meaning: "whether the array doubles when it is full",
        },
        Param {
            name: "load",
            range: Range::Decimal {
                default: 1.5,
                min: 0.1,
                max: 1000.0,
            },
            meaning: "items a bucket before the array doubles",
        },
        Param {
            name: "stripes",
            range: Range::PowerOfTwo {
                default: 1024,
                min: 1,
                max: 1 << 20,
            },
            meaning: "locks; at most the buckets at the start, to which the default is lowered",
        },
        Param::CAPACITY,
    ];
    const WALK: bool = true;
    type Session<'t> = StripedSession<'t>;

    fn check(params: &Params) -> Result<(), SpecError> {
        stripes::of_growing_or_not(params).map(drop)
    }

    fn open(params: &Params, env: &Env) -> Result<Striped, SpecError> {
        let (load, buckets, stripes) = stripes::of_growing_or_not(params)?;
        let array = Array::open(buckets, stripes, load)
            .ok_or_else(|| item::too_many_buckets(Striped::NAME, buckets))?;
        Ok(Striped {
            array: UnsafeCell::new(array),
            stripes: (0..stripes).map(|_| CachePadded::default()).collect(),
            reported: CachePadded::default(),
            growing: AtomicBool::new(false),
            load,
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> StripedSession<'_> {
        StripedSession {
            table: self,
            scratch: Vec::new(),
            recency: self.env.recency,
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for stripe in &self.stripes {
            let stripe = stripe.lock();
            usage.items += stripe.items;
            usage.bytes += stripe.item_bytes;
        }
        usage.bytes += self.lock(0).parts().1.bytes() + size_of_val(&*self.stripes) as u64;
        usage
    }

    fn census(&mut self) -> Census {
        let array = self.array.get_mut();
        let mut census = Census {
            bytes: ByteSplit {
                bucket_array: array.bytes() + size_of_val(&*self.stripes) as u64,
                ..ByteSplit::default()
            },
            ..Census::default()
        };
        for chain in &mut array.buckets {
            let mut length = 0;
            for item in item::items(chain.get_mut()) {
                length += 1;
                census.bytes.header += Item::HEADER as u64;
                census.bytes.key += item.key().len() as u64;
                census.bytes.value += item.value().len() as u64;
            }
            census.items += length as u64;
            census.count_chain(length);
        }
        census
    }
}

impl Session for StripedSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut locked = self.table.lock(key.hash);
        let (_, _, chain) = locked.parts();
        item::find(chain, key.bytes)
            .inspect(|item| item.touch(self.recency))
            .map(|item| read(item.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut locked = self.table.lock(key.hash);
        let (stripe, _, chain) = locked.parts();
        let link = item::seek(chain, key.bytes);
        if let Some(item) = link {
            item.touch(self.recency);
            stripe.item_bytes -= item.size();
            item.replace_value(value);
            stripe.item_bytes += item.size();
            return Stored::Replaced;
        }
        let item = link.insert(Item::new(key.bytes, value, None));
        stripe.item_bytes += item.size();
        let full = locked.count(1);
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
        Stored::Created
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut locked = self.table.lock(key.hash);
        let (stripe, _, chain) = locked.parts();
        let Some(item) = item::unlink(item::seek(chain, key.bytes)) else {
            return false;
        };
        stripe.item_bytes -= item.size();
        locked.count(-1);
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut locked = self.table.lock(key.hash);
        let (stripe, _, chain) = locked.parts();
        let link = item::seek(chain, key.bytes);
        if let Some(item) = &*link {
            item.touch(self.recency);
        }
        self.scratch.clear();
        let (edit, result) = edit(link.as_ref().map(Item::value), &mut self.scratch);
        let mut full = false;
        let outcome = match (edit, link.as_mut()) {
            (Edit::Keep, _) | (Edit::Remove, None) => Outcome::Kept,
            (Edit::Store, Some(item)) => {
                stripe.item_bytes -= item.size();
                item.replace_value(&self.scratch);
                stripe.item_bytes += item.size();
                Outcome::Replaced
            }
            (Edit::Store, None) => {
                let item = link.insert(Item::new(key.bytes, &self.scratch, None));
                stripe.item_bytes += item.size();
                full = locked.count(1);
                Outcome::Created
            }
            (Edit::Patch { at }, item) => {
                item::patch(item, at, &self.scratch);
                Outcome::Replaced
            }
            (Edit::Remove, Some(item)) => {
                stripe.item_bytes -= item.size();
                item::unlink(link);
                locked.count(-1);
                Outcome::Removed
            }
        };
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let Striped { array, stripes, .. } = self.table;
        for (from, keys) in (0..).step_by(GROUP).zip(keys.chunks(GROUP)) {
            let indices = keys
                .iter()
                .map(|key| item::low_bits(key.hash, stripes.len()));
            let _locks = lock_group(indices, |stripe| stripes[stripe].lock());
            // SAFETY: the group has a key, so a stripe's lock is held until after the last use; the
            // array is replaced only while all are.
            let array = unsafe { &*array.get() };
            let bucket =
                |key: &Key<'_>| &array.buckets[item::low_bits(key.hash, array.buckets.len())];
            for key in keys {
                prefetch_read(bucket(key));
            }
            // SAFETY: the lock of each key's stripe is held, which is that of its bucket, and the
            // chains are only read.
            let chain = |key: &Key<'_>| unsafe { &*bucket(key).get() };
            item::find_group(keys, chain, self.recency, |index, value| {
                each(from + index, value);
            });
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut locked = self.table.lock(key.hash);
        let (stripe, _, chain) = locked.parts();
        debug_assert!(
            item::absent_in_front(chain, key.bytes),
            "insert_new of a key that is present"
        );
        let item = Item::new(key.bytes, value, None);
        stripe.item_bytes += item.size();
        item::prepend(chain, item);
        let full = locked.count(1);
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        scan::steps(from, buckets, |at| {
            let mut locked = self.table.lock(at);
            let (stripe, array, chain) = locked.parts();
            let bits = array.buckets.len().ilog2();
            let removed = scan::sweep(chain, &mut see);
            stripe.item_bytes -= removed.bytes;
            locked.count(-removed.items.cast_signed());
            bits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::{env, fill, open, open_in};

    #[test]
    fn a_small_table_grows_on_the_item() {
        for spec in [
            "striped:buckets=4,stripes=4",
            "striped:buckets=4,stripes=1024",
            "striped:buckets=4,stripes=1",
        ] {
            let mut table: Striped = open(spec);
            for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16)] {
                fill(&table, table.usage().items..items);
                let census = table.census();
                assert_eq!((census.items, census.buckets), (items, buckets), "{spec}");
                assert_eq!(census.bytes.total(), table.usage().bytes, "{spec}");
            }
        }
    }

    #[test]
    fn a_large_table_grows_within_an_eighth() {
        let mut table: Striped = open("striped:buckets=2^10,stripes=2");
        assert_eq!(table.array.get_mut().report_every, 64);
        let allowed = 1536;
        fill(&table, 0..allowed);
        assert_eq!(table.census().buckets, 1024);
        fill(&table, allowed..allowed + allowed / 8);
        assert_eq!(table.census().buckets, 2048);
    }

    #[test]
    fn stripes_never_outnumber_buckets_and_capacity_makes_room() {
        for (spec, stripes, buckets) in [
            ("striped:buckets=8", 8, 8),
            ("striped:buckets=8,stripes=2", 2, 8),
            ("striped:buckets=8,capacity=100000", 1024, 1 << 17),
            ("striped:buckets=8,capacity=100000,grow=off", 8, 8),
        ] {
            let mut table: Striped = open(spec);
            assert_eq!(table.stripes.len(), stripes, "{spec}");
            assert_eq!(table.census().buckets, buckets, "{spec}");
        }
    }

    #[test]
    fn with_growth_off_the_array_stays() {
        let env = env("sip13");
        let mut table: Striped = open_in("striped:buckets=4,grow=off,load=0.1", &env);
        fill(&table, 0..100);
        assert_eq!(table.census().buckets, 4);
        assert_eq!(env.journal.drain(), (vec![], 0));
    }

    #[test]
    fn removals_count_against_growth() {
        let mut table: Striped = open("striped:buckets=4,stripes=4");
        for round in 0..100 {
            fill(&table, 6 * round..6 * (round + 1));
            let mut session = table.session(Worker::ALONE);
            for n in 6 * round..6 * (round + 1) {
                assert!(session.remove(crate::table::tests::key(&n.to_string())));
            }
        }
        assert_eq!((table.census().items, table.census().buckets), (0, 4));
    }

    #[test]
    fn each_doubling_is_done_once_whoever_asks() {
        let env = env("sip13");
        let mut table: Striped = open_in("striped:buckets=4,stripes=4", &env);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let table = &table;
                scope.spawn(move || fill(table, 1000 * thread..1000 * (thread + 1)));
            }
        });
        let (events, dropped) = env.journal.drain();
        assert_eq!(dropped, 0);
        let mut buckets = 4;
        for pair in events.chunks(2) {
            assert_eq!(
                (pair[0].kind, pair[1].kind),
                (EventKind::Begin, EventKind::End)
            );
            for event in pair {
                assert_eq!(event.from_buckets, buckets);
                assert!(event.to_buckets > buckets);
            }
            buckets = pair[0].to_buckets;
        }
        let census = table.census();
        assert_eq!((census.items, census.buckets), (4000, buckets));
    }
}
