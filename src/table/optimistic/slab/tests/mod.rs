//! The slab as a whole: blocks that come back, pages that go from class to class, memory that goes to the system.

mod leave;

use super::page::Taken;
use super::sizes::{CLASSES, PAGE};
use super::*;

/// Pages of the largest chunk: as many are kept at hand.
const KEPT: usize = 32;

fn allocate(slab: &Slab, arena: &mut Arena, class: usize, count: usize) -> Vec<NonNull<u8>> {
    (0..count).map(|_| arena.allocate(slab, class)).collect()
}

fn free(slab: &Slab, arena: &mut Arena, class: usize, blocks: &[NonNull<u8>]) {
    for block in blocks {
        // SAFETY: the tests free what they have allocated with this class, once, and no other thread uses it.
        unsafe { arena.free(slab, class, *block) };
    }
}

/// What an arena has at hand goes to the pages, as it does for classes that a session does not use, and what is too much
/// to the system.
fn put_away(slab: &Slab, arena: &mut Arena) {
    for _ in 0..8 * CACHED {
        arena.look_around(slab);
    }
    while slab.pool.has_surplus() {
        slab.pool.trim();
    }
    while slab.large.trim() {}
}

/// The blocks in an order that has nothing to do with where they are.
fn shuffled(mut blocks: Vec<NonNull<u8>>) -> Vec<NonNull<u8>> {
    let mut random = 1_u64;
    for last in (1..blocks.len()).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005) | 1;
        blocks.swap(last, (random >> 33) as usize % (last + 1));
    }
    blocks
}

fn pages(slab: &Slab) -> [usize; 3] {
    slab.pool.figures()
}

#[test]
fn blocks_are_apart_and_come_back_across_arenas() {
    let slab = Slab::new();
    let (mut one, mut other) = (slab.take_arena(), slab.take_arena());
    let class = class_for(92);
    let mut blocks = allocate(&slab, &mut one, class, 1000);
    let line = one.allocate(&slab, OVERFLOW);
    assert_eq!(line.align_offset(64), 0);
    assert_eq!(slab.used(), (0, 96 * 1000 + 64));
    blocks.sort_unstable();
    assert!(
        blocks
            .windows(2)
            .all(|pair| pair[1].addr().get() - pair[0].addr().get() >= 96)
    );
    free(&slab, &mut other, class, &blocks);
    assert_eq!(slab.used(), (0, 64));
    // All but what `other` still has in its two magazines, and the rest of the run that `one` was cutting.
    let again = allocate(&slab, &mut one, class, 1000);
    let known = again
        .iter()
        .filter(|block| blocks.binary_search(block).is_ok());
    assert!(known.count() >= 1000 - 2 * magazine_size(class) - (16 << 10) / 96);
    slab.leave_arena(other);
    let mut heir = slab.take_arena();
    assert!(blocks.binary_search(&heir.allocate(&slab, class)).is_ok());
}

#[test]
fn blocks_of_every_class_lie_within_a_page_behind_its_header() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    for class in 0..PAGED {
        let bytes = class_bytes(class);
        let a_page = (PAGE - 64) / bytes;
        let before = pages(&slab)[0];
        let blocks = allocate(&slab, &mut arena, class, a_page + 1);
        assert_eq!(pages(&slab)[0], before + 2, "{class}");
        for block in blocks {
            let at = block.addr().get() % PAGE;
            assert!(
                at >= 64 && at + bytes <= PAGE && at.is_multiple_of(8),
                "{class}"
            );
            // SAFETY: just allocated, and used by no other thread.
            unsafe { block.write_bytes(0xff, bytes) };
        }
    }
}

#[test]
fn a_page_without_blocks_in_use_is_cut_for_another_class() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let (small, great) = (class_for(40), class_for(4000));
    let blocks = allocate(&slab, &mut arena, small, 10_000);
    let used = pages(&slab);
    assert_eq!(used, [10_000_usize.div_ceil((PAGE - 64) / 40), 0, 0]);
    free(&slab, &mut arena, small, &blocks);
    put_away(&slab, &mut arena);
    assert_eq!(pages(&slab), [0, used[0], 0]);
    let addresses = |blocks: &[NonNull<u8>]| -> Vec<usize> {
        let pages = blocks.iter().map(|block| block.addr().get() / PAGE);
        let pages: std::collections::BTreeSet<usize> = pages.collect();
        pages.into_iter().collect()
    };
    let others = allocate(&slab, &mut arena, great, used[0] * 15);
    assert_eq!(pages(&slab), used);
    assert_eq!(addresses(&blocks), addresses(&others));
    free(&slab, &mut arena, great, &others);
    put_away(&slab, &mut arena);
    assert_eq!(pages(&slab), [0, used[0], 0]);
}

/// One block in use keeps a page; and the others of the page are given out again.
#[test]
fn a_page_with_a_block_in_use_stays() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(100);
    let blocks = allocate(&slab, &mut arena, class, 5000);
    let used = pages(&slab)[0];
    let (kept, freed): (Vec<_>, Vec<_>) =
        blocks.iter().enumerate().partition(|(at, _)| at % 100 == 0);
    let of = |blocks: Vec<(usize, &NonNull<u8>)>| -> Vec<NonNull<u8>> {
        blocks.into_iter().map(|(_, block)| *block).collect()
    };
    let (kept, freed) = (of(kept), of(freed));
    free(&slab, &mut arena, class, &freed);
    put_away(&slab, &mut arena);
    assert_eq!(pages(&slab), [used, 0, 0]);
    let again = allocate(&slab, &mut arena, class, freed.len());
    assert_eq!(pages(&slab), [used, 0, 0]);
    assert!(again.iter().all(|block| !kept.contains(block)));
    free(&slab, &mut arena, class, &again);
    free(&slab, &mut arena, class, &kept);
    put_away(&slab, &mut arena);
    assert_eq!(pages(&slab), [0, used, 0]);
}

#[test]
fn overflow_buckets_stay_what_they_are() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let items = allocate(&slab, &mut arena, class_for(64), 5000);
    // SAFETY: just allocated, and used by no other thread.
    items
        .iter()
        .for_each(|block| unsafe { block.write_bytes(0xff, 64) });
    free(&slab, &mut arena, class_for(64), &items);
    put_away(&slab, &mut arena);
    let lines = allocate(&slab, &mut arena, OVERFLOW, 5000);
    for line in &lines {
        // SAFETY: just allocated, initialised, and used by no other thread.
        let bytes = unsafe { line.cast::<[u8; 64]>().read() };
        assert_eq!(bytes, [0; 64]);
    }
    free(&slab, &mut arena, OVERFLOW, &lines);
    let mut heap = allocate(&slab, &mut arena, class_for(64), 50_000);
    heap.retain(|block| lines.contains(block));
    assert!(heap.is_empty());
    let mut again = allocate(&slab, &mut arena, OVERFLOW, 4000);
    again.retain(|line| !lines.contains(line));
    // The rest of the run that was being cut.
    assert!(again.len() < 256, "{}", again.len());
}

#[test]
fn pages_beyond_a_reserve_go_to_the_system_and_are_used_again() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(1000);
    let blocks = allocate(&slab, &mut arena, class, 63 * 1000);
    let used = pages(&slab)[0];
    assert!((1000..1010).contains(&used), "{used}");
    free(&slab, &mut arena, class, &blocks[..63 * 500]);
    put_away(&slab, &mut arena);
    let [used, warm, cold] = pages(&slab);
    assert!(
        used < 510 && warm <= KEPT.max(used / 8) && cold > 400,
        "{used} {warm} {cold}"
    );
    free(&slab, &mut arena, class, &blocks[63 * 500..]);
    put_away(&slab, &mut arena);
    let all = pages(&slab);
    assert!(all[0] == 0 && all[1] == KEPT && all[2] > 900, "{all:?}");
    let others = allocate(&slab, &mut arena, class_for(300), 200_000);
    let now = pages(&slab);
    assert_eq!(now.iter().sum::<usize>(), all.iter().sum::<usize>());
    assert!(now[1] == 0 && now[2] < 100, "{now:?}");
    for block in others {
        // SAFETY: just allocated, and used by no other thread.
        unsafe { block.write_bytes(1, 300) };
    }
}

/// A session gives back what it has of a class that it no longer uses while it works with another.
#[test]
fn a_session_that_goes_on_to_another_class_leaves_nothing_behind() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let classes = [
        class_for(64),
        class_for(200),
        class_for(3000),
        class_for(20_000),
    ];
    for class in classes {
        let blocks = allocate(&slab, &mut arena, class, 200);
        free(&slab, &mut arena, class, &blocks);
    }
    let class = class_for(96);
    for _ in 0..40 {
        let blocks = allocate(&slab, &mut arena, class, 1000);
        free(&slab, &mut arena, class, &blocks);
    }
    for other in classes {
        assert_eq!(arena.caches[other].look(), (0, 0), "{other}");
    }
    assert!(pages(&slab)[0] <= 3, "{:?}", pages(&slab));
    assert_eq!(slab.large.figures()[0], 0);
}

#[test]
fn a_run_that_was_not_cut_to_its_end_comes_back() {
    let pool = Pool::default();
    let depot = Depot::of(class_for(1000));
    let run = || match depot.take(&pool) {
        Taken::Run(run) => run,
        Taken::Free(_) => panic!("a fresh page has no free blocks"),
    };
    let (mut first, mut second) = (run(), run());
    // SAFETY: for all calls: the blocks are from this depot, and nobody else has them.
    unsafe {
        let mut cut = Free::NONE;
        cut.push(first.cut(1024).unwrap());
        cut.push(second.cut(1024).unwrap());
        // The first has another behind it, the second has not.
        depot.give_to_pages(Free::NONE, first, &pool);
        depot.give_to_pages(Free::NONE, second, &pool);
        assert_eq!(pool.figures(), [1, 0, 0]);
        depot.give_to_pages(cut, Run::NONE, &pool);
    }
    assert_eq!(pool.figures(), [0, 1, 0]);
}

#[test]
fn large_blocks_keep_their_class_and_give_back_their_memory() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    for bytes in [8000, 9000, 30_000, 40_000, 1 << 20, (1 << 20) + 1] {
        let class = class_for(bytes);
        let count = (16 << 20) / class_bytes(class);
        let all = (count * class_bytes(class)) as u64;
        let mut blocks = allocate(&slab, &mut arena, class, count);
        let [used, ..] = slab.large.figures();
        assert_eq!(used, all, "{bytes}");
        for block in &blocks {
            // SAFETY: just allocated, and used by no other thread.
            unsafe { block.write_bytes(0xff, class_bytes(class)) };
        }
        free(&slab, &mut arena, class, &blocks);
        put_away(&slab, &mut arena);
        let [used, warm, cold] = slab.large.figures();
        let kept = (2 << 20).max(2 * class_bytes(class) as u64);
        assert!(used == 0 && warm <= kept, "{bytes}: {used} {warm}");
        assert!(
            cold >= all - kept - class_bytes(class) as u64,
            "{bytes}: {cold}"
        );
        let mut again = allocate(&slab, &mut arena, class, count);
        blocks.sort_unstable();
        again.sort_unstable();
        assert_eq!(blocks, again, "{bytes}");
        free(&slab, &mut arena, class, &again);
        put_away(&slab, &mut arena);
    }
    assert_eq!(slab.used(), (0, 0));
    let largest = CLASSES - 1;
    assert!(largest >= CACHED && magazine_size(largest) == 0);
}

/// Each free block may be one that alone keeps a page: so few are kept.
#[test]
fn free_blocks_keep_few_pages() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(512);
    let blocks = allocate(&slab, &mut arena, class, 64 << 11);
    assert!(pages(&slab)[0] > 1000);
    free(&slab, &mut arena, class, &shuffled(blocks));
    let [used, warm, _] = pages(&slab);
    // The two magazines of the session, and the pages that the last blocks left.
    assert!(used <= 2 * 64 + 1, "{used}");
    assert!(warm <= KEPT + 64, "{warm}");
    slab.leave_arena(arena);
    assert!(pages(&slab)[0] == 0 && pages(&slab)[1] <= KEPT);
}

#[test]
fn sessions_that_end_leave_nothing_in_their_arenas() {
    let slab = Slab::new();
    let class = class_for(300);
    let mut arenas: Vec<Arena> = (0..32).map(|_| slab.take_arena()).collect();
    let blocks = allocate(&slab, &mut arenas[0], class, 200_000);
    for (blocks, arena) in shuffled(blocks).chunks(6250).zip(&mut arenas) {
        free(&slab, arena, class, blocks);
        let _ = arena.allocate(&slab, class_for(7000));
    }
    for arena in arenas {
        slab.leave_arena(arena);
    }
    // Blocks of 7 KiB, nine a page, and what the depot has.
    assert!(pages(&slab)[0] <= 4 + 2 * 64, "{:?}", pages(&slab));
    assert!(pages(&slab)[1] <= KEPT);
}

/// Two sessions exchange blocks, and end; another goes on, and does not use these.
#[test]
fn what_sessions_left_in_a_depot_comes_back() {
    let slab = Slab::new();
    let (mut one, mut other) = (slab.take_arena(), slab.take_arena());
    let class = class_for(64);
    for _ in 0..10 {
        let blocks = allocate(&slab, &mut one, class, 10_000);
        free(&slab, &mut other, class, &shuffled(blocks));
    }
    slab.leave_arena(one);
    slab.leave_arena(other);
    let mut arena = slab.take_arena();
    for _ in 0..20 {
        let blocks = allocate(&slab, &mut arena, class_for(200), 1000);
        free(&slab, &mut arena, class_for(200), &blocks);
    }
    assert!(pages(&slab)[0] <= 4, "{:?}", pages(&slab));
}

/// In tests memory is not zero before it is cleared.
#[test]
fn nothing_is_lent_that_was_not_cleared() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    for (length, count) in [(64, 40), (200, 40), (3000, 30)] {
        let class = class_for(length);
        let blocks = allocate(&slab, &mut arena, class, count);
        for block in &blocks {
            // SAFETY: the block has so many bytes, and is the test's.
            let bytes =
                unsafe { NonNull::slice_from_raw_parts(*block, class_bytes(class)).as_ref() };
            assert!(!bytes.contains(&0xa5));
        }
        free(&slab, &mut arena, class, &blocks);
        put_away(&slab, &mut arena);
        // The page, of which a part was lent so far, goes to the next class.
        assert_eq!(pages(&slab)[0], 0);
    }
}

/// A bucket may be locked meanwhile.
#[test]
fn little_is_given_back_at_once() {
    let pool = Pool::default();
    let all: Vec<_> = (0..200).map(|_| pool.take()).collect();
    pool.put(all);
    assert_eq!(pool.figures(), [0, 196, 4]);
    assert!(pool.has_surplus());
    while pool.has_surplus() {
        pool.trim();
    }
    assert_eq!(pool.figures(), [0, KEPT, 200 - KEPT]);

    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(64);
    let blocks = allocate(&slab, &mut arena, class, 1000);
    free(&slab, &mut arena, class, &blocks);
    loop {
        let before = arena.caches[class].look().1;
        arena.look_around(&slab);
        let now = arena.caches[class].look().1;
        assert!(before - now <= (16 << 10) / 64);
        if now == 0 {
            break;
        }
    }

    let (great, small) = (class_for(256 << 20), class_for(8000));
    let block = arena.allocate(&slab, great);
    let blocks = allocate(&slab, &mut arena, small, 4000);
    free(&slab, &mut arena, small, &blocks);
    let [_, warm, cold] = slab.large.figures();
    free(&slab, &mut arena, great, &[block]);
    let [_, _, now] = slab.large.figures();
    assert!(warm > 20 << 20, "{warm}");
    assert!(now > cold && now - cold <= 264 << 10, "{cold} {now}");
}

#[test]
fn the_last_large_blocks_are_kept_whatever_their_length() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(4 << 20);
    let blocks = allocate(&slab, &mut arena, class, 5);
    for block in &blocks {
        // SAFETY: just allocated, and used by no other thread.
        unsafe { block.write_bytes(7, 4 << 20) };
    }
    free(&slab, &mut arena, class, &blocks);
    let bytes = class_bytes(class) as u64;
    assert_eq!(slab.large.figures(), [0, 2 * bytes, 3 * bytes]);
    // The youngest first, which hold what was in them.
    for old in [4, 3] {
        let block = arena.allocate(&slab, class);
        assert_eq!(block, blocks[old]);
        // SAFETY: initialised, and used by no other thread.
        assert_eq!(unsafe { block.add(1 << 20).read() }, 7);
    }
}

#[test]
fn the_oldest_large_blocks_are_given_back_first() {
    let slab = Slab::new();
    let mut arena = slab.take_arena();
    let class = class_for(1 << 20);
    let blocks = allocate(&slab, &mut arena, class, 8);
    for block in &blocks {
        // SAFETY: just allocated, and used by no other thread.
        unsafe { block.write_bytes(7, 1 << 20) };
    }
    free(&slab, &mut arena, class, &blocks);
    let holds = blocks.iter().map(|block| {
        // SAFETY: initialised, and used by no other thread.
        unsafe { block.add(1 << 19).read() == 7 }
    });
    let holds: Vec<bool> = holds.collect();
    assert_eq!(
        holds,
        [false, false, false, false, false, false, true, true]
    );
}

#[test]
fn a_session_that_goes_on_to_large_blocks_leaves_nothing_behind() {
    for great in [class_for(20_000), class_for(40_000)] {
        let slab = Slab::new();
        let mut arena = slab.take_arena();
        let class = class_for(64);
        let blocks = allocate(&slab, &mut arena, class, 1000);
        free(&slab, &mut arena, class, &blocks);
        let _ = allocate(&slab, &mut arena, great, 500);
        assert_eq!(arena.caches[class].look(), (0, 0));
        assert_eq!(pages(&slab)[0], 0);
    }
}

/// Blocks go from thread to thread and pages from class to class, and no block is anybody else's meanwhile.
#[test]
fn threads_share_pages_and_no_block() {
    let slab = Slab::new();
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(usize, usize, u64)>(1000);
    let receiver = std::sync::Mutex::new(receiver);
    let check = |block: NonNull<u8>, class: usize, mark: u64| {
        for at in (0..class_bytes(class)).step_by(8) {
            // SAFETY: the block is this thread's, and that long.
            assert_eq!(unsafe { block.add(at).cast::<u64>().read() }, mark);
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..2_u64 {
            let (slab, sender) = (&slab, sender.clone());
            scope.spawn(move || {
                let mut arena = slab.take_arena();
                for turn in 0..30_000_u64 {
                    let bytes = 16 + (turn / 100 * 97 % 9000) as usize;
                    let (class, mark) = (class_for(bytes), thread << 32 | turn);
                    let block = arena.allocate(slab, class);
                    for at in (0..class_bytes(class)).step_by(8) {
                        // SAFETY: the block is this thread's, and that long.
                        unsafe { block.add(at).cast::<u64>().write(mark) };
                    }
                    let address = block.as_ptr().expose_provenance();
                    sender.send((address, class, mark)).unwrap();
                }
                slab.leave_arena(arena);
            });
            let (slab, receiver, check) = (slab, &receiver, &check);
            scope.spawn(move || {
                let mut arena = slab.take_arena();
                loop {
                    let next = receiver.lock().unwrap().recv();
                    let Ok((address, class, mark)) = next else {
                        break;
                    };
                    let block = NonNull::new(std::ptr::with_exposed_provenance_mut(address));
                    let block = block.unwrap();
                    check(block, class, mark);
                    free(slab, &mut arena, class, &[block]);
                }
                slab.leave_arena(arena);
            });
        }
        drop(sender);
    });
    assert_eq!(slab.used(), (0, 0));
    // Those that were left, each once.
    let mut taken = [slab.take_arena(), slab.take_arena()];
    for arena in &mut taken {
        put_away(&slab, arena);
    }
    let figures = pages(&slab);
    assert!(
        figures[0] < 250 && slab.large.figures()[0] < 2 << 20,
        "{figures:?}"
    );
}
