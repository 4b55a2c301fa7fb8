//! Which trace: a file, and how to read it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A trace file and its format.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceSource {
    /// Where it is.
    pub path: PathBuf,
    /// One of [`FORMATS`](super::FORMATS).
    pub format: String,
    /// Whether broken lines are left out and counted; otherwise the first one is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
}

impl TraceSource {
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
