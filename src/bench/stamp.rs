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
pub(crate) const PREFILLED: u64 = 0;

/// Bits of a place in a stream: years of operations.
const PLACE_BITS: u32 = 48;

/// A value has been found that is another key's.
pub(crate) const FOREIGN: u8 = 1;

/// A value has been found that cannot be the last one written.
pub(crate) const STALE: u8 = 2;

/// Where a thread stands in its stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamps {
    /// The stamp of the operation that is under way; its place counts from 1.
    now: u64,
    /// The bits of a stamp that are compared: none where a control answers.
    compared: u64,
    /// The largest writer there is, while others write what this one reads; 0 where there are none.
    others: u64,
}

impl Stamps {
    /// For a thread; a control, which is not `checked`, accepts the write of everyone.
    pub(crate) fn new(who: Worker, checked: bool) -> Stamps {
        let writers = u64::from(who.of);
        Stamps {
            now: (u64::from(who.index) + 1) << PLACE_BITS,
            compared: if checked { u64::MAX } else { 0 },
            others: if writers > 1 { writers } else { 0 },
        }
    }

    /// The next operation begins.
    #[inline]
    pub(crate) fn next(&mut self) {
        self.now += 1;
    }

    /// So many have ended.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        self.now += count as u64;
    }

    /// Looks at a value that `op` has found under `key`, as the operation that is `ahead` of the one under way;
    /// returns a word of it, and says what is wrong in `faults`.
    ///
    /// Nearly every value is the thread's own last write or the prefill's. That is one comparison, on which every
    /// nanosecond counts: it stands between two operations of whatever is measured.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "part of the body of the timed loop")]
    pub(crate) fn look(
        &self,
        (value, key): (&[u8], &[u8]),
        (op, ahead): (&Op, usize),
        faults: &mut u8,
    ) -> u64 {
        let (Some(head), Some(tail)) = (value.first_chunk::<16>(), key.last_chunk::<8>()) else {
            let (word, short) = self.look_at_short(value, key, (op.since, ahead));
            *faults = short;
            return word;
        };
        let head = u128::from_le_bytes(*head);
        #[expect(clippy::cast_possible_truncation, reason = "its two halves")]
        let (word, stamp) = (head as u64, (head >> 64) as u64);
        let foreign = word ^ u64::from_le_bytes(*tail);
        let now = self.now + ahead as u64;
        let stale = (stamp ^ expected(now, op.since)) & self.compared;
        if foreign | stale != 0 {
            *faults = self.faults(foreign != 0, stamp, (op.since, ahead));
        }
        word
    }

    /// What is wrong with a value that was not expected.
    #[inline(never)]
    fn faults(&self, foreign: bool, stamp: u64, (since, ahead): (u32, usize)) -> u8 {
        let fresh = self.compared == 0 || self.is_fresh(stamp, self.now + ahead as u64, since);
        (if foreign { FOREIGN } else { 0 }) | if fresh { 0 } else { STALE }
    }

    /// A value without room for a stamp, or a key that is shorter than a word.
    #[inline(never)]
    fn look_at_short(&self, value: &[u8], key: &[u8], of: (u32, usize)) -> (u64, u8) {
        let foreign = !belongs(value, key);
        let stamp = value.get(8..).and_then(|rest| rest.first_chunk::<8>());
        let faults = match stamp {
            Some(stamp) => self.faults(foreign, u64::from_le_bytes(*stamp), of),
            None if foreign => FOREIGN,
            None => 0,
        };
        let word = match value.first_chunk::<8>() {
            Some(word) => u64::from_le_bytes(*word),
            // Of a value without a byte, how long it is.
            None => value
                .first()
                .map_or(value.len() as u64, |&byte| u64::from(byte)),
        };
        (word, faults)
    }

    /// Whether a value may be the last that was written, by its stamp.
    fn is_fresh(&self, stamp: u64, now: u64, since: u32) -> bool {
        let place = now & ((1 << PLACE_BITS) - 1);
        let own = if place <= u64::from(since) {
            // Written before the stream began.
            PREFILLED
        } else {
            expected(now, since)
        };
        stamp == own || since == NOT_KNOWN || self.is_of_another(stamp)
    }

    /// Whether another thread can have written it.
    fn is_of_another(&self, stamp: u64) -> bool {
        let writer = stamp >> PLACE_BITS;
        writer != 0 && writer != self.now >> PLACE_BITS && writer <= self.others
    }

    /// The value of `key` that an operation writes: whose it is, which write it is, then a pattern.
    #[inline]
    pub(crate) fn value_for<'v>(&self, pattern: &'v mut [u8], op: &Op, key: &[u8]) -> &'v [u8] {
        let value = &mut pattern[..op.value_len as usize];
        mark_value(value, key);
        self.mark(value);
        value
    }

    /// The start of a value, with the stamp of the operation that is under way.
    #[inline]
    pub(crate) fn marked(&self, mut head: [u8; 16]) -> [u8; 16] {
        head[8..].copy_from_slice(&self.now.to_le_bytes());
        head
    }

    /// Writes which write a value is, where it has room for that.
    #[inline]
    fn mark(&self, value: &mut [u8]) {
        mark(value, self.now);
    }
}

/// The stamp that a key's last write has left, where this thread has made it or nobody has.
#[inline]
fn expected(now: u64, since: u32) -> u64 {
    if since == 0 {
        PREFILLED
    } else {
        now.wrapping_sub(u64::from(since))
    }
}

/// Whether a value is the one of `key`: it starts with the key's last min(8, length) bytes.
#[inline]
pub(crate) fn belongs(value: &[u8], key: &[u8]) -> bool {
    if let (Some(value), Some(key)) = (value.first_chunk::<8>(), key.last_chunk::<8>()) {
        u64::from_ne_bytes(*value) == u64::from_ne_bytes(*key)
    } else {
        let length = value.len().min(key.len()).min(8);
        value[..length] == key[key.len() - length..]
    }
}

/// Writes the bytes by which a value is known to be the key's.
#[inline]
pub(crate) fn mark_value(value: &mut [u8], key: &[u8]) {
    if let (Some(value), Some(key)) = (value.first_chunk_mut::<8>(), key.last_chunk::<8>()) {
        *value = *key;
    } else {
        let length = value.len().min(key.len()).min(8);
        value[..length].copy_from_slice(&key[key.len() - length..]);
    }
}

/// Writes a stamp, where the value has room for it.
#[inline]
pub(crate) fn mark(value: &mut [u8], stamp: u64) {
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

    fn fresh(mut reader: Stamps, place: usize, since: u32, value: &[u8]) -> bool {
        let mut before = reader;
        reader.skip(place);
        before.skip(place - 4);
        let faults_of = |key: &[u8]| {
            let mut faults = 0;
            reader.look((value, key), (&op(since), 0), &mut faults);
            // In a batch, the same operation is ahead of the one that ended last.
            let mut ahead = 0;
            before.look((value, key), (&op(since), 4), &mut ahead);
            assert_eq!(faults, ahead);
            faults
        };
        let key = value.first_chunk::<8>().unwrap();
        let faults = faults_of(key);
        // A key that is shorter than a word is looked at in another way.
        assert_eq!(faults, faults_of(b"key") & STALE);
        assert_eq!(faults_of(b"another1"), faults | FOREIGN);
        faults == 0
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
        let mut writer = second;
        writer.skip(5);
        writer.mark(&mut value);
        assert!(fresh(first, 10, 3, &value) && fresh(first, 10, 0, &value));
        assert!(!fresh(second, 10, 3, &value) && fresh(second, 10, 5, &value));
        // One's own overwritten value does not come back, nor the prefill's, nor one that no thread writes.
        mark(&mut value, PREFILLED);
        assert!(!fresh(first, 10, 3, &value) && fresh(first, 10, 0, &value));
        mark(&mut value, 3 << PLACE_BITS | 1);
        assert!(!fresh(first, 10, 3, &value));
    }
}
