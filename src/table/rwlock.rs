//! `rwlock`: the chained table of `resizable` under a reader–writer lock, so that readers share.
//!
//! Array, chains and growth are those of `resizable`: low bits of the hash pick a bucket, each bucket
//! is a linked list, and when items exceed `load` × buckets the array doubles at once while everybody
//! waits. What differs is who waits for whom:
//!
//! ```text
//!                  ┌──────────────────────────────┐
//!   get ──shared──▶│ 3 readers in, no writer      │──▶ buckets ──▶ chains
//!   get ──shared──▶│                              │
//!   get ──shared──▶│   one word of memory, which  │
//!   set ──waits ───│   every reader writes twice  │
//!                  └──────────────────────────────┘
//! ```
//!
//! Good at: lookups that take long (long chains, large values read under the lock), which run beside
//! each other here and one after another under a mutex. Bad at: short lookups. Readers share the lock but
//! also the cache line that counts them, and each writes it twice; with two cores the line's travels can
//! cost more than the waiting that they save. A writer waits for all readers, and readers for it.
//!
//! `capacity=` opens with enough buckets for that many items at `load`.
//!
//! **Locking:** one reader–writer lock around all of it: shared for a lookup, while `read` looks at the
//! value; exclusive for everything else, while `edit` runs, and for the whole of a resize. A lookup of
//! several keys takes it once for each group of them, and walks their chains in step. A waiting writer
//! keeps new readers out, so that it is not starved.
//!
//! **Memory:** as in `resizable`: an entry is freed by the operation that removes or outgrows it and
//! the old array at the end of a resize, both under the exclusive lock, when no reader is in. If the
//! larger array cannot be allocated, the table goes on with the one it has, and tries again when it
//! next adds an entry.
//!
//! **Source:** P. J. Courtois, F. Heymans and D. L. Parnas, "Concurrent control with 'readers' and
//! 'writers'", CACM 14(10), 1971, for the lock; `parking_lot::RwLock` is the one used.

use parking_lot::RwLock;

use super::item::{self, Chain, Item};
use super::prefetch::{GROUP, prefetch_read};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy, scan};
use crate::base::{
    ByteSplit, Census, EventKind, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// An array of chains under one reader–writer lock that doubles stop-the-world.
pub struct RwLocked {
    table: RwLock<Table>,
    /// Whether uses are marked.
    recency: bool,
}

struct Table {
    buckets: Box<[Chain]>,
    items: u64,
    /// Bytes of all items, headers included.
    item_bytes: u64,
    /// More items than this, and the array doubles.
    limit: u64,
    /// Items a bucket before it grows.
    load: f64,
    /// For rehashing, and for the journal.
    env: Env,
}

/// A session of [`RwLocked`].
pub struct RwLockedSession<'t> {
    table: &'t RwLocked,
    scratch: Vec<u8>,
    /// Whether uses are marked.
    recency: bool,
}

impl Table {
    /// Doubles the array if the items exceed what it allows; several times over where `load` is so
    /// low that one item needs several buckets.
    fn grow_if_full(&mut self) {
        if self.items > self.limit {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let from = self.buckets.len();
        let to = item::buckets_for(self.items, self.load, from);
        self.env.note(EventKind::Begin, from, to);
        let Some(buckets) = item::empty_buckets(to) else {
            self.env.note(EventKind::End, from, from);
            return;
        };
        let old = std::mem::replace(&mut self.buckets, buckets);
        for mut chain in old {
            while let Some(item) = item::unlink(&mut chain) {
                let bucket = item::low_bits(self.env.hasher.hash(item.key()), to);
                item::prepend(&mut self.buckets[bucket], item);
            }
        }
        self.limit = item::items_allowed(to, self.load);
        self.env.note(EventKind::End, from, to);
    }
}

impl Strategy for RwLocked {
    const NAME: &'static str = "rwlock";
    const ABOUT: &'static str =
        "chains under one reader-writer lock: lookups share it; doubles its array stop-the-world";
    const SOURCE: &'static str =
        "Courtois, Heymans and Parnas, CACM 14(10), 1971; parking_lot's lock";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "buckets",
            range: Range::PowerOfTwo {
                default: 1024,
                min: 1,
                max: 1 << 32,
            },
            meaning: "buckets at the start",
        },
        Param {
            name: "load",
            range: Range::Decimal {
                default: 1.5,
                min: 0.1,
                max: 1000.0,
            },
            meaning: "items a bucket before the array doubles",
        },
        Param::CAPACITY,
    ];
    const WALK: bool = true;
    type Session<'t> = RwLockedSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<RwLocked, SpecError> {
        let load = params.decimal("load");
        let buckets = item::buckets_for(params.integer("capacity"), load, params.size("buckets"));
        let table = Table {
            buckets: item::empty_buckets(buckets)
                .ok_or_else(|| item::too_many_buckets(RwLocked::NAME, buckets))?,
            items: 0,
            item_bytes: 0,
            limit: item::items_allowed(buckets, load),
            load,
            env: env.clone(),
        };
        Ok(RwLocked {
            table: RwLock::new(table),
            recency: env.recency,
        })
    }

    fn session(&self, _who: Worker) -> RwLockedSession<'_> {
        RwLockedSession {
            table: self,
            scratch: Vec::new(),
            recency: self.recency,
        }
    }

    fn usage(&self) -> Usage {
        let table = self.table.read();
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

impl Session for RwLockedSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let table = self.table.table.read();
        let chain = &table.buckets[item::low_bits(key.hash, table.buckets.len())];
        item::find(chain, key.bytes)
            .inspect(|item| item.touch(self.recency))
            .map(|item| read(item.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let table = &mut *self.table.table.write();
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
            table.grow_if_full();
            Stored::Created
        }
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        let table = &mut *self.table.table.write();
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
        let table = &mut *self.table.table.write();
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
                table.grow_if_full();
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
            let table = self.table.table.read();
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
        let table = &mut *self.table.table.write();
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
        table.grow_if_full();
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let table = &mut *self.table.table.write();
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
    use crate::table::tests::{env, fill, key, open, open_in};

    #[test]
    fn the_array_doubles_when_items_exceed_the_load() {
        let env = env("sip13");
        let mut table: RwLocked = open_in("rwlock:buckets=4,load=1.5", &env);
        for (items, buckets) in [(6, 4), (7, 8), (12, 8), (13, 16), (1000, 1024)] {
            fill(&table, table.usage().items..items);
            let census = table.census();
            assert_eq!((census.items, census.buckets), (items, buckets));
            assert_eq!(census.bytes.total(), table.usage().bytes);
        }
        let (events, _) = env.journal.drain();
        assert_eq!(events.len(), 2 * 8);
        let mut table: RwLocked = open("rwlock:capacity=100000");
        assert_eq!(table.census().buckets, 1 << 17);
    }

    #[test]
    fn readers_are_in_together() {
        let table: RwLocked = open("rwlock");
        fill(&table, 0..2);
        let both_in = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            for name in ["0", "1"] {
                let (table, both_in) = (&table, &both_in);
                // Under a lock that excludes, neither would come past the barrier.
                scope.spawn(move || {
                    let mut session = table.session(Worker::ALONE);
                    session.get(key(name), |_| both_in.wait()).unwrap();
                    let mut found = 0;
                    session.get_many(&[key("0"), key("1")], |_, value| {
                        if found == 0 {
                            both_in.wait();
                        }
                        found += usize::from(value.is_some());
                    });
                    assert_eq!(found, 2);
                });
            }
        });
    }
}
