//! The answer to "which table?", in one sentence at the top of a report.

use super::format::{counted, figure, figure_within, listed};
use super::labels;
use super::summary::{CellSummary, PanelSummary, Summary, Verdict};
use super::verdict::Difference;

/// A target over the panels of a run.
struct Standing<'s> {
    label: String,
    /// Its cell in the first panel that has it.
    first: (&'s PanelSummary, &'s CellSummary),
    /// Panels in which it is the fastest, or not told apart from the fastest.
    leads: usize,
    /// The sum of the logarithms of its rate over the fastest.
    log_share: f64,
    panels: usize,
}

/// Which table to take for what was measured, and what it costs in memory: the target that is the fastest, or not told
/// apart from the fastest, in most panels. `None` where there are fewer than two targets to choose from.
#[must_use]
pub fn answer(summary: &Summary) -> Option<String> {
    let measured = summary.panels.iter().filter(|panel| {
        !panel.is_open_loop() && !panel.is_about_hashes() && panel.ranking().len() > 1
    });
    let panels: Vec<&PanelSummary> = measured.collect();
    let mut standings: Vec<Standing<'_>> = Vec::new();
    for &panel in &panels {
        let ranking = panel.ranking();
        let fastest = *ranking.first()?;
        for cell in ranking {
            let label = panel.label(cell);
            let at = standings.iter().position(|one| one.label == label);
            let at = at.unwrap_or_else(|| {
                standings.push(Standing {
                    label,
                    first: (panel, cell),
                    leads: 0,
                    log_share: 0.0,
                    panels: 0,
                });
                standings.len() - 1
            });
            let standing = &mut standings[at];
            standing.panels += 1;
            standing.leads += usize::from(leads(panel, cell, fastest));
            let rates = cell.rate.zip(fastest.rate);
            standing.log_share += rates.map_or(0.0, |(own, best)| (own.mid / best.mid).ln());
        }
    }
    // What was measured in few panels may lead all of them: a share of the panels is no share of a few.
    let most = standings.iter().map(|one| one.panels).max()?;
    standings.retain(|one| one.panels == most);
    standings.sort_by(|a, b| {
        let by_leads = b.leads.cmp(&a.leads);
        by_leads.then(b.log_share.total_cmp(&a.log_share))
    });
    let (first, others) = standings.split_first()?;
    if others.is_empty() {
        return None;
    }
    let costs =
        bytes(first).map_or_else(String::new, |bytes| format!(", and takes {bytes} an entry"));
    if most == 1 {
        return Some(in_one(first, others, &costs));
    }
    let beside = others.iter().filter(|one| one.leads > 0).take(2);
    let beside: Vec<String> = beside
        .map(|one| format!("{} in {}", one.label, one.leads))
        .collect();
    let beside = if beside.is_empty() {
        String::new()
    } else {
        format!("; {}", listed(&beside))
    };
    Some(format!(
        "Take {}: it is the fastest, or not told apart from the fastest, in {} of {}{costs}{beside}.",
        first.label,
        first.leads,
        counted(most as u64, "panel")
    ))
}

/// Of one panel: the rate, and what is not told apart from it.
fn in_one(first: &Standing<'_>, others: &[Standing<'_>], costs: &str) -> String {
    let (panel, cell) = first.first;
    let rate = cell.rate.map(|rate| rate.map(|rate| rate / 1e6));
    let rate = rate.as_ref().map_or_else(String::new, figure_within);
    let even = others.iter().filter(|one| one.leads > 0);
    let even: Vec<String> = even
        .map(|one| match bytes(one) {
            Some(bytes) => format!("{} ({bytes})", one.label),
            None => one.label.clone(),
        })
        .collect();
    let even = match even.len() {
        0 => String::new(),
        1 => format!("; {} is not told apart from it", even[0]),
        _ => format!("; {} are not told apart from it", listed(&even)),
    };
    format!(
        "Take {} for {}: it is the fastest with {rate} M ops/s{costs}{even}.",
        first.label,
        labels::place_of(panel)
    )
}

fn bytes(standing: &Standing<'_>) -> Option<String> {
    let bytes = standing.first.1.bytes_per_entry?;
    Some(format!("{} B", figure(bytes)))
}

/// Whether a cell is the fastest, or not told apart from it.
fn leads(panel: &PanelSummary, cell: &CellSummary, fastest: &CellSummary) -> bool {
    if std::ptr::eq(cell, fastest) {
        return true;
    }
    let slower = Verdict::Is(Difference::Slower);
    let ratio = panel.ratio(cell, fastest);
    ratio.is_some_and(|ratio| panel.verdict_on(&ratio) != slower)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn the_table_that_leads_most_panels_is_named() {
        let cells = |fixed: f64, striped: f64| {
            [
                Cell::null(8.0, 5.0),
                Cell::new("fixed", fixed),
                Cell::twin("fixed", fixed),
                Cell::new("striped", striped),
            ]
        };
        let one = Synthetic::new().panel("ycsb-a", 1, &cells(400.0, 100.0));
        let text = answer(&Summary::of(&one.records())).unwrap();
        assert!(text.starts_with("Take striped for ycsb-a"), "{text}");
        assert!(!text.contains("told apart"), "{text}");
        let two = Synthetic::new()
            .panel("ycsb-a", 1, &cells(400.0, 100.0))
            .panel("ycsb-b", 1, &cells(300.0, 100.0))
            .panel("ycsb-c", 1, &cells(50.0, 100.0));
        let text = answer(&Summary::of(&two.records())).unwrap();
        assert!(
            text.starts_with("Take striped: it is the fastest"),
            "{text}"
        );
        assert!(
            text.contains("in 2 of 3 panels") && text.contains("fixed in 1"),
            "{text}"
        );
        // Of one table there is nothing to choose.
        let alone = Synthetic::new().panel("ycsb-a", 1, &cells(400.0, 100.0)[..3]);
        assert_eq!(answer(&Summary::of(&alone.records())), None);
    }
}
