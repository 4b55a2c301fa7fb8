//! Reads a run back, whether it ended or was killed.

use std::path::Path;

use serde::Deserialize;

use super::csv_files::read_rows;
use super::files::{check_version, read_file};
use super::histograms::{self, LatencyHistogram};
use super::manifest::{MANIFEST, Manifest};
use super::read_error::ReadError;
use super::rows::{CensusRow, LatencyRow, MarkRow, MissRow, SliceRow, SloRow, TrialRow, WindowRow};

/// Everything that a run directory holds: the input of every report.
#[derive(Clone, Debug, PartialEq)]
pub struct Records {
    /// `run.toml`.
    pub manifest: Manifest,
    /// `trials.csv`, in the order written.
    pub trials: Vec<TrialRow>,
    /// `slices.csv`, in the order written.
    pub slices: Vec<SliceRow>,
    /// `census.csv`, in the order written.
    pub census: Vec<CensusRow>,
    /// `timeline.csv`, in the order written.
    pub marks: Vec<MarkRow>,
    /// `mrc.csv`, in the order written; empty where a run has no workload with a budget.
    pub misses: Vec<MissRow>,
    /// `latency.csv`, in the order written; empty where no latencies were measured.
    pub latency: Vec<LatencyRow>,
    /// The histograms behind `latency`, those of a cell's trials added up.
    pub histograms: Vec<LatencyHistogram>,
    /// `windows.csv`, in the order written.
    pub windows: Vec<WindowRow>,
    /// `slo.csv`, in the order written; empty where no limit was searched for.
    pub slo: Vec<SloRow>,
    /// Last lines that were cut short, by a kill or by a row that is just being written, and are left
    /// out: at most one a file.
    pub dropped_lines: u32,
}

impl Records {
    /// Reads the directory of a run. It may still be going on or have been killed: a last line that
    /// is cut short (one without its line break) is left out and counted.
    ///
    /// # Errors
    /// A file that is missing, unreadable, empty or of another version, and any line that does not
    /// follow its header, each with file and line.
    pub fn read(path: &Path) -> Result<Records, ReadError> {
        let manifest = Manifest::read(path)?;
        let mut dropped_lines = 0;
        let latency = read_rows(path, &mut dropped_lines)?;
        Ok(Records {
            manifest,
            histograms: histograms::read(path, &latency, &mut dropped_lines)?,
            latency,
            windows: read_rows(path, &mut dropped_lines)?,
            slo: read_rows(path, &mut dropped_lines)?,
            trials: read_rows(path, &mut dropped_lines)?,
            slices: read_rows(path, &mut dropped_lines)?,
            census: read_rows(path, &mut dropped_lines)?,
            marks: read_rows(path, &mut dropped_lines)?,
            misses: read_rows(path, &mut dropped_lines)?,
            dropped_lines,
        })
    }
}

impl Manifest {
    /// Reads the manifest of a run alone.
    ///
    /// # Errors
    /// Like [`Records::read`].
    pub fn read(run: &Path) -> Result<Manifest, ReadError> {
        /// The one field that every version has: read first, because another may lack the rest.
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }

        if !run.is_dir() {
            return Err(ReadError::Missing(run.to_owned()));
        }
        let path = run.join(MANIFEST);
        let malformed = |why: String| ReadError::Manifest(path.clone(), why);
        let bytes = read_file(&path)?;
        let text = str::from_utf8(&bytes).map_err(|error| malformed(error.to_string()))?;
        let read = |error: toml::de::Error| malformed(error.to_string().trim_end().to_owned());
        let version: Version = toml::from_str(text).map_err(read)?;
        check_version(&path, version.schema_version)?;
        toml::from_str(text).map_err(read)
    }
}
