//! `tagged`: chains whose links tell which keys are not behind them, so that a walk stops early.
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
//! end of a resize, both under locks; no thread reads without one, so nothing needs to be deferred. If
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

use crate::table::sync::MutexGuard;

use self::link::{Link, bit};
use super::buckets::{self, low_bits};
use super::change::Change;
use super::claim::{self, Claim};
use super::count::report_every;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::patch_value;
use super::prefetch::prefetch_read;
use super::stripes::{self, Stripe, Stripes};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy, params, scan};
use crate::base::{ByteSplit, Census, EventKind, Key, Param, Params, SpecError, Usage, Worker};
use crate::hash::Hasher;

/// Chains of links that carry filters, under striped locks.
pub struct Tagged {
    /// Read under any stripe's lock, replaced under all.
    array: UnsafeCell<Array>,
    stripes: Stripes,
    /// Whether it is time to grow, and which thread does it.
    claim: Claim,
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
    /// The change in a stripe's items from which on it is reported, as in `striped`.
    report_every: u64,
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
    fn open(count: usize, stripes: usize, load: f64) -> Option<Array> {
        Some(Array {
            buckets: buckets::empty_buckets(count)?,
            report_every: report_every(claim::limit(count, load), stripes as u64),
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
        Locked {
            stripe: self.stripes.lock(hash),
            table: self,
            hash,
        }
    }

    /// Grows the array if it is full, unless another thread is at it. The caller holds no lock.
    #[inline]
    fn grow_if_full(&self) {
        if self.claim.take() {
            self.grow();
        }
    }

    /// Grows the array if the items really exceed its limit, as in `striped`. The caller has the claim.
    #[cold]
    fn grow(&self) {
        let mut locked = self.stripes.lock_all();
        // SAFETY: all stripes' locks are held, and all references into the array live no longer
        // than the lock they were taken under.
        let array = unsafe { &mut *self.array.get() };
        let items = stripes::count_all(&mut locked);
        if self.claim.recount(items) {
            let from = array.buckets.len();
            let to = buckets::buckets_for(items, self.load, from);
            self.env.note(EventKind::Begin, from, to);
            let grown = self.replace(array, to);
            if grown {
                self.claim.set_limit(claim::limit(to, self.load));
            }
            self.env
                .note(EventKind::End, from, if grown { to } else { from });
        }
        // Still under the locks: a thread that adds an item from here on finds the claim free.
        self.claim.give_up();
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
    /// The array, and the chain of the key's bucket.
    #[inline]
    fn parts(&mut self) -> (&Array, &mut Link) {
        // SAFETY: a stripe's lock is held for as long as `self` is borrowed, and the array is
        // replaced only while all are.
        let array = unsafe { &*self.table.array.get() };
        let bucket = &array.buckets[low_bits(self.hash, array.buckets.len())];
        // SAFETY: the number of stripes divides the number of buckets, so a thread that wants this
        // bucket must hold the lock that is held here; and the exclusive borrow of `self` keeps its
        // holder from making a second reference.
        let chain = unsafe { &mut *bucket.get() };
        (array, chain)
    }

    #[inline]
    fn chain(&mut self) -> &mut Link {
        self.parts().1
    }

    /// Adds an item that is not there.
    fn create(&mut self, key: &[u8], value: &[u8]) -> Change {
        let bit = bit(self.hash);
        let chain = self.chain();
        chain.push(bit, key, value);
        Change::added(chain.size())
    }

    /// Removes the item of `key`, which is there, of so many bytes.
    fn remove(&mut self, key: &[u8], size: u64) -> Change {
        let (hash, hasher) = (self.hash, self.table.env.hasher);
        remove(self.chain(), hash, key, hasher);
        Change::removed(size)
    }

    /// Counts what was changed and reports it if it is time; whether the array may be full then.
    #[inline]
    fn count(&mut self, change: Change) -> bool {
        let report_every = self.parts().0.report_every;
        let reported = self.stripe.count(change, || report_every);
        reported.is_some_and(|items| {
            self.table.claim.report(items);
            items > 0
        })
    }
}

/// Gives the item that a link leads to another value.
fn replace(link: &mut Link, value: &[u8]) -> Change {
    let before = link.size();
    link.replace_value(value);
    Change::resized(before, link.size())
}

impl Strategy for Tagged {
    const NAME: &'static str = "tagged";
    const ABOUT: &'static str = "striped chains whose links carry a filter of what is behind them, \
                                 so that misses end in the bucket.";
    const SOURCE: &'static str =
        "Leis, Boncz, Kemper and Neumann, SIGMOD 2014 (HyPer's tagged hash table)";
    const PARAMS: &'static [Param] = &[
        params::BUCKETS,
        params::LOAD,
        params::STRIPES,
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "tagged",
        "tagged:buckets=1",
        "tagged:buckets=4,load=0.5",
        "tagged:buckets=16,stripes=1,load=1000",
        "tagged:buckets=8,stripes=8,capacity=100",
    ];
    const WALK: bool = true;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Exclusive("stripe")),
        growth: Promise::shown(Waits::All),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = TaggedSession<'t>;

    fn check(params: &Params) -> Result<(), SpecError> {
        stripes::buckets_and_stripes(params, Some(params.decimal("load"))).map(drop)
    }

    fn open(params: &Params, env: &Env) -> Result<Tagged, SpecError> {
        let load = params.decimal("load");
        let (count, stripes) = stripes::buckets_and_stripes(params, Some(load))?;
        let array = Array::open(count, stripes, load)
            .ok_or_else(|| buckets::too_many_buckets(Tagged::NAME, count))?;
        Ok(Tagged {
            array: UnsafeCell::new(array),
            stripes: Stripes::new(stripes),
            claim: Claim::new(claim::limit(count, load)),
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
        let mut usage = self.stripes.usage();
        usage.bytes += self.lock(0).parts().0.bytes();
        usage
    }

    fn census(&mut self) -> Census {
        let array = self.array.get_mut();
        let mut census = Census::of(ByteSplit {
            bucket_array: array.bytes() + self.stripes.bytes(),
            ..ByteSplit::default()
        });
        for bucket in &mut array.buckets {
            let entries = bucket.get_mut().chain().filter_map(Link::first);
            census.count_bucket(Link::HEADER, entries);
        }
        census
    }
}

impl Session for TaggedSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut locked = self.table.lock(key.hash);
        let link = seek(locked.chain(), key.hash, key.bytes)?;
        link.touch(self.recency);
        link.first().map(|(_, value)| read(value))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut locked = self.table.lock(key.hash);
        let (stored, change) = if let Some(link) = seek(locked.chain(), key.hash, key.bytes) {
            link.touch(self.recency);
            (Stored::Replaced, replace(link, value))
        } else {
            (Stored::Created, locked.create(key.bytes, value))
        };
        let full = locked.count(change);
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut locked = self.table.lock(key.hash);
        let Some(size) = find(locked.chain(), key.hash, key.bytes).map(Link::size) else {
            return false;
        };
        let change = locked.remove(key.bytes, size);
        locked.count(change);
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut locked = self.table.lock(key.hash);
        let mut link = seek(locked.chain(), key.hash, key.bytes);
        if let Some(link) = &mut link {
            link.touch(self.recency);
        }
        self.scratch.clear();
        let value = link
            .as_ref()
            .and_then(|link| link.first())
            .map(|(_, value)| value);
        let (edit, result) = edit(value, &mut self.scratch);
        let (outcome, change) = match (edit, link) {
            (Edit::Keep, _) | (Edit::Remove, None) => (Outcome::Kept, Change::default()),
            (Edit::Store, Some(link)) => (Outcome::Replaced, replace(link, &self.scratch)),
            (Edit::Store, None) => (Outcome::Created, locked.create(key.bytes, &self.scratch)),
            (Edit::Patch { at }, link) => {
                patch_value(link.and_then(Link::value_mut), at, &self.scratch);
                (Outcome::Replaced, Change::default())
            }
            (Edit::Remove, Some(link)) => {
                let size = link.size();
                (Outcome::Removed, locked.remove(key.bytes, size))
            }
        };
        let full = locked.count(change);
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
            let array = locked.parts().0;
            (array.buckets.as_ptr(), array.buckets.len())
        };
        for key in keys {
            prefetch_read(self.table.stripes.of(key.hash));
            // The array may have been replaced since: then this asks for the wrong line.
            prefetch_read(start.wrapping_add(low_bits(key.hash, buckets)));
        }
        for key in keys {
            let mut locked = self.table.lock(key.hash);
            let chain = locked.chain();
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

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        // Where the bucket is can be read only under the stripe's lock.
        prefetch_read(self.table.stripes.of(key.hash));
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut locked = self.table.lock(key.hash);
        debug_assert!(
            locked
                .chain()
                .chain()
                .take(64)
                .all(|link| !link.first_is(key.bytes)),
            "insert_new of a key that is present"
        );
        let change = locked.create(key.bytes, value);
        let full = locked.count(change);
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
            let (array, chain) = locked.parts();
            let bits = array.buckets.len().ilog2();
            let change = chain.sweep(self.table.env.hasher, &mut see);
            locked.count(change);
            bits
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::table::testing::{env, fill, key, open, open_in};

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
        // Under another hash not even its own key is found: the filter ended the walk.
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
