//! Full servers that may not evict, against memcached's: what is refused, what stays, what room comes back.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use super::server::{Server, ask, line};

const REFUSED: &str = "SERVER_ERROR out of memory storing object\r\n";

/// Both, with so many MiB and threads and no eviction; and nothing that moves items about in memcached, which takes
/// room just when it likes.
fn pair_with(mib: &str, threads: &str) -> [Server; 2] {
    let still = "no_lru_maintainer,no_lru_crawler,no_slab_reassign";
    let args = ["-m", mib, "-M", "-o", still, "-t", threads];
    [Server::start(&args), Server::memcached_with(&args)]
}

fn pair() -> [Server; 2] {
    pair_with("4", "2")
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
            let exptime = index % 2 * 1000;
            let set = format!("set w{index} 0 {exptime} 30\r\n{value}\r\n");
            let answer = line(&mut other, set.as_bytes());
            assert_eq!(answer, "STORED\r\n", "{index} of {stored}");
        }
        // And for no more than that, with an exptime or without.
        for index in 0..1000 {
            assert_eq!(line(&mut stream, b"delete w1\r\n"), "DELETED\r\n");
            let set = format!("set w1 0 1000 30\r\n{value}\r\n");
            assert_eq!(line(&mut stream, set.as_bytes()), "STORED\r\n", "{index}");
        }
        let more = fill(&mut stream, 'x', 30);
        assert!(more < 20, "{more}");
    }
}

/// The table's arrays have doubled at the end of what fits, so that it is above its limit; values change
/// places all the same, and what stores nothing takes nothing.
#[test]
fn what_is_replaced_makes_room_for_as_much() {
    for length in [98, 130, 200] {
        for server in pair_with("8", "1") {
            let mut stream = server.connect();
            let stored = fill(&mut stream, 'k', length);
            let value = "w".repeat(length);
            // Keys of five digits: an item whose key is a byte longer than that of what went has a byte too few.
            let half = stored / 2;
            assert!((10_000..50_000).contains(&half), "{stored} at {length}");
            let mut refused = 0;
            for index in 0..1400 {
                let key = half + index * 7;
                for (request, said) in [
                    (
                        format!("add k{key} 0 0 {length}\r\n{value}\r\n"),
                        "NOT_STORED\r\n",
                    ),
                    (
                        format!("cas k{key} 0 0 {length} 99999999\r\n{value}\r\n"),
                        "EXISTS\r\n",
                    ),
                    (
                        format!("set k{key} 0 0 {length}\r\n{value}\r\n"),
                        "STORED\r\n",
                    ),
                ] {
                    match line(&mut stream, request.as_bytes()).as_str() {
                        REFUSED => refused += 1,
                        text => assert_eq!(text, said, "{request}"),
                    }
                }
            }
            // Until the first set has been refused, and what was there has gone.
            assert!(refused <= 3, "{refused} at {length}");
        }
    }
}

fn figure(stream: &mut TcpStream, name: &str) -> u64 {
    let text = super::crowd::stats(stream);
    let rest = text.split(&format!("STAT {name} ")).nth(1).unwrap();
    rest.split("\r\n").next().unwrap().parse().unwrap()
}

/// Far more than the new limit was stored under the old one, by threads that have credit left from it: all sets are
/// stored, the table sinks to the limit and stays there, and what was used last is there.
#[test]
fn a_lower_limit_is_reached_step_by_step() {
    let server = Server::start(&["-t", "4", "-m", "1024"]);
    let mut streams: Vec<TcpStream> = (0..4).map(|_| server.connect()).collect();
    let value = "v".repeat(500);
    let mut requests = String::new();
    for index in 0..20_000 {
        requests += &format!("set k{index} 0 0 500 noreply\r\n{value}\r\n");
    }
    for (at, stream) in streams.iter_mut().enumerate() {
        answer(stream, &requests.replace("set k", &format!("set {at}k")));
    }
    assert!(figure(&mut streams[0], "table_bytes") > 40 << 20);
    assert_eq!(line(&mut streams[0], b"cache_memlimit 10\r\n"), "OK\r\n");
    for round in 0..10_000 {
        for stream in &mut streams {
            let set = format!("set r{round} 0 0 500\r\n{value}\r\n");
            assert_eq!(line(stream, set.as_bytes()), "STORED\r\n", "{round}");
        }
    }
    let bytes = figure(&mut streams[0], "table_bytes");
    assert!((7 << 20..=11 << 20).contains(&bytes), "{bytes}");
    assert_eq!(line(&mut streams[0], b"mg r9999\r\n"), "HD\r\n");
}

/// Everything has been read, so that nothing is better to evict than anything else: small values and large ones are
/// stored all the same, and under a lower limit too.
#[test]
fn where_everything_is_used_stores_go_on() {
    let server = Server::start(&["-t", "1", "-m", "64"]);
    let mut stream = server.connect();
    let mut sets = String::new();
    for index in 0..400_000 {
        sets += &format!("set k{index} 0 0 60 noreply\r\n{index:060}\r\n");
    }
    answer(&mut stream, &sets);
    // In parts, as the server reads no further than its answers are read.
    let use_all = |stream: &mut TcpStream| {
        for part in 0..40 {
            let gets = (0..10_000).map(|index| format!("mg k{}\r\n", part * 10_000 + index));
            let gets: String = gets.chain(["mn\r\n".to_owned()]).collect();
            stream.write_all(gets.as_bytes()).unwrap();
            let lines = BufReader::new(&mut *stream).lines();
            lines
                .take_while(|line| line.as_ref().unwrap() != "MN")
                .count();
        }
    };
    use_all(&mut stream);
    use_all(&mut stream);
    let small = |stream: &mut TcpStream, from: usize| {
        for index in from..from + 2000 {
            let set = format!("set s{index} 0 0 60\r\n{index:060}\r\n");
            assert_eq!(line(stream, set.as_bytes()), "STORED\r\n", "{index}");
        }
    };
    small(&mut stream, 0);
    for index in 0..30 {
        let value = "v".repeat(900_000);
        let set = format!("set l{index} 0 0 900000\r\n{value}\r\n");
        assert_eq!(line(&mut stream, set.as_bytes()), "STORED\r\n", "{index}");
    }
    use_all(&mut stream);
    assert_eq!(line(&mut stream, b"cache_memlimit 16\r\n"), "OK\r\n");
    small(&mut stream, 2000);
    assert!(figure(&mut stream, "evictions") > 0);
}

/// A list that takes many turns is whole, and so is one of which no key is asked for.
#[test]
fn a_list_of_many_keys_is_whole() {
    let server = Server::start(&["-t", "1"]);
    let mut stream = server.connect();
    let mut requests = String::new();
    for index in 0..30_000 {
        requests += &format!("set k{index} 0 0 1 noreply\r\n1\r\n");
    }
    answer(&mut stream, &requests);
    let mut list = |classes: &str| -> Vec<String> {
        let text = format!("lru_crawler metadump {classes}\r\nmn\r\n");
        stream.write_all(text.as_bytes()).unwrap();
        let lines = BufReader::new(&mut stream)
            .lines()
            .map(|line| line.unwrap());
        lines.take_while(|line| line != "MN").collect()
    };
    let mut all = list("all");
    assert_eq!(all.pop().unwrap(), "END");
    let mut keys: Vec<&str> = all
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!((all.len(), keys.len()), (30_000, 30_000));
    assert_eq!(list("63"), ["END"]);
}

/// A limit that the table takes with nothing in it is refused, and everything stays.
#[test]
fn a_limit_below_what_the_table_takes_is_refused() {
    const FAILED: &str = "MEMLIMIT_ADJUST_FAILED out of bounds or unable to adjust\r\n";
    let limit = |stream: &mut TcpStream, mib: u32| {
        line(stream, format!("cache_memlimit {mib}\r\n").as_bytes())
    };
    let server = Server::start(&["-t", "1", "-m", "64", "fixed:buckets=2^21"]);
    let mut stream = server.connect();
    assert_eq!(line(&mut stream, b"set a 0 0 1\r\n1\r\n"), "STORED\r\n");
    assert_eq!(limit(&mut stream, 16), FAILED);
    assert_eq!(line(&mut stream, b"mg a\r\n"), "HD\r\n");
    assert!(super::crowd::stats(&mut stream).contains("STAT limit_maxbytes 67108864\r\n"));
    assert_eq!(limit(&mut stream, 17), "OK\r\n");

    // One that has grown: 2^21 buckets and more.
    let server = Server::start(&["-t", "1", "-m", "200", "striped:load=0.1"]);
    let mut stream = server.connect();
    let mut requests = String::new();
    for index in 0..190_000 {
        requests += &format!("set k{index} 0 0 1 noreply\r\n1\r\n");
    }
    answer(&mut stream, &requests);
    assert_eq!(limit(&mut stream, 16), FAILED);
    assert_eq!(line(&mut stream, b"mg k7\r\n"), "HD\r\n");
    assert_eq!(limit(&mut stream, 30), "OK\r\n");
    assert_eq!(line(&mut stream, b"set b 0 0 1\r\n1\r\n"), "STORED\r\n");
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
        assert!(figure(&mut stream, "table_bytes") <= 4 << 20);
        assert!(figure(&mut stream, "curr_items") > 5000);
        assert_eq!(figure(&mut stream, "evictions") > 100_000, evicting);
    }
}

#[test]
fn an_empty_server_holds_no_bytes() {
    let server = Server::start(&["-t", "1"]);
    let mut stream = server.connect();
    let bytes = |stream: &mut TcpStream| {
        let text = super::crowd::stats(stream);
        let line = text.lines().find(|line| line.starts_with("STAT bytes "));
        line.unwrap().to_owned()
    };
    assert_eq!(bytes(&mut stream), "STAT bytes 0");
    assert_eq!(ask(&mut stream, b"set a 0 0 1\r\n1\r\n", 8), b"STORED\r\n");
    assert_ne!(bytes(&mut stream), "STAT bytes 0");
    assert_eq!(ask(&mut stream, b"delete a\r\n", 9), b"DELETED\r\n");
    assert_eq!(bytes(&mut stream), "STAT bytes 0");
}
