//! The bootstrap: how far a median may be trusted, with no assumption about the distribution.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::order::{median_of_sorted, quantile_of_sorted};

/// Resamples that an interval is made from. A thousand leave the ends of a 95 % interval a Monte
/// Carlo error well below the interval's own width (Efron and Tibshirani, "An Introduction to the
/// Bootstrap", 1993, section 19.3).
pub const RESAMPLES: u32 = 1000;

/// The confidence of the intervals that the program reports.
pub const CONFIDENCE: f64 = 0.95;

/// A figure with the interval it is known to, all three in the unit of the figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The figure itself.
    pub mid: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// The interval under an increasing function: `exp` of an interval of logarithms is the
    /// interval of the ratio.
    #[must_use]
    pub fn map(self, increasing: impl Fn(f64) -> f64) -> Interval {
        let [low, mid, high] = [self.low, self.mid, self.high].map(increasing);
        debug_assert!(low <= mid && mid <= high, "the function does not increase");
        Interval { low, mid, high }
    }

    /// `over` divided by the interval, for intervals above 0: a rate becomes a time. The ends change
    /// places.
    #[must_use]
    pub fn inverse(self, over: f64) -> Interval {
        Interval {
            low: over / self.high,
            mid: over / self.mid,
            high: over / self.low,
        }
    }

    /// Whether `value` lies within the interval, ends included.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The distance between the ends, in the unit of the figure.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.high - self.low
    }
}

/// The median of `values` with its percentile bootstrap interval: Efron, "Bootstrap Methods:
/// Another Look at the Jackknife" (1979). The unit is that of the values; the result depends on the
/// values (in any order), the seed, the number of resamples and the confidence alone, and is the same
/// on every machine.
///
/// `None` without values. One value gives an interval of no width: it says nothing about the
/// spread, so ask for more before a judgement. Up to five values the 95 % interval is
/// the range of the values, the most that so few can say.
///
/// # Panics
/// If `resamples` is 0 or `confidence` is outside 0 to 1.
#[must_use]
pub fn bootstrap_median(
    values: &[f64],
    seed: u64,
    resamples: u32,
    confidence: f64,
) -> Option<Interval> {
    bootstrap_median_in_groups(&[values], seed, resamples, confidence)
}

/// The same for values that come in groups and share the luck of their group: groups are resampled
/// first, then the values within each that was drawn (the two-stage bootstrap of Davison and Hinkley,
/// "Bootstrap Methods and their Application", 1997, section 3.8). With few groups the interval spans
/// their medians: that is all that few can say.
///
/// # Panics
/// If `resamples` is 0 or `confidence` is outside 0 to 1.
#[must_use]
pub fn bootstrap_median_in_groups(
    groups: &[&[f64]],
    seed: u64,
    resamples: u32,
    confidence: f64,
) -> Option<Interval> {
    assert!(resamples > 0, "an interval needs at least one resample");
    let mut sorted: Vec<(f64, usize)> = (0..)
        .zip(groups)
        .flat_map(|(group, values)| values.iter().map(move |&value| (value, group)))
        .collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Where each group's values stand among all.
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); groups.len()];
    for (place, (_, group)) in sorted.iter().enumerate() {
        members[*group].push(place);
    }
    members.retain(|group| !group.is_empty());
    let sorted: Vec<f64> = sorted.into_iter().map(|(value, _)| value).collect();
    let mid = median_of_sorted(&sorted)?;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut times_drawn = vec![0_u32; sorted.len()];
    let mut medians: Vec<f64> = (0..resamples)
        .map(|_| {
            times_drawn.fill(0);
            for _ in 0..members.len() {
                // A lone group is not drawn, so that values without groups give what they always gave.
                let drawn = if members.len() > 1 {
                    below(&mut rng, members.len())
                } else {
                    0
                };
                let group = &members[drawn];
                for _ in 0..group.len() {
                    times_drawn[group[below(&mut rng, group.len())]] += 1;
                }
            }
            median_of_drawn(&sorted, &times_drawn)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some(Interval {
        // The ends keep the median between them even where few resamples would not.
        low: quantile_of_sorted(&medians, tail)?.min(mid),
        mid,
        high: quantile_of_sorted(&medians, 1.0 - tail)?.max(mid),
    })
}

/// A uniform index below `n`: multiply and shift (Lemire, "Fast Random Integer Generation in an
/// Interval", 2019). The bias left in, at most `n` in 2^64, is far below what resampling can see; an
/// index drawn as `usize` by a library would differ between machines of 32 and 64 bits.
pub(super) fn below(rng: &mut Xoshiro256PlusPlus, n: usize) -> usize {
    let product = u128::from(rng.next_u64()) * n as u128;
    usize::try_from(product >> 64).expect("below n")
}

/// The median of a resample given as how often each of the sorted values was drawn: counting
/// spares the sort of every resample.
fn median_of_drawn(sorted: &[f64], times_drawn: &[u32]) -> f64 {
    // Groups may differ in size, so a resample need not be as large as the sample.
    let drawn: usize = times_drawn.iter().map(|&times| times as usize).sum();
    let (lower_rank, upper_rank) = ((drawn - 1) / 2, drawn / 2);
    let mut seen = 0;
    let mut lower = None;
    for (value, &times) in sorted.iter().zip(times_drawn) {
        seen += times as usize;
        if lower.is_none() && seen > lower_rank {
            lower = Some(*value);
        }
        if seen > upper_rank {
            return f64::midpoint(lower.unwrap_or(*value), *value);
        }
    }
    unreachable!("the ranks are below the number drawn");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(values: &[f64], seed: u64) -> Interval {
        bootstrap_median(values, seed, RESAMPLES, CONFIDENCE).expect("there are values")
    }

    /// Uniform in 0..1.
    fn unit(rng: &mut Xoshiro256PlusPlus) -> f64 {
        (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn few_values_claim_no_more_than_they_know() {
        assert_eq!(bootstrap_median(&[], 1, RESAMPLES, CONFIDENCE), None);
        let one = interval(&[3.0], 1);
        assert_eq!((one.low, one.mid, one.high), (3.0, 3.0, 3.0));
        let two = interval(&[3.0, 1.0], 1);
        assert_eq!((two.low, two.mid, two.high), (1.0, 2.0, 3.0));
        let five = interval(&[5.0, 1.0, 4.0, 2.0, 3.0], 1);
        assert_eq!((five.low, five.mid, five.high), (1.0, 3.0, 5.0));
    }

    #[test]
    fn the_seed_alone_decides() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i * 37 % 41)).collect();
        let backwards: Vec<f64> = values.iter().rev().copied().collect();
        assert_eq!(interval(&values, 9), interval(&backwards, 9));
        let of_seeds: Vec<Interval> = (0..20).map(|seed| interval(&values, seed)).collect();
        assert!(of_seeds.iter().any(|i| *i != of_seeds[0]));
        assert!(
            of_seeds
                .iter()
                .all(|i| i.mid.to_bits() == of_seeds[0].mid.to_bits())
        );
    }

    #[test]
    fn counting_agrees_with_sorting() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        assert!((median_of_drawn(&sorted, &[1, 1, 1, 1]) - 3.0).abs() < 1e-12);
        assert!((median_of_drawn(&sorted, &[4, 0, 0, 0]) - 1.0).abs() < 1e-12);
        assert!((median_of_drawn(&sorted, &[0, 2, 0, 2]) - 5.0).abs() < 1e-12);
        assert!((median_of_drawn(&sorted, &[0, 0, 1, 3]) - 8.0).abs() < 1e-12);
        assert!((median_of_drawn(&sorted[..3], &[0, 1, 2]) - 4.0).abs() < 1e-12);
    }

    /// A skewed distribution (exponential, median ln 2): the interval must hold the true median in
    /// about 95 of 100 samples. 400 samples put one standard deviation at 1.1 in a hundred.
    #[test]
    fn intervals_cover_as_often_as_they_say() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let samples = 400;
        let covered = (0..samples)
            .filter(|&seed| {
                let values: Vec<f64> = (0..60).map(|_| -(1.0 - unit(&mut rng)).ln()).collect();
                interval(&values, seed).contains(std::f64::consts::LN_2)
            })
            .count();
        let percent = 100.0 * covered as f64 / samples as f64;
        assert!((91.0..=98.0).contains(&percent), "covered {percent} %");
    }

    /// Ten groups of fifty values, each group with a shift of its own that is far larger than the
    /// spread within: taken as 500 values the median seems known to the spread, in groups it is known
    /// no better than ten shifts tell.
    #[test]
    fn what_a_group_shares_does_not_average_out_within_it() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
        let mut covered = 0;
        for seed in 0..200 {
            let groups: Vec<Vec<f64>> = (0..10)
                .map(|_| {
                    let shift = unit(&mut rng) - 0.5;
                    (0..50)
                        .map(|_| shift + 0.01 * (unit(&mut rng) - 0.5))
                        .collect()
                })
                .collect();
            let slices: Vec<&[f64]> = groups.iter().map(Vec::as_slice).collect();
            let nested = bootstrap_median_in_groups(&slices, seed, RESAMPLES, CONFIDENCE).unwrap();
            covered += u32::from(nested.contains(0.0));
        }
        assert!(covered >= 180, "covered {covered} of 200");
        let alone = [1.0, 2.0, 5.0, 3.0];
        let one_group = bootstrap_median_in_groups(&[&alone, &[]], 4, RESAMPLES, CONFIDENCE);
        assert_eq!(
            one_group,
            bootstrap_median(&alone, 4, RESAMPLES, CONFIDENCE)
        );
        assert_eq!(
            bootstrap_median_in_groups(&[], 4, RESAMPLES, CONFIDENCE),
            None
        );
    }

    #[test]
    fn more_values_are_known_better() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let values: Vec<f64> = (0..1000).map(|_| unit(&mut rng)).collect();
        assert!(interval(&values, 1).width() < interval(&values[..30], 1).width() / 2.0);
    }

    #[test]
    fn a_rate_becomes_a_time() {
        let rate = Interval {
            low: 1.0,
            mid: 2.0,
            high: 4.0,
        };
        let time = rate.inverse(8.0);
        assert_eq!((time.low, time.mid, time.high), (2.0, 4.0, 8.0));
        let log = rate.map(f64::ln);
        assert!(log.contains(0.0) && !log.contains(1.5));
    }
}
