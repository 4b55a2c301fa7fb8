//! Predictions of cells that were not measured, and how far off they are.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

fn bucketlab(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args(arguments)
        .output()
        .expect("it starts")
}

/// How far off the models of a run are on cells that they have not seen stands in its report, and in JSON with units.
#[test]
fn the_error_of_predictions_is_in_the_report() {
    let root = tempfile::tempdir().unwrap();
    let run = bucketlab(&[
        "run",
        "-t",
        "striped",
        "-w",
        "ycsb-c",
        "--entries",
        "1k,10k,100k",
        "--threads",
        "1",
        "--trials",
        "4",
        "--no-verify",
        "--quiet",
        "--out",
        root.path().to_str().unwrap(),
    ]);
    assert!(run.status.success(), "{run:?}");
    let run = fs::read_dir(root.path()).unwrap().next().unwrap().unwrap();
    let page = fs::read_to_string(run.path().join("report.html")).unwrap();
    let words =
        "Cells that are left out of a fit in turn are predicted with an error of a median of";
    assert!(page.contains(words));
    let told = bucketlab(&["predict", run.path().to_str().unwrap(), "--format", "json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let held_out = told[0]["held_out"].as_array().unwrap();
    assert_eq!(held_out.len(), 3, "{told:#}");
    assert!(
        held_out.iter().all(|held| {
            held["unit"] == "ns_per_op" && held["measured"].as_f64().unwrap() > 0.0
        })
    );
}
