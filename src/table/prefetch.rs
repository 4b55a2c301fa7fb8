//! Asking for a cache line before it is needed.

/// Asks the processor to bring the cache line at `pointer` into its caches, without waiting for it.
/// Reads nothing: the address may be anything, null and freed memory included. Does nothing where
/// the processor offers no stable way to ask.
#[inline]
pub(super) fn prefetch_read<T>(pointer: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults and never changes what the program computes; every
        // x86-64 processor has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(pointer.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = pointer;
}
