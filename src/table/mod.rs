//! Floor 2: the two traits of a hash table under test, then one file per strategy.
//!
//! A [`Strategy`] is a table that many threads share; a [`Session`] is what one thread holds while
//! it works on it. Every timed loop is generic over the strategy, so a call into a table is
//! a direct call that the compiler may inline; the dynamic step is around a chunk of a loop. What is
//! not timed works through an [`ErasedTable`], and is compiled once.

mod buckets;
mod chain;
mod change;
mod claim;
mod clock;
mod count;
mod cuckoo;
mod dash;
mod erased;
#[cfg(feature = "faults")]
mod faults;
mod fixed;
mod guarantees;
mod hinted;
mod incremental;
mod inline;
mod item;
mod linear;
mod lock;
mod null;
mod optimistic;
mod params;
mod peers;
mod prefetch;
mod resizable;
mod rwlock;
mod scan;
mod segments;
mod spinbit;
mod split_ordered;
mod strategy;
mod striped;
mod striped_rw;
mod stripes;
mod sync;
mod tagged;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use clock::{Clock, Evicted, Keeper};
pub use cuckoo::Cuckoo;
pub use dash::Dash;
pub use erased::{AnySession, Editing, ErasedSession, ErasedTable, Judging, Kind, Opened, Seeing};
#[cfg(feature = "faults")]
pub use faults::{
    Evicts, Leaks, LostUpdate, Miscounts, MissesWhileGrowing, Same, Slow, StaleAfterGrowth, Stall,
    Tears,
};
pub use fixed::Fixed;
pub use guarantees::{Batch, Floods, Freed, Guarantees, Holds, Promise, Told, WORD, Waits};
pub use incremental::Incremental;
pub use inline::Inline;
pub use linear::Linear;
pub use null::Null;
pub use optimistic::Optimistic;
pub use peers::{DashMap, Flurry, MutexHashbrown, Papaya, Scc, ShardedHashbrown};
pub(crate) use prefetch::AHEAD;
pub use resizable::Resizable;
pub use rwlock::RwLocked;
pub use spinbit::SpinBit;
pub use split_ordered::SplitOrdered;
pub use strategy::{Cursor, Edit, Env, Keep, Outcome, Session, Stored, Strategy};
pub use striped::Striped;
pub use striped_rw::StripedRw;
pub use tagged::Tagged;
