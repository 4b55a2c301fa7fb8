//! The file and the header of each kind of row.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::rows::{CensusRow, LatencyRow, MarkRow, MissRow, SliceRow, SloRow, TrialRow, WindowRow};

/// A row of one of the CSV files.
///
/// The columns are spelled out, not taken from a first row, so that a file has its header before it
/// has a row; a test holds them to the fields of the struct.
pub(super) trait Row: Serialize + DeserializeOwned {
    /// The file's name.
    const FILE: &'static str;
    /// The names of the fields, in order.
    const COLUMNS: &'static [&'static str];

    /// Those of them that files of an older version may lack.
    const OPTIONAL: &'static [&'static str] = &[];

    /// Further columns that say what the row's cell is called; they are written for readers of the file, and files
    /// of an older version lack them.
    const NAMES: &'static [&'static str] = &[];

    /// The cell that it is about, where there is one.
    fn cell(&self) -> Option<&str> {
        None
    }

    /// The version that the row says it has, where it says so.
    fn schema_version(&self) -> Option<u32> {
        None
    }
}

impl Row for TrialRow {
    const FILE: &'static str = "trials.csv";
    const COLUMNS: &'static [&'static str] = &[
        "schema_version",
        "run_id",
        "cell_id",
        "suite",
        "workload",
        "target",
        "twin",
        "hash",
        "allocator",
        "pages",
        "threads",
        "batch",
        "between",
        "entries",
        "absent_percent",
        "connections",
        "depth",
        "panel",
        "birth",
        "trial",
        "attempt",
        "seed",
        "slices",
        "ops",
        "elapsed_ns",
        "discarded_ops",
        "discarded_ns",
        "hits",
        "misses",
        "refused",
        "evicted",
        "cpu_ns",
        "helper_cpu_ns",
        "marks_dropped",
        "items",
        "rss_bytes",
        "rss_peak_bytes",
        "rss_emptied_bytes",
        "huge_page_bytes",
        "bytes_claimed",
        "gap_bytes",
        "bytes_counted",
        "memory_reason",
        "longest_ns",
        "error",
        "disturbed_slices",
        "repeated_slices",
        "run_queue_ns",
        "involuntary_switches",
        "page_faults",
        "foreign_cpu_ns",
        "steal_ns",
        "cores_ns",
        "frequency_khz",
        "cycles",
        "instructions",
        "branch_misses",
        "llc_misses",
        "dtlb_misses",
        "counters_enabled_ns",
        "counters_running_ns",
    ];

    const OPTIONAL: &'static [&'static str] = &[
        "absent_percent",
        "connections",
        "depth",
        "rss_peak_bytes",
        "rss_emptied_bytes",
        "huge_page_bytes",
    ];

    fn schema_version(&self) -> Option<u32> {
        Some(self.schema_version)
    }
}

impl Row for SliceRow {
    const FILE: &'static str = "slices.csv";
    const COLUMNS: &'static [&'static str] = &[
        "panel",
        "birth",
        "trial",
        "round",
        "position",
        "cell_id",
        "kind",
        "attempt",
        "thread",
        "started_ns",
        "ops",
        "elapsed_ns",
        "discarded_ops",
        "discarded_ns",
        "longest_ns",
        "rss_bytes",
        "run_queue_ns",
        "involuntary_switches",
        "page_faults",
        "disturbed",
        "additions_per_kcycle",
    ];

    const OPTIONAL: &'static [&'static str] = &["additions_per_kcycle"];

    const NAMES: &'static [&'static str] = &["workload", "target", "twin", "threads"];

    fn cell(&self) -> Option<&str> {
        Some(&self.cell_id)
    }
}

impl Row for CensusRow {
    const FILE: &'static str = "census.csv";
    const COLUMNS: &'static [&'static str] = &["cell_id", "figure", "label", "count"];

    const NAMES: &'static [&'static str] = &["workload", "target", "twin", "threads"];

    fn cell(&self) -> Option<&str> {
        Some(&self.cell_id)
    }
}

impl Row for MarkRow {
    const FILE: &'static str = "timeline.csv";
    const COLUMNS: &'static [&'static str] = &[
        "panel",
        "cell_id",
        "trial",
        "at_ns",
        "event",
        "from_buckets",
        "to_buckets",
    ];

    const NAMES: &'static [&'static str] = &["workload", "target", "twin", "threads"];

    fn cell(&self) -> Option<&str> {
        Some(&self.cell_id)
    }
}

impl Row for MissRow {
    const FILE: &'static str = "mrc.csv";
    const COLUMNS: &'static [&'static str] = &[
        "suite",
        "workload",
        "policy",
        "budget_bytes",
        "requests",
        "misses",
    ];
}

impl Row for LatencyRow {
    const FILE: &'static str = "latency.csv";
    const COLUMNS: &'static [&'static str] = &[
        "panel",
        "cell_id",
        "birth",
        "trial",
        "loop_kind",
        "time",
        "offered_per_s",
        "achieved_per_s",
        "behind",
        "elapsed_ns",
        "ops",
        "recorded",
        "p50_ns",
        "p90_ns",
        "p99_ns",
        "p999_ns",
        "p9999_ns",
        "max_ns",
        "tail_ops",
        "tail_in_resize_ops",
        "histogram",
    ];

    const NAMES: &'static [&'static str] = &["workload", "target", "twin", "threads"];

    fn cell(&self) -> Option<&str> {
        Some(&self.cell_id)
    }
}

impl Row for WindowRow {
    const FILE: &'static str = "windows.csv";
    const COLUMNS: &'static [&'static str] = &[
        "panel",
        "cell_id",
        "trial",
        "thread",
        "at_ns",
        "elapsed_ns",
        "ops",
        "longest_ns",
    ];

    const NAMES: &'static [&'static str] = &["workload", "target", "twin", "threads"];

    fn cell(&self) -> Option<&str> {
        Some(&self.cell_id)
    }
}

impl Row for SloRow {
    const FILE: &'static str = "slo.csv";
    const COLUMNS: &'static [&'static str] = &[
        "panel",
        "cell_id",
        "target",
        "percentile",
        "limit_ns",
        "kept_per_s",
        "kept_ns",
        "broken_per_s",
        "broken_ns",
        "probes",
        "birth",
        "kept_floor_ns",
        "undecided_per_s",
        "undecided_floor_ns",
        "tried_again",
    ];

    const OPTIONAL: &'static [&'static str] = &[
        "birth",
        "kept_floor_ns",
        "undecided_per_s",
        "undecided_floor_ns",
        "tried_again",
    ];

    const NAMES: &'static [&'static str] = &["workload", "threads"];

    fn cell(&self) -> Option<&str> {
        Some(&self.cell_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::rows::{LoopKind, SliceKind, TimeKind};

    /// The header that the csv crate makes from the struct itself.
    fn header_of(row: &impl Row) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(row).unwrap();
        let bytes = writer.into_inner().unwrap();
        String::from_utf8(bytes)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn columns_are_the_fields_in_order() {
        let slice = SliceRow {
            panel: 0,
            birth: 0,
            trial: 0,
            round: 0,
            position: 0,
            cell_id: String::new(),
            kind: SliceKind::Throughput,
            attempt: 0,
            thread: 0,
            started_ns: 0,
            ops: 0,
            elapsed_ns: 0,
            discarded_ops: 0,
            discarded_ns: 0,
            longest_ns: None,
            rss_bytes: None,
            run_queue_ns: None,
            involuntary_switches: None,
            page_faults: None,
            disturbed: None,
            additions_per_kcycle: None,
        };
        let census = CensusRow {
            cell_id: String::new(),
            figure: String::new(),
            label: String::new(),
            count: 0,
        };
        let mark = MarkRow {
            panel: 0,
            cell_id: String::new(),
            trial: 0,
            at_ns: 0,
            event: String::new(),
            from_buckets: 0,
            to_buckets: 0,
        };
        let miss = MissRow {
            suite: String::new(),
            workload: String::new(),
            policy: String::new(),
            budget_bytes: 0,
            requests: 0,
            misses: 0,
        };
        let latency = LatencyRow {
            panel: 0,
            cell_id: String::new(),
            birth: 0,
            trial: 0,
            loop_kind: LoopKind::Open,
            time: TimeKind::Response,
            offered_per_s: None,
            achieved_per_s: 0,
            behind: false,
            elapsed_ns: 0,
            ops: 0,
            recorded: 0,
            p50_ns: 0,
            p90_ns: 0,
            p99_ns: 0,
            p999_ns: 0,
            p9999_ns: 0,
            max_ns: 0,
            tail_ops: None,
            tail_in_resize_ops: None,
            histogram: String::new(),
        };
        let window = WindowRow {
            panel: 0,
            cell_id: String::new(),
            trial: 0,
            thread: 0,
            at_ns: 0,
            elapsed_ns: 0,
            ops: 0,
            longest_ns: 0,
        };
        assert_eq!(header_of(&SloRow::default()), SloRow::COLUMNS.join(","));
        assert_eq!(header_of(&latency), LatencyRow::COLUMNS.join(","));
        assert_eq!(header_of(&window), WindowRow::COLUMNS.join(","));
        assert_eq!(header_of(&miss), MissRow::COLUMNS.join(","));
        assert_eq!(header_of(&TrialRow::default()), TrialRow::COLUMNS.join(","));
        assert_eq!(header_of(&slice), SliceRow::COLUMNS.join(","));
        assert_eq!(header_of(&census), CensusRow::COLUMNS.join(","));
        assert_eq!(header_of(&mark), MarkRow::COLUMNS.join(","));
    }
}
