//! A node of the list: one entry in one heap block.
//!
//! ```text
//!   ┌──────┬────────────┬──────────────┬────────────────┬─────┬───────┐
//!   │ next │ order: u64 │ key_len: u32 │ value_len: u32 │ key │ value │
//!   └──────┴────────────┴──────────────┴────────────────┴─────┴───────┘
//! ```
//!
//! Nothing of it changes once it is in the list, but for `next`: readers look at key and value without
//! a lock and without copying. A new value is a new node.
//!
//! One bit is excepted: the top one of `value_len` says that the entry has been used, where uses are
//! marked. Readers set it, the walk clears it, and neither changes the length. (A link's mark is
//! something else.)

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::link::{Link, Word};

// Two u32 lengths and a header then always fit the address space.
const _: () = assert!(usize::BITS >= 64);
// Three flags are free in every link.
const _: () = assert!(align_of::<Header>() >= 8);

/// What precedes the key.
#[repr(C, align(8))]
struct Header {
    next: Link,
    order: u64,
    key_len: u32,
    /// With [`USED`] in the top bit. A plain atomic in models, too, where nothing hangs on it.
    value_len: AtomicU32,
}

/// Set in `value_len` where the entry has been used since the mark was last cleared.
const USED: u32 = 1 << 31;

/// A node that is, or was, in the list; it is not freed during `'g`.
#[derive(Clone, Copy)]
pub(super) struct Node<'g> {
    /// Points to a `Header` followed by `key_len` and then `value_len` initialised bytes, with the
    /// provenance of the whole block. No thread writes to it but through the link and through
    /// `value_len`, which are atomic.
    block: NonNull<Header>,
    lives: PhantomData<&'g Header>,
}

/// A node that no other thread knows yet. Freed if it is dropped.
#[must_use]
pub(super) struct New(Node<'static>);

impl New {
    /// Copies key and value.
    ///
    /// Panics if a length does not fit 31 bits; out of memory ends the process, as for a `Box`.
    pub(super) fn with(order: u64, key: &[u8], value: &[u8]) -> New {
        New::with_patch(order, key, value, 0, &[])
    }

    /// Copies key and value into a new node, the value with other bytes from `at` on:
    /// [`Edit::Patch`](crate::table::Edit::Patch), which promises that it does not get longer.
    pub(super) fn with_patch(order: u64, key: &[u8], value: &[u8], at: usize, bytes: &[u8]) -> New {
        let end = at.checked_add(bytes.len());
        let fits = end.is_some_and(|end| end <= value.len());
        assert!(fits, "a patch never lengthens the value");
        let header = Header {
            next: Link::new(Word::END),
            order,
            key_len: length(key),
            value_len: AtomicU32::new(length(value)),
        };
        let layout = layout(key.len(), value.len());
        // SAFETY: the layout covers a header at least, so its size is not zero.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        let block = block.cast::<Header>();
        // SAFETY: the block is fresh, aligned for a header, and as long as header, key and value
        // together; the four writes stay within it, the last within the value as checked above, and
        // overlap no source.
        unsafe {
            block.write(header);
            let start = block.add(1).cast::<u8>();
            start.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            let start = start.add(key.len());
            start.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
            start
                .add(at)
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        New(Node {
            block,
            lives: PhantomData,
        })
    }

    /// Says whether it counts as used: where uses are marked, that which replaces another does.
    #[inline]
    pub(super) fn set_used(&self, used: bool) {
        let length = self.0.header().value_len.load(Ordering::Relaxed) & !USED;
        let word = if used { length | USED } else { length };
        self.0.header().value_len.store(word, Ordering::Relaxed);
    }

    /// Sets what comes after it.
    #[inline]
    pub(super) fn link_to(&self, next: Word) {
        self.0.next().set(next);
    }

    /// What leads to it.
    #[inline]
    pub(super) fn word(&self) -> Word {
        self.0.word()
    }

    /// Bytes of the block.
    pub(super) fn size(&self) -> u64 {
        self.0.size()
    }

    /// Gives it up: it is in the list now.
    #[inline]
    pub(super) fn published(self) {
        let _ = ManuallyDrop::new(self);
    }
}

impl Drop for New {
    fn drop(&mut self) {
        // SAFETY: no other thread knows it, as it has not been `published`.
        unsafe { self.0.free() };
    }
}

/// What a link leads to.
pub(super) enum Target<'g> {
    Node(Node<'g>),
    /// The sentinel of the bucket with this number.
    Sentinel(usize),
}

impl Word {
    /// What the link leads to.
    ///
    /// # Safety
    /// The word was loaded from the link of an element that had been put into the list, and the node,
    /// if it leads to one, is not freed during `'g`.
    #[inline]
    pub(super) unsafe fn target<'g>(self) -> Target<'g> {
        if self.is_sentinel() {
            Target::Sentinel(self.bucket())
        } else {
            // SAFETY: neither untouched nor claimed, as it comes from the list, and no sentinel: so it
            // is a node's pointer, and the flags that were added since have been taken off.
            Target::Node(unsafe { Node::from_ptr(self.node()) })
        }
    }
}

impl<'g> Node<'g> {
    /// Bytes of a block that are neither key nor value.
    pub(super) const HEADER: usize = size_of::<Header>();

    /// The node that [`Node::word`] leads to.
    ///
    /// # Safety
    /// The pointer is a node's, with its provenance, and the node is not freed during `'g`.
    #[inline]
    pub(super) unsafe fn from_ptr(node: *mut ()) -> Node<'g> {
        debug_assert!(!node.is_null());
        Node {
            // SAFETY: a node's pointer is not null.
            block: unsafe { NonNull::new_unchecked(node.cast()) },
            lives: PhantomData,
        }
    }

    /// What leads to it.
    #[inline]
    pub(super) fn word(self) -> Word {
        Word::to_node(self.block.as_ptr().cast())
    }

    /// Its link.
    #[inline]
    pub(super) fn next(self) -> &'g Link {
        &self.header().next
    }

    /// Its place in the list: nodes have odd numbers.
    #[inline]
    pub(super) fn order(self) -> u64 {
        self.header().order
    }

    /// The key.
    #[inline]
    pub(super) fn key(self) -> &'g [u8] {
        let len = self.header().key_len as usize;
        // SAFETY: `key_len` initialised bytes follow the header, and no thread writes them.
        unsafe { NonNull::slice_from_raw_parts(self.bytes(), len).as_ref() }
    }

    /// The value.
    #[inline]
    pub(super) fn value(self) -> &'g [u8] {
        let (key_len, len) = (self.header().key_len, self.value_len());
        // SAFETY: `value_len` initialised bytes follow the key, and no thread writes them.
        unsafe {
            let start = self.bytes().add(key_len as usize);
            NonNull::slice_from_raw_parts(start, len).as_ref()
        }
    }

    /// Whether this is the entry of `key`, which has this place in the order.
    #[inline]
    pub(super) fn is(self, order: u64, key: &[u8]) -> bool {
        self.order() == order && self.key() == key
    }

    /// Marks the entry as used, if uses are marked at all. One that is used often has its mark
    /// already, and its line is not written again.
    #[inline]
    pub(super) fn touch(self, recency: bool) {
        if recency && !self.is_used() {
            // Not a read-modify-write: others store a mark too, or take one away: it is a hint.
            let word = self.header().value_len.load(Ordering::Relaxed) | USED;
            self.header().value_len.store(word, Ordering::Relaxed);
        }
    }

    /// Whether the entry has been used since its mark was last cleared.
    #[inline]
    pub(super) fn is_used(self) -> bool {
        self.header().value_len.load(Ordering::Relaxed) & USED != 0
    }

    /// Clears the mark.
    pub(super) fn forget_use(self) {
        let word = self.header().value_len.load(Ordering::Relaxed) & !USED;
        self.header().value_len.store(word, Ordering::Relaxed);
    }

    /// Bytes of the block.
    pub(super) fn size(self) -> u64 {
        (Node::HEADER + self.key().len() + self.value().len()) as u64
    }

    /// Frees it.
    ///
    /// # Safety
    /// No thread looks at it any more, and no other thread frees it.
    pub(super) unsafe fn free(self) {
        let layout = layout(self.key().len(), self.value().len());
        // SAFETY: `with_patch` allocated the block with this layout; the lengths never change.
        unsafe { dealloc(self.block.cast().as_ptr(), layout) }
    }

    #[inline]
    fn value_len(self) -> usize {
        (self.header().value_len.load(Ordering::Relaxed) & !USED) as usize
    }

    #[inline]
    fn header(self) -> &'g Header {
        // SAFETY: the block starts with an initialised header, and is not freed during `'g`.
        unsafe { self.block.as_ref() }
    }

    /// Where the key starts.
    #[inline]
    fn bytes(self) -> NonNull<u8> {
        // SAFETY: the header is within the block, so its end is within it or just behind it.
        unsafe { self.block.add(1).cast() }
    }
}

fn length(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).ok();
    length
        .filter(|length| length & USED == 0)
        .expect("a key or value is shorter than 2 GiB")
}

fn layout(key_len: usize, value_len: usize) -> Layout {
    Layout::from_size_align(Node::HEADER + key_len + value_len, align_of::<Header>())
        .expect("two 32-bit lengths and a header fit the address space")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_node_holds_what_it_was_given() {
        assert_eq!(Node::HEADER, 24);
        let cases = [(&b""[..], &b""[..]), (b"", b"v"), (b"k", b""), (b"k", b"v")];
        for (key, value) in cases {
            let new = New::with(7, key, value);
            let node = new.0;
            assert_eq!((node.order(), node.key(), node.value()), (7, key, value));
            let bytes = (key.len() + value.len()) as u64;
            assert_eq!(new.size(), 24 + bytes);
            assert!(node.is(7, key) && !node.is(9, key) && !node.is(7, b"other"));
            assert_eq!(node.next().load(), Word::END);
            new.link_to(Word::to_sentinel(4));
            assert_eq!(node.next().load(), Word::to_sentinel(4));
            node.touch(false);
            assert!(!node.is_used());
            node.touch(true);
            assert!(node.is_used() && node.value() == value && new.size() == 24 + bytes);
            node.forget_use();
            assert!(!node.is_used() && node.value() == value);
            for used in [true, false, true] {
                new.set_used(used);
                assert_eq!((node.is_used(), node.value()), (used, value));
            }
        }
    }

    #[test]
    fn a_patch_is_a_copy_with_other_bytes() {
        let patched = New::with_patch(1, b"k", b"value", 1, b"AL");
        assert_eq!(patched.0.value(), b"vALue");
        for (at, bytes) in [(5, &b"x"[..]), (6, b""), (usize::MAX, b"x")] {
            let patching = || New::with_patch(1, b"k", b"value", at, bytes);
            assert!(std::panic::catch_unwind(patching).is_err(), "{at}");
        }
    }
}
