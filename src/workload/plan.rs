//! A workload as data.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{KeyDistribution, Naming, Pace, Size, TraceFacts, TraceSource};
use crate::base::{
    BadInput, Between, ByteCount, Nanoseconds, Percent, Weight, asked_in_words, counted, one_of,
};

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
    /// What the records' keys look like.
    #[serde(default, skip_serializing_if = "Naming::is_ycsb")]
    pub corpus: Naming,
    /// Bytes of a key; `None` has the keys of YCSB, `user` and up to twenty digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Size>,
    /// Bytes of a value.
    #[serde(default = "default_value")]
    pub value: Size,
    /// Whether each write draws the size of its value anew; otherwise a record has one size for
    /// ever. A trace says its sizes itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resize_values: bool,
    /// How often each operation occurs.
    pub mix: Mix,
    /// Gets, or plain sets, that follow each other and are handed to the table at a time: 1 calls `get` and `set`,
    /// more go through `get_many` and `set_many`.
    #[serde(default = "default_batch")]
    pub batch: u32,
    /// Connections to a server, over all threads; 0 for one a thread. A table in process has none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub connections: u32,
    /// Requests that a connection sends together, before it waits for their answers.
    #[serde(default = "default_batch", skip_serializing_if = "is_one")]
    pub depth: u32,
    /// What stands between two operations of a thread, or between two batches.
    #[serde(default)]
    pub between: Between,
    /// Of the gets, the share whose keys were never stored. Such keys look like the others and are as popular
    /// among each other.
    #[serde(default, skip_serializing_if = "Percent::is_zero")]
    pub absent: Percent,
    /// Whether all `entries` are in the table before the clock starts.
    pub prefill: bool,
    /// What a client does about a miss.
    #[serde(default)]
    pub on_miss: OnMiss,
    /// Operations in one pass, over all threads, where a trial is one pass over a fresh table;
    /// `None` means `entries`. Ignored by workloads that keep the key set and by traces.
    pub ops: Option<u64>,
    /// Fill points of a growing table: a pass alternates between inserts, which bring the table from one point to
    /// the next, and as many lookups of what is there, which alone are the cell's rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<u32>,
    /// A recorded trace to replay instead of drawing keys.
    pub trace: Option<TraceSource>,
    /// Whether every operation is clocked, for the longest one and for memory over time; only where
    /// a trial is one pass. The clock is part of such rates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clocked: bool,
    /// The most bytes that the table may hold, by its own account; entries are evicted to keep to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<ByteCount>,
    /// Where misses go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// When operations are to begin; otherwise one begins when the last one has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

/// The original source that a miss goes to: what it costs is stated, not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// How long it takes to answer.
    pub latency: Nanoseconds,
}

/// Weights of the operations; they need not add up to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Looks a record up.
    #[serde(deserialize_with = "one_of::<Weight, u32, _>")]
    pub get: u32,
    /// Overwrites a record.
    #[serde(deserialize_with = "one_of::<Weight, u32, _>")]
    pub set: u32,
    /// Adds a record with a key that is not in the table.
    #[serde(deserialize_with = "one_of::<Weight, u32, _>")]
    pub insert: u32,
    /// Reads a record and writes it back changed, as one atomic step.
    #[serde(deserialize_with = "one_of::<Weight, u32, _>")]
    pub rmw: u32,
    /// Sets a record's value if it has none.
    #[serde(
        deserialize_with = "one_of::<Weight, u32, _>",
        skip_serializing_if = "is_zero"
    )]
    pub add: u32,
    /// Takes out a record that only this thread knows: of those put aside in the prefill, then of
    /// its own inserts, the oldest first. Where there is none it inserts one.
    #[serde(
        deserialize_with = "one_of::<Weight, u32, _>",
        skip_serializing_if = "is_zero"
    )]
    pub remove: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(weight: &u32) -> bool {
    *weight == 0
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

fn default_value() -> Size {
    Size::Fixed(100)
}

fn default_batch() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

impl Workload {
    /// The workload that replays a trace of `requests` requests (from
    /// [`TraceFacts`](super::TraceFacts)) from an empty table. A get fills on a miss where the format
    /// says so, as those without writes do. Values have 100 bytes where the trace does not say. It is named after the file.
    #[must_use]
    pub fn replay(source: TraceSource, requests: u64, batch: u32) -> Workload {
        let fills = source.holds().map_or(true, |holds| holds.fills);
        Workload {
            name: source.name(),
            entries: 0,
            keys: KeyDistribution::Sequential,
            corpus: Naming::Ycsb,
            key: None,
            value: default_value(),
            resize_values: false,
            mix: Mix {
                get: 100,
                ..Mix::default()
            },
            batch,
            connections: 0,
            depth: 1,
            between: Between::default(),
            absent: Percent::ZERO,
            prefill: false,
            on_miss: if fills { OnMiss::Fill } else { OnMiss::Nothing },
            ops: Some(requests),
            points: None,
            trace: Some(source),
            clocked: false,
            budget: None,
            origin: None,
            pace: None,
        }
    }

    /// The same at a pace, which its name then tells.
    ///
    /// # Errors
    /// A pace that this workload cannot keep.
    pub fn at_pace(mut self, pace: Pace) -> Result<Workload, BadInput> {
        self.pace = Some(pace);
        self.name = format!("{}@{pace}", self.name);
        self.check()?;
        Ok(self)
    }

    /// Its name without its pace, which the workloads of a sweep over rates share.
    #[must_use]
    pub fn sweep_name(&self) -> String {
        match self.pace {
            Some(pace) => self.name.replacen(&format!("@{pace}"), "", 1),
            None => self.name.clone(),
        }
    }

    /// Changes the number of records. `ops`, where given, grows or shrinks with it.
    pub fn resize(&mut self, entries: u64) {
        if let Some(ops) = &mut self.ops
            && self.entries > 0
            && self.trace.is_none()
        {
            let scaled = u128::from(*ops) * u128::from(entries) / u128::from(self.entries);
            *ops = u64::try_from(scaled).unwrap_or(u64::MAX).max(1);
        }
        self.entries = entries;
    }

    /// The same with other keys, which its name then tells.
    ///
    /// # Errors
    /// A corpus that has fewer keys than there are records, or a trace, which has its own.
    pub fn with_corpus(mut self, corpus: Naming) -> Result<Workload, BadInput> {
        self.corpus = corpus;
        if !corpus.is_ycsb() {
            self.name = format!("{} ({corpus})", self.name);
        }
        self.check()?;
        Ok(self)
    }

    /// The same with such a share of absent keys, which its name then tells.
    ///
    /// # Errors
    /// A workload without lookups, or whose lookups store what they miss; a trace.
    pub fn with_absent(mut self, absent: Percent) -> Result<Workload, BadInput> {
        self.absent = absent;
        if !absent.is_zero() {
            self.name += &absent_suffix(absent);
        }
        self.check()?;
        Ok(self)
    }

    /// Whether operations leave the set of keys as the prefill made it, so that a built table can
    /// be used for any number of trials. Otherwise a trial is one pass from a fresh table; so it is
    /// with a budget, which takes keys out.
    #[must_use]
    pub fn keeps_key_set(&self) -> bool {
        self.trace.is_none()
            && self.prefill
            && self.mix.insert == 0
            && self.mix.remove == 0
            && self.on_miss == OnMiss::Nothing
            && self.budget.is_none()
    }

    /// How many of the prefilled records, the last ones, are put aside for removes: as many as the
    /// removes exceed the inserts by, and five deviations of that difference. No other operation
    /// picks them, so that its outcome is known; at most half of all.
    pub(super) fn put_aside(&self) -> u64 {
        if self.mix.remove == 0 {
            return 0;
        }
        let share = |weight: u32| f64::from(weight) / self.mix.total() as f64;
        let (out, back) = (share(self.mix.remove), share(self.mix.insert));
        let ops = self.ops.unwrap_or(self.entries) as f64;
        let wanted = ops * (out - back).max(0.0) + 5.0 * libm::sqrt(ops * (out + back));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts saturate"
        )]
        let wanted = wanted.ceil() as u64;
        wanted.min(self.entries / 2)
    }

    /// Bytes to plan for in an entry's key and value.
    #[must_use]
    pub fn planned_bytes(&self, trace: Option<&TraceFacts>) -> u64 {
        let value = u64::from(self.value.planned());
        match (trace, &self.key) {
            (Some(facts), _) if facts.max_value_len.is_some() => {
                let values = facts.distinct_value_bytes.div_ceil(facts.distinct.max(1));
                u64::from(facts.max_key_len) + values
            }
            (Some(facts), _) => u64::from(facts.max_key_len) + value,
            (None, Some(key)) => u64::from(key.planned().max(24)) + value,
            (None, None) => 24 + value,
        }
    }

    /// The first record that an insert adds, over all threads: the one after the records that
    /// other operations may put in.
    pub(super) fn first_insert(&self) -> u64 {
        let sets = self.mix.set > 0 || self.mix.add > 0;
        let others_put_in = self.prefill || sets || self.on_miss == OnMiss::Fill;
        if others_put_in { self.entries } else { 0 }
    }

    /// Records that have keys: those of the start, those that inserts add, and as many again that are never
    /// stored where some lookups are of absent keys.
    pub(super) fn records(&self) -> u64 {
        let stored = self.stored();
        if self.absent.is_zero() {
            stored
        } else {
            stored.saturating_mul(2)
        }
    }

    /// Records that may be in the table: those of the start and those that inserts add. The absent counterpart
    /// of a record has its number and this added.
    pub(super) fn stored(&self) -> u64 {
        let inserted = if self.mix.insert > 0 {
            self.ops.unwrap_or(self.entries)
        } else {
            0
        };
        self.entries.saturating_add(inserted)
    }

    /// The workload in one line for people, such as
    /// `zipfian 0.99 over 100000 records, 50 get 50 set, values 100 B`.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = String::new();
        if let Some(trace) = &self.trace {
            let _ = write!(text, "trace {} ({})", self.name, trace.format);
            if let Some(requests) = self.ops {
                let _ = write!(text, ", {}", counted(requests, "request"));
            }
        } else {
            let records = counted(self.entries, "record");
            let _ = write!(text, "{} over {records}, ", self.keys);
            text.push_str(&self.mix.words());
        }
        if !self.corpus.is_ycsb() {
            let _ = write!(text, ", keys {}", self.corpus);
        }
        if let Some(key) = &self.key {
            let _ = write!(text, ", keys {key}");
        }
        let holds = self.trace.as_ref().map(TraceSource::holds);
        if matches!(holds, Some(Ok(holds)) if holds.sizes) {
            text.push_str(", values as large as it says");
        } else {
            let _ = write!(text, ", values {}", self.value);
        }
        if self.resize_values {
            text.push_str(", resized by each write");
        }
        if !self.absent.is_zero() {
            let _ = write!(text, ", {} of lookups for absent keys", self.absent);
        }
        if !self.prefill {
            text.push_str(", from empty");
        }
        if let Some(points) = self.points {
            let _ = write!(text, ", lookups at {points} fill points");
        }
        if self.on_miss == OnMiss::Fill {
            text.push_str(", a miss fills");
        }
        if self.trace.is_none()
            && !self.keeps_key_set()
            && let Some(ops) = self.ops
        {
            let _ = write!(text, ", {}", counted(ops, "operation"));
        }
        if self.batch > 1 {
            let _ = write!(text, ", batches of {}", self.batch);
        }
        text += &asked_in_words(self.connections, self.depth);
        let _ = write!(text, ", {}", self.between.words());
        if self.clocked {
            text.push_str(", every operation clocked");
        }
        match self.pace {
            Some(Pace::Rate { per_s, arrival }) => {
                let _ = write!(text, ", {per_s} operations/s at {} times", arrival.word());
            }
            Some(Pace::Trace { speed }) => {
                let _ = write!(text, ", {speed}× as fast as recorded");
            }
            None => {}
        }
        if let Some(budget) = self.budget {
            let _ = write!(text, ", at most {budget} bytes");
        }
        if let Some(origin) = self.origin {
            let _ = write!(text, ", a miss costs {}", origin.latency);
        }
        text
    }
}

/// What the name of a workload with absent keys ends with: ` (50 % absent)`.
#[must_use]
pub fn absent_suffix(absent: Percent) -> String {
    format!(" ({absent} absent)")
}

impl Mix {
    /// The operations that occur, each with its weight: `50 get 50 set`.
    fn words(&self) -> String {
        let weights = [
            (self.get, "get"),
            (self.set, "set"),
            (self.insert, "insert"),
            (self.rmw, "rmw"),
            (self.add, "add"),
            (self.remove, "remove"),
        ];
        let words: Vec<String> = weights
            .into_iter()
            .filter(|(weight, _)| *weight > 0)
            .map(|(weight, name)| format!("{weight} {name}"))
            .collect();
        words.join(" ")
    }

    /// The sum of the weights.
    #[must_use]
    pub fn total(&self) -> u64 {
        [
            self.get,
            self.set,
            self.insert,
            self.rmw,
            self.add,
            self.remove,
        ]
        .into_iter()
        .map(u64::from)
        .sum()
    }
}
