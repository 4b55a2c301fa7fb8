//! Outcomes and values are checked, and the next key is found by the answer before it.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::room::{Bounded, Unbounded};
use super::*;
use crate::base::{Journal, Params, Worker};
use crate::bench::stamp::{FOREIGN, STALE};
use crate::table::{Clock, Env, Fixed, Strategy, Striped};
use crate::workload::NOT_KNOWN;

fn edits<S: Strategy>(key: &[u8], length: u32) {
    let env = Env {
        hasher: Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]),
        clock: || 0,
        journal: Arc::new(Journal::new(8)),
        recency: false,
    };
    let params = Params::resolve(S::PARAMS, &S::NAME.parse().unwrap()).unwrap();
    let table = S::open(&params, &env).unwrap();
    let mut timed = Loop::new(
        table.session(Worker::ALONE),
        Unbounded,
        env.hasher,
        (1, Between::Chained),
        (true, Worker::ALONE),
    );
    let segment = Segment {
        ops: vec![
            Op {
                key_at: 0,
                value_len: length,
                key_len: u16::try_from(key.len()).unwrap(),
                kind: Kind::Add,
                expect: Expect::Absent,
                since: NOT_KNOWN,
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
    assert_eq!(timed.checks.tally.first_wrong, None, "{} {length}", S::NAME);
    let hash = timed.hasher.hash(key);
    let known = Key { bytes: key, hash };
    let found = timed.session.get(known, <[u8]>::len);
    // One append and one prepend since the last value was set.
    assert_eq!(found, Some(3 * length as usize));
    assert_eq!((timed.checks.tally.hits, timed.checks.tally.misses), (6, 1));
    // What is said of a key is checked: this one is there.
    let op = Op {
        kind: Kind::Replace,
        expect: Expect::Absent,
        ..segment.ops[0]
    };
    timed.run(&segment, &[op]);
    assert_eq!(timed.checks.tally.wrong, 1);
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
    let mut timed = Loop::new(
        table.session(Worker::ALONE),
        room,
        env.hasher,
        (1, Between::Chained),
        (true, Worker::ALONE),
    );
    let op = |key_at, kind, value_len| Op {
        key_at,
        value_len,
        key_len: 4,
        kind,
        expect: Expect::Either,
        since: NOT_KNOWN,
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
    assert_eq!(timed.checks.tally.first_wrong, None);
    assert_eq!((timed.checks.tally.hits, timed.checks.tally.misses), (7, 2));
    assert_eq!(
        (timed.checks.tally.evicted, timed.checks.tally.refused),
        (0, 8)
    );
    assert_eq!(table.usage().items, 0);
}

/// Gets of three keys: `first` is there, and the key behind the second, which is there too, is not.
/// Where the chain's mask lets a bit of the first answer through, the second get asks for the third.
fn misses_behind(first: [u8; 8], batch: u32, gap: Gap) -> (u64, u64) {
    let env = Env {
        hasher: Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]),
        clock: || 0,
        journal: Arc::new(Journal::new(8)),
        recency: false,
    };
    let params = Params::resolve(Fixed::PARAMS, &"fixed:buckets=4".parse().unwrap());
    let table = Fixed::open(&params.unwrap(), &env).unwrap();
    let op = |key_at, kind| Op {
        key_at,
        value_len: 8,
        key_len: 8,
        kind,
        expect: Expect::Either,
        since: NOT_KNOWN,
    };
    let mut segment = Segment {
        keys: [&first[..], b"present!", b"absent!!"].concat(),
        ..Segment::default()
    };
    let mut timed = Loop::new(
        table.session(Worker::ALONE),
        Unbounded,
        env.hasher,
        (batch, Between::NONE),
        (true, Worker::ALONE),
    );
    segment.ops = vec![op(0, Kind::Set), op(8, Kind::Set)];
    timed.prepare(&segment);
    timed.run(&segment, &segment.ops);
    segment.ops = vec![op(0, Kind::Get); batch as usize];
    segment.ops.push(op(8, Kind::Get));
    timed.gap = gap;
    timed.run(&segment, &segment.ops);
    assert_eq!(timed.checks.tally.first_wrong, None);
    let answer = u64::from_ne_bytes(first) ^ env.hasher.hash(&first);
    (answer, timed.checks.tally.misses)
}

#[test]
fn the_next_key_is_found_by_the_answer_before_it() {
    let mut moved = [0, 0];
    for number in 0..16 {
        let first = format!("first{number:03}").into_bytes();
        let first: [u8; 8] = first.try_into().unwrap();
        for batch in [1, 3] {
            let (answer, misses) = misses_behind(first, batch, Gap::with_mask(8));
            assert_eq!(misses, answer >> 3 & 1, "{number}, batch {batch}");
            moved[usize::from(misses > 0)] += 1;
            for between in [Between::Chained, Between::NONE, Between::Instructions(50)] {
                assert_eq!(misses_behind(first, batch, Gap::new(between)).1, 0);
            }
        }
    }
    assert!(moved[0] > 0 && moved[1] > 0, "{moved:?}");
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

/// What is wrong with a batch is counted once for each get, and named.
#[test]
fn a_batch_is_compared_with_what_is_known_of_each_get() {
    let ops = [Expect::Present, Expect::Absent, Expect::Either].map(|expect| Op {
        key_at: 0,
        value_len: 8,
        key_len: 1,
        kind: Kind::Get,
        expect,
        since: NOT_KNOWN,
    });
    let keys = [Key {
        bytes: b"k",
        hash: 1,
    }; 3];
    let judged = |answers: &[(usize, bool, u8)], outcomes, evicts| {
        let mut checks = Checks {
            outcomes,
            evicts,
            tally: Tally::default(),
        };
        let mut found = Found::default();
        for &(index, present, faults) in answers {
            checks.one_of_batch(&ops[index], 1 << index, &mut found, (present, faults));
        }
        checks.batch(&ops, &keys, &found);
        let Tally {
            hits,
            misses,
            wrong,
            first_wrong,
            ..
        } = checks.tally;
        (hits, misses, wrong, first_wrong.unwrap_or_default())
    };
    let three = |present: [bool; 3]| [0, 1, 2].map(|index| (index, present[index], 0));
    let fine = |hits, misses| (hits, misses, 0, String::new());
    assert_eq!(judged(&three([true, false, true]), true, false), fine(2, 1));
    assert_eq!(
        judged(&three([true, false, false]), true, false),
        fine(1, 2)
    );
    // A present key that misses may have been evicted, where there is a budget.
    let none = three([false; 3]);
    let (_, _, wrong, first) = judged(&none, true, false);
    assert_eq!((wrong, first.as_str()), (1, "Get: key 'k' is absent"));
    assert_eq!(judged(&none, true, true), fine(0, 3));
    // An absent key that is found; and a control, of which nothing is known, but that misses as a table does.
    let all = three([true; 3]);
    assert_eq!(judged(&all, true, true).2, 1);
    assert_eq!(judged(&none, false, false), fine(0, 3));
    assert_eq!(judged(&all, false, false), fine(2, 1));
    // Another's value, an old one, and both.
    for (faults, wrong) in [(FOREIGN, 1), (STALE, 1), (FOREIGN | STALE, 2)] {
        let answers = [(0, true, faults), (1, false, 0), (2, true, 0)];
        let (hits, _, counted, first) = judged(&answers, true, false);
        assert_eq!((hits, counted), (2, wrong), "{faults}");
        let says = if faults & STALE == 0 {
            "another's value"
        } else {
            "not its last"
        };
        assert!(first.ends_with(says), "{first}");
    }
    // One that was not answered, one that was answered twice, in the same way and in both.
    let hit = |index| (index, true, 0);
    let miss = |index| (index, false, 0);
    for answers in [
        vec![hit(0), miss(1)],
        vec![hit(0), miss(1), hit(2), hit(2)],
        vec![hit(0), miss(1), miss(2), hit(2)],
        vec![hit(0), miss(1), miss(1)],
    ] {
        let (_, _, wrong, first) = judged(&answers, true, false);
        assert!(wrong >= 1, "{answers:?}");
        assert!(first.starts_with("get_many answered "), "{first}");
    }
}

/// What a table of the tests does wrong, every thousandth time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// A set says that it has replaced the value, and has not.
    LosesSet,
    /// An update says so, and has not.
    LosesUpdate,
    /// A get finds the value before the last.
    Stale,
    /// A batch of sets never answers for its first entry.
    Unanswered,
    /// A batch of sets always answers twice for its first entry.
    AnswersTwice,
}

/// A map with a fault.
struct Faulty {
    values: HashMap<Vec<u8>, [Vec<u8>; 2]>,
    fault: Fault,
    times: u32,
    /// How many entries the batches of sets had.
    batches: Vec<usize>,
    /// How many keys those of gets had.
    lookups: Vec<usize>,
}

impl Faulty {
    fn new(fault: Fault) -> Faulty {
        Faulty {
            values: HashMap::new(),
            fault,
            times: 0,
            batches: Vec::new(),
            lookups: Vec::new(),
        }
    }

    fn fails(&mut self, fault: Fault) -> bool {
        if self.fault != fault {
            return false;
        }
        self.times += 1;
        self.times.is_multiple_of(1000)
    }
}

impl Session for Faulty {
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let overwritten = self
            .values
            .get(key.bytes)
            .is_some_and(|[_, old]| !old.is_empty());
        let stale = overwritten && self.fails(Fault::Stale);
        let [value, old] = self.values.get(key.bytes)?;
        Some(read(if stale { old } else { value }))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        if self.values.contains_key(key.bytes) && self.fails(Fault::LosesSet) {
            return Stored::Replaced;
        }
        let slot = self.values.entry(key.bytes.to_vec()).or_default();
        let created = slot[0].is_empty();
        let old = std::mem::replace(&mut slot[0], value.to_vec());
        slot[1] = old;
        if created {
            Stored::Created
        } else {
            Stored::Replaced
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.values.remove(key.bytes).is_some()
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut new = Vec::new();
        let old = self.values.get(key.bytes).map(|[value, _]| value.clone());
        let (done, result) = edit(old.as_deref(), &mut new);
        assert_eq!(done, Edit::Store);
        if !self.fails(Fault::LosesUpdate) {
            self.set(key, &new);
        }
        (Outcome::Replaced, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        self.lookups.push(keys.len());
        for (index, key) in keys.iter().enumerate() {
            if self.get(*key, |value| each(index, Some(value))).is_none() {
                each(index, None);
            }
        }
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], mut each: impl FnMut(usize, Stored)) {
        self.batches.push(entries.len());
        for (index, (key, value)) in entries.iter().enumerate() {
            let stored = self.set(*key, value);
            let times = match self.fault {
                Fault::Unanswered if index == 0 => 0,
                Fault::AnswersTwice if index == 0 => 2,
                _ => 1,
            };
            (0..times).for_each(|_| each(index, stored));
        }
    }
}

/// A stream of gets, sets and updates goes three times through a table with a fault; how many values were
/// wrong, and the first.
fn wrong_under(fault: Fault, batch: u32) -> (u64, Option<String>) {
    let mut workload = (crate::workload::find_preset("ycsb-a").unwrap().build)();
    (workload.mix.get, workload.mix.set, workload.mix.rmw) = (2, 1, 1);
    workload.resize(400);
    workload.batch = batch;
    let hasher = Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]);
    let mut table = Faulty::new(Fault::None);
    let mut value = Vec::new();
    crate::workload::Prefill::new(&workload).for_each(|bytes, length| {
        write_value(&mut value, bytes, length as usize);
        table.set(Key { bytes, hash: 0 }, &value);
    });
    table.fault = fault;
    let mut segment = Segment::default();
    let mut stream = crate::workload::Stream::open(&workload, 3, 0, 1).unwrap();
    stream.refill(&mut segment).unwrap();
    let mut timed = Loop::new(
        table,
        Unbounded,
        hasher,
        (batch, Between::NONE),
        (true, Worker::ALONE),
    );
    timed.prepare(&segment);
    for _ in 0..3 {
        // In pieces, as between two looks at the clock.
        for ops in segment.ops.chunks(1000) {
            timed.run(&segment, ops);
        }
    }
    let tally = std::mem::take(timed.tally());
    assert_eq!(tally.balance, 0);
    (tally.wrong, tally.first_wrong)
}

/// Sets of one-byte keys in the order of `keys`, then a get of each key, through a loop with batches; the batches
/// of sets and of gets that were handed over, and what was counted.
fn sets_then_gets(fault: Fault, batch: u32, keys: &[u8]) -> ([Vec<usize>; 2], Tally) {
    let op = |at: usize, kind, expect, since: usize| Op {
        key_at: u32::try_from(at).unwrap(),
        value_len: 20 + u32::try_from(at).unwrap() % 7,
        key_len: 1,
        kind,
        expect,
        since: u32::try_from(since).unwrap(),
    };
    let mut ops = Vec::new();
    for (at, key) in keys.iter().enumerate() {
        let (kind, expect) = if keys[..at].contains(key) {
            (Kind::Set, Expect::Present)
        } else {
            (Kind::Insert, Expect::Absent)
        };
        ops.push(op(at, kind, expect, 0));
    }
    for at in 0..keys.len() {
        let last = keys.iter().rposition(|key| *key == keys[at]).unwrap();
        ops.push(op(at, Kind::Get, Expect::Present, ops.len() - last));
    }
    let segment = Segment {
        ops,
        keys: keys.to_vec(),
        ..Segment::default()
    };
    let mut timed = Loop::new(
        Faulty::new(fault),
        Unbounded,
        Hasher::new(crate::hash::find("sip13").unwrap(), [1, 2]),
        (batch, Between::Chained),
        (true, Worker::ALONE),
    );
    timed.prepare(&segment);
    timed.run(&segment, &segment.ops);
    let tally = std::mem::take(timed.tally());
    let Faulty {
        batches, lookups, ..
    } = timed.session;
    ([batches, lookups], tally)
}

#[test]
fn what_follows_each_other_is_handed_over_together_and_one_alone_by_itself() {
    let all: Vec<u8> = (0..=255).collect();
    let cases: [(u32, &[u8], &[usize]); 9] = [
        (1, b"abac", &[]),
        (16, b"a", &[]),
        (16, b"abacaa", &[6]),
        (3, b"abacaa", &[3, 3]),
        // What is left over is one set, and one get.
        (3, b"aaaa", &[3]),
        (16, &all[..40], &[16, 16, 8]),
        (17, &all[..40], &[17, 17, 6]),
        (100, &all[..120], &[64, 36, 20]),
        (4096, &all, &[64, 64, 64, 64]),
    ];
    for (batch, keys, wanted) in cases {
        let ([sets, gets], tally) = sets_then_gets(Fault::None, batch, keys);
        assert_eq!(sets, wanted, "batches of {batch}");
        assert_eq!(gets, wanted, "batches of {batch}");
        let mut different = keys.to_vec();
        different.sort_unstable();
        different.dedup();
        let counted = Tally {
            hits: keys.len() as u64,
            balance: i64::try_from(different.len()).unwrap(),
            ..Tally::default()
        };
        assert_eq!(tally, counted, "batches of {batch}");
    }
}

#[test]
fn a_batch_of_sets_is_answered_once_for_each() {
    for (fault, times) in [(Fault::Unanswered, 2), (Fault::AnswersTwice, 4)] {
        let (_, tally) = sets_then_gets(fault, 16, b"abc");
        let first = tally.first_wrong.unwrap();
        let says = format!("set_many answered {times} times for 3 entries");
        assert_eq!((tally.wrong, first), (1, says));
    }
}

/// Lost writes and old answers are seen while the clock runs: those that are looked at before the key is written
/// again.
#[test]
fn a_lost_write_and_an_old_value_are_seen() {
    for batch in [1, 3, 16] {
        assert_eq!(wrong_under(Fault::None, batch), (0, None));
        for fault in [Fault::LosesSet, Fault::LosesUpdate, Fault::Stale] {
            let (wrong, first) = wrong_under(fault, batch);
            assert!(wrong >= 5, "{fault:?}, batches of {batch}: {wrong}");
            let first = first.unwrap();
            assert!(
                first.ends_with("has a value that is not its last"),
                "{first}"
            );
        }
    }
}

/// A control finds every key. Where no table would, the next operation waits as behind a table's miss.
#[test]
fn a_control_s_answer_is_a_miss_where_a_table_s_is() {
    for (outcomes, expect, answers) in [
        (false, Expect::Absent, false),
        (false, Expect::Present, true),
        (false, Expect::Either, true),
        (true, Expect::Absent, true),
    ] {
        let checks = Checks {
            outcomes,
            evicts: false,
            tally: Tally::default(),
        };
        let op = Op {
            key_at: 0,
            value_len: 8,
            key_len: 1,
            kind: Kind::Get,
            expect,
            since: NOT_KNOWN,
        };
        assert_eq!(checks.answer(&op, Some(7)).is_some(), answers);
        assert!(checks.answer(&op, None).is_none());
    }
}
