//! `optimistic`: buckets of one cache line that readers validate instead of locking.
//!
//! The hash's low bits pick a bucket; its top 16 bits are a tag that stands beside each pointer, so
//! that a lookup usually touches two places: the bucket, and the one entry that it wants.
//!
//! ```text
//!   bucket, 64 bytes                                    block from a slab
//!   ┌─────────┬────────┬────────┬─────┬───────────────┐ ┌──────────┬─────┬───────┐
//!   │ version │ tag  ●─┼────────┼─────┼───────────────┼▶│ lengths  │ key │ value │
//!   │ + lock  │ slot 0 │ slot 1 │  …  │ slot 6, or  ●─┼┐└──────────┴─────┴───────┘
//!   └─────────┴────────┴────────┴─────┴───────────────┘└▶ overflow bucket, same shape
//! ```
//!
//! A reader loads the version, compares tags, compares the key, copies the value word by word into its session's
//! buffer, and hands it out if the version is still the same; else it starts again. Every word that a writer may be
//! storing at that time is loaded atomically, so the copy is not spared: it is this table's price for reading entries
//! that change in place. `get_many` asks for all buckets, then for all entries, and then reads: the misses of a batch
//! overlap.
//!
//! | | waits for memory that depend on each other | lines |
//! |---|---|---|
//! | hit | 2 | 1, and those of the block: 2 or 3 of one with 87 bytes |
//! | miss | 1; 2 where a tag is equal by chance, one in ten thousand | 1 |
//! | set | those of a hit, or of a miss and a block that the session has at hand | the same |
//! | in a bucket that spills | 1 more for each overflow bucket | 1 more each |
//!
//! **Growth:** when an insertion needs a further overflow bucket and there are more than `load` items a bucket, the
//! array doubles, by mapping another segment: buckets never move. Insertions clear it first, 16 KiB each: an allocator
//! that cleared it at once would take milliseconds. Each new bucket takes its entries from the one whose index lacks the
//! highest bit, its parent, under the parent's lock: when a writer first needs it, or when an insertion comes by, each of
//! which splits four buckets while a doubling is on. Readers of a bucket that is not live look into its parent.
//!
//! **Locking:**
//! - Readers lock nothing and write nothing that is shared, and so do not slow each other. (One
//!   that lost [`PATIENCE`] races in a row locks the bucket once, so that it ends.)
//! - Writers lock one bucket through its version word; a split locks the parent and no other. While
//!   `edit` runs, the bucket is locked; while `read` runs, nothing is.
//! - A write that moves entries for the slab does so when it has unlocked its own bucket, and locks theirs one at a time.
//! - A hit is right whatever the array's size was, as an entry is in one bucket at a time and is
//!   moved under lock. A miss is right if the bucket is unchanged *and* the array has not doubled
//!   since the bucket was picked; if a bucket was read in place of its child, the child must not
//!   have been live after the parent's version was loaded.
//!
//! **Memory:** not epoch-based: entries and overflow buckets come from a slab by size class whose chunks stay mapped
//! while the table lives, so a stale pointer leads to words that may be loaded, and the version tells that they are not
//! the entry's. A pin per lookup costs a full fence, which also keeps one lookup from overlapping the next; a validated
//! copy of 64 bytes costs less. Pages of 64 KiB whose blocks are all free are cut for other classes, or their memory
//! goes to the system; the allocator gets the chunks when the table is dropped. While pages have much room, writers
//! move entries out of those that have most: a few at the end of a call, each under the lock of its bucket, from one
//! block to another. Overflow buckets stay overflow buckets, as readers follow what is in them. Free blocks count in no
//! figure of `usage` or `census`, nor does a segment that is being cleared.
//!
//! **Good at** reads of small values by many threads, and batches above all. **Bad at** values of
//! many kilobytes, which are copied at each read.
//!
//! **Source:** the bucket is that of MICA (Lim et al., *MICA: A Holistic Approach to Fast In-Memory Key-Value Storage*,
//! NSDI 2014: version, seven tagged slots, one line, linked overflow) and of FASTER's hash index (Chandramouli et al.,
//! SIGMOD 2018); optimistic reads over versions as in `MemC3` (Fan, Andersen and Kaminsky, NSDI 2013). Splitting child
//! from parent by the hash's next bit is linear hashing's (Litwin, VLDB 1980).

pub(super) mod block;
pub(super) mod bucket;
mod directory;
mod growth;
mod leave;
mod locked;
pub(super) mod slab;
pub(super) mod version;
mod walk;

#[cfg(all(test, not(loom)))]
mod tests;

use crate::table::sync::Mutex;

use self::block::{Block, Read, as_bytes};
use self::bucket::{Bucket, Chain, Entry, overflow_bytes, tag};
use self::directory::Directory;
use self::locked::Locked;
use self::slab::{Arena, Slab, class_bytes, class_for};
use self::version::Wait;
use super::buckets::buckets_for;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::hinted;
use super::prefetch::prefetch_read;
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use crate::base::{
    BadInput, ByteSplit, Census, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// Races that a reader loses before it locks the bucket.
const PATIENCE: u32 = 64;
/// Keys that `get_many` has in flight: about as many lines as a core can wait for.
const GROUP: usize = 32;

/// Buckets of a cache line with validated reads.
pub struct Optimistic {
    directory: Directory,
    slab: Slab,
    /// Items a bucket above which a bucket that spills makes the array double.
    load: f64,
    /// The doubling that is mapped and whose end has not been noted: buckets before it.
    growing: Mutex<Option<usize>>,
    /// For rehashing, and for the journal.
    env: Env,
}

/// A session of [`Optimistic`].
pub struct OptimisticSession<'t> {
    table: &'t Optimistic,
    /// `None` only while dropping.
    arena: Option<Arena>,
    /// Where values are copied to.
    copy: Vec<u64>,
    scratch: Vec<u8>,
}

/// The low bits of a hash.
#[inline]
fn index(hash: u64, mask: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "only low bits are wanted")]
    let low = hash as usize;
    low & mask
}

impl Optimistic {
    /// Locks the bucket of a hash, which is live.
    fn lock(&self, hash: u64, arena: &mut Arena) -> Locked<'_> {
        self.lock_in(hash, arena).0
    }

    /// The same, with the number of buckets less one that it was picked among.
    fn lock_in(&self, hash: u64, arena: &mut Arena) -> (Locked<'_>, usize) {
        loop {
            let mask = self.directory.mask();
            let index = index(hash, mask);
            let bucket = self.directory.bucket(index);
            if !bucket.version.load().is_live() {
                self.split(index, arena);
            }
            let locked = Locked::new(bucket);
            // A thread that took entries out of this bucket since had seen a larger array before.
            if self.directory.mask() == mask {
                return (locked, mask);
            }
        }
    }

    /// Finds a key and copies its value; how many bytes that are.
    ///
    /// Most lookups end here, at the first slot with the tag or at none. There is no loop around it, so no registers are
    /// kept for another attempt, and the whole is short enough for a second lookup to fit the reorder buffer while this one
    /// waits for memory.
    #[inline]
    fn find(&self, key: Key<'_>, into: &mut Vec<u64>) -> Option<usize> {
        let mask = self.directory.mask();
        let bucket = self.directory.bucket(index(key.hash, mask));
        let state = bucket.version.load();
        if state.is_readable() {
            let unchanged = || bucket.version.unchanged_since(state);
            if let Some(slot) = bucket.candidate(state, tag(key.hash)) {
                let entry = slot.load();
                entry.prefetch();
                if let Some(block) = entry.block()
                    && let Read::Value(len) = block.read(key.bytes, unchanged, into)
                {
                    if self.env.recency {
                        slot.mark(entry);
                    }
                    return Some(len);
                }
            } else if !state.spills() && unchanged() && self.directory.mask() == mask {
                return None;
            }
        }
        self.find_anywhere(key, into)
    }

    /// The general case: any slot with the tag, overflow buckets, a parent, locks and races; tries until a read validates.
    /// The bucket is usually at hand.
    #[inline(never)]
    fn find_anywhere(&self, key: Key<'_>, into: &mut Vec<u64>) -> Option<usize> {
        let mut races = 0;
        let mut wait = None;
        loop {
            let mask = self.directory.mask();
            let mut bucket = self.directory.bucket(index(key.hash, mask));
            let mut state = bucket.version.load();
            if !state.is_live() {
                let child = bucket;
                bucket = self.directory.bucket(index(key.hash, mask >> 1));
                state = bucket.version.load();
                if child.version.load().is_live() {
                    continue;
                }
            }
            if state.is_locked() {
                wait.get_or_insert_with(Wait::new).a_little();
                continue;
            }
            match bucket.search(state, key.hash, key.bytes, self.env.recency, into) {
                Read::Value(len) => return Some(len),
                Read::Other if self.directory.mask() == mask => return None,
                Read::Other | Read::Changed => races += 1,
            }
            if races == PATIENCE {
                return self.find_locked(key, into);
            }
        }
    }

    #[cold]
    fn find_locked(&self, key: Key<'_>, into: &mut Vec<u64>) -> Option<usize> {
        let mut arena = self.slab.take_arena();
        let locked = self.lock(key.hash, &mut arena);
        let found = locked.chain.find(key.hash, key.bytes);
        if let Some((slot, _)) = found {
            self.touch(slot);
        }
        // Under the lock a read cannot fail to validate.
        let len = found.and_then(|(_, block)| match block.read(key.bytes, || true, into) {
            Read::Value(len) => Some(len),
            Read::Other | Read::Changed => None,
        });
        drop(locked);
        self.slab.leave_arena(arena);
        len
    }

    /// A new block with its entry.
    fn new_entry(&self, key: Key<'_>, value: &[u8], arena: &mut Arena) -> Entry {
        let class = class_for(Block::bytes_for(key.bytes.len(), value.len()));
        let block = Block(arena.allocate(&self.slab, class).cast());
        // SAFETY: the class is for these lengths, and the block belongs to no other thread.
        unsafe { block.fill(key.bytes, value) };
        Entry::new(block, key.hash, class_bytes(class))
    }

    /// Gives the entry in a slot another value: in place where the class stays the same.
    fn replace(
        &self,
        locked: &mut Locked<'_>,
        (slot, block): (&bucket::Slot, Block),
        key: Key<'_>,
        value: &[u8],
        arena: &mut Arena,
    ) {
        locked.changed = true;
        let entry = slot.load();
        let (key_len, old_len) = block.lengths();
        let old = class_for(Block::bytes_for(key_len, old_len));
        if old == class_for(Block::bytes_for(key_len, value.len())) {
            // SAFETY: the class is large enough, and the bucket is locked.
            unsafe { block.set_value(key_len, value) };
            return;
        }
        slot.store(self.new_entry(key, value, arena));
        if entry.is_marked() {
            slot.mark(slot.load());
        }
        // SAFETY: allocated with the class of its lengths, and just unlinked.
        unsafe { arena.free(&self.slab, old, block.0.cast()) };
    }

    /// Removes the entry in a slot.
    fn remove(&self, locked: &mut Locked<'_>, slot: &bucket::Slot, arena: &mut Arena) {
        let block = slot
            .load()
            .block()
            .expect("a slot that was found has a block");
        let (key_len, value_len) = block.lengths();
        locked.chain_mut().remove(slot, &self.slab, arena);
        let class = class_for(Block::bytes_for(key_len, value_len));
        // SAFETY: allocated with the class of its lengths, and just unlinked.
        unsafe { arena.free(&self.slab, class, block.0.cast()) };
        arena.count(-1, 0);
    }

    /// Adds an entry to a locked bucket that lacks its key, unlocks it, and sees to growth.
    fn create(&self, mut locked: Locked<'_>, key: Key<'_>, value: &[u8], arena: &mut Arena) {
        let entry = self.new_entry(key, value, arena);
        let spilled = locked.chain_mut().insert(entry, &self.slab, arena);
        drop(locked);
        arena.count(1, 0);
        if spilled || self.directory.is_clearing() {
            self.grow_if_full();
        }
        self.split_a_run(arena);
    }
}

impl Strategy for Optimistic {
    const NAME: &'static str = "optimistic";
    const ABOUT: &'static str = "cache-line buckets of seven tagged pointers; readers validate a \
                                 version and lock nothing; grows a few buckets at a time.";
    const SOURCE: &'static str = "MICA: Lim et al., NSDI 2014; FASTER: Chandramouli et al., SIGMOD 2018; versions as in MemC3";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 256,
                min: 1,
                max: 1 << 32,
            },
            meaning: "buckets of 64 bytes at the start",
        },
        Param {
            name: "load",
            range: Range::Decimal {
                default: 5.0,
                min: 0.1,
                max: 1000.0,
            },
            meaning: "items a bucket before one that overflows makes the array double",
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "optimistic",
        "optimistic:buckets=1",
        "optimistic:buckets=2,load=0.1",
        "optimistic:buckets=4,load=1000",
        "optimistic:buckets=1,capacity=100",
    ];
    const WALK: bool = true;
    const UNCLAIMED: Option<&'static str> =
        Some("its slab takes memory in chunks, and claims only the blocks in use");
    const BUCKET_BYTES: usize = size_of::<Bucket>();
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Nothing),
        growth: Promise::shown(Waits::Nobody),
        memory: Promise::shown(Freed::Kept),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = OptimisticSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Optimistic, SpecError> {
        let load = params.decimal("load");
        let buckets = buckets_for(params.integer("capacity"), load, params.size("buckets"));
        let directory = Directory::open(buckets).ok_or_else(|| {
            BadInput(format!(
                "{}: an array of {buckets} buckets takes {} MiB, more than can be allocated; give \
                 fewer buckets or less capacity",
                Optimistic::NAME,
                (buckets as u128 * size_of::<Bucket>() as u128).div_ceil(1 << 20)
            ))
        })?;
        let (slab, growing) = (Slab::new(), Mutex::default());
        Ok(Optimistic {
            directory,
            slab,
            load,
            growing,
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> OptimisticSession<'_> {
        let arena = Some(self.slab.take_arena());
        OptimisticSession {
            table: self,
            arena,
            copy: Vec::new(),
            scratch: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        let (items, bytes) = self.slab.used();
        let buckets = self.directory.mask() + 1;
        Usage {
            items,
            bytes: bytes + (buckets * size_of::<Bucket>()) as u64,
        }
    }

    /// Asking brings the doubling to its end, as no other thread may be inserting any more.
    fn settled(&self) -> bool {
        let mut arena = self.slab.take_arena();
        self.end_doubling(&mut arena);
        self.slab.leave_arena(arena);
        self.directory.settled()
    }

    fn census(&mut self) -> Census {
        let mut census = Census::default();
        let mut bytes = ByteSplit::default();
        for index in 0..=self.directory.mask() {
            let bucket = self.directory.bucket(index);
            bytes.bucket_array += size_of::<Bucket>() as u64;
            let state = bucket.version.load();
            if !state.is_live() {
                continue;
            }
            // SAFETY: the exclusive borrow says that no thread is working on the table.
            let chain = unsafe { Chain::new(bucket, state) };
            bytes.bucket_array += (chain.spilled() * overflow_bytes()) as u64;
            let mut length = 0;
            for (_, block) in chain.blocks() {
                // SAFETY: as above.
                let (key, value) = unsafe { block.bytes() };
                let used = Block::HEADER + key.len() + value.len();
                let class = class_for(Block::bytes_for(key.len(), value.len()));
                length += 1;
                bytes.header += Block::HEADER as u64;
                bytes.key += key.len() as u64;
                bytes.value += value.len() as u64;
                bytes.slack += (class_bytes(class) - used) as u64;
            }
            census.items += length as u64;
            census.count_chain(length);
        }
        census.bytes = bytes;
        census
    }
}

impl OptimisticSession<'_> {
    /// The table, and this session's arena.
    fn parts(&mut self) -> (&Optimistic, &mut Arena) {
        (
            self.table,
            self.arena.as_mut().expect("only dropping takes it"),
        )
    }
}

impl Drop for OptimisticSession<'_> {
    fn drop(&mut self) {
        if let Some(arena) = self.arena.take() {
            self.table.slab.leave_arena(arena);
        }
    }
}

impl Session for OptimisticSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let len = self.table.find(key, &mut self.copy)?;
        Some(read(as_bytes(&self.copy, len)))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let (table, arena) = self.parts();
        let mut locked = table.lock(key.hash, arena);
        let stored = if let Some(found) = locked.chain.find(key.hash, key.bytes) {
            table.touch(found.0);
            table.replace(&mut locked, found, key, value, arena);
            drop(locked);
            Stored::Replaced
        } else {
            table.create(locked, key, value, arena);
            Stored::Created
        };
        self.move_if_sparse();
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let (table, arena) = self.parts();
        let mut locked = table.lock(key.hash, arena);
        let Some((slot, _)) = locked.chain.find(key.hash, key.bytes) else {
            return false;
        };
        table.remove(&mut locked, slot, arena);
        drop(locked);
        self.move_if_sparse();
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let (table, scratch) = (self.table, &mut self.scratch);
        let arena = self.arena.as_mut().expect("only dropping takes it");
        let mut locked = table.lock(key.hash, arena);
        let found = locked.chain.find(key.hash, key.bytes);
        if let Some((slot, _)) = found {
            table.touch(slot);
        }
        scratch.clear();
        // SAFETY: the bucket is locked, and nothing is written before `edit` has returned.
        let value = found.map(|(_, block)| unsafe { block.bytes() }.1);
        let (edit, result) = edit(value, scratch);
        let outcome = match (edit, found) {
            (Edit::Keep, _) | (Edit::Remove, None) => return (Outcome::Kept, result),
            (Edit::Store, Some(found)) => {
                table.replace(&mut locked, found, key, scratch, arena);
                drop(locked);
                Outcome::Replaced
            }
            (Edit::Store, None) => {
                table.create(locked, key, scratch, arena);
                Outcome::Created
            }
            (Edit::Patch { at }, found) => {
                let (_, block) = found.expect("a patch needs an entry");
                locked.changed = true;
                // SAFETY: the bucket is locked.
                unsafe { block.patch(at, scratch) };
                return (Outcome::Replaced, result);
            }
            (Edit::Remove, Some((slot, _))) => {
                table.remove(&mut locked, slot, arena);
                drop(locked);
                Outcome::Removed
            }
        };
        self.move_if_sparse();
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let directory = &self.table.directory;
        for (group, keys) in keys.chunks(GROUP).enumerate() {
            let mask = directory.mask();
            let buckets: [_; GROUP] = std::array::from_fn(|at| {
                let bucket = directory.bucket(index(keys[at.min(keys.len() - 1)].hash, mask));
                prefetch_read(bucket);
                bucket
            });
            let mut plans = [None; GROUP];
            for ((plan, key), bucket) in plans.iter_mut().zip(keys).zip(buckets) {
                let state = bucket.version.load();
                if state.is_readable() {
                    let candidate = bucket.candidate(state, tag(key.hash));
                    *plan = candidate.and_then(|slot| {
                        let entry = slot.load();
                        entry.prefetch();
                        Some((state, entry.block()?))
                    });
                }
            }
            for (at, ((key, bucket), plan)) in keys.iter().zip(buckets).zip(plans).enumerate() {
                // To be marked, an entry is looked up again: what it needs is in the cache by now.
                let plan = plan.filter(|_| !self.table.env.recency);
                let read = plan.map(|(state, block)| {
                    let unchanged = || bucket.version.unchanged_since(state);
                    block.read(key.bytes, unchanged, &mut self.copy)
                });
                // Anything out of the ordinary is looked up from the start; the bucket is at hand.
                let len = match read {
                    Some(Read::Value(len)) => Some(len),
                    _ => self.table.find(*key, &mut self.copy),
                };
                each(group * GROUP + at, len.map(|len| as_bytes(&self.copy, len)));
            }
        }
    }

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        let directory = &self.table.directory;
        prefetch_read(directory.bucket(index(key.hash, directory.mask())));
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], each: impl FnMut(usize, Stored)) {
        let hint = |session: &Self, (key, _): hinted::Entry<'_>| {
            let directory = &session.table.directory;
            let bucket = directory.bucket(index(key.hash, directory.mask()));
            let state = bucket.version.load();
            if state.is_readable()
                && let Some(slot) = bucket.candidate(state, tag(key.hash))
            {
                slot.load().prefetch();
            }
            state.is_readable()
        };
        hinted::set_many(self, entries, each, hint, |session, (key, value), _| {
            session.set(key, value)
        });
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let (table, arena) = self.parts();
        let locked = table.lock(key.hash, arena);
        debug_assert!(
            locked.chain.find(key.hash, key.bytes).is_none(),
            "insert_new of a key that is present"
        );
        table.create(locked, key, value, arena);
        self.move_if_sparse();
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let (table, arena) = self.parts();
        let cursor = table.walk(from, buckets, see, arena);
        self.move_if_sparse();
        cursor
    }
}
