//! Charts of a run, as SVG. Each answers the question that its title asks.
//!
//! plotters draws them; `canvas` adds what it does not write: colours as CSS variables and values
//! on hover. A chart without figures is not drawn at all. The same records give the same bytes.

mod axis;
mod buckets;
mod bytes;
mod canvas;
mod chains;
mod fill;
mod hash_avalanche;
mod hash_chains;
mod hash_speed;
mod hash_spread;
mod hash_suite;
mod heat;
mod labels;
mod latency_load;
mod limit;
mod load;
mod misses;
mod palette;
mod passes;
mod percentiles;
mod popularity;
mod ratios;
mod scaling;
mod structure;
#[cfg(test)]
mod tests;
mod throughput;
mod timeline;

use std::collections::BTreeSet;

pub use palette::{dark_variables, light_variables};
pub use popularity::{FittedLine, popularity};

use super::hashes::HashSummary;
use super::summary::{CellSummary, PanelSummary, Summary};
use crate::record::{HashRecords, Records};

/// One chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Name of its file without `.svg`, unique within a run: lower-case letters, digits and `-`.
    pub file: String,
    /// The suite that it belongs to.
    pub suite: String,
    /// The panels that it shows.
    pub panels: Vec<u32>,
    /// The question that it answers. Not drawn in `svg`: a page has headings of its own.
    pub title: String,
    /// How to read it: scales, units, what the whiskers are.
    pub about: String,
    /// A whole `<svg>` element for a page or a file. Colours are CSS variables (`--c1`,
    /// `--chart-ink`, …) with the light ones as fallback; a page sets [`dark_variables`] where it
    /// is dark, a file of its own follows `prefers-color-scheme`. Values are on hover (`<title>`).
    pub svg: String,
}

impl Chart {
    /// The chart as a file for itself: title and explanation above the drawing.
    #[must_use]
    pub fn standalone(&self) -> String {
        canvas::with_heading(&self.svg, &self.title, &self.about)
    }
}

/// The charts of a run, suite by suite. Without figures there are none.
#[must_use]
pub fn charts(summary: &Summary, records: &Records) -> Vec<Chart> {
    let structures = structure::structures(records);
    let mut charts = Vec::new();
    for suite in suites(summary) {
        let (about_hashes, suite) = suite.split();
        hash_suite::charts(&about_hashes, &mut charts);
        ratios::charts(&suite, &mut charts);
        throughput::charts(&suite, &mut charts);
        buckets::charts(&suite, &structures, &mut charts);
        chains::charts(&suite, &structures, &mut charts);
        bytes::charts(&suite, &structures, &mut charts);
        scaling::charts(&suite, summary, &mut charts);
        fill::charts(&suite, records, &mut charts);
        timeline::charts(&suite, records, &mut charts);
        misses::charts(&suite, &summary.simulated, &mut charts);
        limit::charts(&suite, summary, &mut charts);
        latency_load::charts(&suite, &mut charts);
        percentiles::charts(&suite, &mut charts);
    }
    let mut taken = BTreeSet::new();
    for chart in &mut charts {
        let stem = chart.file.clone();
        let mut number = 2;
        while !taken.insert(chart.file.clone()) {
            chart.file = format!("{stem}-{number}");
            number += 1;
        }
    }
    charts
}

/// The charts of a hash laboratory's run. Without figures there are none.
#[must_use]
pub fn hash_charts(summary: &HashSummary, records: &HashRecords) -> Vec<Chart> {
    [
        hash_speed::chart(summary),
        hash_spread::chart(summary),
        hash_chains::chart(summary, records),
        hash_avalanche::chart(summary),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A suite and its panels.
struct Suite<'s> {
    name: &'s str,
    panels: Vec<&'s PanelSummary>,
}

impl<'s> Suite<'s> {
    /// The panels that are about hash functions, which have charts of their own, and the others.
    fn split(self) -> (Suite<'s>, Suite<'s>) {
        let name = self.name;
        let all = self.panels.into_iter();
        let (about_hashes, others) = all.partition(|panel| panel.is_about_hashes());
        let suite = |panels| Suite { name, panels };
        (suite(about_hashes), suite(others))
    }
}

fn suites(summary: &Summary) -> Vec<Suite<'_>> {
    let mut suites: Vec<Suite<'_>> = Vec::new();
    for panel in &summary.panels {
        let name = panel.entry.suite.as_str();
        match suites.iter_mut().find(|suite| suite.name == name) {
            Some(suite) => suite.panels.push(panel),
            None => suites.push(Suite {
                name,
                panels: vec![panel],
            }),
        }
    }
    suites
}

/// Joins words to a file's stem: what is no letter or digit becomes `-`.
fn stem(words: &[&str]) -> String {
    let mut stem = String::new();
    for character in words.join("-").chars().take(80) {
        match character.to_ascii_lowercase() {
            letter if letter.is_ascii_alphanumeric() => stem.push(letter),
            _ if stem.ends_with('-') => {}
            _ => stem.push('-'),
        }
    }
    stem.trim_matches('-').to_owned()
}

/// What a panel's workload is called: its name, with the batch where gets are handed over together.
fn workload_of(panel: &PanelSummary) -> String {
    match panel.entry.batch {
        0 | 1 => panel.entry.workload.clone(),
        batch => format!("{} in batches of {batch}", panel.entry.workload),
    }
}

/// A cell's target, which has all that is not as by default, and its hash: the same table wherever it is measured.
fn table_of(cell: &CellSummary) -> (&str, &str) {
    (&cell.entry.target, &cell.entry.hash)
}

/// A finite figure above zero: what a scale can hold.
fn positive(figure: f64) -> Option<f64> {
    (figure.is_finite() && figure > 0.0).then_some(figure)
}

/// Adds an item to the group of its key; groups keep the order of their first item.
fn gather<K: PartialEq, T>(groups: &mut Vec<(K, Vec<T>)>, key: K, item: T) {
    match groups.iter_mut().find(|(known, _)| *known == key) {
        Some((_, items)) => items.push(item),
        None => groups.push((key, vec![item])),
    }
}
