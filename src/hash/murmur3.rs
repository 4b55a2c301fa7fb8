//! `MurmurHash3`, the variant for 32-bit machines with 32 bits of output.
//!
//! From Austin Appleby's description (`MurmurHash3_x86_32`, 2011): blocks of four bytes are scrambled
//! and mixed into a 32-bit state, the rest is scrambled and exclusive-ored, and a finalizer mixes the
//! state with the length. memcached's default for many years (with seed 0).
//!
//! The seed is only the first state, and the mixing of a block does not depend on it in any way that
//! helps: [`flood`](super::quality::flood) makes keys that collide under every seed.

use super::widen::low_half;
use super::{Seed, widen};

/// Multiplied with a block, before and after its rotation.
const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// Murmur3 with 32 bits, under the lower half of the seed's first word; widened.
pub(super) fn murmur3_32(bytes: &[u8], seed: Seed) -> u64 {
    widen(hash(bytes, low_half(seed[0])))
}

/// Murmur3 with 32 bits.
pub(super) fn hash(bytes: &[u8], seed: u32) -> u32 {
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut state = blocks
        .iter()
        .fold(seed, |state, block| mix(state, u32::from_le_bytes(*block)));
    if !tail.is_empty() {
        let mut block = [0; 4];
        block[..tail.len()].copy_from_slice(tail);
        state ^= scramble(u32::from_le_bytes(block));
    }
    // Keys of 4 GiB and more lose the upper half of their length, as in the original.
    finish(state ^ low_half(bytes.len() as u64))
}

/// What a block becomes before it meets the state: a bijection.
fn scramble(block: u32) -> u32 {
    block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2)
}

/// The block that [`scramble`] turns into `scrambled`.
pub(super) fn unscramble(scrambled: u32) -> u32 {
    const INVERSE_C1: u32 = super::widen::inverse(C1);
    const INVERSE_C2: u32 = super::widen::inverse(C2);
    scrambled
        .wrapping_mul(INVERSE_C2)
        .rotate_right(15)
        .wrapping_mul(INVERSE_C1)
}

/// The state after a block.
fn mix(state: u32, block: u32) -> u32 {
    (state ^ scramble(block))
        .rotate_left(13)
        .wrapping_mul(5)
        .wrapping_add(0xe654_6b64)
}

/// The finalizer, `fmix32`.
fn finish(mut state: u32) -> u32 {
    state ^= state >> 16;
    state = state.wrapping_mul(0x85eb_ca6b);
    state ^= state >> 13;
    state = state.wrapping_mul(0xc2b2_ae35);
    state ^ (state >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::vectors;

    /// Vectors collected from the reference code by Ian Boyd ("`MurmurHash3` test vectors", Stack
    /// Overflow 14747343), and the verification code of Appleby's own `SMHasher`.
    #[test]
    fn published_vectors() {
        for (key, seed, expected) in [
            (&b""[..], 0, 0),
            (b"", 1, 0x514e_28b7),
            (b"", 0xffff_ffff, 0x81f1_6f39),
            (b"\xff\xff\xff\xff", 0, 0x7629_3b50),
            (b"\x21\x43\x65\x87", 0, 0xf55b_516b),
            (b"\x21\x43\x65\x87", 0x5082_edee, 0x2362_f9de),
            (b"\x21\x43\x65", 0, 0x7e4a_8634),
            (b"\x21\x43", 0, 0xa0f7_b07a),
            (b"\x21", 0, 0x7266_1cf4),
            (b"aaaa", 0x9747_b28c, 0x5a97_808a),
            (b"aaa", 0x9747_b28c, 0x283e_0130),
            (b"Hello, world!", 0x9747_b28c, 0x2488_4cba),
        ] {
            assert_eq!(hash(key, seed), expected, "{key:?} {seed:x}");
            assert_eq!(
                murmur3_32(key, [u64::from(seed) | 7 << 32, 9]),
                widen(expected)
            );
        }
        let code = vectors::smhasher(|key, seed| hash(key, seed).to_le_bytes());
        assert_eq!(code, 0xb0f5_7ee3);
    }

    #[test]
    fn scrambling_is_undone() {
        for block in [0, 1, 0xdead_beef, u32::MAX] {
            assert_eq!(unscramble(scramble(block)), block);
        }
    }
}
