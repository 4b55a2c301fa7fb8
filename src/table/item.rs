//! An entry of a chain: link, lengths, key and value in one heap block.
//!
//! ```text
//!   Chain            block
//!   ┌──────┐   ┌───────────────────────────────────────────────────────┐
//!   │   ●──┼──▶│ next: Chain │ key_len: u32 │ value_len: u32 │ key │ value │
//!   └──────┘   └──────●────────────────────────────────────────────────┘
//!                     └──▶ the next block, or nothing
//! ```
//!
//! An [`Item`] is a thin pointer that owns its block, and through `next` the rest of its chain; the
//! layout is that of memcached's `item` (`memcached.h`), without its flags but for one: the top bit of
//! `value_len` says that the item has been used, where uses are marked. This is the only place
//! where strategies of chained items allocate by hand: a [`Chain`] is an `Option<Item>` of one
//! machine word, and everything that walks or relinks one is safe code over `&Chain` and
//! `&mut Chain`.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use super::buckets::ZeroIsEmpty;
use super::prefetch::prefetch_read;

/// A chain of items, perhaps empty: what a bucket holds.
pub(super) type Chain = Option<Item>;

// Two u32 lengths and a header then always fit the address space.
const _: () = assert!(usize::BITS >= 64);

/// What precedes the key in a block.
#[repr(C)]
struct Header {
    next: Chain,
    key_len: u32,
    /// With [`MARK`] in the top bit. Atomic for the mark, which readers that share a lock may set at
    /// the same time; whatever they store, the length in it is the same.
    value_len: AtomicU32,
}

/// Set in `value_len` where the item has been used since the mark was last cleared.
const MARK: u32 = 1 << 31;

/// One entry: owns its heap block, and through it the rest of the chain.
///
/// Transparent, so that an empty chain is a null pointer and a zeroed array one of empty buckets.
#[repr(transparent)]
pub(super) struct Item {
    /// Points to a `Header` followed by `key_len` and then `value_len` initialised bytes, with the
    /// provenance of the whole block, which no other thread frees or keeps a pointer to.
    block: NonNull<Header>,
}

// SAFETY: the block is owned exclusively, as in a `Box`, and holds plain bytes and further items.
unsafe impl Send for Item {}
// SAFETY: through a shared reference the block is read, and of it only the length, which is atomic and
// carries the mark of a use, is written; everything else is written through `&mut self`.
unsafe impl Sync for Item {}

impl Item {
    /// Bytes of a block that are neither key nor value.
    pub(super) const HEADER: usize = size_of::<Header>();

    /// What the address of an item is a multiple of.
    pub(super) const ALIGN: usize = align_of::<Header>();

    /// Copies key and value into a new block in front of `next`.
    ///
    /// Panics if a length does not fit 31 bits; out of memory ends the process, as for a `Box`.
    pub(super) fn new(key: &[u8], value: &[u8], next: Chain) -> Item {
        let header = Header {
            next,
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
        // together; the three writes stay within it, in that order, and overlap no source.
        unsafe {
            block.write(header);
            let bytes = block.add(1).cast::<u8>();
            bytes.copy_from_nonoverlapping(NonNull::from(key).cast(), key.len());
            bytes
                .add(key.len())
                .copy_from_nonoverlapping(NonNull::from(value).cast(), value.len());
        }
        Item { block }
    }

    /// The key.
    #[inline]
    pub(super) fn key(&self) -> &[u8] {
        // SAFETY: `key_len` initialised bytes follow the header, and nothing writes them while
        // `self` is borrowed.
        unsafe { NonNull::slice_from_raw_parts(self.bytes(), self.key_len()).as_ref() }
    }

    /// The value.
    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        // SAFETY: `value_len` initialised bytes follow the key, and nothing writes them while
        // `self` is borrowed.
        unsafe {
            let start = self.bytes().add(self.key_len());
            NonNull::slice_from_raw_parts(start, self.value_len()).as_ref()
        }
    }

    /// The value's bytes, to be overwritten in place.
    pub(super) fn value_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `value`; the exclusive borrow makes this the only reference into the block.
        unsafe {
            let start = self.bytes().add(self.key_len());
            NonNull::slice_from_raw_parts(start, self.value_len()).as_mut()
        }
    }

    /// Gives the item another value: in place where the length stays the same, else in a new block
    /// that takes the old one's place in the chain.
    pub(super) fn replace_value(&mut self, value: &[u8]) {
        if value.len() == self.value_len() {
            self.value_mut().copy_from_slice(value);
            return;
        }
        let mut successor = Item::new(self.key(), value, None);
        successor.touch(self.is_marked());
        *successor.next_mut() = self.next_mut().take();
        *self = successor;
    }

    /// Marks the item as used, if uses are marked at all. An item that is used often has its mark
    /// already, and its line is not written again.
    #[inline]
    pub(super) fn touch(&self, recency: bool) {
        if recency {
            let word = self.header().value_len.load(Ordering::Relaxed);
            if word & MARK == 0 {
                // Not a read-modify-write: a thread that stores here at the same time stores the same.
                self.header()
                    .value_len
                    .store(word | MARK, Ordering::Relaxed);
            }
        }
    }

    /// Whether the item has been used since its mark was last cleared.
    #[inline]
    pub(super) fn is_marked(&self) -> bool {
        self.header().value_len.load(Ordering::Relaxed) & MARK != 0
    }

    /// Clears the mark.
    pub(super) fn unmark(&mut self) {
        let length = self.header().value_len.load(Ordering::Relaxed) & !MARK;
        self.header().value_len.store(length, Ordering::Relaxed);
    }

    /// The rest of the chain.
    #[inline]
    pub(super) fn next(&self) -> &Chain {
        &self.header().next
    }

    /// The rest of the chain, to be walked on or relinked.
    #[inline]
    pub(super) fn next_mut(&mut self) -> &mut Chain {
        // SAFETY: the block starts with an initialised header, and the exclusive borrow makes this
        // the only reference to it.
        unsafe { &mut self.block.as_mut().next }
    }

    /// Where the block starts: a place to prefetch.
    #[inline]
    pub(super) fn start(&self) -> *const u8 {
        self.block.as_ptr().cast_const().cast()
    }

    /// Whether this is the item of `key`. Lengths differ more often than not where keys vary in
    /// length, and comparing them touches nothing beyond the header.
    #[inline]
    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        self.key_len() == key.len() && self.key() == key
    }

    /// Bytes of the block.
    pub(super) fn size(&self) -> u64 {
        (Item::HEADER + self.key_len() + self.value_len()) as u64
    }

    /// Asks for the item's memory: its header and, on most machines, key and start of value.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch_read(self.block.as_ptr());
    }

    #[inline]
    fn key_len(&self) -> usize {
        self.header().key_len as usize
    }

    #[inline]
    fn value_len(&self) -> usize {
        (self.header().value_len.load(Ordering::Relaxed) & !MARK) as usize
    }

    #[inline]
    fn header(&self) -> &Header {
        // SAFETY: the block starts with an initialised header.
        unsafe { self.block.as_ref() }
    }

    /// Where the key starts.
    #[inline]
    fn bytes(&self) -> NonNull<u8> {
        // SAFETY: the header is within the block, so its end is within it or just behind it.
        unsafe { self.block.add(1).cast() }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        // Chains of a million would overflow the stack if each item dropped its successor: they
        // are unlinked one by one here, and each is dropped with nothing behind it.
        let mut rest = self.next_mut().take();
        while let Some(mut item) = rest {
            rest = item.next_mut().take();
        }
        let layout = layout(self.key_len(), self.value_len());
        // SAFETY: `new` allocated the block with this layout, the lengths never change, and
        // dropping happens once. The header's only field with a destructor, `next`, is empty.
        unsafe { dealloc(self.block.cast().as_ptr(), layout) }
    }
}

fn length(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).ok();
    length
        .filter(|length| length & MARK == 0)
        .expect("a key or value is shorter than 2 GiB")
}

fn layout(key_len: usize, value_len: usize) -> Layout {
    Layout::from_size_align(Item::HEADER + key_len + value_len, align_of::<Header>())
        .expect("two 32-bit lengths and a header fit the address space")
}

/// Overwrites the item's value from `at` on.
pub(super) fn patch(item: Option<&mut Item>, at: usize, bytes: &[u8]) {
    patch_value(item.map(Item::value_mut), at, bytes);
}

/// Overwrites a value's bytes from `at` on: [`Edit::Patch`](super::Edit::Patch), which promises
/// that there is a value and that it does not get longer.
pub(super) fn patch_value(value: Option<&mut [u8]>, at: usize, bytes: &[u8]) {
    let value = value.expect("a patch needs an entry");
    let end = at.checked_add(bytes.len());
    let part = end.and_then(|end| value.get_mut(at..end));
    part.expect("a patch never lengthens the value")
        .copy_from_slice(bytes);
}

// SAFETY: an `Item` is a transparent `NonNull`, of which an `Option` is guaranteed to be `None` when
// all its bytes are zero; an `UnsafeCell` has the representation of what it holds.
unsafe impl ZeroIsEmpty for UnsafeCell<Chain> {}

/// Gives a chain up for a pointer to its first item, null if it is empty: for strategies that keep
/// their heads in atomics. The pointer is a multiple of [`Item::ALIGN`]. It is owned: what becomes of
/// the chain is up to [`from_raw`].
#[inline]
pub(super) fn into_raw(chain: Chain) -> *mut () {
    chain.map_or(std::ptr::null_mut(), |item| {
        ManuallyDrop::new(item).block.as_ptr().cast()
    })
}

/// The chain that [`into_raw`] gave up.
///
/// # Safety
/// The pointer comes from `into_raw`, and no other chain has been made of it since.
#[inline]
pub(super) unsafe fn from_raw(first: *mut ()) -> Chain {
    NonNull::new(first.cast()).map(|block| Item { block })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_one_word_and_a_header_two() {
        assert_eq!(size_of::<Chain>(), size_of::<usize>());
        assert_eq!(Item::HEADER, 2 * size_of::<usize>());
        assert_eq!(Item::new(b"key", b"value", None).size(), 16 + 3 + 5);
    }

    #[test]
    fn bytes_come_back_as_they_went_in() {
        for (key, value) in [
            (&b""[..], &b""[..]),
            (b"", b"v"),
            (b"k", b""),
            (b"key", b"value"),
        ] {
            let item = Item::new(key, value, None);
            assert_eq!((item.key(), item.value()), (key, value));
        }
    }

    #[test]
    fn a_value_of_the_same_length_is_replaced_in_place() {
        let mut item = Item::new(b"key", b"old", Some(Item::new(b"next", b"", None)));
        let block = item.block;
        item.replace_value(b"new");
        assert_eq!((item.block, item.value()), (block, &b"new"[..]));
        item.value_mut()[0] = b'N';
        item.replace_value(b"a longer one");
        assert_eq!(
            (item.key(), item.value()),
            (&b"key"[..], &b"a longer one"[..])
        );
        item.replace_value(b"");
        assert_eq!(item.value(), b"");
        assert_eq!(item.next().as_ref().unwrap().key(), b"next");
    }

    #[test]
    fn a_mark_is_no_part_of_the_length_and_outlives_a_new_value() {
        let mut item = Item::new(b"key", b"value", None);
        item.touch(false);
        assert!(!item.is_marked());
        item.touch(true);
        assert!(item.is_marked());
        assert_eq!((item.value(), item.size()), (&b"value"[..], 16 + 3 + 5));
        item.replace_value(b"other");
        item.replace_value(b"a longer one");
        assert!(item.is_marked());
        item.unmark();
        assert!(!item.is_marked());
    }

    #[test]
    fn a_patch_stays_within_the_value() {
        let mut item = Item::new(b"key", b"value", None);
        patch(Some(&mut item), 1, b"AL");
        patch(Some(&mut item), 5, b"");
        assert_eq!(item.value(), b"vALue");
        for (at, bytes) in [(4, &b"xy"[..]), (6, b""), (usize::MAX, b"x")] {
            let patching = std::panic::AssertUnwindSafe(|| patch(Some(&mut item), at, bytes));
            assert!(std::panic::catch_unwind(patching).is_err(), "{at}");
        }
        assert_eq!(item.value(), b"vALue");
    }
}
