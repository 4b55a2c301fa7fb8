//! The same bytes, in the same splits, to this server and to Debian's memcached: the answers must be
//! the same to the byte.
//!
//! Listed exceptions, which transcripts leave out:
//! - `version`, and the figures of `stats` (`cachedump` among them, which lists nothing here);
//! - body lengths beyond 31 bits, which memcached takes modulo 2^32 and this server refuses;
//! - the binary protocol, which is hung up on;
//! - lines longer than memcached takes, where it closes the connection without an answer: here the answer is
//!   `CLIENT_ERROR line too long`, and then the connection is closed; a get of many keys may have 8 MiB here, for
//!   which memcached has no limit;
//! - a `flush_all` for later takes the place of one that has come: memcached then shows again what that one
//!   had flushed, until the later one comes, as far as nobody has asked for it and its memory was not needed. A
//!   flush that can be undone is no flush, and which items come back is chance there: here, what is gone stays
//!   gone. Transcripts have flushes of one kind each.
//! - a number of 2^63 and more, in an item, is none to memcached where a minus sign lies behind it in the memory
//!   that another item has left: generated values have no minus sign, and numbers below zero have a test of
//!   their own;
//! - seconds that an item has left, or since it was asked for, may differ by those that passed (`seconds.rs`).
//!
//! memcached is started with `-W` and without its sorting thread (`Server::memcached` says why), so that its
//! refusal of `watch` is compared.
//!
//! memcached holds answers back while it has more to do, and what it answers depends on what it holds in three
//! places: with an end of the connection within a body, or with a line that it hangs up on, it loses what it
//! holds, as it does with a get whose key is too long; and an item in an answer it counts up in a copy, which
//! has neither spaces behind a number that grew shorter nor marks. What it holds depends on how many bytes its
//! reads happen to bring, so these are no answers that another server could give. This one answers as memcached
//! does when it holds nothing, and transcripts see to that in these places alone, by an `mn` or by waiting
//! (`settle.rs`).

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bucketlab::wire::LINE_TOO_LONG;

use super::seconds::{self, Likeness};
use super::server::{self, PATIENCE, Server};
use super::settle::SETTLED;
use super::transcripts::{Author, Piece, Transcript, seed_of};

/// Transcripts, unless the environment says another number.
const TRANSCRIPTS: u64 = 5000;

/// Where the transcripts come from; the environment can give another.
const SEED: u64 = 1;

const LANES: u64 = 2;

/// A wait between sends, so that they arrive apart.
const APART: Duration = Duration::from_micros(300);

/// How long to wait at most for everything to be answered; then the answers differ anyway.
const SETTLING: Duration = Duration::from_secs(20);

struct Pair {
    ours: Server,
    theirs: Server,
}

/// What the two servers answered to one transcript.
struct Answers {
    ours: Vec<u8>,
    theirs: Vec<u8>,
    took: Duration,
}

impl Answers {
    fn likeness(&self) -> Likeness {
        seconds::compare(&self.ours, &self.theirs, self.took)
    }
}

impl Pair {
    fn start() -> Pair {
        Pair {
            ours: Server::start(&["-t", "1", "-m", "1024"]),
            theirs: Server::memcached(),
        }
    }

    /// The answers of both. Where memcached closes the connection at a line that is too long
    /// without an answer, our answer to it is left out: it is a listed exception.
    fn play(&self, transcript: &Transcript) -> Answers {
        let began = Instant::now();
        let sends = transcript.sends();
        let sends = &sends;
        let [mut ours, theirs] = std::thread::scope(|scope| {
            [&self.ours, &self.theirs]
                .map(|server| scope.spawn(move || converse(server, sends)))
                .map(|thread| thread.join().unwrap())
        });
        let took = began.elapsed();
        if let Some(rest) = ours.strip_suffix(LINE_TOO_LONG.as_bytes())
            && !matches!(
                seconds::compare(rest, &theirs, took),
                Likeness::Different(_)
            )
        {
            ours.truncate(rest.len());
        }
        Answers { ours, theirs, took }
    }

    fn clear(&self) {
        for server in [&self.ours, &self.theirs] {
            assert_eq!(
                server::line(&mut server.connect(), b"flush_all\r\n"),
                "OK\r\n"
            );
        }
    }
}

/// Sends all pieces while it reads, ends its side, and returns everything that came back.
fn converse(server: &Server, sends: &[Piece]) -> Vec<u8> {
    let mut reader = server.connect();
    let mut writer: TcpStream = reader.try_clone().unwrap();
    let (settled, settles) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for (index, piece) in sends.iter().enumerate() {
                if index > 0 && !sends[index - 1].settles {
                    std::thread::sleep(APART);
                }
                // The server may have hung up, as some requests make it.
                if writer.write_all(&piece.bytes).is_err() {
                    break;
                }
                if piece.settles {
                    let _ = settles.recv_timeout(SETTLING);
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
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("no answer and no end within {PATIENCE:?}")
                }
                // Hung up on while something was still on its way.
                Err(_) => break,
            }
            if answer.ends_with(SETTLED) {
                let _ = settled.send(());
            }
        }
        drop(settled);
        answer
    })
}

/// The answers on fresh servers, if they differ each of three times: an item may run out between the two answers.
fn difference(transcript: &Transcript) -> Option<Answers> {
    let mut last = None;
    for _ in 0..3 {
        let answers = Pair::start().play(transcript);
        if !matches!(answers.likeness(), Likeness::Different(_)) {
            return None;
        }
        last = Some(answers);
    }
    last
}

/// Leaves out what the difference does not need; the transcript that is left, and its answers.
fn minimised(mut transcript: Transcript, mut answers: Answers) -> (Transcript, Answers) {
    let whole = Transcript {
        cuts: Vec::new(),
        ..transcript.clone()
    };
    if let Some(differing) = difference(&whole) {
        (transcript, answers) = (whole, differing);
    }
    let mut step = transcript.requests.len().div_ceil(2);
    let mut tries = 0;
    while step > 0 && tries < 400 {
        let mut from = 0;
        while from < transcript.requests.len() && tries < 400 {
            let to = (from + step).min(transcript.requests.len());
            let shorter = transcript.without(from, to);
            tries += 1;
            let differing = if shorter.requests.is_empty() {
                None
            } else {
                difference(&shorter)
            };
            match differing {
                Some(differing) => (transcript, answers) = (shorter, differing),
                None => from = to,
            }
        }
        step /= 2;
    }
    (transcript, answers)
}

/// Bytes as text, with long runs of a byte counted; those about `at` if there are many.
fn shown(bytes: &[u8], at: usize) -> String {
    const MOST: usize = 600;
    let start = at.saturating_sub(MOST / 2).min(bytes.len());
    let mut text = String::new();
    for run in bytes[start..].chunk_by(|a, b| a == b) {
        if run.len() > 20 {
            text += &format!("{}{{{} of these}}", run[..1].escape_ascii(), run.len());
        } else {
            text += &run.escape_ascii().to_string();
        }
        if text.len() > 2 * MOST {
            text += " ...";
            break;
        }
    }
    text
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// What came of transcripts.
#[derive(Default)]
struct Tally {
    differences: Vec<String>,
    /// How many differed once and then no more.
    passing: u64,
    /// How many differed in nothing but seconds.
    near: u64,
}

/// Plays a lane's share of the transcripts.
fn lane(lane: u64, seed: u64, count: u64) -> Tally {
    let mut pair = Pair::start();
    let mut tally = Tally::default();
    for index in (lane..count).step_by(usize::try_from(LANES).unwrap()) {
        let transcript = Author::new(seed_of(seed, index)).transcript();
        if transcript.fresh {
            pair = Pair::start();
        }
        let likeness = pair.play(&transcript).likeness();
        if !matches!(likeness, Likeness::Different(_)) {
            tally.near += u64::from(likeness == Likeness::Near);
            if transcript.fresh {
                pair = Pair::start();
            } else {
                pair.clear();
            }
            continue;
        }
        if let Some(answers) = difference(&transcript) {
            let (least, answers) = minimised(transcript, answers);
            let sends = least.sends();
            let sent: Vec<String> = sends.iter().map(|s| shown(&s.bytes, 0)).collect();
            let first = match answers.likeness() {
                Likeness::Different(at) => at,
                Likeness::Same | Likeness::Near => 0,
            };
            tally.differences.push(format!(
                "transcript {index}\n  sent      {}\n  answered  {}\n  memcached {}\n",
                sent.join("\n          | "),
                shown(&answers.ours, first),
                shown(&answers.theirs, first)
            ));
            if tally.differences.len() >= 5 {
                break;
            }
        } else {
            tally.passing += 1;
        }
        pair = Pair::start();
    }
    tally
}

#[test]
fn answers_are_those_of_memcached() {
    let count = number("BUCKETLAB_TRANSCRIPTS", TRANSCRIPTS);
    let seed = number("BUCKETLAB_TRANSCRIPTS_SEED", SEED);
    let mut all = Tally::default();
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|index| scope.spawn(move || lane(index, seed, count)))
            .collect();
        for lane in lanes {
            let tally = lane.join().unwrap();
            all.differences.extend(tally.differences);
            all.passing += tally.passing;
            all.near += tally.near;
        }
    });
    let found = &all.differences;
    assert!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    // Items that run out between the two servers' answers, and seconds that pass: few, or the excuses hide something.
    let (passing, near) = (all.passing, all.near);
    let said = format!("of {count}, {passing} differed once, {near} in seconds alone");
    println!("{said}");
    assert!(
        passing <= 5 + count / 200 && near <= 5 + count / 50,
        "{said}"
    );
}

/// The answers of both to these lines, each sent when the one before has been answered, behind as many
/// seconds as are given with it.
fn ask(pair: &Pair, lines: &[(u64, &str)]) -> [Vec<String>; 2] {
    std::thread::scope(|scope| {
        [&pair.ours, &pair.theirs]
            .map(|server| {
                scope.spawn(|| {
                    let mut stream = server.connect();
                    let mut answers = Vec::new();
                    for &(seconds, line) in lines {
                        std::thread::sleep(Duration::from_secs(seconds));
                        answers.push(server::line(&mut stream, line.as_bytes()));
                    }
                    answers
                })
            })
            .map(|thread| thread.join().unwrap())
    })
}

#[test]
fn a_flush_that_is_announced_comes() {
    let lines = [
        (0, "set a 0 0 1\r\n1\r\n"),
        (0, "flush_all 5\r\n"),
        (0, "mg a\r\n"),
        (1, "set b 0 0 1\r\n1\r\n"),
        (7, "mg a\r\n"),
        (0, "mg b\r\n"),
        (0, "set c 0 0 1\r\n1\r\n"),
        (0, "mg c\r\n"),
        (2, "mg c\r\n"),
    ];
    let [ours, theirs] = ask(&Pair::start(), &lines);
    assert_eq!(ours, theirs);
    let expected = "STORED OK HD STORED EN EN STORED HD HD";
    assert_eq!(ours.concat().replace("\r\n", " ").trim(), expected);
}

#[test]
fn a_number_below_zero_is_none() {
    let non_numeric = "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
    let mut lines = vec![(0, "set n 0 0 2\r\n-5\r\n")];
    let counts = [
        "incr n 1\r\n",
        "decr n 1\r\n",
        "ma n v\r\n",
        "ma n MD D9 N0 v\r\n",
    ];
    lines.extend(counts.map(|line| (0, line)));
    lines.push((0, "incr n -1\r\n"));
    let [ours, theirs] = ask(&Pair::start(), &lines);
    assert_eq!(ours, theirs);
    assert_eq!(ours[1..5], [non_numeric; 4]);
    assert_eq!(ours[5], "CLIENT_ERROR invalid numeric delta argument\r\n");
}

#[test]
fn a_list_of_keys_says_the_same() {
    let list = |server: &Server| {
        let mut stream = server.connect();
        let set = server::line(&mut stream, "set k\u{e9}y%7 5 1000 2\r\nhi\r\n".as_bytes());
        let key = server::line(&mut stream, b"lru_crawler metadump all\r\n");
        let none = server::line(&mut stream, b"lru_crawler metadump 2,63\r\n");
        let bad = server::line(&mut stream, b"lru_crawler metadump 1,64\r\n");
        [set, key, none, bad]
    };
    // A second may tick between the two.
    let mut last = None;
    let alike = (0..5).any(|_| {
        let pair = Pair::start();
        let [ours, theirs] = [&pair.ours, &pair.theirs].map(list);
        let same = ours == theirs;
        last = Some([ours, theirs]);
        same
    });
    assert!(alike, "{last:?}");
}
