//! The server without its sockets: bytes in, answers out.

use std::sync::Arc;

use super::batch::{Opened, Table};
use super::inbox::Inbox;
use super::options::Options;
use super::requests::{OUT_MAX, Pause, Server, Talk};
use super::shared::Shared;
use crate::base::{Journal, Params, Worker};
use crate::hash::{self, Hasher};
use crate::table::{Env, Strategy, Striped};

fn options() -> Options {
    Options {
        listen: Vec::new(),
        unix: None,
        threads: 1,
        memory_mib: 64,
        evict: true,
        connections: 10,
        item_max: 1 << 20,
        requests_per_event: 20,
        backlog: 10,
        idle_timeout: 0,
        verbosity: 0,
        shutdown_enabled: false,
        flush_enabled: true,
        dump_enabled: true,
        user: None,
        hash: "sip13".to_owned(),
    }
}

/// What is answered when the bytes arrive in these pieces; and the most bytes of answers that waited at
/// a time.
fn converse(pieces: &[&[u8]]) -> (Vec<u8>, usize) {
    let journal = Arc::new(Journal::new(16));
    let hasher = Hasher::new(hash::find("sip13").unwrap(), [1, 2]);
    let env = Env {
        hasher,
        clock: || 0,
        journal: Arc::clone(&journal),
        recency: true,
    };
    let params = Params::resolve(Striped::PARAMS, &"striped".parse().unwrap()).unwrap();
    let table = Opened::new(Striped::open(&params, &env).unwrap());
    let options = options();
    let shared = Shared::new(&table, "striped".to_owned(), &options, hasher, journal);
    let (mut all, mut most) = (Vec::new(), 0);
    table.with_session(Worker::ALONE, &mut |session| {
        let mut server = Server::new(session, &shared, shared.counts.of(0));
        let (mut talk, mut inbox, mut spare) = (Talk::default(), Inbox::default(), Vec::new());
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                inbox.borrow(&mut spare);
                inbox.read(talk.wanted, &mut rest).unwrap();
                loop {
                    let mut out = Vec::new();
                    let pause = server.serve(&mut talk, &mut inbox, &mut out);
                    most = most.max(out.len());
                    all.extend(out);
                    match pause {
                        Pause::More => {}
                        Pause::Empty => break,
                        Pause::Close => return,
                    }
                }
                inbox.give_back(&mut spare);
            }
        }
    });
    (all, most)
}

#[test]
fn long_answers_leave_in_parts_and_in_order() {
    let mut input = Vec::new();
    let value = |key: usize| vec![b'a' + u8::try_from(key % 26).unwrap(); 50_000];
    for key in 0..30 {
        input.extend(format!("set k{key} {key} 0 50000\r\n").into_bytes());
        input.extend(value(key));
        input.extend(b"\r\n");
    }
    let mut expected = b"STORED\r\n".repeat(30);
    for verb in ["get", "gat 0"] {
        input.extend(verb.bytes());
        for key in 0..300 {
            input.extend(format!(" k{}", key % 33).into_bytes());
            if key % 33 < 30 {
                let shown = key % 33;
                expected.extend(format!("VALUE k{shown} {shown} 50000\r\n").into_bytes());
                expected.extend(value(shown));
                expected.extend(b"\r\n");
            }
        }
        input.extend(b"\r\n");
        expected.extend(b"END\r\n");
    }
    for key in (0..33).rev() {
        input.extend(format!("mg k{key} v Oo{key}\r\n").into_bytes());
        if key < 30 {
            expected.extend(format!("VA 50000 Oo{key}\r\n").into_bytes());
            expected.extend(value(key));
            expected.extend(b"\r\n");
        } else {
            expected.extend(format!("EN Oo{key}\r\n").into_bytes());
        }
    }
    let (answer, most) = converse(&[&input]);
    assert!(
        answer == expected,
        "{} bytes, not {}",
        answer.len(),
        expected.len()
    );
    assert!(most <= OUT_MAX + 60_000, "{most}");
}

#[test]
fn pieces_make_no_difference() {
    let input = b"set a 0 0 3\r\nabc\r\nget a b\r\nms b 2 F7 c\r\nhi\r\nmg b f v k\r\nappend a 0 0 2\r\nde\r\n\
        set c 0 0 9999999\r\nget a\r\nincr n 1\r\n";
    let whole = converse(&[input]).0;
    assert!(whole.starts_with(
        b"STORED\r\nVALUE a 0 3\r\nabc\r\nEND\r\nHD c2\r\nVA 2 f7 kb\r\nhi\r\nSTORED\r\n"
    ));
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(converse(&bytes).0, whole);
    let parts: Vec<&[u8]> = input.chunks(7).collect();
    assert_eq!(converse(&parts).0, whole);
}

#[test]
fn a_stale_item_is_won_once_within_a_batch() {
    let input = b"set a 0 0 1\r\n1\r\nmd a I\r\nmg a v\r\nmg a v\r\nmg a\r\nms a 1 T9\r\n2\r\nmg a t h\r\nmg a h t\r\n";
    let expected = "STORED\r\nHD\r\nVA 1 X W\r\n1\r\nVA 1 Z X\r\n1\r\nHD Z X\r\nHD\r\nHD t9 h0\r\nHD h1 t9\r\n";
    assert_eq!(String::from_utf8(converse(&[input]).0).unwrap(), expected);
}

#[test]
fn flags_take_effect_in_their_order() {
    let input = b"mg n N30 t\r\nmg n t T9\r\nmg n T8 t\r\nmg l t N30\r\nmg m N30 T60 t\r\nmg o T60 N30 t\r\n\
        ma p N7 t J5 v\r\n";
    let expected =
        "HD t30 W\r\nHD t30 Z\r\nHD t8 Z\r\nHD t-1 W\r\nHD t60 W\r\nHD t30 W\r\nVA 1 t7\r\n5\r\n";
    assert_eq!(String::from_utf8(converse(&[input]).0).unwrap(), expected);
}
