//! The table of a suite's searches: a row per target, with the highest rate that kept the limit.

use crate::analysis::Searched;
use crate::base::whole;
use crate::report::cells::{FILTERS, Shape, row as row_of_cell};
use crate::report::format::duration;
use crate::report::latency::{rate, time};
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
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            let mut searches = summary.searches(panel.entry.panel);
            let search = searches.find(|row| row.cell_id == cell.entry.cell_id);
            let kept = search.map_or(0, Searched::rank);
            rows.push((kept, row((panel, cell), shape, search)));
        }
        rows.sort_by_key(|(kept, _)| std::cmp::Reverse(*kept));
        sorted.extend(rows.drain(..).map(|(_, row)| row));
    }
    Some(Table {
        caption: format!(
            "The highest rate of each search at which {} of responses stayed within {} in two \
             slices, the median over births [least–most of them], and the lowest rate above it at which they did \
             not and the floor beside it did. Open loop: operations have start times that do not wait for the \
             table.",
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

fn columns(shape: Shape, first: &Searched) -> Vec<Column> {
    let there = || {
        Column::number(&format!("{} there", first.percentile), "")
            .hint("From the intended start to the end")
    };
    let mut columns = shape.first_columns();
    columns.extend([
        Column::number("highest rate/s", "").hint("Operations a second over all threads"),
        there(),
        Column::number("floor there", "").hint("The same of the control at that rate"),
        Column::number("broken at/s", "").hint(
            "The lowest rate above it that broke the limit, or at which the target fell \
                   behind",
        ),
        there(),
        Column::number("births", "")
            .hint("Births of the table that were searched with")
            .drops(1),
        Column::number("steps", "")
            .hint("Steps of the search, each a slice of the target and one of the floor")
            .drops(1),
        Column::words("search"),
    ]);
    columns
}

fn row(
    (panel, cell): (&PanelSummary, &CellSummary),
    shape: Shape,
    search: Option<&Searched>,
) -> Row {
    let of = |get: fn(&Searched) -> Option<f64>| search.and_then(get);
    let per_s = |value: Option<f64>| Cell::figure(value.map(|v| (rate(whole(v)), v)));
    let ns = |value: Option<f64>| Cell::figure(value.map(|v| (duration(v), v)));
    let kept = search.and_then(|row| Some((row.kept_in_words()?, row.kept_per_s?.mid)));
    let verdict = match (&cell.error, search.map(Searched::one_sided)) {
        (Some(error), _) => format!("failed: {error}"),
        (None, None) => "not searched".to_owned(),
        (None, Some(words)) if words.is_empty() => "found".to_owned(),
        (None, Some(words)) => words,
    };
    let tone = match cell.error {
        Some(_) => Tone::Failed,
        None => Tone::Plain,
    };
    let count =
        |get: fn(&Searched) -> u64| search.map_or_else(Cell::default, |row| Cell::count(get(row)));
    let mut cells = shape.first_cells(panel, cell);
    cells.extend([
        Cell::figure(kept),
        ns(of(|row| row.kept_ns)),
        ns(of(|row| row.kept_floor_ns)),
        per_s(of(|row| row.broken_per_s)),
        ns(of(|row| row.broken_ns)),
        count(|row| row.births as u64),
        count(|row| u64::from(row.steps)),
        Cell::text(verdict).tone(tone),
    ]);
    row_of_cell(panel, cell, cells)
}
