//! A run that Ctrl-C ends: what was measured is kept.

use super::cli::directory_of;

/// Ctrl-C: what was measured is kept and marked, exit 130.
#[test]
fn an_interrupted_run_keeps_what_it_measured() {
    let out = tempfile::tempdir().unwrap();
    let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin("bucketlab"))
        .args([
            "run",
            "--no-verify",
            "-w",
            "ycsb-c",
            "-t",
            "fixed",
            "--threads",
            "1",
            "--entries",
            "2000",
        ])
        .args(["--time", "600", "--out", out.path().to_str().unwrap()])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    // Wait for the first trial's rows, however long the machine takes.
    let trials = loop {
        let rows = std::fs::read_dir(out.path())
            .unwrap()
            .filter_map(Result::ok)
            .filter_map(|directory| {
                std::fs::read_to_string(directory.path().join("trials.csv")).ok()
            })
            .find(|rows| rows.lines().count() > 3);
        match rows {
            Some(rows) => break rows.lines().count(),
            None => std::thread::sleep(std::time::Duration::from_millis(20)),
        }
    };
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let status = run.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let mut stdout = String::new();
    std::io::Read::read_to_string(&mut run.stdout.take().unwrap(), &mut stdout).unwrap();
    let run = directory_of(&stdout);
    let records = bucketlab::record::Records::read(run).unwrap();
    assert_eq!(
        records.manifest.status,
        bucketlab::record::Status::Interrupted
    );
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("the run was interrupted"));
    assert!(records.trials.len() >= trials - 1);
}

/// Also where each panel is one trial of short slices: the run stops between slices.
#[test]
fn an_interrupt_is_heeded_between_short_panels() {
    let out = tempfile::tempdir().unwrap();
    let mut run = std::process::Command::new(assert_cmd::cargo::cargo_bin("bucketlab"))
        .args([
            "run",
            "--no-verify",
            "-w",
            "ycsb-c",
            "-t",
            "fixed",
            "--entries",
            "1000",
            "--trials",
            "1",
        ])
        .args([
            "--threads",
            "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20",
        ])
        .args(["--out", out.path().to_str().unwrap()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    loop {
        let begun = std::fs::read_dir(out.path())
            .unwrap()
            .filter_map(Result::ok)
            .filter_map(|run| std::fs::read_to_string(run.path().join("trials.csv")).ok())
            .any(|rows| rows.lines().count() > 1);
        if begun {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&run);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
}
