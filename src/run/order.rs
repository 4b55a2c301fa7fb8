//! Slices of latencies: their length, and the request to a child for one.

use std::sync::OnceLock;

use crate::bench::{Cut, LatencyOrder, SliceOrder};
use crate::machine;
use crate::workload::Pace;

/// What a slice of latencies lasts, after what is left out of it, in nanoseconds: of 10^5 operations a
/// second, ten are then beyond the 99.99th percentile.
const KEPT_NS: u64 = 1_000_000_000;

/// The first part, in which caches are warmed again and threads find their processors.
const WARM_NS: u64 = 50_000_000;

/// The whole slice.
pub(super) const SLICE_NS: u64 = WARM_NS + KEPT_NS;

/// The same in seconds.
pub(super) const SLICE_S: f64 = 1.05;

/// In a closed loop, one operation in so many is clocked: a prime, so that no pattern of the
/// stream is met in step, and few enough for the clock to be a small part.
const EVERY: u32 = 61;

/// The clock is read about once an operation; where it takes more than a third of the time between
/// two of them, it is the clock that is measured.
const READINGS: u64 = 3;

/// The highest rate that the clock of this machine can pace, in operations a second.
pub(super) fn highest_per_s(threads: u32) -> u64 {
    static COST_PS: OnceLock<u64> = OnceLock::new();
    let cost_ps = *COST_PS.get_or_init(machine::clock_cost_ps);
    1_000_000_000_000 / (READINGS * cost_ps.max(1)) * u64::from(threads)
}

/// A slice in an open loop: so long, or the whole pass.
pub(super) fn open_loop(pace: Pace, pass: bool) -> SliceOrder {
    let cut = if pass {
        Cut::Part { part: 0, of: 1 }
    } else {
        time()
    };
    order(cut, LatencyOrder::Open(pace))
}

/// A slice in a closed loop.
pub(super) fn closed_loop() -> SliceOrder {
    order(time(), LatencyOrder::Closed { every: EVERY })
}

fn time() -> Cut {
    Cut::Time {
        ns: SLICE_NS,
        discard_ns: WARM_NS,
    }
}

fn order(cut: Cut, latency: LatencyOrder) -> SliceOrder {
    SliceOrder {
        latency: Some(latency),
        ..SliceOrder::of(cut)
    }
}
