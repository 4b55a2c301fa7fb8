//! The array: buckets of four slots, and the search for a path that makes room in them.

use crate::table::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

use super::entry::{Borrowed, Entry, Header};
use super::moves::Moves;
use super::overflow::{Link, Overflow, Unlinked};
use super::version::Version;
use crate::base::Key;
use crate::table::buckets;
use crate::table::prefetch::prefetch_read;

/// Slots of a bucket.
pub(super) const WAYS: usize = 4;

/// Buckets that a search for a path looks at: all that up to four moves from either of the two buckets
/// lead to, 2 × (1 + 4 + 16 + 64 + 256).
const SEARCHED: usize = 682;

/// Where the tag starts in a slot's word. Addresses of user space end below, on x86-64 without
/// five-level paging asked for and on 64-bit Arm.
const TAG_SHIFT: u32 = 48;

/// Four slots in half a cache line. A slot is one word, so that it changes at once: the address of the
/// entry with the tag above it, or null.
#[repr(align(32))]
#[derive(Default)]
struct Bucket {
    slots: [AtomicPtr<Header>; WAYS],
}

/// Bytes of a bucket.
pub(super) const BUCKET_BYTES: usize = size_of::<Bucket>();

/// Buckets, and what finds no room in them.
pub(super) struct Array {
    /// A power of two of them.
    buckets: Box<[Bucket]>,
    pub(super) overflow: Overflow,
}

/// Where a hash may be in an array.
#[derive(Clone, Copy)]
pub(super) struct Place {
    first: usize,
    second: usize,
    /// Never zero, so that no empty slot has it.
    tag: u16,
}

/// Where an entry is.
#[derive(Clone, Copy)]
pub(super) enum Spot<'a> {
    Slot(&'a AtomicPtr<Header>),
    Link(&'a Link),
}

/// What the writer needs to make room: the search's steps, and the moves that came of it.
#[derive(Default)]
pub(super) struct Search {
    steps: Vec<Step>,
    pub(super) moves: Moves,
}

/// A bucket that a search has reached: by moving the entry in `slot` of the bucket of step `from`.
struct Step {
    bucket: usize,
    from: u16,
    slot: u8,
}

/// No step: the bucket is one of the two that the search started with.
const START: u16 = u16::MAX;

impl Place {
    /// The version counter that counts moves between the two buckets, among `versions`, a power of
    /// two. It follows from either bucket and the tag, so that the thread that moves an entry need not look at
    /// its key.
    #[inline]
    pub(super) fn version(self, versions: &[Version]) -> &Version {
        version(versions, self.first, self.second)
    }
}

#[inline]
fn version(versions: &[Version], one: usize, other: usize) -> &Version {
    &versions[one.min(other) & (versions.len() - 1)]
}

impl Array {
    /// An array of empty buckets, or nothing if there is no memory for it.
    pub(super) fn open(buckets: usize) -> Option<Array> {
        Some(Array {
            buckets: buckets::empty_buckets(buckets)?,
            overflow: Overflow::default(),
        })
    }

    pub(super) fn buckets(&self) -> usize {
        self.buckets.len()
    }

    /// Bytes of the buckets, and of the array itself.
    pub(super) fn bytes(&self) -> u64 {
        (size_of::<Array>() + size_of_val(&*self.buckets)) as u64
    }

    /// Where the entry of a hash may be. The tag is from the top of a multiply (Knuth's multiplicative
    /// hashing, by 2^64 over the golden ratio), so that hashes without high bits have tags too.
    #[inline]
    pub(super) fn place(&self, hash: u64) -> Place {
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let tag = ((mixed >> TAG_SHIFT) as u16).max(1);
        let first = buckets::low_bits(hash, self.buckets.len());
        Place {
            first,
            second: self.other(first, tag),
            tag,
        }
    }

    /// The other bucket of an entry in this one: an involution, whichever of the two is given. The
    /// multiplier is the paper's, which has it from `MurmurHash2`.
    #[inline]
    fn other(&self, bucket: usize, tag: u16) -> usize {
        (bucket ^ usize::from(tag).wrapping_mul(0x5bd1_e995)) & (self.buckets.len() - 1)
    }

    /// Asks for both buckets.
    #[inline]
    pub(super) fn prefetch(&self, place: Place) {
        prefetch_read(&raw const self.buckets[place.first]);
        prefetch_read(&raw const self.buckets[place.second]);
    }

    /// Shows the entries that a lookup will compare, so that they can be asked for.
    #[inline]
    pub(super) fn candidates(&self, place: Place) -> impl Iterator<Item = *const u8> {
        let words = self.slots(place).map(|slot| slot.load(Ordering::Relaxed));
        words
            .filter(move |&word| tag(word) == place.tag)
            .map(|word| address(word).cast_const().cast())
    }

    #[inline]
    fn slots(&self, place: Place) -> impl Iterator<Item = &AtomicPtr<Header>> {
        let first = &self.buckets[place.first].slots;
        first.iter().chain(&self.buckets[place.second].slots)
    }

    /// The entry of `key`, if it is found, which it may not be while entries move. For a reader that
    /// is pinned for as long as the array is borrowed, and for the writer.
    #[inline]
    pub(super) fn find(&self, place: Place, key: Key<'_>) -> Option<Borrowed<'_>> {
        // SAFETY: words are loaded from this array, acquiring, and the borrow that the entry gets lasts
        // no longer than the array's, for which the caller is pinned, or the writer.
        let entry = |word| unsafe { entry(word) };
        // Two loops, not one over a chain of iterators: an `edit` build would call that.
        for bucket in [place.first, place.second] {
            for slot in &self.buckets[bucket].slots {
                let word = slot.load(Ordering::Acquire);
                if tag(word) == place.tag && entry(word).has_key(key.bytes) {
                    return Some(entry(word));
                }
            }
        }
        let links = self.overflow.links().filter(|link| link.hash == key.hash);
        let mut entries = links.map(|link| entry(link.entry.load(Ordering::Acquire)));
        entries.find(|entry| entry.has_key(key.bytes))
    }

    /// Where the entry of `key` is. For the writer.
    pub(super) fn spot(&self, place: Place, key: Key<'_>) -> Option<Spot<'_>> {
        // SAFETY: words are loaded from this array by the writer, which frees nothing here.
        let has_key = |word| unsafe { entry(word) }.has_key(key.bytes);
        let slot = self.slots(place).find(|slot| {
            let word = slot.load(Ordering::Relaxed);
            tag(word) == place.tag && has_key(word)
        });
        slot.map(Spot::Slot).or_else(|| {
            let mut links = self.overflow.links().filter(|link| link.hash == key.hash);
            links
                .find(|link| has_key(link.entry.load(Ordering::Relaxed)))
                .map(Spot::Link)
        })
    }

    /// Puts an entry into one of its buckets, if need be by moving others to their other buckets.
    /// Gives it back if there is no short way to a free slot. For the writer.
    pub(super) fn insert(
        &self,
        place: Place,
        entry: NonNull<Header>,
        versions: &[Version],
        search: &mut Search,
    ) -> Result<(), NonNull<Header>> {
        let mut slots = self.slots(place);
        let empty = slots.find(|slot| slot.load(Ordering::Relaxed).is_null());
        let slot = match empty {
            Some(slot) => slot,
            None => self.make_room(place, versions, search).ok_or(entry)?,
        };
        slot.store(word(place.tag, entry), Ordering::Release);
        Ok(())
    }

    /// Frees a slot in one of the two buckets, breadth first: the way found is a shortest one. No
    /// bucket is on it twice, as the way from its first occurrence would have been found before.
    #[cold]
    fn make_room(
        &self,
        place: Place,
        versions: &[Version],
        search: &mut Search,
    ) -> Option<&AtomicPtr<Header>> {
        let steps = &mut search.steps;
        steps.clear();
        for bucket in [place.first, place.second] {
            steps.push(Step {
                bucket,
                from: START,
                slot: 0,
            });
        }
        for from in 0..SEARCHED {
            let bucket = steps.get(from)?.bucket;
            for slot in 0..WAYS {
                let word = self.buckets[bucket].slots[slot].load(Ordering::Relaxed);
                if word.is_null() {
                    return Some(self.move_along(from, slot, versions, search));
                }
                if steps.len() < SEARCHED {
                    let bucket = self.other(bucket, tag(word));
                    #[expect(clippy::cast_possible_truncation, reason = "682 and 4 at most")]
                    steps.push(Step {
                        bucket,
                        from: from as u16,
                        slot: slot as u8,
                    });
                }
            }
        }
        None
    }

    /// Moves the entries of a way one bucket on, the last first, so that each moves into a slot that
    /// is empty and none is ever in neither of its buckets. Returns the slot that becomes free.
    fn move_along(
        &self,
        mut step: usize,
        slot: usize,
        versions: &[Version],
        search: &mut Search,
    ) -> &AtomicPtr<Header> {
        let Search { steps, moves } = search;
        let mut hole = &self.buckets[steps[step].bucket].slots[slot];
        while steps[step].from != START {
            let Step {
                bucket: to,
                from,
                slot,
            } = steps[step];
            step = usize::from(from);
            let from = steps[step].bucket;
            let source = &self.buckets[from].slots[usize::from(slot)];
            let word = source.load(Ordering::Relaxed);
            debug_assert!(hole.load(Ordering::Relaxed).is_null());
            debug_assert_eq!(
                self.other(from, tag(word)),
                to,
                "an entry that moved meanwhile"
            );
            version(versions, from, to).change(|| {
                hole.store(word, Ordering::Release);
                source.store(ptr::null_mut(), Ordering::Release);
            });
            moves.note(from, to);
            hole = source;
        }
        hole
    }

    /// Takes out the entry at a spot, and the link that held it, if it was one; readers may still have
    /// both. For the writer.
    pub(super) fn take(&self, spot: Spot<'_>) -> (NonNull<Header>, Option<Unlinked>) {
        let block = spot.block();
        let unlinked = match spot {
            Spot::Slot(word) => {
                word.store(ptr::null_mut(), Ordering::Release);
                None
            }
            Spot::Link(link) => Some(self.overflow.unlink(link)),
        };
        (block, unlinked)
    }

    /// Where the entries of a bucket are; those of the overflow chain, where the number is that of the
    /// buckets. For the writer.
    pub(super) fn spots(&self, bucket: usize) -> impl Iterator<Item = Spot<'_>> {
        let slots = self.buckets.get(bucket).map(|bucket| bucket.slots.iter());
        let full = |slot: &&AtomicPtr<Header>| !slot.load(Ordering::Relaxed).is_null();
        let slots = slots.into_iter().flatten().filter(full);
        let links = (bucket == self.buckets.len()).then(|| self.overflow.links());
        let links = links.into_iter().flatten();
        slots.map(Spot::Slot).chain(links.map(Spot::Link))
    }

    /// All entries. For the writer.
    pub(super) fn entries(&self) -> impl Iterator<Item = NonNull<Header>> {
        let slots = self.buckets.iter().flat_map(|bucket| &bucket.slots);
        let slots = slots.chain(self.overflow.links().map(|link| &link.entry));
        slots.filter_map(|slot| NonNull::new(address(slot.load(Ordering::Relaxed))))
    }
}

impl Spot<'_> {
    /// The entry. For the writer.
    pub(super) fn entry(&self) -> Borrowed<'_> {
        // SAFETY: the word is loaded from the array by the writer, and the entry's borrow ends with that
        // of the spot, which has to be given up for the entry to be replaced or taken out.
        unsafe { entry(self.slot().load(Ordering::Relaxed)) }
    }

    /// Puts another entry of the same key in its place, and returns the old one's block, which readers
    /// may still have. For the writer.
    pub(super) fn replace(self, new: NonNull<Header>) -> NonNull<Header> {
        let old = self.block();
        let slot = self.slot();
        // In a link the tag is zero.
        let tag = tag(slot.load(Ordering::Relaxed));
        slot.store(word(tag, new), Ordering::Release);
        old
    }

    fn block(&self) -> NonNull<Header> {
        let word = self.slot().load(Ordering::Relaxed);
        NonNull::new(address(word)).expect("a spot has an entry")
    }

    fn slot(&self) -> &AtomicPtr<Header> {
        match self {
            Spot::Slot(slot) => slot,
            Spot::Link(link) => &link.entry,
        }
    }
}

/// The word of a slot.
fn word(tag: u16, entry: NonNull<Header>) -> *mut Header {
    let word = entry.as_ptr().map_addr(|address| {
        assert_eq!(address >> TAG_SHIFT, 0, "an address of 48 bits");
        address | usize::from(tag) << TAG_SHIFT
    });
    debug_assert!(!word.is_null());
    word
}

#[inline]
fn tag(word: *mut Header) -> u16 {
    #[expect(clippy::cast_possible_truncation, reason = "16 bits are left")]
    let tag = (word.addr() >> TAG_SHIFT) as u16;
    tag
}

#[inline]
fn address(word: *mut Header) -> *mut Header {
    word.map_addr(|address| address & ((1 << TAG_SHIFT) - 1))
}

/// The entry of a word that was read, not null, from a slot or link of a table.
///
/// # Safety
/// `word` was loaded from a slot or a link of an array, acquiring, or by the writer; it has an address.
/// For all of `'g` the entry is not freed: the caller is the writer, which alone has entries freed, and
/// none that it is still reading; or it was pinned when it got at the array, and stays so.
#[inline]
unsafe fn entry<'g>(word: *mut Header) -> Borrowed<'g> {
    let block = NonNull::new(address(word)).expect("a slot with a tag has an entry");
    // SAFETY: what slots and links hold was put there by `word` from `Entry::into_raw`, and acquiring
    // the pointer (or being the writer that stored it) makes its bytes visible. An entry is dropped
    // with the table, or by the epoch after it was taken out, when all threads are done that were pinned
    // at that time; the caller answers for being one of them, or the writer, for as long as `'g`.
    unsafe { Entry::borrow(block) }
}
