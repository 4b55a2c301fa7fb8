//! Hash functions under tables: heat maps of what an operation takes, and of what a flood costs.

use super::shape::{Heat, HeatCell, Shape, log_depth};
use super::suite::{Draft, Suite, gather, numbers, positive, stem};
use crate::report::format::{figure, figure_within, times, times_within};
use crate::report::summary::{CellSummary, PanelSummary};

/// Charts of the panels that are about hash functions.
pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let (floods, plain): (Vec<&PanelSummary>, Vec<&PanelSummary>) = suite
        .panels
        .iter()
        .partition(|panel| panel.flooded().is_some());
    let mut by_target: Vec<(&str, Vec<&PanelSummary>)> = Vec::new();
    for panel in plain {
        let mut seen = Vec::new();
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            let target = cell.entry.target.as_str();
            if !seen.contains(&target) {
                seen.push(target);
                gather(&mut by_target, target, panel);
            }
        }
    }
    let of_targets = by_target
        .iter()
        .filter_map(|(target, panels)| target_chart(suite.name, target, panels));
    let flood = flood_chart(suite.name, &floods).into_iter();
    flood.chain(of_targets).collect()
}

fn ns(cell: &CellSummary) -> Option<f64> {
    positive(cell.ns_per_op?.mid)
}

/// What a panel is called at the head of a column.
fn head(panel: &PanelSummary) -> String {
    if panel.entry.corpus.is_empty() {
        panel.entry.workload.clone()
    } else {
        panel.entry.corpus.clone()
    }
}

/// Functions against corpora, for one target.
fn target_chart(suite: &str, target: &str, panels: &[&PanelSummary]) -> Option<Draft> {
    let mut hashes: Vec<&str> = Vec::new();
    let cells = || {
        let cells = panels.iter().flat_map(|panel| &panel.cells);
        cells.filter(|cell| cell.ranked() && cell.entry.target == target)
    };
    for cell in cells() {
        if !hashes.contains(&cell.entry.hash.as_str()) {
            hashes.push(&cell.entry.hash);
        }
    }
    let find = |panel: &PanelSummary, hash: &str| {
        let mut cells = panel.cells.iter();
        let found = cells.position(|cell| {
            cell.ranked() && cell.entry.target == target && cell.entry.hash == hash
        });
        found.and_then(|at| Some((at, ns(&panel.cells[at])?)))
    };
    let best = |panel: &PanelSummary| {
        let found = hashes.iter().filter_map(|hash| find(panel, hash));
        found.min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let ratios = panels
        .iter()
        .filter_map(|panel| Some((panel, best(panel)?.1)));
    let deepest = ratios
        .flat_map(|(panel, best)| {
            let each = hashes.iter().filter_map(|hash| find(panel, hash));
            each.map(move |(_, ns)| ns / best).collect::<Vec<f64>>()
        })
        .fold(1.0_f64, f64::max);
    if cells().filter_map(ns).count() < 2 {
        return None;
    }
    // Below tenfold the whole scale would be noise.
    let deepest = deepest.max(10.0);
    let row = |hash: &&str| {
        let cells = panels.iter().map(|panel| {
            let Some((at, ns)) = find(panel, hash) else {
                return HeatCell::default();
            };
            let (fastest, least) = best(panel).unwrap_or((at, ns));
            let (cell, over) = (&panel.cells[at], &panel.cells[fastest]);
            let ratio = panel.ratio(over, cell).map(|ratio| ratio.interval);
            let against = match ratio {
                Some(ratio) if at != fastest => {
                    format!(
                        ", {} as long as under {}",
                        times_within(&ratio),
                        over.entry.hash
                    )
                }
                _ => ", the fastest of the column".to_owned(),
            };
            let interval = cell.ns_per_op.as_ref().map_or(String::new(), figure_within);
            HeatCell {
                depth: Some(log_depth(ns / least, 1.0, deepest)),
                text: figure(ns),
                best: false,
                hover: format!(
                    "{target} under {hash}, {}: {interval} ns an operation{against}",
                    panel.entry.about
                ),
            }
        });
        ((*hash).to_owned(), cells.collect())
    };
    let heat = Heat {
        columns: panels.iter().map(|panel| vec![head(panel)]).collect(),
        levels: Vec::new(),
        apart: 0,
        rows: hashes.iter().map(row).collect(),
        ends: [
            "fastest of its column".into(),
            format!("{} as long", times(deepest)),
        ],
    };
    let title = format!("How does the hash function change the time of a lookup in {target}?");
    let about = "Nanoseconds an operation: medians, with hash, walk and check; one column for \
                 each kind of keys. Shades are logarithmic, from the fastest function of a \
                 column; intervals and paired ratios are on hover."
        .to_owned();
    Some(Draft {
        file: stem(&["hashes", suite, target]),
        panels: numbers(panels.iter().copied()),
        title,
        about,
        shape: Shape::Heat(heat),
    })
}

/// Targets against flooded functions.
fn flood_chart(suite: &str, panels: &[&PanelSummary]) -> Option<Draft> {
    let mut targets: Vec<&str> = Vec::new();
    for cell in panels.iter().flat_map(|panel| &panel.cells) {
        let target = cell.entry.target.as_str();
        if cell.ranked() && !targets.contains(&target) {
            targets.push(target);
        }
    }
    let costs = panels.iter().flat_map(|panel| panel.flood_costs());
    let deepest = costs
        .map(|cost| cost.ratio.interval.mid)
        .fold(10.0, f64::max);
    let row = |target: &&str| {
        let cells = panels.iter().map(|panel| {
            let costs = panel.flood_costs();
            let Some(cost) = costs
                .iter()
                .find(|cost| cost.flooded.entry.target == **target)
            else {
                return HeatCell::default();
            };
            let took = |cell: &CellSummary| {
                let ns = cell.ns_per_op.as_ref();
                format!(
                    "{} ns under {}",
                    ns.map_or(String::new(), figure_within),
                    cell.entry.hash
                )
            };
            HeatCell {
                depth: Some(log_depth(cost.ratio.interval.mid.max(1.0), 1.0, deepest)),
                text: times(cost.ratio.interval.mid),
                best: false,
                hover: format!(
                    "{target}, {}: {} as long; {}, {}",
                    panel.entry.about,
                    times_within(&cost.ratio.interval),
                    took(cost.flooded),
                    took(cost.safe)
                ),
            }
        });
        ((*target).to_owned(), cells.collect())
    };
    let heat = Heat {
        columns: panels
            .iter()
            .map(|panel| {
                let flooded = panel.flooded().unwrap_or_default();
                vec!["flooded function".to_owned(), flooded.to_owned()]
            })
            .collect(),
        levels: Vec::new(),
        apart: 0,
        rows: targets.iter().map(row).collect(),
        ends: [
            "1: the flood does nothing".into(),
            format!("{} as long", times(deepest)),
        ],
    };
    if heat
        .rows
        .iter()
        .all(|(_, cells)| cells.iter().all(|cell| cell.depth.is_none()))
    {
        return None;
    }
    let title = "How much longer does a lookup take when keys flood its hash?".to_owned();
    let about = "The time of an operation under the flooded function, divided by the time under a \
                 function with a secret seed on the same keys: medians of paired ratios. Shades \
                 are logarithmic; intervals and times are on hover. Below 1 the flooded function \
                 is faster than the safe one, and the flood has no effect."
        .to_owned();
    Some(Draft {
        file: stem(&["flood", suite]),
        panels: numbers(panels.iter().copied()),
        title,
        about,
        shape: Shape::Heat(heat),
    })
}
