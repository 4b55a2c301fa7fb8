//! Two targets of one run, paired within their panels.

use super::{Call, CellComparison, Compared, Judged, Side, judge, overall, seed_of, side};
use crate::analysis::labels::place_of;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::analysis::verdict::Noise;
use crate::base::{BadInput, unknown_name};
use crate::stats::{self, Resampled};

impl Compared {
    /// Compares the second target with the first in every panel that has both. A target is named as the
    /// tables name it (`striped`, or `striped (xxh3)` where there are several hashes), or with all its
    /// parameters; where a panel has it under several hashes, those under the same are compared.
    ///
    /// # Errors
    /// A target that the run does not have, with those that it has; one name twice.
    pub fn of_targets(summary: &Summary, first: &str, second: &str) -> Result<Compared, BadInput> {
        for name in [first, second] {
            known(summary, name)?;
        }
        let mut cells = Vec::new();
        let mut judged = Vec::new();
        for panel in &summary.panels {
            let of = |name: &str| matching(panel, name);
            let (of_first, of_second) = (of(first), of(second));
            let several = of_first.len() > 1 || of_second.len() > 1;
            for (a, b) in both(&of_first, &of_second, several) {
                let (cell, log) = compare(panel, a, b, several);
                cells.push(cell);
                judged.push(log);
            }
            let alone = match (of_first.is_empty(), of_second.is_empty()) {
                (false, true) => of_first.first().map(|cell| (cell, second, 0)),
                (true, false) => of_second.first().map(|cell| (cell, first, 1)),
                _ => None,
            };
            if let Some((cell, missing, side)) = alone {
                cells.extend(alone_in(summary, panel, cell, missing, side));
                judged.resize_with(cells.len(), || None);
            }
        }
        if first == second
            || cells
                .iter()
                .any(|cell| cell.cell_ids[0] == cell.cell_ids[1])
        {
            return Err(BadInput(format!(
                "'{first}' and '{second}' are the same target: give two, or two runs"
            )));
        }
        let family = judge(&mut cells, Some(summary.family));
        let overall = overall(&judged, &cells);
        let run = side(&summary.manifest);
        let about = format!("{}, {}", run.name, run.about);
        let sides = [first, second].map(|name| Side {
            name: name.to_owned(),
            about: about.clone(),
        });
        Ok(Compared {
            sides,
            of_runs: false,
            notes: Vec::new(),
            cells,
            drifts: Vec::new(),
            family,
            overall,
        })
    }
}

fn is_named(panel: &PanelSummary, cell: &CellSummary, name: &str) -> bool {
    let entry = &cell.entry;
    entry.target == name || entry.target_full == name || panel.label(cell) == name
}

fn matching<'s>(panel: &'s PanelSummary, name: &str) -> Vec<&'s CellSummary> {
    let cells = panel.cells.iter();
    cells
        .filter(|cell| !cell.entry.twin && is_named(panel, cell, name))
        .collect()
}

fn known(summary: &Summary, name: &str) -> Result<(), BadInput> {
    let mut labels: Vec<String> = Vec::new();
    for panel in &summary.panels {
        for cell in panel.cells.iter().filter(|cell| !cell.entry.twin) {
            if is_named(panel, cell, name) {
                return Ok(());
            }
            let label = &cell.entry.target;
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
    }
    if labels.is_empty() {
        let run = &summary.manifest.run_id;
        return Err(BadInput(format!("the run {run} has no targets")));
    }
    Err(unknown_name(
        "target of this run",
        name,
        labels.iter().map(String::as_str),
    ))
}

/// What is compared with what: under the same hash where there are several.
fn both<'s>(
    first: &[&'s CellSummary],
    second: &[&'s CellSummary],
    several: bool,
) -> Vec<(&'s CellSummary, &'s CellSummary)> {
    let mut both = Vec::new();
    for &a in first {
        for &b in second {
            if !several || a.entry.hash == b.entry.hash {
                both.push((a, b));
            }
        }
    }
    both
}

fn compare(
    panel: &PanelSummary,
    a: &CellSummary,
    b: &CellSummary,
    several: bool,
) -> (CellComparison, Option<Judged>) {
    let mut cell = new_cell(panel, a, b);
    if several {
        cell.place = format!("{} · {}", cell.place, a.entry.hash);
    }
    for side in [a, b] {
        if let Some(error) = side.error.as_ref().filter(|_| cell.reason.is_empty()) {
            cell.reason = format!("{} failed: {error}", side.entry.target);
        }
    }
    // The interval is the one that `run` prints; the resamples are for the mean over cells.
    let judged = panel.ratio(b, a).and_then(|ratio| {
        let seed = seed_of(panel.seed, panel.entry.panel, 0);
        let groups = b.rates.logs(&[&a.rates]);
        let log = Resampled::median(&groups, seed, stats::RESAMPLES)?;
        Some(Judged { ratio, log })
    });
    cell.measured(judged.as_ref(), panel.noise());
    (cell, judged)
}

fn new_cell(panel: &PanelSummary, a: &CellSummary, b: &CellSummary) -> CellComparison {
    CellComparison {
        place: place_of(panel),
        target: b.entry.target.clone(),
        cell_ids: [a, b].map(|cell| cell.entry.cell_id.clone()),
        rates: [a.rate, b.rate],
        ratio: None,
        held: None,
        over: Vec::new(),
        noise: Noise::default(),
        call: Call::NotComparable,
        reason: String::new(),
    }
}

/// A panel that has one of the two only; `None` where the same cell meets the other elsewhere, as
/// the baseline of a panel that was split does.
fn alone_in(
    summary: &Summary,
    panel: &PanelSummary,
    cell: &CellSummary,
    missing: &str,
    side: usize,
) -> Option<CellComparison> {
    let place = place_of(panel);
    let elsewhere = summary
        .panels
        .iter()
        .filter(|other| place_of(other) == place && other.entry.panel != panel.entry.panel);
    let mut apart = false;
    for other in elsewhere {
        if !matching(other, missing).is_empty() {
            let has_both = other
                .cells
                .iter()
                .any(|c| c.entry.target_full == cell.entry.target_full);
            if has_both {
                return None;
            }
            apart = true;
        }
    }
    // Said once, of the first.
    if apart && side == 1 {
        return None;
    }
    let mut alone = new_cell(panel, cell, cell);
    alone.cell_ids[1 - side].clear();
    alone.rates[1 - side] = None;
    alone.reason = if apart {
        format!("{missing} was measured in another panel, at another time")
    } else {
        format!("{missing} was not measured here")
    };
    Some(alone)
}
