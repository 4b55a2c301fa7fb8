//! A node: link, hash, lengths, key and value in one heap block that is never changed again, but
//! for its link.
//!
//! ```text
//!   ┌───────────────┬──────┬─────────┬───────────┬─────┬───────┐
//!   │ next: AtomicPtr│ hash │ key_len │ value_len │ key │ value │
//!   └──────●────────┴──────┴─────────┴───────────┴─────┴───────┘
//! ```

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What precedes the key in a block.
#[repr(C)]
pub(super) struct Header {
    next: Link,
    hash: u64,
    key_len: u32,
    value_len: u32,
}

/// A pointer to the next node of a chain, or null: loaded by readers at any time, stored by who
/// holds the chain's stripe.
pub(super) type Link = AtomicPtr<Header>;

/// A node that stays allocated for `'n`.
#[derive(Clone, Copy)]
pub(super) struct Node<'n> {
    /// Has the provenance of the whole block, which a reference to the header would not have.
    block: NonNull<Header>,
    lives: PhantomData<&'n Header>,
}

impl<'n> Node<'n> {
    /// Bytes of a block that are neither key nor value.
    pub(super) const HEADER: usize = size_of::<Header>();

    /// Copies key and value into a new block in front of `next`. Only [`Node::free`] frees it.
    ///
    /// Panics if a length does not fit 32 bits; out of memory ends the process, as for a `Box`.
    pub(super) fn new(hash: u64, key: &[u8], value: &[u8], next: *mut Header) -> Node<'n> {
        let length = |bytes: &[u8]| {
            u32::try_from(bytes.len()).expect("a key or value is shorter than 4 GiB")
        };
        let (key_len, value_len) = (length(key), length(value));
        let header = Header {
            next: AtomicPtr::new(next),
            hash,
            key_len,
            value_len,
        };
        let layout = layout(key.len(), value.len());
        // SAFETY: the layout covers a header at least, so its size is not zero.
        let Some(block) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout)
        };
        let block = block.cast::<Header>();
        // SAFETY: the block is fresh, aligned for a header, and as long as header, key and value
        // together; the three writes stay within it, in that order, and overlap no source.
        unsafe {
            block.write(header);
            let bytes = block.add(1).cast::<u8>();
            bytes.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            let after_key = bytes.add(key.len());
            after_key.copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        }
        Node {
            block,
            lives: PhantomData,
        }
    }

    /// The node that a link leads to.
    ///
    /// # Safety
    /// The link is one of a chain, or a head, and what it leads to is not freed during `'n`: the
    /// caller is pinned since before it loaded the link or what led to it, or holds the stripe.
    #[inline]
    pub(super) unsafe fn follow(link: &Link) -> Option<Node<'n>> {
        // Acquire: the block's bytes, written before it was linked, are visible.
        let block = NonNull::new(link.load(Ordering::Acquire))?;
        Some(Node {
            block,
            lives: PhantomData,
        })
    }

    /// Frees the block.
    ///
    /// # Safety
    /// Nobody looks at the node any longer or ever again, and it is freed once.
    pub(super) unsafe fn free(self) {
        let layout = layout(self.key().len(), self.value().len());
        // SAFETY: `new` allocated the block with this layout, and the lengths never change. A
        // header needs no destructor.
        unsafe { dealloc(self.block.cast().as_ptr(), layout) }
    }

    /// What a link to this node holds.
    pub(super) fn as_ptr(self) -> *mut Header {
        self.block.as_ptr()
    }

    /// The hash of the key.
    #[inline]
    pub(super) fn hash(self) -> u64 {
        self.header().hash
    }

    /// The key.
    #[inline]
    pub(super) fn key(self) -> &'n [u8] {
        // SAFETY: `key_len` initialised bytes follow the header and are never written again.
        unsafe { self.bytes(0, self.header().key_len) }
    }

    /// The value.
    #[inline]
    pub(super) fn value(self) -> &'n [u8] {
        // SAFETY: `value_len` initialised bytes follow the key and are never written again.
        unsafe { self.bytes(self.header().key_len as usize, self.header().value_len) }
    }

    /// The link to the rest of the chain.
    #[inline]
    pub(super) fn next(self) -> &'n Link {
        &self.header().next
    }

    /// Whether this is the node of `key`; the hash spares most comparisons.
    #[inline]
    pub(super) fn has_key(self, hash: u64, key: &[u8]) -> bool {
        self.hash() == hash && self.key() == key
    }

    /// Bytes of the block.
    pub(super) fn size(self) -> u64 {
        (Node::HEADER + self.key().len() + self.value().len()) as u64
    }

    #[inline]
    fn header(self) -> &'n Header {
        // SAFETY: the block starts with an initialised header and lives for `'n`; its only part
        // that changes is atomic.
        unsafe { self.block.as_ref() }
    }

    /// # Safety
    /// So many bytes from there on are within the block, initialised, and never written again.
    #[inline]
    unsafe fn bytes(self, from: usize, len: u32) -> &'n [u8] {
        // SAFETY: as the caller promises.
        unsafe {
            let start = self.block.add(1).cast::<u8>().add(from);
            NonNull::slice_from_raw_parts(start, len as usize).as_ref()
        }
    }
}

fn layout(key_len: usize, value_len: usize) -> Layout {
    Layout::from_size_align(Node::HEADER + key_len + value_len, align_of::<Header>())
        .expect("two 32-bit lengths and a header fit the address space")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_went_in() {
        assert_eq!(Node::HEADER, 24);
        for (key, value) in [
            (&b""[..], &b""[..]),
            (b"", b"v"),
            (b"k", b""),
            (b"key", b"value"),
        ] {
            let behind = Node::new(1, b"behind", b"", std::ptr::null_mut());
            let node = Node::new(7, key, value, behind.as_ptr());
            assert_eq!((node.hash(), node.key(), node.value()), (7, key, value));
            assert_eq!(node.size(), (24 + key.len() + value.len()) as u64);
            assert!(node.has_key(7, key) && !node.has_key(6, key) && !node.has_key(7, b"other"));
            // SAFETY: `behind` is freed below.
            let next = unsafe { Node::follow(node.next()) };
            assert_eq!(next.unwrap().key(), b"behind");
            // SAFETY: nobody else knows the nodes.
            unsafe { (node.free(), behind.free()) };
        }
    }
}
