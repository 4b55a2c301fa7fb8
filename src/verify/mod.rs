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
//! - [`walk()`]: if the strategy can be walked, what walks show, mark and remove, at rest and while
//!   the table grows.
//!
//! The first two end with a comparison of the table's usage and census with the model. A [`Failure`] names
//! the operation, the key, the expected outcome and the actual one. A panic inside the table is a failure too.

mod concurrent;
mod contender;
mod differential;
mod sample;
mod structure;
mod walk;
mod walker;

#[cfg(test)]
mod broken;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use concurrent::concurrent;
pub use differential::differential;
pub use walk::walk;

use crate::base::Params;
use crate::table::{Env, ErasedTable, Kind};

/// How thoroughly to check. The same plan does the same operations, up to the interleaving of
/// threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where all randomness comes from.
    pub seed: u64,
    /// Operations, per thread where there are several.
    pub steps: u64,
    /// How many different keys there are. A few of them get half of all operations, so that each
    /// of those goes through every kind of change, while the others fill the table.
    pub key_space: usize,
    /// Threads of the concurrent check; [`run`] leaves it out if there are fewer than two.
    pub threads: u32,
    /// Whether a byte budget is in force, so that writes may be refused. A refusal is a failure
    /// otherwise.
    pub refusals: bool,
}

impl Plan {
    /// What each table passes before it is timed: some 15 ms. Enough entries to make a table with
    /// 1024 buckets grow at 1.5 entries a bucket.
    #[must_use]
    pub const fn quick() -> Plan {
        Plan {
            seed: 0x6275_636b_6574,
            steps: 6_000,
            key_space: 4_000,
            threads: 2,
            refusals: false,
        }
    }
}

/// What was done and found to be right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gets, read-backs included.
    pub gets: u64,
    /// Those of them that hit.
    pub hits: u64,
    /// Sets.
    pub sets: u64,
    /// Calls of `insert_new`.
    pub inserts: u64,
    /// Removals, of keys that were there or not.
    pub removes: u64,
    /// Updates, of all kinds of edits.
    pub updates: u64,
    /// Calls of `get_many`.
    pub batches: u64,
    /// Calls of `quiesce`.
    pub quiesces: u64,
    /// Entries that walks have shown; no operations of the sequence.
    pub walked: u64,
}

impl Counts {
    /// All operations of the sequences.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.gets
            + self.sets
            + self.inserts
            + self.removes
            + self.updates
            + self.batches
            + self.quiesces
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Counts) {
        self.gets += more.gets;
        self.hits += more.hits;
        self.sets += more.sets;
        self.inserts += more.inserts;
        self.removes += more.removes;
        self.updates += more.updates;
        self.batches += more.batches;
        self.quiesces += more.quiesces;
        self.walked += more.walked;
    }
}

/// What a table did wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The number of the operation, from 1; nothing if it was not one of the sequence, as when the
    /// table was opened or counted.
    pub step: Option<u64>,
    /// Which thread of several did it.
    pub thread: Option<u32>,
    /// What was asked of the table.
    pub operation: String,
    /// The key, escaped and shortened.
    pub key: Option<String>,
    /// What the model says.
    pub expected: String,
    /// What the table did.
    pub got: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.operation)?;
        if let Some(key) = &self.key {
            write!(f, " of key {key}")?;
        }
        if let Some(step) = self.step {
            write!(f, " at step {step}")?;
        }
        if let Some(thread) = self.thread {
            write!(f, " of thread {thread}")?;
        }
        write!(f, ": expected {}, got {}", self.expected, self.got)
    }
}

impl std::error::Error for Failure {}

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

/// An expectation that was not met, before it is known by which operation.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    expected: String,
    got: String,
}

impl Wrong {
    fn new(expected: &str, got: &str) -> Wrong {
        Wrong {
            expected: expected.to_owned(),
            got: got.to_owned(),
        }
    }

    /// The failure of something that is not one of a sequence of steps.
    fn during(self, operation: &str) -> Failure {
        Failure {
            step: None,
            thread: None,
            operation: operation.to_owned(),
            key: None,
            expected: self.expected,
            got: self.got,
        }
    }
}

/// Demands that the table did what the model says.
fn expect<T: PartialEq + fmt::Debug>(expected: &T, got: &T) -> Result<(), Wrong> {
    if expected == got {
        return Ok(());
    }
    Err(Wrong::new(&format!("{expected:?}"), &format!("{got:?}")))
}

/// Does a part of a check, and turns a panic inside the table into what went wrong.
///
/// What a panic may leave inconsistent is the table and the model, and after it neither is used but
/// to be dropped.
fn caught<T>(work: impl FnOnce() -> Result<T, Wrong>) -> Result<T, Wrong> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(payload.as_ref())))
}

fn panicked(payload: &(dyn Any + Send)) -> Wrong {
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied());
    let message = message.unwrap_or("without a message");
    Wrong::new("no panic", &format!("the panic '{message}'"))
}

/// [`caught`] for a whole check: opening, dropping and what else is not a step.
fn caught_whole<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(panicked(payload.as_ref()).during("opening or closing")))
}

/// Opens a table for a check, with a journal that is not read.
fn open(kind: &Kind, params: &Params, env: &Env) -> Result<Box<dyn ErasedTable>, Failure> {
    let env = Env {
        journal: std::sync::Arc::new(crate::base::Journal::new(0)),
        ..env.clone()
    };
    (kind.open)(params, &env).map_err(|error| Wrong::new("a table", &error.0).during("opening"))
}
