//! Processor time used, as opposed to time passed.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Processor time of all threads of this process so far, in nanoseconds.
pub fn process_cpu_ns() -> u64 {
    to_ns(clock_gettime(ClockId::ProcessCPUTime))
}

/// Processor time of the calling thread so far, in nanoseconds.
pub fn thread_cpu_ns() -> u64 {
    to_ns(clock_gettime(ClockId::ThreadCPUTime))
}

fn to_ns(time: Timespec) -> u64 {
    // Neither field of a processor-time clock is ever negative.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn work_is_counted_for_the_thread_and_the_process() {
        let (process, thread) = (process_cpu_ns(), thread_cpu_ns());
        let mut spun = 0_u64;
        while thread_cpu_ns() == thread {
            spun = black_box(spun + 1);
        }
        assert!(process_cpu_ns() > process);
    }

    #[test]
    fn units_are_nanoseconds() {
        let time = Timespec {
            tv_sec: 3,
            tv_nsec: 5,
        };
        assert_eq!(to_ns(time), 3_000_000_005);
    }
}
