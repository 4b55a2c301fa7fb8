//! Where a series changes its level: E-divisive means.
//!
//! **Source:** Matteson & James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate
//! Data", Journal of the American Statistical Association 109(505), 2014; with the one end of each segment fixed, as in Daly,
//! Brown, Ingo, O'Leary & Bradford, "The Use of Change Point Detection to Identify Software Performance
//! Regressions in a Continuous Integration System", ICPE 2020.
//!
//! A segment is cut where the energy distance between its two parts, weighted by their lengths, is largest; of all
//! segments the one where that is largest of all goes first. The cut stands if a permutation test finds it: with the
//! values of each segment in random order, a cut as good must come up with a probability of at most the level. The
//! test takes values to be exchangeable where nothing changes: a series that drifts, or whose values depend on the one
//! before, has more alarms than the level says. PELT (Killick et al. 2012) would need a penalty and a law of
//! the noise; this needs neither.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_xoshiro::Xoshiro256PlusPlus;

/// How many permutations a level takes, times the level: the least probability that so many can show is a fourth
/// of it.
const FOR_A_LEVEL: f64 = 4.0;

/// The least permutations.
const LEAST_PERMUTATIONS: u32 = 999;

/// The most permutations, which bounds the time.
const MOST_PERMUTATIONS: u32 = 99_999;

/// The places in a series at which a new level begins, rising. In a series without a change, the probability that
/// there is one is at most `level`. No part between two changes has fewer than `least` values. The same arguments
/// give the same places.
#[must_use]
pub fn change_points(series: &[f64], level: f64, least: usize, seed: u64) -> Vec<usize> {
    let least = least.max(2);
    if series.iter().any(|value| !value.is_finite()) {
        return Vec::new();
    }
    let wanted = (FOR_A_LEVEL / level.max(f64::MIN_POSITIVE)).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between the least and the most"
    )]
    let permutations = wanted.clamp(LEAST_PERMUTATIONS.into(), MOST_PERMUTATIONS.into()) as u32;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut cuts: Vec<usize> = Vec::new();
    loop {
        let segments = segments(&cuts, series.len());
        let Some(best) = best_of(series, &segments, least) else {
            return cuts;
        };
        if !stands(
            series,
            &segments,
            (best.1, least),
            (level, permutations),
            &mut random,
        ) {
            return cuts;
        }
        cuts.push(best.0);
        cuts.sort_unstable();
    }
}

/// The parts between cuts, as ranges.
fn segments(cuts: &[usize], length: usize) -> Vec<(usize, usize)> {
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain(std::iter::once(length));
    starts.zip(ends).collect()
}

/// The best cut of all segments, as a place in the series, and how good it is.
fn best_of(series: &[f64], segments: &[(usize, usize)], least: usize) -> Option<(usize, f64)> {
    let cuts = segments.iter().filter_map(|&(from, to)| {
        let (at, value) = best_cut(&series[from..to], least)?;
        Some((from + at, value))
    });
    cuts.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// The best cut of one segment. Sums of distances are carried from one cut to the next.
fn best_cut(values: &[f64], least: usize) -> Option<(usize, f64)> {
    let count = values.len();
    if count < 2 * least {
        return None;
    }
    let distance = |a: usize, b: usize| (values[a] - values[b]).abs();
    // Within the left part, within the right part, and between the two.
    let (mut left, mut between) = (0.0, 0.0);
    let mut right: f64 = (0..count)
        .map(|a| (a + 1..count).map(|b| distance(a, b)).sum::<f64>())
        .sum();
    let mut best: Option<(usize, f64)> = None;
    for at in 1..=count - least {
        // The value before the cut goes from the right part to the left.
        let moved = at - 1;
        let to_left: f64 = (0..moved).map(|other| distance(other, moved)).sum();
        let to_right: f64 = (at..count).map(|other| distance(moved, other)).sum();
        left += to_left;
        right -= to_right;
        between += to_right - to_left;
        if at < least {
            continue;
        }
        let (m, n) = (at as f64, (count - at) as f64);
        let energy =
            2.0 * between / (m * n) - 2.0 * left / (m * (m - 1.0)) - 2.0 * right / (n * (n - 1.0));
        let value = m * n / (m + n) * energy;
        if best.is_none_or(|(_, known)| value > known) {
            best = Some((at, value));
        }
    }
    best
}

/// Whether so good a cut comes up by chance with a probability of at most the level.
fn stands(
    series: &[f64],
    segments: &[(usize, usize)],
    (found, least): (f64, usize),
    (level, permutations): (f64, u32),
    random: &mut Xoshiro256PlusPlus,
) -> bool {
    let allowed = level * f64::from(permutations + 1);
    let mut as_good = 1.0;
    let mut shuffled = series.to_vec();
    for _ in 0..permutations {
        for &(from, to) in segments {
            shuffled[from..to].shuffle(random);
        }
        let best = best_of(&shuffled, segments, least);
        if best.is_some_and(|(_, value)| value >= found) {
            as_good += 1.0;
            if as_good > allowed {
                return false;
            }
        }
    }
    as_good <= allowed
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    /// A standard normal value, nearly: the sum of twelve uniform ones.
    fn deviate(random: &mut Xoshiro256PlusPlus) -> f64 {
        let uniform = |bits: u64| (bits >> 11) as f64 / (1_u64 << 53) as f64;
        (0..12).map(|_| uniform(random.next_u64())).sum::<f64>() - 6.0
    }

    /// Values of a standard deviation around 1, from one of two levels.
    fn noisy(count: usize, sd: f64, step: (usize, f64), seed: u64) -> Vec<f64> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..count)
            .map(|at| {
                let level = if at < step.0 { 1.0 } else { step.1 };
                level * (sd * deviate(&mut random)).exp()
            })
            .collect()
    }

    #[test]
    fn a_step_is_found_where_it_is_and_a_flat_series_has_none() {
        for seed in 0..5 {
            let stepped = noisy(30, 0.02, (18, 0.9), seed);
            assert_eq!(change_points(&stepped, 0.05, 3, 1), [18], "{seed}");
            let flat = noisy(30, 0.02, (30, 1.0), seed);
            assert_eq!(change_points(&flat, 0.01, 3, 1), [0; 0], "{seed}");
        }
    }

    #[test]
    fn several_steps_are_found() {
        let mut series = noisy(20, 0.01, (20, 1.0), 1);
        series.extend(noisy(20, 0.01, (0, 1.2), 2));
        series.extend(noisy(20, 0.01, (0, 0.9), 3));
        assert_eq!(change_points(&series, 0.05, 3, 1), [20, 40]);
    }

    #[test]
    fn alarms_in_flat_series_are_as_rare_as_the_level_says() {
        let alarms = (0..200)
            .filter(|&seed| {
                !change_points(&noisy(20, 0.05, (20, 1.0), 100 + seed), 0.05, 3, 1).is_empty()
            })
            .count();
        // 10 are expected; 20 or more come up once in 400 times.
        assert!(alarms < 20, "{alarms}");
    }

    #[test]
    fn too_few_values_and_no_numbers_have_no_change() {
        assert!(change_points(&[], 0.05, 3, 1).is_empty());
        assert!(change_points(&[1.0, 1.0, 1.0, 9.0, 9.0], 0.5, 3, 1).is_empty());
        assert!(change_points(&[f64::NAN; 30], 0.05, 3, 1).is_empty());
        // All the same: any cut is as good as any other.
        assert!(change_points(&[1.0; 30], 0.05, 3, 1).is_empty());
        let one_is_other = [1.0, 1.0, 1.0, 1.0, 9.0, 1.0, 1.0, 1.0, 1.0, 1.0];
        assert!(change_points(&one_is_other, 0.05, 3, 1).is_empty());
    }
}
