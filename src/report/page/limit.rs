//! The table of a suite's searches: a row per target, with the highest rate that kept the limit.

use super::table::{Cell, Column, Kind, Row, Table, colour, filters, target};
use crate::record::SloRow;
use crate::report::latency::{rate, time};
use crate::report::summary::{CellSummary, PanelSummary, Summary};

/// The table of some panels; `None` where nothing was searched for.
pub(super) fn table(summary: &Summary, panels: &[&PanelSummary]) -> Option<Table> {
    let panels = panels.iter().filter(|panel| is_searched(summary, panel));
    let mut rows: Vec<(u64, Row)> = Vec::new();
    let mut sorted = Vec::new();
    for panel in panels {
        for cell in panel.cells.iter().filter(|cell| !cell.entry.twin) {
            let mut searches = summary.searches(panel.entry.panel);
            let search = searches.find(|row| row.cell_id == cell.entry.cell_id);
            let kept = search.and_then(|row| row.kept_per_s).unwrap_or(0);
            rows.push((kept, row(panel, cell, search)));
        }
        rows.sort_by_key(|(kept, _)| std::cmp::Reverse(*kept));
        sorted.extend(rows.drain(..).map(|(_, row)| row));
    }
    let first = summary.searched.first()?;
    (!sorted.is_empty()).then(|| Table {
        caption: format!(
            "The highest rate of each search at which {} of responses stayed within {}, in two slices, and the \
             lowest above it that did not. Open loop: operations have start times that do not wait for the table.",
            first.percentile,
            time(first.limit_ns)
        ),
        legend: "",
        columns: columns(first),
        filters: filters(&sorted),
        rows: sorted,
    })
}

/// Whether a panel was to search for a rate, so that it has no other figures.
pub(super) fn is_searched(summary: &Summary, panel: &PanelSummary) -> bool {
    summary.searches(panel.entry.panel).next().is_some()
}

fn columns(first: &SloRow) -> Vec<Column> {
    let there = format!("{} there", first.percentile);
    vec![
        Column::new("Target", Kind::Target, ""),
        Column::new("Workload", Kind::Text, ""),
        Column::new("Threads", Kind::Number, ""),
        Column::new(
            "Highest rate /s",
            Kind::Number,
            "Operations a second over all threads",
        ),
        Column::new(&there, Kind::Number, "From the intended start to the end"),
        Column::new(
            "Broken at /s",
            Kind::Number,
            "The lowest rate above that broke the limit, or that it fell behind at",
        ),
        Column::new(&there, Kind::Number, "From the intended start to the end"),
        Column::new("Slices", Kind::Number, "Slices that the search took"),
        Column::new("Search", Kind::Verdict, ""),
    ]
}

fn row(panel: &PanelSummary, cell: &CellSummary, search: Option<&SloRow>) -> Row {
    let (entry, of) = (&panel.entry, |get: fn(&SloRow) -> Option<u64>| {
        search.and_then(get)
    });
    let per_s = |value: Option<u64>| Cell::figure(value.map(|v| (rate(v), v as f64)));
    let ns = |value: Option<u64>| {
        Cell::figure(value.map(|v| (time(v).replace(' ', "\u{a0}"), v as f64)))
    };
    let verdict = match (&cell.error, search) {
        (Some(error), _) => format!("failed: {error}"),
        (None, None) => "not searched".to_owned(),
        (None, Some(row)) => match (row.kept_per_s, row.broken_per_s) {
            (None, _) => "no rate keeps it".to_owned(),
            (Some(_), None) => "the clock paces no higher rate".to_owned(),
            _ => "found".to_owned(),
        },
    };
    Row {
        strategy: cell.entry.strategy.clone(),
        workload: entry.workload.clone(),
        threads: entry.threads,
        class: if cell.ranked() { "" } else { "control" },
        colour: colour(cell),
        cells: vec![
            Cell::text(target(cell)),
            Cell::text(&entry.workload),
            Cell::count(u64::from(entry.threads)),
            per_s(of(|row| row.kept_per_s)),
            ns(of(|row| row.kept_ns)),
            per_s(of(|row| row.broken_per_s)),
            ns(of(|row| row.broken_ns)),
            search.map_or_else(Cell::default, |row| Cell::count(u64::from(row.probes))),
            Cell {
                class: if cell.error.is_some() { "failed" } else { "" },
                ..Cell::text(verdict)
            },
        ],
    }
}
