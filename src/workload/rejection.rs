//! Zipf's law for every skew, by rejection-inversion.
//!
//! Hörmann and Derflinger, "Rejection-inversion to generate variates from monotone discrete
//! distributions" (ACM TOMACS 1996): a draw from the continuous hat ∫ x^-θ dx is inverted and
//! rounded, and rejected where the hat is above the law; fewer than one draw in ten is. Unlike Gray's
//! generator it is exact and has no trouble with θ ≥ 1.

use super::draws::Draws;

/// A generator of ranks from 0, where rank r has probability (r + 1)^-θ / ζ.
#[derive(Clone, Debug)]
pub(super) struct Rejection {
    items: u64,
    theta: f64,
    /// The hat's integral up to 1.5, less the whole of item 1: where draws begin.
    first: f64,
    /// The hat's integral up to 1.5: below it, the item is 1.
    one_and_a_half: f64,
    /// The hat's integral up to items + 0.5: where draws end.
    last: f64,
    /// An item so little above its draw is never rejected.
    sure: f64,
}

impl Rejection {
    /// Ranks over `items` items, at least one; θ is at least 0.
    pub(super) fn new(items: u64, theta: f64) -> Rejection {
        let mut zipf = Rejection {
            items,
            theta,
            first: 0.0,
            one_and_a_half: 0.0,
            last: 0.0,
            sure: 0.0,
        };
        zipf.one_and_a_half = zipf.integral(1.5);
        zipf.first = zipf.one_and_a_half - 1.0;
        zipf.last = zipf.integral(items as f64 + 0.5);
        zipf.sure = 2.0 - zipf.inverse(zipf.integral(2.5) - zipf.term(2.0));
        zipf
    }

    /// Adds an item.
    pub(super) fn grow(&mut self) {
        self.items += 1;
        self.last = self.integral(self.items as f64 + 0.5);
    }

    /// Draws a rank.
    #[inline]
    pub(super) fn rank(&self, draws: &mut Draws) -> u64 {
        loop {
            let at = self.last + draws.unit() * (self.first - self.last);
            if at <= self.one_and_a_half {
                return 0;
            }
            let x = self.inverse(at);
            let item = libm::floor(x + 0.5).clamp(1.0, self.items as f64);
            if item - x <= self.sure || at >= self.integral(item + 0.5) - self.term(item) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "1 to the number of items"
                )]
                let item = item as u64;
                return item - 1;
            }
        }
    }

    /// x^-θ.
    #[inline]
    fn term(&self, x: f64) -> f64 {
        libm::exp(-self.theta * libm::log(x))
    }

    /// ∫ t^-θ dt from 1 to x: (x^(1-θ) - 1) / (1 - θ), and ln x for θ = 1.
    #[inline]
    fn integral(&self, x: f64) -> f64 {
        let log = libm::log(x);
        let power = (1.0 - self.theta) * log;
        let ratio = if power.abs() > 1e-8 {
            libm::expm1(power) / power
        } else {
            1.0 + power / 2.0
        };
        ratio * log
    }

    /// The x of an integral.
    #[inline]
    fn inverse(&self, integral: f64) -> f64 {
        // Rounding may lead just past the end of what a logarithm takes.
        let power = (integral * (1.0 - self.theta)).max(-1.0);
        let ratio = if power.abs() > 1e-8 {
            libm::log1p(power) / power
        } else {
            1.0 - power / 2.0
        };
        libm::exp(ratio * integral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frequencies under a fixed seed against the law: every rank of a small table and the sums of
    /// a large one within five deviations.
    #[test]
    fn frequencies_follow_the_law() {
        const DRAWS: u32 = 300_000;
        for theta in [0.0, 0.3, 0.99, 1.0, 1.000_001, 1.2117, 2.0994, 6.0] {
            for items in [10u64, 100_000] {
                let zipf = Rejection::new(items, theta);
                let term = |rank: u64| (rank as f64 + 1.0).powf(-theta);
                let zeta: f64 = (0..items).rev().map(term).sum();
                let mut draws = Draws::new(12, 0);
                let marks = [1, 2, 3, 5, 10, 100, 1_000, 50_000];
                let mut below = [0u32; 8];
                for _ in 0..DRAWS {
                    let rank = zipf.rank(&mut draws);
                    assert!(rank < items);
                    for (count, mark) in below.iter_mut().zip(marks) {
                        *count += u32::from(rank < mark);
                    }
                }
                for (count, mark) in below.into_iter().zip(marks) {
                    let share = (0..mark.min(items)).rev().map(term).sum::<f64>() / zeta;
                    let noise = 5.0 * (share * (1.0 - share) / f64::from(DRAWS)).max(0.0).sqrt();
                    let measured = f64::from(count) / f64::from(DRAWS);
                    assert!(
                        (measured - share).abs() <= noise + 1e-9,
                        "theta {theta}, {items} items, below {mark}: {measured} for {share}"
                    );
                }
            }
        }
    }

    #[test]
    fn one_item_works_and_growing_is_starting_large() {
        let mut draws = Draws::new(3, 0);
        for theta in [0.0, 1.0, 9.0] {
            let mut zipf = Rejection::new(1, theta);
            assert!((0..100).all(|_| zipf.rank(&mut draws) == 0));
            (1..50).for_each(|_| zipf.grow());
            let large = Rejection::new(50, theta);
            assert!((zipf.last - large.last).abs() < 1e-12);
        }
    }
}
