//! How good a hash function is for a table, in figures. Pure functions of their arguments, no I/O.
//!
//! - [`spread`]: how evenly keys fall into buckets picked by low or by high bits, and the chains that
//!   follow from it, against those of an ideal function.
//! - [`avalanche`]: how likely each bit of the hash is to flip when one bit of the key does.
//! - [`Corpus`]: keys to measure with.
//! - [`flood`]: keys that collide on purpose.

mod avalanche;
mod corpus;
pub mod flood;
mod spread;

pub use avalanche::{Avalanche, avalanche};
pub use corpus::Corpus;
pub use spread::{Bits, Spread, likely_longest, poisson, spread};

/// `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014): the
/// number at `index` of the sequence that starts at `seed`.
fn split_mix(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers for seed 1234567, as quoted with the reference code (Rosetta Code,
    /// "Pseudo-random numbers/Splitmix64").
    #[test]
    fn split_mix_is_the_published_one() {
        assert_eq!(split_mix(1_234_567, 0), 6_457_827_717_110_365_317);
        assert_eq!(split_mix(1_234_567, 1), 3_203_168_211_198_807_973);
    }
}
