//! FNV-1a, in 32 and 64 bits.
//!
//! From the description by Fowler, Noll, Vo and Eastlake, "The FNV Non-Cryptographic Hash Algorithm"
//! (RFC 9923, earlier draft-eastlake-fnv): for each byte, exclusive-or it into the state and multiply
//! by a prime. memcached offers it as `fnv1a_64`, whose lower half it uses, and was long built with it.

use super::{Seed, widen};

/// The state before the first byte, 32 bits.
pub(super) const BASIS_32: u32 = 0x811c_9dc5;
/// The multiplier, 32 bits: 2^24 + 2^8 + 0x93.
const PRIME_32: u32 = 0x0100_0193;
/// The state before the first byte, 64 bits.
pub(super) const BASIS_64: u64 = 0xcbf2_9ce4_8422_2325;
/// The multiplier, 64 bits: 2^40 + 2^8 + 0xb3.
const PRIME_64: u64 = 0x0000_0100_0000_01b3;

/// The 32-bit state after further bytes.
pub(super) fn step_32(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |state, &byte| {
        (state ^ u32::from(byte)).wrapping_mul(PRIME_32)
    })
}

/// The 64-bit state after further bytes.
pub(super) fn step_64(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, &byte| {
        (state ^ u64::from(byte)).wrapping_mul(PRIME_64)
    })
}

/// FNV-1a, 32 bits, widened.
pub(super) fn fnv1a_32(bytes: &[u8], _seed: Seed) -> u64 {
    widen(step_32(BASIS_32, bytes))
}

/// FNV-1a, 64 bits.
pub(super) fn fnv1a_64(bytes: &[u8], _seed: Seed) -> u64 {
    step_64(BASIS_64, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of the FNV reference code (`test_fnv.c`, Noll), also in RFC 9923.
    #[test]
    fn published_vectors() {
        for (key, narrow, wide) in [
            ("", 0x811c_9dc5, 0xcbf2_9ce4_8422_2325),
            ("a", 0xe40c_292c, 0xaf63_dc4c_8601_ec8c),
            ("b", 0xe70c_2de5, 0xaf63_df4c_8601_f1a5),
            ("foobar", 0xbf9c_f968, 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(step_32(BASIS_32, key.as_bytes()), narrow, "{key}");
            assert_eq!(fnv1a_32(key.as_bytes(), [1, 2]), widen(narrow), "{key}");
            assert_eq!(fnv1a_64(key.as_bytes(), [1, 2]), wide, "{key}");
        }
    }
}
