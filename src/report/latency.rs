//! Latencies of a run: percentiles over all trials of a cell, offered and achieved rates, limits.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::format::{counted, duration, figure, listed};
use super::grid::{Field, Grid, Step, Tone};
use super::summary::{CellSummary, PanelSummary, Summary};
use crate::base::PerSecond;
use crate::record::{LatencyRow, LoopKind, Records, SloRow, TimeKind};
use crate::stats;

/// How long the operations of a cell took, over its trials, by one of the ways to count.
#[derive(Clone, Debug, PartialEq)]
pub struct CellLatency {
    /// The panel.
    pub panel: u32,
    /// The cell.
    pub cell_id: String,
    /// The loop that the operations ran in.
    pub loop_kind: LoopKind,
    /// What the times count from.
    pub time: TimeKind,
    /// Operations a second that were to begin; empty in a closed loop.
    pub offered_per_s: Option<u64>,
    /// Operations a second that ended: median over trials.
    pub achieved_per_s: f64,
    /// Trials.
    pub trials: usize,
    /// Trials in which the achieved rate fell short of the offered one.
    pub behind: usize,
    /// Operations whose time is known.
    pub recorded: u64,
    /// 50th, 90th, 99th, 99.9th and 99.99th percentile, in nanoseconds.
    pub percentiles_ns: [u64; 5],
    /// The longest, in nanoseconds.
    pub max_ns: u64,
}

impl CellLatency {
    /// The 99.99th percentile, in nanoseconds.
    #[must_use]
    pub fn p9999_ns(&self) -> u64 {
        self.percentiles_ns[4]
    }

    /// Whether half of the trials or more fell behind: then response times grow with the length of
    /// the slice and say nothing of the table at that rate.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        2 * self.behind >= self.trials
    }
}

/// The latencies of a run, in the order of the rows. A trial that failed or that has no row does not
/// count; a cell with a failed trial has none at all.
pub(super) fn of(records: &Records) -> Vec<CellLatency> {
    let failed: BTreeSet<(u32, &str)> = records
        .trials
        .iter()
        .filter(|row| !row.error.is_empty())
        .map(|row| (row.panel, row.cell_id.as_str()))
        .collect();
    let mut groups: Vec<(&LatencyRow, Vec<&LatencyRow>)> = Vec::new();
    let key = |row: &LatencyRow| (row.panel, row.cell_id.clone(), row.loop_kind, row.time);
    for row in &records.latency {
        if failed.contains(&(row.panel, row.cell_id.as_str())) {
            continue;
        }
        match groups.iter_mut().find(|(first, _)| key(first) == key(row)) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((row, vec![row])),
        }
    }
    let cell = |(first, rows): (&LatencyRow, Vec<&LatencyRow>)| {
        let of_cell = |h: &&crate::record::LatencyHistogram| {
            (&h.cell_id, h.loop_kind, h.time) == (&first.cell_id, first.loop_kind, first.time)
        };
        let histogram = &records.histograms.iter().find(of_cell)?.histogram;
        let achieved: Vec<f64> = rows.iter().map(|row| row.achieved_per_s as f64).collect();
        let at = |quantile| histogram.value_at_quantile(quantile);
        Some(CellLatency {
            panel: first.panel,
            cell_id: first.cell_id.clone(),
            loop_kind: first.loop_kind,
            time: first.time,
            offered_per_s: first.offered_per_s,
            achieved_per_s: stats::median(&achieved)?,
            trials: rows.len(),
            behind: rows.iter().filter(|row| row.behind).count(),
            recorded: histogram.len(),
            percentiles_ns: [0.5, 0.9, 0.99, 0.999, 0.9999].map(at),
            max_ns: histogram.max(),
        })
    };
    groups.into_iter().filter_map(cell).collect()
}

impl Summary {
    /// What is known of a cell's latencies, of one loop and one way to count.
    #[must_use]
    pub fn latency(
        &self,
        panel: &PanelSummary,
        cell: &CellSummary,
        loop_kind: LoopKind,
        time: TimeKind,
    ) -> Option<&CellLatency> {
        self.latencies.iter().find(|latency| {
            (latency.panel, &latency.cell_id) == (panel.entry.panel, &cell.entry.cell_id)
                && (latency.loop_kind, latency.time) == (loop_kind, time)
        })
    }

    /// The searches of a panel for the highest rate that keeps a limit.
    pub fn searches(&self, panel: u32) -> impl Iterator<Item = &SloRow> {
        self.searched.iter().filter(move |row| row.panel == panel)
    }
}

impl PanelSummary {
    /// Whether its operations begin when they are due, so that its rates are not the tables'.
    #[must_use]
    pub fn is_open_loop(&self) -> bool {
        self.entry.pace.is_some()
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

pub(super) fn rate(per_s: u64) -> String {
    PerSecond(per_s).to_string()
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
    if summary.searches(panel.entry.panel).next().is_some() {
        lines.extend(searched(summary, panel).lines(width, colour));
        return lines;
    }
    for loop_kind in [LoopKind::Open, LoopKind::Closed] {
        let grid = grid(summary, panel, loop_kind);
        if grid.rows.is_empty() {
            continue;
        }
        let caption = caption(summary, panel, loop_kind);
        lines.extend(super::format::wrap(&caption, width, "  "));
        lines.extend(grid.lines(width, colour));
        if let Some(floor) = floor(summary, panel, loop_kind) {
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
const CLOSED: [&str; 6] = ["target", "p50", "p99", "p99.9", "p99.99", "max"];

fn grid(summary: &Summary, panel: &PanelSummary, loop_kind: LoopKind) -> Grid {
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
    let mut rows: Vec<(u64, Vec<Field>)> = Vec::new();
    for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
        let mut row = vec![Field::text(panel.label(cell))];
        let Some(latency) = summary.latency(panel, cell, loop_kind, main) else {
            let told = is_open && panel.is_open_loop();
            if let Some(error) = cell.error.as_deref().filter(|_| told) {
                row.extend((1..titles.len()).map(|_| Field::text("")));
                row.push(Field::text(format!("failed: {error}")).tone(Tone::Bad));
                rows.push((u64::MAX, row));
            }
            continue;
        };
        let behind = is_open && latency.behind > 0;
        let tone = if latency.is_behind() && is_open {
            Tone::Bad
        } else {
            Tone::Plain
        };
        if is_open {
            let offered = latency.offered_per_s.map_or_else(String::new, rate);
            row.push(Field::text(offered));
            row.push(Field::text(short_rate(latency.achieved_per_s)).tone(tone));
        }
        let [p50, _, p99, p999, p9999] = latency.percentiles_ns;
        for ns in [p50, p99, p999, p9999, latency.max_ns] {
            row.push(Field::text(time(ns)).tone(tone));
        }
        if is_open {
            let service = summary.latency(panel, cell, loop_kind, TimeKind::Service);
            row.push(Field::text(
                service.map_or_else(String::new, |s| time(s.p9999_ns())),
            ));
        }
        row.push(match (behind, latency.is_behind()) {
            (false, _) => Field::text(""),
            (true, true) => Field::text("behind").tone(Tone::Bad),
            (true, false) => Field::text(format!(
                "behind in {} of {}",
                latency.behind, latency.trials
            )),
        });
        rows.push((latency.p9999_ns(), row));
    }
    rows.sort_by_key(|(p9999_ns, _)| *p9999_ns);
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
fn floor(summary: &Summary, panel: &PanelSummary, loop_kind: LoopKind) -> Option<String> {
    let kind = if loop_kind == LoopKind::Open {
        TimeKind::Response
    } else {
        TimeKind::Service
    };
    let control = panel
        .cells
        .iter()
        .find(|cell| cell.entry.control && !cell.entry.twin)?;
    let latency = summary.latency(panel, control, loop_kind, kind)?;
    let [p50, _, p99, _, p9999] = latency.percentiles_ns.map(time);
    Some(format!(
        "floor, harness and machine: {} p50 {p50}, p99 {p99}, p99.99 {p9999}, max {}",
        control.entry.target,
        time(latency.max_ns)
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
        let words = match (row.kept_per_s, row.broken_per_s) {
            (None, _) => "no rate keeps it",
            (Some(_), None) => "the clock paces no higher one",
            _ => "",
        };
        let fields = vec![
            Field::text(row.target.clone()),
            or_none(row.kept_per_s.map(rate)),
            or_none(row.kept_ns.map(time)),
            or_none(row.broken_per_s.map(rate)),
            or_none(row.broken_ns.map(time)),
            Field::text(row.probes.to_string()),
            Field::text(words),
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
pub(super) fn json_of(summary: &Summary, panel: &PanelSummary, cell: &CellSummary) -> Vec<Value> {
    let own = |latency: &&CellLatency| {
        (latency.panel, &latency.cell_id) == (panel.entry.panel, &cell.entry.cell_id)
    };
    let value = |latency: &CellLatency| {
        let [p50, p90, p99, p999, p9999] = latency.percentiles_ns;
        json!({
            "loop": latency.loop_kind,
            "time": latency.time,
            "offered_per_s": latency.offered_per_s,
            "achieved_per_s": latency.achieved_per_s,
            "trials": latency.trials,
            "behind": latency.behind,
            "recorded": latency.recorded,
            "p50_ns": p50,
            "p90_ns": p90,
            "p99_ns": p99,
            "p999_ns": p999,
            "p9999_ns": p9999,
            "max_ns": latency.max_ns,
        })
    };
    summary.latencies.iter().filter(own).map(value).collect()
}

/// What kept the reader's attention: how many of these trials, in words.
pub(super) fn behind_in_words(latency: &CellLatency) -> String {
    format!(
        "{} of {}",
        latency.behind,
        counted(latency.trials as u64, "trial")
    )
}
