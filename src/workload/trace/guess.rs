//! Guesses the format of a file, and says what its lines are where a format leaves that open.

use super::blocks::Blocks;
use super::formats::{FORMATS, by_likeness, find_format, split};
use super::layout::{Cut, Why, show};
use super::options::Options;
use super::oracle::looks_like_records;
use super::source::TraceSource;
use super::{compact, csv, json, table};
use crate::base::BadInput;

impl TraceSource {
    /// The trace that `FILE`, `FILE:FORMAT` or `FILE:FORMAT(OPTIONS)` names. Without a format it is guessed
    /// from the file's name and first bytes; a file whose name has a colon is still found as it is.
    /// Columns that are not given are taken from the header, so that the format says them from then on.
    ///
    /// # Errors
    /// An unknown format or option, or a file that cannot be read.
    pub fn parse(text: &str, lenient: bool) -> Result<TraceSource, BadInput> {
        let (path, format) = divided(text);
        let format = if let Some(format) = format {
            find_format(format)?;
            settled(path, format)?
        } else {
            let mut blocks = Blocks::open(path.as_ref(), Cut::Lines)?;
            guess(path, blocks.head(GUESS_BYTES)?)?
        };
        Ok(TraceSource {
            lenient,
            ..TraceSource::new(path, &format)
        })
    }
}

/// The file and, behind a colon, its format. Options have colons too.
fn divided(text: &str) -> (&str, Option<&str>) {
    if std::path::Path::new(text).exists() {
        return (text, None);
    }
    let parenthesis = text.rfind('(').filter(|_| text.ends_with(')'));
    let name_end = parenthesis.unwrap_or(text.len());
    match text[..name_end].rfind(':') {
        Some(colon) => (&text[..colon], Some(&text[colon + 1..])),
        None => (text, None),
    }
}

/// A format with the columns that the file's header has, where it has none itself.
fn settled(path: &str, format: &str) -> Result<String, BadInput> {
    let (name, options) = split(format)?;
    if name == compact::FORMAT.name {
        let mut blocks = Blocks::open(path.as_ref(), Cut::Packed)?;
        return Ok(compact::header(&mut blocks)?.format());
    }
    if !has_open_columns(name) {
        return Ok(format.to_owned());
    }
    let options = Options::default().with(options)?;
    let mut blocks = Blocks::open(path.as_ref(), Cut::Lines)?;
    let lines = lines_of(blocks.head(GUESS_BYTES)?);
    pinned(name, &options, &lines).map_err(|why| {
        BadInput(format!(
            "trace '{path}': its first line {why}{}",
            suggestion(path, &options, &lines)
        ))
    })
}

fn has_open_columns(format: &str) -> bool {
    [csv::FORMAT.name, json::FORMAT.name].contains(&format)
}

/// The format with its columns named.
fn pinned(name: &str, options: &Options, lines: &[&[u8]]) -> Result<String, Why> {
    let pinned = if name == json::FORMAT.name {
        json::pinned(options, lines)?
    } else {
        table::pinned(options, lines)?
    };
    Ok(format!("{name}({pinned})"))
}

/// Bytes that a guess wants to see: a banner and some lines behind it, some records.
const GUESS_BYTES: usize = 1 << 16;

/// Lines that a guess looks at.
const GUESS_LINES: usize = 256;

/// The whole lines among a file's first bytes.
fn lines_of(head: &[u8]) -> Vec<&[u8]> {
    // What is behind the last line's end may be cut off.
    let whole = match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => &head[..end],
        None => head,
    };
    whole
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .take(GUESS_LINES)
        .collect()
}

/// The format that a file's name says, or else its first lines look like. What looks like none is
/// `keys` if its lines could be nothing else: then they have no blanks, commas or the like.
///
/// # Errors
/// Lines that could be of another format, but are not.
pub(super) fn guess(path: &str, head: &[u8]) -> Result<String, BadInput> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    for (part, format) in [
        ("oraclegeneral", "oracle-general"),
        ("oracle-general", "oracle-general"),
        (".keys", "keys"),
    ] {
        if name.contains(part) {
            return Ok(format.to_owned());
        }
    }
    if head.starts_with(compact::MAGIC) {
        let header = compact::Header::read(head);
        return header
            .map(compact::Header::format)
            .map_err(|why| BadInput(format!("trace '{path}': its header {why}")));
    }
    if head.contains(&0) {
        if looks_like_records(head) {
            return Ok("oracle-general".to_owned());
        }
        let why = "it has NUL bytes, so it is no text, and the times of its first records run backwards, so it \
                   is not oracle-general";
        return Err(unknown(path, why, ""));
    }
    let lines = lines_of(head);
    if let Some(format) = by_likeness().find(|format| (format.looks_like)(&lines)) {
        if !has_open_columns(format.name) {
            return Ok(format.name.to_owned());
        }
        return pinned(format.name, &Options::default(), &lines).map_err(|why| {
            let why = format!("it looks like {}, but its first line {why}", format.name);
            unknown(path, &why, "")
        });
    }
    let has_columns = |line: &&[u8]| line.iter().any(|byte| b" \t,;|#\"".contains(byte));
    if lines.iter().any(has_columns) {
        let first = lines.iter().find(|line| !line.is_empty());
        let why = format!(
            "its first lines match no format, are no header that is known, and are not single keys (the first \
             is '{}')",
            show(first.copied().unwrap_or_default())
        );
        let suggestion = suggestion(path, &Options::default(), &lines);
        return Err(unknown(path, &why, &suggestion));
    }
    Ok("keys".to_owned())
}

/// What to give for lines of columns without a header.
fn suggestion(path: &str, options: &Options, lines: &[&[u8]]) -> String {
    let mut data = lines.iter().filter(|line| !line.is_empty());
    let Some(line) = data.find(|line| !line.starts_with(b"#")) else {
        return String::new();
    };
    let columns = table::suggested(options, line);
    format!(
        "; for lines without a header, say what their columns are, perhaps '{path}:csv({columns})'"
    )
}

fn unknown(path: &str, why: &str, suggestion: &str) -> BadInput {
    let formats: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    BadInput(format!(
        "trace '{path}': its format cannot be guessed, as {why}{suggestion}; or give the format behind a colon, \
         as in {path}:keys; valid: {}",
        formats.join(", ")
    ))
}
