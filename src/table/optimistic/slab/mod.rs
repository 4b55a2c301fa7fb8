//! Memory for blocks by size class, cut from pages that go from class to class, in chunks that stay mapped while the table
//! lives. Entries leave pages of which few blocks are in use.
//!
//! ```text
//!   session ─▶ Arena: per class two magazines of free blocks, and a run of blocks to cut
//!                 │ a full magazine too many        ▲ none left
//!                 ▼                                 │
//!              Depot: per class two full magazines, and the pages with room, under one mutex
//!                 │ a page without blocks in use    ▲ no room left
//!                 ▼                                 │
//!              Pool: pages of no class; the memory of all but some goes to the system
//! ```
//!
//! **Stale readers** may look at a block after it was freed and reused, whatever as. They load words through atomics, and
//! only words of the block as it was when they found it, as lengths are validated before they are used: so they stay
//! behind the page's header, and what they load the version tells not to be the entry's. Therefore:
//! - memory stays mapped, and a page's is zeroed before a block in it is lent first, a run at a time; of a block that is
//!   too long for pages they load only words that were stored;
//! - what is stored in blocks, links of free ones too, is stored through atomics, and after a release fence that follows
//!   the lock through which the thread got hold of them (`fence_before_reuse`), if it did not unlink them itself. From
//!   the removal of an entry to the last that becomes of its bytes, each thread takes over from another under a
//!   lock: so a reader that sees any of these stores, and then validates, sees the removal;
//! - a page header is touched under its class's lock, and no block ever covers it;
//! - overflow buckets, whose pointers readers follow, never turn into anything else: their pages are theirs for ever.
//!
//! A thread that moves entries is a stale reader that no bucket has sent: it looks at each block that a page ever lent,
//! whatever has become of it. It takes only lengths that belong to the page's class, so that what it loads lies within
//! the block, and uses what it found under the lock of the bucket alone, if that turns out to hold the block.
//!
//! **Classes** go up by 8 bytes to 512, then in eight steps a doubling: at most an eighth is lost to
//! rounding, and to the end of a page. Blocks of more than 7,680 bytes come from chunks of their own, and keep their class.
//!
//! **What is free** is bounded, though one free block keeps a page of 64 KiB from other classes and the system. Of each
//! class it uses, a session keeps two magazines, each of 32 KiB and 64 blocks at most or of what one page had free, and a
//! run: so 128 pages at worst, 8 MiB, after blocks of 512 bytes or fewer were freed at random. With each magazine that
//! goes to the depot or comes from there, and each block too long for magazines, it looks at a few other classes, and what
//! it has of one that it did not use since it looked last goes back to the pages. So do the two magazines that a depot
//! keeps, once no session takes blocks of the class. A session that does nothing keeps what it has; one
//! that ends keeps nothing. The pool keeps an eighth of the pages in use at hand, a chunk at least; so it is with the bytes of
//! large blocks, but for two of the class that was freed last, however long these are.
//!
//! **Entries move** (`leave.rs`), as a class that shrinks at random places would otherwise keep nearly all its pages until few
//! of its blocks are left. If the pages have more room than an eighth of what is in use and 2 MiB, a session that
//! exchanges blocks with a depot learns so ([`Arena::is_sparse`]), and when its call has nothing locked any more, the
//! table has some entries moved ([`Arena::move_some`]): a page of a class with much room is picked, an eighth of which
//! is free at least, and lends no blocks from then on. The table is given each of its blocks in turn, finds by way of the
//! key whether a bucket holds it, and if so puts the entry into another block of the class, under the bucket's lock,
//! as an overwrite puts one into a block of another class: what readers make of that they make of this. Free blocks that
//! other sessions have at hand keep a page from becoming empty; then it lends blocks again. What stays bound is
//! as much room as is let be, and a few pages of each class: they are not worth it, where the others have no room for
//! what is in them. Nothing moves where nothing is written.
//!
//! **A call is short**, as a bucket may be locked meanwhile: it gives two magazines to their pages, and a few pages or a large
//! block to the system, at most. The next calls go on; what was too much when the last one ended stays. One that moves
//! entries has nothing locked, looks at 512 blocks of one page and moves 64 entries at most.
//!
//! A session owns an arena while it lives and leaves it, empty, to the next session.
//!
//! **Source:** Bonwick, *The Slab Allocator*, 1994 (pages of one class with a count of their blocks in use; memcached's
//! slabs come from it); Bonwick and Adams, *Magazines and Vmem*, 2001 (the depot).

mod chunk;
mod depot;
mod free;
mod large;
mod leave;
mod page;
mod pool;
mod sizes;

#[cfg(all(test, not(loom)))]
mod tests;

use std::ptr::NonNull;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

#[cfg(all(test, not(loom)))]
pub(in crate::table) use self::chunk::is_zero;
pub(in crate::table) use self::chunk::{Chunk, clear};
use self::depot::Depot;
use self::free::{Free, Run};
use self::large::Large;
use self::leave::Leaving;
use self::page::Taken;
use self::pool::Pool;
use self::sizes::{CACHED, PAGED, magazine_size};
pub(in crate::table) use self::sizes::{OVERFLOW, class_bytes, class_for};
use crate::table::sync::Mutex;
use crate::table::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Classes that a session looks at with each magazine: all of them with some thirty.
const LOOKS: usize = 4;

/// Blocks that one call looks at where entries are to move, and entries that it moves, at most.
const LOOKED: usize = 512;
const MOVED: usize = 64;

/// The slab of one table.
pub(in crate::table) struct Slab {
    depots: Box<[Depot]>,
    pool: Pool,
    large: Large,
    leaving: Mutex<Leaving>,
    /// Whether a page was begun to be left: that is brought to its end, however much room there is by then.
    is_begun: AtomicBool,
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

/// One session's part of the slab.
pub(in crate::table) struct Arena {
    caches: Box<[Cache]>,
    /// The class that was looked at last.
    looked: usize,
    /// Whether some entries should move, once the session has no bucket locked.
    is_sparse: bool,
    counts: Arc<CachePadded<Counts>>,
}

/// What a session has at hand of one class: a line.
#[derive(Clone)]
#[repr(align(64))]
struct Cache {
    loaded: Free,
    spare: Free,
    run: Run,
    /// What it was when the session looked at it.
    seen: (usize, usize),
}

const _: () = assert!(size_of::<Cache>() == 64);

impl Cache {
    const EMPTY: Cache = Cache {
        loaded: Free::NONE,
        spare: Free::NONE,
        run: Run::NONE,
        seen: (0, 0),
    };

    /// What is likely to be another after any use, and (0, 0) if there is nothing at hand.
    fn look(&self) -> (usize, usize) {
        let blocks = self.loaded.count + self.spare.count + self.run.count;
        (self.loaded.top.addr(), blocks)
    }

    /// Takes out a part of what is at hand, if there is anything.
    fn take_part(&mut self) -> Option<(Free, Run)> {
        for free in [&mut self.spare, &mut self.loaded] {
            if free.count > 0 {
                return Some((std::mem::replace(free, Free::NONE), Run::NONE));
            }
        }
        let run = std::mem::replace(&mut self.run, Run::NONE);
        (run.count > 0).then_some((Free::NONE, run))
    }
}

impl Slab {
    pub(in crate::table) fn new() -> Slab {
        Slab {
            depots: (0..PAGED).map(Depot::of).collect(),
            pool: Pool::default(),
            large: Large::default(),
            leaving: Mutex::default(),
            is_begun: AtomicBool::new(false),
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
                caches: vec![Cache::EMPTY; CACHED].into_boxed_slice(),
                looked: OVERFLOW,
                is_sparse: false,
                counts,
            }
        })
    }

    /// Leaves an arena to the next session, and what it has at hand to all.
    pub(in crate::table) fn leave_arena(&self, mut arena: Arena) {
        for class in 0..CACHED {
            arena.put_away(self, class);
        }
        // Nobody waits for a session that ends.
        while self.pool.has_surplus() {
            self.pool.trim();
        }
        while self.large.trim() {}
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

    /// Bytes that are not the system's: pages and large blocks in use or at hand.
    #[cfg(all(test, not(loom)))]
    pub(in crate::table) fn held(&self) -> u64 {
        let ([pages, at_hand, _], [large, warm, _]) = (self.pool.figures(), self.large.figures());
        ((pages + at_hand) * sizes::PAGE) as u64 + large + warm
    }

    /// Entries that moved, and pages that became empty by that.
    #[cfg(all(test, not(loom)))]
    pub(in crate::table) fn moved(&self) -> (usize, usize) {
        let leaving = self.leaving.lock();
        (leaving.moved, leaving.left)
    }

    /// Takes what a session had at hand of a class.
    ///
    /// # Safety
    /// The blocks came from this slab with this class, and the thread has sole use of them.
    unsafe fn give_to_pages(&self, class: usize, mut free: Free, run: Run) {
        if let Some(depot) = self.depots.get(class) {
            // SAFETY: as the caller promises.
            return unsafe { depot.give_to_pages(free, run, &self.pool) };
        }
        while let Some(block) = free.pop() {
            self.large.give(class, block);
        }
    }
}

impl Arena {
    /// A block of a class. An overflow bucket is zero, or as its last user left it, but for the first word; in any other
    /// block may be anything. Out of memory ends the process, as for a `Box`.
    pub(in crate::table) fn allocate(&mut self, slab: &Slab, class: usize) -> NonNull<u8> {
        self.count(0, class_bytes(class).cast_signed());
        let Some(cache) = self.caches.get_mut(class) else {
            self.look_around(slab);
            return slab.large.take(class);
        };
        if let Some(block) = cache.loaded.pop() {
            return block;
        }
        std::mem::swap(&mut cache.loaded, &mut cache.spare);
        if let Some(block) = cache.loaded.pop() {
            return block;
        }
        self.refill(slab, class)
    }

    /// Takes back a block that no bucket holds any longer.
    ///
    /// # Safety
    /// The block came from [`Arena::allocate`] of an arena of this slab with this class, and
    /// the thread that frees it had sole use of it, and unlinked it itself.
    pub(in crate::table) unsafe fn free(&mut self, slab: &Slab, class: usize, block: NonNull<u8>) {
        self.count(0, -class_bytes(class).cast_signed());
        if slab.pool.has_surplus() {
            slab.pool.trim();
        }
        let Some(cache) = self.caches.get_mut(class) else {
            self.look_around(slab);
            return slab.large.give(class, block);
        };
        if cache.loaded.count < magazine_size(class) {
            return cache.loaded.push(block);
        }
        std::mem::swap(&mut cache.loaded, &mut cache.spare);
        let full = std::mem::replace(&mut cache.loaded, Free::NONE);
        cache.loaded.push(block);
        if full.count > 0 {
            self.give(slab, class, full);
        }
    }

    /// Whether the session should call [`Arena::move_some`] when it has no bucket locked.
    #[inline]
    pub(in crate::table) fn is_sparse(&self) -> bool {
        self.is_sparse
    }

    /// Moves a few entries out of a page of which few blocks are in use. `move_out` is given a block of a class, which may
    /// hold an entry or be free or anybody's: if a bucket holds it, it puts the entry into another block of the class, and
    /// the bucket holds that one. It says whether it did.
    ///
    /// # Safety
    /// When `move_out` says so, the block came from this slab with this class, no bucket holds it any longer, and the
    /// thread had sole use of it, and unlinked it itself.
    #[cold]
    pub(in crate::table) unsafe fn move_some(
        &mut self,
        slab: &Slab,
        mut move_out: impl FnMut(&mut Arena, usize, NonNull<u8>) -> bool,
    ) {
        self.is_sparse = false;
        // Where another thread does so, that one goes on.
        let Some(mut leaving) = slab.leaving.try_lock() else {
            return;
        };
        // No entry goes to a block of the page that the session has at hand.
        let come_home = |class: usize| self.put_away(slab, class);
        let Some(page) = leaving.page(&slab.depots, &slab.pool, come_home) else {
            slab.is_begun.store(false, Ordering::Relaxed);
            return;
        };
        let class = page.class;
        let (mut gone, mut looked) = (Free::NONE, 0);
        while looked < LOOKED
            && gone.count < MOVED
            && let Some(block) = page.next()
        {
            looked += 1;
            if move_out(self, class, block) {
                self.count(0, -class_bytes(class).cast_signed());
                gone.push(block);
            }
        }
        #[cfg(all(test, not(loom)))]
        {
            leaving.moved += gone.count;
        }
        // Not to where the session takes blocks from: these are to be free.
        // SAFETY: as the caller promises.
        unsafe { slab.give_to_pages(class, gone, Run::NONE) };
        leaving.end_if_done(&slab.depots);
        slab.is_begun.store(leaving.is_begun(), Ordering::Relaxed);
        // The blocks that entries moved to came by way of an exchange as well, which is none of the table's.
        self.is_sparse = false;
    }

    /// Gives the pages all that is at hand of a class.
    fn put_away(&mut self, slab: &Slab, class: usize) {
        while let Some((free, run)) = self.caches[class].take_part() {
            // SAFETY: the blocks are of this class, and this arena alone has them.
            unsafe { slab.give_to_pages(class, free, run) };
        }
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

    /// A block of a class of which both magazines are empty.
    #[cold]
    fn refill(&mut self, slab: &Slab, class: usize) -> NonNull<u8> {
        let Some(depot) = slab.depots.get(class) else {
            self.look_around(slab);
            return slab.large.take(class);
        };
        let cache = &mut self.caches[class];
        let bytes = class_bytes(class);
        if let Some(block) = cache.run.cut(bytes) {
            return block;
        }
        match depot.take(&slab.pool) {
            Taken::Free(free) => cache.loaded = free,
            Taken::Run(run) => cache.run = run,
        }
        let block = cache.loaded.pop().or_else(|| cache.run.cut(bytes));
        self.look_around(slab);
        block.expect("a depot gives a block at least")
    }

    #[cold]
    fn give(&mut self, slab: &Slab, class: usize, mut full: Free) {
        if let Some(depot) = slab.depots.get(class) {
            // SAFETY: the blocks were freed with this class, and this arena alone has them.
            unsafe { depot.give(full, &slab.pool) };
        } else {
            while let Some(block) = full.pop() {
                slab.large.give(class, block);
            }
        }
        self.look_around(slab);
    }

    /// Gives back some of what is at hand of a class that was not used for long. A magazine at most: a bucket may be
    /// locked.
    fn look_around(&mut self, slab: &Slab) {
        self.is_sparse = slab.pool.is_sparse() || slab.is_begun.load(Ordering::Relaxed);
        for _ in 0..LOOKS {
            // Not the class of overflow buckets, whose pages are of no use to another.
            self.looked = if self.looked + 1 < CACHED {
                self.looked + 1
            } else {
                OVERFLOW + 1
            };
            let cache = &mut self.caches[self.looked];
            let now = cache.look();
            if std::mem::replace(&mut cache.seen, now) == now
                && let Some((free, run)) = cache.take_part()
            {
                cache.seen = cache.look();
                // SAFETY: the blocks are of this class, and this arena alone has them.
                return unsafe { slab.give_to_pages(self.looked, free, run) };
            }
            // What sessions left that do not use the class any more, or have ended.
            let depot = slab.depots.get(self.looked);
            if depot.is_some_and(|depot| depot.trim(&slab.pool)) {
                return;
            }
        }
    }
}
