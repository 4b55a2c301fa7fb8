//! The normal distribution.

use std::f64::consts::SQRT_2;

/// How many standard deviations a normal variable exceeds, to either side, with a probability of `part`:
/// 1.96 for 0.05, the 95 % interval's. 0 for 1 and more, without bound for 0.
#[must_use]
pub fn two_sided_deviations(part: f64) -> f64 {
    if part <= 0.0 {
        return f64::INFINITY;
    }
    // The complementary error function falls, and at 40 it is 0 in this type: halve what lies between.
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if libm::erfc(middle / SQRT_2) > part {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, table 26.1 and the usual ones.
    #[test]
    fn the_known_quantiles_come_out() {
        for (part, deviations) in [
            (0.317_310_508, 1.0),
            (0.05, 1.959_963_985),
            (0.01, 2.575_829_304),
            (0.002, 3.090_232_306),
            (5.733_031_4e-7, 5.0),
        ] {
            let got = two_sided_deviations(part);
            assert!((got - deviations).abs() < 1e-6, "{part}: {got}");
        }
        assert!(two_sided_deviations(1.0).abs() < 1e-9);
        assert!(two_sided_deviations(0.0).is_infinite());
    }
}
