//! A segment: 56 home buckets, 4 stash buckets and, where neither suffices, an overflow chain, under
//! one lock.

use crate::table::sync::RwLock;

use super::bucket::{Bucket, SLOTS};
use crate::hash::Hasher;
use crate::table::Keep;
use crate::table::chain;
use crate::table::chain::{see_item, sweep};
use crate::table::change::Change;
use crate::table::item::{Chain, Item};
use crate::table::prefetch::{LINE, prefetch_read};

/// Buckets that a hash can pick.
pub(super) const HOME: usize = 56;
/// Buckets behind them that take what does not fit.
const STASH: usize = 4;
const BUCKETS: usize = HOME + STASH;

/// Bytes of an empty slot.
const SLOT_BYTES: u64 = size_of::<Chain>() as u64;

/// A fixed number of buckets under a lock: the unit of growth.
///
/// Aligned to cache lines, with the lock and the state's other fields in the first, so that each
/// bucket is two whole lines and an uncontended operation touches no other.
#[repr(align(64))]
pub(super) struct Segment {
    pub(super) state: RwLock<State>,
}

/// What the lock protects.
#[repr(C)]
pub(super) struct State {
    /// The low bits that all hashes in this segment share.
    pub(super) pattern: u64,
    /// How many low bits they share.
    pub(super) depth: u32,
    /// Keeps `buckets` at a multiple of a cache line, behind the lock's 8 bytes.
    _padding: [u32; 5],
    /// Entries that fit neither bucket nor stash.
    overflow: Chain,
    overflow_len: usize,
    /// A split is not tried before the overflow chain is this long.
    split_at: usize,
    buckets: [Bucket; BUCKETS],
}

/// Where in a segment an entry belongs.
#[derive(Clone, Copy)]
pub(super) struct Place {
    home: usize,
    tag: u8,
}

/// Where in a segment an entry is.
#[derive(Clone, Copy)]
pub(super) enum Spot {
    Slot { bucket: usize, slot: usize },
    Overflow,
}

impl Place {
    /// Home and tag come from bits that the directory does not use. The multiply (Knuth's
    /// multiplicative hashing, by 2^64 over the golden ratio) lets hashes without high bits spread too.
    #[inline]
    pub(super) fn of(hash: u64) -> Place {
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "below 56; one byte is wanted"
        )]
        Place {
            home: (((mixed >> 32) * HOME as u64) >> 32) as usize,
            tag: ((mixed >> 24) as u8).max(1),
        }
    }

    fn neighbour(self) -> usize {
        if self.home + 1 == HOME {
            0
        } else {
            self.home + 1
        }
    }
}

impl Segment {
    /// An empty segment for hashes whose `depth` low bits are `pattern`.
    pub(super) fn new(depth: u32, pattern: u64) -> Segment {
        Segment {
            state: RwLock::new(State {
                pattern,
                depth,
                _padding: [0; 5],
                overflow: None,
                overflow_len: 0,
                split_at: 0,
                buckets: [const { Bucket::NEW }; BUCKETS],
            }),
        }
    }

    /// Asks for what a lookup will read first: the lock's line and the tags of both buckets.
    #[inline]
    pub(super) fn prefetch(&self, place: Place) {
        let state = self.state.data_ptr().cast_const().cast::<u8>();
        prefetch_read(state);
        for bucket in [place.home, place.neighbour()] {
            let offset = std::mem::offset_of!(State, buckets) + bucket * size_of::<Bucket>();
            prefetch_read(state.wrapping_add(offset));
        }
    }
}

impl State {
    /// Whether the entry of this hash belongs here.
    #[inline]
    pub(super) fn owns(&self, hash: u64) -> bool {
        hash & ((1 << self.depth) - 1) == self.pattern
    }

    /// The entry of `key`.
    #[inline]
    pub(super) fn find(&self, place: Place, key: &[u8]) -> Option<&Item> {
        match self.spot(place, key)? {
            Spot::Slot { bucket, slot } => Some(self.buckets[bucket].item(slot)),
            Spot::Overflow => chain::find(&self.overflow, key),
        }
    }

    /// Where the entry of `key` is.
    #[inline]
    pub(super) fn spot(&self, place: Place, key: &[u8]) -> Option<Spot> {
        let here = |bucket: usize| {
            let slot = self.buckets[bucket].find(place.tag, key)?;
            Some(Spot::Slot { bucket, slot })
        };
        if let Some(spot) = here(place.home).or_else(|| here(place.neighbour())) {
            return Some(spot);
        }
        if !self.buckets[place.home].overflows() {
            return None;
        }
        let stashed = (HOME..BUCKETS).find_map(here);
        stashed.or_else(|| chain::find(&self.overflow, key).map(|_| Spot::Overflow))
    }

    /// The entry at `spot`, which was just found there for `key`.
    pub(super) fn item_mut(&mut self, spot: Spot, key: &[u8]) -> &mut Item {
        match spot {
            Spot::Slot { bucket, slot } => self.buckets[bucket].item_mut(slot),
            Spot::Overflow => {
                let link = chain::seek(&mut self.overflow, key);
                link.as_mut().expect("just found")
            }
        }
    }

    /// Asks for the items that a lookup will compare, stash and overflow left aside.
    #[inline]
    pub(super) fn prefetch_items(&self, place: Place) {
        for bucket in [place.home, place.neighbour()] {
            for item in self.buckets[bucket].candidates(place.tag) {
                // The header and what may be the end of the key, or the value.
                prefetch_read(item.start());
                prefetch_read(item.start().wrapping_add(LINE));
            }
        }
    }

    /// Puts an item where it belongs: into the emptier of home bucket and neighbour, else into the
    /// stash. Gives it back if all are full.
    pub(super) fn insert(&mut self, place: Place, item: Item) -> Result<(), Item> {
        let (home, neighbour) = (place.home, place.neighbour());
        let crowded = self.buckets[neighbour].room() > self.buckets[home].room();
        let mut item =
            match self.buckets[if crowded { neighbour } else { home }].put(place.tag, item) {
                Ok(()) => return Ok(()),
                Err(item) => item,
            };
        for bucket in HOME..BUCKETS {
            match self.buckets[bucket].put(place.tag, item) {
                Ok(()) => {
                    self.buckets[home].stash_one();
                    return Ok(());
                }
                Err(back) => item = back,
            }
        }
        Err(item)
    }

    /// [`State::insert`], and the overflow chain for what does not fit.
    pub(super) fn insert_anyway(&mut self, place: Place, item: Item) {
        if let Err(item) = self.insert(place, item) {
            chain::prepend(&mut self.overflow, item);
            self.overflow_len += 1;
            self.buckets[place.home].stash_one();
        }
    }

    /// Takes out the entry at `spot`, which was just found there for `key`.
    pub(super) fn take(&mut self, spot: Spot, place: Place, key: &[u8]) -> Item {
        match spot {
            Spot::Slot { bucket, slot } => {
                if bucket >= HOME {
                    self.buckets[place.home].unstash_one();
                }
                self.buckets[bucket].take(slot)
            }
            Spot::Overflow => {
                self.buckets[place.home].unstash_one();
                self.overflow_len -= 1;
                chain::unlink(chain::seek(&mut self.overflow, key)).expect("just found")
            }
        }
    }

    /// Whether it is time to try a split, the buckets being full.
    pub(super) fn wants_split(&self) -> bool {
        self.overflow_len >= self.split_at
    }

    /// A split was of no use: it is tried again when the overflow chain has doubled, so that its cost
    /// stays small against that of walking the chain.
    pub(super) fn postpone_split(&mut self) {
        self.split_at = (2 * self.overflow_len).max(SLOTS);
    }

    /// The hashes of all entries, in the order of [`State::split`].
    pub(super) fn hashes(&self, hasher: &Hasher) -> Vec<u64> {
        let mut all = Vec::with_capacity(BUCKETS * SLOTS + self.overflow_len);
        for (bucket, next) in self.buckets.iter().zip(1..) {
            // The keys of the next bucket arrive while those of this one are hashed.
            for item in self.buckets.get(next).into_iter().flat_map(Bucket::items) {
                prefetch_read(item.start());
            }
            all.extend(bucket.items().map(|item| hasher.hash(item.key())));
        }
        all.extend(chain::items(&self.overflow).map(|item| hasher.hash(item.key())));
        all
    }

    /// Moves the entries whose next bit is set into a new segment and places the others afresh.
    /// `hashes` are those of all entries.
    pub(super) fn split(&mut self, hashes: &[u64]) -> Box<Segment> {
        let bit = 1 << self.depth;
        self.depth += 1;
        let mut sibling = Box::new(Segment::new(self.depth, self.pattern | bit));
        let upper = sibling.state.get_mut();
        let mut entries: Vec<Item> = Vec::with_capacity(hashes.len());
        entries.extend(self.buckets.iter_mut().flat_map(Bucket::drain));
        while let Some(item) = chain::unlink(&mut self.overflow) {
            entries.push(item);
        }
        (self.overflow_len, self.split_at) = (0, 0);
        assert_eq!(entries.len(), hashes.len(), "a hash for each entry");
        for (item, &hash) in entries.into_iter().zip(hashes) {
            let half = if hash & bit == 0 {
                &mut *self
            } else {
                &mut *upper
            };
            half.insert_anyway(Place::of(hash), item);
        }
        sibling
    }

    /// Shows all items of the segment to `see` and does with each what it answers. The hash of an item
    /// that goes gives its home, if it was in the stash or behind it.
    pub(super) fn sweep(
        &mut self,
        hasher: &Hasher,
        see: &mut impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Change {
        let mut removed = Change::default();
        for bucket in 0..BUCKETS {
            for slot in 0..SLOTS {
                let Some(item) = self.buckets[bucket].slot_mut(slot) else {
                    continue;
                };
                if see_item(item, see) != Keep::Remove {
                    continue;
                }
                let item = self.buckets[bucket].take(slot);
                if bucket >= HOME {
                    self.buckets[Place::of(hasher.hash(item.key())).home].unstash_one();
                }
                removed += Change::removed(item.size());
            }
        }
        let State {
            overflow, buckets, ..
        } = self;
        let chained = sweep(overflow, &mut |key, value, marked| {
            let keep = see(key, value, marked);
            if keep == Keep::Remove {
                buckets[Place::of(hasher.hash(key)).home].unstash_one();
            }
            keep
        });
        self.overflow_len -= usize::try_from(-chained.items).expect("as many as there were");
        removed += chained;
        removed
    }

    /// All items of the segment.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        let slots = self.buckets.iter().flat_map(Bucket::items);
        slots.chain(chain::items(&self.overflow))
    }

    /// Bytes of empty slots.
    pub(super) fn slack(&self) -> u64 {
        let room = self.buckets.iter().map(|bucket| u64::from(bucket.room()));
        room.sum::<u64>() * SLOT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::find;

    fn hasher() -> Hasher {
        Hasher::new(find("sip13").unwrap(), [1, 2])
    }

    /// Fills a segment with numbers until one does not fit; returns how many did.
    fn fill(state: &mut State) -> u64 {
        let mut number = 0_u64;
        loop {
            let key = number.to_le_bytes();
            let place = Place::of(hasher().hash(&key));
            if state.insert(place, Item::new(&key, b"", None)).is_err() {
                return number;
            }
            number += 1;
        }
    }

    #[test]
    fn buckets_start_at_cache_lines() {
        let segment = Box::new(Segment::new(0, 0));
        let state = segment.state.read();
        assert_eq!(size_of::<Segment>(), 64 + 128 * 60);
        assert_eq!((&raw const state.buckets).addr() % 64, 0);
    }

    #[test]
    fn a_segment_is_well_filled_before_it_splits_and_loses_nothing_then() {
        let mut segment = Segment::new(0, 0);
        let state = segment.state.get_mut();
        let count = fill(state);
        assert!(count > 750, "{count} of 840 slots");
        let hashes = state.hashes(&hasher());
        let mut sibling = state.split(&hashes);
        let upper = sibling.state.get_mut();
        assert_eq!((state.depth, state.pattern), (1, 0));
        assert_eq!((upper.depth, upper.pattern), (1, 1));
        let both = state.items().count() + upper.items().count();
        assert_eq!(both as u64, count);
        for number in 0..count {
            let key = number.to_le_bytes();
            let hash = hasher().hash(&key);
            let half = if hash & 1 == 0 { &*state } else { &*upper };
            assert!(half.owns(hash));
            assert_eq!(half.find(Place::of(hash), &key).unwrap().key(), key);
        }
    }

    #[test]
    fn entries_of_one_home_fill_two_buckets_the_stash_and_the_chain() {
        let mut segment = Segment::new(0, 0);
        let state = segment.state.get_mut();
        // The last home bucket: its neighbour is the first.
        let place = Place {
            home: HOME - 1,
            tag: 1,
        };
        let fits = ((2 + STASH) * SLOTS) as u64;
        for number in 0..fits + 100 {
            let item = Item::new(&number.to_le_bytes(), b"", None);
            state.insert_anyway(place, item);
        }
        assert_eq!(state.overflow_len, 100);
        assert_eq!(state.buckets[0].room(), 0);
        assert!(state.buckets[HOME - 1].overflows());
        for number in 0..fits + 100 {
            let key = number.to_le_bytes();
            let spot = state.spot(place, &key).unwrap();
            assert_eq!(state.item_mut(spot, &key).key(), key);
            assert_eq!(state.take(spot, place, &key).key(), key);
            assert!(state.spot(place, &key).is_none());
        }
        assert_eq!((state.items().count(), state.overflow_len), (0, 0));
        assert!(!state.buckets[HOME - 1].overflows());
        assert_eq!(state.slack(), 840 * 8);
    }

    #[test]
    fn a_sweep_keeps_the_counts_of_stash_and_chain() {
        let mut segment = Segment::new(0, 0);
        let state = segment.state.get_mut();
        let keys: Vec<[u8; 8]> = (0..1000_u64).map(u64::to_le_bytes).collect();
        for key in &keys {
            let place = Place::of(hasher().hash(key));
            state.insert_anyway(place, Item::new(key, b"", None));
        }
        assert!(state.overflow_len > 100);
        let odd = |key: &[u8]| key[0] % 2 == 1;
        let remove = |goes: bool| if goes { Keep::Remove } else { Keep::Keep };
        let removed = state.sweep(&hasher(), &mut |key, _, _| remove(odd(key)));
        assert_eq!(
            removed,
            Change {
                items: -500,
                bytes: -500 * 24
            }
        );
        for key in &keys {
            let found = state.find(Place::of(hasher().hash(key)), key);
            assert_eq!(found.is_some(), !odd(key));
        }
        state.sweep(&hasher(), &mut |_, _, _| Keep::Remove);
        assert_eq!((state.items().count(), state.overflow_len), (0, 0));
        assert!(
            state.buckets[..HOME]
                .iter()
                .all(|bucket| !bucket.overflows())
        );
    }

    #[test]
    fn homes_are_spread_evenly_even_without_high_bits() {
        let mut counts = [0_u32; HOME];
        for hash in 0..56_000 {
            counts[Place::of(hash << 7).home] += 1;
        }
        assert!(
            counts.iter().all(|count| (900..1100).contains(count)),
            "{counts:?}"
        );
    }
}
