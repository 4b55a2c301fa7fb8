//! One line or record of each format, as a request: pure functions from bytes.

use std::borrow::Cow;
use std::ops::Range;

use super::{KEY_BYTES_MAX, REPEATS_MAX, TraceOp};
use crate::workload::size::VALUE_BYTES_MAX;

/// Why a line cannot be used.
pub(super) type Why = Cow<'static, str>;

/// A request as it stands in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Where the key is in the line.
    pub(super) key: Range<usize>,
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
    fn new(op: TraceOp, key: Range<usize>) -> Result<Row, Why> {
        if key.is_empty() {
            return Err("has an empty key".into());
        }
        if key.len() > KEY_BYTES_MAX {
            return Err(super::blocks::TOO_LONG.into());
        }
        Ok(Row {
            key_bytes: key.len(),
            key,
            op,
            value_bytes: None,
            ttl_s: 0,
            time_s: 0,
            repeats: 1,
        })
    }

    /// Sets the size that the key had.
    fn with_key_bytes(mut self, text: &[u8]) -> Result<Row, Why> {
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
fn number(text: &[u8], what: &'static str) -> Result<u64, Why> {
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

/// Text of a file for people: escaped and shortened.
pub(super) fn show(text: &[u8]) -> String {
    let end = text.len().min(40);
    let more = if text.len() > end { "…" } else { "" };
    format!("{}{more}", text[..end].escape_ascii())
}

fn seconds(text: &[u8], what: &'static str) -> Result<u32, Why> {
    Ok(u32::try_from(number(text, what)?).unwrap_or(u32::MAX))
}

/// A line of format `keys`: all of it is the key.
pub(super) fn keys(line: &[u8]) -> Result<Row, Why> {
    if line.is_empty() {
        return Err("is empty: every line of a trace in format keys is a key".into());
    }
    Row::new(TraceOp::Get, 0..line.len())
}

/// The verbs of format `ycsb`.
const YCSB_VERBS: [(&[u8], TraceOp); 4] = [
    (b"READ", TraceOp::Get),
    (b"UPDATE", TraceOp::Set),
    (b"INSERT", TraceOp::Insert),
    (b"READMODIFYWRITE", TraceOp::ReadModifyWrite),
];

/// A line of format `ycsb`: a verb, a blank, the key; what follows after one more blank is left out.
pub(super) fn ycsb(line: &[u8]) -> Result<Row, Why> {
    let verb_end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let verb = &line[..verb_end];
    let Some((_, op)) = YCSB_VERBS.iter().find(|(name, _)| *name == verb) else {
        if verb == b"SCAN" {
            return Err("is a SCAN: a hash table has no scans".into());
        }
        return Err(format!(
            "begins with '{}': not READ, UPDATE, INSERT or READMODIFYWRITE",
            show(verb)
        )
        .into());
    };
    let from = (verb_end + 1).min(line.len());
    let length = memchr::memchr(b' ', &line[from..]).unwrap_or(line.len() - from);
    Row::new(*op, from..from + length)
}

/// A line of format `twitter`: timestamp, key, key size, value size, client id, operation, TTL. The
/// key may have commas: five fields are taken from the end.
pub(super) fn twitter(line: &[u8]) -> Result<Row, Why> {
    const FIELDS: &str = "has too few fields: timestamp, key, key size, value size, client, \
                          operation, TTL";
    let key_from = memchr::memchr(b',', line).ok_or(FIELDS)? + 1;
    let mut fields = [&[][..]; 5];
    let mut end = line.len();
    for field in fields.iter_mut().rev() {
        let comma = memchr::memrchr(b',', &line[..end]).ok_or(FIELDS)?;
        *field = &line[comma + 1..end];
        end = comma;
    }
    if end < key_from {
        return Err(FIELDS.into());
    }
    let [key_bytes, value, _client, op, ttl] = fields;
    let op = twitter_op(op).ok_or_else(|| {
        Why::from(format!(
            "has the operation '{}': not get, gets, set, add, replace, cas, append, prepend, \
             delete, incr or decr",
            show(op)
        ))
    })?;
    let mut row = Row::new(op, key_from..end)?.with_key_bytes(key_bytes)?;
    row.time_s = number(&line[..key_from - 1], "timestamp")?;
    row.value_bytes = value_bytes(number(value, "value size")?)?;
    row.ttl_s = seconds(ttl, "TTL")?;
    Ok(row)
}

fn twitter_op(name: &[u8]) -> Option<TraceOp> {
    Some(match name {
        b"get" => TraceOp::Get,
        b"gets" => TraceOp::Gets,
        b"set" => TraceOp::Set,
        b"add" => TraceOp::Add,
        b"replace" => TraceOp::Replace,
        b"cas" => TraceOp::Cas,
        b"append" => TraceOp::Append,
        b"prepend" => TraceOp::Prepend,
        b"delete" => TraceOp::Delete,
        b"incr" => TraceOp::Incr,
        b"decr" => TraceOp::Decr,
        _ => return None,
    })
}

/// Columns that a header of format `cachelib` may have; more are left out.
const COLUMNS_MAX: usize = 64;

/// Where the columns of a `cachelib` trace are, from its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    count: usize,
    key: usize,
    op: usize,
    size: usize,
    key_size: Option<usize>,
    op_count: Option<usize>,
    ttl: Option<usize>,
    op_time: Option<usize>,
}

/// A line of a `cachelib` trace: a request, or an operation that is none of a table's.
pub(super) enum Cachelib {
    Row(Row),
    Other { op: Range<usize>, repeats: u32 },
}

impl Columns {
    /// Finds the columns by name.
    pub(super) fn find(header: &[u8]) -> Result<Columns, Why> {
        let names: Vec<&[u8]> = header
            .split(|byte| *byte == b',')
            .take(COLUMNS_MAX + 1)
            .map(<[u8]>::trim_ascii)
            .collect();
        if names.len() > COLUMNS_MAX {
            return Err(format!("is a header of more than {COLUMNS_MAX} columns").into());
        }
        let find = |name: &str| -> Result<Option<usize>, Why> {
            let mut places = (0..names.len()).filter(|at| names[*at] == name.as_bytes());
            let place = places.next();
            match places.next() {
                Some(_) => Err(format!("is a header with two columns '{name}'").into()),
                None => Ok(place),
            }
        };
        let need = |name: &str| {
            find(name)?.ok_or_else(|| {
                Why::from(format!(
                    "is no header of a cachelib trace: no column '{name}' among '{}'",
                    show(header)
                ))
            })
        };
        Ok(Columns {
            count: names.len(),
            key: need("key")?,
            op: need("op")?,
            size: need("size")?,
            key_size: find("key_size")?,
            op_count: find("op_count")?,
            ttl: find("ttl")?,
            op_time: find("op_time")?,
        })
    }

    /// The request of a line.
    pub(super) fn row(&self, line: &[u8]) -> Result<Cachelib, Why> {
        let mut fields = [(0, 0); COLUMNS_MAX];
        let (mut count, mut from) = (0, 0);
        for comma in memchr::memchr_iter(b',', line).chain([line.len()]) {
            if let Some(field) = fields.get_mut(count) {
                *field = (from, comma);
            }
            count += 1;
            from = comma + 1;
        }
        if count != self.count {
            return Err(format!("has {count} columns, its header {}", self.count).into());
        }
        let field = |column: usize| fields[column].0..fields[column].1;
        // An optional column that is absent or empty says nothing.
        let given = |column: Option<usize>| {
            let text = &line[field(column?)];
            (!text.is_empty()).then_some(text)
        };
        let repeats = match given(self.op_count) {
            None => 1,
            Some(text) => u32::try_from(number(text, "op_count")?)
                .ok()
                .filter(|count| (1..=REPEATS_MAX).contains(count))
                .ok_or_else(|| {
                    let text = show(text);
                    Why::from(format!("has op_count {text}: not 1 to {REPEATS_MAX}"))
                })?,
        };
        let op = match &line[field(self.op)] {
            b"GET" => TraceOp::Get,
            b"GET_LEASE" => TraceOp::GetLease,
            b"SET" => TraceOp::Set,
            b"SET_LEASE" => TraceOp::SetLease,
            b"DELETE" => TraceOp::Delete,
            b"" => return Err("has an empty op".into()),
            _ => {
                let op = field(self.op);
                return Ok(Cachelib::Other { op, repeats });
            }
        };
        let mut row = Row::new(op, field(self.key))?;
        if let Some(text) = given(self.key_size) {
            row = row.with_key_bytes(text)?;
        }
        row.value_bytes = value_bytes(number(&line[field(self.size)], "size")?)?;
        if let Some(text) = given(self.ttl) {
            row.ttl_s = seconds(text, "ttl")?;
        }
        if let Some(text) = given(self.op_time) {
            row.time_s = number(text, "op_time")?;
        }
        row.repeats = repeats;
        Ok(Cachelib::Row(row))
    }
}

/// Bytes of a record of format `oracle-general`.
pub(super) const ORACLE_BYTES: usize = 24;

/// A record of format `oracle-general`: time, object id, size.
#[inline]
pub(super) fn oracle(record: &[u8; ORACLE_BYTES]) -> (u32, u64, u32) {
    let four = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|n| record[at + n]));
    let id = u64::from(four(4)) | u64::from(four(8)) << 32;
    (four(0), id, four(12))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: Range<usize>, op: TraceOp) -> Row {
        Row::new(op, key).unwrap()
    }

    #[test]
    fn twitter_lines_are_read_from_both_ends() {
        let line = b"12,a,b,10,300,7,cas,60";
        let found = twitter(line).unwrap();
        assert_eq!(&line[found.key.clone()], b"a,b");
        assert_eq!((found.key_bytes, found.value_bytes), (10, Some(300)));
        assert_eq!(
            (found.op, found.ttl_s, found.time_s),
            (TraceOp::Cas, 60, 12)
        );
        // A key longer than its size stays as it is.
        assert_eq!(twitter(b"0,abc,1,0,0,get,0").unwrap().key_bytes, 3);
    }

    #[test]
    fn ycsb_lines_have_a_verb_and_a_key() {
        assert_eq!(ycsb(b"READ k1").unwrap(), row(5..7, TraceOp::Get));
        assert_eq!(ycsb(b"INSERT k f=1").unwrap(), row(7..8, TraceOp::Insert));
        let rmw = row(16..17, TraceOp::ReadModifyWrite);
        assert_eq!(ycsb(b"READMODIFYWRITE k").unwrap(), rmw);
    }

    #[test]
    fn broken_lines_say_what_is_wrong() {
        for (why, words) in [
            (keys(b""), "is empty"),
            (ycsb(b"READ"), "empty key"),
            (ycsb(b"READ "), "empty key"),
            (ycsb(b"SCAN k 5"), "no scans"),
            (ycsb(b"DROP k"), "begins with 'DROP'"),
            (twitter(b"1,k,1,5,0,get"), "too few fields"),
            (twitter(b"1"), "too few fields"),
            (twitter(b"1,,1,5,0,get,0"), "empty key"),
            (twitter(b"1,k,x,5,0,get,0"), "'x' as key size"),
            (twitter(b"1,k,70000,5,0,get,0"), "at most 65535"),
            (twitter(b"1,k,1,1048577,0,get,0"), "1 MiB"),
            (twitter(b"1,k,1,5,0,touch,0"), "operation 'touch'"),
            (twitter(b"-1,k,1,5,0,get,0"), "'-1' as timestamp"),
            (twitter(b"1,k,1,5,0,get,"), "'' as TTL"),
            (
                twitter(b"1,k,1,99999999999999999999,0,get,0"),
                "value size: not a whole",
            ),
        ] {
            let text = why.unwrap_err();
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn columns_are_found_by_name() {
        let columns = Columns::find(b"size,op,extra,key").unwrap();
        let line = b"17,SET,zzz,abc";
        let Ok(Cachelib::Row(found)) = columns.row(line) else {
            panic!("not a row");
        };
        assert_eq!(&line[found.key], b"abc");
        assert_eq!((found.value_bytes, found.repeats), (Some(17), 1));
        for (header, words) in [
            (&b"key,op"[..], "no column 'size'"),
            (b"key,op,size,op", "two columns 'op'"),
            (b"", "no column 'key'"),
            (&b",".repeat(70), "more than 64"),
        ] {
            let text = Columns::find(header).unwrap_err();
            assert!(text.contains(words), "{text}");
        }
        let columns = Columns::find(b"key,op,size,op_count").unwrap();
        for (line, words) in [
            (&b"k,GET,5"[..], "3 columns, its header 4"),
            (b"k,GET,5,0", "op_count 0"),
            (b"k,GET,5,4294967296", "op_count 4294967296"),
            (b"k,GET,,1", "'' as size"),
            (b"k,,5,1", "empty op"),
        ] {
            let text = columns.row(line).err().unwrap();
            assert!(text.contains(words), "{text}");
        }
        let Ok(Cachelib::Other { op, repeats }) = columns.row(b"k,TOUCH,5,3") else {
            panic!("not another");
        };
        assert_eq!((op, repeats), (2..7, 3));
    }
}
