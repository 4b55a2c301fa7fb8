//! What all charts of a run start from: a suite's panels. And what they end as: a drawing that waits to
//! be drawn.

use std::collections::BTreeSet;

use super::shape::Shape;
pub(super) use crate::analysis::figures::{extremes, gather, positive};
use crate::base::{Between, asked_in_words};
use crate::report::summary::{CellSummary, PanelSummary, Summary};

/// One chart before it is drawn.
pub(super) struct Draft {
    /// Name of its file, see [`stem`].
    pub file: String,
    /// The panels that it shows.
    pub panels: Vec<u32>,
    /// The question that it answers.
    pub title: String,
    /// How to read it.
    pub about: String,
    /// What is drawn.
    pub shape: Shape,
}

/// A suite and its panels.
pub(super) struct Suite<'s> {
    pub name: &'s str,
    pub panels: Vec<&'s PanelSummary>,
}

impl<'s> Suite<'s> {
    /// The panels that are about hash functions, which have charts of their own, and the others.
    pub fn split(&self) -> (Suite<'s>, Suite<'s>) {
        let name = self.name;
        let all = self.panels.iter().copied();
        let (about_hashes, others) = all.partition(|panel| panel.is_about_hashes());
        let suite = |panels| Suite { name, panels };
        (suite(about_hashes), suite(others))
    }
}

/// The suites of a run, in the order of its manifest.
pub(super) fn suites(summary: &Summary) -> Vec<Suite<'_>> {
    let mut groups = Vec::new();
    for panel in &summary.panels {
        gather(&mut groups, panel.entry.suite.as_str(), panel);
    }
    let suite = |(name, panels)| Suite { name, panels };
    groups.into_iter().map(suite).collect()
}

/// The numbers of panels, each once.
pub(super) fn numbers<'p>(panels: impl IntoIterator<Item = &'p PanelSummary>) -> Vec<u32> {
    let panels = panels.into_iter();
    let mut numbers: Vec<u32> = panels.map(|panel| panel.entry.panel).collect();
    numbers.dedup();
    numbers
}

/// Joins words to a file's stem: what is no letter or digit becomes `-`.
pub(super) fn stem(words: &[&str]) -> String {
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

/// What a panel's workload is called: its name, with the batch where gets are handed over together, and with
/// what stands between two operations where they are not chained.
pub(super) fn workload_of(panel: &PanelSummary) -> String {
    let mut name = match panel.entry.batch {
        0 | 1 => panel.entry.workload.clone(),
        batch => format!("{} in batches of {batch}", panel.entry.workload),
    };
    name += &asked_in_words(panel.entry.connections, panel.entry.depth);
    if panel.entry.between != Between::default() {
        name += &format!(", {}", panel.entry.between.words());
    }
    name
}

/// Says in each draft what stood between two operations of its panels: no rate and no cost means much without it.
pub(super) fn say_between(mut drafts: Vec<Draft>, suite: &Suite<'_>) -> Vec<Draft> {
    for draft in &mut drafts {
        let shown = suite.panels.iter();
        let shown = shown.filter(|panel| draft.panels.contains(&panel.entry.panel));
        let kinds: BTreeSet<Between> = shown.map(|panel| panel.entry.between).collect();
        let words = match kinds.len() {
            0 => continue,
            // Panels that differ have it in their names.
            2.. if kinds.contains(&Between::Chained) => "chained where nothing else is said".into(),
            _ => kinds
                .iter()
                .map(|kind| kind.words())
                .collect::<Vec<_>>()
                .join(" or "),
        };
        draft.about += &format!(" Operations ran {words}.");
    }
    drafts
}

/// A cell's target, which has all that is not as by default, and its hash: the same table wherever it is measured.
pub(super) fn table_of(cell: &CellSummary) -> (&str, &str) {
    (&cell.entry.target, &cell.entry.hash)
}

/// The harness floor of a panel: operations a second over all threads of a table that does nothing.
pub(super) fn floor_per_s(panel: &PanelSummary) -> Option<f64> {
    let floor = panel.harness.as_ref()?;
    positive(f64::from(panel.entry.threads) * 1e9 / floor.floor_ns)
}

/// ` 3 targets more are not shown.`, or nothing.
pub(super) fn and_more(left_out: usize, thing: &str) -> String {
    if left_out == 0 {
        return String::new();
    }
    let counted = crate::report::format::counted(left_out as u64, thing);
    let are = if left_out == 1 { "is" } else { "are" };
    format!(" {counted} more {are} not shown.")
}
