//! `incremental`: chained buckets that grow memcached's way, one bucket at a time while all work on.
//!
//! As in `striped`, the hash's low bits pick a bucket, each bucket is a linked list, and fewer low
//! bits pick the lock. When the items exceed `load` × buckets, a larger array is put beside the old
//! one, and the old one's buckets are moved over, from the first to the last. One predicate decides
//! where a key is: in the old array if its bucket there has not been moved yet, else in the new one.
//!
//! ```text
//!        old (4 buckets)         new (8 buckets)            hash & 3 = 2: not moved, old array
//!        ┌───┐                   ┌───┐                      hash & 3 = 1: moved, new array,
//!        │ 0 │ moved             │ 0 ├──▶ [h=8]                           bucket hash & 7
//!        │ 1 │ moved             │ 1 ├──▶ [h=9] ──▶ [h=1]
//!  moved ├───┤ ────────────      │ 2 │ (empty until 2 is moved)
//!   = 2  │ 2 ├──▶ [h=2] ──▶ [h=6]│ 3 │
//!        │ 3 ├──▶ [h=3]          │ 4 ├──▶ [h=4]
//!        └───┘                   │ 5 │          bucket b of 4 splits into b and b + 4 of 8;
//!                                │ 6 │          stripes ≤ 4, so all three have one lock
//!                                │ 7 │
//!                                └───┘
//! ```
//!
//! Which thread moves is a parameter. `mover=helper` (memcached's `assoc_maintenance_thread`): a thread of the
//! table's own, asleep while there is nothing to do. `mover=writers` (as in Redis's `dict.c`): every
//! operation that may write moves `step` buckets after its own work, until the move is done; if
//! no thread writes, a thread that asks whether the table is settled moves some instead.
//!
//! Good at: no operation waits for the table to be rehashed. The longest waits are for one bucket
//! to be moved, and for the exchange of arrays, microseconds for a thousand stripes. Bad at: while a
//! move lasts, items exceed the load (if they come faster than buckets are moved, by a lot: the next
//! move begins only when this one has ended), both arrays are held, the mover takes a core or a
//! part of each write, and the line that holds `moved` travels between cores.
//!
//! Items are counted as in `striped`: by stripe, reported to a shared counter every few items, at
//! most 64 and at most an eighth of what the array allows over all stripes. There are never more
//! stripes than buckets at the start. `capacity=` opens with enough buckets for that many items.
//!
//! **Locking:**
//! - A stripe's mutex protects the chains of its buckets in both arrays and its own counts. It is
//!   held for one operation, while `read` looks at a value and while `edit` runs, and by the mover for
//!   one bucket. An operation holds one; a lookup of several keys holds those of a group of them,
//!   taken in index order.
//! - Which arrays there are may be read under any stripe's lock and is changed only while all are
//!   held, taken in index order by a thread that holds no other stripe. `moved` passes a bucket only
//!   under the lock of the bucket's stripe.
//! - `source`, the move in progress, is locked before any stripe, by the mover. The claim
//!   is taken by one thread, which starts the next move; until that has ended the others leave it alone.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under its stripe's
//! lock. The old array is freed when its last bucket has been moved: no thread refers to a bucket of it
//! without holding the bucket's lock, and under the lock `moved` says to look elsewhere. The new
//! array is allocated before any lock is taken and not written to, so that the kernel hands its
//! pages out as buckets are moved. If it cannot be allocated, the table goes on with the one it
//! has and tries again at a later report. Dropping the table ends and joins the helper.
//!
//! **Source:** memcached's `assoc.c` (two arrays, a bucket at a time, the predicate) and `thread.c`
//! (item locks by the hash's low bits, all paused for the exchange). Unlike there, the helper waits
//! for a stripe that is taken instead of sleeping 10 ms, and buckets are moved one lock each.

mod bell;
mod growth;
mod helper;

use crate::table::sync::atomic::Ordering;
use std::sync::Arc;

use crate::table::sync::MutexGuard;

use self::growth::Growth;
use self::helper::Helper;
use super::change::Change;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::Chain;
use super::prefetch::{GROUP, groups};
use super::stripes::{self, Stripe};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use super::{buckets, chain, params, scan};
use crate::base::{
    BadInput, ByteSplit, Census, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// Buckets that a look at whether the table is settled moves, where no other thread does.
const MOVED_BY_WAITING: usize = 1 << 16;

/// Two arrays of chains under striped locks, moved between bucket by bucket.
pub struct Incremental {
    growth: Arc<Growth>,
    mover: Mover,
}

enum Mover {
    /// Held for its drop, which ends the thread.
    Helper { _thread: Helper },
    /// Every write moves this many buckets.
    Writers { step: usize },
}

/// A stripe whose lock is held, on behalf of one key.
struct Locked<'t> {
    stripe: MutexGuard<'t, Stripe>,
    growth: &'t Growth,
    /// The hash that `stripe` was picked by.
    hash: u64,
}

/// A session of [`Incremental`].
pub struct IncrementalSession<'t> {
    table: &'t Incremental,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Incremental {
    /// Takes the lock of the stripe that a hash belongs to.
    #[inline]
    fn lock(&self, hash: u64) -> Locked<'_> {
        let growth = &*self.growth;
        Locked {
            stripe: growth.stripes.lock(hash),
            growth,
            hash,
        }
    }

    /// What follows a write, after its lock has been released: growth, if the write found the table
    /// full, and a part of the move where writers do it.
    #[inline]
    fn after_write(&self, full: bool) {
        if full && self.growth.claim.take() {
            match self.mover {
                Mover::Helper { .. } => self.growth.bell.ring(),
                Mover::Writers { .. } => {
                    self.growth.begin();
                }
            }
        }
        if let Mover::Writers { step } = self.mover
            && !self.growth.settled()
        {
            self.move_some(step);
        }
    }

    #[cold]
    fn move_some(&self, buckets: usize) {
        if self.growth.advance(buckets) && self.growth.claim.give_up_and_look_again() {
            self.growth.begin();
        }
    }
}

impl Locked<'_> {
    /// The chain of the key's bucket.
    #[inline]
    fn chain(&mut self) -> &mut Chain {
        // SAFETY: the lock of the hash's stripe is held for as long as `self` is borrowed.
        let bucket = unsafe { self.growth.bucket(self.hash) };
        // SAFETY: a thread that wants this bucket must hold the lock that is held here, and the
        // exclusive borrow of `self` keeps its holder from making a second reference.
        unsafe { &mut *bucket.get() }
    }

    /// Counts what was changed and reports it if it is time; whether the table may be full then.
    #[inline]
    fn count(&mut self, change: Change) -> bool {
        // SAFETY: a stripe's lock is held.
        let report_every = unsafe { &*self.growth.arrays.get() }.report_every;
        let reported = self.stripe.count(change, || report_every);
        reported.is_some_and(|items| {
            self.growth.claim.report(items);
            items > 0
        })
    }
}

impl Strategy for Incremental {
    const NAME: &'static str = "incremental";
    const ABOUT: &'static str = "striped chains that grow as memcached's do: a bucket moves at a time, beside the operations";
    const SOURCE: &'static str = "memcached's assoc.c and thread.c";
    const PARAMS: &'static [Param] = &[
        params::BUCKETS,
        Param {
            meaning: "items a bucket before a larger array is put beside the present one",
            ..params::LOAD
        },
        params::STRIPES,
        Param {
            name: "mover",
            range: Range::Word(&["helper", "writers"]),
            meaning: "what moves buckets: a thread of the table's own, or each write moves some",
        },
        Param {
            name: "step",
            range: Range::Integer {
                default: 2,
                min: 1,
                max: 1 << 20,
            },
            meaning: "buckets that a write moves, with mover=writers",
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "incremental",
        "incremental:buckets=1",
        "incremental:buckets=4,load=0.5,mover=writers,step=1",
        "incremental:buckets=16,stripes=1",
        "incremental:buckets=2,load=0.1,mover=writers,step=100",
        "incremental:buckets=8,stripes=8,capacity=100",
    ];
    const WALK: bool = true;
    const UNCLAIMED: Option<&'static str> =
        Some("a helper thread frees old arrays, and the count is of one thread");
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Groups(GROUP)),
        read: Promise::shown(Holds::Exclusive("stripe")),
        growth: Promise::shown(Waits::Nobody),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = IncrementalSession<'t>;

    fn check(params: &Params) -> Result<(), SpecError> {
        stripes::buckets_and_stripes(params, Some(params.decimal("load"))).map(drop)
    }

    fn open(params: &Params, env: &Env) -> Result<Incremental, SpecError> {
        let load = params.decimal("load");
        let (buckets, stripes) = stripes::buckets_and_stripes(params, Some(load))?;
        let growth = Growth::open(buckets, stripes, load, env)
            .ok_or_else(|| buckets::too_many_buckets(Incremental::NAME, buckets))?;
        let growth = Arc::new(growth);
        let mover = match params.word("mover") {
            "helper" => {
                let thread = Helper::start(&growth).map_err(|error| {
                    BadInput(format!(
                        "{}: the helper thread cannot be started ({error}); \
                         give mover=writers to do without one",
                        Incremental::NAME
                    ))
                })?;
                Mover::Helper { _thread: thread }
            }
            _ => Mover::Writers {
                step: params.size("step"),
            },
        };
        Ok(Incremental { growth, mover })
    }

    fn session(&self, _who: Worker) -> IncrementalSession<'_> {
        IncrementalSession {
            table: self,
            scratch: Vec::new(),
            recency: self.growth.recency(),
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = self.growth.stripes.usage();
        usage.bytes += self.growth.array_bytes.load(Ordering::Relaxed);
        usage
    }

    fn settled(&self) -> bool {
        if matches!(self.mover, Mover::Writers { .. }) && !self.growth.settled() {
            // The thread that waits may be the only one left to do it.
            self.move_some(MOVED_BY_WAITING);
        }
        self.growth.settled()
    }

    fn census(&mut self) -> Census {
        let growth = &*self.growth;
        let mut census = Census::of(ByteSplit {
            bucket_array: growth.array_bytes.load(Ordering::Relaxed) + growth.stripes.bytes(),
            ..ByteSplit::default()
        });
        // The helper may still be moving, whatever the borrow proves of sessions.
        growth.each_chain(|chain| chain::count_bucket(&mut census, chain));
        census
    }
}

impl Session for IncrementalSession<'_> {
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
        self.table.after_write(full);
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut locked = self.table.lock(key.hash);
        let item = chain::remove(locked.chain(), key.bytes);
        if let Some(item) = &item {
            locked.count(Change::removed(item.size()));
        }
        drop(locked);
        self.table.after_write(false);
        item.is_some()
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
        self.table.after_write(full);
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let growth = &*self.table.growth;
        for (from, keys) in groups(keys) {
            let _locks = growth.stripes.share_group(keys);
            // SAFETY: the lock of each key's stripe is held until after the last use, and the chains
            // are only read.
            let chain = |key: &Key<'_>| unsafe { &*growth.bucket(key.hash).get() };
            chain::get_group(keys, chain, self.recency, |index, value| {
                each(from + index, value);
            });
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut locked = self.table.lock(key.hash);
        let change = chain::insert_new(locked.chain(), key.bytes, value);
        let full = locked.count(change);
        drop(locked);
        self.table.after_write(full);
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
            // SAFETY: the lock of the stripe that the cursor is in is held, as for a hash.
            unsafe { locked.growth.bits(at) }
        })
    }
}

#[cfg(test)]
mod tests;
