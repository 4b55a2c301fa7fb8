//! Peers: maps that people would pick instead, each behind a thin adapter.
//!
//! They stand in the same table, measured the same way, so each is used as its own authors would use
//! it:
//!
//! - A stored entry is a `Box<[u8]>` key with a `Box<[u8]>` value, nothing beside them: no stored hash,
//!   no fused allocation. What that costs is the peer's.
//! - A value of the same length is overwritten in place where the peer hands out `&mut`, as anyone
//!   with a `&mut Box<[u8]>` one would do.
//! - Lookup, replacement and removal go by reference wherever the peer has a way; an owned key is made
//!   only to insert one.
//! - The caller has hashed the key already, under the run's `hash=`. Lookups pass that hash through
//!   ([`key`]), so that no peer hashes twice what it would have hashed once; where a peer hashes the
//!   owned key that it is about to insert, that is a second hash, and the peer's cost.
//! - No batch API is made up: `get_many` is the loop over `get`, under one lock or one guard where
//!   the peer's users would hold one.
//!
//! **Usage** is exact when no thread is writing, and costs no shared write: under a lock of the
//! adapter's own the counts are plain fields; elsewhere each session counts what it adds and removes on
//! a cache line that it alone writes ([`tally`]).
//!
//! **Census:** items and the bytes of keys and values are walked. The two fat pointers of an entry are
//! its header. Arrays are counted as far as a peer tells their size; `papaya` and `flurry` do not tell,
//! and what they and the allocator take beyond the census shows in the gap to the process's memory.
//! No peer reports its resizes, so only the two around `hashbrown`, which can be seen to be full,
//! write to the journal.

mod dashmap;
mod flurry;
mod key;
mod mutex_hashbrown;
mod papaya;
mod scc;
mod sharded_hashbrown;
mod slots;
mod tally;
mod value;

pub use self::dashmap::DashMap;
pub use self::flurry::Flurry;
pub use self::mutex_hashbrown::MutexHashbrown;
pub use self::papaya::Papaya;
pub use self::scc::Scc;
pub use self::sharded_hashbrown::ShardedHashbrown;

#[cfg(test)]
mod tests;
