//! Pages that never move: an array that grows by a thirty-second at a time.
//!
//! ```text
//!   pages of a segment    1 × 32    │ 2 × 32     │ 4 × 32      │ …
//!   first page            0 … 31    │ 32 … 94    │ 96 … 220    │ …
//! ```
//!
//! Thirty-two segments of one length, then as many of twice that: which segment a page is in follows from the highest
//! bits of its number plus 32, and at most a thirty-second of the memory is ahead of its use. Nothing is written to that
//! before: each page is cleared as it comes into use.

use crate::table::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::ptr::{NonNull, null_mut};

use crate::table::optimistic::slab::{Chunk, clear};
use crate::table::sync::Mutex;

use super::page::Page;

/// Segments of one length, as a power of two.
const STEP_BITS: u32 = 5;
const STEPS: usize = 1 << STEP_BITS;
/// Lengths of segments: room for nearly 2^37 pages, which are 128 TiB.
const LENGTHS: usize = 32;

/// The segments.
pub(super) struct Directory {
    /// Where page 0 would be if the segment went back that far.
    bases: [AtomicPtr<Page>; LENGTHS * STEPS],
    /// Pages in all segments: the next one starts here.
    pages: AtomicUsize,
    chunks: Mutex<Vec<Chunk>>,
}

/// The segment of a page, and how many pages it has, as a power of two.
#[inline]
fn segment_of(page: usize) -> (usize, u32) {
    let from_start = page + STEPS;
    let bits = from_start.ilog2() - STEP_BITS;
    let step = from_start >> bits & (STEPS - 1);
    (((bits as usize) << STEP_BITS) + step, bits)
}

impl Directory {
    /// So many pages at least, all of them empty; nothing if there is no memory for them.
    pub(super) fn open(pages: usize) -> Option<Directory> {
        let directory = Directory {
            bases: [const { AtomicPtr::new(null_mut()) }; LENGTHS * STEPS],
            pages: AtomicUsize::new(0),
            chunks: Mutex::default(),
        };
        // Where there is no memory for all of it, that is found out at once.
        Vec::<u8>::new()
            .try_reserve_exact(pages.checked_mul(size_of::<Page>())?)
            .ok()?;
        while directory.pages() < pages {
            directory.add(Chunk::zeroed)?;
        }
        Some(directory)
    }

    /// Pages that there is memory for.
    pub(super) fn pages(&self) -> usize {
        self.pages.load(Ordering::Relaxed)
    }

    /// Adds a segment, if there is memory for it; [`Directory::start`] comes before the use of each page. One thread does
    /// so at a time.
    pub(super) fn extend(&self) -> Option<()> {
        self.add(Chunk::uncleared)
    }

    fn add(&self, take: impl FnOnce(usize) -> Option<Chunk>) -> Option<()> {
        let first = self.pages();
        let (segment, bits) = segment_of(first);
        let base = self.bases.get(segment)?;
        let pages = 1_usize << bits;
        // Pages that do not straddle those of the system, as far as that costs little.
        let align = if pages >= 8 { size_of::<Page>() } else { 64 };
        let bytes = pages.checked_mul(size_of::<Page>())?;
        let chunk = take(bytes.checked_add(align - 64)?)?;
        let start = chunk.start().as_ptr();
        #[expect(clippy::cast_ptr_alignment, reason = "it is aligned just here")]
        let start = start.wrapping_add(start.align_offset(align)).cast::<Page>();
        base.store(start.wrapping_sub(first), Ordering::Release);
        self.chunks.lock().push(chunk);
        self.pages.store(first + pages, Ordering::Relaxed);
        Some(())
    }

    /// A page by its number, which is that of a page in use: it was started before the number of pages in use rose above
    /// it, and the caller has loaded that number.
    #[inline]
    pub(super) fn page(&self, number: usize) -> &Page {
        let place = self.place(number);
        // SAFETY: as said, the segment is there and holds the page, which was cleared, and zeros are a valid one. Segments
        // are freed with the directory alone.
        unsafe { &*place }
    }

    /// The page that comes into use next, empty.
    ///
    /// # Safety
    /// There is memory for it, and no other thread has a way to it yet.
    pub(super) unsafe fn start(&self, number: usize) -> &Page {
        let place = NonNull::new(self.place(number)).expect("a page has an address");
        // SAFETY: as the caller promises. From then on zeros are a valid page.
        unsafe {
            clear(place.cast(), size_of::<Page>());
            place.as_ref()
        }
    }

    #[inline]
    fn place(&self, number: usize) -> *mut Page {
        let (segment, _) = segment_of(number);
        // Acquire: what was done to the segment before it came here is visible.
        let base = self.bases[segment].load(Ordering::Acquire);
        debug_assert!(!base.is_null() && number < self.pages());
        base.wrapping_add(number)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::table::optimistic::slab::is_zero;
    use std::collections::HashSet;

    #[test]
    fn every_page_has_a_place_of_its_own() {
        let opened = 40;
        let directory = Directory::open(opened).unwrap();
        let mut places = HashSet::new();
        // Miri takes its time.
        let pages = if cfg!(miri) { 100 } else { 500 };
        for number in 0..pages {
            while directory.pages() <= number {
                directory.extend().unwrap();
            }
            let page = if number < opened {
                directory.page(number)
            } else {
                // SAFETY: there are pages enough, and no other thread is here.
                unsafe { directory.start(number) }
            };
            assert!(is_zero(page));
            let place = std::ptr::from_ref(page);
            assert_eq!(place, std::ptr::from_ref(directory.page(number)));
            assert!(place.addr().is_multiple_of(64) && places.insert(place));
        }
        assert!(directory.pages() <= pages + pages / 32);
        for (number, place) in [(0, (0, 0)), (31, (31, 0)), (32, (32, 1)), (33, (32, 1))] {
            assert_eq!(segment_of(number), place);
        }
        assert_eq!(segment_of(96), (64, 2));
        // Miri ends where there is no memory.
        assert!(cfg!(miri) || Directory::open(1 << 50).is_none());
    }
}
