//! Floor 6: suites become panels, panels are dealt out in slices, slices become rows.
//!
//! - [`suite`]: what a suite file says, and what flags change of it;
//! - [`plan`]: from suites to panels and cells, checked against the catalog and the memory;
//! - `process`: a child process that holds one table, and the requests to it; `fill`: its start;
//! - `deal`: the order in which the cells of a panel get their slices;
//! - `patience`: what takes longer than a day is asked about first;
//! - `guard`: what else went on while a slice was measured;
//! - `panel`: one panel measured, round by round;
//! - `latency`: slices of latencies, in an open loop and in a closed one; `slo`: the search for the
//!   highest rate that keeps a limit;
//! - [`execute`]: a whole run, with its directory and its manifest;
//! - `resume`: what a kill left of a run, and whether it may be gone on with;
//! - [`measure_hashes`]: a run of the hash laboratory, which has no tables.

mod check;
mod deal;
mod execute;
mod expand;
mod fill;
mod fit;
mod guard;
mod hash_flood;
mod hashes;
mod latency;
mod misses;
mod panel;
mod patience;
pub mod plan;
mod process;
mod resume;
mod slo;
pub mod suite;
mod tally;
#[cfg(test)]
mod tests;

pub use execute::{Ended, Watch, execute, resume};
pub use hashes::{HashOptions, HashPlan, measure_hashes};
pub use plan::{Cell, Panel, Plan};
pub use process::CHILD_VERB;
pub use slo::{Search, Slo};
pub use suite::{Overrides, SUITES, Suite};
