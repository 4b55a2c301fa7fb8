//! A hint to the processor: bytes that will be read soon.

/// Bytes of a cache line, as far as prefetching is concerned.
pub(super) const LINE: usize = 64;

/// Asks for the cache line at `place`, to be read soon. Only a hint: it never faults, wherever the
/// pointer points, and where there is no such instruction it does nothing.
#[inline]
pub(super) fn prefetch_read<T>(place: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing as far as the program can see and never faults; every
        // x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = place;
}
