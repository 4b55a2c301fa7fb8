//! The list: sorted, singly linked, changed by one exchange of one link at a time.
//!
//! ```text
//!   insert N     P ──▶ S          N.next = S, then exchange P.next: S → N
//!   remove A     P ──▶ A ──▶ S    exchange A.next: S → S marked. A has left the table.
//!                                 Then unlink it, exchange P.next: A → S
//!   replace A    P ──▶ A ──▶ S    B.next = S, then exchange A.next: S → B marked. In one step A has
//!                      │    ▲     left the table and B, which has the same key, stands in its place.
//!                      └▶ B ┘     Then unlink A, exchange P.next: A → B
//! ```
//!
//! A node is *live* from its insertion until its own link is marked. A marked link never changes
//! again; every exchange expects an unmarked one, so that nothing is ever put behind a dead node. A
//! writer unlinks the dead nodes in its way; a reader walks over them. Nodes with one place in the
//! order (hashes that agree in 63 bits) form a run; a new key goes to the end of its run.
//!
//! **Why a reader misses no key that is there all the time.** Lay all nodes that were ever in the
//! list out in one line, each new one directly behind the node whose link it went into. The line is
//! never permuted, and links only lead to the right. *From any node X of the line every live node Y to
//! the right of X can be reached*: inserting N behind a live P adds N to all paths through P (a dead
//! X that led past P stands to the right of N); marking changes no path; unlinking cuts out one dead
//! node. The sentinel where a reader starts is live and to the left of the key's node; each step goes
//! to that node or stays to its left; where the node was replaced meanwhile, its own marked link leads
//! to the next one, directly to its right. So a reader that comes to the end has seen a time at which
//! the key was absent, and one that finds a node's link unmarked has seen a time at which it was live.
//!
//! **Why a key has one live node.** Let a key be inserted while another thread looks for its place.
//! That is at the end of its run, where the other will come by: either it meets the key there, or it
//! had already gone on to nodes that were dead when the key was inserted, and the exchange of a dead
//! node's link fails. If it had come to the very link, that was exchanged, and its own exchange fails.
//!
//! **Why a node is retired once and in time.** In the list each element has one predecessor. To
//! unlink A means to exchange the link of a live P that leads to A: P is live, so it is in the list,
//! so it is *the* predecessor; afterwards none leads to A, and none will again, since every exchange
//! stores either a new node or what followed the expected element, which was in the list at that
//! moment. (That the expected word still means the same element is the pin's doing: the element
//! has been seen under the pin, so that its block is not reused.) Hence one thread succeeds. A dead node
//! is unlinked only by way of a live one, never while its predecessor is dead, so a dead node that
//! comes after it in a frozen link was unlinked later, and a thread pinned after A was unlinked cannot
//! come to A even by way of other dead nodes.
//!
//! **Source:** Harris, *A Pragmatic Implementation of Non-Blocking Linked-Lists*, DISC 2001 (the
//! mark); Michael, *High Performance Dynamic Lock-Free Hash Tables and List-Based Sets*, SPAA 2002
//! (unlinking one by one, so that memory can be reclaimed). Replacing in one step is this table's.

use super::link::{Link, Word};
use super::node::{New, Node, Target};
use crate::table::prefetch::prefetch_read;

/// A pin: what keeps nodes from being freed.
///
/// # Safety
/// No node that could be reached at some time during `'g`, or was retired during `'g`, is freed
/// during `'g`; and a bucket has the same sentinel each time.
pub(super) unsafe trait Pinned<'g>: Copy {
    /// The sentinel of a bucket, which is its link.
    fn sentinel(self, bucket: usize) -> &'g Link;

    /// Frees a node when all are done with it that may have been looking at it.
    ///
    /// # Safety
    /// The node has been unlinked, and is retired once.
    unsafe fn retire(self, node: Node<'g>);
}

/// The place of a sentinel in the order: even.
pub(super) fn sentinel_order(bucket: usize) -> u64 {
    (bucket as u64).reverse_bits()
}

/// The place of a hash in the order: odd, so behind the sentinel of every bucket that it has.
#[inline]
pub(super) fn node_order(hash: u64) -> u64 {
    hash.reverse_bits() | 1
}

/// Whether a sentinel that was come upon stands behind a place in the order. Bucket 0's, come upon,
/// is the end of the list.
#[inline]
fn is_behind(bucket: usize, order: u64) -> bool {
    sentinel_order(bucket).wrapping_sub(1) >= order
}

/// A reader on its way.
pub(super) struct Walk<P> {
    pinned: P,
    at: Word,
    order: u64,
}

/// What a step of a reader comes to.
pub(super) enum Step<'g> {
    /// The live node of the key.
    Hit(Node<'g>),
    /// The key is absent.
    Miss,
    /// Neither yet.
    On,
}

impl<'g, P: Pinned<'g>> Walk<P> {
    /// Starts from a sentinel that is ready, for a place in the order.
    #[inline]
    pub(super) fn new(pinned: P, start: &'g Link, order: u64) -> Walk<P> {
        Walk {
            pinned,
            at: start.load(),
            order,
        }
    }

    /// Asks for the memory of the next step.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch_read(self.at.hint());
    }

    /// Looks at one element.
    #[inline]
    pub(super) fn step(&mut self, key: &[u8]) -> Step<'g> {
        // SAFETY: loaded from a link in the list during the pin.
        match unsafe { self.at.target() } {
            Target::Sentinel(bucket) => {
                if is_behind(bucket, self.order) {
                    return Step::Miss;
                }
                self.at = self.pinned.sentinel(bucket).load();
            }
            Target::Node(node) => {
                if node.order() > self.order {
                    return Step::Miss;
                }
                self.at = node.next().load();
                if !self.at.is_marked() && node.is(self.order, key) {
                    return Step::Hit(node);
                }
            }
        }
        Step::On
    }

    /// Goes on to the live node of the key, if there is one.
    #[inline]
    pub(super) fn finish(&mut self, key: &[u8]) -> Option<Node<'g>> {
        loop {
            match self.step(key) {
                Step::Hit(node) => return Some(node),
                Step::Miss => return None,
                Step::On => {}
            }
        }
    }
}

/// Where a writer has come to.
pub(super) struct Place<'g> {
    /// A link that was live, and led to `next`: to the key's node, or behind its run.
    link: &'g Link,
    next: Word,
    /// The key's node, which was live.
    pub(super) node: Option<Node<'g>>,
}

/// Looks for the place of a key, or of a sentinel (which is no node's), as a writer, from a sentinel
/// that is ready. Unlinks what is dead on the way.
pub(super) fn find<'g>(
    pinned: impl Pinned<'g>,
    start: &'g Link,
    order: u64,
    key: &[u8],
) -> Place<'g> {
    'again: loop {
        let mut link = start;
        let mut next = start.load();
        loop {
            // SAFETY: loaded from a link in the list during the pin.
            match unsafe { next.target() } {
                Target::Sentinel(bucket) => {
                    if is_behind(bucket, order) {
                        break;
                    }
                    link = pinned.sentinel(bucket);
                    next = link.settle();
                }
                Target::Node(node) => {
                    if node.order() > order {
                        break;
                    }
                    let after = node.next().load();
                    if after.is_marked() {
                        if !unlink(pinned, link, node) {
                            continue 'again;
                        }
                        next = after.unmarked();
                    } else if node.is(order, key) {
                        let node = Some(node);
                        return Place { link, next, node };
                    } else {
                        (link, next) = (node.next(), after);
                    }
                }
            }
        }
        let node = None;
        return Place { link, next, node };
    }
}

/// Takes a dead node out of the list, if it is still what `link` leads to and `link` is live.
fn unlink<'g>(pinned: impl Pinned<'g>, link: &'g Link, node: Node<'g>) -> bool {
    let after = node.next().load();
    debug_assert!(after.is_marked());
    let unlinked = link.exchange(node.word(), after.unmarked()).is_ok();
    if unlinked {
        // SAFETY: the exchange has unlinked it, and succeeds for one thread, as shown above.
        unsafe { pinned.retire(node) };
    }
    unlinked
}

impl<'g> Place<'g> {
    /// Puts a new node, whose key was not found, here; gives it back if the place has changed.
    pub(super) fn insert(&self, new: New) -> Result<(), New> {
        new.link_to(self.next);
        match self.link.exchange(self.next, new.word()) {
            Ok(()) => {
                new.published();
                Ok(())
            }
            Err(_) => Err(new),
        }
    }

    /// Takes the node that was found, and is dead now, out of the list, here or where it is.
    pub(super) fn clear(self, pinned: impl Pinned<'g>, start: &'g Link) {
        let Some(node) = self.node else { return };
        if !unlink(pinned, self.link, node) {
            // It may be another's doing that the link has changed, or that it is dead. A thread that looks
            // for the key again passes the node's place.
            find(pinned, start, node.order(), node.key());
        }
    }
}

/// Puts a new node of the same key in a node's place, unless that has left the table; gives it back
/// then. The old node is to be cleared.
pub(super) fn replace(node: Node<'_>, new: New) -> Result<(), New> {
    let mut next = node.next().load();
    while !next.is_marked() {
        new.link_to(next);
        match node.next().exchange(next, new.word().marked()) {
            Ok(()) => {
                new.published();
                return Ok(());
            }
            // Another successor: the node is as live as before.
            Err(now) => next = now,
        }
    }
    Err(new)
}

/// Makes a node leave the table; whether it was this that did. The node is to be cleared.
pub(super) fn remove(node: Node<'_>) -> bool {
    let mut next = node.next().load();
    while !next.is_marked() {
        match node.next().exchange(next, next.marked()) {
            Ok(()) => return true,
            Err(now) => next = now,
        }
    }
    false
}

/// The sentinel to start from for a bucket that is not ready: its own, after putting it into the list,
/// or that of the nearest ancestor if another thread is about to do so. No thread waits.
///
/// A bucket's parent is that without the highest bit of its number: the bucket that had its hashes
/// when there were half as many. Bucket 0 is always ready.
#[cold]
pub(super) fn prepare<'g>(pinned: impl Pinned<'g>, bucket: usize) -> &'g Link {
    let mut at = bucket;
    while !pinned.sentinel(at).is_ready() {
        at ^= 1 << at.ilog2();
    }
    let mut start = pinned.sentinel(at);
    while at != bucket {
        // The next one on the way down has one more bit of the number.
        let missing = at ^ bucket;
        at |= 1 << missing.trailing_zeros();
        let sentinel = pinned.sentinel(at);
        if sentinel.claim() {
            link_in(pinned, start, at);
            start = sentinel;
        } else if sentinel.is_ready() {
            start = sentinel;
        }
    }
    start
}

/// Puts a claimed sentinel into the list.
fn link_in<'g>(pinned: impl Pinned<'g>, start: &'g Link, bucket: usize) {
    let sentinel = pinned.sentinel(bucket);
    loop {
        let place = find(pinned, start, sentinel_order(bucket), &[]);
        sentinel.prepare(place.next);
        let word = Word::to_sentinel(bucket);
        if place.link.exchange(place.next, word).is_ok() {
            sentinel.settle();
            return;
        }
    }
}
