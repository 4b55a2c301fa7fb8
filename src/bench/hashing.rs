//! The cost of a hash function alone: calls through the same function pointer as in runs, on keys
//! whose lengths the compiler does not see.
//!
//! A few keys of one length lie in one buffer, as in a segment of a stream, and are hashed in turn. No
//! call waits for the one before it, so this measures the throughput of a caller that has more keys to
//! hash. The keys fit the first-level cache: fetching keys is the caller's cost, whatever the function.

use std::hint::black_box;

use xxhash_rust::xxh3::xxh3_64;

use crate::hash::{Hasher, Seed};
use crate::machine::now_ns;

/// Bytes of all keys of a set, about: half of a small first-level cache.
const SET_BYTES: usize = 16 << 10;

/// Keys of one length.
pub struct HashKeys {
    bytes: Vec<u8>,
    spans: Vec<(u32, u32)>,
}

impl HashKeys {
    /// Keys of `length` bytes, at least 4 and at most 256 of them, the same for the same seed. Their
    /// bytes are random: no function here takes longer for some bytes than for others, `identity`
    /// excepted, whose keys end in decimal digits: these do too, all sixteen of them.
    #[must_use]
    pub fn random(length: u32, seed: u64) -> HashKeys {
        let long = length as usize;
        let count = (SET_BYTES / long.max(1)).clamp(4, 256);
        let total = count * long;
        let words = (0..total.div_ceil(8) as u64).map(|n| {
            let place = [seed, u64::from(length), n].map(u64::to_le_bytes);
            xxh3_64(&place.concat()).to_le_bytes()
        });
        let mut bytes: Vec<u8> = words.flatten().collect();
        bytes.truncate(total);
        if long > 0 {
            for key in bytes.chunks_exact_mut(long) {
                let digits = long.saturating_sub(16);
                for byte in &mut key[digits..] {
                    *byte = b'0' + *byte % 10;
                }
            }
        }
        let spans = (0..256_u32)
            .take(count)
            .map(|n| (n * length, length))
            .collect();
        HashKeys { bytes, spans }
    }

    /// Bytes of each key.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.spans[0].1
    }

    /// Hashes the keys over and over and returns how many calls there were, at least `calls`, and the
    /// nanoseconds that they took, the loop included. One turn before the clock starts is not counted:
    /// it brings the keys into the cache.
    pub fn time(&self, hasher: Hasher, calls: u64) -> (u64, u64) {
        let hasher = black_box(hasher);
        black_box(self.turn(hasher));
        let turns = calls.div_ceil(self.spans.len() as u64).max(1);
        let start = now_ns();
        for _ in 0..turns {
            black_box(self.turn(hasher));
        }
        let elapsed_ns = now_ns() - start;
        (turns * self.spans.len() as u64, elapsed_ns)
    }

    #[inline(never)]
    fn turn(&self, hasher: Hasher) -> u64 {
        let mut all = 0;
        for &(at, length) in black_box(self.spans.as_slice()) {
            all ^= hasher.hash(&self.bytes[at as usize..][..length as usize]);
        }
        all
    }
}

/// The function that does nothing: what the loop around it costs.
#[must_use]
pub fn no_hash(_bytes: &[u8], _seed: Seed) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;

    #[test]
    fn keys_have_the_length_and_calls_are_counted() {
        for length in [0, 1, 8, 20, 250, 4096] {
            let keys = HashKeys::random(length, 1);
            assert_eq!(keys.length(), length);
            assert_eq!(keys.bytes.len(), keys.spans.len() * length as usize);
            assert!((4..=256).contains(&keys.spans.len()));
            let hasher = Hasher::new(hash::find("xxh3").unwrap(), [1, 2]);
            let (calls, _) = keys.time(hasher, 1000);
            assert!((1000..1256).contains(&calls), "{calls}");
            assert_eq!(keys.bytes, HashKeys::random(length, 1).bytes);
        }
    }

    #[test]
    fn every_key_is_hashed() {
        let keys = HashKeys::random(20, 7);
        let row = hash::find("fnv1a-64").unwrap();
        let each = keys.bytes.chunks(20).map(|key| (row.function)(key, [0, 0]));
        let all = each.fold(0, |all, hash| all ^ hash);
        assert_eq!(keys.turn(Hasher::new(row, [0, 0])), all);
        assert!(keys.bytes.chunks(20).all(|key| key[4..].is_ascii()));
        assert_eq!(no_hash(b"x", [1, 2]), 0);
    }
}
