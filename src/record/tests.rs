//! Rows that were written are read back; malformed rows are refused with their place and reason.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::directory::RunDirectory;
use super::histograms::{LatencyHistogram, empty_histogram};
use super::manifest::Status;
use super::read_error::ReadError;
use super::records::Records;
use super::rows::{
    CensusRow, LatencyRow, LoopKind, MarkRow, MissRow, SCHEMA_VERSION, SloRow, TimeKind, TrialRow,
    WindowRow,
};
use super::samples::{manifest, slice};
use crate::base::BadInput;

/// A run of two trials, four slices and a few other rows, and what was written.
fn written(root: &Path) -> (PathBuf, Records) {
    let mut run = RunDirectory::create(root, "quick", "", "20260131T123456Z").unwrap();
    run.manifest(&manifest(run.run_id())).unwrap();
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
    for file in [
        "trials.csv",
        "slices.csv",
        "census.csv",
        "timeline.csv",
        "mrc.csv",
        "latency.csv",
        "windows.csv",
        "slo.csv",
    ] {
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
        ("c1,total,items,many,,,,", ["line 3", "count:"]),
        ("c1,total,items", ["line 3", "3 fields"]),
        ("c1,total,items,-1,,,,", ["line 3", "count:"]),
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
    refuses(&path, &["'workload' instead of 'count'"]);
    change("census.csv", ",label", ",label,count");
    change("trials.csv", ",evicted", "");
    refuses(&path, &["trials.csv, line 1", "instead of 'evicted'"]);
    change("trials.csv", ",refused", ",refused,evicted");
    change("trials.csv", "\n5,", "\n6,");
    refuses(&path, &["trials.csv", "schema version 6"]);
    change("run.toml", "schema_version = 5", "schema_version = 7");
    refuses(&path, &["run.toml", "schema version 7", "versions 2 to 5"]);
    change("run.toml", "schema_version = 7", "schema_version = 5");
    change(
        "run.toml",
        "status = \"interrupted\"",
        "status = \"dreaming\"",
    );
    let error = refuses(&path, &["run.toml", "dreaming", "line 5"]);
    assert!(matches!(error, ReadError::Manifest(..)));
}

/// A run of an older version, which had no columns for absent keys, peaks of memory and servers, reads as one without.
#[test]
fn files_of_the_version_before_lack_only_what_is_optional() {
    let root = tempfile::tempdir().unwrap();
    let (path, _) = written(root.path());
    let text = fs::read_to_string(path.join("trials.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let new = <TrialRow as super::columns::Row>::OPTIONAL;
    let is_kept = |at: usize| !new.contains(&&header[at]);
    let version = header.iter().position(|name| name == "schema_version");
    let mut old = csv::Writer::from_writer(Vec::new());
    old.write_record(
        (0..header.len())
            .filter(|at| is_kept(*at))
            .map(|at| &header[at]),
    )
    .unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let field = |at: usize| {
            if Some(at) == version {
                "2"
            } else {
                &record[at]
            }
        };
        old.write_record((0..header.len()).filter(|at| is_kept(*at)).map(field))
            .unwrap();
    }
    fs::write(path.join("trials.csv"), old.into_inner().unwrap()).unwrap();
    let manifest = fs::read_to_string(path.join("run.toml")).unwrap();
    let manifest = manifest.replacen("schema_version = 5", "schema_version = 2", 1);
    fs::write(path.join("run.toml"), manifest).unwrap();
    let records = Records::read(&path).unwrap();
    assert!(!records.trials.is_empty());
    for row in &records.trials {
        assert_eq!((row.schema_version, row.absent_percent), (2, None));
    }
}

/// Rows say what their cells are called; files of the version before do not.
#[test]
fn rows_name_their_cells_and_read_without_names() {
    let root = tempfile::tempdir().unwrap();
    let (path, records) = written(root.path());
    let file = path.join("slices.csv");
    let text = fs::read_to_string(&file).unwrap();
    let mut lines = text.lines();
    let names = ",workload,target,twin,threads";
    let header = lines.next().unwrap();
    assert!(header.ends_with(names), "{header}");
    let row = lines.next().unwrap();
    assert!(row.ends_with(",ycsb-c,fixed,false,2"), "{row}");
    let cut = |line: &str, end: &str| format!("{}\n", line.strip_suffix(end).unwrap());
    let mut older = cut(header, names);
    older.extend(
        text.lines()
            .skip(1)
            .map(|row| cut(row, ",ycsb-c,fixed,false,2")),
    );
    fs::write(&file, older).unwrap();
    assert_eq!(Records::read(&path).unwrap().slices, records.slices);
}

/// Searches of a program before births and floors had no columns for them.
#[test]
fn searches_without_births_read_as_one_birth() {
    let root = tempfile::tempdir().unwrap();
    let (path, _) = written(root.path());
    let rows = "panel,cell_id,target,percentile,limit_ns,kept_per_s,kept_ns,broken_per_s,broken_ns,probes\n\
                0,c,striped,p99,200000,1000000,150000,1050000,800000,17\n";
    fs::write(path.join("slo.csv"), rows).unwrap();
    let slo = Records::read(&path).unwrap().slo;
    assert_eq!((slo.len(), slo[0].birth, slo[0].probes), (1, 0, 17));
    assert_eq!((slo[0].undecided_per_s, slo[0].kept_floor_ns), (None, None));
    fs::write(path.join("slo.csv"), rows.replacen(",probes", "", 1)).unwrap();
    refuses(&path, &["slo.csv", "column 'probes' is missing"]);
}
