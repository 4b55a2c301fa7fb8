//! What lets independent lookups wait for memory together: prefetch hints, and the locks of a group
//! of keys taken at once.

use crate::base::Key;

/// The most keys that a lookup of several works on at a time. Cores of today follow 10 to 16 misses
/// at once (Intel's line fill buffers); more keys than that only wait in line, and hold locks.
pub(super) const GROUP: usize = 16;

/// How many operations lie between two passes over a batch of sets: bucket, entry, set. Eight buckets and eight entries
/// are [`GROUP`] misses under way, and eight sets take longer than memory does. The prefill, which hints at the bucket
/// alone, keeps the same distance.
pub(crate) const AHEAD: usize = GROUP / 2;

/// Bytes of a cache line, as far as prefetching is concerned.
pub(super) const LINE: usize = 64;

/// Asks for the cache line at `address`, to be read soon. A hint: any address will do, mapped or
/// not, and nothing is read as far as the program can tell.
#[inline]
pub(super) fn prefetch_read<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every x86-64 has the instruction, and it faults for no address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// The keys of a lookup of several in groups, each with the index of its first key.
#[inline]
pub(super) fn groups<'k, 'b>(keys: &'k [Key<'b>]) -> impl Iterator<Item = (usize, &'k [Key<'b>])> {
    (0..).step_by(GROUP).zip(keys.chunks(GROUP))
}

/// Takes the locks of a group, each once and in the order of their indices, so that threads which
/// do so (or which take all locks in that order) cannot wait for each other in a circle. The caller
/// holds no lock.
///
/// At most [`GROUP`] indices are looked at; the guards come in no order that matters.
#[inline]
pub(super) fn lock_group<G>(
    indices: impl Iterator<Item = usize>,
    lock: impl Fn(usize) -> G,
) -> [Option<G>; GROUP] {
    let mut wanted = [0; GROUP];
    let mut count = 0;
    for (place, index) in wanted.iter_mut().zip(indices) {
        *place = index;
        count += 1;
    }
    wanted[..count].sort_unstable();
    let mut guards = [const { None }; GROUP];
    for at in 0..count {
        if at == 0 || wanted[at] != wanted[at - 1] {
            guards[at] = Some(lock(wanted[at]));
        }
    }
    guards
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn a_prefetch_of_any_address_is_harmless() {
        prefetch_read(&7u64);
        prefetch_read(std::ptr::null::<u64>());
        prefetch_read(std::ptr::without_provenance::<u8>(usize::MAX));
    }

    #[test]
    fn locks_are_taken_once_and_in_order() {
        let taken = RefCell::new(Vec::new());
        let guards = lock_group([5, 3, 5, 0, 3].into_iter(), |index| {
            taken.borrow_mut().push(index);
            index
        });
        assert_eq!(*taken.borrow(), [0, 3, 5]);
        assert_eq!(guards.into_iter().flatten().collect::<Vec<_>>(), [0, 3, 5]);
        assert!(
            lock_group(std::iter::empty(), |_| ())
                .iter()
                .all(Option::is_none)
        );
    }
}
