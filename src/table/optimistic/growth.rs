//! Growth of `optimistic`: when the array doubles, and how its buckets get their entries.

use super::bucket::{Chain, Entry, SLOTS};
use super::directory::Doubling;
use super::locked::Locked;
use super::slab::Arena;
use super::version::Wait;
use super::{Optimistic, index};
use crate::base::EventKind;
use crate::table::Env;
use crate::table::buckets::items_allowed;

impl Optimistic {
    /// Begins a doubling if there are more items than the buckets should hold, or goes on with one whose segment is being
    /// cleared.
    #[cold]
    pub(super) fn grow_if_full(&self) {
        // A table that is still splitting gets another chance at the next spill.
        let Some(mut growing) = self.growing.try_lock() else {
            return;
        };
        let buckets = self.directory.mask() + 1;
        let is_clearing = self.directory.is_clearing();
        let is_full = || self.slab.used().0 > items_allowed(buckets, self.load);
        if !self.directory.settled() || !is_clearing && !is_full() {
            return;
        }
        // The thread that split the last run may not have come to say so yet.
        Self::note_end(&self.env, &mut growing, buckets / 2);
        if !is_clearing {
            self.env.note(EventKind::Begin, buckets, 2 * buckets);
        }
        match self.directory.double() {
            Doubling::Clearing => {}
            Doubling::Mapped => *growing = Some(buckets),
            Doubling::Refused => self.env.note(EventKind::End, buckets, buckets),
        }
    }

    /// Brings a doubling that has begun to its end.
    pub(super) fn end_doubling(&self, arena: &mut Arena) {
        let wait = Wait::new();
        while self.directory.is_clearing() {
            self.grow_if_full();
            // Another thread may be about it.
            wait.a_little();
        }
        while self.split_a_run(arena) {}
    }

    /// Notes that the doubling from so many buckets has ended, unless that is noted. Another may have
    /// begun since its last run was split: of that one it says nothing.
    pub(super) fn note_end(env: &Env, growing: &mut Option<usize>, buckets: usize) {
        if growing.take_if(|from| *from == buckets).is_some() {
            env.note(EventKind::End, buckets, 2 * buckets);
        }
    }

    /// Splits a few buckets if a doubling is on; whether it was.
    #[inline]
    pub(super) fn split_a_run(&self, arena: &mut Arena) -> bool {
        let Some(run) = self.directory.claim() else {
            return false;
        };
        let buckets = self.directory.mask().div_ceil(2);
        if run.start != buckets && (run.start - buckets).is_multiple_of((buckets / 4).max(64)) {
            self.env.note(EventKind::Step, buckets, 2 * buckets);
        }
        for child in run.clone() {
            self.split(child, arena);
        }
        if self.directory.done(run.len()) {
            Self::note_end(&self.env, &mut self.growing.lock(), buckets);
        }
        true
    }

    /// Gives a bucket its entries, out of its parent, unless it has them.
    #[cold]
    pub(super) fn split(&self, child: usize, arena: &mut Arena) {
        let bit = 1 << child.ilog2();
        let mut parent = Locked::new(self.directory.bucket(child - bit));
        let bucket = self.directory.bucket(child);
        let state = bucket.version.load();
        if state.is_live() {
            return;
        }
        for slot in parent.chain.slots() {
            let entry = slot.load();
            if entry != Entry::NONE {
                entry.prefetch();
            }
        }
        // SAFETY: a bucket that is not live is touched only under its parent's lock.
        let mut split = unsafe { Chain::new(bucket, state) };
        let mut entries = Vec::with_capacity(SLOTS * (1 + parent.chain.spilled()));
        parent.chain_mut().drain(&mut entries, &self.slab, arena);
        for entry in entries {
            let block = entry.block().expect("drained entries have blocks");
            // SAFETY: the entry's bucket is locked.
            let (key, _) = unsafe { block.bytes() };
            let moves = index(self.env.hasher.hash(key), bit) != 0;
            let to = if moves { &mut split } else { &mut parent.chain };
            to.insert(entry, &self.slab, arena);
        }
        bucket.version.publish_live(split.state.spills());
    }
}
