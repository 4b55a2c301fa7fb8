//! djb2: times 33, plus the byte.
//!
//! Daniel J. Bernstein's function as posted to comp.lang.c in 1991; it is in countless programs (the
//! version with exclusive-or in cdb). Here with a state of 32 bits, as it was.

use super::{Seed, widen};

/// The state before the first byte.
pub(super) const START: u32 = 5381;

/// The state after further bytes.
pub(super) fn step(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |state, &byte| {
        state.wrapping_mul(33).wrapping_add(u32::from(byte))
    })
}

/// djb2, widened.
pub(super) fn djb2(bytes: &[u8], _seed: Seed) -> u64 {
    widen(step(START, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start value is the hash of nothing, and the first letters follow from the definition.
    /// "hello" is quoted widely, as 210714636441 where the state has 64 bits; the rest modulo 2^32
    /// is the same, as nothing in the function carries downwards.
    #[test]
    fn published_vectors() {
        assert_eq!(step(START, b""), 5381);
        assert_eq!(step(START, b"a"), 177_670);
        assert_eq!(step(START, b"ab"), 5_863_208);
        assert_eq!(
            u64::from(step(START, b"hello")),
            210_714_636_441 % (1 << 32)
        );
        assert_eq!(djb2(b"a", [1, 2]), widen(177_670));
    }
}
