//! How long operations take when they begin at times of their own, and which rates keep a limit.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use crate::analysis::figures::gather;
use crate::analysis::format::{duration, listed};
use crate::analysis::latency::{behind_in_words, rate, time};
use crate::analysis::percentiles::{Latency, Percentile};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::record::{LoopKind, TimeKind};

/// A sentence for each panel in an open loop, or for the highest rate of a sweep that a target keeps up
/// with: which target responds within what, how much of it is service, and which falls behind.
pub(crate) fn latencies(summary: &Summary) -> Vec<Finding> {
    let mut sweeps: Vec<((&str, u32, &str), Vec<&PanelSummary>)> = Vec::new();
    for panel in summary.panels.iter().filter(|panel| panel.is_open_loop()) {
        let entry = &panel.entry;
        let sweep = entry.pace.as_ref().map_or("", |pace| pace.sweep.as_str());
        gather(&mut sweeps, (sweep, entry.threads, &entry.suite), panel);
    }
    let telling = |panels: Vec<&PanelSummary>| {
        let kept = |panel: &&&PanelSummary| {
            panel
                .cells
                .iter()
                .any(|cell| response(cell).is_some_and(|response| !response.fell_behind()))
        };
        let rate = |panel: &&&PanelSummary| panel.entry.pace.as_ref().and_then(|p| p.offered_per_s);
        let highest = panels.iter().filter(kept).max_by_key(rate);
        let panel = highest.or_else(|| panels.iter().min_by_key(rate))?;
        of_panel(summary, panel)
    };
    sweeps
        .into_iter()
        .filter_map(|(_, panels)| telling(panels))
        .collect()
}

/// The response times of a ranked cell in an open loop.
fn response(cell: &CellSummary) -> Option<&Latency> {
    cell.response().filter(|_| cell.ranked())
}

fn p9999_ns(latency: &Latency) -> f64 {
    latency.at(Percentile::P9999).mid
}

fn of_panel(summary: &Summary, panel: &PanelSummary) -> Option<Finding> {
    let mut with: Vec<(&CellSummary, &Latency)> = panel
        .cells
        .iter()
        .filter_map(|cell| Some((cell, response(cell)?)))
        .collect();
    with.sort_by(|(_, a), (_, b)| {
        let ns = p9999_ns(a).total_cmp(&p9999_ns(b));
        a.fell_behind().cmp(&b.fell_behind()).then(ns)
    });
    let (kept, behind): (Vec<_>, Vec<_>) =
        with.iter().partition(|(_, latency)| !latency.fell_behind());
    let clause = |(cell, latency): &&(&CellSummary, &Latency)| {
        let service = cell.latency_of(LoopKind::Open, TimeKind::Service);
        let service = service.map_or_else(String::new, |service| {
            format!(" (service {})", duration(p9999_ns(service)))
        });
        format!(
            "{} for {}{service}",
            duration(p9999_ns(latency)),
            panel.label(cell)
        )
    };
    let mut parts = Vec::new();
    // Of many, the ends say most.
    let ends: Vec<&&(&CellSummary, &Latency)> = match kept.as_slice() {
        [first, .., last] if kept.len() > 4 => vec![first, last],
        all => all.iter().collect(),
    };
    if !ends.is_empty() {
        let clauses: Vec<String> = ends.iter().map(|end| clause(end)).collect();
        parts.push(format!("The response p99.99 is {}", listed(&clauses)));
    }
    if !behind.is_empty() {
        let names: Vec<String> = behind
            .iter()
            .map(|(cell, latency)| {
                format!("{} (in {})", panel.label(cell), behind_in_words(latency))
            })
            .collect();
        let verb = if behind.len() == 1 { "falls" } else { "fall" };
        parts.push(format!("{} {verb} behind the offered rate", listed(&names)));
    }
    let (best, worst) = (with.first()?, with.last()?);
    let ratio = p9999_ns(worst.1) / p9999_ns(best.1);
    Some(Finding {
        text: format!(
            "{} under {} in an open loop.",
            parts.join("; "),
            places(summary, &[panel])
        ),
        topic: Topic::Latency,
        panels: panel_numbers([panel]),
        cells: cell_ids(with.iter().map(|(cell, _)| *cell)),
        effect: ratio.ln().abs(),
    })
}

/// A sentence for each panel in which a rate was searched for.
pub(crate) fn limits(summary: &Summary) -> Vec<Finding> {
    let of_panel = |panel: &PanelSummary| {
        let mut rows: Vec<_> = summary.searches(panel.entry.panel).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.kept_per_s));
        let first = rows.first()?;
        let clauses = rows
            .iter()
            .map(|row| match (row.kept_per_s, row.broken_per_s) {
                (None, _) => format!("no rate for {}", panel.searched_label(row)),
                (Some(kept), Some(broken)) => {
                    format!(
                        "{}/s for {} (broken at {})",
                        rate(kept),
                        panel.searched_label(row),
                        rate(broken)
                    )
                }
                (Some(kept), None) => {
                    format!(
                        "{}/s for {} (the most that the clock paces)",
                        rate(kept),
                        panel.searched_label(row)
                    )
                }
            });
        let clauses: Vec<String> = clauses.collect();
        let rates: Vec<u64> = rows.iter().filter_map(|row| row.kept_per_s).collect();
        let (most, least) = (rates.first()?, rates.last()?);
        Some(Finding {
            text: format!(
                "The response {} stays within {} up to {} under {} in an open loop.",
                first.percentile,
                time(first.limit_ns),
                listed(&clauses),
                places(summary, &[panel])
            ),
            topic: Topic::Limit,
            panels: panel_numbers([panel]),
            cells: cell_ids(panel.cells.iter().filter(|cell| cell.ranked())),
            effect: (*most as f64 / *least as f64).ln(),
        })
    };
    summary.panels.iter().filter_map(of_panel).collect()
}
