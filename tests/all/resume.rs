//! A run that is killed goes on where it was.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use bucketlab::record::{Records, Status};

/// Two panels that keep their tables, with births of more than one trial, and one of passes.
const RUN: &[&str] = &[
    "run",
    "--no-verify",
    "-t",
    "fixed",
    "-t",
    "striped",
    "-w",
    "ycsb-c",
    "-w",
    "ycsb-a",
    "-w",
    "fill",
    "--entries",
    "500",
    "--trials",
    "6",
    "--threads",
    "1",
];

fn bucketlab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bucketlab"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    bucketlab(arguments).output().expect("it starts")
}

fn the_run_in(root: &Path) -> Option<PathBuf> {
    Some(fs::read_dir(root).ok()?.next()?.ok()?.path())
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Starts the run and kills it as soon as `trials.csv` has so many lines.
fn killed_after(root: &Path, trials: usize) -> PathBuf {
    let mut child = bucketlab(RUN)
        .args(["--out", root.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    loop {
        let run = the_run_in(root);
        if let Some(run) = run
            && lines(&run.join("trials.csv")) >= trials
        {
            // SIGKILL: nothing of the program's own runs after it.
            child.kill().unwrap();
            child.wait().unwrap();
            return run;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(2));
    }
}

fn trials(records: &Records) -> BTreeSet<(u32, String, u32, u32)> {
    let place =
        |row: &bucketlab::record::TrialRow| (row.panel, row.cell_id.clone(), row.birth, row.trial);
    assert!(records.trials.iter().all(|row| row.error.is_empty()));
    let set: BTreeSet<_> = records.trials.iter().map(place).collect();
    assert_eq!(set.len(), records.trials.len(), "a trial is there twice");
    set
}

/// Slices by trial, round and thread.
fn slices(records: &Records) -> BTreeSet<(u32, String, u32, u32, u32, u32)> {
    let place = |row: &bucketlab::record::SliceRow| {
        let (birth, trial) = (row.birth, row.trial);
        (
            row.panel,
            row.cell_id.clone(),
            birth,
            trial,
            row.round,
            row.thread,
        )
    };
    records.slices.iter().map(place).collect()
}

/// The cells that have a census, each once.
fn counted(records: &Records) -> Vec<String> {
    let rows = records.census.iter();
    let mut cells: Vec<String> = rows
        .filter(|row| (row.figure.as_str(), row.label.as_str()) == ("total", "items"))
        .map(|row| row.cell_id.clone())
        .collect();
    cells.sort();
    cells
}

#[test]
fn a_killed_run_goes_on_to_the_same_set_of_trials() {
    let root = tempfile::tempdir().unwrap();
    let whole = root.path().join("whole");
    let done = bucketlab(RUN)
        .args(["--out", whole.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let whole = Records::read(&the_run_in(&whole).unwrap()).unwrap();
    assert_eq!(trials(&whole).len(), 3 * 4 * 6);

    // In the first panel, in the second, among the passes; and killed twice.
    for (case, kills) in [vec![11], vec![60], vec![20, 40]].into_iter().enumerate() {
        let out = root.path().join(case.to_string());
        let run = killed_after(&out, kills[0]);
        // What the kill might have cut short.
        for file in ["slices.csv", "trials.csv"] {
            let mut file = fs::OpenOptions::new()
                .append(true)
                .open(run.join(file))
                .unwrap();
            file.write_all(b"1,2026").unwrap();
        }
        let run_name = run.to_str().unwrap();
        for &later in &kills[1..] {
            let mut child = bucketlab(&["run", "--resume", run_name])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            while lines(&run.join("trials.csv")) < later {
                assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
                thread::sleep(Duration::from_millis(2));
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let resumed = output(&["run", "--resume", run_name]);
        assert!(resumed.status.success(), "case {case}: {resumed:?}");
        let records = Records::read(&run).unwrap();
        assert_eq!(trials(&records), trials(&whole), "case {case}");
        assert_eq!(slices(&records), slices(&whole), "case {case}");
        assert_eq!(counted(&records), counted(&whole), "case {case}");
        let manifest = &records.manifest;
        assert_eq!(manifest.status, Status::Complete);
        assert_eq!(manifest.resumed.len(), kills.len(), "case {case}");
        assert_eq!(manifest.resumed[0].dropped_lines, 2, "case {case}");
        assert_eq!(records.dropped_lines, 0);
        assert!(run.join("report.html").exists());
    }
}

/// Files must not grow beyond so many KiB, as if the disk were full.
fn with_little_room(kib: u32, arguments: &[&str]) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_bucketlab")])
        .args(arguments)
        .output()
        .expect("it starts")
}

#[test]
fn a_full_disk_loses_at_most_the_trial_in_flight() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().to_str().unwrap();
    let arguments = [RUN, &["--out", out]].concat();
    let full = with_little_room(24, &arguments);
    let said = String::from_utf8_lossy(&full.stderr);
    assert_eq!(full.status.code(), Some(1), "{said}");
    assert!(
        said.contains("slices.csv") && said.contains("File too large"),
        "{said}"
    );
    let run = the_run_in(root.path()).unwrap();
    // Every trial that has a row has all its slices.
    let before = Records::read(&run).unwrap();
    let kept = trials(&before);
    assert!(!kept.is_empty());
    let resumed = output(&["run", "--resume", run.to_str().unwrap()]);
    assert!(resumed.status.success(), "{resumed:?}");
    let after = Records::read(&run).unwrap();
    assert_eq!(trials(&after).len(), 3 * 4 * 6);
    let of_kept = |records: &Records| -> Vec<_> {
        let rows = records.trials.iter().cloned();
        rows.filter(|row| kept.contains(&(row.panel, row.cell_id.clone(), row.birth, row.trial)))
            .collect()
    };
    // At most one round of trials was begun and not kept: it was measured anew.
    let lost = before.trials.len() - of_kept(&after).len();
    assert_eq!(lost, 0);
    let same = of_kept(&before)
        .iter()
        .zip(&of_kept(&after))
        .filter(|(a, b)| a.elapsed_ns == b.elapsed_ns)
        .count();
    assert!(same + 4 >= kept.len(), "{same} of {}", kept.len());
}

#[track_caller]
fn refused(arguments: &[&str], words: &[&str]) {
    let output = output(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    for word in words {
        assert!(
            said.contains(word),
            "{arguments:?}: '{word}' is not in: {said}"
        );
    }
}

#[test]
fn what_cannot_be_gone_on_with_is_named_and_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let run = killed_after(root.path(), 20);
    let name = run.to_str().unwrap();
    let before = fs::read(run.join("trials.csv")).unwrap();
    refused(
        &["run", "--resume", "no-such-run"],
        &["no-such-run", "is not there"],
    );
    for flag in [
        "--trials=3",
        "--time=1",
        "--rate=1k",
        "--speed=2",
        "--slo=p99=1ms",
        "--latency",
        "--allocator=system",
        "--pages=small",
    ] {
        let name_of = flag.split('=').next().unwrap();
        refused(
            &["run", "--resume", name, flag],
            &[name_of, "cannot be used with"],
        );
    }
    refused(&["run", "ycsb", "--resume", name], &["has no suite 'ycsb'"]);
    refused(
        &["run", "quick", "--resume", name],
        &["has no suite 'quick'"],
    );
    let manifest = run.join("run.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let changed = |from: &str, to: &str| {
        let at = text.find(from).expect(from);
        let end = at + text[at..].find('\n').unwrap();
        fs::write(&manifest, format!("{}{to}{}", &text[..at], &text[end..])).unwrap();
    };
    changed("binary_hash = ", "binary_hash = \"0123\"");
    refused(&["run", "--resume", name], &["another build", "0123"]);
    changed("cpu_model = ", "cpu_model = \"a loom\"");
    refused(
        &["run", "--resume", name],
        &["another machine", "cpu_model", "a loom"],
    );
    changed("cell_id = ", "cell_id = \"00\"");
    refused(&["run", "--resume", name], &["different cells"]);
    fs::write(&manifest, &text).unwrap();
    // Another program that is still writing.
    let held = fs::File::open(run.join("trials.csv")).unwrap();
    held.lock().unwrap();
    refused(&["run", "--resume", name], &["still going on"]);
    assert_eq!(
        fs::read(run.join("trials.csv")).unwrap(),
        before,
        "it was changed"
    );
}
