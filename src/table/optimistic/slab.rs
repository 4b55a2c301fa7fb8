//! Memory that stays what it is: blocks by size class, cut from chunks that are never given back
//! while the table lives.
//!
//! ```text
//!   session ─▶ Arena: per class two magazines of free blocks, and a chunk to cut new ones from
//!                 │ a full magazine too many        ▲ none left
//!                 ▼                                 │
//!              Depot: per class a stack of full magazines, under one mutex
//! ```
//!
//! Stale readers may look at a block after it was freed and reused: so a block keeps its class and
//! its place for ever, all memory is zeroed before the first use, and free blocks are linked through
//! atomics. Item blocks and overflow buckets never turn into each other.
//!
//! Classes go up by 8 bytes to 512, then in eight steps a doubling: at most an eighth is lost to
//! rounding. A session owns an arena while it lives and leaves it to the next session; blocks freed
//! by one session reach another a magazine at a time.
//!
//! **Source:** Bonwick, *The Slab Allocator*, 1994 (type-stable memory by class; memcached's slabs
//! come from it); Bonwick and Adams, *Magazines and Vmem*, 2001 (the depot).

use crate::table::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use crate::table::sync::Mutex;
use crossbeam_utils::CachePadded;

/// The class of overflow buckets: 64 bytes, aligned to as many.
pub(in crate::table) const OVERFLOW: usize = 0;
/// Classes in steps of 8 bytes: 1 is 8 bytes, 64 is 512.
const FINE: usize = 64;
/// Enough for a header and two lengths of 32 bits.
const CLASSES: usize = FINE + 1 + 8 * 25;
/// A cache line: what buckets are aligned to, and chunks.
const LINE: usize = 64;
const FIRST_CHUNK: usize = 4 << 10;
/// A huge page.
const LARGEST_CHUNK: usize = 2 << 20;

/// The class of blocks for so many bytes of item.
#[inline]
pub(in crate::table) fn class_for(bytes: usize) -> usize {
    if bytes <= 512 {
        return bytes.div_ceil(8).max(1);
    }
    // Between 2^power and twice that, eight steps of 2^(power - 3).
    let power = (bytes - 1).ilog2() as usize;
    let step = (bytes - 1) >> (power - 3) & 7;
    FINE + 1 + (power - 9) * 8 + step
}

/// Bytes of the blocks of a class.
#[inline]
pub(in crate::table) fn class_bytes(class: usize) -> usize {
    match class {
        OVERFLOW => LINE,
        1..=FINE => 8 * class,
        _ => {
            let (power, step) = (9 + (class - FINE - 1) / 8, (class - FINE - 1) % 8);
            (9 + step) << (power - 3)
        }
    }
}

/// Free blocks of this class that travel together.
fn magazine_size(class: usize) -> usize {
    (32 << 10)
        .min(LARGEST_CHUNK / class_bytes(class))
        .clamp(1, 64)
}

/// Zeroed memory, aligned to a cache line, freed when dropped.
pub(in crate::table) struct Chunk {
    memory: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory is owned exclusively, as in a `Box`, and holds plain words.
unsafe impl Send for Chunk {}

impl Chunk {
    /// So many bytes, or nothing if there is no memory for them.
    pub(in crate::table) fn zeroed(bytes: usize) -> Option<Chunk> {
        // More than malloc's own alignment would make the allocator write all the zeros itself,
        // where fresh pages have them for nothing; so the start is aligned here.
        let layout = Layout::from_size_align(bytes.checked_add(LINE)?, 16).ok()?;
        // SAFETY: the size is a line at least.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Chunk { memory, layout })
    }

    /// The first byte on a line; the bytes that were asked for follow.
    pub(in crate::table) fn start(&self) -> NonNull<u8> {
        let skip = self.memory.align_offset(LINE);
        // SAFETY: at most a line less one, and the block is longer by a line than what was asked.
        unsafe { self.memory.add(skip) }
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout by `zeroed`, and dropping happens once.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) }
    }
}

/// The slab of one table.
pub(in crate::table) struct Slab {
    chunks: Mutex<Vec<Chunk>>,
    depot: Mutex<Vec<Vec<Free>>>,
    idle: Mutex<Vec<Arena>>,
    counts: Mutex<Vec<Arc<CachePadded<Counts>>>>,
}

/// What one arena's sessions have added, less what they have taken away: below zero and wrapped
/// where they took what others added. Written by the owner alone.
#[derive(Default)]
struct Counts {
    items: AtomicU64,
    bytes: AtomicU64,
}

/// A stack of free blocks, linked through their first words.
#[derive(Clone, Copy)]
struct Free {
    top: *mut AtomicPtr<u8>,
    count: usize,
}

/// One session's part of the slab.
pub(in crate::table) struct Arena {
    /// Fresh memory to cut blocks from.
    fresh: *mut u8,
    left: usize,
    next_chunk: usize,
    magazines: Box<[[Free; 2]]>,
    counts: Arc<CachePadded<Counts>>,
}

// SAFETY: the pointers are to blocks that only this arena has, in memory of the slab, which any
// thread may use.
unsafe impl Send for Arena {}
// SAFETY: as above.
unsafe impl Send for Free {}

impl Free {
    const NONE: Free = Free {
        top: null_mut(),
        count: 0,
    };

    fn push(&mut self, block: NonNull<u8>) {
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

    fn pop(&mut self) -> Option<NonNull<u8>> {
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

impl Slab {
    pub(in crate::table) fn new() -> Slab {
        Slab {
            chunks: Mutex::default(),
            depot: Mutex::new(vec![Vec::new(); CLASSES]),
            idle: Mutex::default(),
            counts: Mutex::default(),
        }
    }

    /// An arena for a session: one that another left, or a new one.
    pub(in crate::table) fn take_arena(&self) -> Arena {
        let idle = self.idle.lock().pop();
        idle.unwrap_or_else(|| {
            let counts = Arc::<CachePadded<Counts>>::default();
            self.counts.lock().push(Arc::clone(&counts));
            Arena {
                fresh: null_mut(),
                left: 0,
                next_chunk: FIRST_CHUNK,
                magazines: vec![[Free::NONE; 2]; CLASSES].into_boxed_slice(),
                counts,
            }
        })
    }

    /// Leaves an arena to the next session.
    pub(in crate::table) fn leave_arena(&self, arena: Arena) {
        self.idle.lock().push(arena);
    }

    /// Items, and bytes of blocks in use.
    pub(in crate::table) fn used(&self) -> (u64, u64) {
        let (mut items, mut bytes) = (0_u64, 0_u64);
        for counts in &*self.counts.lock() {
            items = items.wrapping_add(counts.items.load(Ordering::Relaxed));
            bytes = bytes.wrapping_add(counts.bytes.load(Ordering::Relaxed));
        }
        // While others work, a removal may be seen without the addition before it.
        (
            items.cast_signed().max(0).cast_unsigned(),
            bytes.cast_signed().max(0).cast_unsigned(),
        )
    }

    fn keep_chunk(&self, bytes: usize) -> NonNull<u8> {
        let Some(chunk) = Chunk::zeroed(bytes) else {
            handle_alloc_error(Layout::from_size_align(bytes, LINE).unwrap_or(Layout::new::<u8>()))
        };
        let start = chunk.start();
        self.chunks.lock().push(chunk);
        start
    }
}

impl Arena {
    /// A block of a class: zeroed if it was never used, else as its last user left it, but for the
    /// first word. Out of memory ends the process, as for a `Box`.
    pub(in crate::table) fn allocate(&mut self, slab: &Slab, class: usize) -> NonNull<u8> {
        self.count(0, class_bytes(class).cast_signed());
        let [loaded, spare] = &mut self.magazines[class];
        if let Some(block) = loaded.pop() {
            return block;
        }
        std::mem::swap(loaded, spare);
        if loaded.count == 0
            && let Some(full) = slab.depot.lock()[class].pop()
        {
            *loaded = full;
        }
        if let Some(block) = loaded.pop() {
            return block;
        }
        self.cut(slab, class)
    }

    /// Takes back a block that no bucket holds any longer.
    ///
    /// # Safety
    /// The block came from [`Arena::allocate`] of an arena of this slab with this class, and
    /// the thread that frees it had sole use of it.
    pub(in crate::table) unsafe fn free(&mut self, slab: &Slab, class: usize, block: NonNull<u8>) {
        self.count(0, -class_bytes(class).cast_signed());
        let [loaded, spare] = &mut self.magazines[class];
        if loaded.count == magazine_size(class) {
            if spare.count > 0 {
                slab.depot.lock()[class].push(std::mem::replace(spare, Free::NONE));
            }
            std::mem::swap(loaded, spare);
        }
        loaded.push(block);
    }

    /// Counts items and bytes more or less.
    #[inline]
    pub(in crate::table) fn count(&self, items: isize, bytes: isize) {
        let add = |count: &AtomicU64, change: isize| {
            // Only the owner of an arena writes its counts.
            let count_now = count.load(Ordering::Relaxed);
            count.store(
                count_now.wrapping_add_signed(change as i64),
                Ordering::Relaxed,
            );
        };
        add(&self.counts.items, items);
        add(&self.counts.bytes, bytes);
    }

    #[cold]
    fn cut(&mut self, slab: &Slab, class: usize) -> NonNull<u8> {
        let bytes = class_bytes(class);
        if bytes > LARGEST_CHUNK / 8 {
            return slab.keep_chunk(bytes);
        }
        let mut skip = if class == OVERFLOW {
            self.fresh.align_offset(LINE)
        } else {
            0
        };
        if self.left < bytes.saturating_add(skip) {
            while self.next_chunk < 8 * bytes {
                self.next_chunk *= 2;
            }
            (self.left, skip) = (self.next_chunk, 0);
            self.fresh = slab.keep_chunk(self.left).as_ptr();
            self.next_chunk = (self.next_chunk * 2).min(LARGEST_CHUNK);
        }
        // SAFETY: `left` bytes of a chunk, unused by anyone, start at `fresh`; skip and block are
        // within them.
        unsafe {
            let block = self.fresh.add(skip);
            self.fresh = block.add(bytes);
            self.left -= skip + bytes;
            NonNull::new_unchecked(block)
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_are_for_and_waste_little() {
        for bytes in 1..5000 {
            let (class, next) = (class_for(bytes), class_for(bytes + 1));
            assert!(next == class || next == class + 1, "{bytes}");
        }
        for bytes in (1..5000).chain((1..33).flat_map(|power| {
            let size = 1_usize << power;
            [size - 1, size, size + 1, size + size / 3]
        })) {
            let class = class_for(bytes);
            let room = class_bytes(class);
            assert!(
                class < CLASSES && room >= bytes && room.is_multiple_of(8),
                "{bytes}: {room}"
            );
            assert!(
                room - bytes < 8.max(bytes.div_ceil(8) + 1),
                "{bytes}: {room}"
            );
            assert_eq!(class_for(room), class, "{bytes}");
        }
        assert!(class_for(8 + 2 * (1 << 32)) < CLASSES);
    }

    #[test]
    fn blocks_are_apart_and_come_back_across_arenas() {
        let slab = Slab::new();
        let (mut one, mut other) = (slab.take_arena(), slab.take_arena());
        let class = class_for(92);
        let mut blocks: Vec<_> = (0..1000).map(|_| one.allocate(&slab, class)).collect();
        let line = one.allocate(&slab, OVERFLOW);
        assert_eq!(line.align_offset(64), 0);
        assert_eq!(slab.used(), (0, 96 * 1000 + 64));
        blocks.sort_unstable();
        assert!(
            blocks
                .windows(2)
                .all(|pair| pair[1].addr().get() - pair[0].addr().get() >= 96)
        );
        for block in &blocks {
            // SAFETY: just allocated from this slab, with this class, and used by no other thread.
            unsafe { other.free(&slab, class, *block) };
        }
        assert_eq!(slab.used(), (0, 64));
        // All but what `other` still has in its two magazines.
        let again = 1000 - 2 * magazine_size(class);
        for _ in 0..again {
            assert!(blocks.binary_search(&one.allocate(&slab, class)).is_ok());
        }
        slab.leave_arena(other);
        let mut heir = slab.take_arena();
        assert!(blocks.binary_search(&heir.allocate(&slab, class)).is_ok());
    }

    #[test]
    fn large_blocks_have_chunks_of_their_own() {
        let slab = Slab::new();
        let mut arena = slab.take_arena();
        let class = class_for(1 << 20);
        let block = arena.allocate(&slab, class);
        assert_eq!(slab.chunks.lock().len(), 1);
        // SAFETY: just allocated from this slab, with this class, and used by no other thread.
        unsafe { arena.free(&slab, class, block) };
        assert_eq!(arena.allocate(&slab, class), block);
        for absurd in [usize::MAX, 1 << 62] {
            // The compiler may otherwise do without an allocation that is not used.
            assert!(std::hint::black_box(Chunk::zeroed(absurd)).is_none());
        }
    }
}
