//! Whether a check gets on: steps of all threads of this process, for a parent that waits.

use std::sync::atomic::{AtomicU64, Ordering};

/// Steps between two signs of life of a thread: a write to a shared line costs more than a step.
const EVERY: u64 = 64;

static SIGNS: AtomicU64 = AtomicU64::new(0);

/// A thread's step of this number begins.
pub(super) fn step(number: u64) {
    if number.is_multiple_of(EVERY) {
        sign();
    }
}

/// Something that takes time has been done.
pub(super) fn sign() {
    SIGNS.fetch_add(1, Ordering::Relaxed);
}

/// Signs of life so far: as long as the number changes, a check gets on.
#[must_use]
pub fn signs_of_life() -> u64 {
    SIGNS.load(Ordering::Relaxed)
}
