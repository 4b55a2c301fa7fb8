//! Free blocks: a stack through their first words, and a run of blocks that were never cut.

use std::ptr::{NonNull, null_mut};

use crate::table::sync::atomic::{AtomicPtr, Ordering};

/// A stack of free blocks, linked through their first words.
#[derive(Clone, Copy)]
pub(super) struct Free {
    pub(super) top: *mut AtomicPtr<u8>,
    pub(super) count: usize,
}

// SAFETY: the pointers are to blocks that only the owner of the stack has, in memory of the slab, which any thread may
// use.
unsafe impl Send for Free {}

impl Free {
    pub(super) const NONE: Free = Free {
        top: null_mut(),
        count: 0,
    };

    /// Adds a block. Stale readers may look at it: so the thread has unlinked it under a lock of its bucket, or has
    /// called `fence_before_reuse` since it got hold of it.
    #[inline]
    pub(super) fn push(&mut self, block: NonNull<u8>) {
        let link = block.cast::<AtomicPtr<u8>>();
        // SAFETY: a block is aligned and as long as a pointer at least, stays mapped, and belongs to the thread that
        // frees it. The store is atomic, as stale readers may look; it comes after the lock under
        // which the block was unlinked, so no reader takes it for the entry.
        unsafe { link.as_ref() }.store(self.top.cast(), Ordering::Relaxed);
        *self = Free {
            top: link.as_ptr(),
            count: self.count + 1,
        };
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.top)?;
        // SAFETY: a block on the stack starts with the link that `push` stored.
        let next = unsafe { block.as_ref() }.load(Ordering::Relaxed);
        *self = Free {
            top: next.cast(),
            count: self.count - 1,
        };
        Some(block.cast())
    }
}

/// Blocks behind one another that nobody has cut off yet.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) at: *mut u8,
    pub(super) count: usize,
}

// SAFETY: as for `Free`.
unsafe impl Send for Run {}

impl Run {
    pub(super) const NONE: Run = Run {
        at: null_mut(),
        count: 0,
    };

    /// The first of the blocks, of so many bytes.
    pub(super) fn cut(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        self.count = self.count.checked_sub(1)?;
        let block = NonNull::new(self.at)?;
        // Wrapping: behind the last block is the end of the page, which may be that of the chunk.
        self.at = self.at.wrapping_add(bytes);
        Some(block)
    }
}
