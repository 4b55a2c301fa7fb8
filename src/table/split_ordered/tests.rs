//! The table as a whole: growth, counting, walks, and what threads see of each other.

use std::collections::{HashMap, HashSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::link::pauses;
use super::*;
use crate::base::Key;
use crate::table::testing::{env, fill, key, open, open_in, survives_a_panic_in_an_edit};
use crate::table::{Edit, Keep, Session, Stored};

/// A key with a hash of one's own choice: the table never computes one.
fn placed(bytes: &[u8], hash: u64) -> Key<'_> {
    Key { bytes, hash }
}

fn number(value: &[u8]) -> u64 {
    u64::from_le_bytes(value.try_into().expect("eight bytes"))
}

/// Adds one to a counter; what it was.
fn increment(session: &mut SplitOrderedSession<'_>, key: Key<'_>) -> u64 {
    let (_, before) = session.update(key, |value, new| {
        let before = value.map_or(0, number);
        new.extend_from_slice(&(before + 1).to_le_bytes());
        let patch = value.is_some() && before % 2 == 0;
        let edit = if patch {
            Edit::Patch { at: 0 }
        } else {
            Edit::Store
        };
        (edit, before)
    });
    before
}

/// Walks the table and gives what it saw, `step` buckets a call, with `between` in between.
fn walked(
    session: &mut SplitOrderedSession<'_>,
    step: usize,
    mut between: impl FnMut(),
) -> Vec<Vec<u8>> {
    let (mut seen, mut cursor) = (Vec::new(), 0);
    loop {
        cursor = session.walk(cursor, step, |key, _, referenced| {
            assert!(!referenced);
            seen.push(key.to_vec());
            Keep::Keep
        });
        if cursor == 0 {
            return seen;
        }
        between();
    }
}

#[test]
fn a_small_table_grows_on_the_item() {
    let env = env("sip13");
    let mut table: SplitOrdered = open_in("split-ordered:buckets=4", &env);
    for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16)] {
        fill(&table, table.usage().items..items);
        let census = table.census();
        assert_eq!((census.items, census.buckets), (items, buckets));
        assert_eq!(census.bytes.total(), table.usage().bytes);
        assert!(table.settled());
    }
    let (events, _) = env.journal.drain();
    let noted: Vec<_> = events
        .iter()
        .map(|event| (event.kind.word(), event.to_buckets))
        .collect();
    assert_eq!(
        noted,
        [("begin", 8), ("end", 8), ("begin", 16), ("end", 16)]
    );
}

#[test]
fn capacity_makes_room_and_a_low_load_skips_sizes() {
    let mut table: SplitOrdered = open("split-ordered:capacity=100000");
    assert_eq!(table.census().buckets, 1 << 17);
    let mut table: SplitOrdered = open("split-ordered:buckets=1,load=0.1");
    fill(&table, 0..1);
    assert_eq!(table.census().buckets, 16);
}

#[test]
fn chains_are_what_stands_in_each_stretch() {
    let mut table: SplitOrdered = open("split-ordered:buckets=8,load=100");
    let mut session = table.session(Worker::ALONE);
    // The second one differs in the bit that the order lacks, the last two in none.
    let hashes = [0, 1 << 63, 8, 3, 7, 15, 15];
    for (n, hash) in (0_u8..).zip(hashes) {
        assert_eq!(session.set(placed(&[n], hash), b""), Stored::Created);
    }
    for (n, hash) in (0_u8..).zip(hashes) {
        assert!(session.get(placed(&[n], hash), |_| ()).is_some());
        assert!(session.get(placed(&[99], hash), |_| ()).is_none());
    }
    drop(session);
    let census = table.census();
    assert_eq!(census.chain_lengths, [5, 1, 0, 2]);
    assert_eq!((census.buckets, census.items), (8, 7));
    assert_eq!(census.bytes.header, 7 * 24);
    let structure = 8 * 8 + size_of::<Tally>();
    assert_eq!(census.bytes.bucket_array, structure as u64);
}

#[test]
fn readers_bring_new_buckets_into_use() {
    let table: SplitOrdered = open("split-ordered:buckets=1,load=1");
    fill(&table, 0..1000);
    let count = table.count.load(Ordering::Relaxed);
    let ready = || {
        (0..count)
            .filter(|&at| table.segments.at(at).is_ready())
            .count()
    };
    assert_eq!(count, 1024);
    let before = ready();
    assert!(before < count);
    let mut session = table.session(Worker::ALONE);
    for bucket in 0..count as u64 {
        assert!(session.get(placed(b"absent", bucket), |_| ()).is_none());
    }
    assert_eq!(ready(), count);
    for n in 0..1000 {
        assert!(session.get(key(&n.to_string()), |_| ()).is_some());
    }
}

#[test]
fn batches_of_every_length_answer_each_key_once() {
    let table: SplitOrdered = open("split-ordered:buckets=1,load=3");
    fill(&table, 0..60);
    let mut session = table.session(Worker::ALONE);
    for length in [0, 1, 15, 16, 17, 80] {
        let names: Vec<_> = (0..length).map(|n| (n * 7 % 80).to_string()).collect();
        let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
        let mut answers = vec![None; length];
        session.get_many(&keys, |index, value| {
            assert_eq!(answers[index].replace(value.is_some()), None);
        });
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer, Some(n * 7 % 80 < 60), "{n} of {length}");
        }
    }
}

#[test]
fn a_walk_sees_each_entry_once_even_while_the_table_doubles() {
    for step in [0, 1, 3, 1000, usize::MAX] {
        for spec in [
            "split-ordered:buckets=1",
            "split-ordered:buckets=64,load=100",
        ] {
            let table: SplitOrdered = open(spec);
            fill(&table, 0..300);
            let mut session = table.session(Worker::ALONE);
            let mut next = 300;
            let seen = walked(&mut session, step, || {
                fill(&table, next..next + 20);
                next += 20;
            });
            let distinct: HashSet<_> = seen.iter().collect();
            assert_eq!(distinct.len(), seen.len(), "{spec} {step}");
            for n in 0..300 {
                assert!(distinct.contains(&n.to_string().into_bytes()), "{n}");
            }
        }
    }
}

#[test]
fn a_walk_removes_what_it_is_told_to() {
    let mut table: SplitOrdered = open("split-ordered:buckets=4");
    fill(&table, 0..500);
    let mut session = table.session(Worker::ALONE);
    let (mut cursor, mut seen) = (0, 0);
    loop {
        cursor = session.walk(cursor, 7, |key, value, _| {
            assert_eq!(value, b"value");
            seen += 1;
            match key.last() {
                Some(b'0'..=b'4') => Keep::Remove,
                Some(b'5') => Keep::Unmark,
                _ => Keep::Keep,
            }
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, 500);
    for n in 0..500 {
        let present = session.get(key(&n.to_string()), |_| ()).is_some();
        assert_eq!(present, n % 10 > 4, "{n}");
    }
    drop(session);
    assert_eq!(table.usage().items, 250);
    let census = table.census();
    assert_eq!(census.items, 250);
    assert_eq!(census.bytes.total(), table.usage().bytes);
}

/// Walks, evictions, writes and growth at once: what stays is seen in every walk, counts are exact.
#[test]
fn walks_see_what_stays_while_others_write() {
    let mut table: SplitOrdered = open("split-ordered:buckets=1,load=0.5");
    fill(&table, 0..50);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (table, done) = (&table, &done);
        scope.spawn(move || {
            let mut session = table.session(Worker { index: 0, of: 3 });
            for n in 0..20_000 {
                session.set(key(&(n % 50).to_string()), b"other");
                session.set(key(&format!("gone{n}")), b"value");
            }
            done.store(true, Ordering::Relaxed);
        });
        scope.spawn(move || {
            let mut session = table.session(Worker { index: 1, of: 3 });
            while !done.load(Ordering::Relaxed) {
                let (mut stayed, mut cursor) = (HashSet::new(), 0);
                loop {
                    cursor = session.walk(cursor, 16, |key, _, _| {
                        if key.starts_with(b"gone") {
                            return Keep::Remove;
                        }
                        stayed.insert(key.to_vec());
                        Keep::Keep
                    });
                    if cursor == 0 {
                        break;
                    }
                }
                assert_eq!(stayed.len(), 50);
            }
        });
    });
    let (usage, census) = (table.usage(), table.census());
    assert_eq!(census.items, usage.items);
    assert_eq!(census.bytes.total(), usage.bytes);
}

/// Few keys, all in one run or in neighbouring ones, set, removed, updated and read by all threads.
/// Each key's history is one line: a counter only ever rises, and no increment is lost.
#[test]
fn counters_are_exact_and_never_fall() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 4_000;
    for spread in [0, 1, 1 << 63, 1 << 20] {
        let mut table: SplitOrdered = open("split-ordered:buckets=1,load=0.5");
        let names: Vec<[u8; 8]> = (0..6_u64).map(u64::to_le_bytes).collect();
        let keys: Vec<_> = (0..)
            .zip(&names)
            .map(|(n, name): (u64, _)| placed(name, n.wrapping_mul(spread)))
            .collect();
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for (index, me) in (0..).zip(0..THREADS) {
                let (table, keys, start) = (&table, &keys, &start);
                scope.spawn(move || {
                    let mut session = table.session(Worker { index, of: 4 });
                    let mut seen = vec![0; keys.len()];
                    pauses::begin(spread ^ me << 8);
                    start.wait();
                    for round in 0..ROUNDS {
                        for (key, seen) in keys.iter().zip(&mut seen) {
                            let before = increment(&mut session, *key);
                            assert!(before >= *seen, "{before} after {seen}");
                            *seen = before + 1;
                        }
                        session.get_many(keys, |index, value| {
                            let now = number(value.expect("never removed"));
                            assert!(now >= seen[index], "{now} after {}", seen[index]);
                            seen[index] = now;
                        });
                        // Neighbours and members of the same runs that come and go.
                        let own = (1000 + round % 5 * THREADS + me).to_le_bytes();
                        let hash = (round % 7).wrapping_mul(spread);
                        assert_eq!(session.set(placed(&own, hash), &own), Stored::Created);
                        assert_eq!(session.set(placed(&own, hash), b""), Stored::Replaced);
                        let length = session.get(placed(&own, hash), <[u8]>::len);
                        assert_eq!(length, Some(0));
                        assert!(session.remove(placed(&own, hash)));
                        assert!(session.get(placed(&own, hash), |_| ()).is_none());
                        if round % 64 == 0 {
                            thread::yield_now();
                        }
                    }
                });
            }
        });
        let mut session = table.session(Worker::ALONE);
        for key in &keys {
            assert_eq!(
                session.get(*key, number),
                Some(THREADS * ROUNDS),
                "{spread}"
            );
        }
        drop(session);
        assert_eq!(table.usage().items, 6);
        let census = table.census();
        assert_eq!(census.items, 6);
        assert_eq!(census.bytes.total(), table.usage().bytes);
    }
}

/// All threads add the same keys and remove them again: each comes and goes once a turn, whichever thread does it.
#[test]
fn a_key_is_created_once_and_removed_once() {
    const THREADS: u32 = 4;
    for spread in [0, 1, 1 << 63] {
        let table: SplitOrdered = open("split-ordered:buckets=1,load=0.5");
        let (created, removed) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for index in 0..THREADS {
                let (table, created, removed) = (&table, &created, &removed);
                scope.spawn(move || {
                    let mut session = table.session(Worker { index, of: THREADS });
                    pauses::begin(u64::from(index) << 8);
                    for turn in 0..30_000_u64 {
                        let name = (turn % 3).to_le_bytes();
                        let key = placed(&name, (turn % 3).wrapping_mul(spread));
                        if (turn + u64::from(index)) % 2 == 0 {
                            let stored = session.set(key, &name);
                            created
                                .fetch_add(u64::from(stored == Stored::Created), Ordering::Relaxed);
                        } else {
                            removed.fetch_add(u64::from(session.remove(key)), Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let left = created.into_inner() - removed.into_inner();
        assert_eq!(table.usage().items, left, "{spread}");
        let mut table = table;
        assert_eq!(table.census().items, left, "{spread}");
        let mut session = table.session(Worker::ALONE);
        let seen = walked(&mut session, 1, || ());
        assert_eq!(seen.len() as u64, left, "{spread}");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len() as u64, left);
    }
}

/// What each key's reader must find, whatever else goes on: keys that are always there, in buckets
/// and runs where others come and go and are overwritten, while the table doubles ten times.
///
/// `stay` keys are always present, their values only rise. Around each stand, in its own run and
/// right before and behind it, keys that one thread adds and removes; another overwrites the `stay`
/// keys themselves; a third makes the table double under them, so that their buckets become new ones
/// again and again. Two readers demand every key, every time, by single lookups and by batches.
fn hunt_for_a_miss(round: u64) {
    const STAY: u64 = 24;
    const GROWN: u64 = 500;
    let table: SplitOrdered = open("split-ordered:buckets=1,load=0.6");
    // Low bits that doublings part late, high bits that keep some in one run or next to each other.
    let hash = |n: u64| (n % 8) | (n / 8 % 2) << 9 | (n / 16) << (63 - round % 2 * 20);
    let names: Vec<[u8; 8]> = (0..STAY).map(u64::to_le_bytes).collect();
    let stay: Vec<_> = (0..)
        .zip(&names)
        .map(|(n, name)| placed(name, hash(n)))
        .collect();
    let mut session = table.session(Worker::ALONE);
    for key in &stay {
        session.insert_new(*key, &0_u64.to_le_bytes());
    }
    drop(session);
    let (done, start) = (&AtomicBool::new(false), &Barrier::new(5));
    let (table, stay) = (&table, &stay);
    thread::scope(|scope| {
        let session = move |index| {
            pauses::begin(round * 5 + u64::from(index));
            table.session(Worker { index, of: 5 })
        };
        scope.spawn(move || {
            let mut session = session(0);
            start.wait();
            for n in 0..GROWN {
                let name = (1_000_000 + n).to_le_bytes();
                session.insert_new(
                    placed(&name, (n + round).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                    &name,
                );
            }
            done.store(true, Ordering::Release);
        });
        scope.spawn(move || {
            let mut session = session(1);
            start.wait();
            for (turn, near) in (0..).zip((0..STAY).cycle()) {
                let name = (1_000 + turn as u64 % 100).to_le_bytes();
                // In the run of one that stays, one hash before it, or behind it.
                let hash = hash(near) ^ [0, 1 << 63, 1 << 62, 1 << 10][turn / 7 % 4];
                assert_eq!(session.set(placed(&name, hash), &name), Stored::Created);
                assert!(session.remove(placed(&name, hash)));
                if done.load(Ordering::Acquire) {
                    break;
                }
            }
        });
        scope.spawn(move || {
            let mut session = session(2);
            let mut written = 0;
            start.wait();
            while !done.load(Ordering::Acquire) {
                for key in stay {
                    assert_eq!(increment(&mut session, *key), written);
                }
                written += 1;
            }
        });
        for batched in [false, true] {
            scope.spawn(move || {
                let mut session = session(3 + u32::from(batched));
                let mut seen = HashMap::new();
                let mut note = |index: usize, value: Option<u64>| {
                    let value =
                        value.unwrap_or_else(|| panic!("round {round}: {index} was missed"));
                    let before = seen.insert(index, value).unwrap_or(0);
                    assert!(
                        value >= before,
                        "round {round}: {index} is {value} after {before}"
                    );
                };
                start.wait();
                while !done.load(Ordering::Acquire) {
                    if batched {
                        session.get_many(stay, |index, value| note(index, value.map(number)));
                    } else {
                        for (index, key) in stay.iter().enumerate() {
                            note(index, session.get(*key, number));
                        }
                    }
                }
            });
        }
    });
    let count = table.count.load(Ordering::Relaxed);
    assert_eq!(count, 1024);
    assert_eq!(table.usage().items, STAY + GROWN);
}

#[test]
fn a_reader_never_misses_a_key_that_is_always_there() {
    for round in 0..40 {
        hunt_for_a_miss(round);
    }
}

#[test]
fn quiescing_frees_what_was_retired_before() {
    let table: SplitOrdered = open("split-ordered");
    let mut session = table.session(Worker::ALONE);
    session.set(key("one"), b"old");
    session.set(key("one"), b"new");
    let freed = std::sync::Arc::new(AtomicBool::new(false));
    let signal = std::sync::Arc::clone(&freed);
    // Retired after the old node, by the same session.
    session
        .epoch
        .pin()
        .defer(move || signal.store(true, Ordering::Release));
    for _ in 0..4 {
        session.quiesce();
    }
    assert!(freed.load(Ordering::Acquire));
}

#[test]
fn a_panic_in_an_edit_leaves_the_entry_as_it_was() {
    survives_a_panic_in_an_edit(&open::<SplitOrdered>("split-ordered"));
}

#[test]
#[should_panic(expected = "a patch needs an entry")]
fn a_patch_of_nothing_asserts() {
    let table: SplitOrdered = open("split-ordered");
    table
        .session(Worker::ALONE)
        .update(key("absent"), |_, _| (Edit::Patch { at: 0 }, ()));
}
