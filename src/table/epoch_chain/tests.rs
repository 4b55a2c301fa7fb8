//! The table as a whole: unzipping, and reading meanwhile.

use std::sync::atomic::AtomicU64;

use super::*;
use crate::table::tests::{env, fill, key, open, open_in};

#[test]
fn unzipping_separates_what_was_together() {
    let env = env("sip13");
    let mut table: EpochChain = open_in("epoch-chain:buckets=1,load=64", &env);
    // One stripe reports its items when an eighth of the limit has come.
    for (items, buckets) in [(64, 1), (72, 2), (128, 2), (160, 4), (600, 16)] {
        fill(&table, table.usage().items..items);
        let census = table.census();
        assert_eq!((census.items, census.buckets), (items, buckets));
        assert_eq!(census.bytes.total(), table.usage().bytes);
        // SAFETY: nobody else has the table.
        let array = unsafe { &**table.array.get_mut() };
        for (bucket, head) in array.heads.iter().enumerate() {
            assert!(nodes(head).all(|node| low_bits(node.hash(), array.heads.len()) == bucket));
        }
    }
    let (events, _) = env.journal.drain();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds
            .iter()
            .filter(|kind| **kind == EventKind::Begin)
            .count(),
        4
    );
    assert!(kinds.contains(&EventKind::Step));
}

#[test]
fn readers_are_right_while_the_table_unzips() {
    let table: EpochChain = open("epoch-chain:buckets=1,load=8");
    let (filled, last) = (AtomicU64::new(0), 5_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..last {
                fill(&table, number..number + 1);
                filled.store(number + 1, Ordering::Release);
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let mut session = table.session(Worker::ALONE);
                let mut turn = 0;
                loop {
                    let known = filled.load(Ordering::Acquire);
                    if known == last {
                        break;
                    }
                    turn = (turn * 5 + 1) % known.max(1);
                    let found = session.get(key(&turn.to_string()), |value| value == b"value");
                    assert_eq!(found, (turn < known).then_some(true), "{turn} of {known}");
                    assert!(session.get(key("absent"), |_| ()).is_none());
                }
            });
        }
    });
    assert_eq!(table.usage().items, last);
}

#[test]
#[should_panic(expected = "a patch never lengthens the value")]
fn a_patch_beyond_the_value_asserts() {
    let table: EpochChain = open("epoch-chain");
    fill(&table, 0..1);
    let mut session = table.session(Worker::ALONE);
    session.update(key("0"), |_, bytes| {
        bytes.extend_from_slice(b"xy");
        (Edit::Patch { at: 4 }, ())
    });
}
