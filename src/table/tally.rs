//! What the table holds, counted without a line that all threads write.

use crate::table::sync::atomic::{AtomicI64, Ordering};

use crossbeam_utils::CachePadded;

use super::change::Change;
use crate::base::{Usage, Worker};

/// Counters, so many that a few threads seldom share one.
const PARTS: usize = 16;

/// Items and bytes, each worker's in a counter of its own.
#[derive(Default)]
pub(super) struct Tally {
    parts: [CachePadded<Part>; PARTS],
}

/// What some workers have added, less what they have taken away: one may remove what another added.
#[derive(Default)]
pub(super) struct Part {
    items: AtomicI64,
    bytes: AtomicI64,
}

impl Tally {
    /// The counter of a worker.
    pub(super) fn part(&self, who: Worker) -> &Part {
        &self.parts[who.index as usize % PARTS]
    }

    /// The sum.
    pub(super) fn usage(&self) -> Usage {
        let sum = |count: fn(&Part) -> &AtomicI64| {
            let parts = self
                .parts
                .iter()
                .map(|part| count(part).load(Ordering::Relaxed));
            // Counters read at different moments may sum up to less than nothing.
            u64::try_from(parts.sum::<i64>()).unwrap_or(0)
        };
        Usage {
            items: sum(|part| &part.items),
            bytes: sum(|part| &part.bytes),
        }
    }
}

impl Part {
    /// Counts what an operation changed. Relaxed: it orders nothing.
    pub(super) fn add(&self, Change { items, bytes }: Change) {
        if items != 0 {
            self.items.fetch_add(items, Ordering::Relaxed);
        }
        if bytes != 0 {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_worker_adds_another_may_take_away() {
        let tally = Tally::default();
        for index in 0..40 {
            tally.part(Worker { index, of: 40 }).add(Change::added(10));
        }
        tally.part(Worker::ALONE).add(Change {
            items: -30,
            bytes: -299,
        });
        assert_eq!(
            tally.usage(),
            Usage {
                items: 10,
                bytes: 101
            }
        );
    }
}
