//! A bucket: one cache line of version and tagged pointers, spilling into further lines.
//!
//! ```text
//!   Bucket    │ version │ slot 0 │ … │ slot 5 │ slot 6 or link ●│
//!                                                             ▼
//!   Overflow  │ next ●  │ slot 0 │ … │ slot 5 │ slot 6 │      (pool of its own)
//!                    ▼
//!   slot      63        48 47                 3  2   1     0
//!            │ tag: 16 bits│ address of a block │mark│ lines │    0: empty
//! ```
//!
//! The mark says that the entry has been used. Readers set it, without a lock, by an exchange that
//! succeeds only if the slot still is what they found: it is here and not in the block, as a block
//! may have become another entry's, or a link of a free list, by then. A thread that locks the bucket may
//! overwrite a mark just set; it is a hint.
//!
//! Where a bucket spills, every slot but those of the last overflow bucket is taken, and that one
//! has an entry at least.

use crate::table::sync::atomic::{AtomicPtr, Ordering};
use std::ptr::{NonNull, null_mut};

use super::block::{Block, Read};
use super::slab::{Arena, OVERFLOW, Slab, class_bytes};
use super::version::{State, Version, fence_before_reuse};
use crate::table::prefetch::prefetch_read;

/// Slots of a bucket, and of an overflow bucket.
pub(in crate::table) const SLOTS: usize = 7;
const TAG_SHIFT: u32 = 48;
const ADDRESS: usize = (1 << TAG_SHIFT) - Block::MIN;
/// Set where the entry has been used since the mark was last cleared.
const MARK: usize = 4;
/// Below the mark: how many cache lines the block spans: one, two, three to [`FEW`], or more.
const LINES: usize = MARK - 1;
/// Cache lines that 256 bytes span at most, wherever they begin.
const FEW: usize = 5;

const _: () = assert!(usize::BITS == 64);

/// The head of a chain. All zeros is one that is not live yet, and empty.
#[repr(C, align(64))]
pub(super) struct Bucket {
    pub(super) version: Version,
    slots: [Slot; SLOTS],
}

/// What a bucket that is full goes on in. All zeros is an empty one.
#[repr(C, align(64))]
pub(in crate::table) struct Overflow {
    pub(in crate::table) next: AtomicPtr<Overflow>,
    pub(in crate::table) slots: [Slot; SLOTS],
}

#[cfg(not(all(test, loom)))]
const _: () = assert!(size_of::<Bucket>() == 64 && size_of::<Overflow>() == 64);

/// Room for one entry, or in a bucket that spills, for its link.
#[repr(transparent)]
pub(in crate::table) struct Slot(AtomicPtr<u8>);

/// A block's address with the tag of its key and the cache lines it spans; or none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::table) struct Entry(*mut u8);

/// The tag of a hash: its top bits, as buckets are picked by the low ones.
#[inline]
pub(in crate::table) fn tag(hash: u64) -> usize {
    (hash >> TAG_SHIFT) as usize
}

impl Entry {
    /// No entry.
    pub(in crate::table) const NONE: Entry = Entry(null_mut());

    /// The entry of a block of `bytes`.
    pub(in crate::table) fn new(block: Block, hash: u64, bytes: usize) -> Entry {
        let pointer = block.0.cast::<u8>().as_ptr();
        assert!(
            pointer.addr() & !ADDRESS == 0,
            "an address has 48 bits and is aligned"
        );
        let lines = match (pointer.addr() % 64 + bytes).div_ceil(64) {
            lines @ 0..3 => lines.saturating_sub(1),
            3..=FEW => LINES - 1,
            _ => LINES,
        };
        Entry(pointer.map_addr(|address| tag(hash) << TAG_SHIFT | address | lines))
    }

    /// The entry as a plain word, for memory that holds other words too.
    pub(in crate::table) fn to_word(self) -> u64 {
        self.0.expose_provenance() as u64
    }

    /// The entry that [`Entry::to_word`] made this of.
    #[inline]
    pub(in crate::table) fn from_word(word: u64) -> Entry {
        #[expect(clippy::cast_possible_truncation, reason = "addresses have 64 bits")]
        let address = word as usize;
        Entry(std::ptr::with_exposed_provenance_mut(address))
    }

    /// The block, if there is one.
    #[inline]
    pub(in crate::table) fn block(self) -> Option<Block> {
        let pointer = self.0.map_addr(|packed| packed & ADDRESS);
        NonNull::new(pointer.cast()).map(Block)
    }

    /// Whether the entry has been used since its mark was last cleared.
    #[inline]
    pub(in crate::table) fn is_marked(self) -> bool {
        self.0.addr() & MARK != 0
    }

    /// The entry with its mark.
    pub(in crate::table) fn marked(self) -> Entry {
        Entry(self.0.map_addr(|packed| packed | MARK))
    }

    /// The entry without its mark.
    pub(in crate::table) fn unmarked(self) -> Entry {
        Entry(self.0.map_addr(|packed| packed & !MARK))
    }

    #[inline]
    pub(in crate::table) fn tag(self) -> usize {
        self.0.addr() >> TAG_SHIFT
    }

    /// Whether the block spans more than [`FEW`] lines, and so is longer than 256 bytes. Some that are little longer
    /// span no more.
    pub(in crate::table) fn is_long(self) -> bool {
        self.0.addr() & LINES == LINES
    }

    /// Asks for the block's lines: as many as matter to an entry of a few hundred bytes. The processor follows the
    /// first ones of its own accord.
    #[inline]
    pub(in crate::table) fn prefetch(self) {
        let pointer = self.0.map_addr(|packed| packed & ADDRESS);
        let last = self.0.addr() & LINES;
        // To ask twice for a line costs less than a loop.
        prefetch_read(pointer);
        prefetch_read(pointer.wrapping_add(64 * last.min(1)));
        prefetch_read(pointer.wrapping_add(64 * last.min(2)));
        prefetch_read(pointer.wrapping_add(64 * last));
    }
}

impl Slot {
    #[inline]
    pub(in crate::table) fn load(&self) -> Entry {
        // Acquire: that the memory behind the pointer was allocated and zeroed is visible.
        Entry(self.0.load(Ordering::Acquire))
    }

    /// Only for the holder of the bucket's lock.
    pub(in crate::table) fn store(&self, entry: Entry) {
        self.0.store(entry.0, Ordering::Release);
    }

    /// Marks an entry that was found here as used, if it still is here and has no mark. For readers
    /// without a lock, too.
    #[inline]
    pub(in crate::table) fn mark(&self, found: Entry) {
        if !found.is_marked() {
            let marked = found.0.map_addr(|packed| packed | MARK);
            // Relaxed: what was stored to the slot before heads the release sequence that readers
            // acquire. If it fails, the entry has gone, or another reader has marked it.
            let _ = self
                .0
                .compare_exchange(found.0, marked, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    #[inline]
    fn load_link(&self) -> *mut Overflow {
        self.0.load(Ordering::Acquire).cast()
    }

    fn store_link(&self, link: *mut Overflow) {
        self.0.store(link.cast(), Ordering::Release);
    }
}

/// The slots whose tag is this one, a bit each. Without a branch: which slot it is cannot be
/// predicted.
#[inline]
pub(in crate::table) fn matches(slots: &[Slot; SLOTS], tag: usize) -> u32 {
    let wanted = tag << TAG_SHIFT;
    // Equal tags leave a number below 2^48. The last slot comes first, so that the first one has the lowest bit.
    let (mut bits, mut at) = (0, SLOTS);
    while at > 0 {
        at -= 1;
        bits = bits + bits + u32::from((slots[at].load().0.addr() ^ wanted) < 1 << TAG_SHIFT);
    }
    bits
}

/// The bits of the slots that hold entries in a bucket of this state.
#[inline]
fn entry_bits(state: State) -> u32 {
    ((1 << SLOTS) - 1) >> u32::from(state.spills())
}

impl Bucket {
    /// The slots that hold entries in a bucket of this state.
    #[inline]
    fn own_slots(&self, state: State) -> &[Slot] {
        &self.slots[..SLOTS - usize::from(state.spills())]
    }

    /// The first overflow bucket, if `state` still is the bucket's own: to be followed only under the
    /// lock, or after the version has been validated.
    #[inline]
    fn link(&self, state: State) -> *mut Overflow {
        if state.spills() {
            self.slots[SLOTS - 1].load_link()
        } else {
            null_mut()
        }
    }

    /// The first slot with the tag, if there is one: it may hold another key, or where the tag is 0, none. Where there is
    /// none, asks for the overflow bucket.
    #[inline]
    pub(super) fn candidate(&self, state: State, tag: usize) -> Option<&Slot> {
        let bits = matches(&self.slots, tag) & entry_bits(state);
        if bits != 0 {
            return Some(&self.slots[bits.trailing_zeros() as usize]);
        }
        if state.spills() {
            prefetch_read(self.link(state));
        }
        None
    }

    /// Searches the chain as a reader without a lock, from a state that was loaded before and is
    /// live and unlocked; copies the value if it finds the key. [`Read::Other`] is a miss that has
    /// been validated. What is found is marked with `recency`.
    #[inline]
    pub(super) fn search(
        &self,
        state: State,
        hash: u64,
        key: &[u8],
        recency: bool,
        into: &mut Vec<u64>,
    ) -> Read {
        let unchanged = || self.version.unchanged_since(state);
        let mut slots = &self.slots;
        let mut entries = entry_bits(state);
        let mut next = self.link(state);
        loop {
            let mut bits = matches(slots, tag(hash)) & entries;
            while bits != 0 {
                let slot = &slots[bits.trailing_zeros() as usize];
                let entry = slot.load();
                bits &= bits - 1;
                entry.prefetch();
                match entry.block().map(|block| block.read(key, unchanged, into)) {
                    None | Some(Read::Other) => {}
                    Some(read) => {
                        if recency && matches!(read, Read::Value(_)) {
                            slot.mark(entry);
                        }
                        return read;
                    }
                }
            }
            if !unchanged() {
                return Read::Changed;
            }
            // SAFETY: the version has just been validated, so this was a link of the chain; an
            // overflow bucket stays one, and mapped, even if it is unlinked meanwhile.
            let Some(overflow) = (unsafe { next.as_ref() }) else {
                return Read::Other;
            };
            (slots, entries) = (&overflow.slots, (1 << SLOTS) - 1);
            next = overflow.next.load(Ordering::Acquire);
        }
    }
}

/// The whole chain of a bucket that no other thread writes: it is locked, or not yet live, or the table
/// is not shared.
pub(super) struct Chain<'t> {
    bucket: &'t Bucket,
    /// The bucket's state, with the flags that it is to be unlocked with.
    pub(super) state: State,
}

impl<'t> Chain<'t> {
    /// # Safety
    /// No other thread writes the bucket while the chain is in use, and `state` is the bucket's own.
    pub(super) unsafe fn new(bucket: &'t Bucket, state: State) -> Chain<'t> {
        Chain { bucket, state }
    }

    /// The overflow buckets, first to last.
    fn overflows(&self) -> impl Iterator<Item = &'t Overflow> + use<'t> {
        // SAFETY: as `new` demands, no other thread changes the links; a link is null or points to an
        // overflow bucket of the slab, which outlives the borrow of the bucket.
        let follow = |link: *mut Overflow| unsafe { link.as_ref() };
        let first = follow(self.bucket.link(self.state));
        std::iter::successors(first, move |overflow| {
            follow(overflow.next.load(Ordering::Relaxed))
        })
    }

    /// How many overflow buckets there are.
    pub(super) fn spilled(&self) -> usize {
        self.overflows().count()
    }

    /// All slots, in the order of the chain.
    pub(super) fn slots(&self) -> impl Iterator<Item = &'t Slot> + use<'t> {
        let own = self.bucket.own_slots(self.state).iter();
        own.chain(self.overflows().flat_map(|overflow| &overflow.slots))
    }

    /// All blocks, with their slots.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (&'t Slot, Block)> + use<'t> {
        self.slots()
            .filter_map(|slot| Some((slot, slot.load().block()?)))
    }

    /// The entry of a key.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<(&'t Slot, Block)> {
        let mut slots = &self.bucket.slots;
        let mut entries = entry_bits(self.state);
        let mut next = self.bucket.link(self.state);
        loop {
            let mut bits = matches(slots, tag(hash)) & entries;
            while bits != 0 {
                let slot = &slots[bits.trailing_zeros() as usize];
                bits &= bits - 1;
                let entry = slot.load();
                entry.prefetch();
                if let Some(block) = entry.block()
                    // SAFETY: as `new` demands, no other thread writes the entries.
                    && unsafe { block.has_key(key) }
                {
                    return Some((slot, block));
                }
            }
            // SAFETY: as `new` demands, no other thread changes the links; see `overflows`.
            let overflow = unsafe { next.as_ref() }?;
            (slots, entries) = (&overflow.slots, (1 << SLOTS) - 1);
            next = overflow.next.load(Ordering::Relaxed);
        }
    }

    /// Puts an entry into an empty slot; whether another overflow bucket was needed for it.
    pub(super) fn insert(&mut self, entry: Entry, slab: &Slab, arena: &mut Arena) -> bool {
        if let Some(slot) = self.slots().find(|slot| slot.load() == Entry::NONE) {
            slot.store(entry);
            return false;
        }
        let fresh = arena.allocate(slab, OVERFLOW).cast::<Overflow>().as_ptr();
        // SAFETY: blocks of this class are zeroed, or were overflow buckets; they are as large and
        // aligned, and stay mapped while the table lives. No other thread has this one.
        let overflow = unsafe { &*fresh };
        fence_before_reuse();
        overflow.next.store(null_mut(), Ordering::Release);
        if let Some(last) = self.overflows().last() {
            overflow.slots[0].store(entry);
            last.next.store(fresh, Ordering::Release);
        } else {
            // The link takes the place of the last entry, which moves.
            let last = &self.bucket.slots[SLOTS - 1];
            overflow.slots[0].store(last.load());
            overflow.slots[1].store(entry);
            last.store_link(fresh);
            self.state = self.state.with_spills(true);
        }
        true
    }

    /// Empties a slot of the chain; its place is taken by the chain's last entry where it spills.
    pub(super) fn remove(&mut self, slot: &Slot, slab: &Slab, arena: &mut Arena) {
        let Some(tail) = self.overflows().last() else {
            slot.store(Entry::NONE);
            return;
        };
        let taken = tail
            .slots
            .iter()
            .rposition(|slot| slot.load() != Entry::NONE);
        let last = taken.expect("the last overflow bucket has an entry");
        slot.store(tail.slots[last].load());
        tail.slots[last].store(Entry::NONE);
        if last == 0 {
            self.unlink_tail(slab, arena);
        }
    }

    /// Gives back the last overflow bucket, which is empty.
    fn unlink_tail(&mut self, slab: &Slab, arena: &mut Arena) {
        let count = self.spilled();
        let last_but_one = count.checked_sub(2).and_then(|at| self.overflows().nth(at));
        let tail = if let Some(overflow) = last_but_one {
            overflow.next.swap(null_mut(), Ordering::AcqRel)
        } else {
            let link = self.bucket.slots[SLOTS - 1].load_link();
            self.bucket.slots[SLOTS - 1].store(Entry::NONE);
            self.state = self.state.with_spills(false);
            link
        };
        let block = NonNull::new(tail)
            .expect("a chain that spills has a tail")
            .cast();
        // SAFETY: `insert` allocated it with this class, and it has just been unlinked.
        unsafe { arena.free(slab, OVERFLOW, block) };
    }

    /// Takes all entries out, and gives the overflow buckets back.
    pub(super) fn drain(&mut self, into: &mut Vec<Entry>, slab: &Slab, arena: &mut Arena) {
        into.clear();
        into.extend(
            self.slots()
                .map(Slot::load)
                .filter(|entry| *entry != Entry::NONE),
        );
        for slot in self.slots() {
            slot.store(Entry::NONE);
        }
        while self.state.spills() {
            self.unlink_tail(slab, arena);
        }
    }
}

/// Bytes of an overflow bucket.
pub(in crate::table) fn overflow_bytes() -> usize {
    class_bytes(OVERFLOW)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::table::sync::atomic::AtomicU64;

    #[test]
    fn an_entry_has_its_tag_its_block_and_how_long_that_is() {
        let memory: Vec<AtomicU64> = (0..16).map(AtomicU64::new).collect();
        let hash = 0xabcd << 48;
        for word in memory.iter().take(8) {
            let block = Block(NonNull::from(word));
            for bytes in (8..1000).step_by(8) {
                let entry = Entry::new(block, hash, bytes);
                assert!(entry.block() == Some(block) && entry.tag() == tag(hash));
                assert!(!entry.is_marked() && entry.marked().is_marked());
                assert!(entry.marked().block() == Some(block));
                assert!(entry.marked().unmarked() == entry);
                assert!(Entry::from_word(entry.to_word()) == entry);
                let lines = (NonNull::from(word).addr().get() % 64 + bytes).div_ceil(64);
                assert_eq!(entry.is_long(), lines > FEW, "{bytes}");
                assert!(bytes > 256 || !entry.is_long(), "{bytes}");
            }
        }
    }
}
