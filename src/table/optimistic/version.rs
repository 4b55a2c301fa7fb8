//! The word that makes a bucket readable without a lock: a seqlock whose version, lock bit and
//! flags share one atomic.
//!
//! ```text
//!   63                                   3    2      1        0
//!   ┌────────────────────────────────────┬──────┬────────┬────────┐
//!   │ version: one more at each unlock   │ live │ spills │ locked │
//!   └────────────────────────────────────┴──────┴────────┴────────┘
//! ```
//!
//! A reader loads the word, reads what it covers through atomics, and asks whether the word is
//! unchanged. A writer locks, stores through atomics, and unlocks with a new version.
//!
//! **Why it is right** (Boehm, *Can Seqlocks Get Along with Programming Language Memory Models?*,
//! 2012): [`Version::lock`] ends in a release fence, so a reader that saw any later store of that
//! writer, and then executes the acquire fence of [`Version::unchanged_since`], also sees the
//! locked word, and knows that what it read may be torn. What is sequenced after a release fence
//! in another thread that got hold of the same memory (a block that was freed and reused) is
//! covered likewise, as long as the reuse happens after the lock: [`fence_before_reuse`].
//!
//! **Source:** Lameter, *Effective Synchronization on Linux/NUMA Systems*, 2005 (the kernel's
//! seqlock); a version and a lock bit in one word beside the data as in Mao, Kohler and Morris,
//! *Cache Craftiness for Fast Multicore Key-Value Storage* (Masstree), 2012.

#[cfg(not(all(test, loom)))]
use crate::table::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(all(test, loom))]
use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// Version, flags and lock of one bucket. All zeros is an unlocked word that is not live.
#[repr(transparent)]
pub(in crate::table) struct Version(AtomicU64);

/// A value that the word had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::table) struct State(u64);

const LOCKED: u64 = 1;
const SPILLS: u64 = 2;
const LIVE: u64 = 4;
const STEP: u64 = 8;

impl State {
    /// Whether a writer is at work.
    #[inline]
    pub(in crate::table) fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    /// Whether the bucket has been given its entries; before that they are in its parent.
    #[inline]
    pub(in crate::table) fn is_live(self) -> bool {
        self.0 & LIVE != 0
    }

    /// Whether a reader can begin here: the bucket has its entries, and no writer is at work.
    #[inline]
    pub(in crate::table) fn is_readable(self) -> bool {
        self.0 & (LIVE | LOCKED) == LIVE
    }

    /// Whether the last slot is a link to an overflow bucket.
    #[inline]
    pub(in crate::table) fn spills(self) -> bool {
        self.0 & SPILLS != 0
    }

    /// The same state with the flag of [`State::spills`] as given.
    pub(in crate::table) fn with_spills(self, spills: bool) -> State {
        State(if spills {
            self.0 | SPILLS
        } else {
            self.0 & !SPILLS
        })
    }
}

impl Version {
    /// The word now. What was stored before it was unlocked with this value is visible.
    #[inline]
    pub(in crate::table) fn load(&self) -> State {
        State(self.0.load(Ordering::Acquire))
    }

    /// Whether everything that was read since `seen` was loaded, an unlocked state, belongs
    /// together.
    #[inline]
    pub(in crate::table) fn unchanged_since(&self, seen: State) -> bool {
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == seen.0
    }

    /// Waits for the lock and takes it; the state it had.
    #[inline]
    pub(in crate::table) fn lock(&self) -> State {
        let wait = Wait::new();
        loop {
            let seen = self.0.load(Ordering::Relaxed);
            if seen & LOCKED == 0 && self.try_lock(State(seen)) {
                return State(seen);
            }
            wait.a_little();
        }
    }

    #[inline]
    fn try_lock(&self, seen: State) -> bool {
        let locked = seen.0 | LOCKED;
        let took =
            self.0
                .compare_exchange_weak(seen.0, locked, Ordering::Acquire, Ordering::Relaxed);
        // No store that follows may be seen by a reader that does not also see the lock.
        fence(Ordering::Release);
        took.is_ok()
    }

    /// Unlocks with a new version and the flags of `state`. Only for the lock's holder.
    #[inline]
    pub(in crate::table) fn unlock(&self, state: State) {
        self.0
            .store(state.0.wrapping_add(STEP) & !LOCKED, Ordering::Release);
    }

    /// Unlocks with the state that [`Version::lock`] returned: nothing was stored meanwhile, and no
    /// reader need look again. Only for the lock's holder.
    #[inline]
    pub(in crate::table) fn unlock_unchanged(&self, state: State) {
        self.0.store(state.0, Ordering::Release);
    }

    /// Makes a bucket live that was not. Only for the holder of its parent's lock, or for a thread that has
    /// the bucket to itself.
    pub(in crate::table) fn publish_live(&self, spills: bool) {
        self.0
            .store(State(STEP | LIVE).with_spills(spills).0, Ordering::Release);
    }
}

/// To be called between getting hold of memory that stale readers may still look at and storing
/// into it: a thread that reads those stores and then validates sees every lock that was taken before.
#[inline]
pub(in crate::table) fn fence_before_reuse() {
    fence(Ordering::Release);
}

/// Waiting for another thread's short critical section: spins first, then yields, as the holder may
/// have lost its processor.
pub(in crate::table) struct Wait {
    #[cfg(not(all(test, any(loom, shuttle))))]
    backoff: crossbeam_utils::Backoff,
}

impl Wait {
    pub(in crate::table) fn new() -> Wait {
        Wait {
            #[cfg(not(all(test, any(loom, shuttle))))]
            backoff: crossbeam_utils::Backoff::new(),
        }
    }

    pub(in crate::table) fn a_little(&self) {
        #[cfg(not(all(test, any(loom, shuttle))))]
        self.backoff.snooze();
        #[cfg(all(test, shuttle))]
        crate::table::sync::give_way();
        #[cfg(all(test, loom))]
        loom::thread::yield_now();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn flags_survive_and_versions_differ() {
        let word = Version(AtomicU64::new(0));
        assert!(!word.load().is_live());
        word.publish_live(false);
        let first = word.load();
        assert!(first.is_live() && !first.is_locked() && !first.spills());
        let held = word.lock();
        assert_eq!(held, first);
        assert!(word.load().is_locked() && !word.unchanged_since(first));
        word.unlock_unchanged(held);
        assert!(word.unchanged_since(first));
        let held = word.lock();
        word.unlock(held.with_spills(true));
        assert!(word.load().spills() && word.load().is_live() && !word.unchanged_since(first));
        let held = word.lock();
        word.unlock(held.with_spills(false));
        assert!(!word.load().spills() && !word.unchanged_since(first));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::atomic::AtomicUsize;
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    use super::*;

    fn live() -> Version {
        Version(AtomicU64::new(STEP | LIVE))
    }

    /// A read that validates is never torn.
    #[test]
    fn loom_validated_reads_belong_together() {
        loom::model(|| {
            let shared = Arc::new((live(), AtomicUsize::new(0), AtomicUsize::new(0)));
            let writer = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    let (version, a, b) = &*shared;
                    let held = version.lock();
                    a.store(1, Ordering::Relaxed);
                    b.store(1, Ordering::Relaxed);
                    version.unlock(held);
                })
            };
            let (version, a, b) = &*shared;
            let seen = version.load();
            if !seen.is_locked() {
                let read = (a.load(Ordering::Relaxed), b.load(Ordering::Relaxed));
                if version.unchanged_since(seen) {
                    assert_eq!(read.0, read.1);
                }
            }
            writer.join().unwrap();
        });
    }

    /// Two writers exclude each other, and a reader sees the work of neither or of whole ones.
    #[test]
    fn loom_writers_exclude_each_other() {
        loom::model(|| {
            let shared = Arc::new((live(), AtomicUsize::new(0)));
            let writers: Vec<_> = (0..2)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        let (version, count) = &*shared;
                        let held = version.lock();
                        let before = count.load(Ordering::Relaxed);
                        count.store(before + 1, Ordering::Relaxed);
                        version.unlock(held);
                    })
                })
                .collect();
            for writer in writers {
                writer.join().unwrap();
            }
            assert_eq!(shared.1.load(Ordering::Relaxed), 2);
            assert_eq!(shared.0.load(), State((STEP | LIVE) + 2 * STEP));
        });
    }

    /// A block that is freed by one thread and refilled by another, under a lock that the reader
    /// does not know, is never taken for the entry it was.
    #[test]
    fn loom_a_reused_block_does_not_validate() {
        loom::model(|| {
            let bucket = Arc::new((live(), AtomicUsize::new(1)));
            let block = Arc::new(AtomicUsize::new(10));
            let free = Arc::new(Mutex::new(false));
            let remover = {
                let (bucket, free) = (Arc::clone(&bucket), Arc::clone(&free));
                thread::spawn(move || {
                    let held = bucket.0.lock();
                    bucket.1.store(0, Ordering::Release);
                    bucket.0.unlock(held);
                    *free.lock().unwrap() = true;
                })
            };
            let reuser = {
                let (block, free) = (Arc::clone(&block), Arc::clone(&free));
                thread::spawn(move || {
                    if *free.lock().unwrap() {
                        fence_before_reuse();
                        block.store(20, Ordering::Relaxed);
                    }
                })
            };
            let seen = bucket.0.load();
            if !seen.is_locked() && bucket.1.load(Ordering::Acquire) == 1 {
                let read = block.load(Ordering::Relaxed);
                if bucket.0.unchanged_since(seen) {
                    assert_eq!(read, 10);
                }
            }
            remover.join().unwrap();
            reuser.join().unwrap();
        });
    }

    /// A bucket that doubling gives a child: the versions of both, and where the entry is.
    struct Doubling {
        mask: AtomicUsize,
        versions: [Version; 2],
        slots: [AtomicUsize; 2],
    }

    /// The entry's hash: in bucket 0 of one, in bucket 1 of two.
    const HASH: usize = 1;

    impl Doubling {
        /// As `Directory::double` and `Optimistic::split` do it.
        fn double_and_split(&self) {
            self.mask.store(1, Ordering::Release);
            let held = self.versions[0].lock();
            self.slots[0].store(0, Ordering::Release);
            self.slots[1].store(1, Ordering::Release);
            self.versions[1].publish_live(false);
            self.versions[0].unlock(held);
        }

        /// As `Optimistic::find_anywhere` does it, of which `find` is the case of a live bucket; `again` says whether it looks again at the mask before a miss,
        /// and at the child after the parent's version was loaded.
        fn finds(&self, again: [bool; 2]) -> bool {
            let [at_mask, at_child] = again;
            loop {
                let mask = self.mask.load(Ordering::Acquire);
                let mut bucket = HASH & mask;
                let mut state = self.versions[bucket].load();
                let mut moved = false;
                if !state.is_live() {
                    let child = bucket;
                    bucket = HASH & (mask >> 1);
                    state = self.versions[bucket].load();
                    moved = at_child && self.versions[child].load().is_live();
                }
                if !moved && !state.is_locked() {
                    let found = self.slots[bucket].load(Ordering::Acquire) == 1;
                    let still = self.versions[bucket].unchanged_since(state);
                    if still && found {
                        return true;
                    }
                    if still && (!at_mask || self.mask.load(Ordering::Acquire) == mask) {
                        return false;
                    }
                }
                thread::yield_now();
            }
        }
    }

    fn a_reader_beside_a_doubling(again: [bool; 2]) {
        loom::model(move || {
            let table = Arc::new(Doubling {
                mask: AtomicUsize::new(0),
                versions: [live(), Version(AtomicU64::new(0))],
                slots: [AtomicUsize::new(1), AtomicUsize::new(0)],
            });
            let writer = {
                let table = Arc::clone(&table);
                thread::spawn(move || table.double_and_split())
            };
            assert!(table.finds(again), "a miss");
            writer.join().unwrap();
        });
    }

    /// An entry that goes from a bucket to its child is never missed.
    #[test]
    fn loom_a_split_is_not_missed() {
        a_reader_beside_a_doubling([true; 2]);
    }

    /// The model can fail: the array has doubled and the bucket was split before its version was loaded.
    #[test]
    #[should_panic(expected = "a miss")]
    fn loom_without_a_second_look_at_the_mask_it_would_be() {
        a_reader_beside_a_doubling([false, true]);
    }

    /// The model can fail: the child has got the entry before the parent's version was loaded.
    #[test]
    #[should_panic(expected = "a miss")]
    fn loom_without_a_second_look_at_the_child_it_would_be() {
        a_reader_beside_a_doubling([true, false]);
    }
}
