//! The life of children without a parent process: against our own server without sockets, and against servers that
//! answer what they should not.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::child::child;
use crate::base::{Params, Spec};
use crate::bench::{Cut, LatencyOrder, Open, Pipe, Reply, Request, SliceOrder};
use crate::machine::Heap;
use crate::table::{Kind, Strategy, Striped};
use crate::workload::{Arrival, OnMiss, Pace, Workload, find_preset};

/// A parent that has its requests ready.
struct Script {
    requests: VecDeque<Request>,
    replies: Vec<Reply>,
}

impl Pipe for Script {
    fn next(&mut self) -> std::io::Result<Option<Request>> {
        Ok(self.requests.pop_front())
    }

    fn reply(&mut self, reply: &Reply) -> std::io::Result<()> {
        self.replies.push(reply.clone());
        Ok(())
    }
}

fn workload(name: &str) -> Workload {
    let mut workload = (find_preset(name).unwrap().build)();
    workload.resize(500);
    workload
}

fn open(server: &str, workload: Workload) -> Open {
    Open {
        strategy: "striped".to_owned(),
        values: Vec::new(),
        server: Some(server.to_owned()),
        overwrite: false,
        hash: "sip13".to_owned(),
        hash_seed: [1, 2],
        workload,
        threads: 2,
        seed: 7,
        pin_offset: 0,
        searched: Vec::new(),
        heap: Heap::default(),
    }
}

fn order(cut: Cut) -> Request {
    Request::Slice(SliceOrder::of(cut))
}

fn time(ns: u64) -> Cut {
    Cut::Time {
        ns,
        discard_ns: ns / 5,
    }
}

/// What a child replies; the last of it is why it ended, where it failed.
fn lives(open: &Open, requests: Vec<Request>) -> (Vec<Reply>, Option<String>) {
    let spec: Spec = "striped".parse().unwrap();
    let params = Params::resolve(Striped::PARAMS, &spec).unwrap();
    let mut script = Script {
        requests: requests.into(),
        replies: Vec::new(),
    };
    let kind = Kind::of::<Striped>();
    let ended = child(
        open,
        Some((&kind, &params)),
        Path::new("/nowhere"),
        &mut script,
    );
    (
        script.replies,
        ended.err().map(|error| format!("{error:#}")),
    )
}

#[test]
fn every_workload_goes_through_our_own_parser_and_its_outcomes_are_checked() {
    for (name, batch, depth, connections) in [
        ("ycsb-a", 1, 1, 0),
        ("ycsb-a", 1, 16, 6),
        ("ycsb-a", 1, 1, 16),
        ("ycsb-c", 16, 4, 2),
        ("ycsb-f", 1, 8, 4),
    ] {
        let mut workload = workload(name);
        (workload.batch, workload.depth, workload.connections) = (batch, depth, connections);
        let slice = || order(time(5_000_000));
        let (replies, failed) = lives(
            &open("parsed", workload),
            vec![slice(), slice(), Request::Finish],
        );
        assert_eq!(failed, None, "{name}, {depth}");
        let [
            Reply::Opened(opened),
            Reply::Sliced(_),
            Reply::Sliced(sliced),
            Reply::Finished(finished),
        ] = replies.as_slice()
        else {
            panic!("{name}: {replies:?}");
        };
        let (_, census) = opened.filled.as_ref().unwrap();
        assert_eq!((census.items, finished.census.items), (500, 500));
        assert!(
            opened
                .server
                .as_ref()
                .unwrap()
                .version
                .contains("bucketlab")
        );
        for thread in &sliced.threads {
            assert!(thread.ops > 0 && thread.misses == 0, "{name}: {thread:?}");
        }
    }
}

#[test]
fn passes_that_change_the_keys_are_counted() {
    for name in ["ycsb-d", "exchange", "cache-aside", "fill"] {
        let mut workload = workload(name);
        (workload.depth, workload.connections) = (4, 4);
        let part = |part| order(Cut::Part { part, of: 2 });
        let requests = vec![part(0), part(1), Request::Finish, Request::Renew, part(0)];
        let (replies, failed) = lives(&open("parsed", workload), requests);
        assert_eq!(failed, None, "{name}");
        assert_eq!(replies.len(), 6, "{name}: {replies:?}");
        let Reply::Opened(opened) = &replies[0] else {
            panic!("{replies:?}");
        };
        let ops = |reply: &Reply| -> u64 {
            match reply {
                Reply::Sliced(sliced) => sliced.threads.iter().map(|thread| thread.ops).sum(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            opened.pass_ops,
            Some(ops(&replies[1]) + ops(&replies[2])),
            "{name}"
        );
    }
}

#[test]
fn offered_rates_and_samples_have_latencies() {
    let mut workload = workload("ycsb-b");
    workload.connections = 4;
    let pace = Pace::Rate {
        per_s: "20000".parse().unwrap(),
        arrival: Arrival::Poisson,
    };
    workload.pace = Some(pace);
    let latency = |latency| {
        Request::Slice(SliceOrder {
            latency: Some(latency),
            ..SliceOrder::of(time(500_000_000))
        })
    };
    let requests = vec![
        latency(LatencyOrder::Open(pace)),
        latency(LatencyOrder::Closed { every: 17 }),
        Request::Finish,
    ];
    let (replies, failed) = lives(&open("null-server", workload), requests);
    assert_eq!(failed, None);
    for reply in &replies[1..3] {
        let Reply::Sliced(sliced) = reply else {
            panic!("{reply:?}");
        };
        for thread in &sliced.threads {
            let latencies = thread.latencies.as_ref().unwrap();
            assert!(
                latencies.service.0.len() > 10,
                "{} samples",
                latencies.service.0.len()
            );
            assert!(latencies.service.0.min() > 100, "a round trip takes longer");
        }
    }
    let Reply::Sliced(paced) = &replies[1] else {
        panic!("{replies:?}");
    };
    let scheduled: u64 = paced
        .threads
        .iter()
        .map(|t| t.latencies.as_ref().unwrap().scheduled)
        .sum();
    assert!(
        (4_000..16_000).contains(&scheduled),
        "{scheduled} of 8,000 on average"
    );
}

fn odd_talk(mut stream: TcpStream, stored: &AtomicU32, answer: &[u8]) {
    let (mut text, mut room) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut room) {
        text.extend_from_slice(&room[..count]);
        while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let said: Vec<u8> = match line.split(|&byte| byte == b' ').next().unwrap() {
                b"version\r\n" => b"VERSION 1.6.18\r\n".to_vec(),
                b"stats\r\n" => {
                    let items = stored.load(Ordering::Relaxed);
                    format!(
                        "STAT curr_items {items}\r\nSTAT bytes 0\r\nSTAT evictions 0\r\nEND\r\n"
                    )
                    .into()
                }
                b"set" => {
                    stored.fetch_add(1, Ordering::Relaxed);
                    b"STORED\r\n".to_vec()
                }
                b"delete" => b"DELETED\r\n".to_vec(),
                b"get" if !answer.ends_with(b"\n") => {
                    let _ = stream.write_all(answer);
                    return;
                }
                b"get" => answer.to_vec(),
                // The line of a value.
                _ => Vec::new(),
            };
            if stream.write_all(&said).is_err() {
                return;
            }
        }
    }
}

/// A server that answers each line of `stats` and `version` as an empty memcached does, each stored value with
/// `STORED`, and a get with `answer`; where that has no end it closes the
/// connection behind it.
fn odd_server(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let stored = Arc::new(AtomicU32::new(0));
        for stream in listener.incoming() {
            let (stream, stored) = (stream.unwrap(), Arc::clone(&stored));
            thread::spawn(move || odd_talk(stream, &stored, answer));
        }
    });
    format!("memcached://127.0.0.1:{port}")
}

#[test]
fn what_a_server_answers_wrongly_is_the_reason_of_the_failure() {
    for (answer, why) in [
        (b"END\r\n".as_slice(), "is absent"),
        (b"", "closed the connection before it had answered 1"),
        (
            b"VALUE user1 0 100\r\nhalf",
            "closed the connection before it had answered 1",
        ),
        (b"VALUE x 0 1\r\ny\r\nEND\r\n", "not asked for"),
        (
            b"SERVER_ERROR busy\r\n",
            "the server says: SERVER_ERROR busy",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n", "none of the protocol"),
        (b"STORED\r\n", "an answer to another request"),
    ] {
        let mut workload = workload("ycsb-c");
        workload.resize(20);
        let mut open = open(&odd_server(answer), workload);
        open.threads = 1;
        let (replies, failed) = lives(&open, vec![order(time(2_000_000))]);
        let failed = failed.unwrap_or_else(|| panic!("{replies:?}"));
        assert!(failed.contains(why), "{failed}");
    }
}

#[test]
fn a_server_that_is_absent_or_not_empty_is_told() {
    let none = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (_, failed) = lives(
        &open(&format!("memcached://{none}"), workload("ycsb-c")),
        Vec::new(),
    );
    assert!(
        failed.as_ref().unwrap().contains("no server answers at"),
        "{failed:?}"
    );
    let (_, failed) = lives(&open("start:memcahced", workload("ycsb-c")), Vec::new());
    assert!(
        failed
            .as_ref()
            .unwrap()
            .contains("did you mean 'memcached'"),
        "{failed:?}"
    );
    let mut fills = workload("ycsb-c");
    fills.on_miss = OnMiss::Fill;
    let (_, failed) = lives(&open("redis://127.0.0.1:1", fills), Vec::new());
    assert!(failed.is_some());
}
