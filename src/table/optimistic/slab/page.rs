//! Pages: what blocks of one class at a time are cut from, and the pool of those that have none.
//!
//! ```text
//!   page, 64 KiB, aligned to as many
//!   ┌────────┬───────┬───────┬───────┬───────┬─────────────────────────┐
//!   │ header │ block │ free ●┼─▶free │ block │ never cut               │
//!   └────────┴───────┴───────┴───────┴───────┴─────────────────────────┘
//! ```
//!
//! What was never cut is not cleared either, but for what a session gave back: a run is cleared when it is lent first.
//!
//! A block's page follows from its address. The header is the page's first line, which no block of any class ever covers:
//! no stale reader looks at it, and only holders of the class's lock do.

use std::ptr::{NonNull, null_mut, with_exposed_provenance_mut};

use super::chunk::clear;
use super::free::{Free, Run};
use super::sizes::{OVERFLOW, PAGE, class_bytes};

/// Bytes that a session is given to cut at once: fewer, and sessions that fill a table meet at the lock more often.
const RUN_BYTES: usize = 16 << 10;
/// Pages at the end of a list of which the emptiest is to be left.
const LAST: usize = 8;
/// A page is left only if a part of its blocks is free: one in so many.
const WORTH: usize = 8;
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
    /// Bytes from the start that were cleared before their first use: no reader gets further.
    cleared: usize,
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

/// A page that no class has, which its owner alone has a way to.
#[derive(Debug)]
pub(super) struct Blank {
    pub(super) memory: NonNull<u8>,
    /// Bytes from the start that may be loaded; behind them nobody has looked yet.
    pub(super) cleared: usize,
}

/// Clears a page up to so many bytes from its start, as far as it is not. Under the class's lock to the end: a thread that
/// takes it next may have the blocks looked at.
///
/// # Safety
/// The caller has the header, and no block behind the bytes that are cleared was ever lent.
unsafe fn clear_to(at: NonNull<Page>, end: usize) {
    // SAFETY: the header is the caller's, and what is to be cleared lies in the page, where nobody looks yet.
    unsafe {
        let from = (*at.as_ptr()).cleared;
        if from < end {
            (*at.as_ptr()).cleared = end;
            clear(at.cast::<u8>().add(from), end - from);
        }
    }
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
    pub(super) unsafe fn add(&mut self, Blank { memory, cleared }: Blank) {
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
            cleared,
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
                let end = page.uncut.at.addr() - at.addr().get();
                // SAFETY: as above; and what is not cleared was never cut, so no block in it was lent.
                unsafe {
                    clear_to(at, end);
                    self.lend(at.as_ptr(), count);
                }
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
    pub(super) unsafe fn give(&mut self, mut blocks: Free, mut empty: impl FnMut(Blank)) {
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
    pub(super) unsafe fn give_run(&mut self, mut run: Run, mut empty: impl FnMut(Blank)) {
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
    unsafe fn came_back(&mut self, at: *mut Page, count: usize, empty: &mut impl FnMut(Blank)) {
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
            // SAFETY: as above.
            let cleared = unsafe { (*at).cleared };
            let memory = NonNull::new(at).expect("a page has an address").cast();
            empty(Blank { memory, cleared });
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
