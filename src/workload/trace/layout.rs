//! From a line or record to a request, or to the reason why there is none.
//!
//! A format is one file with one [`Format`]: its name, how to cut its file into lines or records, and
//! the function that reads one of them.

use std::borrow::Cow;
use std::ops::Range;

use super::op::TraceOp;
use crate::workload::size::VALUE_BYTES_MAX;

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
    /// Whether it records writes, so that a get that misses is left to the set that follows it;
    /// otherwise each get fills on a miss.
    pub writes: bool,
    /// Whether it says how large values are.
    pub sizes: bool,
    /// Whether it says when requests came.
    pub times: bool,
    /// The names of its operations, for messages; none where it has no names.
    pub(super) operations: &'static str,
    pub(super) cut: Cut,
    /// Makes what reads its lines or records, for one reading of a file.
    pub(super) layout: fn() -> Box<dyn Layout>,
    /// Whether the first lines of a file look like it. Formats whose lines could be those of another
    /// say no, and are chosen by other signs.
    pub(super) looks_like: fn(lines: &[&[u8]]) -> bool,
}

/// What a file is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Lines of text.
    Lines,
    /// Records of so many bytes.
    Records(usize),
}

impl Cut {
    /// What a place in the file is counted in.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Cut::Lines => "line",
            Cut::Records(_) => "record",
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

/// A request as it stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Where the key is in the line.
    pub(super) key: Range<usize>,
    /// The key is the decimal of this number instead.
    pub(super) id: Option<u64>,
    /// Bytes that the key had before it was made anonymous; it is lengthened to them.
    pub(super) key_bytes: usize,
    pub(super) op: TraceOp,
    /// Bytes of the value, where the format says.
    pub(super) value_bytes: Option<u32>,
    pub(super) ttl_s: u32,
    pub(super) time_s: u64,
    /// How often the request occurs, at least once.
    pub(super) repeats: u32,
}

impl Row {
    pub(super) fn new(op: TraceOp, key: Range<usize>) -> Result<Row, Why> {
        if key.is_empty() {
            return Err("has an empty key".into());
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(TOO_LONG.into());
        }
        Ok(Row {
            key_bytes: key.len(),
            key,
            ..Row::with_id(op, None)
        })
    }

    /// A request whose key is the decimal of a number.
    pub(super) fn with_id(op: TraceOp, id: Option<u64>) -> Row {
        Row {
            key: 0..0,
            id,
            key_bytes: 0,
            op,
            value_bytes: None,
            ttl_s: 0,
            time_s: 0,
            repeats: 1,
        }
    }

    /// Sets the size that the key had.
    pub(super) fn with_key_bytes(mut self, text: &[u8]) -> Result<Row, Why> {
        let bytes = number(text, "key size")?;
        match usize::try_from(bytes) {
            Ok(bytes) if bytes <= KEY_BYTES_MAX => self.key_bytes = bytes.max(self.key.len()),
            _ => {
                return Err(
                    format!("has a key size of {bytes}: at most {KEY_BYTES_MAX} bytes").into(),
                );
            }
        }
        Ok(self)
    }
}

/// The bytes of a value, up to the item limit.
pub(super) fn value_bytes(bytes: u64) -> Result<Option<u32>, Why> {
    match u32::try_from(bytes) {
        Ok(small) if small <= VALUE_BYTES_MAX => Ok(Some(small)),
        _ => Err(format!(
            "has a value of {bytes} bytes: over the item limit of {VALUE_BYTES_MAX} bytes (1 MiB)"
        )
        .into()),
    }
}

/// A whole number without sign; `what` names the field.
#[inline]
pub(super) fn number(text: &[u8], what: &'static str) -> Result<u64, Why> {
    // 19 digits always fit.
    if !text.is_empty() && text.len() <= 19 && text.iter().all(u8::is_ascii_digit) {
        let digits = text.iter().map(|digit| u64::from(digit - b'0'));
        return Ok(digits.fold(0, |all, digit| all * 10 + digit));
    }
    Err(not_a_number(text, what))
}

#[cold]
fn not_a_number(text: &[u8], what: &'static str) -> Why {
    format!("has '{}' as {what}: not a whole number", show(text)).into()
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
