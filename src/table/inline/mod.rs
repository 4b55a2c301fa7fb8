//! `inline`: pages that hold the entries themselves, read without a lock, found with one wait for memory.
//!
//! The hash's low bits pick a page of sixteen cache lines; its top 8 bits are a tag. The first line has the page's
//! version and a tag and a place for each entry. The entries lie in the other lines without gaps: from the front those
//! whose hash has one value of a further bit, from the back the others.
//!
//! ```text
//!   page, 1,024 bytes
//!   ┌─────────┬──────┬────────┬────────┬──────────┬────────────────────┬─────   ─────┬────────────────────┐
//!   │ version │ tags │ places │ marks, │ pointers │ lengths, key,      │             │ lengths, key,      │
//!   │ + lock  │ 16   │ 16     │ taken  │ 2 ●      │ value: whole words │ ─▸ free  ◂─ │ value: whole words │
//!   └─────────┴──────┴────────┴────────┴───┼──────┴────────────────────┴─────   ─────┴────────────────────┘
//!   ╰───────── the first line ─────────────┼─╯    ▲ a place counts words up to here
//!                                          ▼
//!                                         block from a slab: an entry of more than 236 bytes, or one too many
//! ```
//!
//! A reader asks for nine lines at once: the first one, and those of the half in which the hash says that the entry is.
//! It loads the version, compares tags, compares the key in the record, copies the value word by word and hands it out
//! if the version is still the same; else it starts again. Lines that are asked for together come little later than one.
//! A line that is asked for when another has come costs that wait again. That is so where one end takes more than half
//! of a page, which chance does to some, and a hash function that leaves that bit alone, as `identity` may, to all that
//! are more than half full. A batch asks for the first lines alone, then for the lines of the records, then reads: three
//! passes, each some keys behind the one before.
//!
//! | | waits for memory that depend on each other | lines |
//! |---|---|---|
//! | hit in a page | 1, or 2 beyond the half; in a batch 2, which those of other keys hide | 9; in a batch the first and those of the record |
//! | hit in a block | as in a page, and 1 | as many more as the block has |
//! | miss | 1; with a tag that another entry has, as a hit | 9; in a batch 1 |
//! | set | as a hit; in a batch 2, which those of other keys hide | 9; in a batch the first and those of the record |
//! | in a page that spills | 1 more for each overflow line, and for the block | 1 more each |
//!
//! With entries of 87 bytes, 9.75 to a page, one in six or so has to go to a block. Pages spill where more than
//! sixteen entries meet: seldom with such entries, in one page of six or more with entries of 60 bytes or fewer.
//!
//! **Growth:** linear hashing: when entries take more than `load` of the pages' words (a short one counts for nine, as there are sixteen
//! tags), the next page in turn is divided
//! between itself and a new page at the end, under its lock and the new one's. So all pages together are always as full
//! as they were, and nothing waits for more than a page. Pages never move: the array grows by segments, whose pages are cleared as they
//! come into use.
//!
//! **Locking:**
//! - Readers lock nothing and write nothing that is shared, but the marks of a table that evicts. (One that lost
//!   [`PATIENCE`](find::PATIENCE) races in a row locks the page once.)
//! - Writers lock one page through its version word; the thread that divides a page holds a mutex of the table that others
//!   only try for. While `edit` runs, the page is locked; while `read` runs, nothing is.
//! - A hit is right, as entries move between pages under both locks. A miss is right if the page is unchanged *and* the
//!   hash still has that page: the number of pages rises before a divided page is unlocked.
//!
//! **Memory:** records move within their page, under its lock. Blocks and overflow lines come from the slab of `optimistic`,
//! which gives back what it no longer needs, and has entries moved from block to block for that. A page that empties stays.
//!
//! **Good at** lookups of small entries that wait for each other; at batches; at growing. **Bad at** writers that meet
//! in one page, which has ten entries, and so in a hot one; at back-to-back lookups on a machine whose memory is busy,
//! as it asks for lines that it does not need; at entries of 100 to 240 bytes, few of which fit a page, so that chance leaves
//! more of it empty, and more of them beyond their half.
//!
//! **Source:** linear hashing with constant load (Litwin, VLDB 1980); entries inside buckets as in MICA's store mode and
//! `F14ValueMap` (Bronson and Shi, *Open-sourcing F14*, 2019); slotted pages that are kept compact as in databases (Gray and
//! Reuter, *Transaction Processing*, 1993); optimistic reads over versions as in `MemC3` (Fan, Andersen and Kaminsky,
//! NSDI 2013).

mod directory;
mod divide;
mod edit;
mod find;
mod growth;
mod leave;
mod lines;
mod page;
mod record;
mod walk;
mod weight;

#[cfg(all(test, not(loom)))]
mod tests;

use crate::table::sync::Mutex;
use crate::table::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use crossbeam_utils::CachePadded;

use self::directory::Directory;
use self::edit::{Locked, Memory, Spot};
use self::page::{BODY, Hint, Look, POINTER, Page};
use self::record::{MOST_WORDS, Span};
use self::weight::{ROOM, weight};
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::hinted;
use super::optimistic::block::{Block, as_bytes_from};
use super::optimistic::bucket::overflow_bytes;
use super::optimistic::slab::{Arena, Slab, class_bytes, class_for};
use super::optimistic::version::State;
use super::prefetch::{LINE, prefetch_read};
use super::segments::bucket_of;
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use crate::base::{
    BadInput, ByteSplit, Census, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// Keys of a batch between two passes over it: about as many lines as a core can wait for.
const GET_AHEAD: usize = 16;
/// Keys of a batch that are between the first pass and the last.
const RING: usize = 2 * GET_AHEAD;
/// Entries of a page that `capacity` reckons with: those of 87 bytes.
const USUAL: f64 = 10.0;

/// Pages of entries with validated reads.
pub struct Inline {
    directory: Directory,
    /// Pages in use. Written under `split` and the lock of the page that is divided.
    count: CachePadded<AtomicUsize>,
    /// Words that entries take of pages, as far as sessions have said.
    weight: CachePadded<AtomicI64>,
    split: Mutex<()>,
    slab: Slab,
    /// The share of the pages' words that entries take before another page is divided.
    load: f64,
    /// For rehashing, and for the journal.
    env: Env,
}

/// A session of [`Inline`].
pub struct InlineSession<'t> {
    table: &'t Inline,
    /// `None` only while dropping.
    arena: Option<Arena>,
    /// Where values are copied to: [`MOST_WORDS`] at least.
    copy: Vec<u64>,
    scratch: Vec<u8>,
    /// How far the last byte of the record that a batch read last was behind its first.
    last: usize,
    /// Words that were added and not yet reported.
    pending: i64,
    report_every: u64,
}

impl Inline {
    /// The page of a hash among so many.
    #[inline]
    fn page(&self, hash: u64, count: usize) -> &Page {
        self.directory.page(bucket_of(hash, count))
    }

    /// Pages in use.
    #[inline]
    fn pages(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Locks the page of a hash; `asked` says that the lines are at hand.
    fn lock(&self, hash: u64, mut asked: bool) -> Locked<'_> {
        loop {
            let count = self.pages();
            let page = self.page(hash, count);
            if !asked {
                page.prefetch_half(hash);
            }
            asked = false;
            let locked = Locked::new(page);
            // A thread that divided this page since had not raised the count before.
            if bucket_of(hash, self.pages()) == bucket_of(hash, count) {
                return locked;
            }
        }
    }

    /// Marks an entry of a locked page as used, if uses are marked.
    fn touch(&self, locked: &Locked<'_>, spot: Spot<'_>) {
        if self.env.recency {
            match spot {
                Spot::Slot(slot) => locked.page.mark(slot),
                Spot::Line(slot) => slot.mark(slot.load()),
            }
        }
    }
}

impl Strategy for Inline {
    const NAME: &'static str = "inline";
    const ABOUT: &'static str = "pages of sixteen lines that hold the entries themselves; readers usually wait for memory once, \
                                 validate a version and lock nothing; divides one page at a time.";
    const SOURCE: &'static str =
        "Litwin, VLDB 1980; entries in buckets as in MICA, NSDI 2014; versions as in MemC3";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 64,
                min: 1,
                max: 1 << 32,
            },
            meaning: "pages of 1,024 bytes at the start",
        },
        Param {
            name: "load",
            range: Range::Decimal {
                default: 0.975,
                min: 0.01,
                max: 1000.0,
            },
            meaning: "share of the pages' words that entries take before another page is divided",
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "inline",
        "inline:buckets=1",
        "inline:buckets=2,load=0.05",
        "inline:buckets=4,load=1000",
        "inline:buckets=1,capacity=100",
    ];
    const WALK: bool = true;
    const UNCLAIMED: Option<&'static str> =
        Some("its slab takes memory in chunks, and claims only the blocks in use");
    const BUCKET_BYTES: usize = size_of::<Page>();
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Nothing),
        growth: Promise::shown(Waits::Nobody),
        memory: Promise::shown(Freed::Kept),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = InlineSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Inline, SpecError> {
        let load = params.decimal("load");
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturates"
        )]
        let needed = (params.integer("capacity") as f64 / (USUAL * load)).ceil() as usize;
        let pages = needed.max(params.size("buckets"));
        let directory = Directory::open(pages).ok_or_else(|| {
            BadInput(format!(
                "{}: {pages} pages take {} MiB, more than can be allocated; give fewer buckets or less capacity",
                Inline::NAME,
                (pages as u128 * size_of::<Page>() as u128).div_ceil(1 << 20)
            ))
        })?;
        Ok(Inline {
            directory,
            count: CachePadded::new(AtomicUsize::new(pages)),
            weight: CachePadded::default(),
            split: Mutex::new(()),
            slab: Slab::new(),
            load,
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> InlineSession<'_> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped"
        )]
        let report_every = (self.load * ROOM as f64).clamp(1.0, ROOM as f64) as u64;
        InlineSession {
            table: self,
            arena: Some(self.slab.take_arena()),
            copy: vec![0; MOST_WORDS],
            scratch: Vec::new(),
            last: LINE,
            pending: 0,
            report_every,
        }
    }

    fn usage(&self) -> Usage {
        let (items, bytes) = self.slab.used();
        Usage {
            items,
            bytes: bytes + (self.directory.pages() * size_of::<Page>()) as u64,
        }
    }

    fn census(&mut self) -> Census {
        let count = self.pages();
        let mut census = Census::default();
        let mut bytes = ByteSplit {
            slack: ((self.directory.pages() - count) * size_of::<Page>()) as u64,
            ..ByteSplit::default()
        };
        for number in 0..count {
            // No other thread has the table: the lock is free.
            let locked = Locked::new(self.directory.page(number));
            let (mut length, mut taken) = (0, 0);
            let slots = (0..locked.count()).map(Spot::Slot);
            let lines = locked.spilled().map(|(slot, _)| Spot::Line(slot));
            for spot in slots.chain(lines) {
                // SAFETY: the exclusive borrow says that no thread is working on the table.
                let (key, value) = unsafe { locked.bytes(spot) };
                let place = match spot {
                    Spot::Slot(slot) => Some(locked.place(slot)),
                    Spot::Line(_) => None,
                };
                let payload = key.len() + value.len();
                if place.is_some_and(|place| place & POINTER == 0) {
                    let words = (record::HEADER + payload).div_ceil(8);
                    taken += words;
                    bytes.header += record::HEADER as u64;
                    bytes.slack += (8 * words - record::HEADER - payload) as u64;
                } else {
                    let class = class_for(Block::bytes_for(key.len(), value.len()));
                    bytes.header += Block::HEADER as u64;
                    bytes.slack += (class_bytes(class) - Block::HEADER - payload) as u64;
                    taken += usize::from(place.is_some());
                    bytes.header += 8 * u64::from(place.is_some());
                }
                length += 1;
                bytes.key += key.len() as u64;
                bytes.value += value.len() as u64;
            }
            bytes.bucket_array += (size_of::<Page>() - 8 * BODY) as u64;
            bytes.slack += (8 * (BODY - taken)) as u64;
            bytes.bucket_array += (locked.lines().count() * overflow_bytes()) as u64;
            census.items += length as u64;
            census.count_chain(length);
        }
        census.bytes = bytes;
        census
    }
}

impl<'t> InlineSession<'t> {
    /// The table, and where its blocks come from.
    fn parts(&mut self) -> (&'t Inline, Memory<'_>) {
        let memory = Memory {
            hasher: &self.table.env.hasher,
            slab: &self.table.slab,
            arena: self.arena.as_mut().expect("only dropping takes it"),
        };
        (self.table, memory)
    }

    /// Sets; `asked` says that the lines are at hand.
    #[inline]
    fn set_asked(&mut self, (key, value): hinted::Entry<'_>, asked: bool) -> Stored {
        let (table, mut memory) = self.parts();
        let mut locked = table.lock(key.hash, asked);
        let Some(spot) = locked.find(key) else {
            let more = create(locked, key, value, &mut memory);
            self.weigh(more);
            return Stored::Created;
        };
        table.touch(&locked, spot);
        // SAFETY: the page is locked, and the length is all that is used.
        let before = unsafe { locked.bytes(spot) }.1.len();
        locked.replace(spot, key, value, &mut memory);
        drop(locked);
        let len = key.bytes.len();
        self.weigh(weight(len, value.len()) - weight(len, before));
        Stored::Replaced
    }

    #[inline]
    fn value(copy: &[u64], span: Span) -> &[u8] {
        as_bytes_from(copy, span.from, span.len)
    }
}

impl Drop for InlineSession<'_> {
    fn drop(&mut self) {
        self.table.weight.fetch_add(self.pending, Ordering::Relaxed);
        if let Some(arena) = self.arena.take() {
            self.table.slab.leave_arena(arena);
        }
    }
}

/// Adds an entry that the page lacks, unlocks it, and says what it counts for.
fn create(mut locked: Locked<'_>, key: Key<'_>, value: &[u8], memory: &mut Memory<'_>) -> i64 {
    locked.insert(key, value, memory);
    drop(locked);
    memory.arena.count(1, 0);
    weight(key.bytes.len(), value.len())
}

impl Session for InlineSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let span = self.table.find(key, false, &mut self.copy)?;
        Some(read(Self::value(&self.copy, span)))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.set_asked((key, value), false)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let (table, mut memory) = self.parts();
        let mut locked = table.lock(key.hash, false);
        let Some(spot) = locked.find(key) else {
            return false;
        };
        // SAFETY: the page is locked, and the length is all that is used.
        let before = unsafe { locked.bytes(spot) }.1.len();
        locked.remove(spot, &mut memory);
        locked.refill(&mut memory);
        drop(locked);
        memory.arena.count(-1, 0);
        self.weigh(-weight(key.bytes.len(), before));
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let (table, mut memory) = self.parts();
        let mut locked = table.lock(key.hash, false);
        let found = locked.find(key);
        if let Some(spot) = found {
            table.touch(&locked, spot);
        }
        scratch.clear();
        // SAFETY: the page is locked, and nothing is written before `edit` has returned.
        let value = found.map(|spot| unsafe { locked.bytes(spot) }.1);
        let before = found.map_or(0, |_| weight(key.bytes.len(), value.map_or(0, <[u8]>::len)));
        let (edit, result) = edit(value, &mut scratch);
        let (outcome, more) = match (edit, found) {
            (Edit::Keep, _) | (Edit::Remove, None) => {
                drop(locked);
                (Outcome::Kept, 0)
            }
            (Edit::Store, Some(spot)) => {
                locked.replace(spot, key, &scratch, &mut memory);
                drop(locked);
                (
                    Outcome::Replaced,
                    weight(key.bytes.len(), scratch.len()) - before,
                )
            }
            (Edit::Store, None) => (Outcome::Created, create(locked, key, &scratch, &mut memory)),
            (Edit::Patch { at }, found) => {
                let spot = found.expect("a patch needs an entry");
                locked.patch(spot, at, &scratch);
                drop(locked);
                (Outcome::Replaced, 0)
            }
            (Edit::Remove, Some(spot)) => {
                locked.remove(spot, &mut memory);
                locked.refill(&mut memory);
                drop(locked);
                memory.arena.count(-1, 0);
                (Outcome::Removed, -before)
            }
        };
        self.scratch = scratch;
        self.weigh(more);
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let table = self.table;
        let Some(first) = keys.first() else { return };
        let ahead = keys.len().min(GET_AHEAD);
        let mut pages = [table.page(first.hash, table.pages()); RING];
        let mut hints: [Option<(State, Hint)>; RING] = [None; RING];
        for step in 0..keys.len() + 2 * ahead {
            if let Some(at) = step.checked_sub(2 * ahead) {
                let (key, page) = (keys[at], pages[at % RING]);
                // To be marked, an entry is looked up again: what it needs is in the cache by now.
                let hint = hints[at % RING].filter(|_| !table.env.recency);
                let look = match hint {
                    Some((state, Hint::Record(place))) => {
                        page.look_at_record(place, state, key.bytes, &mut self.copy)
                    }
                    Some((state, Hint::Block(block))) => {
                        page.look_at_block(block, state, key.bytes, &mut self.copy)
                    }
                    Some((_, Hint::None)) | None => Look::Other,
                };
                // Anything out of the ordinary is looked up from the start; the first line is at hand.
                let span = match look {
                    Look::Found(span) => {
                        self.last = record::last_byte(key.bytes.len(), span.len);
                        Some(span)
                    }
                    _ => table.find(key, true, &mut self.copy),
                };
                each(at, span.map(|span| Self::value(&self.copy, span)));
            }
            if let Some(at) = step.checked_sub(ahead)
                && let Some(key) = keys.get(at)
            {
                let page = pages[at % RING];
                let state = page.version.load();
                hints[at % RING] =
                    (!state.is_locked()).then(|| (state, page.hint(state, key.hash, self.last)));
            }
            if let Some(key) = keys.get(step) {
                let page = table.page(key.hash, table.pages());
                prefetch_read(page);
                pages[step % RING] = page;
            }
        }
    }

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        // The first line alone: the others come in one wait when it is at hand.
        prefetch_read(self.table.page(key.hash, self.table.pages()));
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], each: impl FnMut(usize, Stored)) {
        let hint = |session: &Self, (key, value): hinted::Entry<'_>| {
            let page = session.table.page(key.hash, session.table.pages());
            let state = page.version.load();
            if state.is_locked() || state.spills() {
                return false;
            }
            let last = record::last_byte(key.bytes.len(), value.len());
            if let Hint::None = page.hint(state, key.hash, last) {
                page.prefetch_end(key.hash, last);
            }
            true
        };
        hinted::set_many(self, entries, each, hint, Self::set_asked);
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let (table, mut memory) = self.parts();
        let locked = table.lock(key.hash, false);
        debug_assert!(
            locked.find(key).is_none(),
            "insert_new of a key that is present"
        );
        let more = create(locked, key, value, &mut memory);
        self.weigh(more);
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let (table, mut memory) = self.parts();
        let (cursor, gone) = table.walk(from, buckets, see, &mut memory);
        self.weigh(-gone);
        cursor
    }
}
