//! Whether another hardware thread works on this thread's core, by what the core has left for this one.
//!
//! A core with simultaneous multithreading (SMT) runs two threads and halves its window of instructions
//! between them while both work. A table whose lookups overlap loses up to half of its rate by that. The kernel of a
//! guest sees neither the other thread, nor that there is one: no run queue, no steal time and no clock rate changes.
//! The core itself tells: independent additions, which need width, take longer, and dependent multiplications,
//! which wait for each other, take as long as before.
//!
//! On a Zen 4 guest that counts as having no SMT, `slices.csv` of `run overlap` had 3.5 additions a cycle in most
//! slices, and 2.1 to 2.5 in those whose null operations took half as long again and more.

use std::path::Path;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use super::now_ns;
use crate::base::whole;

/// Additions of a probe: half a microsecond to a microsecond.
const ADDITIONS: usize = 6_000;

/// Multiplications of a probe.
const MULTIPLICATIONS: usize = 300;

/// Cycles of a 64-bit multiplication whose operand is the result of the one before: on Intel's cores since Nehalem
/// and AMD's since Zen (Fog, *Instruction tables*, `IMUL r64, r64`). On others the figure is off by a factor, which
/// is the same for all that it is compared with.
const MULTIPLICATION_CYCLES: f64 = 3.0;

/// Time between two probes, in nanoseconds: a probe takes some thousandths of it.
const APART_NS: u64 = 500_000;

/// Probes without which nothing is said.
const LEAST: usize = 4;

/// Probes that are kept of a slice.
const MOST: usize = 64;

/// Whether there is a probe for this processor.
pub const CAN_PROBE: bool = cfg!(all(target_arch = "x86_64", not(miri)));

/// A core that is a thread's own gives it at least nine tenths of what a core gives at best. Beside another thread it gave
/// half to two thirds (Zen 4, as above).
pub const OWN_SHARE: f64 = 0.9;

/// Whether all cores are of one kind: what one of another kind gives says nothing of neighbours.
pub fn cores_are_alike() -> bool {
    static ALIKE: OnceLock<bool> = OnceLock::new();
    // Linux has a device for each kind, and one name for it where there is one kind.
    *ALIKE.get_or_init(|| !Path::new("/sys/bus/event_source/devices/cpu_atom").exists())
}

/// What probes between the operations of a slice have seen.
pub struct CoreShare {
    additions_ns: [f64; MOST],
    multiplications_ns: [f64; MOST],
    count: usize,
    due_ns: u64,
}

impl CoreShare {
    /// The first probe is due at once.
    #[must_use]
    pub fn new() -> CoreShare {
        CoreShare {
            additions_ns: [0.0; MOST],
            multiplications_ns: [0.0; MOST],
            count: 0,
            due_ns: 0,
        }
    }

    /// What this thread's core gives now, in additions in a thousand cycles: the median of four probes with pauses between
    /// them. `None` on processors for which there is no probe.
    #[must_use]
    pub fn here(pause: Duration) -> Option<u64> {
        if !CAN_PROBE {
            return None;
        }
        let mut share = CoreShare::new();
        for _ in 0..LEAST {
            thread::sleep(pause);
            share.probe();
        }
        let mut rates = share.rates();
        rates.sort_by(f64::total_cmp);
        Some(whole(rates[rates.len() / 2] * 1000.0))
    }

    /// Probes if that is due at `now_ns`, and returns the time on the clock after it.
    pub fn look(&mut self, now_ns: u64) -> u64 {
        if now_ns < self.due_ns || self.count == MOST {
            return now_ns;
        }
        self.probe()
    }

    #[cold]
    #[inline(never)]
    fn probe(&mut self) -> u64 {
        // The code comes to the caches first, from which a table may have displaced it.
        add(24);
        multiply(10);
        let began = now_ns();
        add(ADDITIONS);
        let added = now_ns();
        multiply(MULTIPLICATIONS);
        let ended = now_ns();
        self.additions_ns[self.count] = (added - began) as f64;
        self.multiplications_ns[self.count] = (ended - added) as f64;
        self.count += 1;
        self.due_ns = ended + APART_NS;
        ended
    }

    /// Additions in a thousand cycles, the mean of the probes. `None` of fewer than four, and on processors for
    /// which there is no probe.
    #[must_use]
    pub fn additions_per_kcycle(&self) -> Option<u64> {
        if !CAN_PROBE || self.count < LEAST {
            return None;
        }
        let rates = self.rates();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        Some(whole(mean * 1000.0))
    }

    /// Additions in a cycle, probe by probe.
    fn rates(&self) -> Vec<f64> {
        // An interrupt lengthens the part that it comes in. The multiplications only tell the clock rate, so their
        // median does; of the additions the whole is wanted, and one of zero width is no time.
        let mut multiplied_ns = self.multiplications_ns;
        let multiplied_ns = &mut multiplied_ns[..self.count];
        multiplied_ns.sort_by(f64::total_cmp);
        let middle_ns = multiplied_ns[(self.count - 1) / 2];
        let cycle_ns = middle_ns / (MULTIPLICATIONS as f64 * MULTIPLICATION_CYCLES);
        self.additions_ns[..self.count]
            .iter()
            .map(|ns| ADDITIONS as f64 * cycle_ns / ns.max(1.0))
            .collect()
    }
}

impl Default for CoreShare {
    fn default() -> CoreShare {
        CoreShare::new()
    }
}

/// Additions to six registers: more than a core adds to in a cycle.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(never)]
fn add(additions: usize) {
    for _ in 0..additions / 24 {
        // SAFETY: the instructions change the registers that are named, which nothing reads, and the flags.
        unsafe {
            std::arch::asm!(
                ".rept 4",
                "add {0}, 1", "add {1}, 1", "add {2}, 1",
                "add {3}, 1", "add {4}, 1", "add {5}, 1",
                ".endr",
                inout(reg) 0_u64 => _, inout(reg) 0_u64 => _, inout(reg) 0_u64 => _,
                inout(reg) 0_u64 => _, inout(reg) 0_u64 => _, inout(reg) 0_u64 => _,
                options(nomem, nostack),
            );
        }
    }
}

/// Multiplications of which each waits for the one before.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(never)]
fn multiply(multiplications: usize) {
    let mut product = 3_u64;
    for _ in 0..multiplications / 10 {
        // SAFETY: the instruction changes one register and the flags.
        unsafe {
            std::arch::asm!(
                ".rept 10",
                "imul {0}, {0}",
                ".endr",
                inout(reg) product,
                options(nomem, nostack),
            );
        }
    }
    std::hint::black_box(product);
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn add(_additions: usize) {}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn multiply(_multiplications: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_keep_their_distance_and_their_number() {
        let mut share = CoreShare::new();
        assert_eq!(share.additions_per_kcycle(), None);
        let after = share.look(0);
        assert_eq!((share.count, share.due_ns), (1, after + APART_NS));
        assert_eq!(share.look(after), after);
        for _ in 0..2 * MOST {
            share.look(share.due_ns);
        }
        assert_eq!(share.count, MOST);
    }

    #[test]
    fn additions_are_counted_in_cycles_of_the_median_multiplication() {
        let mut share = CoreShare::new();
        share.count = 4;
        // Three cycles of 0.25 ns each; an interrupt in the second.
        let multiplied = MULTIPLICATIONS as f64 * 0.75;
        share.multiplications_ns[..4]
            .copy_from_slice(&[multiplied, 90_000.0, multiplied, 80_000.0]);
        let added = ADDITIONS as f64 * 0.25;
        share.additions_ns[..4].copy_from_slice(&[added, added / 2.0, added / 2.0, added / 3.0]);
        let expected = cfg!(all(target_arch = "x86_64", not(miri))).then_some(2000);
        assert_eq!(share.additions_per_kcycle(), expected);
    }
}
