//! The columns of the CSV files: integers with their units in the names.
//!
//! An empty field means "not measured", never zero; the reason has a column of its own. Rates are
//! derived when the rows are read.

use serde::{Deserialize, Serialize};

/// Version of the columns. A reader refuses rows of a newer one.
pub const SCHEMA_VERSION: u32 = 5;

/// The oldest version that is read: its rows lack columns that are optional.
pub(super) const OLDEST_VERSION: u32 = 2;

/// A row of `trials.csv`: one trial of one cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrialRow {
    /// [`SCHEMA_VERSION`] when it was written.
    pub schema_version: u32,
    /// The run's identity: the name of its directory.
    pub run_id: String,
    /// The cell: a hash over every parameter, defaults included.
    pub cell_id: String,
    /// The suite that asked for the cell first.
    pub suite: String,
    /// The workload's name.
    pub workload: String,
    /// The target as people read it, defaults left out.
    pub target: String,
    /// Whether this is the second copy of the baseline, the A/A control.
    pub twin: bool,
    /// The hash function.
    pub hash: String,
    /// The allocator of the child.
    pub allocator: String,
    /// The page mode of the child.
    pub pages: String,
    /// Threads that work on the table.
    pub threads: u32,
    /// Gets, or plain sets, handed over at a time.
    pub batch: u32,
    /// What stands between two operations of a thread: `chained`, `none` or a number of instructions.
    pub between: String,
    /// Records in the key space at first.
    pub entries: u64,
    /// Of the lookups, the share whose keys were never stored, in per cent; empty in files from before there
    /// were such.
    #[serde(default)]
    pub absent_percent: Option<u32>,
    /// Connections to a server, over all threads; empty for a table in process, and in files from before there were
    /// servers.
    #[serde(default)]
    pub connections: Option<u32>,
    /// Requests that a connection sends together; empty where `connections` is.
    #[serde(default)]
    pub depth: Option<u32>,
    /// The panel that the cell was measured in.
    pub panel: u32,
    /// Which birth of the cell's child.
    pub birth: u32,
    /// The trial within the cell, from 0.
    pub trial: u32,
    /// Which attempt at this trial, from 0.
    pub attempt: u32,
    /// Seed of the operation streams.
    pub seed: u64,
    /// Slices in the trial.
    pub slices: u32,
    /// Operations, over all threads and slices, discarded ones included.
    pub ops: Option<u64>,
    /// Nanoseconds, summed over threads and slices, discarded ones included.
    pub elapsed_ns: Option<u64>,
    /// Of `ops`, those in the first part of each slice that re-warms the caches.
    pub discarded_ops: Option<u64>,
    /// Of `elapsed_ns`, what `discarded_ops` took.
    pub discarded_ns: Option<u64>,
    /// Gets and read-modify-writes that found their key.
    pub hits: Option<u64>,
    /// Gets and read-modify-writes that did not.
    pub misses: Option<u64>,
    /// Writes that the table refused for want of room.
    pub refused: Option<u64>,
    /// Entries that were evicted to keep to the workload's budget; empty where it has none, and in
    /// files from before there were budgets.
    #[serde(default)]
    pub evicted: Option<u64>,
    /// CPU time of the threads that the harness runs, in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// CPU time of the child's other threads: what a strategy does in the background.
    pub helper_cpu_ns: Option<u64>,
    /// Resize events of a pass that fell out of the table's journal and are not in `timeline.csv`.
    pub marks_dropped: Option<u64>,
    /// Entries in the table when its memory was read.
    pub items: Option<u64>,
    /// Growth of the child's resident memory from before the table opened, in bytes.
    pub rss_bytes: Option<u64>,
    /// The highest such growth while the table was filled, resizes included; empty where the kernel cannot count
    /// it, and in files from before it was counted.
    #[serde(default)]
    pub rss_peak_bytes: Option<u64>,
    /// The growth that is left after all entries were removed, and what was freed was handed back to the system: of
    /// the first pass from empty of each child, without a budget and not of a trace.
    #[serde(default)]
    pub rss_emptied_bytes: Option<u64>,
    /// How much of that growth lies in huge pages, in bytes, of a table that keeps its keys, once it is filled. Where huge
    /// pages were asked for, the kernel has been asked to gather into them what lay in others, after `rss_bytes` was read;
    /// they take the room of whole blocks, so this may be more. Empty for passes, controls and servers, and in files from
    /// before it was counted.
    #[serde(default)]
    pub huge_page_bytes: Option<u64>,
    /// Bytes that the table's census claims.
    pub bytes_claimed: Option<u64>,
    /// `rss_bytes` less `bytes_claimed`: what the allocator and the pages add.
    pub gap_bytes: Option<i64>,
    /// Live bytes that the counting allocator saw the table ask for.
    pub bytes_counted: Option<u64>,
    /// Why a memory field is empty.
    pub memory_reason: String,
    /// The longest operation of a clocked pass: wall time less the thread's run-queue delay.
    pub longest_ns: Option<u64>,
    /// Why the trial has no figures; empty for a good one.
    pub error: String,
    /// Slices whose threads were kept from running for more than a tenth of the time, after all
    /// repeats; empty where that cannot be told.
    #[serde(default)]
    pub disturbed_slices: Option<u32>,
    /// Attempts at slices that were disturbed and done over; no other field counts them.
    #[serde(default)]
    pub repeated_slices: Option<u32>,
    /// Nanoseconds in which threads were ready and had no processor, summed over threads and slices.
    #[serde(default)]
    pub run_queue_ns: Option<u64>,
    /// Times that another thread was put in a thread's place.
    #[serde(default)]
    pub involuntary_switches: Option<u64>,
    /// Pages that had to be mapped first, during slices.
    #[serde(default)]
    pub page_faults: Option<u64>,
    /// Time of all our cores that went to programs other than the run's own during slices: the
    /// system's count less the run's, in ticks of mostly 10 ms a slice; by rounding it may be below 0.
    #[serde(default)]
    pub foreign_cpu_ns: Option<i64>,
    /// Time of all our cores that a hypervisor took during slices, in the same ticks.
    #[serde(default)]
    pub steal_ns: Option<u64>,
    /// All the time of all our cores during slices, in the same ticks.
    #[serde(default)]
    pub cores_ns: Option<u64>,
    /// The lowest clock rate of our first core that was seen at the end of a slice, in kHz.
    #[serde(default)]
    pub frequency_khz: Option<u64>,
    /// Clock cycles of our threads in user space during `ops`, discarded ones included. This and the
    /// counts that follow are empty where the counter cannot be had: `run.toml` has the reason.
    #[serde(default)]
    pub cycles: Option<u64>,
    /// Instructions that they retired.
    #[serde(default)]
    pub instructions: Option<u64>,
    /// Branches of theirs that were predicted wrong.
    #[serde(default)]
    pub branch_misses: Option<u64>,
    /// Reads of theirs that the last level of cache did not hold.
    #[serde(default)]
    pub llc_misses: Option<u64>,
    /// Reads of theirs whose page the first-level data TLB did not hold.
    #[serde(default)]
    pub dtlb_misses: Option<u64>,
    /// Nanoseconds in which the counters were switched on, summed over threads and slices.
    #[serde(default)]
    pub counters_enabled_ns: Option<u64>,
    /// Of these, those in which they counted; where they are fewer, the counts are scaled up.
    #[serde(default)]
    pub counters_running_ns: Option<u64>,
}

/// What a slice measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SliceKind {
    /// Operations on the table.
    Throughput,
    /// The same stream, hashed and not looked up: what the hash alone costs.
    Hash,
    /// Inserts that bring a growing table to its next fill point: no part of the cell's rate.
    Growth,
    /// Operations that began when they were due: their rate is the one asked for.
    Paced,
    /// Operations of which some were clocked, for latencies in a closed loop.
    Sampled,
}

/// A row of `slices.csv`: one thread of one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceRow {
    /// The panel.
    pub panel: u32,
    /// Which birth of the cell's child.
    pub birth: u32,
    /// The trial that the slice belongs to.
    pub trial: u32,
    /// The round within the panel: ratios are paired within it.
    pub round: u32,
    /// The slice's place in its round.
    pub position: u32,
    /// The cell.
    pub cell_id: String,
    /// What was measured.
    pub kind: SliceKind,
    /// Which attempt at this slice, from 0.
    pub attempt: u32,
    /// The thread.
    pub thread: u32,
    /// The child's clock when the thread began, in nanoseconds.
    pub started_ns: u64,
    /// Operations, discarded ones included.
    pub ops: u64,
    /// Nanoseconds, discarded ones included.
    pub elapsed_ns: u64,
    /// Operations in the first part of the slice, left out of rates.
    pub discarded_ops: u64,
    /// Nanoseconds of the first part of the slice.
    pub discarded_ns: u64,
    /// The longest operation of a clocked slice: wall time less the thread's run-queue delay.
    pub longest_ns: Option<u64>,
    /// Growth of the child's resident memory at the end of a clocked slice, in bytes.
    pub rss_bytes: Option<u64>,
    /// Nanoseconds in which the thread was ready and had no processor.
    #[serde(default)]
    pub run_queue_ns: Option<u64>,
    /// Times that another thread was put in its place.
    #[serde(default)]
    pub involuntary_switches: Option<u64>,
    /// Pages that had to be mapped first.
    #[serde(default)]
    pub page_faults: Option<u64>,
    /// Whether the slice's threads were kept from running for more than a tenth of the time.
    #[serde(default)]
    pub disturbed: Option<bool>,
    /// Additions in a thousand cycles that the core had left for probes between the operations: fewer where another hardware
    /// thread works on it.
    #[serde(default)]
    pub additions_per_kcycle: Option<u64>,
}

/// A row of `census.csv`: one figure of a cell's structure, in long form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CensusRow {
    /// The cell.
    pub cell_id: String,
    /// `total`, `bytes` or `chain_length`.
    pub figure: String,
    /// `items` or `buckets`; `key`, `value`, `header`, `bucket_array` or `slack`; the chain's length.
    pub label: String,
    /// Entries, buckets or bytes.
    pub count: u64,
}

/// A row of `timeline.csv`: a resize mark from a table's journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkRow {
    /// The panel.
    pub panel: u32,
    /// The cell.
    pub cell_id: String,
    /// The trial it fell into.
    pub trial: u32,
    /// When, on the child's clock, in nanoseconds.
    pub at_ns: u64,
    /// `begin`, `step` or `end`.
    pub event: String,
    /// Buckets before the resize.
    pub from_buckets: u64,
    /// Buckets after it.
    pub to_buckets: u64,
}

/// A row of `mrc.csv`: what a replacement policy would have missed under a budget, simulated over the
/// requests of a workload in the order of one thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissRow {
    /// The suite.
    pub suite: String,
    /// The workload's name.
    pub workload: String,
    /// `lru`: exact LRU; `belady`: what is needed furthest in the future goes, or LRU where entries
    /// differ in size and LRU misses less.
    pub policy: String,
    /// Bytes of keys and values that the policy may keep; a table's headers and arrays are not in it.
    pub budget_bytes: u64,
    /// Requests that look a key up.
    pub requests: u64,
    /// Those of them that missed.
    pub misses: u64,
}

/// Which loop a latency comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LoopKind {
    /// Operations have intended start times that do not wait for the table.
    Open,
    /// The next operation begins when the last one has ended: a stall delays what would have shown it.
    Closed,
}

/// What a latency counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeKind {
    /// From the intended start of the operation to its end; only in an open loop.
    Response,
    /// From its real start to its end.
    Service,
}

/// A row of `latency.csv`: how long the operations of one trial of one cell took, by one of the two
/// ways to count. The histogram behind it is in the file that the row names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyRow {
    /// The panel.
    pub panel: u32,
    /// The cell.
    pub cell_id: String,
    /// Which birth of the cell's child.
    pub birth: u32,
    /// The trial.
    pub trial: u32,
    /// The loop that the operations ran in.
    pub loop_kind: LoopKind,
    /// What the time counts from.
    pub time: TimeKind,
    /// Operations a second that were to begin, over all threads; empty in a closed loop.
    pub offered_per_s: Option<u64>,
    /// Operations a second that ended, over all threads.
    pub achieved_per_s: u64,
    /// Whether the achieved rate fell short of the offered one: then response times grow with the
    /// length of the slice and say nothing of the table at that rate.
    pub behind: bool,
    /// Nanoseconds of the slices.
    pub elapsed_ns: u64,
    /// Operations that were done.
    pub ops: u64,
    /// Operations whose time is in the histogram: all in an open loop, a sample in a closed one.
    pub recorded: u64,
    /// Half of the operations took no longer, in nanoseconds.
    pub p50_ns: u64,
    /// 90 % of them took no longer.
    pub p90_ns: u64,
    /// 99 % of them took no longer.
    pub p99_ns: u64,
    /// 99.9 % of them took no longer.
    pub p999_ns: u64,
    /// 99.99 % of them took no longer.
    pub p9999_ns: u64,
    /// The longest one took so long.
    pub max_ns: u64,
    /// Operations above the 99.9th percentile, where resizes are known: in passes that are clocked.
    pub tail_ops: Option<u64>,
    /// Of `tail_ops`, those that overlap a resize of the table.
    pub tail_in_resize_ops: Option<u64>,
    /// The file with the histogram, below the run's directory; its interval has the tag
    /// `trial-<trial>`.
    pub histogram: String,
}

impl LatencyRow {
    /// Whether a row of the floor says that the machine, and no table, was what a rate broke at: the control,
    /// which stores nothing, fell behind itself, or one in a hundred of its operations waited for a hundredth of
    /// the slice. That much lost is what puts a table behind.
    #[must_use]
    pub fn tells_of_the_machine(&self) -> bool {
        self.behind || (self.elapsed_ns > 0 && self.p99_ns > self.elapsed_ns / 100)
    }
}

/// A row of `windows.csv`: what one thread did in one window of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowRow {
    /// The panel.
    pub panel: u32,
    /// The cell.
    pub cell_id: String,
    /// The trial.
    pub trial: u32,
    /// The thread.
    pub thread: u32,
    /// When the window began, on the child's clock, in nanoseconds.
    pub at_ns: u64,
    /// How much time it covers, in nanoseconds: [`WINDOW_NS`], or a multiple where an operation took so
    /// long; less where the slice ended.
    pub elapsed_ns: u64,
    /// Operations that ended in it.
    pub ops: u64,
    /// The longest of them: wall time less the thread's run-queue delay where it is known.
    pub longest_ns: u64,
}

/// Length of a window of `windows.csv`, in nanoseconds.
pub const WINDOW_NS: u64 = 10_000_000;

/// A row of `slo.csv`: the highest rate at which a target keeps a limit on a percentile of its response
/// times, as a search found it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SloRow {
    /// The panel.
    pub panel: u32,
    /// The cell.
    pub cell_id: String,
    /// The target as people read it.
    pub target: String,
    /// The percentile: `p99`, `p99.9`.
    pub percentile: String,
    /// The limit on it, in nanoseconds.
    pub limit_ns: u64,
    /// The highest rate that kept it, in operations a second over all threads, confirmed by a second
    /// slice; empty where none did.
    pub kept_per_s: Option<u64>,
    /// The percentile at that rate, in nanoseconds.
    pub kept_ns: Option<u64>,
    /// The lowest rate above it that broke the limit, or that the table fell behind at, and the floor beside it
    /// did not; empty where the highest rate that the clock can pace still kept it, or the machine left it
    /// undecided.
    pub broken_per_s: Option<u64>,
    /// The percentile at that rate, in nanoseconds.
    pub broken_ns: Option<u64>,
    /// Steps that were measured: a slice of the target, and one of the floor beside it.
    pub probes: u32,
    /// Which birth of the table it is; 0 in records of older programs, which had one.
    #[serde(default)]
    pub birth: u32,
    /// The floor's percentile beside the highest rate that was kept, in nanoseconds.
    #[serde(default)]
    pub kept_floor_ns: Option<u64>,
    /// The lowest rate above that, where the machine left it undecided: each time it was tried the floor broke
    /// the limit too.
    #[serde(default)]
    pub undecided_per_s: Option<u64>,
    /// The floor's percentile at that rate, in nanoseconds.
    #[serde(default)]
    pub undecided_floor_ns: Option<u64>,
    /// Steps that were tried again because the floor broke the limit.
    #[serde(default)]
    pub tried_again: u32,
}
