//! Pages that are left: whose blocks go where, and what a call does at most.

use std::collections::{BTreeMap, HashSet};
use std::ptr::NonNull;

use super::super::sizes::{PAGE, class_for};
use super::super::{Arena, LOOKED, MOVED, Slab};
use super::{allocate, free, pages, put_away, shuffled};

/// Moves what is in `live` out of blocks that the slab asks about; how many these were.
fn move_some(slab: &Slab, arena: &mut Arena, live: &mut HashSet<NonNull<u8>>) -> Vec<NonNull<u8>> {
    let (mut asked, before) = (Vec::new(), live.clone());
    // SAFETY: what is in `live` was allocated with the class, and no other thread has it.
    unsafe {
        arena.move_some(slab, |arena, class, block| {
            asked.push(block);
            let moves = live.remove(&block);
            if moves {
                live.insert(arena.allocate(slab, class));
            }
            moves
        });
    }
    let moved = before.difference(live).count();
    assert!(
        asked.len() <= LOOKED && moved <= MOVED,
        "{} {moved}",
        asked.len()
    );
    asked
}

#[test]
fn entries_of_sparse_pages_move_together() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(100);
    let blocks = shuffled(allocate(&slab, &mut arena, class, 60_000));
    free(&slab, &mut arena, class, &blocks[6_000..]);
    put_away(&slab, &mut arena);
    assert!(pages(&slab)[0] > 90);
    let mut live: HashSet<_> = blocks[..6_000].iter().copied().collect();
    for _ in 0..1_000 {
        move_some(&slab, &mut arena, &mut live);
    }
    assert_eq!(slab.used(), (0, 6_000 * 104));
    assert_eq!(live.len(), 6_000);
    let least = 6_000_usize.div_ceil(PAGE / 104);
    let used = pages(&slab)[0];
    assert!(used <= least + least / 2 + 1, "{used} of {least}");
    let (moved, left) = slab.moved();
    assert!(left > 70 && moved < 10_000, "{left} {moved}");
    free(
        &slab,
        &mut arena,
        class,
        &live.into_iter().collect::<Vec<_>>(),
    );
    put_away(&slab, &mut arena);
    assert_eq!(pages(&slab)[0], 0);
    assert_eq!(slab.pool.room(), 0);
}

/// A page that is being left lends no blocks, and those that come back to it stay there; if it does not become empty,
/// it is taken from again.
#[test]
fn a_page_that_is_being_left_lends_nothing() {
    let slab = Slab::new();
    let (mut arena, mut other) = (slab.take_arena(), slab.take_arena());
    let class = class_for(1000);
    let blocks = allocate(&slab, &mut arena, class, 63 * 40);
    let (kept, freed): (Vec<_>, Vec<_>) = blocks
        .into_iter()
        .partition(|block| block.addr().get() / 1024 % 8 == 1);
    free(&slab, &mut arena, class, &freed);
    put_away(&slab, &mut arena);
    let mut none = HashSet::new();
    let asked = move_some(&slab, &mut arena, &mut none);
    let page = asked[0].addr().get() / PAGE;
    // All blocks of the page have been looked at, so it is there again.
    assert_eq!(asked.len(), 63);
    let again = allocate(&slab, &mut other, class, 40);
    assert!(again.iter().any(|block| block.addr().get() / PAGE == page));
    free(&slab, &mut other, class, &again);
    put_away(&slab, &mut other);

    let mut leaving = slab.leaving.lock();
    let page = leaving.page(&slab.depots, &slab.pool, |_| {}).unwrap();
    let page = page.next().unwrap().addr().get() / PAGE;
    let used = pages(&slab)[0];
    let is_of = |block: &&NonNull<u8>| block.addr().get() / PAGE == page;
    let rest = allocate(&slab, &mut other, class, freed.len());
    assert_eq!(rest.iter().filter(is_of).count(), 0);
    assert!(pages(&slab)[0] > used);
    let its: Vec<_> = kept.iter().filter(is_of).copied().collect();
    let pages_before = pages(&slab)[0];
    // Its last blocks come back: it goes to the pool.
    free(&slab, &mut arena, class, &its);
    arena.put_away(&slab, class);
    assert_eq!(pages(&slab)[0], pages_before - 1);
}

/// Where nothing becomes empty, there is a rest.
#[test]
fn pages_that_do_not_become_empty_are_let_be_for_a_while() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(1000);
    let blocks = shuffled(allocate(&slab, &mut arena, class, 63 * 40));
    free(&slab, &mut arena, class, &blocks[600..]);
    put_away(&slab, &mut arena);
    let mut none = HashSet::new();
    let mut calls = 0;
    while !move_some(&slab, &mut arena, &mut none).is_empty() {
        calls += 1;
        assert!(calls < 20);
    }
    let mut rest = 1;
    while move_some(&slab, &mut arena, &mut none).is_empty() {
        rest += 1;
        assert!(rest < 1_000);
    }
    assert!(calls >= 5 && rest > 10, "{calls} {rest}");
    assert_eq!(slab.moved(), (0, 0));
}

#[test]
fn pages_that_stay_nearly_full_hide_no_others() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(100);
    let mut by_page: BTreeMap<usize, Vec<NonNull<u8>>> = BTreeMap::new();
    for block in allocate(&slab, &mut arena, class, 60_000) {
        by_page
            .entry(block.addr().get() / PAGE)
            .or_default()
            .push(block);
    }
    // Some pages lose a block each, and come to the end of the list; then all others lose most of theirs.
    let mut live = HashSet::new();
    for (at, blocks) in by_page.values().enumerate() {
        let gone = if at < 12 { 1 } else { blocks.len() * 9 / 10 };
        free(&slab, &mut arena, class, &blocks[..gone]);
        put_away(&slab, &mut arena);
        live.extend(&blocks[gone..]);
    }
    let entries = live.len();
    for _ in 0..1_000 {
        move_some(&slab, &mut arena, &mut live);
    }
    assert_eq!(live.len(), entries);
    let least = entries.div_ceil(PAGE / 104);
    let used = pages(&slab)[0];
    assert!(used <= least + least / 2 + 1, "{used} of {least}");
    let rest: Vec<_> = live.into_iter().collect();
    free(&slab, &mut arena, class, &rest);
    put_away(&slab, &mut arena);
    assert_eq!(pages(&slab)[0], 0);
}
