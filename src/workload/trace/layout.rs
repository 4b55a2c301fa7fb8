//! From a line or record to a request, or to the reason why there is none.
//!
//! A format is one file with one [`Format`]: its name, how to cut its file into lines or records, and
//! the function that reads one of them.

use std::borrow::Cow;
use std::ops::Range;

use super::op::TraceOp;
use crate::base::BadInput;

/// Bytes of the longest key.
pub(super) const KEY_BYTES_MAX: usize = 65_535;

/// How often one line may say that its request occurs.
pub(super) const REPEATS_MAX: u32 = 100_000_000;

/// What is said of a key beyond [`KEY_BYTES_MAX`], and of a line that is longer than any with a key.
pub(super) const TOO_LONG: &str = "is longer than 65535 bytes, the most that a key may have";

/// A trace format.
pub struct Format {
    /// Its name, as `--trace FILE:FORMAT` takes it.
    pub name: &'static str,
    /// One sentence for `list`.
    pub about: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// The names of its operations, for messages; none where it has no names.
    pub(super) operations: &'static str,
    pub(super) cut: Cut,
    /// Whether requests are put in the order of their times: the lines of a dump are in another.
    pub(super) by_time: bool,
    /// What a trace in it says, and what reads its lines or records, for one reading of a file; by what
    /// stands in the parentheses behind its name.
    pub(super) open: fn(options: &str) -> Result<Reading, BadInput>,
    /// Whether the first lines of a file look like it. Formats whose lines could be those of another
    /// say no, and are chosen by other signs.
    pub(super) looks_like: fn(lines: &[&[u8]]) -> bool,
}

/// What the requests of a trace say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holds {
    /// Whether there may be writes among them.
    pub writes: bool,
    /// Whether a get that misses fills; otherwise it is left to the set that follows it.
    pub fills: bool,
    /// How large values are.
    pub sizes: bool,
    /// When they came.
    pub times: bool,
}

/// One reading of a file.
pub(super) struct Reading {
    pub(super) holds: Holds,
    pub(super) layout: Box<dyn Layout>,
}

impl Reading {
    /// That of a format without options.
    pub(super) fn plain(
        name: &str,
        options: &str,
        holds: Holds,
        layout: Box<dyn Layout>,
    ) -> Result<Reading, BadInput> {
        if options.is_empty() {
            return Ok(Reading { holds, layout });
        }
        Err(BadInput(format!(
            "trace format '{name}({options})': {name} takes nothing in parentheses; for other columns give \
             csv(key=…,op=…,size=…,time=…)"
        )))
    }
}

/// What a file is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Lines of text.
    Lines,
    /// Records of so many bytes.
    Records(usize),
    /// Requests of format `compact`, which say themselves how long they are.
    Packed,
}

impl Cut {
    /// What a place in the file is counted in.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Cut::Lines => "line",
            Cut::Records(_) | Cut::Packed => "record",
        }
    }
}

/// Reads the lines or records of a file, one after the other.
pub(super) trait Layout: Send {
    /// Reads one of them.
    fn read(&mut self, line: &[u8]) -> Result<Line, Why>;

    /// Whether a header has still to come, without which no line means anything.
    fn needs_header(&self) -> bool {
        false
    }

    /// The key of the request that was read last, where it does not stand in its line as it is (it was
    /// quoted or escaped).
    fn own_key(&self) -> &[u8] {
        &[]
    }

    /// The next request of a line that has more than one.
    fn next_of(&mut self, _line: &[u8]) -> Option<Row> {
        None
    }

    /// How lines are understood, where they say it themselves: what was found in a header.
    fn reading(&self) -> Option<String> {
        None
    }
}

/// A format whose lines mean the same wherever they stand is a function.
impl<F: FnMut(&[u8]) -> Result<Line, Why> + Send> Layout for F {
    fn read(&mut self, line: &[u8]) -> Result<Line, Why> {
        self(line)
    }
}

/// Why a line cannot be used.
pub(super) type Why = Cow<'static, str>;

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A request.
    Request(Row),
    /// A request for an operation that is none of a table's, or that the format does not know.
    Other {
        /// Where its name is in the line.
        op: Range<usize>,
        /// How often it occurs.
        repeats: u32,
    },
    /// No request, as is to be expected: a header, a remark.
    Nothing,
}

impl Line {
    /// A request for an operation of this name, which stands somewhere in the line.
    pub(super) fn other(line: &[u8], name: &[u8]) -> Line {
        // Where it was escaped it is not found, and has no name.
        let at = memchr::memmem::find(line, name);
        Line::Other {
            op: at.map_or(0..0, |at| at..at + name.len()),
            repeats: 1,
        }
    }
}

/// A request as it stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: Key,
    /// Bytes that the key had before it was made anonymous; it is lengthened to them.
    pub(super) key_bytes: usize,
    pub(super) op: TraceOp,
    /// Bytes of the value, where the format says.
    pub(super) value_bytes: Option<u64>,
    pub(super) ttl_s: u32,
    pub(super) time: Time,
    /// How often the request occurs, at least once.
    pub(super) repeats: u32,
    /// The line has another request: [`Layout::next_of`].
    pub(super) more: bool,
}

/// Where a request's key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Here in the line.
    At(Range<usize>),
    /// It is the decimal of this number.
    Id(u64),
    /// [`Layout::own_key`].
    Own,
}

/// A moment on a trace's own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time {
    /// Whole seconds.
    pub(super) s: u64,
    /// Nanoseconds within the second.
    pub(super) ns: u32,
}

impl Time {
    pub(super) fn of_s(s: u64) -> Time {
        Time { s, ns: 0 }
    }
}

impl Row {
    pub(super) fn new(op: TraceOp, key: Range<usize>) -> Result<Row, Why> {
        check_key(key.len())?;
        Ok(Row {
            key_bytes: key.len(),
            key: Key::At(key),
            ..Row::with_id(op, 0)
        })
    }

    /// A request whose key is the layout's own, of so many bytes.
    pub(super) fn own(op: TraceOp, key_bytes: usize) -> Result<Row, Why> {
        check_key(key_bytes)?;
        Ok(Row {
            key_bytes,
            key: Key::Own,
            ..Row::with_id(op, 0)
        })
    }

    /// A request whose key is the decimal of a number.
    pub(super) fn with_id(op: TraceOp, id: u64) -> Row {
        Row {
            key: Key::Id(id),
            key_bytes: 0,
            op,
            value_bytes: None,
            ttl_s: 0,
            time: Time::default(),
            repeats: 1,
            more: false,
        }
    }

    /// Sets the size that the key had.
    pub(super) fn with_key_bytes(mut self, text: &[u8]) -> Result<Row, Why> {
        let bytes = number(text, "key size")?;
        match usize::try_from(bytes) {
            Ok(bytes) if bytes <= KEY_BYTES_MAX => self.key_bytes = bytes.max(self.key_bytes),
            _ => {
                return Err(
                    format!("has a key size of {bytes}: at most {KEY_BYTES_MAX} bytes").into(),
                );
            }
        }
        Ok(self)
    }
}

fn check_key(bytes: usize) -> Result<(), Why> {
    match bytes {
        0 => Err("has an empty key".into()),
        1..=KEY_BYTES_MAX => Ok(()),
        _ => Err(TOO_LONG.into()),
    }
}

/// A whole number without sign; `what` names the field.
#[inline]
pub(super) fn number(text: &[u8], what: &'static str) -> Result<u64, Why> {
    // 19 digits always fit.
    digits(text).ok_or_else(|| not_a_number(text, what))
}

/// The number that digits write, up to 19 of them.
#[inline]
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    // 19 digits always fit.
    if text.is_empty() || text.len() > 19 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = text.iter().map(|digit| u64::from(digit - b'0'));
    Some(digits.fold(0, |all, digit| all * 10 + digit))
}

#[cold]
fn not_a_number(text: &[u8], what: &'static str) -> Why {
    let why = match text.strip_prefix(b"-").and_then(digits) {
        Some(_) => "below 0",
        None => "not a whole number",
    };
    format!("has '{}' as {what}: {why}", show(text)).into()
}

/// Seconds, cut to what 32 bits hold.
pub(super) fn seconds(text: &[u8], what: &'static str) -> Result<u32, Why> {
    Ok(u32::try_from(number(text, what)?).unwrap_or(u32::MAX))
}

/// Text of a file for people: escaped and shortened.
pub(super) fn show(text: &[u8]) -> String {
    let end = text.len().min(40);
    let more = if text.len() > end { "…" } else { "" };
    format!("{}{more}", text[..end].escape_ascii())
}
