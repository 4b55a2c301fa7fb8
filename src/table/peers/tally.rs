//! Counts of items and bytes that sessions keep without disturbing each other.
//!
//! ```text
//!   Tally ──▶ line 0   items, bytes   written by one session, a plain add
//!         ──▶ line 1   items, bytes   written by another
//!         ──▶ line 2   items, bytes   free: its session has ended, its counts still stand
//! ```
//!
//! A counter that all threads write would cost a peer what it avoided itself; a line per session costs
//! one load and one store to memory that stays in the writer's cache. One line's counts may be
//! negative, when a session removes what another added; the sum is exact when no thread is writing.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use super::value::HANDLES;
use crate::base::Usage;

/// All lines, and which of them no session writes.
#[derive(Debug, Default)]
pub(super) struct Tally {
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    all: Vec<Arc<CachePadded<Line>>>,
    free: Vec<Arc<CachePadded<Line>>>,
}

#[derive(Debug, Default)]
struct Line {
    items: AtomicI64,
    /// Bytes of keys and values.
    bytes: AtomicI64,
}

/// A session's hold on a line of its own.
#[derive(Debug)]
pub(super) struct Counter<'t> {
    tally: &'t Tally,
    line: Arc<CachePadded<Line>>,
}

impl Tally {
    /// A line for a new session.
    pub(super) fn counter(&self) -> Counter<'_> {
        let mut lines = self.lines.lock();
        let line = lines.free.pop().unwrap_or_else(|| {
            let line = Arc::default();
            lines.all.push(Arc::clone(&line));
            line
        });
        Counter { tally: self, line }
    }

    /// The sums; bytes are those of keys, values and the pointers to them.
    pub(super) fn usage(&self) -> Usage {
        let (mut items, mut bytes) = (0, 0);
        for line in &self.lines.lock().all {
            items += line.items.load(Ordering::Relaxed);
            bytes += line.bytes.load(Ordering::Relaxed);
        }
        // While others write, one line may be read before and another after a removal.
        let (items, bytes) = (items.max(0).unsigned_abs(), bytes.max(0).unsigned_abs());
        Usage {
            items,
            bytes: bytes + items * HANDLES,
        }
    }
}

impl Counter<'_> {
    /// An entry was added.
    #[inline]
    pub(super) fn created(&self, key: &[u8], value: usize) {
        add(&self.line.items, 1);
        add(&self.line.bytes, difference(key.len() + value, 0));
    }

    /// An entry was removed.
    #[inline]
    pub(super) fn removed(&self, key: &[u8], value: usize) {
        add(&self.line.items, -1);
        add(&self.line.bytes, difference(0, key.len() + value));
    }

    /// A value of `old` bytes has become one of `new`.
    #[inline]
    pub(super) fn replaced(&self, old: usize, new: usize) {
        if old != new {
            add(&self.line.bytes, difference(new, old));
        }
    }
}

impl Drop for Counter<'_> {
    fn drop(&mut self) {
        // Through the lock, so that the next thread to write the line sees what is in it.
        self.tally.lines.lock().free.push(Arc::clone(&self.line));
    }
}

/// Adds to a number that one thread alone writes.
#[inline]
fn add(number: &AtomicI64, change: i64) {
    number.store(number.load(Ordering::Relaxed) + change, Ordering::Relaxed);
}

#[inline]
fn difference(plus: usize, minus: usize) -> i64 {
    plus.cast_signed() as i64 - minus.cast_signed() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_and_lines_are_used_again() {
        let tally = Tally::default();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let counter = tally.counter();
                    for _ in 0..1000 {
                        counter.created(b"key", 10);
                        counter.created(b"key", 20);
                        counter.replaced(20, 5);
                        counter.removed(b"key", 10);
                    }
                });
            }
        });
        let usage = Usage {
            items: 3000,
            bytes: 3000 * (3 + 5 + HANDLES),
        };
        assert_eq!(tally.usage(), usage);
        drop(tally.counter());
        let counter = tally.counter();
        assert!(
            tally.lines.lock().all.len() <= 3,
            "a freed line was not taken again"
        );
        // What one session added another may remove.
        for _ in 0..3000 {
            counter.removed(b"key", 5);
        }
        assert_eq!(tally.usage(), Usage::default());
    }
}
