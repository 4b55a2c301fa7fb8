//! How a page is divided between itself and a new one.

use crate::table::sync::atomic::Ordering;

use super::edit::{Locked, Memory, Spot, record_words};
use super::page::{BODY, DIRECT, POINTER};
use crate::table::optimistic::bucket::Entry;
use crate::table::prefetch::prefetch_read;

/// An entry of a page that is being divided.
struct Leaving {
    hash: u64,
    place: u8,
    words: usize,
    marked: bool,
    goes: bool,
}

impl<'t> Locked<'t> {
    /// Moves the entries whose hashes `goes` says so of to another page, which is empty.
    pub(super) fn divide(
        &mut self,
        other: &mut Locked<'t>,
        goes: impl Fn(u64) -> bool,
        memory: &mut Memory<'_>,
    ) {
        self.change();
        for slot in 0..self.count() {
            if let Some(block) = self.block(self.place(slot)) {
                prefetch_read(block.0.as_ptr());
            }
        }
        let hasher = memory.hasher;
        let slots: Vec<Leaving> = (0..self.count())
            .map(|slot| {
                let place = self.place(slot);
                // SAFETY: the page is locked, and nothing is written meanwhile.
                let hash = hasher.hash(unsafe { self.bytes(Spot::Slot(slot)) }.0);
                Leaving {
                    hash,
                    place,
                    marked: self.is_marked(slot),
                    goes: goes(hash),
                    words: if place & POINTER == 0 {
                        record_words(self.words(place))
                    } else {
                        1
                    },
                }
            })
            .collect();
        let spilled: Vec<(Entry, bool)> = self
            .spilled()
            // SAFETY: as above.
            .map(|(slot, block)| (slot.load(), goes(hasher.hash(unsafe { block.bytes() }.0))))
            .collect();
        let image: [u64; BODY] =
            std::array::from_fn(|at| self.page.body[at].load(Ordering::Relaxed));
        self.clear(memory);
        let (records, pointers): (Vec<_>, Vec<_>) =
            slots.iter().partition(|slot| slot.place & POINTER == 0);
        for record in records {
            let to = if record.goes { &mut *other } else { &mut *self };
            let words = &image[usize::from(record.place)..][..record.words];
            let added = to.insert_words(record.hash, words);
            assert!(added, "a page has room for half of what was in one");
            to.mark_last(record.marked);
        }
        for pointer in pointers {
            let to = if pointer.goes {
                &mut *other
            } else {
                &mut *self
            };
            let entry = Entry::from_word(image[usize::from(pointer.place & !POINTER)]);
            let entry = if pointer.marked {
                entry.marked()
            } else {
                entry
            };
            to.adopt(entry, memory);
        }
        for (entry, goes) in spilled {
            let to = if goes { &mut *other } else { &mut *self };
            to.adopt(entry, memory);
        }
    }

    /// Forgets all entries, and gives the lines back; the blocks are the caller's.
    fn clear(&mut self, memory: &mut Memory<'_>) {
        for slot in self.lines().flat_map(|line| &line.slots) {
            slot.store(Entry::NONE);
        }
        if self.state.spills() {
            self.free_empty_lines(memory);
        }
        let page = self.page;
        let words = page.tags.iter().chain(&page.places).chain([&page.meta]);
        for word in words.chain(&page.body[..DIRECT]) {
            word.store(0, Ordering::Relaxed);
        }
    }
}
