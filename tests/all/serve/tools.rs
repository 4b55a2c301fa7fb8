//! libmemcached's tools (Debian: libmemcached-tools), and lines that are too long for any server.

use std::io::{Read, Write};
use std::process::{Command, Output};

use super::server::{Server, line};

fn tool(name: &str, args: &[&str]) -> Output {
    let output = Command::new(name).args(args).output();
    output.unwrap_or_else(|error| panic!("{name} (Debian: libmemcached-tools): {error}"))
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn the_tools_of_libmemcached_take_this_server_for_a_memcached() {
    let server = Server::start(&["-t", "2"]);
    let servers = format!("--servers={}", server.address);
    let ping = tool("memcping", &[&servers]);
    assert!(ping.status.success(), "{}", said(&ping));
    let version = tool("memcstat", &[&servers, "--server-version"]);
    let text = said(&version);
    assert!(version.status.success(), "{text}");
    assert_eq!(text.trim(), format!("{} 1.6.18", server.address));
    let stat = tool("memcstat", &[&servers]);
    let text = said(&stat);
    assert!(stat.status.success(), "{text}");
    assert!(text.contains(bucketlab::serve::VERSION), "{text}");
    // `stats cachedump` lists nothing here, as the differential test's exceptions say.
    let mut stream = server.connect();
    assert_eq!(line(&mut stream, b"set key 0 0 1\r\nv\r\n"), "STORED\r\n");
    let dump = tool("memcdump", &[&servers]);
    assert!(dump.status.success(), "{}", said(&dump));
    assert_eq!(said(&dump), "");
}

#[test]
fn every_check_of_memccapable_passes() {
    let server = Server::start(&["-t", "2"]);
    let port = server.address.port().to_string();
    let output = tool("memccapable", &["-h", "127.0.0.1", "-p", &port, "-a"]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("All tests passed"), "{text}");
    assert_eq!(text.matches("[pass]").count(), 27, "{text}");
}

#[test]
fn the_version_is_memcached_s_and_then_our_own() {
    let server = Server::start(&["-t", "1"]);
    let mut stream = server.connect();
    let version = bucketlab::serve::VERSION;
    assert!(version.starts_with("1.6."), "{version}");
    let expected = format!("VERSION {version}\r\n");
    assert_eq!(line(&mut stream, b"version\r\n"), expected);
    stream.write_all(b"stats\r\nquit\r\n").unwrap();
    let mut stats = String::new();
    stream.read_to_string(&mut stats).unwrap();
    assert!(
        stats.contains(&format!("STAT version {version}\r\n")),
        "{stats}"
    );
}

#[test]
fn a_line_that_is_too_long_is_answered_whatever_its_verb() {
    const LONG: &str = "CLIENT_ERROR line too long\r\n";
    let server = Server::start(&["-t", "1"]);
    let verbs = [
        "get ",
        "gets ",
        "gat 0 ",
        "gats 0 ",
        "set ",
        "add ",
        "cas ",
        "append ",
        "delete ",
        "incr ",
        "touch ",
        "mg ",
        "ms ",
        "md ",
        "ma ",
        "mn ",
        "me ",
        "stats ",
        "flush_all ",
        "version ",
        "quit ",
        "verbosity ",
        "lru_crawler ",
        "nonsense ",
        "",
    ];
    for verb in verbs {
        // Nine million bytes are too many for all, a hundred thousand for all but two.
        let lengths = match verb {
            "get " | "gets " => &[9 << 20][..],
            _ => &[100_000, 9 << 20],
        };
        for (length, end) in lengths
            .iter()
            .flat_map(|length| [(length, ""), (length, "\r\n")])
        {
            let mut stream = server.connect();
            let keys = "key ".repeat(length / 4);
            // What was asked for before is answered, and nothing behind it is taken for a request.
            let sent = format!("mn\r\n{verb}{keys}{end}mn\r\n");
            stream.write_all(sent.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, format!("MN\r\n{LONG}"), "{verb}{length}{end}");
        }
    }
    // Lines up to the limits are served.
    let mut stream = server.connect();
    let keys = "key ".repeat((8 << 20) / 4 - 10);
    assert_eq!(
        line(&mut stream, format!("get {keys}\r\n").as_bytes()),
        "END\r\n"
    );
    assert_eq!(line(&mut stream, b"mn\r\n"), "MN\r\n");
}
