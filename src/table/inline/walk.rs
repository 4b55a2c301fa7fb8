//! The walk through `inline`.

use super::Inline;
use super::edit::{Locked, Memory, Spot};
use super::weight::weight;
use crate::table::prefetch::prefetch_read;
use crate::table::segments::bits_of;
use crate::table::sync::atomic::Ordering;
use crate::table::{Cursor, Keep, scan};

impl Inline {
    /// [`Session::walk`](crate::table::Session::walk), and the words of what was removed.
    pub(super) fn walk(
        &self,
        from: Cursor,
        pages: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
        memory: &mut Memory<'_>,
    ) -> (Cursor, i64) {
        let mut gone = 0;
        let cursor = scan::steps(from, pages, |at| {
            let page = self.page(at, self.pages());
            prefetch_read(page);
            page.prefetch_rest();
            let mut locked = self.lock(at, true);
            gone += show(&mut locked, &mut see, memory);
            // Under the lock: this page cannot be divided meanwhile, and what becomes of others does not change how
            // many bits the hashes in this one share.
            bits_of(at, self.count.load(Ordering::Relaxed))
        });
        (cursor, gone)
    }
}

/// Shows all entries of a page, removes those that are to go, and says how many words these took.
fn show(
    locked: &mut Locked<'_>,
    see: &mut impl FnMut(&[u8], &[u8], bool) -> Keep,
    memory: &mut Memory<'_>,
) -> i64 {
    let mut gone = 0;
    // From the last to the first: the place of one that goes is taken by one that was seen.
    let slots = (0..locked.count()).rev();
    let marked: Vec<(Spot<'_>, bool)> = slots
        .map(|slot| (Spot::Slot(slot), locked.is_marked(slot)))
        .chain(
            locked
                .spilled()
                .map(|(slot, _)| (Spot::Line(slot), slot.load().is_marked())),
        )
        .collect();
    for (spot, used) in marked {
        // SAFETY: the page is locked, and nothing is written before `see` has returned.
        let (key, value) = unsafe { locked.bytes(spot) };
        match see(key, value, used) {
            Keep::Keep => {}
            Keep::Unmark => match spot {
                Spot::Slot(slot) => locked.unmark(slot),
                Spot::Line(slot) => slot.store(slot.load().unmarked()),
            },
            Keep::Remove => {
                gone += weight(key.len(), value.len());
                locked.remove(spot, memory);
                memory.arena.count(-1, 0);
            }
        }
    }
    if gone > 0 {
        locked.refill(memory);
    }
    gone
}
