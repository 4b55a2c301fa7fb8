//! The checks that observe for a while: other busy processes, interruptions of our own time, and other hardware
//! threads on our cores.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::Duration;

use super::diagnosis::{Diagnosis, percent};
use super::sharing::shared_cores;
use crate::machine::cpu_times::CpuTimes;
use crate::machine::{allowed_cpus, now_ns, pin_thread, process_cpu_ns};

/// Two readings of the clock further apart than this are a hole: a reading costs far less, an
/// interrupt of the kernel's about as much.
const HOLE_NS: u64 = 20_000;

/// A part of our cores' time that went elsewhere: worth a word, and worth a warning.
const ELSEWHERE: (f64, f64) = (0.01, 0.05);

/// The same for the holes that a spinning thread finds.
const HOLES: (f64, f64) = (0.002, 0.02);

/// The longest hole that is still no reason for a word, in nanoseconds.
const LONG_HOLE_NS: u64 = 1_000_000;

/// Looks on: `idle` without doing anything, `spinning` on every core that is ours at once, then `probing` each.
#[must_use]
pub fn watch(idle: Duration, spinning: Duration, probing: Duration) -> Vec<Diagnosis> {
    let cpus = allowed_cpus();
    vec![
        neighbours(&cpus, idle),
        holes(&spin(&cpus, spinning)),
        shared_cores(&cpus, probing),
    ]
}

fn neighbours(cpus: &[usize], time: Duration) -> Diagnosis {
    let (own_before, programs_before) = (process_cpu_ns(), programs());
    let before = CpuTimes::now(cpus);
    thread::sleep(time);
    let after = CpuTimes::now(cpus);
    let own_ns = process_cpu_ns().saturating_sub(own_before);
    let (Some(before), Some(after)) = (before, after) else {
        return Diagnosis::note("neighbours", "unknown: /proc/stat cannot be read", "", "");
    };
    judge_neighbours(
        after.since(&before),
        own_ns,
        &busiest(&programs_before, &programs()),
    )
}

fn judge_neighbours(times: CpuTimes, own_ns: u64, names: &str) -> Diagnosis {
    let foreign_ns = times.busy_ns.saturating_sub(own_ns) + times.steal_ns;
    let part = foreign_ns as f64 / times.total_ns().max(1) as f64;
    let stolen = percent(times.steal_ns as f64 / times.total_ns().max(1) as f64);
    let mut seen = format!("{} of our cores ({stolen} stolen)", percent(part));
    if times.steal_ns == 0 {
        seen = format!("{} of our cores", percent(part));
    }
    if part < ELSEWHERE.0 {
        return Diagnosis::ok("neighbours", seen);
    }
    if !names.is_empty() {
        seen = format!("{seen}: {names}");
    }
    let why = "other programs take cores and caches from the table that is measured";
    let advice = "top -o %CPU";
    if part < ELSEWHERE.1 {
        Diagnosis::note("neighbours", seen, why, advice)
    } else {
        Diagnosis::warning("neighbours", seen, why, advice)
    }
}

/// Ticks of each program that can be seen, by process.
fn programs() -> BTreeMap<u32, (String, u64)> {
    let own = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((id, name_and_ticks(&stat)?))
        })
        .filter(|(id, _)| *id != own)
        .collect()
}

/// `id (name) state …`, with user and system time as the 14th and 15th field (proc(5)); a name may
/// hold blanks and brackets.
fn name_and_ticks(stat: &str) -> Option<(String, u64)> {
    let (head, rest) = stat.rsplit_once(") ")?;
    let (_, name) = head.split_once(" (")?;
    let mut fields = rest.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((name.to_owned(), user + system))
}

/// The names of up to three programs that used most between two looks.
fn busiest(before: &BTreeMap<u32, (String, u64)>, after: &BTreeMap<u32, (String, u64)>) -> String {
    let mut used: BTreeMap<&str, u64> = BTreeMap::new();
    for (id, (name, ticks)) in after {
        let earlier = before.get(id).map_or(0, |(_, ticks)| *ticks);
        *used.entry(name).or_default() += ticks.saturating_sub(earlier);
    }
    let mut used: Vec<(&str, u64)> = used.into_iter().filter(|(_, ticks)| *ticks > 0).collect();
    used.sort_by_key(|(_, ticks)| std::cmp::Reverse(*ticks));
    let names: Vec<&str> = used.iter().take(3).map(|(name, _)| *name).collect();
    names.join(", ")
}

/// What a thread that did nothing but read the clock found on one core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spun {
    total_ns: u64,
    holes: u64,
    holes_ns: u64,
    longest_ns: u64,
}

/// Spins on all these cores at the same time.
fn spin(cpus: &[usize], time: Duration) -> Vec<Spun> {
    let time_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    thread::scope(|scope| {
        let threads: Vec<_> = cpus
            .iter()
            .map(|&cpu| {
                scope.spawn(move || {
                    // Where it may not be pinned it spins wherever it runs.
                    let _ = pin_thread(cpu);
                    spin_here(time_ns)
                })
            })
            .collect();
        let spun = threads.into_iter().map(thread::ScopedJoinHandle::join);
        spun.filter_map(Result::ok).collect()
    })
}

fn spin_here(time_ns: u64) -> Spun {
    let start = now_ns();
    let mut spun = Spun::default();
    let mut last = start;
    while last - start < time_ns {
        let now = now_ns();
        let gap = now - last;
        if gap >= HOLE_NS {
            spun.holes += 1;
            spun.holes_ns += gap;
            spun.longest_ns = spun.longest_ns.max(gap);
        }
        last = now;
    }
    spun.total_ns = last - start;
    spun
}

fn holes(spun: &[Spun]) -> Diagnosis {
    let total_ns: u64 = spun.iter().map(|core| core.total_ns).sum();
    let holes_ns: u64 = spun.iter().map(|core| core.holes_ns).sum();
    let count: u64 = spun.iter().map(|core| core.holes).sum();
    let longest_ns = spun.iter().map(|core| core.longest_ns).max().unwrap_or(0);
    let part = holes_ns as f64 / total_ns.max(1) as f64;
    if count == 0 {
        return Diagnosis::ok("holes", "none above 20 µs on any core");
    }
    let times = if count == 1 { "one" } else { "the longest" };
    let seen = format!(
        "{} of the time in {count} above 20 µs, {times} {:.2} ms",
        percent(part),
        longest_ns as f64 / 1e6
    );
    let why = "other programs or the hypervisor interrupted a thread that only reads the clock: \
               they interrupt a table in the same way";
    if part >= HOLES.1 {
        Diagnosis::warning("holes", seen, why, "")
    } else if part >= HOLES.0 || longest_ns >= LONG_HOLE_NS {
        Diagnosis::note("holes", seen, why, "")
    } else {
        Diagnosis::ok("holes", seen)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn what_we_used_ourselves_is_nobody_elses() {
        let times = |busy, steal| CpuTimes {
            busy_ns: busy,
            steal_ns: steal,
            idle_ns: 1000 - busy - steal,
        };
        let judged = |busy, steal, own| judge_neighbours(times(busy, steal), own, "cc, ld");
        assert_eq!(judged(500, 0, 500).severity, Severity::Ok);
        assert_eq!(judged(520, 0, 500).severity, Severity::Note);
        assert_eq!(judged(900, 0, 500).severity, Severity::Warning);
        assert_eq!(judged(900, 0, 500).seen, "40 % of our cores: cc, ld");
        let stolen = judged(0, 60, 0);
        assert_eq!(stolen.severity, Severity::Warning);
        assert!(stolen.seen.contains("(6.0 % stolen)"), "{}", stolen.seen);
    }

    #[test]
    fn the_busiest_are_named() {
        let stat = "42 (a (b) c) R 1 1 1 0 -1 0 0 0 0 0 30 12 0 0 20 0";
        assert_eq!(name_and_ticks(stat), Some(("a (b) c".to_owned(), 42)));
        assert_eq!(name_and_ticks("42 (a"), None);
        let at = |ticks: [u64; 2]| {
            BTreeMap::from([
                (1, ("cc".to_owned(), ticks[0])),
                (2, ("ld".to_owned(), ticks[1])),
            ])
        };
        assert_eq!(busiest(&at([5, 5]), &at([6, 9])), "ld, cc");
        assert_eq!(busiest(&at([5, 5]), &at([5, 5])), "");
    }

    #[test]
    fn holes_are_judged_by_what_they_take() {
        let core = |holes, holes_ns, longest_ns| Spun {
            total_ns: 1_000_000_000,
            holes,
            holes_ns,
            longest_ns,
        };
        assert_eq!(holes(&[core(0, 0, 0)]).severity, Severity::Ok);
        assert_eq!(holes(&[core(3, 100_000, 50_000)]).severity, Severity::Ok);
        let long = holes(&[core(1, 1_500_000, 1_500_000)]);
        assert_eq!(long.severity, Severity::Note);
        assert!(long.seen.ends_with("one 1.50 ms"), "{}", long.seen);
        let many = [core(0, 0, 0), core(9, 90_000_000, 10_000_000)];
        assert_eq!(holes(&many).severity, Severity::Warning);
    }

    #[test]
    fn spinning_covers_the_time_on_every_core() {
        let cpus = allowed_cpus();
        let spun = spin(&cpus, Duration::from_millis(5));
        assert_eq!(spun.len(), cpus.len());
        for core in spun {
            assert!(core.total_ns >= 5_000_000 && core.holes_ns <= core.total_ns);
            assert!(core.longest_ns <= core.holes_ns);
        }
    }
}
