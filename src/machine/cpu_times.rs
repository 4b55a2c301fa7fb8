//! What the processors did for everybody, from `/proc/stat`.

use std::fs;
use std::path::Path;

/// Time of some cores since the machine started, in nanoseconds: multiples of the kernel's tick,
/// mostly 10 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// In all programs and in the kernel.
    pub busy_ns: u64,
    /// Waiting for the hypervisor while there was something to do.
    pub steal_ns: u64,
    /// With nothing to do.
    pub idle_ns: u64,
}

impl CpuTimes {
    /// Of these cores, now; `None` where the kernel does not say.
    pub fn now(cpus: &[usize]) -> Option<CpuTimes> {
        CpuTimes::under(Path::new("/"), cpus)
    }

    /// The same of the machine whose file system starts at `root`.
    pub(super) fn under(root: &Path, cpus: &[usize]) -> Option<CpuTimes> {
        let text = fs::read_to_string(root.join("proc/stat")).ok()?;
        let tick_ns = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        CpuTimes::parse(&text, cpus, tick_ns)
    }

    /// Lines `cpuN user nice system idle iowait irq softirq steal …` (proc(5)); a guest's time is
    /// within `user`.
    fn parse(text: &str, cpus: &[usize], tick_ns: u64) -> Option<CpuTimes> {
        let mut times = CpuTimes::default();
        let mut found = false;
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            let cpu = words.next().and_then(|name| name.strip_prefix("cpu"));
            let Some(cpu) = cpu.and_then(|number| number.parse().ok()) else {
                continue;
            };
            if !cpus.contains(&cpu) {
                continue;
            }
            let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
            let [user, nice, system, idle, wait, irq, soft, steal, ..] = ticks[..] else {
                return None;
            };
            found = true;
            times.busy_ns += (user + nice + system + irq + soft) * tick_ns;
            times.steal_ns += steal * tick_ns;
            times.idle_ns += (idle + wait) * tick_ns;
        }
        found.then_some(times)
    }

    /// What was added since an earlier reading of the same cores.
    #[must_use]
    pub fn since(&self, earlier: &CpuTimes) -> CpuTimes {
        CpuTimes {
            busy_ns: self.busy_ns.saturating_sub(earlier.busy_ns),
            steal_ns: self.steal_ns.saturating_sub(earlier.steal_ns),
            idle_ns: self.idle_ns.saturating_sub(earlier.idle_ns),
        }
    }

    /// All of it.
    #[must_use]
    pub fn total_ns(&self) -> u64 {
        self.busy_ns + self.steal_ns + self.idle_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  9 9 9 9 9 9 9 9 0 0\n\
                        cpu0 1 2 3 40 5 6 7 8 1 0\n\
                        cpu1 10 0 0 100 0 0 0 0 0 0\n\
                        intr 5 6 7\n";

    #[test]
    fn only_the_cores_asked_for_are_added_up() {
        let both = CpuTimes::parse(STAT, &[0, 1], 10).unwrap();
        assert_eq!(
            both,
            CpuTimes {
                busy_ns: 290,
                steal_ns: 80,
                idle_ns: 1450
            }
        );
        let one = CpuTimes::parse(STAT, &[1], 10).unwrap();
        assert_eq!((one.busy_ns, one.steal_ns, one.idle_ns), (100, 0, 1000));
        assert_eq!(both.since(&one).busy_ns, 190);
        assert_eq!(one.total_ns(), 1100);
    }

    #[test]
    fn what_is_not_there_is_not_zero() {
        assert_eq!(CpuTimes::parse(STAT, &[7], 10), None);
        assert_eq!(CpuTimes::parse("cpu0 1 2 3\n", &[0], 10), None);
        assert_eq!(CpuTimes::parse("", &[0], 10), None);
    }
}
