//! The program's allocator: the heap that was chosen at the process's birth, and a count of what one
//! thread allocates.
//!
//! The program installs it once, `#[global_allocator] static ALLOCATOR: CountingAllocator =
//! CountingAllocator;`. It is off until a thread calls [`start`], and then counts that thread alone;
//! off, it costs one thread-local load for each allocation. A program that has another allocator
//! gets `None` from [`stop`], never a wrong count.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::hint::black_box;

use super::choice::ChosenHeap;

/// The allocator that the environment chose (see [`super::Allocator`]), with the count in front.
#[derive(Debug)]
pub struct CountingAllocator;

thread_local! {
    /// Live bytes since `start`; `None` while off. Built at compile time and without a destructor,
    /// so that touching it never allocates and works while a thread ends.
    static LIVE_BYTES: Cell<Option<i64>> = const { Cell::new(None) };
}

/// Begins to count on the calling thread, from 0. A count that was going on is dropped.
///
/// Does nothing if [`CountingAllocator`] is not the global allocator.
pub fn start() {
    LIVE_BYTES.set(installed().then_some(0));
}

/// Ends the count of the calling thread and returns its live bytes: those it allocated since
/// [`start`] less those it freed, by the sizes asked for. Negative where it freed more.
///
/// `None` if [`CountingAllocator`] is not the global allocator, or nothing was started.
pub fn stop() -> Option<i64> {
    LIVE_BYTES.take()
}

/// The live bytes of the calling thread so far, as [`stop`] would return them; the count goes on.
pub fn live() -> Option<i64> {
    LIVE_BYTES.get()
}

/// Whether [`CountingAllocator`] is the global allocator: found out by allocating. A count that is
/// going on is unharmed.
pub fn installed() -> bool {
    let outer = LIVE_BYTES.replace(Some(0));
    // Opaque to the compiler, which may otherwise do without the allocation.
    let probe = black_box(Box::new(1_u8));
    let counted = LIVE_BYTES.get() == Some(1);
    drop(probe);
    LIVE_BYTES.set(outer);
    counted
}

#[inline]
fn count(bytes: impl FnOnce() -> i64) {
    // An error means that the thread has ended, and no caller asks for its count then.
    let _ = LIVE_BYTES.try_with(|live| {
        if let Some(so_far) = live.get() {
            live.set(Some(so_far.wrapping_add(bytes())));
        }
    });
}

/// A layout's size is at most `isize::MAX`.
fn signed(size: usize) -> i64 {
    size.cast_signed() as i64
}

// SAFETY: every method hands its arguments unchanged to `ChosenHeap`, which keeps the contract, and
// returns what it returned; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the ones that `ChosenHeap` asks for.
        let block = unsafe { ChosenHeap.alloc(layout) };
        if !block.is_null() {
            count(|| signed(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let block = unsafe { ChosenHeap.alloc_zeroed(layout) };
        if !block.is_null() {
            count(|| signed(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `ChosenHeap` with this layout, through a method of this impl.
        unsafe { ChosenHeap.dealloc(block, layout) };
        count(|| -signed(layout.size()));
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`; the caller vouches for the new size.
        let moved = unsafe { ChosenHeap.realloc(block, layout, size) };
        // On failure the old block stays as it was.
        if !moved.is_null() {
            count(|| signed(size) - signed(layout.size()));
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The library's own tests run on the default allocator; `tests/all/memory.rs` has the counts.
    #[test]
    fn without_the_allocator_there_is_no_count() {
        assert!(!installed());
        start();
        assert_eq!(live(), None);
        let bytes = black_box(vec![0_u8; 100]);
        assert_eq!(stop(), None);
        drop(bytes);
    }

    /// Called by hand, the allocator counts and hands on what the heap gives.
    #[test]
    fn every_method_counts() {
        let (layout, larger) = (
            Layout::from_size_align(100, 8).unwrap(),
            Layout::from_size_align(300, 8).unwrap(),
        );
        LIVE_BYTES.set(Some(0));
        assert_eq!(live(), Some(0));
        // SAFETY: the layout has a size.
        let block = unsafe { CountingAllocator.alloc_zeroed(layout) };
        assert_eq!(LIVE_BYTES.get(), Some(100));
        // SAFETY: the block is live, of this layout, and the new size is fit for the alignment.
        let block = unsafe { CountingAllocator.realloc(block, layout, 300) };
        assert_eq!(LIVE_BYTES.get(), Some(300));
        // SAFETY: the block is live and now of the larger layout.
        unsafe { CountingAllocator.dealloc(block, larger) };
        assert_eq!(stop(), Some(0));
    }
}
