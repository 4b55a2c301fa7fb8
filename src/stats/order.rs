//! Order statistics, and the one mean that suits ratios.

/// The median, in the unit of the values: the middle one, or the mean of the middle two. `None`
/// without values.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

/// [`median`] of values that are sorted already.
pub(super) fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(sorted[sorted.len() / 2 - 1], upper))
}

/// The median of the distances from the median, in the unit of the values and not scaled towards
/// any distribution. `None` without values; 0 for one value.
#[must_use]
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    let distances: Vec<f64> = values.iter().map(|v| (v - centre).abs()).collect();
    median(&distances)
}

/// How many values lie so far from the median that they are to be looked at: further than 3.5 times the
/// median absolute deviation scaled by 1.4826, which for a normal distribution is its standard
/// deviation. (Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993; their modified Z-score
/// has 0.6745, the inverse.) Where half the values are the same, none is an outlier by this rule.
#[must_use]
pub fn outliers(values: &[f64]) -> usize {
    const SCALE: f64 = 1.4826;
    const CUTOFF: f64 = 3.5;
    let (Some(centre), Some(mad)) = (median(values), median_absolute_deviation(values)) else {
        return 0;
    };
    if mad <= 0.0 {
        return 0;
    }
    let is_far = |value: &&f64| (**value - centre).abs() > CUTOFF * SCALE * mad;
    values.iter().filter(is_far).count()
}

/// The quantile at `at` (0 the smallest value, 1 the largest), in the unit of the values, linear
/// between neighbours: definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages"
/// (1996). `None` without values; one value is each of its quantiles.
///
/// # Panics
/// If `at` is outside 0 to 1.
#[must_use]
pub fn quantile(values: &[f64], at: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    quantile_of_sorted(&sorted, at)
}

/// [`quantile`] of values that are sorted already.
pub(super) fn quantile_of_sorted(sorted: &[f64], at: f64) -> Option<f64> {
    assert!((0.0..=1.0).contains(&at), "quantile {at} is not in 0..=1");
    let last = sorted.len().checked_sub(1)?;
    let place = at * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last index"
    )]
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    let share = place - below as f64;
    Some(sorted[below] + (sorted[above] - sorted[below]) * share)
}

/// The geometric mean, in the unit of the values: for ratios, where a half and a double cancel.
/// `None` without values, and where one is not above 0.
#[must_use]
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() || values.iter().any(|&v| v.is_nan() || v <= 0.0) {
        return None;
    }
    let sum: f64 = values.iter().map(|v| v.ln()).sum();
    Some((sum / values.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(got: Option<f64>, wanted: f64) {
        let got = got.expect("there are values");
        assert!((got - wanted).abs() < 1e-12, "{got} is not {wanted}");
    }

    #[test]
    fn no_values_have_no_statistics() {
        assert_eq!(median(&[]), None);
        assert_eq!(median_absolute_deviation(&[]), None);
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(geometric_mean(&[]), None);
    }

    #[test]
    fn one_value_is_its_own_median() {
        near(median(&[7.0]), 7.0);
        near(median_absolute_deviation(&[7.0]), 0.0);
        near(quantile(&[7.0], 0.9), 7.0);
        near(geometric_mean(&[7.0]), 7.0);
    }

    #[test]
    fn two_values_meet_in_the_middle() {
        near(median(&[4.0, 1.0]), 2.5);
        near(median_absolute_deviation(&[4.0, 1.0]), 1.5);
        near(quantile(&[4.0, 1.0], 0.25), 1.75);
        near(geometric_mean(&[4.0, 1.0]), 2.0);
    }

    #[test]
    fn order_does_not_matter_and_outliers_hardly() {
        near(median(&[3.0, 1e9, 2.0, 1.0, 4.0]), 3.0);
        near(median_absolute_deviation(&[3.0, 1e9, 2.0, 1.0, 4.0]), 1.0);
    }

    #[test]
    fn what_is_far_out_is_counted_and_what_is_merely_spread_is_not() {
        let spread: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(outliers(&spread), 0);
        // Median 2, deviation 1: 3.5 × 1.4826 is 5.19.
        assert_eq!(outliers(&[1.0, 2.0, 3.0, 7.1, 1.0, 2.0, 3.0]), 0);
        assert_eq!(outliers(&[1.0, 2.0, 3.0, 7.3, 1.0, 2.0, 3.0]), 1);
        assert_eq!(outliers(&[1.0, 2.0, 3.0, 1e9, 1.0, 2.0, -1e9]), 2);
        assert_eq!((outliers(&[]), outliers(&[5.0, 5.0, 5.0, 9.0])), (0, 0));
    }

    #[test]
    fn quantiles_follow_definition_seven() {
        let values = [10.0, 20.0, 30.0, 40.0, 50.0];
        near(quantile(&values, 0.0), 10.0);
        near(quantile(&values, 0.1), 14.0);
        near(quantile(&values, 0.5), 30.0);
        near(quantile(&values, 1.0), 50.0);
    }

    #[test]
    fn a_half_and_a_double_cancel() {
        near(geometric_mean(&[0.5, 2.0]), 1.0);
        assert_eq!(geometric_mean(&[1.0, 0.0]), None);
        assert_eq!(geometric_mean(&[1.0, -2.0]), None);
        assert_eq!(geometric_mean(&[1.0, f64::NAN]), None);
    }
}
