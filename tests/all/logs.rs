//! Logs as people have them, from outside: what is read, what is refused and with which words, and what
//! comes through a pipe.

use std::process::Output;

use assert_cmd::Command;

fn bucketlab(args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::cargo_bin("bucketlab").unwrap();
    command.args(args).write_stdin(input).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn log(name: &str) -> String {
    format!("{}/tests/logs/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Every refusal has a remedy in it, and the remedy works.
#[test]
fn refused_logs_are_read_once_their_remedy_is_taken() {
    let out = tempfile::tempdir().unwrap();
    let out = out.path().to_str().unwrap();
    for (refused, words, remedy) in [
        (
            &["g5_noheader.csv"][..],
            &["cannot be guessed", "csv(time=1,key=2,size=3)"][..],
            &["g5_noheader.csv:csv(time=1,key=2,size=3)"][..],
        ),
        (
            &["big.csv"],
            &["line 2", "over the item limit", "--oversize clamp"],
            &["big.csv", "--oversize", "clamp"],
        ),
        (
            &["big.csv"],
            &["--oversize skip"],
            &["big.csv", "--oversize", "skip"],
        ),
        (
            &["quot.csv"],
            &["line 4", "'7.5' as size"],
            &["quot.csv", "--lenient"],
        ),
        (
            &["ibm2.tr:csv(key=3,op=2)"],
            &["has no request", "1 357, 2 42", "ops=0:get/1:set"],
            &["ibm2.tr:csv(key=3,op=2,ops=1:get/2:delete)"],
        ),
    ] {
        let run = |args: &[&str]| {
            let file = log(args[0]);
            let args = [&["trace", &file], &args[1..], &["--out", out]].concat();
            bucketlab(&args, b"")
        };
        let output = run(refused);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{refused:?}: {errors}");
        for words in words {
            assert!(errors.contains(words), "{words} in: {errors}");
        }
        let output = run(remedy);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{remedy:?}: {errors}");
    }
    let output = bucketlab(&["trace", &log("hdr.csv"), "--out", out], b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("has no requests in format csv"));
}

/// What a guess has understood is shown, and standard input is a trace too.
#[test]
fn the_reading_of_a_log_is_shown_whether_from_a_file_or_a_pipe() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let file = log("g1.csv");
    let bytes = std::fs::read(&file).unwrap();
    for (name, input) in [(file.as_str(), &b""[..]), ("-", &bytes), ("-:csv", &bytes)] {
        let output = bucketlab(&["trace", name, "--out", folder, "--format", "json"], input);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(json["requests"], 399, "{name}");
        assert_eq!(
            json["format"],
            "csv(time=timestamp_ms,op=op,key=key,size=size)"
        );
        let reading = json["reading"].as_str().unwrap();
        for words in [
            "columns between comma",
            "time from 'timestamp_ms'",
            "times in ms",
        ] {
            assert!(reading.contains(words), "{reading}");
        }
        assert_eq!(json["first_requests"].as_array().unwrap().len(), 3);
        let first = json["first_requests"][0].as_str().unwrap();
        assert_eq!(first, "get user:27235:profile, 115 B, at 1700000000.001 s");
    }
    // A remedy for standard input does not speak of its file, which is gone then.
    let output = bucketlab(&["trace", "-", "--out", folder], b"user 1 x\n");
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("trace '-'") && errors.contains("'-:csv(key=1"),
        "{errors}"
    );
    let output = bucketlab(&["run", "--trace", "-"], b"user 1 x\n");
    assert!(text(&output.stderr).contains("'-:csv(key=1"));
    let output = bucketlab(&["trace", &file, "--out", folder], b"");
    let shown = text(&output.stdout);
    for words in ["read as", "first requests", "get user:27235:profile, 115 B"] {
        assert!(shown.contains(words), "{words} in: {shown}");
    }
}

/// A run says how it reads its trace, at the trace's own fine times too.
#[test]
fn a_log_is_replayed_as_it_is_read() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let run = |trace: &str, more: &[&str], input: &[u8]| {
        let args = [
            &["run", "--trace", trace, "-t", "fixed", "--trials", "1"],
            &["--threads", "1", "--out", folder][..],
            more,
        ];
        let output = bucketlab(&args.concat(), input);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{errors}");
        (text(&output.stdout), errors)
    };
    let bytes = std::fs::read(log("g1.csv")).unwrap();
    let (stdout, errors) = run("-", &["--speed", "1"], &bytes);
    let reading = "note: trace stdin is read as csv(time=timestamp_ms,op=op,key=key,size=size); columns between";
    assert!(errors.contains(reading), "{errors}");
    let page = std::path::Path::new(stdout.lines().last().unwrap());
    let records = bucketlab::record::Records::read(page.parent().unwrap()).unwrap();
    let of_fixed = records.trials.iter().filter(|row| row.target == "fixed");
    assert!(of_fixed.clone().count() > 0);
    assert!(of_fixed.into_iter().all(|row| row.ops == Some(399)));
    let (_, errors) = run(&log("big.csv"), &["--oversize", "clamp"], b"");
    assert!(
        errors.contains("over the item limit, which was cut"),
        "{errors}"
    );
}

/// A converted trace is the same trace; it can be read where it was converted, too.
#[test]
fn a_log_is_converted_and_is_the_same_trace_then() {
    let out = tempfile::tempdir().unwrap();
    let folder = out.path().to_str().unwrap();
    let compact = out.path().join("g1.blt");
    let compact = compact.to_str().unwrap();
    let output = bucketlab(&["trace", &log("g1.csv"), "--convert", compact], b"");
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(shown.contains("399 requests in"), "{shown}");
    assert_eq!(shown.lines().last(), Some(compact));
    let of = |file: &str| {
        let args = ["trace", file, "--out", folder, "--format", "json"];
        let output = bucketlab(&args, b"");
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        [
            "requests",
            "distinct_keys",
            "operations",
            "value_bytes",
            "first_requests",
        ]
        .map(|name| json[name].clone())
    };
    assert_eq!(of(compact), of(&log("g1.csv")));
    let output = bucketlab(&["trace", compact, "--convert", compact], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(of(compact), of(&log("g1.csv")));
}
