//! Buckets that never move: an array that doubles by growing another segment.
//!
//! ```text
//!   segment 0: n buckets │ segment 1: n │ segment 2: 2n │ segment 3: 4n │ …
//!   index      0 … n-1   │  n … 2n-1    │  2n … 4n-1    │  4n … 8n-1    │
//! ```
//!
//! Which segment an index is in follows from its highest bit. As nothing is ever copied or freed, a
//! reader may hold on to a bucket for as long as it likes, and the memory of old arrays is not
//! kept twice. A bucket that is not live yet has its entries in its *parent*: the bucket whose index
//! lacks the highest bit.

use crate::table::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::ptr::null_mut;

use crate::table::sync::Mutex;

use super::bucket::Bucket;
use super::slab::{Chunk, clear};

/// The segments, and how far growth has come.
pub(super) struct Directory {
    /// Where bucket 0 would be if the segment went back that far.
    bases: [AtomicPtr<Bucket>; usize::BITS as usize + 1],
    /// Buckets of the first segment, as a power of two.
    first_bits: u32,
    /// Buckets less one; all of them are mapped, not all need be live.
    mask: AtomicUsize,
    /// Buckets from here on up to the mask are still to be handed out for splitting.
    cursor: AtomicUsize,
    /// Buckets whose splitting has been seen to the end.
    live: AtomicUsize,
    chunks: Mutex<Vec<Chunk>>,
    /// Whether the next segment is being cleared.
    is_clearing: AtomicBool,
    next: Mutex<Option<Next>>,
}

/// A segment that will be mapped, and how many bytes of it are cleared.
struct Next {
    chunk: Chunk,
    cleared: usize,
}

/// How far a doubling has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubling {
    /// The new segment is being cleared: the next call goes on.
    Clearing,
    /// There are twice as many buckets, those of the new half not live.
    Mapped,
    /// There was no memory.
    Refused,
}

/// Bytes of a new segment that one call clears: microseconds, with the pages that the kernel gives meanwhile, if these are
/// small ones. Schedules of tests have few buckets.
const CLEARED: usize = if cfg!(all(test, shuttle)) {
    size_of::<Bucket>()
} else {
    16 << 10
};

impl Next {
    fn of(bytes: usize) -> Option<Next> {
        let chunk = Chunk::uncleared(bytes)?;
        Some(Next { chunk, cleared: 0 })
    }
}

fn bytes_of(buckets: usize) -> Option<usize> {
    buckets.checked_mul(size_of::<Bucket>())
}

/// Buckets that one call splits: a run takes a few microseconds.
const RUN: usize = 4;

impl Directory {
    /// So many buckets, a power of two, all live and empty; nothing if there is no memory for them.
    pub(super) fn open(buckets: usize) -> Option<Directory> {
        let directory = Directory {
            bases: [const { AtomicPtr::new(null_mut()) }; usize::BITS as usize + 1],
            first_bits: buckets.trailing_zeros(),
            mask: AtomicUsize::new(buckets - 1),
            cursor: AtomicUsize::new(buckets),
            live: AtomicUsize::new(buckets),
            chunks: Mutex::default(),
            is_clearing: AtomicBool::new(false),
            next: Mutex::default(),
        };
        directory.add_segment(0, 0, Chunk::zeroed(bytes_of(buckets)?)?);
        for index in 0..buckets {
            directory.bucket(index).version.publish_live(false);
        }
        Some(directory)
    }

    /// Takes up a segment of zeros.
    fn add_segment(&self, segment: usize, from: usize, chunk: Chunk) {
        let start = chunk.start().cast::<Bucket>().as_ptr();
        self.bases[segment].store(start.wrapping_sub(from), Ordering::Release);
        self.chunks.lock().push(chunk);
    }

    /// Buckets less one. What follows from a doubling's earlier steps is visible.
    #[inline]
    pub(super) fn mask(&self) -> usize {
        self.mask.load(Ordering::Acquire)
    }

    /// A bucket by its index, at most [`Directory::mask`].
    #[inline]
    pub(super) fn bucket(&self, index: usize) -> &Bucket {
        let segment = usize::BITS - (index >> self.first_bits).leading_zeros();
        // Acquire: that the segment was zeroed is visible.
        let base = self.bases[segment as usize].load(Ordering::Acquire);
        debug_assert!(!base.is_null() && index <= self.mask());
        // SAFETY: indexes up to the mask are mapped, the segment's base was stored before the mask,
        // and zeros are a valid bucket. Segments are freed with the directory alone.
        unsafe { &*base.wrapping_add(index) }
    }

    /// Whether every bucket is live.
    pub(super) fn settled(&self) -> bool {
        self.live.load(Ordering::Acquire) > self.mask()
    }

    /// Goes on with the mapping of as many buckets again, none of them live: they are cleared before a reader comes to
    /// them, [`CLEARED`] bytes a call at most. For one thread at a time, on a settled directory.
    pub(super) fn double(&self) -> Doubling {
        let buckets = self.mask() + 1;
        let Some(bytes) = bytes_of(buckets) else {
            return Doubling::Refused;
        };
        let mut clearing = self.next.lock();
        let Some(mut next) = clearing.take().or_else(|| Next::of(bytes)) else {
            return Doubling::Refused;
        };
        let step = CLEARED.min(bytes - next.cleared);
        // SAFETY: the step is in the chunk, which is in no segment yet.
        unsafe { clear(next.chunk.start().add(next.cleared), step) };
        next.cleared += step;
        let is_clearing = next.cleared < bytes;
        // Relaxed: a thread that sees it late goes on at a later insertion.
        self.is_clearing.store(is_clearing, Ordering::Relaxed);
        if is_clearing {
            *clearing = Some(next);
            return Doubling::Clearing;
        }
        let segment = buckets.trailing_zeros() - self.first_bits + 1;
        self.add_segment(segment as usize, buckets, next.chunk);
        self.mask.store(2 * buckets - 1, Ordering::Release);
        Doubling::Mapped
    }

    /// Whether a doubling has begun whose segment is not mapped.
    #[inline]
    pub(super) fn is_clearing(&self) -> bool {
        self.is_clearing.load(Ordering::Relaxed)
    }

    /// Hands out a run of buckets to be split off their parents, each to one caller.
    #[inline]
    pub(super) fn claim(&self) -> Option<std::ops::Range<usize>> {
        let end = |from| usize::min(from + RUN, self.mask() + 1);
        let mut from = self.cursor.load(Ordering::Relaxed);
        loop {
            let end = end(from);
            if from == end {
                return None;
            }
            let claim =
                self.cursor
                    .compare_exchange_weak(from, end, Ordering::Relaxed, Ordering::Relaxed);
            match claim {
                Ok(_) => return Some(from..end),
                Err(now) => from = now,
            }
        }
    }

    /// Says that a run is done; whether it was the last of the doubling.
    pub(super) fn done(&self, run: usize) -> bool {
        let buckets = self.mask() + 1;
        self.live.fetch_add(run, Ordering::AcqRel) + run == buckets
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::slab::is_zero;
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn buckets_stay_where_they_are() {
        for first in [1, 2, 8] {
            let directory = Directory::open(first).unwrap();
            let (mut seen, mut places) = (Vec::new(), HashSet::new());
            // Miri takes its time.
            for doublings in 0..if cfg!(miri) { 7 } else { 10 } {
                let buckets = first << doublings;
                assert_eq!(directory.mask() + 1, buckets);
                for (index, bucket) in seen.iter().enumerate() {
                    assert_eq!(std::ptr::from_ref(directory.bucket(index)), *bucket);
                }
                for index in seen.len()..buckets {
                    let bucket = directory.bucket(index);
                    assert_eq!(bucket.version.load().is_live(), doublings == 0);
                    assert!(doublings == 0 || is_zero(bucket));
                    assert!(places.insert(std::ptr::from_ref(bucket)));
                    seen.push(std::ptr::from_ref(bucket));
                }
                assert!(directory.settled() && directory.claim().is_none());
                let mut steps = 1;
                while directory.double() == Doubling::Clearing {
                    assert!(directory.is_clearing() && directory.settled());
                    assert_eq!(directory.mask() + 1, buckets);
                    steps += 1;
                }
                assert_eq!(steps, bytes_of(buckets).unwrap().div_ceil(CLEARED));
                assert!(!directory.is_clearing() && !directory.settled());
                let mut claimed = buckets;
                while let Some(run) = directory.claim() {
                    assert_eq!(run.start, claimed);
                    claimed = run.end;
                    assert_eq!(directory.done(run.len()), claimed == 2 * buckets);
                }
                assert_eq!(claimed, 2 * buckets);
            }
        }
        // Miri ends where there is no memory.
        assert!(cfg!(miri) || Directory::open(1 << 60).is_none());
    }
}
