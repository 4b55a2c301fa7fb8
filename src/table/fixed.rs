//! `fixed`: an array of buckets that never grows, each a linked list, under one lock.
//!
//! The memcached-style table that everything else is compared with. The hash's low bits pick the
//! bucket; a get walks its list and returns the value or a miss; a set overwrites the entry that it
//! finds there or appends a new one at the list's end.
//!
//! ```text
//!            buckets            chains of items
//!          ┌─────────┐
//!   hash & │ 0     ●─┼──▶ [k v] ──▶ [k v] ──▶ [k v]
//!   (n-1)  ├─────────┤
//!     ├───▶│ 1     ○ │
//!     │    ├─────────┤
//!     └───▶│ 2     ●─┼──▶ [k v]
//!          └─────────┘
//! ```
//!
//! With m entries in n buckets a lookup that hits walks about m/2n of them, one that misses m/n: at
//! a million entries in 1024 buckets, hundreds of dependent cache misses. That cost is the
//! phenomenon under study.
//!
//! `insert_new` links at the list's front without walking it, so that a prefill takes linear time.
//!
//! `capacity=` is accepted, as by every strategy, and has no effect: the array is as large as
//! `buckets=` says.
//!
//! **Locking:** one mutex around all of it, held for every operation, while `read` looks at a value
//! and while `edit` runs. A lookup of several keys takes it once for each group of them, and walks
//! their chains in step.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, under the lock; as
//! no thread reads without the lock, nothing needs to be deferred.
//!
//! **Source:** memcached's `assoc.c` for array and chains (find, insert and delete there walk a
//! bucket's list in the same way; insert links at the front, where this table appends) and
//! `items.c` for entries of one allocation each.

use crate::table::sync::Mutex;

use super::change::Change;
use super::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use super::item::Chain;
use super::prefetch::{GROUP, groups};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
use super::{buckets, chain, params, scan};
use crate::base::{ByteSplit, Census, Key, Param, Params, SpecError, Usage, Worker};

/// An array of chains under one lock.
pub struct Fixed {
    table: Mutex<Table>,
    /// Whether uses are marked.
    recency: bool,
}

struct Table {
    buckets: Box<[Chain]>,
    /// Items and their bytes, headers included.
    held: Usage,
}

/// A session of [`Fixed`].
pub struct FixedSession<'t> {
    fixed: &'t Fixed,
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
}

impl Strategy for Fixed {
    const NAME: &'static str = "fixed";
    const ABOUT: &'static str =
        "memcached-style: a fixed array of buckets, each a linked list, under one lock";
    const SOURCE: &'static str = "memcached's assoc.c and items.c, with a fixed array";
    const PARAMS: &'static [Param] = &[
        Param {
            meaning: "buckets in the array, for good",
            ..params::BUCKETS
        },
        Param {
            meaning: "no effect: taken because every strategy takes it",
            ..Param::CAPACITY
        },
    ];
    const SAMPLES: &'static [&'static str] =
        &["fixed", "fixed:buckets=1", "fixed:buckets=4,capacity=1000"];
    const WALK: bool = true;
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Groups(GROUP)),
        read: Promise::shown(Holds::Exclusive("table")),
        growth: Promise::shown(Waits::Never),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = FixedSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Fixed, SpecError> {
        let count = params.size("buckets");
        let table = Table {
            buckets: buckets::empty_buckets(count)
                .ok_or_else(|| buckets::too_many_buckets(Fixed::NAME, count))?,
            held: Usage::default(),
        };
        Ok(Fixed {
            table: Mutex::new(table),
            recency: env.recency,
        })
    }

    fn session(&self, _who: Worker) -> FixedSession<'_> {
        FixedSession {
            fixed: self,
            scratch: Vec::new(),
            recency: self.recency,
        }
    }

    fn usage(&self) -> Usage {
        let table = self.table.lock();
        Usage {
            items: table.held.items,
            bytes: table.held.bytes + table.bucket_bytes(),
        }
    }

    fn census(&mut self) -> Census {
        let table = self.table.get_mut();
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

impl Session for FixedSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let table = self.fixed.table.lock();
        chain::get(table.chain(key.hash), key.bytes, self.recency, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let table = &mut *self.fixed.table.lock();
        let chain = table.chain_mut(key.hash);
        let (stored, change) = chain::set(chain, key.bytes, value, self.recency);
        table.held += change;
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let table = &mut *self.fixed.table.lock();
        let Some(item) = chain::remove(table.chain_mut(key.hash), key.bytes) else {
            return false;
        };
        table.held += Change::removed(item.size());
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let table = &mut *self.fixed.table.lock();
        let chain = table.chain_mut(key.hash);
        let (outcome, change, result) =
            chain::update(chain, key.bytes, self.recency, &mut self.scratch, edit);
        table.held += change;
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        for (from, keys) in groups(keys) {
            let table = self.fixed.table.lock();
            let chain = |key: &Key<'_>| table.chain(key.hash);
            chain::get_group(keys, chain, self.recency, |index, value| {
                each(from + index, value);
            });
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let table = &mut *self.fixed.table.lock();
        let change = chain::insert_new(table.chain_mut(key.hash), key.bytes, value);
        table.held += change;
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let table = &mut *self.fixed.table.lock();
        let bits = table.buckets.len().ilog2();
        scan::steps(from, buckets, |at| {
            let change = chain::sweep(table.chain_mut(at), &mut see);
            table.held += change;
            bits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::item::Item;
    use crate::table::testing::{key, open};

    #[test]
    fn a_set_appends_and_a_prefill_prepends() {
        let fixed: Fixed = open("fixed:buckets=1");
        let mut session = fixed.session(Worker::ALONE);
        for bytes in ["b", "c"] {
            assert_eq!(session.set(key(bytes), b"value"), Stored::Created);
        }
        session.insert_new(key("a"), b"value");
        let table = fixed.table.lock();
        let order: Vec<_> = chain::items(&table.buckets[0]).map(Item::key).collect();
        assert_eq!(order, [b"a", b"b", b"c"]);
    }

    #[test]
    fn the_array_stays_as_it_is() {
        let mut fixed: Fixed = open("fixed:buckets=4,capacity=1000000");
        for n in 0..100 {
            let name = format!("key{n}");
            fixed.session(Worker::ALONE).set(key(&name), b"");
        }
        let census = fixed.census();
        assert_eq!((census.items, census.buckets), (100, 4));
        assert_eq!(census.bytes.total(), fixed.usage().bytes);
        assert_eq!(census.bytes.bucket_array, 32);
    }
}
