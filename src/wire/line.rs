//! A command line: where it ends, its tokens, and numbers as the C library reads them.

/// A part of the buffer that is being parsed, by offsets into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes of `buffer` that this span covers.
    #[inline]
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        &buffer[self.start..self.end]
    }

    /// How many bytes.
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The tokens of this part: runs of bytes between spaces.
    pub fn tokens(self, buffer: &[u8]) -> Tokens<'_> {
        Tokens {
            buffer,
            at: self.start,
            end: self.end,
        }
    }
}

/// Iterates over the tokens of a line.
#[derive(Clone, Debug)]
pub struct Tokens<'b> {
    buffer: &'b [u8],
    at: usize,
    end: usize,
}

impl Tokens<'_> {
    /// What is left of the line.
    pub fn rest(&self) -> Span {
        Span {
            start: self.at,
            end: self.end,
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Span;

    #[inline]
    fn next(&mut self) -> Option<Span> {
        let line = &self.buffer[..self.end];
        let mut start = self.at;
        while start < line.len() && line[start] == b' ' {
            start += 1;
        }
        let mut end = start;
        while end < line.len() && line[end] != b' ' {
            end += 1;
        }
        self.at = end;
        (start < end).then_some(Span { start, end })
    }
}

/// C's `isspace` in the C locale.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Sign and magnitude of the number that `text` begins with: white space, a sign, digits, and then
/// the end or white space, behind which anything may come. `None` for anything else and where the
/// magnitude does not fit 64 bits.
fn number(text: &[u8]) -> Option<(bool, u64)> {
    let mut rest = text;
    while let [first, tail @ ..] = rest
        && is_space(*first)
    {
        rest = tail;
    }
    let negative = rest.first() == Some(&b'-');
    if let [b'-' | b'+', tail @ ..] = rest {
        rest = tail;
    }
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let ends = rest.get(digits).is_none_or(|&b| is_space(b) || b == 0);
    if digits == 0 || !ends {
        return None;
    }
    let mut magnitude = 0_u64;
    for digit in &rest[..digits] {
        magnitude = magnitude
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))?;
    }
    Some((negative, magnitude))
}

/// A signed 64-bit number, as `strtol` and the check behind it read one.
pub(super) fn signed(text: &[u8]) -> Option<i64> {
    let (negative, magnitude) = number(text)?;
    if negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// A number that is kept in 32 signed bits: memcached drops the others.
#[expect(clippy::cast_possible_truncation, reason = "the reference truncates")]
pub(super) fn signed_32(text: &[u8]) -> Option<i32> {
    signed(text).map(|number| number as i32)
}

/// An unsigned 64-bit number, as `strtoull` and the check behind it read one: a sign is taken, and
/// what it makes negative is refused (but not what wraps round to a small number).
pub fn unsigned(text: &[u8]) -> Option<u64> {
    let (negative, magnitude) = number(text)?;
    let value = if negative {
        magnitude.wrapping_neg()
    } else {
        magnitude
    };
    (value.cast_signed() >= 0 || !negative).then_some(value)
}

/// A number that is kept in 32 bits: memcached drops the others.
#[expect(clippy::cast_possible_truncation, reason = "the reference truncates")]
pub(super) fn unsigned_32(text: &[u8]) -> Option<u32> {
    unsigned(text).map(|number| number as u32)
}

/// The length of a body; one that does not fit 31 bits with its line end is no length. (memcached
/// takes it modulo 2^32.)
pub(super) fn body_length(text: &[u8]) -> Option<usize> {
    let length = signed(text)?;
    (0..=i64::from(i32::MAX - 2))
        .contains(&length)
        .then(|| usize::try_from(length).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_the_c_library_reads_them() {
        for (text, value) in [
            ("0", Some(0)),
            ("+1", Some(1)),
            ("\t7\rx", Some(7)),
            ("-0", Some(0)),
            ("-1", None),
            ("-18446744073709551615", Some(1)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("", None),
            ("1x", None),
            ("0x1", None),
            ("+", None),
        ] {
            assert_eq!(unsigned(text.as_bytes()), value, "{text}");
        }
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"9223372036854775808"), None);
        assert_eq!(signed_32(b"2147483648"), Some(i32::MIN));
        assert_eq!(unsigned_32(b"4294967296"), Some(0));
    }

    #[test]
    fn tokens_stand_between_spaces() {
        let line = b"  get  a b\tc ";
        let all = Span {
            start: 0,
            end: line.len(),
        };
        let tokens: Vec<&[u8]> = all.tokens(line).map(|t| t.of(line)).collect();
        assert_eq!(tokens, [b"get".as_slice(), b"a", b"b\tc"]);
    }
}
