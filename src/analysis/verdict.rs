//! The one rule for "different", which every output follows.
//!
//! A verdict is one of many: a run gives one for each cell, and more in its findings. If each were wrong in
//! 5 of 100 cases, a suite of 24 cells in which nothing has changed would call one of them different in two
//! runs of three. So the rate is one for all together: **the chance that one or more of the verdicts that are
//! given together calls a difference that is none is to be at most [`Family::ERROR_RATE`]**. By Bonferroni's
//! inequality it is, whatever the verdicts have to do with each other, if with `m` of them each is wrong with
//! at most `ERROR_RATE / m` (Dunn, "Multiple Comparisons Among Means", JASA 56, 1961). Holm's stepwise form would
//! call a few more; but then a cell's verdict would depend on what the other cells came to, and a reader could not
//! redo it from the row.
//!
//! The interval that is shown holds 95 % for its cell alone. The interval that a verdict is held by is wider
//! ([`Family::held`]), by two factors on the logarithmic scale:
//!
//! - the normal quantile of `ERROR_RATE / m` over that of 5 %: a thousand resamples of a few births have no
//!   99.9 % quantile of their own;
//! - √(n / (n − 1)) for `n` births: a bootstrap of few takes their spread for smaller than it is by that much
//!   (Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69, 2015,
//!   section 3.2).
//!
//! Both assume that the logarithms of births spread normally, and that their spread is known. With many births it
//! nearly is. With four a Student t quantile would be three times the normal one, so the interval alone does not
//! keep the rate. With few births the rate rests on the noise: how far two copies of one table come apart, which
//! the whole of the wide interval must lie outside of. Over fewer than [`BIRTHS_FOR_AN_INTERVAL`] births no
//! interval knows how much of a rate is a table's place in memory, and one pair of copies may have come out close by luck:
//! such a panel is held against the worst noise of the run. No theorem says that this suffices. A simulation in the
//! tests of comparisons, of 20 equal cells over four births with normal luck of 2 %, holds it to at most one
//! comparison with a false alarm in eight, and `CELLS=20 scripts/compare-trial 20` measures it on a machine.
//!
//! "The same within" is no alarm: it is claimed of each cell alone, by the interval that is shown, and held against
//! the panel's own noise, so that few births do not make it easier.

use super::format::{counted, noise};
use super::rates::Ratio;
use crate::stats::{self, Interval};

/// Births from which on an interval knows how much of a rate is a table's place in memory.
pub(crate) const BIRTHS_FOR_AN_INTERVAL: usize = 4;

/// Verdicts that are given together, and share one promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    verdicts: usize,
}

impl Family {
    /// The chance, at most, that one or more of the verdicts that are given together calls a difference that
    /// is none, as far as the assumptions above hold.
    pub const ERROR_RATE: f64 = 0.05;

    /// So many verdicts; of none at all it is as of one.
    #[must_use]
    pub fn of(verdicts: usize) -> Family {
        let verdicts = verdicts.max(1);
        Family { verdicts }
    }

    /// Every verdict that a run can give on targets that are measured together, so many in each panel: each
    /// pair of a panel, because findings choose the targets that they compare by what came out; and each target
    /// once more, against itself elsewhere.
    #[must_use]
    pub fn of_panels(targets: impl Iterator<Item = usize>) -> Family {
        Family::of(targets.map(|count| count * (count + 1) / 2).sum())
    }

    /// Each pair of so many that are put in order.
    #[must_use]
    pub fn of_pairs(ranked: usize) -> Family {
        Family::of(ranked * ranked.saturating_sub(1) / 2)
    }

    /// How many verdicts it is.
    #[must_use]
    pub fn verdicts(self) -> usize {
        self.verdicts
    }

    /// The confidence that each of them is held to, from 0 to 1.
    #[must_use]
    pub fn confidence(self) -> f64 {
        1.0 - self.error_of_each()
    }

    fn error_of_each(self) -> f64 {
        Family::ERROR_RATE / self.verdicts as f64
    }

    /// The interval that a verdict is held by: the one that is shown, widened. `units` are the births behind
    /// it, or the pairs where there was one birth.
    #[must_use]
    pub fn held(self, shown: &Interval, units: usize) -> Interval {
        let quantile = stats::two_sided_deviations;
        let joint = quantile(self.error_of_each()) / quantile(1.0 - stats::CONFIDENCE);
        // Of one there is no spread at all; two say the most that can be said of so few.
        let units = units.max(2) as f64;
        let factor = joint.max(1.0) * (units / (units - 1.0)).sqrt();
        let end = |end: f64| shown.mid * (end / shown.mid).powf(factor);
        Interval {
            low: end(shown.low),
            mid: shown.mid,
            high: end(shown.high),
        }
    }

    /// The promise, as it stands beside the verdicts.
    #[must_use]
    pub fn words(self) -> String {
        let given = counted(self.verdicts as u64, "verdict");
        let rate = Family::ERROR_RATE * 100.0;
        format!(
            "{given} together: held to a {rate:.0} % chance of any false “faster” or “slower” (Bonferroni: \
             each is held by its {} % interval; shown are {:.0} % intervals)",
            percent(self.confidence()),
            stats::CONFIDENCE * 100.0
        )
    }
}

/// A confidence with the digits that tell it from 100 %: `95`, `99.8`, `99.995`.
fn percent(confidence: f64) -> String {
    let missing = (1.0 - confidence) * 100.0;
    let mut decimals = 0;
    while decimals < 9 && missing * 10_f64.powi(decimals) < 0.95 {
        decimals += 1;
    }
    let decimals = usize::try_from(decimals).unwrap_or(0);
    format!("{:.decimals$}", confidence * 100.0)
}

/// What a ratio is held against, as natural logarithms: from `exp(-x)` to `exp(x)`, two copies of one table were
/// seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Noise {
    /// What a difference must lie outside of.
    pub apart: f64,
    /// What "the same" must lie inside of, at most `apart`: the panel's own noise. Where a panel is held against
    /// the run's worst because it has few births, fewer births must not make "the same" easier.
    pub same: f64,
}

impl Noise {
    /// The larger of each.
    #[must_use]
    pub fn or_worse(self, other: Noise) -> Noise {
        Noise {
            apart: self.apart.max(other.apart),
            same: self.same.max(other.same),
        }
    }
}

/// One noise for both.
impl From<f64> for Noise {
    fn from(floor: f64) -> Noise {
        Noise {
            apart: floor,
            same: floor,
        }
    }
}

/// What a ratio of two rates says, in view of its interval and of the noise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// The first rate is higher: the whole interval that it is held by lies above 1 and above the noise.
    Faster,
    /// The first rate is lower: the whole interval that it is held by lies below 1 and below the noise.
    Slower,
    /// The whole interval that is shown lies inside the panel's own noise: the two are the same within it.
    Same,
    /// Anything else: there may be a difference, and the measurement does not show it.
    NotToldApart,
}

impl Difference {
    /// The rule. `ratio` is one rate over another, given together with the others of its family.
    #[must_use]
    pub fn of(ratio: &Ratio, noise: impl Into<Noise>, family: Family) -> Difference {
        let held = family.held(&ratio.interval, ratio.units);
        Difference::within(&ratio.interval, &held, noise.into())
    }

    /// The same, with the interval that is shown and the one that it is held by, which is as wide or wider.
    fn within(shown: &Interval, held: &Interval, noise: Noise) -> Difference {
        let [apart, same] = [noise.apart, noise.same].map(|floor| floor.max(0.0));
        let [low, high] = [shown.low, shown.high].map(f64::ln);
        if held.low.ln() > apart {
            Difference::Faster
        } else if held.high.ln() < -apart {
            Difference::Slower
        } else if low >= -same && high <= same {
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

    /// The whole answer: `the same within 2.1 %`.
    #[must_use]
    pub fn words(self, held_against: impl Into<Noise>) -> String {
        match self {
            Difference::Same => format!("the same within {}", noise(held_against.into().same)),
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

    /// The verdict where the interval that is shown is the one that it is held by.
    fn on(shown: &Interval, floor: f64) -> Difference {
        Difference::within(shown, shown, floor.into())
    }

    #[test]
    fn more_verdicts_together_ask_for_more_of_each() {
        let shown = Interval {
            low: 0.90,
            mid: 0.93,
            high: 0.96,
        };
        let ratio = Ratio {
            interval: shown,
            pairs: 80,
            units: 8,
        };
        let of = |verdicts: usize| Difference::of(&ratio, 0.0, Family::of(verdicts));
        assert_eq!(of(1), Difference::Slower);
        assert_eq!(of(10), Difference::Slower);
        // The 99.9999 % interval reaches beyond 1.
        assert_eq!(of(50_000), Difference::NotToldApart);
        // So does that of one verdict over two births.
        let few = Ratio { units: 2, ..ratio };
        let close = Interval {
            high: 0.975,
            ..shown
        };
        let close = Ratio {
            interval: close,
            ..few
        };
        assert_eq!(
            Difference::of(&close, 0.0, Family::of(1)),
            Difference::Slower
        );
        assert_eq!(
            Difference::of(&close, 0.0, Family::of(20)),
            Difference::NotToldApart
        );
        assert_eq!(
            Difference::of(&Ratio { units: 50, ..close }, 0.0, Family::of(2)),
            Difference::Slower
        );
    }

    #[test]
    fn the_interval_that_a_verdict_is_held_by_is_the_one_shown_widened_as_a_ratio() {
        let shown = Interval {
            low: 0.5,
            mid: 1.0,
            high: 2.0,
        };
        // One verdict over many births: nothing to correct.
        let one = Family::of(1).held(&shown, 1_000_000);
        assert!((one.low - 0.5).abs() < 1e-5 && (one.high - 2.0).abs() < 1e-5);
        // Two births: the square root of 2 as wide. 25 verdicts: 3.09 deviations for 1.96.
        let two = Family::of(1).held(&shown, 2);
        assert!((two.high.log2() - 2.0_f64.sqrt()).abs() < 1e-9);
        let many = Family::of(25).held(&shown, 1_000_000);
        assert!((many.high.log2() - 3.090_232 / 1.959_964).abs() < 1e-4);
        assert!((many.low * many.high - 1.0).abs() < 1e-9 && (many.mid - shown.mid).abs() < 1e-12);
        assert!((Family::of(25).confidence() - 0.998).abs() < 1e-12);
    }

    #[test]
    fn families_count_what_can_be_said() {
        // Three pairs and three targets against themselves; one pair and two; one.
        assert_eq!(Family::of_panels([3, 2, 1].into_iter()).verdicts(), 10);
        assert_eq!(Family::of_pairs(5).verdicts(), 10);
        assert_eq!(Family::of_pairs(0), Family::of(1));
        assert!(
            Family::of(24)
                .words()
                .starts_with("24 verdicts together: held to a 5 % chance")
        );
        assert!(Family::of(24).words().contains("its 99.8 % interval"));
        let digits = [1, 5, 100, 1000].map(|verdicts| percent(Family::of(verdicts).confidence()));
        assert_eq!(digits, ["95", "99", "99.95", "99.995"]);
    }

    #[test]
    fn what_is_outside_one_and_touches_the_noise_is_not_told_apart() {
        let of = |low: f64, high: f64| {
            on(
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

    /// What must be larger to be a difference need not be as small to be the same.
    #[test]
    fn between_its_own_noise_and_the_worst_a_panel_does_not_tell_apart() {
        let of = |low: f64, high: f64| {
            let shown = Interval {
                low,
                mid: f64::midpoint(low, high),
                high,
            };
            let noise = Noise {
                apart: 0.2,
                same: 0.02,
            };
            Difference::within(&shown, &shown, noise)
        };
        assert_eq!(of(0.99, 1.01), Difference::Same);
        assert_eq!(of(0.99, 1.1), Difference::NotToldApart);
        assert_eq!(of(1.1, 1.15), Difference::NotToldApart);
        assert_eq!(of(1.3, 1.4), Difference::Faster);
    }

    #[test]
    fn without_noise_only_an_interval_around_one_is_not_told_apart() {
        let of = |low: f64, high: f64| {
            on(
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
            let opposite = match on(&interval(a, b), floor) {
                Difference::Faster => Difference::Slower,
                Difference::Slower => Difference::Faster,
                even => even,
            };
            prop_assert_eq!(on(&interval(-a, -b), floor), opposite);
        }

        #[test]
        fn each_answer_says_where_the_interval_lies(a in -1.0..1.0f64, b in -1.0..1.0f64, floor in 0.0..0.5f64) {
            let ratio = interval(a, b);
            let (inside, up, down) = (
                ratio.low.ln() >= -floor && ratio.high.ln() <= floor,
                ratio.low > 1.0 && ratio.low.ln() > floor,
                ratio.high < 1.0 && ratio.high.ln() < -floor,
            );
            let answer = on(&ratio, floor);
            prop_assert_eq!(inside, answer == Difference::Same);
            prop_assert_eq!(up, answer == Difference::Faster);
            prop_assert_eq!(down, answer == Difference::Slower);
        }

        /// More noise never makes a difference of what was none, and what is the same stays so.
        #[test]
        fn more_noise_shows_no_more(a in -1.0..1.0f64, b in -1.0..1.0f64, floor in 0.0..0.5f64, more in 0.0..0.5f64) {
            let ratio = interval(a, b);
            let (quiet, noisy) = (on(&ratio, floor), on(&ratio, floor + more));
            prop_assert!(!noisy.is_one() || noisy == quiet);
            prop_assert!(quiet != Difference::Same || noisy == Difference::Same);
        }
    }
}
