//! The overflow lines of a page whose lock is held.

use crate::table::sync::atomic::Ordering;
use std::ptr::{NonNull, null_mut};

use super::edit::{Locked, Memory};
use super::page::{LINK, POINTER, link};
use crate::table::optimistic::block::Block;
use crate::table::optimistic::bucket::{Entry, Overflow, Slot};
use crate::table::optimistic::slab::OVERFLOW;
use crate::table::optimistic::version::fence_before_reuse;

/// The place of the second pointer.
const LINK_PLACE: u8 = 1 | POINTER;

const _: () = assert!(LINK == 1);

impl<'t> Locked<'t> {
    /// The overflow lines, first to last.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'t Overflow> + use<'t> {
        let first = if self.state.spills() {
            link(self.page.body[LINK].load(Ordering::Relaxed))
        } else {
            std::ptr::null()
        };
        // SAFETY: the page is locked, so no other thread changes the links; each is null or leads to an overflow line
        // of the slab, which outlives the borrow of the page.
        let follow = |link: *const Overflow| unsafe { link.as_ref() };
        std::iter::successors(follow(first), move |line| {
            follow(line.next.load(Ordering::Relaxed))
        })
    }

    /// The entries in overflow lines, with their slots.
    pub(super) fn spilled(&self) -> impl Iterator<Item = (&'t Slot, Block)> + use<'t> {
        self.lines()
            .flat_map(|line| &line.slots)
            .filter_map(|slot| Some((slot, slot.load().block()?)))
    }

    /// Adds an entry to the overflow lines, by another one if need be.
    pub(super) fn add_to_lines(&mut self, entry: Entry, memory: &mut Memory<'_>) {
        let mut slots = self.lines().flat_map(|line| &line.slots);
        if let Some(slot) = slots.find(|slot| slot.load() == Entry::NONE) {
            slot.store(entry);
            return;
        }
        let fresh = memory.arena.allocate(memory.slab, OVERFLOW);
        let fresh = fresh.cast::<Overflow>().as_ptr();
        // SAFETY: blocks of this class are zeroed, or were overflow lines; they are as large and aligned, and stay
        // mapped while the table lives. No other thread has this one.
        let line = unsafe { &*fresh };
        fence_before_reuse();
        let next = if self.state.spills() {
            let word = self.page.body[LINK].load(Ordering::Relaxed);
            link(word).cast_mut()
        } else {
            self.clear_link(line);
            null_mut()
        };
        line.next.store(next, Ordering::Release);
        line.slots[0].store(entry);
        self.set_link(fresh);
    }

    /// Makes the second pointer's word free for the link: its entry moves to the line.
    fn clear_link(&mut self, line: &Overflow) {
        let taken = (0..self.count()).find(|slot| self.place(*slot) == LINK_PLACE);
        if let Some(slot) = taken {
            let entry = Entry::from_word(self.page.body[LINK].load(Ordering::Relaxed));
            let marked = self.is_marked(slot);
            line.slots[1].store(if marked { entry.marked() } else { entry });
            self.take_out(slot);
        }
    }

    fn set_link(&mut self, line: *mut Overflow) {
        // The address is exposed because words hold records too.
        let word = line.expose_provenance() as u64;
        self.page.body[LINK].store(word, Ordering::Relaxed);
        self.state = self.state.with_spills(!line.is_null());
    }

    /// Gives back lines that have no entry.
    pub(super) fn free_empty_lines(&mut self, memory: &mut Memory<'_>) {
        let lines: Vec<&Overflow> = self.lines().collect();
        let has_none = |line: &Overflow| line.slots.iter().all(|slot| slot.load() == Entry::NONE);
        let (empty, used): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| has_none(line));
        if empty.is_empty() {
            return;
        }
        let mut next = null_mut();
        for line in used.iter().rev() {
            line.next.store(next, Ordering::Release);
            next = std::ptr::from_ref(*line).cast_mut();
        }
        self.set_link(next);
        for line in empty {
            // SAFETY: `add_to_lines` allocated it with this class, and it has just been unlinked.
            unsafe {
                memory
                    .arena
                    .free(memory.slab, OVERFLOW, NonNull::from(line).cast());
            };
        }
    }
}
