//! A process of its own for a test that looks at the whole process.

use std::process::Command;

/// Set in the process that runs one test alone.
const ALONE: &str = "BUCKETLAB_TEST_ALONE";

/// Runs `body` in a process in which no other test runs: this binary again, with the one test whose
/// full name is given. The test calls this and does nothing else.
pub fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let this = std::env::current_exe().expect("this binary");
    let output = Command::new(this)
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // A name that matches no test succeeds too.
    assert!(said.contains("1 passed"), "{test} is no test: {said}");
}

#[test]
fn what_fails_alone_fails() {
    assert!(std::env::var_os(ALONE).is_none(), "planted");
    for test in ["alone::what_fails_alone_fails", "alone::no_such_test"] {
        let outcome = std::panic::catch_unwind(|| alone(test, || ()));
        assert!(outcome.is_err(), "{test}");
    }
}
