//! What sessions exchange blocks of one class through: two magazines as they are, all else by way of the blocks' pages.

use super::free::{Free, Run};
use super::page::{Blank, Pages, Taken};
use super::pool::Pool;
use super::sizes::{OVERFLOW, magazine_size};
use crate::table::optimistic::version::fence_before_reuse;
use crate::table::sync::Mutex;
use crate::table::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Full magazines that are kept as they are: what one session frees and another allocates again touches no page. Few, as
/// each block may be the last one in use of a page.
const STOCK: usize = 2;

/// The depot of one class. On lines of its own, as other classes' locks have nothing to do with it.
#[repr(align(64))]
pub(super) struct Depot {
    class: usize,
    /// Whether there is a stock.
    has_stock: AtomicBool,
    /// Bytes of room in the pages, as the pool was told.
    room: AtomicUsize,
    inside: Mutex<Inside>,
}

struct Inside {
    stock: Vec<Free>,
    /// Whether a session wanted blocks since one last looked whether any does.
    is_wanted: bool,
    pages: Pages,
}

impl Depot {
    pub(super) fn of(class: usize) -> Depot {
        let inside = Inside {
            stock: Vec::new(),
            is_wanted: false,
            pages: Pages::of(class),
        };
        Depot {
            class,
            has_stock: AtomicBool::new(false),
            room: AtomicUsize::new(0),
            inside: Mutex::new(inside),
        }
    }

    /// Blocks for a session that has none: a magazine, free blocks of pages, or a run of a page.
    pub(super) fn take(&self, pool: &Pool) -> Taken {
        let mut inside = self.inside.lock();
        inside.is_wanted = true;
        if let Some(full) = inside.stock.pop() {
            self.has_stock
                .store(!inside.stock.is_empty(), Ordering::Relaxed);
            return Taken::Free(full);
        }
        // The blocks that go from a page to the session are linked anew.
        fence_before_reuse();
        let enough = magazine_size(self.class);
        if let Some(taken) = inside.pages.take(enough) {
            self.note_room(&inside, pool);
            return taken;
        }
        // Which may take memory from the system: nobody waits for it here.
        drop(inside);
        let page = if self.class == OVERFLOW {
            // Overflow buckets are zero but for what was stored in them as such.
            pool.take_fresh()
        } else {
            pool.take()
        };
        let mut inside = self.inside.lock();
        fence_before_reuse();
        // SAFETY: the pool has just given the page to this thread.
        unsafe { inside.pages.add(page) };
        let taken = inside.pages.take(enough);
        self.note_room(&inside, pool);
        taken.expect("a page that was just added has room")
    }

    /// Takes a magazine that a session has too many of. It goes to the pages if no session wants blocks of this class,
    /// so that these become empty, or if one of them is being left, as the blocks may be of that one.
    ///
    /// # Safety
    /// The blocks were taken from this depot, and the thread has sole use of them.
    pub(super) unsafe fn give(&self, full: Free, pool: &Pool) {
        let mut inside = self.inside.lock();
        if inside.stock.len() < STOCK && inside.is_wanted && !inside.pages.is_leaving() {
            inside.stock.push(full);
            self.has_stock.store(true, Ordering::Relaxed);
            return;
        }
        drop(inside);
        // SAFETY: as the caller promises.
        unsafe { self.give_to_pages(full, Run::NONE, pool) };
    }

    /// Gives a magazine that is kept here to the pages, if no session wanted blocks since this was last called, and
    /// says whether there was one.
    pub(super) fn trim(&self, pool: &Pool) -> bool {
        if !self.has_stock.load(Ordering::Relaxed) {
            return false;
        }
        let mut inside = self.inside.lock();
        if std::mem::replace(&mut inside.is_wanted, false) {
            return false;
        }
        let Some(full) = inside.stock.pop() else {
            return false;
        };
        self.has_stock
            .store(!inside.stock.is_empty(), Ordering::Relaxed);
        drop(inside);
        // SAFETY: what is kept here was given with the same promise.
        unsafe { self.give_to_pages(full, Run::NONE, pool) };
        true
    }

    /// Takes back a magazine, and what was not cut of a run, of a session that does not use this class.
    ///
    /// # Safety
    /// As for [`Depot::give`].
    pub(super) unsafe fn give_to_pages(&self, free: Free, run: Run, pool: &Pool) {
        let mut empty: Vec<Blank> = Vec::new();
        let mut inside = self.inside.lock();
        fence_before_reuse();
        // SAFETY: as the caller promises.
        unsafe {
            inside.pages.give(free, |page| empty.push(page));
            inside.pages.give_run(run, |page| empty.push(page));
        }
        self.note_room(&inside, pool);
        drop(inside);
        Depot::pass_on(empty, pool);
    }

    /// Bytes of blocks that are free in the pages.
    pub(super) fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }

    /// Tells the pool of the room in the pages, before these are unlocked.
    fn note_room(&self, inside: &Inside, pool: &Pool) {
        let (before, now) = (self.room(), inside.pages.room());
        if before != now {
            self.room.store(now, Ordering::Relaxed);
            pool.note_room(before, now);
        }
    }

    /// Whether a page is being left that has not become empty.
    pub(super) fn is_leaving(&self) -> bool {
        self.inside.lock().pages.is_leaving()
    }

    /// Picks a page to be left, if one is worth it: the blocks in it that may hold entries. Until
    /// [`Depot::end_leaving`] no block is lent of it, and none is kept here: so nothing comes to be in it but what
    /// sessions have at hand.
    pub(super) fn begin_leaving(&self, pool: &Pool) -> Option<Run> {
        let mut empty: Vec<Blank> = Vec::new();
        let mut inside = self.inside.lock();
        fence_before_reuse();
        for full in std::mem::take(&mut inside.stock) {
            // SAFETY: what is kept here was given with the promise of `give`.
            unsafe { inside.pages.give(full, |page| empty.push(page)) };
        }
        self.has_stock.store(false, Ordering::Relaxed);
        let begun = inside.pages.begin_leaving();
        self.note_room(&inside, pool);
        drop(inside);
        Depot::pass_on(empty, pool);
        begun
    }

    /// Lends blocks of the page that was being left again, unless it became empty; whether it did.
    pub(super) fn end_leaving(&self) -> bool {
        self.inside.lock().pages.end_leaving()
    }

    fn pass_on(empty: Vec<Blank>, pool: &Pool) {
        if !empty.is_empty() {
            pool.put(empty);
        }
    }
}
