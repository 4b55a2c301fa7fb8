//! Bytes an entry by kind, and the gap between what tables claim and what the process holds.

use super::axis::Axis;
use super::palette::Ink;
use super::shape::{Group, Piece, Row, Rows, Shape};
use super::suite::{Draft, Suite, and_more, extremes, positive, stem, table_of};
use crate::analysis::structure::{KINDS, Structure, Structures};
use crate::report::format::figure;
use crate::report::summary::CellSummary;

/// Bars in a chart.
const MOST_ROWS: usize = 40;

/// One table's bytes an entry.
struct Table<'s> {
    cell: &'s CellSummary,
    label: String,
    kinds: [f64; KINDS.len()],
    resident: Option<f64>,
}

impl Table<'_> {
    fn claimed(&self) -> f64 {
        self.kinds.iter().sum()
    }
}

pub(super) fn chart(suite: &Suite<'_>, structures: &Structures<'_>) -> Option<Draft> {
    let (mut tables, panels) = choose(suite, structures);
    let ends = tables
        .iter()
        .map(|table| table.resident.unwrap_or(0.0).max(table.claimed()));
    let (_, largest) = extremes(ends)?;
    let left_out = tables.len().saturating_sub(MOST_ROWS);
    tables.truncate(MOST_ROWS);
    let mut key: Vec<(Piece, String)> = (0..)
        .zip(KINDS)
        .map(|(kind, (_, name))| (piece(0.0, 0.0, Some(kind)), name.to_owned()))
        .collect();
    key.push((piece(0.0, 0.0, None), "gap to RSS".to_owned()));
    let rows = Group {
        rows: tables.iter().map(row).collect(),
        ..Group::default()
    };
    Some(Draft {
        file: stem(&["bytes", suite.name]),
        panels,
        title: "How many bytes does an entry take, and for what?".to_owned(),
        about: format!(
            "Bars from 0: bytes an entry by the table's census, by kind. The hollow part is what \
             the allocator and pages add: it ends, at a stroke, at the growth of the process's \
             resident memory (RSS) divided by the entries. Each table is shown once, as it was \
             first measured.{}",
            and_more(left_out, "table")
        ),
        shape: Shape::Rows(Rows {
            origin: Some(0.0),
            key,
            ..Rows::new(Axis::from_zero(largest, 6, "bytes an entry"), vec![rows])
        }),
    })
}

/// Each table once for every size of its entries, named by its workload where it comes again.
fn choose<'s>(suite: &Suite<'s>, structures: &Structures<'_>) -> (Vec<Table<'s>>, Vec<u32>) {
    let mut tables: Vec<Table<'_>> = Vec::new();
    let (mut seen, mut panels) = (Vec::new(), Vec::new());
    for &panel in &suite.panels {
        // Of several budgets the largest: in a small one a table's own bytes count for most.
        let same = suite
            .panels
            .iter()
            .filter(|other| other.plain_workload() == panel.plain_workload());
        let largest = same.filter_map(|other| other.entry.budget).max();
        if panel.entry.budget.is_some() && panel.entry.budget < largest {
            continue;
        }
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            let structure = structures.get(cell.entry.cell_id.as_str());
            let counted = structure.and_then(Structure::per_entry);
            let failed = cell.error.is_some();
            let nothing = failed.then_some([0.0; KINDS.len()]);
            let Some(kinds) = nothing.or(counted) else {
                continue;
            };
            // Entries of other sizes are another question; a byte is within what keys vary.
            let payload = (kinds[0] + kinds[1]).round().to_bits();
            let table = (table_of(cell), panel.entry.entries, payload, failed);
            if seen.contains(&table) {
                continue;
            }
            let mut label = panel.label(cell);
            if tables.iter().any(|table| table.label == label) {
                label = format!("{label}, {}", panel.entry.workload);
            }
            seen.push(table);
            panels.push(panel.entry.panel);
            tables.push(Table {
                cell,
                label,
                kinds,
                resident: cell.bytes_per_entry.and_then(positive),
            });
        }
    }
    panels.dedup();
    (tables, panels)
}

/// A part of a bar: of one kind of bytes, or of what no kind claims.
fn piece(from: f64, to: f64, kind: Option<usize>) -> Piece {
    Piece {
        from,
        to,
        fill: kind.map(Ink::of_kind),
        hover: String::new(),
    }
}

fn row(table: &Table<'_>) -> Row {
    let label = table.label.clone();
    if let Some(error) = &table.cell.error {
        return Row::failed(label, &table.label, error);
    }
    let claimed = table.claimed();
    let mut pieces = Vec::new();
    let mut from = 0.0;
    for (kind, bytes) in table.kinds.iter().enumerate() {
        let of = KINDS[kind].1;
        pieces.push(Piece {
            hover: format!("{label}: {} bytes an entry of {of}", figure(*bytes)),
            ..piece(from, from + bytes, Some(kind))
        });
        from += bytes;
    }
    let mut value = format!("{} B", figure(claimed));
    let mut hover = String::new();
    if let Some(resident) = table.resident {
        value += &format!(", RSS {} B", figure(resident));
        hover = format!(
            "{label}: {} bytes an entry resident, {} claimed by the census, {} between",
            figure(resident),
            figure(claimed),
            figure(resident - claimed)
        );
        pieces.push(piece(claimed, resident, None));
    }
    Row {
        label,
        pieces,
        stroke: table.resident,
        value,
        hover,
        ..Row::default()
    }
}
