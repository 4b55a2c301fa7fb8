//! `bucketlab report` from outside: on large, damaged, empty and hostile run directories.

mod made_up;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use self::made_up::{LARGE, Size, made_up};
use assert_cmd::Command;

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

const SMALL: Size = Size {
    panels: 1,
    trials: 3,
};

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
    let bytes = fs::metadata(&page).unwrap().len();
    println!("report of 10,000 trials: {elapsed:?}, {bytes} bytes");
    assert!(bytes < 5_000_000, "the page has {bytes} bytes");
}

#[test]
fn the_same_records_give_the_same_bytes_and_old_charts_go() {
    let root = tempfile::tempdir().unwrap();
    // Panels of each kind.
    let run = made_up(root.path(), Size { panels: 8, ..SMALL });
    assert!(report(&[&run]).status.success());
    let first = pages(&run);
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
    assert!(html.contains(&link), "{html}");
    // The page gives the verdicts of `compare`.
    let compared = Command::cargo_bin("bucketlab")
        .expect("the program")
        .arg("compare")
        .args([&a, &b])
        .args(["--format", "json"])
        .output()
        .expect("it starts");
    let compared: serde_json::Value = serde_json::from_slice(&compared.stdout).unwrap();
    let cells = compared["cells"].as_array().unwrap();
    assert!(!cells.is_empty());
    for cell in cells {
        let words = match cell["verdict"].as_str().unwrap() {
            "same" => "the same within",
            "not-told-apart" => "not told apart",
            "not-comparable" => "not comparable",
            other => other,
        };
        assert!(html.contains(words), "no '{words}' in {html}");
    }
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
    let newer = |text: String| text.replacen("schema_version = 5", "schema_version = 9", 1);
    refuses(
        &[&damage("run.toml", newer)],
        &["run.toml", "schema version 9", "reads versions 2 to 5"],
    );
    let newer_row = |text: String| text.replacen("\n5,", "\n9,", 1);
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
    let mut header = whole.lines().next().unwrap().split(',');
    let error = header.position(|column| column == "error").unwrap();
    let failed: String = whole
        .lines()
        .enumerate()
        .map(|(at, line)| {
            let mut fields: Vec<&str> = line.split(',').collect();
            if at > 0 {
                fields[error] = "<script>alert(1)</script>";
            }
            fields.join(",") + "\n"
        })
        .collect();
    fs::write(&trials, failed).unwrap();
    let (html, _) = page(&["No cell has figures", "failed cells 5 of 5"]);
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert(1)"));
    // A chart that is left has something to show, and the page shows it.
    for (file, _) in pages(&run) {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("report.") || html.contains(name), "{name}");
    }
}
