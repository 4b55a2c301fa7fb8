//! Which core a thread would have to itself.
//!
//! Where neighbours work on the other hardware threads of some cores, and move from core to core every second or so, a
//! thread that looks before it works has a core of its own more often than one that stays.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::pin::runs_of;
use super::{CAN_PROBE, CoreShare, OWN_SHARE, allowed_cpus, cores_are_alike, pin_thread};
use crate::base::whole;

/// Time between two probes of a core: a look takes half a millisecond to one.
const PAUSE: Duration = Duration::from_micros(100);

/// So many first looks go to every core, so that what a core gives at best is known.
const LEARNING: usize = 32;

/// Looks that are remembered.
const LATEST: usize = 64;

/// Of these so many may be odd: the next in order is the best that a core gives.
const ODD: usize = 2;

/// Cores that one chooses from at most: looking at all of many would take longer than a slice.
const MOST: usize = 8;

/// Looks for a core that no other hardware thread works on.
#[derive(Debug, Default)]
pub struct OwnCore {
    looks: usize,
    /// What cores gave in the latest looks, in additions in a thousand cycles.
    latest: VecDeque<u64>,
}

impl OwnCore {
    /// The first of these cores that no other hardware thread works on now, and in the first looks the one that gives most;
    /// the first of all where there is none, or where it cannot be told.
    pub fn choose(&mut self, cpus: &[usize]) -> Option<usize> {
        let first = cpus.first().copied()?;
        if cpus.len() == 1 || !CAN_PROBE || !cores_are_alike() {
            return Some(first);
        }
        // A thread of its own: this one stays where it may run.
        let own = thread::scope(|scope| scope.spawn(|| self.look(cpus, given_by)).join());
        Some(own.ok().flatten().unwrap_or(first))
    }

    fn look(&mut self, cpus: &[usize], given_by: impl Fn(usize) -> Option<u64>) -> Option<usize> {
        let mut most: Option<(usize, u64)> = None;
        for &cpu in cpus {
            // A core may be another's by now.
            let Some(given) = given_by(cpu) else { continue };
            self.looks += 1;
            self.latest.push_front(given);
            self.latest.truncate(LATEST);
            if self.looks > LEARNING && given >= self.least() {
                return Some(cpu);
            }
            if most.is_none_or(|(_, most)| given > most) {
                most = Some((cpu, given));
            }
        }
        let is_learning = self.looks <= LEARNING;
        most.filter(|_| is_learning).map(|(cpu, _)| cpu)
    }

    /// What a core gives at least that is a thread's own.
    fn least(&self) -> u64 {
        let mut given: Vec<u64> = self.latest.iter().copied().collect();
        given.sort_unstable_by(|a, b| b.cmp(a));
        let best = given.get(ODD).or(given.last()).copied().unwrap_or(0);
        whole(best as f64 * OWN_SHARE)
    }
}

fn given_by(cpu: usize) -> Option<u64> {
    pin_thread(cpu).ok()?;
    CoreShare::here(PAUSE)
}

/// The cores that this process may use and that share their last cache with this one, itself first and at most
/// eight: a thread that moves among them finds its memory as near as before. The one alone where the kernel does not say.
#[must_use]
pub fn cores_beside(cpu: usize) -> Vec<usize> {
    beside(Path::new("/"), cpu, &allowed_cpus())
}

fn beside(root: &Path, cpu: usize, allowed: &[usize]) -> Vec<usize> {
    let caches = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cache"));
    let shared = |index: usize| {
        let list = caches.join(format!("index{index}/shared_cpu_list"));
        runs_of(fs::read_to_string(list).ok()?.trim())
    };
    // Caches are listed from the first level on.
    let last = (0..).map_while(shared).last().unwrap_or_default();
    let is_near = |other: &&usize| last.iter().any(|run| run.contains(other));
    let (below, above): (Vec<usize>, Vec<usize>) = allowed
        .iter()
        .filter(is_near)
        .partition(|&&other| other < cpu);
    let mut cores = above;
    cores.extend(below);
    cores.truncate(MOST);
    if cores.first() != Some(&cpu) {
        return vec![cpu];
    }
    cores
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One that has had its first looks at cores that were all its own.
    fn learnt() -> OwnCore {
        let mut own = OwnCore::default();
        for _ in 0..LEARNING {
            assert_eq!(own.look(&[4], |_| Some(3600)), Some(4));
        }
        own
    }

    #[test]
    fn the_first_core_of_ones_own_is_taken() {
        let mut own = learnt();
        let first_shared = |cpu| Some(if cpu == 4 { 2100 } else { 3500 });
        assert_eq!(own.look(&[4, 5], first_shared), Some(5));
        // Without looking at the other.
        let first_alone = |cpu| {
            assert_eq!(cpu, 5);
            Some(3500)
        };
        assert_eq!(own.look(&[5, 4], first_alone), Some(5));
        assert_eq!(own.look(&[4, 5], |_| Some(2100)), None);
        assert_eq!(own.look(&[4, 5], |_| None), None);
        let first_refused = |cpu| (cpu == 5).then_some(3500);
        assert_eq!(own.look(&[4, 5], first_refused), Some(5));
    }

    #[test]
    fn the_core_that_gives_most_is_taken_at_first() {
        let mut own = OwnCore::default();
        let first_shared = |cpu| Some(if cpu == 0 { 2100 } else { 3600 });
        for _ in 0..LEARNING {
            assert_eq!(own.look(&[0, 1], first_shared), Some(1));
        }
    }

    #[test]
    fn odd_looks_do_not_decide_and_are_forgotten() {
        let mut own = learnt();
        for _ in 0..ODD {
            assert_eq!(own.look(&[4], |_| Some(9000)), Some(4));
        }
        assert_eq!(own.look(&[4], |_| Some(3500)), Some(4));
        // Where all cores give less for long, that is what they give.
        let taken: Vec<Option<usize>> = (0..LATEST)
            .map(|_| own.look(&[4, 5], |_| Some(2100)))
            .collect();
        assert_eq!((taken[0], taken[LATEST - 1]), (None, Some(4)));
    }

    #[test]
    fn some_core_is_always_chosen() {
        let cpus = allowed_cpus();
        let chosen = OwnCore::default().choose(&cpus).unwrap();
        assert!(cpus.contains(&chosen));
        assert_eq!(allowed_cpus(), cpus);
        assert_eq!(OwnCore::default().choose(&[7]), Some(7));
        assert_eq!(OwnCore::default().choose(&[]), None);
    }

    #[test]
    fn cores_that_share_the_last_cache_are_near() {
        let root = tempfile::tempdir().unwrap();
        for (cpu, last) in [(0, "0-3\n"), (2, "0-3\n"), (4, "4-20\n")] {
            for (index, list) in [(0, format!("{cpu}\n")), (1, last.to_owned())] {
                let cache = format!("sys/devices/system/cpu/cpu{cpu}/cache/index{index}");
                let cache = root.path().join(cache);
                fs::create_dir_all(&cache).unwrap();
                fs::write(cache.join("shared_cpu_list"), list).unwrap();
            }
        }
        let near = |cpu, allowed: &[usize]| beside(root.path(), cpu, allowed);
        assert_eq!(near(2, &[0, 1, 2, 3, 4]), [2, 3, 0, 1]);
        assert_eq!(near(0, &[0, 4]), [0]);
        assert_eq!(near(5, &[0, 5]), [5], "the kernel does not say");
        let all: Vec<usize> = (0..32).collect();
        assert_eq!(near(4, &all), [4, 5, 6, 7, 8, 9, 10, 11]);
    }
}
