//! Writing a run: a directory that exists, and can be written, before anything is measured.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::columns::Row;
use super::{
    CensusRow, LatencyRow, Manifest, MarkRow, MissRow, Records, SliceRow, SloRow, TrialRow,
    WindowRow, histograms,
};
use crate::base::BadInput;

/// The name of the manifest within the directory.
pub(super) const MANIFEST: &str = "run.toml";

/// The directory of a run that is going on: rows go in as they are measured.
///
/// Each call hands its rows to the system in one write, one line a row, so that whatever kills
/// the program leaves at most a last line that is cut short; [`super::Records::read`] drops it.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    run_id: String,
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
        make(root, name, revision, utc_compact, |path, run_id| {
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
            })
        })
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
        let files = || -> anyhow::Result<RunDirectory> {
            histograms::keep_only(path, &records.latency)?;
            Ok(RunDirectory {
                slices: rewrite(path, &records.slices)?,
                census: rewrite(path, &records.census)?,
                marks: rewrite(path, &records.marks)?,
                misses: rewrite(path, &records.misses)?,
                latency: rewrite(path, &records.latency)?,
                windows: rewrite(path, &records.windows)?,
                slo: rewrite(path, &records.slo)?,
                // The rows that say which of the others count go last.
                trials: {
                    let trials = rewrite(path, &records.trials)?;
                    lock(&trials)?;
                    trials
                },
                path: path.to_owned(),
                run_id: records.manifest.run_id.clone(),
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
        append(&mut self.trials, std::slice::from_ref(row))
    }

    /// Appends rows to `slices.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn slices(&mut self, rows: &[SliceRow]) -> anyhow::Result<()> {
        append(&mut self.slices, rows)
    }

    /// Appends rows to `census.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn census(&mut self, rows: &[CensusRow]) -> anyhow::Result<()> {
        append(&mut self.census, rows)
    }

    /// Appends rows to `timeline.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn marks(&mut self, rows: &[MarkRow]) -> anyhow::Result<()> {
        append(&mut self.marks, rows)
    }

    /// Appends rows to `mrc.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn misses(&mut self, rows: &[MissRow]) -> anyhow::Result<()> {
        append(&mut self.misses, rows)
    }

    /// Appends a row to `latency.csv`, with its histogram in the file that it names.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn latency(&mut self, row: &LatencyRow, histogram: &Histogram<u64>) -> anyhow::Result<()> {
        histograms::append(&self.path, row, histogram)
            .with_context(|| format!("cannot write {}", row.histogram))?;
        append(&mut self.latency, std::slice::from_ref(row))
    }

    /// Appends rows to `windows.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn windows(&mut self, rows: &[WindowRow]) -> anyhow::Result<()> {
        append(&mut self.windows, rows)
    }

    /// Appends a row to `slo.csv`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn slo(&mut self, row: &SloRow) -> anyhow::Result<()> {
        append(&mut self.slo, std::slice::from_ref(row))
    }

    /// Writes `run.toml`, or replaces it as a whole: a reader sees the old one or the new one,
    /// whenever the program is killed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn manifest(&self, manifest: &Manifest) -> anyhow::Result<()> {
        replace_manifest(&self.path, MANIFEST, manifest)
    }
}

/// Writes a manifest beside the one that is there and renames it.
pub(super) fn replace_manifest(
    directory: &Path,
    name: &str,
    manifest: &impl Serialize,
) -> anyhow::Result<()> {
    let text = toml::to_string(manifest).context("the manifest does not fit TOML")?;
    replace(&directory.join(name), text.as_bytes())
        .with_context(|| format!("cannot write {name} in {}", directory.display()))
}

/// Puts a file in place of one that is there, as a whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut fresh = path.to_owned().into_os_string();
    fresh.push(".new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    // On disk before it gets the name, or a power cut could leave the name on an empty file.
    file.sync_all()?;
    fs::rename(&fresh, path)
}

/// Holds the file as long as it is open, so that no second program writes to the run.
fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => io::Error::other("it is still going on in another process"),
        fs::TryLockError::Error(error) => error,
    })
}

/// A CSV file with these rows in place of the one that is there, open for more.
fn rewrite<R: Row>(directory: &Path, rows: &[R]) -> anyhow::Result<File> {
    let path = directory.join(R::FILE);
    let mut bytes = format!("{}\n", R::COLUMNS.join(",")).into_bytes();
    bytes.extend(lines_of(rows)?);
    let cannot = || format!("cannot write {}", R::FILE);
    replace(&path, &bytes).with_context(cannot)?;
    OpenOptions::new()
        .append(true)
        .open(&path)
        .with_context(cannot)
}

/// Makes the directory of a run, named as [`RunDirectory::create`] says, and lets `open` put files
/// into it, given its path and its name.
pub(super) fn make<D>(
    root: &Path,
    name: &str,
    revision: &str,
    utc_compact: &str,
    open: impl FnOnce(&Path, String) -> io::Result<D>,
) -> anyhow::Result<D> {
    let unwritable = |path: &Path, error: &io::Error| {
        BadInput(format!(
            "results directory '{}' cannot be written: {error}; give one that can",
            path.display()
        ))
    };
    fs::create_dir_all(root).map_err(|error| unwritable(root, &error))?;
    let mut wanted = format!("{}-{}", fit_for_name(utc_compact), fit_for_name(name));
    if !revision.is_empty() {
        wanted = format!("{wanted}-{}", fit_for_name(revision));
    }
    let (path, run_id) = claim(root, &wanted).map_err(|error| unwritable(root, &error))?;
    Ok(open(&path, run_id).map_err(|error| unwritable(&path, &error))?)
}

/// Letters, digits and the punctuation of names and versions stay; the rest becomes `-`.
fn fit_for_name(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '+' | '-' => c,
            _ => '-',
        })
        .collect()
}

/// Makes the first directory of `wanted`, `wanted-2`, `wanted-3` … that is not there; two programs
/// that start in the same second get one each.
fn claim(root: &Path, wanted: &str) -> io::Result<(PathBuf, String)> {
    let mut name = wanted.to_owned();
    let mut copy = 1_u64;
    loop {
        let path = root.join(&name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok((path, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                copy += 1;
                name = format!("{wanted}-{copy}");
            }
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn create_with_header<R: Row>(directory: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .append(true)
        .create_new(true)
        .open(directory.join(R::FILE))?;
    file.write_all(format!("{}\n", R::COLUMNS.join(",")).as_bytes())?;
    Ok(file)
}

pub(super) fn append<R: Row>(file: &mut File, rows: &[R]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write {}", R::FILE);
    let lines = lines_of(rows).with_context(cannot)?;
    // Straight to the system: there is no buffer that a kill could lose.
    file.write_all(&lines).with_context(cannot)
}

/// The rows, exactly one line each.
fn lines_of<R: Row>(rows: &[R]) -> anyhow::Result<Vec<u8>> {
    let mut lines = Vec::new();
    for row in rows {
        let mut writer = csv::WriterBuilder::new()
            .has_headers(false)
            .from_writer(Vec::new());
        writer.serialize(row)?;
        let mut line = writer.into_inner()?;
        let end = line.len() - 1;
        // A line break within a quoted field would hide where a row ends, and a reason reads as
        // well without.
        for byte in &mut line[..end] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        lines.extend_from_slice(&line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_row_is_one_line_whatever_is_in_it() {
        let row = TrialRow {
            error: "expected \"a\",\r\ngot\nb".into(),
            ..TrialRow::default()
        };
        let lines = String::from_utf8(lines_of(&[row.clone(), row]).unwrap()).unwrap();
        assert_eq!(lines.lines().count(), 2);
        assert!(
            lines.contains(",\"expected \"\"a\"\",  got b\","),
            "{lines}"
        );
    }
}
