//! The plan of a run, as its manifest records it.

use super::cell::{Cell, Panel};
use super::pace::pace_entry;
use super::plan::Plan;
use super::suite::Suite;
use crate::machine;
use crate::record::{CellEntry, GuaranteesEntry, PanelEntry};

pub(super) fn not_measured(plan: &Plan<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    let counters = machine::counters::seen();
    if let Some(missing) = counters.missing() {
        reasons.push(format!("hardware counters: {missing}"));
    }
    let waits = |panel: &Panel<'_>| panel.workload.pace.is_some() || panel.search.is_some();
    if !counters.counted.is_empty() && plan.panels.iter().any(waits) {
        reasons
            .push("hardware counters in an open loop: they would count the waiting too".to_owned());
    }
    let clocked = |panel: &Panel<'_>| panel.is_pass();
    if !counters.counted.is_empty() && plan.panels.iter().any(clocked) {
        reasons
            .push("hardware counters in clocked passes: they would count the clock too".to_owned());
    }
    let has_latency = |panel: &Panel<'_>| {
        panel.latency || panel.workload.pace.is_some() || panel.search.is_some()
    };
    if !plan.panels.iter().any(has_latency) {
        reasons.push("latency: the slices of this panel measure throughput only".to_owned());
    }
    reasons
}

pub(super) fn suite_table(suite: &Suite) -> toml::Table {
    toml::Table::try_from(suite).expect("a suite that was read from TOML is TOML")
}

pub(super) fn panel_entry(index: u32, panel: &Panel<'_>) -> PanelEntry {
    PanelEntry {
        panel: index,
        suite: panel.suite.clone(),
        workload: panel.workload.name.clone(),
        about: panel.workload.describe(),
        threads: panel.threads,
        batch: panel.workload.batch,
        connections: panel.workload.connections,
        depth: panel.workload.depth,
        between: panel.workload.between,
        absent: panel.workload.absent,
        entries: panel.workload.entries,
        corpus: if panel.workload.corpus.is_ycsb() {
            String::new()
        } else {
            panel.workload.corpus.to_string()
        },
        pass: panel.is_pass(),
        points: panel.workload.points,
        budget: panel.workload.budget.map(|budget| budget.0),
        origin_ns: panel.workload.origin.map(|origin| origin.latency.0),
        baseline: panel
            .baseline
            .map(|at| panel.cells[at].id.clone())
            .unwrap_or_default(),
        pace: pace_entry(panel),
        memory: None,
    }
}

pub(super) fn all_cells(plan: &Plan<'_>) -> Vec<CellEntry> {
    let panels = (0..).zip(&plan.panels);
    panels
        .flat_map(|(index, panel)| cells(index, panel))
        .collect()
}

/// What each strategy of a plan promises, controls left out.
pub(super) fn all_guarantees(plan: &Plan<'_>) -> Vec<GuaranteesEntry> {
    let mut entries: Vec<GuaranteesEntry> = Vec::new();
    let cells = plan.panels.iter().flat_map(|panel| &panel.cells);
    let tables = cells.filter_map(|cell| cell.target.table());
    for (row, _) in tables.filter(|(row, _)| !row.control) {
        if entries.iter().any(|entry| entry.strategy == row.name) {
            continue;
        }
        let told = row.guarantees.told(row.walk);
        let [linearizable, batch, walk, read, growth, memory, floods] = told;
        entries.push(GuaranteesEntry {
            strategy: row.name.to_owned(),
            linearizable,
            batch,
            walk,
            read,
            growth,
            memory,
            floods,
        });
    }
    entries
}

fn cells(index: u32, panel: &Panel<'_>) -> Vec<CellEntry> {
    let entry = |cell: &Cell<'_>| CellEntry {
        cell_id: cell.id.clone(),
        panel: index,
        suite: panel.suite.clone(),
        strategy: cell.target.kind(),
        target: cell.label(),
        target_full: cell.target.full(),
        hash: cell.hash.clone(),
        allocator: cell.heap.allocator,
        pages: cell.heap.pages,
        control: cell.target.control(),
        peer: cell.target.peer(),
        server: cell.target.server().is_some(),
        twin: cell.twin,
        colour: cell.colour,
    };
    panel.cells.iter().map(entry).collect()
}
