//! A lock of one bit: the lowest of a pointer that is never odd.
//!
//! ```text
//!   63                                   1   0
//!   ┌──────────────────────────────────────┬───┐
//!   │ pointer to something aligned to 2    │bit│   bit = 1: some thread has the lock
//!   └──────────────────────────────────────┴───┘
//! ```
//!
//! Taking the lock reads the pointer, and giving it back writes it, so that a lock costs no memory and
//! no access beside those to the pointer that it protects. No thread sleeps: one that does not get the lock
//! spins, twice as long each time, and after a few times offers the core to others at every attempt,
//! as the holder may be waiting for one. No order of arrival is kept.
//!
//! **Source:** the bit spinlock of Linux (`bit_spinlock.h`, and `list_bl.h`, which has it in the head
//! pointer of a hash chain).

use crate::table::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::null_mut;

/// Attempts that spin before the core is offered to other threads: 1 + 2 + … + 64 pauses, a few
/// microseconds, about what a system call and a thread switch cost.
const SPINNING_ATTEMPTS: u32 = 7;

const LOCKED: usize = 1;

/// What the lock needs of an atomic pointer, so that a model checker's can stand in for it.
pub(super) trait Word {
    /// Like the atomic's.
    fn load(&self, order: Ordering) -> *mut ();
    /// Like the atomic's.
    fn store(&self, pointer: *mut (), order: Ordering);
    /// A weak exchange that acquires if it succeeds.
    fn exchange(&self, from: *mut (), to: *mut ()) -> Result<*mut (), *mut ()>;
    /// Lets time pass after the attempt of this number has failed.
    fn pause(attempt: u32);
}

impl Word for AtomicPtr<()> {
    #[inline]
    fn load(&self, order: Ordering) -> *mut () {
        self.load(order)
    }

    #[inline]
    fn store(&self, pointer: *mut (), order: Ordering) {
        self.store(pointer, order);
    }

    #[inline]
    fn exchange(&self, from: *mut (), to: *mut ()) -> Result<*mut (), *mut ()> {
        self.compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed)
    }

    fn pause(attempt: u32) {
        #[cfg(all(test, shuttle))]
        crate::table::sync::give_way();
        if attempt < SPINNING_ATTEMPTS {
            for _ in 0..1 << attempt {
                std::hint::spin_loop();
            }
        } else {
            std::thread::yield_now();
        }
    }
}

/// A pointer under a lock of its own.
#[repr(transparent)]
pub(super) struct Head<W = AtomicPtr<()>> {
    word: W,
}

impl<W: Word> Head<W> {
    #[cfg(all(test, loom))]
    fn new(word: W) -> Head<W> {
        Head { word }
    }

    /// Takes the lock; returns the pointer. All that earlier holders did was done
    /// by then.
    #[inline]
    pub(super) fn lock(&self) -> *mut () {
        self.try_lock().unwrap_or_else(|| self.lock_after_waiting())
    }

    #[inline]
    fn try_lock(&self) -> Option<*mut ()> {
        let pointer = self.word.load(Ordering::Relaxed);
        if is_locked(pointer) {
            return None;
        }
        self.word.exchange(pointer, locked(pointer)).ok()
    }

    #[cold]
    fn lock_after_waiting(&self) -> *mut () {
        let mut attempt = 0;
        loop {
            W::pause(attempt);
            if let Some(pointer) = self.try_lock() {
                return pointer;
            }
            attempt = (attempt + 1).min(SPINNING_ATTEMPTS);
        }
    }

    /// Gives the lock back and leaves `pointer`. Only for its holder.
    #[inline]
    pub(super) fn unlock(&self, pointer: *mut ()) {
        debug_assert!(!is_locked(pointer), "the pointer has no room for the bit");
        debug_assert!(
            is_locked(self.word.load(Ordering::Relaxed)),
            "unlocked and not locked"
        );
        self.word.store(pointer, Ordering::Release);
    }

    /// The pointer, whether the lock is free or not: out of date as soon as it is read, and not to be followed.
    #[inline]
    pub(super) fn hint(&self) -> *const () {
        self.word
            .load(Ordering::Relaxed)
            .map_addr(|address| address & !LOCKED)
    }
}

impl Default for Head {
    fn default() -> Head {
        Head {
            word: AtomicPtr::new(null_mut()),
        }
    }
}

#[inline]
fn is_locked(pointer: *mut ()) -> bool {
    pointer.addr() & LOCKED != 0
}

#[inline]
fn locked(pointer: *mut ()) -> *mut () {
    pointer.map_addr(|address| address | LOCKED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ptr::without_provenance_mut;

    #[test]
    fn the_pointer_comes_and_goes_with_the_lock() {
        let head = Head::default();
        assert_eq!(head.lock(), null_mut());
        assert!(is_locked(head.word.load(Ordering::Relaxed)));
        head.unlock(without_provenance_mut(64));
        assert_eq!(head.lock().addr(), 64);
        assert_eq!(head.hint().addr(), 64, "the bit is no part of the pointer");
        head.unlock(null_mut());
        assert!(head.hint().is_null());
    }

    #[test]
    fn one_thread_at_a_time_has_it() {
        // The pointer itself counts: a lock that lets two in loses a step.
        let head = Head::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        let pointer = head.lock();
                        head.unlock(pointer.wrapping_byte_add(2));
                    }
                });
            }
        });
        assert_eq!(head.lock().addr(), 80_000);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;

    impl Word for loom::sync::atomic::AtomicPtr<()> {
        fn load(&self, order: Ordering) -> *mut () {
            self.load(order)
        }

        fn store(&self, pointer: *mut (), order: Ordering) {
            self.store(pointer, order);
        }

        fn exchange(&self, from: *mut (), to: *mut ()) -> Result<*mut (), *mut ()> {
            self.compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed)
        }

        fn pause(_attempt: u32) {
            loom::thread::yield_now();
        }
    }

    type LoomHead = Head<loom::sync::atomic::AtomicPtr<()>>;

    /// What the lock protects is plain memory: the model checker objects to any access that is not
    /// ordered after the last one under the lock. Each thread locks as `lock` does, and adds one if it
    /// got in; the pointer and the plain count agree with how many did.
    fn count_with(threads: usize, lock: fn(&LoomHead) -> Option<*mut ()>) {
        loom::model(move || {
            let head = LoomHead::new(loom::sync::atomic::AtomicPtr::new(null_mut()));
            let shared = Arc::new((head, UnsafeCell::new(0)));
            let add = move |shared: &(LoomHead, UnsafeCell<usize>)| {
                let Some(pointer) = lock(&shared.0) else {
                    return 0;
                };
                // SAFETY: under the lock.
                shared.1.with_mut(|count| unsafe { *count += 1 });
                shared.0.unlock(pointer.wrapping_byte_add(2));
                1
            };
            let others: Vec<_> = (1..threads)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    loom::thread::spawn(move || add(&shared))
                })
                .collect();
            let own = add(&shared);
            let in_all: usize = own + others.into_iter().map(|o| o.join().unwrap()).sum::<usize>();
            assert!(in_all > 0, "the first to come gets in");
            let pointer = shared.0.try_lock().expect("no thread has the lock");
            assert_eq!(pointer.addr(), 2 * in_all);
            // SAFETY: under the lock.
            shared.1.with(|count| assert_eq!(unsafe { *count }, in_all));
        });
    }

    #[test]
    fn loom_two_threads_exclude_each_other() {
        count_with(2, |head| Some(head.lock()));
    }

    /// With one attempt each: two that wait for the third may take turns for ever in a model.
    #[test]
    fn loom_three_threads_exclude_each_other() {
        count_with(3, LoomHead::try_lock);
    }

    /// The protocol of a split, as `spinbit` has it: a thread that reads the count, locks the bucket that it
    /// says, and finds the count unchanged for its hash, is at the bucket that has the item.
    #[test]
    fn loom_a_split_is_seen_by_who_locks_either_half() {
        loom::model(|| {
            let heads =
                [(); 2].map(|()| LoomHead::new(loom::sync::atomic::AtomicPtr::new(null_mut())));
            // Whether the item is in bucket 0 and in bucket 1; it has the hash 1.
            let cells = [UnsafeCell::new(true), UnsafeCell::new(false)];
            let table = Arc::new((heads, cells, loom::sync::atomic::AtomicUsize::new(1)));
            let splitter = {
                let table = Arc::clone(&table);
                loom::thread::spawn(move || {
                    let (heads, cells, count) = &*table;
                    let (from, to) = (heads[0].lock(), heads[1].lock());
                    // SAFETY: under the locks.
                    cells[0].with_mut(|here| unsafe { *here = false });
                    // SAFETY: under the locks.
                    cells[1].with_mut(|here| unsafe { *here = true });
                    heads[1].unlock(to);
                    count.store(2, Ordering::Release);
                    heads[0].unlock(from);
                })
            };
            let (heads, cells, count) = &*table;
            loop {
                // The bucket of hash 1 among `count`.
                let bucket = count.load(Ordering::Acquire) - 1;
                let pointer = heads[bucket].lock();
                let right = count.load(Ordering::Relaxed) - 1 == bucket;
                if right {
                    // SAFETY: under the lock.
                    cells[bucket].with(|here| assert!(unsafe { *here }));
                }
                heads[bucket].unlock(pointer);
                if right {
                    break;
                }
            }
            splitter.join().unwrap();
        });
    }
}
