//! The table as a whole: filling, growth, collisions, threads.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::table::testing::{env, fill, key, open, open_in};

fn agrees(table: &mut Cuckoo) -> Census {
    let census = table.census();
    assert_eq!(census.items, table.usage().items);
    assert_eq!(census.bytes.total(), table.usage().bytes);
    census
}

fn finds_all(table: &Cuckoo, numbers: std::ops::Range<u64>) {
    let mut session = table.session(Worker::ALONE);
    for number in numbers {
        let number = number.to_string();
        assert_eq!(session.get(key(&number), <[u8]>::len), Some(5), "{number}");
    }
}

#[test]
fn slots_fill_by_moving_entries_before_the_array_doubles() {
    let env = env("sip13");
    let mut table: Cuckoo = open_in("cuckoo:buckets=2^12", &env);
    let slots = 4 << 12;
    fill(&table, 0..slots * 94 / 100);
    assert_eq!(env.journal.drain(), (vec![], 0));
    let census = agrees(&mut table);
    assert_eq!(census.bytes.slack, 8 * (slots - census.items));
    finds_all(&table, 0..slots * 94 / 100);
    assert!(
        table
            .session(Worker::ALONE)
            .get(key("absent"), |_| ())
            .is_none()
    );
    fill(&table, slots * 94 / 100..slots);
    let (events, _) = env.journal.drain();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Begin, EventKind::End]);
    assert_eq!(agrees(&mut table).buckets, 1 << 13);
    finds_all(&table, 0..slots);
}

#[test]
fn a_table_of_one_bucket_grows() {
    let mut table: Cuckoo = open("cuckoo:buckets=1,versions=1");
    fill(&table, 0..3000);
    finds_all(&table, 0..3000);
    let census = agrees(&mut table);
    assert!((1024..=2048).contains(&census.buckets), "{census:?}");
    let mut session = table.session(Worker::ALONE);
    for number in 0..3000 {
        assert!(session.remove(key(&number.to_string())));
        session.quiesce();
    }
    drop(session);
    let census = agrees(&mut table);
    assert_eq!(
        (census.items, census.bytes.key, census.bytes.header),
        (0, 0, 0)
    );
}

#[test]
fn capacity_makes_room_for_that_many() {
    let env = env("sip13");
    let mut table: Cuckoo = open_in("cuckoo:buckets=1,capacity=14000", &env);
    fill(&table, 0..14_000);
    assert_eq!(
        (agrees(&mut table).buckets, env.journal.drain()),
        (4096, (vec![], 0))
    );
    let params = Params::resolve(Cuckoo::PARAMS, &"cuckoo:capacity=2^40".parse().unwrap()).unwrap();
    let opened = Cuckoo::open(&params, &env);
    // 2^39 buckets are 16 TiB.
    assert!(
        opened
            .err()
            .unwrap()
            .0
            .contains("more than can be allocated")
    );
}

/// Keys that the identity hash takes for the last eight bytes, all the same.
fn colliding(number: u64) -> Vec<u8> {
    [number.to_le_bytes(), [0xff; 8]].concat()
}

#[test]
fn entries_that_collide_in_all_bits_are_chained_without_growth() {
    let env = env("identity");
    let mut table: Cuckoo = open_in("cuckoo:buckets=64", &env);
    let keys: Vec<_> = (0..1000).map(colliding).collect();
    let key_of = |bytes| Key {
        bytes,
        hash: u64::MAX,
    };
    assert_eq!(env.hasher.hash(&keys[1]), u64::MAX);
    let mut session = table.session(Worker::ALONE);
    for bytes in &keys {
        assert_eq!(session.set(key_of(bytes), b"first"), Stored::Created);
    }
    for bytes in &keys {
        assert_eq!(session.set(key_of(bytes), b"second one"), Stored::Replaced);
    }
    for bytes in keys.iter().step_by(2) {
        assert!(session.remove(key_of(bytes)));
    }
    for (bytes, n) in keys.iter().zip(0..) {
        let found = session.get(key_of(bytes), <[u8]>::to_vec);
        assert_eq!(found.as_deref(), (n % 2 == 1).then_some(&b"second one"[..]));
    }
    drop(session);
    assert_eq!(
        (agrees(&mut table).buckets, env.journal.drain()),
        (64, (vec![], 0))
    );
    // Doubling takes the chain along.
    let mut session = table.session(Worker::ALONE);
    let others: Vec<u64> = (0..4000).map(|n: u64| 0xfe << 56 | n).collect();
    for hash in &others {
        session.insert_new(
            Key {
                bytes: &hash.to_le_bytes(),
                hash: *hash,
            },
            b"other",
        );
    }
    for bytes in keys.iter().skip(1).step_by(2) {
        assert!(session.get(key_of(bytes), |_| ()).is_some());
    }
    for hash in &others {
        assert!(
            session
                .get(
                    Key {
                        bytes: &hash.to_le_bytes(),
                        hash: *hash
                    },
                    |_| ()
                )
                .is_some()
        );
    }
    drop(session);
    let census = agrees(&mut table);
    assert_eq!(census.items, 4500);
    assert!((1024..=2048).contains(&census.buckets), "{census:?}");
}

/// Readers look for keys that are always there, and for one that never is, while the writer fills
/// slots to the brim and so keeps moving entries.
fn reads_beside(spec: &str, write: impl FnOnce(&Cuckoo) + Send) {
    let table: Cuckoo = open(spec);
    fill(&table, 0..500);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for index in 1..3 {
            let (table, done) = (&table, &done);
            scope.spawn(move || {
                let mut session = table.session(Worker { index, of: 3 });
                let names: Vec<String> = (0..40).map(|n| (n * 25).to_string()).collect();
                let keys: Vec<Key<'_>> = names.iter().map(|name| key(name)).collect();
                loop {
                    let last = done.load(Ordering::Relaxed);
                    let mut seen = [0; 40];
                    session.get_many(&keys, |place, value| {
                        seen[place] += 1;
                        assert_eq!(value.is_some(), place < 20, "{place}");
                    });
                    assert_eq!(seen, [1; 40]);
                    for (place, key) in keys.iter().enumerate() {
                        assert_eq!(session.get(*key, <[u8]>::len).is_some(), place < 20);
                    }
                    if last {
                        break;
                    }
                }
            });
        }
        write(&table);
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn readers_miss_nothing_while_entries_move() {
    reads_beside("cuckoo:buckets=2^9,versions=4", |table| {
        let mut session = table.session(Worker::ALONE);
        for round in 0..40 {
            let names = (1000..2450).map(|n| (n + 10_000 * round).to_string());
            let names: Vec<String> = names.collect();
            for name in &names {
                session.insert_new(key(name), b"value");
            }
            for name in &names {
                assert!(session.remove(key(name)));
            }
        }
    });
}

#[test]
fn readers_miss_nothing_while_the_array_doubles() {
    for _ in 0..10 {
        reads_beside("cuckoo:buckets=2^7", |table| fill(table, 1000..9000));
    }
}

#[test]
fn what_is_replaced_is_freed_when_its_readers_are_done() {
    let table: Cuckoo = open("cuckoo");
    let mut session = table.session(Worker::ALONE);
    session.set(key("k"), b"before");
    let mut other = table.session(Worker { index: 1, of: 2 });
    let seen = session.get(key("k"), |value| {
        // Another session's doing: this one is pinned.
        for round in 0..1000_u32 {
            other.set(key("k"), &round.to_le_bytes());
            other.quiesce();
        }
        value.to_vec()
    });
    assert_eq!(seen.as_deref(), Some(&b"before"[..]));
}
