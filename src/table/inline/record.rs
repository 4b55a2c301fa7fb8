//! An entry inside a page: lengths, key and value behind one another, as atomic words.
//!
//! ```text
//!   word 0                                  word 1             word 2          …
//!   ┌─────────┬───────────┬───────────────┬──────────────────┬────────────────┬─
//!   │ key_len │ value_len │ first 4 bytes │ the rest of the key, then the value, padded with zeros
//!   └─────────┴───────────┴───────────────┴──────────────────┴────────────────┴─
//!     2 bytes   2 bytes     4 bytes
//! ```
//!
//! A reader compares and copies whole words; the value starts somewhere in the first word of its copy.

use crate::table::optimistic::block::{copy_words, differing, little_endian, store_bytes, tail};
use crate::table::prefetch::LINE;
use crate::table::sync::atomic::{AtomicU64, Ordering};

/// Bytes before the key.
pub(super) const HEADER: usize = 4;
/// The longest record, in words: a quarter of a page's, so that some fit into each.
pub(super) const MOST_WORDS: usize = 30;

/// Where a value lies in the buffer that it was copied to, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) len: usize,
}

/// Words of a record with a key and a value of these lengths, unless they are too long for one.
#[inline]
pub(super) fn words_for(key_len: usize, value_len: usize) -> Option<usize> {
    let words = (key_len.saturating_add(value_len).saturating_add(HEADER)).div_ceil(8);
    (words <= MOST_WORDS).then_some(words)
}

/// Lengths of key and value, as the first word says.
#[inline]
fn lengths_in(first: u64) -> (usize, usize) {
    let first = u64::from_le(first);
    ((first & 0xffff) as usize, (first >> 16 & 0xffff) as usize)
}

/// Lengths of key and value in a record: any, unless the page is locked or has been validated.
#[inline]
pub(super) fn lengths(words: &[AtomicU64]) -> (usize, usize) {
    lengths_in(words[0].load(Ordering::Relaxed))
}

/// The lowest `bytes` bytes of a number, 7 at most.
#[inline]
fn low_bytes(number: u64, bytes: usize) -> u64 {
    number & !(u64::MAX << (8 * bytes))
}

/// Compares the key of the record that starts these words, and copies the words with its value, as a reader without
/// a lock: what it says is true if the page is still what it was. `into` has [`MOST_WORDS`] words at least.
#[inline]
pub(super) fn read(words: &[AtomicU64], key: &[u8], into: &mut [u64]) -> Option<Span> {
    let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
    let first = load(words.first()?);
    let (key_len, value_len) = lengths_in(first);
    let total = (HEADER + key_len + value_len).div_ceil(8);
    // A record that is being written may say anything.
    if key_len != key.len() || total > words.len().min(MOST_WORDS) {
        return None;
    }
    let words = &words[..total];
    let differ = match key.split_first_chunk::<4>() {
        Some((start, rest)) => {
            let (chunks, odd) = rest.as_chunks::<8>();
            let mut differ = u64::from_le(first) >> 32 ^ u64::from(u32::from_le_bytes(*start));
            let (behind, others) = differing(&words[1..], chunks);
            differ |= others;
            if !odd.is_empty() {
                let last = u64::from_le(behind.first().map_or(0, load));
                differ |= low_bytes(last ^ tail(key, odd.len()), odd.len());
            }
            differ
        }
        None => low_bytes(u64::from_le(first) >> 32 ^ little_endian(key), key.len()),
    };
    if differ != 0 {
        return None;
    }
    let from = HEADER + key_len;
    copy_words(&words[(from / 8).min(total)..], into);
    Some(Span {
        from: from % 8,
        len: value_len,
    })
}

/// How far the last byte of a record with a key and a value of these lengths is behind its first.
#[inline]
pub(super) fn last_byte(key_len: usize, value_len: usize) -> usize {
    HEADER + key_len + value_len - 1
}

/// Where to ask for the lines of a record, behind its first byte: each of its lines is among them, wherever it starts.
#[inline]
pub(super) fn lines(last: usize) -> [usize; 5] {
    [0, LINE, 2 * LINE, 3 * LINE, 8 * MOST_WORDS - 1].map(|at| at.min(last))
}

/// Writes a record to the first [`words_for`] its lengths of these words. Only for the holder of the page's lock.
pub(super) fn store(words: &[AtomicU64], key: &[u8], value: &[u8]) {
    let mut image = [[0_u8; 8]; MOST_WORDS];
    let bytes = image.as_flattened_mut();
    let length = |len: usize| u16::try_from(len).expect("a record is short").to_le_bytes();
    bytes[..2].copy_from_slice(&length(key.len()));
    bytes[2..4].copy_from_slice(&length(value.len()));
    bytes[HEADER..][..key.len()].copy_from_slice(key);
    bytes[HEADER + key.len()..][..value.len()].copy_from_slice(value);
    let count = (HEADER + key.len() + value.len()).div_ceil(8);
    for (word, image) in words[..count].iter().zip(&image) {
        word.store(u64::from_ne_bytes(*image), Ordering::Relaxed);
    }
}

/// Overwrites the value of the record that starts these words with one of as many bytes. Only for the holder of the page's
/// lock.
pub(super) fn store_value(words: &[AtomicU64], key_len: usize, value: &[u8]) {
    debug_assert_eq!(lengths(words), (key_len, value.len()));
    let from = HEADER + key_len;
    let (words, within) = (&words[from / 8..], from % 8);
    if within == 0 {
        return store_bytes(words, value);
    }
    // The first word ends with the value's first bytes, or with all of them and zeros.
    let (start, rest) = value.split_at(value.len().min(8 - within));
    let key = low_bytes(u64::from_le(words[0].load(Ordering::Relaxed)), within);
    let word = key | little_endian(start) << (8 * within);
    words[0].store(word.to_le(), Ordering::Relaxed);
    store_bytes(&words[1..], rest);
}

/// Overwrites bytes of the value from `at` on. Only for the holder of the page's lock.
pub(super) fn patch(words: &[AtomicU64], at: usize, bytes: &[u8]) {
    let (key_len, value_len) = lengths(words);
    let within = at
        .checked_add(bytes.len())
        .is_some_and(|end| end <= value_len);
    assert!(within, "a patch never lengthens the value");
    for (at, byte) in (HEADER + key_len + at..).zip(bytes) {
        let mut word = words[at / 8].load(Ordering::Relaxed).to_ne_bytes();
        word[at % 8] = *byte;
        words[at / 8].store(u64::from_ne_bytes(word), Ordering::Relaxed);
    }
}

/// Key and value, in place.
///
/// # Safety
/// The words hold a record, and stay unwritten for as long as the result is used: the page stays locked, or the table
/// is not shared.
pub(super) unsafe fn bytes(words: &[AtomicU64]) -> (&[u8], &[u8]) {
    let (key_len, value_len) = lengths(words);
    assert!(HEADER + key_len + value_len <= size_of_val(words));
    // SAFETY: key and value are within the words, as was asserted, and initialised; as the caller promises, other
    // threads at most load them meanwhile.
    unsafe {
        let start = words.as_ptr().cast::<u8>().add(HEADER);
        (
            std::slice::from_raw_parts(start, key_len),
            std::slice::from_raw_parts(start.add(key_len), value_len),
        )
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn words(count: usize) -> Vec<AtomicU64> {
        (0..count).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    #[test]
    fn records_of_every_length_come_back() {
        let all: Vec<u8> = (1..=80).collect();
        for key_len in 0..40 {
            for value_len in 0..40 {
                let (key, value) = (&all[..key_len], &all[key_len..key_len + value_len]);
                let memory = words(words_for(key_len, value_len).unwrap() + 1);
                store(&memory, key, value);
                let behind = memory.last().unwrap();
                assert_eq!(behind.load(Ordering::Relaxed), u64::MAX);
                assert_eq!(lengths(&memory), (key_len, value_len));
                // SAFETY: no other thread has the memory.
                assert_eq!(unsafe { bytes(&memory) }, (key, value));
                let mut copy = vec![0; MOST_WORDS];
                let span = read(&memory, key, &mut copy).unwrap();
                assert_eq!(span.len, value_len);
                let copied: Vec<u8> = copy.iter().flat_map(|word| word.to_ne_bytes()).collect();
                assert_eq!(&copied[span.from..][..span.len], value, "{key_len}");
                for at in 0..key_len {
                    let mut other = key.to_vec();
                    other[at] ^= 0x80;
                    assert_eq!(read(&memory, &other, &mut copy), None, "{key_len} {at}");
                }
                assert_eq!(read(&memory, &all[..=key_len], &mut copy), None);
            }
        }
    }

    #[test]
    fn every_line_of_a_record_is_asked_for() {
        for start in (0..LINE).step_by(8) {
            for value_len in 0..=8 * MOST_WORDS - HEADER {
                let last = last_byte(0, value_len);
                let asked = lines(last).map(|at| (start + at) / LINE);
                for line in 0..=(start + last) / LINE {
                    assert!(asked.contains(&line), "{value_len} at {start}: {asked:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_is_no_record() {
        assert_eq!(words_for(0, 0), Some(1));
        assert_eq!(words_for(23, 64), Some(12));
        assert_eq!(words_for(36, 200), Some(30));
        assert_eq!(words_for(37, 200), None);
        assert_eq!(words_for(usize::MAX, 1), None);
    }

    #[test]
    fn lengths_that_reach_beyond_the_page_are_not_followed() {
        let memory = words(2);
        let mut copy = vec![0; MOST_WORDS];
        memory[0].store(
            u64::from_ne_bytes([3, 0, 200, 0, 1, 2, 3, 4]),
            Ordering::Relaxed,
        );
        assert_eq!(read(&memory, &[1, 2, 3], &mut copy), None);
        assert_eq!(read(&[], &[], &mut copy), None);
    }

    #[test]
    fn a_value_of_as_many_bytes_takes_the_place_of_another() {
        let (old, new) = ([0x55; 120], (1..=120).collect::<Vec<u8>>());
        for key_len in 0..20 {
            for value_len in 0..120 {
                let (key, value) = (&new[..key_len], &new[..value_len]);
                let count = words_for(key_len, value_len).unwrap();
                let (memory, fresh) = (words(count + 1), words(count + 1));
                store(&memory, key, &old[..value_len]);
                store_value(&memory[..count], key_len, value);
                store(&fresh, key, value);
                for (word, wanted) in memory.iter().zip(&fresh) {
                    let both = [word, wanted].map(|word| word.load(Ordering::Relaxed));
                    assert_eq!(both[0], both[1], "{key_len} {value_len}");
                }
            }
        }
    }

    #[test]
    fn a_patch_touches_its_bytes_alone() {
        let memory = words(words_for(3, 19).unwrap());
        store(&memory, b"key", b"0123456789012345678");
        patch(&memory, 6, b"abcde");
        patch(&memory, 19, b"");
        // SAFETY: no other thread has the memory.
        let value = unsafe { bytes(&memory) };
        assert_eq!(value, (&b"key"[..], &b"012345abcde12345678"[..]));
        for (at, bytes) in [(18, &b"xy"[..]), (20, b""), (usize::MAX, b"x")] {
            let patch = std::panic::AssertUnwindSafe(|| patch(&memory, at, bytes));
            assert!(std::panic::catch_unwind(patch).is_err(), "{at}");
        }
    }
}
