//! `rwlock`: the chained table of `resizable` under a reader–writer lock, so that readers share.
//!
//! Array, chains and growth are those of `resizable`: low bits of the hash pick a bucket, each bucket
//! is a linked list, and when items exceed `load` × buckets the array doubles at once while all
//! threads wait (`resizable.rs` has the code of both). What differs is which operations wait for each other:
//!
//! ```text
//!                  ┌──────────────────────────────┐
//!   get ──shared──▶│ 3 readers in, no writer      │──▶ buckets ──▶ chains
//!   get ──shared──▶│                              │
//!   get ──shared──▶│   one word of memory, which  │
//!   set ──waits ───│   every reader writes twice  │
//!                  └──────────────────────────────┘
//! ```
//!
//! Good at: lookups that take long (long chains, large values read under the lock), which run beside
//! each other here and one after another under a mutex. Bad at: short lookups. Readers share the lock but
//! also the cache line that counts them, and each writes it twice; with two cores the line's travels can
//! cost more than the waiting that they save. A writer waits for all readers, and readers for it.
//!
//! `capacity=` opens with enough buckets for that many items at `load`.
//!
//! **Locking:** one reader–writer lock around all of it: shared for a lookup, while `read` looks at the
//! value; exclusive for everything else, while `edit` runs, and for the whole of a resize. A lookup of
//! several keys takes it once for each group of them, and walks their chains in step. A waiting writer
//! keeps new readers out, so that it is not starved.
//!
//! **Memory:** as in `resizable`: an entry is freed by the operation that removes or outgrows it and
//! the old array at the end of a resize, both under the exclusive lock, when no reader is in. If the
//! larger array cannot be allocated, the table goes on with the one it has, and tries again when it
//! next adds an entry.
//!
//! **Source:** P. J. Courtois, F. Heymans and D. L. Parnas, "Concurrent control with 'readers' and
//! 'writers'", CACM 14(10), 1971, for the lock; `parking_lot::RwLock` is the one used.

use super::guarantees::Holds;
use super::lock::Sharing;
use super::resizable::{Doubling, Listed};

/// An array of chains under one reader–writer lock that doubles stop-the-world.
pub type RwLocked = Doubling<Sharing>;

impl Listed for Sharing {
    const NAME: &'static str = "rwlock";
    const ABOUT: &'static str =
        "chains under one reader-writer lock: lookups share it; doubles its array stop-the-world";
    const SOURCE: &'static str =
        "Courtois, Heymans and Parnas, CACM 14(10), 1971; parking_lot's lock";
    const READ: Holds = Holds::Shared("table");
    const SAMPLES: &'static [&'static str] = &[
        "rwlock",
        "rwlock:buckets=1",
        "rwlock:buckets=4,load=0.5,capacity=100",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Worker;
    use crate::table::testing::{env, fill, key, open, open_in};
    use crate::table::{Session, Strategy};

    #[test]
    fn the_array_doubles_when_items_exceed_the_load() {
        let env = env("sip13");
        let mut table: RwLocked = open_in("rwlock:buckets=4,load=1.5", &env);
        for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16), (1000, 1024)] {
            fill(&table, table.usage().items..items);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets));
            assert_eq!(census.bytes.total(), table.usage().bytes);
        }
        let (events, _) = env.journal.drain();
        assert_eq!(events.len(), 2 * 8);
        let mut table: RwLocked = open("rwlock:capacity=100000");
        assert_eq!(table.census().buckets, 1 << 17);
    }

    #[test]
    fn readers_are_in_together() {
        let table: RwLocked = open("rwlock");
        fill(&table, 0..2);
        let both_in = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for name in ["0", "1"] {
                let (table, both_in) = (&table, &both_in);
                // Under a lock that excludes, neither would come past the barrier.
                scope.spawn(move || {
                    let mut session = table.session(Worker::ALONE);
                    session.get(key(name), |_| both_in.wait()).unwrap();
                    let mut found = 0;
                    session.get_many(&[key("0"), key("1")], |_, value| {
                        if found == 0 {
                            both_in.wait();
                        }
                        found += usize::from(value.is_some());
                    });
                    assert_eq!(found, 2);
                });
            }
        });
    }
}
