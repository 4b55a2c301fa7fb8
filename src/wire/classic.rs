//! The classic text commands.

use super::line::{Span, Tokens, body_length, signed_32, unsigned, unsigned_32};
use super::request::{
    BAD_FORMAT, Body, ERROR, KEY_MAX, Limits, Line, MetaKey, Request, Store, TOO_LARGE, Verb,
    footprint, say,
};

/// Tokens of a line behind its command that matter to anything but a get.
const MOST: usize = 7;

/// Up to [`MOST`] tokens behind the command, and how many there are, at most one more.
struct Words<'b> {
    buffer: &'b [u8],
    spans: [Span; MOST],
    count: usize,
}

impl<'b> Words<'b> {
    fn new(buffer: &'b [u8], tokens: Tokens<'b>) -> Words<'b> {
        let mut words = Words {
            buffer,
            spans: [Span::default(); MOST],
            count: 0,
        };
        for token in tokens.take(MOST + 1) {
            if let Some(place) = words.spans.get_mut(words.count) {
                *place = token;
            }
            words.count += 1;
        }
        words
    }

    fn text(&self, at: usize) -> &'b [u8] {
        self.spans[at].of(self.buffer)
    }

    /// Whether the last word asks for no answer.
    fn noreply(&self) -> bool {
        (1..=MOST).contains(&self.count) && self.text(self.count - 1) == b"noreply"
    }
}

/// Parses the rest of a line that begins with `name`; `None` closes the connection.
pub(super) fn command<'b>(
    name: &[u8],
    buffer: &'b [u8],
    tokens: Tokens<'b>,
    limits: &Limits,
) -> Option<Line> {
    match name {
        b"get" | b"bget" => return Some(get(buffer, tokens, false, false)),
        b"gets" => return Some(get(buffer, tokens, true, false)),
        b"gat" => return Some(get(buffer, tokens, false, true)),
        b"gats" => return Some(get(buffer, tokens, true, true)),
        b"stats" => return Some(Line::Whole(Request::Stats(tokens.rest()))),
        b"lru_crawler" => return Some(Line::Whole(Request::Crawler(tokens.rest()))),
        _ => {}
    }
    let words = Words::new(buffer, tokens.clone());
    let within = |range: std::ops::RangeInclusive<usize>| range.contains(&words.count);
    let (allowed, parse): (bool, fn(&Words<'_>, &Limits) -> Line) = match name {
        b"set" => (within(4..=5), |words, limits| {
            store(words, Verb::Set, limits)
        }),
        b"add" => (within(4..=5), |words, limits| {
            store(words, Verb::Add, limits)
        }),
        b"replace" => (within(4..=5), |words, limits| {
            store(words, Verb::Replace, limits)
        }),
        b"append" => (within(4..=5), |words, limits| {
            store(words, Verb::Append, limits)
        }),
        b"prepend" => (within(4..=5), |words, limits| {
            store(words, Verb::Prepend, limits)
        }),
        b"cas" => (within(5..=6), |words, limits| {
            store(words, Verb::Cas, limits)
        }),
        b"incr" => (within(2..=3), |words, _| arithmetic(words, true)),
        b"decr" => (within(2..=3), |words, _| arithmetic(words, false)),
        b"touch" => (within(2..=3), |words, _| touch(words)),
        b"delete" => (within(1..=3), |words, _| delete(words)),
        b"flush_all" => (within(0..=2), flush_all),
        b"verbosity" => (within(1..=2), |words, _| verbosity(words)),
        b"cache_memlimit" => (within(1..=2), |words, _| memory_limit(words)),
        b"slabs" => (true, |words, _| slabs(words)),
        b"lru" => (words.count >= 1, |words, _| lru(words)),
        b"extstore" => (words.count >= 1, |words, _| extstore(words)),
        b"refresh_certs" => (true, |_, _| Line::Whole(say("Error TLS not enabled\r\n"))),
        b"watch" => (true, |words, _| {
            Line::Whole(Request::Say {
                text: "CLIENT_ERROR watch commands not allowed\r\n",
                noreply: words.noreply(),
            })
        }),
        b"version" => (true, |_, _| Line::Whole(Request::Version)),
        b"quit" => (true, |_, _| Line::Whole(Request::Quit)),
        b"shutdown" => (true, |words, _| {
            // Every end is graceful here, asked for or not.
            let valid = match words.count {
                0 => true,
                1 => words.text(0) == b"graceful",
                _ => false,
            };
            Line::Whole(Request::Shutdown { valid })
        }),
        _ => return unknown(name, buffer, tokens),
    };
    if allowed {
        Some(parse(&words, limits))
    } else {
        Some(Line::Whole(say(ERROR)))
    }
}

/// A browser that has lost its way is hung up on.
fn unknown<'b>(name: &[u8], buffer: &'b [u8], tokens: Tokens<'b>) -> Option<Line> {
    let known_letter = matches!(name[0], b'g' | b's' | b'a' | b'c' | b'i' | b'd' | b't');
    let last = tokens.last().map_or(name, |token| token.of(buffer));
    (known_letter || !last.starts_with(b"HTTP/")).then(|| Line::Whole(say(ERROR)))
}

fn get<'b>(buffer: &'b [u8], mut tokens: Tokens<'b>, cas: bool, touching: bool) -> Line {
    if tokens.clone().next().is_none() {
        return Line::Whole(say(ERROR));
    }
    let mut touch = None;
    if touching {
        touch = tokens.next().and_then(|token| signed_32(token.of(buffer)));
        if touch.is_none() {
            return Line::Whole(say("CLIENT_ERROR invalid exptime argument\r\n"));
        }
    }
    let keys = tokens.rest();
    let key_too_long = keys.len() > KEY_MAX && tokens.any(|key| key.len() > KEY_MAX);
    Line::Whole(Request::Get {
        keys,
        cas,
        touch,
        key_too_long,
    })
}

fn refuse(words: &Words<'_>, text: &'static str) -> Line {
    Line::Whole(Request::Say {
        text,
        noreply: words.noreply(),
    })
}

/// A key at the head of the words; the answer if it is too long.
fn key(words: &Words<'_>) -> Result<Span, Line> {
    let key = words.spans[0];
    if key.len() > KEY_MAX {
        return Err(refuse(words, BAD_FORMAT));
    }
    Ok(key)
}

fn store(words: &Words<'_>, verb: Verb, limits: &Limits) -> Line {
    let key = match key(words) {
        Ok(key) => key,
        Err(line) => return line,
    };
    let numbers = (
        unsigned_32(words.text(1)),
        signed_32(words.text(2)),
        body_length(words.text(3)),
    );
    let (Some(flags), Some(exptime), Some(length)) = numbers else {
        return refuse(words, BAD_FORMAT);
    };
    let mut cas = 0;
    if verb == Verb::Cas {
        match unsigned(words.text(4)) {
            Some(number) => cas = number,
            None => return refuse(words, BAD_FORMAT),
        }
    }
    let noreply = words.noreply();
    if footprint(key.len(), flags, length) > limits.item_max {
        return Line::Whole(Request::Refuse {
            text: TOO_LARGE,
            noreply,
            swallow: length + 2,
            forget: (verb == Verb::Set).then_some(MetaKey::Plain(key)),
        });
    }
    let store = Store {
        verb,
        key,
        body: Span::default(),
        flags,
        exptime,
        cas,
        noreply,
    };
    Line::Body(length, Body::Classic(store))
}

fn arithmetic(words: &Words<'_>, up: bool) -> Line {
    let key = match key(words) {
        Ok(key) => key,
        Err(line) => return line,
    };
    let noreply = words.noreply();
    match unsigned(words.text(1)) {
        Some(delta) => Line::Whole(Request::Arithmetic {
            key,
            up,
            delta,
            noreply,
        }),
        None => refuse(words, "CLIENT_ERROR invalid numeric delta argument\r\n"),
    }
}

fn touch(words: &Words<'_>) -> Line {
    let key = match key(words) {
        Ok(key) => key,
        Err(line) => return line,
    };
    let noreply = words.noreply();
    match signed_32(words.text(1)) {
        Some(exptime) => Line::Whole(Request::Touch {
            key,
            exptime,
            noreply,
        }),
        None => refuse(words, "CLIENT_ERROR invalid exptime argument\r\n"),
    }
}

fn delete(words: &Words<'_>) -> Line {
    let mut noreply = false;
    if words.count > 1 {
        // Long ago a delete could be held back; a zero is still taken for that.
        let zero = words.text(1) == b"0";
        noreply = words.noreply();
        if !(words.count == 2 && (zero || noreply) || words.count == 3 && zero && noreply) {
            let text = "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n";
            return Line::Whole(Request::Say { text, noreply });
        }
    }
    match key(words) {
        Ok(key) => Line::Whole(Request::Delete { key, noreply }),
        Err(_) => Line::Whole(Request::Say {
            text: BAD_FORMAT,
            noreply,
        }),
    }
}

fn flush_all(words: &Words<'_>, limits: &Limits) -> Line {
    let noreply = words.noreply();
    if !limits.flush {
        return refuse(words, "CLIENT_ERROR flush_all not allowed\r\n");
    }
    let mut delay = 0;
    if words.count != usize::from(noreply) {
        match signed_32(words.text(0)) {
            Some(seconds) => delay = seconds,
            None => return refuse(words, "CLIENT_ERROR invalid exptime argument\r\n"),
        }
    }
    Line::Whole(Request::FlushAll { delay, noreply })
}

fn verbosity(words: &Words<'_>) -> Line {
    match unsigned_32(words.text(0)) {
        Some(level) => Line::Whole(Request::Verbosity {
            level,
            noreply: words.noreply(),
        }),
        None => refuse(words, BAD_FORMAT),
    }
}

fn memory_limit(words: &Words<'_>) -> Line {
    match unsigned_32(words.text(0)) {
        None => refuse(words, ERROR),
        Some(..8) => refuse(
            words,
            "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m\r\n",
        ),
        Some(1_000_000_001..) => refuse(
            words,
            "MEMLIMIT_ADJUST_FAILED input value is megabytes not bytes\r\n",
        ),
        Some(mib) => Line::Whole(Request::MemoryLimit {
            mib,
            noreply: words.noreply(),
        }),
    }
}

/// Slab classes that memcached has with its default settings; 0 is its pool of free pages.
const CLASSES: std::ops::RangeInclusive<i32> = 0..=39;

/// There are no slabs here, so no class ever has a page to spare; what scripts set at start is taken
/// without effect.
fn slabs(words: &Words<'_>) -> Line {
    if words.count == 3 && words.text(0) == b"reassign" {
        let classes = [1, 2].map(|at| signed_32(words.text(at)));
        return Line::Whole(say(match classes {
            [Some(from), Some(to)] if from == to => "SAME src and dst class are identical\r\n",
            [Some(from), Some(to)] if CLASSES.contains(&from) && CLASSES.contains(&to) => {
                "NOSPARE source class has no spare pages\r\n"
            }
            [Some(_), Some(_)] => "BADCLASS invalid src or dst class id\r\n",
            _ => BAD_FORMAT,
        }));
    }
    if words.count >= 2 && words.text(0) == b"automove" {
        return match unsigned_32(words.text(1)) {
            Some(0..=2) => refuse(words, "OK\r\n"),
            Some(_) => refuse(words, ERROR),
            None if words.text(1) == b"ratio" => {
                let taken = words.count >= 3 && float(words.text(2)).is_some();
                refuse(words, if taken { "OK\r\n" } else { ERROR })
            }
            None => refuse(words, BAD_FORMAT),
        };
    }
    Line::Whole(say(ERROR))
}

/// A number with a fraction.
fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.trim_ascii().parse().ok()
}

/// Settings of the store on flash that there is none of here; memcached without one takes them too.
fn extstore(words: &Words<'_>) -> Line {
    let number = |at| unsigned_32(words.text(at));
    let taken = words.count >= 2
        && match words.text(0) {
            b"free_memchunks" if words.count >= 3 => {
                number(1).is_some_and(|class| class < 64) && number(2).is_some()
            }
            b"item_size" | b"item_age" | b"low_ttl" | b"recache_rate" | b"compact_under"
            | b"drop_under" | b"max_sleep" | b"drop_unread" => number(1).is_some(),
            b"max_frag" => float(words.text(1)).is_some(),
            _ => false,
        };
    refuse(words, if taken { "OK\r\n" } else { ERROR })
}

/// The table's own recency takes the place of memcached's lists; their modes are taken without
/// effect.
fn lru(words: &Words<'_>) -> Line {
    if words.text(0) == b"tune" && words.count >= 5 {
        return refuse(words, tune(words));
    }
    let mode = words.count >= 2
        && words.text(0) == b"mode"
        && matches!(words.text(1), b"flat" | b"segmented");
    let ttl =
        words.count >= 2 && words.text(0) == b"temp_ttl" && signed_32(words.text(1)).is_some();
    refuse(words, if mode || ttl { "OK\r\n" } else { ERROR })
}

/// Sets the sizes of memcached's lists, and the answer.
fn tune(words: &Words<'_>) -> &'static str {
    let percents = [1, 2].map(|at| unsigned_32(words.text(at)));
    let factors = [3, 4].map(|at| float(words.text(at)));
    let ([Some(hot), Some(warm)], [Some(hot_age), Some(warm_age)]) = (percents, factors) else {
        return ERROR;
    };
    if hot.wrapping_add(warm) > 80 {
        "ERROR hot and warm pcts must not exceed 80\r\n"
    } else if hot_age <= 0.0 || warm_age <= 0.0 {
        "ERROR hot/warm age factors must be greater than 0\r\n"
    } else {
        "OK\r\n"
    }
}
