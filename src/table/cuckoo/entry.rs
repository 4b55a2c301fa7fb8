//! An entry: lengths, key and value in one heap block that never changes.
//!
//! ```text
//!   ┌──────────────┬────────────────┬─────┬───────┐
//!   │ key_len: u32 │ value_len: u32 │ key │ value │
//!   └──────────────┴────────────────┴─────┴───────┘
//! ```
//!
//! As no thread writes to it once it is published, readers look at its bytes without a lock and without
//! copying, for as long as their pin keeps it from being freed. A new value is a new entry.
//!
//! One bit is excepted: the top one of `value_len` says that the entry has been used, where uses are
//! marked. Readers set it, the walk clears it, and neither changes the length.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

const _: () = assert!(usize::BITS >= 64);

/// What precedes the key in a block; a pointer to it stands for the entry in a slot.
#[repr(C, align(8))]
pub(super) struct Header {
    key_len: u32,
    /// With [`MARK`] in the top bit.
    value_len: AtomicU32,
}

/// Set in `value_len` where the entry has been used since the mark was last cleared.
const MARK: u32 = 1 << 31;

/// An entry, owned.
pub(super) struct Entry {
    /// Points to a `Header` followed by `key_len` and then `value_len` initialised bytes, with the
    /// provenance of the whole block. No thread writes to it, but for the mark, which is atomic.
    block: NonNull<Header>,
}

/// An entry that a slot owns, borrowed.
pub(super) struct Borrowed<'g> {
    entry: ManuallyDrop<Entry>,
    _guard: PhantomData<&'g Entry>,
}

// SAFETY: the block is owned, as in a `Box`, and holds plain bytes.
unsafe impl Send for Entry {}
// SAFETY: the block is only ever read, but for a word that is atomic.
unsafe impl Sync for Entry {}

impl Entry {
    /// Bytes of a block that are neither key nor value.
    pub(super) const HEADER: usize = size_of::<Header>();

    /// Copies key and value into a new block.
    ///
    /// Panics if a length does not fit 31 bits; out of memory ends the process, as for a `Box`.
    pub(super) fn new(key: &[u8], value: &[u8]) -> Entry {
        Entry::with_patch(key, value, 0, &[])
    }

    /// Copies key and value into a new block, the value with other bytes from `at` on:
    /// [`Edit::Patch`](crate::table::Edit::Patch), which promises that it does not get longer.
    pub(super) fn with_patch(key: &[u8], value: &[u8], at: usize, bytes: &[u8]) -> Entry {
        let end = at.checked_add(bytes.len());
        let fits = end.is_some_and(|end| end <= value.len());
        assert!(fits, "a patch never lengthens the value");
        let header = Header {
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
        Entry { block }
    }

    /// Gives up the entry for a pointer, to be put into a slot.
    pub(super) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).block
    }

    /// Takes the entry back, out of a slot that has been emptied.
    ///
    /// # Safety
    /// The pointer comes from [`Entry::into_raw`] and is taken back once. A thread that may still have it
    /// borrowed is done with it when the entry is dropped.
    pub(super) unsafe fn from_raw(block: NonNull<Header>) -> Entry {
        Entry { block }
    }

    /// Borrows the entry that a slot owns.
    ///
    /// # Safety
    /// The pointer comes from [`Entry::into_raw`], and what it was turned back into, if it was, is not
    /// dropped during `'g`.
    #[inline]
    pub(super) unsafe fn borrow<'g>(block: NonNull<Header>) -> Borrowed<'g> {
        Borrowed {
            entry: ManuallyDrop::new(Entry { block }),
            _guard: PhantomData,
        }
    }

    /// The key.
    #[inline]
    pub(super) fn key(&self) -> &[u8] {
        // SAFETY: `key_len` initialised bytes follow the header, and no thread writes them.
        unsafe { NonNull::slice_from_raw_parts(self.bytes(), self.key_len()).as_ref() }
    }

    /// The value.
    #[inline]
    pub(super) fn value(&self) -> &[u8] {
        // SAFETY: `value_len` initialised bytes follow the key, and no thread writes them.
        unsafe {
            let start = self.bytes().add(self.key_len());
            NonNull::slice_from_raw_parts(start, self.value_len()).as_ref()
        }
    }

    /// Whether this is the entry of `key`.
    #[inline]
    pub(super) fn has_key(&self, key: &[u8]) -> bool {
        self.key_len() == key.len() && self.key() == key
    }

    /// Marks the entry as used, if uses are marked at all. One that is used often has its mark
    /// already, and its line is not written again.
    #[inline]
    pub(super) fn touch(&self, recency: bool) {
        if recency {
            let word = self.header().value_len.load(Ordering::Relaxed);
            if word & MARK == 0 {
                // Not a read-modify-write: others store a mark too, or take one away: it is a hint.
                self.header()
                    .value_len
                    .store(word | MARK, Ordering::Relaxed);
            }
        }
    }

    /// Whether the entry has been used since its mark was last cleared.
    pub(super) fn is_marked(&self) -> bool {
        self.header().value_len.load(Ordering::Relaxed) & MARK != 0
    }

    /// Clears the mark.
    pub(super) fn unmark(&self) {
        let word = self.header().value_len.load(Ordering::Relaxed);
        self.header()
            .value_len
            .store(word & !MARK, Ordering::Relaxed);
    }

    /// Bytes of the block.
    pub(super) fn size(&self) -> u64 {
        (Entry::HEADER + self.key_len() + self.value_len()) as u64
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

impl Drop for Entry {
    fn drop(&mut self) {
        let layout = layout(self.key_len(), self.value_len());
        // SAFETY: `with_patch` allocated the block with this layout; the lengths never change.
        unsafe { dealloc(self.block.cast().as_ptr(), layout) }
    }
}

impl Deref for Borrowed<'_> {
    type Target = Entry;

    #[inline]
    fn deref(&self) -> &Entry {
        &self.entry
    }
}

fn length(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).ok();
    length
        .filter(|length| length & MARK == 0)
        .expect("a key or value is shorter than 2 GiB")
}

fn layout(key_len: usize, value_len: usize) -> Layout {
    Layout::from_size_align(Entry::HEADER + key_len + value_len, align_of::<Header>())
        .expect("two 32-bit lengths and a header fit the address space")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_went_in() {
        let cases: [(&[u8], &[u8]); 4] = [(b"", b""), (b"", b"v"), (b"k", b""), (b"key", b"value")];
        for (key, value) in cases {
            let entry = Entry::new(key, value);
            assert_eq!((entry.key(), entry.value()), (key, value));
            entry.touch(false);
            assert!(!entry.is_marked());
            entry.touch(true);
            assert!(entry.is_marked());
            assert_eq!(entry.size(), 8 + (key.len() + value.len()) as u64);
            assert_eq!(entry.value(), value);
            entry.unmark();
            assert!(!entry.is_marked());
            assert!(entry.has_key(key) && !entry.has_key(b"other"));
            let block = entry.into_raw();
            // SAFETY: given up just above, and taken back below.
            let borrowed = unsafe { Entry::borrow(block) };
            assert_eq!(borrowed.value(), value);
            // SAFETY: given up above, taken back once, and no longer borrowed.
            drop(unsafe { Entry::from_raw(block) });
        }
    }

    #[test]
    fn a_patch_stays_within_the_value() {
        let patched = Entry::with_patch(b"key", b"value", 1, b"AL");
        assert_eq!(
            (patched.key(), patched.value()),
            (&b"key"[..], &b"vALue"[..])
        );
        assert_eq!(Entry::with_patch(b"", b"value", 5, b"").value(), b"value");
        for (at, bytes) in [(4, &b"xy"[..]), (6, b""), (usize::MAX, b"x")] {
            let patching = std::panic::catch_unwind(|| Entry::with_patch(b"", b"value", at, bytes));
            assert!(patching.is_err(), "{at}");
        }
    }
}
