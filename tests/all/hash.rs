//! `bucketlab hash` from outside: bad input, a small run, its files and its page.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// Runs the program in a pipe, whose reader asks for a hundred columns.
fn bucketlab(args: &[&str]) -> Output {
    Command::cargo_bin("bucketlab")
        .expect("the program")
        .env("COLUMNS", "100")
        .args(args)
        .output()
        .expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs two functions on few keys; the page's path is the last line.
fn small_run(out: &Path, more: &[&str]) -> (String, PathBuf) {
    let out = out.to_str().unwrap();
    let mut args = vec![
        "hash",
        "--hash",
        "djb2,sip13",
        "--time",
        "0.05",
        "--out",
        out,
    ];
    args.extend(["--entries", "2000", "--buckets", "64,2^10"]);
    args.extend(more);
    let output = bucketlab(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let page = PathBuf::from(stdout.lines().last().unwrap());
    (stdout, page)
}

#[test]
fn bad_input_is_named_and_exits_with_2() {
    let root = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = root.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let empty = file("empty.txt", b"");
    let cut = file("cut.txt.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b]);
    let taken = file("taken", b"");
    let good = root.path().join("never").to_str().unwrap().to_owned();
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["--hash", "sip31"],
            &["unknown hash 'sip31'", "did you mean 'sip13'", "djb2"],
        ),
        (
            &["--keys", "urls"],
            &["unknown corpus 'urls'", "did you mean 'url'", "one-byte"],
        ),
        (
            &["--keys", "./absent.txt"],
            &["absent.txt", "cannot be read"],
        ),
        (&["--keys", &empty], &["empty.txt", "is empty"]),
        (&["--keys", &cut], &["cut.txt.gz", "cut short"]),
        (
            &["--buckets", "1000"],
            &["--buckets 1000", "power of two", "2^10"],
        ),
        (&["--buckets", "2^40"], &["power of two", "2^26"]),
        (&["--buckets", "many"], &["whole number"]),
        (&["--time", "0"], &["--time 0", "above 0"]),
        (&["--entries", "0"], &["--entries 0", "1 to"]),
    ];
    for (args, words) in cases {
        let output = bucketlab(&[&["hash", "--out", &good], *args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let stderr = text(&output.stderr);
        for word in *words {
            assert!(stderr.contains(word), "{args:?}: {stderr}");
        }
    }
    assert!(
        !Path::new(&good).exists(),
        "nothing was made for input that cannot be used"
    );
    let output = bucketlab(&["hash", "--hash", "djb2", "--keys", "user", "--out", &taken]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("taken"));
}

#[test]
fn a_small_run_leaves_its_files_and_a_page_that_needs_no_other() {
    let root = tempfile::tempdir().unwrap();
    let (stdout, page) = small_run(root.path(), &[]);
    assert!(stdout.starts_with("• sip13 ("), "{stdout}");
    for line in stdout.lines().filter(|line| !line.ends_with("report.html")) {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let run = page.parent().unwrap();
    for (file, header) in [
        ("hash_speed.csv", "round,hash,key_bytes,calls,elapsed_ns"),
        (
            "hash_spread.csv",
            "hash,corpus,bits,buckets,keys,chi_square,score,longest,likely_longest",
        ),
        ("hash_avalanche.csv", "hash,keys,input_bit,flips"),
        (
            "hash_chains.csv",
            "hash,corpus,bits,buckets,length,count,expected",
        ),
        (
            "hash_flood.csv",
            "hash,method,colliding_bits,keys,elapsed_ns,buckets,longest_seed_known,\
             longest_seed_unknown,likely_longest",
        ),
    ] {
        let text = std::fs::read_to_string(run.join(file)).unwrap();
        assert_eq!(text.lines().next(), Some(header), "{file}");
        assert!(text.lines().count() > 2, "{file} has rows");
    }
    let html = std::fs::read_to_string(&page).unwrap();
    // Addresses are those of files beside it, of anchors, and of the SVG namespace.
    for address in html
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().replace("&#x2f;", "/"))
    {
        let beside = address.starts_with('#') || address == "data:," || run.join(&address).exists();
        assert!(beside, "{address}");
    }
    assert!(!html.contains("src=\"") && !html.contains("@import") && !html.contains("url("));
    let namespaces = html.matches("http://www.w3.org/2000/svg").count();
    assert_eq!(
        html.matches("http").count(),
        html.matches("http-equiv").count() + namespaces
    );
    for chart in ["speed", "spread", "chains", "avalanche"] {
        let svg = std::fs::read_to_string(run.join(format!("charts/hash-{chart}.svg"))).unwrap();
        roxmltree::Document::parse(&svg).unwrap();
    }
    assert!(run.join("report.md").exists() && run.join("hash.toml").exists());
    // The report is made again from the records alone, byte for byte.
    std::fs::remove_file(&page).unwrap();
    let output = bucketlab(&["report", run.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_to_string(&page).unwrap(), html);
}

#[test]
fn a_file_of_keys_and_json() {
    let root = tempfile::tempdir().unwrap();
    let keys = root.path().join("mine.txt");
    let lines: Vec<String> = (0..500).map(|n| format!("key-{}", n % 400)).collect();
    std::fs::write(&keys, lines.join("\n")).unwrap();
    let (stdout, page) = small_run(root.path(), &["--keys", keys.to_str().unwrap()]);
    assert!(stdout.contains("the keys of mine.txt"), "{stdout}");
    let spread = std::fs::read_to_string(page.with_file_name("hash_spread.csv")).unwrap();
    assert!(
        spread
            .lines()
            .skip(1)
            .all(|line| line.contains(",mine.txt,") && line.contains(",400,"))
    );

    let out = root.path().to_str().unwrap();
    let args = [
        "hash",
        "--hash",
        "xxh3",
        "--keys",
        "uuid",
        "--entries",
        "500",
    ];
    let output = bucketlab(
        &[
            &args[..],
            &["--time", "0.05", "--out", out, "--format", "json"],
        ]
        .concat(),
    );
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(value["hashes"][0]["name"], "xxh3");
    assert!(value["hashes"][0]["speed"].as_array().unwrap().len() > 5);
    assert!(text(&output.stderr).trim_end().ends_with("report.html"));
}

/// Suites whose keys are a corpus, or flood a function.
#[test]
fn a_suite_sweeps_over_corpora_and_floods() {
    let root = tempfile::tempdir().unwrap();
    let suite = root.path().join("mine.toml");
    let toml = "name = \"mine\"\nabout = \"x\"\nentries = 300\ntime_s = 0.2\n\
                [[group]]\nworkloads = [\"uniform\"]\ncorpus = [\"url\", \"flood:djb2\"]\n\
                targets = [\"fixed:buckets=2^10\"]\nhash = [\"djb2\", \"sip13\", \"xxh3\"]\n";
    std::fs::write(&suite, toml).unwrap();
    let out = root.path().join("out");
    let args = [
        "run",
        suite.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ];
    let output = bucketlab(&args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    assert!(
        stdout.contains("uniform (url)") && stdout.contains("keys flood:djb2"),
        "{stdout}"
    );
    assert!(
        stdout.contains("is the best hash function over 1 pair of"),
        "{stdout}"
    );
    let page = PathBuf::from(stdout.lines().last().unwrap());
    let charts = page.parent().unwrap().join("charts");
    assert!(charts.join("flood-mine.svg").exists());
    assert!(charts.join("hashes-mine-fixed.svg").exists());

    for (from, to, words) in [
        (
            "\"url\"",
            "\"urls\"",
            ["unknown corpus 'urls'", "did you mean 'url'"],
        ),
        (
            "flood:djb2",
            "flood:djb3",
            ["unknown hash 'djb3'", "did you mean 'djb2'"],
        ),
        ("\"url\"", "\"one-byte\"", ["corpus one-byte", "16321"]),
    ] {
        let toml = toml
            .replace(from, to)
            .replace("entries = 300", "entries = 20000");
        std::fs::write(&suite, toml).unwrap();
        let output = bucketlab(&args);
        assert_eq!(output.status.code(), Some(2), "{to}");
        let stderr = text(&output.stderr);
        assert!(words.iter().all(|word| stderr.contains(word)), "{stderr}");
    }
}
