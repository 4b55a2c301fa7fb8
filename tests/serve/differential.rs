//! The same bytes, in the same splits, to this server and to Debian's memcached: the answers must be
//! the same to the byte.
//!
//! Listed exceptions, which transcripts leave out:
//! - `version`, and the figures of `stats`;
//! - body lengths beyond 31 bits, which memcached takes modulo 2^32 and this server refuses;
//! - the binary protocol (hung up on), `watch`, `extstore`, `refresh_certs`, listing keys by slab class;
//! - while a body is awaited or passed over, memcached holds back the answers before it, and loses them if
//!   the connection ends there, as it does behind a line that hangs up; this server sends them: where a
//!   transcript ends so, what memcached answers has to be the beginning of what this server answers;
//! - a get with a key that is too long makes memcached drop answers that wait before it;
//! - `flush_all` with a delay after one that has come brings back what was flushed in memcached;
//! - a number that grows shorter while memcached holds its item for something else (an answer that waits, its
//!   own sorting) is not filled up with spaces there, and the item loses its marks;
//! - T in `ma` is lost in memcached when the number grows longer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use bucketlab::wire::{self, Limits, Request, Step};

use crate::server::{PATIENCE, Server};
use crate::transcripts::{Author, Transcript, seed_of};

/// Transcripts, unless the environment says another number: what every change can afford. Of five
/// thousand some still differ.
const TRANSCRIPTS: u64 = 300;

/// Where the transcripts come from; the environment can give another.
const SEED: u64 = 1;

const LANES: u64 = 2;

/// A wait between sends, so that they arrive apart.
const APART: Duration = Duration::from_micros(300);

struct Pair {
    ours: Server,
    theirs: Server,
}

impl Pair {
    fn start() -> Pair {
        Pair {
            ours: Server::start(&["-t", "1", "-m", "1024"]),
            theirs: Server::memcached(),
        }
    }

    /// The answers of both: ours, theirs.
    fn play(&self, transcript: &Transcript) -> [Vec<u8>; 2] {
        let sends = transcript.sends();
        let sends = &sends;
        std::thread::scope(|scope| {
            [&self.ours, &self.theirs]
                .map(|server| scope.spawn(move || converse(server, sends)))
                .map(|thread| thread.join().unwrap())
        })
    }

    fn clear(&self) {
        for server in [&self.ours, &self.theirs] {
            assert_eq!(converse(server, &[b"flush_all\r\n".to_vec()]), b"OK\r\n");
        }
    }
}

/// Sends all pieces while it reads, ends its side, and returns everything that came back.
fn converse(server: &Server, sends: &[Vec<u8>]) -> Vec<u8> {
    let mut reader = server.connect();
    let mut writer: TcpStream = reader.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for (index, piece) in sends.iter().enumerate() {
                if index > 0 {
                    std::thread::sleep(APART);
                }
                // The server may have hung up, as some requests make it.
                if writer.write_all(piece).is_err() {
                    break;
                }
            }
            let _ = writer.shutdown(Shutdown::Write);
        });
        let mut answer = Vec::new();
        let mut part = vec![0; 1 << 16];
        loop {
            match reader.read(&mut part) {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("no answer and no end within {PATIENCE:?}")
                }
                // Hung up on while something was still on its way.
                Err(_) => break,
            }
        }
        answer
    })
}

/// Whether the answers are the same, to the byte; see the exceptions for where memcached's may be cut
/// short.
fn same(transcript: &Transcript, [ours, theirs]: &[Vec<u8>; 2]) -> bool {
    ours == theirs || ours.starts_with(theirs) && is_cut_short(&transcript.requests.concat())
}

/// Whether bytes end within a body, or make a server hang up.
fn is_cut_short(bytes: &[u8]) -> bool {
    let limits = Limits {
        item_max: 1 << 20,
        flush: true,
    };
    let mut at = 0;
    while at < bytes.len() {
        match wire::next(&bytes[at..], &limits) {
            Step::More(_) | Step::Close => return true,
            Step::Request(Request::Refuse { swallow, .. }, used) => at += used + swallow,
            Step::Request(_, used) => at += used,
        }
    }
    at > bytes.len()
}

/// Whether the answers differ on fresh servers too, each of three times: time passes at different
/// moments for the two, and some answers tell seconds.
fn differs(transcript: &Transcript) -> bool {
    (0..3).all(|_| !same(transcript, &Pair::start().play(transcript)))
}

/// Leaves out what the difference does not need.
fn minimised(mut transcript: Transcript) -> Transcript {
    let whole = Transcript {
        cuts: Vec::new(),
        ..transcript.clone()
    };
    if differs(&whole) {
        transcript = whole;
    }
    let mut step = transcript.requests.len().div_ceil(2);
    let mut tries = 0;
    while step > 0 && tries < 400 {
        let mut from = 0;
        while from < transcript.requests.len() && tries < 400 {
            let to = (from + step).min(transcript.requests.len());
            let shorter = transcript.without(from, to);
            tries += 1;
            if !shorter.requests.is_empty() && differs(&shorter) {
                transcript = shorter;
            } else {
                from = to;
            }
        }
        step /= 2;
    }
    transcript
}

/// Bytes as text, those about `at` if there are many.
fn shown(bytes: &[u8], at: usize) -> String {
    const MOST: usize = 600;
    let start = at.saturating_sub(MOST / 2).min(bytes.len());
    let end = (at + MOST).min(bytes.len());
    let skipped = if start > 0 {
        format!("({start} bytes) ")
    } else {
        String::new()
    };
    let left = if end < bytes.len() {
        format!(" ({} more)", bytes.len() - end)
    } else {
        String::new()
    };
    format!("{skipped}{}{left}", bytes[start..end].escape_ascii())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Plays a lane's share of the transcripts; the differences found, and how many answers differed once
/// and then no more.
fn lane(lane: u64, seed: u64, count: u64) -> (Vec<String>, u64) {
    let mut pair = Pair::start();
    let (mut found, mut passing) = (Vec::new(), 0);
    for index in (lane..count).step_by(usize::try_from(LANES).unwrap()) {
        let transcript = Author::new(seed_of(seed, index)).transcript();
        if same(&transcript, &pair.play(&transcript)) {
            pair.clear();
            continue;
        }
        if differs(&transcript) {
            let least = minimised(transcript);
            let [ours, theirs] = Pair::start().play(&least);
            let sent: Vec<String> = least.sends().iter().map(|s| shown(s, 0)).collect();
            let first = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
            found.push(format!(
                "transcript {index}\n  sent      {}\n  answered  {}\n  memcached {}\n",
                sent.join("\n          | "),
                shown(&ours, first),
                shown(&theirs, first)
            ));
            if found.len() >= 5 {
                break;
            }
        } else {
            passing += 1;
        }
        pair = Pair::start();
    }
    (found, passing)
}

#[test]
fn answers_are_those_of_memcached() {
    let count = number("BUCKETLAB_TRANSCRIPTS", TRANSCRIPTS);
    let seed = number("BUCKETLAB_TRANSCRIPTS_SEED", SEED);
    let (mut found, mut passing) = (Vec::new(), 0);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|index| scope.spawn(move || lane(index, seed, count)))
            .collect();
        for lane in lanes {
            let (differences, passed) = lane.join().unwrap();
            found.extend(differences);
            passing += passed;
        }
    });
    assert!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    // Seconds that tick between the two servers' answers: few, or the excuse hides something.
    assert!(passing * 20 <= count, "{passing} of {count} differed once");
}
