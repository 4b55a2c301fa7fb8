//! Memory of a fill: at rest, at its highest while the table grew, and what is left once it is emptied.

use super::axis::Axis;
use super::palette::Style;
use super::shape::{Group, Piece, Row, Rows, Shape};
use super::suite::{Draft, Suite, and_more, extremes, stem, workload_of};
use crate::report::format::figure;
use crate::report::labels;
use crate::report::summary::{CellSummary, PanelSummary};

/// Bars in a chart.
const MOST_ROWS: usize = 40;

/// A chart for each panel of fills whose tables were emptied.
pub(super) fn charts(suite: &Suite<'_>) -> Vec<Draft> {
    let passes = suite.panels.iter().filter(|panel| panel.entry.pass);
    passes
        .filter_map(|panel| chart(suite.name, panel))
        .collect()
}

fn chart(suite: &str, panel: &PanelSummary) -> Option<Draft> {
    let is_emptied = |cell: &&CellSummary| cell.emptied_per_entry.is_some();
    let ranked = || panel.cells.iter().filter(|cell| cell.ranked());
    ranked().find(is_emptied)?;
    let mut cells: Vec<&CellSummary> = ranked()
        .filter(|cell| cell.bytes_per_entry.is_some() || cell.error.is_some())
        .collect();
    let most = |cell: &CellSummary| {
        cell.peak_per_entry
            .unwrap_or(0.0)
            .max(cell.bytes_per_entry.unwrap_or(0.0))
    };
    cells.sort_by(|a, b| most(a).total_cmp(&most(b)));
    let left_out = cells.len().saturating_sub(MOST_ROWS);
    cells.truncate(MOST_ROWS);
    let (_, largest) = extremes(cells.iter().map(|cell| most(cell)))?;
    let rows = cells.iter().map(|cell| row(panel, cell));
    let group = Group {
        rows: rows.collect(),
        ..Group::default()
    };
    let (workload, threads) = (workload_of(panel), panel.entry.threads);
    Some(Draft {
        file: stem(&["peak", suite, &workload, &format!("{threads}t")]),
        panels: vec![panel.entry.panel],
        title: format!(
            "How much memory does a table take while it grows, and give back when it is emptied? ({workload}, {})",
            labels::threads(panel)
        ),
        about: format!(
            "Growth of the process's resident memory, in bytes an entry, from 0. The filled bar ends where it is \
             after the fill, the hollow part at the highest that it was in between, as the kernel counted it. The \
             stroke is what is left after all entries were removed and the allocator gave back what it could.{}",
            and_more(left_out, "target")
        ),
        shape: Shape::Rows(Rows {
            origin: Some(0.0),
            ..Rows::new(Axis::from_zero(largest, 6, "bytes an entry"), vec![group])
        }),
    })
}

fn row(panel: &PanelSummary, cell: &CellSummary) -> Row {
    let label = panel.label(cell);
    let style = Style::of(cell);
    if let Some(error) = &cell.error {
        return Row::failed(label.clone(), &label, error);
    }
    let rest = cell.bytes_per_entry.unwrap_or(0.0);
    let mut pieces = vec![Piece {
        from: 0.0,
        to: rest,
        fill: Some(style.fill()),
        hover: String::new(),
    }];
    let mut value = format!("{} B", figure(rest));
    let mut hover = format!("{label}: {} bytes an entry at rest", figure(rest));
    if let Some(peak) = cell.peak_per_entry {
        value += &format!(", peak {}", figure(peak));
        hover += &format!(", {} at the highest", figure(peak));
        pieces.push(Piece {
            from: rest,
            to: peak,
            fill: None,
            hover: String::new(),
        });
    }
    if let Some(emptied) = cell.emptied_per_entry {
        value += &format!(", emptied {}", figure(emptied));
        hover += &format!(", {} after all were removed", figure(emptied));
    }
    Row {
        label,
        sample: Some(style),
        pieces,
        stroke: cell.emptied_per_entry,
        value,
        hover,
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chart, drawn, has, texts, titles};
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn a_fill_shows_its_peak_and_what_is_left() {
        let cells = [Cell::new("fixed", 600.0), Cell::new("striped", 120.0)];
        let mut records = Synthetic::new().pass("fill", 1, 100_000, &cells).records();
        assert!(
            drawn(&records)
                .iter()
                .all(|chart| !chart.file.starts_with("peak"))
        );
        for row in &mut records.trials {
            row.rss_peak_bytes = row.rss_bytes.map(|bytes| bytes * 3 / 2);
            row.rss_emptied_bytes = row.rss_bytes.map(|bytes| bytes / 4);
        }
        let charts = drawn(&records);
        let peak = chart(&charts, "peak-quick-fill-1t");
        has(&texts(&peak.svg), "96.0 B, peak 144, emptied 24.0");
        has(
            &titles(&peak.svg),
            "fixed: 96.0 bytes an entry at rest, 144 at the highest, 24.0 after all were removed",
        );
    }
}
