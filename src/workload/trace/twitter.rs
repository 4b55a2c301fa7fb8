//! Format `twitter`: the CSV of Yang, Yue and Rashmi, "A large scale analysis of hundreds of in-memory
//! cache clusters at Twitter" (OSDI 2020).

use super::layout::{Cut, Format, Holds, Line, Reading, Row, Time, Why, number, seconds, show};
use super::op::TraceOp;

const OPERATIONS: &str = "get, gets, set, add, replace, cas, append, prepend, delete, incr or decr";

pub(super) const FORMAT: Format = Format {
    name: "twitter",
    about: "CSV: timestamp, key, key size, value size, client, operation, TTL; plain, .gz or \
            .zst",
    source: "Twitter's cache traces (Yang et al., OSDI 2020)",
    operations: OPERATIONS,
    cut: Cut::Lines,
    by_time: false,
    open: |options| {
        let line = |line: &[u8]| row(line).map(Line::Request);
        Reading::plain("twitter", options, HOLDS, Box::new(line))
    },
    // One sound line is enough: a broken one is reported when it is read, with its number.
    looks_like: |lines| lines.iter().any(|line| row(line).is_ok()),
};

const HOLDS: Holds = Holds {
    writes: true,
    fills: false,
    sizes: true,
    times: true,
};

/// A line: timestamp, key, key size, value size, client id, operation, TTL. The
/// key may have commas: five fields are taken from the end.
fn row(line: &[u8]) -> Result<Row, Why> {
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
    let op = op_of(op).ok_or_else(|| {
        Why::from(format!(
            "has the operation '{}': not {OPERATIONS}",
            show(op)
        ))
    })?;
    let mut row = Row::new(op, key_from..end)?.with_key_bytes(key_bytes)?;
    row.time = Time::of_s(number(&line[..key_from - 1], "timestamp")?);
    row.value_bytes = Some(number(value, "value size")?);
    row.ttl_s = seconds(ttl, "TTL")?;
    Ok(row)
}

fn op_of(name: &[u8]) -> Option<TraceOp> {
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

#[cfg(test)]
mod tests {
    use super::super::layout::Key;
    use super::*;

    #[test]
    fn lines_are_read_from_both_ends() {
        let line = b"12,a,b,10,300,7,cas,60";
        let found = row(line).unwrap();
        assert_eq!(found.key, Key::At(3..6));
        assert_eq!((found.key_bytes, found.value_bytes), (10, Some(300)));
        assert_eq!(
            (found.op, found.ttl_s, found.time),
            (TraceOp::Cas, 60, Time::of_s(12))
        );
        // A key longer than its size stays as it is.
        assert_eq!(row(b"0,abc,1,0,0,get,0").unwrap().key_bytes, 3);
    }

    #[test]
    fn broken_lines_say_what_is_wrong() {
        for (line, words) in [
            (&b"1,k,1,5,0,get"[..], "too few fields"),
            (b"1", "too few fields"),
            (b"1,,1,5,0,get,0", "empty key"),
            (b"1,k,x,5,0,get,0", "'x' as key size"),
            (b"1,k,70000,5,0,get,0", "at most 65535"),
            (b"1,k,1,5,0,touch,0", "operation 'touch'"),
            (b"1,k,1,5,0,GET,0", "operation 'GET': not get, gets, set"),
            (b"-1,k,1,5,0,get,0", "'-1' as timestamp"),
            (b"1,k,1,5,0,get,", "'' as TTL"),
            (
                b"1,k,1,99999999999999999999,0,get,0",
                "value size: not a whole",
            ),
        ] {
            let text = row(line).unwrap_err();
            assert!(text.contains(words), "{text}");
        }
    }
}
