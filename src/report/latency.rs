//! Latencies as the terminal and programs are told them: percentiles, offered and achieved rates, limits.

use serde_json::{Value, json};

use super::format::{duration, figure};
use super::grid::{Field, Grid, Step, Tone};
use super::percentiles::{Latency, Percentile};
use super::summary::{CellSummary, PanelSummary, Summary};
pub(super) use crate::analysis::latency::{one_sided, rate, short_rate, time};
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
        return lines;
    }
    for loop_kind in [LoopKind::Open, LoopKind::Closed] {
        let grid = grid(panel, loop_kind);
        if grid.rows.is_empty() {
            continue;
        }
        let caption = caption(summary, panel, loop_kind);
        lines.extend(super::format::wrap(&caption, width, "  "));
        lines.extend(grid.lines(width, colour));
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

const OPEN: [&str; 9] = [
    "target",
    "offered/s",
    "achieved/s",
    "p50",
    "p99",
    "p99.9",
    "p99.99",
    "max",
    "service p99.99",
];
/// The percentiles of both.
const SHOWN: [Percentile; 5] = [
    Percentile::P50,
    Percentile::P99,
    Percentile::P999,
    Percentile::P9999,
    Percentile::Max,
];
const CLOSED: [&str; 6] = ["target", "p50", "p99", "p99.9", "p99.99", "max"];

fn grid(panel: &PanelSummary, loop_kind: LoopKind) -> Grid {
    let is_open = loop_kind == LoopKind::Open;
    let main = if is_open {
        TimeKind::Response
    } else {
        TimeKind::Service
    };
    let titles: &[&str] = if is_open { &OPEN } else { &CLOSED };
    let mut columns: Vec<(String, bool)> = titles
        .iter()
        .enumerate()
        .map(|(at, title)| ((*title).to_owned(), at > 0))
        .collect();
    columns.push((String::new(), false));
    let mut rows: Vec<(f64, Vec<Field>)> = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let mut row = vec![Field::text(panel.label(cell))];
        let Some(latency) = cell.latency_of(loop_kind, main) else {
            let told = is_open && panel.is_open_loop();
            if let Some(error) = cell.error.as_deref().filter(|_| told) {
                row.extend((1..titles.len()).map(|_| Field::text("")));
                row.push(Field::text(format!("failed: {error}")).tone(Tone::Bad));
                rows.push((f64::INFINITY, row));
            }
            continue;
        };
        let behind = is_open && latency.behind > 0;
        let tone = if latency.fell_behind() && is_open {
            Tone::Bad
        } else {
            Tone::Plain
        };
        if is_open {
            let offered = latency
                .offered_per_s
                .map_or_else(String::new, |per_s| rate(whole(per_s)));
            row.push(Field::text(offered));
            row.push(Field::text(short_rate(latency.achieved_per_s.mid)).tone(tone));
        }
        for percentile in SHOWN {
            row.push(Field::text(duration(latency.at(percentile).mid)).tone(tone));
        }
        if is_open {
            let service = cell.latency_of(loop_kind, TimeKind::Service);
            row.push(Field::text(service.map_or_else(String::new, |s| {
                duration(s.at(Percentile::P9999).mid)
            })));
        }
        row.push(match (behind, latency.fell_behind()) {
            (false, _) => Field::text(""),
            (true, true) => Field::text("behind").tone(Tone::Bad),
            (true, false) => Field::text(format!(
                "behind in {} of {}",
                latency.behind, latency.trials
            )),
        });
        rows.push((latency.at(Percentile::P9999).mid, row));
    }
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    Grid {
        columns,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        give_way: if is_open {
            [5, 4, 8, 7].map(Step::Drop).to_vec()
        } else {
            [3, 2, 5].map(Step::Drop).to_vec()
        },
    }
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

fn searched(summary: &Summary, panel: &PanelSummary) -> Grid {
    let columns = [
        "target",
        "highest rate/s",
        "there",
        "broken at/s",
        "there",
        "slices",
        "",
    ];
    let mut rows: Vec<(u64, Vec<Field>)> = Vec::new();
    for row in summary.searches(panel.entry.panel) {
        let or_none = |value: Option<String>| Field::text(value.unwrap_or_default());
        let fields = vec![
            Field::text(panel.searched_label(row)),
            or_none(row.kept_per_s.map(rate)),
            or_none(row.kept_ns.map(time)),
            or_none(row.broken_per_s.map(rate)),
            or_none(row.broken_ns.map(time)),
            Field::text(row.probes.to_string()),
            Field::text(one_sided(row)),
        ];
        rows.push((row.kept_per_s.unwrap_or(0), fields));
    }
    rows.sort_by_key(|(rate, _)| std::cmp::Reverse(*rate));
    let limit = summary.searches(panel.entry.panel).next();
    let limit = limit.map(|row| format!("{} ≤ {}", row.percentile, time(row.limit_ns)));
    let mut columns =
        columns.map(|title| (title.to_owned(), title != "target" && !title.is_empty()));
    if let Some(limit) = limit {
        columns[1].0 = format!("highest rate/s with {limit}");
    }
    let failed = panel.cells.iter().filter(|cell| cell.error.is_some());
    for cell in failed {
        let mut fields = vec![Field::text(panel.label(cell))];
        fields.extend((1..6).map(|_| Field::text("")));
        let error = cell.error.as_deref().unwrap_or_default();
        fields.push(Field::text(format!("failed: {error}")).tone(Tone::Bad));
        rows.push((0, fields));
    }
    Grid {
        columns: columns.to_vec(),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        give_way: [5, 4, 2].map(Step::Drop).to_vec(),
    }
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
