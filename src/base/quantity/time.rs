//! Times.

use std::fmt;

use serde::{Serialize, Serializer};

use super::number::Number;
use super::written::Written;
use crate::base::BadInput;

/// A length of time in whole nanoseconds: a number and a unit (`80ns`, `200us`, `1.5ms`, `2s`, `1m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanoseconds(pub u64);

/// A length of time in seconds: a number and a unit, or a bare number of seconds (`3s`, `1m`, `0.5`).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds(pub f64);

/// A length of time in whole milliseconds: a number and a unit, or a bare number of milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milliseconds(pub u64);

impl From<Seconds> for f64 {
    fn from(time: Seconds) -> f64 {
        time.0
    }
}

impl From<Milliseconds> for u64 {
    fn from(time: Milliseconds) -> u64 {
        time.0
    }
}

/// Units that have whole nanoseconds, with how many, and whether times are printed in them.
const UNITS: [(&str, u64, bool); 9] = [
    ("ns", 1, true),
    ("us", 1_000, true),
    // The micro sign, and the Greek letter that keyboards have.
    ("µs", 1_000, false),
    ("μs", 1_000, false),
    ("ms", 1_000_000, true),
    ("s", 1_000_000_000, true),
    ("m", 60_000_000_000, false),
    ("min", 60_000_000_000, false),
    ("h", 3_600_000_000_000, false),
];

fn unit_ns(unit: &str) -> Option<u64> {
    let found = UNITS.iter().find(|(name, ..)| *name == unit);
    found.map(|(_, ns, _)| *ns)
}

fn no_time(text: &str) -> BadInput {
    BadInput(format!(
        "'{text}' is no time: write a number and ns, us, ms, s, m (minutes) or h, such as 200us, 1.5s or 2m"
    ))
}

impl Written for Nanoseconds {
    const WANTED: &'static str = "a time, such as \"200us\"";

    fn read(text: &str) -> Result<Nanoseconds, BadInput> {
        let ns = Number::split(text)
            .and_then(|(number, unit)| number.times(unit_ns(unit)?).ok())
            .map(Nanoseconds);
        ns.ok_or_else(|| no_time(text))
    }
}

impl Written for Seconds {
    const WANTED: &'static str = "a time, such as \"3s\" or \"1m\"; a bare number is seconds";

    fn read(text: &str) -> Result<Seconds, BadInput> {
        let (number, unit) = Number::split(text).ok_or_else(|| no_time(text))?;
        let ns = if unit.is_empty() {
            UNITS[5].1
        } else {
            unit_ns(unit).ok_or_else(|| no_time(text))?
        };
        // Whole seconds times or by whole numbers: what decimals say is not rounded twice.
        #[expect(clippy::cast_precision_loss, reason = "powers of ten and sixties")]
        let seconds = if ns < 1_000_000_000 {
            number.float() / (1_000_000_000 / ns) as f64
        } else {
            number.float() * (ns / 1_000_000_000) as f64
        };
        let finite = Some(seconds).filter(|seconds| seconds.is_finite());
        finite.map(Seconds).ok_or_else(|| no_time(text))
    }
}

impl Written for Milliseconds {
    const WANTED: &'static str = "a time, such as \"10ms\"; a bare number is milliseconds";

    fn read(text: &str) -> Result<Milliseconds, BadInput> {
        let ms = Number::split(text).and_then(|(number, unit)| {
            let unit = if unit.is_empty() { "ms" } else { unit };
            let ns = number.times(unit_ns(unit)?).ok()?;
            ns.is_multiple_of(1_000_000).then_some(ns / 1_000_000)
        });
        ms.map(Milliseconds).ok_or_else(|| {
            BadInput(format!(
                "'{text}' is no time in whole milliseconds: write 10ms"
            ))
        })
    }
}

super::written::text_of!(Nanoseconds, Seconds, Milliseconds);

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = UNITS.iter().rev().filter(|(.., printed)| *printed);
        for (unit, ns, _) in units {
            if self.0 >= *ns || *ns == 1 {
                return super::number::with_part(f, self.0, *ns, unit);
            }
        }
        Ok(())
    }
}

impl Serialize for Nanoseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_no_less_than_nanoseconds() {
        for (text, ns, shown) in [
            ("80ns", 80, "80ns"),
            ("200us", 200_000, "200us"),
            ("200µs", 200_000, "200us"),
            ("1.5ms", 1_500_000, "1.5ms"),
            ("0.25us", 250, "250ns"),
            ("2s", 2_000_000_000, "2s"),
            ("1e3us", 1_000_000, "1ms"),
            ("1.5m", 90_000_000_000, "90s"),
            ("2min", 120_000_000_000, "120s"),
            ("1h", 3_600_000_000_000, "3600s"),
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
            "3M",
            "3 secs",
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
    fn a_bare_number_has_the_unit_of_its_place() {
        for (text, seconds) in [
            ("3", 3.0),
            ("3s", 3.0),
            ("0.8", 0.8),
            ("500ms", 0.5),
            ("1m", 60.0),
            ("1.5 min", 90.0),
            ("2h", 7200.0),
            ("0.0333333333333333333", 1.0 / 30.0),
        ] {
            assert_eq!(text.parse::<Seconds>().unwrap(), Seconds(seconds), "{text}");
        }
        for text in ["", "NaN", "inf", "-1", "3M", "1e999", "soon"] {
            let error = text.parse::<Seconds>().unwrap_err().0;
            assert!(error.contains(&format!("'{text}' is no time")), "{error}");
        }
        for (text, ms) in [("10", 10), ("10ms", 10), ("0.5s", 500), ("2e3us", 2)] {
            assert_eq!(
                text.parse::<Milliseconds>().unwrap(),
                Milliseconds(ms),
                "{text}"
            );
        }
        for text in ["0.5", "10us", "x"] {
            let error = text.parse::<Milliseconds>().unwrap_err().0;
            assert!(error.contains(&format!("'{text}'")), "{error}");
        }
    }
}
