//! The memory limit: room is made before a value is stored, or the value is refused.
//!
//! The limit is on what items take: the table's own account of its bytes, and for each item what
//! the allocator adds ([`ALLOCATOR`]). Threads do not ask for that account at every store: each has
//! a credit, a share of what is free, and asks again when it is used up. So the table is above its
//! limit by the credits of all threads at most, a sixteenth part.
//!
//! Where nothing is evicted, a credit is never more than what is free, and what is removed from a full
//! table makes room for as much again ([`Shared::removed`]), even while the table's arrays, which have
//! just doubled, hold it above its limit. An exptime that an item gets later, four bytes, is never
//! refused: memcached has always room for it.

use std::sync::atomic::Ordering;

use super::counts::Count;
use super::header::{FETCHED, HEADER_MIN, Header};
use super::items::Items;
use super::shared::Shared;
use crate::wire::footprint;

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
        if !self.shared.refuses {
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
        *self.credit = 0;
        if free < bytes {
            return self.shared.take_removed(bytes);
        }
        // Arrays double and entries take more than their bytes: a part of the room only.
        let share = if self.shared.refuses {
            self.shared.freed.store(0, Ordering::Relaxed);
            ((free - bytes) / 4).min(limit / 16)
        } else {
            (free / 4).clamp(limit / 4096, limit / 16)
        };
        let share = share / threads;
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

impl Shared<'_> {
    /// An item of `length` bytes with its header has gone: where nothing is evicted, there is room for as
    /// much again.
    pub(super) fn removed(&self, key: usize, length: usize) {
        if self.refuses {
            let bytes = footprint(key, 0, length.saturating_sub(HEADER_MIN));
            self.freed.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Takes `bytes` of what was removed from a full table; whether there were as many.
    fn take_removed(&self, bytes: u64) -> bool {
        let take = |freed: u64| freed.checked_sub(bytes);
        self.refuses
            && self
                .freed
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
    }
}
