//! How `optimistic` moves entries out of pages of which few blocks are in use.

use super::block::Block;
use super::slab::{Arena, class_for};
use super::{Optimistic, OptimisticSession};
use crate::base::Key;

impl Optimistic {
    /// Gives the entry in a block another block of the same class, if a bucket holds this one; whether it did. The caller
    /// has no bucket locked.
    ///
    /// # Safety
    /// The block lies in a page of this table's slab, which lent it as one of this class once.
    unsafe fn move_out(
        &self,
        block: Block,
        class: usize,
        copy: &mut Vec<u64>,
        arena: &mut Arena,
    ) -> bool {
        // SAFETY: as the caller promises.
        let Some(presumed) = (unsafe { block.presumed_key(class, copy) }) else {
            return false;
        };
        let hash = self.env.hasher.hash(presumed);
        let mut locked = self.lock(hash, arena);
        let mut blocks = locked.chain.blocks();
        let Some((slot, block)) = blocks.find(|(_, there)| *there == block) else {
            return false;
        };
        // SAFETY: the bucket is locked, and the entry is not written.
        let (bytes, value) = unsafe { block.bytes() };
        // Another entry may have come since, to this very block.
        if bytes != presumed || class_for(Block::bytes_for(bytes.len(), value.len())) != class {
            return false;
        }
        locked.changed = true;
        let entry = slot.load();
        slot.store(self.new_entry(Key { bytes, hash }, value, arena));
        if entry.is_marked() {
            slot.mark(slot.load());
        }
        true
    }
}

impl OptimisticSession<'_> {
    /// Moves a few entries if it is time, at the end of a call that wrote. The caller has no bucket locked.
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
        // SAFETY: what was moved out, a bucket of this table held with this class, and it was unlinked under the bucket's
        // lock just now; the blocks that are asked about lie in pages of the slab's.
        unsafe {
            arena.move_some(&table.slab, |arena, class, block| {
                table.move_out(Block(block.cast()), class, copy, arena)
            });
        }
    }
}
