//! The table of a suite's searches: a row per target, with the highest rate that kept the limit.

use crate::record::SloRow;
use crate::report::cells::{FILTERS, Shape, row as row_of_cell};
use crate::report::latency::{one_sided, rate, time};
use crate::report::summary::{CellSummary, PanelSummary, Summary};
use crate::report::table::{Cell, Column, Row, Table, Tone};

/// The table of some panels; `None` where nothing was searched for.
pub(super) fn table(summary: &Summary, panels: &[&PanelSummary]) -> Option<Table> {
    let searched = panels.iter().filter(|panel| summary.is_searched(panel));
    let panels: Vec<&PanelSummary> = searched.copied().collect();
    let first = summary.searches(panels.first()?.entry.panel).next()?;
    let shape = Shape::of(&panels);
    let mut rows: Vec<(u64, Row)> = Vec::new();
    let mut sorted = Vec::new();
    for panel in panels {
        for cell in panel.cells.iter().filter(|cell| !cell.entry.twin) {
            let mut searches = summary.searches(panel.entry.panel);
            let search = searches.find(|row| row.cell_id == cell.entry.cell_id);
            let kept = search.and_then(|row| row.kept_per_s).unwrap_or(0);
            rows.push((kept, row((panel, cell), shape, search)));
        }
        rows.sort_by_key(|(kept, _)| std::cmp::Reverse(*kept));
        sorted.extend(rows.drain(..).map(|(_, row)| row));
    }
    Some(Table {
        caption: format!(
            "The highest rate of each search at which {} of responses stayed within {} in two \
             slices, and the lowest rate above it at which they did not. Open loop: operations \
             have start times that do not wait for the table.",
            first.percentile,
            time(first.limit_ns)
        ),
        columns: columns(shape, first),
        rows: sorted,
        filters: FILTERS.to_vec(),
        sorts: true,
        ..Table::default()
    })
}

fn columns(shape: Shape, first: &SloRow) -> Vec<Column> {
    let there = || {
        Column::number(&format!("{} there", first.percentile), "")
            .hint("From the intended start to the end")
    };
    let mut columns = shape.first_columns();
    columns.extend([
        Column::number("highest rate/s", "").hint("Operations a second over all threads"),
        there(),
        Column::number("broken at/s", "").hint(
            "The lowest rate above it that broke the limit, or at which the target fell \
                   behind",
        ),
        there(),
        Column::number("slices", "").hint("Slices that the search took"),
        Column::words("search"),
    ]);
    columns
}

fn row((panel, cell): (&PanelSummary, &CellSummary), shape: Shape, search: Option<&SloRow>) -> Row {
    let of = |get: fn(&SloRow) -> Option<u64>| search.and_then(get);
    let per_s = |value: Option<u64>| Cell::figure(value.map(|v| (rate(v), v as f64)));
    let ns = |value: Option<u64>| Cell::figure(value.map(|v| (time(v), v as f64)));
    let verdict = match (&cell.error, search.map(one_sided)) {
        (Some(error), _) => format!("failed: {error}"),
        (None, None) => "not searched".to_owned(),
        (None, Some("")) => "found".to_owned(),
        (None, Some(words)) => words.to_owned(),
    };
    let tone = match cell.error {
        Some(_) => Tone::Failed,
        None => Tone::Plain,
    };
    let mut cells = shape.first_cells(panel, cell);
    cells.extend([
        per_s(of(|row| row.kept_per_s)),
        ns(of(|row| row.kept_ns)),
        per_s(of(|row| row.broken_per_s)),
        ns(of(|row| row.broken_ns)),
        search.map_or_else(Cell::default, |row| Cell::count(u64::from(row.probes))),
        Cell::text(verdict).tone(tone),
    ]);
    row_of_cell(panel, cell, cells)
}
