//! Zipf's law by the quick generator of Gray, Sundaresan, Englert, Baclawski and Weinberger,
//! "Quickly generating billion-record synthetic databases" (SIGMOD 1994), as YCSB uses it.
//!
//! Rank r (from 0) has probability (r + 1)^-θ / ζ(n, θ) with ζ(n, θ) = Σ i^-θ for i = 1 … n. The
//! generator is exact for ranks 0 and 1 and inverts a continuous approximation for the others. It
//! divides by 1 - θ, so θ = 1 has no generator, and beyond it is no approximation: `rejection` has
//! these. Only distributions that are YCSB's use it: the third rank comes 10 to 19 % too often.

use std::hint::select_unpredictable;

use super::power::{Powers, powers};

/// YCSB draws the ranks of its scrambled zipfian over this many items, however many records there
/// are.
pub(super) const YCSB_ITEMS: u64 = 10_000_000_000;

/// YCSB's θ, and ζ(10^10, 0.99) as its source has it precomputed.
const YCSB_ZETA: (f64, f64) = (0.99, 26.469_028_201_783_02);

/// A generator of ranks under Zipf's law.
#[derive(Clone)]
pub(super) struct Zipf {
    items: u64,
    theta: f64,
    /// 1 / (1 - θ).
    alpha: f64,
    /// ζ(items, θ).
    zeta: f64,
    /// 2^(1 - θ).
    two_to_rest: f64,
    /// ζ(2, θ) = 1 + 2^-θ: below it, the rank is 0 or 1.
    zeta_of_two: f64,
    /// Gray's η, which fits the continuous part to the two exact ranks.
    eta: f64,
    /// items · 2^this is one and a half.
    power_of_rank_1: f64,
    powers: &'static Powers,
}

impl Zipf {
    /// Ranks over `items` items, at least one.
    pub(super) fn new(items: u64, theta: f64) -> Zipf {
        let mut zipf = Zipf {
            items,
            theta,
            alpha: 1.0 / (1.0 - theta),
            zeta: zeta(items, theta),
            two_to_rest: libm::pow(2.0, 1.0 - theta),
            zeta_of_two: 1.0 + libm::pow(0.5, theta),
            eta: 0.0,
            power_of_rank_1: libm::log2(1.5 / items as f64),
            powers: powers(),
        };
        zipf.fit();
        zipf
    }

    /// Ranks over YCSB's 10^10 items. For θ = 0.99 with its own constant, else with ζ computed.
    pub(super) fn ycsb(theta: f64) -> Zipf {
        let mut zipf = Zipf::new(YCSB_ITEMS, theta);
        #[expect(clippy::float_cmp, reason = "the constant belongs to exactly this θ")]
        if theta == YCSB_ZETA.0 {
            zipf.zeta = YCSB_ZETA.1;
            zipf.fit();
        }
        zipf
    }

    /// Adds an item; ζ grows by its term.
    pub(super) fn grow(&mut self) {
        self.items += 1;
        let items = self.items as f64;
        let term = self.powers.exp2(-self.theta * self.powers.log2(items));
        self.zeta += term;
        self.power_of_rank_1 = self.powers.log2(1.5 / items);
        // (2 / items)^(1 - θ) out of items^-θ: close to θ = 1 the difference from 1 loses no more
        // digits than a draw does.
        let power = self.two_to_rest / (items * term);
        self.eta = (1.0 - power) / (1.0 - self.zeta_of_two / self.zeta);
    }

    fn fit(&mut self) {
        // 1 - (2 / items)^(1 - θ), without the cancellation when θ is close to 1.
        let power = (1.0 - self.theta) * libm::log(2.0 / self.items as f64);
        self.eta = -libm::expm1(power) / (1.0 - self.zeta_of_two / self.zeta);
    }

    /// The rank for a uniform draw from [0, 1).
    #[cfg(test)]
    fn rank(&self, unit: f64) -> u64 {
        self.rank_of(self.power(unit))
    }

    /// The first half of the way to a rank, for a uniform draw from [0, 1): the y for which the rank
    /// is the whole part of items · 2^y. A power by way of the logarithm costs a fraction of the
    /// library's `pow`, which spends it on digits that the cut to a whole rank throws away.
    #[inline]
    pub(super) fn power(&self, unit: f64) -> f64 {
        let scaled = unit * self.zeta;
        let base = self.eta * unit - self.eta + 1.0;
        let power = self.alpha * self.powers.log2(base);
        let low = select_unpredictable(scaled < 1.0, POWER_OF_RANK_0, self.power_of_rank_1);
        select_unpredictable(scaled < self.zeta_of_two, low, power)
    }

    /// The second half.
    #[inline]
    pub(super) fn rank_of(&self, power: f64) -> u64 {
        let part = self.powers.exp2(power);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "part is in 0..=1, and rounding up to the end is cut off"
        )]
        let rank = (self.items as f64 * part) as i64;
        // By way of a signed number, for which processors have an instruction.
        rank.cast_unsigned().min(self.items - 1)
    }
}

/// Such a power of two times the items is nothing.
const POWER_OF_RANK_0: f64 = -1000.0;

/// ζ(n, θ) = Σ i^-θ for i = 1 … n, with 0 ≤ θ < 1.
///
/// The first thousand terms are added; the rest is the Euler–Maclaurin formula up to the first
/// derivative, whose remainder is below 1e-13 there.
fn zeta(n: u64, theta: f64) -> f64 {
    const HEAD: u64 = 1000;
    let term = |i: u64| libm::pow(i as f64, -theta);
    // Smallest terms first, to lose fewer digits.
    let head: f64 = (1..=n.min(HEAD)).rev().map(term).sum();
    if n <= HEAD {
        return head;
    }
    let (from, to) = (HEAD as f64, n as f64);
    // ∫ x^-θ dx; as a difference of powers it would cancel when θ is close to 1.
    let rest = 1.0 - theta;
    let integral = libm::pow(from, rest) * libm::expm1(rest * libm::log(to / from)) / rest;
    // The head counts its last term in full, the formula by half.
    let ends = (term(n) - term(HEAD)) / 2.0;
    let slope = theta / 12.0 * (libm::pow(from, -theta - 1.0) - libm::pow(to, -theta - 1.0));
    head + integral + ends + slope
}

#[cfg(test)]
mod tests {
    use super::super::draws::Draws;
    use super::*;

    #[test]
    fn zeta_is_the_sum_and_reproduces_the_published_constant() {
        for theta in [0.0, 0.5, 0.99, 0.9999] {
            let sum: f64 = (1..=50_000u64).rev().map(|i| (i as f64).powf(-theta)).sum();
            let error = (zeta(50_000, theta) / sum - 1.0).abs();
            assert!(error < 1e-12, "theta {theta}: off by {error:e}");
        }
        let error = (zeta(YCSB_ITEMS, YCSB_ZETA.0) / YCSB_ZETA.1 - 1.0).abs();
        assert!(error < 1e-9, "off by {error:e}");
    }

    #[test]
    fn growing_one_by_one_is_the_same_as_starting_large() {
        let mut grown = Zipf::new(500, 0.99);
        for _ in 0..5_000 {
            grown.grow();
        }
        let large = Zipf::new(5_500, 0.99);
        assert!((grown.zeta / large.zeta - 1.0).abs() < 1e-12);
        assert!((grown.eta / large.eta - 1.0).abs() < 1e-12);
    }

    /// Frequencies under a fixed seed against (r + 1)^-θ / ζ: exact ranks within five deviations,
    /// cumulative ones within the few per cent that Gray's approximation costs.
    #[test]
    fn frequencies_follow_the_law() {
        const DRAWS: u32 = 400_000;
        for (items, theta) in [(1_000, 0.99), (1_000, 0.5), (100_000, 0.9), (1_000, 0.0)] {
            let zipf = Zipf::new(items, theta);
            let mut draws = Draws::new(11, 0);
            let mut below = [0u32; 4];
            let marks = [1, 2, 30, 300];
            for _ in 0..DRAWS {
                let rank = zipf.rank(draws.unit());
                assert!(rank < items);
                for (count, mark) in below.iter_mut().zip(marks) {
                    *count += u32::from(rank < mark);
                }
            }
            for (count, mark) in below.into_iter().zip(marks) {
                let share = zeta(mark, theta) / zeta(items, theta);
                let noise = 5.0 * (share * (1.0 - share) / f64::from(DRAWS)).sqrt();
                let allowed = if mark <= 2 {
                    noise
                } else {
                    noise + 0.03 * share
                };
                let measured = f64::from(count) / f64::from(DRAWS);
                assert!(
                    (measured - share).abs() < allowed,
                    "{items} items, theta {theta}, ranks below {mark}: {measured} for {share}"
                );
            }
        }
    }

    #[test]
    fn one_and_two_items_work() {
        let mut draws = Draws::new(3, 0);
        for theta in [0.0, 0.99] {
            let (one, two) = (Zipf::new(1, theta), Zipf::new(2, theta));
            for _ in 0..1_000 {
                assert_eq!(one.rank(draws.unit()), 0);
                assert!(two.rank(draws.unit()) < 2);
            }
            assert!(two.rank(1.0 - f64::EPSILON / 2.0) < 2);
        }
    }
}
