//! Base64 as the meta protocol's binary keys use it (RFC 4648, padded; bytes outside the alphabet
//! are passed over when decoding, as memcached does).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the encoding of `bytes`.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let index = (bits >> shift) & 63;
            let padded = at > group.len();
            out.push(if padded {
                b'='
            } else {
                ALPHABET[index as usize]
            });
        }
    }
}

/// The bytes that `text` encodes; `None` if it is empty, not a whole number of groups of four, or
/// padded by more than two.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let signs: Vec<u8> = text.iter().copied().filter(|&b| is_sign(b)).collect();
    if signs.is_empty() || !signs.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(signs.len() / 4 * 3);
    for group in signs.chunks(4) {
        let bits = group.iter().fold(0, |bits, &b| bits << 6 | value(b));
        let pads = usize::from(group[0] == b'=')
            + usize::from(group[1] == b'=')
            + usize::from(group[2] == b'=')
            + usize::from(group[3] == b'=');
        if pads > 2 {
            return None;
        }
        let bytes = bits.to_be_bytes();
        out.extend_from_slice(&bytes[1..4 - pads]);
        if pads > 0 {
            break;
        }
    }
    Some(out)
}

fn is_sign(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn value(byte: u8) -> u32 {
    u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_rfc() {
        for (plain, coded) in [
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            encode(plain.as_bytes(), &mut out);
            assert_eq!(out, coded.as_bytes());
            assert_eq!(decode(coded.as_bytes()).unwrap(), plain.as_bytes());
        }
    }

    #[test]
    fn what_does_not_decode() {
        for text in ["", "a", "YQ", "YQ=", "Y===", "====", "*"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decode(b"Z*g==").unwrap(), b"f");
    }
}
