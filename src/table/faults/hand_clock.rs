//! A clock that tests move on by hand.

use std::cell::Cell;

thread_local! {
    static NOW_NS: Cell<u64> = const { Cell::new(0) };
}

pub(super) fn now() -> u64 {
    NOW_NS.get()
}

pub(super) fn pass(ns: u64) -> u64 {
    NOW_NS.set(NOW_NS.get() + ns);
    NOW_NS.get()
}
