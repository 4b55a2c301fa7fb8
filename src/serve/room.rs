//! The memory limit: room is made before a value is stored, or the value is refused.
//!
//! The limit is on what items take: the table's own account of its bytes, and for each item what
//! the allocator adds ([`ALLOCATOR`]). Threads do not ask for that account at every store: each has
//! a credit, a share of what is free, and asks again when it is used up. So the table is above its
//! limit by the credits of all threads at most, a sixteenth part.

use std::sync::atomic::Ordering;

use super::counts::Count;
use super::header::{FETCHED, Header};
use super::items::Items;

/// Bytes that an allocator adds to an item: its header, and rounding up to sixteen.
const ALLOCATOR: u64 = 16;

/// Calls of the clock for one store, at most: each visits a few hundred buckets, so that together they
/// go round any table that fits twice, as they must where everything was used.
const CALLS: u32 = 1 << 14;

impl Items<'_, '_> {
    /// Bytes that are free below the limit now, as far as they are for items; and the limit on
    /// the table's own account that this means.
    fn free(&self) -> (u64, u64) {
        let limit = self.shared.limit_bytes.load(Ordering::Relaxed);
        let usage = self.shared.table.usage();
        let own = limit.saturating_sub(ALLOCATOR * usage.items);
        (own.saturating_sub(usage.bytes), own)
    }

    /// Whether there is room for `bytes` more, made by eviction where that is allowed; renews the
    /// credit.
    #[cold]
    pub(super) fn make_room(&mut self, bytes: usize) -> bool {
        let options = self.shared.options;
        let bytes = bytes as u64;
        let limit = self.shared.limit_bytes.load(Ordering::Relaxed);
        let threads = options.threads as u64;
        let (mut free, mut own) = self.free();
        if options.evict && self.shared.table.walks() {
            for _ in 0..CALLS {
                if free > bytes {
                    break;
                }
                if !self.evict(own.saturating_sub(bytes + limit / 1024)) {
                    break;
                }
                let before = free;
                (free, own) = self.free();
                if free <= before {
                    // Another thread may have the hand.
                    std::thread::yield_now();
                }
            }
        }
        if free < bytes {
            return false;
        }
        // Arrays double and entries take more than their bytes: a part of the room only.
        let share = (free / 4).clamp(limit / 4096, limit / 16) / threads;
        *self.credit = i64::try_from(share).unwrap_or(i64::MAX);
        true
    }

    /// Lets the clock go on towards a table of `limit` bytes; whether there is any use in going on.
    fn evict(&mut self, limit: u64) -> bool {
        let (shared, now) = (self.shared, self.now);
        let mut unread = 0;
        let evicted = self.session.make_room(limit, &mut |_, item| {
            let Some((header, _)) = Header::split(item) else {
                return true;
            };
            unread += u64::from(!header.has(FETCHED));
            shared.gone(&header, now).is_some()
        });
        self.counts.add(Count::Reclaimed, evicted.dead);
        let live = evicted.entries - evicted.dead;
        self.counts.add(Count::Evictions, live);
        self.counts.add(Count::EvictedUnfetched, unread.min(live));
        !evicted.exhausted
    }
}
