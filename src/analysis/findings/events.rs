//! What happened besides speed: failures, answers, resizes.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::{Place, places};
use crate::analysis::figures::gather;
use crate::analysis::format::{counted, listed};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary, Tally};

/// Sentences about errors; the last then counts the rest.
pub(super) const ERRORS_AT_MOST: usize = 3;

/// What happened, and in each panel where it did the cells it happened to.
type Clauses<'s> = Vec<(String, Vec<(&'s PanelSummary, Vec<&'s CellSummary>)>)>;

/// A sentence per target and reason; beyond [`ERRORS_AT_MOST`] the last counts the rest.
pub(crate) fn errors(summary: &Summary) -> Vec<Finding> {
    let mut groups: Vec<((String, String), Vec<Place<'_>>)> = Vec::new();
    for panel in &summary.panels {
        for cell in &panel.cells {
            let Some(reason) = &cell.error else {
                continue;
            };
            let twin = if cell.entry.twin { "the twin of " } else { "" };
            let name = format!("{twin}{}", panel.label(cell));
            gather(&mut groups, (name, reason.clone()), (panel, cell));
        }
    }
    let named = if groups.len() > ERRORS_AT_MOST {
        ERRORS_AT_MOST - 1
    } else {
        groups.len()
    };
    let rest = groups.split_off(named);
    let mut findings: Vec<Finding> = groups
        .into_iter()
        .map(|((name, reason), failed)| {
            let panels: Vec<&PanelSummary> = failed.iter().map(|(panel, _)| *panel).collect();
            let text = format!(
                "{name} under {} failed: {}.",
                places(summary, &panels),
                reason.trim_end_matches('.')
            );
            event(text, Topic::Error, &failed)
        })
        .collect();
    let rest: Vec<Place<'_>> = rest.into_iter().flat_map(|(_, failed)| failed).collect();
    if !rest.is_empty() {
        let text = format!(
            "{} failed; the table has the reasons.",
            counted(rest.len() as u64, "more cell")
        );
        findings.push(event(text, Topic::Error, &rest));
    }
    findings
}

fn event(text: String, topic: Topic, places: &[Place<'_>]) -> Finding {
    Finding {
        text,
        topic,
        panels: panel_numbers(places.iter().map(|(panel, _)| *panel)),
        cells: cell_ids(places.iter().map(|(_, cell)| *cell)),
        effect: 0.0,
    }
}

/// What the targets answered where the same requests were put to each: equal answers make one
/// clause.
pub(crate) fn replays(summary: &Summary) -> Vec<Finding> {
    let mut groups: Clauses<'_> = Vec::new();
    for panel in &summary.panels {
        if !panel.entry.pass || !panel.has_misses() {
            continue;
        }
        let mut answers: Vec<(String, Vec<&CellSummary>)> = Vec::new();
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            if let (Some(ops), Some(hits), Some(misses)) = (cell.ops, cell.hits, cell.misses) {
                let answer = format!(
                    "{} requests with {} hits and {} misses",
                    tally(ops),
                    tally(hits),
                    tally(misses)
                );
                gather(&mut answers, answer, cell);
            }
        }
        let clauses: Vec<String> = match answers.as_slice() {
            [] => continue,
            [(answer, cells)] if cells.len() > 1 => {
                vec![format!(
                    "Each of the {} targets answered {answer}",
                    cells.len()
                )]
            }
            several => several
                .iter()
                .map(|(answer, cells)| {
                    let labels: Vec<String> = cells.iter().map(|cell| panel.label(cell)).collect();
                    format!("{} answered {answer}", listed(&labels))
                })
                .collect(),
        };
        let cells = answers.into_iter().flat_map(|(_, cells)| cells).collect();
        gather(&mut groups, clauses.join("; "), (panel, cells));
    }
    in_panels(summary, groups, Topic::Replay)
}

/// Resizes in the course of a pass.
pub(crate) fn resizes(summary: &Summary) -> Vec<Finding> {
    let mut groups: Clauses<'_> = Vec::new();
    for panel in summary.panels.iter().filter(|panel| panel.entry.pass) {
        let mut clauses = Vec::new();
        let mut cells = Vec::new();
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            if let Some(resizes) = cell.resizes.filter(|resizes| resizes.count() > 0) {
                let verb = if cells.is_empty() { " resized" } else { "" };
                let times = if resizes.count() == 1 {
                    "time"
                } else {
                    "times"
                };
                clauses.push(format!(
                    "{}{verb} {} {times}",
                    panel.label(cell),
                    tally(resizes)
                ));
                cells.push(cell);
            }
        }
        if !cells.is_empty() {
            let clause = format!("{} in one pass", listed(&clauses));
            gather(&mut groups, clause, (panel, cells));
        }
    }
    in_panels(summary, groups, Topic::Resizes)
}

fn tally(tally: Tally) -> String {
    match tally {
        Tally::Each(count) => count.to_string(),
        Tally::Median(count) => format!("about {count}"),
    }
}

/// A sentence per clause, with the panels that it holds in.
fn in_panels(summary: &Summary, groups: Clauses<'_>, topic: Topic) -> Vec<Finding> {
    groups
        .into_iter()
        .map(|(clause, places_of_it)| {
            let panels: Vec<&PanelSummary> = places_of_it.iter().map(|(panel, _)| *panel).collect();
            let flat: Vec<Place<'_>> = places_of_it
                .iter()
                .flat_map(|(panel, cells)| cells.iter().map(|cell| (*panel, *cell)))
                .collect();
            event(
                format!("{clause} under {}.", places(summary, &panels)),
                topic,
                &flat,
            )
        })
        .collect()
}
