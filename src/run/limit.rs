//! A limit on response times, and the search for the highest rate that keeps it, as suites and flags
//! state them. `search` carries a search out.

use std::fmt;
use std::str::FromStr;

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::base::{BadInput, Nanoseconds, PerSecond, Written, unknown_name};
use crate::workload::Arrival;

/// The percentiles that a limit can be on.
const PERCENTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

/// A limit on a percentile of response times: `p99=200us`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// Index into [`PERCENTILES`].
    percentile: usize,
    /// What it must not exceed.
    pub limit: Nanoseconds,
}

impl Slo {
    /// The percentile: `p99`.
    #[must_use]
    pub fn percentile(&self) -> &'static str {
        PERCENTILES[self.percentile].0
    }

    /// The percentile of response times, in nanoseconds.
    pub(super) fn of(&self, histogram: &Histogram<u64>) -> u64 {
        histogram.value_at_quantile(PERCENTILES[self.percentile].1)
    }
}

impl FromStr for Slo {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Slo, BadInput> {
        let (name, limit) = text.split_once('=').ok_or_else(|| {
            BadInput(format!(
                "'{text}' is no limit: write a percentile and a time, such as p99=200us"
            ))
        })?;
        let known = PERCENTILES.iter().position(|(known, _)| *known == name);
        let names = PERCENTILES.iter().map(|(known, _)| *known);
        let limit = Nanoseconds::read(limit)?;
        if limit.0 == 0 {
            return Err(BadInput(format!(
                "'{text}' is no limit: the time must be above 0"
            )));
        }
        Ok(Slo {
            percentile: known.ok_or_else(|| unknown_name("percentile", name, names))?,
            limit,
        })
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.percentile(), self.limit)
    }
}

impl Serialize for Slo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Slo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Slo, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Search {
    /// What must be kept.
    pub slo: Slo,
    /// The rate that it starts from.
    pub start: PerSecond,
    /// How intended starts follow each other.
    pub arrival: Arrival,
}

impl Search {
    /// The rate at which a search starts by default.
    pub(super) const START: PerSecond = PerSecond(10_000);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_written() {
        for text in ["p99=200us", "p50=80ns", "p99.99=1.5ms"] {
            assert_eq!(text.parse::<Slo>().unwrap().to_string(), text);
        }
        for (text, word) in [
            ("p99", "p99=200us"),
            ("p98=1ms", "unknown percentile"),
            ("p99=0us", "above 0"),
            ("p99=fast", "fast"),
        ] {
            let error = text.parse::<Slo>().unwrap_err();
            assert!(error.0.contains(word), "{error}");
        }
    }
}
