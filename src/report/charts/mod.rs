//! The charts of a run.

use super::Summary;
use crate::record::Records;

/// One chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Its file's name within `charts/`.
    pub file: String,
    /// The suite that it belongs to.
    pub suite: String,
    /// The panels that it shows.
    pub panels: Vec<u32>,
    /// The question that it answers.
    pub title: String,
    /// How to read it.
    pub about: String,
    /// The drawing.
    pub svg: String,
}

/// The charts of a run, in the order of its suites.
#[must_use]
pub fn charts(_summary: &Summary, _records: &Records) -> Vec<Chart> {
    Vec::new()
}

/// The CSS declarations of all colours on a light page.
#[must_use]
pub fn light_variables() -> String {
    String::new()
}

/// The CSS declarations of all colours on a dark page.
#[must_use]
pub fn dark_variables() -> String {
    String::new()
}
