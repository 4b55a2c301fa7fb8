//! `sharded-hashbrown`: many `hashbrown` tables, each under a reader–writer lock.
//!
//! What one writes when the one lock is in the way: the same map, cut into shards by bits of the hash.
//!
//! ```text
//!   hash   tag 7 bits │ shard log2(shards) bits │  …  │ slot: the low bits
//!                              │
//!              ┌───────────────┴┐
//!   shards     │ rw lock, table │ rw lock, table │ …   a cache line's distance apart
//!              └────────────────┴────────────────┘
//! ```
//!
//! A shard is picked by the top bits that `hashbrown` leaves: it makes its tags of the topmost seven,
//! and shards picked by those would hold one tag each, so that every slot of a group would look like
//! a match. (`dashmap` skips them for the same reason.)
//!
//! The caller's hash is passed on, so a key is hashed again only when its shard grows, all at once
//! but alone: a resize stops one shard's users. The journal has it as such, with the shard's buckets.
//! `capacity=` is spread over the shards evenly.
//!
//! **Locking:** the lock of the key's shard, shared for a `get` and exclusive for what may write, for
//! one operation, while `read` looks at a value and while `edit` runs.
//!
//! **Memory:** a shard owns its entries, and each entry a key and a value that are allocated singly. No thread
//! reads without the shard's lock, so what is removed, or replaced by a value of another length, is freed at
//! once, under it. A shard's array never shrinks; while it grows the old one stands beside the new, so that
//! one shard's share of memory is there twice. `usage` counts the bytes of live keys and values, the two
//! fat pointers of each, the arrays with their empty slots and the padded shards; it locks one shard after
//! the other.
//!
//! **Source:** the common idiom; `parking_lot`'s lock, `hashbrown` as in `mutex-hashbrown`. Expect it to
//! be the peer to beat: few cache misses a lookup, though a shared lock is still a write to its word,
//! which readers of one shard pass back and forth.

use crossbeam_utils::CachePadded;
use parking_lot::RwLock;

use super::slots::Slots;
use super::value;
use crate::base::{Census, Key, Param, Params, Range, SpecError, Usage, Worker};
use crate::table::guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Waits};
use crate::table::{Edit, Env, Outcome, Session, Stored, Strategy};

/// Top bits of the hash that `hashbrown` makes its tags of.
const TAG_BITS: u32 = 7;

/// Sharded `RwLock<hashbrown>`.
#[derive(Debug)]
pub struct ShardedHashbrown {
    /// A power of two of them.
    shards: Box<[CachePadded<RwLock<Slots>>]>,
    env: Env,
}

/// A session of [`ShardedHashbrown`].
#[derive(Debug)]
pub struct ShardedHashbrownSession<'t> {
    table: &'t ShardedHashbrown,
    buffer: Vec<u8>,
}

impl ShardedHashbrown {
    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<Slots> {
        let below_tag = (hash << TAG_BITS) >> 1;
        let bits = self.shards.len().ilog2();
        &self.shards[(below_tag >> (u64::BITS - 1 - bits)) as usize]
    }
}

impl Strategy for ShardedHashbrown {
    const NAME: &'static str = "sharded-hashbrown";
    const PEER: bool = true;
    const ABOUT: &'static str = "peer: hashbrown SwissTables under reader-writer locks, one picked by high bits of the hash.";
    const SOURCE: &'static str =
        "the common idiom over the hashbrown crate, version 0.17; parking_lot's lock";
    const PARAMS: &'static [Param] = &[
        Param {
            name: "shards",
            range: Range::PowerOfTwo {
                default: 64,
                min: 1,
                max: 1 << 16,
            },
            meaning: "tables, each with its lock",
        },
        Param::CAPACITY,
    ];
    const SAMPLES: &'static [&'static str] = &[
        "sharded-hashbrown",
        "sharded-hashbrown:shards=1",
        "sharded-hashbrown:shards=4,capacity=100",
        "sharded-hashbrown:shards=1024",
    ];
    const GUARANTEES: Guarantees = Guarantees {
        linearizable: Promise::shown(true),
        batch: Promise::shown(Batch::Keys),
        read: Promise::shown(Holds::Shared("shard")),
        growth: Promise::shown(Waits::Part("shard")),
        memory: Promise::shown(Freed::AtOnce),
        floods: Promise::shown(Floods::Slow),
    };
    type Session<'t> = ShardedHashbrownSession<'t>;

    fn open(params: &Params, env: &Env) -> Result<ShardedHashbrown, SpecError> {
        let shards = params.size("shards");
        let capacity = value::capacity(params)?.div_ceil(shards);
        let shard = |_| CachePadded::new(RwLock::new(Slots::with_capacity(capacity)));
        Ok(ShardedHashbrown {
            shards: (0..shards).map(shard).collect(),
            env: env.clone(),
        })
    }

    fn session(&self, _who: Worker) -> ShardedHashbrownSession<'_> {
        ShardedHashbrownSession {
            table: self,
            buffer: Vec::new(),
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = Usage {
            items: 0,
            bytes: size_of_val(&*self.shards) as u64,
        };
        for shard in &self.shards {
            usage += &*shard.read();
        }
        usage
    }

    fn census(&mut self) -> Census {
        let mut census = Census::default();
        census.bytes.bucket_array = size_of_val(&*self.shards) as u64;
        for shard in &mut self.shards {
            shard.get_mut().count(&mut census);
        }
        census
    }
}

impl Session for ShardedHashbrownSession<'_> {
    #[inline]
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.table.shard(key.hash).read().get(key).map(read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.table
            .shard(key.hash)
            .write()
            .set(key, value, &self.table.env)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.table.shard(key.hash).write().remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let mut slots = self.table.shard(key.hash).write();
        slots.update(key, &mut self.buffer, &self.table.env, edit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::EventKind;
    use crate::table::testing::{env, fill, open, open_in};

    #[test]
    fn the_bits_below_the_tag_pick_the_shard() {
        for (spec, hash, index) in [
            ("sharded-hashbrown:shards=1", u64::MAX, 0),
            ("sharded-hashbrown:shards=2", 1 << 56, 1),
            ("sharded-hashbrown", 0x01ff_ffff_ffff_ffff, 63),
            ("sharded-hashbrown", 0xfe07_ffff_ffff_ffff, 0),
            ("sharded-hashbrown", 0xfe08_0000_0000_0000, 1),
        ] {
            let table: ShardedHashbrown = open(spec);
            let shard = table.shard(hash);
            assert!(
                std::ptr::eq(shard, &raw const *table.shards[index]),
                "{spec} {hash:x}"
            );
        }
    }

    #[test]
    fn shards_fill_evenly_and_capacity_is_for_all_of_them() {
        let env = env("sip13");
        let mut table: ShardedHashbrown = open_in("sharded-hashbrown:capacity=6400", &env);
        let opened = table.census().buckets;
        assert!((6400..2 * 8 * 6400).contains(&opened), "{opened}");
        fill(&table, 0..3000);
        assert_eq!(table.census().buckets, opened);
        assert_eq!(env.journal.drain(), (vec![], 0));
        let least = table
            .shards
            .iter()
            .map(|shard| shard.read().usage().items)
            .min();
        assert!(least > Some(10), "{least:?}");
    }

    #[test]
    fn the_journal_has_every_growth() {
        let env = env("sip13");
        let mut table: ShardedHashbrown = open_in("sharded-hashbrown:shards=1", &env);
        fill(&table, 0..1000);
        let (events, _) = env.journal.drain();
        let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
        assert!(
            kinds.len() >= 12
                && kinds
                    .chunks(2)
                    .all(|two| two == [EventKind::Begin, EventKind::End])
        );
        assert_eq!(events.last().unwrap().to_buckets, table.census().buckets);
    }
}
