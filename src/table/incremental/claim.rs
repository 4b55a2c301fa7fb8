//! Who begins a move: a count of items that all report to, a limit, and a claim that one takes.
//!
//! What must not happen is that the table stays full because each left it to another: a thread that
//! reports the last item finds the claim taken, and its holder gives it up without having counted that
//! item. So whoever gives a claim up looks at the reports once more, and sees that one: the claim is
//! taken and given up by exchanges alone, which are in one order. An attempt to take it that found it
//! taken came before the exchange that gave it up, which therefore acquires what the attempt released:
//! the report made before.

use crossbeam_utils::CachePadded;
#[cfg(all(test, loom))]
use loom::sync::atomic::{AtomicBool, AtomicI64, Ordering};
#[cfg(not(all(test, loom)))]
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// What decides whether a move is to begin.
pub(super) struct Claim {
    /// Items as far as the stripes have reported them.
    reported: CachePadded<AtomicI64>,
    /// More items than this, and the table grows.
    limit: AtomicI64,
    /// Set by the thread that finds the table full, cleared when the move it brought about has ended.
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

    /// Adds to the items reported. The caller holds the lock of the stripe that they are of.
    #[inline]
    pub(super) fn report(&self, change: i64) {
        // Relaxed: who counts holds the same lock, and for who looks again the claim orders it.
        self.reported.fetch_add(change, Ordering::Relaxed);
    }

    /// Items reported.
    pub(super) fn reported(&self) -> i64 {
        self.reported.load(Ordering::Relaxed)
    }

    /// Replaces what was reported by what was counted, under all stripes' locks; whether that is more
    /// than the limit.
    pub(super) fn recount(&self, counted: i64) -> bool {
        self.reported.store(counted, Ordering::Relaxed);
        counted > self.limit.load(Ordering::Relaxed)
    }

    /// Sets the limit, for the holder of the claim under all stripes' locks.
    pub(super) fn set_limit(&self, limit: i64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Whether the table looks full and the caller is the one to see to it.
    pub(super) fn take(&self) -> bool {
        // Relaxed: who sees an old limit counts before anything else happens.
        self.reported.load(Ordering::Relaxed) > self.limit.load(Ordering::Relaxed)
            && !self.taken.swap(true, Ordering::AcqRel)
    }

    /// Whether nobody has the claim.
    pub(super) fn is_free(&self) -> bool {
        !self.taken.load(Ordering::Acquire)
    }

    /// Gives up the claim although the table is full, as nothing can be done about it now: the next
    /// report is the next attempt.
    pub(super) fn give_up(&self) {
        self.taken.swap(false, Ordering::AcqRel);
    }

    /// Gives up the claim, and takes it again if the table is full: whether it was. For who has grown
    /// the table, or has found that it was not full.
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
        assert_eq!(claim.reported(), 3);
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    use super::*;

    /// A table of one stripe: its items under the lock, and the claim.
    struct Table {
        items: Mutex<i64>,
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

    /// Two add an item each to a table that has room for one, after a removal that nobody has reported:
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

    /// The model can fail: who does not look again leaves a full table behind.
    #[test]
    #[should_panic(expected = "a growth was lost")]
    fn loom_without_the_second_look_it_would_be() {
        two_add(|claim| {
            claim.give_up();
            false
        });
    }
}
