//! The bootstrap where one median is not the end: resamples that can be taken from each other.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::bootstrap::{Interval, below};
use super::order::{median, quantile};

/// A figure with what resampling made of it: one value for each resample, in the order drawn. The
/// unit is that of the values it was made from.
///
/// Two that were drawn with one seed from groups of the same sizes took the same places of each group.
/// So what disturbed both at once stays in both, and goes out of their difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Resampled {
    /// The figure.
    pub mid: f64,
    drawn: Vec<f64>,
}

impl Resampled {
    /// The median of values that come in groups and share the luck of their group; groups are drawn
    /// first, then values within each, as for [`super::bootstrap_median_in_groups`]. A lone group is
    /// not drawn. `None` without values.
    #[must_use]
    pub fn median(groups: &[Vec<f64>], seed: u64, resamples: u32) -> Option<Resampled> {
        let groups: Vec<&Vec<f64>> = groups.iter().filter(|group| !group.is_empty()).collect();
        let all: Vec<f64> = groups
            .iter()
            .flat_map(|group| group.iter().copied())
            .collect();
        let mid = median(&all)?;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut sample = Vec::with_capacity(all.len());
        let drawn = (0..resamples)
            .map(|_| {
                sample.clear();
                for _ in 0..groups.len() {
                    let at = if groups.len() > 1 {
                        below(&mut rng, groups.len())
                    } else {
                        0
                    };
                    let group = groups[at];
                    sample.extend((0..group.len()).map(|_| group[below(&mut rng, group.len())]));
                }
                middle(&mut sample)
            })
            .collect();
        Some(Resampled { mid, drawn })
    }

    /// A figure that is known exactly.
    #[must_use]
    pub fn exactly(mid: f64, resamples: u32) -> Resampled {
        let drawn = vec![mid; resamples as usize];
        Resampled { mid, drawn }
    }

    /// What resampling made of it, in the order drawn.
    #[must_use]
    pub fn drawn(&self) -> &[f64] {
        &self.drawn
    }

    /// This figure less another, resample by resample.
    ///
    /// # Panics
    /// If they have different numbers of resamples.
    #[must_use]
    pub fn less(&self, other: &Resampled) -> Resampled {
        assert_eq!(self.drawn.len(), other.drawn.len(), "resamples");
        let both = self.drawn.iter().zip(&other.drawn);
        Resampled {
            mid: self.mid - other.mid,
            drawn: both.map(|(own, other)| own - other).collect(),
        }
    }

    /// The mean of several figures, resample by resample: of logarithms, the logarithm of the
    /// geometric mean. `None` without figures.
    ///
    /// # Panics
    /// If they have different numbers of resamples.
    #[must_use]
    pub fn mean(figures: &[Resampled]) -> Option<Resampled> {
        let first = figures.first()?;
        let many = figures.len() as f64;
        let mut drawn = vec![0.0; first.drawn.len()];
        for figure in figures {
            assert_eq!(figure.drawn.len(), drawn.len(), "resamples");
            for (sum, value) in drawn.iter_mut().zip(&figure.drawn) {
                *sum += value / many;
            }
        }
        let mid = figures.iter().map(|figure| figure.mid / many).sum();
        Some(Resampled { mid, drawn })
    }

    /// The figure with its percentile interval.
    ///
    /// # Panics
    /// If `confidence` is outside 0 to 1.
    #[must_use]
    pub fn interval(&self, confidence: f64) -> Interval {
        let tail = (1.0 - confidence) / 2.0;
        let end = |at| quantile(&self.drawn, at).unwrap_or(self.mid);
        Interval {
            // The ends keep the figure between them even where few resamples would not.
            low: end(tail).min(self.mid),
            mid: self.mid,
            high: end(1.0 - tail).max(self.mid),
        }
    }
}

/// The median of values that may change places; there is one at least.
fn middle(values: &mut [f64]) -> f64 {
    let at = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(at, f64::total_cmp);
    let upper = *upper;
    if even {
        let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return f64::midpoint(lower, upper);
    }
    upper
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{CONFIDENCE, RESAMPLES, bootstrap_median_in_groups};

    fn groups(seed: u64, shift: f64) -> Vec<Vec<f64>> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut value = |most: usize| below(&mut rng, most) as f64;
        (0..8)
            .map(|_| {
                let birth = value(100);
                (0..10).map(|_| shift + birth + value(20)).collect()
            })
            .collect()
    }

    fn resampled(groups: &[Vec<f64>], seed: u64) -> Resampled {
        Resampled::median(groups, seed, RESAMPLES).expect("there are values")
    }

    #[test]
    fn the_middle_is_the_median() {
        assert!((middle(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((middle(&mut [4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < 1e-12);
        assert!((middle(&mut [7.0]) - 7.0).abs() < 1e-12);
    }

    #[test]
    fn its_interval_is_that_of_the_bootstrap_up_to_the_draw() {
        let groups = groups(1, 0.0);
        let slices: Vec<&[f64]> = groups.iter().map(Vec::as_slice).collect();
        let known = bootstrap_median_in_groups(&slices, 3, RESAMPLES, CONFIDENCE).unwrap();
        let own = resampled(&groups, 3).interval(CONFIDENCE);
        assert!((own.mid - known.mid).abs() < 1e-12);
        assert!((own.low - known.low).abs() < known.width() / 5.0);
        assert!((own.high - known.high).abs() < known.width() / 5.0);
        assert_eq!(Resampled::median(&[vec![]], 1, RESAMPLES), None);
    }

    #[test]
    fn what_is_drawn_together_cancels_and_what_is_not_does_not() {
        let (a, b) = (groups(1, 0.0), groups(1, 5.0));
        let together = resampled(&b, 3).less(&resampled(&a, 3));
        let known = together.interval(CONFIDENCE);
        assert!((known.mid - 5.0).abs() < 1e-9 && known.width() < 1e-9);
        let apart = resampled(&b, 4).less(&resampled(&a, 3));
        assert!(apart.interval(CONFIDENCE).width() > 5.0);
    }

    #[test]
    fn the_mean_of_figures_is_known_better_than_each() {
        let figures: Vec<Resampled> = (0..16)
            .map(|seed| resampled(&groups(seed, 0.0), seed))
            .collect();
        let mean = Resampled::mean(&figures).unwrap().interval(CONFIDENCE);
        let one = figures[0].interval(CONFIDENCE);
        assert!(mean.width() < one.width() / 2.0);
        assert_eq!(Resampled::mean(&[]), None);
        let exact = Resampled::exactly(2.0, RESAMPLES).interval(CONFIDENCE);
        assert_eq!((exact.low, exact.mid, exact.high), (2.0, 2.0, 2.0));
    }
}
