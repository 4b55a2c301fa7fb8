//! The timed loop: hash, table call, and the check that the bytes belong to the key.
//!
//! No random numbers, no allocation, no clock per operation, no shared counter. Operations come
//! from a segment that was written before the clock started; every operation carries what is known
//! about its key, and every outcome is compared with that.

use std::hint::black_box;

use super::room::Room;
use crate::base::Key;
use crate::hash::Hasher;
use crate::table::{Edit, Outcome, Session, Stored};
use crate::workload::{Expect, Kind, Op, Segment, VALUE_BYTES_MAX};

/// What a thread counted, and the first thing that was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Reads that found their key.
    pub(super) hits: u64,
    /// Reads that did not.
    pub(super) misses: u64,
    /// Writes that found no room.
    pub(super) refused: u64,
    /// Entries that went to make room.
    pub(super) evicted: u64,
    /// Outcomes and values that were not as they must be.
    pub(super) wrong: u64,
    /// The first of them.
    pub(super) first_wrong: Option<String>,
}

/// One thread's session with what the loop needs beside it.
pub(super) struct Loop<S, R> {
    session: S,
    room: R,
    hasher: Hasher,
    batch: usize,
    /// Whether outcomes are compared with what is known; controls have none to compare.
    outcomes: bool,
    /// The bytes of every value that is set, its first eight rewritten for each key.
    value: Vec<u8>,
    pub(super) tally: Tally,
}

impl<S: Session, R: Room<S>> Loop<S, R> {
    pub(super) fn new(
        session: S,
        room: R,
        hasher: Hasher,
        batch: u32,
        outcomes: bool,
    ) -> Loop<S, R> {
        let value = Vec::new();
        Loop {
            session,
            room,
            hasher,
            batch: batch as usize,
            outcomes,
            value,
            tally: Tally::default(),
        }
    }

    /// Makes room for the longest value of a segment; between slices.
    pub(super) fn prepare(&mut self, segment: &Segment) {
        let longest = segment.ops.iter().map(|op| op.value_len).max().unwrap_or(0) as usize;
        grow_pattern(&mut self.value, longest);
    }

    /// Between slices: reclamation may advance.
    pub(super) fn quiesce(&mut self) {
        self.session.quiesce();
    }

    /// Runs the operations in order; gets that follow each other are handed over in batches.
    #[inline(never)]
    pub(super) fn run(&mut self, segment: &Segment, ops: &[Op]) {
        if self.batch <= 1 {
            for op in ops {
                self.one(op, segment.key(op));
            }
            return;
        }
        let mut rest = ops;
        while let Some(op) = rest.first() {
            let gets = rest
                .iter()
                .take(self.batch)
                .take_while(|op| matches!(op.kind, Kind::Get | Kind::GetFill))
                .count();
            if gets == 0 {
                self.one(op, segment.key(op));
                rest = &rest[1..];
            } else {
                self.many(segment, &rest[..gets]);
                rest = &rest[gets..];
            }
        }
    }

    /// The same stream, hashed and not looked up.
    #[inline(never)]
    pub(super) fn run_hash_only(&mut self, segment: &Segment, ops: &[Op]) {
        let mut all = 0;
        for op in ops {
            all ^= self.hasher.hash(segment.key(op));
        }
        black_box(all);
    }

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "the body of the timed loop, called from few places"
    )]
    pub(super) fn one(&mut self, op: &Op, bytes: &[u8]) {
        let key = Key {
            bytes,
            hash: self.hasher.hash(bytes),
        };
        if !self.room.takes(bytes.len() + op.value_len as usize) {
            self.pass_over(op, key);
            return;
        }
        match op.kind {
            Kind::Get => {
                let found = self.session.get(key, |value| belongs(value, bytes));
                self.read(op, bytes, found);
            }
            Kind::GetFill => {
                let found = self.session.get(key, |value| belongs(value, bytes));
                self.read(op, bytes, found);
                if found.is_none() {
                    self.fill(op, key);
                }
            }
            Kind::Set | Kind::Insert => {
                let value = value_for(&mut self.value, op, bytes);
                let stored = self.session.set(key, value);
                self.stored(op, bytes, stored);
                self.wrote(op, bytes);
            }
            Kind::Rmw => self.read_modify_write(op, key),
            Kind::Remove => {
                let present = self.session.remove(key);
                self.outcome(op, bytes, present);
            }
            _ => self.edit(op, key),
        }
    }

    #[inline]
    fn many(&mut self, segment: &Segment, ops: &[Op]) {
        const NO_KEY: Key<'static> = Key {
            bytes: &[],
            hash: 0,
        };
        // Batches longer than this are cut: the array lives on the stack.
        const MOST: usize = 64;
        for ops in ops.chunks(MOST) {
            let mut keys = [NO_KEY; MOST];
            let mut found = [None; MOST];
            for (key, op) in keys.iter_mut().zip(ops) {
                let bytes = segment.key(op);
                *key = Key {
                    bytes,
                    hash: self.hasher.hash(bytes),
                };
            }
            let keys = &keys[..ops.len()];
            let mut calls = 0;
            self.session.get_many(keys, |index, value| {
                found[index] = value.map(|value| belongs(value, keys[index].bytes));
                calls += 1;
            });
            if calls != ops.len() {
                self.note_wrong(|| format!("get_many answered {calls} of {} keys", ops.len()));
            }
            for ((op, key), found) in ops.iter().zip(keys).zip(found) {
                self.read(op, key.bytes, found);
                if found.is_none() && op.kind == Kind::GetFill {
                    self.fill(op, *key);
                }
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
                let found = self.session.get(key, |value| belongs(value, key.bytes));
                if op.kind == Kind::Rmw && found.is_some() {
                    // What is there is smaller, and keeps its size.
                    return self.read_modify_write(op, key);
                }
                self.read(op, key.bytes, found);
                self.tally.refused += u64::from(op.kind != Kind::Get && found.is_none());
            }
            Kind::Set | Kind::Insert | Kind::Replace | Kind::Cas => {
                self.session.remove(key);
                self.tally.refused += 1;
            }
            Kind::Add | Kind::Append | Kind::Prepend => self.tally.refused += 1,
            // These have no value of their own.
            Kind::Incr | Kind::Decr => self.edit(op, key),
            Kind::Remove => {
                let present = self.session.remove(key);
                self.outcome(op, key.bytes, present);
            }
        }
    }

    /// The cache-aside client after a miss: goes to its original source and sets.
    fn fill(&mut self, op: &Op, key: Key<'_>) {
        if !self.room.takes(key.bytes.len() + op.value_len as usize) {
            self.tally.refused += 1;
            return;
        }
        let value = value_for(&mut self.value, op, key.bytes);
        let stored = self.session.set(key, value);
        self.tally.refused += u64::from(stored == Stored::Refused);
        self.wrote(op, key.bytes);
    }

    /// After a write: room is made where the table has a budget.
    #[inline]
    fn wrote(&mut self, op: &Op, key: &[u8]) {
        let bytes = key.len() + op.value_len as usize;
        self.tally.evicted += self.room.wrote(bytes, &mut self.session);
    }

    #[inline]
    fn read_modify_write(&mut self, op: &Op, key: Key<'_>) {
        let fresh = value_for(&mut self.value, op, key.bytes);
        let (outcome, found) = self.session.update(key, |old, new| {
            let Some(old) = old else {
                new.extend_from_slice(fresh);
                return (Edit::Store, None);
            };
            new.extend_from_slice(old);
            // The modification: the last byte, past what identifies the key.
            if let Some(last) = new.get_mut(8..).and_then(<[u8]>::last_mut) {
                *last = last.wrapping_add(1);
            }
            (Edit::Store, Some(belongs(old, key.bytes)))
        });
        self.tally.refused += u64::from(outcome == Outcome::Refused);
        self.read(op, key.bytes, found);
        let as_told = match outcome {
            Outcome::Created => found.is_none(),
            Outcome::Replaced => found.is_some(),
            Outcome::Refused => true,
            Outcome::Kept | Outcome::Removed => false,
        };
        if self.outcomes && !as_told {
            self.note_wrong(|| format!("update {outcome:?} key {}", show(key.bytes)));
        }
        self.wrote(op, key.bytes);
    }

    /// The writes of memcached that look at what is there. The new value's mark is written again
    /// where the value grows: a short one is known by fewer bytes.
    fn edit(&mut self, op: &Op, key: Key<'_>) {
        let fresh = value_for(&mut self.value, op, key.bytes);
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
        self.tally.refused += u64::from(outcome == Outcome::Refused || grows && present && !done);
        if found == Some(false) {
            self.note_wrong(|| format!("key {} had another's value", show(key.bytes)));
        }
        self.outcome(op, key.bytes, present);
        let as_told = match outcome {
            Outcome::Created => done && !present,
            Outcome::Replaced => done && present,
            Outcome::Kept => !done,
            Outcome::Refused => done,
            Outcome::Removed => false,
        };
        if self.outcomes && !as_told {
            self.note_wrong(|| format!("{:?} {outcome:?} key {}", op.kind, show(key.bytes)));
        }
        self.wrote(op, key.bytes);
    }

    /// Counts a read; `found` says whether the value was the key's own.
    #[inline]
    fn read(&mut self, op: &Op, bytes: &[u8], found: Option<bool>) {
        let present = found.is_some();
        self.tally.hits += u64::from(present);
        self.tally.misses += u64::from(!present);
        if found == Some(false) {
            self.note_wrong(|| format!("key {} was answered with another's value", show(bytes)));
        }
        self.outcome(op, bytes, present);
    }

    #[inline]
    fn stored(&mut self, op: &Op, bytes: &[u8], stored: Stored) {
        if stored == Stored::Refused {
            self.tally.refused += 1;
        } else {
            self.outcome(op, bytes, stored == Stored::Replaced);
        }
    }

    #[inline]
    fn outcome(&mut self, op: &Op, bytes: &[u8], present: bool) {
        let wrong = match op.expect {
            // What was there may have been evicted; what never was cannot be.
            Expect::Present => !present && !R::EVICTS,
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
    fn note_wrong(&mut self, what: impl FnOnce() -> String) {
        self.tally.wrong += 1;
        self.tally.first_wrong.get_or_insert_with(what);
    }
}

/// Whether a value is the one of `key`: it starts with the key's last min(8, length) bytes.
#[inline]
fn belongs(value: &[u8], key: &[u8]) -> bool {
    if let (Some(value), Some(key)) = (value.first_chunk::<8>(), key.last_chunk::<8>()) {
        u64::from_ne_bytes(*value) == u64::from_ne_bytes(*key)
    } else {
        let length = value.len().min(key.len()).min(8);
        value[..length] == key[key.len() - length..]
    }
}

/// The value of `key`: its last min(8, length) bytes, then a pattern.
#[inline]
fn value_for<'v>(pattern: &'v mut [u8], op: &Op, key: &[u8]) -> &'v [u8] {
    let value = &mut pattern[..op.value_len as usize];
    mark_value(value, key);
    value
}

/// Writes the bytes by which a value is known to be the key's.
#[inline]
fn mark_value(value: &mut [u8], key: &[u8]) {
    if let (Some(value), Some(key)) = (value.first_chunk_mut::<8>(), key.last_chunk::<8>()) {
        *value = *key;
    } else {
        let length = value.len().min(key.len()).min(8);
        value[..length].copy_from_slice(&key[key.len() - length..]);
    }
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
fn grow_pattern(pattern: &mut Vec<u8>, length: usize) {
    for at in pattern.len()..length {
        pattern.push(b"abcdefghijklmnopqrstuvw"[at % 23]);
    }
}

/// Writes the value of `key` into a buffer: what the prefill hands to the table.
pub(super) fn write_value(value: &mut Vec<u8>, key: &[u8], length: usize) {
    grow_pattern(value, length);
    value.truncate(length);
    mark_value(value, key);
}

/// A key for people: escaped and shortened.
fn show(key: &[u8]) -> String {
    let end = key.len().min(40);
    let more = if key.len() > end { "…" } else { "" };
    format!("'{}'{more}", key[..end].escape_ascii())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::room::{Bounded, Unbounded};
    use super::*;
    use crate::base::{Journal, Params, Worker};
    use crate::table::{Clock, Env, Fixed, Strategy, Striped};

    fn edits<S: Strategy>(key: &[u8], length: u32) {
        let env = Env {
            hasher: Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]),
            clock: || 0,
            journal: Arc::new(Journal::new(8)),
            recency: false,
        };
        let params = Params::resolve(S::PARAMS, &S::NAME.parse().unwrap()).unwrap();
        let table = S::open(&params, &env).unwrap();
        let mut timed = Loop::new(table.session(Worker::ALONE), Unbounded, env.hasher, 1, true);
        let segment = Segment {
            ops: vec![
                Op {
                    key_at: 0,
                    value_len: length,
                    key_len: u16::try_from(key.len()).unwrap(),
                    kind: Kind::Add,
                    expect: Expect::Absent,
                };
                4
            ],
            keys: key.to_vec(),
            ..Segment::default()
        };
        timed.prepare(&segment);
        let mut run = |kind, expect| {
            let op = Op {
                kind,
                expect,
                ..segment.ops[0]
            };
            timed.run(&segment, &[op]);
        };
        let writes = [
            Kind::Replace,
            Kind::Cas,
            Kind::Append,
            Kind::Prepend,
            Kind::Incr,
            Kind::Decr,
        ];
        // Nothing is there, so nothing comes of them.
        for kind in writes.into_iter().chain([Kind::Remove, Kind::Get]) {
            run(kind, Expect::Absent);
        }
        run(Kind::Add, Expect::Absent);
        run(Kind::Add, Expect::Present);
        for kind in writes {
            run(kind, Expect::Present);
            run(Kind::Get, Expect::Present);
        }
        assert_eq!(timed.tally.first_wrong, None, "{} {length}", S::NAME);
        let hash = timed.hasher.hash(key);
        let known = Key { bytes: key, hash };
        let found = timed.session.get(known, <[u8]>::len);
        // One append and one prepend since the last value was set.
        assert_eq!(found, Some(3 * length as usize));
        assert_eq!((timed.tally.hits, timed.tally.misses), (6, 1));
        // What is said of a key is checked: this one is there.
        let op = Op {
            kind: Kind::Replace,
            expect: Expect::Absent,
            ..segment.ops[0]
        };
        timed.run(&segment, &[op]);
        assert_eq!(timed.tally.wrong, 1);
    }

    #[test]
    fn what_is_larger_than_the_budget_is_passed_over_and_evicts_nothing() {
        let env = Env {
            hasher: Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]),
            clock: || 0,
            journal: Arc::new(Journal::new(8)),
            recency: true,
        };
        let params = Params::resolve(Striped::PARAMS, &"striped:buckets=4".parse().unwrap());
        let table = Striped::open(&params.unwrap(), &env).unwrap();
        let clock = Clock::new();
        let room = Bounded::new(&table, &clock, 20_000, 1);
        let mut timed = Loop::new(table.session(Worker::ALONE), room, env.hasher, 1, true);
        let op = |key_at, kind, value_len| Op {
            key_at,
            value_len,
            key_len: 4,
            kind,
            expect: Expect::Either,
        };
        let mut segment = Segment {
            keys: b"keepbig!".to_vec(),
            ops: vec![op(0, Kind::Set, 100)],
            ..Segment::default()
        };
        for kind in [
            Kind::GetFill,
            Kind::Rmw,
            Kind::Set,
            Kind::Insert,
            Kind::Add,
            Kind::Replace,
            Kind::Cas,
        ] {
            segment.ops.push(op(4, kind, 30_000));
            segment.ops.push(op(0, Kind::Get, 100));
        }
        // A write that is refused takes the old value out.
        segment.ops.push(op(0, Kind::Set, 30_000));
        timed.prepare(&segment);
        timed.run(&segment, &segment.ops);
        assert_eq!(timed.tally.first_wrong, None);
        assert_eq!((timed.tally.hits, timed.tally.misses), (7, 2));
        assert_eq!((timed.tally.evicted, timed.tally.refused), (0, 8));
        assert_eq!(table.usage().items, 0);
    }

    #[test]
    fn edits_keep_values_known_by_their_keys() {
        for length in [0, 1, 3, 8, 9, 16, 100] {
            for key in [&b"k"[..], b"user12345678"] {
                edits::<Fixed>(key, length);
                edits::<Striped>(key, length);
            }
        }
    }

    #[test]
    fn numbers_carry_and_go_round() {
        let mut number = [255, 255, 0];
        count(&mut number, true);
        assert_eq!(number, [0, 0, 1]);
        count(&mut number, false);
        assert_eq!(number, [255, 255, 0]);
        let mut number = [255];
        count(&mut number, true);
        assert_eq!(number, [0]);
    }
}
