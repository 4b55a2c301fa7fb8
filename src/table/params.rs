//! Parameters that several strategies take, with the same name, default and range in all of them.
//!
//! A strategy whose meaning differs says so: `Param { meaning: "…", ..LOAD }`.

use crate::base::{Param, Range};

/// Buckets at the start.
pub(super) const BUCKETS: Param = Param {
    name: "buckets",
    range: Range::PowerOfTwo {
        default: 1024,
        min: 1,
        max: 1 << 32,
    },
    meaning: "buckets at the start",
};

/// When a table grows. The default is memcached's, the same in all tables of chains, so that chains are
/// compared at equal length.
pub(super) const LOAD: Param = Param {
    name: "load",
    range: Range::Decimal {
        default: 1.5,
        min: 0.1,
        max: 1000.0,
    },
    meaning: "items a bucket before the array doubles",
};

/// Whether a table grows at all.
pub(super) const GROW: Param = Param {
    name: "grow",
    range: Range::Word(&["on", "off"]),
    meaning: "whether the array doubles when it is full",
};

/// Locks, each for a part of the buckets (`stripes.rs`).
pub(super) const STRIPES: Param = stripes(1 << 20);

/// The same with fewer locks at the most.
pub(super) const fn stripes(max: u64) -> Param {
    Param {
        name: "stripes",
        range: Range::PowerOfTwo {
            default: 1024,
            min: 1,
            max,
        },
        meaning: "locks; at most the buckets at the start, to which the default is lowered",
    }
}
