//! Charts of a run, as SVG. Each answers the question that its title asks.
//!
//! Each file turns figures into a [`shape`], which is data alone; [`draw`] turns shapes into SVG, in one
//! way for all. A chart without figures is not drawn at all. The same records give the same bytes.

mod absent;
mod axis;
mod buckets;
mod bytes;
mod chains;
mod cost;
mod course;
mod draw;
mod fill;
mod hash_avalanche;
mod hash_chains;
mod hash_speed;
mod hash_spread;
mod hash_suite;
mod histogram;
mod history;
mod latency_load;
mod limit;
mod load;
mod matrix;
mod misses;
mod overlap;
mod palette;
mod peak;
mod percentiles;
mod popularity;
mod ratios;
mod sawtooth;
mod scaling;
mod shape;
mod suite;
mod sweep;
#[cfg(test)]
mod tests;
mod throughput;
mod timeline;
mod tradeoff;

use std::collections::BTreeSet;

pub(super) use draw::escape;
pub use history::history_chart;
pub use palette::{dark_variables, light_variables};
pub use popularity::{FittedLine, popularity};

use super::hashes::HashSummary;
use super::summary::Summary;
use crate::record::{HashRecords, Records};
use suite::{Draft, say_between, suites};

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
        draw::with_heading(&self.svg, &self.title, &self.about)
    }
}

impl Draft {
    /// Draws the chart; `None` where plotters refuses.
    fn draw(self, suite: &str) -> Option<Chart> {
        Some(Chart {
            svg: draw::svg(&self.title, &self.shape)?,
            file: self.file,
            suite: suite.to_owned(),
            panels: self.panels,
            title: self.title,
            about: self.about,
        })
    }
}

/// The charts of a run, suite by suite. Without figures there are none.
#[must_use]
pub fn charts(summary: &Summary, records: &Records) -> Vec<Chart> {
    let structures = crate::analysis::structure::structures(records);
    let mut charts = Vec::new();
    for suite in suites(summary) {
        let (about_hashes, suite) = suite.split();
        let said = |drafts| say_between(drafts, &suite);
        let drafts = [
            say_between(hash_suite::charts(&about_hashes), &about_hashes),
            // It has what stands between on its axis.
            overlap::charts(&suite),
            said(matrix::charts(&suite)),
            said(Vec::from_iter(tradeoff::chart(&suite))),
            said(absent::charts(&suite)),
            said(ratios::charts(&suite)),
            said(throughput::charts(&suite)),
            said(buckets::charts(&suite, &structures)),
            // What tables take and how they lie depends on no rate.
            Vec::from_iter(chains::chart(&suite, &structures)),
            Vec::from_iter(bytes::chart(&suite, &structures)),
            peak::charts(&suite),
            said(scaling::charts(&suite, summary)),
            said(fill::charts(&suite, records)),
            said(sawtooth::charts(&suite, records)),
            said(timeline::charts(&suite, records)),
            misses::charts(&suite, &summary.simulated),
            said(Vec::from_iter(limit::chart(&suite, summary))),
            said(latency_load::charts(&suite)),
            said(percentiles::charts(&suite)),
        ];
        let drafts = drafts.into_iter().flatten();
        charts.extend(drafts.filter_map(|draft| draft.draw(suite.name)));
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
    let drafts = [
        hash_speed::chart(summary),
        hash_spread::chart(summary),
        hash_chains::chart(summary, records),
        hash_avalanche::chart(summary),
    ];
    let drafts = drafts.into_iter().flatten();
    drafts.filter_map(|draft| draft.draw("hash")).collect()
}
