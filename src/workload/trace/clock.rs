//! Times as logs write them: numbers in some unit, ISO 8601, and the times of web servers.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::layout::{Time, Why, digits, show};
use crate::base::{BadInput, unknown_name};

/// How the times of a trace are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
    /// `2026-01-31T12:00:00.5Z`; without a zone, in UTC.
    Iso,
}

impl Unit {
    const ALL: [(&'static str, Unit); 5] = [
        ("s", Unit::Seconds),
        ("ms", Unit::Milliseconds),
        ("us", Unit::Microseconds),
        ("ns", Unit::Nanoseconds),
        ("iso", Unit::Iso),
    ];

    /// The unit of this name.
    pub(super) fn of(name: &str) -> Result<Unit, BadInput> {
        let name = if name == "µs" { "us" } else { name };
        let known = Unit::ALL.iter().find(|(known, _)| *known == name);
        known.map(|(_, unit)| *unit).ok_or_else(|| {
            unknown_name(
                "unit of times",
                name,
                Unit::ALL.iter().map(|(name, _)| *name),
            )
        })
    }

    pub(super) fn name(self) -> &'static str {
        let known = Unit::ALL.iter().find(|(_, unit)| *unit == self);
        known.map_or("s", |(name, _)| name)
    }

    /// The unit in which a time is that lies in our years, by how large its number is: 10^11 seconds are
    /// 3,000 years, 10^11 milliseconds end in 1973.
    fn likely(text: &[u8]) -> Unit {
        let whole = text.split(|byte| *byte == b'.').next().unwrap_or(text);
        match digits(whole) {
            None => Unit::Iso,
            Some(0..100_000_000_000) => Unit::Seconds,
            Some(0..100_000_000_000_000) => Unit::Milliseconds,
            Some(0..100_000_000_000_000_000) => Unit::Microseconds,
            Some(_) => Unit::Nanoseconds,
        }
    }

    /// Units in a second, and nanoseconds in a unit.
    fn scale(self) -> (u64, u32) {
        match self {
            Unit::Seconds | Unit::Iso => (1, 1_000_000_000),
            Unit::Milliseconds => (1_000, 1_000_000),
            Unit::Microseconds => (1_000_000, 1_000),
            Unit::Nanoseconds => (1_000_000_000, 1),
        }
    }
}

/// Reads times in one unit: the given one, or the one that the first time looks like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock(pub(super) Option<Unit>);

impl Clock {
    pub(super) fn read(&mut self, text: &[u8]) -> Result<Time, Why> {
        let text = text.trim_ascii();
        let unit = match self.0 {
            Some(unit) => unit,
            None => Unit::likely(text),
        };
        let time = match unit {
            Unit::Iso => iso(text)?,
            _ => number(text, unit)?,
        };
        self.0 = Some(unit);
        Ok(time)
    }
}

/// A number of units, perhaps with a fraction.
fn number(text: &[u8], unit: Unit) -> Result<Time, Why> {
    let (whole, part) = match memchr::memchr(b'.', text) {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &text[..0]),
    };
    let bad = || -> Why {
        let what = if text.starts_with(b"-") {
            "before 0"
        } else {
            "not a number"
        };
        format!(
            "has '{}' as time in {}: {what}; units: unit=s, ms, us, ns or iso",
            show(text),
            unit.name()
        )
        .into()
    };
    let whole = digits(whole).ok_or_else(bad)?;
    let (per_second, unit_ns) = unit.scale();
    // What is finer than a nanosecond is cut off.
    let part = &part[..part.len().min(9)];
    let fraction = if part.is_empty() {
        0
    } else {
        digits(part).ok_or_else(bad)?
    };
    let places = u32::try_from(part.len()).unwrap_or(9);
    let part_ns = fraction * u64::from(unit_ns) / 10_u64.pow(places);
    let ns = whole % per_second * u64::from(unit_ns) + part_ns;
    Ok(Time {
        s: whole / per_second,
        #[expect(clippy::cast_possible_truncation, reason = "below a second")]
        ns: ns as u32,
    })
}

fn iso(text: &[u8]) -> Result<Time, Why> {
    let bad = || -> Why {
        format!(
            "has '{}' as time: neither a number nor a time in ISO 8601, such as 2026-01-31T12:00:00Z",
            show(text)
        )
        .into()
    };
    let text = str::from_utf8(text).map_err(|_| bad())?;
    let moment: Timestamp = if let Ok(moment) = text.parse() {
        moment
    } else {
        let civil: DateTime = text.parse().map_err(|_| bad())?;
        TimeZone::UTC.to_timestamp(civil).map_err(|_| bad())?
    };
    of_timestamp(moment).ok_or_else(bad)
}

/// The time of a web server's log: `10/Oct/2023:13:55:36 +0000`.
pub(super) fn of_web_log(text: &[u8]) -> Result<Time, Why> {
    let moment = str::from_utf8(text)
        .ok()
        .and_then(|text| Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", text).ok());
    moment.and_then(of_timestamp).ok_or_else(|| {
        format!(
            "has '{}' as time: not like 10/Oct/2023:13:55:36 +0000",
            show(text)
        )
        .into()
    })
}

/// Nothing before 1970.
fn of_timestamp(moment: Timestamp) -> Option<Time> {
    Some(Time {
        s: u64::try_from(moment.as_second()).ok()?,
        ns: u32::try_from(moment.subsec_nanosecond()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_every_unit_and_recognised_by_their_size() {
        let half = Time {
            s: 1_700_000_000,
            ns: 500_000_000,
        };
        for text in [
            "1700000000.5",
            "1700000000500",
            "1700000000500000",
            "1700000000500000000",
            "2023-11-14T22:13:20.5Z",
            "2023-11-14T22:13:20.500",
            "2023-11-14 22:13:20.5",
            "2023-11-14T23:13:20.5+01:00",
        ] {
            assert_eq!(Clock(None).read(text.as_bytes()), Ok(half), "{text}");
        }
        let ms = Clock(Some(Unit::Milliseconds)).read(b"1500.25");
        assert_eq!(
            ms,
            Ok(Time {
                s: 1,
                ns: 500_250_000
            })
        );
        let web = of_web_log(b"10/Oct/2023:13:55:36 +0000");
        assert_eq!(web, Ok(Time::of_s(1_696_946_136)));
    }

    #[test]
    fn the_first_time_settles_the_unit() {
        let mut clock = Clock(None);
        clock.read(b"1700000000500").unwrap();
        assert_eq!(clock.read(b"2000"), Ok(Time::of_s(2)));
    }

    #[test]
    fn what_is_no_time_is_named() {
        for (text, unit, words) in [
            ("x", None, "'x' as time"),
            ("", None, "'' as time"),
            ("-1", Some(Unit::Seconds), "before 0"),
            ("1e9", Some(Unit::Seconds), "not a number"),
            ("1.x", Some(Unit::Seconds), "not a number"),
            ("1969-01-01T00:00:00Z", None, "ISO 8601"),
            ("2023-13-01T00:00:00Z", None, "ISO 8601"),
        ] {
            let why = Clock(unit).read(text.as_bytes()).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
        assert!(of_web_log(b"yesterday").unwrap_err().contains("yesterday"));
        assert!(Unit::of("sec").unwrap_err().0.contains("'sec'"));
    }
}
