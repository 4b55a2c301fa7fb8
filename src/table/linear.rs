//! `linear`: linear hashing, which grows by one bucket at a time and never all at once.
//!
//! Buckets are split in turn, 0, 1, 2 …, one whenever the items exceed `load` × buckets. A split
//! divides the chain of one bucket by one more bit of the hash: what has the bit set goes to a new
//! bucket at the array's end. When all have been split, the array is twice as long, and the turn
//! begins again with 0. It does not matter that the bucket split is seldom the one that is full: each
//! gets its turn.
//!
//! ```text
//!   count = 6 = 4 + 2: two of four are split           the next split: bucket 2, by the bit of 4
//!
//!   ┌───┬───┬───┬───┬───┬───┐                     ┌───┬───┬───┬───┬───┬───┬───┐
//!   │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │                     │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │ 6 │
//!   └───┴───┴─┬─┴───┴───┴───┘          ══▶        └───┴───┴─┬─┴───┴───┴───┴─┬─┘
//!     by 8:   └▶[h=2]─▶[h=6]─▶[h=10]               by 4 now:└▶[h=10]─▶[h=2] └▶[h=6]
//!     0 1 4 5   by 4: 2 3                            by 8: 0 1 2 4 5 6
//! ```
//!
//! The array is a directory of segments (`segments.rs`), so that nothing is ever copied; `count`
//! alone says which bucket a hash has.
//!
//! Good at: no pause but for the allocator's where it clears a segment itself, and an array that is never longer than
//! the items call for. Bad at:
//! the load is always as high as it may be (a table that doubles has half of it just after), buckets
//! about to be split hold twice what those just split do, and finding a bucket takes a few
//! instructions and one more (cached) load than masking a hash.
//!
//! Items are counted by stripe, under its lock, and reported to a shared counter every few items, at
//! most eight: a writer whose report shows more items than `count` allows splits until there are not,
//! which is `report / load` buckets. The buckets never get fewer.
//!
//! There are never more stripes than buckets at the start. `capacity=` opens with just as many buckets
//! as that many items need: any number will do here, not only powers of two.
//!
//! **Locking:**
//! - A stripe's mutex protects the chains of its buckets and its own counts. Stripes are picked by
//!   the hash's low bits, fewer than pick any bucket, so that a bucket and what it splits into
//!   have one lock, and the hash alone says which. An operation holds one, while `read` looks at a
//!   value and while `edit` runs; a lookup of several keys holds those of a group, taken in index order.
//! - `count` passes the number of a new bucket under the stripe's lock of the bucket being split.
//!   The holder of a stripe therefore sees a `count` that is right for all of the stripe's buckets, and
//!   need not look again.
//! - `split` is held by the thread that splits, taken before any stripe.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under its stripe's
//! lock. Segments stay until the table is dropped; the part of the last one that is not in use yet has
//! not been written to (on most machines it takes no memory) and is shown as slack. If a segment cannot
//! be allocated, chains get longer, and the next report tries again.
//!
//! **Source:** W. Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980; the
//! directory of segments in memory is P.-Å. Larson's, "Dynamic hash tables", CACM 31(4), 1988 (whose
//! segments are all of one size). Locking is ours.

use crate::table::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::cell::UnsafeCell;

use crate::table::sync::{Mutex, MutexGuard};
use crossbeam_utils::CachePadded;

use super::change::Change;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::Chain;
use super::prefetch::{GROUP, groups, prefetch_read};
use super::segments::{Segments, bits_of, bucket_of, next_to_split};
use super::stripes::{self, Stripe, Stripes};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use super::{buckets, chain, params, scan};
use crate::base::{ByteSplit, Census, EventKind, Key, Param, Params, SpecError, Usage, Worker};

/// Marks in the journal for each doubling, beside its begin and end.
const STEPS: usize = 8;

/// Chains under striped locks that are split one by one.
pub struct Linear {
    segments: Segments<UnsafeCell<Chain>>,
    /// Buckets in use. Written under `split` and the lock of the stripe that is split.
    count: CachePadded<AtomicUsize>,
    stripes: Stripes,
    /// Items as far as the stripes have reported them.
    reported: CachePadded<AtomicI64>,
    split: Mutex<()>,
    /// Items a bucket before the next one is split.
    load: f64,
    /// For rehashing, and for the journal.
    env: Env,
}

// SAFETY: what is not `Sync` by itself is the chains in `segments`. Each is touched only under the
// lock of its stripe, and what moves between threads that way, `Item`, is `Send`.
unsafe impl Sync for Linear {}

/// A stripe whose lock is held, on behalf of one key.
struct Locked<'t> {
    stripe: MutexGuard<'t, Stripe>,
    table: &'t Linear,
    /// The hash that `stripe` was picked by.
    hash: u64,
}

/// A session of [`Linear`].
pub struct LinearSession<'t> {
    table: &'t Linear,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Linear {
    /// Takes the lock of the stripe that a hash belongs to.
    #[inline]
    fn lock(&self, hash: u64) -> Locked<'_> {
        Locked {
            stripe: self.stripes.lock(hash),
            table: self,
            hash,
        }
    }

    /// The bucket of a hash: the right one as long as the lock of the hash's stripe is held.
    #[inline]
    fn bucket(&self, hash: u64) -> &UnsafeCell<Chain> {
        // Relaxed: the splits that matter to this hash happen under the lock that is held here,
        // which orders them; how far others have got makes no difference.
        self.segments
            .at(bucket_of(hash, self.count.load(Ordering::Relaxed)))
    }

    /// Splits buckets until there are enough for the items. The caller holds no lock.
    ///
    /// Other threads that come meanwhile wait. Each brings work for a few splits, so that no thread does
    /// those of others without end.
    #[cold]
    fn split_while_full(&self) {
        let _splitting = self.split.lock();
        loop {
            let count = self.count.load(Ordering::Relaxed);
            let items = u64::try_from(self.reported.load(Ordering::Relaxed)).unwrap_or(0);
            if items <= buckets::items_allowed(count, self.load) {
                return;
            }
            if count == self.segments.buckets() && self.segments.extend().is_none() {
                return;
            }
            self.split(count);
        }
    }

    /// Splits one bucket, under `split`; bucket `count` is there and empty.
    fn split(&self, count: usize) {
        let (level, bucket) = (1 << count.ilog2(), next_to_split(count));
        if bucket == 0 {
            self.env.note(EventKind::Begin, level, 2 * level);
        }
        let lock = self.stripes.lock(bucket as u64);
        // SAFETY: the number of stripes divides the number of buckets at every doubling, so this is
        // the lock of the bucket, and of the one at `level` from it, which no hash leads to as yet.
        let (from, to) = unsafe {
            (
                &mut *self.segments.at(bucket).get(),
                &mut *self.segments.at(count).get(),
            )
        };
        let mut rest = from.take();
        while let Some(item) = chain::unlink(&mut rest) {
            let half = bucket_of(self.env.hasher.hash(item.key()), count + 1);
            chain::prepend(if half == bucket { &mut *from } else { &mut *to }, item);
        }
        // Release: a hint finds the segment without a lock. For the rest see `bucket`.
        self.count.store(count + 1, Ordering::Release);
        drop(lock);
        if bucket + 1 == level {
            self.env.note(EventKind::End, level, 2 * level);
        } else if (bucket + 1).is_multiple_of((level / STEPS).max(1024)) {
            self.env.note(EventKind::Step, level, 2 * level);
        }
    }
}

impl Locked<'_> {
    /// The chain of the key's bucket.
    #[inline]
    fn chain(&mut self) -> &mut Chain {
        // SAFETY: a thread that wants this bucket must hold the lock that is held here, and the
        // exclusive borrow of `self` keeps its holder from making a second reference.
        unsafe { &mut *self.table.bucket(self.hash).get() }
    }

    /// Counts what was changed and reports it if it is time; whether there are too many items then.
    #[inline]
    fn count(&mut self, change: Change) -> bool {
        let table = self.table;
        let limit = || buckets::items_allowed(table.count.load(Ordering::Relaxed), table.load);
        // So few that all stripes together hold back at most an eighth of the limit.
        let report_every = || (limit() / 8 / table.stripes.len() as u64).clamp(1, 8);
        let reported = self.stripe.count(change, report_every);
        reported.is_some_and(|items| {
            let before = table.reported.fetch_add(items, Ordering::Relaxed);
            items > 0 && u64::try_from(before + items).is_ok_and(|items| items > limit())
        })
    }
}

impl Strategy for Linear {
    const NAME: &'static str = "linear";
    const ABOUT: &'static str =
        "linear hashing (Litwin 1980): striped chains, one bucket split at a time, no pause";
    const SOURCE: &'static str =
        "Litwin, VLDB 1980; directory of segments by Larson, CACM 31(4), 1988";
    const PARAMS: &'static [Param] = &[
        params::BUCKETS,
        Param {
            meaning: "items a bucket before the next bucket is split",
            ..params::LOAD
        },
        params::STRIPES,
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "linear",
        "linear:buckets=1",
        "linear:buckets=4,load=0.1",
        "linear:buckets=16,stripes=1",
        "linear:buckets=8,stripes=8,capacity=100",
    ];
    const WALK: bool = true;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Groups(GROUP)),
        read: Promise::shown(Holds::Exclusive("stripe")),
        growth: Promise::shown(Waits::Nobody),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = LinearSession<'t>;

    fn check(params: &Params) -> Result<(), SpecError> {
        stripes::at_most(params, buckets_at_start(params)).map(drop)
    }

    fn open(params: &Params, env: &Env) -> Result<Linear, SpecError> {
        let (first, load) = (params.size("buckets"), params.decimal("load"));
        let count = buckets_at_start(params);
        let stripes = stripes::at_most(params, count)?;
        let segments = Segments::open(first, count)
            .ok_or_else(|| buckets::too_many_buckets(Linear::NAME, count.next_power_of_two()))?;
        Ok(Linear {
            segments,
            count: CachePadded::new(AtomicUsize::new(count)),
            stripes: Stripes::new(stripes),
            reported: CachePadded::default(),
            split: Mutex::new(()),
            load,
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> LinearSession<'_> {
        LinearSession {
            table: self,
            scratch: Vec::new(),
            recency: self.env.recency,
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = self.stripes.usage();
        usage.bytes += (self.segments.buckets() * size_of::<Chain>()) as u64;
        usage
    }

    fn census(&mut self) -> Census {
        let count = *self.count.get_mut();
        let unused = self.segments.buckets() - count;
        let mut census = Census::of(ByteSplit {
            bucket_array: (count * size_of::<Chain>()) as u64 + self.stripes.bytes(),
            slack: (unused * size_of::<Chain>()) as u64,
            ..ByteSplit::default()
        });
        for bucket in 0..count {
            // SAFETY: `self` is borrowed exclusively: no other thread is at any bucket.
            let chain = unsafe { &*self.segments.at(bucket).get() };
            chain::count_bucket(&mut census, chain);
        }
        census
    }
}

/// Buckets that a table starts with: as many as it is asked for, or as its capacity needs.
fn buckets_at_start(params: &Params) -> usize {
    buckets_needed(params.integer("capacity"), params.decimal("load")).max(params.size("buckets"))
}

/// The least number of buckets that hold `items` at `load` items a bucket. Saturates.
fn buckets_needed(items: u64, load: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturates"
    )]
    let buckets = (items as f64 / load).ceil() as usize;
    // The division may have been rounded down.
    buckets.saturating_add(usize::from(buckets::items_allowed(buckets, load) < items))
}

impl Session for LinearSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut locked = self.table.lock(key.hash);
        chain::get(locked.chain(), key.bytes, self.recency, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut locked = self.table.lock(key.hash);
        let (stored, change) = chain::set(locked.chain(), key.bytes, value, self.recency);
        let full = locked.count(change);
        drop(locked);
        if full {
            self.table.split_while_full();
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
            self.table.split_while_full();
        }
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let table = self.table;
        for (from, keys) in groups(keys) {
            let _locks = table.stripes.share_group(keys);
            // SAFETY: the lock of each key's stripe is held until after the last use, and the chains
            // are only read.
            let chain = |key: &Key<'_>| unsafe { &*table.bucket(key.hash).get() };
            chain::get_group(keys, chain, self.recency, |index, value| {
                each(from + index, value);
            });
        }
    }

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        prefetch_read(self.table.stripes.of(key.hash));
        // Without the lock it may be the wrong bucket; but it is one, as segments stay where they are. Acquire: that
        // the segment is there is visible.
        let count = self.table.count.load(Ordering::Acquire);
        prefetch_read(self.table.segments.at(bucket_of(key.hash, count)));
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut locked = self.table.lock(key.hash);
        let change = chain::insert_new(locked.chain(), key.bytes, value);
        let full = locked.count(change);
        drop(locked);
        if full {
            self.table.split_while_full();
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
            let change = chain::sweep(locked.chain(), &mut see);
            locked.count(change);
            // Right for this bucket, which no thread splits while its stripe is locked.
            bits_of(at, self.table.count.load(Ordering::Relaxed))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::testing::{env, fill, key, open, open_in};

    #[test]
    fn buckets_are_split_one_by_one() {
        let env = env("sip13");
        let mut table: Linear = open_in("linear:buckets=4,load=1.5", &env);
        // The least count of buckets of which 1.5 each hold so many items.
        for (items, buckets) in [(6, 4), (7, 5), (8, 6), (9, 6), (10, 7), (12, 8), (57, 38)] {
            fill(&table, table.usage().items..items);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets));
            assert_eq!(census.bytes.total(), table.usage().bytes);
        }
        fill(&table, 57..1000);
        let (events, _) = env.journal.drain();
        let begun: Vec<_> = events
            .iter()
            .filter(|event| event.kind == EventKind::Begin)
            .map(|event| event.from_buckets)
            .collect();
        assert_eq!(begun, [4, 8, 16, 32, 64, 128, 256, 512]);
        assert_eq!(events.len(), 2 * begun.len() - 1, "the last has not ended");
    }

    #[test]
    fn capacity_gives_as_many_as_are_needed_and_no_more() {
        for (spec, buckets) in [
            ("linear:capacity=100000", 66_667),
            ("linear:capacity=3,load=0.1,buckets=2", 30),
            ("linear:capacity=10,buckets=64", 64),
        ] {
            let mut table: Linear = open(spec);
            assert_eq!(table.census().buckets, buckets, "{spec}");
        }
        let mut table: Linear = open("linear:capacity=3000,stripes=1,buckets=1");
        fill(&table, 0..3000);
        assert_eq!(table.census().buckets, 2000);
        assert_eq!(buckets_needed(u64::MAX, 0.1), usize::MAX);
    }

    #[test]
    fn sessions_split_beside_each_other() {
        for spec in [
            "linear:buckets=1",
            "linear:buckets=2,load=0.1",
            "linear:buckets=64,stripes=8",
        ] {
            let mut table: Linear = open(spec);
            std::thread::scope(|scope| {
                for thread in 0..3_u64 {
                    let table = &table;
                    scope.spawn(move || {
                        for from in (5000 * thread..5000 * (thread + 1)).step_by(100) {
                            fill(table, from..from + 100);
                            let mut session = table.session(Worker::ALONE);
                            for n in from..from + 100 {
                                let name = n.to_string();
                                assert_eq!(session.get(key(&name), <[u8]>::len), Some(5));
                            }
                        }
                    });
                }
            });
            let (census, load) = (table.census(), table.load);
            assert_eq!(census.items, 15_000, "{spec}");
            assert_eq!(census.bytes.total(), table.usage().bytes, "{spec}");
            // All items but those not reported yet have the buckets that they need.
            let held_back = 8 * table.stripes.len() as u64;
            assert!(
                census.buckets >= buckets_needed(15_000 - held_back, load) as u64,
                "{spec}"
            );
            assert!(
                census.buckets <= buckets_needed(15_000, load) as u64,
                "{spec}"
            );
        }
    }

    #[test]
    fn a_directory_too_large_to_allocate_is_bad_input() {
        let spec = "linear:load=0.1,capacity=2^40".parse().unwrap();
        let params = Params::resolve(Linear::PARAMS, &spec).unwrap();
        let error = Linear::open(&params, &env("sip13")).err().unwrap();
        assert!(error.0.contains("more than can be allocated"), "{error}");
    }
}
