//! `resizable`: the chained table that doubles its array, all at once, while everybody waits.
//!
//! As in `fixed`, the hash's low bits pick a bucket and each bucket is a linked list. When the
//! items exceed `load` × buckets, the operation that added the last one allocates an array twice as
//! long, hashes every key again and links every item into its new bucket, before anyone else gets
//! the lock:
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
//! **Locking:** one mutex around all of it, held for every operation, while `read` looks at a value,
//! while `edit` runs, and for the whole of a resize. A lookup of several keys takes it once for each
//! group of them, and walks their chains in step.
//!
//! **Memory:** an entry is freed by the operation that removes or outgrows it, the old array at the
//! end of the resize, both under the lock; as nobody reads without the lock, nothing needs to be
//! deferred. A resize moves links, not items; for its duration both arrays exist. If the larger
//! array cannot be allocated, the table goes on with the one it has, and tries again when it next
//! adds an entry.
//!
//! **Source:** the threshold of 1.5 items a bucket and the doubling are those of memcached's
//! `assoc.c`, which however moves its buckets one by one in the background. Doing it all at once is
//! what textbooks call dynamic hashing by table doubling (Cormen, Leiserson, Rivest and Stein,
//! *Introduction to Algorithms*, "Dynamic tables").

use parking_lot::Mutex;

use super::item::{self, Chain, Item};
use super::prefetch::{GROUP, prefetch_read};
use super::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy, scan};
use crate::base::{
    ByteSplit, Census, EventKind, Key, Param, Params, Range, SpecError, Usage, Worker,
};

/// An array of chains under one lock that doubles stop-the-world.
pub struct Resizable {
    table: Mutex<Table>,
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

/// A session of [`Resizable`].
pub struct ResizableSession<'t> {
    resizable: &'t Resizable,
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

impl Strategy for Resizable {
    const NAME: &'static str = "resizable";
    const ABOUT: &'static str =
        "chains under one lock; doubles its array stop-the-world when items exceed load x buckets";
    const SOURCE: &'static str = "memcached's assoc.c for the threshold; table doubling as in Cormen et al., Introduction to Algorithms";
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
    type Session<'t> = ResizableSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Resizable, SpecError> {
        let load = params.decimal("load");
        let buckets = item::buckets_for(params.integer("capacity"), load, params.size("buckets"));
        let table = Table {
            buckets: item::empty_buckets(buckets)
                .ok_or_else(|| item::too_many_buckets(Resizable::NAME, buckets))?,
            items: 0,
            item_bytes: 0,
            limit: item::items_allowed(buckets, load),
            load,
            env: env.clone(),
        };
        Ok(Resizable {
            table: Mutex::new(table),
            recency: env.recency,
        })
    }

    fn session(&self, _who: Worker) -> ResizableSession<'_> {
        ResizableSession {
            resizable: self,
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

impl Session for ResizableSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let table = self.resizable.table.lock();
        let chain = &table.buckets[item::low_bits(key.hash, table.buckets.len())];
        item::find(chain, key.bytes)
            .inspect(|item| item.touch(self.recency))
            .map(|item| read(item.value()))
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        let table = &mut *self.resizable.table.lock();
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
        let table = &mut *self.resizable.table.lock();
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
        let table = &mut *self.resizable.table.lock();
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
            let table = self.resizable.table.lock();
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
        let table = &mut *self.resizable.table.lock();
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
        let table = &mut *self.resizable.table.lock();
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
    use crate::table::tests::{env, fill, open, open_in};

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
