//! What the holder of a page's lock does to it.
//!
//! What is at either end of the body has no gaps: what goes leaves its words to those between it and the free ones.
//! An entry that finds no room for its record goes to a block of the slab and leaves a pointer; if there is no room for
//! that either, a record makes some by going to a block itself. When something goes, the first entry outside comes back.

use crate::table::sync::atomic::{AtomicU64, Ordering};
use std::ops::Range;

use super::page::{
    BACK_SHIFT, BODY, DIRECT, FRONT_SHIFT, LINK, POINTER, Page, SLOTS, is_at_back, matches,
    place_in, tag,
};
use super::record;
use crate::base::Key;
use crate::hash::Hasher;
use crate::table::optimistic::block::Block;
use crate::table::optimistic::bucket::{self, Entry, Slot};
use crate::table::optimistic::slab::{Arena, Slab, class_bytes, class_for};
use crate::table::optimistic::version::State;

/// A page whose lock is held; unlocked when dropped.
pub(super) struct Locked<'t> {
    pub(super) page: &'t Page,
    before: State,
    /// The state that it is to be unlocked with.
    pub(super) state: State,
    /// Whether anything has been stored under the lock.
    changed: bool,
}

/// Where an entry is.
#[derive(Clone, Copy)]
pub(super) enum Spot<'t> {
    /// In the page, at this one of its tags.
    Slot(usize),
    /// In an overflow line.
    Line(&'t Slot),
}

/// Where blocks come from, and the hash function that tags them.
pub(super) struct Memory<'m> {
    pub(super) hasher: &'m Hasher,
    pub(super) slab: &'m Slab,
    pub(super) arena: &'m mut Arena,
}

impl Memory<'_> {
    /// A new block with this entry.
    pub(super) fn store(&mut self, key: Key<'_>, value: &[u8]) -> Entry {
        let class = class_for(Block::bytes_for(key.bytes.len(), value.len()));
        let block = Block(self.arena.allocate(self.slab, class).cast());
        // SAFETY: the class is for these lengths, and the block belongs to no other thread.
        unsafe { block.fill(key.bytes, value) };
        Entry::new(block, key.hash, class_bytes(class))
    }

    /// Takes back the block of an entry that no page holds any longer.
    pub(super) fn free(&mut self, block: Block) {
        let class = class_of(block);
        // SAFETY: allocated with the class of its lengths, and just unlinked.
        unsafe { self.arena.free(self.slab, class, block.0.cast()) };
    }
}

/// The class of a block in use.
pub(super) fn class_of(block: Block) -> usize {
    let (key_len, value_len) = block.lengths();
    class_for(Block::bytes_for(key_len, value_len))
}

/// The byte of a pair of words.
pub(super) fn byte(words: &[AtomicU64; 2], at: usize) -> u8 {
    words[at / 8].load(Ordering::Relaxed).to_le_bytes()[at % 8]
}

fn set_byte(words: &[AtomicU64; 2], at: usize, byte: u8) {
    let shift = 8 * (at % 8);
    let rest = words[at / 8].load(Ordering::Relaxed) & !(0xff << shift);
    words[at / 8].store(rest | u64::from(byte) << shift, Ordering::Relaxed);
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if self.changed {
            self.page.version.unlock(self.state);
        } else {
            self.page.version.unlock_unchanged(self.before);
        }
    }
}

impl<'t> Locked<'t> {
    pub(super) fn new(page: &'t Page) -> Locked<'t> {
        let before = page.version.lock();
        Locked {
            page,
            before,
            state: before,
            changed: false,
        }
    }

    /// Has to be said before the first store.
    pub(super) fn change(&mut self) {
        self.changed = true;
    }

    /// Entries that have a tag.
    pub(super) fn count(&self) -> usize {
        let [low, high] =
            self.page.tags.each_ref().map(|tags| {
                (64 - tags.load(Ordering::Relaxed).leading_zeros()).div_ceil(8) as usize
            });
        if high == 0 { low } else { 8 + high }
    }

    fn set_free(&mut self, free: Range<usize>) {
        let marks = self.page.meta.load(Ordering::Relaxed) & ((1 << FRONT_SHIFT) - 1);
        let front = (free.start as u64) << FRONT_SHIFT;
        let back = ((BODY - free.end) as u64) << BACK_SHIFT;
        // A mark that a reader sets between the two is lost; it is a hint.
        let meta = marks | front | back;
        self.page.meta.store(meta, Ordering::Relaxed);
    }

    pub(super) fn place(&self, slot: usize) -> u8 {
        byte(&self.page.places, slot)
    }

    /// The words from a place on.
    pub(super) fn words(&self, place: u8) -> &'t [AtomicU64] {
        &self.page.body[usize::from(place & !POINTER)..]
    }

    /// The block at a place, if that has a pointer.
    pub(super) fn block(&self, place: u8) -> Option<Block> {
        if place & POINTER == 0 {
            return None;
        }
        Entry::from_word(self.words(place)[0].load(Ordering::Relaxed)).block()
    }

    /// Key and value of an entry, in place.
    ///
    /// # Safety
    /// The entry stays unwritten for as long as the result is used, and the lock held.
    pub(super) unsafe fn bytes(&self, spot: Spot<'t>) -> (&'t [u8], &'t [u8]) {
        let block = match spot {
            Spot::Line(slot) => slot.load().block(),
            Spot::Slot(slot) => self.block(self.place(slot)),
        };
        match (block, spot) {
            // SAFETY: the page is locked, and the caller promises the rest.
            (Some(block), _) => unsafe { block.bytes() },
            // SAFETY: as above; without a pointer the place is that of a record.
            (None, Spot::Slot(slot)) => unsafe { record::bytes(self.words(self.place(slot))) },
            (None, Spot::Line(_)) => unreachable!("an entry in a line has a block"),
        }
    }

    /// Where the entry of a key is.
    pub(super) fn find(&self, key: Key<'_>) -> Option<Spot<'t>> {
        let tag = tag(key.hash);
        let is_it = |spot| {
            // SAFETY: nothing is written meanwhile.
            unsafe { self.bytes(spot) }.0 == key.bytes
        };
        for half in 0..2 {
            let mut bits = matches(self.page.tags[half].load(Ordering::Relaxed), tag);
            while bits != 0 {
                let spot = Spot::Slot(8 * half + bits.trailing_zeros() as usize / 8);
                if is_it(spot) {
                    return Some(spot);
                }
                bits &= bits - 1;
            }
        }
        let tag = bucket::tag(key.hash);
        self.spilled()
            .map(|(slot, _)| slot)
            .find(|slot| slot.load().tag() == tag && is_it(Spot::Line(slot)))
            .map(Spot::Line)
    }

    /// Adds an entry that the page lacks.
    pub(super) fn insert(&mut self, key: Key<'_>, value: &[u8], memory: &mut Memory<'_>) {
        self.change();
        let words = record::words_for(key.bytes.len(), value.len());
        if let Some(place) = words.and_then(|words| self.append(key.hash, words)) {
            record::store(self.words(place), key.bytes, value);
            return;
        }
        let entry = memory.store(key, value);
        self.adopt(entry, memory);
    }

    /// Adds the words of a record, if there is room.
    pub(super) fn insert_words(&mut self, hash: u64, words: &[u64]) -> bool {
        self.change();
        let Some(place) = self.append(hash, words.len()) else {
            return false;
        };
        for (to, word) in self.words(place).iter().zip(words) {
            to.store(*word, Ordering::Relaxed);
        }
        true
    }

    /// A tag and a place for so many words at the hash's end of the body, if there is room for both.
    fn append(&mut self, hash: u64, words: usize) -> Option<u8> {
        let (slot, free) = (self.count(), self.page.free());
        if slot == SLOTS || words > free.len() {
            return None;
        }
        let place = place_in(&free, words, is_at_back(hash));
        self.set_free(if is_at_back(hash) {
            free.start..place
        } else {
            place + words..free.end
        });
        let place = u8::try_from(place).expect("a page has fewer words");
        set_byte(&self.page.places, slot, place);
        set_byte(&self.page.tags, slot, tag(hash));
        Some(place)
    }

    /// Adds an entry that has its block: as a record if there is room, else where a pointer finds some. It keeps its
    /// mark.
    pub(super) fn adopt(&mut self, entry: Entry, memory: &mut Memory<'_>) {
        self.change();
        if self.count() == SLOTS {
            self.add_to_lines(entry, memory);
            return;
        }
        let (marked, entry) = (entry.is_marked(), entry.unmarked());
        let block = entry.block().expect("an entry has a block");
        if self.take_in(block, hash_of(entry)) {
            memory.free(block);
        } else if !self.append_pointer(entry) {
            self.make_room(memory);
            let added = self.append_pointer(entry);
            assert!(added, "a record that has gone leaves words for pointers");
        }
        self.mark_last(marked);
    }

    /// Adds what is in a block as a record, if that is short enough and there is room.
    fn take_in(&mut self, block: Block, hash: u64) -> bool {
        let (key_len, value_len) = block.lengths();
        let words = record::words_for(key_len, value_len);
        let Some(place) = words.and_then(|words| self.append(hash, words)) else {
            return false;
        };
        // SAFETY: the block is that of an entry of this page, which is locked, and is not written.
        let (key, value) = unsafe { block.bytes() };
        record::store(self.words(place), key, value);
        true
    }

    fn append_pointer(&mut self, entry: Entry) -> bool {
        let hash = hash_of(entry);
        let slot = self.count();
        let word = entry.to_word();
        let direct = (0..DIRECT).find(|&direct| {
            !(direct == LINK && self.state.spills())
                && self.page.body[direct].load(Ordering::Relaxed) == 0
        });
        let place = match direct {
            Some(_) if slot == SLOTS => None,
            Some(direct) => u8::try_from(direct).ok(),
            None => self.append(hash, 1),
        };
        let Some(place) = place else { return false };
        self.page.body[usize::from(place)].store(word, Ordering::Relaxed);
        set_byte(&self.page.places, slot, place | POINTER);
        set_byte(&self.page.tags, slot, tag(hash));
        true
    }

    /// Moves the last record of more than a word to a block, which leaves words for pointers.
    fn make_room(&mut self, memory: &mut Memory<'_>) {
        let mut slots = (0..self.count()).rev();
        let slot = slots.find(|slot| {
            let place = self.place(*slot);
            place & POINTER == 0 && record_words(self.words(place)) > 1
        });
        let slot = slot.expect("fewer than sixteen entries fill a page with records only");
        // SAFETY: the page is locked, and the record is written only after it was copied.
        let (bytes, value) = unsafe { self.bytes(Spot::Slot(slot)) };
        let hash = memory.hasher.hash(bytes);
        let entry = memory.store(Key { bytes, hash }, value);
        let marked = self.is_marked(slot);
        self.take_out(slot);
        let added = self.append_pointer(entry);
        assert!(added, "a record that has gone leaves words for pointers");
        self.mark_last(marked);
    }

    /// Takes an entry's tag and words away; its block, if it has one, is the caller's then.
    pub(super) fn take_out(&mut self, slot: usize) {
        self.change();
        let place = self.place(slot);
        let at = usize::from(place & !POINTER);
        if at < DIRECT {
            self.page.body[at].store(0, Ordering::Relaxed);
        } else if place & POINTER == 0 {
            self.close(at, record_words(self.words(place)));
        } else {
            self.close(at, 1);
        }
        let last = self.count() - 1;
        for words in [&self.page.tags, &self.page.places] {
            set_byte(words, slot, byte(words, last));
            set_byte(words, last, 0);
        }
        let moved = self.is_marked(last);
        self.unmark(last);
        if slot != last {
            self.unmark(slot);
            if moved {
                self.page.mark(slot);
            }
        }
    }

    /// Moves what lies between so many words at `at` and the free ones over them.
    fn close(&mut self, at: usize, words: usize) {
        let free = self.page.free();
        let copy = |from: usize, to: usize| {
            let word = self.page.body[from].load(Ordering::Relaxed);
            self.page.body[to].store(word, Ordering::Relaxed);
        };
        let is_front = at < free.start;
        let (left, moving) = if is_front {
            (at + words..free.start).for_each(|from| copy(from, from - words));
            (free.start - words..free.end, at + words..free.start)
        } else {
            let moving = free.end..at;
            moving
                .clone()
                .rev()
                .for_each(|from| copy(from, from + words));
            (free.start..free.end + words, moving)
        };
        self.set_free(left);
        let by = u8::try_from(words).expect("a page has fewer words");
        for slot in 0..self.count() {
            let place = self.place(slot);
            if moving.contains(&usize::from(place & !POINTER)) {
                let place = if is_front { place - by } else { place + by };
                set_byte(&self.page.places, slot, place);
            }
        }
    }

    /// Gives an entry another value: in place where that takes as much room.
    pub(super) fn replace(
        &mut self,
        spot: Spot<'t>,
        key: Key<'_>,
        value: &[u8],
        memory: &mut Memory<'_>,
    ) {
        self.change();
        let block = self.block_at(spot);
        if let Some(block) = block
            && class_of(block) == class_for(Block::bytes_for(key.bytes.len(), value.len()))
        {
            // SAFETY: the class is large enough, and the page is locked.
            unsafe { block.set_value(key.bytes.len(), value) };
            return;
        }
        match spot {
            Spot::Line(line) => {
                let marked = line.load().is_marked();
                line.store(memory.store(key, value));
                if marked {
                    line.mark(line.load());
                }
            }
            Spot::Slot(slot) => {
                let words = self.words(self.place(slot));
                if block.is_none() {
                    let len = key.bytes.len();
                    if record::lengths(words) == (len, value.len()) {
                        // Lengths and key stay as they are.
                        record::store_value(words, len, value);
                        return;
                    }
                    if record::words_for(len, value.len()) == Some(record_words(words)) {
                        record::store(words, key.bytes, value);
                        return;
                    }
                }
                let marked = self.is_marked(slot);
                self.take_out(slot);
                self.insert(key, value, memory);
                self.mark_last(marked);
            }
        }
        if let Some(block) = block {
            memory.free(block);
        }
    }

    /// Overwrites bytes of an entry's value.
    pub(super) fn patch(&mut self, spot: Spot<'t>, at: usize, bytes: &[u8]) {
        self.change();
        match (self.block_at(spot), spot) {
            // SAFETY: the page is locked.
            (Some(block), _) => unsafe { block.patch(at, bytes) },
            (None, Spot::Slot(slot)) => record::patch(self.words(self.place(slot)), at, bytes),
            (None, Spot::Line(_)) => unreachable!("an entry in a line has a block"),
        }
    }

    /// Removes an entry; its room stays free until [`Locked::refill`].
    pub(super) fn remove(&mut self, spot: Spot<'t>, memory: &mut Memory<'_>) {
        self.change();
        let block = self.block_at(spot);
        match spot {
            Spot::Slot(slot) => self.take_out(slot),
            Spot::Line(slot) => slot.store(Entry::NONE),
        }
        if let Some(block) = block {
            memory.free(block);
        }
    }

    /// Brings in what is outside, as far as there is room: all that is in lines, or one that has a pointer.
    pub(super) fn refill(&mut self, memory: &mut Memory<'_>) {
        if self.state.spills() {
            while self.count() < SLOTS
                && let Some((slot, _)) = self.spilled().last()
            {
                let entry = slot.load();
                slot.store(Entry::NONE);
                self.adopt(entry, memory);
            }
            self.free_empty_lines(memory);
        }
        for slot in 0..self.count() {
            let place = self.place(slot);
            let Some(block) = self.block(place) else {
                continue;
            };
            // Without a look at the block, which costs a wait: a long one holds nothing that is short.
            let entry = Entry::from_word(self.words(place)[0].load(Ordering::Relaxed));
            if entry.is_long() {
                continue;
            }
            let (key_len, value_len) = block.lengths();
            let words = record::words_for(key_len, value_len);
            if words.is_some_and(|words| words <= self.page.free().len()) {
                let marked = self.is_marked(slot);
                self.take_out(slot);
                let taken = self.take_in(block, hash_of(entry));
                assert!(taken, "there is room for the record");
                self.mark_last(marked);
                memory.free(block);
                return;
            }
        }
    }

    pub(super) fn block_at(&self, spot: Spot<'_>) -> Option<Block> {
        match spot {
            Spot::Line(slot) => slot.load().block(),
            Spot::Slot(slot) => self.block(self.place(slot)),
        }
    }

    pub(super) fn is_marked(&self, slot: usize) -> bool {
        self.page.meta.load(Ordering::Relaxed) >> slot & 1 == 1
    }

    pub(super) fn unmark(&mut self, slot: usize) {
        self.page.meta.fetch_and(!(1 << slot), Ordering::Relaxed);
    }

    pub(super) fn mark_last(&mut self, marked: bool) {
        if marked && self.count() > 0 {
            self.page.mark(self.count() - 1);
        }
    }
}

/// The bits of an entry's hash that its page needs.
fn hash_of(entry: Entry) -> u64 {
    (entry.tag() as u64) << 48
}

/// Words of the record that starts these.
pub(super) fn record_words(words: &[AtomicU64]) -> usize {
    let (key_len, value_len) = record::lengths(words);
    record::words_for(key_len, value_len).expect("a record in a locked page is short enough")
}
