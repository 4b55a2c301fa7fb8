//! How long a panel goes on is for the figures to say, or for the time.

use std::process::Command;

/// A panel ends as soon as it is as precise as asked, or when its time is spent; both are said.
#[test]
fn a_panel_goes_on_until_it_is_precise() {
    // What is precise soon has time to spare, however busy the machine is.
    for (precision, most_s, says) in [
        ("95%", "30", "as the ±95.0 % asked for"),
        ("0.001%", "1", "1 s were spent"),
    ] {
        let out = tempfile::tempdir().unwrap();
        let run = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
            .args("run --no-verify -w ycsb-c -t fixed -t striped --entries 1000".split(' '))
            .args(["--threads", "1"])
            .args(["--time", "0.4", "--max-time", most_s])
            .args(["--precision", precision])
            .arg("--out")
            .arg(out.path())
            .output()
            .expect("it starts");
        assert!(run.status.success(), "{run:?}");
        let run = std::fs::read_dir(out.path()).unwrap().next().unwrap();
        let manifest = std::fs::read_to_string(run.unwrap().path().join("run.toml")).unwrap();
        assert!(manifest.contains(says), "{precision}: {manifest}");
    }
}
