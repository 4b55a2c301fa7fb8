//! Rates, and how many times as fast.

use std::fmt;

use serde::{Serialize, Serializer};

use super::count::multiple;
use super::number::{Number, with_part};
use super::written::Written;
use crate::base::BadInput;

/// A rate in whole operations a second, above 0: a count, with or without `/s` behind it (`950`, `100k`, `1e6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerSecond(pub u64);

/// How many times as fast: `2x`, or `2`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Factor(pub f64);

impl From<Factor> for f64 {
    fn from(factor: Factor) -> f64 {
        factor.0
    }
}

/// Units that rates are printed in.
const THOUSANDS: [(&str, u64); 3] = [("G", 1_000_000_000), ("M", 1_000_000), ("k", 1_000)];

impl Written for PerSecond {
    const WANTED: &'static str = "a rate, such as \"100k\"";

    fn read(text: &str) -> Result<PerSecond, BadInput> {
        let rate = Number::split(text).and_then(|(number, unit)| {
            let unit = unit.strip_suffix("/s").unwrap_or(unit);
            number.times(multiple(unit)?).ok()
        });
        rate.filter(|rate| *rate > 0).map(PerSecond).ok_or_else(|| {
            BadInput(format!(
                "'{text}' is no rate: write operations a second above 0, such as 950, 100k, 1.5M or 1e6"
            ))
        })
    }
}

impl Written for Factor {
    const WANTED: &'static str = "a factor, such as \"2x\"";

    fn read(text: &str) -> Result<Factor, BadInput> {
        let behind = text.strip_prefix('x').unwrap_or(text);
        let factor = match Number::split(behind) {
            Some((number, "")) => Some(number.float()),
            Some((number, "x" | "×")) if behind == text => Some(number.float()),
            _ => None,
        };
        let finite = factor.filter(|factor| factor.is_finite());
        finite.map(Factor).ok_or_else(|| {
            BadInput(format!(
                "'{text}' is no factor: write a number such as 2x, 0.5x or 10"
            ))
        })
    }
}

super::written::text_of!(PerSecond, Factor);

impl fmt::Display for PerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, scale) in THOUSANDS {
            // Three decimals are as many as a person reads.
            if self.0 >= scale && self.0.is_multiple_of(scale / 1_000) {
                return with_part(f, self.0, scale, unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl Serialize for PerSecond {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_shown_in_thousands() {
        for (text, rate, shown) in [
            ("950", 950, "950"),
            ("100k", 100_000, "100k"),
            ("100k/s", 100_000, "100k"),
            ("1M", 1_000_000, "1M"),
            ("1e6", 1_000_000, "1M"),
            ("1.5M", 1_500_000, "1.5M"),
            ("1000k", 1_000_000, "1M"),
            ("1234567", 1_234_567, "1234.567k"),
            ("1234.567k", 1_234_567, "1234.567k"),
        ] {
            let read: PerSecond = text.parse().unwrap();
            assert_eq!((read.0, read.to_string().as_str()), (rate, shown), "{text}");
        }
        for text in ["0", "fast", "-1", "1.5", "k", "1m", "99999999999G"] {
            let error = text.parse::<PerSecond>().unwrap_err();
            assert!(
                error.0.contains(text) && error.0.contains("100k"),
                "{error}"
            );
        }
        let read: Vec<PerSecond> = serde_json::from_str("[4096, \"1M\"]").unwrap();
        assert_eq!(read, [PerSecond(4096), PerSecond(1_000_000)]);
    }

    #[test]
    fn factors_have_an_x_or_none() {
        for (text, factor) in [("2x", 2.0), ("x10", 10.0), ("0.5", 0.5), ("1e3x", 1000.0)] {
            assert_eq!(text.parse::<Factor>().unwrap(), Factor(factor), "{text}");
        }
        for text in ["", "x", "x2x", "2y", "-1", "fast", "nan"] {
            let error = text.parse::<Factor>().unwrap_err().0;
            assert!(
                error.contains(&format!("'{text}'")) && error.contains("2x"),
                "{error}"
            );
        }
    }
}
