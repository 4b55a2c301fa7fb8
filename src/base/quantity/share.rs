//! Shares.

use std::fmt;

use serde::de::Error;
use serde::{Deserializer, Serialize, Serializer};

use super::number::{Number, float};
use super::written::{Written, raw};
use crate::base::BadInput;

/// A share in whole per cent, 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

/// A share in per cent: `2%`, `0.5%`. A bare number is per cent too, and refused where it is below 1: it may be
/// meant as a fraction.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Percentage(pub f64);

/// A share as a fraction: `0.2`, or `20%`.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fraction(pub f64);

/// A weight among others: a count, or whole per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(pub u32);

impl From<Percentage> for f64 {
    fn from(share: Percentage) -> f64 {
        share.0
    }
}

impl From<Fraction> for f64 {
    fn from(share: Fraction) -> f64 {
        share.0
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> u32 {
        weight.0
    }
}

impl Percent {
    /// Nothing.
    pub const ZERO: Percent = Percent(0);

    /// So many per cent; `None` above 100.
    #[must_use]
    pub fn new(percent: u64) -> Option<Percent> {
        let percent = u8::try_from(percent).ok()?;
        (percent <= 100).then_some(Percent(percent))
    }

    /// Per cent.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.into()
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

/// `50 %`, as people read it.
impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Per cent, and whether the text says that they are; `None` for what is no share.
fn per_cent(text: &str) -> Option<(Number, bool)> {
    match Number::split(text)? {
        (number, "%") => Some((number, true)),
        (number, "") => Some((number, false)),
        _ => None,
    }
}

impl Written for Percent {
    const WANTED: &'static str = "a share in whole per cent: \"0%\" to \"100%\"";

    fn read(text: &str) -> Result<Percent, BadInput> {
        let percent = per_cent(text).and_then(|(number, _)| number.times(1).ok());
        percent.and_then(Percent::new).ok_or_else(|| {
            BadInput(format!(
                "'{text}' is not a share in whole per cent: 0% to 100%"
            ))
        })
    }
}

impl Written for Percentage {
    const WANTED: &'static str = "a share in per cent, such as \"2%\"";

    fn read(text: &str) -> Result<Percentage, BadInput> {
        let share = per_cent(text).map(|(number, is_said)| (number.float(), is_said));
        match share.filter(|(percent, _)| percent.is_finite()) {
            Some((percent, false)) if percent > 0.0 && percent < 1.0 => {
                // Without the last digits, where a product of decimals is not theirs.
                let of_fraction = libm::round(percent * 1e12) / 1e10;
                Err(BadInput(format!(
                    "'{text}' may be {percent} % or {of_fraction} %: write {percent}% or {of_fraction}%"
                )))
            }
            Some((percent, _)) => Ok(Percentage(percent)),
            None => Err(BadInput(format!(
                "'{text}' is no share in per cent: write 2% or 0.5%"
            ))),
        }
    }
}

impl Written for Fraction {
    const WANTED: &'static str = "a share, such as 0.2 or \"20%\"";

    fn read(text: &str) -> Result<Fraction, BadInput> {
        let share = float(text);
        share
            .map(Fraction)
            .ok_or_else(|| BadInput(format!("'{text}' is no share: write 0.2 or 20%")))
    }
}

impl Written for Weight {
    const WANTED: &'static str = "a weight, such as 95 or \"95%\"";

    fn read(text: &str) -> Result<Weight, BadInput> {
        u32::read(text.strip_suffix('%').unwrap_or(text))
            .map(Weight)
            .map_err(|_| {
                BadInput(format!(
                    "'{text}' is no weight: write a whole number, 95 or 95%"
                ))
            })
    }
}

/// Reads a field whose name says that it is in per cent: a number is that whatever its size, and text is a
/// [`Percentage`].
///
/// # Errors
/// What the text is not.
pub fn some_percentage<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    let mut raw = raw(deserializer, Percentage::WANTED)?;
    if raw.is_number {
        raw.text.push('%');
    }
    let read = Percentage::read(&raw.text).map_err(D::Error::custom)?;
    Ok(Some(read.0))
}

super::written::text_of!(Percent, Percentage, Fraction, Weight);

/// As text: `50%`.
impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}%", self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[test]
    fn whole_shares_are_read_and_written() {
        for (text, percent) in [("0", 0), ("7%", 7), ("50 %", 50), ("1e2%", 100)] {
            let read: Percent = text.parse().unwrap();
            assert_eq!(read.get(), percent, "{text}");
            assert_eq!(read.to_string().parse::<Percent>().unwrap(), read);
        }
        for text in ["", "%", "101%", "-1", "+5", "0.5%", "0.5", "half"] {
            let error = text.parse::<Percent>().unwrap_err().0;
            assert!(error.contains(&format!("'{text}'")) && error.contains("0% to 100%"));
        }
    }

    #[test]
    fn a_suite_gives_text_or_a_number() {
        #[derive(Deserialize, Serialize)]
        struct File {
            absent: Vec<Percent>,
        }
        let file: File = toml::from_str("absent = ['50 %', 10, '0%']").unwrap();
        assert_eq!(file.absent.iter().map(|p| p.get()).sum::<u32>(), 60);
        let text = toml::to_string(&file).unwrap();
        assert_eq!(text.trim(), "absent = [\"50%\", \"10%\", \"0%\"]");
        assert!(toml::from_str::<File>("absent = [101]").is_err());
    }

    #[test]
    fn a_bare_number_below_one_may_be_two_things() {
        for (text, percent) in [
            ("2%", 2.0),
            ("2 %", 2.0),
            ("0.5%", 0.5),
            ("5", 5.0),
            ("1.5", 1.5),
            ("0", 0.0),
        ] {
            assert_eq!(
                text.parse::<Percentage>().unwrap(),
                Percentage(percent),
                "{text}"
            );
        }
        let error = "0.02".parse::<Percentage>().unwrap_err().0;
        assert_eq!(error, "'0.02' may be 0.02 % or 2 %: write 0.02% or 2%");
        for text in ["", "-1%", "nan", "x", "2%%"] {
            let error = text.parse::<Percentage>().unwrap_err().0;
            assert!(error.contains(&format!("'{text}' is no share")), "{error}");
        }
        for (text, share) in [("0.2", 0.2), ("20%", 0.2), ("1", 1.0)] {
            assert_eq!(text.parse::<Fraction>().unwrap(), Fraction(share), "{text}");
        }
        assert!("a fifth".parse::<Fraction>().is_err());
        assert_eq!("95%".parse::<Weight>().unwrap(), Weight(95));
        assert!("9.5%".parse::<Weight>().unwrap_err().0.contains("'9.5%'"));
    }
}
