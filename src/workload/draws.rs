//! Random draws that are the same on every machine.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number
//! generators", 2021), seeded through `SplitMix64` (Steele, Lea and Flood 2014). How draws become
//! numbers is written out here: the `rand` crate does not promise the same values across versions.

use rand::{Rng, SeedableRng};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

/// The random numbers of one thread.
#[derive(Clone, Debug)]
pub(super) struct Draws(Xoshiro256PlusPlus);

impl Draws {
    /// The generator that belongs to a seed and a thread.
    ///
    /// Both are mixed before they meet: seeds of neighbouring threads that differed by a constant
    /// could share words of state.
    pub(super) fn new(seed: u64, thread: u32) -> Draws {
        let state = mix(seed) ^ mix(!u64::from(thread));
        Draws(Xoshiro256PlusPlus::seed_from_u64(state))
    }

    /// Uniform in `0..n`, by multiply and shift (Lemire 2019) without the rejection: the bias is
    /// below n / 2^64.
    #[inline]
    pub(super) fn below(&mut self, n: u64) -> u64 {
        scale(self.0.next_u64(), n)
    }

    /// 64 uniform bits.
    #[inline]
    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1), a multiple of 2^-53.
    #[inline]
    pub(super) fn unit(&mut self) -> f64 {
        unit(self.bits())
    }
}

/// Maps 64 uniform bits to [0, 1), a multiple of 2^-53.
#[inline]
pub(super) fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Maps 64 uniform bits to `0..n`.
#[inline]
pub(super) fn scale(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// One step of `SplitMix64`: scatters a number over all 64 bits.
#[inline]
pub(super) fn mix(number: u64) -> u64 {
    SplitMix64::seed_from_u64(number).next_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_seeds_draw_differently() {
        let first = |seed, thread| Draws::new(seed, thread).below(u64::MAX);
        let mut all: Vec<u64> = (0..4)
            .flat_map(|seed| (0..4).map(move |thread| first(seed, thread)))
            .collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 16);
        assert_eq!(first(1, 2), first(1, 2));
    }

    /// The first output of `SplitMix64` from state 1234567, as in the tables of published vectors.
    #[test]
    fn mix_is_splitmix64() {
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn draws_stay_in_range() {
        let mut draws = Draws::new(7, 0);
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            let unit = draws.unit();
            assert!((0.0..1.0).contains(&unit));
            seen[usize::try_from(draws.below(10)).unwrap()] += 1;
        }
        // Binomial(10000, 1/10) has a deviation of 30: five of them.
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
    }
}
