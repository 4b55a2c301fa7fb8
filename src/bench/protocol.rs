//! What the parent and a child say to each other: one JSON document a line.

use serde::{Deserialize, Serialize};

use super::latency::Latencies;
use crate::base::{Census, Event, Value};
use crate::machine::Heap;
use crate::machine::counters::Counts;
use crate::workload::{Pace, Workload};

/// From the parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Open the table and fill it; the first request, answered by [`Reply::Opened`].
    Open(Box<Open>),
    /// Run one slice; answered by [`Reply::Sliced`].
    Slice(SliceOrder),
    /// End the sessions and take the census; answered by [`Reply::Finished`].
    Finish,
    /// After [`Request::Finish`]: open a fresh table for the next pass; answered by
    /// [`Reply::Opened`].
    Renew,
}

impl Request {
    /// What the child does about it, in words: the phase that an error names.
    #[must_use]
    pub fn phase(&self) -> &'static str {
        match self {
            Request::Open(_) | Request::Renew => "filling its table",
            Request::Slice(SliceOrder {
                latency: Some(_), ..
            }) => "measuring latencies",
            Request::Slice(_) => "working in a slice",
            Request::Finish => "counting what the table holds",
        }
    }
}

/// Everything that a child needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// The strategy's name; empty for a server that is none of ours.
    pub strategy: String,
    /// The values of its parameters, in the order in which it declares them.
    pub values: Vec<Value>,
    /// The server that operations go to, as `drive` writes it; `None` for a table in the child itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether a server that holds keys already may be written to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overwrite: bool,
    /// The hash function.
    pub hash: String,
    /// Seed of the hash function.
    pub hash_seed: [u64; 2],
    /// The workload.
    pub workload: Workload,
    /// Threads that work on the table.
    pub threads: u32,
    /// Seed of the streams.
    pub seed: u64,
    /// By how many the cores that threads are pinned to are moved on.
    pub pin_offset: u32,
    /// Keys of the workload that had to be searched for, one a record: a child need not repeat that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub searched: Vec<String>,
    /// The heap that the child was born with.
    pub heap: Heap,
}

/// One slice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceOrder {
    /// Where it ends.
    pub cut: Cut,
    /// Only hash the keys: what the hash alone costs.
    pub hash_only: bool,
    /// Clock every operation: for [`ThreadSlice::longest_ns`] and [`Sliced::rss_bytes`].
    pub clocked: bool,
    /// Measure latencies, for [`ThreadSlice::latencies`]; a part of a pass is then all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<LatencyOrder>,
    /// The core that the only thread moves to first; `None` where threads stay where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<u32>,
}

impl SliceOrder {
    /// A slice of throughput.
    #[must_use]
    pub fn of(cut: Cut) -> SliceOrder {
        SliceOrder {
            cut,
            hash_only: false,
            clocked: false,
            latency: None,
            core: None,
        }
    }
}

/// How latencies are measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LatencyOrder {
    /// In an open loop: operations begin at this pace, whatever the table does. What is due when the
    /// time is over is done, for as long again at most.
    Open(Pace),
    /// In a closed loop: every nth operation is clocked.
    Closed {
        /// One in so many; a prime, so that no pattern of the stream is met in step.
        every: u32,
    },
}

/// Where a slice ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// When the time is over.
    Time {
        /// Length in nanoseconds.
        ns: u64,
        /// The first part, left out of rates, in nanoseconds.
        discard_ns: u64,
    },
    /// When this part of the pass is done: the operations from `part / of` to `(part + 1) / of` of
    /// each thread's pass.
    Part {
        /// Which part, from 0.
        part: u32,
        /// How many parts make the pass.
        of: u32,
    },
}

/// From a child.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The table is open and filled.
    Opened(Box<Opened>),
    /// A slice is over.
    Sliced(Sliced),
    /// The sessions are over.
    Finished(Box<Finished>),
    /// This table can give no figures: the reason.
    Failed(String),
}

/// A table that is ready for slices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Opened {
    /// Operations of one pass, over all threads; `None` where slices are cut by time.
    pub pass_ops: Option<u64>,
    /// Entries, memory and structure after the prefill; `None` without one.
    pub filled: Option<(Memory, CensusReply)>,
    /// What a server says of itself; `None` for a table in the child itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerFacts>,
}

/// What is known of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// Its name and version, as it says itself.
    pub version: String,
    /// The command that started it, where it was started here.
    pub command: String,
    /// The processors that it was pinned to, where it was started here.
    pub cpus: String,
}

/// What a slice measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sliced {
    /// One entry a thread.
    pub threads: Vec<ThreadSlice>,
    /// CPU time of the process that none of these threads used, in nanoseconds: a strategy's
    /// helper threads.
    pub helper_cpu_ns: u64,
    /// CPU time of the whole process, in nanoseconds.
    #[serde(default)]
    pub cpu_ns: u64,
    /// Growth of the child's resident memory since before the table was opened, in bytes, at the
    /// end of a clocked slice.
    pub rss_bytes: Option<u64>,
    /// A failed check of an outcome or a value: then there are no figures.
    pub failed: Option<String>,
}

/// What one thread did in a slice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadSlice {
    /// The child's clock at the start, in nanoseconds.
    pub started_ns: u64,
    /// Operations.
    pub ops: u64,
    /// Nanoseconds.
    pub elapsed_ns: u64,
    /// Operations in the first part.
    pub discarded_ops: u64,
    /// Nanoseconds of the first part.
    pub discarded_ns: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Writes that found no room.
    pub refused: u64,
    /// Entries that went to make room, where the table has a budget.
    #[serde(default)]
    pub evicted: u64,
    /// Entries that the thread's operations have added, less those that they have taken away: it stays in the
    /// child, which counts the table's.
    #[serde(skip)]
    pub balance: i64,
    /// CPU time of the thread in the timed loop, in nanoseconds.
    pub cpu_ns: u64,
    /// CPU time that the harness used in this thread around it, in nanoseconds.
    pub harness_cpu_ns: u64,
    /// What hashing the same keys without a lookup took, in nanoseconds: for a control in a pass,
    /// which cannot hash its stream in a slice of its own.
    pub hash_ns: Option<u64>,
    /// The longest operation of a clocked slice: wall time less the thread's run-queue delay, in
    /// nanoseconds.
    pub longest_ns: Option<u64>,
    /// What a slice of latencies measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latencies: Option<Box<Latencies>>,
    /// Nanoseconds in which the thread was ready and had no processor.
    #[serde(default)]
    pub run_queue_ns: Option<u64>,
    /// Times that another thread was put in its place.
    #[serde(default)]
    pub involuntary_switches: u64,
    /// Times that it gave its place up.
    #[serde(default)]
    pub voluntary_switches: u64,
    /// Pages that had to be mapped first.
    #[serde(default)]
    pub page_faults: u64,
    /// Additions in a thousand cycles that the core had left in probes between the operations of a slice of time: fewer where its
    /// other hardware thread works. `None` in other slices, and where the processor counts, as it would count probes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additions_per_kcycle: Option<u64>,
    /// What the processor counted during the operations, discarded ones included; `None` where it
    /// cannot, and in slices of latencies, where the wait for the next operation would count too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

/// The end of the sessions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// Memory now; for a prefilled ring see [`Opened::filled`].
    pub memory: Memory,
    /// The structure now.
    pub census: CensusReply,
    /// Resizes since the table was opened, oldest first.
    pub marks: Vec<Mark>,
    /// Marks that fell out of the journal.
    pub marks_dropped: u64,
}

/// Memory of a child, with the reason where it could not be had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Growth of the resident memory since before the table was opened, in bytes.
    pub rss_bytes: Option<u64>,
    /// The highest such growth while the table was filled.
    pub rss_peak_bytes: Option<u64>,
    /// The growth that is left when all entries of a fill have been removed.
    pub rss_emptied_bytes: Option<u64>,
    /// How much of what the process has added to its memory lies in huge pages after the prefill.
    pub huge_page_bytes: Option<u64>,
    /// Live bytes asked of the allocator by the thread that filled the table.
    pub bytes_counted: Option<u64>,
    /// Why a figure is missing.
    pub reason: String,
}

/// A [`Census`] on its way to the parent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CensusReply {
    /// Entries.
    pub items: u64,
    /// Buckets.
    pub buckets: u64,
    /// Buckets by the length of their chain.
    pub chain_lengths: Vec<u64>,
    /// Bytes of keys, values, headers, bucket array and slack.
    pub bytes: [u64; 5],
}

impl From<Census> for CensusReply {
    fn from(census: Census) -> CensusReply {
        let bytes = census.bytes;
        CensusReply {
            items: census.items,
            buckets: census.buckets,
            chain_lengths: census.chain_lengths,
            bytes: [
                bytes.key,
                bytes.value,
                bytes.header,
                bytes.bucket_array,
                bytes.slack,
            ],
        }
    }
}

/// A resize event on its way to the parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// When, on the child's clock, in nanoseconds.
    pub at_ns: u64,
    /// `begin`, `step` or `end`.
    pub event: String,
    /// Buckets before.
    pub from_buckets: u64,
    /// Buckets after.
    pub to_buckets: u64,
}

impl From<Event> for Mark {
    fn from(event: Event) -> Mark {
        Mark {
            at_ns: event.at_ns,
            event: event.kind.word().to_owned(),
            from_buckets: event.from_buckets,
            to_buckets: event.to_buckets,
        }
    }
}
