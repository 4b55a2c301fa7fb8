//! The memory limit.

use super::counts::Count;
use super::items::Items;
use std::sync::atomic::Ordering;

/// What a thread may store before it looks at the table's usage again, at most, in bytes.
const CREDIT_MAX: u64 = 1 << 20;

impl Items<'_, '_> {
    /// Whether there is room for `bytes` more; looks at the table's usage and renews the credit.
    #[cold]
    pub(super) fn make_room(&mut self, bytes: usize) -> bool {
        let limit = self.shared.limit_bytes.load(Ordering::Relaxed);
        let used = self.shared.table.usage().bytes;
        let free = limit.saturating_sub(used);
        if free < bytes as u64 {
            return false;
        }
        // All threads together may not store more than what is free before they look again.
        let share = free / (2 * self.shared.options.threads as u64);
        *self.credit = i64::try_from(share.min(CREDIT_MAX)).unwrap_or(0);
        self.counts.add(Count::Reclaimed, 0);
        true
    }
}
