//! `split-ordered`: one sorted list without locks, and an array of ways into it.
//!
//! All entries are in one linked list, sorted by their hashes *with the bits reversed*, so that the low
//! bits, which pick a bucket, count most: what belongs to a bucket stands together, and where the buckets
//! double each one's stretch falls into two, without an entry being moved. A bucket is a sentinel in
//! the list, at the start of its stretch. The sentinels are the bucket array: a word each.
//!
//! ```text
//!   sentinels     0                      2                 1                3: not in the list yet,
//!   (an array)  ┌─●─┐                  ┌─●─┐             ┌─●─┐                 1 will do
//!               └─┼─┘                  └▲┼─┘             └▲┼─┘
//!                 └─▶ 8 ──▶ 4 ──▶ 12 ───┘└─▶ 10 ──▶ 6 ────┘└─▶ 9 ──▶ 7 ──▶ end
//!   reversed        0001  0010   0011       0101   0110       1001  1110
//! ```
//!
//! **Growth:** when items exceed `load` × buckets, a further segment of empty sentinels is
//! allocated and one store doubles the count. That is all of it: there is nothing to move and no thread
//! to wait for, and [`Strategy::settled`] is always true. A sentinel goes into the list when somebody
//! first comes for its bucket, be it a reader: from its parent's sentinel on, that of the number without
//! its highest bit, which then is half a stretch before it. So the work of a doubling is spread over the
//! operations that follow it, one short insertion for each bucket that is used. Until then, and for as
//! long as another thread is about to do it, the parent's sentinel is as right a place to start, only
//! farther off; so it does not matter either whether the count that somebody has seen is the latest.
//!
//! **Locking:** none. `list.rs` says why it is right.
//! - Readers write nothing but the sentinel of a bucket that is new, and the mark of an entry where uses
//!   are marked. They never start over.
//! - A write takes effect by one compare-and-swap of one link: that of the entry which is replaced or
//!   removed, or the last one of the run of equal hashes where a new key goes. It starts over where
//!   another write to the same entry, or to the same spot, was faster; `edit` runs again then, if
//!   the entry has changed.
//! - The claim to grow (`claim.rs`) is taken by the thread that allocates a segment. Others do not wait for it: the thread that
//!   gives it up looks once more at what was reported.
//!
//! **Memory:** entries are immutable: overwriting and patching make a new node in the old one's place.
//! What is unlinked is freed by epochs (Fraser 2004, by way of `crossbeam-epoch`, one collector for each
//! table) when all threads that were pinned at the time have gone. An operation pins once, a batch once,
//! and a walk once each call; a session frees after some 64 retirements or at `quiesce`. `usage` counts
//! what is live: an operation that makes a node leave the table does not return before the node is
//! unlinked, so that at rest nothing else is linked. Segments stay until the table is dropped; if one
//! cannot be allocated, the table goes on as it is and tries again later.
//!
//! `capacity=` opens with enough buckets for that many items at `load`. Items are counted as in
//! `spinbit`: in one of 16 padded counters, reported for growth every few items. The census counts
//! as a chain what stands in a bucket's stretch, whether its sentinel is in the list yet or not.
//!
//! **Good at** growing, of which no operation notices more than a moment; at reads and writes that
//! disturb each other little, and at writers that lose their core, for which no other waits. A miss looks
//! at no entry of another bucket, as the link to a sentinel says which one it is. **Bad at** overwriting, which
//! allocates and retires; the pin is a full fence, dear for single lookups; and just after a doubling the
//! stretches are walked from farther off, which a measurement that begins there sees.
//!
//! **Source:** Shalev and Shavit, *Split-Ordered Lists: Lock-Free Extensible Hash Tables*, J. ACM 53(3),
//! 2006. There a sentinel is a node beside the array, here it is the array's own word.

mod link;
mod list;
mod node;
mod session;
mod table;

#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, not(loom)))]
mod tests;

use crate::table::sync::atomic::AtomicUsize;

use crossbeam_epoch::Collector;
use crossbeam_utils::CachePadded;

use self::link::{Link, Word};
use self::node::Node;
pub use self::session::SplitOrderedSession;
pub use self::table::SplitOrdered;
use super::count::Counts;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::segments::Segments;
use super::tally::Tally;
use super::{Env, Strategy, buckets, params};
use crate::base::{ByteSplit, Census, Param, Params, SpecError, Usage, Worker};

impl Strategy for SplitOrdered {
    const NAME: &'static str = "split-ordered";
    const ABOUT: &'static str = "one lock-free list sorted by reversed hash, with buckets as ways into \
                                 it; doubles without moving an entry";
    const SOURCE: &'static str =
        "Shalev and Shavit, J. ACM 53(3), 2006; Harris, DISC 2001; Michael, SPAA 2002";
    const PARAMS: &'static [Param] = &[
        params::BUCKETS,
        Param {
            meaning: "items a bucket before the buckets double",
            ..params::LOAD
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "split-ordered",
        "split-ordered:buckets=1",
        "split-ordered:buckets=4,load=0.5",
        "split-ordered:buckets=2,load=0.1",
        "split-ordered:buckets=8,load=1000",
        "split-ordered:buckets=1,capacity=100",
    ];
    const WALK: bool = true;
    const UNCLAIMED: Option<&'static str> = Some(
        "the epoch collector's lists and what waits in them are not claimed: some 20 KB, however much the table holds",
    );
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Nothing),
        growth: Promise::shown(Waits::Nobody),
        memory: Promise::shown(Freed::Unread),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = SplitOrderedSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<SplitOrdered, SpecError> {
        let (first, load) = (params.size("buckets"), params.decimal("load"));
        let count = buckets::buckets_for(params.integer("capacity"), load, first);
        let segments = Segments::<Link>::open(first, count)
            .ok_or_else(|| buckets::too_many_buckets(SplitOrdered::NAME, count))?;
        segments.at(0).set(Word::END);
        Ok(SplitOrdered {
            segments,
            count: CachePadded::new(AtomicUsize::new(count)),
            counts: Counts::new(count, load),
            load,
            env: env.clone(),
            collector: Collector::new(),
        })
    }

    fn session(&self, who: Worker) -> SplitOrderedSession<'_> {
        SplitOrderedSession::new(self, who)
    }

    fn usage(&self) -> Usage {
        let mut usage = self.counts.usage();
        usage.bytes += self.sentinel_bytes();
        usage
    }

    fn census(&mut self) -> Census {
        let count = *self.count.get_mut();
        let mut census = Census::default();
        let mut bytes = ByteSplit {
            bucket_array: self.sentinel_bytes() + size_of::<Tally>() as u64,
            ..ByteSplit::default()
        };
        // What belongs to a bucket stands together.
        let (mut bucket, mut length) = (0, 0);
        let mut empty = count;
        for node in self.nodes() {
            let next = buckets::low_bits(node.order().reverse_bits(), count);
            if next != bucket && length > 0 {
                census.count_chain(length);
                empty -= 1;
                length = 0;
            }
            bucket = next;
            length += 1;
            debug_assert!(!node.next().load().is_marked(), "a dead node at rest");
            census.items += 1;
            bytes.header += Node::HEADER as u64;
            bytes.key += node.key().len() as u64;
            bytes.value += node.value().len() as u64;
        }
        if length > 0 {
            census.count_chain(length);
            empty -= 1;
        }
        for _ in 0..empty {
            census.count_chain(0);
        }
        Census { bytes, ..census }
    }
}
