//! What a value says of itself: whose it is, and which write it is.
//!
//! ```text
//!   ┌──────────────────────────────┬────────────┬─────────────────────┬─────────────┐
//!   │ last min(8, length) of key   │ writer: 16 │ place in stream: 48 │ pattern …   │
//!   └──────────────────────────────┴────────────┴─────────────────────┴─────────────┘
//!    0                              8                                  16
//! ```
//!
//! The prefill writes 0 for writer and place; threads count from 1. Shorter values have no stamp. A thread
//! knows its own writes ([`Op::since`]): where it is alone, the stamp must be that of its last one. Where other
//! threads write too, theirs is accepted, its own must be its last one, and the prefill's must not come back.

use crate::base::Worker;
use crate::workload::{NOT_KNOWN, Op};

/// The stamp of values that the prefill has stored.
pub(super) const PREFILLED: u64 = 0;

/// Bits of a place in a stream: years of operations.
const PLACE_BITS: u32 = 48;

/// A value that a lookup has found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Whether it is the key's own.
    pub(super) own: bool,
    /// Whether the write that it carries may be the key's last.
    pub(super) fresh: bool,
    /// A word of it.
    pub(super) word: u64,
}

/// Where a thread stands in its stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    /// The operation that is under way, from 1.
    place: u64,
    writer: u64,
    /// The largest writer there is, while others write what this one reads; 0 where there are none.
    others: u64,
}

impl Stamps {
    /// For a thread; a control, which is not `checked`, accepts the write of everyone.
    pub(super) fn new(who: Worker, checked: bool) -> Stamps {
        let writers = u64::from(who.of);
        Stamps {
            place: 0,
            writer: u64::from(who.index) + 1,
            others: match (checked, writers) {
                (false, _) => u64::MAX,
                (true, 1) => 0,
                (true, _) => writers,
            },
        }
    }

    /// The next operation begins.
    #[inline]
    pub(super) fn next(&mut self) {
        self.place += 1;
    }

    /// So many have ended.
    #[inline]
    pub(super) fn skip(&mut self, count: usize) {
        self.place += count as u64;
    }

    /// During the operation of that index in a batch that comes next.
    #[inline]
    pub(super) fn at(self, index: usize) -> Stamps {
        Stamps {
            place: self.place + index as u64 + 1,
            ..self
        }
    }

    #[inline]
    fn of(self, place: u64) -> u64 {
        self.writer << PLACE_BITS | place
    }

    /// Looks at a value that `op` has found under `key`.
    #[inline]
    pub(super) fn look(self, value: &[u8], key: &[u8], op: &Op) -> Seen {
        let word = match value.first_chunk::<8>() {
            Some(word) => u64::from_ne_bytes(*word),
            // Of a value without a byte, how long it is.
            None => value
                .first()
                .map_or(value.len() as u64, |&byte| u64::from(byte)),
        };
        Seen {
            own: belongs(value, key),
            fresh: self.is_fresh(value, op.since),
            word,
        }
    }

    /// Whether a value may be the last that was written, by its stamp.
    #[inline]
    fn is_fresh(self, value: &[u8], since: u32) -> bool {
        let Some(stamp) = value.get(8..).and_then(|rest| rest.first_chunk::<8>()) else {
            return true;
        };
        let stamp = u64::from_le_bytes(*stamp);
        let since = u64::from(since);
        let last = if since == 0 || self.place <= since {
            PREFILLED
        } else {
            self.of(self.place - since)
        };
        stamp == last || since == u64::from(NOT_KNOWN) || self.is_of_another(stamp)
    }

    /// Whether another thread can have written it.
    #[inline]
    fn is_of_another(self, stamp: u64) -> bool {
        let writer = stamp >> PLACE_BITS;
        writer != 0 && writer != self.writer && writer <= self.others
    }

    /// The value of `key` that an operation writes: whose it is, which write it is, then a pattern.
    #[inline]
    pub(super) fn value_for<'v>(self, pattern: &'v mut [u8], op: &Op, key: &[u8]) -> &'v [u8] {
        let value = &mut pattern[..op.value_len as usize];
        mark_value(value, key);
        self.mark(value);
        value
    }

    /// Writes which write a value is, where it has room for that.
    #[inline]
    pub(super) fn mark(self, value: &mut [u8]) {
        mark(value, self.of(self.place));
    }
}

/// Whether a value is the one of `key`: it starts with the key's last min(8, length) bytes.
#[inline]
pub(super) fn belongs(value: &[u8], key: &[u8]) -> bool {
    if let (Some(value), Some(key)) = (value.first_chunk::<8>(), key.last_chunk::<8>()) {
        u64::from_ne_bytes(*value) == u64::from_ne_bytes(*key)
    } else {
        let length = value.len().min(key.len()).min(8);
        value[..length] == key[key.len() - length..]
    }
}

/// Writes the bytes by which a value is known to be the key's.
#[inline]
pub(super) fn mark_value(value: &mut [u8], key: &[u8]) {
    if let (Some(value), Some(key)) = (value.first_chunk_mut::<8>(), key.last_chunk::<8>()) {
        *value = *key;
    } else {
        let length = value.len().min(key.len()).min(8);
        value[..length].copy_from_slice(&key[key.len() - length..]);
    }
}

/// Writes a stamp, where the value has room for it.
#[inline]
pub(super) fn mark(value: &mut [u8], stamp: u64) {
    if let Some(place) = value
        .get_mut(8..)
        .and_then(|rest| rest.first_chunk_mut::<8>())
    {
        *place = stamp.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Expect, Kind};

    fn op(since: u32) -> Op {
        Op {
            key_at: 0,
            value_len: 20,
            key_len: 3,
            kind: Kind::Get,
            expect: Expect::Present,
            since,
        }
    }

    fn fresh(mut reader: Stamps, place: u64, since: u32, value: &[u8]) -> bool {
        reader.place = place;
        reader.look(value, b"key", &op(since)).fresh
    }

    #[test]
    fn the_last_write_is_told_from_every_other() {
        let alone = Stamps::new(Worker::ALONE, true);
        let mut writer = alone;
        let mut pattern = vec![b'.'; 20];
        writer.skip(7);
        let seventh = writer.value_for(&mut pattern, &op(0), b"key").to_vec();
        assert_eq!(&seventh[..3], b"key");
        let mut prefilled = seventh.clone();
        mark(&mut prefilled, PREFILLED);
        // Ten operations on, the seventh is 3 back.
        assert!(fresh(alone, 10, 3, &seventh));
        for since in [0, 2, 4, 10, 11] {
            assert!(!fresh(alone, 10, since, &seventh), "{since}");
        }
        assert!(fresh(alone, 10, NOT_KNOWN, &seventh));
        // Never written, or written before the stream began.
        for since in [0, 10, 11, 900] {
            assert!(fresh(alone, 10, since, &prefilled), "{since}");
        }
        assert!(!fresh(alone, 10, 9, &prefilled));
        // A control finds a stamp that no thread writes.
        mark(&mut prefilled, u64::MAX);
        assert!(!fresh(alone, 10, 3, &prefilled));
        assert!(fresh(Stamps::new(Worker::ALONE, false), 10, 3, &prefilled));
        // Short values have no stamp.
        assert!(fresh(alone, 10, 2, &seventh[..15]));
    }

    #[test]
    fn another_thread_s_write_is_accepted_where_there_is_one() {
        let [first, second] = [0, 1].map(|index| Stamps::new(Worker { index, of: 2 }, true));
        let mut value = vec![0; 16];
        mark(&mut value, second.of(5));
        assert!(fresh(first, 10, 3, &value) && fresh(first, 10, 0, &value));
        assert!(!fresh(second, 10, 3, &value) && fresh(second, 10, 5, &value));
        // One's own overwritten value does not come back, nor the prefill's, nor one that no thread writes.
        mark(&mut value, PREFILLED);
        assert!(!fresh(first, 10, 3, &value) && fresh(first, 10, 0, &value));
        mark(&mut value, 3 << PLACE_BITS | 1);
        assert!(!fresh(first, 10, 3, &value));
    }
}
