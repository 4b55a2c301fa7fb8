//! Jenkins's lookup3, `hashlittle`.
//!
//! From Bob Jenkins's description ("Hash functions for hash table lookup", 2006): three 32-bit words of
//! state take up twelve bytes at a time, and are mixed reversibly by additions, subtractions and
//! rotations. memcached's first default (`jenkins_hash`, with initial value 0).

use super::widen::low_half;
use super::{Seed, widen};

/// lookup3 under the lower half of the seed's first word, widened.
pub(super) fn lookup3(bytes: &[u8], seed: Seed) -> u64 {
    widen(hash(bytes, low_half(seed[0])))
}

/// lookup3 with an initial value.
fn hash(bytes: &[u8], initial: u32) -> u32 {
    // Keys of 4 GiB and more lose the upper half of their length, as in the original.
    let length = low_half(bytes.len() as u64);
    let start = 0xdead_beefu32.wrapping_add(length).wrapping_add(initial);
    let mut state = [start; 3];
    let mut rest = bytes;
    // The last twelve bytes, or what there is of them, are mixed more thoroughly.
    while rest.len() > 12 {
        let (block, more) = rest.split_at(12);
        absorb(&mut state, block);
        mix(&mut state);
        rest = more;
    }
    // Without any bytes left there is nothing to finish: the empty key alone comes to this.
    if !rest.is_empty() {
        absorb(&mut state, rest);
        finish(&mut state);
    }
    state[2]
}

/// Adds up to twelve bytes, little-endian, missing ones zero.
fn absorb(state: &mut [u32; 3], bytes: &[u8]) {
    let mut block = [0; 12];
    block[..bytes.len()].copy_from_slice(bytes);
    let (words, _) = block.as_chunks::<4>();
    for (state, word) in state.iter_mut().zip(words) {
        *state = state.wrapping_add(u32::from_le_bytes(*word));
    }
}

/// The reversible mixing between blocks: each step takes one word from another, rotates a third in,
/// and adds; the words change places in a circle.
fn mix(state: &mut [u32; 3]) {
    let [a, b, c] = state;
    let step = |x: &mut u32, y: &mut u32, z: &mut u32, rotation| {
        *x = x.wrapping_sub(*z) ^ z.rotate_left(rotation);
        *z = z.wrapping_add(*y);
    };
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
}

/// The final mixing.
fn finish(state: &mut [u32; 3]) {
    let [a, b, c] = state;
    let step = |x: &mut u32, y: u32, rotation| *x = (*x ^ y).wrapping_sub(y.rotate_left(rotation));
    step(c, *b, 14);
    step(a, *c, 11);
    step(b, *a, 25);
    step(c, *b, 16);
    step(a, *c, 4);
    step(b, *a, 14);
    step(c, *b, 24);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the self-test in Jenkins's `lookup3.c` (`driver5`). That the empty key is the start value
    /// is in the code's comments.
    #[test]
    fn published_vectors() {
        let key = b"Four score and seven years ago";
        assert_eq!(hash(key, 0), 0x1777_0551);
        assert_eq!(hash(key, 1), 0xcd62_8161);
        assert_eq!(hash(b"", 0), 0xdead_beef);
        assert_eq!(hash(b"", 0xdead_beef), 0xbd5b_7dde);
        assert_eq!(lookup3(key, [1, 5]), widen(0xcd62_8161));
    }

    /// Every length from empty to beyond two blocks, and each byte of it, matters.
    #[test]
    fn every_byte_of_every_length_counts() {
        let mut seen = std::collections::HashSet::new();
        for length in 0..=30 {
            assert!(seen.insert(hash(&vec![0; length], 0)));
            for at in 0..length {
                let mut key = vec![0; length];
                key[at] = 1;
                assert!(seen.insert(hash(&key, 0)), "{length} {at}");
            }
        }
    }
}
