//! Which cores a thread may run on.

use std::io;
use std::ops::RangeInclusive;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that the calling thread may run on, ascending; empty when the kernel does not say.
/// Ask before pinning: afterwards it is the one core. New threads inherit the set.
pub fn allowed_cpus() -> Vec<usize> {
    sched_getaffinity(None).map_or_else(
        |_| Vec::new(),
        |set| {
            (0..CpuSet::MAX_CPU)
                .filter(|&cpu| set.is_set(cpu))
                .collect()
        },
    )
}

/// The runs of numbers in a list of the kernel's: `0-3,8`.
pub(super) fn runs_of(list: &str) -> Option<Vec<RangeInclusive<usize>>> {
    let run = |run: &str| {
        let (low, high) = run.split_once('-').unwrap_or((run, run));
        let (low, high): (usize, usize) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
        (low <= high).then_some(low..=high)
    };
    list.split(',').map(run).collect()
}

/// Keeps the calling thread on one core.
///
/// # Errors
/// A core that does not exist, is offline, or is not this process's to use.
pub fn pin_thread(cpu: usize) -> io::Result<()> {
    if cpu >= CpuSet::MAX_CPU {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("core {cpu} is beyond the last that can be named"),
        ));
    }
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_stays_and_others_stay_free() {
        let before = allowed_cpus();
        let last = *before.last().expect("this thread runs somewhere");
        let inside = std::thread::spawn(move || pin_thread(last).map(|()| allowed_cpus()))
            .join()
            .unwrap();
        assert_eq!(inside.unwrap(), [last]);
        assert_eq!(allowed_cpus(), before);
    }

    #[test]
    fn a_core_that_does_not_exist_is_an_error() {
        assert!(pin_thread(CpuSet::MAX_CPU).is_err());
        assert!(pin_thread(usize::MAX).is_err());
    }
}
