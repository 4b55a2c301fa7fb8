//! Keys over several servers: where the client of `drive` puts them and where libmemcached does (Debian:
//! libmemcached-dev, gcc).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use bucketlab::drive::Ring;

const KEYS: usize = 10_000;

/// Compiles `ketama.c` and returns the program's path.
fn compiled(directory: &Path) -> PathBuf {
    let program = directory.join("ketama");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/ketama.c");
    let output = Command::new("gcc")
        .args(["-Wall", "-o"])
        .arg(&program)
        .args([source, "-lmemcached"])
        .output()
        .unwrap_or_else(|error| panic!("gcc (Debian: gcc, libmemcached-dev): {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "gcc (Debian: gcc, libmemcached-dev): {said}"
    );
    program
}

/// Of 1 to 250 bytes, so that MD5 has one to five blocks of them.
fn keys() -> Vec<String> {
    let key = |at: usize| {
        let key = format!("{at}:{}", "bucket/entry;".repeat(20));
        key[..=at % 250].to_owned()
    };
    (0..KEYS).map(key).collect()
}

fn servers(given: &[(&str, u16)]) -> Vec<(String, u16)> {
    given
        .iter()
        .map(|&(host, port)| (host.to_owned(), port))
        .collect()
}

#[test]
fn keys_are_on_the_servers_that_libmemcached_has_them_on() {
    let directory = tempfile::tempdir().unwrap();
    let program = compiled(directory.path());
    let keys = keys();
    let input = directory.path().join("keys");
    fs::write(&input, keys.join("\n")).unwrap();

    let mut sets = vec![
        servers(&[("127.0.0.1", 11211)]),
        servers(&[("127.0.0.1", 11211), ("127.0.0.1", 11212)]),
        servers(&[
            ("10.0.0.1", 11211),
            ("10.0.0.2", 11211),
            ("Cache.example", 2000),
        ]),
        servers(&[
            ("10.0.0.1", 11211),
            ("10.0.0.2", 65535),
            ("10.0.0.2", 1),
            ("localhost", 11211),
            ("::1", 11300),
        ]),
        // The same server twice: the first has the keys.
        servers(&[("a", 1), ("b", 11211), ("a", 1)]),
    ];
    // The most that libmemcached takes is 100; among 25 and 100 rounding takes points from each.
    for count in [16, 25, 100] {
        let server = |at: u16| (format!("10.0.0.{at}"), 11200 + at);
        sets.push((0..count).map(server).collect());
    }

    for servers in sets {
        let mut command = Command::new(&program);
        for (host, port) in &servers {
            command.arg(host).arg(port.to_string());
        }
        let output = command.stdin(File::open(&input).unwrap()).output().unwrap();
        assert!(output.status.success(), "{servers:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let theirs: Vec<usize> = text.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(theirs.len(), KEYS);

        let ring = Ring::new(&servers);
        let elsewhere = keys
            .iter()
            .zip(&theirs)
            .find(|&(key, &theirs)| ring.server_of(key.as_bytes()) != theirs);
        assert_eq!(elsewhere, None, "{servers:?}");
    }
}
