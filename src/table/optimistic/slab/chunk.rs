//! Memory from the allocator, which stays mapped for as long as the table lives, and how what is in it is given back.
//!
//! An allocator that is asked for zeros may have to write them all at once, as glibc's does up to 32 MiB where it cuts
//! the memory off a heap: 2 MiB then take a millisecond, with the pages that the kernel gives meanwhile. So a table that
//! must not pause takes memory that is not initialised, and clears it step by step.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// A cache line: what buckets are aligned to, and chunks.
pub(super) const LINE: usize = 64;
/// A huge page.
pub(super) const LARGEST_CHUNK: usize = 2 << 20;

/// Memory, aligned, freed when dropped.
pub(in crate::table) struct Chunk {
    memory: NonNull<u8>,
    layout: Layout,
    align: usize,
}

// SAFETY: the memory is owned exclusively, as in a `Box`, and holds plain words.
unsafe impl Send for Chunk {}

impl Chunk {
    /// So many zeroed bytes on a cache line, or nothing if there is no memory for them.
    pub(in crate::table) fn zeroed(bytes: usize) -> Option<Chunk> {
        Chunk::of(bytes, LINE, alloc_zeroed)
    }

    /// The same, not initialised: [`clear`] comes before the first use of each byte.
    pub(in crate::table) fn uncleared(bytes: usize) -> Option<Chunk> {
        Chunk::uncleared_at(bytes, LINE)
    }

    fn uncleared_at(bytes: usize, align: usize) -> Option<Chunk> {
        let chunk = Chunk::of(bytes, align, alloc)?;
        #[cfg(all(test, not(miri)))]
        // So that a test fails where memory is used uncleared.
        // SAFETY: the block has so many bytes, and no other thread has it.
        unsafe {
            chunk.memory.write_bytes(0xa5, chunk.layout.size());
        }
        Some(chunk)
    }

    fn of(bytes: usize, align: usize, take: unsafe fn(Layout) -> *mut u8) -> Option<Chunk> {
        // More than malloc's own alignment would make an allocator that is asked for zeros write them all itself,
        // where fresh pages have them for nothing; so the start is aligned here.
        let layout = Layout::from_size_align(bytes.checked_add(align)?, 16).ok()?;
        // SAFETY: the size is a line at least.
        let memory = NonNull::new(unsafe { take(layout) })?;
        Some(Chunk {
            memory,
            layout,
            align,
        })
    }

    /// Bytes at a multiple of a power of two, not initialised, without which a table cannot go on: their lack ends the
    /// process, as for a `Box`.
    pub(super) fn demand(bytes: usize, align: usize) -> Chunk {
        Chunk::uncleared_at(bytes, align).unwrap_or_else(|| {
            let layout = Layout::from_size_align(bytes, align).unwrap_or(Layout::new::<u8>());
            handle_alloc_error(layout)
        })
    }

    /// The first byte that is aligned; the bytes that were asked for follow.
    pub(in crate::table) fn start(&self) -> NonNull<u8> {
        let skip = self.memory.align_offset(self.align);
        // SAFETY: at most the alignment less one, and the block is longer by that than what was asked.
        unsafe { self.memory.add(skip) }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout by `of`, and dropping happens once.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) }
    }
}

/// Makes bytes of an uncleared chunk zeros.
///
/// # Safety
/// The bytes are of one chunk, and no other thread has a way to them yet.
pub(in crate::table) unsafe fn clear(start: NonNull<u8>, bytes: usize) {
    // SAFETY: as the caller promises, they are mapped, and nobody else's.
    unsafe { start.write_bytes(0, bytes) }
}

/// Whether all bytes of what lies in a chunk are zeros.
#[cfg(all(test, not(loom)))]
pub(in crate::table) fn is_zero<T>(place: &T) -> bool {
    let start = std::ptr::from_ref(place).cast::<u8>();
    // SAFETY: the bytes are those of the reference; tests are alone with them.
    let bytes = unsafe { std::slice::from_raw_parts(start, size_of::<T>()) };
    bytes.iter().all(|byte| *byte == 0)
}

/// Gives the system back what is in these bytes of a chunk, as far as they are whole pages of its own. The memory stays
/// mapped, and zeros are read from then on. To a stale reader it is a store like another: the system has every processor
/// drop its view of the page, which none does before it sees what this one had stored.
///
/// # Safety
/// The bytes are of one chunk, and no thread needs what is in them, nor stores into them meanwhile.
pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize) {
    let page = rustix::param::page_size();
    let skip = start.align_offset(page);
    let whole = bytes.saturating_sub(skip) / page * page;
    if whole > 0 {
        use rustix::mm::{Advice, madvise};
        // SAFETY: the range lies within a chunk, as the caller promises, and has nothing that is needed. What the system
        // refuses stays as it is.
        let _ = unsafe {
            madvise(
                start.add(skip).as_ptr().cast(),
                whole,
                Advice::LinuxDontNeed,
            )
        };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_and_zero_and_zero_again_once_it_was_given_back() {
        for align in [LINE, 64 << 10] {
            let bytes = 200 << 10;
            let chunk = Chunk::of(bytes, align, alloc_zeroed).unwrap();
            let start = chunk.start();
            assert_eq!(start.align_offset(align), 0);
            let page = rustix::param::page_size();
            // SAFETY: no other thread has the chunk, whose bytes are initialised.
            unsafe {
                let all = |value: u8| -> usize {
                    let bytes = NonNull::slice_from_raw_parts(start, bytes).as_ref();
                    bytes.iter().map(|byte| usize::from(*byte == value)).sum()
                };
                assert_eq!(all(0), bytes);
                start.write_bytes(7, bytes);
                give_back(start.add(8), bytes - 8);
                assert!(all(0) > bytes - 2 * page && start.read() == 7 && all(7) >= 8);
                start.write_bytes(7, bytes);
                give_back(start.add(start.align_offset(page) + 8), page);
                assert_eq!(all(7), bytes);
            }
        }
    }

    #[test]
    fn absurd_sizes_are_refused() {
        for absurd in [usize::MAX, 1 << 62] {
            // The compiler may otherwise do without an allocation that is not used.
            assert!(std::hint::black_box(Chunk::zeroed(absurd)).is_none());
            assert!(std::hint::black_box(Chunk::uncleared(absurd)).is_none());
        }
    }
}
