//! What a workload is, as data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{KeyDistribution, Size};
use crate::base::BadInput;

/// Key distribution, sizes, operation mix and prefill; or a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Its name, as rows and charts show it.
    pub name: String,
    /// How many records the key space has at first. 0 for a trace, which brings its own keys.
    pub entries: u64,
    /// Which record an operation picks.
    pub keys: KeyDistribution,
    /// Bytes of a value.
    pub value: Size,
    /// How often each operation occurs.
    pub mix: Mix,
    /// Gets handed to the table at a time: 1 calls `get`, more go through `get_many`.
    pub batch: u32,
    /// Whether all `entries` are in the table before the clock starts.
    pub prefill: bool,
    /// What a client does about a miss.
    pub on_miss: OnMiss,
    /// Operations in one pass, over all threads, where a trial is one pass over a fresh table;
    /// `None` means `entries`. Ignored by workloads that keep the key set and by traces.
    pub ops: Option<u64>,
    /// A recorded trace to replay instead of drawing keys.
    pub trace: Option<TraceSource>,
}

/// Weights of the operations; they need not add up to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Looks a record up.
    pub get: u32,
    /// Overwrites a record.
    pub set: u32,
    /// Adds a record with a key that is not in the table.
    pub insert: u32,
    /// Reads a record and writes it back changed, as one atomic step.
    pub rmw: u32,
}

/// What a client does when a get misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnMiss {
    /// Nothing.
    #[default]
    Nothing,
    /// Goes to its original source and sets the value: the cache-aside loop.
    Fill,
}

/// A trace file and its format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceSource {
    /// Where it is.
    pub path: PathBuf,
    /// One of [`super::FORMATS`].
    pub format: String,
}

impl Workload {
    /// Whether operations leave the set of keys as the prefill made it, so that a built table can
    /// be used for any number of trials. Otherwise a trial is one pass from a fresh table.
    #[must_use]
    pub fn keeps_key_set(&self) -> bool {
        self.trace.is_none()
            && self.prefill
            && self.mix.insert == 0
            && self.on_miss == OnMiss::Nothing
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names the field and what would be valid.
    pub fn check(&self) -> Result<(), BadInput> {
        let bad = |why: String| Err(BadInput(format!("workload '{}': {why}", self.name)));
        if self.batch == 0 || self.batch > 4096 {
            return bad(format!("batch = {} is not valid: 1 to 4096", self.batch));
        }
        self.value
            .check()
            .map_err(|e| BadInput(format!("workload '{}': {e}", self.name)))?;
        if self.trace.is_some() {
            return Ok(());
        }
        if self.entries == 0 {
            return bad("entries = 0 is not valid: at least 1".into());
        }
        if self.entries > u64::from(u32::MAX) {
            return bad(format!(
                "entries = {} is not valid: at most 2^32 - 1",
                self.entries
            ));
        }
        if self.mix.total() == 0 {
            return bad("the mix is empty: give at least one of get, set, insert, rmw".into());
        }
        if self.ops == Some(0) {
            return bad("ops = 0 is not valid: at least 1".into());
        }
        self.keys
            .check()
            .map_err(|e| BadInput(format!("workload '{}': {e}", self.name)))
    }
}

impl Mix {
    /// The sum of the weights.
    #[must_use]
    pub fn total(&self) -> u64 {
        [self.get, self.set, self.insert, self.rmw]
            .into_iter()
            .map(u64::from)
            .sum()
    }
}
