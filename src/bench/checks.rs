//! What the timed loop compares with what is known, and what it counts.

use super::stamp::{FOREIGN, STALE};
use crate::base::Key;
use crate::table::{Outcome, Stored};
use crate::workload::{Expect, Op};

/// What a thread counted, and the first thing that was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Reads that found their key.
    pub(crate) hits: u64,
    /// Reads that did not.
    pub(crate) misses: u64,
    /// Writes that found no room.
    pub(crate) refused: u64,
    /// Entries that went to make room.
    pub(crate) evicted: u64,
    /// Entries that were added, less those that were taken away or evicted.
    pub(crate) balance: i64,
    /// Outcomes and values that were not as they must be.
    pub(crate) wrong: u64,
    /// The first of them.
    pub(crate) first_wrong: Option<String>,
}

/// Longer batches are handed over in pieces of this many: their keys lie on the stack, and a word has a bit for
/// each.
pub(crate) const MOST_TOGETHER: usize = 64;

/// What has become of the gets of a batch, a bit for each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Found {
    pub(crate) answered: u64,
    /// How often an answer has come.
    pub(crate) calls: usize,
    pub(crate) missed: u64,
    /// Those that are not as they must be.
    pub(crate) wrong: u64,
    /// Those whose value was another key's.
    pub(crate) foreign: u64,
    /// Those whose value cannot be the last.
    pub(crate) stale: u64,
}

impl Found {
    /// A value with faults, or an outcome that is not as it must be.
    #[cold]
    #[inline(never)]
    fn note(&mut self, bit: u64, faults: u8) {
        self.wrong |= bit;
        self.foreign |= if faults & FOREIGN == 0 { 0 } else { bit };
        self.stale |= if faults & STALE == 0 { 0 } else { bit };
    }
}

/// What is compared with what is known, and counted.
pub(crate) struct Checks {
    /// Whether outcomes are compared with what is known; controls have none to compare.
    pub(crate) outcomes: bool,
    /// Whether an entry may go without having been removed.
    pub(crate) evicts: bool,
    pub(crate) tally: Tally,
}

impl Checks {
    /// Counts a read: whether it has found its key, and what is wrong with the value.
    #[inline]
    pub(crate) fn read(&mut self, op: &Op, bytes: &[u8], (present, faults): (bool, u8)) {
        let right = if present {
            self.tally.hits += 1;
            faults == 0 && op.expect != Expect::Absent
        } else {
            self.tally.misses += 1;
            op.expect != Expect::Present || self.evicts
        };
        if !right {
            self.found(op, bytes, (present, faults));
        }
    }

    /// Counts a read-modify-write: what the update came to, whether it has found its key, and what is wrong with the
    /// value.
    #[inline]
    pub(crate) fn updated(
        &mut self,
        op: &Op,
        bytes: &[u8],
        outcome: Outcome,
        (present, faults): (bool, u8),
    ) {
        self.read(op, bytes, (present, faults));
        // Nearly every one replaces what it has found.
        if outcome != Outcome::Replaced || !present {
            self.updated_otherwise(bytes, outcome, present);
        }
    }

    #[inline(never)]
    fn updated_otherwise(&mut self, bytes: &[u8], outcome: Outcome, present: bool) {
        self.tally.refused += u64::from(outcome == Outcome::Refused);
        self.tally.balance += i64::from(outcome == Outcome::Created);
        let as_told = match outcome {
            Outcome::Created => !present,
            Outcome::Replaced => present,
            Outcome::Refused => true,
            Outcome::Kept | Outcome::Removed => false,
        };
        if self.outcomes && !as_told {
            self.note_wrong(|| format!("update {outcome:?} key {}", show(bytes)));
        }
    }

    /// What a get has found. A control finds every key: where the stream says that a table would not, its answer is
    /// a miss, so that the floor waits where a table does.
    #[inline]
    pub(crate) fn answer(&self, op: &Op, found: Option<u64>) -> Option<u64> {
        found.filter(|_| self.outcomes || op.expect != Expect::Absent)
    }

    /// One answer of a batch: whether the key is there, and what is wrong with its value.
    #[inline]
    pub(crate) fn one_of_batch(&self, op: &Op, bit: u64, found: &mut Found, answer: (bool, u8)) {
        let (present, faults) = answer;
        found.calls += 1;
        found.answered |= bit;
        if present {
            if faults != 0 || op.expect == Expect::Absent {
                if self.outcomes {
                    found.note(bit, faults);
                } else {
                    // A control's answer is a miss where a table's is.
                    found.missed |= bit;
                }
            }
        } else {
            found.missed |= bit;
            if op.expect == Expect::Present && !self.evicts && self.outcomes {
                found.note(bit, faults);
            }
        }
    }

    /// Compares what was found with what is known.
    #[cold]
    #[inline(never)]
    pub(crate) fn found(&mut self, op: &Op, bytes: &[u8], (present, faults): (bool, u8)) {
        if faults & STALE != 0 {
            self.note_wrong(|| {
                format!(
                    "{:?}: key {} has a value that is not its last",
                    op.kind,
                    show(bytes)
                )
            });
        }
        if faults & FOREIGN != 0 {
            self.note_wrong(|| format!("key {} was answered with another's value", show(bytes)));
        }
        self.outcome(op, bytes, present);
    }

    /// Counts the gets of a batch. What was answered twice or not at all shows in the number of calls or in the
    /// bits.
    #[inline]
    pub(crate) fn batch(&mut self, ops: &[Op], keys: &[Key<'_>], found: &Found) {
        let misses = u64::from(found.missed.count_ones());
        self.tally.misses += misses;
        self.tally.hits += (ops.len() as u64).saturating_sub(misses);
        let all = u64::MAX >> (MOST_TOGETHER - ops.len());
        if found.calls != ops.len() || found.answered != all || found.wrong != 0 {
            self.wrong_batch(ops, keys, found);
        }
    }

    /// Names what was wrong in a batch.
    #[cold]
    #[inline(never)]
    fn wrong_batch(&mut self, ops: &[Op], keys: &[Key<'_>], found: &Found) {
        let answered = || format!("get_many answered {} of {} keys", found.calls, ops.len());
        for (index, (op, key)) in ops.iter().zip(keys).enumerate() {
            let has = |bits: u64| bits >> index & 1 == 1;
            if !has(found.answered) {
                self.note_wrong(answered);
            } else if has(found.wrong) {
                let fault = |bits: u64, fault: u8| if has(bits) { fault } else { 0 };
                let faults = fault(found.foreign, FOREIGN) | fault(found.stale, STALE);
                self.found(op, key.bytes, (!has(found.missed), faults));
            }
        }
        if found.calls > ops.len() {
            self.note_wrong(answered);
        }
    }

    /// After a batch of sets: whether each was answered once.
    #[inline]
    pub(crate) fn sets(&mut self, count: usize, calls: usize, answered: u64) {
        if calls != count || answered != u64::MAX >> (MOST_TOGETHER - count) {
            self.note_wrong(|| format!("set_many answered {calls} times for {count} entries"));
        }
    }

    #[inline]
    pub(crate) fn stored(&mut self, op: &Op, bytes: &[u8], stored: Stored) {
        if stored == Stored::Refused {
            self.tally.refused += 1;
        } else {
            self.tally.balance += i64::from(stored == Stored::Created);
            self.outcome(op, bytes, stored == Stored::Replaced);
        }
    }

    #[inline]
    pub(crate) fn outcome(&mut self, op: &Op, bytes: &[u8], present: bool) {
        let wrong = match op.expect {
            // What was there may have been evicted; what never was cannot be.
            Expect::Present => !present && !self.evicts,
            Expect::Absent => present,
            Expect::Either => false,
        };
        if wrong && self.outcomes {
            let is = if present { "present" } else { "absent" };
            self.note_wrong(|| format!("{:?}: key {} is {is}", op.kind, show(bytes)));
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn note_wrong(&mut self, what: impl FnOnce() -> String) {
        self.tally.wrong += 1;
        self.tally.first_wrong.get_or_insert_with(what);
    }
}

/// A key for people: escaped and shortened.
pub(crate) fn show(key: &[u8]) -> String {
    let end = key.len().min(40);
    let more = if key.len() > end { "…" } else { "" };
    format!("'{}'{more}", key[..end].escape_ascii())
}
