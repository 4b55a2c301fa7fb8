//! The arguments of a call to a table: a key with its hash, and the calling worker.

/// A key and its hash, computed once by the caller of the table.
///
/// All 64 bits of the hash are usable: functions that give 32 bits are widened by one multiply
/// before they get here, because some tables pick shards and tags from the top bits while chains
/// use the low ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'k> {
    /// The key itself, an opaque byte string.
    pub bytes: &'k [u8],
    /// The hash of `bytes` under the run's hash function and seed.
    pub hash: u64,
}

/// Which of the threads that work on a table is asking for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Index of this thread, from 0.
    pub index: u32,
    /// How many threads work on the table.
    pub of: u32,
}

impl Worker {
    /// The only worker of a single-threaded phase: prefill, checks, tools.
    pub const ALONE: Worker = Worker { index: 0, of: 1 };
}
