//! Tables under a memory budget, from outside: a tiny trace replayed, its miss ratios, its charts.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use bucketlab::record::{Records, TrialRow};

fn bucketlab(args: &[&str]) -> std::process::Output {
    Command::cargo_bin("bucketlab")
        .expect("the program")
        .args(args)
        .output()
        .expect("it starts")
}

/// 40,000 requests for 4,000 keys, some far more often than others.
fn trace(folder: &Path) -> PathBuf {
    let mut text = String::new();
    let mut state = 1_u64;
    for _ in 0..40_000 {
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % 4_000
        };
        let key = draw().min(draw()).min(draw());
        writeln!(text, "object-{key:06}").unwrap();
    }
    let path = folder.join("requests.txt");
    std::fs::write(&path, text).unwrap();
    path
}

const SUITE: &str = r#"
name = "budgets"
about = "A tiny trace under budgets."
trace = ["absent.txt", "requests.txt"]
trials = 1

[[group]]
workloads = ["trace"]
targets = ["fixed", "striped:stripes=16", "dash", "cuckoo", "optimistic", "papaya"]
budget = ["128Ki", "256Ki"]
origin = { latency = "200us" }
"#;

#[test]
fn budgets_bound_tables_and_misses_lie_above_the_optimum() {
    let folder = tempfile::tempdir().unwrap();
    trace(folder.path());
    let suite = folder.path().join("budgets.toml");
    std::fs::write(&suite, SUITE).unwrap();
    let out = folder.path().join("results");
    let output = bucketlab(&[
        "run",
        "--no-verify",
        suite.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    // One target cannot be walked, and says so.
    assert_eq!(output.status.code(), Some(1), "{said}{complained}");
    let run = std::fs::read_dir(&out)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let records = Records::read(&run).unwrap();

    let (failed, good): (Vec<&TrialRow>, Vec<_>) =
        records.trials.iter().partition(|row| !row.error.is_empty());
    assert_eq!(failed.len(), 2);
    for row in failed {
        assert_eq!(row.target, "papaya");
        assert!(
            row.error.contains("cannot be bounded: it cannot be walked"),
            "{}",
            row.error
        );
    }
    let simulated = |policy: &str, budget: u64| {
        let row = |row: &&_| is(row, policy, budget);
        records.misses.iter().find(row).unwrap().misses
    };
    for panel in &records.manifest.panels {
        let budget = panel.budget.unwrap();
        assert_eq!(panel.origin_ns, Some(200_000));
        assert_eq!(panel.workload, format!("requests@{}Ki", budget >> 10));
        assert!(simulated("belady", budget) <= simulated("lru", budget));
        let rows = good
            .iter()
            .filter(|row| row.panel == panel.panel && row.target != "null");
        let mut count = 0;
        for row in rows {
            let (hits, misses) = (row.hits.unwrap(), row.misses.unwrap());
            assert_eq!(hits + misses, 40_000, "{}", row.target);
            assert!(misses >= simulated("belady", budget), "{}", row.target);
            assert!(row.evicted.unwrap() > 0, "{}", row.target);
            assert_eq!(
                row.items.unwrap(),
                misses - row.evicted.unwrap(),
                "{}",
                row.target
            );
            // A look happens every so many bytes, and a walk takes whole buckets or segments.
            let claimed = row.bytes_claimed.unwrap();
            assert!(claimed <= budget + budget / 8, "{}: {claimed}", row.target);
            count += 1;
        }
        assert_eq!(count, 6, "five targets and the twin");
    }
    // More room, fewer misses.
    let misses_in = |panel: u32, target: &str| {
        let row = |row: &&&TrialRow| row.panel == panel && row.target == target;
        good.iter().find(row).unwrap().misses.unwrap()
    };
    for target in [
        "fixed",
        "striped:stripes=16",
        "dash",
        "cuckoo",
        "optimistic",
    ] {
        assert!(misses_in(0, target) > misses_in(1, target), "{target}");
    }
    for chart in [
        "misses-budgets-requests-1.svg",
        "latency-budgets-requests-1.svg",
    ] {
        let svg = std::fs::read_to_string(run.join("charts").join(chart)).unwrap();
        assert!(svg.contains("128Ki") && svg.contains("dash"), "{chart}");
    }
    assert!(said.contains("Belady's rule"), "{said}");
    assert!(said.contains("origin of 200us"), "{said}");
}

fn is(row: &bucketlab::record::MissRow, policy: &str, budget: u64) -> bool {
    row.policy == policy && row.budget_bytes == budget
}

#[test]
fn budgets_and_origins_that_make_no_sense_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("budgets.toml");
    std::fs::write(&suite, SUITE).unwrap();
    let suite = suite.to_str().unwrap();
    let path = trace(folder.path());
    std::fs::rename(&path, folder.path().join("elsewhere.txt")).unwrap();
    for (args, words) in [
        (
            vec!["run", suite],
            vec!["absent.txt", "requests.txt", "--trace FILE"],
        ),
        (
            vec!["run", "-w", "cache-aside", "--budget", "64mb"],
            vec!["64mb", "64Mi"],
        ),
        (
            vec!["run", "-w", "cache-aside", "--budget", "0"],
            vec!["budget = 0"],
        ),
        (
            vec!["run", "-w", "cache-aside", "--origin", "200"],
            vec!["'200'", "200us"],
        ),
    ] {
        let output = bucketlab(&args);
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complained}");
        for word in words {
            assert!(complained.contains(word), "{args:?}: {complained}");
        }
    }
    let dry = bucketlab(&[
        "run",
        "-w",
        "cache-aside",
        "-t",
        "dash",
        "--budget",
        "1Mi,2Mi",
        "--dry-run",
    ]);
    let said = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(
        said.contains("cache-aside@1Mi") && said.contains("at most 2Mi bytes"),
        "{said}"
    );
}
