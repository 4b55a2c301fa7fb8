//! The table as a whole: pages that fill, spill, divide and come together, and readers meanwhile.

use super::edit::record_words;
use super::page::{DIRECT, LINK, SLOTS, is_at_back};
use super::*;
use crate::base::EventKind;
use crate::table::testing::{
    drift, env, fill, key, marks_move, marks_one_of_a_hash, open, open_in, read_beside_growth,
    read_beside_other_sizes, survives_a_panic_in_an_edit, work_beside_moves,
};

/// Values of lengths that are records, blocks, and nothing at all, by the number of the key.
fn value(number: u64) -> Vec<u8> {
    let len = [0, 3, 40, 64, 100, 230, 500, 3000][(number % 8) as usize];
    vec![(number % 251) as u8; len]
}

/// Whether all words of a page's body but the free ones belong to one entry each, at the end that its hash says.
fn check_ends(page: &Locked<'_>, env: &Env) {
    let free = page.page.free();
    let mut owners = [0_usize; BODY];
    for slot in 0..page.count() {
        let place = page.place(slot);
        let at = usize::from(place & !POINTER);
        let words = if place & POINTER == 0 {
            record_words(page.words(place))
        } else {
            1
        };
        owners[at..at + words]
            .iter_mut()
            .for_each(|owners| *owners += 1);
        // SAFETY: no other thread has the table.
        let (key, _) = unsafe { page.bytes(Spot::Slot(slot)) };
        let is_at_back = is_at_back(env.hasher.hash(key));
        let wanted = if at < DIRECT || !is_at_back {
            0..free.start
        } else {
            free.end..BODY
        };
        assert!(
            wanted.contains(&at) && at + words <= wanted.end,
            "{at} {wanted:?}"
        );
    }
    assert!(owners[0] <= 1 && owners[LINK] <= usize::from(!page.state.spills()));
    for (at, owners) in owners.into_iter().enumerate().skip(DIRECT) {
        assert_eq!(owners, usize::from(!free.contains(&at)), "{at} {free:?}");
    }
}

/// Whether the census agrees with usage, and how many overflow lines there are.
fn counted(table: &mut Inline) -> u64 {
    for number in 0..table.pages() {
        check_ends(&Locked::new(table.directory.page(number)), &table.env);
    }
    let census = table.census();
    let usage = table.usage();
    assert_eq!(census.items, usage.items);
    assert_eq!(census.bytes.total(), usage.bytes, "{census:?}");
    let fixed = census.buckets * (1024 - 8 * BODY as u64);
    (census.bytes.bucket_array - fixed) / 64
}

#[test]
fn one_page_holds_any_number_and_empties_again() {
    let mut table: Inline = open("inline:buckets=1,load=1000");
    let empty = table.usage();
    for items in [1, 9, 16, 17, 18, 30, 100] {
        let mut session = table.session(Worker::ALONE);
        for number in session.table.usage().items..items {
            let name = number.to_string();
            assert_eq!(session.set(key(&name), &value(number)), Stored::Created);
        }
        for number in 0..items {
            let found = session.get(key(&number.to_string()), <[u8]>::to_vec);
            assert_eq!(found, Some(value(number)), "{number} of {items}");
        }
        drop(session);
        let lines = counted(&mut table);
        assert!(
            lines <= items.saturating_sub(SLOTS as u64).div_ceil(7) + 1,
            "{lines}"
        );
    }
    let mut session = table.session(Worker::ALONE);
    for number in (0..100).rev().step_by(2).chain(0..100) {
        let name = number.to_string();
        let present = session.get(key(&name), |found| found == value(number));
        assert!(present.is_none_or(|right| right), "{number}");
        assert_eq!(session.remove(key(&name)), present.is_some());
    }
    drop(session);
    assert_eq!(table.usage(), empty);
    assert_eq!(counted(&mut table), 0);
}

/// Values change between records and blocks of all lengths, in pages that are full.
#[test]
fn values_grow_and_shrink_in_place_and_out() {
    let mut table: Inline = open("inline:buckets=2,load=1000");
    let names: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    for round in 0..60 {
        let mut session = table.session(Worker::ALONE);
        for (number, name) in (0..).zip(&names) {
            let stored = session.set(key(name), &value(number * 7 + round));
            assert_eq!(stored == Stored::Created, round == 0, "{name} {round}");
        }
        for (number, name) in (0..).zip(&names) {
            let found = session.get(key(name), <[u8]>::to_vec);
            assert_eq!(found, Some(value(number * 7 + round)));
        }
        drop(session);
        counted(&mut table);
    }
}

#[test]
fn a_full_page_takes_records_in_again_when_others_go() {
    let mut table: Inline = open("inline:buckets=1,load=1000");
    let mut session = table.session(Worker::ALONE);
    let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    for name in &names {
        session.set(key(name), &[7; 86]);
    }
    let outside = |table: &mut Inline| table.slab.used().1;
    drop(session);
    assert!(outside(&mut table) > 0);
    let mut session = table.session(Worker::ALONE);
    for name in &names[..4] {
        assert!(session.remove(key(name)));
    }
    drop(session);
    assert_eq!(outside(&mut table), 0);
    counted(&mut table);
}

#[test]
fn pages_are_divided_one_by_one() {
    let env = env("sip13");
    let mut table: Inline = open_in("inline:buckets=4,load=0.5", &env);
    fill(&table, 0..2_000);
    assert!(table.settled());
    let census = table.census();
    assert_eq!(census.items, 2_000);
    // Entries of this length count for nine words each.
    let wanted = 2_000 * 9 / (ROOM / 2) as u64;
    assert!(census.buckets.abs_diff(wanted) <= 4, "{}", census.buckets);
    counted(&mut table);
    let mut session = table.session(Worker::ALONE);
    for number in 0..2_000 {
        assert!(session.get(key(&number.to_string()), |_| ()).is_some());
        assert!(session.get(key(&format!("no{number}")), |_| ()).is_none());
    }
    drop(session);
    let (events, _) = env.journal.drain();
    let began = events.iter().filter(|event| event.kind == EventKind::Begin);
    let ended = events.iter().filter(|event| event.kind == EventKind::End);
    assert_eq!((began.count(), ended.count()), (7, 6));
}

#[test]
fn readers_are_right_while_the_table_grows() {
    read_beside_growth(&open::<Inline>("inline:buckets=1,load=0.6"), 8_000, 50);
}

#[test]
fn readers_are_right_while_memory_changes_its_size() {
    read_beside_other_sizes(&open::<Inline>("inline:buckets=4,load=20"), 200);
}

/// Entries leave pages of the slab of which few blocks are in use: what it holds stays near a budget.
#[test]
fn memory_of_blocks_stays_near_a_budget_while_sizes_drift() {
    const BUDGET: u64 = 16 << 20;
    for lengths in [[300, 3000], [3000, 300]] {
        let mut table: Inline = open("inline");
        let mut most = 0;
        drift(&table, lengths, BUDGET, |table| {
            most = most.max(table.slab.held());
        });
        assert!(most < BUDGET * 3 / 2 + (4 << 20), "{lengths:?}: {most}");
        let (_, left) = table.slab.moved();
        assert!(left > 100, "{left}");
        counted(&mut table);
    }
}

#[test]
fn entries_are_right_while_they_move() {
    for spec in ["inline:buckets=4", "inline:buckets=1,load=20"] {
        let mut table: Inline = open(spec);
        work_beside_moves(&table, |session: &mut InlineSession<'_>| {
            session.move_some();
        });
        let (moved, _) = table.slab.moved();
        assert!(moved > 500, "{moved}");
        counted(&mut table);
    }
}

#[test]
fn marks_move_with_their_entries() {
    let recency = true;
    let table: Inline = open_in(
        "inline:load=3",
        &Env {
            recency,
            ..env("sip13")
        },
    );
    marks_move(&table, |session: &mut InlineSession<'_>| {
        session.move_some();
    });
    let (moved, left) = table.slab.moved();
    assert!(moved > 300 && left > 10, "{moved} {left}");
}

#[test]
fn a_panic_in_an_edit_leaves_the_page_as_it_was() {
    survives_a_panic_in_an_edit(&open::<Inline>("inline"));
}

#[test]
#[should_panic(expected = "a patch needs an entry")]
fn a_patch_of_nothing_asserts() {
    let table: Inline = open("inline");
    table
        .session(Worker::ALONE)
        .update(key("absent"), |_, _| (Edit::Patch { at: 0 }, ()));
}

#[test]
fn a_use_marks_the_one_of_its_hash() {
    let mut env = env("sip13");
    env.recency = true;
    let table: Inline = open_in("inline:buckets=1,load=1000", &env);
    marks_one_of_a_hash(&table);
}
