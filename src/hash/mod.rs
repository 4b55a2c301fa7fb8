//! Floor 1: hash functions as parameters of a run.
//!
//! A hash function is one row of [`HASHES`]: the caller of a table hashes each key once, through
//! the plain function pointer in a [`Hasher`], and hands the table a [`Key`](crate::base::Key).
//!
//! - `rows.rs` has the rows; the functions that this crate implements itself, from their
//!   published descriptions, have a file each; the others come from crates.
//! - [`quality`] measures how good a function is, and [`quality::flood`] finds keys that collide.

pub mod quality;

mod djb2;
mod fnv;
mod identity;
mod lookup3;
mod murmur3;
mod row;
mod rows;
mod sip;
#[cfg(test)]
mod vectors;
mod widen;

pub use row::{HashRow, Seed};
pub use rows::HASHES;
pub use widen::widen;

use crate::base::{BadInput, unknown_name};

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
            assert!(row.keyed || !row.flood_resistant, "{}", row.name);
        }
    }

    #[test]
    fn names_are_unique_and_the_default_is_first() {
        assert_eq!(HASHES[0].name, "sip13");
        for (index, row) in HASHES.iter().enumerate() {
            assert!(
                HASHES[..index].iter().all(|other| other.name != row.name),
                "{}",
                row.name
            );
            assert!(
                !row.about.is_empty() && !row.source.is_empty(),
                "{}",
                row.name
            );
            assert!(matches!(row.bits, 32 | 64), "{}", row.name);
        }
        let looks: std::collections::BTreeSet<u32> = HASHES.iter().map(|row| row.look).collect();
        assert_eq!(
            looks.len(),
            HASHES.len(),
            "each function has a look of its own"
        );
    }

    /// A 32-bit function widened by a bijection has no more than 2^32 outputs, and its low half
    /// decides the high one.
    #[test]
    fn narrow_hashes_are_widened_by_the_documented_multiply() {
        for row in HASHES.iter().filter(|row| row.bits == 32) {
            for key in [&b""[..], b"a", b"user0000000000000001"] {
                let hash = (row.function)(key, [5, 6]);
                assert_eq!(hash, widen(widen::narrow(hash)), "{}", row.name);
            }
        }
    }
}
