//! An array of buckets that gets longer without being copied, for tables that grow by splitting
//! buckets one after another.
//!
//! ```text
//!   first = 4       segment 0      segment 1      segment 2
//!   ┌───┬───┬───┐   ┌─┬─┬─┬─┐      ┌─┬─┬─┬─┐      ┌─┬─┬──┬──┬──┬──┬──┬──┐
//!   │ ● │ ● │ ● │   │0│1│2│3│      │4│5│6│7│      │8│9│10│11│12│  │  │  │
//!   └───┴───┴───┘   └─┴─┴─┴─┘      └─┴─┴─┴─┘      └─┴─┴──┴──┴──┴──┴──┴──┘
//!                                     count = 13: buckets 0 to 12 are in use ┘
//! ```
//!
//! Segment 0 has `first` buckets, every further one as many as all before it, so that a bucket's
//! number gives segment and place by its highest bit. One number, `count`, says which bucket a hash
//! has ([`bucket_of`]): Litwin's level and split pointer in one.

use std::sync::OnceLock;

use super::buckets::{self, ZeroIsEmpty};

/// Segments that a 64-bit address space has room for, with one bucket in the first.
const SEGMENTS: usize = 48;

/// A directory of segments.
pub(super) struct Segments<B> {
    directory: [OnceLock<Box<[B]>>; SEGMENTS],
    /// log2 of the buckets in segment 0.
    first: u32,
}

impl<B: ZeroIsEmpty> Segments<B> {
    /// A directory that has `count` buckets at least, `first` (a power of two) of them in its first
    /// segment; nothing if there is no memory for them.
    pub(super) fn open(first: usize, count: usize) -> Option<Segments<B>> {
        assert!(first.is_power_of_two());
        // Where there is no memory for all of it, that is found out at once.
        Vec::<B>::new().try_reserve_exact(count).ok()?;
        let segments = Segments {
            directory: [const { OnceLock::new() }; SEGMENTS],
            first: first.ilog2(),
        };
        while segments.buckets() < count {
            segments.extend()?;
        }
        Some(segments)
    }

    /// The bucket at `index`, which is in a segment that there is.
    #[inline]
    pub(super) fn at(&self, index: usize) -> &B {
        // 0 for the first segment; the position of the highest bit tells the others.
        let segment = (index >> self.first)
            .checked_ilog2()
            .map_or(0, |bit| bit as usize + 1);
        let start = if segment == 0 {
            0
        } else {
            1 << (self.first as usize + segment - 1)
        };
        let buckets = self.directory[segment]
            .get()
            .expect("the segment of a bucket in use");
        &buckets[index - start]
    }

    /// Buckets in all segments, in use or not.
    pub(super) fn buckets(&self) -> usize {
        self.directory
            .iter()
            .map_while(OnceLock::get)
            .map(|segment| segment.len())
            .sum()
    }

    /// Adds a segment, if there is memory (and an index) for it: as many buckets as there are. One
    /// thread does so at a time.
    pub(super) fn extend(&self) -> Option<()> {
        let size = self.buckets().max(1 << self.first);
        let place = self.directory.iter().find(|place| place.get().is_none())?;
        let segment = buckets::zeroed_buckets(size)?;
        assert!(place.set(segment).is_ok(), "one thread extends at a time");
        Some(())
    }
}

/// The bucket that a hash has among `count`. Of `2^level + split` buckets, those below `split` have
/// been split by the next bit of the hash, and so have the `split` last ones, their other halves.
#[inline]
pub(super) fn bucket_of(hash: u64, count: usize) -> usize {
    let bucket = buckets::low_bits(hash, count.next_power_of_two());
    if bucket < count {
        bucket
    } else {
        bucket - count.next_power_of_two() / 2
    }
}

/// How many low bits of a hash all hashes in its bucket share, among `count` buckets: those that have
/// been split, and their other halves, are told apart by one bit more.
#[inline]
pub(super) fn bits_of(hash: u64, count: usize) -> u32 {
    let (level, bucket) = (count.ilog2(), bucket_of(hash, count));
    let unsplit = next_to_split(count)..1 << level;
    level + u32::from(!unsplit.contains(&bucket))
}

/// The bucket that is split when `count` buckets become one more: the other half is bucket `count`.
pub(super) fn next_to_split(count: usize) -> usize {
    count - (1 << count.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::item::Chain;
    use std::cell::UnsafeCell;
    use std::collections::HashSet;

    #[test]
    fn every_bucket_has_a_place_of_its_own() {
        for first in [1, 2, 8] {
            let segments = Segments::<UnsafeCell<Chain>>::open(first, 5 * first).unwrap();
            assert_eq!(segments.buckets(), 8 * first);
            segments.extend().unwrap();
            assert_eq!(segments.buckets(), 16 * first);
            let places: HashSet<_> = (0..16 * first)
                .map(|index| segments.at(index).get())
                .collect();
            assert_eq!(places.len(), 16 * first);
        }
    }

    #[test]
    #[should_panic(expected = "the segment of a bucket in use")]
    fn a_bucket_beyond_the_last_segment_asserts() {
        Segments::<UnsafeCell<Chain>>::open(2, 4).unwrap().at(4);
    }

    #[test]
    fn a_split_divides_one_bucket_and_leaves_the_others() {
        for count in 1..200 {
            let split = next_to_split(count);
            let mut halves = [0, 0];
            for hash in 0..4096 {
                let (before, after) = (bucket_of(hash, count), bucket_of(hash, count + 1));
                assert!(before < count);
                let bits = bits_of(hash, count);
                for other in [hash ^ 1 << bits, hash | 1 << 40] {
                    assert_eq!(bucket_of(other, count), before);
                }
                if bits > 0 {
                    assert_ne!(bucket_of(hash ^ 1 << (bits - 1), count), before);
                }
                if before == after {
                    halves[0] += usize::from(before == split);
                } else {
                    assert_eq!((before, after), (split, count));
                    halves[1] += 1;
                }
            }
            assert_eq!(halves[0], halves[1], "{count}");
        }
    }
}
