//! How `inline` moves entries that have blocks out of pages of the slab of which few blocks are in use.

use crate::table::sync::atomic::Ordering;

use super::edit::{Locked, Memory, Spot, class_of};
use super::{Inline, InlineSession};
use crate::base::Key;
use crate::table::optimistic::block::Block;
use crate::table::optimistic::slab::Arena;

impl Inline {
    /// Gives the entry in a block another block of the same class, if a page holds this one; whether it did. The caller
    /// has no page locked.
    ///
    /// # Safety
    /// The block lies in a page of this table's slab, which lent it as one of this class once.
    unsafe fn move_out(
        &self,
        block: Block,
        class: usize,
        copy: &mut Vec<u64>,
        memory: &mut Memory<'_>,
    ) -> bool {
        // SAFETY: as the caller promises.
        let Some(bytes) = (unsafe { block.presumed_key(class, copy) }) else {
            return false;
        };
        let hash = memory.hasher.hash(bytes);
        let key = Key { bytes, hash };
        let mut locked = self.lock(hash, false);
        let Some(spot) = locked.find(key) else {
            return false;
        };
        // Another entry may have come since, to this very block.
        if locked.block_at(spot) != Some(block) || class_of(block) != class {
            return false;
        }
        locked.renew(spot, key, memory);
        true
    }
}

impl<'t> Locked<'t> {
    /// Gives an entry that has a block another one; the old one is the caller's then.
    fn renew(&mut self, spot: Spot<'t>, key: Key<'_>, memory: &mut Memory<'_>) {
        self.change();
        // SAFETY: the page is locked, and the entry is not written.
        let (_, value) = unsafe { self.bytes(spot) };
        let entry = memory.store(key, value);
        match spot {
            Spot::Line(slot) if slot.load().is_marked() => slot.store(entry.marked()),
            Spot::Line(slot) => slot.store(entry),
            Spot::Slot(slot) => {
                self.words(self.place(slot))[0].store(entry.to_word(), Ordering::Relaxed);
            }
        }
    }
}

impl InlineSession<'_> {
    /// Moves a few entries if it is time, at the end of a call that wrote. The caller has no page locked.
    #[inline]
    pub(super) fn move_if_sparse(&mut self) {
        if self.arena.as_ref().is_some_and(Arena::is_sparse) {
            self.move_some();
        }
    }

    #[cold]
    pub(super) fn move_some(&mut self) {
        let (table, copy) = (self.table, &mut self.copy);
        let arena = self.arena.as_mut().expect("only dropping takes it");
        // SAFETY: what was moved out, a page of this table held with this class, and it was unlinked under the page's
        // lock just now; the blocks that are asked about lie in pages of the slab's.
        unsafe {
            arena.move_some(&table.slab, |arena, class, block| {
                let mut memory = Memory {
                    hasher: &table.env.hasher,
                    slab: &table.slab,
                    arena,
                };
                table.move_out(Block(block.cast()), class, copy, &mut memory)
            });
        }
    }
}
