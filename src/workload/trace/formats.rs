//! The list of formats: a new one is a file and a line here.

use super::layout::{Format, Reading};
use super::{cachelib, compact, csv, json, keys, memcached, nginx, oracle, redis, twitter, ycsb};
use crate::base::{BadInput, unknown_name};

/// Every trace format. Of several that a file looks like, the first one is guessed.
pub static FORMATS: &[Format] = &[
    keys::FORMAT,
    twitter::FORMAT,
    cachelib::FORMAT,
    oracle::FORMAT,
    ycsb::FORMAT,
    csv::FORMAT,
    json::FORMAT,
    csv::CDN,
    csv::IBM,
    redis::FORMAT,
    nginx::FORMAT,
    memcached::VERBOSE,
    memcached::METADUMP,
    compact::FORMAT,
];

/// Formats whose lines could be taken for a table's, before `csv` is guessed.
pub(super) fn by_likeness() -> impl Iterator<Item = &'static Format> {
    let is_last = |format: &&Format| format.name == csv::FORMAT.name;
    let others = FORMATS.iter().filter(move |format| !is_last(format));
    others.chain(FORMATS.iter().filter(is_last))
}

/// Finds a trace format by name, behind which its options may stand in parentheses.
///
/// # Errors
/// An unknown name, answered with the nearest valid one.
pub fn find_format(text: &str) -> Result<&'static Format, BadInput> {
    let (name, _) = split(text)?;
    FORMATS
        .iter()
        .find(|format| format.name == name)
        .ok_or_else(|| {
            unknown_name(
                "trace format",
                name,
                FORMATS.iter().map(|format| format.name),
            )
        })
}

/// The format, and one reading of a file in it.
pub(super) fn open(text: &str) -> Result<(&'static Format, Reading), BadInput> {
    let format = find_format(text)?;
    let (_, options) = split(text)?;
    Ok((format, (format.open)(options)?))
}

/// The name of a format and its options: `csv` and `key=1` of `csv(key=1)`.
pub(super) fn split(text: &str) -> Result<(&str, &str), BadInput> {
    let Some((name, options)) = text.split_once('(') else {
        return Ok((text, ""));
    };
    let options = options.strip_suffix(')').ok_or_else(|| {
        BadInput(format!(
            "trace format '{text}': its parenthesis does not close; in a shell, put it between quotation marks"
        ))
    })?;
    Ok((name, options))
}
