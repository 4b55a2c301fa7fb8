//! Whether other hardware threads work on our cores, which no file of the kernel's says under virtualization.

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

/// What each core gave, in additions per thousand cycles, again and again.
fn probe(cpus: &[usize], time: Duration) -> Vec<u64> {
    thread::scope(|scope| {
        let threads: Vec<_> = cpus
            .iter()
            .map(|&cpu| {
                scope.spawn(move || {
                    // Where it may not be pinned it looks at whichever core it is on.
                    let _ = pin_thread(cpu);
                    probe_here(time)
                })
            })
            .collect();
        let given = threads.into_iter().map(thread::ScopedJoinHandle::join);
        given.filter_map(Result::ok).flatten().collect()
    })
}

fn probe_here(time: Duration) -> Vec<u64> {
    let began = Instant::now();
    let mut given = Vec::new();
    while began.elapsed() < time {
        given.extend(CoreShare::here(APART));
    }
    given
}

fn judge(given: &[u64]) -> Diagnosis {
    let mut given: Vec<f64> = given.iter().map(|&given| given as f64).collect();
    given.sort_by(f64::total_cmp);
    // The best but for an odd probe.
    let Some(&best) = given.get((given.len() * 98 / 100).min(given.len().saturating_sub(1))) else {
        return unknown("there is no probe for this processor");
    };
    let shared = given.iter().filter(|&&given| given < best * OWN_SHARE);
    let part = shared.count() as f64 / given.len() as f64;
    if part < SHARED.0 {
        return Diagnosis::ok(CHECK, "no other hardware thread is seen on it");
    }
    let seen = format!(
        "another hardware thread works on it {} of the time, and leaves it {} of its width",
        percent(part),
        percent(given[0] / best)
    );
    let why = "the kernel does not see it: two hardware threads halve a core's window of instructions, and \
               tables whose lookups overlap lose most. Panels of one thread go to another core where \
               they can, and leave such slices out where enough others remain";
    if part < SHARED.1 {
        Diagnosis::note(CHECK, seen, why, "")
    } else {
        Diagnosis::warning(CHECK, seen, why, "")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;

    #[test]
    fn a_core_is_shared_where_it_gives_less_than_at_best() {
        let of = |shared: usize| {
            let mut given = vec![3600; 100];
            given[..shared].fill(2160);
            judge(&given)
        };
        assert_eq!(of(1).severity, Severity::Ok);
        let some = of(10);
        assert_eq!(some.severity, Severity::Note);
        assert_eq!(
            some.seen,
            "another hardware thread works on it 10 % of the time, and leaves it 60 % of its width"
        );
        assert_eq!(of(20).severity, Severity::Warning);
        assert!(judge(&[]).seen.starts_with("unknown"));
    }

    #[test]
    fn every_core_is_looked_at() {
        let probed = probe(&[0, 0], Duration::from_millis(20));
        let is_probed = cfg!(all(target_arch = "x86_64", not(miri)));
        assert_eq!(probed.is_empty(), !is_probed);
    }
}
