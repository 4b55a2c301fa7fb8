//! What the kernel did to a thread: waits for a processor, switches, page faults.

use std::fs;
use std::mem::MaybeUninit;

use super::run_queue::RunQueue;

/// The kernel's counts for one thread; opened by the thread itself.
#[derive(Debug)]
pub struct ThreadMeter {
    queue: Option<RunQueue>,
}

/// What they stand at, or by how much they grew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadUsage {
    /// Nanoseconds in which the thread was ready and another ran in its place; `None` where the
    /// kernel does not say.
    pub run_queue_ns: Option<u64>,
    /// Times that another thread was put in its place while it wanted to go on.
    pub involuntary_switches: u64,
    /// Times that it gave its place up, to wait for a lock, say.
    pub voluntary_switches: u64,
    /// Pages that had to be mapped first, with or without reading a disk.
    pub page_faults: u64,
}

impl ThreadMeter {
    /// Of the calling thread.
    #[must_use]
    pub fn of_this_thread() -> ThreadMeter {
        ThreadMeter {
            queue: RunQueue::of_this_thread(),
        }
    }

    /// What stands now. Called by the thread that opened it; costs a microsecond or two, allocates
    /// nothing.
    #[must_use]
    pub fn read(&self) -> ThreadUsage {
        let run_queue_ns = self.queue.as_ref().and_then(RunQueue::waited_ns);
        let mut usage = MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: the pointer is to a whole `rusage`, which the call fills in; zeroes are valid for
        // it as it is, a struct of integers, so that it may be read even where the call fails.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
            usage.assume_init()
        };
        let count = |count: libc::c_long| u64::try_from(count).unwrap_or(0);
        ThreadUsage {
            run_queue_ns,
            involuntary_switches: count(usage.ru_nivcsw),
            voluntary_switches: count(usage.ru_nvcsw),
            page_faults: count(usage.ru_minflt) + count(usage.ru_majflt),
        }
    }
}

impl ThreadUsage {
    /// What was added since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &ThreadUsage) -> ThreadUsage {
        let waited = self.run_queue_ns.zip(earlier.run_queue_ns);
        ThreadUsage {
            run_queue_ns: waited.map(|(now, then)| now.saturating_sub(then)),
            involuntary_switches: self.involuntary_switches - earlier.involuntary_switches,
            voluntary_switches: self.voluntary_switches - earlier.voluntary_switches,
            page_faults: self.page_faults - earlier.page_faults,
        }
    }
}

/// The clock rate of a core now, in kHz, as its driver has it; `None` where it is not ours to see.
pub fn frequency_khz(cpu: usize) -> Option<u64> {
    let file = format!("/sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq");
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn faults_and_switches_are_counted() {
        let meter = ThreadMeter::of_this_thread();
        let before = meter.read();
        let pages = 64 * rustix::param::page_size();
        black_box(vec![1_u8; pages]);
        std::thread::sleep(std::time::Duration::from_millis(1));
        let used = meter.read().since(&before);
        assert!(used.voluntary_switches > 0, "{used:?}");
        assert_eq!(
            used.run_queue_ns.is_some(),
            RunQueue::of_this_thread().is_some()
        );
    }

    #[test]
    fn fresh_memory_faults() {
        let meter = ThreadMeter::of_this_thread();
        let before = meter.read();
        // Too large for any heap to have it lying about.
        let fresh = black_box(vec![1_u8; 64 << 20]);
        let used = meter.read().since(&before);
        assert!(used.page_faults > 0, "{used:?}");
        drop(fresh);
    }
}
