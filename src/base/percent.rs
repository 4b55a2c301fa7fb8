//! A share in whole per cent.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::BadInput;

/// A share in whole per cent, 0 to 100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(u8);

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

/// Reads `50%`, `50 %` and `50`.
impl FromStr for Percent {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Percent, BadInput> {
        let number = text.strip_suffix('%').unwrap_or(text).trim();
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let percent = number.parse().ok().filter(|_| is_number);
        percent.and_then(Percent::new).ok_or_else(|| {
            BadInput(format!(
                "'{text}' is not a share in whole per cent: 0% to 100%"
            ))
        })
    }
}

/// As text: `50%`.
impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}%", self.0))
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Percent, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a share in whole per cent: \"0%\" to \"100%\"")]
        enum Given {
            Count(u64),
            Text(String),
        }
        let text = match Given::deserialize(deserializer)? {
            Given::Count(count) => count.to_string(),
            Given::Text(text) => text,
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_and_written() {
        for (text, percent) in [("0", 0), ("7%", 7), ("50 %", 50), ("100%", 100)] {
            let read: Percent = text.parse().unwrap();
            assert_eq!(read.get(), percent, "{text}");
            assert_eq!(read.to_string().parse::<Percent>().unwrap(), read);
        }
        for text in ["", "%", "101%", "-1", "+5", "0.5%", "half"] {
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
}
