//! An item's block: header, key and value as atomic words, so that it can be read while it changes.
//!
//! ```text
//!   word 0                  words 1 …           then
//!   ┌──────────────────────┬───────────────────┬────────────────────┐
//!   │ key_len │ value_len  │ key, zero-padded  │ value, zero-padded │
//!   └──────────────────────┴───────────────────┴────────────────────┘
//! ```
//!
//! Key and value start on words: a comparison takes a load per eight bytes, a copy the same.

use crate::table::sync::atomic::{AtomicU64, Ordering};
use std::ptr::NonNull;

use super::slab::class_for;
use super::version::fence_before_reuse;

/// A block of the slab: at least [`Block::MIN`] zeroed or written bytes, aligned to as many, never
/// unmapped while the table lives. Once it is free its bytes may become parts of blocks of other sizes. A handle, not
/// an owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::table) struct Block(pub(in crate::table) NonNull<AtomicU64>);

/// What a reader learnt of a block.
pub(in crate::table) enum Read {
    /// It holds the key; the value has been copied, and has so many bytes.
    Value(usize),
    /// It holds another key, if it still is what it was.
    Other,
    /// The bucket has changed: nothing is known.
    Changed,
}

impl Block {
    /// The smallest block, and the alignment of all, in bytes.
    pub(in crate::table) const MIN: usize = 8;
    /// Bytes that are neither key nor value nor padding.
    pub(in crate::table) const HEADER: usize = size_of::<u64>();

    /// Bytes that a key and a value take with header and padding.
    pub(in crate::table) fn bytes_for(key_len: usize, value_len: usize) -> usize {
        Block::HEADER + 8 * (key_len.div_ceil(8) + value_len.div_ceil(8))
    }

    /// Fills a block that no other thread can find, except stale readers.
    ///
    /// # Safety
    /// The block has [`Block::bytes_for`] these lengths.
    pub(in crate::table) unsafe fn fill(self, key: &[u8], value: &[u8]) {
        fence_before_reuse();
        // SAFETY: as the caller promises; for both calls.
        unsafe {
            store_bytes(self.words(1, key.len().div_ceil(8)), key);
            self.set_value(key.len(), value);
        }
    }

    /// Overwrites the value, and its length.
    ///
    /// # Safety
    /// The block has [`Block::bytes_for`] these lengths, and no other thread writes it: it is new, or
    /// the bucket that it is in is locked.
    pub(in crate::table) unsafe fn set_value(self, key_len: usize, value: &[u8]) {
        let header = u64::from(length(key_len)) << 32 | u64::from(length(value.len()));
        // SAFETY: as the caller promises; the header is in every block.
        unsafe {
            self.words(0, 1)[0].store(header, Ordering::Relaxed);
            store_bytes(
                self.words(1 + key_len.div_ceil(8), value.len().div_ceil(8)),
                value,
            );
        }
    }

    /// Overwrites the value's bytes from `at` on.
    ///
    /// # Safety
    /// The bucket that the block is in is locked.
    pub(in crate::table) unsafe fn patch(self, at: usize, bytes: &[u8]) {
        let (key_len, value_len) = self.lengths();
        let within = at
            .checked_add(bytes.len())
            .is_some_and(|end| end <= value_len);
        assert!(within, "a patch never lengthens the value");
        // SAFETY: under the lock the lengths are those of the entry, and the block is that long.
        let words = unsafe { self.words(1 + key_len.div_ceil(8), value_len.div_ceil(8)) };
        for (at, byte) in (at..).zip(bytes) {
            let mut word = words[at / 8].load(Ordering::Relaxed).to_ne_bytes();
            word[at % 8] = *byte;
            words[at / 8].store(u64::from_ne_bytes(word), Ordering::Relaxed);
        }
    }

    /// Lengths of key and value, in bytes: any, unless the bucket is locked or has been validated.
    #[inline]
    pub(in crate::table) fn lengths(self) -> (usize, usize) {
        // SAFETY: the header is in every block, and a block stays mapped while the table lives.
        let header = unsafe { self.words(0, 1)[0].load(Ordering::Relaxed) };
        #[expect(clippy::cast_possible_truncation, reason = "two halves of a word")]
        let lengths = ((header >> 32) as usize, header as u32 as usize);
        lengths
    }

    /// Compares the key and copies the value, as a reader without a lock. `unchanged` says whether
    /// the bucket that this block was found in is still the same.
    #[inline]
    pub(in crate::table) fn read(
        self,
        key: &[u8],
        unchanged: impl Fn() -> bool,
        into: &mut Vec<u64>,
    ) -> Read {
        let (key_len, value_len) = self.lengths();
        if key_len != key.len() {
            return Read::Other;
        }
        // Lengths of a block that was reused meanwhile may reach beyond it.
        if !unchanged() {
            return Read::Changed;
        }
        let key_words = key_len.div_ceil(8);
        // SAFETY: the lengths have been validated, so the block was allocated for at least this
        // much; whatever its bytes are now, they stay mapped, and are stored to through atomics only.
        let words = unsafe { self.words(1, key_words + value_len.div_ceil(8)) };
        let (ours, value) = words.split_at(key_words);
        if !equal(ours, key) {
            return Read::Other;
        }
        // It grows only: what is behind the value is not looked at.
        if into.len() < value.len() {
            lengthen(into, value.len());
        }
        copy_words(value, into);
        if unchanged() {
            Read::Value(value_len)
        } else {
            Read::Changed
        }
    }

    /// The key of what looks like an entry in a block of this class, copied by one that does not know whether it is one:
    /// any bytes, unless a bucket turns out to hold the block, and it to hold this key.
    ///
    /// # Safety
    /// The block lies in a page of a slab, which is as long as blocks of the class from there on, and no header, and lent
    /// them once.
    pub(in crate::table) unsafe fn presumed_key(
        self,
        class: usize,
        copy: &mut Vec<u64>,
    ) -> Option<&[u8]> {
        let (key_len, value_len) = self.lengths();
        if class_for(Block::bytes_for(key_len, value_len)) != class {
            return None;
        }
        let words = key_len.div_ceil(8);
        if copy.len() < words {
            copy.resize(words, 0);
        }
        // SAFETY: a key of an entry of this class is no longer than that; whatever the bytes are, they stay mapped, and
        // are stored to through atomics only.
        copy_words(unsafe { self.words(1, words) }, &mut copy[..words]);
        Some(as_bytes(copy, key_len))
    }

    /// Whether the block holds `key`.
    ///
    /// # Safety
    /// The bucket that the block is in is locked, or the table is not shared.
    pub(in crate::table) unsafe fn has_key(self, key: &[u8]) -> bool {
        let (key_len, _) = self.lengths();
        // SAFETY: as the caller promises, the lengths are those of the entry.
        key_len == key.len() && equal(unsafe { self.words(1, key_len.div_ceil(8)) }, key)
    }

    /// Key and value, in place.
    ///
    /// # Safety
    /// The bucket that the block is in stays locked, and the entry unwritten, for as long as the
    /// result is used, or the table is not shared.
    pub(in crate::table) unsafe fn bytes<'b>(self) -> (&'b [u8], &'b [u8]) {
        let (key_len, value_len) = self.lengths();
        let words = self.0.cast::<u8>();
        // SAFETY: key and value are initialised and within the block, as its lengths under the lock
        // say; other threads at most load them meanwhile, as only the lock's holder stores.
        unsafe {
            let key = words.add(Block::HEADER);
            let value = key.add(key_len.next_multiple_of(8));
            (
                NonNull::slice_from_raw_parts(key, key_len).as_ref(),
                NonNull::slice_from_raw_parts(value, value_len).as_ref(),
            )
        }
    }

    /// Words of the block.
    ///
    /// # Safety
    /// The block is that long, and the table outlives the use of the result.
    #[inline]
    unsafe fn words<'b>(self, from: usize, count: usize) -> &'b [AtomicU64] {
        // SAFETY: as the caller promises; what lies in a page of a slab was cleared before its block was lent, and words of
        // other blocks are loaded once they were stored. Since then blocks are written only through atomics, which
        // references to atomics allow. (The system may write zeros, which is no access of this program.)
        unsafe { NonNull::slice_from_raw_parts(self.0.add(from), count).as_ref() }
    }
}

/// Makes a buffer longer, which happens a few times in a session.
#[cold]
fn lengthen(buffer: &mut Vec<u64>, words: usize) {
    buffer.resize(words, 0);
}

/// Copies words that others may be writing, as many as there are of both.
#[inline]
pub(in crate::table) fn copy_words(from: &[AtomicU64], into: &mut [u64]) {
    let count = from.len().min(into.len());
    let (mut from, mut into) = (&from[..count], &mut into[..count]);
    // Four at a time and without iterators: the call of an iterator, or a checked index, costs as much as the word.
    while let Some((four, rest)) = from.split_first_chunk::<4>()
        && let Some((places, room)) = std::mem::take(&mut into).split_first_chunk_mut::<4>()
    {
        places[0] = four[0].load(Ordering::Relaxed);
        places[1] = four[1].load(Ordering::Relaxed);
        places[2] = four[2].load(Ordering::Relaxed);
        places[3] = four[3].load(Ordering::Relaxed);
        (from, into) = (rest, room);
    }
    // Three are left at most.
    if let Some((two, rest)) = from.split_first_chunk::<2>()
        && let Some((places, room)) = std::mem::take(&mut into).split_first_chunk_mut::<2>()
    {
        places[0] = two[0].load(Ordering::Relaxed);
        places[1] = two[1].load(Ordering::Relaxed);
        (from, into) = (rest, room);
    }
    if let (Some(word), Some(place)) = (from.first(), into.first_mut()) {
        *place = word.load(Ordering::Relaxed);
    }
}

/// The first `len` bytes of words that were copied out of a block.
#[inline]
pub(in crate::table) fn as_bytes(words: &[u64], len: usize) -> &[u8] {
    as_bytes_from(words, 0, len)
}

/// `len` bytes of words that were copied, from the one at `from` on, less than 8.
#[inline]
pub(in crate::table) fn as_bytes_from(words: &[u64], from: usize, len: usize) -> &[u8] {
    assert!(from < 8 && from + len <= size_of_val(words));
    // SAFETY: the words are initialised and at least as long, and any byte is a `u8`.
    unsafe { std::slice::from_raw_parts(words.as_ptr().cast::<u8>().add(from), len) }
}

fn length(len: usize) -> u32 {
    u32::try_from(len).expect("a key or value is shorter than 4 GiB")
}

/// Stores bytes as words, the last one padded with zeros; in groups, for the reason that [`differing`] has.
#[inline]
pub(in crate::table) fn store_bytes(words: &[AtomicU64], bytes: &[u8]) {
    // Here, it spares the checks below.
    assert!(bytes.len() <= size_of_val(words));
    let (mut chunks, rest) = bytes.as_chunks::<8>();
    let (mut words, behind) = words.split_at(chunks.len());
    let store = |word: &AtomicU64, bytes: &[u8; 8]| {
        word.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
    };
    while let Some((four, left)) = chunks.split_first_chunk::<4>()
        && let Some((places, more)) = words.split_first_chunk::<4>()
    {
        store(&places[0], &four[0]);
        store(&places[1], &four[1]);
        store(&places[2], &four[2]);
        store(&places[3], &four[3]);
        (words, chunks) = (more, left);
    }
    if let Some((two, left)) = chunks.split_first_chunk::<2>()
        && let Some((places, more)) = words.split_first_chunk::<2>()
    {
        store(&places[0], &two[0]);
        store(&places[1], &two[1]);
        (words, chunks) = (more, left);
    }
    if let (Some(word), Some(one)) = (words.first(), chunks.first()) {
        store(word, one);
    }
    if !rest.is_empty() {
        let last = tail(bytes, rest.len()).to_le();
        behind[0].store(last, Ordering::Relaxed);
    }
}

/// Whether the words hold these bytes, as [`store_bytes`] left them; there are as many words as the bytes take.
#[inline]
fn equal(words: &[AtomicU64], bytes: &[u8]) -> bool {
    debug_assert_eq!(words.len(), bytes.len().div_ceil(8));
    let (whole, rest) = bytes.as_chunks::<8>();
    let (behind, mut differ) = differing(words, whole);
    if let Some(last) = behind.first() {
        differ |= last.load(Ordering::Relaxed) ^ tail(bytes, rest.len()).to_le();
    }
    differ == 0
}

/// The words behind as many as there are chunks, and the bits by which those before differ from the chunks. There are no
/// fewer words than chunks.
///
/// Four at a time, then two, then one: a loop over single words is unrolled by the compiler, with more instructions before
/// it than a key has words.
#[inline]
pub(in crate::table) fn differing<'w>(
    words: &'w [AtomicU64],
    chunks: &[[u8; 8]],
) -> (&'w [AtomicU64], u64) {
    debug_assert!(words.len() >= chunks.len());
    let count = chunks.len().min(words.len());
    let ((words, behind), mut chunks) = (words.split_at(count), &chunks[..count]);
    let (mut words, mut differ) = (words, 0);
    let differs = |word: &AtomicU64, bytes: &[u8; 8]| {
        word.load(Ordering::Relaxed) ^ u64::from_ne_bytes(*bytes)
    };
    while let Some((ours, more)) = words.split_first_chunk::<4>()
        && let Some((four, left)) = chunks.split_first_chunk::<4>()
    {
        differ |= differs(&ours[0], &four[0]) | differs(&ours[1], &four[1]);
        differ |= differs(&ours[2], &four[2]) | differs(&ours[3], &four[3]);
        (words, chunks) = (more, left);
    }
    if let Some((ours, more)) = words.split_first_chunk::<2>()
        && let Some((two, left)) = chunks.split_first_chunk::<2>()
    {
        differ |= differs(&ours[0], &two[0]) | differs(&ours[1], &two[1]);
        (words, chunks) = (more, left);
    }
    if let (Some(word), Some(one)) = (words.first(), chunks.first()) {
        differ |= differs(word, one);
    }
    (behind, differ)
}

/// The last `count` bytes of `bytes`, 7 at most, as a little-endian word with zeros above. Cut out of the last eight
/// where there are as many, which spares a copy of variable length.
#[inline]
pub(in crate::table) fn tail(bytes: &[u8], count: usize) -> u64 {
    match bytes.last_chunk::<8>() {
        Some(last) if count > 0 => u64::from_le_bytes(*last) >> (64 - 8 * count),
        _ => little_endian(&bytes[bytes.len() - count..]),
    }
}

/// Up to eight bytes as a little-endian number.
#[inline]
pub(in crate::table) fn little_endian(bytes: &[u8]) -> u64 {
    let (mut word, mut at) = (0, bytes.len());
    while at > 0 {
        at -= 1;
        word = word << 8 | u64::from(bytes[at]);
    }
    word
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn words(count: usize) -> Box<[AtomicU64]> {
        (0..count).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    fn block_in(memory: &[AtomicU64]) -> Block {
        Block(NonNull::new(memory.as_ptr().cast_mut()).unwrap())
    }

    #[test]
    fn bytes_of_every_length_come_back() {
        let all: Vec<u8> = (1..=200).collect();
        // Whole words from none to two groups of four and three, with and without an end.
        let lengths = (0..20).chain([24, 27, 32, 35, 40, 45, 48, 56, 59, 64, 72, 80, 88, 95]);
        for key_len in lengths.clone() {
            for value_len in lengths.clone() {
                let (key, value) = (&all[..key_len], &all[key_len..key_len + value_len]);
                let memory = words(Block::bytes_for(key_len, value_len) / 8);
                let block = block_in(&memory);
                // SAFETY: the memory is as long as these lengths ask for.
                unsafe { block.fill(key, value) };
                assert_eq!(block.lengths(), (key_len, value_len));
                // SAFETY: no other thread has the memory.
                assert!(unsafe { block.has_key(key) && block.bytes() == (key, value) });
                let mut copy = vec![7];
                match block.read(key, || true, &mut copy) {
                    Read::Value(len) => assert_eq!(as_bytes(&copy, len), value),
                    Read::Other | Read::Changed => panic!("{key_len} {value_len}"),
                }
                let mut read = |key: &[u8], unchanged| block.read(key, || unchanged, &mut copy);
                assert!(matches!(read(key, false), Read::Changed));
                assert!(matches!(read(&all[..=key_len], true), Read::Other));
                for at in 0..key_len {
                    let mut other = key.to_vec();
                    other[at] ^= 0x80;
                    assert!(matches!(read(&other, true), Read::Other), "{key_len} {at}");
                }
            }
        }
    }

    #[test]
    fn a_patch_touches_its_bytes_alone() {
        let memory = words(Block::bytes_for(3, 19) / 8);
        let block = block_in(&memory);
        // SAFETY: the memory is as long as these lengths ask for, and no other thread has it.
        unsafe {
            block.fill(b"key", b"0123456789012345678");
            block.patch(6, b"abcde");
            block.patch(19, b"");
            assert_eq!(block.bytes(), (&b"key"[..], &b"012345abcde12345678"[..]));
        }
        for (at, bytes) in [(18, &b"xy"[..]), (20, b""), (usize::MAX, b"x")] {
            // SAFETY: as above.
            let patch = std::panic::AssertUnwindSafe(|| unsafe { block.patch(at, bytes) });
            assert!(std::panic::catch_unwind(patch).is_err(), "{at}");
        }
    }
}
