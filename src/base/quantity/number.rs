//! A number apart from its unit.

use std::fmt;

/// A number that is not negative, as it was written: `1_000`, `1.5`, `1e6`, `2^20`.
pub struct Number {
    /// Digits, and the power of ten that they are multiplied by; `None` beyond 128 bits.
    exact: Option<(u128, i32)>,
    /// The nearest floating-point number.
    float: f64,
}

/// Why a number of units is no `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It has a part behind the point.
    Part,
    /// It takes more than 64 bits.
    Large,
}

impl Number {
    /// The number that a text begins with, and the unit behind it; `None` where it begins with none.
    pub fn split(text: &str) -> Option<(Number, &str)> {
        let (head, rest) = digits(text.trim())?;
        if let Some(rest) = rest.strip_prefix('^') {
            let (exponent, rest) = digits(rest)?;
            let base: u128 = head.parse().ok()?;
            let power = base.checked_pow(exponent.parse().ok()?);
            let number = Number {
                exact: power.map(|power| (power, 0)),
                #[expect(clippy::cast_precision_loss, reason = "the nearest one")]
                float: power.map_or(f64::INFINITY, |power| power as f64),
            };
            return Some((number, rest.trim_start()));
        }
        let (part, rest) = match rest.strip_prefix('.') {
            Some(rest) => digits(rest)?,
            None => (String::new(), rest),
        };
        let (exponent, rest) = exponent(rest)?;
        let places = i32::try_from(part.len()).ok()?;
        let all = format!("{head}{part}").parse().ok();
        let number = Number {
            exact: all.and_then(|all| Some((all, exponent.checked_sub(places)?))),
            float: format!("{head}.{part}e{exponent}").parse().ok()?,
        };
        Some((number, rest.trim_start()))
    }

    /// So many times `unit`, exactly.
    pub fn times(&self, unit: u64) -> Result<u64, Misfit> {
        let (all, exponent) = self.exact.ok_or(Misfit::Large)?;
        if all == 0 {
            return Ok(0);
        }
        let product = all.checked_mul(unit.into()).ok_or(Misfit::Large)?;
        let power = 10_u128.checked_pow(exponent.unsigned_abs());
        let whole = if exponent >= 0 {
            let scaled = power.and_then(|power| product.checked_mul(power));
            scaled.ok_or(Misfit::Large)?
        } else {
            let power = power.filter(|power| product.is_multiple_of(*power));
            product / power.ok_or(Misfit::Part)?
        };
        u64::try_from(whole).map_err(|_| Misfit::Large)
    }

    /// The nearest floating-point number.
    pub fn float(&self) -> f64 {
        self.float
    }
}

/// A number without a unit, or in per cent: `1.5`, `150%`. `None` for anything else.
pub fn float(text: &str) -> Option<f64> {
    match Number::split(text)? {
        (number, "") => Some(number.float()),
        (number, "%") => Some(number.float() / 100.0),
        _ => None,
    }
    .filter(|number| number.is_finite())
}

/// Prints so many times `scale` with a unit, with a decimal part where there is one.
pub fn with_part(f: &mut fmt::Formatter<'_>, number: u64, scale: u64, unit: &str) -> fmt::Result {
    let part = number % scale;
    if part == 0 {
        return write!(f, "{}{unit}", number / scale);
    }
    let places = scale.ilog10() as usize;
    let part = format!("{part:0places$}");
    write!(f, "{}.{}{unit}", number / scale, part.trim_end_matches('0'))
}

/// The digits at the start, without what stands between them, and the rest.
fn digits(text: &str) -> Option<(String, &str)> {
    let is_one = |c: char| c.is_ascii_digit() || c == '_';
    let end = text.find(|c: char| !is_one(c)).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit());
    begins.then(|| (digits.replace('_', ""), rest))
}

/// The power of ten that stands behind `e`, 0 where there is none, and the rest.
fn exponent(text: &str) -> Option<(i32, &str)> {
    let Some(behind) = text.strip_prefix(['e', 'E']) else {
        return Some((0, text));
    };
    let (sign, behind) = match behind.strip_prefix('-') {
        Some(behind) => (-1, behind),
        None => (1, behind.strip_prefix('+').unwrap_or(behind)),
    };
    let (exponent, rest) = digits(behind)?;
    let exponent: i32 = exponent.parse().ok()?;
    Some((sign * exponent, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_in_every_spelling() {
        for (text, unit, whole) in [
            ("1024", 1, 1024),
            ("1_000", 1, 1000),
            ("2^20", 1, 1 << 20),
            ("10^3", 1, 1000),
            ("1e6", 1, 1_000_000),
            ("1.5e+6", 1, 1_500_000),
            ("2.5e-3", 1_000_000, 2_500),
            ("1.5", 1 << 10, 1536),
            ("0.000000001", 1_000_000_000, 1),
            ("0e99", 1, 0),
            ("18446744073709551615", 1, u64::MAX),
        ] {
            let (number, rest) = Number::split(text).unwrap();
            assert_eq!((number.times(unit), rest), (Ok(whole), ""), "{text}");
        }
        for (text, why) in [
            ("1.5", Misfit::Part),
            ("1e-99", Misfit::Part),
            ("2^64", Misfit::Large),
            ("9^9999", Misfit::Large),
            ("1e99", Misfit::Large),
            ("18446744073709551616", Misfit::Large),
        ] {
            let (number, _) = Number::split(text).unwrap();
            assert_eq!(number.times(1), Err(why), "{text}");
        }
    }

    #[test]
    fn what_stands_behind_a_number_is_its_unit() {
        for (text, unit) in [("64 MB", "MB"), (" 1e3us ", "us"), ("2x", "x"), ("3", "")] {
            assert_eq!(Number::split(text).unwrap().1, unit, "{text}");
        }
        for text in [
            "", "x", "-1", "+1", "_1", ".5", "1.", "1.k", "^3", "2^", "1e", "1ex", "nan",
        ] {
            assert!(Number::split(text).is_none(), "{text}");
        }
        assert_eq!(float("0.8"), Some(0.8));
        assert_eq!(float("20%"), Some(0.2));
        assert_eq!(float("2^3"), Some(8.0));
        assert_eq!([float("1e999"), float("2k"), float("on")], [None; 3]);
    }
}
