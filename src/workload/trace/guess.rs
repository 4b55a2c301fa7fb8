//! Guesses the format of a file.

use super::blocks::Blocks;
use super::formats::{FORMATS, find_format};
use super::layout::Cut;
use super::oracle::looks_like_records;
use super::source::TraceSource;
use crate::base::BadInput;

impl TraceSource {
    /// The trace that `FILE` or `FILE:FORMAT` names. Without a format it is guessed from the file's
    /// name and first bytes; a file whose name has a colon is still found as it is.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be read.
    pub fn parse(text: &str, lenient: bool) -> Result<TraceSource, BadInput> {
        let source = |path: &str, format: &str| TraceSource {
            path: path.into(),
            format: format.to_owned(),
            lenient,
        };
        if let Some((file, format)) = text.rsplit_once(':')
            && !std::path::Path::new(text).exists()
        {
            return Ok(source(file, find_format(format)?.name));
        }
        let mut blocks = Blocks::open(text.as_ref(), Cut::Lines)?;
        let head = blocks.head(GUESS_BYTES)?;
        Ok(source(text, guess(text, head)?))
    }
}

/// Bytes that a guess wants to see: a banner and some lines behind it, some records.
const GUESS_BYTES: usize = 1 << 16;

/// Lines that a guess looks at.
const GUESS_LINES: usize = 256;

/// The format that a file's name says, or else its first lines look like. What looks like none is
/// `keys` if its lines could be nothing else: then they have no blanks, commas or the like.
///
/// # Errors
/// Lines that could be of another format, but are not.
pub(super) fn guess(path: &str, head: &[u8]) -> Result<&'static str, BadInput> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    for (part, format) in [
        ("oraclegeneral", "oracle-general"),
        ("oracle-general", "oracle-general"),
        (".keys", "keys"),
    ] {
        if name.contains(part) {
            return Ok(format);
        }
    }
    if head.contains(&0) {
        if looks_like_records(head) {
            return Ok("oracle-general");
        }
        return Err(unknown(
            path,
            "it has NUL bytes, so it is no text, and the times of its first records run backwards, so it \
             is not oracle-general",
        ));
    }
    // What is behind the last line's end may be cut off.
    let whole = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => &head[..end],
        None => head,
    };
    let lines: Vec<&[u8]> = whole
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take(GUESS_LINES)
        .collect();
    if let Some(format) = FORMATS.iter().find(|format| (format.looks_like)(&lines)) {
        return Ok(format.name);
    }
    if lines
        .iter()
        .any(|line| line.iter().any(|byte| b" \t,;#\"".contains(byte)))
    {
        return Err(unknown(
            path,
            "its first lines match no format and are not single keys",
        ));
    }
    Ok("keys")
}

fn unknown(path: &str, why: &str) -> BadInput {
    let formats: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    BadInput(format!(
        "trace '{path}': its format cannot be guessed, as {why}; give it behind a colon, as in \
         {path}:keys; valid: {}",
        formats.join(", ")
    ))
}
