//! Latencies as the terminal and programs are told them: percentiles, offered and achieved rates, limits.

use serde_json::{Value, json};

use super::format::{duration, duration_within, figure};
use super::percentiles::{Latency, Percentile};
use super::summary::{CellSummary, PanelSummary, Summary};
use super::table::{Cell, Column, Row, Table, Tone};
use crate::analysis::Searched;
pub(super) use crate::analysis::latency::{rate, short_rate, time};
use crate::base::whole;
use crate::record::{LoopKind, TimeKind};

/// The lines of a panel that stand for, or below, those of its throughput; empty where it has no
/// latencies.
pub(super) fn lines(
    summary: &Summary,
    panel: &PanelSummary,
    width: usize,
    colour: bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    if summary.is_searched(panel) {
        lines.extend(searched(summary, panel).lines(width, colour));
        let ranges = summary.searches(panel.entry.panel);
        if let Some(births) = ranges
            .filter(|row| row.has_range())
            .map(|row| row.kept_births)
            .max()
        {
            let births = super::format::counted(births as u64, "birth");
            let text = format!("highest rates: the median [least to most] of {births}");
            lines.extend(super::format::wrap(&text, width, "  "));
        }
        return lines;
    }
    for loop_kind in [LoopKind::Open, LoopKind::Closed] {
        let table = table(panel, loop_kind);
        if table.rows.is_empty() {
            continue;
        }
        let caption = caption(summary, panel, loop_kind);
        lines.extend(super::format::wrap(&caption, width, "  "));
        lines.extend(table.lines(width, colour));
        if let Some(floor) = floor(panel, loop_kind) {
            lines.extend(super::format::wrap(&floor, width, "  "));
        }
    }
    lines
}

/// Which loop the figures come from, and what of them is the clock.
fn caption(summary: &Summary, panel: &PanelSummary, loop_kind: LoopKind) -> String {
    let clock = figure(summary.manifest.clock_cost_ps as f64 / 1e3);
    let clock = format!("a reading of the clock, {clock} ns, is in each of them");
    let Some(pace) = &panel.entry.pace else {
        return format!(
            "closed loop, sampled: service times; a stall delays what would have shown it, and counts as \
             one operation; {clock}"
        );
    };
    let what = match loop_kind {
        LoopKind::Open => format!("open loop, {} arrivals", pace.arrival),
        LoopKind::Closed => "closed loop".to_owned(),
    };
    format!("{what}: response from the intended start, service from the real one; {clock}")
}

/// The percentiles of both.
const SHOWN: [Percentile; 5] = [
    Percentile::P50,
    Percentile::P99,
    Percentile::P999,
    Percentile::P9999,
    Percentile::Max,
];
fn table(panel: &PanelSummary, loop_kind: LoopKind) -> Table {
    let columns = columns(loop_kind);
    let mut rows: Vec<(f64, Row)> = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        if let Some(row) = row(panel, cell, loop_kind) {
            rows.push(row);
        } else if let Some(error) = cell.error.as_deref()
            && loop_kind == LoopKind::Open
            && panel.is_open_loop()
        {
            rows.push((f64::INFINITY, failed(panel.label(cell), error, &columns)));
        }
    }
    // By the tail; of one trial there is no rank by it, so those stay as they come, behind the others.
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    Table {
        columns,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        ..Table::default()
    }
}

/// The columns of a loop; the percentiles between median and p99.99 give way first.
fn columns(loop_kind: LoopKind) -> Vec<Column> {
    let is_open = loop_kind == LoopKind::Open;
    let percentiles = SHOWN.map(|percentile| {
        let column = Column::number(percentile.name(), "");
        match percentile {
            Percentile::P999 => column.drops(1),
            Percentile::P99 => column.drops(2),
            Percentile::Max => column.drops(4),
            Percentile::P9999 => column.narrows(5),
            Percentile::P50 | Percentile::P90 => column,
        }
    });
    let mut columns = vec![Column::target("target")];
    if is_open {
        columns.extend(["offered/s", "achieved/s"].map(|title| Column::number(title, "")));
    }
    columns.extend(percentiles);
    if is_open {
        columns.push(Column::number("service p99.99", "").drops(3));
    }
    columns.push(Column::words(""));
    columns
}

/// A target's figures, and what to sort by; `None` where it has none.
fn row(panel: &PanelSummary, cell: &CellSummary, loop_kind: LoopKind) -> Option<(f64, Row)> {
    let is_open = loop_kind == LoopKind::Open;
    let main = if is_open {
        TimeKind::Response
    } else {
        TimeKind::Service
    };
    let latency = cell.latency_of(loop_kind, main)?;
    let tone = if latency.fell_behind() && is_open {
        Tone::Bad
    } else {
        Tone::Plain
    };
    let time = |latency: &Latency, percentile| {
        let ns = latency.at(percentile);
        let within = percentile == Percentile::P9999 && latency.has_interval();
        let text = if within {
            duration_within(&ns)
        } else {
            duration(ns.mid)
        };
        Cell::figure(Some((text, ns.mid)))
    };
    let mut cells = vec![Cell::text(panel.label(cell))];
    if is_open {
        let offered = latency.offered_per_s.map(|per_s| rate(whole(per_s)));
        cells.push(offered.map_or_else(Cell::missing, Cell::text));
        cells.push(Cell::text(short_rate(latency.achieved_per_s.mid)).tone(tone));
    }
    cells.extend(SHOWN.map(|percentile| time(latency, percentile).tone(tone)));
    if is_open {
        let service = cell.latency_of(loop_kind, TimeKind::Service);
        let service = service.map(|service| time(service, Percentile::P9999));
        cells.push(service.unwrap_or_else(Cell::missing));
    }
    cells.push(match remark(latency, is_open) {
        words if words.is_empty() => Cell::default(),
        words => Cell::text(words).tone(tone),
    });
    let rank = if latency.has_interval() {
        latency.at(Percentile::P9999).mid
    } else {
        f64::MAX
    };
    Some((rank, Row::new(cells)))
}

/// What a reader must know of a row.
fn remark(latency: &Latency, is_open: bool) -> String {
    let mut parts = Vec::new();
    if is_open && latency.fell_behind() {
        parts.push("behind".to_owned());
    } else if is_open && latency.behind > 0 {
        parts.push(format!(
            "behind in {} of {}",
            latency.behind, latency.trials
        ));
    }
    if is_open && latency.is_undecided() {
        parts.push("undecided, the machine does".to_owned());
    } else if is_open && latency.undecided > 0 {
        let (undecided, trials) = (latency.undecided, latency.trials);
        parts.push(format!(
            "undecided in {undecided} of {trials}, the machine does"
        ));
    }
    if !latency.has_interval() {
        parts.push("one trial: no interval, no rank".to_owned());
    }
    parts.join("; ")
}

/// The row of a target that failed: its name, and why under the last of the columns.
fn failed(target: String, error: &str, columns: &[Column]) -> Row {
    let mut cells = vec![Cell::default(); columns.len()];
    cells[0] = Cell::text(target);
    cells[columns.len() - 1] = Cell::text(format!("failed: {error}")).tone(Tone::Failed);
    Row::new(cells)
}

/// What the control that stores nothing shows: the harness and the machine.
fn floor(panel: &PanelSummary, loop_kind: LoopKind) -> Option<String> {
    let kind = if loop_kind == LoopKind::Open {
        TimeKind::Response
    } else {
        TimeKind::Service
    };
    let control = panel
        .cells
        .iter()
        .find(|cell| cell.entry.control && !cell.entry.twin)?;
    let latency = control.latency_of(loop_kind, kind)?;
    let shown = [
        Percentile::P50,
        Percentile::P99,
        Percentile::P9999,
        Percentile::Max,
    ];
    let shown = shown.map(|at| format!("{} {}", at.name(), duration(latency.at(at).mid)));
    Some(format!(
        "floor, harness and machine: {} {}",
        control.entry.target,
        shown.join(", ")
    ))
}

fn searched(summary: &Summary, panel: &PanelSummary) -> Table {
    let limit = summary.searches(panel.entry.panel).next();
    let kept = limit.map_or_else(String::new, |row| {
        format!(" with {} ≤ {}", row.percentile, time(row.limit_ns))
    });
    let columns = vec![
        Column::target("target"),
        Column::number(&format!("highest rate/s{kept}"), ""),
        Column::number("there", "").drops(3),
        Column::number("floor there", "").drops(4),
        Column::number("broken at/s", ""),
        Column::number("there", "").drops(2),
        Column::number("births", "").drops(5),
        Column::number("steps", "").drops(1),
        Column::words(""),
    ];
    let mut rows: Vec<(u64, Row)> = Vec::new();
    for row in summary.searches(panel.entry.panel) {
        let or_none = |value: Option<String>| value.map_or_else(Cell::missing, Cell::text);
        let per_s = |value: Option<f64>| or_none(value.map(|value| rate(whole(value))));
        let ns = |value: Option<f64>| or_none(value.map(duration));
        let cells = vec![
            Cell::text(panel.searched_label(row)),
            or_none(row.kept_in_words()),
            ns(row.kept_ns),
            ns(row.kept_floor_ns),
            per_s(row.broken_per_s),
            ns(row.broken_ns),
            Cell::count(row.births as u64),
            Cell::count(u64::from(row.steps)),
            Cell::text(row.one_sided()),
        ];
        rows.push((row.rank(), Row::new(cells)));
    }
    rows.sort_by_key(|(rate, _)| std::cmp::Reverse(*rate));
    for cell in &panel.cells {
        if let Some(error) = &cell.error {
            rows.push((0, failed(panel.label(cell), error, &columns)));
        }
    }
    Table {
        columns,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        ..Table::default()
    }
}

/// A target's search for programs.
pub(super) fn json_of_search(row: &Searched) -> Value {
    let kept = row.kept_per_s.map(|kept| {
        let end = |end: f64| row.has_range().then_some(end);
        json!({ "low": end(kept.low), "mid": kept.mid, "high": end(kept.high) })
    });
    json!({
        "cell_id": row.cell_id,
        "target": row.target,
        "percentile": row.percentile,
        "limit_ns": row.limit_ns,
        "births": row.births,
        "kept": row.kept_births,
        "undecided": row.undecided,
        "kept_per_s": kept,
        "kept_ns": row.kept_ns,
        "kept_floor_ns": row.kept_floor_ns,
        "broken_per_s": row.broken_per_s,
        "broken_ns": row.broken_ns,
        "undecided_per_s": row.undecided_per_s,
        "undecided_floor_ns": row.undecided_floor_ns,
        "steps": row.steps,
    })
}

/// A cell's latencies for programs.
pub(super) fn json_of(cell: &CellSummary) -> Vec<Value> {
    let value = |latency: &Latency| {
        let ns = |percentile| whole(latency.at(percentile).mid);
        json!({
            "loop": latency.loop_kind,
            "time": latency.time,
            "offered_per_s": latency.offered_per_s.map(whole),
            "achieved_per_s": latency.achieved_per_s.mid,
            "trials": latency.trials,
            "behind": latency.behind,
            "undecided": latency.undecided,
            "recorded": latency.recorded,
            "p50_ns": ns(Percentile::P50),
            "p90_ns": ns(Percentile::P90),
            "p99_ns": ns(Percentile::P99),
            "p999_ns": ns(Percentile::P999),
            "p9999_ns": ns(Percentile::P9999),
            "max_ns": ns(Percentile::Max),
            "tail_share_in_resizes": latency.tail_in_resizes(),
        })
    };
    cell.latency.iter().map(value).collect()
}
