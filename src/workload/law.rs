//! Laws of sizes: their distribution functions, and lengths drawn from them exactly.
//!
//! The generalised extreme value and generalised Pareto laws have the parameters of Atikoglu et al.
//! (SIGMETRICS 2012): location, scale and shape k, with X = location + scale (E^-k - 1) / k for an
//! exponential E, and location + scale (U^-k - 1) / k for a uniform U.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use super::alias::Alias;
use super::draws::mix;
use crate::base::{BadInput, ByteCount, counted, list};

/// A law of lengths in bytes. Lengths are whole: what is drawn is rounded down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "distribution", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Law {
    /// The generalised extreme value law.
    Gev {
        /// Location μ in bytes.
        location: f64,
        /// Scale σ in bytes, above 0.
        scale: f64,
        /// Shape k, -1 to 1; 0 is Gumbel's law.
        shape: f64,
    },
    /// The generalised Pareto law.
    Pareto {
        /// The least length in bytes.
        location: f64,
        /// Scale σ in bytes, above 0.
        scale: f64,
        /// Shape k, -1 to 1; 0 is the exponential law.
        shape: f64,
    },
    /// The logarithm is normal.
    LogNormal {
        /// Mean of the logarithm of bytes.
        mu: f64,
        /// Standard deviation of the logarithm, above 0.
        sigma: f64,
    },
    /// Some lengths, each with its share.
    Table {
        /// Lengths in bytes.
        #[serde(deserialize_with = "lengths")]
        sizes: Vec<u32>,
        /// Their shares; without `rest` only their proportions matter.
        weights: Vec<f64>,
        /// The law of all others, whose share is what `weights` lack to 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rest: Option<Box<Law>>,
    },
}

/// A length; what is too long for the type is too long for every limit, which checks name.
pub(super) fn length(bytes: ByteCount) -> u32 {
    u32::try_from(bytes.0).unwrap_or(u32::MAX)
}

fn lengths<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    list(deserializer).map(|all: Vec<ByteCount>| all.into_iter().map(length).collect())
}

impl Law {
    /// Checks the parameters.
    ///
    /// # Errors
    /// Names the one that is not valid and what would be.
    pub fn check(&self) -> Result<(), BadInput> {
        let bad = |why: String| Err(BadInput(why));
        match self {
            Law::Gev {
                location,
                scale,
                shape,
            }
            | Law::Pareto {
                location,
                scale,
                shape,
            } => {
                if !(location.is_finite() && location.abs() <= 1e9) {
                    return bad(format!("location = {location} is not valid: -10^9 to 10^9"));
                }
                if !(*scale > 0.0 && *scale <= 1e9) {
                    return bad(format!(
                        "scale = {scale} is not valid: above 0, at most 10^9"
                    ));
                }
                if !(-1.0..=1.0).contains(shape) {
                    return bad(format!("shape = {shape} is not valid: -1 to 1"));
                }
                Ok(())
            }
            Law::LogNormal { mu, sigma } => {
                if !(-20.0..=20.0).contains(mu) {
                    return bad(format!("mu = {mu} is not valid: -20 to 20"));
                }
                if !(*sigma > 0.0 && *sigma <= 20.0) {
                    return bad(format!("sigma = {sigma} is not valid: above 0, at most 20"));
                }
                Ok(())
            }
            Law::Table {
                sizes,
                weights,
                rest,
            } => check_table(sizes, weights, rest.as_deref()),
        }
    }

    /// The longest length that a table of sizes names; 0 for other laws, which have no end.
    pub(super) fn named_max(&self) -> u32 {
        match self {
            Law::Table { sizes, rest, .. } => {
                let rest = rest.as_ref().map_or(0, |rest| rest.named_max());
                sizes.iter().copied().max().unwrap_or(0).max(rest)
            }
            _ => 0,
        }
    }

    /// The share of lengths below `x` bytes, for whole `x`.
    fn below(&self, x: f64) -> f64 {
        match self {
            Law::Gev {
                location,
                scale,
                shape,
            } => {
                let at = (x - location) / scale;
                libm::exp(-power_of_law(at, *shape))
            }
            Law::Pareto {
                location,
                scale,
                shape,
            } => {
                let at = ((x - location) / scale).max(0.0);
                1.0 - power_of_law(at, *shape)
            }
            Law::LogNormal { mu, sigma } if x > 0.0 => {
                let at = (libm::log(x) - mu) / sigma;
                0.5 * libm::erfc(-at / std::f64::consts::SQRT_2)
            }
            Law::LogNormal { .. } => 0.0,
            Law::Table {
                sizes,
                weights,
                rest,
            } => {
                let sum: f64 = weights.iter().sum();
                let total = if rest.is_some() { 1.0 } else { sum };
                let named = sizes.iter().zip(weights);
                let named = named.filter(|(size, _)| f64::from(**size) < x);
                let named: f64 = named.map(|(_, weight)| weight).sum();
                let others = rest.as_ref().map_or(0.0, |rest| rest.below(x));
                (named + (total - sum).max(0.0) * others) / total
            }
        }
    }
}

/// (1 + k x)^(-1/k), and e^-x for k = 0: what both laws are made of. Beyond the end of the law it is
/// 0 (k < 0), before its beginning infinite (k > 0).
fn power_of_law(x: f64, k: f64) -> f64 {
    if k == 0.0 {
        return libm::exp(-x);
    }
    let base = 1.0 + k * x;
    if base > 0.0 {
        libm::exp(-libm::log(base) / k)
    } else if k < 0.0 {
        0.0
    } else {
        f64::INFINITY
    }
}

fn check_table(sizes: &[u32], weights: &[f64], rest: Option<&Law>) -> Result<(), BadInput> {
    let bad = |why: String| Err(BadInput(why));
    if sizes.is_empty() || sizes.len() != weights.len() {
        let (sizes, weights) = (sizes.len(), weights.len());
        return bad(format!(
            "a table of {} and {} is not valid: as many weights as sizes, at least one",
            counted(sizes as u64, "size"),
            counted(weights as u64, "weight")
        ));
    }
    let sum = check_weights(weights)?;
    let Some(rest) = rest else { return Ok(()) };
    if sum >= 1.0 {
        return bad(format!(
            "weights that add up to {sum} are not valid with a rest: less than 1, which leaves the \
             rest its share"
        ));
    }
    if matches!(rest, Law::Table { .. }) {
        return bad("a rest that is a table is not valid: put its sizes into the first".to_owned());
    }
    rest.check()
}

/// Checks weights and returns their sum.
pub(super) fn check_weights(weights: &[f64]) -> Result<f64, BadInput> {
    if let Some(weight) = weights.iter().find(|w| !(**w >= 0.0 && **w <= 1e15)) {
        let why = format!("weight {weight} is not valid: 0 to 10^15");
        return Err(BadInput(why));
    }
    let sum: f64 = weights.iter().sum();
    if sum > 0.0 {
        return Ok(sum);
    }
    Err(BadInput(
        "weights that add up to 0 are not valid: at least one above 0".to_owned(),
    ))
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Law::Gev {
                location,
                scale,
                shape,
            } => write!(f, "GEV({location}, {scale}, {shape})"),
            Law::Pareto {
                location,
                scale,
                shape,
            } => write!(f, "GPareto({location}, {scale}, {shape})"),
            Law::LogNormal { mu, sigma } => write!(f, "log-normal({mu}, {sigma})"),
            Law::Table { sizes, rest, .. } => {
                write!(f, "a table of {}", counted(sizes.len() as u64, "size"))?;
                rest.as_ref()
                    .map_or(Ok(()), |rest| write!(f, " and {rest}"))
            }
        }
    }
}

/// How many lengths have a cell of their own; longer ones are found by bisection.
const CELLS: u32 = 4096;

/// A law within bounds made ready to be drawn from: a table with the exact share of each length.
#[derive(Clone, Debug)]
pub(super) struct Drawable {
    law: Law,
    min: u32,
    max: u32,
    /// The lengths from `min` on; the last cell is all that are longer.
    cells: Alias,
    /// The first length without a cell.
    cut: u32,
    /// The share of the lengths below `cut`.
    below_cut: f64,
}

impl Drawable {
    /// What falls outside `min..=max` counts as the nearer of the two.
    pub(super) fn new(law: &Law, min: u32, max: u32) -> Drawable {
        let cut = min.saturating_add(CELLS).min(max);
        let mut shares = Vec::new();
        let mut below = 0.0;
        for length in min..cut {
            let next = law.below(f64::from(length) + 1.0);
            shares.push((next - below).max(0.0));
            below = next;
        }
        shares.push((1.0 - below).max(0.0));
        Drawable {
            law: law.clone(),
            min,
            max,
            cells: Alias::new(&shares),
            cut,
            below_cut: below,
        }
    }

    /// The length for 64 uniform bits.
    #[inline]
    pub(super) fn at(&self, bits: u64) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "at most as many as cells")]
        let length = self.min + self.cells.at(bits) as u32;
        if length < self.cut {
            length
        } else {
            self.beyond(mix(bits))
        }
    }

    /// A length from `cut` on: the greatest with no more than `wanted` below it.
    #[cold]
    fn beyond(&self, bits: u64) -> u32 {
        let unit = (bits >> 11) as f64 / (1u64 << 53) as f64;
        let wanted = self.below_cut + unit * (1.0 - self.below_cut);
        let (mut low, mut high) = (self.cut, self.max);
        while low < high {
            let middle = high - (high - low) / 2;
            if self.law.below(f64::from(middle)) <= wanted {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low
    }

    /// The mean length: the sum of the shares above each.
    pub(super) fn mean(&self) -> f64 {
        let above = (self.min + 1..=self.max).map(|length| 1.0 - self.law.below(length.into()));
        f64::from(self.min) + above.take_while(|share| *share > 1e-13).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(law: &Law, min: u32, max: u32, count: u64) -> Vec<u32> {
        let drawable = Drawable::new(law, min, max);
        let mut all: Vec<u32> = (0..count).map(|n| drawable.at(mix(n))).collect();
        all.sort_unstable();
        all
    }

    /// The greatest distance between the drawn and the true distribution function, times the root
    /// of the count: under the law it exceeds 1.95 once in a thousand (Kolmogorov).
    fn kolmogorov(sorted: &[u32], below: impl Fn(f64) -> f64) -> f64 {
        let count = sorted.len() as f64;
        let mut worst: f64 = 0.0;
        for (at, length) in sorted.iter().enumerate() {
            if sorted.get(at + 1) != Some(length) {
                let share = (at + 1) as f64 / count;
                worst = worst.max((share - below(f64::from(*length) + 1.0)).abs());
            }
        }
        worst * count.sqrt()
    }

    #[test]
    fn draws_follow_their_law() {
        let gev = |shape| Law::Gev {
            location: 30.7984,
            scale: 8.20449,
            shape,
        };
        let pareto = |shape| Law::Pareto {
            location: 15.0,
            scale: 214.476,
            shape,
        };
        let normal = Law::LogNormal {
            mu: 7.5,
            sigma: 1.2,
        };
        let laws = [
            gev(0.078_688),
            gev(0.0),
            gev(-0.2),
            pareto(0.348_238),
            pareto(0.0),
            pareto(-0.3),
            normal,
        ];
        for law in laws {
            let sorted = draws(&law, 0, 1 << 20, 100_000);
            let distance = kolmogorov(&sorted, |x| law.below(x));
            assert!(distance < 1.95, "{law}: {distance}");
        }
    }

    /// The samplers as they were published, from uniform numbers of their own: they must agree with
    /// the distribution functions written here.
    #[test]
    fn the_published_samplers_have_the_same_law() {
        let unit = |n: u64| ((mix(n) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        let (location, scale, shape) = (30.7984, 8.20449, 0.078_688);
        let gev = |u: f64, k: f64| (-u.ln()).powf(-k);
        let pareto = |u: f64, k: f64| u.powf(-k);
        let samplers: [&dyn Fn(f64, f64) -> f64; 2] = [&gev, &pareto];
        let laws = [
            Law::Gev {
                location,
                scale,
                shape,
            },
            Law::Pareto {
                location,
                scale,
                shape,
            },
        ];
        for (law, sampler) in laws.into_iter().zip(samplers) {
            let mut sorted: Vec<u32> = (0..100_000)
                .map(|n| {
                    let x = location + scale * (sampler(unit(n), shape) - 1.0) / shape;
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "casts saturate"
                    )]
                    let length = x.floor() as u32;
                    length
                })
                .collect();
            sorted.sort_unstable();
            let distance = kolmogorov(&sorted, |x| law.below(x));
            assert!(distance < 1.95, "{law}: {distance}");
        }
    }

    #[test]
    fn means_are_the_published_moments() {
        let mean = |law: Law| Drawable::new(&law, 0, 1 << 20).mean();
        // Rounding down takes half a byte from each.
        let pareto = Law::Pareto {
            location: 15.0,
            scale: 214.476,
            shape: 0.348_238,
        };
        let expected = 15.0 + 214.476 / (1.0 - 0.348_238) - 0.5;
        assert!((mean(pareto) - expected).abs() < 0.5);
        let gev = Law::Gev {
            location: 30.7984,
            scale: 8.20449,
            shape: 0.078_688,
        };
        let expected = 30.7984 + 8.20449 * (libm::tgamma(1.0 - 0.078_688) - 1.0) / 0.078_688 - 0.5;
        assert!((mean(gev) - expected).abs() < 0.05);
        let normal = Law::LogNormal {
            mu: 4.0,
            sigma: 0.5,
        };
        assert!((mean(normal) - ((4.0f64 + 0.125).exp() - 0.5)).abs() < 0.1);
        let table = Law::Table {
            sizes: vec![10, 100],
            weights: vec![3.0, 1.0],
            rest: None,
        };
        assert!((mean(table) - 32.5).abs() < 1e-9);
    }

    #[test]
    fn bounds_hold_and_take_what_is_outside() {
        let law = Law::LogNormal {
            mu: 7.0,
            sigma: 2.0,
        };
        let sorted = draws(&law, 100, 9_000, 20_000);
        assert_eq!((sorted[0], sorted[19_999]), (100, 9_000));
        let at_end = sorted.iter().filter(|length| **length == 9_000).count() as f64;
        let share = 1.0 - law.below(9_000.0);
        assert!((at_end / 20_000.0 - share).abs() < 0.01);
        assert!(draws(&law, 7, 7, 10).iter().all(|length| *length == 7));
    }

    #[test]
    fn parameters_are_checked() {
        let table = |sizes: &[u32], weights: &[f64], rest| Law::Table {
            sizes: sizes.to_vec(),
            weights: weights.to_vec(),
            rest,
        };
        let normal = |mu, sigma| Law::LogNormal { mu, sigma };
        let pareto = |location, scale, shape| Law::Pareto {
            location,
            scale,
            shape,
        };
        for (law, words) in [
            (pareto(f64::NAN, 1.0, 0.0), "location = NaN"),
            (pareto(0.0, 0.0, 0.0), "scale = 0"),
            (pareto(0.0, 1.0, 1.5), "shape = 1.5"),
            (normal(99.0, 1.0), "mu = 99"),
            (normal(1.0, -1.0), "sigma = -1"),
            (table(&[], &[], None), "0 sizes and 0 weights"),
            (table(&[1], &[0.0], None), "add up to 0"),
            (table(&[1], &[-1.0], None), "weight -1"),
            (
                table(&[1], &[1.0], Some(Box::new(normal(1.0, 1.0)))),
                "less than 1",
            ),
            (
                table(&[1], &[0.5], Some(Box::new(normal(1.0, 0.0)))),
                "sigma = 0",
            ),
        ] {
            let error = law.check().unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
