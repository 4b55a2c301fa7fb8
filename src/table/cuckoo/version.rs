//! Version counters: how a reader learns that an entry moved while it was looking.
//!
//! The protocol is that of a sequence lock (Lameter 2005; its fences as in Boehm, "Can seqlocks get
//! along with programming language memory models?", MSPC 2012), except that writers exclude each other
//! by other means.

use crossbeam_utils::Backoff;

#[cfg(not(all(test, loom)))]
use crate::table::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(all(test, loom))]
use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// Counts changes: odd while one is going on.
pub(super) struct Version(AtomicU64);

impl Default for Version {
    fn default() -> Version {
        Version(AtomicU64::new(0))
    }
}

impl Version {
    /// Makes a change, atomic to a reader that validates. One at a time: the caller excludes others.
    pub(super) fn change(&self, change: impl FnOnce()) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before + 1, Ordering::Relaxed);
        // A thread that sees a part of the change sees, after a fence of its own, an odd version or a later
        // one.
        fence(Ordering::Release);
        change();
        self.0.store(before + 2, Ordering::Release);
    }

    /// The version, at a moment when no change is going on.
    pub(super) fn read(&self) -> u64 {
        let backoff = Backoff::new();
        loop {
            let version = self.0.load(Ordering::Acquire);
            if version.is_multiple_of(2) {
                return version;
            }
            // The writer may have lost its processor: after a few rounds this gives way to it.
            backoff.snooze();
            #[cfg(all(test, shuttle))]
            crate::table::sync::give_way();
            #[cfg(all(test, loom))]
            loom::thread::yield_now();
        }
    }

    /// Whether no change has begun since the version was read: what was read in between belongs
    /// together.
    pub(super) fn is_still(&self, version: u64) -> bool {
        fence(Ordering::Acquire);
        self.0.load(Ordering::Relaxed) == version
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_noticed() {
        let version = Version::default();
        let before = version.read();
        assert!(version.is_still(before));
        version.change(|| assert!(!version.is_still(before)));
        assert!(!version.is_still(before));
        assert_eq!(version.read(), before + 2);
    }
}

#[cfg(all(test, loom))]
mod models {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::*;

    /// Two places, one of which always holds an entry, and the version of its moves.
    #[derive(Default)]
    struct Pair {
        version: Version,
        first: AtomicBool,
        second: AtomicBool,
    }

    impl Pair {
        fn move_over(&self, from: &AtomicBool, to: &AtomicBool) {
            self.version.change(|| {
                to.store(true, Ordering::Release);
                from.store(false, Ordering::Release);
            });
        }

        fn holds(&self) -> bool {
            self.first.load(Ordering::Acquire) || self.second.load(Ordering::Acquire)
        }
    }

    /// A reader that looks first where the entry goes and then where it came from would miss it.
    #[test]
    fn loom_a_moving_entry_is_never_missed() {
        loom::model(|| {
            let pair = Arc::new(Pair::default());
            pair.second.store(true, Ordering::Release);
            let mover = {
                let pair = Arc::clone(&pair);
                thread::spawn(move || {
                    pair.move_over(&pair.second, &pair.first);
                    pair.move_over(&pair.first, &pair.second);
                })
            };
            let readers: Vec<_> = (0..1)
                .map(|_| {
                    let pair = Arc::clone(&pair);
                    thread::spawn(move || {
                        // As a lookup does it: a hit needs no version, a miss does.
                        while !pair.holds() {
                            let version = pair.version.read();
                            if pair.holds() {
                                return;
                            }
                            assert!(!pair.version.is_still(version), "a miss");
                        }
                    })
                })
                .collect();
            mover.join().unwrap();
            for reader in readers {
                reader.join().unwrap();
            }
        });
    }

    /// The model can fail: without validation the entry is missed in some interleaving.
    #[test]
    #[should_panic(expected = "a miss")]
    fn loom_without_the_version_it_would_be() {
        loom::model(|| {
            let pair = Arc::new(Pair::default());
            pair.second.store(true, Ordering::Release);
            let mover = {
                let pair = Arc::clone(&pair);
                thread::spawn(move || pair.move_over(&pair.second, &pair.first))
            };
            assert!(pair.holds(), "a miss");
            mover.join().unwrap();
        });
    }
}
