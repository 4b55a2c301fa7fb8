//! A bucket: fourteen slots, and a byte of each one's hash in front of them.
//!
//! ```text
//!   byte 0              14       16        24             128
//!        ┌──┬──┬──┬─···─┬────────┬─────────┬───────┬─···──┐
//!        │t0│t1│t2│  t13│stashed │ slot 0  │slot 1 │  13  │     two cache lines
//!        └──┴──┴──┴─···─┴────────┴────●────┴───────┴─···──┘
//!         0: empty                    └──▶ item: lengths, key, value
//! ```

use crate::table::item::{Chain, Item};

/// Slots of a bucket: with their tags and the count they fill two cache lines.
pub(super) const SLOTS: usize = 14;

/// Set in no tag of an entry: the tag of an empty slot.
const EMPTY: u8 = 0;

/// Up to fourteen entries, found by their tags.
#[repr(C)]
pub(super) struct Bucket {
    /// A byte of the hash of each slot's entry, never zero; [`EMPTY`] where there is none.
    tags: [u8; SLOTS],
    /// How many entries at home in this bucket are in the stash or the overflow chain. Stays at its
    /// maximum once it is there: then it means "perhaps some".
    stashed: u16,
    /// The entries. An item in a slot has nothing behind it.
    slots: [Chain; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 128);

impl Bucket {
    pub(super) const NEW: Bucket = Bucket {
        tags: [EMPTY; SLOTS],
        stashed: 0,
        slots: [const { None }; SLOTS],
    };

    /// A bit for each slot with this tag: all tags are compared in two words.
    #[inline]
    fn matches(&self, tag: u8) -> u32 {
        let t = &self.tags;
        let low = u64::from_le_bytes([t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]]);
        let high = u64::from_le_bytes([t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13]]);
        // Slots 6 and 7 are in both words and set the same two bits.
        equal_bytes(low, tag) | equal_bytes(high, tag) << 6
    }

    /// The slot of `key`'s entry. Only entries whose tag is the same are looked at.
    #[inline]
    pub(super) fn find(&self, tag: u8, key: &[u8]) -> Option<usize> {
        bits(self.matches(tag)).find(|&slot| self.item(slot).has_key(key))
    }

    /// The items that a lookup of this tag will compare.
    #[inline]
    pub(super) fn candidates(&self, tag: u8) -> impl Iterator<Item = &Item> {
        bits(self.matches(tag)).map(|slot| self.item(slot))
    }

    /// All items of the bucket.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.slots.iter().flatten()
    }

    /// Empty slots.
    #[inline]
    pub(super) fn room(&self) -> u32 {
        self.matches(EMPTY).count_ones()
    }

    #[inline]
    pub(super) fn item(&self, slot: usize) -> &Item {
        self.slots[slot]
            .as_ref()
            .expect("a slot with a tag is full")
    }

    #[inline]
    pub(super) fn item_mut(&mut self, slot: usize) -> &mut Item {
        self.slots[slot]
            .as_mut()
            .expect("a slot with a tag is full")
    }

    /// The item in a slot, if it is full.
    pub(super) fn slot_mut(&mut self, slot: usize) -> Option<&mut Item> {
        self.slots[slot].as_mut()
    }

    /// Puts an item into an empty slot, or gives it back if there is none.
    #[inline]
    pub(super) fn put(&mut self, tag: u8, item: Item) -> Result<(), Item> {
        let Some(slot) = bits(self.matches(EMPTY)).next() else {
            return Err(item);
        };
        self.tags[slot] = tag;
        self.slots[slot] = Some(item);
        Ok(())
    }

    /// Empties a slot.
    pub(super) fn take(&mut self, slot: usize) -> Item {
        self.tags[slot] = EMPTY;
        self.slots[slot].take().expect("a slot with a tag is full")
    }

    /// Empties the bucket and forgets what it had in the stash.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Item> {
        self.tags = [EMPTY; SLOTS];
        self.stashed = 0;
        self.slots.iter_mut().filter_map(Chain::take)
    }

    /// Whether entries at home here may be in the stash.
    #[inline]
    pub(super) fn overflows(&self) -> bool {
        self.stashed != 0
    }

    /// Counts an entry at home here that went to the stash.
    pub(super) fn stash_one(&mut self) {
        self.stashed = self.stashed.saturating_add(1);
    }

    /// Counts one that left it.
    pub(super) fn unstash_one(&mut self) {
        if self.stashed != u16::MAX {
            self.stashed -= 1;
        }
    }
}

/// A bit for each byte of `word` that equals `byte`, the lowest byte's first.
///
/// The sum carries into a byte's top bit unless its other bits are all zero, and never beyond it, so
/// that the result is exact; the product gathers the eight top bits in one byte. (Both are in Warren,
/// *Hacker's Delight*: "Find first 0-byte", "Extract, or compress, bits".)
#[inline]
fn equal_bytes(word: u64, byte: u8) -> u32 {
    const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differs = word ^ u64::from_ne_bytes([byte; 8]);
    let zero = !(((differs & LOW_BITS) + LOW_BITS) | differs | LOW_BITS);
    ((zero >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

/// The numbers of the bits that are set, lowest first.
#[inline]
fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (mask != 0).then(|| mask.trailing_zeros() as usize)?;
        mask &= mask - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_are_found_exactly() {
        // Neighbours of a match are what inexact tests for a zero byte get wrong.
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            for other in [0, 1, 0x7f, 0x80, 0x81, 0xfe, 0xff] {
                for mask in 0..256_u32 {
                    let word: [u8; 8] =
                        std::array::from_fn(|n| if mask >> n & 1 == 1 { byte } else { other });
                    let expected = if byte == other { 0xff } else { mask };
                    assert_eq!(equal_bytes(u64::from_le_bytes(word), byte), expected);
                }
            }
        }
    }

    #[test]
    fn each_slot_is_found_by_its_tag_and_key() {
        let mut bucket = Bucket::NEW;
        for n in 0..14_u8 {
            assert_eq!(bucket.room(), u32::from(14 - n));
            // Two slots share each tag.
            assert!(bucket.put(1 + n / 2, Item::new(&[n], b"", None)).is_ok());
        }
        let refused = bucket.put(1, Item::new(b"more", b"", None)).err();
        assert_eq!(refused.unwrap().key(), b"more");
        for n in 0..14_u8 {
            assert_eq!(bucket.find(1 + n / 2, &[n]), Some(usize::from(n)));
            assert_eq!(bucket.find(9, &[n]), None);
            assert_eq!(bucket.candidates(1 + n / 2).count(), 2);
        }
        assert_eq!(bucket.take(7).key(), [7]);
        assert_eq!((bucket.find(4, &[7]), bucket.room()), (None, 1));
        assert!(bucket.put(200, Item::new(b"more", b"", None)).is_ok());
        assert_eq!(bucket.find(200, b"more"), Some(7));
        assert_eq!(bucket.drain().count(), 14);
        assert_eq!((bucket.room(), bucket.items().count()), (14, 0));
    }

    #[test]
    fn the_count_of_the_stash_sticks_at_its_maximum() {
        let mut bucket = Bucket::NEW;
        bucket.stash_one();
        bucket.unstash_one();
        assert!(!bucket.overflows());
        bucket.stashed = u16::MAX - 1;
        bucket.stash_one();
        bucket.stash_one();
        bucket.unstash_one();
        assert_eq!(bucket.stashed, u16::MAX);
    }
}
