//! Growth by a helper and by writers, and what a table is like while its entries move.

use super::*;
use crate::base::EventKind;
use crate::table::testing::{env, fill, key, open, open_in};

fn settle(table: &Incremental) {
    while !table.settled() {
        std::thread::yield_now();
    }
}

fn holds(table: &Incremental, numbers: std::ops::Range<u64>) {
    let names: Vec<String> = numbers.map(|n| n.to_string()).collect();
    let keys: Vec<Key<'_>> = names.iter().map(|name| key(name)).collect();
    let mut session = table.session(Worker::ALONE);
    let mut seen = 0;
    session.get_many(&keys, |_, value| {
        assert_eq!(value, Some(&b"value"[..]));
        seen += 1;
    });
    assert_eq!(seen, keys.len());
    for key in keys {
        assert_eq!(session.get(key, <[u8]>::len), Some(5));
    }
}

#[test]
fn a_small_table_grows_on_the_item() {
    for mover in ["helper", "writers", "writers,step=1", "writers,step=1000"] {
        let mut table: Incremental = open(&format!("incremental:buckets=4,mover={mover}"));
        for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16), (1000, 1024)] {
            fill(&table, table.usage().items..items);
            settle(&table);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets), "{mover}");
            assert_eq!(census.bytes.total(), table.usage().bytes, "{mover}");
            holds(&table, 0..items);
        }
    }
}

#[test]
fn in_the_middle_of_a_move_both_arrays_are_one_table() {
    let env = env("sip13");
    let mut table: Incremental = open_in(
        "incremental:buckets=2^10,stripes=4,mover=writers,step=1",
        &env,
    );
    fill(&table, 0..1537 + 4 * 64);
    assert!(!table.growth.settled());
    let before = table.usage();
    let census = table.census();
    assert_eq!(census.items, before.items);
    assert!((1025..2048).contains(&census.buckets), "{}", census.buckets);
    assert_eq!(census.bytes.total(), before.bytes);
    holds(&table, 0..before.items);
    // Removed and set again, in whichever array it is.
    let mut session = table.session(Worker::ALONE);
    for n in 0..200_u64 {
        let name = n.to_string();
        assert!(session.remove(key(&name)));
        assert!(!session.remove(key(&name)));
        assert_eq!(session.set(key(&name), b"value"), Stored::Created);
        assert_eq!(session.set(key(&name), b"value"), Stored::Replaced);
    }
    assert!(!table.growth.settled());
    settle(&table);
    assert_eq!(table.census().buckets, 2048);
    assert_eq!(
        before.bytes - table.usage().bytes,
        8 * 1024,
        "the old array is freed"
    );
    holds(&table, 0..before.items);
    let (events, _) = env.journal.drain();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Begin, EventKind::End]);
}

#[test]
fn a_long_move_is_noted_in_steps() {
    let env = env("sip13");
    let table: Incremental = open_in("incremental:buckets=2^14,load=0.5", &env);
    fill(&table, 0..(1 << 13) + 1024);
    settle(&table);
    let (events, _) = env.journal.drain();
    let steps = events
        .iter()
        .filter(|event| event.kind == EventKind::Step)
        .count();
    assert_eq!((events.len(), steps), (9, 7));
}

#[test]
fn sessions_work_through_moves() {
    for spec in [
        "helper",
        "helper,stripes=1",
        "writers,step=1",
        "writers,load=0.1",
    ] {
        let mut table: Incremental = open(&format!("incremental:buckets=2,mover={spec}"));
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let table = &table;
                scope.spawn(move || {
                    for part in 0..20 {
                        let from = 4000 * thread + 200 * part;
                        fill(table, from..from + 200);
                        holds(table, 4000 * thread..from + 200);
                    }
                });
            }
        });
        settle(&table);
        holds(&table, 0..12_000);
        let census = table.census();
        assert_eq!(census.items, 12_000, "{spec}");
        assert_eq!(census.bytes.total(), table.usage().bytes, "{spec}");
    }
}

#[test]
fn dropped_in_the_middle_of_a_move_it_ends() {
    for mover in ["helper", "writers"] {
        for items in [100, 1000, 4000] {
            let table: Incremental = open(&format!("incremental:buckets=2,mover={mover}"));
            fill(&table, 0..items);
            let growth = Arc::downgrade(&table.growth);
            drop(table);
            assert_eq!(growth.strong_count(), 0, "no thread holds it any more");
        }
    }
}

#[test]
fn removals_count_against_growth() {
    let mut table: Incremental = open("incremental:buckets=4,mover=writers");
    for round in 0..100 {
        fill(&table, 6 * round..6 * (round + 1));
        let mut session = table.session(Worker::ALONE);
        for n in 6 * round..6 * (round + 1) {
            assert!(session.remove(key(&n.to_string())));
        }
    }
    assert_eq!((table.census().items, table.census().buckets), (0, 4));
}

#[test]
fn an_array_too_large_to_allocate_is_bad_input() {
    let spec = "incremental:load=0.1,capacity=2^40".parse().unwrap();
    let params = Params::resolve(Incremental::PARAMS, &spec).unwrap();
    let error = Incremental::open(&params, &env("sip13")).err().unwrap();
    assert!(error.0.contains("more than can be allocated"), "{error}");
}
