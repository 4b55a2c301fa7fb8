//! Writes a run. Its directory is created, and shown to be writable, before anything is measured.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::Context;
use hdrhistogram::Histogram;

use super::columns::Row;
use super::csv_files::{append, create_with_header, rewrite};
use super::files::{lock, make, replace_manifest};
use super::histograms;
use super::manifest::{MANIFEST, Manifest};
use super::names::Names;
use super::records::Records;
use super::rows::{CensusRow, LatencyRow, MarkRow, MissRow, SliceRow, SloRow, TrialRow, WindowRow};
use crate::base::BadInput;

/// The directory of a run that is going on: rows go in as they are measured.
///
/// Each call hands its rows to the system in one write, one line a row, so that whatever kills
/// the program leaves at most a last line that is cut short; [`super::Records::read`] drops it.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    run_id: String,
    /// Of the last manifest.
    names: Names,
    trials: File,
    slices: File,
    census: File,
    marks: File,
    misses: File,
    latency: File,
    windows: File,
    slo: File,
}

impl RunDirectory {
    /// Makes `root/<utc_compact>-<name>[-<revision>]`, with `-2`, `-3` … after it where that is taken,
    /// and in it the CSV files with their headers. `utc_compact` is the start of the run as it
    /// is to stand in the name; characters that do not suit a file's name become `-`.
    ///
    /// # Errors
    /// [`BadInput`] naming the directory if it cannot be made or written.
    pub fn create(
        root: &Path,
        name: &str,
        revision: &str,
        utc_compact: &str,
    ) -> anyhow::Result<RunDirectory> {
        make(root, name, revision, utc_compact, RunDirectory::open)
    }

    /// Puts the CSV files, with their headers, into a directory that is there and empty.
    pub(super) fn open(path: &Path, run_id: String) -> std::io::Result<RunDirectory> {
        let trials = create_with_header::<TrialRow>(path)?;
        lock(&trials)?;
        Ok(RunDirectory {
            trials,
            slices: create_with_header::<SliceRow>(path)?,
            census: create_with_header::<CensusRow>(path)?,
            marks: create_with_header::<MarkRow>(path)?,
            misses: create_with_header::<MissRow>(path)?,
            latency: create_with_header::<LatencyRow>(path)?,
            windows: create_with_header::<WindowRow>(path)?,
            slo: create_with_header::<SloRow>(path)?,
            path: path.to_owned(),
            run_id,
            names: Names::default(),
        })
    }

    /// Appends all rows of another run; its histograms are copied apart.
    pub(super) fn rows(&mut self, of: &Records) -> anyhow::Result<()> {
        append(&mut self.slices, &of.slices, &self.names)?;
        append(&mut self.census, &of.census, &self.names)?;
        append(&mut self.marks, &of.marks, &self.names)?;
        append(&mut self.misses, &of.misses, &self.names)?;
        append(&mut self.latency, &of.latency, &self.names)?;
        append(&mut self.windows, &of.windows, &self.names)?;
        append(&mut self.slo, &of.slo, &self.names)?;
        append(&mut self.trials, &of.trials, &self.names)
    }

    /// Takes the directory of a run up again, to go on after the rows that `records` still has: the
    /// CSV files and histogram logs are made anew with them alone, each as a whole, so that whatever
    /// kills the program now leaves the old file or the new one.
    ///
    /// # Errors
    /// [`BadInput`] when another program is writing to it, or when it cannot be written.
    pub fn resume(path: &Path, records: &Records) -> anyhow::Result<RunDirectory> {
        let unusable = |error: &dyn std::fmt::Display| {
            BadInput(format!(
                "run '{}' cannot be resumed: {error}",
                path.display()
            ))
        };
        let current = OpenOptions::new()
            .append(true)
            .open(path.join(TrialRow::FILE))
            .map_err(|error| unusable(&error))?;
        lock(&current).map_err(|error| unusable(&error))?;
        let names = Names::of(&records.manifest);
        let files = || -> anyhow::Result<RunDirectory> {
            histograms::keep_only(path, &records.latency)?;
            Ok(RunDirectory {
                slices: rewrite(path, &records.slices, &names)?,
                census: rewrite(path, &records.census, &names)?,
                marks: rewrite(path, &records.marks, &names)?,
                misses: rewrite(path, &records.misses, &names)?,
                latency: rewrite(path, &records.latency, &names)?,
                windows: rewrite(path, &records.windows, &names)?,
                slo: rewrite(path, &records.slo, &names)?,
                // The rows that say which of the others count go last.
                trials: {
                    let trials = rewrite(path, &records.trials, &names)?;
                    lock(&trials)?;
                    trials
                },
                path: path.to_owned(),
                run_id: records.manifest.run_id.clone(),
                names: names.clone(),
            })
        };
        Ok(files().map_err(|error| unusable(&format!("{error:#}")))?)
    }

    /// The run's identity: the name of the directory.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Where the directory is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a row to `trials.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn trial(&mut self, row: &TrialRow) -> anyhow::Result<()> {
        append(&mut self.trials, std::slice::from_ref(row), &self.names)
    }

    /// Appends rows to `slices.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn slices(&mut self, rows: &[SliceRow]) -> anyhow::Result<()> {
        append(&mut self.slices, rows, &self.names)
    }

    /// Appends rows to `census.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn census(&mut self, rows: &[CensusRow]) -> anyhow::Result<()> {
        append(&mut self.census, rows, &self.names)
    }

    /// Appends rows to `timeline.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn marks(&mut self, rows: &[MarkRow]) -> anyhow::Result<()> {
        append(&mut self.marks, rows, &self.names)
    }

    /// Appends rows to `mrc.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn misses(&mut self, rows: &[MissRow]) -> anyhow::Result<()> {
        append(&mut self.misses, rows, &self.names)
    }

    /// Appends a row to `latency.csv`, with its histogram in the file that it names.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn latency(&mut self, row: &LatencyRow, histogram: &Histogram<u64>) -> anyhow::Result<()> {
        histograms::append(&self.path, row, histogram)
            .with_context(|| format!("cannot write {}", row.histogram))?;
        append(&mut self.latency, std::slice::from_ref(row), &self.names)
    }

    /// Appends rows to `windows.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn windows(&mut self, rows: &[WindowRow]) -> anyhow::Result<()> {
        append(&mut self.windows, rows, &self.names)
    }

    /// Appends a row to `slo.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn slo(&mut self, row: &SloRow) -> anyhow::Result<()> {
        append(&mut self.slo, std::slice::from_ref(row), &self.names)
    }

    /// Writes `run.toml`, or replaces it as a whole: a reader sees the old one or the new one,
    /// whenever the program is killed. Rows that follow have the names that its cells have.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn manifest(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        self.names = Names::of(manifest);
        replace_manifest(&self.path, MANIFEST, manifest)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn create(root: &Path, name: &str, revision: &str) -> RunDirectory {
        RunDirectory::create(root, name, revision, "20260131T123456Z").unwrap()
    }

    #[test]
    fn the_files_are_there_before_the_first_row() {
        let root = tempfile::tempdir().unwrap();
        let run = create(&root.path().join("new/results"), "quick", "abc1234");
        assert_eq!(run.run_id(), "20260131T123456Z-quick-abc1234");
        assert!(
            run.path()
                .ends_with("new/results/20260131T123456Z-quick-abc1234")
        );
        let first_line = |file| {
            let text = fs::read_to_string(run.path().join(file)).unwrap();
            assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
            text
        };
        assert!(first_line("trials.csv").starts_with("schema_version,run_id,cell_id"));
        assert!(first_line("slices.csv").starts_with("panel,birth,trial,round"));
        assert!(first_line("census.csv").starts_with("cell_id,figure"));
        assert!(first_line("timeline.csv").starts_with("panel,cell_id,trial,at_ns"));
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let root = tempfile::tempdir().unwrap();
        let ids: Vec<String> = (0..3)
            .map(|_| create(root.path(), "a/b c", "").run_id().to_owned())
            .collect();
        assert_eq!(
            ids,
            [
                "20260131T123456Z-a-b-c",
                "20260131T123456Z-a-b-c-2",
                "20260131T123456Z-a-b-c-3"
            ]
        );
    }

    #[test]
    fn a_root_that_cannot_be_written_is_bad_input() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("a-file");
        fs::write(&file, "").unwrap();
        for root in [file.clone(), file.join("below")] {
            let error = RunDirectory::create(&root, "quick", "", "x").unwrap_err();
            let bad = error.downcast_ref::<BadInput>().expect("it is bad input");
            assert!(bad.0.contains(root.to_str().unwrap()), "{bad}");
        }
    }
}
