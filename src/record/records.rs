//! Reading a run back, whole or as a kill left it.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::columns::Row;
use super::directory::MANIFEST;
use super::read_error::ReadError;
use super::{
    CensusRow, LatencyHistogram, LatencyRow, Manifest, MarkRow, MissRow, SCHEMA_VERSION, SliceRow,
    SloRow, TrialRow, WindowRow, histograms,
};

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
    /// `mrc.csv`, in the order written; empty where a run has no workload with a budget, or is older
    /// than budgets.
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
        if !path.is_dir() {
            return Err(ReadError::Missing(path.to_owned()));
        }
        let manifest = read_manifest(&path.join(MANIFEST))?;
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

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, ReadError> {
    let bytes = fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        _ => ReadError::Unreadable(path.to_owned(), error),
    })?;
    if bytes.is_empty() {
        return Err(ReadError::Empty(path.to_owned()));
    }
    Ok(bytes)
}

fn read_manifest(path: &Path) -> Result<Manifest, ReadError> {
    /// The one field that every version has: read first, because another may lack the rest.
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }

    let malformed = |why: String| ReadError::Manifest(path.to_owned(), why);
    let bytes = read_file(path)?;
    let text = str::from_utf8(&bytes).map_err(|error| malformed(error.to_string()))?;
    let read = |error: toml::de::Error| malformed(error.to_string().trim_end().to_owned());
    let version: Version = toml::from_str(text).map_err(read)?;
    check_version(path, version.schema_version)?;
    toml::from_str(text).map_err(read)
}

pub(super) fn check_version(path: &Path, found: u32) -> Result<(), ReadError> {
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    let file = path.to_owned();
    Err(ReadError::Schema { file, found })
}

pub(super) fn read_rows<R: Row>(
    directory: &Path,
    dropped_lines: &mut u32,
) -> Result<Vec<R>, ReadError> {
    let path = directory.join(R::FILE);
    let bytes = match read_file(&path) {
        Err(ReadError::Missing(_)) if R::FILE_IS_LATER => return Ok(Vec::new()),
        read => read?,
    };
    let whole = bytes
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |at| at + 1);
    if whole == 0 {
        return Err(ReadError::Empty(path));
    }
    *dropped_lines += u32::from(whole < bytes.len());
    let mut reader = csv::Reader::from_reader(&bytes[..whole]);
    let row_error = |line, why: String| ReadError::Row {
        file: path.clone(),
        line,
        why,
    };
    let header = reader
        .headers()
        .map_err(|error| row_error(1, error.to_string()))?
        .clone();
    let there = |column: &&&str| !R::LATER.contains(column) || header.iter().any(|h| h == **column);
    let columns: Vec<&str> = R::COLUMNS.iter().filter(there).copied().collect();
    if let Some(why) = header_difference(&header, &columns) {
        return Err(ReadError::Header { file: path, why });
    }
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    loop {
        // A row is a line (that is how they are written), so a row's number gives its line.
        let line = rows.len() as u64 + 2;
        let more = reader
            .read_record(&mut record)
            .map_err(|error| row_error(line, what_is_wrong(&error, &columns)))?;
        if !more {
            return Ok(rows);
        }
        let row: R = record
            .deserialize(Some(&header))
            .map_err(|error| row_error(line, what_is_wrong(&error, &columns)))?;
        if let Some(version) = row.schema_version() {
            check_version(&path, version)?;
        }
        rows.push(row);
    }
}

fn header_difference(header: &csv::StringRecord, columns: &[&str]) -> Option<String> {
    for (index, wanted) in columns.iter().enumerate() {
        match header.get(index) {
            Some(found) if found == *wanted => {}
            Some(found) => {
                let column = index + 1;
                return Some(format!(
                    "column {column} is '{found}' instead of '{wanted}'"
                ));
            }
            None => return Some(format!("column '{wanted}' is missing")),
        }
    }
    let extra = header.get(columns.len())?;
    Some(format!("column '{extra}' is not known"))
}

/// The csv crate's error without the position, which it counts in its own way, and with the name
/// of the column.
fn what_is_wrong(error: &csv::Error, columns: &[&str]) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => {
            let column = err
                .field()
                .and_then(|field| columns.get(usize::try_from(field).ok()?));
            match column {
                Some(column) => format!("{column}: {}", err.kind()),
                None => err.kind().to_string(),
            }
        }
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} fields where the header has {expected_len}"),
        csv::ErrorKind::Utf8 { err, .. } => format!("not UTF-8: {err}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;
    use crate::base::BadInput;
    use crate::record::samples::{manifest, slice};
    use crate::record::{LoopKind, RunDirectory, Status, TimeKind, empty_histogram};

    /// A run of two trials, four slices and a few other rows, and what was written.
    fn written(root: &Path) -> (PathBuf, Records) {
        let mut run = RunDirectory::create(root, "quick", "", "20260131T123456Z").unwrap();
        let good = TrialRow {
            schema_version: SCHEMA_VERSION,
            run_id: run.run_id().into(),
            cell_id: "c1".into(),
            ops: Some(u64::MAX),
            gap_bytes: Some(-7),
            memory_reason: "no counting allocator, so \"none\"".into(),
            ..TrialRow::default()
        };
        let failed = TrialRow {
            ops: None,
            trial: 1,
            error: "the child was killed".into(),
            ..good.clone()
        };
        let census = CensusRow {
            cell_id: "c1".into(),
            figure: "chain_length".into(),
            label: "3".into(),
            count: 12,
        };
        let mark = MarkRow {
            panel: 0,
            cell_id: "c1".into(),
            trial: 0,
            at_ns: 77,
            event: "begin".into(),
            from_buckets: 1024,
            to_buckets: 2048,
        };
        let mut first = manifest(run.run_id());
        first.status = Status::Running;
        run.manifest(&first).unwrap();
        run.trial(&good).unwrap();
        run.trial(&failed).unwrap();
        run.slices(&[slice(0), slice(1)]).unwrap();
        run.slices(&[]).unwrap();
        run.slices(&[slice(2)]).unwrap();
        run.census(std::slice::from_ref(&census)).unwrap();
        run.marks(std::slice::from_ref(&mark)).unwrap();
        let miss = MissRow {
            suite: "traces".into(),
            workload: "web07".into(),
            policy: "lru".into(),
            budget_bytes: 1 << 20,
            requests: 100,
            misses: 7,
        };
        run.misses(std::slice::from_ref(&miss)).unwrap();
        let mut histogram = empty_histogram();
        histogram.record_n(1_000, 99).unwrap();
        histogram.record(50_000_000).unwrap();
        let (cell_id, loop_kind, time) = ("c1", LoopKind::Open, TimeKind::Response);
        let mut latency = LatencyRow::of(cell_id, loop_kind, time, &histogram);
        latency.offered_per_s = Some(100);
        run.latency(&latency, &histogram).unwrap();
        let window = WindowRow {
            panel: 0,
            cell_id: "c1".into(),
            trial: 0,
            thread: 1,
            at_ns: 10,
            elapsed_ns: 10_000_000,
            ops: 1_000,
            longest_ns: 50_000,
        };
        run.windows(std::slice::from_ref(&window)).unwrap();
        let slo = SloRow {
            panel: 0,
            cell_id: "c1".into(),
            target: "striped".into(),
            percentile: "p99".into(),
            kept_per_s: Some(1_000_000),
            ..SloRow::default()
        };
        run.slo(&slo).unwrap();
        let manifest = manifest(run.run_id());
        run.manifest(&manifest).unwrap();
        let records = Records {
            manifest,
            trials: vec![good, failed],
            slices: vec![slice(0), slice(1), slice(2)],
            census: vec![census],
            marks: vec![mark],
            misses: vec![miss],
            latency: vec![latency],
            histograms: vec![LatencyHistogram {
                cell_id: "c1".into(),
                loop_kind: LoopKind::Open,
                time: TimeKind::Response,
                histogram,
            }],
            windows: vec![window],
            slo: vec![slo],
            dropped_lines: 0,
        };
        (run.path().to_owned(), records)
    }

    #[test]
    fn what_was_written_is_read() {
        let root = tempfile::tempdir().unwrap();
        let (path, records) = written(root.path());
        assert_eq!(Records::read(&path).unwrap(), records);
    }

    #[test]
    fn a_last_line_cut_short_anywhere_is_dropped_and_counted() {
        let root = tempfile::tempdir().unwrap();
        let (path, records) = written(root.path());
        let file = path.join("trials.csv");
        let whole = fs::read(&file).unwrap();
        let last_line = whole[..whole.len() - 1]
            .iter()
            .rposition(|&b| b == b'\n')
            .unwrap()
            + 1;
        for end in last_line + 1..whole.len() {
            fs::write(&file, &whole[..end]).unwrap();
            let read = Records::read(&path).unwrap();
            assert_eq!(read.trials, records.trials[..1], "cut at {end}");
            assert_eq!(read.dropped_lines, 1);
        }
        fs::write(&file, &whole[..last_line]).unwrap();
        assert_eq!(Records::read(&path).unwrap().dropped_lines, 0);
    }

    #[test]
    fn a_run_from_before_there_were_budgets_is_read() {
        let root = tempfile::tempdir().unwrap();
        let (path, mut records) = written(root.path());
        fs::remove_file(path.join("mrc.csv")).unwrap();
        let trials = path.join("trials.csv");
        let text = fs::read_to_string(&trials).unwrap();
        // The column and the fields below it.
        let at = |line: &str| line.split(',').position(|field| field == "evicted");
        let column = at(text.lines().next().unwrap()).unwrap();
        let lines = text.lines().map(|line| {
            let mut fields: Vec<&str> = line.split(',').collect();
            fields.remove(column);
            fields.join(",") + "\n"
        });
        fs::write(&trials, lines.collect::<String>()).unwrap();
        records.misses.clear();
        for row in &mut records.trials {
            row.evicted = None;
        }
        assert_eq!(Records::read(&path).unwrap(), records);
    }

    #[test]
    fn a_run_from_before_there_were_counters_is_read() {
        let root = tempfile::tempdir().unwrap();
        let (path, records) = written(root.path());
        let trials = path.join("trials.csv");
        let text = fs::read_to_string(&trials).unwrap();
        // The last columns, and the fields below them, none of which has a comma in it.
        let header = text.lines().next().unwrap();
        let (_, after) = header.split_once(",cycles,").unwrap();
        let count = after.split(',').count() + 1;
        let lines = text.lines().map(|line| {
            let rest = line.rsplitn(count + 1, ',').last().unwrap();
            rest.to_owned() + "\n"
        });
        fs::write(&trials, lines.collect::<String>()).unwrap();
        assert_eq!(Records::read(&path).unwrap(), records);
    }

    #[track_caller]
    fn refuses(path: &Path, words: &[&str]) -> ReadError {
        let error = Records::read(path).unwrap_err();
        let message = error.to_string();
        for word in words {
            assert!(message.contains(word), "'{word}' is not in: {message}");
        }
        error
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = tempfile::tempdir().unwrap();
        let error = refuses(&root.path().join("none"), &["none", "is not there"]);
        assert!(matches!(error, ReadError::Missing(_)));
        assert_eq!(BadInput(error.to_string()), BadInput::from(error));
        refuses(root.path(), &["run.toml is not there", "run directory"]);
        for file in ["trials.csv", "slices.csv", "census.csv", "timeline.csv"] {
            let (path, _) = written(root.path());
            fs::remove_file(path.join(file)).unwrap();
            refuses(&path, &[file, "is not there"]);
            fs::write(path.join(file), "").unwrap();
            assert!(matches!(refuses(&path, &[file]), ReadError::Empty(_)));
        }
    }

    #[test]
    fn a_malformed_row_is_named_with_its_line() {
        let root = tempfile::tempdir().unwrap();
        for (line, words) in [
            ("c1,total,items,many", ["line 3", "count:"]),
            ("c1,total,items", ["line 3", "3 fields"]),
            ("c1,total,items,-1", ["line 3", "count:"]),
            ("c1,total,items,1,2", ["line 3", "5 fields"]),
        ] {
            let (path, _) = written(root.path());
            let mut file = fs::OpenOptions::new()
                .append(true)
                .open(path.join("census.csv"))
                .unwrap();
            writeln!(file, "{line}").unwrap();
            let error = refuses(&path, &["census.csv", words[0], words[1]]);
            assert!(matches!(error, ReadError::Row { line: 3, .. }));
        }
    }

    #[test]
    fn another_version_or_header_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let (path, _) = written(root.path());
        let change = |file: &str, from: &str, to: &str| {
            let path = path.join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from));
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
        };
        change("census.csv", "figure", "figures");
        refuses(
            &path,
            &["census.csv, line 1", "'figures' instead of 'figure'"],
        );
        change("census.csv", "figures", "figure");
        change("census.csv", ",count", "");
        refuses(&path, &["column 'count' is missing"]);
        change("census.csv", ",label", ",label,count");
        change("trials.csv", "\n1,", "\n2,");
        refuses(&path, &["trials.csv", "schema version 2"]);
        change("run.toml", "schema_version = 1", "schema_version = 7");
        refuses(&path, &["run.toml", "schema version 7", "reads version 1"]);
        change("run.toml", "schema_version = 7", "schema_version = 1");
        change(
            "run.toml",
            "status = \"interrupted\"",
            "status = \"dreaming\"",
        );
        let error = refuses(&path, &["run.toml", "dreaming", "line 5"]);
        assert!(matches!(error, ReadError::Manifest(..)));
    }
}
