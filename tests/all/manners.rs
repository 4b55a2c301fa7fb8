//! What people ask of a command-line tool besides its work: version, completions, manual, one thing in full, and a
//! crate to start from.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use bucketlab::base::{Journal, Params};
use bucketlab::catalog::Row;
use bucketlab::hash::{HASHES, Hasher};
use bucketlab::table::Env;
use bucketlab::verify::Plan;

fn bucketlab(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args(args)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The table that `new-strategy` writes.
#[path = "../../src/cli/template/table.rs.txt"]
mod template;

#[test]
fn the_version_says_what_it_was_built_from() {
    let long = text(&bucketlab(&["--version"]).stdout);
    let version = format!("bucketlab {}", env!("CARGO_PKG_VERSION"));
    let mut lines = long.lines();
    assert_eq!(lines.next(), Some(version.as_str()));
    for starts in ["revision: ", "profile:  ", "features: "] {
        let line = lines.next().unwrap_or_default();
        assert!(
            line.starts_with(starts) && line.len() > starts.len(),
            "{long}"
        );
    }
    assert_eq!(text(&bucketlab(&["-V"]).stdout).trim_end(), version);
}

#[test]
fn shells_and_man_know_the_verbs() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = bucketlab(&["completions", shell]);
        let script = text(&output.stdout);
        assert!(
            output.status.success() && script.contains("compare"),
            "{shell}"
        );
    }
    assert_eq!(bucketlab(&["completions", "basj"]).status.code(), Some(2));
    let page = text(&bucketlab(&["man"]).stdout);
    assert!(
        page.contains(".TH bucketlab") && page.contains("compare"),
        "{page}"
    );
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("man1");
    let output = bucketlab(&["man", "--out", folder.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = fs::read_to_string(folder.join("bucketlab-compare.1")).unwrap();
    assert!(page.contains("fail\\-on"), "{page}");
    // Where a file is in the way, it is named.
    fs::write(root.path().join("taken"), "").unwrap();
    let taken = root.path().join("taken");
    let output = bucketlab(&["man", "--out", taken.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("taken"));
}

#[test]
fn one_of_a_list_comes_in_full() {
    let one = text(&bucketlab(&["list", "strategies", "striped"]).stdout);
    for part in ["striped", "parameters", "stripes=", "source"] {
        assert!(one.contains(part), "{one}");
    }
    assert!(!one.contains("cuckoo"), "{one}");
    assert!(one.lines().all(|line| line.chars().count() <= 100), "{one}");
    let json = bucketlab(&["list", "hashes", "xxh3", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["hashes"].as_array().unwrap().len(), 1);
    let output = bucketlab(&["list", "strategies", "stripd"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("did you mean 'striped'?"));

    let suite = text(&bucketlab(&["list", "suites", "quick", "--toml"]).stdout);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = fs::read_to_string(root.join("benches/suites/quick.toml")).unwrap();
    assert_eq!(suite, file);
    for args in [
        ["list", "suites", "quik", "--toml"],
        ["list", "hashes", "xxh3", "--toml"],
    ] {
        let output = bucketlab(&args);
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(
            said.contains("quick") || said.contains("list suites NAME"),
            "{said}"
        );
    }
}

#[test]
fn a_new_strategy_is_a_crate_that_passes_the_checks() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("crates/hop-2");
    let path = folder.to_str().unwrap();
    let output = bucketlab(&["new-strategy", "hop-2", "--path", path]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("run -t hop-2 -t striped"));
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let cargo: toml::Table = read("Cargo.toml").parse().unwrap();
    let own: toml::Table = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(cargo["package"]["name"].as_str(), Some("hop-2"));
    assert_eq!(
        cargo["dependencies"]["bucketlab"]["path"].as_str(),
        Some(env!("CARGO_MANIFEST_DIR"))
    );
    for profile in ["release", "edit"] {
        assert_eq!(
            cargo["profile"][profile], own["profile"][profile],
            "{profile}"
        );
    }
    assert!(read("src/main.rs").contains("Row::of::<table::Hop2>()"));
    let table = read("src/table.rs");
    assert!(table.contains(r#"NAME: &'static str = "hop-2""#), "{table}");
    assert!(!table.contains("my-table") && !table.contains("MyTable"));

    // The same text is compiled into this test.
    let row = Row::of::<template::MyTable>();
    let params = Params::resolve(row.params, &"my-table".parse().unwrap()).unwrap();
    let env = Env {
        hasher: Hasher::new(&HASHES[0], [1, 2]),
        clock: bucketlab::machine::now_ns,
        journal: Arc::new(Journal::new(16)),
        recency: false,
    };
    (row.verify)(&params, &env, &Plan::quick()).unwrap();

    for (args, says) in [
        (["hop-2", "--path", path], "hop-2': "),
        (["striped", "--path", "x"], "there is a strategy 'striped'"),
        (["Hop", "--path", "x"], "'Hop' is no name for a strategy"),
    ] {
        let output = bucketlab(&[&["new-strategy"], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2));
        let said = text(&output.stderr);
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(read("src/table.rs"), table, "what is there stays");
}

/// A run that is asked for by flags is called after what it runs, not after the suite whose plan it borrows.
#[test]
fn a_run_of_one_s_own_is_called_after_what_it_runs() {
    let root = tempfile::tempdir().unwrap();
    let run = |out: &str, more: &[&str]| {
        let out = root.path().join(out);
        let args = [
            "run",
            "--no-verify",
            "-t",
            "fixed:buckets=2^6",
            "-w",
            "ycsb-c",
        ];
        let small = [
            "--entries",
            "100",
            "--threads",
            "1",
            "--trials",
            "1",
            "--out",
        ];
        let args = [&args[..], &small[..], &[out.to_str().unwrap()], more].concat();
        let output = bucketlab(&args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        if more == ["--quiet"] {
            assert_eq!(text(&output.stdout).lines().count(), 1);
            assert_eq!(text(&output.stderr), "");
        }
        let made = fs::read_dir(&out).unwrap().next().unwrap().unwrap().path();
        let manifest: toml::Table = fs::read_to_string(made.join("run.toml"))
            .unwrap()
            .parse()
            .unwrap();
        let page = fs::read_to_string(made.join("report.md")).unwrap();
        (
            made.file_name().unwrap().to_string_lossy().into_owned(),
            manifest,
            page,
        )
    };
    let (directory, manifest, page) = run("own", &[]);
    assert!(directory.contains("Z-fixed-ycsb-c"), "{directory}");
    assert_eq!(manifest["name"].as_str(), Some("fixed-ycsb-c"));
    assert!(
        page.contains("fixed under ycsb-c, as asked on the command line"),
        "{page}"
    );
    run("quiet", &["--quiet"]);
    let (directory, manifest, _) = run("named", &["--name", "before the change"]);
    assert!(directory.contains("Z-before-the-change"), "{directory}");
    assert_eq!(manifest["name"].as_str(), Some("before the change"));
}

#[test]
fn a_summary_is_printed_where_its_chart_cannot_be_written() {
    let root = tempfile::tempdir().unwrap();
    let (trace, taken) = (root.path().join("keys.txt"), root.path().join("taken"));
    fs::write(&trace, "a\nb\na\n").unwrap();
    fs::write(&taken, "").unwrap();
    let (trace, out) = (trace.to_str().unwrap(), taken.to_str().unwrap());
    let output = bucketlab(&["trace", trace, "--out", out]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("distinct keys     2"));
    assert!(text(&output.stderr).contains("taken"));
}

#[test]
fn a_size_is_told_from_small_tables_and_held_against_a_whole_one() {
    let size = ["size", "striped", "resizable", "--format", "json"];
    let output = bucketlab(&[&size[..], &["--entries", "1100000", "--check"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for table in json.as_array().unwrap() {
        let figure = |name: &str| table[name].as_f64().expect(name);
        let off = figure("at_rest_bytes") / figure("measured_bytes") - 1.0;
        assert!(off.abs() < 0.05, "{table}");
        assert!(
            figure("growing_bytes") > 0.95 * figure("at_rest_bytes"),
            "{table}"
        );
    }
    let table = text(&bucketlab(&["size", "striped", "--entries", "20000"]).stdout);
    assert!(
        table.contains("20,000 entries") && table.contains("striped"),
        "{table}"
    );
    for (args, says) in [
        (["--entries", "0", "--value", "8"], "at least one"),
        (["--entries", "9", "--value", "2000000"], "1 MiB"),
    ] {
        let args = [&["size", "striped"], &args[..]].concat();
        let output = bucketlab(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            text(&output.stderr).contains(says),
            "{}",
            text(&output.stderr)
        );
    }
}
