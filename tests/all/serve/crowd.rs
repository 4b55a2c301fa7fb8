//! Many clients, and bad ones among them: the others are served.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::server::{Server, ask, line, read};

/// A thousand connections, of which two hundred have sent half a set and one never reads.
#[test]
fn a_crowd_with_bad_manners_stalls_nobody() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let server = Server::start(&["-t", "2", "-c", "1500", "-m", "256"]);
    let mut good: Vec<TcpStream> = (0..800).map(|_| server.connect()).collect();
    let mut half: Vec<TcpStream> = (0..200).map(|_| server.connect()).collect();
    for stream in &mut half {
        // A megabyte is announced, little comes.
        stream
            .write_all(b"set half 0 0 1000000\r\npart of it")
            .unwrap();
    }
    let mut deaf = server.connect();
    let value = vec![b'v'; 500_000];
    let set = [b"set large 0 0 500000\r\n".as_slice(), &value, b"\r\n"].concat();
    assert_eq!(line(&mut deaf, &set), "STORED\r\n");
    // 500 MB are asked for; nobody reads them. Sending ends when the server stops reading.
    deaf.set_nonblocking(true).unwrap();
    let gets = b"get large\r\n".repeat(1000);
    let _ = deaf.write(&gets);
    for round in 0..3 {
        for (index, stream) in good.iter_mut().enumerate() {
            let text = format!("set k{index} 0 0 6\r\nv{round:05}\r\nget k{index}\r\n");
            let expected = format!("STORED\r\nVALUE k{index} 0 6\r\nv{round:05}\r\nEND\r\n");
            let answer = ask(stream, text.as_bytes(), expected.len());
            assert_eq!(String::from_utf8(answer).unwrap(), expected);
        }
    }
    assert!(
        server.resident() < 200 << 20,
        "{} MiB are resident",
        server.resident() >> 20
    );
    // Some vanish; those who sent half go on as if nothing had been.
    drop(good.split_off(400));
    let rest = vec![b'x'; 1_000_000 - "part of it".len()];
    for stream in half.iter_mut().take(20) {
        stream.write_all(&rest).unwrap();
        assert_eq!(line(stream, b"\r\n"), "STORED\r\n");
    }
    let mut last = server.connect();
    assert_eq!(line(&mut last, b"mn\r\n"), "MN\r\n");
    drop((good, half, deaf, last));
    assert_eq!(server.end(), Some(0));
}

#[test]
fn connections_over_the_limit_are_told_and_counted() {
    let server = Server::start(&["-t", "1", "-c", "2"]);
    let mut first = server.connect();
    assert_eq!(line(&mut first, b"mn\r\n"), "MN\r\n");
    let mut second = server.connect();
    assert_eq!(line(&mut second, b"mn\r\n"), "MN\r\n");
    let mut third = server.connect();
    let mut answer = String::new();
    third.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "ERROR Too many open connections\r\n");
    let stats = stats(&mut first);
    assert!(stats.contains("STAT rejected_connections 1\r\n"), "{stats}");
    assert!(stats.contains("STAT curr_connections 2\r\n"), "{stats}");
}

/// Everything up to END.
pub fn stats(stream: &mut TcpStream) -> String {
    stream.write_all(b"stats\r\n").unwrap();
    let mut text = Vec::new();
    let mut part = [0; 4096];
    while !text.ends_with(b"END\r\n") {
        let count = read(stream, &mut part);
        assert_ne!(count, 0, "hung up on");
        text.extend_from_slice(&part[..count]);
    }
    String::from_utf8(text).unwrap()
}

/// Exporters parse `stats` by name.
#[test]
fn every_name_of_memcached_is_there() {
    let ours = Server::start(&["-t", "1"]);
    let theirs = Server::memcached();
    for request in ["stats", "stats settings", "stats items", "stats slabs"] {
        let names = |server: &Server| -> Vec<String> {
            let mut stream = server.connect();
            assert_eq!(line(&mut stream, b"set a 0 0 1\r\n1\r\n"), "STORED\r\n");
            stream
                .write_all(format!("{request}\r\nquit\r\n").as_bytes())
                .unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            let names = text.lines().filter_map(|line| line.strip_prefix("STAT "));
            // Classes have other numbers here.
            names
                .map(|line| line.split(' ').next().unwrap())
                .map(|name| name.split(':').next_back().unwrap().to_owned())
                .collect()
        };
        let (ours, theirs) = (names(&ours), names(&theirs));
        for name in &theirs {
            assert!(ours.contains(name), "{request} lacks {name}");
        }
    }
}

/// What does not fit is evicted, or refused; what is used stays.
#[test]
fn a_full_server_evicts_or_refuses() {
    let value = "v".repeat(1000);
    let fill = |stream: &mut TcpStream| {
        let (mut stored, mut refused) = (0, 0);
        for index in 0..20_000 {
            let text = format!("set key{index} 0 0 1000\r\n{value}\r\n");
            match line(stream, text.as_bytes()).as_str() {
                "STORED\r\n" => stored += 1,
                "SERVER_ERROR out of memory storing object\r\n" => refused += 1,
                other => panic!("{other}"),
            }
        }
        (stored, refused)
    };
    let server = Server::start(&["-t", "1", "-m", "8"]);
    let mut stream = server.connect();
    assert_eq!(fill(&mut stream), (20_000, 0));
    let text = stats(&mut stream);
    let figure = |name: &str| -> u64 {
        let at = text.find(&format!("STAT {name} ")).unwrap();
        text[at..]
            .split_whitespace()
            .nth(2)
            .unwrap()
            .parse()
            .unwrap()
    };
    assert_eq!(figure("curr_items") + figure("evictions"), 20_000);
    assert!(figure("bytes") <= 8 << 20, "{text}");
    assert!(figure("curr_items") > 5_000, "{text}");

    let server = Server::start(&["-t", "1", "-m", "8", "-M"]);
    let mut stream = server.connect();
    let (stored, refused) = fill(&mut stream);
    assert!(
        stored > 5_000 && refused > 5_000,
        "{stored} stored, {refused} refused"
    );
    assert_eq!(
        ask(&mut stream, b"get key1\r\n", 18),
        b"VALUE key1 0 1000\r"
    );
}

/// What has expired goes away without anybody asking for it.
#[test]
fn expired_items_are_walked_off() {
    let server = Server::start(&["-t", "1"]);
    let mut stream = server.connect();
    for index in 0..1000 {
        let text = format!("set key{index} 0 {} 1\r\n1\r\n", index % 2);
        assert_eq!(line(&mut stream, text.as_bytes()), "STORED\r\n");
    }
    let begun = std::time::Instant::now();
    while !stats(&mut stream).contains("STAT curr_items 500\r\n") {
        assert!(
            begun.elapsed() < super::server::PATIENCE,
            "{}",
            stats(&mut stream)
        );
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(line(&mut stream, b"get key1\r\n"), "END\r\n");
    // A delayed flush comes when it is due.
    assert_eq!(line(&mut stream, b"flush_all 2\r\n"), "OK\r\n");
    assert_eq!(
        ask(&mut stream, b"get key0\r\n", 24),
        b"VALUE key0 0 1\r\n1\r\nEND\r\n"
    );
    let begun = std::time::Instant::now();
    while line(&mut stream, b"mg key0\r\n") != "EN\r\n" {
        assert!(begun.elapsed() < super::server::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}
