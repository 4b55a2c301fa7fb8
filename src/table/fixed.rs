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
//! nobody reads without the lock, nothing needs to be deferred.
//!
//! **Source:** memcached's `assoc.c` for array and chains (find, insert and delete there walk a
//! bucket's list in the same way; insert links at the front, where this table appends) and
//! `items.c` for entries of one allocation each.

use parking_lot::Mutex;

use super::item::{self, Chain, Item};
use super::prefetch::{GROUP, prefetch_read};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy, scan};
use crate::base::{ByteSplit, Census, Key, Param, Params, Range, SpecError, Usage, Worker};

/// An array of chains under one lock.
pub struct Fixed {
    table: Mutex<Table>,
    /// Whether uses are marked.
    recency: bool,
}

struct Table {
    buckets: Box<[Chain]>,
    items: u64,
    /// Bytes of all items, headers included.
    item_bytes: u64,
}

/// A session of [`Fixed`].
pub struct FixedSession<'t> {
    fixed: &'t Fixed,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Strategy for Fixed {
    const NAME: &'static str = "fixed";
    const ABOUT: &'static str =
        "memcached-style: a fixed array of buckets, each a linked list, under one lock";
    const SOURCE: &'static str = "memcached's assoc.c and items.c, with a fixed array";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 1024,
                min: 1,
                max: 1 << 32,
            },
            meaning: "buckets in the array, for good",
        },
        Param {
            meaning: "no effect: taken because every strategy takes it",
            ..Param::CAPACITY
        },
    ];
    const WALK: bool = true;
    type Session<'t> = FixedSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Fixed, SpecError> {
        let buckets = params.size("buckets");
        let table = Table {
            buckets: item::empty_buckets(buckets)
                .ok_or_else(|| item::too_many_buckets(Fixed::NAME, buckets))?,
            items: 0,
            item_bytes: 0,
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
            items: table.items,
            bytes: table.item_bytes + size_of_val(&*table.buckets) as u64,
        }
    }

    fn census(&mut self) -> Census {
        let table = self.table.get_mut();
        let mut census = Census {
            bytes: ByteSplit {
                bucket_array: size_of_val(&*table.buckets) as u64,
                ..ByteSplit::default()
            },
            ..Census::default()
        };
        for chain in &table.buckets {
            let mut length = 0;
            for item in item::items(chain) {
                length += 1;
                census.bytes.header += Item::HEADER as u64;
                census.bytes.key += item.key().len() as u64;
                census.bytes.value += item.value().len() as u64;
            }
            census.items += length as u64;
            census.count_chain(length);
        }
        census
    }
}

impl Session for FixedSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let table = self.fixed.table.lock();
        let chain = &table.buckets[item::low_bits(key.hash, table.buckets.len())];
        item::find(chain, key.bytes)
            .inspect(|item| item.touch(self.recency))
            .map(|item| read(item.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let table = &mut *self.fixed.table.lock();
        let bucket = item::low_bits(key.hash, table.buckets.len());
        let link = item::seek(&mut table.buckets[bucket], key.bytes);
        if let Some(item) = link {
            item.touch(self.recency);
            table.item_bytes -= item.size();
            item.replace_value(value);
            table.item_bytes += item.size();
            Stored::Replaced
        } else {
            let item = link.insert(Item::new(key.bytes, value, None));
            table.items += 1;
            table.item_bytes += item.size();
            Stored::Created
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let table = &mut *self.fixed.table.lock();
        let bucket = item::low_bits(key.hash, table.buckets.len());
        let Some(item) = item::unlink(item::seek(&mut table.buckets[bucket], key.bytes)) else {
            return false;
        };
        table.items -= 1;
        table.item_bytes -= item.size();
        true
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let table = &mut *self.fixed.table.lock();
        let bucket = item::low_bits(key.hash, table.buckets.len());
        let link = item::seek(&mut table.buckets[bucket], key.bytes);
        if let Some(item) = &*link {
            item.touch(self.recency);
        }
        self.scratch.clear();
        let (edit, result) = edit(link.as_ref().map(Item::value), &mut self.scratch);
        let outcome = match (edit, link.as_mut()) {
            (Edit::Keep, _) | (Edit::Remove, None) => Outcome::Kept,
            (Edit::Store, Some(item)) => {
                table.item_bytes -= item.size();
                item.replace_value(&self.scratch);
                table.item_bytes += item.size();
                Outcome::Replaced
            }
            (Edit::Store, None) => {
                let item = link.insert(Item::new(key.bytes, &self.scratch, None));
                table.items += 1;
                table.item_bytes += item.size();
                Outcome::Created
            }
            (Edit::Patch { at }, item) => {
                item::patch(item, at, &self.scratch);
                Outcome::Replaced
            }
            (Edit::Remove, Some(item)) => {
                table.items -= 1;
                table.item_bytes -= item.size();
                item::unlink(link);
                Outcome::Removed
            }
        };
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        for (from, keys) in (0..).step_by(GROUP).zip(keys.chunks(GROUP)) {
            let table = self.fixed.table.lock();
            let bucket =
                |key: &Key<'_>| &table.buckets[item::low_bits(key.hash, table.buckets.len())];
            for key in keys {
                prefetch_read(bucket(key));
            }
            item::find_group(keys, bucket, self.recency, |index, value| {
                each(from + index, value);
            });
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        let table = &mut *self.fixed.table.lock();
        let bucket = item::low_bits(key.hash, table.buckets.len());
        let chain = &mut table.buckets[bucket];
        debug_assert!(
            item::absent_in_front(chain, key.bytes),
            "insert_new of a key that is present"
        );
        let item = Item::new(key.bytes, value, None);
        table.items += 1;
        table.item_bytes += item.size();
        item::prepend(chain, item);
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
            let bucket = item::low_bits(at, table.buckets.len());
            let removed = scan::sweep(&mut table.buckets[bucket], &mut see);
            table.items -= removed.items;
            table.item_bytes -= removed.bytes;
            bits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::{key, open};

    #[test]
    fn a_set_appends_and_a_prefill_prepends() {
        let fixed: Fixed = open("fixed:buckets=1");
        let mut session = fixed.session(Worker::ALONE);
        for bytes in ["b", "c"] {
            assert_eq!(session.set(key(bytes), b"value"), Stored::Created);
        }
        session.insert_new(key("a"), b"value");
        let table = fixed.table.lock();
        let order: Vec<_> = item::items(&table.buckets[0]).map(Item::key).collect();
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
