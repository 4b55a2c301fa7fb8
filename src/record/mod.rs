//! Floor 2: the files of a run. The only code that knows their names, columns and versions.
//!
//! A run is a directory; `rows` says what its CSV files hold (`columns` their headers), `manifest` what
//! `run.toml` holds; `files` and `csv_files` write and read one file (`names` says what its cells are called), `directory` writes a run row by row,
//! `records` reads it back; `pages` puts a report beside them, and `baselines` keeps copies under names.
//! `merge` makes one run of the parts of a sweep. `histograms` keeps the latencies of each cell in a log of HDR histograms.
//! `hashes` does all that for the runs of the hash laboratory, which have other files. `verdicts` says what checks
//! of tables came to, `verified` what those before a run did.

mod baselines;
mod columns;
mod csv_files;
mod directory;
mod files;
mod hashes;
mod histograms;
mod manifest;
mod merge;
mod names;
mod pages;
mod read_error;
mod records;
mod rows;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod verdicts;
mod verified;

pub use baselines::{BASELINES, baseline, keep_baseline};
pub use directory::RunDirectory;
pub use hashes::{
    CorpusEntry, HashAvalancheRow, HashChainRow, HashDirectory, HashEntry, HashFloodRow,
    HashManifest, HashRecords, HashSpeedRow, HashSpreadRow,
};
pub use histograms::{HISTOGRAM_DIGITS, HISTOGRAM_HIGH_NS, LatencyHistogram, empty_histogram};
pub use manifest::{
    CellEntry, GuaranteesEntry, Manifest, MergedEntry, PaceEntry, PanelEntry, ProgramEntry,
    ResumeEntry, ServerEntry, Status, SweepPanel, TaskEntry, place_in_words, task_id,
};
pub use merge::{Merge, MergeNotes, machine_kind, runs_in};
pub use pages::{Pages, write_page, write_pages};
pub use read_error::ReadError;
pub use records::Records;
pub use rows::{
    CensusRow, LatencyRow, LoopKind, MarkRow, MissRow, SCHEMA_VERSION, SliceKind, SliceRow, SloRow,
    TimeKind, TrialRow, WINDOW_NS, WindowRow,
};
pub use verdicts::{CheckLine, DrawnHistory, DrawnOperation, Ending, Exercised, Found, Verdict};
pub use verified::{Verification, VerifiedEntry, VerifiedStage};
