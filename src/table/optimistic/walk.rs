//! The walk through `optimistic`, and the marks that it takes.

use super::block::Block;
use super::bucket::Slot;
use super::locked::Locked;
use super::slab::Arena;
use super::{Optimistic, index};
use crate::table::{Cursor, Keep, scan};

impl Optimistic {
    /// Marks the entry in a slot of a locked bucket as used, if uses are marked.
    pub(super) fn touch(&self, slot: &Slot) {
        if self.env.recency {
            slot.mark(slot.load());
        }
    }

    /// [`Session::walk`](crate::table::Session::walk). A bucket that is not live yet is split first,
    /// as for a write, so that buckets are intervals of the hashes here as well (`scan.rs`).
    pub(super) fn walk(
        &self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
        arena: &mut Arena,
    ) -> Cursor {
        let mut doomed = Vec::new();
        scan::steps(from, buckets, |at| {
            // The array may double while the bucket is locked, but no other bucket takes entries
            // out of this one.
            let (mut locked, mask) = self.lock_in(at, arena);
            show(&locked, &mut see, &mut doomed);
            for block in doomed.drain(..) {
                // A removal moves another entry, perhaps one that is to go as well.
                let place = locked.chain.blocks().find(|(_, there)| *there == block);
                let (slot, _) = place.expect("an entry of a bucket that is locked");
                self.remove(&mut locked, slot, arena);
            }
            self.bits(at, mask)
        })
    }

    /// How many low bits the hashes in the bucket share that a hash leads to under `mask`. The bucket is
    /// locked: while its child is not live it holds the child's entries as well, and the child can
    /// become live under this lock only.
    fn bits(&self, hash: u64, mask: usize) -> u32 {
        let (bucket, highest) = (index(hash, mask), mask.div_ceil(2));
        let child = bucket | highest;
        let apart = child == bucket || self.directory.bucket(child).version.load().is_live();
        mask.count_ones() - u32::from(!apart)
    }
}

/// Shows all entries of a bucket, and collects those that are to be removed.
fn show(
    locked: &Locked<'_>,
    see: &mut impl FnMut(&[u8], &[u8], bool) -> Keep,
    doomed: &mut Vec<Block>,
) {
    for (slot, block) in locked.chain.blocks() {
        // SAFETY: the bucket is locked, and nothing is written before `see` has returned.
        let (key, value) = unsafe { block.bytes() };
        let entry = slot.load();
        match see(key, value, entry.is_marked()) {
            Keep::Keep => {}
            // Nothing that readers validate: the entry is the same.
            Keep::Unmark => slot.store(entry.unmarked()),
            Keep::Remove => doomed.push(block),
        }
    }
}
