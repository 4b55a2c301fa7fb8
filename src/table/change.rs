//! What an operation changed in what a table holds.

use std::ops::AddAssign;

use crate::base::Usage;

/// Items added and their bytes, headers included; below zero where an operation took some away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) items: i64,
    pub(super) bytes: i64,
}

impl Change {
    /// One item more, of so many bytes.
    #[inline]
    pub(super) fn added(bytes: u64) -> Change {
        Change {
            items: 1,
            bytes: bytes.cast_signed(),
        }
    }

    /// One item less, of so many bytes.
    #[inline]
    pub(super) fn removed(bytes: u64) -> Change {
        Change {
            items: -1,
            bytes: -bytes.cast_signed(),
        }
    }

    /// An item whose bytes have become more or fewer.
    #[inline]
    pub(super) fn resized(before: u64, after: u64) -> Change {
        Change {
            items: 0,
            bytes: after.cast_signed() - before.cast_signed(),
        }
    }
}

impl AddAssign for Change {
    #[inline]
    fn add_assign(&mut self, more: Change) {
        self.items += more.items;
        self.bytes += more.bytes;
    }
}

/// Wraps where parts are counted apart: one part may lose what another gained.
impl AddAssign<Change> for Usage {
    #[inline]
    fn add_assign(&mut self, change: Change) {
        self.items = self.items.wrapping_add_signed(change.items);
        self.bytes = self.bytes.wrapping_add_signed(change.bytes);
    }
}
