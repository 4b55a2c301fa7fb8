//! What is wrong with a machine for measuring, and what to do about it.
//!
//! [`look`] reads what the kernel says, which takes no time and is recorded with every run;
//! [`watch`] watches for a second or two: which other programs are busy, how smoothly time passes, and what the cores
//! leave us. Nothing
//! here changes the machine.

mod checks;
mod diagnosis;
mod sharing;
#[cfg(test)]
mod tests;
mod watch;

use std::path::Path;

pub use diagnosis::{Diagnosis, Severity};
pub use watch::watch;

use self::diagnosis::Own;
use super::counters;

/// Reads what there is to read. `clock_cost_ps` is what [`super::clock_cost_ps`] measured.
#[must_use]
pub fn look(clock_cost_ps: u64) -> Vec<Diagnosis> {
    let own = Own {
        allowed: super::allowed_cpus(),
        debug: cfg!(debug_assertions),
        profile: super::profile(),
        clock_cost_ps,
        counters: counters::seen().clone(),
    };
    checks::all(Path::new("/"), &own)
}
