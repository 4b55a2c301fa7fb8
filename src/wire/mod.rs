//! Floor 2: the memcached protocol, classic text and meta commands: bytes in, requests out, no I/O.
//!
//! [`next`] reads one request from the start of a buffer. Nothing is copied: keys and bodies are
//! [`Span`]s of the buffer (only base64 keys are decoded into memory of their own). What can be said
//! of a request from its line alone is said here, errors to the byte as memcached 1.6.18 words them;
//! what depends on items is the server's.
//!
//! The protocol is memcached's `doc/protocol.txt`; where that is silent, what Debian's memcached
//! answers is the reference, and a differential test holds the two against each other.

pub mod base64;
mod classic;
mod line;
mod meta;
#[cfg(test)]
mod tests;

pub use line::{Span, Tokens, unsigned};
pub use meta::{Meta, MetaKey};

/// The longest key, in bytes.
pub const KEY_MAX: usize = 250;

/// A line without an end may grow this long, unless it is a get of many keys.
const LINE_MAX: usize = 2048;

/// A whole line may be this long, unless it is a get of many keys: memcached's read buffer.
const WHOLE_LINE_MAX: usize = 16 << 10;

/// A get of many keys may be this long; memcached has no such limit.
const GET_LINE_MAX: usize = 8 << 20;

/// Spaces that may stand in front of a long get.
const LEADING_SPACES_MAX: usize = 100;

const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format\r\n";
const TOO_LARGE: &str = "SERVER_ERROR object too large for cache\r\n";
const ERROR: &str = "ERROR\r\n";

/// What the parser is told by the server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the largest item, by memcached's own account of an item ([`footprint`]).
    pub item_max: usize,
    /// Whether `flush_all` is allowed.
    pub flush: bool,
}

/// Bytes that memcached takes for an item: its header, cas, flags unless 0, key and value with their
/// ends. Limits on the size of an item are limits on this.
pub fn footprint(key: usize, flags: u32, value: usize) -> usize {
    48 + 8 + if flags == 0 { 0 } else { 4 } + key + 1 + value + 2
}

/// What the start of a buffer holds.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// Not yet a whole request: ask again when there are this many bytes.
    More(usize),
    /// The connection is to be closed without a word.
    Close,
    /// A request, and how many bytes it took.
    Request(Request, usize),
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Whatever was there.
    Set,
    /// Only where nothing is.
    Add,
    /// Only where something is.
    Replace,
    /// Behind what is there.
    Append,
    /// In front of what is there.
    Prepend,
    /// Only where the item has the given cas.
    Cas,
}

/// A value to be stored.
#[derive(Debug, PartialEq)]
pub struct Store {
    /// On which condition.
    pub verb: Verb,
    /// The key.
    pub key: Span,
    /// The value.
    pub body: Span,
    /// The client's flags.
    pub flags: u32,
    /// When it expires, as given.
    pub exptime: i32,
    /// The cas that is compared.
    pub cas: u64,
    /// Whether the answer is left out.
    pub noreply: bool,
}

/// One request.
#[derive(Debug, PartialEq)]
pub enum Request {
    /// get, gets, gat, gats: each key of `keys`, then END.
    Get {
        /// The keys, between spaces.
        keys: Span,
        /// Whether the cas is told.
        cas: bool,
        /// A new exptime for what is found.
        touch: Option<i32>,
        /// Whether a key is too long: then the whole answer is an error.
        key_too_long: bool,
    },
    /// set, add, replace, append, prepend, cas.
    Store(Store),
    /// delete
    Delete {
        /// The key.
        key: Span,
        /// Whether the answer is left out.
        noreply: bool,
    },
    /// incr and decr
    Arithmetic {
        /// The key.
        key: Span,
        /// Whether it is incr.
        up: bool,
        /// By how much.
        delta: u64,
        /// Whether the answer is left out.
        noreply: bool,
    },
    /// touch
    Touch {
        /// The key.
        key: Span,
        /// When it expires from now on, as given.
        exptime: i32,
        /// Whether the answer is left out.
        noreply: bool,
    },
    /// mg
    MetaGet(Box<Meta>),
    /// ms, with its body.
    MetaSet(Box<Meta>, Verb, Span),
    /// md
    MetaDelete(Box<Meta>),
    /// ma; whether it counts up.
    MetaArithmetic(Box<Meta>, bool),
    /// mn
    MetaNoop,
    /// me
    MetaDebug(MetaKey),
    /// `flush_all`
    FlushAll {
        /// Seconds from now, or a time; 0 and less is now.
        delay: i32,
        /// Whether the answer is left out.
        noreply: bool,
    },
    /// stats; what follows the word.
    Stats(Span),
    /// `cache_memlimit`, in MiB.
    MemoryLimit {
        /// The new limit.
        mib: u32,
        /// Whether the answer is left out.
        noreply: bool,
    },
    /// verbosity
    Verbosity {
        /// The new level.
        level: u32,
        /// Whether the answer is left out.
        noreply: bool,
    },
    /// `lru_crawler`; what follows the word.
    Crawler(Span),
    /// version
    Version,
    /// quit
    Quit,
    /// shutdown
    Shutdown {
        /// Whether it says how in a way that there is.
        valid: bool,
    },
    /// A line that has its answer in itself; memcached words every error so.
    Say {
        /// The answer, with its line end.
        text: &'static str,
        /// Whether it is left out.
        noreply: bool,
    },
    /// A store that is refused because of its line; its body is still to come.
    Refuse {
        /// The answer, with its line end.
        text: &'static str,
        /// Whether it is left out.
        noreply: bool,
        /// Bytes of the body with its line end, to be passed over.
        swallow: usize,
        /// The key whose old value goes away, so that nobody takes it for the new one.
        forget: Option<MetaKey>,
    },
}

fn say(text: &'static str) -> Request {
    Request::Say {
        text,
        noreply: false,
    }
}

/// A line that parsed, before its body is looked for.
enum Line {
    /// A whole request.
    Whole(Request),
    /// A store with its body's length.
    Body(usize, Body),
}

/// A store without its body.
enum Body {
    Classic(Store),
    Meta(Box<Meta>, Verb),
}

/// Reads the request that `buffer` starts with.
///
/// Never looks at more than that request, so what follows it makes no difference; and a part of
/// a request is never taken for another.
pub fn next(buffer: &[u8], limits: &Limits) -> Step {
    let Some(newline) = memchr::memchr(b'\n', buffer) else {
        return unfinished(buffer);
    };
    let used = newline + 1;
    if newline > WHOLE_LINE_MAX && !is_long_get(buffer) {
        return Step::Close;
    }
    // A lone CR in front of the LF is a token, as it is to memcached.
    let mut end = newline;
    if newline > 1 && buffer[newline - 1] == b'\r' {
        end -= 1;
    }
    // Lines are C strings to memcached: they end at a NUL.
    end = memchr::memchr(0, &buffer[..end]).unwrap_or(end);
    let line = Span { start: 0, end };
    let Some(parsed) = command(buffer, line, limits) else {
        return Step::Close;
    };
    match parsed {
        Line::Whole(request) => Step::Request(request, used),
        Line::Body(length, body) => with_body(buffer, used, length, body),
    }
}

fn unfinished(buffer: &[u8]) -> Step {
    let fine = buffer.len() <= LINE_MAX || is_long_get(buffer) && buffer.len() <= GET_LINE_MAX;
    if fine {
        Step::More(buffer.len() + 1)
    } else {
        Step::Close
    }
}

fn is_long_get(buffer: &[u8]) -> bool {
    let spaces = buffer.iter().take_while(|&&b| b == b' ').count();
    let command = &buffer[spaces..];
    spaces <= LEADING_SPACES_MAX && (command.starts_with(b"get ") || command.starts_with(b"gets "))
}

/// `None` closes the connection.
fn command(buffer: &[u8], line: Span, limits: &Limits) -> Option<Line> {
    let mut tokens = line.tokens(buffer);
    let name = tokens
        .next()
        .map_or(b"".as_slice(), |token| token.of(buffer));
    if name.len() < 2 {
        return Some(Line::Whole(say(ERROR)));
    }
    if let [b'm', verb] = name {
        return Some(meta::command(*verb, buffer, tokens, limits));
    }
    classic::command(name, buffer, tokens, limits)
}

fn with_body(buffer: &[u8], line: usize, length: usize, body: Body) -> Step {
    let used = line + length + 2;
    if buffer.len() < used {
        return Step::More(used);
    }
    let noreply = match &body {
        Body::Classic(store) => store.noreply,
        // An error of a meta command is never left out.
        Body::Meta(..) => false,
    };
    if &buffer[used - 2..used] != b"\r\n" {
        let text = "CLIENT_ERROR bad data chunk\r\n";
        return Step::Request(Request::Say { text, noreply }, used);
    }
    let span = Span {
        start: line,
        end: line + length,
    };
    let request = match body {
        Body::Classic(store) => Request::Store(Store {
            body: span,
            ..store
        }),
        Body::Meta(meta, verb) => Request::MetaSet(meta, verb, span),
    };
    Step::Request(request, used)
}
