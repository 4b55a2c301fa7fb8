//! Latencies in words: offered and achieved rates, limits and what no rate keeps.

use super::format::{counted, duration, listed};
use super::percentiles::Latency;
pub(crate) use super::searched::{Searched, rate, short_rate, time};
use super::summary::{PanelSummary, Summary};
use crate::base::whole;

impl Summary {
    /// The searches of a panel for the highest rate that keeps a limit.
    pub fn searches(&self, panel: u32) -> impl Iterator<Item = &Searched> {
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
    pub(crate) fn searched_label(&self, row: &Searched) -> String {
        let mut cells = self.cells.iter();
        let cell = cells.find(|cell| cell.entry.cell_id == row.cell_id);
        cell.map_or_else(|| row.target.clone(), |cell| self.label(cell))
    }
}

/// What to say where no target kept the limit that was searched for, at any rate; `None` where one did,
/// nothing was searched for, or the machine left it undecided.
#[must_use]
pub fn unmet(summary: &Summary) -> Option<String> {
    let rows = &summary.searched;
    if rows.is_empty() || rows.iter().any(|row| row.kept_per_s.is_some()) {
        return None;
    }
    let tried = rows.iter().map(|row| {
        let at = |per_s: f64| format!(" at {}/s", rate(whole(per_s)));
        match (row.broken_per_s, row.broken_ns, row.undecided_per_s) {
            (Some(per_s), Some(ns), _) => format!("{} {}{}", row.target, duration(ns), at(per_s)),
            (_, _, Some(per_s)) => {
                format!("{} undecided{}, the machine does", row.target, at(per_s))
            }
            _ => row.target.clone(),
        }
    });
    let tried: Vec<String> = tried.collect();
    let all_machine = rows.iter().all(Searched::is_undecided);
    let advice = if all_machine {
        "give a longer limit, or a machine with less beside this"
    } else {
        "give a longer limit"
    };
    Some(format!(
        "no rate keeps {} within {}: at the lowest rate tried it is {}; {advice}",
        rows[0].percentile,
        time(rows[0].limit_ns),
        listed(&tried)
    ))
}

/// In how many of its trials it fell behind, in words; those that the machine leaves undecided are left out.
pub(crate) fn behind_in_words(latency: &Latency) -> String {
    format!(
        "{} of {}",
        latency.behind,
        counted((latency.trials - latency.undecided) as u64, "trial")
    )
}
