//! What a page holds, whatever it is about: a run, two runs side by side, hash functions.
//!
//! Those files say it in these structs; `page.html` and `markdown` only place them.

use std::borrow::Cow;

use serde::Serialize;

use crate::analysis::figures::gather;
use crate::report::charts::Chart;
use crate::report::format::counted;
use crate::report::table::Table;

/// A page.
#[derive(Serialize)]
pub(super) struct Page<'r> {
    /// What the browser calls it.
    pub title: String,
    /// Its first heading.
    pub heading: String,
    /// Of the run, or of each of the two.
    pub heads: Vec<Head>,
    /// What a reader must know before any figure, of the page as a whole.
    pub notes: Vec<String>,
    pub sections: Vec<Section<'r>>,
    /// The last line; may be empty.
    pub footer: String,
}

/// What stands above everything else of a run.
#[derive(Serialize)]
pub(super) struct Head {
    /// `A` or `B`; empty where there is one run only.
    pub name: &'static str,
    pub run_id: String,
    /// Relative path of its report; may be empty.
    pub link: String,
    /// Date, suite and machine, to be set in one line.
    pub line: Vec<String>,
    pub badges: Vec<Badge>,
    /// Which table to take, in a sentence; may be empty.
    pub answer: String,
    /// What a reader must know before any figure.
    pub notes: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Badge {
    pub text: String,
    /// `good`, `bad` or empty.
    pub class: &'static str,
    /// What it means.
    pub hint: String,
}

/// A part of the page with a heading.
#[derive(Serialize)]
pub(super) struct Section<'r> {
    pub anchor: String,
    pub title: String,
    pub blocks: Vec<Block<'r>>,
}

/// A piece of a section.
#[derive(Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "lowercase")]
pub(super) enum Block<'r> {
    /// A heading below that of the section.
    Heading(String),
    /// What the section is about, in one line.
    About(String),
    /// A paragraph in pieces that are plain or code.
    Text(Vec<Piece>),
    /// Sentences, largest effect first.
    Findings(Vec<FindingView>),
    Chart(ChartView<'r>),
    Table(Placed),
    List(Vec<String>),
    /// Lines for a shell.
    Commands(Vec<String>),
    /// Names and values.
    Pairs(Vec<(String, String)>),
    /// Files of the run directory, and what they hold.
    Files(Vec<(String, String)>),
    /// A text that only a page unfolds: its name, itself.
    Folded(String, String),
    /// What a page folds away: what it is, itself.
    More(String, Vec<Block<'r>>),
    /// What two runs have of the same, side by side; within each no such block again.
    Sides(Vec<Side<'r>>),
}

#[derive(Serialize)]
pub(super) struct Side<'r> {
    /// `A` or `B`.
    pub name: &'static str,
    pub blocks: Vec<Block<'r>>,
}

#[derive(Serialize)]
pub(super) struct Piece {
    pub text: String,
    pub code: bool,
}

#[derive(Serialize)]
pub(super) struct FindingView {
    pub text: String,
    pub class: &'static str,
    /// The chart that shows it, or else the table.
    pub link: Option<Link>,
}

#[derive(Serialize)]
pub(super) struct Link {
    /// The anchor within the page.
    pub anchor: String,
    /// The file within the run directory, for a report that has no anchors; empty for a table.
    pub file: String,
    pub text: &'static str,
}

#[derive(Serialize)]
pub(super) struct ChartView<'r> {
    /// Empty where nothing leads to it.
    pub anchor: String,
    /// The file within the run directory.
    pub file: String,
    pub title: Cow<'r, str>,
    pub about: Cow<'r, str>,
    /// The drawing as it stands within a page: without a prologue of its own.
    pub svg: Cow<'r, str>,
    /// The drawing for a phone; may be empty.
    pub narrow: Cow<'r, str>,
}

/// A table in its place.
#[derive(Serialize)]
pub(super) struct Placed {
    /// Empty where nothing leads to it.
    pub anchor: String,
    /// What it is, for screen readers.
    pub label: &'static str,
    pub table: Table,
}

impl<'r> Section<'r> {
    pub fn new(anchor: &str, title: &str, blocks: Vec<Block<'r>>) -> Section<'r> {
        Section {
            anchor: anchor.to_owned(),
            title: title.to_owned(),
            blocks,
        }
    }
}

impl<'r> Block<'r> {
    /// A heading below that of the section.
    pub fn heading(text: &str) -> Block<'r> {
        Block::Heading(text.to_owned())
    }

    /// A paragraph without code.
    pub fn text(text: impl Into<String>) -> Block<'r> {
        let text = text.into();
        Block::Text(vec![Piece { text, code: false }])
    }

    pub fn table(anchor: impl Into<String>, label: &'static str, table: Table) -> Block<'r> {
        Block::Table(Placed {
            anchor: anchor.into(),
            label,
            table,
        })
    }
}

impl<'r> ChartView<'r> {
    pub fn of(chart: &'r Chart) -> ChartView<'r> {
        // An XML prologue may stand at the start of a file only.
        let start = chart.svg.find("<svg").unwrap_or(0);
        ChartView {
            anchor: anchor(chart),
            file: chart_file(chart),
            title: Cow::Borrowed(&chart.title),
            about: Cow::Borrowed(&chart.about),
            svg: Cow::Borrowed(chart.svg[start..].trim_end()),
            narrow: Cow::Borrowed(chart.narrow.trim_end()),
        }
    }

    /// The same of a chart that only this page has.
    pub fn owned(chart: Chart) -> ChartView<'r> {
        ChartView {
            anchor: anchor(&chart),
            file: chart_file(&chart),
            title: Cow::Owned(chart.title),
            about: Cow::Owned(chart.about),
            svg: Cow::Owned(chart.svg),
            narrow: Cow::Owned(chart.narrow),
        }
    }
}

/// Each chart under its title.
pub(super) fn charts<'r>(charts: impl Iterator<Item = &'r Chart>) -> Vec<Block<'r>> {
    let blocks = charts.flat_map(|chart| {
        let heading = Block::heading(&chart.title);
        [heading, Block::Chart(ChartView::of(chart))]
    });
    blocks.collect()
}

/// Charts of a suite that a page shows at once. A page of all charts of a large suite is ten screens and more.
const SHOWN: usize = 4;
/// Kinds of charts of a larger suite of which a page shows the first.
const SHOWN_KINDS: usize = 3;

/// The same of a suite: all of a few, or else the first of each of the first kinds, and the rest folded away by
/// kind.
pub(super) fn charts_of_suite<'r>(charts: impl Iterator<Item = &'r Chart>) -> Vec<Block<'r>> {
    let all: Vec<&Chart> = charts.collect();
    if all.len() <= SHOWN {
        return self::charts(all.into_iter());
    }
    let mut kinds: Vec<(&str, Vec<&Chart>)> = Vec::new();
    for chart in all {
        gather(&mut kinds, chart.kind, chart);
    }
    let mut blocks = Vec::new();
    for (at, (kind, charts)) in kinds.into_iter().enumerate() {
        let shown = usize::from(at < SHOWN_KINDS);
        blocks.extend(self::charts(charts[..shown].iter().copied()));
        let rest = &charts[shown..];
        if !rest.is_empty() {
            let count = counted(rest.len() as u64, "chart");
            let count = if shown > 0 {
                count.replacen(' ', " more ", 1)
            } else {
                count
            };
            let rest = self::charts(rest.iter().copied());
            blocks.push(Block::More(format!("{kind}: {count}"), rest));
        }
    }
    blocks
}

/// Rows that a table has before a page folds it away.
const ROWS_SHOWN: usize = 12;

impl<'r> Block<'r> {
    /// The table under its title, folded away where it is long; a note behind the title says how long.
    pub fn table_or_more(
        anchor: impl Into<String>,
        title: &'static str,
        table: Table,
    ) -> Vec<Block<'r>> {
        let rows = table.rows.len();
        let block = Block::table(anchor, title, table);
        if rows > ROWS_SHOWN {
            let title = format!("{title}: {}", counted(rows as u64, "row"));
            vec![Block::More(title, vec![block])]
        } else {
            vec![Block::heading(title), block]
        }
    }
}

/// The files that charts are in, with their titles.
pub(super) fn chart_files(charts: &[Chart]) -> Vec<(String, String)> {
    let charts = charts.iter();
    let files = charts.map(|chart| (chart_file(chart), chart.title.clone()));
    files.collect()
}

/// The link that leads to a chart.
pub(super) fn chart_link(chart: &Chart) -> Link {
    Link {
        anchor: anchor(chart),
        file: chart_file(chart),
        text: "chart",
    }
}

fn anchor(chart: &Chart) -> String {
    format!("chart-{}", chart.file)
}

fn chart_file(chart: &Chart) -> String {
    format!("charts/{}.svg", chart.file)
}
