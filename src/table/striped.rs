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
//! No shared counter is updated on every insertion, as one that all threads write would undo what the
//! stripes gain. Each stripe counts its own items under its lock and reports the change to a shared
//! counter whenever it reaches `report_every`: 1 where an array has few buckets a stripe, so that small
//! tables grow on the item, at most 64, and never so much that the stripes together hold back more than
//! an eighth of what the array allows. The thread whose report shows the array to be full takes all
//! locks, counts exactly, and grows the array if it really is full.
//!
//! There are never more stripes than buckets at the start: the default is lowered to them, a number
//! beyond that is refused, and it stays as it is when the array grows. `capacity=` opens with enough
//! buckets for that many items at `load`; with `grow=off` it has no effect.
//!
//! `striped-rw` is this text over reader–writer locks: there a lookup takes its lock shared.
//!
//! **Locking:**
//! - A stripe's mutex protects the chains of its buckets and its own counts. It is held for one
//!   operation, while `read` looks at a value and while `edit` runs. An operation holds one; a lookup
//!   of several keys holds those of a group of them, taken in index order.
//! - The array (where it is, how long, its limit) may be read under any stripe's lock and is
//!   replaced only while all are held. They are taken in index order, by a thread that holds none.
//! - One thread grows at a time, the one that takes the claim (`claim.rs`). The others go on: they wait
//!   for a stripe at their next operation and see the new array. The claim is no lock: what is decided
//!   under all locks rests on them alone.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under its stripe's
//! lock, the old array at the end of a resize, under all; as no thread reads without a lock, nothing
//! needs to be deferred. If the larger array cannot be allocated, the table goes on with the one it
//! has and tries again at a later report.
//!
//! **Source:** memcached's item locks (`thread.c`: a power of two of them, picked by the hash's low
//! bits, never more than buckets) over its `assoc.c`, which takes all of them to swap arrays and then
//! moves its buckets in the background instead of at once.

use std::cell::UnsafeCell;

use super::change::Change;
use super::claim::{self, Claim};
use super::count::report_every;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::Chain;
use super::lock::{Excluding, Lock};
use super::prefetch::{GROUP, groups, prefetch_read};
use super::stripes::{self, Stripe, Stripes};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use super::{buckets, chain, params, scan};
use crate::base::{ByteSplit, Census, EventKind, Key, Param, Params, SpecError, Usage, Worker};

/// An array of chains under striped mutexes.
pub type Striped = StripedChains<Excluding>;

/// An array of chains under striped locks.
pub struct StripedChains<L: Lock> {
    /// Read under any stripe's lock, replaced under all.
    array: UnsafeCell<Array>,
    stripes: Stripes<L>,
    /// Whether it is time to grow, and which thread does it.
    claim: Claim,
    /// Items a bucket before it grows; nothing if it never does.
    load: Option<f64>,
    /// For rehashing, and for the journal.
    env: Env,
}

// SAFETY: what is not `Sync` by itself is `array`. It is read under any stripe's lock and written
// under all of them. Each of its chains is changed only while the lock of its own stripe is held
// exclusively, and read only while that is held, so no access runs beside a conflicting one. Readers may
// share an `Item`, and writers take it from one thread to another: it is `Sync` and `Send`.
unsafe impl<L: Lock> Sync for StripedChains<L> {}

/// What the lists say of the table under one kind of lock.
pub trait Listed: Lock {
    /// [`Strategy::NAME`].
    const NAME: &'static str;
    /// [`Strategy::ABOUT`].
    const ABOUT: &'static str;
    /// [`Strategy::SOURCE`].
    const SOURCE: &'static str;
    /// The most stripes that may be asked for.
    const MOST_STRIPES: u64;
    /// What a lookup holds while the value is read.
    const READ: Holds;
    /// [`Strategy::SAMPLES`].
    const SAMPLES: &'static [&'static str];
}

impl Listed for Excluding {
    const NAME: &'static str = "striped";
    const ABOUT: &'static str =
        "chains under many locks, the stripe picked by the bucket's low bits; grows or stays fixed";
    const SOURCE: &'static str = "memcached's thread.c (item locks) over its assoc.c";
    const MOST_STRIPES: u64 = 1 << 20;
    const READ: Holds = Holds::Exclusive("stripe");
    const SAMPLES: &'static [&'static str] = &[
        "striped",
        "striped:buckets=1",
        "striped:buckets=4,load=0.5",
        "striped:buckets=16,stripes=1",
        "striped:buckets=64,stripes=4,grow=off",
        "striped:buckets=8,stripes=8,capacity=100",
    ];
}

/// The buckets, and what follows from how many there are.
struct Array {
    /// A power of two of chains, each accessed under the lock of its stripe.
    buckets: Box<[UnsafeCell<Chain>]>,
    /// The change in a stripe's items from which on it is reported.
    report_every: u64,
}

/// A stripe whose lock is held exclusively, on behalf of one key.
struct Locked<'t, L: Lock> {
    stripe: L::Exclusive<'t, Stripe>,
    table: &'t StripedChains<L>,
    /// The hash that `stripe` was picked by.
    hash: u64,
}

/// A session of [`StripedChains`].
pub struct StripedSession<'t, L: Lock> {
    table: &'t StripedChains<L>,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Array {
    fn open(count: usize, stripes: usize, load: Option<f64>) -> Option<Array> {
        let report_every = |load| report_every(claim::limit(count, load), stripes as u64);
        Some(Array {
            buckets: buckets::empty_buckets(count)?,
            report_every: load.map_or(u64::MAX, report_every),
        })
    }

    fn bytes(&self) -> u64 {
        size_of_val(&*self.buckets) as u64
    }
}

impl<L: Lock> StripedChains<L> {
    /// Takes the lock of the stripe that a hash belongs to, exclusively.
    #[inline]
    fn lock(&self, hash: u64) -> Locked<'_, L> {
        Locked {
            stripe: self.stripes.lock(hash),
            table: self,
            hash,
        }
    }

    /// The chain of a hash's bucket, to be read.
    ///
    /// # Safety
    /// The caller holds the lock of the hash's stripe, shared or not, for as long as the chain is
    /// borrowed, and has no exclusive reference to it.
    #[inline]
    unsafe fn chain(&self, hash: u64) -> &Chain {
        // SAFETY: a stripe's lock is held, and the array is replaced only while all are.
        let array = unsafe { &*self.array.get() };
        let bucket = &array.buckets[buckets::low_bits(hash, array.buckets.len())];
        // SAFETY: the number of stripes divides the number of buckets, so a thread that changes this
        // chain must hold exclusively the lock that is held here.
        unsafe { &*bucket.get() }
    }

    /// Grows the array if it is full, unless another thread is at it. The caller holds no lock.
    #[inline]
    fn grow_if_full(&self) {
        if self.claim.take() {
            self.grow();
        }
    }

    /// Grows the array if the items really exceed its limit. The caller has the claim.
    #[cold]
    fn grow(&self) {
        let mut locked = self.stripes.lock_all();
        // SAFETY: all stripes' locks are held, and all references into the array live no longer
        // than the lock they were taken under.
        let array = unsafe { &mut *self.array.get() };
        let items = stripes::count_all(&mut locked);
        if let Some(load) = self.load.filter(|_| self.claim.recount(items)) {
            let from = array.buckets.len();
            let to = buckets::buckets_for(items, load, from);
            self.env.note(EventKind::Begin, from, to);
            let grown = self.replace(array, to);
            if grown {
                self.claim.set_limit(claim::limit(to, load));
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
            while let Some(item) = chain::unlink(chain.get_mut()) {
                let bucket = buckets::low_bits(self.env.hasher.hash(item.key()), to);
                chain::prepend(new.buckets[bucket].get_mut(), item);
            }
        }
        *array = new;
        true
    }
}

impl<L: Lock> Locked<'_, L> {
    /// The array, and the chain of the key's bucket.
    #[inline]
    fn parts(&mut self) -> (&Array, &mut Chain) {
        // SAFETY: a stripe's lock is held for as long as `self` is borrowed, and the array is
        // replaced only while all are.
        let array = unsafe { &*self.table.array.get() };
        let bucket = &array.buckets[buckets::low_bits(self.hash, array.buckets.len())];
        // SAFETY: the number of stripes divides the number of buckets, so a thread that wants this
        // bucket must hold the lock that is held here; and the exclusive borrow of `self` keeps its
        // holder from making a second reference.
        let chain = unsafe { &mut *bucket.get() };
        (array, chain)
    }

    #[inline]
    fn chain(&mut self) -> &mut Chain {
        self.parts().1
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

impl<L: Listed> Strategy for StripedChains<L> {
    const NAME: &'static str = L::NAME;
    const ABOUT: &'static str = L::ABOUT;
    const SOURCE: &'static str = L::SOURCE;
    const PARAMS: &'static [Param] = &[
        params::BUCKETS,
        params::GROW,
        params::LOAD,
        params::stripes(L::MOST_STRIPES),
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = L::SAMPLES;
    const WALK: bool = true;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Groups(GROUP)),
        read: Promise::shown(L::READ),
        growth: Promise::shown(Waits::All),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = StripedSession<'t, L>;

    fn check(params: &Params) -> Result<(), SpecError> {
        stripes::of_growing_or_not(params).map(drop)
    }

    fn open(params: &Params, env: &Env) -> Result<StripedChains<L>, SpecError> {
        let (load, buckets, stripes) = stripes::of_growing_or_not(params)?;
        let array = Array::open(buckets, stripes, load)
            .ok_or_else(|| buckets::too_many_buckets(L::NAME, buckets))?;
        Ok(StripedChains {
            array: UnsafeCell::new(array),
            stripes: Stripes::new(stripes),
            claim: Claim::new(load.map_or(i64::MAX, |load| claim::limit(buckets, load))),
            load,
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> StripedSession<'_, L> {
        StripedSession {
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
        for chain in &mut array.buckets {
            chain::count_bucket(&mut census, chain.get_mut());
        }
        census
    }
}

impl<L: Lock> Session for StripedSession<'_, L> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let table = self.table;
        let _stripe = table.stripes.share(key.hash);
        // SAFETY: the lock of the hash's stripe is held until after the last use.
        let chain = unsafe { table.chain(key.hash) };
        chain::get(chain, key.bytes, self.recency, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut locked = self.table.lock(key.hash);
        let (stored, change) = chain::set(locked.chain(), key.bytes, value, self.recency);
        let full = locked.count(change);
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut locked = self.table.lock(key.hash);
        let Some(item) = chain::remove(locked.chain(), key.bytes) else {
            return false;
        };
        locked.count(Change::removed(item.size()));
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut locked = self.table.lock(key.hash);
        let chain = locked.chain();
        let (outcome, change, result) =
            chain::update(chain, key.bytes, self.recency, &mut self.scratch, edit);
        let full = locked.count(change);
        drop(locked);
        if full {
            self.table.grow_if_full();
        }
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let table = self.table;
        for (from, keys) in groups(keys) {
            let _locks = table.stripes.share_group(keys);
            // SAFETY: the lock of each key's stripe is held until after the last use.
            let chain = |key: &Key<'_>| unsafe { table.chain(key.hash) };
            chain::get_group(keys, chain, self.recency, |index, value| {
                each(from + index, value);
            });
        }
    }

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        // Where the bucket is can be read only under the stripe's lock.
        prefetch_read(self.table.stripes.of(key.hash));
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut locked = self.table.lock(key.hash);
        let change = chain::insert_new(locked.chain(), key.bytes, value);
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
            let change = chain::sweep(chain, &mut see);
            locked.count(change);
            bits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::lock::Sharing;
    use super::*;
    use crate::table::testing::{env, fill, key, open, open_in};

    /// A spec of the table under this kind of lock.
    fn spec_of<L: Listed>(parameters: &str) -> String {
        format!("{}:{parameters}", L::NAME)
    }

    /// Each of these for both twins.
    macro_rules! of_both {
        ($($name:ident),*) => {
            mod striped {
                $(#[test] fn $name() { super::$name::<super::Excluding>(); })*
            }
            mod striped_rw {
                $(#[test] fn $name() { super::$name::<super::Sharing>(); })*
            }
        };
    }

    of_both!(
        a_small_table_grows_on_the_item,
        a_large_table_grows_within_an_eighth,
        stripes_never_outnumber_buckets_and_capacity_makes_room,
        with_growth_off_the_array_stays,
        removals_count_against_growth,
        each_doubling_is_done_once_however_many_ask
    );

    fn a_small_table_grows_on_the_item<L: Listed>() {
        for spec in [
            "buckets=4,stripes=4",
            "buckets=4,stripes=1024",
            "buckets=4,stripes=1",
        ] {
            let mut table: StripedChains<L> = open(&spec_of::<L>(spec));
            for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16)] {
                fill(&table, table.usage().items..items);
                let census = table.census();
                assert_eq!((census.items, census.buckets), (items, buckets), "{spec}");
                assert_eq!(census.bytes.total(), table.usage().bytes, "{spec}");
            }
        }
    }

    fn a_large_table_grows_within_an_eighth<L: Listed>() {
        let mut table: StripedChains<L> = open(&spec_of::<L>("buckets=2^10,stripes=2"));
        assert_eq!(table.array.get_mut().report_every, 64);
        let allowed = 1536;
        fill(&table, 0..allowed);
        assert_eq!(table.census().buckets, 1024);
        fill(&table, allowed..allowed + allowed / 8);
        assert_eq!(table.census().buckets, 2048);
    }

    fn stripes_never_outnumber_buckets_and_capacity_makes_room<L: Listed>() {
        for (spec, stripes, buckets) in [
            ("buckets=8", 8, 8),
            ("buckets=8,stripes=2", 2, 8),
            ("buckets=8,capacity=100000", 1024, 1 << 17),
            ("buckets=8,capacity=100000,grow=off", 8, 8),
        ] {
            let mut table: StripedChains<L> = open(&spec_of::<L>(spec));
            assert_eq!(table.stripes.len(), stripes, "{spec}");
            assert_eq!(table.census().buckets, buckets, "{spec}");
        }
    }

    fn with_growth_off_the_array_stays<L: Listed>() {
        let env = env("sip13");
        let mut table: StripedChains<L> =
            open_in(&spec_of::<L>("buckets=4,grow=off,load=0.1"), &env);
        fill(&table, 0..100);
        assert_eq!(table.census().buckets, 4);
        assert_eq!(env.journal.drain(), (vec![], 0));
    }

    fn removals_count_against_growth<L: Listed>() {
        let mut table: StripedChains<L> = open(&spec_of::<L>("buckets=4,stripes=4"));
        for round in 0..100 {
            fill(&table, 6 * round..6 * (round + 1));
            let mut session = table.session(Worker::ALONE);
            for n in 6 * round..6 * (round + 1) {
                assert!(session.remove(key(&n.to_string())));
            }
        }
        assert_eq!((table.census().items, table.census().buckets), (0, 4));
    }

    fn each_doubling_is_done_once_however_many_ask<L: Listed>() {
        let env = env("sip13");
        let mut table: StripedChains<L> = open_in(&spec_of::<L>("buckets=4,stripes=4"), &env);
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
