//! How long operations take when they begin at times of their own, and which rates keep a limit.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use crate::analysis::figures::gather;
use crate::analysis::format::{duration, listed};
use crate::analysis::latency::{Searched, behind_in_words, rate, time};
use crate::analysis::percentiles::{Latency, Percentile};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::base::whole;
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
                .any(|cell| response(cell).is_some_and(kept_up))
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

fn kept_up(latency: &Latency) -> bool {
    !latency.fell_behind() && !latency.is_undecided()
}

fn p9999_ns(latency: &Latency) -> f64 {
    latency.at(Percentile::P9999).mid
}

/// A cell with its response times.
type Responds<'s> = (&'s CellSummary, &'s Latency);

fn of_panel(summary: &Summary, panel: &PanelSummary) -> Option<Finding> {
    let mut with: Vec<Responds<'_>> = panel
        .cells
        .iter()
        .filter_map(|cell| Some((cell, response(cell)?)))
        .collect();
    with.sort_by(|(_, a), (_, b)| p9999_ns(a).total_cmp(&p9999_ns(b)));
    let of = |is: &dyn Fn(&Latency) -> bool| -> Vec<Responds<'_>> {
        let all = with.iter().copied();
        all.filter(|(_, latency)| is(latency)).collect()
    };
    let ranked = of(&|latency| kept_up(latency) && latency.has_interval());
    let once = of(&|latency| kept_up(latency) && !latency.has_interval());
    let behind = of(&Latency::fell_behind);
    let undecided = of(&Latency::is_undecided);
    let clause = |(cell, latency): &Responds<'_>| {
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
    let ends: Vec<&Responds<'_>> = match ranked.as_slice() {
        [first, .., last] if ranked.len() > 4 => vec![first, last],
        all => all.iter().collect(),
    };
    if !ends.is_empty() {
        let clauses: Vec<String> = ends.iter().map(|end| clause(end)).collect();
        parts.push(format!("The response p99.99 is {}", listed(&clauses)));
    }
    if !once.is_empty() {
        let clauses: Vec<String> = once.iter().map(clause).collect();
        parts.push(format!(
            "Of one trial, so with no interval and no rank, the response p99.99 is {}",
            listed(&clauses)
        ));
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
    if !undecided.is_empty() {
        let names: Vec<String> = undecided
            .iter()
            .map(|(cell, _)| panel.label(cell))
            .collect();
        parts.push(format!(
            "whether {} keeps up is undecided, the machine does: the floor broke beside it",
            listed(&names)
        ));
    }
    let effect = match ranked.as_slice() {
        [best, .., worst] => (p9999_ns(worst.1) / p9999_ns(best.1)).ln().abs(),
        _ => 0.0,
    };
    let floor = panel
        .cells
        .iter()
        .find(|cell| cell.entry.control && !cell.entry.twin)
        .and_then(|cell| Some((cell, cell.response()?)));
    let floor = floor.map_or_else(String::new, |(cell, latency)| {
        let own = duration(p9999_ns(latency));
        format!("; that of the floor, {}, is {own}", panel.label(cell))
    });
    (!parts.is_empty()).then(|| Finding {
        text: format!(
            "{} under {} in an open loop{floor}.",
            parts.join("; "),
            places(summary, &[panel])
        ),
        topic: Topic::Latency,
        panels: panel_numbers([panel]),
        cells: cell_ids(with.iter().map(|(cell, _)| *cell)),
        effect,
    })
}

/// A sentence for each panel in which a rate was searched for.
pub(crate) fn limits(summary: &Summary) -> Vec<Finding> {
    let of_panel = |panel: &PanelSummary| {
        let mut rows: Vec<&Searched> = summary.searches(panel.entry.panel).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.rank()));
        let first = rows.first()?;
        let clauses = rows.iter().map(|row| {
            let label = panel.searched_label(row);
            let beyond = match (row.broken_per_s, row.one_sided()) {
                (Some(broken), sides) if sides.is_empty() => {
                    format!("broken at {}", rate(whole(broken)))
                }
                (_, sides) => sides,
            };
            match row.kept_in_words() {
                Some(kept) => format!("{kept}/s for {label} ({beyond})"),
                None if row.is_undecided() => format!("an undecided rate for {label} ({beyond})"),
                None => format!("no rate for {label}"),
            }
        });
        let clauses: Vec<String> = clauses.collect();
        let found = rows.iter().filter(|row| !row.is_undecided());
        let rates: Vec<f64> = found.filter_map(|row| Some(row.kept_per_s?.mid)).collect();
        let effect = match rates.as_slice() {
            [most, .., least] => (most / least).ln(),
            _ => 0.0,
        };
        rows.iter()
            .any(|row| row.kept_per_s.is_some())
            .then(|| Finding {
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
                effect,
            })
    };
    summary.panels.iter().filter_map(of_panel).collect()
}
