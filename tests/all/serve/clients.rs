//! Real clients: the snippet of the README against every strategy, more against one.

use std::path::{Path, PathBuf};
use std::process::Command;

use bucketlab::catalog::ROWS;

use super::server::Server;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Python that has the clients; made where it is not there.
fn python() -> PathBuf {
    let made = Command::new(root().join("scripts/client-venv"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "scripts/client-venv: {errors}");
    root().join(String::from_utf8(made.stdout).unwrap().trim())
}

fn run(server: &Server, what: &str, target: &str) {
    let port = server.address.port().to_string();
    let done = Command::new(python())
        .arg(root().join("tests/all/serve/clients.py"))
        .args([&port, what])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert_eq!(
        String::from_utf8_lossy(&done.stdout),
        "ok\n",
        "{target}: {errors}"
    );
}

#[test]
fn every_strategy_serves_python() {
    for row in ROWS.iter().filter(|row| !row.control) {
        let server = Server::start(&[row.name, "-t", "2"]);
        run(&server, "snippet", row.name);
        assert_eq!(server.end(), Some(0), "{}", row.name);
    }
}

#[test]
fn the_clients_that_people_use_are_served() {
    let server = Server::start(&["-t", "2", "-I", "1m"]);
    run(&server, "all", "the default");
}

/// The README's first lines about serving, as they stand there, on another port.
#[test]
fn the_snippet_of_the_readme_works() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let start = readme
        .find("```python\nimport memcache\n")
        .expect("the README has the snippet");
    let code = readme[start..].trim_start_matches("```python\n");
    let code = &code[..code.find("```").unwrap()];
    assert!(
        code.contains("mc = memcache.Client(['127.0.0.1:11211'])"),
        "{code}"
    );
    let server = Server::start(&["-t", "1"]);
    let code = code.replace("11211", &server.address.port().to_string());
    let done = Command::new(python()).args(["-c", &code]).output().unwrap();
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "hello\n");
}
