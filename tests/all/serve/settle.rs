//! Where a transcript has to let memcached send what it holds back.
//!
//! memcached sends answers when it has served what has arrived, or twenty requests, or a get; until then it holds
//! them, and the items in them. Some of what it does depends on what it holds just then, which is an
//! accident of its buffers and of how bytes arrive. There, and only there, transcripts let it send first, so that
//! everything it answers can be compared to the byte.

use std::ops::Range;

use bucketlab::wire::{self, Limits, Request, Step};

/// Makes memcached send what it holds.
const FLUSH: &[u8] = b"mn\r\n";

/// Asked for where the next piece waits until everything has been answered; no transcript has this key.
const ASK: &[u8] = b"mg nobody-has-this Osettled\r\nmn\r\n";

/// How answers end then.
pub const SETTLED: &[u8] = b"EN Osettled\r\nMN\r\n";

/// Longer lines than this have to arrive whole, unless they are `get` or `gets`: memcached hangs up on half of
/// one, and whether it sees half of one is chance.
const HALF_MAX: usize = 2048;

const LIMITS: Limits = Limits {
    item_max: 1 << 20,
    flush: true,
};

/// Bytes to send, with what lets memcached send put in between.
pub struct Settled {
    pub bytes: Vec<u8>,
    /// Offsets where to wait until everything so far has been answered.
    pub waits: Vec<usize>,
    /// Lines that have to arrive whole.
    pub whole: Vec<Range<usize>>,
}

impl Settled {
    pub fn of(all: &[u8]) -> Settled {
        let mut settled = Settled {
            bytes: Vec::with_capacity(all.len()),
            waits: Vec::new(),
            whole: Vec::new(),
        };
        // Whether memcached may hold an answer, and an item in one.
        let (mut answers, mut items) = (false, false);
        let mut at = 0;
        while at < all.len() {
            let rest = &all[at..];
            let (request, used) = match wire::next(rest, &LIMITS) {
                Step::Request(request, used) => (request, used),
                // A request without its end, or a line that it hangs up on: memcached loses what it holds.
                Step::More(_) | Step::Close | Step::TooLong => {
                    settled.wait();
                    settled.bytes.extend_from_slice(rest);
                    break;
                }
            };
            let mut end = used;
            if let Request::Refuse { swallow, .. } = request {
                end += swallow;
            }
            let counts = matches!(
                request,
                Request::Arithmetic { .. } | Request::MetaArithmetic(..)
            );
            let forgets = matches!(
                request,
                Request::Get {
                    key_too_long: true,
                    ..
                }
            );
            let line = rest.iter().position(|&byte| byte == b'\n').unwrap_or(0);
            let long = line > HALF_MAX && !is_get(rest);
            if end > rest.len() || long {
                settled.wait();
                (answers, items) = (false, false);
            } else if counts && items || forgets && answers {
                settled.bytes.extend_from_slice(FLUSH);
                (answers, items) = (false, false);
            }
            match request {
                Request::Quit => end = rest.len(),
                Request::MetaNoop
                | Request::Get {
                    key_too_long: false,
                    ..
                } => {
                    (answers, items) = (false, false);
                }
                Request::MetaGet(_) => (answers, items) = (true, true),
                _ => answers = true,
            }
            end = end.min(rest.len());
            if long {
                let start = settled.bytes.len();
                settled.whole.push(start..start + line);
            }
            settled.bytes.extend_from_slice(&rest[..end]);
            at += end;
        }
        settled
    }

    /// Whether a send may end at this offset.
    pub fn may_cut(&self, at: usize) -> bool {
        !self
            .whole
            .iter()
            .any(|line| line.start < at && at <= line.end)
    }

    fn wait(&mut self) {
        if !self.bytes.is_empty() {
            self.bytes.extend_from_slice(ASK);
            self.waits.push(self.bytes.len());
        }
    }
}

/// Whether memcached takes the line for a get of many keys, of which it has patience with half.
fn is_get(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.starts_with(b"get ") || line.starts_with(b"gets ")
}

#[test]
fn transcripts_settle_where_memcached_holds_something() {
    let flushed = |text: &str| text.replace('!', "mn\r\n").into_bytes();
    for text in [
        "set a 0 0 1\r\n1\r\nincr a 1\r\nincr a 1\r\n",
        "mg a v\r\n!incr a 1\r\nincr a 1\r\n",
        "mg a v\r\nget a\r\nincr a 1\r\n",
        "quit\r\nmg a\r\nincr a 1\r\n",
    ] {
        let sent = Settled::of(&flushed(&text.replace('!', "")));
        assert_eq!((sent.bytes, sent.waits), (flushed(text), vec![]), "{text}");
    }
    let long = format!("get {}\r\n", "k".repeat(251));
    let sent = Settled::of(format!("{long}touch a 0\r\n{long}").as_bytes());
    assert_eq!(sent.bytes, flushed(&format!("{long}touch a 0\r\n!{long}")));
    for tail in [
        "set a 0 0 5\r\nhell",
        "set a 0 0 2147483645\r\nhell",
        "get a",
    ] {
        let sent = Settled::of(format!("get a\r\n{tail}").as_bytes());
        let bytes = [b"get a\r\n", ASK, tail.as_bytes()].concat();
        assert_eq!(
            (sent.waits, sent.bytes),
            (vec![bytes.len() - tail.len()], bytes)
        );
    }
    for (verb, halves) in [
        ("get", true),
        ("gets", true),
        ("bget", false),
        ("gat 0", false),
    ] {
        let line = format!("{verb}{}\r\n", " k".repeat(2000));
        let sent = Settled::of(format!("mn\r\n{line}mn\r\n").as_bytes());
        let start = sent.bytes.len() - 4 - line.len();
        assert_eq!(sent.waits.is_empty(), halves, "{verb}");
        assert!(sent.may_cut(start) && sent.may_cut(start + line.len()));
        assert_eq!(sent.may_cut(start + 1), halves, "{verb}");
        assert_eq!(sent.may_cut(start + line.len() - 1), halves, "{verb}");
    }
}
