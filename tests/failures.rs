//! What becomes of a run when a table crashes, hangs, lies or eats all memory: an error row with
//! the reason, the others go on, exit 1.
//!
//! A binary of its own with its own `main`, because it is a program that plugs in a table, as users do:
//! it starts itself, and its children start themselves once more. The harness of the other tests would
//! take the command line and write to the pipe between parent and child.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode, Output};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bucketlab::base::{Census, Key, Param, Params, Range, SpecError, Usage, Worker};
use bucketlab::catalog::Row;
use bucketlab::table::{Edit, Env, Fixed, Guarantees, Null, Outcome, Session, Stored, Strategy};

/// Each fault with words that its error row must have.
const FAULTS: [(&str, &str); 8] = [
    ("panics", "the table's own assertion"),
    ("aborts", "aborted (signal 6)"),
    ("hangs", "hangs while working in a slice: no answer within"),
    ("devours", "memory allocation of"),
    ("forgets", "is absent"),
    ("confuses", "another's value"),
    ("broken", "check failed"),
    ("killed", "killed by signal 9"),
];

/// Gets since the last write after which a table misbehaves, by default. The check before the timing never makes
/// so many without a write; the workload makes nothing else.
const GOOD_GETS: u64 = 30_000;

/// A table that is good at first.
struct Faulty {
    inner: Fixed,
    fault: String,
    good: u64,
    gets: AtomicU64,
}

struct FaultySession<'t> {
    inner: <Fixed as Strategy>::Session<'t>,
    table: &'t Faulty,
}

impl Strategy for Faulty {
    const NAME: &'static str = "faulty";
    const ABOUT: &'static str = "A table that goes wrong.";
    const SOURCE: &'static str = "made for tests";
    const PARAMS: &'static [Param] = &[
        Fixed::PARAMS[0],
        Fixed::PARAMS[1],
        Param {
            name: "fault",
            range: Range::Word(&[
                "panics", "aborts", "hangs", "devours", "forgets", "confuses", "broken", "killed",
            ]),
            meaning: "what goes wrong",
        },
        Param {
            name: "good",
            range: Range::Integer {
                default: GOOD_GETS,
                min: 0,
                max: GOOD_GETS,
            },
            meaning: "gets after the last write that are answered well",
        },
    ];
    const GUARANTEES: Guarantees = Fixed::GUARANTEES;
    type Session<'t> = FaultySession<'t>;

    fn open(params: &Params, env: &Env) -> Result<Self, SpecError> {
        Ok(Faulty {
            inner: Fixed::open(params, env)?,
            fault: params.word("fault").to_owned(),
            good: params.integer("good"),
            gets: AtomicU64::new(0),
        })
    }

    fn session(&self, who: Worker) -> FaultySession<'_> {
        FaultySession {
            inner: self.inner.session(who),
            table: self,
        }
    }

    fn usage(&self) -> Usage {
        self.inner.usage()
    }

    fn census(&mut self) -> Census {
        self.inner.census()
    }
}

impl Session for FaultySession<'_> {
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let due = self.table.gets.fetch_add(1, Ordering::Relaxed) == self.table.good;
        match self.table.fault.as_str() {
            "broken" => return None,
            "panics" if due => panic!("the table's own assertion"),
            "aborts" if due => std::process::abort(),
            "hangs" if due => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
            "devours" if due => devour(),
            "killed" if due => {
                let this = rustix::process::getpid();
                rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
            }
            "forgets" if due => return None,
            "confuses" if due => return Some(read(b"somebody else's")),
            _ => {}
        }
        self.inner.get(key, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.table.gets.store(0, Ordering::Relaxed);
        self.inner.set(key, value)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.table.gets.store(0, Ordering::Relaxed);
        self.inner.remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        self.table.gets.store(0, Ordering::Relaxed);
        self.inner.update(key, edit)
    }
}

/// Asks for memory and touches it until there is none.
fn devour() {
    let mut held = Vec::new();
    loop {
        held.push(black_box(vec![1_u8; 64 << 20]));
    }
}

const ROWS: &[Row] = &[
    Row::control::<Null>(),
    Row::of::<Fixed>(),
    Row::of::<Faulty>(),
];

fn main() -> ExitCode {
    // As a program it is bucketlab with these rows; as a test it runs itself.
    if std::env::args().len() > 1
        && std::env::args().any(|arg| ["run", "child", "verify"].contains(&arg.as_str()))
    {
        // The memory that the devouring table may eat.
        let limit = rustix::process::Rlimit {
            current: Some(1 << 30),
            maximum: Some(1 << 30),
        };
        rustix::process::setrlimit(rustix::process::Resource::Data, limit).expect("a lower limit");
        return bucketlab::cli::main(ROWS, std::env::current_exe());
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let cases = || {
        while let Some((fault, reason)) = FAULTS.get(next.fetch_add(1, Ordering::Relaxed)) {
            let case = || a_faulty_table_leaves_an_error_row(fault, reason);
            let good = std::panic::catch_unwind(case).is_ok();
            println!("test {fault} ... {}", if good { "ok" } else { "FAILED" });
            failed.fetch_add(usize::from(!good), Ordering::Relaxed);
        }
    };
    // Two of them wait for the table that hangs.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let case = std::panic::catch_unwind(every_fault_is_a_verdict);
            println!(
                "test verdicts ... {}",
                if case.is_ok() { "ok" } else { "FAILED" }
            );
            failed.fetch_add(usize::from(case.is_err()), Ordering::Relaxed);
        });
        scope.spawn(cases);
        scope.spawn(cases);
    });
    let failed = failed.into_inner();
    println!("\n{} passed, {failed} failed", FAULTS.len() + 1 - failed);
    ExitCode::from(u8::from(failed > 0))
}

fn a_faulty_table_leaves_an_error_row(fault: &str, reason: &str) {
    let out = tempfile::tempdir().expect("a directory");
    let target = format!("faulty:buckets=2^12,fault={fault}");
    let output = run(&["-t", "fixed:buckets=2^12", "-t", &target], out.path());
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        output.status.code(),
        Some(1),
        "stdout: {stdout}\nstderr: {stderr}"
    );
    assert!(
        stderr.contains(reason),
        "'{reason}' is missing in: {stderr}"
    );
    let page = Path::new(stdout.lines().last().expect("the path of the report"));
    let html = std::fs::read_to_string(page).expect("report.html");
    assert!(
        html.contains("failed cells 1 of 4"),
        "the page says that a cell failed"
    );
    let mut trials = csv::Reader::from_path(page.with_file_name("trials.csv")).expect("trials.csv");
    let columns = trials.headers().expect("a header").clone();
    let at = |column: &str| columns.iter().position(|c| c == column).expect(column);
    let (mut good, mut bad) = (0, 0);
    for row in trials.records().map(|row| row.expect("a row")) {
        if row[at("target")].starts_with("fixed") {
            assert_eq!(&row[at("error")], "", "the others go on");
            assert_ne!(&row[at("ops")], "");
            good += 1;
        } else if row[at("target")].starts_with("faulty") && !row[at("error")].is_empty() {
            assert!(row[at("error")].contains(reason), "{}", &row[at("error")]);
            assert_eq!(&row[at("ops")], "", "an error row has no number");
            bad += 1;
        }
    }
    assert!(good >= 2, "the baseline and its twin were measured");
    assert_eq!(bad, 1, "one error row");
}

/// A table that goes wrong fails its stage with what it did and the seed; the others go on.
fn every_fault_is_a_verdict() {
    let faulty = FAULTS.map(|(fault, _)| format!("faulty:buckets=16,fault={fault},good=3"));
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "verify",
            "--stage",
            "differential",
            "--seed",
            "5",
            "--time",
            "1",
        ])
        .args(["--patience", "30", "--format", "json"])
        .args(&faulty)
        .arg("fixed:buckets=2^10")
        .output()
        .expect("it starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let verdicts: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for (at, (fault, reason)) in FAULTS.iter().enumerate() {
        let verdict = &verdicts[at];
        assert_eq!(verdict["ending"], "failed", "{fault}");
        let what = verdict["found"]["what"].as_str().expect("a sentence");
        let reason = match *fault {
            "hangs" => "no step within 30 s",
            "forgets" | "broken" => "got no entry",
            "confuses" => "somebody else",
            _ => reason,
        };
        assert!(what.contains(reason), "'{reason}' is missing in: {what}");
        let again = verdict["again"].as_str().expect("a command");
        assert!(
            again.contains("--stage differential --hash") && again.contains("--seed "),
            "{again}"
        );
    }
    let last = &verdicts[FAULTS.len()];
    assert_eq!(last["ending"], "passed", "the others go on");
    assert!(last["exercised"]["operations"].as_u64() > Some(10_000));
    // A case with few steps, which shows the same when it is run alone.
    let broken = &verdicts[6];
    let steps = broken["found"]["steps"].as_array().expect("steps");
    assert!((1..=3).contains(&steps.len()), "{steps:?}");
    let again = broken["again"].as_str().expect("a command").split(' ');
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(again.skip(1))
        .output()
        .expect("it starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    let what = broken["found"]["what"].as_str().expect("a sentence");
    assert!(stdout.contains(what), "{what} is missing in: {stdout}");
}

fn run(targets: &[&str], out: &Path) -> Output {
    Command::new(std::env::current_exe().expect("this program"))
        // What one case has checked is known to the others.
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))
        .args([
            "run",
            "-w",
            "ycsb-c",
            "--threads",
            "1",
            "--entries",
            "2000",
            "--time",
            "1",
        ])
        .args(targets)
        .arg("--out")
        .arg(out)
        .output()
        .expect("it starts")
}
