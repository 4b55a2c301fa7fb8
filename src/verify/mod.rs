//! Floor 4: checks of a strategy against a model.
//!
//! A table that sometimes loses an entry may be fast, and its figures are worthless. So a child process
//! checks its table before it times it ([`run`] with [`Plan::quick`]):
//!
//! - [`differential`]: one session does a seeded random sequence of all operations, and every outcome
//!   and every byte is compared with a model map that does the same. (The method is that of
//!   `McKeeman`, "Differential Testing for Software", Digital Technical Journal, 1998.)
//! - [`concurrent`]: several sessions at once do the same on keys of their own. In between they contend
//!   for shared keys, whose values name their writer, for shared counters, whose sum must be exact at
//!   the end, and for the creation of keys, which only one of them may win.
//! - `history`: several sessions at once work on shared keys, and each key's history is searched (`linear`) for an
//!   order that explains all answers.
//! - [`walk()`]: if the strategy can be walked, what walks show, mark and remove, at rest and while
//!   the table grows.
//!
//! - `census`: what a table says of its bytes and entries, what is left of it, and whether churn makes garbage.
//!
//! [`examine`] does one of them, at length: it is what `bucketlab verify` runs in a process of its own.
//!
//! The first two end with a comparison of the table's usage and census with the model. A [`Failure`] names
//! the operation, the key, the expected outcome and the actual one. A panic inside the table is a failure too.

mod census;
mod concurrent;
mod contender;
mod differential;
mod examine;
mod failure;
mod history;
mod linear;
mod open;
mod plan;
mod progress;
mod sample;
#[cfg(all(test, shuttle))]
mod schedules;
mod shrink;
mod stage;
mod structure;
mod unexplained;
mod unique;
mod walk;
mod walker;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod tests;

pub use concurrent::concurrent;
pub use differential::differential;
pub use examine::{Task, examine};
pub use failure::Failure;
pub use plan::{Counts, Plan, Values};
pub use progress::signs_of_life;
pub use stage::Stage;
pub use walk::walk;

use crate::base::Params;
use crate::table::{Env, Kind};

/// Runs all checks, each on a fresh table of this kind. They work through erased sessions: one indirect
/// call an operation, and one copy of their code for all strategies.
///
/// The environment's journal is not written to: what is checked is not what is measured.
///
/// # Errors
/// The first thing that the table did wrong.
pub fn run(kind: &Kind, params: &Params, env: &Env, plan: &Plan) -> Result<Counts, Failure> {
    let mut counts = differential(kind, params, env, plan)?;
    if plan.threads > 1 {
        counts += concurrent(kind, params, env, plan)?;
    }
    counts += walk(kind, params, env, plan)?;
    Ok(counts)
}
