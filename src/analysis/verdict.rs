//! The one rule for "different", which every output follows.

use super::format::noise;
use crate::stats::Interval;

/// What a ratio of two rates says, in view of its interval and of the noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The first rate is higher: the whole interval lies above 1 and above the noise.
    Faster,
    /// The first rate is lower: the whole interval lies below 1 and below the noise.
    Slower,
    /// The whole interval lies inside the noise: the two are the same within it.
    Same,
    /// Anything else: there may be a difference, and the measurement does not show it.
    NotToldApart,
}

impl Difference {
    /// The rule. `ratio` is the interval of one rate over another, and `floor` the noise as a natural
    /// logarithm of a ratio: from `exp(-floor)` to `exp(floor)`, two copies of one table were seen.
    #[must_use]
    pub fn of(ratio: &Interval, floor: f64) -> Difference {
        let (low, high) = (ratio.low.ln(), ratio.high.ln());
        let floor = floor.max(0.0);
        if low > floor {
            Difference::Faster
        } else if high < -floor {
            Difference::Slower
        } else if low >= -floor && high <= floor {
            Difference::Same
        } else {
            Difference::NotToldApart
        }
    }

    /// Whether one is faster than the other.
    #[must_use]
    pub fn is_one(self) -> bool {
        matches!(self, Difference::Faster | Difference::Slower)
    }

    /// What it is called where the noise stands elsewhere, or is not one figure.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Difference::Faster => "faster",
            Difference::Slower => "slower",
            Difference::Same => "the same",
            Difference::NotToldApart => "not told apart",
        }
    }

    /// The whole answer: `the same within 2.1 %`. `floor` is a natural logarithm.
    #[must_use]
    pub fn words(self, floor: f64) -> String {
        match self {
            Difference::Same => format!("the same within {}", noise(floor)),
            other => other.name().to_owned(),
        }
    }

    /// What it is called in JSON.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Difference::Faster => "faster",
            Difference::Slower => "slower",
            Difference::Same => "same",
            Difference::NotToldApart => "not-told-apart",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn interval(a: f64, b: f64) -> Interval {
        let (low, high) = (a.min(b), a.max(b));
        Interval {
            low: low.exp(),
            mid: f64::midpoint(low, high).exp(),
            high: high.exp(),
        }
    }

    #[test]
    fn what_is_outside_one_and_touches_the_noise_is_not_told_apart() {
        let of = |low: f64, high: f64| {
            Difference::of(
                &Interval {
                    low,
                    mid: f64::midpoint(low, high),
                    high,
                },
                0.061_f64.ln_1p(),
            )
        };
        assert_eq!(of(1.049, 1.16), Difference::NotToldApart);
        assert_eq!(of(1.07, 1.16), Difference::Faster);
        assert_eq!(of(0.86, 0.93), Difference::Slower);
        assert_eq!(of(0.97, 1.05), Difference::Same);
        assert_eq!(of(0.5, 2.0), Difference::NotToldApart);
        assert_eq!(
            Difference::Same.words(0.061_f64.ln_1p()),
            "the same within 6.1 %"
        );
    }

    #[test]
    fn without_noise_only_an_interval_around_one_is_not_told_apart() {
        let of = |low: f64, high: f64| {
            Difference::of(
                &Interval {
                    low,
                    mid: low,
                    high,
                },
                0.0,
            )
        };
        assert_eq!(of(1.001, 1.002), Difference::Faster);
        assert_eq!(of(0.998, 0.999), Difference::Slower);
        assert_eq!(of(0.999, 1.001), Difference::NotToldApart);
        assert_eq!(of(1.0, 1.0), Difference::Same);
    }

    proptest! {
        #[test]
        fn the_inverse_has_the_opposite_answer(a in -1.0..1.0f64, b in -1.0..1.0f64, floor in 0.0..0.5f64) {
            // Away from the edges, where rounding decides.
            prop_assume!([a, b].iter().all(|end| (end.abs() - floor).abs() > 1e-9));
            let opposite = match Difference::of(&interval(a, b), floor) {
                Difference::Faster => Difference::Slower,
                Difference::Slower => Difference::Faster,
                even => even,
            };
            prop_assert_eq!(Difference::of(&interval(-a, -b), floor), opposite);
        }

        #[test]
        fn each_answer_says_where_the_interval_lies(a in -1.0..1.0f64, b in -1.0..1.0f64, floor in 0.0..0.5f64) {
            let ratio = interval(a, b);
            let (inside, up, down) = (
                ratio.low.ln() >= -floor && ratio.high.ln() <= floor,
                ratio.low > 1.0 && ratio.low.ln() > floor,
                ratio.high < 1.0 && ratio.high.ln() < -floor,
            );
            let answer = Difference::of(&ratio, floor);
            prop_assert_eq!(inside, answer == Difference::Same);
            prop_assert_eq!(up, answer == Difference::Faster);
            prop_assert_eq!(down, answer == Difference::Slower);
        }

        /// More noise never makes a difference of what was none, and what is the same stays so.
        #[test]
        fn more_noise_shows_no_more(a in -1.0..1.0f64, b in -1.0..1.0f64, floor in 0.0..0.5f64, more in 0.0..0.5f64) {
            let ratio = interval(a, b);
            let (quiet, noisy) = (Difference::of(&ratio, floor), Difference::of(&ratio, floor + more));
            prop_assert!(!noisy.is_one() || noisy == quiet);
            prop_assert!(quiet != Difference::Same || noisy == Difference::Same);
        }
    }
}
