//! Floor 1: hash functions as parameters of a run.
//!
//! A hash function is one row of [`HASHES`]: the caller of a table hashes each key once, through
//! the plain function pointer in a [`Hasher`], and hands the table a [`Key`](crate::base::Key).

mod identity;

use crate::base::{BadInput, unknown_name};

/// The seed of a keyed hash: 128 bits.
pub type Seed = [u64; 2];

/// One hash function.
#[derive(Debug)]
pub struct HashRow {
    /// Its name, as `--hash` takes it.
    pub name: &'static str,
    /// One sentence for `list`.
    pub about: &'static str,
    /// Bits of the function's own output; fewer than 64 are widened by one multiply.
    pub bits: u32,
    /// Whether the seed enters the hash at all.
    pub keyed: bool,
    /// Whether someone who chooses keys but does not know the seed is kept from making them
    /// collide on purpose.
    pub flood_resistant: bool,
    /// Hashes `bytes` under a seed.
    pub function: fn(&[u8], Seed) -> u64,
}

/// Every hash function, the default first.
pub static HASHES: &[HashRow] = &[
    HashRow {
        name: "sip13",
        about: "SipHash-1-3, keyed: safe against chosen keys; the default",
        bits: 64,
        keyed: true,
        flood_resistant: true,
        function: sip13,
    },
    HashRow {
        name: "xxh3",
        about: "XXH3-64, seeded: among the fastest; not meant to stop an attacker",
        bits: 64,
        keyed: true,
        flood_resistant: false,
        function: xxh3,
    },
    HashRow {
        name: "identity",
        about: "the trailing decimal digits, else the last eight bytes: deliberately bad",
        bits: 64,
        keyed: false,
        flood_resistant: false,
        function: identity::identity,
    },
];

/// Finds a hash function by name.
///
/// # Errors
/// An unknown name, answered with the nearest valid one.
pub fn find(name: &str) -> Result<&'static HashRow, BadInput> {
    HASHES
        .iter()
        .find(|row| row.name == name)
        .ok_or_else(|| unknown_name("hash", name, HASHES.iter().map(|row| row.name)))
}

/// A hash function with its seed: what callers and growing tables hash keys with.
#[derive(Clone, Copy, Debug)]
pub struct Hasher {
    function: fn(&[u8], Seed) -> u64,
    seed: Seed,
}

impl Hasher {
    /// The function of `row` under `seed`.
    #[must_use]
    pub fn new(row: &HashRow, seed: Seed) -> Hasher {
        Hasher {
            function: row.function,
            seed,
        }
    }

    /// Hashes a key.
    #[inline]
    #[must_use]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        (self.function)(bytes, self.seed)
    }
}

/// SipHash-1-3 (Aumasson and Bernstein 2012, with one compression and three finalization rounds).
fn sip13(bytes: &[u8], seed: Seed) -> u64 {
    siphasher::sip::SipHasher13::new_with_keys(seed[0], seed[1]).hash(bytes)
}

/// XXH3-64 (Collet), seeded with the seed's first half.
fn xxh3(bytes: &[u8], seed: Seed) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(bytes, seed[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = find("xxh33").unwrap_err().to_string();
        assert!(
            error.contains("'xxh33'") && error.contains("did you mean 'xxh3'"),
            "{error}"
        );
    }

    #[test]
    fn keyed_hashes_depend_on_the_seed_and_others_do_not() {
        for row in HASHES {
            let differs = (row.function)(b"user1", [1, 2]) != (row.function)(b"user1", [3, 4]);
            assert_eq!(differs, row.keyed, "{}", row.name);
        }
    }

    /// Reference values: SipHash-1-3 of the empty string under the key 00 01 … 0f as in the
    /// `siphash` reference vectors; XXH3-64 of the empty string with seed 0 from the xxHash
    /// specification's sanity checks.
    #[test]
    fn published_vectors() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(sip13(b"", key), 0xabac_0158_050f_c4dc);
        assert_eq!(xxh3(b"", [0, 0]), 0x2d06_8005_38d3_94c2);
    }
}
