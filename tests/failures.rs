//! What becomes of a run when a table crashes, hangs, lies or eats all memory: an error row with
//! the reason, the others go on, exit 1. The tables that do so are rows of this program alone, which
//! is both the test and the program under test.

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode, Output};
use std::sync::atomic::{AtomicU64, Ordering};

use bucketlab::base::{Census, Key, Param, Params, SpecError, Usage, Worker};
use bucketlab::catalog::Row;
use bucketlab::table::{Edit, Env, Fixed, Null, Outcome, Session, Stored, Strategy};

const PANIC: u8 = 0;
const ABORT: u8 = 1;
const HANG: u8 = 2;
const OUT_OF_MEMORY: u8 = 3;
const LOSE_A_KEY: u8 = 4;
const WRONG_VALUE: u8 = 5;
const BROKEN_FROM_THE_START: u8 = 6;
const KILLED: u8 = 7;

const NAMES: [&str; 8] = [
    "panics", "aborts", "hangs", "devours", "forgets", "confuses", "broken", "killed",
];

/// Gets after which a table misbehaves: more than the check before the timing makes.
const GOOD_GETS: u64 = 300_000;

/// A table that is good at first.
struct Faulty<const FAULT: u8> {
    inner: Fixed,
    gets: AtomicU64,
}

struct FaultySession<'t, const FAULT: u8> {
    inner: <Fixed as Strategy>::Session<'t>,
    gets: &'t AtomicU64,
}

impl<const FAULT: u8> Strategy for Faulty<FAULT> {
    const NAME: &'static str = NAMES[FAULT as usize];
    const ABOUT: &'static str = "A table that goes wrong.";
    const SOURCE: &'static str = "made for tests";
    const PARAMS: &'static [Param] = Fixed::PARAMS;
    type Session<'t> = FaultySession<'t, FAULT>;

    fn open(params: &Params, env: &Env) -> Result<Self, SpecError> {
        Ok(Faulty {
            inner: Fixed::open(params, env)?,
            gets: AtomicU64::new(0),
        })
    }

    fn session(&self, who: Worker) -> FaultySession<'_, FAULT> {
        FaultySession {
            inner: self.inner.session(who),
            gets: &self.gets,
        }
    }

    fn usage(&self) -> Usage {
        self.inner.usage()
    }

    fn census(&mut self) -> Census {
        self.inner.census()
    }
}

impl<const FAULT: u8> Session for FaultySession<'_, FAULT> {
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let due = self.gets.fetch_add(1, Ordering::Relaxed) == GOOD_GETS;
        match FAULT {
            BROKEN_FROM_THE_START => return None,
            PANIC if due => panic!("the table's own assertion"),
            ABORT if due => std::process::abort(),
            HANG if due => loop {
                std::thread::sleep(std::time::Duration::from_secs(1));
            },
            OUT_OF_MEMORY if due => devour(),
            KILLED if due => {
                let this = rustix::process::getpid();
                rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
            }
            LOSE_A_KEY if due => return None,
            WRONG_VALUE if due => return Some(read(b"somebody else's")),
            _ => {}
        }
        self.inner.get(key, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.inner.set(key, value)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.inner.remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
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
    Row::of::<Faulty<PANIC>>(),
    Row::of::<Faulty<ABORT>>(),
    Row::of::<Faulty<HANG>>(),
    Row::of::<Faulty<OUT_OF_MEMORY>>(),
    Row::of::<Faulty<LOSE_A_KEY>>(),
    Row::of::<Faulty<WRONG_VALUE>>(),
    Row::of::<Faulty<BROKEN_FROM_THE_START>>(),
    Row::of::<Faulty<KILLED>>(),
];

fn main() -> ExitCode {
    // As a program it is bucketlab with these rows; as a test it runs itself.
    if std::env::args().len() > 1 && std::env::args().any(|arg| arg == "run" || arg == "child") {
        // The memory that the devouring table may eat.
        let limit = rustix::process::Rlimit {
            current: Some(1 << 30),
            maximum: Some(1 << 30),
        };
        rustix::process::setrlimit(rustix::process::Resource::Data, limit).expect("a lower limit");
        return bucketlab::cli::main(ROWS, std::env::current_exe());
    }
    // Each fault with words that its row must give.
    let cases = [
        (PANIC, "the table's own assertion"),
        (ABORT, "aborted (signal 6)"),
        (HANG, "hangs: no answer within"),
        (OUT_OF_MEMORY, "memory allocation of"),
        (LOSE_A_KEY, "is absent"),
        (WRONG_VALUE, "another's value"),
        (BROKEN_FROM_THE_START, "check failed"),
        (KILLED, "killed by signal 9"),
    ];
    let mut failed = 0;
    for (fault, reason) in cases {
        let name = NAMES[fault as usize];
        let outcome = std::panic::catch_unwind(|| a_faulty_table_leaves_an_error_row(name, reason));
        println!(
            "test {name} ... {}",
            if outcome.is_ok() { "ok" } else { "FAILED" }
        );
        failed += usize::from(outcome.is_err());
    }
    println!("\n{} passed, {failed} failed", cases.len() - failed);
    ExitCode::from(u8::from(failed > 0))
}

fn a_faulty_table_leaves_an_error_row(name: &str, reason: &str) {
    let out = tempfile::tempdir().expect("a directory");
    let target = format!("{name}:buckets=2^12");
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
        } else if row[at("target")].starts_with(name) && !row[at("error")].is_empty() {
            assert!(row[at("error")].contains(reason), "{}", &row[at("error")]);
            assert_eq!(&row[at("ops")], "", "an error row has no number");
            bad += 1;
        }
    }
    assert!(good >= 2, "the baseline and its twin were measured");
    assert_eq!(bad, 1, "one error row");
}

fn run(targets: &[&str], out: &Path) -> Output {
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "run",
            "-w",
            "ycsb-c",
            "--threads",
            "1",
            "--entries",
            "2000",
            "--time",
            "2",
        ])
        .args(targets)
        .arg("--out")
        .arg(out)
        .output()
        .expect("it starts")
}
