//! A link of the list: where the next element is, and what is to be known of the link itself.
//!
//! ```text
//!   63                                        3    2         1          0
//!   ┌──────────────────────────────────────────┬─────────┬──────────┬────────┐
//!   │ address of a node, or number of a bucket │ pending │ sentinel │ marked │
//!   └──────────────────────────────────────────┴─────────┴──────────┴────────┘
//! ```
//!
//! - **sentinel**: the next element is a bucket's sentinel, given by the bucket's number. So the
//!   sentinel's place in the order is known without looking at it, and a lookup that ends there
//!   misses no cache line. The last link leads to bucket 0, where the list begins.
//! - **marked**: the node that this link is *of* has left the table; the link never changes again.
//! - **pending**: in a sentinel's own link: it may not be in the list yet, so do not start from it.
//!
//! All zeros is the link of a sentinel that no thread has asked for yet.

use std::ptr::{null_mut, without_provenance_mut};

#[cfg(not(all(test, loom)))]
use crate::table::sync::atomic::{AtomicPtr, Ordering};
#[cfg(all(test, loom))]
use loom::sync::atomic::{AtomicPtr, Ordering};

use crate::table::buckets::ZeroIsEmpty;

const MARKED: usize = 1;
const SENTINEL: usize = 2;
const PENDING: usize = 4;
const FLAGS: usize = MARKED | SENTINEL | PENDING;

/// A link that threads share.
#[repr(transparent)]
pub(super) struct Link(AtomicPtr<()>);

// SAFETY: zeros are a null pointer, the link of an untouched sentinel. (The model checker's atomics
// are more than that, but its models open no table.)
unsafe impl ZeroIsEmpty for Link {}

/// What a link says at some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word(*mut ());

impl Word {
    /// The end of the list: back to where it begins.
    pub(super) const END: Word = Word(without_provenance_mut(SENTINEL));
    const UNTOUCHED: Word = Word(null_mut());
    /// A sentinel that some thread is about to put into the list. It leads nowhere.
    const CLAIMED: Word = Word(without_provenance_mut(PENDING));

    /// Leads to a node.
    #[inline]
    pub(super) fn to_node(node: *mut ()) -> Word {
        debug_assert_eq!(node.addr() & FLAGS, 0);
        Word(node)
    }

    /// Leads to a bucket's sentinel.
    pub(super) fn to_sentinel(bucket: usize) -> Word {
        Word(without_provenance_mut(
            bucket << FLAGS.count_ones() | SENTINEL,
        ))
    }

    /// Whether the node that the link is of has left the table.
    #[inline]
    pub(super) fn is_marked(self) -> bool {
        self.0.addr() & MARKED != 0
    }

    /// The same, with the mark.
    #[inline]
    pub(super) fn marked(self) -> Word {
        Word(self.0.map_addr(|address| address | MARKED))
    }

    /// The same, without the mark.
    #[inline]
    pub(super) fn unmarked(self) -> Word {
        Word(self.0.map_addr(|address| address & !MARKED))
    }

    /// Whether it is the link of a sentinel that is in the list for certain.
    #[inline]
    fn is_ready(self) -> bool {
        self != Word::UNTOUCHED && self.0.addr() & PENDING == 0
    }

    fn pending(self) -> Word {
        Word(self.0.map_addr(|address| address | PENDING))
    }

    fn not_pending(self) -> Word {
        Word(self.0.map_addr(|address| address & !PENDING))
    }

    /// Where a node would be: a place to prefetch.
    #[inline]
    pub(super) fn hint(self) -> *const () {
        self.0
    }

    /// Whether it leads to a sentinel, of [`Word::bucket`], and not to a node, at [`Word::node`]. Of a
    /// word of the list, which is neither untouched nor claimed.
    #[inline]
    pub(super) fn is_sentinel(self) -> bool {
        debug_assert_ne!(self.not_pending(), Word::UNTOUCHED);
        self.0.addr() & SENTINEL != 0
    }

    /// The number of the bucket whose sentinel it leads to.
    #[inline]
    pub(super) fn bucket(self) -> usize {
        self.0.addr() >> FLAGS.count_ones()
    }

    /// The pointer of the node that it leads to, without the flags.
    #[inline]
    pub(super) fn node(self) -> *mut () {
        self.0.map_addr(|address| address & !FLAGS)
    }
}

impl Link {
    pub(super) fn new(word: Word) -> Link {
        Link(AtomicPtr::new(word.0))
    }

    /// The link of a sentinel that no thread has asked for yet: what a zeroed one is.
    #[cfg(test)]
    pub(super) fn untouched() -> Link {
        Link::new(Word::UNTOUCHED)
    }

    /// The link now. What it leads to can be seen as it was when it was put there.
    #[inline]
    pub(super) fn load(&self) -> Word {
        // The model checker (loom 0.7) remembers of each location one last access. A load that is followed
        // by another thread's load and store is forgotten, and the other order never tried. An
        // exchange is not forgotten.
        #[cfg(all(test, loom))]
        let word = self.exchange(Word::UNTOUCHED, Word::UNTOUCHED);
        #[cfg(all(test, loom))]
        let word = word.map_or_else(|word| word, |()| Word::UNTOUCHED);
        #[cfg(not(all(test, loom)))]
        let word = Word(self.0.load(Ordering::Acquire));
        #[cfg(all(test, not(loom)))]
        pauses::perhaps();
        word
    }

    /// Sets the link of a node that no other thread knows.
    #[inline]
    pub(super) fn set(&self, word: Word) {
        self.0.store(word.0, Ordering::Relaxed);
    }

    /// Changes the link if it is still `from`; otherwise says what it is.
    #[inline]
    pub(super) fn exchange(&self, from: Word, to: Word) -> Result<(), Word> {
        // Release: a thread that follows the link sees the node that it leads to.
        self.0
            .compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(Word)
    }

    /// Of a sentinel: whether it is in the list for certain, so that one may start from it. A thread
    /// that sees it so also sees the link that leads to it.
    #[inline]
    pub(super) fn is_ready(&self) -> bool {
        self.load().is_ready()
    }

    /// Of a sentinel: whether this thread is the one to put it into the list.
    pub(super) fn claim(&self) -> bool {
        self.exchange(Word::UNTOUCHED, Word::CLAIMED).is_ok()
    }

    /// Of a claimed sentinel that is not in the list: sets what comes after it.
    pub(super) fn prepare(&self, next: Word) {
        self.set(next.pending());
    }

    /// Of a sentinel that is in the list: the link, ready to be started from and to be exchanged,
    /// whichever thread was to make it so.
    #[inline]
    pub(super) fn settle(&self) -> Word {
        let word = self.load();
        if word.is_ready() {
            return word;
        }
        // While it is pending, nothing but this changes the link of a sentinel that is in the list:
        // every other exchange expects a word without the flag, as this function gives it.
        match self.exchange(word, word.not_pending()) {
            Ok(()) => word.not_pending(),
            Err(now) => now,
        }
    }
}

/// Lets tests stop threads where it hurts: between seeing a link and acting on it.
#[cfg(all(test, not(loom)))]
pub(super) mod pauses {
    use std::cell::Cell;

    thread_local! {
        /// State of the dice; 0 is no pauses.
        static DICE: Cell<u64> = const { Cell::new(0) };
    }

    /// From now on this thread offers its core to others after some of the links that it loads.
    pub(in super::super) fn begin(seed: u64) {
        DICE.set(seed | 1);
    }

    pub(super) fn perhaps() {
        let mut dice = DICE.get();
        if dice == 0 {
            return;
        }
        // Marsaglia's xorshift, 2003.
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        DICE.set(dice);
        if dice >> 58 == 0 {
            std::thread::yield_now();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_keeps_flags_and_number_apart() {
        for bucket in [0, 1, 5, 1 << 47] {
            let word = Word::to_sentinel(bucket);
            assert!(!word.is_marked() && word.marked().is_marked());
            assert_eq!(word.marked().unmarked(), word);
            assert_eq!(word.pending().not_pending(), word);
            for word in [word, word.marked(), word.pending()] {
                assert!(word.is_sentinel() && word.bucket() == bucket);
            }
        }
        assert_eq!(Word::END, Word::to_sentinel(0));
    }

    #[test]
    fn a_sentinel_is_claimed_once_and_ready_when_settled() {
        let link = Link::untouched();
        assert!(!link.is_ready());
        assert!(link.claim() && !link.claim() && !link.is_ready());
        link.prepare(Word::to_sentinel(3));
        assert!(!link.is_ready());
        assert_eq!(link.settle(), Word::to_sentinel(3));
        assert!(link.is_ready() && !link.claim());
        assert_eq!(link.settle(), Word::to_sentinel(3));
    }

    #[test]
    fn an_exchange_that_fails_says_why() {
        let link = Link::new(Word::END);
        let other = Word::to_sentinel(1);
        assert_eq!(link.exchange(other, Word::END), Err(Word::END));
        assert_eq!(link.exchange(Word::END, other.marked()), Ok(()));
        assert_eq!(link.exchange(other, Word::END), Err(other.marked()));
    }
}
