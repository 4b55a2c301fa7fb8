//! A page: sixteen cache lines of version, tags, places and entries, and how readers search it.
//!
//! ```text
//!   word  0         1, 2            3, 4              5            6, 7             8 … 127
//!         ┌─────────┬───────────────┬─────────────────┬────────────┬────────────────┬──────────────────────┐
//!         │ version │ 16 tags of    │ 16 places of    │ 16 marks,  │ two pointers   │ records and more     │
//!         │ + lock  │ 8 bits, 0: no │ 8 bits: a word, │ which body │ to blocks; the │ pointers ─▸     free │
//!         │         │ entry         │ which kind      │ is free    │ 2nd or a link  │      ◂─ and from here│
//!         └─────────┴───────────────┴─────────────────┴────────────┴────────────────┴──────────────────────┘
//!         ╰────────────────────────── the first line ──────────────────────────────╯
//! ```
//!
//! Entry `n` of a page has the `n`-th tag and the `n`-th place; entries have no gaps. A place counts words from the
//! sixth on. A bit of the hash says at which end of the body an entry is added, so a reader knows the half in which it
//! is, as long as that end takes no more. Where a page has more than sixteen entries, the rest are in lines of seven
//! tagged pointers each, those of `optimistic`, that the second pointer leads to.

use crate::table::sync::atomic::{AtomicU64, Ordering};
use std::ops::Range;
use std::ptr::with_exposed_provenance;

use super::record::{self, Span};
use crate::base::Key;
use crate::table::optimistic::block::{self, Block};
use crate::table::optimistic::bucket::{self, Entry, Overflow};
use crate::table::optimistic::version::{State, Version};
use crate::table::prefetch::{LINE, prefetch_read};

/// Entries that a page has tags for.
pub(super) const SLOTS: usize = 16;
/// Words of a page that places count.
pub(super) const BODY: usize = 122;
/// The first of them: pointers alone, so that they come with the first line.
pub(super) const DIRECT: usize = 2;
/// The word that is the link where a page spills.
pub(super) const LINK: usize = 1;
/// Set in a place whose word is a pointer.
pub(super) const POINTER: u8 = 0x80;
/// Where `meta` has the end of what is at the front of the body; below are the marks.
pub(super) const FRONT_SHIFT: u32 = 16;
/// Where it has how many words are taken at the back.
pub(super) const BACK_SHIFT: u32 = 24;
/// Lines that a reader asks for beside the first. Half of the body is seven and a half lines; both halves have the one in
/// the middle.
const HALF: usize = 8;
const LINES: usize = size_of::<Page>() / LINE;

/// Sixteen lines. All zeros is an empty page.
#[repr(C, align(64))]
pub(super) struct Page {
    pub(super) version: Version,
    pub(super) tags: [AtomicU64; 2],
    pub(super) places: [AtomicU64; 2],
    pub(super) meta: AtomicU64,
    pub(super) body: [AtomicU64; BODY],
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Page>() == 1024);

/// What a reader learnt.
pub(super) enum Look {
    /// The entry is there, and its value has been copied.
    Found(Span),
    /// It is not there, if the page still is what it was.
    Other,
    /// The page has changed: nothing is known.
    Changed,
}

/// Where a batch goes on with a key.
#[derive(Clone, Copy)]
pub(super) enum Hint {
    /// The first entry with its tag, perhaps: a record at this place.
    Record(u8),
    /// The same: a block.
    Block(Block),
    /// Nowhere: it is to be looked up from the start.
    None,
}

/// The tag of a hash: its highest bits, as pages are picked by the low ones. Never 0, which is no entry's.
#[inline]
pub(super) fn tag(hash: u64) -> u8 {
    byte_of(hash, 7).max(1)
}

/// Whether the entry of a hash is added at the back of the body: a bit that says nothing about page and tag, and that
/// pointers keep.
#[inline]
pub(super) fn is_at_back(hash: u64) -> bool {
    hash >> 48 & 1 == 1
}

/// Where so many words are added, of those that are free; anywhere if there are fewer.
#[inline]
pub(super) fn place_in(free: &Range<usize>, words: usize, is_at_back: bool) -> usize {
    if is_at_back {
        free.end.saturating_sub(words)
    } else {
        free.start
    }
}

/// The lines of the half of the body at the back, or at the front.
#[inline]
fn half(is_at_back: bool) -> Range<usize> {
    let start = if is_at_back { LINES - HALF } else { 1 };
    start..start + HALF
}

/// A byte of a word, the lowest being the first.
#[inline]
pub(super) fn byte_of(word: u64, at: u32) -> u8 {
    (word >> (8 * at)).to_le_bytes()[0]
}

/// The highest bit of each byte of `tags` that is `tag`: exactly of those, as a byte next to one may be that of no
/// entry (Warren, *Hacker's Delight*, 2nd edition, 6-1: a byte is 0 if neither it nor the sum of its low seven bits with
/// 127 has the highest bit).
#[inline]
pub(super) fn matches(tags: u64, tag: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = ONES * 0x7f;
    let differ = tags ^ (ONES * u64::from(tag));
    !(((differ & LOW) + LOW) | differ | LOW)
}

/// The link in a word: null, or an overflow line.
pub(super) fn link(word: u64) -> *const Overflow {
    // The address was exposed when the word was made, as words hold records too.
    with_exposed_provenance(usize::try_from(word).expect("addresses have 64 bits"))
}

impl Page {
    /// Asks for the lines of the half where an entry of this hash is, but for the first line, which the caller is about
    /// to load. Most of them are not needed; but which one is only the first can tell, and then would cost a second wait.
    #[inline]
    pub(super) fn prefetch_half(&self, hash: u64) {
        let start = std::ptr::from_ref(self).cast::<u8>();
        let start = start.wrapping_add(LINE * half(is_at_back(hash)).start);
        for line in 0..HALF {
            prefetch_read(start.wrapping_add(LINE * line));
        }
    }

    /// Asks for all lines but the first.
    pub(super) fn prefetch_rest(&self) {
        let start = std::ptr::from_ref(self).cast::<u8>();
        for line in 1..LINES {
            prefetch_read(start.wrapping_add(LINE * line));
        }
    }

    /// The words of the body that nobody has, between those at the front and those at the back.
    #[inline]
    pub(super) fn free(&self) -> Range<usize> {
        let meta = self.meta.load(Ordering::Relaxed);
        let front = usize::from(byte_of(meta, FRONT_SHIFT / 8)).max(DIRECT);
        let back = usize::from(byte_of(meta, BACK_SHIFT / 8));
        front..BODY - back
    }

    /// Searches the page as a reader without a lock, from a state that was loaded before and is unlocked; copies the
    /// value if it finds the key. [`Look::Other`] has been validated. What is found is marked with `recency`.
    #[inline]
    pub(super) fn search(
        &self,
        state: State,
        key: Key<'_>,
        recency: bool,
        into: &mut Vec<u64>,
    ) -> Look {
        let tag = tag(key.hash);
        for half in 0..2 {
            let mut bits = matches(self.tags[half].load(Ordering::Relaxed), tag);
            while bits != 0 {
                let byte = bits.trailing_zeros() / 8;
                bits &= bits - 1;
                let places = self.places[half].load(Ordering::Relaxed);
                let look = self.look_at(byte_of(places, byte), state, key, into);
                if let Look::Other = look {
                    continue;
                }
                if recency && matches!(look, Look::Found(_)) {
                    self.mark(8 * half + byte as usize);
                }
                return look;
            }
        }
        if state.spills() {
            return self.search_lines(state, key, recency, into);
        }
        if self.version.unchanged_since(state) {
            Look::Other
        } else {
            Look::Changed
        }
    }

    /// The first slot with a tag, if there is one, and its place; it may hold another key. No branch on the half: which
    /// one has the tag cannot be predicted.
    #[inline]
    pub(super) fn candidate(&self, tag: u8) -> Option<(usize, u8)> {
        let [first, second] = &self.tags;
        let found = [
            matches(first.load(Ordering::Relaxed), tag),
            matches(second.load(Ordering::Relaxed), tag),
        ];
        let half = usize::from(found[0] == 0);
        let bits = found[half];
        if bits == 0 {
            return None;
        }
        let byte = bits.trailing_zeros() / 8;
        let places = self.places[half].load(Ordering::Relaxed);
        Some((8 * half + byte as usize, byte_of(places, byte)))
    }

    /// Looks at one place. [`Look::Other`] is not validated.
    #[inline]
    pub(super) fn look_at(
        &self,
        place: u8,
        state: State,
        key: Key<'_>,
        into: &mut Vec<u64>,
    ) -> Look {
        if place & POINTER == 0 {
            self.look_at_record(place, state, key.bytes, into)
        } else {
            match self.pointer(place, state, key.hash) {
                Some(Ok(block)) => self.look_at_block(block, state, key.bytes, into),
                Some(Err(())) => Look::Changed,
                None => Look::Other,
            }
        }
    }

    #[inline]
    pub(super) fn look_at_record(
        &self,
        place: u8,
        state: State,
        key: &[u8],
        into: &mut [u64],
    ) -> Look {
        let words = self.body.get(usize::from(place)..).unwrap_or(&[]);
        match record::read(words, key, into) {
            None => Look::Other,
            Some(span) if self.version.unchanged_since(state) => Look::Found(span),
            Some(_) => Look::Changed,
        }
    }

    #[inline]
    pub(super) fn look_at_block(
        &self,
        block: Block,
        state: State,
        key: &[u8],
        into: &mut Vec<u64>,
    ) -> Look {
        let unchanged = || self.version.unchanged_since(state);
        match block.read(key, unchanged, into) {
            block::Read::Value(len) => Look::Found(Span { from: 0, len }),
            block::Read::Other => Look::Other,
            block::Read::Changed => Look::Changed,
        }
    }

    /// The block that a place leads to if the pointer has the hash's tag, and asks for its lines; an error if the page
    /// has changed.
    #[inline]
    fn pointer(&self, place: u8, state: State, hash: u64) -> Option<Result<Block, ()>> {
        let word = self.body.get(usize::from(place & !POINTER))?;
        let word = word.load(Ordering::Relaxed);
        // Before the word is taken for a pointer: it might be one of a record's.
        if !self.version.unchanged_since(state) {
            return Some(Err(()));
        }
        let entry = Entry::from_word(word);
        if entry.tag() != bucket::tag(hash) {
            return None;
        }
        entry.prefetch();
        entry.block().map(Ok)
    }

    /// Searches the overflow lines.
    #[cold]
    fn search_lines(&self, state: State, key: Key<'_>, recency: bool, into: &mut Vec<u64>) -> Look {
        let unchanged = || self.version.unchanged_since(state);
        let mut next = link(self.body[LINK].load(Ordering::Relaxed));
        loop {
            if !unchanged() {
                return Look::Changed;
            }
            // SAFETY: the version has just been validated, so this was a link of the page; an overflow line stays
            // one, and mapped, even if it is unlinked meanwhile.
            let Some(line) = (unsafe { next.as_ref() }) else {
                return Look::Other;
            };
            next = line.next.load(Ordering::Acquire);
            let mut bits = bucket::matches(&line.slots, bucket::tag(key.hash));
            while bits != 0 {
                let slot = &line.slots[bits.trailing_zeros() as usize];
                bits &= bits - 1;
                let entry = slot.load();
                let look = entry
                    .block()
                    .map(|block| self.look_at_block(block, state, key.bytes, into));
                match look {
                    None | Some(Look::Other) => {}
                    Some(look) => {
                        if recency && matches!(look, Look::Found(_)) {
                            slot.mark(entry);
                        }
                        return look;
                    }
                }
            }
        }
    }

    /// Where the first entry with the key's tag is, and asks for its lines, those of a record as if its last byte
    /// were `last` behind its first. The first line is at hand.
    #[inline]
    pub(super) fn hint(&self, state: State, hash: u64, last: usize) -> Hint {
        match self.candidate(tag(hash)) {
            None => Hint::None,
            Some((_, place)) if place & POINTER == 0 => {
                let record = self.body.as_ptr().wrapping_add(usize::from(place));
                prefetch_record(record, last);
                Hint::Record(place)
            }
            Some((_, place)) => match self.pointer(place, state, hash) {
                Some(Ok(block)) => Hint::Block(block),
                _ => Hint::None,
            },
        }
    }

    /// Asks for the lines of a record that would be added, as [`Page::hint`] does for one that is there.
    pub(super) fn prefetch_end(&self, hash: u64, last: usize) {
        let start = place_in(&self.free(), last / 8 + 1, is_at_back(hash));
        prefetch_record(self.body.as_ptr().wrapping_add(start), last);
    }

    /// Marks an entry as used, if it has no mark. For readers without a lock too: by then another entry may have its
    /// place, and gets the mark; it is a hint.
    #[inline]
    pub(super) fn mark(&self, slot: usize) {
        let mark = 1 << slot;
        if self.meta.load(Ordering::Relaxed) & mark == 0 {
            self.meta.fetch_or(mark, Ordering::Relaxed);
        }
    }
}

/// Asks for the lines of a record. Some of the addresses lie in one line: to ask twice costs less than a branch that
/// chance takes, and a line that nobody asked for costs a wait.
#[inline]
fn prefetch_record(start: *const AtomicU64, last: usize) {
    for at in record::lines(last) {
        prefetch_read(start.wrapping_byte_add(at));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn halves_have_their_words_and_together_all_lines_but_the_first() {
        // The body begins six words behind the first line's begin.
        let line_of = |word: usize| (6 + word) / 8;
        let middle = DIRECT + (BODY - DIRECT) / 2;
        let [front, back] = [false, true].map(half);
        assert_eq!((line_of(DIRECT), line_of(BODY - 1)), (1, LINES - 1));
        assert!((DIRECT..middle).all(|word| front.contains(&line_of(word))));
        assert!((middle..BODY).all(|word| back.contains(&line_of(word))));
        assert_eq!((front.start, front.end - 1), (1, back.start));
        assert_eq!(back.end, LINES);
        assert_eq!(place_in(&(20..100), 12, false), 20);
        assert_eq!(place_in(&(20..100), 12, true), 88);
    }

    #[test]
    fn tags_are_found_where_they_are() {
        let tags = u64::from_le_bytes([1, 0, 2, 2, 0x80, 0xff, 3, 2]);
        let at = |tag| -> Vec<u32> {
            let bits = matches(tags, tag);
            (0..8).filter(|at| bits >> (8 * at + 7) & 1 == 1).collect()
        };
        // Next to it is the byte of no entry, which differs in the lowest bit alone.
        assert_eq!(at(1), [0]);
        assert_eq!(at(0x80), [4]);
        assert_eq!(at(0xff), [5]);
        assert_eq!(at(2), [2, 3, 7]);
        assert_eq!(at(3), [6]);
        assert_eq!(at(77), [0_u32; 0]);
        assert_eq!((tag(0), tag(u64::MAX), tag(5 << 56)), (1, 255, 5));
    }
}
