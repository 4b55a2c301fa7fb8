//! Suites: TOML files of workloads × targets.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::limit::Slo;
pub use super::shelf::SUITES;
use crate::base::{
    BadInput, Between, ByteCount, Milliseconds, Percent, Seconds, list, one, one_of, some,
    some_list, some_of, some_percentage, texts, unknown_name,
};
use crate::machine::{Allocator, Pages};
use crate::workload::{
    KeyDistribution, Mix, Naming, OnMiss, Origin, Oversize, PRESETS, Pacing, Size, TraceSource,
    Workload, find_preset,
};

/// What a suite file may have, as a JSON schema (draft 2020-12), for editors.
pub const SUITE_SCHEMA: &str = include_str!("suite.schema.json");

/// The suite that runs when none is named.
pub const DEFAULT_SUITE: &str = "quick";

/// The contents of a suite file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// Its name, in every row.
    pub name: String,
    /// One sentence for `list`.
    pub about: String,
    /// A paragraph for the report: what the suite asks and how to read its answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub analysis: String,
    /// What the findings of its report begin with, in this order: topics, as `--format json` names them,
    /// `A / B`, two strategies to be set against each other, and `PARAM=`, what its values cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
    /// Records in each workload's key space; a preset's own number otherwise.
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub entries: Option<u64>,
    /// Seed of everything that is drawn.
    #[serde(default = "one_u64", deserialize_with = "one")]
    pub seed: u64,
    /// Hash functions; each target is measured under each.
    #[serde(default = "default_hash", deserialize_with = "list")]
    pub hash: Vec<String>,
    /// Allocators; each target is measured with each.
    #[serde(
        default = "default_allocator",
        deserialize_with = "list",
        skip_serializing_if = "is_default_allocator"
    )]
    pub allocator: Vec<Allocator>,
    /// Page modes; each target is measured in each.
    #[serde(
        default = "default_pages",
        deserialize_with = "list",
        skip_serializing_if = "is_default_pages"
    )]
    pub pages: Vec<Pages>,
    /// Thread counts; each workload is measured under each.
    #[serde(default = "one_thread", deserialize_with = "list")]
    pub threads: Vec<u32>,
    /// Gets, or plain sets, handed over at a time; a preset's own number otherwise.
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub batch: Option<u32>,
    /// Connections to a server, over all threads: at least one a thread. One a thread otherwise.
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub connections: Option<u32>,
    /// Requests that a connection to a server sends together; 1 otherwise.
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub depth: Option<u32>,
    /// What stands between two operations of a thread: `chained`, `none` or numbers of instructions; each
    /// workload is measured with each. A preset's own, which is `chained`, otherwise.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub between: Option<Vec<Between>>,
    /// Time for a panel's slices (a bare number is seconds); 1.6 s for each of its cells otherwise.
    #[serde(
        default,
        deserialize_with = "some_of::<Seconds, f64, _>",
        alias = "time",
        skip_serializing_if = "Option::is_none"
    )]
    pub time_s: Option<f64>,
    /// Trials of each cell; as many as the time allows otherwise.
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub trials: Option<u32>,
    /// How well each ratio to the baseline is to be known, in per cent: a panel goes on until its
    /// intervals are as narrow as that, or `max_time_s` is spent.
    #[serde(
        default,
        deserialize_with = "some_percentage",
        skip_serializing_if = "Option::is_none"
    )]
    pub precision_percent: Option<f64>,
    /// The most time for a panel's slices where a precision is asked for, in seconds; ten times its
    /// `time_s` otherwise.
    #[serde(
        default,
        deserialize_with = "some_of::<Seconds, f64, _>",
        alias = "max_time",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_time_s: Option<f64>,
    /// Length of a slice that is cut by time, in milliseconds.
    #[serde(
        default = "default_slice_ms",
        alias = "slice",
        deserialize_with = "one_of::<Milliseconds, u64, _>"
    )]
    pub slice_ms: u64,
    /// Whether broken lines of traces are left out and counted; otherwise the first one ends the run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
    /// What becomes of a trace's values over the item limit.
    #[serde(default, skip_serializing_if = "Oversize::is_error")]
    pub oversize: Oversize,
    /// Whether each birth has a slice of latencies too, in a closed loop: service times, sampled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub latency: bool,
    /// Instead of measuring at a rate, search for the highest one that keeps this limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo: Option<Slo>,
    /// Where the trace is that groups name as the workload `trace`: the first of these that is there,
    /// each `FILE` or `FILE:FORMAT`, from the directory of the suite's file (of a built-in suite: from
    /// the current one). `--trace` goes before them.
    #[serde(
        default,
        deserialize_with = "texts",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub trace: Vec<String>,
    /// Workloads of the suite's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workload: BTreeMap<String, Custom>,
    /// What is measured.
    pub group: Vec<Group>,
}

/// Workloads × targets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Names of presets or of the suite's own workloads, or `trace`.
    #[serde(deserialize_with = "texts")]
    pub workloads: Vec<String>,
    /// Targets; values may be sweeps, and a text may name several with commas between.
    #[serde(deserialize_with = "texts")]
    pub targets: Vec<String>,
    /// Thread counts of this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub threads: Option<Vec<u32>>,
    /// Hash functions of this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub hash: Option<Vec<String>>,
    /// Allocators of this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub allocator: Option<Vec<Allocator>>,
    /// Page modes of this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub pages: Option<Vec<Pages>>,
    /// Records of this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub entries: Option<Vec<u64>>,
    /// Batch sizes of this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub batch: Option<Vec<u32>>,
    /// Numbers of connections to a server, in this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub connections: Option<Vec<u32>>,
    /// Requests that a connection to a server sends together, in this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub depth: Option<Vec<u32>>,
    /// What stands between two operations, in this group.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub between: Option<Vec<Between>>,
    /// Shares of the gets whose keys were never stored (`"50%"`); each workload is measured with each.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub absent: Option<Vec<Percent>>,
    /// What keys look like, as `Workload::corpus` has it; each workload is measured with each.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub corpus: Option<Vec<Naming>>,
    /// Budgets of this group: each workload is measured under each.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub budget: Option<Vec<ByteCount>>,
    /// Where misses go in this group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// When operations are to begin, for all workloads of this group; with several rates, each
    /// workload is measured at each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pacing>,
    /// Time for the slices of each panel of this group, instead of the suite's.
    #[serde(
        default,
        deserialize_with = "some_of::<Seconds, f64, _>",
        alias = "time",
        skip_serializing_if = "Option::is_none"
    )]
    pub time_s: Option<f64>,
    /// See [`Suite::slo`]; for this group alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slo: Option<Slo>,
    /// See [`Suite::latency`]; for this group alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub latency: bool,
}

/// A workload of a suite's own: a preset with changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custom {
    /// The preset to start from.
    pub base: String,
    /// See [`Workload::entries`].
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub entries: Option<u64>,
    /// See [`Workload::keys`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeyDistribution>,
    /// See [`Workload::corpus`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<Naming>,
    /// See [`Workload::key`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Size>,
    /// See [`Workload::value`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Size>,
    /// See [`Workload::resize_values`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize_values: Option<bool>,
    /// See [`Workload::mix`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mix: Option<Mix>,
    /// See [`Workload::batch`].
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub batch: Option<u32>,
    /// See [`Workload::connections`].
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub connections: Option<u32>,
    /// See [`Workload::depth`].
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub depth: Option<u32>,
    /// See [`Workload::between`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<Between>,
    /// See [`Workload::absent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<Percent>,
    /// See [`Workload::prefill`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefill: Option<bool>,
    /// See [`Workload::on_miss`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_miss: Option<OnMiss>,
    /// See [`Workload::ops`].
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub ops: Option<u64>,
    /// See [`Workload::points`].
    #[serde(
        default,
        deserialize_with = "some",
        skip_serializing_if = "Option::is_none"
    )]
    pub points: Option<u32>,
    /// See [`Workload::clocked`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clocked: Option<bool>,
    /// See [`Workload::budget`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<ByteCount>,
    /// See [`Workload::origin`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// When operations are to begin; a group's own goes before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pacing>,
}

fn one_u64() -> u64 {
    1
}

fn one_thread() -> Vec<u32> {
    vec![1]
}

fn default_hash() -> Vec<String> {
    vec!["sip13".to_owned()]
}

fn default_allocator() -> Vec<Allocator> {
    vec![Allocator::default()]
}

fn is_default_allocator(allocators: &[Allocator]) -> bool {
    allocators == default_allocator()
}

fn default_pages() -> Vec<Pages> {
    vec![Pages::default()]
}

fn is_default_pages(pages: &[Pages]) -> bool {
    pages == default_pages()
}

fn default_slice_ms() -> u64 {
    10
}

impl Suite {
    /// Finds a suite: a built-in name, or a path that ends in `.toml`.
    ///
    /// # Errors
    /// An unknown name, an unreadable file, or what is wrong in it with its line.
    pub fn load(name: &str) -> Result<Suite, BadInput> {
        if let Some((_, text)) = SUITES.iter().find(|(known, _)| *known == name) {
            return Suite::parse(name, text);
        }
        let is_path = Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "toml");
        if !is_path {
            if find_preset(name).is_ok() {
                return Err(BadInput(format!(
                    "'{name}' is a workload, not a suite: run it with `bucketlab run -w {name}`"
                )));
            }
            let error = unknown_name("suite", name, SUITES.iter().map(|(known, _)| *known));
            return Err(BadInput(format!("{error}; or the path of a .toml file")));
        }
        let text = std::fs::read_to_string(name)
            .map_err(|error| BadInput(format!("suite '{name}' cannot be read: {error}")))?;
        let mut suite = Suite::parse(name, &text)?;
        let directory = Path::new(name).parent().unwrap_or(Path::new(""));
        for trace in &mut suite.trace {
            *trace = directory.join(&*trace).to_string_lossy().into_owned();
        }
        Ok(suite)
    }

    fn parse(place: &str, text: &str) -> Result<Suite, BadInput> {
        let suite: Suite = toml::from_str(text)
            .map_err(|error| BadInput(format!("suite '{place}': {}", error.to_string().trim())))?;
        let named = !suite.name.is_empty()
            && suite
                .name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && !suite.name.starts_with('.');
        if !named {
            return Err(BadInput(format!(
                "suite '{place}': name '{}' is not valid: letters, digits, '-', '_' and '.'",
                suite.name
            )));
        }
        Ok(suite)
    }

    /// The workload that a group names, with the suite's entries and batch applied.
    ///
    /// # Errors
    /// An unknown name, or values that are not valid.
    pub fn workload(
        &self,
        name: &str,
        entries: Option<u64>,
        batch: Option<u32>,
    ) -> Result<Workload, BadInput> {
        let own_trace = match name {
            "trace" if !self.trace.is_empty() => Some(self.find_trace()?),
            _ => None,
        };
        if let Some(trace) = own_trace.or_else(|| name.strip_prefix("trace=")) {
            // The number of requests is known once the trace has been read.
            let batch = batch.or(self.batch).unwrap_or(1);
            let mut source = TraceSource::parse(trace, self.lenient)?;
            source.oversize = self.oversize;
            let workload = Workload::replay(source, 0, batch);
            workload.check()?;
            return Ok(workload);
        }
        let mut workload = match self.workload.get(name) {
            Some(custom) => custom.build(name)?,
            None => (find_preset(name)
                .map_err(|error| self.unknown_workload(name, error))?
                .build)(),
        };
        let own_entries = self.workload.get(name).and_then(|custom| custom.entries);
        let suite_entries = if own_entries.is_some() {
            None
        } else {
            self.entries
        };
        if let Some(entries) = entries.or(suite_entries) {
            workload.resize(entries);
        }
        workload.batch = batch.or(self.batch).unwrap_or(workload.batch);
        workload.check()?;
        Ok(workload)
    }

    /// The first of the suite's traces that is there, in a format that is known.
    fn find_trace(&self) -> Result<&str, BadInput> {
        let is_there = |text: &&String| {
            TraceSource::parse(text, false).is_ok_and(|source| source.path.exists())
        };
        let found = self.trace.iter().find(is_there);
        found.map(String::as_str).ok_or_else(|| {
            BadInput(format!(
                "suite '{}': its trace does not exist (looked for {}); give another with --trace \
                 FILE[:FORMAT]",
                self.name,
                self.trace.join(" and ")
            ))
        })
    }

    /// The suite's own workloads belong in the list of what would be valid.
    fn unknown_workload(&self, name: &str, error: BadInput) -> BadInput {
        if SUITES.iter().any(|(suite, _)| *suite == name) {
            return BadInput(format!(
                "'{name}' is a suite, not a workload: run it with `bucketlab run {name}`"
            ));
        }
        if self.workload.is_empty() || !error.0.starts_with("unknown") {
            return error;
        }
        let own = self.workload.keys().map(String::as_str);
        unknown_name(
            "workload",
            name,
            own.chain(PRESETS.iter().map(|preset| preset.name)),
        )
    }
}

impl Custom {
    fn build(&self, name: &str) -> Result<Workload, BadInput> {
        let mut workload = (find_preset(&self.base)
            .map_err(|error| BadInput(format!("workload '{name}': base: {error}")))?
            .build)();
        name.clone_into(&mut workload.name);
        if let Some(entries) = self.entries {
            workload.resize(entries);
        }
        if let Some(keys) = &self.keys {
            workload.keys = keys.clone();
        }
        workload.corpus = self.corpus.unwrap_or(workload.corpus);
        workload.key = self.key.clone().or(workload.key);
        if let Some(value) = &self.value {
            workload.value = value.clone();
        }
        workload.resize_values = self.resize_values.unwrap_or(workload.resize_values);
        if let Some(mix) = self.mix {
            workload.mix = mix;
        }
        if let Some(batch) = self.batch {
            workload.batch = batch;
        }
        workload.connections = self.connections.unwrap_or(workload.connections);
        workload.depth = self.depth.unwrap_or(workload.depth);
        workload.between = self.between.unwrap_or(workload.between);
        workload.absent = self.absent.unwrap_or(workload.absent);
        if let Some(prefill) = self.prefill {
            workload.prefill = prefill;
        }
        if let Some(on_miss) = self.on_miss {
            workload.on_miss = on_miss;
        }
        workload.ops = self.ops.or(workload.ops);
        workload.points = self.points.or(workload.points);
        workload.clocked = self.clocked.unwrap_or(workload.clocked);
        workload.budget = self.budget.or(workload.budget);
        workload.origin = self.origin.or(workload.origin);
        Ok(workload)
    }
}
