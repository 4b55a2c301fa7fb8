//! The guard against disturbances: what other programs did while a slice was measured.
//!
//! The kernel counts to the nanosecond how long a thread that was ready had to wait for a core. The guard
//! subtracts the waiting that the table itself may have caused: the time of its helper threads, and the
//! time between a wake-up and the core for threads that sleep on its locks. If more than a tenth of the
//! slice is left, the slice was disturbed from outside and is run again. Where threads outnumber cores they
//! wait for each other, and the guard judges nothing.
//!
//! `/proc/stat` counts in ticks of 10 ms, as long as a slice: the guard adds it up over the slices of a
//! trial and judges no single slice by it.

use crate::bench::Sliced;
use crate::machine::{self, CpuTimes};

/// A slice is disturbed when its threads waited for more than this part of it.
const WAITED: f64 = 0.1;

/// What a wake-up may cost on a quiet machine until the thread has its core, in nanoseconds: idle
/// virtual cores take tens of microseconds to begin.
const WAKE_NS: u64 = 50_000;

/// How often a slice is run again.
const MOST_REPEATS: u32 = 2;

/// What was seen around one slice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Watched {
    /// Whether others kept its threads from running; `None` where that cannot be told.
    pub(super) disturbed: Option<bool>,
    /// What all our cores did meanwhile; `None` where the kernel does not say.
    pub(super) cores: Option<Cores>,
    /// The clock rate of the first core after it, in kHz.
    pub(super) frequency_khz: Option<u64>,
}

/// What all our cores did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub(super) struct Cores {
    /// Time in all, in nanoseconds.
    pub(super) total_ns: u64,
    /// Time for other programs than the run's own; by a tick or two below zero by rounding.
    pub(super) foreign_ns: i64,
    /// Time that a hypervisor took.
    pub(super) steal_ns: u64,
}

/// Watches the slices of a run.
#[derive(Debug)]
pub(super) struct Guard {
    cpus: Vec<usize>,
    slices: u64,
    repeats: u64,
}

/// What stood before a slice.
#[derive(Debug)]
pub(super) struct Before {
    cores: Option<CpuTimes>,
    own_cpu_ns: u64,
}

impl Guard {
    pub(super) fn new() -> Guard {
        Guard {
            cpus: machine::allowed_cpus(),
            slices: 0,
            repeats: 0,
        }
    }

    pub(super) fn before(&self) -> Before {
        Before {
            cores: CpuTimes::now(&self.cpus),
            own_cpu_ns: machine::process_cpu_ns(),
        }
    }

    pub(super) fn after(&mut self, before: &Before, sliced: &Sliced) -> Watched {
        self.slices += 1;
        let own_ns = machine::process_cpu_ns().saturating_sub(before.own_cpu_ns) + sliced.cpu_ns;
        let now = CpuTimes::now(&self.cpus);
        let cores = now.zip(before.cores).map(|(now, before)| {
            let spent = now.since(&before);
            Cores {
                total_ns: spent.total_ns(),
                foreign_ns: spent.busy_ns.cast_signed() - own_ns.cast_signed(),
                steal_ns: spent.steal_ns,
            }
        });
        let first = self.cpus.first();
        Watched {
            disturbed: disturbed(sliced, self.cpus.len()),
            cores,
            frequency_khz: first.and_then(|&cpu| machine::frequency_khz(cpu)),
        }
    }

    /// Whether a slice is to be run again. On a machine that is never quiet that only costs time, so
    /// it is done for at most a fourth of the slices.
    pub(super) fn repeat(&mut self, watched: Watched, attempt: u32) -> bool {
        let again = watched.disturbed == Some(true)
            && attempt < MOST_REPEATS
            && self.repeats * 4 <= self.slices;
        self.repeats += u64::from(again);
        again
    }
}

fn disturbed(sliced: &Sliced, cores: usize) -> Option<bool> {
    if sliced.threads.len() > cores {
        return None;
    }
    let (mut waited_ns, mut wake_ups, mut elapsed_ns) = (0, 0, 0);
    for thread in &sliced.threads {
        waited_ns += thread.run_queue_ns?;
        wake_ups += thread.voluntary_switches;
        elapsed_ns += thread.elapsed_ns;
    }
    let own_ns = sliced.helper_cpu_ns + wake_ups * WAKE_NS;
    Some(waited_ns.saturating_sub(own_ns) as f64 > elapsed_ns as f64 * WAITED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ThreadSlice;

    fn slice(waited: &[Option<u64>]) -> Sliced {
        let thread = |run_queue_ns: &Option<u64>| ThreadSlice {
            elapsed_ns: 10_000_000,
            run_queue_ns: *run_queue_ns,
            ..ThreadSlice::default()
        };
        Sliced {
            threads: waited.iter().map(thread).collect(),
            ..Sliced::default()
        }
    }

    #[test]
    fn a_wait_of_a_tenth_is_a_disturbance() {
        assert_eq!(disturbed(&slice(&[Some(1_000_000)]), 2), Some(false));
        assert_eq!(disturbed(&slice(&[Some(1_000_001)]), 2), Some(true));
        assert_eq!(
            disturbed(&slice(&[Some(1_900_000), Some(0)]), 2),
            Some(false)
        );
        assert_eq!(
            disturbed(&slice(&[Some(1_900_000), Some(200_000)]), 2),
            Some(true)
        );
    }

    #[test]
    fn what_the_table_may_have_caused_is_no_disturbance() {
        let mut helped = slice(&[Some(3_000_000)]);
        helped.helper_cpu_ns = 2_500_000;
        assert_eq!(disturbed(&helped, 2), Some(false));
        let mut sleeping = slice(&[Some(3_000_000)]);
        sleeping.threads[0].voluntary_switches = 100;
        assert_eq!(disturbed(&sleeping, 2), Some(false));
        sleeping.threads[0].voluntary_switches = 3;
        assert_eq!(disturbed(&sleeping, 2), Some(true));
    }

    #[test]
    fn where_it_cannot_be_told_nothing_is_said() {
        let waits = [Some(9_000_000); 3];
        assert_eq!(disturbed(&slice(&waits), 2), None);
        assert_eq!(disturbed(&slice(&[Some(9_000_000), None]), 2), None);
    }

    #[test]
    fn repeats_have_a_limit_for_each_slice_and_for_all() {
        let disturbed = Watched {
            disturbed: Some(true),
            ..Watched::default()
        };
        let mut guard = Guard::new();
        guard.slices = 100;
        assert!(guard.repeat(disturbed, 0) && guard.repeat(disturbed, 1));
        assert!(!guard.repeat(disturbed, 2));
        assert!(!guard.repeat(Watched::default(), 0));
        let repeated = (0..100).filter(|_| guard.repeat(disturbed, 0)).count();
        assert_eq!(repeated, 24);
    }
}
