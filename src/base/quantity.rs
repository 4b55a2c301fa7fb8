//! Quantities with units, as files write them: `"64Mi"` bytes, `"200us"`.

use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BadInput, human_integer, parse_integer};

/// A number of bytes: written as an integer or in the grammar of spec values (`2^20`, `64Mi`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteCount(pub u64);

/// A length of time in whole nanoseconds: written as a number and a unit (`80ns`, `200us`, `1.5ms`,
/// `2s`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanoseconds(pub u64);

/// A rate in whole operations a second: written as a number with or without `k`, `M` or `G` (`950`,
/// `100k`, `1.5M`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerSecond(pub u64);

/// Thousands, for rates.
const THOUSANDS: [(&str, u32); 3] = [("G", 9), ("M", 6), ("k", 3)];

/// Units with the nanoseconds they have, longest first where one ends like another.
const UNITS: [(&str, u32); 4] = [("ns", 0), ("us", 3), ("ms", 6), ("s", 9)];

impl FromStr for ByteCount {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<ByteCount, BadInput> {
        parse_integer(text).map(ByteCount).ok_or_else(|| {
            BadInput(format!(
                "'{text}' is no number of bytes: write 65536, 2^20 or 64Mi"
            ))
        })
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bits, unit) in [(30, "Gi"), (20, "Mi"), (10, "Ki")] {
            if self.0 > 0 && self.0.trailing_zeros() >= bits {
                return write!(f, "{}{unit}", self.0 >> bits);
            }
        }
        f.write_str(&human_integer(self.0))
    }
}

impl FromStr for Nanoseconds {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Nanoseconds, BadInput> {
        let bad = || {
            BadInput(format!(
                "'{text}' is no time: write a number and ns, us, ms or s, such as 200us or 1.5ms"
            ))
        };
        let (number, digits) = UNITS
            .iter()
            .find_map(|(unit, digits)| Some((text.strip_suffix(unit)?, *digits)))
            .ok_or_else(bad)?;
        scaled(number, digits).map(Nanoseconds).ok_or_else(bad)
    }
}

/// A decimal times ten to the power of `digits`, where that is a whole number.
fn scaled(number: &str, digits: u32) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits = is_number(whole)
        && (is_number(part) || !number.contains('.'))
        && part.len() <= digits as usize;
    if !fits {
        return None;
    }
    let places = u32::try_from(part.len()).expect("nine at most");
    let scale = 10_u64.pow(digits - places);
    format!("{whole}{part}")
        .parse::<u64>()
        .ok()?
        .checked_mul(scale)
}

/// A whole number of units, with a decimal part where that is shorter than the next smaller unit.
fn with_part(f: &mut fmt::Formatter<'_>, number: u64, digits: u32, unit: &str) -> fmt::Result {
    let scale = 10_u64.pow(digits);
    let part = number % scale;
    if part == 0 {
        return write!(f, "{}{unit}", number / scale);
    }
    let places = digits as usize;
    let part = format!("{part:0places$}");
    write!(f, "{}.{}{unit}", number / scale, part.trim_end_matches('0'))
}

impl FromStr for PerSecond {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<PerSecond, BadInput> {
        let (number, digits) = THOUSANDS
            .iter()
            .find_map(|(unit, digits)| Some((text.strip_suffix(unit)?, *digits)))
            .unwrap_or((text, 0));
        scaled(number, digits)
            .filter(|rate| *rate > 0)
            .map(PerSecond)
            .ok_or_else(|| {
                BadInput(format!(
                    "'{text}' is no rate: write operations a second above 0, such as 950, 100k or 1.5M"
                ))
            })
    }
}

impl fmt::Display for PerSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, digits) in THOUSANDS {
            // Three decimals are as many as a person reads.
            if self.0 >= 10_u64.pow(digits) && self.0.is_multiple_of(10_u64.pow(digits - 3)) {
                return with_part(f, self.0, digits, unit);
            }
        }
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, digits) in UNITS.iter().rev() {
            let scale = 10_u64.pow(*digits);
            if self.0 >= scale || *digits == 0 {
                return with_part(f, self.0, *digits, unit);
            }
        }
        Ok(())
    }
}

/// Reads a string, or for bytes an integer.
struct Text(&'static str);

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        u64::try_from(number)
            .map(|number| number.to_string())
            .map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

impl<'de> Deserialize<'de> for ByteCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ByteCount, D::Error> {
        let text = deserializer.deserialize_any(Text("a number of bytes, such as \"64Mi\""))?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for ByteCount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nanoseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Nanoseconds, D::Error> {
        let text = deserializer.deserialize_any(Text("a time, such as \"200us\""))?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for Nanoseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PerSecond {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PerSecond, D::Error> {
        let text = deserializer.deserialize_any(Text("a rate, such as \"100k\""))?;
        text.parse().map_err(D::Error::custom)
    }
}

impl Serialize for PerSecond {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The nearest whole number of what is not negative: a rate, a time, a count. Saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and a cast keeps within the type"
)]
#[must_use]
pub fn whole(number: f64) -> u64 {
    libm::round(number) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_specs_write_them_and_shown_short() {
        for (text, bytes, shown) in [
            ("64Mi", 64 << 20, "64Mi"),
            ("2^20", 1 << 20, "1Mi"),
            ("1536", 1536, "1536"),
            ("3Ki", 3072, "3Ki"),
        ] {
            let count: ByteCount = text.parse().unwrap();
            assert_eq!((count.0, count.to_string().as_str()), (bytes, shown));
        }
        let error = "64MB".parse::<ByteCount>().unwrap_err();
        assert!(error.0.contains("64MB") && error.0.contains("64Mi"));
        let read: Vec<ByteCount> = serde_json::from_str("[4096, \"1Mi\"]").unwrap();
        assert_eq!(read, [ByteCount(4096), ByteCount(1 << 20)]);
        assert_eq!(serde_json::to_string(&read).unwrap(), "[\"4Ki\",\"1Mi\"]");
        assert!(serde_json::from_str::<ByteCount>("-1").is_err());
    }

    #[test]
    fn times_have_units_and_no_less_than_nanoseconds() {
        for (text, ns, shown) in [
            ("80ns", 80, "80ns"),
            ("200us", 200_000, "200us"),
            ("1.5ms", 1_500_000, "1.5ms"),
            ("0.25us", 250, "250ns"),
            ("2s", 2_000_000_000, "2s"),
            ("0ns", 0, "0ns"),
        ] {
            let time: Nanoseconds = text.parse().unwrap();
            assert_eq!((time.0, time.to_string().as_str()), (ns, shown), "{text}");
        }
        for text in [
            "200",
            "us",
            "1.us",
            "-1us",
            "1.5ns",
            "99999999999s",
            "1e3us",
        ] {
            let error = text.parse::<Nanoseconds>().unwrap_err();
            assert!(
                error.0.contains(text) && error.0.contains("200us"),
                "{error}"
            );
        }
        assert_eq!(
            serde_json::from_str::<Nanoseconds>("\"1.5ms\"").unwrap(),
            Nanoseconds(1_500_000)
        );
    }

    #[test]
    fn rates_are_read_and_shown_in_thousands() {
        for (text, rate, shown) in [
            ("950", 950, "950"),
            ("100k", 100_000, "100k"),
            ("1M", 1_000_000, "1M"),
            ("1.5M", 1_500_000, "1.5M"),
            ("1000k", 1_000_000, "1M"),
            ("1234567", 1_234_567, "1234.567k"),
            ("1234.567k", 1_234_567, "1234.567k"),
        ] {
            let read: PerSecond = text.parse().unwrap();
            assert_eq!((read.0, read.to_string().as_str()), (rate, shown), "{text}");
        }
        for text in ["0", "fast", "-1", "1.5", "k", "1e6", "99999999999G"] {
            let error = text.parse::<PerSecond>().unwrap_err();
            assert!(
                error.0.contains(text) && error.0.contains("100k"),
                "{error}"
            );
        }
        let read: Vec<PerSecond> = serde_json::from_str("[4096, \"1M\"]").unwrap();
        assert_eq!(read, [PerSecond(4096), PerSecond(1_000_000)]);
    }
}
