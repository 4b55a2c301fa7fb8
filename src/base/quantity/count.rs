//! Counts, lists and ranges of them, and how they are printed.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::number::{Misfit, Number};
use super::written::Written;
use crate::base::BadInput;

/// How many a unit of counting stands for; `None` for what is no such unit.
pub(super) fn multiple(unit: &str) -> Option<u64> {
    Some(match unit {
        "" => 1,
        "k" | "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    })
}

/// How a count is written, for errors.
const NOTATION: &str = "1000000, 10M, 1e6, 2^20 or 64Ki";

impl Written for u64 {
    const WANTED: &'static str = "a count, such as 1000000, 10M or 2^20";

    fn read(text: &str) -> Result<u64, BadInput> {
        let number = Number::split(text);
        let count = number.and_then(|(number, unit)| Some(number.times(multiple(unit)?)));
        match count {
            Some(Ok(count)) => Ok(count),
            Some(Err(Misfit::Large)) => Err(too_large(text, u64::MAX)),
            Some(Err(Misfit::Part)) | None => Err(BadInput(format!(
                "'{text}' is no whole number: write {NOTATION}"
            ))),
        }
    }

    fn read_all(text: &str) -> Result<Vec<u64>, BadInput> {
        let mut all = Vec::new();
        for part in text.split(',').map(str::trim) {
            let range = read_range(part)?;
            let many = range.end() - range.start();
            if many >= MOST_OF_A_RANGE {
                return Err(BadInput(format!(
                    "'{part}' stands for {} numbers: at most {MOST_OF_A_RANGE}",
                    many.saturating_add(1)
                )));
            }
            all.extend(range);
        }
        Ok(all)
    }
}

impl Written for u32 {
    const WANTED: &'static str = <u64 as Written>::WANTED;

    fn read(text: &str) -> Result<u32, BadInput> {
        narrow(text, u64::read(text)?)
    }

    fn read_all(text: &str) -> Result<Vec<u32>, BadInput> {
        let all = u64::read_all(text)?;
        all.into_iter().map(|count| narrow(text, count)).collect()
    }
}

fn narrow(text: &str, count: u64) -> Result<u32, BadInput> {
    u32::try_from(count).map_err(|_| too_large(text, u32::MAX))
}

fn too_large(text: &str, most: impl fmt::Display) -> BadInput {
    BadInput(format!("'{text}' is too large: at most {most}"))
}

/// The most numbers that a range in a list stands for.
const MOST_OF_A_RANGE: u64 = 4096;

/// Reads a range of counts, both ends included: `17-20`, or `3` alone.
///
/// # Errors
/// What is no count, or a range that ends before it begins.
pub fn read_range(text: &str) -> Result<RangeInclusive<u64>, BadInput> {
    // An exponent has a sign of its own, and stands behind a digit and an e.
    let dash = text.match_indices('-').map(|(at, _)| at).find(|&at| {
        let before = text[..at].trim_end();
        !before.ends_with(['e', 'E'])
    });
    let Some(dash) = dash.filter(|dash| *dash > 0) else {
        let count = u64::read(text)?;
        return Ok(count..=count);
    };
    let range = u64::read(text[..dash].trim())?..=u64::read(text[dash + 1..].trim())?;
    if range.is_empty() {
        return Err(BadInput(format!(
            "'{text}' ends before it begins: write a range such as 1-4"
        )));
    }
    Ok(range)
}

/// Reads a count within bounds, both included.
///
/// # Errors
/// What is no count, or one out of bounds, with the bounds.
pub fn within<T: TryFrom<u64>>(text: &str, bounds: RangeInclusive<u64>) -> Result<T, BadInput> {
    let count = u64::read(text)?;
    let fits = Some(count).filter(|count| bounds.contains(count));
    fits.and_then(|count| T::try_from(count).ok())
        .ok_or_else(|| {
            BadInput(format!(
                "'{text}' is not valid: {} to {}",
                bounds.start(),
                bounds.end()
            ))
        })
}

/// What stands between two commas of a list of counts on the command line: a count, or a range of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts<T>(pub Vec<T>);

impl<T: Written> FromStr for Counts<T> {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Counts<T>, BadInput> {
        T::read_all(text).map(Counts)
    }
}

impl<T: Clone> Counts<T> {
    /// All of a list.
    #[must_use]
    pub fn of(list: &[Counts<T>]) -> Vec<T> {
        list.iter().flat_map(|part| part.0.clone()).collect()
    }
}

/// Prints an integer as people read it: powers of two from 2^10 on as `2^k`, others in digits.
#[must_use]
pub fn human_integer(integer: u64) -> String {
    if integer.is_power_of_two() && integer >= 1024 {
        format!("2^{}", integer.trailing_zeros())
    } else {
        integer.to_string()
    }
}

/// `1 thread`, `2 threads`, `3 entries`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    format!("{count} {}", things(count, thing))
}

/// The noun behind a count: `thread`, `threads`, `entries`.
#[must_use]
pub fn things(count: u64, thing: &str) -> String {
    let of_consonant = |stem: &str| !stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    match thing.strip_suffix('y') {
        _ if count == 1 => thing.to_owned(),
        Some(stem) if of_consonant(stem) => format!("{stem}ies"),
        _ if thing.ends_with("sh") || thing.ends_with("ch") || thing.ends_with('s') => {
            format!("{thing}es")
        }
        _ => format!("{thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_all_their_spellings() {
        for (text, count) in [
            ("1024", 1024),
            ("1_000", 1000),
            ("10M", 10_000_000),
            ("1k", 1000),
            ("1.5G", 1_500_000_000),
            ("2T", 2_000_000_000_000),
            ("1e6", 1_000_000),
            ("2^20", 1 << 20),
            ("64Ki", 1 << 16),
            ("3 Mi", 3 << 20),
        ] {
            assert_eq!(u64::read(text).unwrap(), count, "{text}");
        }
        for text in [
            "", "-1", "1.5", "_1", "20Gib", "on", "^3", "1m", "64MB", "5%",
        ] {
            let error = u64::read(text).unwrap_err().0;
            assert!(
                error.contains(&format!("'{text}' is no whole number")) && error.contains("10M")
            );
        }
        for text in ["2^64", "99999999999999999999", "1e20"] {
            let error = u64::read(text).unwrap_err().0;
            assert!(
                error.contains(text) && error.contains("too large"),
                "{error}"
            );
        }
        let error = u32::read("5G").unwrap_err().0;
        assert_eq!(error, "'5G' is too large: at most 4294967295");
    }

    #[test]
    fn a_range_stands_for_each_of_its_counts() {
        assert_eq!(u32::read_all("1-4").unwrap(), [1, 2, 3, 4]);
        assert_eq!(
            u64::read_all("1, 2,4 - 6,1k").unwrap(),
            [1, 2, 4, 5, 6, 1000]
        );
        assert_eq!(read_range("1e-0").unwrap(), 1..=1);
        assert_eq!(read_range("1e0-2").unwrap(), 1..=2);
        for (text, words) in [
            ("4-1", "'4-1' ends before it begins"),
            (
                "1-4000000000",
                "stands for 4000000000 numbers: at most 4096",
            ),
            ("0-18446744073709551615", "at most 4096"),
            ("1-", "'' is no whole number"),
            ("-1", "'-1' is no whole number"),
            ("1,,2", "'' is no whole number"),
            ("1-x", "'x' is no whole number"),
        ] {
            let error = u64::read_all(text).unwrap_err().0;
            assert!(error.contains(words), "{text}: {error}");
        }
        assert_eq!(within::<u16>("1k", 1..=1024).unwrap(), 1000);
        let error = within::<u16>("2k", 1..=1024).unwrap_err().0;
        assert_eq!(error, "'2k' is not valid: 1 to 1024");
    }

    #[test]
    fn counts_are_printed_as_people_read_them() {
        assert_eq!(human_integer(1 << 18), "2^18");
        assert_eq!(human_integer(256), "256");
        assert_eq!(human_integer(1000), "1000");
        for (count, thing, words) in [
            (1, "panel", "1 panel"),
            (0, "panel", "0 panels"),
            (2, "entry", "2 entries"),
            (2, "key", "2 keys"),
            (2, "hash", "2 hashes"),
            (2, "birth", "2 births"),
        ] {
            assert_eq!(counted(count, thing), words);
        }
    }
}
