//! Which requests of one thread may meet at the server in another order than that of the stream.
//!
//! A thread sends its operations in the order of its stream. On one connection the server does them in that order;
//! on several it may not, and an operation of two halves, which looks before it writes, writes behind what was sent
//! meanwhile. What is known of an operation's outcome holds in the stream's order only. So a write whose outcome
//! depends on it waits for a write of its key that may come later, and a read that a write may have overtaken is
//! checked for its owner alone. Keys are told apart by a hash: two that share a slot wait where they need not.

use hashbrown::HashSet;
use xxhash_rust::xxh3::xxh3_64;

/// Slots for each request that may be under way: of five hundred writes, one waits for another key's. A connection
/// stands still meanwhile, and with it the thread.
const SLOTS_EACH: usize = 512;

/// The least and the most slots.
const SLOTS: (usize, usize) = (1 << 10, 1 << 18);

/// The writes of keys that are under way.
pub(super) struct Overlap {
    slots: Vec<Slot>,
    shift: u32,
    /// Hashes of the keys whose writes have met: which of them came last is not known until one has begun alone. It
    /// must be known of the key itself: the write of another in its slot settles nothing.
    unsettled: HashSet<u64>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    /// Writes under way.
    writes: u32,
    /// Of those, the ones that look first.
    halves: u32,
    /// The connection of the last of them.
    lane: u32,
    /// Writes that have begun, ever.
    begun: u32,
}

/// What an operation does to its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Touch {
    Read,
    Write,
    /// It looks, and writes with a second request.
    Halves,
}

/// What a request was begun under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ticket {
    slot: u32,
    begun: u32,
    /// A write was under way that may come later.
    doubtful: bool,
}

impl Slot {
    /// Whether a write is under way that may come later than what is sent on `lane` now.
    fn is_behind(&self, lane: usize) -> bool {
        self.halves > 0 || self.writes > 0 && self.lane as usize != lane
    }
}

impl Overlap {
    /// For a thread that may have so many requests under way together; `None` where it has only one.
    pub(super) fn new(requests: usize) -> Option<Overlap> {
        if requests <= 1 {
            return None;
        }
        let slots = (requests * SLOTS_EACH)
            .next_power_of_two()
            .clamp(SLOTS.0, SLOTS.1);
        Some(Overlap {
            slots: vec![Slot::default(); slots],
            shift: 64 - slots.trailing_zeros(),
            unsettled: HashSet::new(),
        })
    }

    /// Where a key has its slot: by its last bytes, which tell the keys of a workload apart.
    fn slot_of(&self, key: &[u8]) -> usize {
        let word = match key.last_chunk::<8>() {
            Some(tail) => u64::from_le_bytes(*tail),
            None => key
                .iter()
                .fold(1, |word, &byte| word << 8 | u64::from(byte)),
        };
        // Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the golden ratio of 2^64.
        let mixed = (word ^ key.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        usize::try_from(mixed >> self.shift).expect("fewer bits than an index has")
    }

    /// Whether a write of this key on `lane` must wait for another.
    pub(super) fn must_wait(&self, key: &[u8], lane: usize) -> bool {
        self.slots[self.slot_of(key)].is_behind(lane)
    }

    /// A request for this key begins on `lane`.
    pub(super) fn begin(&mut self, key: &[u8], lane: usize, touch: Touch) -> Ticket {
        let at = self.slot_of(key);
        let slot = &mut self.slots[at];
        let is_behind = slot.is_behind(lane);
        let doubtful =
            is_behind || !self.unsettled.is_empty() && self.unsettled.contains(&xxh3_64(key));
        if touch != Touch::Read {
            if is_behind {
                self.unsettled.insert(xxh3_64(key));
            } else if doubtful && slot.writes == 0 {
                self.unsettled.remove(&xxh3_64(key));
            }
            slot.writes += 1;
            slot.halves += u32::from(touch == Touch::Halves);
            slot.lane = u32::try_from(lane).unwrap_or(u32::MAX);
            slot.begun = slot.begun.wrapping_add(1);
        }
        Ticket {
            slot: u32::try_from(at).expect("slots are fewer than that"),
            begun: slot.begun,
            doubtful,
        }
    }

    /// A request has ended.
    pub(super) fn end(&mut self, ticket: Ticket, touch: Touch) {
        let slot = &mut self.slots[ticket.slot as usize];
        slot.writes -= u32::from(touch != Touch::Read);
        slot.halves -= u32::from(touch == Touch::Halves);
    }

    /// Whether no write can have met a read that began under this ticket.
    pub(super) fn is_certain(&self, ticket: Ticket) -> bool {
        !ticket.doubtful && self.slots[ticket.slot as usize].begun == ticket.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_wait_for_each_other_and_reads_know_what_met_them() {
        assert!(Overlap::new(1).is_none());
        let mut overlap = Overlap::new(4).unwrap();
        let key = b"user1".as_slice();
        let early = overlap.begin(key, 1, Touch::Read);
        assert!(overlap.is_certain(early) && !overlap.must_wait(key, 0));
        let write = overlap.begin(key, 0, Touch::Write);
        assert!(!overlap.is_certain(early), "the write may overtake it");
        assert!(overlap.must_wait(key, 1) && !overlap.must_wait(key, 0));
        let same = overlap.begin(key, 0, Touch::Read);
        let other = overlap.begin(key, 1, Touch::Read);
        assert!(overlap.is_certain(same) && !overlap.is_certain(other));
        overlap.end(write, Touch::Write);
        assert!(!overlap.must_wait(key, 1));
        let late = overlap.begin(key, 1, Touch::Read);
        assert!(overlap.is_certain(late));
        // Two writes in any order: what is read after them is in doubt until one has begun alone.
        let writes = [0, 1].map(|lane| overlap.begin(key, lane, Touch::Write));
        for write in writes {
            overlap.end(write, Touch::Write);
        }
        let unsure = overlap.begin(key, 0, Touch::Read);
        assert!(!overlap.is_certain(unsure));
        // Another key of the same slot settles nothing.
        let same_slot = (0..).map(|n: u32| format!("other{n}").into_bytes());
        let mut same_slot =
            same_slot.filter(|other| overlap.slot_of(other) == overlap.slot_of(key));
        let other = same_slot.next().unwrap();
        let beside = overlap.begin(&other, 0, Touch::Write);
        overlap.end(beside, Touch::Write);
        let unsure = overlap.begin(key, 0, Touch::Read);
        assert!(!overlap.is_certain(unsure));
        let alone = overlap.begin(key, 0, Touch::Write);
        overlap.end(alone, Touch::Write);
        let sure = overlap.begin(key, 1, Touch::Read);
        assert!(overlap.is_certain(sure));
        let halves = overlap.begin(key, 1, Touch::Halves);
        assert!(
            overlap.must_wait(key, 1),
            "its write comes later on its own connection too"
        );
        overlap.end(halves, Touch::Halves);
        assert!(!overlap.must_wait(key, 1));
        let short = overlap.begin(b"", 1, Touch::Read);
        assert!(overlap.is_certain(short));
    }
}
