//! The table's list and sentinels, how it grows, and what a pinned thread may do with it.

use crate::table::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_epoch::{Collector, Guard};
use crossbeam_utils::CachePadded;

use super::link::Link;
use super::list::{self, Pinned, Walk, node_order};
use super::node::{Node, Target};
use crate::base::EventKind;
use crate::table::count::Counts;
use crate::table::segments::Segments;
use crate::table::{Env, buckets, claim};

/// One sorted list with sentinels.
pub struct SplitOrdered {
    /// The sentinels. Bucket 0's is always in the list.
    pub(super) segments: Segments<Link>,
    /// Buckets in use, a power of two.
    pub(super) count: CachePadded<AtomicUsize>,
    pub(super) counts: Counts,
    /// Items a bucket before it grows.
    pub(super) load: f64,
    /// For the journal.
    pub(super) env: Env,
    /// Frees, when it is dropped, what is still deferred.
    pub(super) collector: Collector,
}

/// The table, for a pinned thread.
#[derive(Clone, Copy)]
pub(super) struct Pin<'g> {
    pub(super) table: &'g SplitOrdered,
    pub(super) guard: &'g Guard,
}

// SAFETY: the guard is of the table's own collector, as `SplitOrdered::pin` says. Nodes are freed through
// `retire` alone while the table is shared, that is after all threads that were pinned when it was
// called have gone; by then the node had been unlinked, so that one pinned later does not come to it.
unsafe impl<'g> Pinned<'g> for Pin<'g> {
    #[inline]
    fn sentinel(self, bucket: usize) -> &'g Link {
        self.table.segments.at(bucket)
    }

    #[inline]
    unsafe fn retire(self, node: Node<'g>) {
        // SAFETY: unlinked and retired once, as the caller promises; so only a thread that is pinned now can
        // be looking at it when this is called, and none when it runs. A node may be freed by any
        // thread, and refers to nothing.
        unsafe { self.guard.defer_unchecked(move || node.free()) };
    }
}

impl<'g> Pin<'g> {
    /// The sentinel to start from for a hash.
    #[inline]
    pub(super) fn start(self, hash: u64) -> &'g Link {
        // Acquire: with the store in `grow`; the bucket's segment is there.
        let count = self.table.count.load(Ordering::Acquire);
        let bucket = buckets::low_bits(hash, count);
        let sentinel = self.sentinel(bucket);
        if sentinel.is_ready() {
            sentinel
        } else {
            list::prepare(self, bucket)
        }
    }

    /// A reader that looks for a hash.
    #[inline]
    pub(super) fn walk(self, hash: u64) -> Walk<Self> {
        Walk::new(self, self.start(hash), node_order(hash))
    }
}

impl SplitOrdered {
    /// The table, for a thread pinned by `guard`, which a session of this table has made.
    #[inline]
    pub(super) fn pin<'g>(&'g self, guard: &'g Guard) -> Pin<'g> {
        debug_assert!(guard.collector() == Some(&self.collector));
        Pin { table: self, guard }
    }

    /// Doubles the buckets until they suffice for what was reported, for the thread that has the claim; whether
    /// there was memory for it.
    pub(super) fn grow(&self) -> bool {
        while self.counts.claim.is_full() {
            let from = self.count.load(Ordering::Relaxed);
            self.env.note(EventKind::Begin, from, 2 * from);
            if self.segments.extend().is_none() {
                self.env.note(EventKind::End, from, from);
                return false;
            }
            // Release: a thread that sees the count finds the segment.
            self.count.store(2 * from, Ordering::Release);
            self.counts
                .claim
                .set_limit(claim::limit(2 * from, self.load));
            self.env.note(EventKind::End, from, 2 * from);
        }
        true
    }

    /// All nodes in the list, in its order. Each has been left when the next is asked for.
    pub(super) fn nodes(&mut self) -> impl Iterator<Item = Node<'_>> {
        let segments = &self.segments;
        let first = follow(segments, segments.at(0));
        std::iter::successors(first, |node| follow(segments, node.next()))
    }

    /// Bytes of the sentinels.
    pub(super) fn sentinel_bytes(&self) -> u64 {
        (self.segments.buckets() * size_of::<Link>()) as u64
    }
}

/// The next node of a table that no thread works on.
fn follow<'g>(segments: &'g Segments<Link>, mut link: &'g Link) -> Option<Node<'g>> {
    loop {
        // SAFETY: all callers are in `nodes`: a link in the list, and no session, so no thread
        // that retires. The node lives for as long as the borrower of the table lets it.
        match unsafe { link.load().target() } {
            Target::Sentinel(0) => return None,
            Target::Sentinel(bucket) => link = segments.at(bucket),
            Target::Node(node) => return Some(node),
        }
    }
}

impl Drop for SplitOrdered {
    fn drop(&mut self) {
        for node in self.nodes() {
            // SAFETY: there is no session; what is in the list has not been retired, and the iterator
            // has gone on already when it hands a node out.
            unsafe { node.free() };
        }
    }
}
