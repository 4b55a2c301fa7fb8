//! Parsed requests, and the limits and errors that all commands share.

use super::line::Span;

/// The longest key, in bytes.
pub const KEY_MAX: usize = 250;

pub(super) const BAD_FORMAT: &str = "CLIENT_ERROR bad command line format\r\n";
pub(super) const TOO_LARGE: &str = "SERVER_ERROR object too large for cache\r\n";
pub(super) const ERROR: &str = "ERROR\r\n";

/// The server's settings that the parser needs.
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
    /// The connection is to be closed without an answer.
    Close,
    /// The line is longer than any that is served: to be answered with
    /// [`LINE_TOO_LONG`](super::LINE_TOO_LONG), and then the connection is to be closed, as nothing says where
    /// the next request begins.
    TooLong,
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
        /// Whether the answer has the cas.
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
        /// The key whose old value goes away, so that no client takes it for the new one.
        forget: Option<MetaKey>,
    },
}

pub(super) fn say(text: &'static str) -> Request {
    Request::Say {
        text,
        noreply: false,
    }
}

/// A line that parsed, before its body is looked for.
pub(super) enum Line {
    /// A whole request.
    Whole(Request),
    /// A store with its body's length.
    Body(usize, Body),
}

/// A store without its body.
pub(super) enum Body {
    Classic(Store),
    Meta(Box<Meta>, Verb),
}

/// A key, as it stands in the buffer or decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum MetaKey {
    /// In the buffer.
    Plain(Span),
    /// It was base64.
    Decoded(Box<[u8]>),
}

impl Meta {
    /// The exptime of an item that this command makes, as given; `None` if it makes none.
    pub fn new_exptime(&self) -> Option<i32> {
        match (self.vivify, self.ttl) {
            (Some(_), Some(ttl)) if !self.vivify_last => Some(ttl),
            (vivify, _) => vivify,
        }
    }
}

impl MetaKey {
    /// The key's bytes.
    pub fn bytes<'a>(&'a self, buffer: &'a [u8]) -> &'a [u8] {
        match self {
            MetaKey::Plain(span) => span.of(buffer),
            MetaKey::Decoded(bytes) => bytes,
        }
    }

    /// Whether it was base64.
    pub fn is_binary(&self) -> bool {
        matches!(self, MetaKey::Decoded(_))
    }
}

/// What a meta command says beside its name.
#[derive(Debug, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the protocol"
)]
pub struct Meta {
    /// The key.
    pub key: MetaKey,
    /// The flags as they stand in the line: the answer repeats some in their order.
    pub flags: Span,
    /// q: the expected answer is left out.
    pub quiet: bool,
    /// v: the value is wanted.
    pub value: bool,
    /// u: being read leaves no trace.
    pub no_update: bool,
    /// Whether the item's state is asked for or changed (h l t, N R T).
    pub stateful: bool,
    /// I: what is there is stale.
    pub invalidate: bool,
    /// N: an item is made where there is none, with this exptime.
    pub vivify: Option<i32>,
    /// T: the new exptime.
    pub ttl: Option<i32>,
    /// R: a client that reads it with less time left than this is to renew it.
    pub recache: Option<i32>,
    /// Whether N stands behind T: of two exptimes for a new item the last counts.
    pub vivify_last: bool,
    /// Whether T stands behind R, which then looks at the exptime before.
    pub ttl_last: bool,
    /// C: the cas that is compared.
    pub cas: Option<u64>,
    /// F: the client's flags.
    pub client_flags: u32,
    /// M: the mode, 0 if none is given.
    pub mode: u8,
    /// D: by how much to count.
    pub delta: u64,
    /// J: where counting starts.
    pub initial: u64,
    /// Whether the O flag is longer than is allowed.
    pub opaque_too_long: bool,
}
