//! Pages: what blocks of one class at a time are cut from, and the pool of those that have none.
//!
//! ```text
//!   page, 64 KiB, aligned to as many
//!   ┌────────┬───────┬───────┬───────┬───────┬─────────────────────────┐
//!   │ header │ block │ free ●┼─▶free │ block │ never cut               │
//!   └────────┴───────┴───────┴───────┴───────┴─────────────────────────┘
//! ```
//!
//! A block's page follows from its address. The header is the page's first line, which no block of any class ever covers:
//! no stale reader looks at it, and only holders of the class's lock do.

use std::collections::VecDeque;
use std::ptr::{NonNull, null_mut, with_exposed_provenance_mut};

use super::chunk::{Chunk, LARGEST_CHUNK, give_back};
use super::free::{Free, Run};
use super::sizes::{OVERFLOW, PAGE, class_bytes};
use crate::table::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::table::sync::{Mutex, MutexGuard};

/// Pages of the largest chunk, and those that are kept at hand where few are in use.
const MOST_PAGES: usize = LARGEST_CHUNK / PAGE;
/// Bytes that a session is given to cut at once: fewer, and sessions that fill a table meet at the lock more often.
const RUN_BYTES: usize = 16 << 10;
/// Pages whose memory one call gives the system: the caller may have a bucket locked.
const GIVEN: usize = 4;
/// Pages at the end of a list of which the emptiest is to be left.
const LAST: usize = 8;
/// A page is left only if a part of its blocks is free: one in so many.
const WORTH: usize = 8;
/// Bytes of room in pages that are let be, beside a part of what is in use: one in [`SPARSE`].
const LET_BE: usize = 2 << 20;
const SPARSE: usize = 8;
/// Schedules of tests have few entries, and try moves all the time.
pub(super) const EAGER: bool = cfg!(all(test, shuttle));

/// The header of a page that a class has.
#[repr(C, align(64))]
pub(super) struct Page {
    /// Neighbours in the list of the class's pages with room.
    before: *mut Page,
    after: *mut Page,
    stands: Stands,
    /// Blocks that are neither free nor never cut.
    used: u32,
    /// Where the part begins that was never cut, and how many blocks are in it.
    uncut: Run,
    free: Free,
}

const _: () = assert!(size_of::<Page>() == 64);

/// Where a page of a class stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// It has no room.
    Full,
    /// It is in the list of those with room.
    Listed,
    /// Its entries are being moved: it lends no blocks.
    Leaving,
}

/// The page that an address is in. That of its chunk was exposed: a pointer to a block may be good for the block alone.
/// Only such pointers are kept, and references made from them end before the next is made: a pointer made from a
/// reference would end with it.
fn page_of(address: usize) -> *mut Page {
    with_exposed_provenance_mut(address & !(PAGE - 1))
}

/// Blocks for a session.
pub(super) enum Taken {
    Free(Free),
    Run(Run),
}

/// The pages of one class that have room. All access is under the class's lock.
pub(super) struct Pages {
    class: usize,
    first: *mut Page,
    last: *mut Page,
    /// The page that is being left, if one is.
    leaving: *mut Page,
    /// Blocks that are free in pages, or never cut.
    free: usize,
}

// SAFETY: the pages are memory of the slab, which any thread may use; the headers are touched under the lock that this is in.
unsafe impl Send for Pages {}

impl Pages {
    pub(super) fn of(class: usize) -> Pages {
        Pages {
            class,
            first: null_mut(),
            last: null_mut(),
            leaving: null_mut(),
            free: 0,
        }
    }

    /// Blocks of a page.
    fn capacity(&self) -> usize {
        (PAGE - size_of::<Page>()) / class_bytes(self.class)
    }

    /// Bytes of blocks that are free in pages which may be left.
    pub(super) fn room(&self) -> usize {
        if self.class == OVERFLOW {
            0
        } else {
            self.free * class_bytes(self.class)
        }
    }

    /// Whether a page is being left.
    pub(super) fn is_leaving(&self) -> bool {
        !self.leaving.is_null()
    }

    /// Makes a page of the pool one of this class.
    ///
    /// # Safety
    /// The page is the caller's alone.
    pub(super) unsafe fn add(&mut self, memory: NonNull<u8>) {
        let page = memory.cast::<Page>();
        let uncut = Run {
            // SAFETY: the first line of a page is its header, and the rest is long enough for blocks.
            at: unsafe { memory.add(size_of::<Page>()) }.as_ptr(),
            count: self.capacity(),
        };
        let header = Page {
            before: null_mut(),
            after: null_mut(),
            stands: Stands::Full,
            used: 0,
            uncut,
            free: Free::NONE,
        };
        self.free += uncut.count;
        // SAFETY: a page is aligned, its first line is for the header, and no other thread has it.
        unsafe {
            page.write(header);
            self.link(page.as_ptr());
        }
    }

    /// Blocks of the first page with room: a few pages' free ones, up to `enough`, or all of one page that has more, or
    /// else some that were never cut. Nothing if no page has room.
    ///
    /// The thread has called `fence_before_reuse` since it took the lock.
    pub(super) fn take(&mut self, enough: usize) -> Option<Taken> {
        let mut taken = Free::NONE;
        let bytes = class_bytes(self.class);
        while let Some(at) = NonNull::new(self.first) {
            // SAFETY: pages in the list are of this class, and the headers of these are touched under this lock only, by
            // one reference at a time.
            let page = unsafe { &mut *at.as_ptr() };
            let count = page.free.count;
            if count == 0 {
                if taken.count > 0 {
                    break;
                }
                let count = (RUN_BYTES / bytes).min(page.uncut.count);
                let run = Run {
                    count,
                    ..page.uncut
                };
                page.uncut.at = page.uncut.at.wrapping_add(count * bytes);
                page.uncut.count -= count;
                // SAFETY: as above.
                unsafe { self.lend(at.as_ptr(), count) };
                return Some(Taken::Run(run));
            }
            if taken.count == 0 {
                taken = std::mem::replace(&mut page.free, Free::NONE);
            } else if taken.count + count <= enough {
                while let Some(block) = page.free.pop() {
                    taken.push(block);
                }
            } else {
                break;
            }
            let has_more = page.uncut.count > 0;
            // SAFETY: as above.
            unsafe { self.lend(at.as_ptr(), count) };
            if has_more {
                break;
            }
        }
        (taken.count > 0).then_some(Taken::Free(taken))
    }

    /// Notes that a page has lent so many of its blocks.
    ///
    /// # Safety
    /// The page is one of the list.
    unsafe fn lend(&mut self, at: *mut Page, count: usize) {
        // SAFETY: as the caller promises, and as in `link`.
        let page = unsafe { &mut *at };
        self.free -= count;
        page.used += u32::try_from(count).expect("a page has few blocks");
        if page.free.count == 0 && page.uncut.count == 0 {
            // SAFETY: as above.
            unsafe { self.unlink(at) };
        }
    }

    /// Gives free blocks back to their pages; `empty` is told of pages that have no other blocks any longer, which are
    /// the caller's then.
    ///
    /// # Safety
    /// The blocks were taken from pages of this class, and the thread has called `fence_before_reuse` since it took the
    /// lock.
    pub(super) unsafe fn give(&mut self, mut blocks: Free, mut empty: impl FnMut(NonNull<u8>)) {
        while let Some(block) = blocks.pop() {
            let page = page_of(block.addr().get());
            // SAFETY: the page of a block is one of this class, whose header is touched under this lock only.
            unsafe {
                (*page).free.push(block);
                self.came_back(page, 1, &mut empty);
            }
        }
    }

    /// Gives back what a session has not cut of a run.
    ///
    /// # Safety
    /// As for [`Pages::give`].
    pub(super) unsafe fn give_run(&mut self, mut run: Run, mut empty: impl FnMut(NonNull<u8>)) {
        let (count, bytes) = (run.count, class_bytes(self.class));
        if count == 0 {
            return;
        }
        let at = page_of(run.at.addr());
        // SAFETY: as for `give`.
        let page = unsafe { &mut *at };
        if page.uncut.at == run.at.wrapping_add(count * bytes) {
            page.uncut.at = run.at;
            page.uncut.count += count;
        } else {
            while let Some(block) = run.cut(bytes) {
                page.free.push(block);
            }
        }
        // SAFETY: as above.
        unsafe { self.came_back(at, count, &mut empty) };
    }

    /// # Safety
    /// The page is one of this class.
    unsafe fn came_back(
        &mut self,
        at: *mut Page,
        count: usize,
        empty: &mut impl FnMut(NonNull<u8>),
    ) {
        // SAFETY: as the caller promises, and as in `link`.
        let page = unsafe { &mut *at };
        self.free += count;
        page.used -= u32::try_from(count).expect("a page has few blocks");
        let stands = page.stands;
        // Pages of overflow buckets stay what they are: readers follow what is in these.
        if page.used == 0 && self.class != OVERFLOW {
            match stands {
                Stands::Full => {}
                // SAFETY: as the caller promises.
                Stands::Listed => unsafe { self.unlink(at) },
                Stands::Leaving => self.leaving = null_mut(),
            }
            self.free -= self.capacity();
            empty(NonNull::new(at).expect("a page has an address").cast());
        } else if stands == Stands::Full {
            // SAFETY: as the caller promises.
            unsafe { self.link(at) };
        }
    }

    /// Takes a page out of the list, so that it lends no more blocks, and says which ones it ever lent: the emptiest of
    /// the last ones, if much of it is free and the others have room for what is in it. Where too little is, the last
    /// ones become the first, which are filled next: pages that stay nearly full would hide emptier ones for ever.
    pub(super) fn begin_leaving(&mut self) -> Option<Run> {
        debug_assert!(!self.is_leaving() && self.class != OVERFLOW);
        let mut emptiest: Option<(*mut Page, usize)> = None;
        let mut next = self.last;
        for _ in 0..LAST {
            // SAFETY: pages in the list are of this class, and the headers of these are touched under this lock only.
            let Some(page) = (unsafe { next.as_ref() }) else {
                break;
            };
            let used = page.used as usize;
            if emptiest.is_none_or(|(_, least)| used < least) {
                emptiest = Some((next, used));
            }
            next = page.before;
        }
        let (at, used) = emptiest?;
        let free = self.capacity() - used;
        if !EAGER {
            if WORTH * free < self.capacity() {
                self.turn();
                return None;
            }
            if self.free - free < used {
                return None;
            }
        }
        // SAFETY: it is in the list, and a reference ends before the next is made.
        unsafe {
            self.unlink(at);
            (*at).stands = Stands::Leaving;
        }
        self.leaving = at;
        // SAFETY: as above.
        let uncut = unsafe { (*at).uncut.count };
        Some(Run {
            at: at.cast::<u8>().wrapping_add(size_of::<Page>()),
            count: self.capacity() - uncut,
        })
    }

    /// Puts the last pages of the list first.
    fn turn(&mut self) {
        for _ in 0..LAST {
            let last = self.last;
            if last.is_null() || last == self.first {
                return;
            }
            // SAFETY: it is in the list, whose headers are touched under this lock only.
            unsafe {
                self.unlink(last);
                self.link(last);
            }
        }
    }

    /// Ends what [`Pages::begin_leaving`] began; whether the page became empty. If not, the next blocks are taken from
    /// it: what it still has in use may be what sessions keep, and it is as good as a new one.
    pub(super) fn end_leaving(&mut self) -> bool {
        let at = std::mem::replace(&mut self.leaving, null_mut());
        if !at.is_null() {
            // SAFETY: the page that is being left is one of this class, and in no list. It has room, as it had when it
            // was taken out of the list, and has lent nothing since.
            unsafe { self.link(at) };
        }
        at.is_null()
    }

    /// Puts a page at the front: of those with room it has had room for the shortest time, and likely the least. The
    /// last ones are left to become empty.
    ///
    /// # Safety
    /// The page is one of this class, and in no list.
    unsafe fn link(&mut self, page: *mut Page) {
        // SAFETY: headers of this class's pages are touched under this lock only; one at a time is borrowed here.
        unsafe {
            (*page).before = null_mut();
            (*page).after = self.first;
            (*page).stands = Stands::Listed;
            match self.first.as_mut() {
                Some(first) => first.before = page,
                None => self.last = page,
            }
        }
        self.first = page;
    }

    /// # Safety
    /// The page is one of the list.
    unsafe fn unlink(&mut self, page: *mut Page) {
        // SAFETY: as in `link`; a page is no neighbour of its own.
        unsafe {
            let (before, after) = ((*page).before, (*page).after);
            (*page).stands = Stands::Full;
            match before.as_mut() {
                Some(before) => before.after = after,
                None => self.first = after,
            }
            match after.as_mut() {
                Some(after) => after.before = before,
                None => self.last = before,
            }
        }
    }
}

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
    warm: VecDeque<NonNull<u8>>,
    /// Pages whose memory has been given back.
    cold: Vec<NonNull<u8>>,
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
    fn cut(&mut self) -> Option<NonNull<u8>> {
        self.left = self.left.checked_sub(1)?;
        let page = NonNull::new(self.fresh)?;
        // Wrapping: behind the last page is the end of the chunk.
        self.fresh = self.fresh.wrapping_add(PAGE);
        Some(page)
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
    /// A page that never was another class's, all zeros.
    pub(super) fn take_fresh(&self) -> NonNull<u8> {
        self.cut(self.unused.lock())
    }

    /// A page with anything in it.
    pub(super) fn take(&self) -> NonNull<u8> {
        let mut unused = self.unused.lock();
        match unused.warm.pop_back().or_else(|| unused.cold.pop()) {
            Some(page) => {
                self.lend(&mut unused);
                page
            }
            None => self.cut(unused),
        }
    }

    fn cut<'l>(&'l self, mut unused: MutexGuard<'l, Unused>) -> NonNull<u8> {
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
    pub(super) fn put(&self, pages: &[NonNull<u8>]) {
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
            unsafe { give_back(*page, PAGE) };
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
