//! The server without its sockets: bytes in, answers out.

use std::sync::Arc;

use super::hands::Server;
use super::inbox::Inbox;
use super::options::Options;
use super::reply::OUT_MAX;
use super::requests::{Pause, Talk};
use super::shared::Shared;
use crate::base::{Journal, Params, Worker};
use crate::hash::{self, Hasher};
use crate::table::{Env, Kind, Strategy, Striped};

fn options() -> Options {
    Options {
        listen: Vec::new(),
        unix: None,
        threads: 1,
        memory_bytes: 64 << 20,
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
    let table = (Kind::of::<Striped>().open)(&params, &env).unwrap();
    let options = options();
    let shared = Shared::new(
        table.as_ref(),
        "striped".to_owned(),
        &options,
        hasher,
        journal,
    );
    let (mut all, mut most) = (Vec::new(), 0);
    let mut session = table.session(Worker::ALONE);
    let mut server = Server::new(session.erased(), &shared, shared.counts.of(0));
    let (mut talk, mut inbox, mut spare) = (Talk::default(), Inbox::default(), Vec::new());
    'talk: for piece in pieces {
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
                    Pause::Close | Pause::Linger => break 'talk,
                }
            }
            inbox.give_back(&mut spare);
        }
    }
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
fn a_number_that_grows_keeps_its_exptime_and_one_in_pieces_is_none() {
    let mut input =
        b"set n 0 0 1\r\n9\r\nma n T50 t v\r\nmg n t\r\nma n T50 t v\r\nmg n t\r\n".to_vec();
    let mut expected =
        "STORED\r\nVA 2 t50\r\n10\r\nHD t-1\r\nVA 2 t50\r\n11\r\nHD t50\r\n".to_owned();
    // 48 bytes of header, 8 of cas, the key and the value with their ends.
    let most = (512 << 10) - 48 - 8 - 2 - 2;
    for (length, answer) in [(most, "8"), (most + 1, NO_NUMBER)] {
        let spaces = " ".repeat(length - 2);
        input.extend(format!("set n 0 0 {length}\r\n7 {spaces}\r\nincr n 1\r\n").bytes());
        expected += &format!("STORED\r\n{answer}\r\n");
    }
    assert_eq!(String::from_utf8(converse(&[&input]).0).unwrap(), expected);
}

const NO_NUMBER: &str = "CLIENT_ERROR cannot increment or decrement non-numeric value";

#[test]
fn a_refusal_is_told_behind_its_body() {
    // With its line end, the body is this, the x and the request in front of it, and two bytes.
    let body = vec![b'x'; 9_999_999 - 5];
    let pieces: [&[u8]; 4] = [
        b"mn\r\nset a 0 0 9999999\r\nx",
        b"mn\r\n",
        &body,
        b"\r\nmn\r\n",
    ];
    let whole = "MN\r\nSERVER_ERROR object too large for cache\r\nMN\r\n";
    assert_eq!(converse(&pieces[..3]).0, b"MN\r\n");
    assert_eq!(String::from_utf8(converse(&pieces).0).unwrap(), whole);
}

#[test]
fn keys_are_listed_behind_answers_that_have_left() {
    let list = b"lru_crawler metadump 2,3\r\n".as_slice();
    let refused = "ERROR cannot pipeline other commands before metadump\r\n";
    let together = [b"touch a 0\r\n", list].concat();
    assert_eq!(
        converse(&[&together]).0,
        format!("NOT_FOUND\r\n{refused}").as_bytes()
    );
    assert_eq!(
        converse(&[b"touch a 0\r\n", list]).0,
        b"NOT_FOUND\r\nEND\r\n"
    );
    let input = b"lru_crawler disable\r\nlru_crawler metadump all\r\nlru_crawler enable\r\nlru_crawler enable\r\n";
    let expected = "OK\r\nCLIENT_ERROR lru crawler disabled\r\nOK\r\nERROR failed to start lru crawler thread\r\n";
    assert_eq!(String::from_utf8(converse(&[input]).0).unwrap(), expected);
}

#[test]
fn only_what_is_made_has_the_exptime_of_n() {
    let input = b"set a 0 0 1\r\n1\r\nmg a T9 R30 N100 t\r\nmg b T9 R30 N100 t\r\n";
    let expected = "STORED\r\nHD t9 W\r\nHD t100 W\r\n";
    assert_eq!(String::from_utf8(converse(&[input]).0).unwrap(), expected);
}

#[test]
fn a_flush_at_the_end_of_this_second_takes_what_the_second_brings() {
    // All within one call, which reads the clock once.
    let input =
        b"set a 0 0 1\r\n1\r\nflush_all 1\r\nset b 0 0 1\r\n1\r\nmg a\r\nmg b\r\nflush_all\r\n\
        set c 0 0 1\r\n1\r\nmg c\r\nflush_all 100\r\nmg c\r\n";
    let expected = "STORED\r\nOK\r\nSTORED\r\nEN\r\nEN\r\nOK\r\nSTORED\r\nHD\r\nOK\r\nHD\r\n";
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
