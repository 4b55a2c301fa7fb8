//! memcached's meta commands, as a client has them.

use super::parts::{
    LINE_MAX, Next, Storing, Unit, block, garbled, is_refusal, line, number, write_number,
};

/// One request a key: they are pipelined, and each is answered.
pub(super) fn get<'k>(out: &mut Vec<u8>, keys: impl Iterator<Item = &'k [u8]>) {
    for key in keys {
        out.extend_from_slice(b"mg ");
        out.extend_from_slice(key);
        out.extend_from_slice(b" v\r\n");
    }
}

pub(super) fn store(out: &mut Vec<u8>, how: Storing, key: &[u8], value: &[u8]) {
    out.extend_from_slice(b"ms ");
    out.extend_from_slice(key);
    out.push(b' ');
    write_number(out, value.len());
    out.extend_from_slice(match how {
        Storing::Set => b"\r\n",
        Storing::Add => b" ME\r\n",
        Storing::Replace => b" MR\r\n",
    });
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

pub(super) fn delete(out: &mut Vec<u8>, key: &[u8]) {
    out.extend_from_slice(b"md ");
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
    // Flags may follow the code of each answer.
    let mut words = text.split(|&byte| byte == b' ');
    let unit = match words.next() {
        Some(b"VA") => {
            let Some(length) = words.next().and_then(number) else {
                return Err(garbled(buffer));
            };
            let whole = block(buffer, used, length)?;
            return Ok(whole.map(|(value, used)| (Unit::Value(None, value), used)));
        }
        Some(b"EN") => Unit::Miss,
        Some(b"HD") => Unit::Done,
        Some(b"NS" | b"NF" | b"EX") => Unit::NotDone,
        _ if is_refusal(text) => Unit::Refused(text),
        _ => return Err(garbled(buffer)),
    };
    Ok(Some((unit, used)))
}
