//! The memory limit: room is made before a value is stored, or the value is refused.
//!
//! The limit is on what items take: the table's own account of its bytes, and for each item what
//! the allocator adds ([`ALLOCATOR`]). Threads do not ask for that account at every store: each has
//! a credit, a share of what is free, and asks again when it is used up. So the table is above its
//! limit by the credits of all threads at most, a sixteenth part, by a thirty-second part where room is hard to
//! make ([`AHEAD`]), and by the values that are just being stored.
//!
//! A limit that has been lowered is reached step by step: the keeper evicts, and each store evicts twice what it
//! takes, or is refused.
//!
//! Where nothing is evicted, a credit is never more than what is free, and what is removed from a full
//! table or replaced in it makes room for as much again ([`Shared::freed`]), even while the table's arrays,
//! which have just doubled, hold it above its limit, by an eighth at most ([`ABOVE`]). What was admitted and
//! then not stored goes back to where it came from. An exptime, four bytes, is never refused and counts for
//! nothing here: memcached has always room for it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::counts::Count;
use super::credit::{Credit, Edited};
use super::header::{FETCHED, Header};
use super::items::Items;
use super::shared::Shared;
use crate::base::Key;
use crate::table::{Edit, Evicted, Outcome};

/// Bytes that an allocator adds to an item: its header, and rounding up to sixteen.
const ALLOCATOR: u64 = 16;

/// How long a store makes room at most, so that others wait no longer for it: one that asks for far more than
/// goes away in that time is refused, as it is by memcached.
const PATIENCE: Duration = Duration::from_millis(5);

/// Calls of the clock that a store makes whatever time they take: each visits a few hundred buckets or a thousand
/// entries.
const LEAST_CALLS: u32 = 128;

/// Used entries that a store lets off; where it has found nothing else among so many, what is used goes too, so
/// that no store waits for the hand to go round.
const MOST_SPARED: u64 = 4096;

/// How far above its limit a table may be for a store that has run out of patience, a part of the limit.
const AHEAD: u64 = 32;

/// Used entries that are let off in one call on the way down to a lower limit: about half.
const SPARED_AT_ONCE: u64 = 512;

/// Bytes that a store evicts beside twice its own where the limit has been lowered.
const SINK: u64 = 64 << 10;

/// Where nothing is evicted, how far above its limit a table may be for what is removed to make room still, a part
/// of the limit: arrays that double take less than that, unless they are far larger than their items.
const ABOVE: u64 = 8;

/// Room for a value that is about to be stored.
#[derive(Clone, Copy, Debug)]
#[must_use = "what is not stored gives its room back"]
pub(super) enum Room {
    /// So many bytes of the thread's credit.
    Credit(u64),
    /// What the table has free by its own account, which knows what becomes of it.
    Free,
    /// So many bytes that items left which went.
    Freed(u64),
}

impl Room {
    /// Whether nothing has to be known of what is replaced.
    pub(super) fn is_plain(self) -> bool {
        !matches!(self, Room::Freed(_))
    }
}

impl Items<'_, '_> {
    /// Takes room for `bytes` more, if there is any.
    pub(super) fn admit(&mut self, bytes: usize) -> Option<Room> {
        let bytes = bytes as u64;
        let limit = self.shared.limit_bytes.load(Ordering::Relaxed);
        self.credit.left -= signed(bytes);
        if self.credit.left >= 0 && self.credit.limit == limit {
            return Some(Room::Credit(bytes));
        }
        self.make_room(bytes, limit)
    }

    /// Gives back what an edit did not use of its room.
    pub(super) fn settle(&mut self, room: Room, edited: Edited) {
        let stored = matches!(edited.outcome, Outcome::Created | Outcome::Replaced);
        match room {
            // What is stored, and what that replaces, the table's own account knows.
            Room::Credit(bytes) if !stored => self.credit.left += signed(bytes),
            Room::Credit(_) | Room::Free => {}
            Room::Freed(bytes) => {
                let unused = if stored {
                    (bytes + edited.old).saturating_sub(edited.new)
                } else {
                    bytes
                };
                self.shared.freed.fetch_add(unused, Ordering::Relaxed);
            }
        }
    }

    /// Makes an edit that may need room, which it can only tell from the item. `edit` gets how many bytes
    /// it may take, and its second result is how many it needs: if those are more, it keeps the item, room
    /// is made, and it is asked again. `None` if there is no room.
    pub(super) fn edit_within(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<(Header, &[u8])>, &mut Vec<u8>, usize) -> (Edit, usize),
    ) -> Option<Outcome> {
        // The first time there is nothing but the credit, of which nothing has been taken.
        let limit = self.shared.limit_bytes.load(Ordering::Relaxed);
        let mut allowed = match *self.credit {
            Credit { left, limit: then } if then == limit => usize::try_from(left).unwrap_or(0),
            Credit { .. } => 0,
        };
        let mut room = Room::Credit(0);
        loop {
            let mut needed = 0;
            let edited = self.edit(key, |old, out| {
                let (edit, bytes) = edit(old, out, allowed);
                needed = bytes;
                edit
            });
            if needed <= allowed && matches!(room, Room::Credit(0)) {
                self.credit.left -= signed(needed as u64);
            }
            self.settle(room, edited);
            if needed <= allowed {
                return Some(edited.outcome);
            }
            room = self.admit(needed)?;
            allowed = needed;
        }
    }

    /// An item has got an exptime that it had not: memcached has always room for that, so it is never
    /// refused, but what is stored next finds that much less.
    pub(super) fn grown(&mut self, before: usize, after: usize) {
        self.credit.left -= signed(after.saturating_sub(before) as u64);
    }

    /// Sets the limit, in MiB; whether it can be kept: not one that the table takes with nothing in it.
    pub(super) fn limit_memory(&mut self, mib: u32) -> bool {
        let limit = u64::from(mib) << 20;
        if limit <= self.shared.least_structure_bytes() {
            return false;
        }
        self.shared.limit_bytes.store(limit, Ordering::Relaxed);
        true
    }

    /// Bytes that are free below the limit now, as far as they are for items; and the limit on
    /// the table's own account that this means.
    fn free(&self, limit: u64) -> (u64, u64) {
        let usage = self.shared.table.usage();
        let own = limit.saturating_sub(ALLOCATOR * usage.items);
        (own.saturating_sub(usage.bytes), own)
    }

    /// Makes room for `bytes` more, by eviction where that is allowed, and renews the credit. `None` if there is
    /// none.
    #[cold]
    fn make_room(&mut self, bytes: u64, limit: u64) -> Option<Room> {
        let options = self.shared.options;
        let threads = options.threads as u64;
        let (mut free, mut own) = self.free(limit);
        let mut gone = 0;
        if !self.shared.refuses {
            let (begun, mut calls, mut most_spared) = (Instant::now(), 0, MOST_SPARED);
            // A table that takes all it may with nothing in it stays as it is.
            while free <= bytes && self.shared.table.usage().items > 0 {
                let evicted = self.evict(own.saturating_sub(bytes + limit / 1024), most_spared);
                gone += evicted.bytes;
                most_spared = most_spared.saturating_sub(evicted.spared);
                let before = free;
                (free, own) = self.free(limit);
                let sinks = free == 0 && gone >= 2 * bytes + SINK;
                // A thread that had no core for a while has not been patient.
                calls += 1;
                let impatient = calls > LEAST_CALLS && begun.elapsed() > PATIENCE;
                if sinks || evicted.exhausted || impatient {
                    break;
                }
                if free <= before && evicted.entries == 0 {
                    // Another thread may have the hand.
                    std::thread::yield_now();
                }
            }
        }
        *self.credit = Credit { left: 0, limit };
        if free < bytes {
            if self.shared.refuses {
                return self.take_freed(bytes, own).then_some(Room::Freed(bytes));
            }
            // On the way down to a lower limit, or a little ahead of the hand.
            let usage = self.shared.table.usage();
            let ahead = usage.items > 0 && usage.bytes + bytes <= own + limit / AHEAD;
            return (ahead || gone >= 2 * bytes && gone > 0).then_some(Room::Free);
        }
        // Arrays double and entries take more than their bytes: a part of the room only.
        let share = if self.shared.refuses {
            self.shared.freed.store(0, Ordering::Relaxed);
            ((free - bytes) / 4).min(limit / 16)
        } else {
            (free / 4).clamp(limit / 4096, limit / 16)
        };
        self.credit.left = signed(share / threads);
        Some(Room::Free)
    }

    /// Evicts a little where the table is above its limit, for a thread that has the time; whether it may still be.
    pub(super) fn sink(&mut self) -> bool {
        let limit = self.shared.limit_bytes.load(Ordering::Relaxed);
        let (free, own) = self.free(limit);
        let above = free == 0 && !self.shared.refuses && self.shared.table.usage().items > 0;
        above && !self.evict(own, SPARED_AT_ONCE).exhausted
    }

    /// Takes `bytes` of what items left that went; whether there were as many, and the table, whose limit on its own
    /// account is `own`, is not too far above it.
    fn take_freed(&self, bytes: u64, own: u64) -> bool {
        let shared = self.shared;
        let take = |freed: u64| freed.checked_sub(bytes);
        shared.table.usage().bytes <= own + own / ABOVE
            && shared
                .freed
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_ok()
    }

    /// Lets the clock go on towards a table of `limit` bytes.
    fn evict(&mut self, limit: u64, most_spared: u64) -> Evicted {
        let (shared, now) = (self.shared, self.now);
        let mut unread = 0;
        let evicted = self.session.make_room(limit, most_spared, &mut |_, item| {
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
        evicted
    }
}

impl Shared<'_> {
    /// An item of so many bytes has gone: where nothing is evicted, there is room for as much again.
    pub(super) fn removed(&self, bytes: u64) {
        if self.refuses {
            self.freed.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

/// Bytes as they are taken from a credit and given to it.
fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
