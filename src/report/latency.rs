//! Latencies as the terminal and programs are told them: percentiles, offered and achieved rates, limits.

use serde_json::{Value, json};

use super::format::{counted, duration, figure, listed};
use super::grid::{Field, Grid, Step, Tone};
use super::percentiles::{Latency, Percentile};
use super::summary::{CellSummary, PanelSummary, Summary};
use crate::base::{PerSecond, whole};
use crate::record::{LoopKind, SloRow, TimeKind};

impl Summary {
    /// The searches of a panel for the highest rate that keeps a limit.
    pub fn searches(&self, panel: u32) -> impl Iterator<Item = &SloRow> {
        self.searched.iter().filter(move |row| row.panel == panel)
    }

    /// Whether a panel was to search for a rate, so that it has no other figures.
    #[must_use]
    pub fn is_searched(&self, panel: &PanelSummary) -> bool {
        self.searches(panel.entry.panel).next().is_some()
    }
}

impl PanelSummary {
    /// Whether its operations begin when they are due, so that its rates are not the tables'.
    #[must_use]
    pub fn is_open_loop(&self) -> bool {
        self.entry.pace.is_some()
    }

    /// What the target of a search is called among those of the panel.
    pub(super) fn searched_label(&self, row: &SloRow) -> String {
        let mut cells = self.cells.iter();
        let cell = cells.find(|cell| cell.entry.cell_id == row.cell_id);
        cell.map_or_else(|| row.target.clone(), |cell| self.label(cell))
    }
}

/// Why the search for a rate did not end between two; empty where it did.
pub(super) fn one_sided(row: &SloRow) -> &'static str {
    match (row.kept_per_s, row.broken_per_s) {
        (None, _) => "no rate keeps it",
        (Some(_), None) => "the clock paces no higher rate",
        _ => "",
    }
}

/// What to say where no target kept the limit that was searched for, at any rate; `None` where one did,
/// or nothing was searched for.
#[must_use]
pub fn unmet(summary: &Summary) -> Option<String> {
    let rows = &summary.searched;
    if rows.is_empty() || rows.iter().any(|row| row.kept_per_s.is_some()) {
        return None;
    }
    let tried = rows.iter().map(|row| {
        let at = row.broken_per_s.map_or_else(String::new, rate);
        let was = row.broken_ns.map_or_else(String::new, time);
        format!("{} {was} at {at}/s", row.target)
    });
    let tried: Vec<String> = tried.collect();
    Some(format!(
        "no rate keeps {} within {}: at the lowest tried it is {}; give a longer limit",
        rows[0].percentile,
        time(rows[0].limit_ns),
        listed(&tried)
    ))
}

/// A rate that was searched: to the operation where few digits say it, else in three.
pub(super) fn rate(per_s: u64) -> String {
    let exact = PerSecond(per_s).to_string();
    if exact.len() <= "1.05M".len() {
        exact
    } else {
        short_rate(per_s as f64)
    }
}

pub(super) fn time(ns: u64) -> String {
    duration(ns as f64)
}

/// A rate in three digits: `99.9k`, `1.05M`.
fn short_rate(per_s: f64) -> String {
    match per_s {
        rate if rate >= 1e6 => format!("{}M", figure(rate / 1e6)),
        rate if rate >= 1e3 => format!("{}k", figure(rate / 1e3)),
        rate => figure(rate),
    }
}

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

/// What kept the reader's attention: how many of these trials, in words.
pub(super) fn behind_in_words(latency: &Latency) -> String {
    format!(
        "{} of {}",
        latency.behind,
        counted(latency.trials as u64, "trial")
    )
}
