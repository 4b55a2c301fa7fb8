//! Latencies from outside: an open loop at a rate, a trace at its own times, a closed loop, limits, and
//! what is refused. Nothing here depends on how fast the machine is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use bucketlab::record::{LoopKind, Records, SliceKind, TimeKind};

fn bucketlab(args: &[&str]) -> std::process::Output {
    Command::cargo_bin("bucketlab")
        .expect("the program")
        .args(args)
        .output()
        .expect("it starts")
}

/// Runs, and returns the only run directory with what was printed.
fn run(out: &Path, args: &[&str]) -> (Records, String, Option<i32>) {
    let mut all = vec!["run", "--no-verify", "--out", out.to_str().unwrap()];
    all.extend(args);
    let output = bucketlab(&all);
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    let run = std::fs::read_dir(out).expect(&said).next().expect(&said);
    let records = Records::read(&run.unwrap().path()).unwrap();
    (records, said, output.status.code())
}

/// A thousand entries, one thread and one trial of striped under a workload: the records, and what was printed.
fn small(out: &Path, workload: &str, more: &[&str]) -> (Records, String) {
    let mut args = vec!["-t", "striped", "-w", workload, "--threads", "1"];
    args.extend(["--entries", "1000", "--trials", "1"]);
    args.extend(more);
    let (records, said, code) = run(out, &args);
    assert_eq!(code, Some(0), "{said}");
    (records, said)
}

#[test]
fn an_open_loop_does_what_is_due_and_says_so() {
    let out = tempfile::tempdir().unwrap();
    let (records, said) = small(
        out.path(),
        "ycsb-c",
        &["--rate", "2k,5k", "--arrival", "poisson"],
    );
    let names: Vec<&str> = records
        .manifest
        .panels
        .iter()
        .map(|p| p.workload.as_str())
        .collect();
    assert_eq!(names, ["ycsb-c@2k/s", "ycsb-c@5k/s"]);
    for (panel, rate) in records.manifest.panels.iter().zip([2_000, 5_000]) {
        let pace = panel.pace.as_ref().unwrap();
        assert_eq!(
            (pace.offered_per_s, pace.sweep.as_str()),
            (Some(rate), "ycsb-c")
        );
        assert_eq!(pace.arrival, "poisson");
        let rows: Vec<_> = records
            .latency
            .iter()
            .filter(|r| r.panel == panel.panel)
            .collect();
        // Response and service of null, striped and its twin.
        assert_eq!(rows.len(), 6);
        for row in &rows {
            assert_eq!(
                (row.loop_kind, row.offered_per_s),
                (LoopKind::Open, Some(rate))
            );
            assert_eq!(row.recorded, row.ops);
            // Five deviations of a Poisson count, in a second; unless the machine stood still for long.
            let off = row.ops.abs_diff(rate) as f64;
            assert!(row.behind || off < 5.0 * (rate as f64).sqrt(), "{row:?}");
            let service = rows
                .iter()
                .find(|r| r.cell_id == row.cell_id && r.time == TimeKind::Service);
            assert!(row.max_ns >= service.unwrap().p50_ns);
        }
        // The same streams for all targets: the same operations were due.
        let mut kept: Vec<u64> = rows.iter().filter(|r| !r.behind).map(|r| r.ops).collect();
        kept.dedup();
        assert!(kept.len() <= 1, "{kept:?}");
    }
    assert!(
        records
            .slices
            .iter()
            .all(|row| row.kind == SliceKind::Paced)
    );
    let windowed: u64 = records.windows.iter().map(|row| row.ops).sum();
    let responses = records
        .latency
        .iter()
        .filter(|row| row.time == TimeKind::Response);
    assert_eq!(windowed, responses.map(|row| row.ops).sum::<u64>());
    // Lines are wrapped to the width of the terminal.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "open loop, poisson arrivals",
        "service p99.99",
        "reading of the clock",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

fn trace(folder: &Path) -> PathBuf {
    let mut text = String::new();
    // 1,000 requests in each of four seconds, then none, then 500.
    for (second, requests) in [
        (100, 1_000),
        (101, 1_000),
        (102, 1_000),
        (103, 1_000),
        (106, 500),
    ] {
        for request in 0..requests {
            writeln!(text, "{second},key-{},8,40,1,get,0", request % 77).unwrap();
        }
    }
    let path = folder.join("requests.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_trace_is_replayed_at_its_own_times() {
    let out = tempfile::tempdir().unwrap();
    let trace = format!("{}:twitter", trace(out.path()).display());
    let results = out.path().join("results");
    let args = [
        "--trace",
        &trace,
        "-t",
        "striped",
        "--speed",
        "10",
        "--trials",
        "1",
        "--threads",
        "2",
    ];
    let (records, said, code) = run(&results, &args);
    assert_eq!(code, Some(0), "{said}");
    let panel = &records.manifest.panels[0];
    assert_eq!(panel.workload, "requests@x10");
    assert_eq!(panel.pace.as_ref().unwrap().arrival, "trace");
    for row in &records.latency {
        assert_eq!(row.ops, 4_500);
        // Seven seconds, less the last gap, ten times as fast.
        assert!(row.elapsed_ns > 600_000_000, "{row:?}");
        assert!(row.offered_per_s.unwrap().abs_diff(6_428) < 500, "{row:?}");
    }
    let refused = bucketlab(&[
        "run", "--trace", &trace, "--speed", "-1", "--out", "nowhere",
    ]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn a_closed_loop_is_sampled_beside_the_throughput() {
    let out = tempfile::tempdir().unwrap();
    let (records, said) = small(out.path(), "ycsb-a", &["--latency"]);
    assert_eq!(records.latency.len(), 3);
    for row in &records.latency {
        assert_eq!(
            (row.loop_kind, row.time),
            (LoopKind::Closed, TimeKind::Service)
        );
        assert!(row.offered_per_s.is_none() && !row.behind);
        assert!(
            row.recorded > 0 && row.recorded <= row.ops / 61 + 1,
            "{row:?}"
        );
        assert!(row.elapsed_ns >= 900_000_000);
    }
    assert!(
        records
            .slices
            .iter()
            .any(|row| row.kind == SliceKind::Sampled)
    );
    // The trial's own operations are those of its throughput slices; a disturbed one may be repeated.
    let sum = |kind| {
        let rows = records.slices.iter().filter(|row| row.kind == kind);
        rows.map(|row| row.ops).sum::<u64>()
    };
    let trials: u64 = records.trials.iter().filter_map(|row| row.ops).sum();
    assert!(trials > 0 && trials <= sum(SliceKind::Throughput));
    assert!(said.contains("closed loop, sampled"), "{said}");
}

#[test]
fn a_limit_is_kept_up_to_a_rate_or_by_none() {
    let out = tempfile::tempdir().unwrap();
    let base = [
        "-t",
        "striped",
        "-w",
        "ycsb-c",
        "--threads",
        "1",
        "--entries",
        "1000",
    ];
    // Nothing takes a nanosecond, and the floor neither: each birth tries the lowest rate five times, and leaves
    // it undecided.
    let mut args = base.to_vec();
    args.extend(["--rate", "100", "--slo", "p50=1ns"]);
    let (records, said, code) = run(out.path(), &args);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("no rate keeps p50 within 1.00 ns"), "{said}");
    assert!(
        said.contains("undecided at 100/s, the machine does"),
        "{said}"
    );
    assert_eq!(records.slo.len(), 3);
    for (row, birth) in records.slo.iter().zip(0..) {
        assert_eq!((row.birth, row.probes), (birth, 5));
        assert_eq!((row.kept_per_s, row.broken_per_s), (None, None));
        assert_eq!((row.undecided_per_s, row.tried_again), (Some(100), 4));
    }
    // The floor has a slice beside each, and a trial for each birth.
    let of = |control: bool| {
        let cells = records.manifest.cells.iter();
        let ids: Vec<&str> = cells
            .filter(|cell| cell.control == control)
            .map(|cell| cell.cell_id.as_str())
            .collect();
        let is = |id: &str| ids.contains(&id);
        let slices = records.slices.iter().filter(|row| is(&row.cell_id)).count();
        let trials = records.trials.iter().filter(|row| is(&row.cell_id)).count();
        (slices, trials)
    };
    assert_eq!((of(true), of(false)), ((15, 3), (15, 3)));
    assert_eq!(records.latency.len(), 0);
}

#[test]
fn what_cannot_be_paced_is_named() {
    let refuse = |args: &[&str], words: &[&str]| {
        let mut all = vec!["run", "--dry-run", "-t", "striped"];
        all.extend(args);
        let output = bucketlab(&all);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        for word in words {
            assert!(said.contains(word), "{args:?}: {word} is not in {said}");
        }
    };
    let one = ["-w", "ycsb-c", "--threads", "1"];
    let with = |more: &[&'static str]| [&one[..], more].concat();
    refuse(
        &with(&["--rate", "1G"]),
        &["more than the clock", "at most"],
    );
    refuse(&with(&["--rate", "fast"]), &["'fast' is no rate", "100k"]);
    refuse(&with(&["--rate", "0"]), &["'0' is no rate"]);
    refuse(
        &with(&["--arrival", "possion", "--rate", "1k"]),
        &["poisson"],
    );
    refuse(&with(&["--arrival", "poisson"]), &["give either a rate"]);
    refuse(&with(&["--speed", "2"]), &["only a trace has times"]);
    refuse(
        &with(&["--rate", "1k", "--batch", "8"]),
        &["batch = 8", "batch = 1"],
    );
    refuse(&with(&["--slo", "p98=1ms"]), &["unknown percentile", "p99"]);
    refuse(
        &with(&["--slo", "p99=1ms", "--rate", "1k,2k"]),
        &["one rate"],
    );
    refuse(
        &["-w", "fill", "--threads", "1", "--slo", "p99=1ms"],
        &["keep the set of keys"],
    );
}

/// A pass at a rate, and what of a sweep a suite's file says.
#[test]
fn a_suite_paces_its_workloads() {
    let out = tempfile::tempdir().unwrap();
    let suite = out.path().join("paced.toml");
    let text = r#"
name = "paced"
about = "A fill at a rate."
trials = 1
[workload.slow-fill]
base = "fill"
entries = 500
pace = { rate = ["5k", 10000] }
[[group]]
workloads = ["slow-fill"]
targets = ["striped"]
"#;
    std::fs::write(&suite, text).unwrap();
    let results = out.path().join("results");
    let (records, said, code) = run(&results, &[suite.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    let names: Vec<&str> = records
        .manifest
        .panels
        .iter()
        .map(|p| p.workload.as_str())
        .collect();
    assert_eq!(names, ["slow-fill@5k/s", "slow-fill@10k/s"]);
    assert!(records.manifest.panels.iter().all(|panel| panel.pass));
    assert!(records.latency.iter().all(|row| row.ops == 500));
}
