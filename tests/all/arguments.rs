//! What the program asks before it begins, and paths that are no text.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

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

/// A replay of 10^13 seconds is asked about before anything is measured.
#[test]
fn a_replay_longer_than_a_day_asks_for_yes() {
    let directory = tempfile::tempdir().unwrap();
    let trace = directory.path().join("t.csv");
    let line = |time: u64| format!("{time},key,3,10,1,get,0\n");
    let out = directory.path().join("results");
    let run = |more: &[&str]| {
        let trace = format!("{}:twitter", trace.display());
        let out = out.to_str().unwrap();
        let args = [
            "run",
            "--no-verify",
            "--trace",
            &trace,
            "-t",
            "fixed",
            "--trials",
            "1",
            "--out",
            out,
        ];
        bucketlab(&[&args[..], more].concat())
    };
    std::fs::write(&trace, line(1_700_000_000) + &line(1_700_000_000_000)).unwrap();
    for more in [&["--speed", "1"][..], &["--speed", "1000"]] {
        let output = run(more);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        for words in ["days", "1700000000 to 1700000000000 s", "--yes"] {
            assert!(errors.contains(words), "{errors}");
        }
        assert!(!out.exists());
    }
    // Not where nothing is waited for, and not below a day.
    assert_eq!(run(&["--speed", "1", "--dry-run"]).status.code(), Some(0));
    std::fs::write(&trace, line(1_700_000_000) + &line(1_700_080_000)).unwrap();
    let output = run(&["--speed", "100000"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    // A rate that is too low for a pass.
    let args = [
        "run", "-w", "fill", "-t", "fixed", "--rate", "1", "--trials", "1",
    ];
    let output = bucketlab(&[&args[..], &["--out", out.to_str().unwrap()]].concat());
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("--rate") && errors.contains("--yes"),
        "{errors}"
    );
}

#[cfg(unix)]
#[test]
fn paths_that_are_not_utf_8_are_named_with_their_argument_and_printed_as_they_are() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    let directory = tempfile::tempdir().unwrap();
    let odd = |end: &[u8]| {
        let folder = directory.path().as_os_str().as_encoded_bytes();
        OsString::from_vec([folder, b"/od\xffd", end].concat())
    };
    let keys = odd(b".keys");
    std::fs::write(&keys, "a\nb\na\n").unwrap();
    let run = |args: &[OsString]| {
        let mut command = Command::cargo_bin("bucketlab").expect("the program");
        command.args(args).output().expect("it starts")
    };
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    for (args, argument) in [
        (words(&["run", "--trace"]), "--trace"),
        (words(&["run"]), "SUITE|FILE.toml"),
        (words(&["run", "-t"]), "--target"),
        (words(&["run", "-w"]), "--workload"),
        (words(&["run", "--hash"]), "--hash"),
        (words(&["trace"]), "FILE[:FORMAT]"),
        (words(&["hash", "--keys"]), "--keys"),
        (words(&["hash", "--hash"]), "--hash"),
    ] {
        let output = run(&[args, vec![keys.clone()]].concat());
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        let named = errors.contains(argument) && errors.contains("od\\xffd");
        assert!(
            named && errors.contains("not UTF-8"),
            "{argument}: {errors}"
        );
    }
    // Where a path is only written to, it may be anything, and the last line is that path.
    let plain = directory.path().join("plain.keys");
    std::fs::write(&plain, "a\nb\na\n").unwrap();
    let out = odd(b"-out");
    let trace = [
        words(&["trace"]),
        vec![plain.clone().into()],
        words(&["--out"]),
    ]
    .concat();
    let measure = [
        words(&["run", "--trace"]),
        vec![plain.into()],
        words(&["--no-verify", "-t", "fixed", "--trials", "1"]),
        words(&["--threads", "1", "--out"]),
    ];
    for args in [trace, measure.concat()] {
        let output = run(&[args, vec![out.clone()]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let lines = output.stdout.strip_suffix(b"\n").unwrap();
        let last = lines.rsplit(|byte| *byte == b'\n').next().unwrap();
        let path = OsString::from_vec(last.to_vec());
        assert!(Path::new(&path).is_file(), "{}", Path::new(&path).display());
    }
}
