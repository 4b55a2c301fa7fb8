//! The second version of Redis's protocol, as a client of `GET`, `MGET`, `SET` and `DEL` has it.
//!
//! Of RESP2 these answers need six kinds of units. They are read here, and not by a crate, because a unit borrows the
//! bytes that came, allocates nothing, and is one of the same [`Unit`]s that memcached's dialects give: the load treats all
//! servers alike, in its hot path.

use super::parts::{LINE_MAX, Next, Storing, Unit, block, garbled, line, number, write_number};

pub(super) fn get<'k>(out: &mut Vec<u8>, keys: impl ExactSizeIterator<Item = &'k [u8]>) {
    let count = keys.len();
    array(out, count + 1);
    bulk(out, if count == 1 { b"GET" } else { b"MGET" });
    for key in keys {
        bulk(out, key);
    }
}

pub(super) fn store(out: &mut Vec<u8>, how: Storing, key: &[u8], value: &[u8]) {
    array(out, if how == Storing::Set { 3 } else { 4 });
    bulk(out, b"SET");
    bulk(out, key);
    bulk(out, value);
    match how {
        Storing::Set => {}
        Storing::Add => bulk(out, b"NX"),
        Storing::Replace => bulk(out, b"XX"),
    }
}

pub(super) fn delete(out: &mut Vec<u8>, key: &[u8]) {
    array(out, 2);
    bulk(out, b"DEL");
    bulk(out, key);
}

fn array(out: &mut Vec<u8>, units: usize) {
    out.push(b'*');
    write_number(out, units);
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'$');
    write_number(out, bytes.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

#[inline]
pub(super) fn next(buffer: &[u8]) -> Next<'_> {
    let Some((&kind, _)) = buffer.split_first() else {
        return Ok(None);
    };
    if !b"$+:-*".contains(&kind) {
        return Err(garbled(buffer));
    }
    let Some((text, used)) = line(buffer) else {
        return if buffer.len() > LINE_MAX {
            Err(garbled(buffer))
        } else {
            Ok(None)
        };
    };
    let rest = &text[1..];
    let unit = match kind {
        b'$' if rest == b"-1" => Unit::Miss,
        b'$' => {
            let length = number(rest).ok_or_else(|| garbled(buffer))?;
            let whole = block(buffer, used, length)?;
            return Ok(whole.map(|(value, used)| (Unit::Value(None, value), used)));
        }
        b'+' => Unit::Done,
        b':' => {
            let (digits, sign) = match rest.strip_prefix(b"-") {
                Some(digits) => (digits, -1),
                None => (rest, 1),
            };
            let count = number(digits).and_then(|count| i64::try_from(count).ok());
            Unit::Count(sign * count.ok_or_else(|| garbled(buffer))?)
        }
        b'*' => Unit::Units(number(rest).ok_or_else(|| garbled(buffer))?),
        _ => Unit::Refused(rest),
    };
    Ok(Some((unit, used)))
}
