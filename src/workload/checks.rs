//! Which settings of a workload are refused, and why.

use super::plan::{Mix, OnMiss, Workload};
use super::{KeyDistribution, Pace, TraceSource};
use crate::base::{BadInput, ByteCount, counted};

/// How many records a workload may number, prefilled and inserted ones together: just below 2^32,
/// up to where keys are known to differ.
const RECORDS_MAX: u64 = (1 << 32) - (1 << 16);

/// The most requests that a connection sends together.
const MOST_DEPTH: u32 = 4096;

/// The most connections to a server.
const MOST_CONNECTIONS: u32 = 20_000;

/// The most fill points of a growing table.
const MOST_POINTS: u32 = 1000;

impl Workload {
    /// Checks what the types cannot.
    ///
    /// # Errors
    /// Names the field and what would be valid.
    pub fn check(&self) -> Result<(), BadInput> {
        let named = |e: BadInput| BadInput(format!("workload '{}': {e}", self.name));
        if self.batch == 0 || self.batch > 4096 {
            let why = format!("batch = {} is not valid: 1 to 4096", self.batch);
            return Err(named(BadInput(why)));
        }
        if self.depth == 0 || self.depth > MOST_DEPTH {
            let why = format!("depth = {} is not valid: 1 to {MOST_DEPTH}", self.depth);
            return Err(named(BadInput(why)));
        }
        if self.connections > MOST_CONNECTIONS {
            let why = format!(
                "connections = {} is not valid: at most {MOST_CONNECTIONS}",
                self.connections
            );
            return Err(named(BadInput(why)));
        }
        self.check_absent().map_err(named)?;
        self.check_points().map_err(named)?;
        if self.budget == Some(ByteCount(0)) {
            return Err(named(BadInput(
                "budget = 0 is not valid: at least 1".into(),
            )));
        }
        self.value.check().map_err(named)?;
        if self.clocked && (self.keeps_key_set() || self.batch > 1) {
            let why = "clocked = true is not valid: only for single operations that change the set of \
                       keys, where a trial is one pass";
            return Err(named(BadInput(why.into())));
        }
        self.check_pace().map_err(named)?;
        if let Some(key) = &self.key {
            key.check_key().map_err(named)?;
        }
        match &self.trace {
            Some(trace) => self.check_replay(trace).map_err(named),
            None => self.check_drawn().map_err(named),
        }
    }

    fn check_points(&self) -> Result<(), BadInput> {
        let Some(points) = self.points else {
            return Ok(());
        };
        let halves = Mix {
            get: self.mix.get,
            insert: self.mix.get,
            ..Mix::default()
        };
        let why = if points == 0 || points > MOST_POINTS {
            format!("1 to {MOST_POINTS}")
        } else if self.trace.is_some() || self.prefill || self.mix != halves {
            "only for a table that grows from empty, prefill = false, with as many gets as inserts and nothing \
             else"
                .to_owned()
        } else if self.keys != KeyDistribution::Uniform || self.on_miss == OnMiss::Fill {
            "lookups are uniform over what was inserted, and fill nothing".to_owned()
        } else if self.pace.is_some() || self.clocked || self.budget.is_some() {
            "not with a pace, a clock around each operation or a budget".to_owned()
        } else {
            return Ok(());
        };
        Err(BadInput(format!("points = {points} is not valid: {why}")))
    }

    fn check_absent(&self) -> Result<(), BadInput> {
        if self.absent.is_zero() {
            return Ok(());
        }
        let why = if self.trace.is_some() {
            "a trace has its own keys"
        } else if self.mix.get == 0 {
            "the mix has no get that could look for an absent key"
        } else if self.on_miss == OnMiss::Fill {
            "on_miss = \"fill\" would store what is to stay absent"
        } else if self.records() > RECORDS_MAX {
            "there are not enough keys: at most 2^31 records, inserts included"
        } else {
            return Ok(());
        };
        let absent = self.absent;
        Err(BadInput(format!(
            "absent = \"{absent}\" is not valid: {why}"
        )))
    }

    fn check_pace(&self) -> Result<(), BadInput> {
        let Some(pace) = self.pace else {
            return Ok(());
        };
        pace.check()?;
        let bad = |why: String| Err(BadInput(why));
        if self.batch > 1 {
            let batch = self.batch;
            return bad(format!(
                "batch = {batch} is not valid with a pace: each operation has its own start time; \
                 give batch = 1"
            ));
        }
        if self.clocked {
            return bad(
                "clocked = true is not valid with a pace, which times every operation \
                        already"
                    .into(),
            );
        }
        let Pace::Trace { .. } = pace else {
            return Ok(());
        };
        match &self.trace {
            None => bad("speed is not valid: only a trace has times; give a rate".into()),
            Some(trace) if !trace.holds()?.times => bad(format!(
                "speed is not valid: traces in format {} have no times; give a rate",
                trace.format
            )),
            Some(_) => Ok(()),
        }
    }

    fn check_replay(&self, trace: &TraceSource) -> Result<(), BadInput> {
        let holds = trace.holds()?;
        let bad = |why: String| Err(BadInput(why));
        if self.entries != 0 {
            let entries = self.entries;
            return bad(format!(
                "entries = {entries} is not valid: a trace has its own keys; leave entries out"
            ));
        }
        if !self.corpus.is_ycsb() {
            let corpus = self.corpus;
            return bad(format!(
                "corpus = \"{corpus}\" is not valid: a trace has its own keys"
            ));
        }
        if self.key.is_some() || self.resize_values {
            return bad("key and resize_values are not valid: a trace has its own sizes".into());
        }
        if self.prefill {
            return bad("prefill = true is not valid: a trace starts from an empty table".into());
        }
        if self.on_miss != OnMiss::Fill && !holds.writes {
            return bad(format!(
                "on_miss = \"nothing\" is not valid: a trace in format {} has no writes and fills \
                 on a miss",
                trace.format
            ));
        }
        Ok(())
    }

    fn check_drawn(&self) -> Result<(), BadInput> {
        let bad = |why: String| Err(BadInput(why));
        let (entries, mix) = (self.entries, &self.mix);
        if entries == 0 || entries > RECORDS_MAX {
            return bad(format!(
                "entries = {entries} is not valid: 1 to {RECORDS_MAX}"
            ));
        }
        let most = self.corpus.most();
        if self.records() > most {
            let twice = if self.absent.is_zero() {
                ""
            } else {
                ", and each record has an absent one beside it"
            };
            return bad(format!(
                "entries = {entries} is not valid: corpus {} has {most} keys{twice}",
                self.corpus
            ));
        }
        if self.key.is_some() && !self.corpus.is_ycsb() {
            return bad(format!(
                "key is not valid with corpus = \"{}\", whose keys have sizes of their own",
                self.corpus
            ));
        }
        if mix.total() == 0 {
            return bad(
                "the mix is empty: give at least one of get, set, insert, rmw, add, remove".into(),
            );
        }
        if mix.remove > 0 && !self.prefill {
            return bad(
                "prefill = false is not valid with remove: there must be a record to take out"
                    .into(),
            );
        }
        if mix.remove > 0 && matches!(self.keys, KeyDistribution::Latest { .. }) {
            return bad(
                "latest is not valid with remove: it reads the inserts that removes take out"
                    .into(),
            );
        }
        if self.ops == Some(0) {
            return bad("ops = 0 is not valid: at least 1".into());
        }
        if mix.insert > 0 || mix.remove > 0 {
            // As if every operation were an insert: an upper bound.
            let ops = self.ops.unwrap_or(entries);
            let most = RECORDS_MAX - self.first_insert();
            if ops > most {
                return bad(format!(
                    "ops = {ops} is not valid: at most {most}, for the inserts to stay below \
                     {RECORDS_MAX} records"
                ));
            }
        }
        if self.on_miss == OnMiss::Fill && mix.get == 0 {
            return bad("on_miss = \"fill\" is not valid: the mix has no get to miss".into());
        }
        if !self.prefill && mix.rmw > 0 {
            return bad(
                "prefill = false is not valid with rmw: there must be a record to read".into(),
            );
        }
        if !self.prefill && matches!(self.keys, KeyDistribution::Latest { .. }) {
            return bad(
                "prefill = false is not valid with latest: there must be a latest record".into(),
            );
        }
        self.keys.check(entries - self.put_aside())
    }

    /// Checks what depends on the number of threads.
    pub(super) fn check_threads(&self, threads: u32) -> Result<(), BadInput> {
        let Mix {
            get, set, rmw, add, ..
        } = self.mix;
        let picks = get > 0 || set > 0 || rmw > 0 || add > 0;
        let sequential = self.keys == KeyDistribution::Sequential;
        let ops = self.ops.unwrap_or(self.entries) / u64::from(threads);
        if let Some(points) = self.points
            && ops < 2 * u64::from(points)
        {
            return Err(BadInput(format!(
                "workload '{}': points = {points} is not valid with {}: each needs {} operations, and has {ops}",
                self.name,
                counted(threads.into(), "thread"),
                2 * points
            )));
        }
        if sequential && picks && self.entries - self.put_aside() < u64::from(threads) {
            return Err(BadInput(format!(
                "workload '{}': entries = {} is not valid with {}: sequential keys need a record a thread",
                self.name,
                self.entries,
                counted(threads.into(), "thread")
            )));
        }
        Ok(())
    }
}
