//! Charts of a run, as SVG. Each answers the question that its title asks.
//!
//! Each file turns figures into a [`shape`], which is data alone; [`draw`] turns shapes into SVG, in one
//! way for all. A chart without figures is not drawn at all. The same records give the same bytes.

mod absent;
mod axis;
mod buckets;
mod bytes;
mod chains;
mod compared;
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
mod parts;
mod past;
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
pub(super) use palette::classes;
pub use palette::{class_rules, dark_variables, light_variables};
pub use past::past_chart;
pub(super) use past::percent;
pub use popularity::{FittedLine, popularity};

use super::hashes::HashSummary;
use super::summary::Summary;
use crate::analysis::Compared;
use crate::analysis::compare::Place;
use crate::analysis::structure::{self, Structures};
use crate::record::{HashRecords, Records};
use draw::Size;
use suite::{Draft, Suite, say_between, suites};

/// One chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Name of its file without `.svg`, unique within a run: lower-case letters, digits and `-`.
    pub file: String,
    /// The suite that it belongs to.
    pub suite: String,
    /// What it shows, in words that charts of several panels share: a page folds those together.
    pub kind: &'static str,
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
    /// The same for a phone: narrow, without titles on hover, and not a file of its own.
    pub narrow: String,
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
    fn draw(self, suite: &str, kind: &'static str) -> Option<Chart> {
        Some(Chart {
            svg: draw::svg(&self.title, &self.shape, Size::Wide)?,
            narrow: draw::svg(&self.title, &self.shape, Size::Narrow)?,
            file: self.file,
            suite: suite.to_owned(),
            kind,
            panels: self.panels,
            title: self.title,
            about: self.about,
        })
    }
}

/// The charts of a run, suite by suite. Without figures there are none.
#[must_use]
pub fn charts(summary: &Summary, records: &Records) -> Vec<Chart> {
    let structures = structure::structures(records);
    let mut charts = Vec::new();
    for suite in suites(summary) {
        let kinds = of_suite(&suite, summary, records, &structures);
        for (kind, drafts) in kinds {
            let drafts = drafts.into_iter();
            charts.extend(drafts.filter_map(|draft| draft.draw(suite.name, kind)));
        }
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

/// What the charts of a suite show, and the charts: what answers the question that the suite asks comes first.
fn of_suite(
    whole: &Suite<'_>,
    summary: &Summary,
    records: &Records,
    structures: &Structures<'_>,
) -> Vec<(&'static str, Vec<Draft>)> {
    let (about_hashes, suite) = &whole.split();
    let said = |drafts| say_between(drafts, suite);
    let hashes = say_between(hash_suite::charts(about_hashes), about_hashes);
    let budgets = misses::charts(suite, &summary.simulated);
    let paced = [
        (
            "Highest rates",
            said(Vec::from_iter(limit::chart(suite, summary))),
        ),
        ("Latency against load", said(latency_load::charts(suite))),
        ("Percentiles", said(percentiles::charts(suite))),
    ];
    let asks_for_time = suite.panels.iter().any(|panel| panel.is_open_loop());
    let asks_for_room = suite
        .panels
        .iter()
        .any(|panel| panel.entry.budget.is_some());
    let mut kinds = vec![("Hash functions", hashes)];
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (asked, of) in [
        (asks_for_time, Vec::from(paced)),
        (asks_for_room, vec![("Misses", budgets)]),
    ] {
        if asked { &mut first } else { &mut last }.extend(of);
    }
    kinds.extend(first);
    kinds.extend([
        (
            "Where the time of a request goes",
            said(Vec::from_iter(parts::chart(suite))),
        ),
        // It has what stands between on its axis.
        ("What stands between operations", overlap::charts(suite)),
        ("Where each table is fast", said(matrix::charts(suite))),
        (
            "Speed against memory",
            said(Vec::from_iter(tradeoff::chart(suite))),
        ),
    ]);
    // In a closed loop percentiles are a sample beside the rates.
    kinds.extend(last);
    kinds.extend([
        ("Absent keys", said(absent::charts(suite))),
        ("Ratios to the baseline", said(ratios::charts(suite))),
        ("Operations a second", said(throughput::charts(suite))),
        ("Buckets and load", said(buckets::charts(suite, structures))),
        ("Threads", said(scaling::charts(suite, summary))),
        // What tables take and how they lie depends on no rate.
        (
            "Bytes an entry",
            Vec::from_iter(bytes::chart(suite, structures)),
        ),
        (
            "Chain lengths",
            Vec::from_iter(chains::chart(suite, structures)),
        ),
        ("Memory while a table grows", peak::charts(suite)),
        ("Fills", said(fill::charts(suite, records))),
        ("Growths", said(sawtooth::charts(suite, records))),
        ("Rates over time", said(timeline::charts(suite, records))),
    ]);
    kinds
}

/// Two runs as one chart; `None` where no cell of both has a ratio.
pub(super) fn comparison_chart(
    compared: &Compared,
    both: &[(Place<'_>, Place<'_>)],
) -> Option<Chart> {
    compared::chart(compared, both)?.draw("", "B over A")
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
    drafts
        .filter_map(|draft| draft.draw("hash", "Hash functions"))
        .collect()
}
