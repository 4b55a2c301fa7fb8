//! `spinbit`: a lock for every bucket, one bit of the bucket's own pointer.
//!
//! The hash's low bits pick a bucket, each bucket is a linked list. The lowest bit of the pointer to a
//! list's first item, always 0 in an address, says whether some thread is working on the list: taking
//! the lock and reading the pointer are one access to one cache line.
//!
//! ```text
//!   striped:  hash ─┬─▶ lock (a line) ───┐         spinbit:  hash ──▶ bucket (a line) ──▶ item
//!                   └─▶ bucket (a line) ─┴▶ item                      ┌──────────────┬─┐
//!                                                                     │ first item   │1│ locked
//!                                                                     └──────────────┴─┘
//! ```
//!
//! Good at: as many locks as buckets for no memory, so that threads meet only at the same bucket;
//! one cache line less for each operation where locks would not stay in the cache. Bad at: buckets that
//! many want at once (one hot key): a thread that waits burns time instead of sleeping, takes its turn by luck,
//! and, with more threads than cores, may wait for a holder that is not running (it offers its core
//! then). Readers exclude each other.
//!
//! **Growth.** To stop all threads one would need a lock that every operation takes, which is what this
//! table is there to save. So no thread is stopped: when items exceed `load` × buckets, the writer that
//! finds it so doubles the array, bucket by bucket under the bucket's own bit, before it returns. The
//! array is a directory of segments (`segments.rs`), which gets longer without being copied, and one
//! number, `count`, says which buckets have been split, as in `linear`. Others work on; what waits is
//! the writer itself, as long as in a table that stops the world. After locking the bucket that
//! `count` says, an operation looks at `count` again: if the bucket has been split meanwhile and the
//! hash belongs to the other half now, it tries again.
//!
//! **Counting.** With no lock that covers more than one bucket there is no place under a lock to count
//! in. A session adds to one of 16 padded counters, picked by its worker's number, so that up to 16 threads
//! write no line of another's; for growth it reports every few items (at most 64, and at most an eighth of
//! what the array allows over all workers) to a shared counter (`count.rs`).
//!
//! `capacity=` opens with enough buckets for that many items at `load`.
//!
//! **Locking:**
//! - A bucket's bit protects its chain. It is held for one operation, while `read` looks at a value, while
//!   `edit` runs and while memory is allocated. An operation holds one. A lookup of several keys asks for
//!   all buckets and first items beforehand, by what the heads say without being locked (they are
//!   atomic), and then takes one bit after the other.
//! - `count` passes a new bucket's number while the bucket being split is locked, after the new
//!   one's chain is complete. So a thread that locks a bucket and finds that `count` still leads there
//!   keeps it from being split.
//! - The claim to grow (`claim.rs`) is taken by the thread that grows, while it holds no bucket. Others do
//!   not wait for it: the thread that gives it up looks once more at what was reported.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under its bucket's bit; as
//! no thread follows a pointer without it, nothing needs to be deferred. Segments stay until the table is
//! dropped. If one cannot be allocated, the table goes on as it is and tries again at a later report.
//!
//! **Source:** Linux's `list_bl.h`: hash chains with a bit spinlock in the head pointer, made for the
//! directory-entry cache, whose table is of a fixed size. Growth by splitting: Litwin, "Linear
//! hashing", VLDB 1980.

mod bucket;
mod head;

use crate::table::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

use self::bucket::{Bucket, Locked};
use super::change::Change;
use super::count::{Count, Counts};
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::Item;
use super::prefetch::{groups, prefetch_read};
use super::segments::{Segments, bits_of, bucket_of, next_to_split};
use super::tally::Tally;
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use super::{buckets, chain, claim, params, scan};
use crate::base::{ByteSplit, Census, EventKind, Key, Param, Params, SpecError, Usage, Worker};

/// Chains with a lock in each head.
pub struct SpinBit {
    segments: Segments<Bucket>,
    /// Buckets in use; a power of two but while the table grows.
    count: CachePadded<AtomicUsize>,
    counts: Counts,
    /// Items a bucket before it grows.
    load: f64,
    /// For rehashing, and for the journal.
    env: Env,
}

/// A session of [`SpinBit`].
pub struct SpinBitSession<'t> {
    table: &'t SpinBit,
    count: Count<'t>,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl SpinBit {
    /// Locks the bucket of a hash.
    #[inline]
    fn lock(&self, hash: u64) -> Locked<'_> {
        loop {
            // Acquire: with the store in `split`; the bucket's segment and chain are there.
            let bucket = bucket_of(hash, self.count.load(Ordering::Acquire));
            let locked = self.segments.at(bucket).lock();
            // Relaxed: if the bucket was split before it could be locked, the lock makes that known.
            if bucket_of(hash, self.count.load(Ordering::Relaxed)) == bucket {
                return locked;
            }
        }
    }

    /// Doubles the table until it holds what was reported, for the thread that has the claim and holds no lock;
    /// whether there was memory for it.
    fn grow(&self) -> bool {
        loop {
            let from = self.count.load(Ordering::Relaxed);
            let items = u64::try_from(self.counts.claim.reported()).unwrap_or(0);
            let to = buckets::buckets_for(items, self.load, from);
            if to == from {
                // Said again, should a growth before this one have ended in a panic.
                self.counts.claim.set_limit(claim::limit(from, self.load));
                return true;
            }
            self.env.note(EventKind::Begin, from, to);
            let splits = (from..to).take_while(|&count| {
                let room = count < self.segments.buckets() || self.segments.extend().is_some();
                if room {
                    self.split(count);
                }
                room
            });
            let count = from + splits.count();
            self.counts.claim.set_limit(claim::limit(count, self.load));
            self.env.note(EventKind::End, from, count);
            if count < to {
                return false;
            }
        }
    }

    /// Splits one bucket, for the thread that has the claim; bucket `count` is there and empty.
    fn split(&self, count: usize) {
        let bucket = next_to_split(count);
        let mut from = self.segments.at(bucket).lock();
        let mut to = self.segments.at(count).lock();
        let mut rest = from.take();
        while let Some(item) = chain::unlink(&mut rest) {
            let half = bucket_of(self.env.hasher.hash(item.key()), count + 1);
            chain::prepend(if half == bucket { &mut from } else { &mut to }, item);
        }
        drop(to);
        // Release: a thread that sees the count sees the new chain. And it is stored while the old
        // bucket is locked, so that the thread that locks that next sees the count.
        self.count.store(count + 1, Ordering::Release);
        drop(from);
    }
}

impl SpinBitSession<'_> {
    /// Counts what an operation changed, and sees to it that the table grows when it is full. The caller
    /// holds no lock.
    #[inline]
    fn count(&mut self, change: Change) {
        if self.count.add(change) {
            self.table.counts.claim.hold(|| self.table.grow());
        }
    }
}

impl Strategy for SpinBit {
    const NAME: &'static str = "spinbit";
    const ABOUT: &'static str =
        "chains with a spin lock for each bucket, the low bit of its pointer; doubles in one go";
    const SOURCE: &'static str = "Linux's list_bl.h; growth by splitting as in Litwin, VLDB 1980";
    const PARAMS: &'static [Param] = &[
        params::BUCKETS,
        Param {
            meaning: "items a bucket before a writer doubles the buckets",
            ..params::LOAD
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "spinbit",
        "spinbit:buckets=1",
        "spinbit:buckets=4,load=0.1",
        "spinbit:buckets=8,load=1000",
        "spinbit:buckets=1,capacity=100",
    ];
    const WALK: bool = true;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Exclusive("bucket")),
        growth: Promise::shown(Waits::Grower),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = SpinBitSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<SpinBit, SpecError> {
        let (first, load) = (params.size("buckets"), params.decimal("load"));
        let count = buckets::buckets_for(params.integer("capacity"), load, first);
        let segments = Segments::open(first, count)
            .ok_or_else(|| buckets::too_many_buckets(SpinBit::NAME, count))?;
        Ok(SpinBit {
            segments,
            count: CachePadded::new(AtomicUsize::new(count)),
            counts: Counts::new(count, load),
            load,
            env: env.clone(),
        })
    }

    fn session(&self, who: Worker) -> SpinBitSession<'_> {
        SpinBitSession {
            table: self,
            count: self.counts.session(who),
            scratch: Vec::new(),
            recency: self.env.recency,
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = self.counts.usage();
        usage.bytes += (self.segments.buckets() * size_of::<Bucket>()) as u64;
        usage
    }

    fn census(&mut self) -> Census {
        let count = *self.count.get_mut();
        let unused = self.segments.buckets() - count;
        let mut census = Census::of(ByteSplit {
            bucket_array: (count * size_of::<Bucket>() + size_of::<Tally>()) as u64,
            slack: (unused * size_of::<Bucket>()) as u64,
            ..ByteSplit::default()
        });
        for bucket in 0..count {
            chain::count_bucket(&mut census, &self.segments.at(bucket).lock());
        }
        census
    }
}

impl Session for SpinBitSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let chain = self.table.lock(key.hash);
        chain::get(&chain, key.bytes, self.recency, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let mut chain = self.table.lock(key.hash);
        let (stored, change) = chain::set(&mut chain, key.bytes, value, self.recency);
        drop(chain);
        self.count(change);
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let mut chain = self.table.lock(key.hash);
        let item = chain::remove(&mut chain, key.bytes);
        drop(chain);
        if let Some(item) = &item {
            self.count(Change::removed(item.size()));
        }
        item.is_some()
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut chain = self.table.lock(key.hash);
        let (outcome, change, result) =
            chain::update(&mut chain, key.bytes, self.recency, &mut self.scratch, edit);
        drop(chain);
        self.count(change);
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        let segments = &self.table.segments;
        for (from, keys) in groups(keys) {
            let count = self.table.count.load(Ordering::Acquire);
            for key in keys {
                prefetch_read(segments.at(bucket_of(key.hash, count)));
            }
            for key in keys {
                prefetch_read(segments.at(bucket_of(key.hash, count)).hint());
            }
            for (index, key) in keys.iter().enumerate() {
                let chain = self.table.lock(key.hash);
                let item = chain::find(&chain, key.bytes).inspect(|item| item.touch(self.recency));
                each(from + index, item.map(Item::value));
            }
        }
    }

    #[inline]
    fn prefetch(&self, key: Key<'_>) {
        // Segments stay where they are.
        let count = self.table.count.load(Ordering::Acquire);
        prefetch_read(self.table.segments.at(bucket_of(key.hash, count)));
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let mut chain = self.table.lock(key.hash);
        let change = chain::insert_new(&mut chain, key.bytes, value);
        drop(chain);
        self.count(change);
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        scan::steps(from, buckets, |at| {
            let mut chain = self.table.lock(at);
            let change = chain::sweep(&mut chain, &mut see);
            // Right for this bucket, which no thread splits while it is locked.
            let bits = bits_of(at, self.table.count.load(Ordering::Relaxed));
            drop(chain);
            self.count(change);
            bits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::testing::{env, fill, key, open, open_in};

    #[test]
    fn a_small_table_grows_on_the_item() {
        let env = env("sip13");
        let mut table: SpinBit = open_in("spinbit:buckets=4", &env);
        for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16)] {
            fill(&table, table.usage().items..items);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets));
            assert_eq!(census.bytes.total(), table.usage().bytes);
        }
        let (events, _) = env.journal.drain();
        let noted: Vec<_> = events
            .iter()
            .map(|e| (e.kind.word(), e.to_buckets))
            .collect();
        assert_eq!(
            noted,
            [("begin", 8), ("end", 8), ("begin", 16), ("end", 16)]
        );
    }

    #[test]
    fn capacity_makes_room_and_a_low_load_skips_sizes() {
        let mut table: SpinBit = open("spinbit:capacity=100000");
        assert_eq!(table.census().buckets, 1 << 17);
        let mut table: SpinBit = open("spinbit:buckets=1,load=0.1");
        fill(&table, 0..1);
        assert_eq!(table.census().buckets, 16);
    }

    #[test]
    fn sessions_go_on_while_one_grows() {
        for spec in [
            "spinbit:buckets=1",
            "spinbit:buckets=1,load=0.1",
            "spinbit:load=100",
        ] {
            let env = env("sip13");
            let mut table: SpinBit = open_in(spec, &env);
            std::thread::scope(|scope| {
                for index in 0..4 {
                    let table = &table;
                    scope.spawn(move || {
                        let mut session = table.session(Worker { index, of: 4 });
                        for n in 0..3000 {
                            let (own, shared) = (format!("{index}-{n}"), format!("{}", n % 100));
                            assert_eq!(session.set(key(&own), b"1"), Stored::Created);
                            session.update(key(&shared), |value, new| {
                                let sum = value.map_or(1, |value| value.len() + 1);
                                new.resize(sum, b'x');
                                (Edit::Store, ())
                            });
                            assert_eq!(session.get(key(&own), <[u8]>::len), Some(1));
                            assert!(session.remove(key(&own)));
                            session.insert_new(key(&own), b"22");
                        }
                    });
                }
            });
            let mut session = table.session(Worker::ALONE);
            for n in 0..100 {
                // Four sessions, 30 times each: none of the updates is lost.
                assert_eq!(
                    session.get(key(&n.to_string()), <[u8]>::len),
                    Some(120),
                    "{spec}"
                );
            }
            drop(session);
            let census = table.census();
            assert_eq!(census.items, 12_100, "{spec}");
            assert_eq!(census.bytes.total(), table.usage().bytes, "{spec}");
            assert_eq!(env.journal.drain().0.len() % 2, 0);
        }
    }
}
