//! The pages of a slab that no class has: some at hand, and chunks to cut further ones from.

use std::collections::VecDeque;
use std::ptr::{NonNull, null_mut};

use super::chunk::{Chunk, LARGEST_CHUNK, give_back};
use super::page::{Blank, EAGER, Page};
use super::sizes::PAGE;
use crate::table::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::table::sync::{Mutex, MutexGuard};

/// Pages of the largest chunk, and those that are kept at hand where few are in use.
const MOST_PAGES: usize = LARGEST_CHUNK / PAGE;
/// Pages whose memory one call gives the system: the caller may have a bucket locked.
const GIVEN: usize = 4;
/// Bytes of room in pages that are let be, beside a part of what is in use: one in [`SPARSE`].
const LET_BE: usize = 2 << 20;
const SPARSE: usize = 8;

/// The pages that no class has, and how many there are of which kind.
#[derive(Default)]
pub(super) struct Pool {
    unused: Mutex<Unused>,
    /// Whether more pages are at hand than are kept.
    has_surplus: AtomicBool,
    /// Pages that classes have, as [`Unused`] counts them.
    used: AtomicUsize,
    /// Bytes of blocks that are free in these.
    room: AtomicUsize,
}

struct Unused {
    chunks: Vec<Chunk>,
    /// The rest of the last chunk.
    fresh: *mut u8,
    left: usize,
    next: usize,
    /// Pages that hold what was last in them, those that came back last at the back.
    warm: VecDeque<Blank>,
    /// Pages whose memory has been given back. What was not cleared is not for certain: the system may have refused.
    cold: Vec<Blank>,
    /// Pages that a class has.
    used: usize,
}

// SAFETY: the pages are memory of the slab, which any thread may use.
unsafe impl Send for Unused {}

impl Default for Unused {
    fn default() -> Unused {
        Unused {
            chunks: Vec::new(),
            fresh: null_mut(),
            left: 0,
            next: 1,
            warm: VecDeque::new(),
            cold: Vec::new(),
            used: 0,
        }
    }
}

impl Unused {
    /// A page that never was a class's, if the last chunk has one.
    fn cut(&mut self) -> Option<Blank> {
        self.left = self.left.checked_sub(1)?;
        let memory = NonNull::new(self.fresh)?;
        // Wrapping: behind the last page is the end of the chunk.
        self.fresh = self.fresh.wrapping_add(PAGE);
        // The header is written before it is read.
        let cleared = size_of::<Page>();
        Some(Blank { memory, cleared })
    }

    /// Takes up a chunk of `next` pages.
    fn keep(&mut self, chunk: Chunk) {
        self.fresh = chunk.start().as_ptr();
        // For `page_of`.
        self.fresh.expose_provenance();
        self.chunks.push(chunk);
        self.left = self.next;
        self.next = (2 * self.next).min(MOST_PAGES);
    }
}

impl Pool {
    /// A page that never was another class's: zeros, once it is cleared.
    pub(super) fn take_fresh(&self) -> Blank {
        self.cut(self.unused.lock())
    }

    /// A page with anything in it.
    pub(super) fn take(&self) -> Blank {
        let mut unused = self.unused.lock();
        match unused.warm.pop_back().or_else(|| unused.cold.pop()) {
            Some(page) => {
                self.lend(&mut unused);
                page
            }
            None => self.cut(unused),
        }
    }

    fn cut<'l>(&'l self, mut unused: MutexGuard<'l, Unused>) -> Blank {
        loop {
            if let Some(page) = unused.cut() {
                self.lend(&mut unused);
                return page;
            }
            // The system may take its time: nobody waits for it here.
            let pages = unused.next;
            drop(unused);
            let chunk = Chunk::demand(pages * PAGE, PAGE);
            unused = self.unused.lock();
            // Else another thread was faster, and this chunk is one too many.
            if unused.left == 0 && unused.next == pages {
                unused.keep(chunk);
            }
        }
    }

    fn lend(&self, unused: &mut Unused) {
        unused.used += 1;
        self.used.store(unused.used, Ordering::Relaxed);
    }

    /// Notes that a class has so many bytes of room in its pages, and had so many before.
    pub(super) fn note_room(&self, before: usize, now: usize) {
        let change = now.wrapping_sub(before);
        self.room.fetch_add(change, Ordering::Relaxed);
    }

    /// Whether pages have so much room that entries should move together. While others work, what was lent may be seen
    /// without the page that it is of.
    pub(super) fn is_sparse(&self) -> bool {
        let room = self.room.load(Ordering::Relaxed);
        let held = self.used.load(Ordering::Relaxed) * PAGE;
        room > held.saturating_sub(room) / SPARSE + LET_BE || EAGER
    }

    /// Takes pages back that no class has any longer. As long as there are more at hand than an eighth of those in use,
    /// the memory of the oldest goes to the system: of a few at once, and of the others with the next calls.
    #[cold]
    pub(super) fn put(&self, pages: Vec<Blank>) {
        let mut unused = self.unused.lock();
        unused.used -= pages.len();
        self.used.store(unused.used, Ordering::Relaxed);
        unused.warm.extend(pages);
        self.give_some_back(unused, GIVEN);
    }

    /// Whether [`Pool::trim`] has something to do.
    #[inline]
    pub(super) fn has_surplus(&self) -> bool {
        self.has_surplus.load(Ordering::Relaxed)
    }

    /// Gives the system the memory of one page, if there are too many at hand.
    #[cold]
    pub(super) fn trim(&self) {
        self.give_some_back(self.unused.lock(), 1);
    }

    fn give_some_back(&self, mut unused: MutexGuard<'_, Unused>, most: usize) {
        let kept = MOST_PAGES.max(unused.used / 8);
        let surplus = unused.warm.len().saturating_sub(kept);
        self.has_surplus.store(surplus > most, Ordering::Relaxed);
        if surplus == 0 {
            return;
        }
        let given: Vec<_> = unused.warm.drain(..surplus.min(most)).collect();
        drop(unused);
        for page in &given {
            // SAFETY: a page is of one chunk, and this one is nobody's, as it is in no list.
            unsafe { give_back(page.memory, PAGE) };
        }
        self.unused.lock().cold.extend(given);
    }

    /// Bytes of room that classes have noted.
    #[cfg(all(test, not(loom)))]
    pub(super) fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }

    /// Pages that classes have, pages at hand, and pages whose memory has been given back.
    #[cfg(all(test, not(loom)))]
    pub(super) fn figures(&self) -> [usize; 3] {
        let unused = self.unused.lock();
        [unused.used, unused.warm.len(), unused.cold.len()]
    }
}
