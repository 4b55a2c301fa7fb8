//! `resizable`: the chained table that doubles its array, all at once, while all threads wait.
//!
//! As in `fixed`, the hash's low bits pick a bucket and each bucket is a linked list. When the
//! items exceed `load` × buckets, the operation that added the last one allocates an array twice as
//! long, hashes every key again and links every item into its new bucket, before another thread
//! gets the lock:
//!
//! ```text
//!   before: n = 2                         after: n = 4
//!   ┌───┐                                 ┌───┐
//!   │ 0 ├──▶ [h=0] ──▶ [h=2] ──▶ [h=4]    │ 0 ├──▶ [h=4] ──▶ [h=0]
//!   ├───┤                          ══▶    ├───┤
//!   │ 1 ├──▶ [h=3]                        │ 1 │
//!   └───┘                                 ├───┤
//!                                         │ 2 ├──▶ [h=2]
//!                                         ├───┤
//!                                         │ 3 ├──▶ [h=3]
//!                                         └───┘
//! ```
//!
//! Lookups stay short whatever the table holds; the price is the pause, which grows with the table.
//! It is amortised over the insertions since the last doubling, so that throughput hides it and the
//! worst latency shows it. Each resize is noted in the journal. The table never shrinks.
//!
//! `capacity=` opens with enough buckets for that many items at `load`.
//!
//! `rwlock` is this text over a reader–writer lock; what follows says "the lock" for either.
//!
//! **Locking:** one mutex around all of it, held for every operation, while `read` looks at a value,
//! while `edit` runs, and for the whole of a resize. A lookup of several keys takes it once for each
//! group of them, and walks their chains in step.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, the old array at the
//! end of the resize, both under the lock; as no thread reads without the lock, nothing needs to be
//! deferred. A resize moves links, not items; for its duration both arrays exist. If the larger
//! array cannot be allocated, the table goes on with the one it has, and tries again when it next
//! adds an entry.
//!
//! **Source:** the threshold of 1.5 items a bucket and the doubling are those of memcached's
//! `assoc.c`, which however moves its buckets one by one in the background. Doing it all at once is
//! what textbooks call dynamic hashing by table doubling (Cormen, Leiserson, Rivest and Stein,
//! *Introduction to Algorithms*, "Dynamic tables").

use super::change::Change;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::Chain;
use super::lock::{Excluding, Lock};
use super::prefetch::{GROUP, groups};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use super::{buckets, chain, params, scan};
use crate::base::{ByteSplit, Census, EventKind, Key, Param, Params, SpecError, Usage, Worker};

/// An array of chains under one mutex that doubles stop-the-world.
pub type Resizable = Doubling<Excluding>;

/// An array of chains under one lock that doubles stop-the-world.
pub struct Doubling<L: Lock> {
    table: L::Of<Table>,
    /// Whether uses are marked.
    recency: bool,
}

/// What the lists say of the table under one kind of lock.
pub trait Listed: Lock {
    /// [`Strategy::NAME`].
    const NAME: &'static str;
    /// [`Strategy::ABOUT`].
    const ABOUT: &'static str;
    /// [`Strategy::SOURCE`].
    const SOURCE: &'static str;
    /// What a lookup holds while the value is read.
    const READ: Holds;
    /// [`Strategy::SAMPLES`].
    const SAMPLES: &'static [&'static str];
}

impl Listed for Excluding {
    const NAME: &'static str = "resizable";
    const ABOUT: &'static str =
        "chains under one lock; doubles its array stop-the-world when items exceed load x buckets";
    const SOURCE: &'static str = "memcached's assoc.c for the threshold; table doubling as in Cormen et al., Introduction to Algorithms";
    const READ: Holds = Holds::Exclusive("table");
    const SAMPLES: &'static [&'static str] = &[
        "resizable",
        "resizable:buckets=1",
        "resizable:buckets=4,load=0.5",
        "resizable:buckets=2,load=1000",
        "resizable:buckets=1,capacity=100",
    ];
}

struct Table {
    buckets: Box<[Chain]>,
    /// Items and their bytes, headers included.
    held: Usage,
    /// More items than this, and the array doubles.
    limit: u64,
    /// Items a bucket before it grows.
    load: f64,
    /// For rehashing, and for the journal.
    env: Env,
}

/// A session of [`Doubling`].
pub struct DoublingSession<'t, L: Lock> {
    table: &'t L::Of<Table>,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Table {
    /// The chain of a hash.
    #[inline]
    fn chain(&self, hash: u64) -> &Chain {
        &self.buckets[buckets::low_bits(hash, self.buckets.len())]
    }

    /// The chain of a hash, to be changed.
    #[inline]
    fn chain_mut(&mut self, hash: u64) -> &mut Chain {
        &mut self.buckets[buckets::low_bits(hash, self.buckets.len())]
    }

    fn bucket_bytes(&self) -> u64 {
        size_of_val(&*self.buckets) as u64
    }

    /// Counts what an operation changed, and doubles the array if the items exceed what it allows;
    /// several times over where `load` is so low that one item needs several buckets.
    #[inline]
    fn count(&mut self, change: Change) {
        self.held += change;
        if change.items > 0 && self.held.items > self.limit {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let from = self.buckets.len();
        let to = buckets::buckets_for(self.held.items, self.load, from);
        self.env.note(EventKind::Begin, from, to);
        let Some(larger) = buckets::empty_buckets(to) else {
            self.env.note(EventKind::End, from, from);
            return;
        };
        let old = std::mem::replace(&mut self.buckets, larger);
        for mut chain in old {
            while let Some(item) = chain::unlink(&mut chain) {
                let hash = self.env.hasher.hash(item.key());
                chain::prepend(self.chain_mut(hash), item);
            }
        }
        self.limit = buckets::items_allowed(to, self.load);
        self.env.note(EventKind::End, from, to);
    }
}

impl<L: Listed> Strategy for Doubling<L> {
    const NAME: &'static str = L::NAME;
    const ABOUT: &'static str = L::ABOUT;
    const SOURCE: &'static str = L::SOURCE;
    const PARAMS: &'static [Param] = &[params::BUCKETS, params::LOAD, Param::CAPACITY];
    const SAMPLES: &'static [&'static str] = L::SAMPLES;
    const WALK: bool = true;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Groups(GROUP)),
        read: Promise::shown(L::READ),
        growth: Promise::shown(Waits::All),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = DoublingSession<'t, L>;

    fn open(params: &Params, env: &Env) -> Result<Doubling<L>, SpecError> {
        let load = params.decimal("load");
        let capacity = params.integer("capacity");
        let count = buckets::buckets_for(capacity, load, params.size("buckets"));
        let table = Table {
            buckets: buckets::empty_buckets(count)
                .ok_or_else(|| buckets::too_many_buckets(L::NAME, count))?,
            held: Usage::default(),
            limit: buckets::items_allowed(count, load),
            load,
            env: env.clone(),
        };
        Ok(Doubling {
            table: L::over(table),
            recency: env.recency,
        })
    }

    fn session(&self, _who: Worker) -> DoublingSession<'_, L> {
        DoublingSession {
            table: &self.table,
            scratch: Vec::new(),
            recency: self.recency,
        }
    }

    fn usage(&self) -> Usage {
        let table = L::share(&self.table);
        Usage {
            items: table.held.items,
            bytes: table.held.bytes + table.bucket_bytes(),
        }
    }

    fn census(&mut self) -> Census {
        let table = L::get_mut(&mut self.table);
        let mut census = Census::of(ByteSplit {
            bucket_array: table.bucket_bytes(),
            ..ByteSplit::default()
        });
        for chain in &table.buckets {
            chain::count_bucket(&mut census, chain);
        }
        census
    }
}

impl<L: Lock> Session for DoublingSession<'_, L> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let table = L::share(self.table);
        chain::get(table.chain(key.hash), key.bytes, self.recency, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let table = &mut *L::exclude(self.table);
        let chain = table.chain_mut(key.hash);
        let (stored, change) = chain::set(chain, key.bytes, value, self.recency);
        table.count(change);
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let table = &mut *L::exclude(self.table);
        let Some(item) = chain::remove(table.chain_mut(key.hash), key.bytes) else {
            return false;
        };
        table.count(Change::removed(item.size()));
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let table = &mut *L::exclude(self.table);
        let chain = table.chain_mut(key.hash);
        let (outcome, change, result) =
            chain::update(chain, key.bytes, self.recency, &mut self.scratch, edit);
        table.count(change);
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        for (from, keys) in groups(keys) {
            let table = L::share(self.table);
            let chain = |key: &Key<'_>| table.chain(key.hash);
            chain::get_group(keys, chain, self.recency, |index, value| {
                each(from + index, value);
            });
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let table = &mut *L::exclude(self.table);
        let change = chain::insert_new(table.chain_mut(key.hash), key.bytes, value);
        table.count(change);
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let table = &mut *L::exclude(self.table);
        let bits = table.buckets.len().ilog2();
        scan::steps(from, buckets, |at| {
            let change = chain::sweep(table.chain_mut(at), &mut see);
            table.count(change);
            bits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::testing::{env, fill, open, open_in};

    #[test]
    fn the_array_doubles_when_items_exceed_the_load() {
        let mut table: Resizable = open("resizable:buckets=4,load=1.5");
        for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16), (1000, 1024)] {
            fill(&table, table.usage().items..items);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets));
            assert_eq!(census.bytes.total(), table.usage().bytes);
        }
    }

    #[test]
    fn each_resize_is_noted() {
        let env = env("sip13");
        let table: Resizable = open_in("resizable:buckets=2,load=1.0", &env);
        fill(&table, 0..5);
        let (events, dropped) = env.journal.drain();
        let noted: Vec<_> = events
            .iter()
            .map(|e| (e.kind.word(), e.from_buckets, e.to_buckets))
            .collect();
        assert_eq!(dropped, 0);
        assert_eq!(
            noted,
            [
                ("begin", 2, 4),
                ("end", 2, 4),
                ("begin", 4, 8),
                ("end", 4, 8)
            ]
        );
    }

    #[test]
    fn capacity_makes_room_and_a_low_load_skips_sizes() {
        let mut table: Resizable = open("resizable:capacity=100000");
        assert_eq!(table.census().buckets, 1 << 17);
        let mut table: Resizable = open("resizable:buckets=1,load=0.1");
        fill(&table, 0..1);
        assert_eq!(table.census().buckets, 16);
    }
}
