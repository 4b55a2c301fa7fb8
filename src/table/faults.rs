//! Tables with planted faults, to try whether the lab notices. Built with the feature `faults` only;
//! never in a program that people measure with.
//!
//! Each is another table behind one wrapper, [`Faulty`], which asks a fault before and after each
//! operation that it passes on. The faults that checks are meant to catch reach further into operations: they are
//! [`Canary`]s.

mod canary;
#[cfg(test)]
mod hand_clock;
mod lost_update;
mod slow;
mod stall;
mod wrapper;

pub use self::canary::Canary;
pub use self::wrapper::Faulty;

/// A table whose operations take longer by 10 %, or what `BUCKETLAB_SLOW_PERCENT` says.
pub type Slow<S> = Faulty<S, slow::Slowness>;

/// A table that has no fault, and what the wrapper costs.
pub type Same<S> = Faulty<S, slow::Sameness>;

/// A table that stands still once, for 50 ms or what `BUCKETLAB_STALL_MS` says, after its first thread to get
/// so far has worked for 0.4 s without a pause.
pub type Stall<S> = Faulty<S, stall::Standstill>;

/// A table that answers one set in 10^5 as if it had stored the value, and does not.
pub type LostUpdate<S> = Faulty<S, lost_update::Forgetting>;

/// A table that answers one value of before a replacement after each growth.
pub type StaleAfterGrowth<S> = Canary<S, { canary::STALE }>;

/// A table that misses a present key once while it grows.
pub type MissesWhileGrowing<S> = Canary<S, { canary::MISSES }>;

/// A table that writes a value of unchanged length in two steps.
pub type Tears<S> = Canary<S, { canary::TEARS }>;

/// A table that leaks 1 KiB in every hundred operations.
pub type Leaks<S> = Canary<S, { canary::LEAKS }>;

/// A table whose census counts one entry too many.
pub type Miscounts<S> = Canary<S, { canary::MISCOUNTS }>;

/// A table whose walks remove every hundredth entry that their caller keeps.
pub type Evicts<S> = Canary<S, { canary::EVICTS }>;
