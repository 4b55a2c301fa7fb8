//! Full servers that may not evict, against memcached's: what is refused, what stays, what room comes back.

use std::net::TcpStream;

use crate::server::{Server, ask, line};

const REFUSED: &str = "SERVER_ERROR out of memory storing object\r\n";

/// Little memory, and no eviction; and nothing that moves items about in memcached, which takes room just when it
/// likes.
const ARGS: [&str; 7] = [
    "-m",
    "4",
    "-M",
    "-o",
    "no_lru_maintainer,no_lru_crawler,no_slab_reassign",
    "-t",
    "2",
];

/// Both of them.
fn pair() -> [Server; 2] {
    [Server::start(&ARGS), Server::memcached_with(&ARGS)]
}

/// Sends one request and reads all that is answered, to the end that an `mn` behind it marks.
fn answer(stream: &mut TcpStream, request: &str) -> String {
    let mut text = line(stream, format!("{request}mn\r\n").as_bytes());
    while !text.ends_with("MN\r\n") {
        text += &line(stream, b"");
    }
    text.truncate(text.len() - "MN\r\n".len());
    text
}

/// Stores values of `length` bytes under this letter and a number until one is refused; how many.
fn fill(stream: &mut TcpStream, letter: char, length: usize) -> usize {
    let value = "v".repeat(length);
    let mut stored = 0;
    loop {
        let text = format!("set {letter}{stored} 0 0 {length}\r\n{value}\r\n");
        match line(stream, text.as_bytes()).as_str() {
            "STORED\r\n" => stored += 1,
            REFUSED => return stored,
            other => panic!("{other}"),
        }
    }
}

/// Stores until nothing fits any more, down to items as small as there are.
fn fill_up(stream: &mut TcpStream) {
    for (letter, length) in [('k', 1000), ('l', 100), ('m', 30), ('n', 1)] {
        fill(stream, letter, length);
    }
    let letters = "abcdefghijklmnopqrstuvwxyz";
    for first in letters.chars() {
        for second in letters.chars() {
            let text = format!("set {first}{second} 0 0 0\r\n\r\n");
            if line(stream, text.as_bytes()) == REFUSED {
                return;
            }
        }
    }
    panic!("it is never full");
}

/// Requests to a full server, in their order, each with what is answered.
const AT_FULL: &[(&str, &str)] = &[
    // An item that mg would make has no room: it is a miss.
    ("mg zz N30 v t\r\n", "EN\r\n"),
    ("mg zz N30 v q k Oabc\r\n", ""),
    ("mg zz\r\n", "EN\r\n"),
    // What is stored on a condition leaves what is there.
    ("add live 0 0 4\r\n1234\r\n", REFUSED),
    ("append live 0 0 4\r\n1234\r\n", REFUSED),
    ("prepend live 0 0 4\r\n1234\r\n", REFUSED),
    ("replace live 0 0 4\r\n1234\r\n", REFUSED),
    ("add zz 0 0 4\r\n1234\r\n", REFUSED),
    ("replace zz 0 0 4\r\n1234\r\n", REFUSED),
    ("cas live 0 0 4 3\r\n1234\r\n", REFUSED),
    ("cas live 0 0 4 99999999\r\n1234\r\n", REFUSED),
    ("cas zz 0 0 4 3\r\n1234\r\n", REFUSED),
    ("get live zz\r\n", "VALUE live 0 4\r\nabcd\r\nEND\r\n"),
    // Numbers that stay as long as they are need no room.
    ("incr num 1\r\n", "2\r\n"),
    ("incr num 0\r\n", "2\r\n"),
    ("decr num 5\r\n", "0\r\n"),
    ("ma num v\r\n", "VA 1\r\n1\r\n"),
    ("ma num v T90 t\r\n", "VA 1 t90\r\n2\r\n"),
    ("incr live 1\r\n", NO_NUMBER),
    ("incr zz 1\r\n", "NOT_FOUND\r\n"),
    ("ma zz\r\n", "NF\r\n"),
    // Longer ones do, and new ones.
    ("incr num 1000\r\n", "SERVER_ERROR out of memory\r\n"),
    ("ma num D1000 v\r\n", "SERVER_ERROR out of memory\r\n"),
    ("ma num D1000 q\r\n", "SERVER_ERROR out of memory\r\n"),
    (
        "ma zz N0\r\n",
        "SERVER_ERROR Out of memory allocating new item\r\n",
    ),
    ("get num\r\n", "VALUE num 0 1\r\n2\r\nEND\r\n"),
    // For an exptime there is always room.
    ("touch live 100\r\n", "TOUCHED\r\n"),
    ("gat 100 live\r\n", "VALUE live 0 4\r\nabcd\r\nEND\r\n"),
    ("md live I T30\r\n", "HD\r\n"),
    ("mg live v T60 t\r\n", "VA 4 t60 X W\r\nabcd\r\n"),
    // What set refuses is gone, and so is what any ms does: room for one that is as large.
    ("set live 0 0 4\r\n1234\r\n", REFUSED),
    ("get live\r\n", "END\r\n"),
    ("set live 0 0 4\r\n5678\r\n", "STORED\r\n"),
    ("ms live 4 ME\r\n1234\r\n", REFUSED),
    ("get live\r\n", "END\r\n"),
    ("ms live 4\r\n5678\r\n", "HD\r\n"),
    ("ms live 4 MA q\r\n1234\r\n", REFUSED),
    ("get live\r\n", "END\r\n"),
    ("set live 0 0 4 noreply\r\n5678\r\n", ""),
    ("get live\r\n", "VALUE live 0 4\r\n5678\r\nEND\r\n"),
];

const NO_NUMBER: &str = "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";

#[test]
fn a_full_server_refuses_what_memcached_refuses() {
    for server in pair() {
        let mut stream = server.connect();
        for set in ["live 0 0 4\r\nabcd", "num 0 0 1\r\n1"] {
            let text = format!("set {set}\r\n");
            assert_eq!(line(&mut stream, text.as_bytes()), "STORED\r\n");
        }
        fill_up(&mut stream);
        for (request, expected) in AT_FULL {
            assert_eq!(&answer(&mut stream, request), expected, "{request}");
        }
    }
}

/// One deleted, one stored, again and again, from two connections of two threads.
#[test]
fn what_is_deleted_makes_room_for_as_much() {
    for server in pair() {
        let mut stream = server.connect();
        let mut other = server.connect();
        // Small ones: by many of these, a careless limit is passed.
        let stored = fill(&mut stream, 'k', 30);
        assert!(stored > 1000, "{stored}");
        let value = "w".repeat(30);
        for index in 0..1000 {
            let delete = format!("delete k{index}\r\n");
            assert_eq!(line(&mut stream, delete.as_bytes()), "DELETED\r\n");
            let set = format!("set w{index} 0 0 30\r\n{value}\r\n");
            let answer = line(&mut other, set.as_bytes());
            assert_eq!(answer, "STORED\r\n", "{index} of {stored}");
        }
    }
}

/// However many items clients make without storing anything.
#[test]
fn what_mg_makes_is_bounded_and_evicted() {
    let mut requests = String::new();
    for evicting in [true, false] {
        let args = ["-t", "1", "-m", "4", "-M"];
        let server = Server::start(&args[..if evicting { 4 } else { 5 }]);
        let mut stream = server.connect();
        for round in 0..200 {
            requests.clear();
            for index in 0..1000 {
                requests += &format!("mg {:0>200} N0 q\r\n", round * 1000 + index);
            }
            requests += "mn\r\n";
            answer(&mut stream, &requests);
        }
        let text = crate::crowd::stats(&mut stream);
        let figure = |name: &str| -> u64 {
            let rest = text.split(&format!("STAT {name} ")).nth(1).unwrap();
            rest.split("\r\n").next().unwrap().parse().unwrap()
        };
        assert!(figure("table_bytes") <= 4 << 20, "{text}");
        assert!(figure("curr_items") > 5000, "{text}");
        assert_eq!(figure("evictions") > 100_000, evicting, "{text}");
    }
}

#[test]
fn an_empty_server_holds_no_bytes() {
    let server = Server::start(&["-t", "1"]);
    let mut stream = server.connect();
    let bytes = |stream: &mut TcpStream| {
        let text = crate::crowd::stats(stream);
        let line = text.lines().find(|line| line.starts_with("STAT bytes "));
        line.unwrap().to_owned()
    };
    assert_eq!(bytes(&mut stream), "STAT bytes 0");
    assert_eq!(ask(&mut stream, b"set a 0 0 1\r\n1\r\n", 8), b"STORED\r\n");
    assert_ne!(bytes(&mut stream), "STAT bytes 0");
    assert_eq!(ask(&mut stream, b"delete a\r\n", 9), b"DELETED\r\n");
    assert_eq!(bytes(&mut stream), "STAT bytes 0");
}
