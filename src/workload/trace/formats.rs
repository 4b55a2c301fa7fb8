//! The list of formats: a new one is a file and a line here.

use super::layout::Format;
use super::{cachelib, keys, oracle, twitter, ycsb};
use crate::base::{BadInput, unknown_name};

/// Every trace format.
pub static FORMATS: &[Format] = &[
    keys::FORMAT,
    twitter::FORMAT,
    cachelib::FORMAT,
    oracle::FORMAT,
    ycsb::FORMAT,
];

/// Finds a trace format by name.
///
/// # Errors
/// An unknown name, answered with the nearest valid one.
pub fn find_format(name: &str) -> Result<&'static Format, BadInput> {
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
