//! The table as a whole: growth, collisions, threads.

use super::*;
use crate::table::testing::{env, fill, key, open, open_in};

/// The key of a number with a hash of the test's choosing.
fn chosen(bytes: &[u8; 8], hash: u64) -> Key<'_> {
    Key { bytes, hash }
}

fn agrees(table: &mut Dash) -> Census {
    let census = table.census();
    assert_eq!(census.items, table.usage().items);
    assert_eq!(census.bytes.total(), table.usage().bytes);
    census
}

#[test]
fn segments_split_one_at_a_time_and_lose_nothing() {
    let env = env("sip13");
    let mut table: Dash = open_in("dash", &env);
    fill(&table, 0..20_000);
    let census = agrees(&mut table);
    assert_eq!(census.items, 20_000);
    let segments = census.buckets / 56;
    assert!((24..=64).contains(&segments), "{segments}");
    let (events, dropped) = env.journal.drain();
    assert_eq!((events.len() as u64, dropped), (2 * (segments - 1), 0));
    for (pair, split) in events.chunks(2).zip(1..) {
        assert_eq!(
            (pair[0].kind, pair[1].kind),
            (EventKind::Begin, EventKind::End)
        );
        assert_eq!(
            (pair[1].from_buckets, pair[1].to_buckets),
            (split * 56, (split + 1) * 56)
        );
    }
    let mut session = table.session(Worker::ALONE);
    for number in 0..20_000 {
        let number = number.to_string();
        assert_eq!(session.get(key(&number), <[u8]>::len), Some(5), "{number}");
        assert!(session.remove(key(&number)));
    }
    assert_eq!(agrees(&mut table).items, 0);
}

#[test]
fn capacity_makes_room_for_that_many() {
    let env = env("sip13");
    let mut table: Dash = open_in("dash:capacity=21000", &env);
    assert_eq!(agrees(&mut table).buckets, 32 * 56);
    fill(&table, 0..21_000);
    assert_eq!(table.census().buckets, 32 * 56);
    assert_eq!(env.journal.drain(), (vec![], 0));
    let params = Params::resolve(Dash::PARAMS, &"dash:capacity=2^40".parse().unwrap()).unwrap();
    let error = Dash::open(&params, &env).err().unwrap();
    assert!(error.0.contains("more than can be allocated"), "{error}");
}

/// Tables whose rehashing agrees with [`chosen`]: the hash is the key's last eight bytes.
fn by_identity() -> Dash {
    open_in("dash", &env("identity"))
}

/// Keys that are told apart by eight bytes behind those that make the hash.
fn colliding(number: u64, hash: u64) -> Vec<u8> {
    // Not decimal digits, which the identity hash reads as a number.
    [number.to_le_bytes(), hash.to_le_bytes()].concat()
}

#[test]
fn entries_that_collide_in_all_bits_are_chained_without_a_split() {
    let mut table = by_identity();
    let hasher = table.env.hasher;
    let mut session = table.session(Worker::ALONE);
    let keys: Vec<_> = (0..2000).map(|n| colliding(n, u64::MAX)).collect();
    let key_of = |bytes| Key {
        bytes,
        hash: u64::MAX,
    };
    for bytes in &keys {
        assert_eq!(hasher.hash(bytes), u64::MAX);
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
    let census = agrees(&mut table);
    assert_eq!((census.items, census.buckets), (1000, 56));
}

#[test]
fn entries_that_differ_only_in_bits_beyond_the_directory_are_chained() {
    let mut table = by_identity();
    let mut session = table.session(Worker::ALONE);
    // The top byte is never a digit's, so that the hash is the last eight bytes.
    let hashes: Vec<u64> = (0..3000).map(|n| 0xff << 56 | n << 16).collect();
    for hash in &hashes {
        session.insert_new(chosen(&hash.to_le_bytes(), *hash), b"");
    }
    for hash in &hashes {
        assert!(
            session
                .get(chosen(&hash.to_le_bytes(), *hash), |_| ())
                .is_some()
        );
    }
    assert_eq!(agrees(&mut table).buckets, 56);
}

#[test]
fn what_a_split_could_not_part_is_parted_when_it_can_be() {
    let mut table = by_identity();
    let mut session = table.session(Worker::ALONE);
    // The same 1,000 low bits' worth as above, then as many that differ from bit 0 on.
    let flood = (0..1000).map(|n: u64| 0xff << 56 | n << 16);
    let others = (0..20_000).map(|n: u64| 0xfe << 56 | n);
    let hashes: Vec<u64> = flood.chain(others).collect();
    for hash in &hashes {
        session.insert_new(chosen(&hash.to_le_bytes(), *hash), b"");
    }
    for hash in &hashes {
        assert!(
            session
                .get(chosen(&hash.to_le_bytes(), *hash), |_| ())
                .is_some()
        );
    }
    assert!(agrees(&mut table).buckets > 20 * 56);
}

#[test]
fn a_batch_finds_each_key_once_beside_writers() {
    let table: Dash = open("dash");
    fill(&table, 0..500);
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            fill(&table, 1000..12_000);
            done.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        scope.spawn(|| {
            let mut session = table.session(Worker { index: 1, of: 2 });
            // Longer than two groups, with keys twice and keys that are absent.
            let names: Vec<String> = (0..40).map(|n| (n % 30 * 25).to_string()).collect();
            let keys: Vec<Key<'_>> = names.iter().map(|name| key(name)).collect();
            loop {
                let last = done.load(std::sync::atomic::Ordering::Relaxed);
                let mut seen = [0; 40];
                session.get_many(&keys, |index, value| {
                    seen[index] += 1;
                    assert_eq!(value.is_some(), index % 30 < 20, "{index}");
                });
                assert_eq!(seen, [1; 40]);
                if last {
                    break;
                }
            }
        });
    });
}

#[test]
fn threads_that_fill_and_remove_together_agree() {
    let mut table: Dash = open("dash");
    std::thread::scope(|scope| {
        for index in 0..4 {
            let table = &table;
            scope.spawn(move || {
                let base = 10_000 * u64::from(index);
                fill(table, base..base + 5000);
                let mut session = table.session(Worker { index, of: 4 });
                for number in base..base + 2500 {
                    assert!(session.remove(key(&number.to_string())));
                }
            });
        }
    });
    assert_eq!(agrees(&mut table).items, 10_000);
}
