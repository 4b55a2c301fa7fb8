//! The table at the end of a run, no wider than the terminal.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, Table};

use super::findings::Finding;
use super::format::{
    counted, duration_within, figure, figure_within, noise, times, times_within, wrap,
};
use super::grid::bare_table;
use super::latency;
use super::summary::{CellSummary, PanelSummary, Summary, Tally, Verdict};
use crate::record::Status;

/// Columns that a long reason gets at least, before others give way.
const REASON_WIDTH: usize = 24;

/// A column of a panel's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Target,
    /// The rate with its interval.
    RateWithin,
    /// The rate alone.
    Rate,
    Time,
    /// The ratio to the baseline with its interval.
    RatioWithin,
    /// The ratio alone.
    Ratio,
    Bytes,
    /// The longest operation of clocked passes.
    Longest,
    Requests,
    Hits,
    Misses,
    Verdict,
}

/// What a narrow terminal goes without, first to last: a column, and what stands in for it.
const GIVE_WAY: [(Column, Option<Column>); 9] = [
    (Column::RateWithin, Some(Column::Rate)),
    (Column::Bytes, None),
    (Column::Time, None),
    (Column::Requests, None),
    (Column::RatioWithin, Some(Column::Ratio)),
    (Column::Ratio, None),
    (Column::Hits, None),
    (Column::Misses, None),
    (Column::Longest, None),
];

/// The panels of a run: each a heading, its targets by rate, and under them the controls, which are
/// not ranked. Lines have at most `width` characters (below about 40 the columns are broken, not
/// left out); without `colour` there is no escape sequence.
#[must_use]
pub fn table(summary: &Summary, width: usize, colour: bool) -> String {
    let mut lines = notes(summary, width);
    for panel in &summary.panels {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        for line in wrap(&heading(panel), width, "  ") {
            lines.push(if colour {
                format!("\x1b[1m{line}\x1b[0m")
            } else {
                line
            });
        }
        if panel.is_open_loop() {
            lines.extend(latency::lines(summary, panel, width, colour));
            for line in failed_controls(panel) {
                lines.extend(wrap(&line, width, "  "));
            }
            continue;
        }
        lines.extend(targets(panel, width, colour));
        for control in controls(panel) {
            lines.extend(wrap(&control, width, "  "));
        }
        lines.extend(latency::lines(summary, panel, width, colour));
    }
    if let Some(disturbance) = &summary.disturbance {
        lines.push(String::new());
        lines.extend(wrap(&disturbance.sentence(), width, "  "));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The findings as a list, in lines of at most `width` characters.
#[must_use]
pub fn bullets(findings: &[Finding], width: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        for line in wrap(&format!("• {}", finding.text), width, "  ") {
            text += &line;
            text.push('\n');
        }
    }
    text
}

/// What a reader must know before any figure.
fn notes(summary: &Summary, width: usize) -> Vec<String> {
    let mut notes = Vec::new();
    match summary.manifest.status {
        Status::Complete | Status::Errors => {}
        Status::Interrupted => {
            notes
                .push("Incomplete: the run was interrupted; what was measured is here.".to_owned());
        }
        Status::Running => {
            notes.push("Incomplete: the run has not ended, or was killed.".to_owned());
        }
    }
    if summary.dropped_lines > 0 {
        notes.push(format!(
            "{} cut short and left out.",
            counted(u64::from(summary.dropped_lines), "row")
        ));
    }
    notes
        .iter()
        .flat_map(|note| wrap(note, width, "  "))
        .collect()
}

fn heading(panel: &PanelSummary) -> String {
    let entry = &panel.entry;
    let mut text = entry.workload.clone();
    if !entry.about.is_empty() {
        text = format!("{text}: {}", entry.about);
    }
    let threads = counted(u64::from(entry.threads), "thread");
    format!("{text} · {threads} · batch {}", entry.batch)
}

/// Ranked cells by rate, then those without figures.
fn rows(panel: &PanelSummary) -> Vec<&CellSummary> {
    let mut rows = panel.ranking();
    let without = |cell: &&CellSummary| cell.ranked() && cell.rate.is_none();
    rows.extend(panel.cells.iter().filter(without));
    rows
}

fn targets(panel: &PanelSummary, width: usize, colour: bool) -> Vec<String> {
    let rows = rows(panel);
    if rows.is_empty() {
        return Vec::new();
    }
    let mut columns = columns_of(panel, &rows);
    for (wide, narrow) in GIVE_WAY {
        if needed_width(panel, &rows, &columns) <= width {
            break;
        }
        if let Some(at) = columns.iter().position(|column| *column == wide) {
            match narrow {
                Some(narrow) => columns[at] = narrow,
                None => drop(columns.remove(at)),
            }
        }
    }
    build(panel, &rows, &columns, width, colour)
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

fn columns_of(panel: &PanelSummary, rows: &[&CellSummary]) -> Vec<Column> {
    let mut columns = vec![Column::Target, Column::RateWithin, Column::Time];
    if rows.iter().any(|cell| cell.ratio.is_some()) {
        columns.push(Column::RatioWithin);
    }
    if rows.iter().any(|cell| cell.bytes_per_entry.is_some()) {
        columns.push(Column::Bytes);
    }
    if rows.iter().any(|cell| cell.longest_op_ns.is_some()) {
        columns.push(Column::Longest);
    }
    if panel.has_misses() {
        columns.extend([Column::Requests, Column::Hits, Column::Misses]);
    }
    columns.push(Column::Verdict);
    columns
}

/// Characters of the widest line if no column is broken, but for long reasons.
fn needed_width(panel: &PanelSummary, rows: &[&CellSummary], columns: &[Column]) -> usize {
    let width = |column: &Column| {
        let widest = rows
            .iter()
            .map(|cell| text(panel, cell, *column).chars().count())
            .map(|chars| match column {
                Column::Verdict => chars.min(REASON_WIDTH),
                _ => chars,
            })
            .chain([title(panel, *column).chars().count()])
            .max();
        // A column is padded by one on each side, and parted from the next by one more.
        widest.unwrap_or(0) + 3
    };
    columns.iter().map(width).sum::<usize>().saturating_sub(1)
}

fn build(
    panel: &PanelSummary,
    rows: &[&CellSummary],
    columns: &[Column],
    width: usize,
    colour: bool,
) -> Table {
    let mut table = bare_table(width, colour);
    table.set_header(
        columns
            .iter()
            .map(|column| Cell::new(title(panel, *column))),
    );
    for row in rows {
        let cells = columns.iter().map(|column| {
            let cell = Cell::new(text(panel, row, *column));
            paint(cell, row.verdict, *column)
        });
        table.add_row(cells.collect::<Vec<Cell>>());
    }
    let fits = needed_width(panel, rows, columns) <= width;
    for (index, column) in columns.iter().enumerate() {
        let Some(shown) = table.column_mut(index) else {
            continue;
        };
        if !matches!(column, Column::Target | Column::Verdict) {
            shown.set_cell_alignment(CellAlignment::Right);
        }
        if fits && *column != Column::Verdict {
            shown.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn paint(cell: Cell, verdict: Verdict, column: Column) -> Cell {
    match (verdict, column) {
        (Verdict::Error, Column::Target | Column::Verdict) => {
            cell.fg(Color::Red).add_attribute(Attribute::Bold)
        }
        (Verdict::Faster, Column::RatioWithin | Column::Ratio) => cell.fg(Color::Green),
        (Verdict::Slower, Column::RatioWithin | Column::Ratio) => cell.fg(Color::Red),
        _ => cell,
    }
}

fn title(panel: &PanelSummary, column: Column) -> String {
    match column {
        Column::Target => "target".into(),
        Column::Rate | Column::RateWithin => "M ops/s".into(),
        Column::Time => "ns/op".into(),
        Column::Ratio | Column::RatioWithin => match panel.baseline() {
            // A long baseline would set the width of the column.
            Some(baseline) if panel.label(baseline).len() <= 12 => {
                format!("× {}", panel.label(baseline))
            }
            _ => "× baseline".into(),
        },
        Column::Bytes => "B/entry".into(),
        Column::Longest => "longest op".into(),
        Column::Requests => "requests".into(),
        Column::Hits => "hits".into(),
        Column::Misses => "misses".into(),
        Column::Verdict => String::new(),
    }
}

fn text(panel: &PanelSummary, cell: &CellSummary, column: Column) -> String {
    let tally = |tally: Option<Tally>| match tally {
        Some(Tally::Each(count)) => count.to_string(),
        Some(Tally::Median(count)) => format!("~{count}"),
        None => String::new(),
    };
    let shown = match column {
        Column::Target => Some(panel.label(cell)),
        Column::Rate => cell.rate.map(|rate| figure(rate.mid / 1e6)),
        Column::RateWithin => cell
            .rate
            .map(|rate| figure_within(&rate.map(|rate| rate / 1e6))),
        Column::Time => cell.ns_per_op.map(|ns| figure(ns.mid)),
        Column::Ratio => cell.ratio.map(|ratio| times(ratio.interval.mid)),
        Column::RatioWithin => cell.ratio.map(|ratio| times_within(&ratio.interval)),
        Column::Bytes => cell.bytes_per_entry.map(figure),
        Column::Longest => cell.longest_op_ns.map(|ns| duration_within(&ns)),
        Column::Requests => Some(tally(cell.ops)),
        Column::Hits => Some(tally(cell.hits)),
        Column::Misses => Some(tally(cell.misses)),
        Column::Verdict => Some(verdict(cell)),
    };
    shown.unwrap_or_default()
}

fn verdict(cell: &CellSummary) -> String {
    match cell.verdict {
        Verdict::Baseline => "baseline".into(),
        Verdict::Faster => "faster".into(),
        Verdict::Slower => "slower".into(),
        Verdict::NoDifference => "no difference".into(),
        Verdict::Undecided => match cell.ratio {
            Some(ratio) => format!("undecided: {}", counted(ratio.pairs as u64, "pair")),
            None => "no baseline".into(),
        },
        Verdict::NotMeasured => "not measured".into(),
        Verdict::OpenLoop => "open loop".into(),
        Verdict::Error => format!("failed: {}", cell.error.as_deref().unwrap_or_default()),
        Verdict::Control => String::new(),
    }
}

/// The lines below the ranking: harness floor, A/A noise, controls that failed.
fn controls(panel: &PanelSummary) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(floor) = &panel.harness {
        let mut line = format!(
            "harness floor: {} {:.1} ns/op",
            floor.target, floor.floor_ns
        );
        if let (Some(hash), Some(over)) = (floor.hash_ns, floor.over_hash_ns) {
            let over = format!("{over:.1}").replace('-', "−");
            line = format!("{line}, of which hash {hash:.1}: {over} ns over the hash");
        }
        if panel.has_misses() {
            line += " (hits only)";
        }
        lines.push(line);
    }
    let ranked = panel
        .cells
        .iter()
        .any(|cell| cell.ranked() && cell.ratio.is_some());
    match panel.noise_floor {
        Some(log) => lines.push(format!("A/A noise: ±{}", noise(log))),
        None if !ranked => {}
        None if panel.noise_band > 0.0 => lines.push(format!(
            "A/A noise: not measured here; ±{} in another panel",
            noise(panel.noise_band)
        )),
        None => lines.push("A/A noise: not measured".to_owned()),
    }
    lines.extend(failed_controls(panel));
    lines
}

fn failed_controls(panel: &PanelSummary) -> Vec<String> {
    let failed = |cell: &CellSummary| {
        let reason = cell.error.as_ref().filter(|_| !cell.ranked())?;
        let twin = if cell.entry.twin { "twin of " } else { "" };
        Some(format!("{twin}{} failed: {reason}", panel.label(cell)))
    };
    panel.cells.iter().filter_map(failed).collect()
}
