//! Which trace: a file, and how to read it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::formats::open;
use super::layout::Holds;
use crate::base::BadInput;

/// A trace file and its format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceSource {
    /// Where it is.
    pub path: PathBuf,
    /// One of [`FORMATS`](super::FORMATS), perhaps with options: `csv(key=1)`.
    pub format: String,
    /// Whether broken lines are left out and counted; otherwise the first one is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
    /// What becomes of values over the item limit.
    #[serde(default, skip_serializing_if = "Oversize::is_error")]
    pub oversize: Oversize,
}

/// What becomes of a request whose value is larger than [`VALUE_BYTES_MAX`](crate::workload::VALUE_BYTES_MAX).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oversize {
    /// It is an error, as a broken line is.
    #[default]
    Error,
    /// Its value has the limit's size; it is counted.
    Clamp,
    /// It is left out and counted.
    Skip,
}

impl Oversize {
    /// Whether it is [`Oversize::Error`].
    #[must_use]
    pub fn is_error(&self) -> bool {
        *self == Oversize::Error
    }
}

impl std::str::FromStr for Oversize {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Oversize, BadInput> {
        match text {
            "error" => Ok(Oversize::Error),
            "clamp" => Ok(Oversize::Clamp),
            "skip" => Ok(Oversize::Skip),
            _ => Err(crate::base::unknown_name(
                "way with values over the item limit",
                text,
                ["clamp", "skip", "error"],
            )),
        }
    }
}

impl TraceSource {
    /// A file in a format, read strictly.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, format: &str) -> TraceSource {
        TraceSource {
            path: path.into(),
            format: format.to_owned(),
            lenient: false,
            oversize: Oversize::Error,
        }
    }

    /// What its requests say.
    ///
    /// # Errors
    /// An unknown format, or options that are not valid.
    pub fn holds(&self) -> Result<Holds, BadInput> {
        Ok(open(&self.format)?.1.holds)
    }

    /// What the trace is called: the file's name without `.gz` or `.zst` and without one more ending.
    #[must_use]
    pub fn name(&self) -> String {
        let file = self.path.file_name().unwrap_or(self.path.as_os_str());
        let file = file.to_string_lossy();
        let unpacked = [".gz", ".zst"]
            .iter()
            .find_map(|end| file.strip_suffix(end));
        let plain = match unpacked {
            Some(plain) if !plain.is_empty() => plain,
            _ => &file,
        };
        match plain.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
            _ => plain.to_owned(),
        }
    }
}
