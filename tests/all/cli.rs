//! The program from outside: bad input, listings, dry runs, small real runs.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

/// Runs the program in a pipe, whose reader asks for a hundred columns.
fn bucketlab(args: &[&str]) -> Output {
    Command::cargo_bin("bucketlab")
        .expect("the program")
        .env("COLUMNS", "100")
        .args(args)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every bad input exits with 2, says nothing on stdout, and names what is wrong and what is right.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn bad_input_is_named_and_exits_with_2() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let malformed = file("malformed.toml", b"name = \"x\"\nabout = \"y\"\n[[group]\n");
    let unknown_field = file(
        "field.toml",
        b"name = \"x\"\nabout = \"y\"\ntreads = [1]\n[[group]]\nworkloads = []\ntargets = []\n",
    );
    let no_group = file("empty.toml", b"name = \"x\"\nabout = \"y\"\ngroup = []\n");
    let bad_theta = file(
        "theta.toml",
        b"name = \"x\"\nabout = \"y\"\n[[group]]\nworkloads = [\"mine\"]\ntargets = [\"fixed\"]\n\
          [workload.mine]\nbase = \"ycsb-c\"\nkeys = { distribution = \"zipfian\", theta = -1.0 }\n",
    );
    let empty = file("empty.txt", b"");
    let blank_line = file("blank.txt", b"a\nb\n\nc\n");
    let cut_gz = file("cut.txt.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b]);
    let out_file = file("file", b"");

    let cases: &[(&[&str], &[&str])] = &[
        (
            &["run", "-t", "fixde"],
            &[
                "unknown strategy 'fixde'",
                "did you mean 'fixed'",
                "striped",
            ],
        ),
        (
            &["run", "-t", "fixed:bucket=4"],
            &["'bucket'", "did you mean 'buckets'"],
        ),
        (
            &["run", "-t", "fixed:buckets=0"],
            &["buckets=0", "nearest valid value is 1"],
        ),
        (
            &["run", "-t", "fixed:buckets=1000"],
            &["power of two", "2^10"],
        ),
        (
            &["run", "-t", "fixed:buckets=2^60"],
            &["buckets=2^60", "2^32"],
        ),
        (&["run", "-t", "fixed:buckets=[1,2"], &["does not close"]),
        (
            &["run", "-t", "fixed:buckets=2^32"],
            &["memory would be needed", "fewer"],
        ),
        (
            &["run", "-w", "ycsb-z"],
            &["unknown workload 'ycsb-z'", "did you mean 'ycsb-"],
        ),
        (
            &["run", "--hash", "sip31"],
            &["unknown hash 'sip31'", "did you mean 'sip13'"],
        ),
        (
            &["run", "quikc"],
            &["unknown suite 'quikc'", "did you mean 'quick'"],
        ),
        (
            &["run", "missing.toml"],
            &["missing.toml", "cannot be read"],
        ),
        (&["run", &malformed], &["malformed.toml", "line 3"]),
        (&["run", &unknown_field], &["treads", "line 3", "threads"]),
        (&["run", &no_group], &["no [[group]]"]),
        (&["run", &bad_theta], &["theta", "-1"]),
        (&["run", "--threads", "0"], &["threads = 0", "1 to"]),
        (&["run", "--batch", "0"], &["batch = 0", "1 to"]),
        (&["run", "--trials", "0"], &["trials = 0"]),
        (&["run", "--time", "0"], &["time = 0 s"]),
        (&["run", "--precision", "0%"], &["0%", "above 0"]),
        (
            &["run", "--precision", "2%", "--trials", "3"],
            &["--precision", "cannot be used with"],
        ),
        (
            &["run", "--precision", "2%", "--max-time", "0"],
            &["max-time = 0 s"],
        ),
        (&["run", "--time", "NaN"], &["'NaN' is no time", "1.5s"]),
        (&["run", "--entries", "0"], &["entries = 0"]),
        (&["run", "--entries", "1.5"], &["1.5", "whole number"]),
        (
            &["run", "--entries", "4000000000"],
            &["memory would be needed"],
        ),
        (&["run", "--entries", "99999999999999"], &["entries"]),
        (&["run", "--trace", "missing.txt"], &["missing.txt"]),
        (
            &["run", "--trace", &format!("{empty}:kees")],
            &["unknown trace format 'kees'", "keys"],
        ),
        (&["run", "--trace", &empty], &["empty.txt", "empty"]),
        (&["run", "--trace", &blank_line], &["blank.txt", "line 3"]),
        (&["run", "--trace", &cut_gz], &["cut.txt.gz", "byte"]),
        (
            &["run", "-t", "fixed", "--trials", "1", "--out", &out_file],
            &["file"],
        ),
        (&["run", "--format", "tabel"], &["tabel", "table"]),
        (&["list", "strategy"], &["strategy", "strategies"]),
        (&["rnu"], &["unrecognized subcommand", "rnu"]),
    ];
    for (args, words) in cases {
        let output = bucketlab(args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?} prints on stdout");
        for word in *words {
            assert!(
                stderr.contains(word),
                "{args:?}: '{word}' is missing in: {stderr}"
            );
        }
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}

#[test]
fn every_verb_has_help_with_an_example() {
    for verb in ["run", "report", "doctor", "list", "verify"] {
        let output = bucketlab(&[verb, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        let stdout = text(&output.stdout);
        assert!(stdout.contains("Examples:") && stdout.contains(&format!("bucketlab {verb}")));
    }
}

/// Whatever the machine is like: the checks come as a table that fits and as JSON with the same.
#[test]
fn the_doctor_looks_at_this_machine() {
    let table = bucketlab(&["doctor"]);
    assert_eq!(table.status.code(), Some(0));
    let table = text(&table.stdout);
    assert!(!table.contains('\u{1b}'), "no colour in a pipe");
    assert!(
        table.lines().all(|line| line.chars().count() <= 100),
        "{table}"
    );
    let json = bucketlab(&["doctor", "--strict", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let warnings = found["warnings"].as_u64().unwrap();
    assert_eq!(json.status.code(), Some(i32::from(warnings > 0)));
    let checks = found["checks"].as_array().unwrap();
    for check in checks {
        let name = check["check"].as_str().unwrap();
        assert!(table.contains(name), "{name}");
    }
    let build = checks.iter().find(|one| one["check"] == "build").unwrap();
    let debug = build["severity"] == "warning";
    assert_eq!(debug, cfg!(debug_assertions));
}

#[test]
fn listings_come_as_table_markdown_and_json() {
    for kind in [
        "strategies",
        "guarantees",
        "hashes",
        "workloads",
        "suites",
        "formats",
        "columns",
    ] {
        let table = bucketlab(&["list", kind]);
        assert!(table.status.success() && !table.stdout.is_empty(), "{kind}");
        assert!(
            !text(&table.stdout).contains('\u{1b}'),
            "no colour in a pipe"
        );
        let json = bucketlab(&["list", kind, "--format", "json"]);
        let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        let rows = json[kind].as_array().unwrap();
        let markdown = text(&bucketlab(&["list", kind, "--markdown"]).stdout);
        assert_eq!(
            markdown.lines().count(),
            rows.len() + 2,
            "{kind}: a header and a row each"
        );
    }
}

/// The guide shows what `list --markdown` prints.
#[test]
fn the_guide_lists_what_there_is() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide");
    let lists = [
        ("strategies", "strategies.md"),
        ("guarantees", "verifying.md"),
        ("guarantees", "../../README.md"),
        ("hashes", "hashes.md"),
        ("workloads", "suites.md"),
        ("suites", "suites.md"),
        ("formats", "suites.md"),
        ("columns", "measuring.md"),
    ];
    for (kind, page) in lists {
        let page = std::fs::read_to_string(guide.join(page)).unwrap();
        let markdown = text(&bucketlab(&["list", kind, "--markdown"]).stdout);
        // A build with planted faults lists them too; the guide does not.
        let markdown: String = markdown
            .split_inclusive('\n')
            .filter(|row| !row.contains("| fault: ") && !row.contains("| no fault: "))
            .collect();
        let block = format!("<!-- bucketlab list {kind} --markdown -->\n{markdown}<!-- end -->");
        assert!(
            page.contains(&block),
            "the guide's list of {kind} is not current (scripts/readme); it should be:\n{block}"
        );
    }
}

#[test]
fn a_dry_run_says_what_would_be_run_and_writes_nothing() {
    let out = tempfile::tempdir().unwrap();
    let out_path = out.path().join("none");
    let output = bucketlab(&["run", "--dry-run", "--out", out_path.to_str().unwrap()]);
    let stdout = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        stdout.contains("ycsb-a, 2 threads") && stdout.contains("baseline"),
        "{stdout}"
    );
    // The bucket sweep shares its panel with the strategies, and 2^10 coincides with the baseline.
    assert_eq!(stdout.matches("ycsb-c, 1 thread").count(), 1, "{stdout}");
    let loose = stdout.matches("ycsb-c back to back, 1 thread").count();
    assert_eq!(loose, 1, "{stdout}");
    assert!(
        stdout.contains("fixed:buckets=2^18") && stdout.contains("cells in 8 panels"),
        "{stdout}"
    );
    assert!(!out_path.exists());
}

/// Runs the program with a small panel and returns its exit code, stdout and stderr.
fn small_run(out: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut args = vec![
        "run",
        "--no-verify",
        "--entries",
        "2000",
        "--time",
        "0.5",
        "--out",
        out.to_str().unwrap(),
    ];
    args.extend(more);
    let output = bucketlab(&args);
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The directory of a run, from the last line of its stdout: the path of the report in it.
pub(super) fn directory_of(stdout: &str) -> &Path {
    let page = Path::new(stdout.lines().last().expect("a last line"));
    assert!(page.ends_with("report.html") && page.is_file(), "{stdout}");
    page.parent().expect("a file is somewhere")
}

#[test]
fn a_run_leaves_its_files_and_ends_with_the_path_of_its_report() {
    let out = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = small_run(
        out.path(),
        &[
            "-w", "ycsb-a", "-w", "ycsb-d", "-w", "ycsb-f", "--batch", "4",
        ],
    );
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    assert_eq!(
        stderr.contains("figures are for yourself"),
        bucketlab::machine::profile() != bucketlab::machine::RELEASE,
        "{stderr}"
    );
    let run = directory_of(&stdout);
    for file in [
        "run.toml",
        "trials.csv",
        "slices.csv",
        "census.csv",
        "report.html",
        "report.md",
    ] {
        assert!(
            std::fs::metadata(run.join(file)).unwrap().len() > 100,
            "{file}"
        );
    }
    let records = bucketlab::record::Records::read(run).unwrap();
    assert_eq!(records.manifest.status, bucketlab::record::Status::Complete);
    // Every cell has trials, none has an error, and every slice belongs to a cell.
    for cell in &records.manifest.cells {
        let trials: Vec<_> = records
            .trials
            .iter()
            .filter(|row| row.cell_id == cell.cell_id)
            .collect();
        assert!(!trials.is_empty(), "{cell:?}");
        for row in trials {
            assert_eq!(row.error, "");
            assert!(row.ops.unwrap() > 0 && row.misses == Some(0), "{row:?}");
            assert_eq!(row.items.is_some(), !cell.control, "{row:?}");
        }
    }
    let fixed_items: Vec<_> = records
        .trials
        .iter()
        .filter(|row| row.target == "fixed" && row.workload == "ycsb-a")
        .map(|row| row.items)
        .collect();
    assert!(
        fixed_items.iter().all(|items| *items == Some(2000)),
        "{fixed_items:?}"
    );
}

#[test]
fn json_on_stdout_is_all_that_is_there() {
    let out = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = small_run(
        out.path(),
        &[
            "-w",
            "ycsb-c",
            "-t",
            "striped",
            "--threads",
            "2",
            "--format",
            "json",
            "--trials",
            "2",
        ],
    );
    assert_eq!(code, Some(0), "{stderr}");
    let json: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["panels"].as_array().unwrap().len(), 1);
    assert!(directory_of(&stderr).starts_with(out.path()));
}

/// A trace replays in order, each key on one thread, so hits and misses are exact.
#[test]
fn a_trace_replays_with_exact_counts() {
    let out = tempfile::tempdir().unwrap();
    let trace = out.path().join("requests.txt");
    let lines: Vec<String> = (0..5000u32)
        .map(|n| format!("page{}", n * n % 1013))
        .collect();
    std::fs::write(&trace, lines.join("\n")).unwrap();
    let distinct: std::collections::BTreeSet<u32> = (0..5000).map(|n| n * n % 1013).collect();
    for (threads, batch) in [("1", "1"), ("3", "1"), ("1", "16")] {
        let (code, stdout, stderr) = small_run(
            out.path(),
            &[
                "--trace",
                trace.to_str().unwrap(),
                "--threads",
                threads,
                "--batch",
                batch,
                "-t",
                "fixed",
                "-t",
                "resizable",
                "-t",
                "striped",
                "--trials",
                "1",
            ],
        );
        assert_eq!(code, Some(0), "{stderr}");
        let run = directory_of(&stdout);
        let records = bucketlab::record::Records::read(run).unwrap();
        for row in records.trials.iter().filter(|row| row.target != "null") {
            assert_eq!(row.ops, Some(5000));
            assert_eq!(row.items, Some(distinct.len() as u64), "{row:?}");
            if batch == "1" {
                assert_eq!(row.misses, Some(distinct.len() as u64), "{row:?}");
            }
        }
    }
}

/// `trace` says what a trace is, leaves its chart where it is told, and stops at a broken line.
#[test]
fn trace_says_what_a_trace_is() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("cluster.csv");
    let line = |n: u32| {
        let op = ["get", "set"][n as usize % 2];
        format!("{n},key{},10,50,1,{op},0\n", n * n % 53)
    };
    let lines = (0..4000).map(line).collect::<Vec<_>>().concat();
    std::fs::write(&file, &lines).unwrap();
    let (file, folder) = (file.to_str().unwrap(), out.path().to_str().unwrap());
    let table = bucketlab(&["trace", file, "--out", folder]);
    let text = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.status.code(), Some(0), "{text}");
    for words in ["(twitter)", "get 50.0 %", "one-hit wonders", "zipf"] {
        assert!(text.contains(words), "{words} in:\n{text}");
    }
    let mut rows = text.lines().map(|line| line.split_whitespace());
    assert!(rows.any(|row| row.eq(["requests", "4000"])), "{text}");
    let chart = text.lines().last().unwrap();
    assert!(std::fs::read_to_string(chart).unwrap().starts_with("<svg "));
    let json = bucketlab(&["trace", file, "--out", folder, "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        (json["requests"].as_u64(), json["distinct_keys"].as_u64()),
        (Some(4000), Some(27))
    );
    std::fs::write(file, lines + "broken\n").unwrap();
    let strict = bucketlab(&["trace", file, "--out", folder]);
    let complaint = String::from_utf8(strict.stderr).unwrap();
    assert_eq!(strict.status.code(), Some(2));
    assert!(complaint.contains("line 4001"), "{complaint}");
    let lenient = bucketlab(&["trace", file, "--lenient", "--out", folder]);
    let text = String::from_utf8(lenient.stdout).unwrap();
    assert!(
        text.contains("note: 1 request in broken lines, left out"),
        "{text}"
    );
}

/// A child's first pass tells what the table's memory is, never less than what the table itself
/// claims; later ones, which may move into pages of those before, say that they do not know.
#[test]
fn the_memory_of_a_pass_is_its_table_s() {
    let out = tempfile::tempdir().unwrap();
    let output = bucketlab(&[
        "run",
        "--no-verify",
        "-w",
        "fill",
        "-t",
        "striped",
        "--entries",
        "50000",
        "--trials",
        "3",
        "--threads",
        "1",
        "--out",
        out.path().to_str().unwrap(),
    ]);
    let (code, stdout, stderr) = (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    );
    assert_eq!(code, Some(0), "{stderr}");
    let run = directory_of(&stdout);
    let records = bucketlab::record::Records::read(run).unwrap();
    let rows: Vec<_> = records
        .trials
        .iter()
        .filter(|row| row.target == "striped")
        .collect();
    assert_eq!(rows.len(), 6, "three trials of the baseline and its twin");
    for row in &rows {
        match row.rss_bytes {
            Some(rss) => {
                let ratio = rss as f64 / row.bytes_claimed.unwrap() as f64;
                assert!((1.0..1.5).contains(&ratio), "{ratio}: {row:?}");
            }
            None => assert!(row.memory_reason.contains("earlier passes"), "{row:?}"),
        }
        let slices = || records.slices.iter().filter(|s| s.cell_id == row.cell_id);
        let birth = slices().find(|s| s.trial == row.trial).unwrap().birth;
        let first = slices().filter(|s| s.birth == birth).map(|s| s.trial).min();
        let is_first = first == Some(row.trial);
        assert_eq!(row.rss_bytes.is_some(), is_first, "{row:?}");
    }
}
