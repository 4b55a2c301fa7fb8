//! Hardware counters of the threads that work on a table: cycles, instructions and misses, in user
//! space alone.
//!
//! Built with the feature `counters` they are read through Linux's `perf_event_open`; built without
//! it, or on a machine that has none, there are no counts, and [`Seen`] says why. Nothing is read or
//! switched within a timed loop.

#[cfg(not(all(feature = "counters", target_os = "linux")))]
mod absent;
mod counts;
mod lack;
#[cfg(all(feature = "counters", target_os = "linux"))]
mod perf;

#[cfg(not(all(feature = "counters", target_os = "linux")))]
pub use absent::{Counters, seen};
pub use counts::{Counts, Event};
pub use lack::{Lack, Seen};
#[cfg(all(feature = "counters", target_os = "linux"))]
pub use perf::{Counters, seen};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_counts_or_says_why_not() {
        let seen = seen();
        assert_eq!(seen.counted.len() + seen.lacking.len(), Event::ALL.len());
        assert!(!seen.to_string().is_empty());
        let mut counters = Counters::of_this_thread();
        counters.resume();
        std::hint::black_box((0..100_000_u64).fold(0, |sum, n| sum ^ std::hint::black_box(n)));
        counters.pause();
        let counts = counters.take();
        assert_eq!(counts.is_none(), seen.counted.is_empty());
        for event in Event::ALL {
            let count = counts.and_then(|counts| counts.events[event as usize]);
            assert_eq!(count.is_some(), seen.counted.contains(&event), "{event:?}");
        }
        let instructions = counts.and_then(|counts| counts.scaled(Event::Instructions));
        assert!(instructions.is_none_or(|count| count > 100_000));
    }
}
