//! Which thread grows a table: a count of items that all report to, a limit, and a claim that one takes.
//!
//! What must not happen is that the table stays full because each left it to another: a thread that
//! reports the last item finds the claim taken, and its holder gives it up without having counted that
//! item. So a thread that gives a claim up looks at the reports once more, and sees that one: the claim is
//! taken and given up by exchanges alone, which are in one order. An attempt to take it that found it
//! taken came before the exchange that gave it up, which therefore acquires what the attempt released:
//! the report made before.

#[cfg(not(all(test, loom)))]
use crate::table::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use crossbeam_utils::CachePadded;
#[cfg(all(test, loom))]
use loom::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::buckets;

/// The most items before a table of so many buckets grows beyond `load` items a bucket: signed, as counters may
/// be below zero for a moment.
pub(super) fn limit(buckets: usize, load: f64) -> i64 {
    i64::try_from(buckets::items_allowed(buckets, load)).unwrap_or(i64::MAX)
}

/// What decides whether a table is to grow.
pub(super) struct Claim {
    /// Items as far as they have been reported.
    reported: CachePadded<AtomicI64>,
    /// More items than this, and the table grows.
    limit: AtomicI64,
    /// Set by the thread that finds the table full, cleared when the growth it brought about has ended.
    taken: AtomicBool,
}

impl Claim {
    pub(super) fn new(limit: i64) -> Claim {
        Claim {
            reported: CachePadded::new(AtomicI64::new(0)),
            limit: AtomicI64::new(limit),
            taken: AtomicBool::new(false),
        }
    }

    /// Adds to the items reported.
    #[inline]
    pub(super) fn report(&self, change: i64) {
        // Relaxed: the claim orders it for a thread that looks again, and one that counts has the locks of
        // all that report.
        self.reported.fetch_add(change, Ordering::Relaxed);
    }

    /// Items reported.
    pub(super) fn reported(&self) -> i64 {
        self.reported.load(Ordering::Relaxed)
    }

    /// Replaces what was reported by what was counted, under all stripes' locks; whether that is more
    /// than the limit.
    pub(super) fn recount(&self, items: u64) -> bool {
        let counted = i64::try_from(items).expect("items fit the address space");
        self.reported.store(counted, Ordering::Relaxed);
        counted > self.limit.load(Ordering::Relaxed)
    }

    /// The limit, or an old one.
    pub(super) fn limit(&self) -> i64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the limit, for the holder of the claim. Where others report and recount under locks, the
    /// holder has all of them.
    pub(super) fn set_limit(&self, limit: i64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Whether more is reported than the table should hold.
    pub(super) fn is_full(&self) -> bool {
        // Relaxed: a thread that reports sees its own report, and one that has grown the table has
        // acquired those of all that were turned away. An old limit makes it look full when it is not, which the
        // holder of the claim finds out.
        self.reported.load(Ordering::Relaxed) > self.limit.load(Ordering::Relaxed)
    }

    /// Whether the table looks full and the caller is the one to see to it.
    #[must_use]
    pub(super) fn take(&self) -> bool {
        self.is_full() && !self.taken.swap(true, Ordering::AcqRel)
    }

    /// For the holder of the claim: calls `grow`, which says whether there was room to grow, for as
    /// long as the table is full, and gives up the claim; even if `grow` panics.
    #[cold]
    pub(super) fn hold(&self, mut grow: impl FnMut() -> bool) {
        struct Held<'c>(&'c Claim);
        impl Drop for Held<'_> {
            fn drop(&mut self) {
                self.0.give_up();
            }
        }
        loop {
            let held = Held(self);
            let had_room = grow();
            drop(held);
            if !had_room || !self.take() {
                return;
            }
        }
    }

    /// Whether no thread has the claim.
    pub(super) fn is_free(&self) -> bool {
        !self.taken.load(Ordering::Acquire)
    }

    /// Gives up the claim although the table is full, as nothing can be done about it now: the next
    /// report is the next attempt.
    pub(super) fn give_up(&self) {
        self.taken.swap(false, Ordering::AcqRel);
    }

    /// Gives up the claim, and takes it again if the table is full: whether it was. For a thread that
    /// has grown the table, or has found that it was not full.
    pub(super) fn give_up_and_look_again(&self) -> bool {
        self.give_up();
        self.take()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_takes_it_while_the_table_is_full() {
        let claim = Claim::new(2);
        claim.report(2);
        assert!(!claim.take() && claim.is_free());
        claim.report(1);
        assert!(claim.take() && !claim.take() && !claim.is_free());
        assert!(claim.give_up_and_look_again(), "it is still full");
        claim.set_limit(4);
        assert!(!claim.give_up_and_look_again() && claim.is_free());
        assert!(claim.recount(5) && !claim.recount(3));
        assert_eq!((claim.reported(), claim.limit()), (3, 4));
    }

    #[test]
    fn the_holder_grows_until_it_is_enough_or_there_is_no_room() {
        let claim = Claim::new(0);
        claim.report(3);
        let mut calls = 0;
        let mut grow = |room: bool| {
            assert!(claim.take());
            claim.hold(|| {
                calls += 1;
                claim.set_limit(claim.limit() + 1);
                room
            });
            assert!(claim.is_free());
        };
        grow(false);
        grow(true);
        assert_eq!((calls, claim.limit()), (3, 3));
    }

    #[test]
    fn a_growth_that_panics_leaves_the_claim_to_others() {
        let claim = Claim::new(0);
        claim.report(1);
        assert!(claim.take());
        let grow = || claim.hold(|| panic!("no memory, say"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(grow)).is_err());
        assert!(claim.is_free() && claim.take());
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    use super::*;

    /// A table of one stripe: its items under the lock, and the claim.
    struct Table {
        items: Mutex<u64>,
        claim: Claim,
    }

    impl Table {
        /// Adds an item and reports it, as a write does; then begins a move if that is on it.
        fn add(&self, release: fn(&Claim) -> bool) {
            let mut items = self.items.lock().unwrap();
            *items += 1;
            self.claim.report(1);
            drop(items);
            if self.claim.take() {
                self.begin(release);
            }
        }

        /// As `Growth::begin` does it, with a move that takes no time.
        fn begin(&self, release: fn(&Claim) -> bool) {
            loop {
                let items = self.items.lock().unwrap();
                if self.claim.recount(*items) {
                    self.claim.set_limit(100);
                }
                drop(items);
                if !release(&self.claim) {
                    return;
                }
            }
        }
    }

    /// Two add an item each to a table that has room for one, after a removal that was not reported:
    /// the first may take the claim, count, and find that there is room.
    fn two_add(release: fn(&Claim) -> bool) {
        loom::model(move || {
            let claim = Claim::new(1);
            claim.report(1);
            let table = Arc::new(Table {
                items: Mutex::new(0),
                claim,
            });
            let other = {
                let table = Arc::clone(&table);
                thread::spawn(move || table.add(release))
            };
            table.add(release);
            other.join().unwrap();
            assert!(table.claim.is_free());
            assert!(!table.claim.take(), "a growth was lost");
        });
    }

    #[test]
    fn loom_no_growth_is_lost() {
        two_add(Claim::give_up_and_look_again);
    }

    /// As tables without a lock for everything do it: two add an item each to a table that has room
    /// for `room`, reporting it alone.
    #[test]
    fn loom_no_growth_is_lost_by_who_holds_it() {
        for room in [0, 1] {
            loom::model(move || {
                let claim = Arc::new(Claim::new(room));
                let add = |claim: &Claim| {
                    claim.report(1);
                    if claim.take() {
                        claim.hold(|| {
                            claim.set_limit(claim.reported());
                            true
                        });
                    }
                };
                let other = {
                    let claim = Arc::clone(&claim);
                    thread::spawn(move || add(&claim))
                };
                add(&claim);
                other.join().unwrap();
                assert!(claim.is_free() && !claim.is_full(), "a growth was lost");
            });
        }
    }

    /// The model can fail: a thread that does not look again leaves a full table behind.
    #[test]
    #[should_panic(expected = "a growth was lost")]
    fn loom_without_the_second_look_it_would_be() {
        two_add(|claim| {
            claim.give_up();
            false
        });
    }
}
