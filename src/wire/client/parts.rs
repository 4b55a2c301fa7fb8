//! What the dialects of a client share: units of answers, lines, blocks and numbers.

use std::fmt;

/// Lines of answers are not longer; an error's words and the key of a value are in them.
pub(super) const LINE_MAX: usize = 2048;

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storing {
    /// Whatever is there.
    Set,
    /// If nothing is there.
    Add,
    /// If something is there.
    Replace,
}

/// A unit of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit<'b> {
    /// A value; with its key where the dialect repeats it.
    Value(Option<&'b [u8]>, &'b [u8]),
    /// A key without a value.
    Miss,
    /// The end of the values of a request.
    End,
    /// It was done.
    Done,
    /// It was not done: what it was to change is there, or is not.
    NotDone,
    /// How many were changed.
    Count(i64),
    /// So many units follow.
    Units(usize),
    /// The server refuses, in its own words.
    Refused(&'b [u8]),
}

/// In words, values and refusals shortened.
impl fmt::Display for Unit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |bytes: &[u8]| bytes[..bytes.len().min(40)].escape_ascii().to_string();
        match self {
            Unit::Value(_, value) => write!(f, "a value of {} B", value.len()),
            Unit::Miss => f.write_str("a miss"),
            Unit::End => f.write_str("an end of values"),
            Unit::Done => f.write_str("'done'"),
            Unit::NotDone => f.write_str("'not done'"),
            Unit::Count(count) => write!(f, "the number {count}"),
            Unit::Units(units) => write!(f, "a list of {units}"),
            Unit::Refused(words) => write!(f, "'{}'", short(words)),
        }
    }
}

/// Bytes that are no answer; the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbled(pub String);

/// The first unit and how many bytes it takes; `None` until all of it has come.
pub type Next<'b> = Result<Option<(Unit<'b>, usize)>, Garbled>;

/// A line without its end, and how many bytes it takes with it; `None` until it has come.
#[inline]
pub(super) fn line(buffer: &[u8]) -> Option<(&[u8], usize)> {
    let newline = memchr::memchr(b'\n', buffer)?;
    let line = &buffer[..newline];
    Some((line.strip_suffix(b"\r").unwrap_or(line), newline + 1))
}

/// The block of `length` bytes and its line end that begin at `at`; `None` until they have come.
#[inline]
pub(super) fn block(
    buffer: &[u8],
    at: usize,
    length: usize,
) -> Result<Option<(&[u8], usize)>, Garbled> {
    let end = at + length;
    let Some(ending) = buffer.get(end..end + 2) else {
        return Ok(None);
    };
    if ending != b"\r\n" {
        return Err(garbled(&buffer[end..]));
    }
    Ok(Some((&buffer[at..end], end + 2)))
}

/// A number of decimal digits, at most 19 of them.
#[inline]
pub(super) fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    digits.iter().try_fold(0_usize, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + usize::from(digit))
    })
}

/// Writes a number in decimal digits.
#[inline]
pub(super) fn write_number(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b"0123456789"[number % 10];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cold]
pub(super) fn garbled(bytes: &[u8]) -> Garbled {
    let end = bytes.len().min(40);
    Garbled(bytes[..end].escape_ascii().to_string())
}

/// Whether a line of memcached says that a request was not understood or not served.
pub(super) fn is_refusal(line: &[u8]) -> bool {
    line == b"ERROR" || line.starts_with(b"CLIENT_ERROR") || line.starts_with(b"SERVER_ERROR")
}
