//! `striped-rw`: the chained buckets of `striped` under many reader–writer locks.
//!
//! Low bits of the hash pick the bucket, fewer of them the stripe, so that a stripe covers every
//! bucket whose number ends in its own, and goes on doing so when the array doubles. A lookup takes its
//! stripe's lock shared, a write exclusively:
//!
//! ```text
//!   stripes = 4                    buckets = 8
//!   ┌──────────────────┐           ┌───┐
//!   │ 0  2 readers     ├─────┬────▶│ 0 ├──▶ [k v] ──▶ [k v]     get, get: together
//!   │ 1  writer        ├───┐ │     │ 1 ├──▶ [k v]               set: alone among 1 and 5
//!   │ 2  free          │   │ │     │ … │
//!   │ 3  free          │   │ └────▶│ 4 ├──▶ [k v]
//!   └──────────────────┘   └──────▶│ 5 │
//!                                  └───┘
//! ```
//!
//! With many stripes readers seldom meet at all, and a mutex would do; with few, or where one key is
//! asked for most of the time, they do meet, and share. What they share is also the lock's
//! cache line, which each writes twice, so that readers of one hot key still slow each other. Shared
//! locking costs an instruction or two more than exclusive locking. `stripes=` (1 to 2^16) shows where
//! the one overtakes the other.
//!
//! All else is `striped`, in whose file (`striped.rs`) the code of both is: the array doubles
//! stop-the-world when items exceed `load` × buckets; `grow=off` keeps it. Each stripe counts its own
//! items and reports every few of them to a shared counter; the thread whose report shows the array to be
//! full takes all locks, counts exactly, and grows the array if it really is full.
//!
//! There are never more stripes than buckets at the start. `capacity=` opens with enough buckets for
//! that many items at `load`; with `grow=off` it has no effect.
//!
//! **Locking:**
//! - A stripe's lock protects the chains of its buckets and its own counts: shared to read them, while
//!   `read` looks at a value; exclusive to change them, while `edit` runs. An operation holds one; a
//!   lookup of several keys holds those of a group of them, each once, taken in index order.
//! - The array may be read under any stripe's lock and is replaced only while all are held exclusively,
//!   taken in index order by a thread that holds none.
//! - One thread grows at a time, the one that takes the claim. The claim is no lock: what is decided
//!   under all locks rests on them alone.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under its stripe's lock
//! held exclusively, the old array at the end of a resize, under all; as no thread reads without a lock,
//! nothing needs to be deferred. If the larger array cannot be allocated, the table goes on with the
//! one it has and tries again at a later report.
//!
//! **Source:** lock striping as in memcached's `thread.c`; reader–writer locks as in M. Herlihy and
//! N. Shavit, *The Art of Multiprocessor Programming*, which has both in its chapters on hashing and on
//! monitors; `parking_lot::RwLock` is the one used.

use super::guarantees::Holds;
use super::lock::Sharing;
use super::striped::{Listed, StripedChains};

/// An array of chains under striped reader–writer locks.
pub type StripedRw = StripedChains<Sharing>;

impl Listed for Sharing {
    const NAME: &'static str = "striped-rw";
    const ABOUT: &'static str =
        "striped chains under reader-writer locks, shared by lookups; grows or stays fixed";
    const SOURCE: &'static str =
        "memcached's thread.c; Herlihy and Shavit, The Art of Multiprocessor Programming";
    const MOST_STRIPES: u64 = 1 << 16;
    const READ: Holds = Holds::Shared("stripe");
    const SAMPLES: &'static [&'static str] = &[
        "striped-rw",
        "striped-rw:buckets=1",
        "striped-rw:buckets=4,load=0.5",
        "striped-rw:buckets=16,stripes=1",
        "striped-rw:buckets=64,stripes=4,grow=off",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Worker;
    use crate::table::testing::{fill, key, open};
    use crate::table::{Session, Strategy};

    #[test]
    fn it_grows_as_striped_does() {
        let mut table: StripedRw = open("striped-rw:buckets=4,stripes=4");
        for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16)] {
            fill(&table, table.usage().items..items);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets));
            assert_eq!(census.bytes.total(), table.usage().bytes);
        }
    }

    #[test]
    fn readers_of_one_stripe_are_in_together() {
        let table: StripedRw = open("striped-rw:stripes=1");
        fill(&table, 0..2);
        let both_in = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for name in ["0", "1"] {
                let (table, both_in) = (&table, &both_in);
                // Under a lock that excludes, neither would come past the barrier.
                scope.spawn(move || {
                    let mut session = table.session(Worker::ALONE);
                    session.get(key(name), |_| both_in.wait()).unwrap();
                });
            }
        });
    }
}
