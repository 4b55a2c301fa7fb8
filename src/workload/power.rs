//! Logarithms and powers to base 2 for ordinary numbers, twice as fast as a library's that must
//! answer for every number.
//!
//! Both look up the nearest point of a table and go on from there by a Taylor polynomial (Tang,
//! "Table-driven implementation of the logarithm function in IEEE floating-point arithmetic", ACM
//! TOMS 1990, and its companion on the exponential, 1989). All steps are single additions and
//! multiplications and the tables come from the portable library, so results are the same on every
//! machine.

use std::f64::consts::LN_2;
use std::sync::LazyLock;

/// Points of a table for each power of two.
const LOG_POINTS: usize = 64;
const EXP_POINTS: usize = 128;

const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const FRACTION: u64 = (1 << FRACTION_BITS) - 1;

/// The tables; see [`powers`].
pub(super) struct Powers {
    logs: [Point; LOG_POINTS + 1],
    /// The bits of 2^(i/128), from which those of i's own place in an exponent are taken: adding
    /// all of k to them then gives 2^(k/128) for every whole k.
    exps: [u64; EXP_POINTS],
}

/// A point from 1/2 to 1.
#[derive(Clone, Copy)]
struct Point {
    at: f64,
    reciprocal: f64,
    log2: f64,
}

/// The tables, made when they are first asked for.
pub(super) fn powers() -> &'static Powers {
    static POWERS: LazyLock<Powers> = LazyLock::new(|| Powers {
        logs: std::array::from_fn(|i| {
            let at = 0.5 + i as f64 / (2 * LOG_POINTS) as f64;
            Point {
                at,
                reciprocal: 1.0 / at,
                log2: libm::log2(at),
            }
        }),
        exps: std::array::from_fn(|i| {
            let bits = libm::exp2(i as f64 / EXP_POINTS as f64).to_bits();
            bits.wrapping_sub((i as u64) << PLACE)
        }),
    });
    &POWERS
}

/// Where k of 2^(k/128) stands so that its whole part falls on the exponent.
const PLACE: u32 = FRACTION_BITS - EXP_POINTS.trailing_zeros();

impl Powers {
    /// log2 x for a normal x > 0, within 2^-51 of |log2 x|, and 2^-53 besides where x is not within
    /// 2^-8 below 1.
    #[inline]
    pub(super) fn log2(&self, x: f64) -> f64 {
        // x = z 2^exponent with z in [1/2, 1), so that 1 is a point of its own and what is close
        // below it, where most draws are, keeps all digits.
        let (fraction, exponent) = (x.to_bits() & FRACTION, x.to_bits() >> FRACTION_BITS);
        let exponent = exponent.cast_signed() - 1022;
        let z = f64::from_bits(fraction | 1022 << FRACTION_BITS);
        let half_step = 1 << (FRACTION_BITS - LOG_POINTS.trailing_zeros() - 1);
        let nearest = (fraction + half_step) >> (FRACTION_BITS - LOG_POINTS.trailing_zeros());
        #[expect(clippy::cast_possible_truncation, reason = "0 to 64")]
        let point = self.logs[nearest as usize];
        // log2(1 + r) with |r| <= 2^-7: the first term left out is below 2^-58.
        let r = (z - point.at) * point.reciprocal;
        let square = r * r;
        let term = |n: f64| 1.0 / (n * LN_2);
        let high = (term(5.0) - r * term(6.0)) + square * term(7.0);
        let low = (term(1.0) - r * term(2.0)) + square * (term(3.0) - r * term(4.0));
        let series = r * (low + square * square * high);
        (exponent as f64 + point.log2) + series
    }

    /// 2^x for -1000 <= x <= 1000, within 2^-52 of it.
    #[inline]
    pub(super) fn exp2(&self, x: f64) -> f64 {
        // Adding a number with 2^-7 as its last place rounds to it; k then stands in the low bits.
        const ROUNDING: f64 = 1.5 * ((1u64 << FRACTION_BITS) / EXP_POINTS as u64) as f64;
        let shifted = x + ROUNDING;
        let k = shifted.to_bits();
        #[expect(clippy::cast_possible_truncation, reason = "0 to 127")]
        let point = self.exps[(k % EXP_POINTS as u64) as usize];
        let power = f64::from_bits(point.wrapping_add(k << PLACE));
        // 2^r - 1 with |r| <= 2^-8: the first term left out is below 2^-60.
        let r = (x - (shifted - ROUNDING)) * LN_2;
        let square = r * r;
        let low = r + square * (0.5 + r * (1.0 / 6.0));
        let high = 1.0 / 24.0 + r * (1.0 / 120.0);
        power + power * (low + square * square * high)
    }
}

#[cfg(test)]
mod tests {
    use super::super::draws::Draws;
    use super::*;

    #[test]
    fn logarithms_are_the_library_s() {
        let powers = powers();
        let mut draws = Draws::new(1, 0);
        assert!(powers.log2(1.0).abs() < f64::MIN_POSITIVE);
        for n in 0..200_000 {
            // All over (0, 1], close to 1, and large.
            let unit = 1.0 - draws.unit();
            let small = libm::exp2(-40.0 * draws.unit());
            let x = match n % 3 {
                0 => unit,
                1 => 1.0 - 0.5 * small,
                _ => 1e10 * small,
            };
            let exact = libm::log2(x);
            let off = (powers.log2(x) - exact).abs();
            let just_below_one = (1.0 - 1.0 / 256.0..=1.0).contains(&x);
            let allowed =
                2.0 * f64::EPSILON * exact.abs() + f64::EPSILON / 2.0 * f64::from(!just_below_one);
            assert!(off <= allowed, "{x}: off by {off:e}, log2 is {exact}");
        }
    }

    #[test]
    fn powers_are_the_library_s() {
        let powers = powers();
        let mut draws = Draws::new(2, 0);
        for n in 0..200_000 {
            let scale = [1.0, 40.0, 1000.0, 1e-9][n % 4];
            let x = scale * (2.0 * draws.unit() - 1.0);
            let exact = libm::exp2(x);
            let off = (powers.exp2(x) / exact - 1.0).abs();
            assert!(off <= f64::EPSILON, "2^{x}: off by {off:e}");
        }
        for x in [-1000.0, -1.0, 0.0, 1.0, 10.0, 1000.0] {
            assert!((powers.exp2(x) / libm::exp2(x) - 1.0).abs() < f64::MIN_POSITIVE);
        }
    }
}
