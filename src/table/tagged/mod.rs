//! `tagged`: chains whose links tell who is not behind them, so that a walk stops early.
//!
//! The table of `striped`: chains under many locks, doubling stop-the-world. But a pointer has 48
//! bits, and the 16 above them need not be zeros: here each link carries a *filter*, in which every
//! item behind the link has set one bit of sixteen, picked by its hash's top bits. Where the bit of
//! the key that is sought is not set, nothing behind the link can be it:
//!
//! ```text
//!   bucket            item a              item b
//!   ┌─────────────┐   ┌────────────┐      ┌────────────┐
//!   │ {a, b}    ●─┼──▶│ {b}      ●─┼─────▶│ {}         │
//!   └─────────────┘   │ key, value │      │ key, value │
//!    c: miss, here    └────────────┘      └────────────┘
//!                      a: found here
//! ```
//!
//! A lookup that misses usually ends in the bucket, without a second cache miss; one that walks
//! past its key's last chance stops there. What a filter cannot do is to skip the items in front of
//! the one that is sought: their links lie in them.
//!
//! New items go to the front, whose filter gains a bit. A removal takes the filters in front of it
//! down again, for which it hashes their keys; an overwritten item keeps its bit.
//!
//! **Locking:** as in `striped`.
//! - A stripe's mutex protects the chains of its buckets, picked by the hash's lowest bits, and its
//!   own counts. It is held for one operation, while `read` looks at a value and while `edit` runs.
//!   An operation holds one; `get_many` takes one after the other: first to look into each bucket and
//!   ask for the item, then again to read it.
//! - The array may be read under any stripe's lock and is replaced only while all are held, taken in
//!   index order by a thread that holds none.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, the old array at the
//! end of a resize, both under locks; nobody reads without one, so nothing needs to be deferred. If
//! the larger array cannot be allocated, the table goes on with the one it has.
//!
//! **Good at** misses: those of a cache's lookups, or of `add`. **Bad at** hash functions whose top
//! bits are poor, which make all filters the same; and it waits while it doubles.
//!
//! **Source:** the tagged hash table of Leis, Boncz, Kemper and Neumann, *Morsel-Driven Parallelism*,
//! SIGMOD 2014, §4.2, for joins in `HyPer`. There the buckets alone are tagged and nothing is ever
//! removed; here every link is.

mod link;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};

use self::link::{Link, bit};
use super::item::{self, buckets_for, items_allowed, low_bits, too_many_buckets};
use super::prefetch::prefetch_read;
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy, scan, stripes};
use crate::base::{
    ByteSplit, Census, EventKind, Key, Param, Params, Range, SpecError, Usage, Worker,
};
use crate::hash::Hasher;

/// Chains of links that carry filters, under striped locks.
pub struct Tagged {
    /// Read under any stripe's lock, replaced under all.
    array: UnsafeCell<Array>,
    stripes: Box<[CachePadded<Mutex<Stripe>>]>,
    /// Items as far as the stripes have reported them.
    reported: CachePadded<AtomicI64>,
    /// Whether some thread is about to grow the table.
    growing: AtomicBool,
    /// Items a bucket before it grows.
    load: f64,
    /// For rehashing, and for the journal.
    env: Env,
}

// SAFETY: what is not `Sync` by itself is `array`. It is read under any stripe's lock and written
// under all of them, and each of its chains is touched only under the lock of its own stripe, so no
// access runs beside a conflicting one. What moves between threads that way, `Link`, is `Send`.
unsafe impl Sync for Tagged {}

/// The buckets, and what follows from how many there are.
struct Array {
    /// A power of two of chains, each accessed under the lock of its stripe.
    buckets: Box<[UnsafeCell<Link>]>,
    /// More items than this, and the array doubles.
    limit: i64,
    /// The change in a stripe's items from which on it is reported, as in `striped`.
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
    table: &'t Tagged,
    /// The hash that `stripe` was picked by.
    hash: u64,
}

/// A session of [`Tagged`].
pub struct TaggedSession<'t> {
    table: &'t Tagged,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Array {
    fn open(buckets: usize, stripes: usize, load: f64) -> Option<Array> {
        let limit = items_allowed(buckets, load);
        let held_back = limit / 8 / stripes as u64;
        Some(Array {
            buckets: item::empty_buckets(buckets)?,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            report_every: held_back.clamp(1, 64),
        })
    }

    fn bytes(&self) -> u64 {
        size_of_val(&*self.buckets) as u64
    }
}

/// The link that leads to the item of `key`, if there is one.
#[inline]
fn find<'c>(mut link: &'c Link, hash: u64, key: &[u8]) -> Option<&'c Link> {
    let bit = bit(hash);
    while link.filter() & bit != 0 {
        if link.first_is(key) {
            return Some(link);
        }
        link = link.next()?;
    }
    None
}

/// The same, to be changed.
fn seek<'c>(mut link: &'c mut Link, hash: u64, key: &[u8]) -> Option<&'c mut Link> {
    let bit = bit(hash);
    while link.filter() & bit != 0 {
        if link.first_is(key) {
            return Some(link);
        }
        link = link.next_mut()?;
    }
    None
}

/// Takes the item of `key` out of a chain that has it, and makes the filters in front of it right.
fn remove(chain: &mut Link, hash: u64, key: &[u8], hasher: Hasher) {
    let ahead = |link: &&Link| !link.first_is(key);
    let own_bit = |link: &Link| link.first().map_or(0, |(key, _)| bit(hasher.hash(key)));
    let bits: Vec<usize> = chain.chain().take_while(ahead).map(own_bit).collect();
    let Some(link) = seek(chain, hash, key) else {
        return;
    };
    drop(link.take_first());
    let rest = link.filter();
    chain.set_filters(bits, rest);
}

impl Tagged {
    /// Takes the lock of the stripe that a hash belongs to.
    #[inline]
    fn lock(&self, hash: u64) -> Locked<'_> {
        let stripe = self.stripes[low_bits(hash, self.stripes.len())].lock();
        Locked {
            stripe,
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
        if counted > array.limit {
            let from = array.buckets.len();
            let to = buckets_for(items, self.load, from);
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
            while let Some(item) = chain.get_mut().take_first() {
                let hash = item.first().map_or(0, |(key, _)| self.env.hasher.hash(key));
                new.buckets[low_bits(hash, to)]
                    .get_mut()
                    .push_item(bit(hash), item);
            }
        }
        *array = new;
        true
    }
}

impl Locked<'_> {
    /// The counts of the stripe, the array, and the chain of the key's bucket.
    #[inline]
    fn parts(&mut self) -> (&mut Stripe, &Array, &mut Link) {
        // SAFETY: a stripe's lock is held for as long as `self` is borrowed, and the array is
        // replaced only while all are.
        let array = unsafe { &*self.table.array.get() };
        let bucket = &array.buckets[low_bits(self.hash, array.buckets.len())];
        // SAFETY: the number of stripes divides the number of buckets, so whoever wants this bucket
        // must hold the lock that is held here; and the exclusive borrow of `self` keeps its holder
        // from making a second reference.
        let chain = unsafe { &mut *bucket.get() };
        (&mut self.stripe, array, chain)
    }

    /// Adds an item that is not there; whether the table may be full then.
    fn create(&mut self, key: &[u8], value: &[u8]) -> bool {
        let bit = bit(self.hash);
        let (stripe, _, chain) = self.parts();
        chain.push(bit, key, value);
        stripe.item_bytes += chain.size();
        self.count(1)
    }

    /// Removes the item of `key`, which is there.
    fn remove(&mut self, key: &[u8], size: u64) {
        let (hash, hasher) = (self.hash, self.table.env.hasher);
        let (stripe, _, chain) = self.parts();
        remove(chain, hash, key, hasher);
        stripe.item_bytes -= size;
        self.count(-1);
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

/// Gives the item that a link leads to another value.
fn replace(stripe: &mut Stripe, link: &mut Link, value: &[u8]) {
    stripe.item_bytes -= link.size();
    link.replace_value(value);
    stripe.item_bytes += link.size();
}

impl Strategy for Tagged {
    const NAME: &'static str = "tagged";
    const ABOUT: &'static str = "striped chains whose links carry a filter of what is behind them, \
                                 so that misses end in the bucket.";
    const SOURCE: &'static str =
        "Leis, Boncz, Kemper and Neumann, SIGMOD 2014 (HyPer's tagged hash table)";
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
    type Session<'t> = TaggedSession<'t>;

    fn check(params: &Params) -> Result<(), SpecError> {
        stripes::buckets_and_stripes(params, Some(params.decimal("load"))).map(drop)
    }

    fn open(params: &Params, env: &Env) -> Result<Tagged, SpecError> {
        let load = params.decimal("load");
        let (buckets, stripes) = stripes::buckets_and_stripes(params, Some(load))?;
        let array = Array::open(buckets, stripes, load)
            .ok_or_else(|| too_many_buckets(Tagged::NAME, buckets))?;
        Ok(Tagged {
            array: UnsafeCell::new(array),
            stripes: (0..stripes).map(|_| CachePadded::default()).collect(),
            reported: CachePadded::default(),
            growing: AtomicBool::new(false),
            load,
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> TaggedSession<'_> {
        TaggedSession {
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
        for bucket in &mut array.buckets {
            let mut length = 0;
            for (key, value) in bucket.get_mut().chain().filter_map(Link::first) {
                length += 1;
                census.bytes.header += Link::HEADER as u64;
                census.bytes.key += key.len() as u64;
                census.bytes.value += value.len() as u64;
            }
            census.items += length as u64;
            census.count_chain(length);
        }
        census
    }
}

impl Session for TaggedSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut locked = self.table.lock(key.hash);
        let (_, _, chain) = locked.parts();
        let link = seek(chain, key.hash, key.bytes)?;
        link.touch(self.recency);
        link.first().map(|(_, value)| read(value))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut locked = self.table.lock(key.hash);
        let (stripe, _, chain) = locked.parts();
        if let Some(link) = seek(chain, key.hash, key.bytes) {
            link.touch(self.recency);
            replace(stripe, link, value);
            return Stored::Replaced;
        }
        let full = locked.create(key.bytes, value);
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
        Stored::Created
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut locked = self.table.lock(key.hash);
        let (_, _, chain) = locked.parts();
        let Some(size) = find(chain, key.hash, key.bytes).map(Link::size) else {
            return false;
        };
        locked.remove(key.bytes, size);
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut locked = self.table.lock(key.hash);
        let (stripe, _, chain) = locked.parts();
        let mut link = seek(chain, key.hash, key.bytes);
        if let Some(link) = &mut link {
            link.touch(self.recency);
        }
        self.scratch.clear();
        let value = link
            .as_ref()
            .and_then(|link| link.first())
            .map(|(_, value)| value);
        let (edit, result) = edit(value, &mut self.scratch);
        let mut full = false;
        let outcome = match (edit, link) {
            (Edit::Keep, _) | (Edit::Remove, None) => Outcome::Kept,
            (Edit::Store, Some(link)) => {
                replace(stripe, link, &self.scratch);
                Outcome::Replaced
            }
            (Edit::Store, None) => {
                full = locked.create(key.bytes, &self.scratch);
                Outcome::Created
            }
            (Edit::Patch { at }, link) => {
                let value = link
                    .and_then(Link::value_mut)
                    .expect("a patch needs an entry");
                let end = at.checked_add(self.scratch.len());
                let part = end.and_then(|end| value.get_mut(at..end));
                let part = part.expect("a patch never lengthens the value");
                part.copy_from_slice(&self.scratch);
                Outcome::Replaced
            }
            (Edit::Remove, Some(link)) => {
                let size = link.size();
                locked.remove(key.bytes, size);
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
        let Some(first) = keys.first() else { return };
        let (start, buckets) = {
            let mut locked = self.table.lock(first.hash);
            let array = locked.parts().1;
            (array.buckets.as_ptr(), array.buckets.len())
        };
        for key in keys {
            prefetch_read(
                &raw const *self.table.stripes[low_bits(key.hash, self.table.stripes.len())],
            );
            // The array may have been replaced since: then this asks for the wrong line.
            prefetch_read(start.wrapping_add(low_bits(key.hash, buckets)));
        }
        for key in keys {
            let mut locked = self.table.lock(key.hash);
            let (_, _, chain) = locked.parts();
            if chain.filter() & bit(key.hash) != 0 {
                prefetch_read(chain.address());
                prefetch_read(chain.address().wrapping_add(64));
            }
        }
        for (index, key) in keys.iter().enumerate() {
            if self.get(*key, |value| each(index, Some(value))).is_none() {
                each(index, None);
            }
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut locked = self.table.lock(key.hash);
        let (_, _, chain) = locked.parts();
        debug_assert!(
            chain.chain().take(64).all(|link| !link.first_is(key.bytes)),
            "insert_new of a key that is present"
        );
        let full = locked.create(key.bytes, value);
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
            let removed = chain.sweep(self.table.env.hasher, &mut see);
            stripe.item_bytes -= removed.bytes;
            locked.count(-removed.items.cast_signed());
            bits
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::table::tests::{env, fill, key, open, open_in};

    #[test]
    fn filters_are_exact_through_removals() {
        let env = env("sip13");
        let mut table: Tagged = open_in("tagged:buckets=4,load=1000", &env);
        fill(&table, 0..200);
        let mut session = table.session(Worker::ALONE);
        for number in (0..200).filter(|number| number % 3 != 0) {
            assert!(session.remove(key(&number.to_string())));
        }
        drop(session);
        let mut items = 0;
        for bucket in &mut table.array.get_mut().buckets {
            for link in bucket.get_mut().chain() {
                let bits = link.chain().filter_map(Link::first);
                let union = bits.fold(0, |union, (key, _)| union | bit(env.hasher.hash(key)));
                assert_eq!(link.filter(), union);
                items += 1;
            }
        }
        assert_eq!((items, table.usage().items), (67, 67));
    }

    #[test]
    fn a_filter_that_lacks_the_bit_ends_the_walk() {
        let mut chain = Link::default();
        let (present, absent) = (1 << 60, 2 << 60);
        chain.push(bit(present), b"key", b"value");
        assert!(find(&chain, present, b"key").is_some());
        assert!(find(&chain, present, b"other").is_none());
        // Under another hash not even its own key is found: nobody looked.
        assert!(find(&chain, absent, b"key").is_none());
    }

    #[test]
    fn a_small_table_grows_on_the_item() {
        let mut table: Tagged = open("tagged:buckets=4,stripes=4");
        for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16)] {
            fill(&table, table.usage().items..items);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets));
            assert_eq!(census.bytes.total(), table.usage().bytes);
        }
    }
}
