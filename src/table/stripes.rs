//! Many locks over one array of buckets, each for a part of them, with a count of its own.
//!
//! ```text
//!   hash  … 0 1 1 0 1          stripes = 4        buckets = 8
//!               │ └─┴── stripe = 1               ┌───┬───┬───┬───┬───┬───┬───┬───┐
//!               └───┴── bucket = 5               │ 0 │ 1 │ 2 │ 3 │ 4 │ 5 │ 6 │ 7 │
//!                                        stripe:   0   1   2   3   0   1   2   3
//! ```
//!
//! A hash's low bits pick the bucket and fewer of them the stripe, so that a stripe covers whole buckets
//! and goes on covering the same keys when the array doubles. There are never more stripes than buckets.
//!
//! A stripe counts what its buckets hold under its own lock, and says every few items that it is time to
//! report the change to the counter that growth goes by: threads that insert do not share a line.

use std::ops::DerefMut;

use crossbeam_utils::CachePadded;

use super::buckets;
use super::change::Change;
use super::lock::{Excluding, Lock};
use super::prefetch::{GROUP, lock_group};
use crate::base::{BadInput, Key, Params, SpecError, Usage, human_integer};

/// What one stripe counts of its own buckets.
#[derive(Default)]
pub(super) struct Stripe {
    /// Its items and their bytes, headers included.
    held: Usage,
    /// Items added, less those removed, since the last report.
    unreported: i64,
}

impl Stripe {
    /// Counts what an operation changed; the items to be reported, if they have become `report_every`
    /// since the last report.
    #[inline]
    pub(super) fn count(
        &mut self,
        change: Change,
        report_every: impl FnOnce() -> u64,
    ) -> Option<i64> {
        self.held += change;
        if change.items == 0 {
            return None;
        }
        self.unreported += change.items;
        (self.unreported.unsigned_abs() >= report_every())
            .then(|| std::mem::take(&mut self.unreported))
    }
}

/// The items of all stripes, counted exactly under all locks, for a counter that so has them all.
pub(super) fn count_all(locked: &mut [impl DerefMut<Target = Stripe>]) -> u64 {
    let mut items = 0;
    for stripe in locked {
        items += stripe.held.items;
        stripe.unreported = 0;
    }
    items
}

/// The locks, a power of two of them.
pub(super) struct Stripes<L: Lock = Excluding> {
    locks: Box<[CachePadded<L::Of<Stripe>>]>,
}

impl<L: Lock> Stripes<L> {
    pub(super) fn new(count: usize) -> Stripes<L> {
        assert!(count.is_power_of_two());
        let lock = |_| CachePadded::new(L::over(Stripe::default()));
        Stripes {
            locks: (0..count).map(lock).collect(),
        }
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.locks.len()
    }

    /// The lock of the stripe that a hash, or the number of a bucket, belongs to.
    #[inline]
    pub(super) fn of(&self, hash: u64) -> &L::Of<Stripe> {
        &self.locks[buckets::low_bits(hash, self.locks.len())]
    }

    /// Takes the lock of a hash's stripe, to change its buckets.
    #[inline]
    pub(super) fn lock(&self, hash: u64) -> L::Exclusive<'_, Stripe> {
        L::exclude(self.of(hash))
    }

    /// Takes the lock of a hash's stripe, to read its buckets.
    #[inline]
    pub(super) fn share(&self, hash: u64) -> L::Shared<'_, Stripe> {
        L::share(self.of(hash))
    }

    /// Takes the locks of the stripes of up to [`GROUP`] keys to read their buckets, each once, in index
    /// order. The caller holds none.
    #[inline]
    pub(super) fn share_group(&self, keys: &[Key<'_>]) -> [Option<L::Shared<'_, Stripe>>; GROUP] {
        let stripe_of = |key: &Key<'_>| buckets::low_bits(key.hash, self.locks.len());
        lock_group(keys.iter().map(stripe_of), |stripe| {
            L::share(&self.locks[stripe])
        })
    }

    /// Takes all locks, in index order. The caller holds none.
    pub(super) fn lock_all(&self) -> Vec<L::Exclusive<'_, Stripe>> {
        self.locks.iter().map(|lock| L::exclude(lock)).collect()
    }

    /// What all stripes hold, and the bytes of the locks.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage {
            items: 0,
            bytes: self.bytes(),
        };
        for lock in &self.locks {
            let stripe = L::share(lock);
            usage.items += stripe.held.items;
            usage.bytes += stripe.held.bytes;
        }
        usage
    }

    /// Bytes of the locks.
    pub(super) fn bytes(&self) -> u64 {
        size_of_val(&*self.locks) as u64
    }
}

/// The stripes of a table that starts with so many buckets. They divide the buckets at every doubling, so
/// there are at most as many as the greatest power of two among the buckets.
///
/// The default of `stripes` is lowered to the buckets. A number that the user gives is not: the results
/// would stand under a label that is not theirs.
///
/// # Errors
/// More stripes than buckets, with how many there may be.
pub(super) fn at_most(params: &Params, buckets: usize) -> Result<usize, SpecError> {
    let stripes = params.size("stripes");
    let most = 1 << buckets.ilog2();
    if stripes > most && !params.is_default("stripes") {
        let [asked, most] = [stripes, most].map(|count| human_integer(count as u64));
        let plural = if buckets == 1 { "" } else { "s" };
        return Err(BadInput(format!(
            "{}: stripes={asked} is more than the {buckets} bucket{plural} at the start, and a stripe \
             covers whole buckets: at most stripes={most}, or give buckets={asked}",
            params.strategy(),
        )));
    }
    Ok(stripes.min(most))
}

/// The starting buckets of a table with `buckets`, `capacity` and, if it grows, a `load`; and its
/// `stripes`.
pub(super) fn buckets_and_stripes(
    params: &Params,
    load: Option<f64>,
) -> Result<(usize, usize), SpecError> {
    let mut buckets = params.size("buckets");
    if let Some(load) = load {
        buckets = buckets::buckets_for(params.integer("capacity"), load, buckets);
    }
    Ok((buckets, at_most(params, buckets)?))
}

/// The same for a table that its parameters may keep from growing.
pub(super) fn of_growing_or_not(params: &Params) -> Result<(Option<f64>, usize, usize), SpecError> {
    let load = (params.word("grow") == "on").then(|| params.decimal("load"));
    let (buckets, stripes) = buckets_and_stripes(params, load)?;
    Ok((load, buckets, stripes))
}
