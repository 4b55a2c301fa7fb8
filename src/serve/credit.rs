//! What threads and edits account for: bytes that may be stored, and bytes that were.

use super::header::Header;
use crate::table::Outcome;
use crate::wire::footprint;

/// What a thread may store before usage is looked at again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Credit {
    /// Bytes; below 0 where more was stored, which is never refused.
    pub(super) left: i64,
    /// The limit that it was given under: another one takes it back.
    pub(super) limit: u64,
}

/// Bytes that an item in the table was admitted with.
pub(super) fn charge(key: usize, item: &[u8]) -> u64 {
    let bytes = Header::split(item).map_or(item.len(), |(header, value)| {
        footprint(key, header.flags, value.len())
    });
    bytes as u64
}

/// What an edit did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edited {
    pub(super) outcome: Outcome,
    /// Bytes of the item that there was, as [`charge`] counts them.
    pub(super) old: u64,
    /// Bytes of the one that there is now.
    pub(super) new: u64,
}
