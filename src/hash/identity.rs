//! The hash that is no hash: shows what a table does when the hash function is bad.

use super::Seed;

/// The number that the key ends with, modulo 2^64; a key without trailing decimal digits gives its
/// last eight bytes, little-endian, zero-padded.
pub(super) fn identity(bytes: &[u8], _seed: Seed) -> u64 {
    let digits = bytes
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 {
        let mut word = [0; 8];
        let tail = &bytes[bytes.len().saturating_sub(8)..];
        word[..tail.len()].copy_from_slice(tail);
        return u64::from_le_bytes(word);
    }
    bytes[bytes.len() - digits..].iter().fold(0u64, |n, digit| {
        n.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_digits_else_the_tail() {
        assert_eq!(identity(b"user0042", [0, 0]), 42);
        assert_eq!(identity(b"7", [9, 9]), 7);
        assert_eq!(
            identity(b"ab", [0, 0]),
            u64::from(b'a') + 256 * u64::from(b'b')
        );
        assert_eq!(identity(b"", [0, 0]), 0);
        assert_eq!(
            identity(b"xabcdefgh", [0, 0]),
            u64::from_le_bytes(*b"abcdefgh")
        );
        // 20 digits wrap around instead of panicking.
        assert_eq!(identity(b"18446744073709551617", [0, 0]), 1);
    }
}
