//! Targets against workloads: a heat map of what each does beside the best of its column.

use super::shape::{Heat, HeatCell, Shape, log_depth};
use super::suite::{Draft, Suite, numbers, positive, table_of, workload_of};
use crate::analysis::figures::gather;
use crate::base::{Between, human_integer};
use crate::report::format::{counted, figure, times};
use crate::report::labels;
use crate::report::summary::{CellSummary, PanelSummary};

/// Columns of a map: the names above them have no more room.
const MOST_COLUMNS: usize = 6;
/// Rows of a map.
const MOST_ROWS: usize = 30;

/// A target with its cells, a panel each.
struct Target<'s> {
    label: String,
    cells: Vec<(&'s PanelSummary, &'s CellSummary)>,
}

/// Maps of a suite, of as many panels as fit into each; none where a table of two lines would say the same.
pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let measured = |panel: &&&PanelSummary| {
        let rates = panel.cells.iter().filter_map(rate).count();
        !panel.is_open_loop() && rates > 2
    };
    let panels: Vec<&PanelSummary> = suite.panels.iter().filter(measured).copied().collect();
    if panels.len() < 2 {
        return Vec::new();
    }
    let parts = panels.chunks(MOST_COLUMNS);
    parts
        .filter_map(|panels| chart(suite.name, panels))
        .collect()
}

fn chart(suite: &str, panels: &[&PanelSummary]) -> Option<Draft> {
    let mut groups = Vec::new();
    for &panel in panels {
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            gather(&mut groups, table_of(cell), (panel, cell));
        }
    }
    let targets = groups.into_iter().map(|(_, cells)| Target {
        label: name_of(cells[0]),
        cells,
    });
    // Those that were measured in one panel alone are a question of that panel.
    let mut targets: Vec<Target<'_>> = targets.filter(|target| target.cells.len() > 1).collect();
    if targets.len() < 2 {
        return None;
    }
    let ratios = |target: &Target<'_>| -> Vec<f64> {
        let shares = target.cells.iter().map(|&place| share_of_best(place));
        shares.flatten().collect()
    };
    let mean = |target: &Target<'_>| {
        let ratios = ratios(target);
        let logs: f64 = ratios.iter().map(|ratio| ratio.ln()).sum();
        logs / ratios.len().max(1) as f64
    };
    targets.sort_by(|a, b| mean(b).total_cmp(&mean(a)));
    let slowest = targets.iter().flat_map(ratios).fold(1.0, f64::min);
    // Below twofold the whole scale would be noise.
    let deepest = (1.0 / slowest).max(2.0);
    let left_out = targets.len().saturating_sub(MOST_ROWS);
    targets.truncate(MOST_ROWS);
    let row = |target: &Target<'_>| {
        let cells = panels.iter().map(|panel| {
            let place = target
                .cells
                .iter()
                .find(|(of, _)| of.entry.panel == panel.entry.panel);
            place.map_or_else(HeatCell::default, |&place| heat(place, deepest))
        });
        (target.label.clone(), cells.collect())
    };
    let more = super::suite::and_more(left_out, "target");
    Some(Draft {
        file: super::suite::stem(&["matrix", suite]),
        panels: numbers(panels.iter().copied()),
        title: "Which table is fast where?".to_owned(),
        about: format!(
            "Million operations a second of all threads together, medians; one column for each panel, with its threads, entries, batch and what stood between two operations above it where \
             they tell it from the others. Shades are \
             logarithmic, from the fastest of a column. Rows are in the order of their geometric mean over the \
             columns; a star marks a table of another project.{more}"
        ),
        shape: Shape::Heat(Heat {
            columns: panels.iter().map(|panel| head(panel, panels)).collect(),
            rows: targets.iter().map(row).collect(),
            ends: [
                "fastest of its column".into(),
                format!("1/{} of it", times_short(deepest)),
            ],
        }),
    })
}

fn name_of((panel, cell): (&PanelSummary, &CellSummary)) -> String {
    let star = if cell.entry.peer { " *" } else { "" };
    format!("{}{star}", panel.label(cell))
}

fn rate(cell: &CellSummary) -> Option<f64> {
    positive(cell.rate.filter(|_| cell.ranked())?.mid)
}

/// A cell's rate over the best of its panel.
fn share_of_best((panel, cell): (&PanelSummary, &CellSummary)) -> Option<f64> {
    let best = panel.cells.iter().filter_map(rate).reduce(f64::max)?;
    Some(rate(cell)? / best)
}

/// The workload, and above it what tells the columns of one workload apart.
fn head(panel: &PanelSummary, panels: &[&PanelSummary]) -> (String, String) {
    let entry = &panel.entry;
    let differ = |of: fn(&PanelSummary) -> u64| panels.iter().any(|other| of(other) != of(panel));
    let mut over = Vec::new();
    if differ(|panel| u64::from(panel.entry.threads)) {
        over.push(counted(u64::from(entry.threads), "thread"));
    }
    if differ(|panel| panel.entry.entries) {
        over.push(human_integer(entry.entries));
    }
    if entry.batch > 1 {
        over.push(format!("batch {}", entry.batch));
    }
    if entry.between != Between::default() {
        over.push(entry.between.to_string());
    }
    (over.join(", "), entry.workload.clone())
}

fn heat((panel, cell): (&PanelSummary, &CellSummary), deepest: f64) -> HeatCell {
    let label = panel.label(cell);
    let place = workload_of(panel);
    if let Some(why) = &cell.error {
        return HeatCell {
            depth: None,
            text: "failed".into(),
            hover: format!("{label}, {place}: {why}"),
        };
    }
    let (Some(rate), Some(share)) = (rate(cell), share_of_best((panel, cell))) else {
        return HeatCell::default();
    };
    let beside = if share >= 1.0 {
        "the fastest of the column".to_owned()
    } else {
        format!("{:.0} % of the fastest", 100.0 * share)
    };
    HeatCell {
        depth: Some(log_depth(1.0 / share, 1.0, deepest)),
        text: figure(rate / 1e6),
        hover: format!(
            "{label}, {place}, {}: {} million operations a second, {beside}",
            labels::threads(panel),
            figure(rate / 1e6)
        ),
    }
}

/// How many times, without its sign.
fn times_short(ratio: f64) -> String {
    times(ratio).trim_end_matches('×').trim().to_owned()
}
