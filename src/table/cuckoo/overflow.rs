//! The overflow chain: what finds no slot, because too many hashes collide.
//!
//! Read without a lock, as the slots are; changed by the one writer.

use crate::table::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

use super::entry::Header;

/// A chain of entries, newest first.
#[derive(Default)]
pub(super) struct Overflow {
    head: AtomicPtr<Link>,
}

/// One link: made by [`Overflow::push`], freed with the chain or as [`Unlinked`].
pub(super) struct Link {
    pub(super) hash: u64,
    /// The entry, which the link owns on behalf of the table: never null.
    pub(super) entry: AtomicPtr<Header>,
    next: AtomicPtr<Link>,
}

/// A link that is out of the chain. Readers may still be at it, so that it must not be dropped before
/// all threads that were pinned when it was taken out are done.
pub(super) struct Unlinked(NonNull<Link>);

// SAFETY: it owns its link, which consists of plain words.
unsafe impl Send for Unlinked {}

impl Overflow {
    /// The links, for a reader that is pinned, or for the writer.
    #[inline]
    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        let follow = |link: &AtomicPtr<Link>| {
            // SAFETY: a link that the chain leads to is initialised, which acquiring the pointer
            // makes visible. It is freed with the chain, or after it was unlinked, when every thread is
            // done that was pinned at that time; a thread that gets to it was pinned then.
            unsafe { link.load(Ordering::Acquire).as_ref() }
        };
        std::iter::successors(follow(&self.head), move |link| follow(&link.next))
    }

    /// Adds an entry in front. Only the writer does.
    pub(super) fn push(&self, hash: u64, entry: NonNull<Header>) {
        let link = Box::new(Link {
            hash,
            entry: AtomicPtr::new(entry.as_ptr()),
            next: AtomicPtr::new(self.head.load(Ordering::Relaxed)),
        });
        self.head.store(Box::into_raw(link), Ordering::Release);
    }

    /// Takes out a link. It still leads a reader that is at it to the rest of the chain. Only the writer does.
    pub(super) fn unlink(&self, link: &Link) -> Unlinked {
        let before = std::iter::once(&self.head).chain(self.links().map(|link| &link.next));
        let mut before = before.filter(|next| ptr::eq(next.load(Ordering::Relaxed), link));
        let before = before.next().expect("the link is in the chain");
        // The pointer as `push` made it, which may free the link; `link` may not.
        let unlinked = NonNull::new(before.load(Ordering::Relaxed)).expect("a link");
        before.store(link.next.load(Ordering::Relaxed), Ordering::Release);
        Unlinked(unlinked)
    }
}

impl Drop for Overflow {
    fn drop(&mut self) {
        let mut next = *self.head.get_mut();
        while !next.is_null() {
            // SAFETY: made by `push` from a box, and in the chain, so not freed yet; the exclusive
            // borrow of the chain says that no thread reads it any more.
            let mut link = unsafe { Box::from_raw(next) };
            next = *link.next.get_mut();
        }
    }
}

impl Drop for Unlinked {
    fn drop(&mut self) {
        // SAFETY: made by `push` from a box, and taken out of the chain once; no thread is at it any
        // more, as the one that unlinked it has seen to.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_pushed_in_front_and_taken_out_anywhere() {
        let chain = Overflow::default();
        for hash in 0..5 {
            chain.push(hash, NonNull::dangling());
        }
        let hashes = || chain.links().map(|link| link.hash).collect::<Vec<_>>();
        assert_eq!(hashes(), [4, 3, 2, 1, 0]);
        for hash in [2, 4, 0] {
            let link = chain.links().find(|link| link.hash == hash).unwrap();
            let unlinked = chain.unlink(link);
            // A reader that is still there goes on to the rest.
            assert!(link.next.load(Ordering::Relaxed).is_null() == (hash == 0));
            drop(unlinked);
        }
        assert_eq!(hashes(), [3, 1]);
    }
}
