//! Blocks that are too long for pages: they keep their class, and their place, for ever; but the memory of free ones goes
//! back to the system.

use std::collections::VecDeque;
use std::ptr::{NonNull, null_mut};

use super::chunk::{Chunk, LARGEST_CHUNK, LINE, give_back};
use super::sizes::{CLASSES, PAGED, class_bytes};
use crate::table::sync::{Mutex, MutexGuard};

/// The first chunk.
const SMALLEST_CHUNK: usize = 64 << 10;
/// Free bytes whose memory is kept where few are in use.
const KEPT: u64 = 2 << 20;
/// Blocks that are kept of the class that was freed last, however long they are: another is likely wanted soon.
const LAST: usize = 2;
/// Bytes that one call gives the system, or one block that has more: the caller may have a bucket locked.
const GIVEN: usize = 256 << 10;
/// Pages of the system have so many bytes, or some such blocks are not given back whole.
const SYSTEM_PAGE: usize = 4 << 10;

/// The depot of large blocks.
#[derive(Default)]
pub(super) struct Large(Mutex<Blocks>);

struct Blocks {
    chunks: Vec<Chunk>,
    /// The rest of the last chunk that blocks are cut from.
    fresh: *mut u8,
    left: usize,
    next: usize,
    free: Vec<FreeOfClass>,
    /// The class that was freed last.
    last: usize,
    /// Bytes of blocks that are not in `free`, and bytes of free ones that hold what was last in them.
    used: u64,
    warm: u64,
}

/// Free blocks of one class. Not linked through their words: these may have gone to the system.
#[derive(Clone, Default)]
struct FreeOfClass {
    /// Blocks that hold what was last in them, those that were freed last at the back.
    warm: VecDeque<NonNull<u8>>,
    /// Blocks whose memory has been given back.
    cold: Vec<NonNull<u8>>,
}

// SAFETY: the blocks are memory of the slab, which any thread may use.
unsafe impl Send for Blocks {}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks {
            chunks: Vec::new(),
            fresh: null_mut(),
            left: 0,
            next: SMALLEST_CHUNK,
            free: Vec::new(),
            last: PAGED,
            used: 0,
            warm: 0,
        }
    }
}

impl Blocks {
    /// The free blocks of a class.
    fn of(&mut self, class: usize) -> &mut FreeOfClass {
        if self.free.is_empty() {
            self.free = vec![FreeOfClass::default(); CLASSES - PAGED];
        }
        &mut self.free[class - PAGED]
    }

    /// A block that never was one, not initialised: nobody loads words of a block that is not in a page before they were
    /// stored.
    fn cut(&mut self, bytes: usize) -> NonNull<u8> {
        if bytes > LARGEST_CHUNK / 8 {
            return self.keep(bytes);
        }
        // What is as long as whole pages of the system begins with one, so as to be given back whole.
        let align = if bytes.is_multiple_of(SYSTEM_PAGE) {
            SYSTEM_PAGE
        } else {
            LINE
        };
        let mut skip = self.fresh.align_offset(align);
        if self.left < bytes.saturating_add(skip) {
            while self.next < 4 * bytes {
                self.next *= 2;
            }
            (self.left, skip) = (self.next, 0);
            self.fresh = self.keep(self.left).as_ptr();
            self.next = (self.next * 2).min(LARGEST_CHUNK);
        }
        self.left -= skip + bytes;
        let block = self.fresh.wrapping_add(skip);
        self.fresh = block.wrapping_add(bytes);
        NonNull::new(block).expect("a chunk has an address")
    }

    fn keep(&mut self, bytes: usize) -> NonNull<u8> {
        let chunk = Chunk::demand(bytes, SYSTEM_PAGE);
        let start = chunk.start();
        self.chunks.push(chunk);
        start
    }

    /// Takes out a free block that holds what was last in it: the oldest of the class that was freed last, or
    /// one of another class if that has no more than are kept.
    fn take_warm(&mut self) -> Option<(usize, NonNull<u8>)> {
        let last = self.last;
        let class = if self.of(last).warm.len() > LAST {
            last
        } else {
            let others = self.free.iter().enumerate();
            let mut others =
                others.filter(|(at, free)| PAGED + at != last && !free.warm.is_empty());
            PAGED + others.next()?.0
        };
        let block = self.of(class).warm.pop_front()?;
        self.warm -= class_bytes(class) as u64;
        Some((class, block))
    }
}

impl Large {
    /// A block of a class.
    pub(super) fn take(&self, class: usize) -> NonNull<u8> {
        let bytes = class_bytes(class);
        let mut blocks = self.0.lock();
        blocks.used += bytes as u64;
        let free = blocks.of(class);
        if let Some(block) = free.warm.pop_back() {
            blocks.warm -= bytes as u64;
            return block;
        }
        if let Some(block) = free.cold.pop() {
            return block;
        }
        blocks.cut(bytes)
    }

    /// Takes back a block. As long as more bytes of free ones are at hand than an eighth of those in use, the memory of
    /// some goes to the system.
    pub(super) fn give(&self, class: usize, block: NonNull<u8>) {
        let bytes = class_bytes(class) as u64;
        let mut blocks = self.0.lock();
        blocks.used -= bytes;
        blocks.of(class).warm.push_back(block);
        blocks.warm += bytes;
        blocks.last = class;
        self.give_some_back(blocks);
    }

    /// Gives the system memory of blocks of which there are too many at hand, if so, and says whether there were.
    pub(super) fn trim(&self) -> bool {
        self.give_some_back(self.0.lock())
    }

    fn give_some_back<'l>(&'l self, mut blocks: MutexGuard<'l, Blocks>) -> bool {
        let mut given = 0;
        while given < GIVEN && blocks.warm > KEPT.max(blocks.used / 8) {
            let Some((class, block)) = blocks.take_warm() else {
                break;
            };
            drop(blocks);
            given += class_bytes(class);
            // SAFETY: a block is of one chunk, and this one is nobody's, as it is in no list.
            unsafe { give_back(block, class_bytes(class)) };
            blocks = self.0.lock();
            blocks.of(class).cold.push(block);
        }
        given > 0
    }

    /// Bytes of blocks in use, of free ones at hand, and of free ones whose memory has been given back.
    #[cfg(all(test, not(loom)))]
    pub(super) fn figures(&self) -> [u64; 3] {
        let blocks = self.0.lock();
        let of = |(at, free): (usize, &FreeOfClass)| free.cold.len() * class_bytes(PAGED + at);
        let cold: usize = blocks.free.iter().enumerate().map(of).sum();
        [blocks.used, blocks.warm, cold as u64]
    }
}
