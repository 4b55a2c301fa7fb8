//! The two arrays of `incremental`, the predicate that decides between them, and the move from one
//! to the other.

use crate::table::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::cell::UnsafeCell;
use std::ptr::NonNull;

use crate::table::sync::Mutex;
use crossbeam_utils::CachePadded;

use super::bell::Bell;
use crate::base::EventKind;
use crate::table::Env;
use crate::table::buckets;
use crate::table::chain;
use crate::table::claim::{self, Claim};
use crate::table::count::report_every;
use crate::table::item::Chain;
use crate::table::stripes::{self, Stripes};

/// One chain; touched only under the lock of its stripe.
pub(super) type Bucket = UnsafeCell<Chain>;

/// Marks in the journal for one move, beside its begin and end.
const STEPS: usize = 8;

/// An array that this owns. Unlike a `Box` it may be handed from one owner to another while threads
/// hold references into it.
pub(super) struct Buckets {
    /// From `Box::into_raw`.
    array: NonNull<[Bucket]>,
}

// SAFETY: it owns its array as a box would, and chains are `Send`.
unsafe impl Send for Buckets {}
// SAFETY: through a shared reference only `UnsafeCell`s can be had; the code that opens one answers for it.
unsafe impl Sync for Buckets {}

impl Buckets {
    pub(super) fn open(buckets: usize) -> Option<Buckets> {
        let array = Box::into_raw(buckets::zeroed_buckets::<Bucket>(buckets)?);
        Some(Buckets {
            array: NonNull::new(array).expect("a box is not null"),
        })
    }

    #[inline]
    pub(super) fn all(&self) -> &[Bucket] {
        // SAFETY: the array lives as long as `self`.
        unsafe { self.array.as_ref() }
    }

    fn bytes(&self) -> u64 {
        size_of_val(self.all()) as u64
    }

    /// Frees an array whose chains are all empty, without looking at each of them.
    fn free_emptied(self) {
        let array = self.array.as_ptr() as *mut [UnsafeCell<usize>];
        std::mem::forget(self);
        // SAFETY: the array came out of a box of as many chains, which have the size and alignment
        // of a word, and no thread uses it any more. Empty chains have nothing to be dropped.
        drop(unsafe { Box::from_raw(array) });
    }
}

impl Drop for Buckets {
    fn drop(&mut self) {
        // SAFETY: the array came out of a box, and no thread uses it any more.
        drop(unsafe { Box::from_raw(self.array.as_ptr()) });
    }
}

/// Where chains are. Read under any stripe's lock, written under all of them.
pub(super) struct Arrays {
    /// Where items are, and where those of `old` go.
    pub(super) new: Buckets,
    /// The array that is being moved out of, owned by the [`Move`]; dangling when that has ended,
    /// and never followed then, as `moved` says that all its buckets have been moved.
    old: NonNull<Bucket>,
    /// Buckets of `old`.
    pub(super) old_len: usize,
    /// The change in a stripe's items from which on it is reported.
    pub(super) report_every: u64,
}

/// A move in progress.
struct Move {
    old: Buckets,
    to: usize,
    /// The next bucket to move.
    next: usize,
}

/// What came of an attempt to begin a move.
enum Attempt {
    Begun,
    /// The items do not exceed the limit.
    NotFull,
    /// There is no memory for a larger array.
    NoMemory,
}

/// All that sessions and mover share.
pub(super) struct Growth {
    pub(super) arrays: UnsafeCell<Arrays>,
    /// Buckets of the old array below this one have been moved. Written under the lock of the stripe
    /// of the last of them.
    moved: CachePadded<AtomicUsize>,
    pub(super) stripes: Stripes,
    /// Whether it is time for a move, and which thread begins it.
    pub(super) claim: Claim,
    /// Bytes of both arrays.
    pub(super) array_bytes: AtomicU64,
    /// The move in progress. Locked by the thread that moves, before any stripe.
    source: Mutex<Option<Move>>,
    pub(super) bell: Bell,
    load: f64,
    env: Env,
}

// SAFETY: what is not `Sync` by itself is `arrays`, with the chains behind it. It is read under any
// stripe's lock and written under all of them; a chain is touched only under the lock of its stripe,
// which is the same for an old bucket and the new ones that its items go to. What moves between
// threads that way, `Item`, is `Send`.
unsafe impl Sync for Growth {}
// SAFETY: what is not `Send` by itself is `Arrays::old`, a pointer to what `source` owns.
unsafe impl Send for Growth {}

impl Growth {
    /// Opens with `buckets`; nothing if there is no memory for them.
    pub(super) fn open(buckets: usize, stripes: usize, load: f64, env: &Env) -> Option<Growth> {
        let new = Buckets::open(buckets)?;
        let bytes = new.bytes();
        let limit = claim::limit(buckets, load);
        // An old array of one bucket, all of it moved: there is none.
        let arrays = Arrays {
            new,
            old: NonNull::dangling(),
            old_len: 1,
            report_every: report_every(limit, stripes as u64),
        };
        Some(Growth {
            arrays: UnsafeCell::new(arrays),
            moved: CachePadded::new(AtomicUsize::new(1)),
            stripes: Stripes::new(stripes),
            claim: Claim::new(limit),
            array_bytes: AtomicU64::new(bytes),
            source: Mutex::new(None),
            bell: Bell::default(),
            load,
            env: env.clone(),
        })
    }

    /// The bucket of a hash: in the old array if it has not been moved yet, else in the new one. It
    /// stays the right one until the lock is released.
    ///
    /// # Safety
    /// The caller holds the lock of the hash's stripe for as long as the bucket is borrowed.
    #[inline]
    pub(super) unsafe fn bucket(&self, hash: u64) -> &Bucket {
        // SAFETY: a stripe's lock is held, and the arrays are replaced only while all are.
        let arrays = unsafe { &*self.arrays.get() };
        let old = buckets::low_bits(hash, arrays.old_len);
        // Relaxed: this bucket is moved under the lock held here. So either that was before, and
        // the lock makes it known, or it comes later, and cannot be known yet; how far other
        // stripes' buckets have got makes no difference.
        if old >= self.moved.load(Ordering::Relaxed) {
            // SAFETY: the bucket has not been moved and cannot be before the lock is released, so
            // the move has not ended, and the old array is there.
            unsafe { arrays.old.add(old).as_ref() }
        } else {
            &arrays.new.all()[buckets::low_bits(hash, arrays.new.all().len())]
        }
    }

    /// How many low bits of a hash all hashes in its bucket share: as many as its array has.
    ///
    /// # Safety
    /// The caller holds the lock of the hash's stripe.
    pub(super) unsafe fn bits(&self, hash: u64) -> u32 {
        // SAFETY: a stripe's lock is held, and the arrays are replaced only while all are.
        let arrays = unsafe { &*self.arrays.get() };
        // Relaxed: see `bucket`.
        if buckets::low_bits(hash, arrays.old_len) >= self.moved.load(Ordering::Relaxed) {
            arrays.old_len.ilog2()
        } else {
            arrays.new.all().len().ilog2()
        }
    }

    /// Whether uses of entries are marked.
    pub(super) fn recency(&self) -> bool {
        self.env.recency
    }

    /// Whether no move is pending.
    pub(super) fn settled(&self) -> bool {
        self.claim.is_free()
    }

    /// Puts a larger array beside the present one, if the items really exceed the limit; else gives up
    /// the claim. The caller has the claim and holds no lock.
    ///
    /// This is the only stop: it takes all stripes' locks, counts, and exchanges pointers. What
    /// takes time, the allocation, has been done before.
    #[cold]
    pub(super) fn begin(&self) -> bool {
        loop {
            match self.try_begin() {
                Attempt::Begun => return true,
                Attempt::NotFull => {
                    // It may have become full since, while no other thread could take the claim.
                    if !self.claim.give_up_and_look_again() {
                        return false;
                    }
                }
                Attempt::NoMemory => {
                    self.claim.give_up();
                    return false;
                }
            }
        }
    }

    fn try_begin(&self) -> Attempt {
        let from = {
            let _stripe = self.stripes.lock(0);
            // SAFETY: a stripe's lock is held.
            unsafe { &*self.arrays.get() }.new.all().len()
        };
        let reported = u64::try_from(self.claim.reported()).unwrap_or(0);
        let to = buckets::buckets_for(reported, self.load, from);
        if to == from {
            return Attempt::NotFull;
        }
        self.env.note(EventKind::Begin, from, to);
        let Some(new) = Buckets::open(to) else {
            self.env.note(EventKind::End, from, from);
            return Attempt::NoMemory;
        };
        let mut source = self.source.lock();
        assert!(source.is_none(), "one move at a time");
        let mut stripes = self.stripes.lock_all();
        if !self.claim.recount(stripes::count_all(&mut stripes)) {
            drop(stripes);
            self.env.note(EventKind::End, from, from);
            return Attempt::NotFull;
        }
        // SAFETY: all stripes' locks are held, and all references into the arrays live no longer
        // than the lock they were taken under.
        let arrays = unsafe { &mut *self.arrays.get() };
        let limit = claim::limit(to, self.load);
        let bytes = new.bytes();
        let old = std::mem::replace(&mut arrays.new, new);
        arrays.old = old.array.cast();
        arrays.old_len = from;
        arrays.report_every = report_every(limit, stripes.len() as u64);
        self.moved.store(0, Ordering::Relaxed);
        self.claim.set_limit(limit);
        self.array_bytes.fetch_add(bytes, Ordering::Relaxed);
        *source = Some(Move { old, to, next: 0 });
        Attempt::Begun
    }

    /// Moves up to `buckets` buckets, unless another thread is at it; whether the move has ended
    /// thereby. The caller holds no stripe's lock.
    pub(super) fn advance(&self, buckets: usize) -> bool {
        let Some(mut source) = self.source.try_lock() else {
            return false;
        };
        let Some(going) = &mut *source else {
            return false;
        };
        let from = going.old.all().len();
        let end = from.min(going.next.saturating_add(buckets));
        while going.next < end {
            self.move_bucket(&going.old.all()[going.next], going.next);
            going.next += 1;
            if going.next.is_multiple_of((from / STEPS).max(1024)) && going.next < from {
                self.env.note(EventKind::Step, from, going.to);
            }
        }
        if end < from {
            return false;
        }
        let ended = source.take().expect("the move that has just ended");
        self.array_bytes
            .fetch_sub(ended.old.bytes(), Ordering::Relaxed);
        // All threads that used a bucket of the old array did so under its stripe's lock, before it was moved.
        ended.old.free_emptied();
        self.env.note(EventKind::End, from, ended.to);
        true
    }

    fn move_bucket(&self, bucket: &Bucket, index: usize) {
        let _stripe = self.stripes.lock(index as u64);
        // SAFETY: a stripe's lock is held.
        let new = unsafe { &*self.arrays.get() }.new.all();
        // SAFETY: the number of stripes divides that of old buckets, so this is the bucket's lock.
        let chain = unsafe { &mut *bucket.get() };
        while let Some(item) = chain::unlink(chain) {
            let to = buckets::low_bits(self.env.hasher.hash(item.key()), new.len());
            // SAFETY: the hash ends in the bits of `index`, so this is a bucket of the same stripe,
            // and not the one above, which is of another array.
            chain::prepend(unsafe { &mut *new[to].get() }, item);
        }
        // Relaxed: see `bucket`.
        self.moved.store(index + 1, Ordering::Relaxed);
    }

    /// Calls `see` for every chain that a hash can lead to. Takes all locks.
    pub(super) fn each_chain(&self, mut see: impl FnMut(&Chain)) {
        let _stripes = self.stripes.lock_all();
        // SAFETY: all locks are held.
        let arrays = unsafe { &*self.arrays.get() };
        let moved = self.moved.load(Ordering::Relaxed);
        for (index, bucket) in arrays.new.all().iter().enumerate() {
            if index & (arrays.old_len - 1) < moved {
                // SAFETY: all locks are held.
                see(unsafe { &*bucket.get() });
            }
        }
        for index in moved..arrays.old_len {
            // SAFETY: the bucket has not been moved, so the old array is there; all locks are held.
            see(unsafe { &*arrays.old.add(index).as_ref().get() });
        }
    }
}
