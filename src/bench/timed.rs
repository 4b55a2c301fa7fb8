//! The timed loop: hash, table call, and the check that the bytes belong to the key.
//!
//! No random numbers, no allocation, no clock per operation, no shared counter. Operations come
//! from a segment that was written before the clock started; every operation carries what is known
//! about its key, and every outcome is compared with that. What stands between two operations is
//! [`Gap`]'s.

use std::hint::black_box;

use super::checks::{Checks, Found, MOST_TOGETHER, Tally, show};
use super::gap::{Answer, Gap};
use super::room::Room;
use super::stamp::{self, Stamps, belongs, mark_value};
use crate::base::{Between, Key, Worker};
use crate::hash::Hasher;
use crate::table::{Edit, Outcome, Session, Stored};
use crate::workload::{Expect, Kind, Op, Segment, VALUE_BYTES_MAX};

/// A batch of so few sets has a smaller place on the stack, as that has to be cleared.
const SHORT: usize = 16;

/// The same for the few sets that follow each other in a mix of reads and writes.
const SHORTEST: usize = 4;

/// Bytes of values that a batch of sets is made of at most, so that they stay in the first cache and the copy that
/// a table makes of a value costs what it costs a program that has just made it.
const SOURCE_BYTES: usize = 16 << 10;

const NO_KEY: Key<'static> = Key {
    bytes: &[],
    hash: 0,
};

/// One thread's session with what the loop needs beside it.
pub(super) struct Loop<S, R> {
    session: S,
    room: R,
    hasher: Hasher,
    batch: usize,
    gap: Gap,
    stamps: Stamps,
    /// The bytes of every value that is set; the first sixteen are rewritten for each.
    value: Vec<u8>,
    /// Whether plain sets are handed over together: not where room is made after each.
    sets_together: bool,
    /// The same as `value`, one for each set of a batch.
    values: Vec<Vec<u8>>,
    checks: Checks,
}

impl<S: Session, R: Room<S>> Loop<S, R> {
    pub(super) fn new(
        session: S,
        room: R,
        hasher: Hasher,
        how: (u32, Between),
        (outcomes, who): (bool, Worker),
    ) -> Loop<S, R> {
        let (batch, between) = how;
        let value = Vec::new();
        Loop {
            session,
            room,
            hasher,
            batch: batch as usize,
            gap: Gap::new(between),
            stamps: Stamps::new(who, outcomes),
            value,
            sets_together: batch > 1 && !R::EVICTS,
            values: Vec::new(),
            checks: Checks {
                outcomes,
                evicts: R::EVICTS,
                tally: Tally::default(),
            },
        }
    }

    /// The same loop with sets one at a time: a control does as the tables do that are held to a budget.
    pub(super) fn with_single_sets(self) -> Loop<S, R> {
        Loop {
            sets_together: false,
            ..self
        }
    }

    /// What has been counted.
    pub(super) fn tally(&mut self) -> &mut Tally {
        &mut self.checks.tally
    }

    /// Makes room for the longest value of a segment; between slices.
    pub(super) fn prepare(&mut self, segment: &Segment) {
        let longest = segment.ops.iter().map(|op| op.value_len).max().unwrap_or(0) as usize;
        grow_pattern(&mut self.value, longest);
        let sets = segment.ops.iter().filter(|op| is_set(op));
        if let Some(longest) = sets.map(|op| op.value_len).max()
            && self.sets_together
        {
            let longest = longest as usize;
            let together = (SOURCE_BYTES / longest.max(1)).clamp(1, MOST_TOGETHER);
            self.values.resize_with(together.min(self.batch), Vec::new);
            for value in &mut self.values {
                grow_pattern(value, longest);
            }
        }
    }

    /// What stands between two operations.
    pub(super) fn gap(&self) -> Gap {
        self.gap
    }

    /// Between slices: reclamation may advance.
    pub(super) fn quiesce(&mut self) {
        self.session.quiesce();
    }

    /// Runs the operations in order; gets that follow each other are handed over in batches, and so are plain sets.
    #[inline(never)]
    pub(super) fn run(&mut self, segment: &Segment, ops: &[Op]) {
        let gap = self.gap;
        let mut moved = 0;
        if self.batch <= 1 {
            for op in ops {
                let answer = self.one(op, segment.key_moved(op, moved));
                moved = gap.after(answer);
            }
            return;
        }
        // It serves the whole chunk: clearing its 1.5 KiB costs more than a short batch of gets.
        let mut keys = [NO_KEY; MOST_TOGETHER];
        let mut rest = ops;
        while let Some(op) = rest.first() {
            let reads = is_read(op);
            if !(reads || self.sets_together && is_set(op)) {
                moved = gap.after(self.one(op, segment.key_moved(op, moved)));
                rest = &rest[1..];
                continue;
            }
            let goes_on = |next: &Op| if reads { is_read(next) } else { is_set(next) };
            let (mut left, mut answer) = (self.batch, Some(0));
            let at_once = if reads {
                MOST_TOGETHER
            } else {
                self.values.len()
            };
            loop {
                let most = left.min(rest.len()).min(at_once);
                let (count, part) = if reads {
                    self.many(&mut keys, segment, &rest[..most], moved)
                } else {
                    (self.many_sets(segment, &rest[..most], moved), None)
                };
                answer = answer.zip(part).map(|(all, part)| all ^ part);
                (rest, left) = (&rest[count..], left - count);
                if count < at_once || left == 0 || !rest.first().is_some_and(goes_on) {
                    break;
                }
            }
            moved = gap.after(answer);
        }
    }

    /// The same stream, hashed and not looked up, with the same between two operations or batches: a write
    /// and a lookup of what was never stored are waited for here too.
    #[inline(never)]
    pub(super) fn run_hash_only(&mut self, segment: &Segment, ops: &[Op]) {
        let gap = self.gap;
        let (mut all, mut moved, mut waiting, mut answered) = (0, 0, 0, true);
        for (at, op) in ops.iter().enumerate() {
            let hash = self.hasher.hash(segment.key_moved(op, moved));
            all ^= hash;
            answered &= is_read(op) && op.expect != Expect::Absent;
            waiting += 1;
            let goes_on = |next: &Op| {
                is_read(op) && is_read(next) || self.sets_together && is_set(op) && is_set(next)
            };
            if waiting >= self.batch || !ops.get(at + 1).is_some_and(goes_on) {
                moved = gap.after(answered.then_some(all));
                answered = true;
                waiting = 0;
            }
        }
        black_box(all);
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the body of the timed loop, called from few places"
    )]
    pub(super) fn one(&mut self, op: &Op, bytes: &[u8]) -> Answer {
        let key = Key {
            bytes,
            hash: self.hasher.hash(bytes),
        };
        self.stamps.next();
        if !self.room.takes(bytes.len() + op.value_len as usize) {
            self.pass_over(op, key);
            return None;
        }
        let (stamps, mut faults) = (&self.stamps, 0);
        match op.kind {
            Kind::Get => {
                let found = self.session.get(key, |value| {
                    stamps.look((value, bytes), (op, 0), &mut faults)
                });
                let found = self.checks.answer(op, found);
                self.checks.read(op, bytes, (found.is_some(), faults));
                return found.map(|word| word ^ key.hash);
            }
            Kind::GetFill => {
                let found = self.session.get(key, |value| {
                    stamps.look((value, bytes), (op, 0), &mut faults)
                });
                let found = self.checks.answer(op, found);
                self.checks.read(op, bytes, (found.is_some(), faults));
                if found.is_none() {
                    self.fill(op, key);
                }
                return found.map(|word| word ^ key.hash);
            }
            Kind::Set | Kind::Insert => {
                let value = stamps.value_for(&mut self.value, op, bytes);
                let stored = self.session.set(key, value);
                self.checks.stored(op, bytes, stored);
                self.wrote(op, bytes);
            }
            Kind::Rmw => self.read_modify_write(op, key),
            Kind::Remove => {
                let present = self.session.remove(key);
                self.checks.tally.balance -= i64::from(present);
                self.checks.outcome(op, bytes, present);
            }
            _ => self.edit(op, key),
        }
        None
    }

    /// Hands the gets at the start of some operations over together, at most [`MOST_TOGETHER`]; a get that stands
    /// alone goes by itself. Returns how many there were, and the answer of all of them.
    #[inline]
    fn many<'s>(
        &mut self,
        keys: &mut [Key<'s>; MOST_TOGETHER],
        segment: &'s Segment,
        ops: &[Op],
        moved: usize,
    ) -> (usize, Answer) {
        if !ops.get(1).is_some_and(is_read) {
            return (1, self.one(&ops[0], segment.key_moved(&ops[0], moved)));
        }
        let mut count = 0;
        for (op, key) in ops.iter().zip(keys.iter_mut()) {
            if !is_read(op) {
                break;
            }
            let bytes = segment.key_moved(op, moved);
            *key = Key {
                bytes,
                hash: self.hasher.hash(bytes),
            };
            count += 1;
        }
        let (ops, keys) = (&ops[..count], &keys[..count]);
        let (mut found, mut words) = (Found::default(), 0);
        let (stamps, checks) = (&self.stamps, &self.checks);
        self.session.get_many(keys, |index, value| {
            let (op, key, mut faults) = (&ops[index], &keys[index], 0);
            if let Some(value) = value {
                let seen = (value, key.bytes);
                words ^= key.hash ^ stamps.look(seen, (op, index + 1), &mut faults);
            }
            checks.one_of_batch(op, 1 << index, &mut found, (value.is_some(), faults));
        });
        self.stamps.skip(count);
        self.checks.batch(ops, keys, &found);
        if found.missed == 0 {
            return (count, Some(words));
        }
        self.fill_missed(ops, keys, found.missed);
        (count, None)
    }

    /// Hands the plain sets at the start of some operations over together, no more than there are buffers for values;
    /// returns how many there were.
    fn many_sets(&mut self, segment: &Segment, ops: &[Op], moved: usize) -> usize {
        let count = ops.iter().take_while(|op| is_set(op)).count();
        let ops = &ops[..count];
        if let [op] = ops {
            self.one(op, segment.key_moved(op, moved));
        } else if count <= SHORTEST {
            self.set_together::<SHORTEST>(segment, ops, moved);
        } else if count <= SHORT {
            self.set_together::<SHORT>(segment, ops, moved);
        } else {
            self.set_together::<MOST_TOGETHER>(segment, ops, moved);
        }
        count
    }

    /// In a table without a limit, where there is nothing to do after a write.
    fn set_together<const MOST: usize>(&mut self, segment: &Segment, ops: &[Op], moved: usize) {
        let mut entries: [(Key<'_>, &[u8]); MOST] = [(NO_KEY, &[]); MOST];
        for ((op, value), entry) in ops.iter().zip(&mut self.values).zip(&mut entries) {
            let bytes = segment.key_moved(op, moved);
            let key = Key {
                bytes,
                hash: self.hasher.hash(bytes),
            };
            self.stamps.next();
            *entry = (key, self.stamps.value_for(value, op, bytes));
        }
        let entries = &entries[..ops.len()];
        let (checks, mut calls, mut answered) = (&mut self.checks, 0, 0_u64);
        self.session.set_many(entries, |index, stored| {
            calls += 1;
            answered |= 1 << index;
            checks.stored(&ops[index], entries[index].0.bytes, stored);
        });
        self.checks.sets(ops.len(), calls, answered);
    }

    /// After a batch: the clients whose gets have missed fill the cache.
    fn fill_missed(&mut self, ops: &[Op], keys: &[Key<'_>], mut missed: u64) {
        while missed != 0 {
            let index = missed.trailing_zeros() as usize;
            missed &= missed - 1;
            if ops[index].kind == Kind::GetFill {
                self.fill(&ops[index], keys[index]);
            }
        }
    }

    /// An operation whose value is larger than the table's whole budget: reads are done, what would
    /// store the value is refused, and a value that it would have replaced is removed.
    #[cold]
    #[inline(never)]
    fn pass_over(&mut self, op: &Op, key: Key<'_>) {
        match op.kind {
            Kind::Get | Kind::GetFill | Kind::Rmw => {
                let (stamps, mut faults) = (&self.stamps, 0);
                let found = self.session.get(key, |value| {
                    stamps.look((value, key.bytes), (op, 0), &mut faults)
                });
                if op.kind == Kind::Rmw && found.is_some() {
                    // What is there is smaller, and keeps its size.
                    return self.read_modify_write(op, key);
                }
                self.checks.read(op, key.bytes, (found.is_some(), faults));
                self.checks.tally.refused += u64::from(op.kind != Kind::Get && found.is_none());
            }
            Kind::Set | Kind::Insert | Kind::Replace | Kind::Cas => {
                let present = self.session.remove(key);
                self.checks.tally.balance -= i64::from(present);
                self.checks.tally.refused += 1;
            }
            Kind::Add | Kind::Append | Kind::Prepend => self.checks.tally.refused += 1,
            // These have no value of their own.
            Kind::Incr | Kind::Decr => self.edit(op, key),
            Kind::Remove => {
                let present = self.session.remove(key);
                self.checks.tally.balance -= i64::from(present);
                self.checks.outcome(op, key.bytes, present);
            }
        }
    }

    /// The cache-aside client after a miss: goes to its original source and sets.
    fn fill(&mut self, op: &Op, key: Key<'_>) {
        if !self.room.takes(key.bytes.len() + op.value_len as usize) {
            self.checks.tally.refused += 1;
            return;
        }
        let value = self.stamps.value_for(&mut self.value, op, key.bytes);
        let stored = self.session.set(key, value);
        self.checks.tally.refused += u64::from(stored == Stored::Refused);
        self.checks.tally.balance += i64::from(stored == Stored::Created);
        self.wrote(op, key.bytes);
    }

    /// After a write: room is made where the table has a budget.
    #[inline]
    fn wrote(&mut self, op: &Op, key: &[u8]) {
        let bytes = key.len() + op.value_len as usize;
        let evicted = self.room.wrote(bytes, &mut self.session);
        self.checks.tally.evicted += evicted;
        self.checks.tally.balance -= evicted.cast_signed();
    }

    #[inline]
    fn read_modify_write(&mut self, op: &Op, key: Key<'_>) {
        let (stamps, pattern) = (&self.stamps, &mut self.value);
        let (outcome, (present, faults)) = self.session.update(key, |old, new| {
            let mut faults = 0;
            let Some(old) = old else {
                new.extend_from_slice(stamps.value_for(pattern, op, key.bytes));
                return (Edit::Store, (false, faults));
            };
            if let Some((head, rest)) = old.split_first_chunk::<16>() {
                new.extend_from_slice(&stamps.marked(*head));
                // The modification: the last byte, past what identifies the key and the write.
                if let Some((last, before)) = rest.split_last() {
                    new.extend_from_slice(before);
                    new.push(last.wrapping_add(1));
                }
            } else {
                new.extend_from_slice(old);
            }
            stamps.look((old, key.bytes), (op, 0), &mut faults);
            (Edit::Store, (true, faults))
        });
        self.checks
            .updated(op, key.bytes, outcome, (present, faults));
        self.wrote(op, key.bytes);
    }

    /// The writes of memcached that look at what is there. The new value's mark is written again
    /// where the value grows: a short one is known by fewer bytes.
    fn edit(&mut self, op: &Op, key: Key<'_>) {
        let fresh = self.stamps.value_for(&mut self.value, op, key.bytes);
        let (outcome, (found, done)) = self.session.update(key, |old, new| {
            let fits = |old: &[u8]| old.len() + fresh.len() <= VALUE_BYTES_MAX as usize;
            let own = old.map(|old| op.kind == Kind::Add || belongs(old, key.bytes));
            let edit = match (op.kind, old) {
                (Kind::Add, None) | (Kind::Replace | Kind::Cas, Some(_)) => {
                    new.extend_from_slice(fresh);
                    Edit::Store
                }
                (Kind::Append, Some(old)) if fits(old) => {
                    new.extend_from_slice(old);
                    new.extend_from_slice(fresh);
                    mark_value(new, key.bytes);
                    Edit::Store
                }
                (Kind::Prepend, Some(old)) if fits(old) => {
                    new.extend_from_slice(fresh);
                    new.extend_from_slice(old);
                    mark_value(new, key.bytes);
                    Edit::Store
                }
                (Kind::Incr | Kind::Decr, Some(old)) if old.len() > 8 => {
                    // The number is the end of the value, eight bytes of it at most past the mark.
                    let at = 8.max(old.len() - 8);
                    new.extend_from_slice(&old[at..]);
                    count(new, op.kind == Kind::Incr);
                    Edit::Patch { at }
                }
                (Kind::Incr | Kind::Decr, Some(old)) => {
                    // All of it is the mark: written as it was.
                    new.extend_from_slice(old);
                    Edit::Store
                }
                _ => Edit::Keep,
            };
            (edit, (own, edit != Edit::Keep))
        });
        let present = found.is_some();
        let grows = matches!(op.kind, Kind::Append | Kind::Prepend);
        // Beyond the item limit a value does not grow, as in memcached.
        self.checks.tally.refused +=
            u64::from(outcome == Outcome::Refused || grows && present && !done);
        self.checks.tally.balance += i64::from(outcome == Outcome::Created);
        if found == Some(false) {
            self.checks
                .note_wrong(|| format!("key {} had another's value", show(key.bytes)));
        }
        self.checks.outcome(op, key.bytes, present);
        let as_told = match outcome {
            Outcome::Created => done && !present,
            Outcome::Replaced => done && present,
            Outcome::Kept => !done,
            Outcome::Refused => done,
            Outcome::Removed => false,
        };
        if self.checks.outcomes && !as_told {
            self.checks
                .note_wrong(|| format!("{:?} {outcome:?} key {}", op.kind, show(key.bytes)));
        }
        self.wrote(op, key.bytes);
    }
}

/// Whether an operation is a get, which is handed over with its neighbours.
#[inline]
fn is_read(op: &Op) -> bool {
    matches!(op.kind, Kind::Get | Kind::GetFill)
}

/// Whether an operation is a plain set, which is handed over with its neighbours.
#[inline]
fn is_set(op: &Op) -> bool {
    matches!(op.kind, Kind::Set | Kind::Insert)
}

/// Adds 1 to a little-endian number, or takes it away; past either end it goes round.
fn count(number: &mut [u8], up: bool) {
    for byte in number {
        let end = if up { u8::MAX } else { 0 };
        let carries = *byte == end;
        *byte = byte.wrapping_add(if up { 1 } else { u8::MAX });
        if !carries {
            break;
        }
    }
}

/// Lengthens the pattern that values are cut from.
pub(crate) fn grow_pattern(pattern: &mut Vec<u8>, length: usize) {
    for at in pattern.len()..length {
        pattern.push(b"abcdefghijklmnopqrstuvw"[at % 23]);
    }
}

/// Writes the value of `key` into a buffer: what the prefill hands to the table.
pub(crate) fn write_value(value: &mut Vec<u8>, key: &[u8], length: usize) {
    grow_pattern(value, length);
    value.truncate(length);
    mark_value(value, key);
    stamp::mark(value, stamp::PREFILLED);
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;
