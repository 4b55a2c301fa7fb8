//! What sessions exchange blocks of one class through: a few magazines as they are, all else by way of the blocks' pages.

use std::ptr::NonNull;

use super::free::{Free, Run};
use super::page::{Pages, Pool, Taken};
use super::sizes::{OVERFLOW, magazine_size};
use crate::table::optimistic::version::fence_before_reuse;
use crate::table::sync::Mutex;

/// Full magazines that are kept as they are: what one session frees and another allocates again touches no page.
const STOCK: usize = 8;

/// The depot of one class. On lines of its own, as other classes' locks have nothing to do with it.
#[repr(align(64))]
pub(super) struct Depot {
    class: usize,
    inside: Mutex<Inside>,
}

struct Inside {
    stock: Vec<Free>,
    pages: Pages,
}

impl Depot {
    pub(super) fn of(class: usize) -> Depot {
        let (stock, pages) = (Vec::new(), Pages::of(class));
        let inside = Mutex::new(Inside { stock, pages });
        Depot { class, inside }
    }

    /// Blocks for a session that has none: a magazine, free blocks of pages, or a run of a page.
    pub(super) fn take(&self, pool: &Pool) -> Taken {
        let mut inside = self.inside.lock();
        if let Some(full) = inside.stock.pop() {
            return Taken::Free(full);
        }
        // The blocks that go from a page to the session are linked anew.
        fence_before_reuse();
        let enough = magazine_size(self.class);
        if let Some(taken) = inside.pages.take(enough) {
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
        taken.expect("a page that was just added has room")
    }

    /// Takes a magazine that a session has too many of.
    ///
    /// # Safety
    /// The blocks were taken from this depot, and the thread has sole use of them.
    pub(super) unsafe fn give(&self, full: Free, pool: &Pool) {
        let mut inside = self.inside.lock();
        if inside.stock.len() < STOCK {
            inside.stock.push(full);
            return;
        }
        let mut empty = Vec::new();
        fence_before_reuse();
        // SAFETY: as the caller promises.
        unsafe { inside.pages.give(full, |page| empty.push(page)) };
        drop(inside);
        Depot::pass_on(&empty, pool);
    }

    /// Takes back all that a session has which no longer uses this class, and gives it to the pages with all that
    /// is kept here: so that these become empty.
    ///
    /// # Safety
    /// As for [`Depot::give`].
    pub(super) unsafe fn clear(&self, free: [Free; 2], run: Run, pool: &Pool) {
        let mut empty: Vec<NonNull<u8>> = Vec::new();
        let mut inside = self.inside.lock();
        let stock = std::mem::take(&mut inside.stock);
        fence_before_reuse();
        for blocks in free.into_iter().chain(stock) {
            // SAFETY: as the caller promises; what is kept here was given with the same promise.
            unsafe { inside.pages.give(blocks, |page| empty.push(page)) };
        }
        // SAFETY: as above.
        unsafe { inside.pages.give_run(run, |page| empty.push(page)) };
        drop(inside);
        Depot::pass_on(&empty, pool);
    }

    fn pass_on(empty: &[NonNull<u8>], pool: &Pool) {
        if !empty.is_empty() {
            pool.put(empty);
        }
    }
}
