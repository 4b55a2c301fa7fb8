//! What stands between two operations of a thread.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{BadInput, Written, counted, one};

/// What stands between two operations of a thread.
///
/// Back to back, a processor runs the next lookup's cache misses under this one's, as long as both fit its
/// reorder buffer. A program that uses what it has read does not have that overlap. So a rate means little
/// without this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Between {
    /// The next operation's key is known only when this operation's value or outcome is.
    #[default]
    Chained,
    /// A number of simple instructions that depend on nothing; 0 is back to back. Getting there and back takes
    /// twelve of them, so fewer than thirteen are none.
    Instructions(u32),
}

impl Between {
    /// Back to back: nothing.
    pub const NONE: Between = Between::Instructions(0);

    /// The most instructions that can stand between two operations: about 20 µs.
    pub const MOST: u32 = 100_000;

    /// What it is called beside a workload: `chained`, `back to back`, `with 100 instructions between`.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Between::Chained => "chained".to_owned(),
            Between::NONE => "back to back".to_owned(),
            Between::Instructions(count) => {
                format!("with {} between", counted(count.into(), "instruction"))
            }
        }
    }
}

/// `chained`, `none` or a number, as [`FromStr`] reads it.
impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Between::Chained => f.pad("chained"),
            Between::NONE => f.pad("none"),
            Between::Instructions(count) => f.pad(&count.to_string()),
        }
    }
}

impl Written for Between {
    const WANTED: &'static str = "chained, none, or a number of instructions";

    fn read(text: &str) -> Result<Between, BadInput> {
        match text {
            "chained" => Ok(Between::Chained),
            "none" => Ok(Between::NONE),
            _ => {
                let count = u32::read(text).ok();
                count
                    .filter(|count| *count <= Between::MOST)
                    .map(Between::Instructions)
                    .ok_or_else(|| {
                        BadInput(format!(
                            "'{text}' cannot stand between two operations: chained, none, or a number of \
                             instructions up to {}",
                            Between::MOST
                        ))
                    })
            }
        }
    }
}

impl FromStr for Between {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Between, BadInput> {
        Between::read(text)
    }
}

/// As text: a column, and a key of a suite, which takes a number too.
impl Serialize for Between {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Between {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Between, D::Error> {
        one(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes() {
        for (text, between, words) in [
            ("chained", Between::Chained, "chained"),
            ("none", Between::NONE, "back to back"),
            ("1", Between::Instructions(1), "with 1 instruction between"),
            (
                "400",
                Between::Instructions(400),
                "with 400 instructions between",
            ),
        ] {
            assert_eq!(text.parse::<Between>().unwrap(), between);
            assert_eq!(between.to_string(), text);
            assert_eq!(between.words(), words);
        }
        assert_eq!("0".parse::<Between>().unwrap(), Between::NONE);
    }

    #[test]
    fn what_it_cannot_be_names_what_it_can() {
        for text in ["", "chain", "-1", "100001", "1M", "1.5"] {
            let error = text.parse::<Between>().unwrap_err().0;
            assert!(
                error.contains(&format!("'{text}'")) && error.contains("chained, none"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_suite_gives_a_word_or_a_number() {
        #[derive(Deserialize)]
        struct File {
            between: Vec<Between>,
        }
        let file: File = toml::from_str("between = ['chained', 0, 25, '4e2', 'none']").unwrap();
        let counts = [25, 400].map(Between::Instructions);
        assert_eq!(
            file.between,
            [
                Between::Chained,
                Between::NONE,
                counts[0],
                counts[1],
                Between::NONE
            ]
        );
        assert!(toml::from_str::<File>("between = ['sometimes']").is_err());
    }
}
