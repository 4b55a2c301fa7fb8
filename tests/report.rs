//! `bucketlab report` from outside: on large, damaged, empty and hostile run directories.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use bucketlab::record::{
    CellEntry, CensusRow, Manifest, MarkRow, PanelEntry, RunDirectory, SCHEMA_VERSION, SliceKind,
    SliceRow, Status, TrialRow,
};

fn report(args: &[&Path]) -> Output {
    Command::cargo_bin("bucketlab")
        .expect("the program")
        .arg("report")
        .args(args)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// How large a made-up run is. Each trial has twenty slices, as in a real one.
#[derive(Clone, Copy)]
struct Size {
    panels: u32,
    trials: u32,
}

const TARGETS: [&str; 5] = ["null", "fixed", "fixed", "resizable", "striped"];
const SLICES: u32 = 20;

/// Ten thousand trials, 200,000 slices.
const LARGE: Size = Size {
    panels: 40,
    trials: 50,
};
const SMALL: Size = Size {
    panels: 1,
    trials: 3,
};

/// Writes a run that nobody measured: panels of five targets, the second `fixed` being the twin.
fn made_up(root: &Path, size: Size) -> PathBuf {
    let mut run = RunDirectory::create(root, "made-up", "", "20260131T123456Z").unwrap();
    run.manifest(&manifest(run.run_id(), size)).unwrap();
    for panel in 0..size.panels {
        for (at, target) in (0..).zip(TARGETS) {
            let id = cell_id(panel, at);
            for trial in 0..size.trials {
                let (row, slices) = trial_of(run.run_id(), panel, at, trial);
                run.slices(&slices).unwrap();
                run.trial(&row).unwrap();
            }
            let census: Vec<CensusRow> = (0..8)
                .map(|length: u64| CensusRow {
                    cell_id: id.clone(),
                    figure: "chain_length".into(),
                    label: length.to_string(),
                    count: 1000 / (length + 1),
                })
                .collect();
            if target != "null" {
                run.census(&census).unwrap();
            }
            run.marks(&[MarkRow {
                panel,
                cell_id: id,
                trial: 0,
                at_ns: 1000,
                event: "end".into(),
                from_buckets: 1024,
                to_buckets: 2048,
            }])
            .unwrap();
        }
    }
    run.path().to_owned()
}

fn cell_id(panel: u32, at: u32) -> String {
    format!("{panel:04x}{at:04x}")
}

fn manifest(run_id: &str, size: Size) -> Manifest {
    let panels = 0..size.panels;
    Manifest {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.into(),
        name: "made-up".into(),
        started: "2026-01-31T12:34:56Z".into(),
        status: Status::Complete,
        argv: vec!["bucketlab".into(), "run".into()],
        seed: 7,
        slice_ns: 10_000_000,
        discard_ns: 2_000_000,
        version: "0.1.0".into(),
        revision: String::new(),
        binary_hash: String::new(),
        lockfile_hash: String::new(),
        clock_cost_ps: 20_000,
        not_measured: Vec::new(),
        machine: std::collections::BTreeMap::new(),
        suites: vec!["name = \"made-up\"".parse().unwrap()],
        panels: panels
            .clone()
            .map(|panel| PanelEntry {
                panel,
                suite: "made-up".into(),
                workload: format!("workload-{}", panel / 2),
                about: String::new(),
                threads: panel % 2 + 1,
                batch: 1,
                entries: 100_000,
                pass: false,
                baseline: cell_id(panel, 1),
            })
            .collect(),
        cells: panels
            .flat_map(|panel| (0..).zip(TARGETS).map(move |cell| (panel, cell)))
            .map(|(panel, (at, target))| CellEntry {
                cell_id: cell_id(panel, at),
                panel,
                suite: "made-up".into(),
                strategy: target.into(),
                target: target.into(),
                target_full: target.into(),
                hash: "sip13".into(),
                control: target == "null",
                twin: at == 2,
                colour: at.saturating_sub(u32::from(at > 1)),
            })
            .collect(),
    }
}

/// A trial with its slices; rates differ by a few percent from slice to slice.
fn trial_of(run_id: &str, panel: u32, at: u32, trial: u32) -> (TrialRow, Vec<SliceRow>) {
    let threads = panel % 2 + 1;
    let mut slices = Vec::new();
    for slice in 0..SLICES {
        let round = trial * SLICES + slice;
        // Spread over 0 to 99 without a generator: 37 and 61 are prime to 100.
        let jitter = u64::from((round * 37 + at * 61 + panel) % 100);
        let ops = 800_000 / u64::from(at + 1) * (1000 + jitter) / 1000;
        slices.push(SliceRow {
            panel,
            birth: trial / 25,
            trial,
            round,
            position: at,
            cell_id: cell_id(panel, at),
            kind: SliceKind::Throughput,
            attempt: 0,
            thread: slice % threads,
            started_ns: u64::from(round) * 10_000_000,
            ops: ops * 5 / 4,
            elapsed_ns: 10_000_000,
            discarded_ops: ops / 4,
            discarded_ns: 2_000_000,
        });
    }
    let ops: u64 = slices.iter().map(|slice| slice.ops).sum();
    let row = TrialRow {
        schema_version: SCHEMA_VERSION,
        run_id: run_id.into(),
        cell_id: cell_id(panel, at),
        suite: "made-up".into(),
        workload: format!("workload-{}", panel / 2),
        target: TARGETS[at as usize].into(),
        twin: at == 2,
        hash: "sip13".into(),
        threads,
        batch: 1,
        entries: 100_000,
        panel,
        birth: trial / 25,
        trial,
        seed: 7,
        slices: SLICES,
        ops: Some(ops),
        elapsed_ns: Some(200_000_000),
        discarded_ops: Some(ops / 5),
        discarded_ns: Some(40_000_000),
        hits: Some(ops),
        misses: Some(0),
        refused: Some(0),
        items: Some(100_000),
        rss_bytes: Some(9_600_000),
        bytes_claimed: Some(7_200_000),
        ..TrialRow::default()
    };
    (row, slices)
}

/// Every file that a report consists of, by name.
fn pages(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> = ["report.html", "report.md"].map(|f| run.join(f)).to_vec();
    let charts = fs::read_dir(run.join("charts")).expect("charts");
    files.extend(charts.map(|entry| entry.unwrap().path()));
    files.sort();
    files
        .into_iter()
        .map(|file| (file.clone(), fs::read(file).unwrap()))
        .collect()
}

#[test]
fn ten_thousand_trials_make_a_page_that_can_be_sent() {
    let root = tempfile::tempdir().unwrap();
    let run = made_up(root.path(), LARGE);
    let started = std::time::Instant::now();
    let output = report(&[&run]);
    let elapsed = started.elapsed();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = run.join("report.html");
    assert_eq!(text(&output.stdout), format!("{}\n", page.display()));
    let first = pages(&run);
    let bytes = fs::metadata(&page).unwrap().len();
    println!("report of 10,000 trials: {elapsed:?}, {bytes} bytes");
    assert!(bytes < 5_000_000, "the page has {bytes} bytes");
    // The same records give the same bytes, and a chart that is there no more is gone.
    let stale = run.join("charts/stale.svg");
    fs::write(&stale, "").unwrap();
    assert!(report(&[&run]).status.success());
    assert!(!stale.exists());
    assert!(first == pages(&run), "the second report differs");
}

#[test]
fn two_runs_make_a_page_in_the_first_or_where_it_is_wanted() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (made_up(root.path(), SMALL), made_up(root.path(), SMALL));
    assert!(report(&[&a]).status.success() && report(&[&b]).status.success());
    let output = report(&[&a, &b]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let id = b.file_name().unwrap().to_str().unwrap();
    let page = a.join(format!("compare-{id}.html"));
    assert_eq!(text(&output.stdout), format!("{}\n", page.display()));
    let html = fs::read_to_string(&page).unwrap();
    let link = format!("href=\"..&#x2f;{id}&#x2f;report.html\"");
    assert!(html.contains(&link) && html.contains("as in A"), "{html}");
    let elsewhere = root.path().join("ab.html");
    let output = report(&[&a, &b, Path::new("--out"), &elsewhere]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(elsewhere.is_file());
}

#[track_caller]
fn refuses(args: &[&Path], words: &[&str]) {
    let output = report(args);
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(stderr.contains(word), "'{word}' is not in: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn what_is_no_run_is_refused() {
    let root = tempfile::tempdir().unwrap();
    refuses(&[&root.path().join("none")], &["none is not there"]);
    refuses(&[root.path()], &["run.toml is not there"]);
    let run = made_up(root.path(), SMALL);
    refuses(&[&run, &root.path().join("none")], &["none is not there"]);
    refuses(
        &[&run, Path::new("--out"), Path::new("x")],
        &["OTHER_RUN_DIR"],
    );
    refuses(
        &[
            &run,
            &run,
            Path::new("--out"),
            &root.path().join("no/where.html"),
        ],
        &["where.html", "cannot be written"],
    );
    refuses(&[&run.join("trials.csv")], &["trials.csv"]);

    let damage = |file: &str, change: fn(String) -> String| {
        let run = made_up(root.path(), SMALL);
        let path = run.join(file);
        fs::write(&path, change(fs::read_to_string(&path).unwrap())).unwrap();
        run
    };
    let newer = |text: String| text.replacen("schema_version = 1", "schema_version = 9", 1);
    refuses(
        &[&damage("run.toml", newer)],
        &["run.toml", "schema version 9", "reads version 1"],
    );
    let newer_row = |text: String| text.replacen("\n1,", "\n9,", 1);
    refuses(&[&damage("trials.csv", newer_row)], &["schema version 9"]);
    refuses(
        &[&damage("run.toml", |_| String::new())],
        &["run.toml is empty"],
    );
    refuses(
        &[&damage("slices.csv", |_| String::new())],
        &["slices.csv is empty"],
    );
    let half = |text: String| text[..text.len() / 2].to_owned();
    refuses(&[&damage("run.toml", half)], &["run.toml"]);
    let torn = |text: String| text.replacen(",sip13,", ",", 1);
    refuses(&[&damage("trials.csv", torn)], &["trials.csv, line 2"]);
}

#[test]
fn what_can_be_shown_is_shown_with_what_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    let run = made_up(root.path(), SMALL);
    let trials = run.join("trials.csv");
    let whole = fs::read_to_string(&trials).unwrap();
    let page = |words: &[&str]| {
        let output = report(&[&run]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let html = fs::read_to_string(run.join("report.html")).unwrap();
        for word in words {
            assert!(html.contains(word), "'{word}' is not in the page");
        }
        (html, text(&output.stderr))
    };
    // Cut short within the last row.
    fs::write(&trials, &whole[..whole.len() - 7]).unwrap();
    page(&["1 row at the end of the CSV files cut short"]);
    // Nothing but the header.
    fs::write(&trials, whole.lines().next().unwrap().to_owned() + "\n").unwrap();
    let (_, stderr) = page(&["Nothing was measured", "unmeasured cells 5 of 5"]);
    assert!(stderr.contains("nothing was measured"), "{stderr}");
    // Nothing but errors, which try to be part of the page.
    let failed: String = whole
        .lines()
        .enumerate()
        .map(|(at, line)| match at {
            0 => format!("{line}\n"),
            _ => format!("{line}<script>alert(1)</script>\n"),
        })
        .collect();
    fs::write(&trials, failed).unwrap();
    let (html, _) = page(&["No cell has figures", "failed cells 5 of 5"]);
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert(1)"));
    assert!(!run.join("charts").is_dir() || fs::read_dir(run.join("charts")).unwrap().count() == 0);
}
