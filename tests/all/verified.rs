//! `run` checks each target before it measures it, says so, and leaves out what fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bucketlab::record::Records;

/// A small run of these targets that keeps its checks in `cache`.
fn run(out: &Path, cache: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args("run -w ycsb-c --threads 1 --entries 1000 --trials 2 --out".split(' '))
        .arg(out)
        .args(more)
        .env("XDG_CACHE_HOME", cache)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The page that a run's last line names.
fn page(output: &Output) -> PathBuf {
    PathBuf::from(text(&output.stdout).lines().last().expect("a path"))
}

#[test]
fn what_was_checked_is_said_recorded_and_not_checked_again() {
    let root = tempfile::tempdir().unwrap();
    let (out, cache) = (root.path().join("runs"), root.path().join("cache"));
    let targets = ["-t", "fixed", "-t", "mutex-hashbrown:capacity=100"];
    for again in [false, true] {
        let output = run(&out, &cache, &targets);
        let (said, told) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{told}");
        assert!(said.contains("verified: 2 targets, with "), "{said}");
        assert_eq!(told.contains("checking fixed (1 of 2)"), !again, "{told}");
        let path = page(&output);
        let html = std::fs::read_to_string(&path).unwrap();
        assert!(html.contains(">verified: 2 targets<"), "the badge");
        // Beside a peer stands what both promise, with the histories of these checks.
        assert!(html.contains("<h2>Guarantees</h2>") && html.contains(" histories)"));
        let records = Records::read(path.parent().unwrap()).unwrap();
        let verification = records.manifest.verification.expect("it is recorded");
        assert!(!verification.skipped);
        let mut all = verification.targets.iter();
        assert!(all.all(|entry| entry.passed() && entry.cached == again));
        let stages = &verification.targets[1].stages;
        let names: Vec<&str> = stages.iter().map(|stage| stage.stage.as_str()).collect();
        assert_eq!(names, ["differential", "ownership", "linearizability"]);
        assert!(stages.iter().all(|stage| stage.operations > 0));
        // The report follows from the records.
        std::fs::remove_file(&path).unwrap();
        let drawn = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
            .arg("report")
            .arg(path.parent().unwrap())
            .output();
        assert!(drawn.unwrap().status.success());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), html);
    }
}

#[test]
fn a_run_that_was_told_not_to_check_says_so_in_red() {
    let root = tempfile::tempdir().unwrap();
    let output = run(root.path(), root.path(), &["-t", "fixed", "--no-verify"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(
        said.contains("NOT VERIFIED: the run had --no-verify"),
        "{said}"
    );
    let html = std::fs::read_to_string(page(&output)).unwrap();
    let badge = html
        .lines()
        .find(|line| line.contains(">not verified (--no-verify)<"))
        .expect("a badge");
    assert!(badge.contains("class=\"bad\""), "{badge}");
    assert!(html.contains("role=\"note\">Not verified: the run had --no-verify."));
    assert!(!html.contains("<h2>Guarantees</h2>"), "there is no peer");
}

/// A table that tears values is not measured; the others are, though there is no place for a cache.
#[cfg(feature = "faults")]
#[test]
fn a_target_that_fails_has_an_error_row_and_no_rank() {
    let root = tempfile::tempdir().unwrap();
    let in_the_way = root.path().join("file");
    std::fs::write(&in_the_way, "").unwrap();
    let out = root.path().join("runs");
    let output = run(&out, &in_the_way, &["-t", "fixed", "-t", "tears"]);
    let (said, told) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("tears on ycsb-c, 1 thread: check failed: ownership: "),
        "{told}"
    );
    assert!(
        said.contains("verified: 1 of 2 targets") && said.contains("not ranked: tears (ownership)"),
        "{said}"
    );
    let run = page(&output).parent().unwrap().to_owned();
    let records = Records::read(&run).unwrap();
    let of = |target: &str| {
        let rows = records.trials.iter().filter(|row| row.target == target);
        rows.map(|row| row.error.clone()).collect::<Vec<_>>()
    };
    assert!(of("fixed").len() >= 2 && of("fixed").iter().all(String::is_empty));
    let failed = of("tears");
    assert_eq!(failed.len(), 1);
    let again = "again: bucketlab verify tears --stage ownership --hash sip13 --seed ";
    assert!(failed[0].contains(again), "{}", failed[0]);
    let rank = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .arg("rank")
        .arg(&run)
        .output()
        .unwrap();
    let rank = text(&rank.stdout);
    assert!(
        rank.contains("tears") && rank.contains("check failed"),
        "{rank}"
    );
}
