//! Answers: text put together without formatting machinery, which the hot path cannot afford.

use super::header::{Header, STALE, WON};
use crate::wire::{Meta, Span, base64};

/// Bytes of answers that a connection may leave unread before nothing more of it is served. One
/// answer may go beyond it by one item.
pub(super) const OUT_MAX: usize = 256 << 10;

/// Appends a number in decimal digits.
#[inline]
pub(super) fn decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        let digit = (number % 10) as u8;
        digits[at] = b'0' + digit;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends an item as get and gets show it.
#[inline]
pub(super) fn value(out: &mut Vec<u8>, key: &[u8], header: &Header, value: &[u8], cas: bool) {
    out.reserve(key.len() + value.len() + 64);
    out.extend_from_slice(b"VALUE ");
    out.extend_from_slice(key);
    out.push(b' ');
    decimal(out, u64::from(header.flags));
    out.push(b' ');
    decimal(out, value.len() as u64);
    if cas {
        out.push(b' ');
        decimal(out, header.cas);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Appends a key as meta answers show it.
fn meta_key(out: &mut Vec<u8>, key: &[u8], binary: bool) {
    out.extend_from_slice(b" k");
    if binary {
        base64::encode(key, out);
        out.extend_from_slice(b" b");
    } else {
        out.extend_from_slice(key);
    }
}

/// Appends the flags that an answer repeats whether there is an item or not: opaque and key.
pub(super) fn echo(out: &mut Vec<u8>, meta: &Meta, buffer: &[u8], binary: bool) {
    for flag in meta.flags.tokens(buffer) {
        let text = flag.of(buffer);
        match text[0] {
            b'O' => {
                out.push(b' ');
                out.extend_from_slice(text);
            }
            b'k' => meta_key(out, meta.key.bytes(buffer), binary),
            _ => {}
        }
    }
}

/// What an answer to a meta command tells of an item.
pub(super) struct Told<'a> {
    /// The item's header.
    pub(super) header: &'a Header,
    /// The header before this command, of which `h` and `l` tell.
    pub(super) before: &'a Header,
    /// Bytes of the value.
    pub(super) length: usize,
    pub(super) now: u32,
    /// Whether the key is shown in base64.
    pub(super) binary: bool,
    /// Which of the flags are answered at all.
    pub(super) letters: &'static [u8],
    /// Whether the command made the item, so that N has set its exptime.
    pub(super) created: bool,
    /// What N and T set.
    pub(super) exptimes: [u32; 2],
}

/// Appends the flags of an answer that has an item.
#[inline]
pub(super) fn told(out: &mut Vec<u8>, meta: &Meta, buffer: &[u8], item: &Told<'_>) {
    // Flags take effect in their order: t tells of the exptime that N or T in front of it has set.
    let mut exptime = item.before.exptime;
    for flag in meta.flags.tokens(buffer) {
        let text = flag.of(buffer);
        let letter = text[0];
        match letter {
            b'N' if item.created => exptime = item.exptimes[0],
            b'T' => exptime = item.exptimes[1],
            _ => {}
        }
        if !item.letters.contains(&letter) {
            continue;
        }
        match letter {
            b'O' => {
                out.push(b' ');
                out.extend_from_slice(text);
                continue;
            }
            b'k' => {
                meta_key(out, meta.key.bytes(buffer), item.binary);
                continue;
            }
            _ => out.extend_from_slice(&[b' ', letter]),
        }
        match letter {
            b's' => decimal(out, item.length as u64),
            b't' if exptime == 0 => out.extend_from_slice(b"-1"),
            // What has been set into the past wraps round, as it does in memcached.
            b't' => decimal(out, u64::from(exptime.wrapping_sub(item.now))),
            b'c' => decimal(out, item.header.cas),
            b'f' => decimal(out, u64::from(item.header.flags)),
            b'l' => decimal(out, u64::from(item.now.saturating_sub(item.before.time))),
            _ => out.push(if item.before.has(super::header::FETCHED) {
                b'1'
            } else {
                b'0'
            }),
        }
    }
}

/// Appends what an mg answer says of which client is to renew the item.
pub(super) fn tokens(out: &mut Vec<u8>, before: &Header, won: bool) {
    if before.has(WON) {
        out.extend_from_slice(b" Z");
    }
    if before.has(STALE) {
        out.extend_from_slice(b" X");
    }
    if won {
        out.extend_from_slice(b" W");
    }
}

/// A span of a request that starts at `start`, as a span of the whole buffer.
pub(super) fn moved(span: Span, start: usize) -> Span {
    Span {
        start: span.start + start,
        end: span.end + start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for number in [0, 9, 10, 12345, u64::MAX] {
            let mut out = Vec::new();
            decimal(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
    }
}
