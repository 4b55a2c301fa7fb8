//! The table as a whole: spilling, growing a few buckets at a time, reading meanwhile.

use super::*;
use crate::base::EventKind;
use crate::table::testing::{
    drift, env, fill, key, marks_move, marks_one_of_a_hash, open, open_in, read_beside_growth,
    read_beside_other_sizes, survives_a_panic_in_an_edit, work_beside_moves,
};

#[test]
fn one_bucket_spills_and_closes_up_again() {
    let mut table: Optimistic = open("optimistic:buckets=1,load=1000");
    let empty = table.usage();
    for items in [6, 7, 8, 14, 15, 40] {
        fill(&table, table.usage().items..items);
        let census = table.census();
        assert_eq!((census.items, census.buckets), (items, 1));
        assert_eq!(census.bytes.total(), table.usage().bytes);
        let overflows =
            items.saturating_sub(7).div_ceil(7) + u64::from(items > 7 && items % 7 == 0);
        assert!(
            census.bytes.bucket_array / 64 <= 1 + overflows,
            "{census:?}"
        );
    }
    let mut session = table.session(Worker::ALONE);
    for number in (0..40).rev().chain(0..40) {
        let present = session.get(key(&number.to_string()), |value| value == b"value");
        assert!(present.is_none_or(|right| right));
        assert_eq!(session.remove(key(&number.to_string())), present.is_some());
    }
    drop(session);
    assert_eq!(table.usage(), empty);
    assert_eq!(table.census().bytes.total(), empty.bytes);
}

#[test]
fn a_doubling_goes_on_a_few_buckets_at_a_time() {
    let env = env("sip13");
    let mut table: Optimistic = open_in("optimistic:buckets=64,load=4", &env);
    let mut items = 0;
    while table.directory.settled() {
        fill(&table, items..items + 1);
        items += 1;
    }
    assert!(items > 256 && items < 300, "{items}");
    // The insertion that began it has split one run already.
    assert_eq!(table.directory.mask(), 127);
    assert_eq!(table.census().buckets, 64 + 4);
    assert_eq!(table.census().items, items);
    let mut session = table.session(Worker::ALONE);
    for number in 0..items {
        assert!(session.get(key(&number.to_string()), |_| ()).is_some());
        assert!(session.get(key(&format!("no{number}")), |_| ()).is_none());
    }
    drop(session);
    assert!(table.settled() && table.settled());
    assert_eq!(table.census().buckets, 128);
    let (events, _) = env.journal.drain();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Begin, EventKind::End]);
    assert!(
        events
            .iter()
            .all(|event| (event.from_buckets, event.to_buckets) == (64, 128))
    );
}

#[test]
fn a_doubling_that_has_begun_ends_though_entries_went_away() {
    let env = env("sip13");
    let mut table: Optimistic = open_in("optimistic:buckets=512,load=4", &env);
    let mut items = 0;
    while !table.directory.is_clearing() {
        fill(&table, items..items + 1);
        items += 1;
    }
    // One call clears half of the segment.
    assert!(table.directory.settled() && table.directory.mask() == 511);
    assert_eq!(table.census().buckets, 512);
    let mut session = table.session(Worker::ALONE);
    for number in 100..items {
        assert!(session.remove(key(&number.to_string())));
    }
    drop(session);
    assert!(table.directory.is_clearing() && table.settled());
    assert!(!table.directory.is_clearing());
    let census = table.census();
    assert_eq!((census.buckets, census.items), (1024, 100));
    let (events, _) = env.journal.drain();
    let kinds = events.iter().map(|event| event.kind);
    let ends: Vec<_> = kinds.filter(|kind| *kind != EventKind::Step).collect();
    assert_eq!(ends, [EventKind::Begin, EventKind::End]);
}

/// Between the last run of a doubling and the note of its end another thread may begin the next.
#[test]
fn an_end_that_is_noted_late_is_not_that_of_the_next_doubling() {
    let env = env("sip13");
    let table: Optimistic = open_in("optimistic:buckets=64,load=4", &env);
    let mut items = 0;
    while table.directory.settled() {
        fill(&table, items..items + 1);
        items += 1;
    }
    // Splits all runs but notes no end, as a thread does that is held up before.
    let mut arena = table.slab.take_arena();
    while let Some(run) = table.directory.claim() {
        run.clone().for_each(|child| table.split(child, &mut arena));
        table.directory.done(run.len());
    }
    table.slab.leave_arena(arena);
    while table.directory.settled() {
        fill(&table, items..items + 1);
        items += 1;
    }
    Optimistic::note_end(&table.env, &mut table.growing.lock(), 64);
    assert!(table.settled());
    let (events, _) = env.journal.drain();
    let marks: Vec<_> = events
        .iter()
        .filter(|event| event.kind != EventKind::Step)
        .map(|event| (event.kind, event.from_buckets))
        .collect();
    let of = |from| [(EventKind::Begin, from), (EventKind::End, from)];
    assert_eq!(marks, [of(64), of(128)].concat());
}

#[test]
fn readers_are_right_while_the_table_doubles() {
    read_beside_growth(
        &open::<Optimistic>("optimistic:buckets=1,load=2"),
        20_000,
        16,
    );
}

#[test]
fn readers_are_right_while_memory_changes_its_size() {
    let table = open::<Optimistic>("optimistic:buckets=16,load=50");
    read_beside_other_sizes(&table, 200);
}

/// Bytes that the slab holds stay near those in use, whatever sizes there were before.
#[test]
fn memory_follows_the_sizes_of_values() {
    let table: Optimistic = open("optimistic");
    let names: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    let mut session = table.session(Worker::ALONE);
    let near = |table: &Optimistic| {
        let (used, held) = (table.slab.used().1, table.slab.held());
        // Beside what the pool keeps, each free block that the session has at hand may keep a page.
        assert!(held < used * 5 / 4 + (8 << 20), "{used} used, {held} held");
    };
    for size in [50, 900, 10, 2500, 300, 9000, 100] {
        // In place of the others, in another order, and then as the only ones.
        for (at, _) in names.iter().enumerate() {
            session.set(key(&names[at * 7 % names.len()]), &vec![1; size]);
        }
        near(&table);
        // At random places, as far as memory goes.
        for (at, _) in names.iter().enumerate() {
            assert!(session.remove(key(&names[at * 7919 % names.len()])));
        }
        assert_eq!(table.slab.used().1, 0);
        near(&table);
        for name in &names {
            session.set(key(name), &vec![1; size + 40]);
        }
        near(&table);
    }
}

/// Entries leave pages of which few blocks are in use: what is held stays near a budget of bytes in use.
#[test]
fn memory_stays_near_a_budget_while_sizes_drift() {
    const BUDGET: u64 = 16 << 20;
    for lengths in [[50, 3000], [3000, 50]] {
        let mut table: Optimistic = open("optimistic");
        let mut most = 0;
        drift(&table, lengths, BUDGET, |table| {
            most = most.max(table.slab.held());
        });
        // The pool keeps an eighth of the pages at hand, and a session some blocks, of pages that these keep.
        assert!(most < BUDGET * 3 / 2 + (4 << 20), "{lengths:?}: {most}");
        let (_, left) = table.slab.moved();
        assert!(left > 100, "{left}");
        assert_eq!(table.census().bytes.total(), table.usage().bytes);
        assert_eq!(table.census().items, table.usage().items);
    }
}

#[test]
fn entries_are_right_while_they_move() {
    let mut table: Optimistic = open("optimistic:buckets=4,load=4");
    work_beside_moves(&table, |session: &mut OptimisticSession<'_>| {
        session.move_some();
    });
    let (moved, _) = table.slab.moved();
    assert!(moved > 500, "{moved}");
    assert_eq!(table.census().bytes.total(), table.usage().bytes);
    assert_eq!(table.census().items, table.usage().items);
}

#[test]
fn marks_move_with_their_entries() {
    let recency = true;
    let table: Optimistic = open_in(
        "optimistic",
        &Env {
            recency,
            ..env("sip13")
        },
    );
    marks_move(&table, |session: &mut OptimisticSession<'_>| {
        session.move_some();
    });
    let (moved, left) = table.slab.moved();
    assert!(moved > 300 && left > 10, "{moved} {left}");
}

#[test]
fn a_panic_in_an_edit_leaves_the_bucket_as_it_was() {
    survives_a_panic_in_an_edit(&open::<Optimistic>("optimistic"));
}

#[test]
#[should_panic(expected = "a patch needs an entry")]
fn a_patch_of_nothing_asserts() {
    let table: Optimistic = open("optimistic");
    table
        .session(Worker::ALONE)
        .update(key("absent"), |_, _| (Edit::Patch { at: 0 }, ()));
}

#[test]
fn a_use_marks_the_one_of_its_hash() {
    let mut env = env("sip13");
    env.recency = true;
    let table: Optimistic = open_in("optimistic:buckets=1,load=1000", &env);
    marks_one_of_a_hash(&table);
}
