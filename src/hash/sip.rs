//! `SipHash` with few rounds.
//!
//! From Aumasson and Bernstein, "`SipHash`: a fast short-input PRF" (2012): four words of state, keyed,
//! take up eight bytes at a time with `C` rounds each, and are finished with `D`. SipHash-1-2, which
//! Redis uses for its dictionaries (`siphash.c`, since version 4), is in no crate; 1-3 and 2-4, which
//! are, serve to check this.

use super::Seed;

/// SipHash-1-2 under the seed as its key.
pub(super) fn sip12(bytes: &[u8], seed: Seed) -> u64 {
    sip::<1, 2>(bytes, seed)
}

fn sip<const C: u32, const D: u32>(bytes: &[u8], [k0, k1]: Seed) -> u64 {
    // "somepseudorandomlygeneratedbytes", in ASCII.
    let mut state = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        absorb::<C>(&mut state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..tail.len()].copy_from_slice(tail);
    [last[7], ..] = bytes.len().to_le_bytes();
    absorb::<C>(&mut state, u64::from_le_bytes(last));
    state[2] ^= 0xff;
    for _ in 0..D {
        round(&mut state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

#[inline]
fn absorb<const C: u32>(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    for _ in 0..C {
        round(state);
    }
    state[0] ^= word;
}

/// `SipRound`: two half rounds on two pairs of words each.
#[inline]
fn round([v0, v1, v2, v3]: &mut [u64; 4]) {
    let half = |a: &mut u64, b: &mut u64, rotation| {
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(rotation) ^ *a;
    };
    half(v0, v1, 13);
    half(v2, v3, 16);
    *v0 = v0.rotate_left(32);
    half(v2, v1, 17);
    half(v0, v3, 21);
    *v2 = v2.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use siphasher::sip::{SipHasher13, SipHasher24};

    /// The paper's example (appendix A): SipHash-2-4 of 00 … 0e under the key 00 … 0f.
    #[test]
    fn the_papers_example() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        let bytes: Vec<u8> = (0..15).collect();
        assert_eq!(sip::<2, 4>(&bytes, key), 0xa129_ca61_49be_45e5);
    }

    /// For 1-2 there is one published value: the example of the `siphash-lite` package, which wraps
    /// Redis's own code.
    #[test]
    fn redis() {
        let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let key = [word(b"12345678"), word(b"12345678")];
        assert_eq!(sip12(b"hello world", key), 9_929_133_401_751_744_512);
    }

    #[test]
    fn other_round_counts_agree_with_the_crate() {
        let bytes: Vec<u8> = (0..100).collect();
        for length in 0..bytes.len() {
            let bytes = &bytes[..length];
            let (k0, k1) = (length as u64, 17);
            let (expected, got) = (
                SipHasher13::new_with_keys(k0, k1).hash(bytes),
                sip::<1, 3>(bytes, [k0, k1]),
            );
            assert_eq!(got, expected, "{length}");
            let (expected, got) = (
                SipHasher24::new_with_keys(k0, k1).hash(bytes),
                sip::<2, 4>(bytes, [k0, k1]),
            );
            assert_eq!(got, expected, "{length}");
        }
    }
}
