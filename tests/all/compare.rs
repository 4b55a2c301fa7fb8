//! `bucketlab compare` and `rank` from outside: exit codes, bad input, and what they print of the
//! committed run and of copies of it that were changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference/quick")
}

fn bucketlab(args: &[&str]) -> Output {
    Command::cargo_bin("bucketlab")
        .expect("the program")
        .args(args)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Copies the reference run, passing each file through `change`.
fn copy(into: &Path, name: &str, change: impl Fn(&str, String) -> String) -> String {
    let run = into.join(name);
    fs::create_dir(&run).unwrap();
    for entry in fs::read_dir(reference()).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap();
        if file == "run.toml" || path.extension().is_some_and(|ending| ending == "csv") {
            let changed = change(file, fs::read_to_string(&path).unwrap());
            fs::write(run.join(file), changed).unwrap();
        }
    }
    run.to_str().unwrap().to_owned()
}

/// The records with every slice of `target` taking longer by this factor.
fn slower(target: &str, factor: f64) -> impl Fn(&str, String) -> String {
    let manifest: toml::Table =
        toml::from_str(&fs::read_to_string(reference().join("run.toml")).unwrap()).unwrap();
    let cells = manifest["cells"].as_array().unwrap().iter();
    let ids: Vec<String> = cells
        .filter(|cell| cell["target"].as_str() == Some(target))
        .map(|cell| cell["cell_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(!ids.is_empty(), "no {target}");
    move |file, text| {
        if file != "slices.csv" {
            return text;
        }
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        let column = |name: &str| header.split(',').position(|c| c == name).unwrap();
        let (cell, times) = (
            column("cell_id"),
            ["elapsed_ns", "discarded_ns"].map(column),
        );
        let mut changed = format!("{header}\n");
        for line in lines {
            let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
            if ids.contains(&fields[cell]) {
                for at in times {
                    let ns: f64 = fields[at].parse().unwrap();
                    fields[at] = format!("{:.0}", ns * factor);
                }
            }
            changed += &fields.join(",");
            changed.push('\n');
        }
        changed
    }
}

#[test]
fn a_run_and_itself_are_no_different_and_a_slower_copy_fails_the_build() {
    let root = tempfile::tempdir().unwrap();
    let before = reference();
    let before = before.to_str().unwrap();
    let after = copy(root.path(), "after", slower("resizable", 2.0));

    let output = bucketlab(&["compare", before, before, "--fail-on", "slower=0%"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("Both are the same run."), "{table}");
    assert!(table.contains("0 slower, 0 faster"), "{table}");

    let output = bucketlab(&["compare", before, &after, "--fail-on", "slower=5%"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    let complaints = text(&output.stderr);
    assert!(
        complaints.contains("resizable on ycsb-c")
            && complaints.contains(": slower by more than 5 %:"),
        "{complaints}"
    );
    assert!(!complaints.contains("striped"), "{complaints}");
    assert!(text(&output.stdout).contains("geometric mean"));

    // Half the rate is not less than a fifth of it.
    let output = bucketlab(&["compare", before, &after, "--fail-on", "slower=80%"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = bucketlab(&["compare", &after, before, "--fail-on", "slower=5%"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));

    for format in ["json", "markdown"] {
        let output = bucketlab(&["compare", before, &after, "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let again = bucketlab(&["compare", before, &after, "--format", format]);
        assert_eq!(
            output.stdout, again.stdout,
            "the same records, the same bytes"
        );
        if format == "json" {
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert!(json["count"]["slower"].as_u64().unwrap() >= 4, "{json}");
            assert!(json["overall"]["ratio"]["mid"].as_f64().unwrap() < 1.0);
        }
    }
}

/// What fails is a failed test case and an annotation; what could not be seen fails where that is asked.
#[test]
fn what_fails_is_told_as_continuous_integration_reads_it() {
    let root = tempfile::tempdir().unwrap();
    let before = reference();
    let before = before.to_str().unwrap();
    let after = copy(root.path(), "after", slower("resizable", 2.0));
    let junit = root.path().join("junit.xml");
    let gate = |b: &str, fail_on: &str| {
        bucketlab(&[
            "compare",
            before,
            b,
            "--fail-on",
            fail_on,
            "--github",
            "--junit",
            junit.to_str().unwrap(),
        ])
    };
    let cases = || {
        let xml = std::fs::read_to_string(&junit).unwrap();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let suite = document
            .descendants()
            .find(|node| node.has_tag_name("testsuite"))
            .unwrap();
        let count = |name: &str| suite.attribute(name).unwrap().parse::<usize>().unwrap();
        let failed: Vec<String> = suite
            .children()
            .filter(|case| case.children().any(|child| child.has_tag_name("failure")))
            .map(|case| case.attribute("name").unwrap().to_owned())
            .collect();
        assert_eq!(failed.len(), count("failures"));
        (count("tests"), failed)
    };
    let output = gate(&after, "slower=5%");
    assert_eq!(output.status.code(), Some(1));
    let (tests, failed) = cases();
    assert!(tests > failed.len() && failed.len() >= 4, "{failed:?}");
    assert!(
        failed.iter().all(|target| target == "resizable"),
        "{failed:?}"
    );
    let said = text(&output.stderr);
    assert!(said.contains("::error title=resizable on ycsb-c"), "{said}");
    assert_eq!(
        text(&output.stdout)
            .matches("would have been called slower")
            .count(),
        1
    );

    // The same run twice has no cell that is slower, but none that would have shown a change of a thousandth.
    let output = gate(before, "slower=0.1%,undecided");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(
        said.contains(": undecided: a slowdown of less than"),
        "{said}"
    );
    let output = gate(before, "slower=99%,bytes=0.1%,undecided");
    let said = text(&output.stderr);
    // A control has no bytes; all else has as many as it had.
    assert!(!said.contains("times as high"), "{said}");
    assert!(!cases().1.contains(&"resizable".to_owned()), "{said}");
    let output = gate(before, "slow=5%");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("slower"),
        "{}",
        text(&output.stderr)
    );
}

/// Which profile a build had is read from the run: a build of another one changes every table.
#[test]
fn a_run_of_another_program_is_not_confirmed() {
    let root = tempfile::tempdir().unwrap();
    let after = copy(root.path(), "after", slower("striped", 3.0));
    let before = reference();
    let before = before.to_str().unwrap();
    let args = [
        "compare",
        before,
        &after,
        "--fail-on",
        "slower=5%",
        "--confirm",
    ];
    let output = bucketlab(&args);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("cannot be confirmed: another build"),
        "{said}"
    );
    // Where nothing fails there is nothing to confirm, and without a limit nothing can fail.
    let args = [
        "compare",
        before,
        before,
        "--fail-on",
        "slower=5%",
        "--confirm",
    ];
    assert_eq!(bucketlab(&args).status.code(), Some(0));
    let args = ["compare", before, before, "--confirm"];
    assert_eq!(bucketlab(&args).status.code(), Some(2));
    // Two targets of a run cannot be measured again, whether or not one would fail.
    let limit = ["--fail-on", "slower=99%", "--confirm"];
    let targets = ["compare", before, "striped", "striped"];
    let output = bucketlab(&[&targets[..], &limit].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--confirm is for two runs"), "{said}");
}

/// What is slower in the records alone is cleared by new births, which measure the panels that fail and no other.
#[test]
fn what_would_fail_is_measured_again() {
    let root = tempfile::tempdir().unwrap();
    let suite = root.path().join("two.toml");
    let group = "[[group]]\nworkloads = [\"ycsb-c\"]\nentries = [1000, 2000]\nthreads = [1]\n\
                 targets = [\"striped\", \"resizable\"]\n";
    fs::write(
        &suite,
        format!("name = \"two\"\nabout = \"two panels\"\nanalysis = \"\"\ntime_s = 1.0\n{group}"),
    )
    .unwrap();
    let out = root.path().join("runs");
    let out_name = out.to_str().unwrap();
    let output = bucketlab(&[
        "run",
        "--no-verify",
        suite.to_str().unwrap(),
        "--out",
        out_name,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let runs = || -> Vec<PathBuf> {
        let entries = fs::read_dir(&out).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let before = runs().remove(0);
    let after = out.join("after");
    fs::create_dir(&after).unwrap();
    let manifest: toml::Table =
        toml::from_str(&fs::read_to_string(before.join("run.toml")).unwrap()).unwrap();
    let cells = manifest["cells"].as_array().unwrap().iter();
    let slow = cells.filter(|cell| {
        cell["target"].as_str() == Some("resizable") && cell["panel"].as_integer() == Some(1)
    });
    let slow: Vec<&str> = slow.map(|cell| cell["cell_id"].as_str().unwrap()).collect();
    for entry in fs::read_dir(&before).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() {
            continue;
        }
        if name != "slices.csv" {
            fs::copy(&path, after.join(name)).unwrap();
            continue;
        }
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let header = reader.headers().unwrap().clone();
        let column = |name: &str| header.iter().position(|c| c == name).unwrap();
        let [id, ops, discarded] = ["cell_id", "ops", "discarded_ops"].map(column);
        let mut writer = csv::Writer::from_path(after.join(name)).unwrap();
        writer.write_record(&header).unwrap();
        for row in reader.records() {
            let mut row: Vec<String> = row.unwrap().iter().map(str::to_owned).collect();
            if slow.contains(&row[id].as_str()) {
                for at in [ops, discarded] {
                    row[at] = (row[at].parse::<u64>().unwrap() / 50).to_string();
                }
            }
            writer.write_record(&row).unwrap();
        }
        writer.flush().unwrap();
    }
    let (before, after) = (before.to_str().unwrap(), after.to_str().unwrap());
    let limit = ["--fail-on", "slower=80%"];
    let alarm = bucketlab(&[&["compare", before, after][..], &limit].concat());
    assert_eq!(alarm.status.code(), Some(1), "{}", text(&alarm.stderr));
    let confirm = ["--confirm", "--format", "json"];
    let output = bucketlab(&[&["compare", before, after][..], &limit, &confirm].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("measuring 1 of 2 panels again"), "{said}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["confirmation"]["cells"].as_array().unwrap().len(), 1);
    assert_eq!(told["confirmation"]["verdicts"]["together"], 1);
    assert_eq!(runs().len(), 3);
}

#[test]
fn builds_of_two_profiles_are_compared_by_force_alone() {
    let root = tempfile::tempdir().unwrap();
    let release = reference();
    let release = release.to_str().unwrap();
    let edit = copy(root.path(), "edit", |file, text| match file {
        "run.toml" => text.replace("build = \"profile release,", "build = \"profile edit,"),
        _ => text,
    });
    for (a, b) in [(release, edit.as_str()), (edit.as_str(), release)] {
        let refused = bucketlab(&["compare", a, b]);
        let complaint = text(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{complaint}");
        assert!(refused.stdout.is_empty());
        for words in ["profile edit", "profile release", "--release", "--force"] {
            assert!(complaint.contains(words), "no '{words}' in {complaint}");
        }
        let forced = bucketlab(&["compare", a, b, "--force"]);
        assert_eq!(forced.status.code(), Some(0), "{}", text(&forced.stderr));
        assert!(text(&forced.stdout).contains("differ in build"));
    }
    let alike = bucketlab(&["compare", &edit, &edit]);
    assert_eq!(alike.status.code(), Some(0), "{}", text(&alike.stderr));
}

#[test]
fn two_targets_of_a_run_are_compared_under_any_of_their_names() {
    let run = reference();
    let run = run.to_str().unwrap();
    let output = bucketlab(&["compare", run, "fixed", "striped"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("0 slower, 8 faster"), "{table}");
    let output = bucketlab(&["compare", run, "fixed:buckets=1024", "fixed:buckets=65536"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("fixed:buckets=2^16"));
    let output = bucketlab(&["compare", run, "striped", "fixed", "--fail-on", "slower=5%"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn bad_input_is_named_and_exits_with_2() {
    let root = tempfile::tempdir().unwrap();
    let run = reference();
    let run = run.to_str().unwrap();
    let in_manifest = |from: &'static str, to: &'static str| {
        move |file: &str, text: String| match file {
            "run.toml" => text.replace(from, to),
            _ => text,
        }
    };
    let newer = copy(
        root.path(),
        "newer",
        in_manifest("schema_version = ", "schema_version = 9"),
    );
    let elsewhere = copy(
        root.path(),
        "elsewhere",
        in_manifest("cpu_model = \"", "cpu_model = \"Other "),
    );
    let empty = copy(root.path(), "empty", |file, text| match file {
        "run.toml" => text,
        _ => format!("{}\n", text.lines().next().unwrap()),
    });
    // Another seed of the hash of every cell: nothing in common but the names.
    let unlike = copy(root.path(), "unlike", |_, text| {
        text.replace("sip13", "xxh3")
            .replace("cell_id = \"", "cell_id = \"0")
    });
    let gone = root.path().join("gone");
    let gone = gone.to_str().unwrap();
    let cases: &[(&[&str], &[&str])] = &[
        (&["compare", run], &["required", "RUN_B"]),
        (&["compare", run, "a", "b", "c"], &["unexpected", "'c'"]),
        (&["compare", run, gone], &["gone", "is not there"]),
        (
            &["compare", run, &newer],
            &["schema version 9", "reads versions 2 to 5"],
        ),
        (
            &["compare", run, &empty],
            &["nothing was measured", "empty"],
        ),
        (
            &["compare", run, &elsewhere],
            &["other machine", "can be compared"],
        ),
        (
            &["compare", run, &unlike],
            &["hash sip13", "xxh3", "can be compared"],
        ),
        (
            &["compare", run, "fixed", "stripd"],
            &["unknown target", "did you mean 'striped'", "resizable"],
        ),
        (&["compare", run, "fixed", "fixed"], &["same target"]),
        (
            &["compare", run, run, "--fail-on", "slower=100%"],
            &["slower=5%", "from 0 to below 100"],
        ),
        (
            &["compare", run, run, "--fail-on", "faster=5%"],
            &["unknown gate 'faster'", "slower"],
        ),
        (&["rank", gone], &["gone", "is not there"]),
        (&["rank", &empty], &["nothing was measured", "empty"]),
        (&["rank", run, run], &["unexpected"]),
    ];
    for (args, wanted) in cases {
        let output = bucketlab(args);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complaint}");
        assert!(output.stdout.is_empty(), "{args:?}");
        for words in *wanted {
            assert!(
                complaint.contains(words),
                "{args:?}: no '{words}' in {complaint}"
            );
        }
    }
}

#[test]
fn targets_are_ranked_over_what_they_share() {
    let run = reference();
    let run = run.to_str().unwrap();
    let output = bucketlab(&["rank", run, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ranking = json["ranking"].as_array().unwrap();
    let order: Vec<&str> = ranking
        .iter()
        .map(|r| r["target"].as_str().unwrap())
        .collect();
    assert_eq!(
        order,
        ["striped", "sharded-hashbrown", "resizable", "fixed"]
    );
    // Not the panel that is back to back.
    assert_eq!(json["cells"].as_array().unwrap().len(), 7);
    assert!(!json["left_out"].as_array().unwrap().is_empty());
    for format in ["table", "markdown"] {
        let output = bucketlab(&["rank", run, "--format", format]);
        let shown = text(&output.stdout);
        assert!(
            shown.contains("striped") && shown.contains("7 workloads"),
            "{shown}"
        );
        assert!(shown.contains("not ranked: fixed:buckets="), "{shown}");
    }
}

#[test]
fn help_has_examples_and_the_verbs_in_order() {
    for (verb, words) in [
        ("compare", "--fail-on slower=5%"),
        ("rank", "rank results/"),
    ] {
        let output = bucketlab(&[verb, "--help"]);
        assert!(output.status.success());
        let help = text(&output.stdout);
        assert!(help.contains("Examples:") && help.contains(words), "{help}");
    }
    let help = text(&bucketlab(&["--help"]).stdout);
    let places: Vec<usize> = ["  run ", "  report ", "  compare ", "  rank ", "  trace "]
        .iter()
        .map(|verb| help.find(&format!("\n{verb}")).expect(verb))
        .collect();
    assert!(places.is_sorted(), "{help}");
}

#[test]
fn a_run_is_kept_under_a_name_and_compared_with() {
    let root = tempfile::tempdir().unwrap();
    let same = copy(root.path(), "same", |_, text| text);
    let worse = copy(root.path(), "worse", slower("striped", 1.6));
    let none = bucketlab(&["compare", &worse, "--baseline", "main"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(text(&none.stderr).contains("--save-baseline main"));
    let kept = bucketlab(&["compare", &same, "--save-baseline", "main"]);
    assert!(kept.status.success(), "{}", text(&kept.stderr));
    assert!(root.path().join("baselines/main/trials.csv").is_file());
    fs::remove_dir_all(&same).unwrap();
    let gates = ["--fail-on", "slower=5%", "--save-baseline", "main"];
    let before = fs::read(root.path().join("baselines/main/slices.csv")).unwrap();
    let found = bucketlab(&[&["compare", &worse, "--baseline", "main"], &gates[..]].concat());
    assert_eq!(found.status.code(), Some(1), "{}", text(&found.stderr));
    assert!(text(&found.stderr).contains("striped"));
    // What fails does not become the baseline.
    let after = fs::read(root.path().join("baselines/main/slices.csv")).unwrap();
    assert_eq!(before, after);
    let near = bucketlab(&["compare", &worse, "--baseline", "mian"]);
    assert_eq!(near.status.code(), Some(2));
    assert!(text(&near.stderr).contains("did you mean 'main'"));
}
