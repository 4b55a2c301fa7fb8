//! memcached's text commands, as a client has them.

use super::parts::{
    LINE_MAX, Next, Storing, Unit, block, garbled, is_refusal, line, number, write_number,
};

pub(super) fn get<'k>(out: &mut Vec<u8>, keys: impl Iterator<Item = &'k [u8]>) {
    out.extend_from_slice(b"get");
    for key in keys {
        out.push(b' ');
        out.extend_from_slice(key);
    }
    out.extend_from_slice(b"\r\n");
}

pub(super) fn store(out: &mut Vec<u8>, how: Storing, key: &[u8], value: &[u8]) {
    out.extend_from_slice(match how {
        Storing::Set => b"set ",
        Storing::Add => b"add ",
        Storing::Replace => b"replace ",
    });
    out.extend_from_slice(key);
    out.extend_from_slice(b" 0 0 ");
    write_number(out, value.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn delete(out: &mut Vec<u8>, key: &[u8]) {
    out.extend_from_slice(b"delete ");
    out.extend_from_slice(key);
    out.extend_from_slice(b"\r\n");
}

#[inline]
pub(super) fn next(buffer: &[u8]) -> Next<'_> {
    let Some((text, used)) = line(buffer) else {
        return if buffer.len() > LINE_MAX {
            Err(garbled(buffer))
        } else {
            Ok(None)
        };
    };
    if let Some(rest) = text.strip_prefix(b"VALUE ") {
        return value(buffer, rest, used);
    }
    let unit = match text {
        b"END" => Unit::End,
        b"STORED" | b"DELETED" | b"TOUCHED" | b"OK" => Unit::Done,
        b"NOT_STORED" | b"NOT_FOUND" | b"EXISTS" => Unit::NotDone,
        refused if is_refusal(refused) => Unit::Refused(refused),
        _ => return Err(garbled(buffer)),
    };
    Ok(Some((unit, used)))
}

/// `KEY FLAGS BYTES[ CAS]`, and the block that follows.
fn value<'b>(buffer: &'b [u8], rest: &'b [u8], used: usize) -> Next<'b> {
    let mut words = rest.split(|&byte| byte == b' ');
    let (key, _flags, length) = (words.next(), words.next(), words.next());
    let (Some(key), Some(length)) = (key, length.and_then(number)) else {
        return Err(garbled(buffer));
    };
    let whole = block(buffer, used, length)?;
    Ok(whole.map(|(value, used)| (Unit::Value(Some(key), value), used)))
}
