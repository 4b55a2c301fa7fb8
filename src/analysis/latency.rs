//! Latencies in words: offered and achieved rates, limits and what no rate keeps.

use super::format::{counted, duration, figure, listed};
use super::percentiles::Latency;
use super::summary::{PanelSummary, Summary};
use crate::base::PerSecond;
use crate::record::SloRow;

impl Summary {
    /// The searches of a panel for the highest rate that keeps a limit.
    pub fn searches(&self, panel: u32) -> impl Iterator<Item = &SloRow> {
        self.searched.iter().filter(move |row| row.panel == panel)
    }

    /// Whether a panel was to search for a rate, so that it has no other figures.
    #[must_use]
    pub fn is_searched(&self, panel: &PanelSummary) -> bool {
        self.searches(panel.entry.panel).next().is_some()
    }
}

impl PanelSummary {
    /// Whether its operations begin when they are due, so that its rates are not the tables'.
    #[must_use]
    pub fn is_open_loop(&self) -> bool {
        self.entry.pace.is_some()
    }

    /// What the target of a search is called among those of the panel.
    pub(crate) fn searched_label(&self, row: &SloRow) -> String {
        let mut cells = self.cells.iter();
        let cell = cells.find(|cell| cell.entry.cell_id == row.cell_id);
        cell.map_or_else(|| row.target.clone(), |cell| self.label(cell))
    }
}

/// Why the search for a rate did not end between two; empty where it did.
pub(crate) fn one_sided(row: &SloRow) -> &'static str {
    match (row.kept_per_s, row.broken_per_s) {
        (None, _) => "no rate keeps it",
        (Some(_), None) => "the clock paces no higher rate",
        _ => "",
    }
}

/// What to say where no target kept the limit that was searched for, at any rate; `None` where one did,
/// or nothing was searched for.
#[must_use]
pub fn unmet(summary: &Summary) -> Option<String> {
    let rows = &summary.searched;
    if rows.is_empty() || rows.iter().any(|row| row.kept_per_s.is_some()) {
        return None;
    }
    let tried = rows.iter().map(|row| {
        let at = row.broken_per_s.map_or_else(String::new, rate);
        let was = row.broken_ns.map_or_else(String::new, time);
        format!("{} {was} at {at}/s", row.target)
    });
    let tried: Vec<String> = tried.collect();
    Some(format!(
        "no rate keeps {} within {}: at the lowest rate tried it is {}; give a longer limit",
        rows[0].percentile,
        time(rows[0].limit_ns),
        listed(&tried)
    ))
}

/// A rate that was searched: to the operation where few digits say it, else in three.
pub(crate) fn rate(per_s: u64) -> String {
    let exact = PerSecond(per_s).to_string();
    if exact.len() <= "1.05M".len() {
        exact
    } else {
        short_rate(per_s as f64)
    }
}

pub(crate) fn time(ns: u64) -> String {
    duration(ns as f64)
}

/// A rate in three digits: `99.9k`, `1.05M`.
pub(crate) fn short_rate(per_s: f64) -> String {
    match per_s {
        rate if rate >= 1e6 => format!("{}M", figure(rate / 1e6)),
        rate if rate >= 1e3 => format!("{}k", figure(rate / 1e3)),
        rate => figure(rate),
    }
}

/// What kept the reader's attention: how many of these trials, in words.
pub(crate) fn behind_in_words(latency: &Latency) -> String {
    format!(
        "{} of {}",
        latency.behind,
        counted(latency.trials as u64, "trial")
    )
}
