//! Allocators and page modes, chosen at the birth of a child.

use std::path::Path;
use std::process::{Command, Output};

fn bucketlab(out: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args([
            "run",
            "--no-verify",
            "-t",
            "striped",
            "-w",
            "ycsb-c",
            "--entries",
            "1000",
        ])
        .args(["--threads", "1", "--trials", "1", "--out"])
        .arg(out)
        .args(more)
        .output()
        .expect("the program starts")
}

/// The rows of a file of the only run in a directory, each as column and value.
fn rows(out: &Path, file: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let run = std::fs::read_dir(out).unwrap().next().unwrap().unwrap();
    let mut reader = csv::Reader::from_path(run.path().join(file)).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

#[test]
fn each_allocator_is_a_cell_and_stands_in_its_rows() {
    let out = tempfile::tempdir().unwrap();
    let done = bucketlab(
        out.path(),
        &["--allocator", "system,mimalloc", "--pages", "default,small"],
    );
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(0), "{complaint}");
    let table = String::from_utf8_lossy(&done.stdout);
    assert!(table.contains("striped (mimalloc, small pages)"), "{table}");
    let trials = rows(out.path(), "trials.csv");
    for (allocator, pages) in [
        ("system", "default"),
        ("system", "small"),
        ("mimalloc", "default"),
        ("mimalloc", "small"),
    ] {
        let is = |row: &&std::collections::BTreeMap<String, String>| {
            row["allocator"] == allocator && row["pages"] == pages && row["items"] == "1000"
        };
        let row = trials.iter().find(is).expect("a trial of it");
        assert_eq!(row["error"], "");
        // Live bytes are what the table asks for, whoever it asks.
        assert_eq!(row["bytes_counted"], trials[1]["bytes_counted"]);
    }
}

/// Whether huge pages can be had depends on the machine, and on the moment: each row has figures, or
/// else the reason.
#[test]
fn huge_pages_come_or_are_an_error() {
    let out = tempfile::tempdir().unwrap();
    let done = bucketlab(out.path(), &["--pages", "huge"]);
    let trials = rows(out.path(), "trials.csv");
    assert!(trials.iter().all(|row| row["pages"] == "huge"));
    let (had, failed): (Vec<_>, Vec<_>) = trials.iter().partition(|row| row["error"].is_empty());
    assert!(had.iter().all(|row| !row["ops"].is_empty()), "{had:?}");
    let tables = had.iter().filter(|row| !row["items"].is_empty());
    for row in tables {
        assert!(!row["huge_page_bytes"].is_empty(), "{row:?}");
    }
    let reason = "huge pages: the kernel gave none";
    let says = |row: &&std::collections::BTreeMap<String, String>| row["error"].contains(reason);
    assert!(failed.iter().all(says), "{failed:?}");
    assert_eq!(
        done.status.code(),
        Some(i32::from(!failed.is_empty())),
        "{trials:?}"
    );
}

#[test]
fn what_the_guard_saw_is_in_the_rows() {
    let out = tempfile::tempdir().unwrap();
    let done = bucketlab(out.path(), &[]);
    assert_eq!(done.status.code(), Some(0));
    let trials = rows(out.path(), "trials.csv");
    let slices = rows(out.path(), "slices.csv");
    for row in &trials {
        let counted = slices
            .iter()
            .filter(|slice| slice["cell_id"] == row["cell_id"] && slice["kind"] == "throughput");
        let repeated: usize = row["repeated_slices"].parse().unwrap_or(0);
        let slices: usize = row["slices"].parse().unwrap();
        assert_eq!(counted.count(), slices + repeated);
        assert!(!row["page_faults"].is_empty() && !row["involuntary_switches"].is_empty());
    }
    // Where the processor counts, it would count the probes of the core too.
    let counts = trials.iter().any(|row| !row["instructions"].is_empty());
    if cfg!(target_arch = "x86_64") && !counts {
        let probed = slices.iter().map(|slice| &slice["additions_per_kcycle"]);
        let probed: Vec<&String> = probed.filter(|given| !given.is_empty()).collect();
        assert!(!probed.is_empty());
        for given in probed {
            let given: u64 = given.parse().unwrap();
            // No core adds more than eight numbers a cycle, and one that is shared adds some.
            assert!((10..=8_000).contains(&given), "{given}");
        }
    }
}

#[test]
fn unknown_ones_are_bad_input() {
    let out = tempfile::tempdir().unwrap();
    for (flag, value, nearest) in [
        ("--allocator", "mimaloc", "mimalloc"),
        ("--pages", "hugs", "huge"),
    ] {
        let done = bucketlab(out.path(), &[flag, value]);
        assert_eq!(done.status.code(), Some(2));
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(
            complaint.contains(value) && complaint.contains(nearest),
            "{complaint}"
        );
    }
}
