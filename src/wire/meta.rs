//! The meta commands: two letters, a key, flags of one letter each.

use super::base64;
use super::line::{Span, Tokens, body_length, signed_32, unsigned, unsigned_32};
use super::request::{
    BAD_FORMAT, Body, ERROR, KEY_MAX, Limits, Line, Meta, MetaKey, Request, TOO_LARGE, Verb,
    footprint, say,
};

/// Tokens that a meta command may have, itself and its end counted.
const TOKENS_MAX: usize = 20;

/// Bytes that an opaque token may have, its letter counted.
const OPAQUE_MAX: usize = 32;

pub(super) fn command<'b>(
    verb: u8,
    buffer: &'b [u8],
    mut tokens: Tokens<'b>,
    limits: &Limits,
) -> Line {
    let parse = match verb {
        b'g' => get,
        b's' => return set(buffer, tokens, limits),
        b'd' => delete,
        b'a' => arithmetic,
        b'n' => return Line::Whole(Request::MetaNoop),
        b'e' => return Line::Whole(debug(buffer, tokens)),
        _ => return Line::Whole(say(ERROR)),
    };
    let Some(key) = tokens.next() else {
        return Line::Whole(say(ERROR));
    };
    if key.len() > KEY_MAX {
        return Line::Whole(say(BAD_FORMAT));
    }
    Line::Whole(parse(buffer, key, tokens))
}

fn too_many(flags: &Tokens<'_>, before: usize) -> bool {
    // The command, and the end that memcached counts too.
    flags.clone().take(TOKENS_MAX).count() + before + 2 > TOKENS_MAX
}

fn get(buffer: &[u8], key: Span, flags: Tokens<'_>) -> Request {
    if too_many(&flags, 1) {
        return say("CLIENT_ERROR options flags are too long\r\n");
    }
    match read_flags(buffer, key, flags) {
        Ok(meta) if meta.opaque_too_long => say(OPAQUE_TOO_LONG),
        Ok(meta) => Request::MetaGet(meta),
        Err(text) => say(text),
    }
}

const OPAQUE_TOO_LONG: &str = "CLIENT_ERROR opaque token too long\r\n";
const FLAGS_TOO_LONG: &str = "CLIENT_ERROR options flags too long\r\n";
const BAD_FLAG: &str = "CLIENT_ERROR invalid or duplicate flag\r\n";

fn delete(buffer: &[u8], key: Span, flags: Tokens<'_>) -> Request {
    if too_many(&flags, 1) {
        return say(FLAGS_TOO_LONG);
    }
    match read_flags(buffer, key, flags) {
        Ok(meta) if meta.opaque_too_long => say(OPAQUE_TOO_LONG),
        Ok(meta) => Request::MetaDelete(meta),
        Err(_) => say(BAD_FLAG),
    }
}

fn arithmetic(buffer: &[u8], key: Span, flags: Tokens<'_>) -> Request {
    if too_many(&flags, 1) {
        return say(FLAGS_TOO_LONG);
    }
    let Ok(meta) = read_flags(buffer, key, flags) else {
        return say(BAD_FLAG);
    };
    let up = match meta.mode {
        0 | b'I' | b'+' => true,
        b'D' | b'-' => false,
        _ => return say("CLIENT_ERROR invalid mode for ma M token\r\n"),
    };
    if meta.opaque_too_long {
        return say(OPAQUE_TOO_LONG);
    }
    Request::MetaArithmetic(meta, up)
}

fn debug(buffer: &[u8], mut tokens: Tokens<'_>) -> Request {
    let Some(key) = tokens.next().filter(|key| key.len() <= KEY_MAX) else {
        return say(BAD_FORMAT);
    };
    if tokens.next().is_none_or(|flag| flag.of(buffer) != b"b") {
        return Request::MetaDebug(MetaKey::Plain(key));
    }
    match base64::decode(key.of(buffer)) {
        Some(bytes) => Request::MetaDebug(MetaKey::Decoded(bytes.into())),
        None => say(BAD_FORMAT),
    }
}

fn set<'b>(buffer: &'b [u8], mut tokens: Tokens<'b>, limits: &Limits) -> Line {
    let Some(key) = tokens.next() else {
        return Line::Whole(say(ERROR));
    };
    let length = tokens.next();
    if key.len() > KEY_MAX || length.is_none() {
        return Line::Whole(say(BAD_FORMAT));
    }
    if too_many(&tokens, 2) {
        return Line::Whole(say(FLAGS_TOO_LONG));
    }
    let Some(length) = length.and_then(|token| body_length(token.of(buffer))) else {
        return Line::Whole(say(BAD_FORMAT));
    };
    let refuse = |text, forget| {
        Line::Whole(Request::Refuse {
            text,
            noreply: false,
            swallow: length + 2,
            forget,
        })
    };
    let meta = match read_flags(buffer, key, tokens) {
        Ok(meta) => meta,
        Err(text) => return refuse(text, None),
    };
    let verb = match meta.mode {
        0 | b'S' => Verb::Set,
        b'E' => Verb::Add,
        b'A' => Verb::Append,
        b'P' => Verb::Prepend,
        b'R' => Verb::Replace,
        _ => return refuse("CLIENT_ERROR invalid mode for ms M token\r\n", None),
    };
    if meta.opaque_too_long {
        return refuse(OPAQUE_TOO_LONG, None);
    }
    let verb = match verb {
        Verb::Set | Verb::Replace if meta.cas.is_some() => Verb::Cas,
        other => other,
    };
    let key_length = meta.key.bytes(buffer).len();
    if footprint(key_length, meta.client_flags, length) > limits.item_max {
        return refuse(TOO_LARGE, Some(meta.key));
    }
    Line::Body(length, Body::Meta(meta, verb))
}

/// Reads the flags; an error is the answer in words.
fn read_flags(buffer: &[u8], key: Span, flags: Tokens<'_>) -> Result<Box<Meta>, &'static str> {
    const BAD_TOKEN: &str = "CLIENT_ERROR bad token in command line format\r\n";
    let mut meta = Meta {
        key: MetaKey::Plain(key),
        flags: flags.rest(),
        quiet: false,
        value: false,
        no_update: false,
        stateful: false,
        invalidate: false,
        vivify: None,
        ttl: None,
        recache: None,
        vivify_last: false,
        ttl_last: false,
        cas: None,
        client_flags: 0,
        mode: 0,
        delta: 1,
        initial: 0,
        opaque_too_long: false,
    };
    let mut seen = 0_u128;
    // memcached reads on after an error of some kinds, and tells the last.
    let mut error = None;
    let mut last_text = BAD_FORMAT;
    for token in flags {
        let text = token.of(buffer);
        let (letter, rest) = (text[0], &text[1..]);
        if letter >= 127 || seen >> letter & 1 == 1 {
            return Err("CLIENT_ERROR duplicate flag\r\n");
        }
        seen |= 1 << letter;
        let mut fail = |text: &'static str| {
            last_text = text;
            error = Some(text);
        };
        match letter {
            b'b' => match base64::decode(key.of(buffer)) {
                Some(bytes) => meta.key = MetaKey::Decoded(bytes.into()),
                None => fail("CLIENT_ERROR error decoding key\r\n"),
            },
            b'N' | b'T' | b'R' => {
                let Some(seconds) = signed_32(rest) else {
                    fail(BAD_TOKEN);
                    continue;
                };
                meta.stateful = true;
                match letter {
                    b'N' => {
                        meta.vivify = Some(seconds);
                        meta.vivify_last = meta.ttl.is_some();
                    }
                    b'T' => {
                        meta.ttl = Some(seconds);
                        meta.ttl_last = meta.recache.is_some();
                    }
                    _ => meta.recache = Some(seconds),
                }
            }
            b'h' | b'l' | b't' => meta.stateful = true,
            b'O' => meta.opaque_too_long = text.len() > OPAQUE_MAX,
            b'P' | b'L' | b'k' | b's' | b'c' | b'f' => {}
            b'v' => meta.value = true,
            b'u' => meta.no_update = true,
            b'q' => meta.quiet = true,
            b'I' => meta.invalidate = true,
            b'F' => match unsigned_32(rest) {
                Some(flags) => meta.client_flags = flags,
                None => error = Some(last_text),
            },
            b'C' => match unsigned(rest) {
                Some(cas) => meta.cas = Some(cas),
                None => fail(BAD_TOKEN),
            },
            b'M' => match rest {
                [mode] => meta.mode = *mode,
                _ => fail("CLIENT_ERROR incorrect length for M token\r\n"),
            },
            b'J' => match unsigned(rest) {
                Some(number) => meta.initial = number,
                None => fail("CLIENT_ERROR invalid numeric initial value\r\n"),
            },
            b'D' => match unsigned(rest) {
                Some(number) => meta.delta = number,
                None => fail("CLIENT_ERROR invalid numeric delta value\r\n"),
            },
            _ => return Err("CLIENT_ERROR invalid flag\r\n"),
        }
    }
    if error.is_some() {
        return Err(last_text);
    }
    Ok(Box::new(meta))
}
