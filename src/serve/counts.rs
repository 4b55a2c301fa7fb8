//! What `stats` counts: a set of counters for each thread, added up when they are asked for.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Declares the counters, in the order of their names.
macro_rules! counters {
    ($($variant:ident => $name:literal,)*) => {
        /// One thing that is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Count { $($variant,)* }

        const NAMES: &[&str] = &[$($name),*];
    };
}

counters! {
    CmdGet => "cmd_get",
    CmdSet => "cmd_set",
    CmdFlush => "cmd_flush",
    CmdTouch => "cmd_touch",
    CmdMeta => "cmd_meta",
    GetHits => "get_hits",
    GetMisses => "get_misses",
    GetExpired => "get_expired",
    GetFlushed => "get_flushed",
    DeleteMisses => "delete_misses",
    DeleteHits => "delete_hits",
    IncrMisses => "incr_misses",
    IncrHits => "incr_hits",
    DecrMisses => "decr_misses",
    DecrHits => "decr_hits",
    CasMisses => "cas_misses",
    CasHits => "cas_hits",
    CasBadval => "cas_badval",
    TouchHits => "touch_hits",
    TouchMisses => "touch_misses",
    StoreTooLarge => "store_too_large",
    StoreNoMemory => "store_no_memory",
    BytesRead => "bytes_read",
    BytesWritten => "bytes_written",
    ConnYields => "conn_yields",
    TotalItems => "total_items",
    ExpiredUnfetched => "expired_unfetched",
    EvictedUnfetched => "evicted_unfetched",
    Evictions => "evictions",
    Reclaimed => "reclaimed",
    CrawlerReclaimed => "crawler_reclaimed",
    CrawlerItemsChecked => "crawler_items_checked",
}

const COUNTERS: usize = NAMES.len();

/// The counters of one thread, which alone writes them.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Counts {
    values: [AtomicU64; COUNTERS],
}

impl Counts {
    fn new() -> Counts {
        Counts {
            values: [const { AtomicU64::new(0) }; COUNTERS],
        }
    }

    /// Counts `by` more; only the owning thread calls it, so nothing is lost between load and store.
    #[inline]
    pub(super) fn add(&self, count: Count, by: u64) {
        let value = &self.values[count as usize];
        value.store(value.load(Ordering::Relaxed) + by, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn one(&self, count: Count) {
        self.add(count, 1);
    }
}

/// The counters of all threads.
#[derive(Debug)]
pub(super) struct AllCounts {
    threads: Vec<Counts>,
    /// What the sums were at the last reset: they are taken off.
    reset: Mutex<[u64; COUNTERS]>,
}

impl AllCounts {
    pub(super) fn new(threads: usize) -> AllCounts {
        AllCounts {
            threads: (0..threads).map(|_| Counts::new()).collect(),
            reset: Mutex::new([0; COUNTERS]),
        }
    }

    pub(super) fn of(&self, thread: usize) -> &Counts {
        &self.threads[thread]
    }

    fn raw(&self, count: usize) -> u64 {
        let values = self.threads.iter().map(|counts| &counts.values[count]);
        values.map(|value| value.load(Ordering::Relaxed)).sum()
    }

    /// The sum since the last reset.
    pub(super) fn sum(&self, count: Count) -> u64 {
        let at = count as usize;
        let base = self.base()[at];
        self.raw(at).saturating_sub(base)
    }

    /// The sum under the name that `stats` gives it.
    #[cfg(test)]
    pub(super) fn name(count: Count) -> &'static str {
        NAMES[count as usize]
    }

    /// Begins again from 0.
    pub(super) fn reset(&self) {
        let mut base = self.base();
        for (at, value) in base.iter_mut().enumerate() {
            *value = self.raw(at);
        }
    }

    fn base(&self) -> std::sync::MutexGuard<'_, [u64; COUNTERS]> {
        self.reset
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_added_up_and_reset() {
        let all = AllCounts::new(2);
        all.of(0).one(Count::CmdGet);
        all.of(1).add(Count::CmdGet, 2);
        assert_eq!(all.sum(Count::CmdGet), 3);
        all.reset();
        all.of(1).one(Count::CmdGet);
        assert_eq!(all.sum(Count::CmdGet), 1);
        assert_eq!(AllCounts::name(Count::CmdGet), "cmd_get");
    }
}
