//! One grammar for counts, sizes, times, rates, shares and lists: in flags, specs and suites.

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

/// The plan of a run, which shows what was understood.
fn plan(args: &[&str]) -> String {
    let output = bucketlab(&[&["run", "--dry-run"], args].concat());
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
    text(&output.stdout)
}

/// A trace of three requests, a second apart.
fn trace(folder: &Path) -> String {
    let path = folder.join("t.csv");
    let lines = (1..4).map(|time| format!("{time},key,3,10,1,get,0\n"));
    std::fs::write(&path, lines.collect::<String>()).unwrap();
    format!("{}:twitter", path.display())
}

#[test]
fn flags_take_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let trace = trace(folder.path());
    let cases: &[(&[&str], &[&str])] = &[
        (&["--time", "3s"], &["3.0 s of slices"]),
        (&["--time", "3"], &["3.0 s of slices"]),
        (&["--time", "1.5m"], &["90.0 s of slices"]),
        (&["--time", "500ms"], &["0.5 s of slices"]),
        (&["--precision", "2%", "--max-time", "1m"], &[]),
        (&["--precision", "2 %", "--max-time", "60"], &[]),
        (&["--precision", "2"], &[]),
        (&["--precision", "0.5%"], &[]),
        (&["--entries", "1e6"], &["over 1000000 records"]),
        (&["--entries", "0.1M"], &["over 100000 records"]),
        (
            &["--entries", "1k,2Ki"],
            &["over 1000 records", "over 2048 records"],
        ),
        (&["--entries", "1"], &["over 1 record,"]),
        (&["--budget", "64MB"], &["at most 64M bytes"]),
        (&["--budget", "64MiB"], &["at most 64Mi bytes"]),
        (
            &["--budget", "4M,64Mi"],
            &["at most 4M bytes", "at most 64Mi bytes"],
        ),
        (&["--budget", "1e6"], &["at most 1M bytes"]),
        (&["--rate", "1e6"], &["@1M/s"]),
        (&["--rate", "1M"], &["@1M/s"]),
        (&["--rate", "10k,0.5M"], &["@10k/s", "@500k/s"]),
        (
            &["--threads", "1-4"],
            &["1 thread", "2 threads", "3 threads", "4 threads"],
        ),
        (
            &["--threads", "1,3-4"],
            &["1 thread", "3 threads", "4 threads"],
        ),
        (&["--batch", "1,16"], &["batches of 16"]),
        (
            &["--between", "none,1k"],
            &["back to back", "with 1000 instructions between"],
        ),
        (&["--absent", "50%"], &["50 % of lookups for absent keys"]),
        (&["--slo", "p99=1ms"], &[]),
        (&["--trace", &trace, "--speed", "2x"], &["t@x2"]),
        (&["--trace", &trace, "--speed", "0.5"], &["t@x0.5"]),
        (&["--trials", "1"], &["  1 trial, slices"]),
        (&["-w", "ycsb-a,ycsb-b"], &["ycsb-a", "ycsb-b"]),
        (&["--seed", "1k"], &[]),
    ];
    for (args, words) in cases {
        let workload: &[&str] = if args.contains(&"-w") || args.contains(&"--trace") {
            &[]
        } else {
            &["-w", "ycsb-c"]
        };
        let plan = plan(&[&["-t", "fixed"], workload, args].concat());
        for word in *words {
            assert!(
                plan.contains(word),
                "{args:?}: '{word}' is missing in:\n{plan}"
            );
        }
    }
    // A table of ten million entries may be more than this machine has room for: then that is what is said.
    let output = bucketlab(&[
        "run",
        "--dry-run",
        "-t",
        "fixed",
        "-w",
        "ycsb-c",
        "--entries",
        "10M",
    ]);
    let said = text(&output.stdout) + &text(&output.stderr);
    let read = said.contains("over 10000000 records") || said.contains("memory would be needed");
    assert!(read, "{said}");
}

#[test]
fn specs_take_every_form() {
    for (targets, words) in [
        ("striped,fixed", &["striped", "fixed"][..]),
        (
            "fixed:buckets=64Ki,striped",
            &["fixed:buckets=2^16", "striped"],
        ),
        (
            "striped:buckets=2^16,stripes=[1-2],fixed",
            &["stripes=1,", "stripes=2,", "fixed"],
        ),
        (
            "resizable:capacity=1e4,load=75%",
            &["capacity=10000", "load=0.75"],
        ),
    ] {
        let plan = plan(&["-t", targets, "-w", "ycsb-c", "--threads", "1"]);
        for word in words {
            assert!(
                plan.contains(word),
                "{targets}: '{word}' is missing in:\n{plan}"
            );
        }
    }
    // One table, however its size is written.
    let plan = plan(&[
        "-t",
        "fixed:buckets=[65536,64Ki,2^16,65.536k],fixed",
        "-w",
        "ycsb-c",
        "--threads",
        "1",
    ]);
    assert_eq!(plan.matches("fixed:buckets=2^16").count(), 1, "{plan}");
}

#[test]
fn suites_take_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forms.toml");
    let suite = |lines: &str| {
        let text = format!("name = \"forms\"\nabout = \"Forms.\"\n{lines}");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let group = "[[group]]\nworkloads = [\"ycsb-c\"]\ntargets = [\"fixed\"]\n";
    for (lines, words) in [
        ("time_s = 3.0\n", &["3.0 s of slices"][..]),
        ("time_s = \"3s\"\n", &["3.0 s of slices"]),
        ("time = \"1m\"\n", &["60.0 s of slices"]),
        ("entries = \"0.1M\"\n", &["over 100000 records"]),
        ("entries = 1e5\n", &["over 100000 records"]),
        (
            "threads = \"1-3\"\n",
            &["1 thread", "2 threads", "3 threads"],
        ),
        (
            "threads = [\"1-2\", 4]\n",
            &["1 thread", "2 threads", "4 threads"],
        ),
        ("threads = 2\n", &["2 threads"]),
        ("precision_percent = \"2%\"\nmax_time = \"1m\"\n", &[]),
        ("precision_percent = 0.5\nslice_ms = \"10ms\"\n", &[]),
        (
            "hash = \"sip13,xxh3\"\nseed = \"1k\"\ntrials = 1\n",
            &["  1 trial, slices", "xxh3"],
        ),
    ] {
        let plan = plan(&[&suite(&format!("{lines}{group}"))]);
        for word in words {
            assert!(
                plan.contains(word),
                "{lines}: '{word}' is missing in:\n{plan}"
            );
        }
    }
    for (lines, words) in [
        (
            "budget = [\"64MB\", \"64MiB\", 1e6]",
            &["64M bytes", "64Mi bytes", "1M bytes"][..],
        ),
        ("budget = \"4M\"", &["4M bytes"]),
        ("pace = { rate = [\"1e6\", 950] }", &["@1M/s", "@950/s"]),
        ("pace = { rate = \"10k,20k\" }", &["@10k/s", "@20k/s"]),
        ("absent = \"50%\"", &["50 % of lookups for absent keys"]),
        (
            "entries = \"1k,2Ki\"\nbatch = \"1,4\"",
            &["over 1000 records", "over 2048 records", "batches of 4"],
        ),
    ] {
        let plan = plan(&[&suite(&format!("{group}{lines}\n"))]);
        for word in words {
            assert!(
                plan.contains(word),
                "{lines}: '{word}' is missing in:\n{plan}"
            );
        }
    }
    let custom = "[[group]]\nworkloads = \"mine\"\ntargets = \"striped,fixed\"\n\
                  [workload.mine]\nbase = \"ycsb-a\"\nentries = \"10k\"\nvalue = { min = \"1Ki\", max = \"4kB\" }\n\
                  mix = { get = \"95%\", set = 5 }\n\
                  keys = { distribution = \"hotspot\", hot_keys = \"10%\", hot_ops = 0.9 }\n";
    let plan = plan(&[&suite(custom)]);
    for word in [
        "10000 records",
        "striped",
        "1024 to 4000 B",
        "95 get",
        "90% of operations on 10% of keys",
    ] {
        assert!(plan.contains(word), "'{word}' is missing in:\n{plan}");
    }
}

/// Bad quantities exit with 2 and name the bad thing and what is valid; what is wrong behind them is what good
/// ones get to.
#[test]
fn what_is_refused_says_what_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, lines: &str| {
        let path = folder.path().join(name);
        let head = "name = \"x\"\nabout = \"y\"\n";
        let group = "\n[[group]]\nworkloads = [\"ycsb-c\"]\ntargets = [\"fixed\"]\n";
        std::fs::write(&path, format!("{head}{lines}{group}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (time, threads) = (
        file("a.toml", "time = \"3 x\""),
        file("b.toml", "threads = \"4-1\""),
    );
    let (share, entries) = (
        file("c.toml", "precision_percent = \"0.02\""),
        file("d.toml", "entries = true"),
    );
    let cases: &[(&[&str], &[&str])] = &[
        (
            &["run", "--precision", "0.02"],
            &["'0.02' may be 0.02 % or 2 %", "0.02% or 2%"],
        ),
        (&["run", "--precision", "half"], &["'half'", "2%"]),
        (
            &["run", "-w", "ycsb"],
            &["'ycsb' is a suite", "bucketlab run ycsb"],
        ),
        (
            &["run", "ycsb-a"],
            &["'ycsb-a' is a workload", "run -w ycsb-a"],
        ),
        (&["run", "--time", "3x"], &["'3x' is no time", "1.5s"]),
        (
            &["run", "--time", "3M"],
            &["'3M' is no time", "m (minutes)"],
        ),
        (
            &["run", "--entries", "10m"],
            &["'10m' is no whole number", "10M"],
        ),
        (&["run", "--budget", "64mb"], &["'64mb'", "64MB", "64MiB"]),
        (&["run", "--rate", "1m"], &["'1m' is no rate", "1e6"]),
        (
            &["run", "--threads", "4-1"],
            &["'4-1' ends before it begins", "1-4"],
        ),
        (&["run", "--threads", "1-9999"], &["at most 4096"]),
        (&["run", "--speed", "fast"], &["'fast' is no factor", "2x"]),
        (
            &["run", "-t", "fixed:buckets=1k"],
            &["buckets=1000", "nearest valid value is 2^10"],
        ),
        (
            &["run", "-t", "striped,fixde"],
            &["'fixde'", "did you mean 'fixed'"],
        ),
        (&["run", "-t", "striped,"], &["'' is not a name"]),
        (&["run", &time], &["a.toml", "'3 x' is no time", "line 3"]),
        (
            &["run", &threads],
            &["'4-1' ends before it begins", "line 3"],
        ),
        (&["run", &share], &["'0.02' may be", "line 3"]),
        (&["run", &entries], &["a count, such as", "line 3"]),
        (
            &["compare", "a", "b", "--fail-on", "slower=0.05"],
            &["'0.05' may be", "5%"],
        ),
        (&["compare", "a", "b", "--fail-on", "slower=5"], &["a"]),
        (
            &["compare", "a", "b", "--fail-on", "slower=5%,p99=1e1"],
            &["a"],
        ),
        (&["hash", "--time", "3x"], &["'3x' is no time"]),
        (&["size", "--entries", "1m"], &["'1m' is no whole number"]),
        (
            &["size", "--entries", "1k", "--value", "4kb"],
            &["'4kb'", "64MiB"],
        ),
        (
            &["size", "fixed,fixde", "--entries", "1k", "--value", "4KiB"],
            &["did you mean 'fixed'"],
        ),
        (
            &[
                "hash",
                "--time",
                "10ms",
                "--entries",
                "1e3",
                "--buckets",
                "64,1Ki",
                "--hash",
                "xx",
            ],
            &["unknown hash 'xx'"],
        ),
        (
            &[
                "verify",
                "striped:stripes=2,fixed",
                "--time",
                "1m",
                "--patience",
                "30s",
                "--stage",
                "x",
            ],
            &["unknown stage 'x'"],
        ),
        (
            &["verify", "striped,fixde"],
            &["'fixde'", "did you mean 'fixed'"],
        ),
        (&["verify", "fixed", "--time", "3x"], &["'3x' is no time"]),
        (&["serve", "striped", "-m", "64mb"], &["'64mb'", "64MB"]),
        (
            &["serve", "striped", "-m", "1k"],
            &["'1k' is not valid", "64MiB"],
        ),
        (
            &["serve", "striped", "-I", "1B"],
            &["'1B' is not valid", "1KiB to 1GiB"],
        ),
        (
            &["serve", "striped", "-t", "0"],
            &["'0' is not valid: 1 to 1024"],
        ),
        (
            &["serve", "striped", "-o", "idle_timeout=1x"],
            &["idle_timeout", "'1x' is no time"],
        ),
        (
            &[
                "serve", "null", "-m", "1GB", "-I", "4MiB", "-t", "2", "-c", "1k", "-b", "1Ki",
                "-R", "20",
            ],
            &["'null' stores nothing"],
        ),
        // Memcached's letters are powers of two: 1m is more than half of 2,000,000 bytes.
        (
            &["serve", "striped", "-m", "2MB", "-I", "1m"],
            &["at most half", "1000000 bytes"],
        ),
    ];
    for (args, words) in cases {
        let output = bucketlab(args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        for word in *words {
            assert!(
                stderr.contains(word),
                "{args:?}: '{word}' is missing in: {stderr}"
            );
        }
        let good = args.iter().any(|arg| arg.starts_with("slower=5"));
        assert!(!good || !stderr.contains("slower"), "{args:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}
