//! `bucketlab verify` from outside: bad input, a small run, an interrupt.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt;
use rustix::process::{Pid, Signal, kill_process};

fn command(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("bucketlab").expect("the program");
    command.env("COLUMNS", "120").arg("verify").args(args);
    command
}

fn verify(args: &[&str]) -> Output {
    command(args).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn bad_input_is_named_and_exits_with_2() {
    let cases: &[(&[&str], &[&str])] = &[
        (&["fixde"], &["fixde", "did you mean 'fixed'"]),
        (&["fixed:bucket=4"], &["bucket", "buckets"]),
        (&["null"], &["null", "control"]),
        (
            &["fixed", "--stage", "wlak"],
            &["wlak", "did you mean 'walk'"],
        ),
        (&["fixed", "--hash", "sip31"], &["sip31", "sip13"]),
        (&["fixed", "--threads", "0"], &["--threads 0", "1 to 256"]),
        (&["fixed", "--time", "0"], &["--time 0", "above 0"]),
        (&["fixed", "--only", "9-3"], &["9-3", "3,17-20"]),
        (
            &["fixed", "--only", "3"],
            &["--only", "--stage differential"],
        ),
    ];
    for (args, words) in cases {
        let output = verify(args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(output.stdout.is_empty(), "{args:?} prints on stdout");
        for word in *words {
            assert!(stderr.contains(word), "{args:?}: no '{word}' in: {stderr}");
        }
    }
}

#[test]
fn help_has_examples_and_every_stage() {
    let help = text(&verify(&["--help"]).stdout);
    assert!(help.contains("Examples:") && help.contains("bucketlab verify striped dash"));
    for stage in bucketlab::verify::Stage::ALL {
        assert!(help.contains(stage.name()), "{}", stage.name());
    }
}

/// A name stands for all samples; a stage that does not apply is a dash.
#[test]
fn verdicts_come_as_a_table_and_say_what_was_exercised() {
    let output = verify(&[
        "mutex-hashbrown",
        "--stage",
        "ownership,walk",
        "--time",
        "0.1",
    ]);
    let stdout = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    let row = |start: &str| -> Vec<String> {
        let line = stdout
            .lines()
            .find(|line| line.trim_start().starts_with(start));
        let line = line.unwrap_or_else(|| panic!("no {start} in {stdout}"));
        line.split_whitespace().map(str::to_owned).collect()
    };
    let sample = row("mutex-hashbrown:capacity=100");
    assert_eq!(sample[1..3], ["passed", "–"]);
    let operations: u64 = sample[3].replace(',', "").parse().expect("a count");
    assert!(operations > 10_000, "{sample:?}");
    assert!(
        stdout.ends_with("2 checks of 2 targets: 2 passed, 0 failed\n"),
        "{stdout}"
    );
}

#[test]
fn an_interrupt_prints_what_was_found() {
    let mut child = command(&["fixed", "striped", "--stage", "ownership", "--time", "3600"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    std::thread::sleep(Duration::from_secs(2));
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).expect("it runs");
    let status = child.wait().expect("it ends");
    let output = child.wait_with_output().expect("its output");
    let stdout = text(&output.stdout);
    assert_eq!(status.code(), Some(130), "{stdout}");
    let targets = ["fixed:buckets=1", "striped"];
    assert!(
        targets.iter().all(|target| stdout.contains(target)),
        "{stdout}"
    );
    assert!(
        stdout.contains("unfinished") && stdout.contains("0 failed"),
        "{stdout}"
    );
}

/// Each planted fault is caught by the stage that is meant for it, and the table without one passes there.
#[cfg(feature = "faults")]
#[test]
fn every_canary_is_caught_by_the_stage_that_is_meant_for_it() {
    let cases = [
        // The first round of this seed is the long one.
        ("lost-update", "differential", "4", "expected the value"),
        ("tears", "ownership", "1", "a torn value"),
        ("evicts", "walk", "1", "once, got 0 times"),
        (
            "stale-after-growth:buckets=4",
            "linearizability",
            "1",
            "an order of its operations",
        ),
        (
            "misses-while-growing:buckets=4",
            "linearizability",
            "1",
            "an order of its operations",
        ),
        ("leaks", "census", "1", "that the same entries took before"),
        ("miscounts", "census", "1", "items"),
    ];
    let out = tempfile::tempdir().expect("a directory");
    for (canary, stage, seed, words) in cases {
        let output = command(&[canary, "--stage", stage, "--seed", seed, "--hash", "sip13"])
            .args(["--time", "0.1", "--format", "json", "--out"])
            .arg(out.path())
            .output()
            .expect("it starts");
        assert_eq!(
            output.status.code(),
            Some(1),
            "{canary}: {}",
            text(&output.stderr)
        );
        let verdicts: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(verdicts[0]["ending"], "failed", "{canary}");
        assert_eq!(verdicts[0]["stage"], stage);
        let what = verdicts[0]["found"]["what"].as_str().expect("a sentence");
        assert!(what.contains(words), "{canary}: no '{words}' in: {what}");
        if stage == "linearizability" {
            let file = format!("history-{}-1.svg", canary.replace([':', '='], "-"));
            let drawn = std::fs::read_to_string(out.path().join(file)).expect("a drawing");
            assert!(drawn.contains("breaks here"));
        }
    }
    let good = verify(&[
        "striped:buckets=4",
        "--stage",
        "ownership,walk,census",
        "--time",
        "0.1",
    ]);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stdout));
}
