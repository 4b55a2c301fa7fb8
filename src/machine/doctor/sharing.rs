//! Whether other hardware threads work on our cores, which under virtualization no file of the kernel's says.

use std::thread;
use std::time::{Duration, Instant};

use super::diagnosis::{Diagnosis, percent};
use crate::machine::{CoreShare, OWN_SHARE, cores_are_alike, pin_thread};

const CHECK: &str = "core";

/// Time between two probes of a core. Cores that are two hardware threads of one hardly ever probe at the same time.
const APART: Duration = Duration::from_micros(600);

/// A part of the time in which a core was shared: worth a word, and worth a warning.
const SHARED: (f64, f64) = (0.02, 0.2);

/// Looks at each of these cores for a while, and judges.
pub(super) fn shared_cores(cpus: &[usize], time: Duration) -> Diagnosis {
    if !cores_are_alike() {
        return unknown("the cores are of two kinds");
    }
    judge(&probe(cpus, time))
}

fn unknown(why: &str) -> Diagnosis {
    Diagnosis::note(CHECK, format!("unknown: {why}"), "", "")
}

/// What each core gave, in additions in a thousand cycles, again and again.
fn probe(cpus: &[usize], time: Duration) -> Vec<(usize, Vec<u64>)> {
    thread::scope(|scope| {
        let threads: Vec<_> = cpus
            .iter()
            .map(|&cpu| scope.spawn(move || (cpu, probe_one(cpu, time))))
            .collect();
        let given = threads.into_iter().map(thread::ScopedJoinHandle::join);
        given.filter_map(Result::ok).collect()
    })
}

fn probe_one(cpu: usize, time: Duration) -> Vec<u64> {
    let mut given = Vec::new();
    if pin_thread(cpu).is_err() {
        return given;
    }
    let began = Instant::now();
    while began.elapsed() < time {
        match CoreShare::here(APART) {
            Some(now) => given.push(now),
            None => break,
        }
    }
    given
}

/// Judges by the core that was shared most.
fn judge(cores: &[(usize, Vec<u64>)]) -> Diagnosis {
    let mut all: Vec<u64> = cores.iter().flat_map(|(_, given)| given).copied().collect();
    all.sort_unstable();
    // The best but for odd probes.
    let Some(&best) = all.get(all.len() * 98 / 100) else {
        return unknown("there is no probe for this processor");
    };
    let least = best as f64 * OWN_SHARE;
    let parts = cores.iter().filter(|(_, given)| !given.is_empty());
    let parts = parts.map(|(cpu, given)| {
        let mut shared: Vec<u64> = given.clone();
        shared.retain(|&given| (given as f64) < least);
        shared.sort_unstable();
        (shared.len() as f64 / given.len() as f64, *cpu, shared)
    });
    let parts: Vec<_> = parts.filter(|(part, ..)| *part >= SHARED.0).collect();
    let Some((part, cpu, shared)) = parts.iter().max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Diagnosis::ok(CHECK, "no other hardware thread is seen on any");
    };
    let most = match parts.len() {
        1 => format!("core {cpu}"),
        many => format!("{many} of {} cores, most on core {cpu}", cores.len()),
    };
    let seen = format!(
        "another hardware thread works on {most}, {} of the time, and leaves {} of the core's width",
        percent(*part),
        percent(shared[shared.len() / 2] as f64 / best as f64)
    );
    let why = "the kernel does not see it: two hardware threads halve a core's window of instructions, and \
               tables whose lookups overlap lose most. Panels of one thread go to another core where \
               they can, and leave such slices out where enough others remain";
    if *part < SHARED.1 {
        Diagnosis::note(CHECK, seen, why, "")
    } else {
        Diagnosis::warning(CHECK, seen, why, "")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::machine::CAN_PROBE;

    /// Two cores, of which one was shared in so many of a hundred looks.
    fn of(shared: usize) -> Diagnosis {
        let mut given = vec![3600; 100];
        given[..shared].fill(2160);
        // An interrupt.
        if let Some(first) = given.first_mut() {
            *first = 400;
        }
        judge(&[(0, vec![3600; 100]), (3, given)])
    }

    #[test]
    fn a_core_is_shared_where_it_gives_less_than_at_best() {
        assert_eq!(of(1).severity, Severity::Ok);
        let some = of(10);
        assert_eq!(some.severity, Severity::Note);
        assert_eq!(
            some.seen,
            "another hardware thread works on core 3, 10 % of the time, and leaves 60 % of the core's width"
        );
        assert_eq!(of(20).severity, Severity::Warning);
        assert!(judge(&[(0, Vec::new())]).seen.starts_with("unknown"));
    }

    #[test]
    fn of_several_shared_cores_the_worst_decides() {
        let given = |shared: usize| {
            let mut given = vec![3600; 100];
            given[..shared].fill(1800);
            given
        };
        let found = judge(&[(0, given(5)), (1, given(30)), (2, given(0))]);
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(
            found.seen,
            "another hardware thread works on 2 of 3 cores, most on core 1, 30 % of the time, and leaves 50 % \
             of the core's width"
        );
    }

    #[test]
    fn every_core_is_looked_at() {
        let cpus = crate::machine::allowed_cpus();
        let probed = probe(&cpus, Duration::from_millis(20));
        let seen: Vec<usize> = probed.iter().map(|(cpu, _)| *cpu).collect();
        assert_eq!(seen, cpus);
        for (_, given) in probed {
            assert_eq!(given.is_empty(), !CAN_PROBE);
        }
    }
}
