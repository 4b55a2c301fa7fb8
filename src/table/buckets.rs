//! Arrays of buckets: which bucket a hash picks, how many the items need, and the memory for them.

use std::alloc::{Layout, alloc_zeroed};
use std::ptr::NonNull;

use crate::base::{BadInput, SpecError};

/// The bucket, or the stripe, that a hash picks among `size`, a power of two: its low bits.
#[inline]
pub(super) fn low_bits(hash: u64, size: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "only low bits are wanted")]
    let low = hash as usize;
    low & (size - 1)
}

/// How many of `buckets`, doubled until they suffice, hold `items` at `load` items a bucket.
/// Saturates instead of overflowing.
pub(super) fn buckets_for(items: u64, load: f64, buckets: usize) -> usize {
    std::iter::successors(Some(buckets), |buckets| buckets.checked_mul(2))
        .find(|&buckets| items <= items_allowed(buckets, load))
        .unwrap_or(1 << (usize::BITS - 1))
}

/// The greatest number of items that `buckets` hold without exceeding `load` items a bucket.
pub(super) fn items_allowed(buckets: usize, load: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and saturates"
    )]
    let allowed = (load * buckets as f64) as u64;
    allowed
}

/// An array of empty buckets, or nothing if there is no memory for it.
pub(super) fn empty_buckets<B: Default>(buckets: usize) -> Option<Box<[B]>> {
    let mut array = Vec::new();
    array.try_reserve_exact(buckets).ok()?;
    array.resize_with(buckets, B::default);
    Some(array.into_boxed_slice())
}

/// A bucket that is empty, and in every other way as good as new, when all its bytes are zero.
///
/// # Safety
/// All-zero bytes are a valid value of the type.
pub(super) unsafe trait ZeroIsEmpty {}

/// An array of empty buckets, or nothing if there is no memory for it. Where the allocator has fresh pages of the kernel
/// for it, nothing is written: each page comes zeroed when it is first touched, so that this takes microseconds whatever
/// the length. glibc clears arrays up to 32 MiB itself if it cuts them off a heap, which takes up to ten milliseconds.
pub(super) fn zeroed_buckets<B: ZeroIsEmpty>(buckets: usize) -> Option<Box<[B]>> {
    assert!(buckets > 0 && size_of::<B>() > 0);
    let layout = Layout::array::<B>(buckets).ok()?;
    // SAFETY: neither length nor bucket is empty, so the layout's size is not zero.
    let start = unsafe { alloc_zeroed(layout) };
    let array = NonNull::slice_from_raw_parts(NonNull::new(start)?.cast::<B>(), buckets);
    // SAFETY: the memory is fresh, has the layout of this slice, and its zeroes are valid buckets.
    Some(unsafe { Box::from_raw(array.as_ptr()) })
}

/// The error for an array of words that cannot be allocated when a table opens.
pub(super) fn too_many_buckets(strategy: &str, buckets: usize) -> SpecError {
    BadInput(format!(
        "{strategy}: an array of {buckets} buckets takes {} MiB, more than can be allocated; \
         give fewer buckets or less capacity",
        (buckets as u128 * size_of::<usize>() as u128).div_ceil(1 << 20)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_sized_by_load() {
        assert_eq!(items_allowed(1024, 1.5), 1536);
        assert_eq!(buckets_for(1536, 1.5, 1024), 1024);
        assert_eq!(buckets_for(1537, 1.5, 1024), 2048);
        assert_eq!(buckets_for(1, 0.1, 1), 16);
        assert_eq!(buckets_for(1 << 40, 1000.0, 1), 1 << 31);
        assert_eq!(buckets_for(u64::MAX, 0.1, 1), 1 << 63);
        assert!(empty_buckets::<Option<Box<u8>>>(1 << 63).is_none());
        assert!(too_many_buckets("fixed", 1 << 32).0.contains("32768 MiB"));
        assert_eq!(low_bits(u64::MAX, 1024), 1023);
        assert_eq!(low_bits(u64::MAX, 1), 0);
    }
}
