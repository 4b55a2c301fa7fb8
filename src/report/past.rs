//! What changed over many runs, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::charts::percent;
use super::format::{figure, wrap};
use super::table::{Cell, Column, Row, Table};
use crate::analysis::{Change, History, PastSeries};

/// A row for each cell and machine, and below it what the changes promise; lines have at most `width` characters.
#[must_use]
pub fn past_table(history: &History, width: usize, colour: bool) -> String {
    let several = history.machines.len() > 1;
    let mut columns = vec![Column::target("target"), Column::text("workload")];
    if several {
        columns.push(Column::number("machine", ""));
    }
    columns.extend([
        Column::number("runs", ""),
        Column::number("first", "M ops/s"),
        Column::number("last", "M ops/s"),
        Column::words("changes"),
    ]);
    let row = |series: &PastSeries| {
        let mut cells = vec![Cell::text(&series.target), Cell::text(&series.place)];
        if several {
            cells.push(Cell::count(series.machine as u64 + 1));
        }
        let rate = |point: Option<&(usize, crate::stats::Interval)>| {
            Cell::figure(point.map(|(_, rate)| (figure(rate.mid / 1e6), rate.mid)))
        };
        cells.extend([
            Cell::count(series.points.len() as u64),
            rate(series.points.first()),
            rate(series.points.last()),
            Cell::text(changes(history, series)),
        ]);
        Row::new(cells)
    };
    let table = Table {
        columns,
        rows: history.series.iter().map(row).collect(),
        ..Table::default()
    };
    let mut text = table.lines(width, colour).join("\n") + "\n\n";
    for line in wrap(&history.promise(), width, "") {
        let _ = writeln!(text, "{line}");
    }
    if several {
        for (number, machine) in (1..).zip(&history.machines) {
            for line in wrap(&format!("machine {number}: {machine}"), width, "  ") {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    text
}

fn changes(history: &History, series: &PastSeries) -> String {
    let one = |change: &Change| {
        let run = &history.runs[series.points[change.point].0];
        let day = run.started.split('T').next().unwrap_or_default();
        let revision = if run.revision.is_empty() {
            String::new()
        } else {
            format!(" ({})", run.revision)
        };
        format!("{} from {day}{revision}", percent(change.ratio()))
    };
    series
        .changes
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join("; ")
}

/// The same for programs.
///
/// | field | meaning |
/// |---|---|
/// | `runs[]` | `run_id`, `started`, `revision` and `machine` (a place in `machines`) of each run, by date |
/// | `machines[]` | the machines in words |
/// | `false_alarms` | the chance of one or more changes in a history that has none |
/// | `series[]` | of each cell on each machine: `cell_id`, `target`, `workload` (and threads), `control`, `machine` |
/// | `series[].points[]` | `run` (a place in `runs`), and `low`, `mid` and `high` of its operations a second |
/// | `series[].changes[]` | `run`, the first of the new level; the means `before` and `after`; `ratio` of the second to the first |
#[must_use]
pub fn past_json(history: &History) -> Value {
    let series = history.series.iter().map(|series| {
        let points = series.points.iter().map(|(run, rate)| {
            json!({ "run": run, "low": rate.low, "mid": rate.mid, "high": rate.high })
        });
        let changes = series.changes.iter().map(|change| {
            json!({
                "run": series.points[change.point].0,
                "before": change.before,
                "after": change.after,
                "ratio": change.ratio(),
            })
        });
        json!({
            "cell_id": series.cell_id,
            "target": series.target,
            "workload": series.place,
            "control": series.control,
            "machine": series.machine,
            "points": points.collect::<Vec<_>>(),
            "changes": changes.collect::<Vec<_>>(),
        })
    });
    let runs = history.runs.iter().map(|run| {
        json!({
            "run_id": run.run_id,
            "started": run.started,
            "revision": run.revision,
            "machine": run.machine,
        })
    });
    json!({
        "runs": runs.collect::<Vec<_>>(),
        "machines": history.machines,
        "false_alarms": crate::analysis::FALSE_ALARMS,
        "series": series.collect::<Vec<_>>(),
    })
}
