//! Servers as targets of a run, from the command line to the records.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// A server that no machine of the tests has installed.
const ABSENT: &str = "keydb-server";

fn bucketlab(args: &[&str]) -> Output {
    Command::cargo_bin("bucketlab")
        .expect("the program")
        .env("COLUMNS", "200")
        .args(args)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn dry(args: &[&str]) -> String {
    let output = bucketlab(&[&["run", "-w", "ycsb-c", "--dry-run"], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn what_is_no_server_exits_with_2_and_names_what_is() {
    for (args, words) in [
        (
            &["--start", "memcahced"][..],
            &["'memcahced'", "did you mean 'memcached'"][..],
        ),
        (&["-t", "http://localhost"], &["memcached://HOST:PORT"]),
        (&["-t", "served:strpied"], &["did you mean 'striped'"]),
        (&["-t", "served:null"], &["null-server"]),
        (
            &["-t", "memcached://127.0.0.1:1,10.0.0.7:2"],
            &["10.0.0.7", "--remote"],
        ),
        (
            &["-t", "null-server", "--threads", "4", "--connections", "2"],
            &["connections = 2", "4 threads"],
        ),
        (
            &["-t", "null-server", "--depth", "0"],
            &["depth = 0", "1 to 4096"],
        ),
    ] {
        let output = bucketlab(&[&["run", "-w", "ycsb-c", "--dry-run"], args].concat());
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        for word in words {
            assert!(error.contains(word), "{args:?}: {error}");
        }
    }
}

#[test]
fn a_dry_run_shows_servers_with_their_control() {
    let shown = dry(&[
        "-t",
        "memcached://127.0.0.1:1,127.0.0.1:2?proto=meta,served:striped,striped",
        "--start",
        "redis-server",
        "--threads",
        "1",
        "--connections",
        "8",
        "--depth",
        "1,16",
    ]);
    for words in [
        "null:capacity=0 sip13  control",
        "null-server sip13  control",
        "  memcached://127.0.0.1:1,127.0.0.1:2?proto=meta sip13",
        "  served:striped:buckets=2^10,",
        "sip13  baseline",
        "  start:redis-server sip13",
        "panel 1: ycsb-c, 1 thread, 8 connections, depth 16 (",
        "checks of 1 target",
        "servers are not checked before the first slice",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let remote = dry(&["-t", "redis://10.0.0.7", "--remote"]);
    assert!(remote.contains("redis://10.0.0.7:6379 sip13"), "{remote}");
}

/// The only directory in this one.
fn run_in(out: &Path) -> PathBuf {
    let mut entries = fs::read_dir(out).unwrap();
    entries.next().unwrap().unwrap().path()
}

/// A run with a server that cannot be started measures the others, and says why.
#[test]
fn a_server_that_is_not_installed_is_an_error_row() {
    let out = tempfile::tempdir().unwrap();
    let output = bucketlab(&[
        "run",
        "-t",
        "served:striped",
        "--start",
        ABSENT,
        "-w",
        "ycsb-c",
        "--threads",
        "1",
        "--entries",
        "500",
        "--trials",
        "2",
        "--connections",
        "2",
        "--depth",
        "4",
        "--out",
        out.path().to_str().unwrap(),
    ]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(shown.contains("keydb-server is not installed"), "{shown}");
    assert!(
        shown.contains("Servers are not checked before the run"),
        "{shown}"
    );
    let run = run_in(out.path());
    let mut trials = csv::Reader::from_path(run.join("trials.csv")).unwrap();
    let header = trials.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (target, ops, error) = (at("target"), at("ops"), at("error"));
    let (connections, depth) = (at("connections"), at("depth"));
    let mut measured = Vec::new();
    for row in trials.records() {
        let row = row.unwrap();
        assert_eq!((&row[connections], &row[depth]), ("2", "4"));
        if row[error].is_empty() {
            assert!(row[ops].parse::<u64>().unwrap() > 0);
            measured.push(row[target].to_owned());
        } else {
            assert_eq!(&row[target], "start:keydb-server");
        }
    }
    measured.sort();
    measured.dedup();
    assert_eq!(measured, ["null-server", "served:striped"]);
    let manifest: toml::Table = fs::read_to_string(run.join("run.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let servers = manifest["servers"].as_array().unwrap();
    let of = |name: &str| {
        servers
            .iter()
            .find(|one| one["target"].as_str() == Some(name))
    };
    let served = of("served:striped").expect("it said what it is");
    assert!(
        served["command"]
            .as_str()
            .unwrap()
            .contains("serve striped"),
        "{served}"
    );
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("servers: checked while timed alone"));
}
