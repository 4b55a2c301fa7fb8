//! Growth of `inline`: one page after another is divided, so that all pages together stay as full as they are.

use super::edit::{Locked, Memory};
use super::weight::ROOM;
use super::{Inline, InlineSession};
use crate::base::EventKind;
use crate::table::segments::{bucket_of, next_to_split};

use crate::table::sync::atomic::Ordering;

/// Pages that one operation divides at most.
const MOST_SPLITS: usize = 4;

/// Marks in the journal for each doubling, beside its begin and end.
const STEPS: usize = 8;

impl Inline {
    /// The words that so many pages should hold at most.
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    fn limit(&self, pages: usize) -> i64 {
        (pages as f64 * ROOM as f64 * self.load) as i64
    }

    /// Divides pages while entries take more than their share of them, a few at most. Where another thread does so, that
    /// one goes on.
    #[cold]
    fn split_while_full(&self, memory: &mut Memory<'_>) {
        let Some(_splitting) = self.split.try_lock() else {
            return;
        };
        for _ in 0..MOST_SPLITS {
            let count = self.count.load(Ordering::Relaxed);
            if self.weight.load(Ordering::Relaxed) <= self.limit(count) {
                return;
            }
            if count == self.directory.pages() && self.directory.extend().is_none() {
                return;
            }
            self.split(count, memory);
        }
    }

    /// Divides one page, under `split`; there is memory for page `count`.
    fn split(&self, count: usize, memory: &mut Memory<'_>) {
        let (level, number) = (1 << count.ilog2(), next_to_split(count));
        if number == 0 {
            self.env.note(EventKind::Begin, level, 2 * level);
        }
        // SAFETY: page `count` has memory, and no reader and no writer comes there before the count says so.
        let new = unsafe { self.directory.start(count) };
        let mut from = Locked::new(self.directory.page(number));
        let mut to = Locked::new(new);
        let goes = |hash| bucket_of(hash, count + 1) != number;
        from.divide(&mut to, goes, memory);
        drop(to);
        // Release: with the new count come the page's entries. Before the old page is unlocked: a reader that sees it
        // without them sees the count as well.
        self.count.store(count + 1, Ordering::Release);
        drop(from);
        if number + 1 == level {
            self.env.note(EventKind::End, level, 2 * level);
        } else if (number + 1).is_multiple_of((level / STEPS).max(1024)) {
            self.env.note(EventKind::Step, level, 2 * level);
        }
    }
}

impl InlineSession<'_> {
    /// At the end of a call that wrote: counts words that were added or taken away, and divides pages or moves entries if
    /// it is time. The caller holds no lock.
    #[inline]
    pub(super) fn weigh(&mut self, words: i64) {
        self.pending += words;
        if self.pending.unsigned_abs() >= self.report_every {
            self.report();
        }
        self.move_if_sparse();
    }

    /// Tells the table what has been counted.
    #[cold]
    fn report(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        self.table.weight.fetch_add(pending, Ordering::Relaxed);
        if pending > 0 {
            let (table, mut memory) = self.parts();
            table.split_while_full(&mut memory);
        }
    }
}
