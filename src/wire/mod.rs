//! Floor 2: the memcached protocol, classic text and meta commands: bytes in, requests out, no I/O.
//!
//! [`next`] reads one request from the start of a buffer. Nothing is copied: keys and bodies are
//! [`Span`]s of the buffer (only base64 keys are decoded into memory of their own). This module finds all
//! errors that follow from the line alone, and words them to the byte as memcached 1.6.18 does; the server
//! finds those that depend on items.
//!
//! The protocol is memcached's `doc/protocol.txt`. Where that is silent, Debian's memcached is the reference,
//! and a differential test compares the answers of both.

pub mod base64;
mod classic;
pub mod client;
mod line;
mod meta;
mod request;
#[cfg(test)]
mod tests;

pub use line::{Span, Tokens, unsigned};
pub use request::{KEY_MAX, Limits, Meta, MetaKey, Request, Step, Store, Verb, footprint};

use request::{Body, ERROR, Line, say};

/// A line without an end may grow this long, unless it is a get of many keys.
const LINE_MAX: usize = 2048;

/// A whole line may be this long, unless it is a get of many keys: memcached's read buffer.
const WHOLE_LINE_MAX: usize = 16 << 10;

/// A get of many keys may be this long; memcached has no such limit.
const GET_LINE_MAX: usize = 8 << 20;

/// Spaces that may stand in front of a long get.
const LEADING_SPACES_MAX: usize = 100;

/// The answer to a line that is too long. memcached closes the connection without one.
pub const LINE_TOO_LONG: &str = "CLIENT_ERROR line too long\r\n";

/// Reads the request that `buffer` starts with.
///
/// Never looks at more than that request, so what follows it makes no difference; and a part of
/// a request is never taken for another.
pub fn next(buffer: &[u8], limits: &Limits) -> Step {
    let Some(newline) = memchr::memchr(b'\n', buffer) else {
        return unfinished(buffer);
    };
    let used = newline + 1;
    if newline > line_max(buffer, WHOLE_LINE_MAX) {
        return Step::TooLong;
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
    if buffer.len() <= line_max(buffer, LINE_MAX) {
        Step::More(buffer.len() + 1)
    } else {
        Step::TooLong
    }
}

/// The longest line: this for all commands but a get of many keys.
fn line_max(buffer: &[u8], most: usize) -> usize {
    if buffer.len() > most && is_long_get(buffer) {
        GET_LINE_MAX
    } else {
        most
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
