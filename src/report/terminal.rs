//! The table at the end of a run, no wider than the terminal.

use super::cells::panel_table;
use super::findings::Finding;
use super::format::{counted, figure, noise, wrap};
use super::labels::{common, threads, without_rate};
use super::latency;
use super::load_side::LoadSide;
use super::summary::{CellSummary, PanelSummary, Summary, Verdict};
use super::verified::{Verified, of_servers};
use crate::record::Status;

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
        let targets = panel_table(panel);
        if !targets.rows.is_empty() {
            lines.extend(targets.lines(width, colour));
        }
        for control in controls(panel) {
            lines.extend(wrap(&control, width, "  "));
        }
        lines.extend(latency::lines(summary, panel, width, colour));
    }
    let disturbance = summary.disturbance.as_ref();
    let below = [
        summary.promise(),
        Verified::of(&summary.manifest).line(),
        of_servers(&summary.manifest).map(|words| format!("{words}.")),
        disturbance.map(super::disturbance::Disturbance::sentence),
        summary.huge_pages.and_then(|seen| seen.sentence()),
    ];
    for text in below.into_iter().flatten() {
        lines.push(String::new());
        lines.extend(wrap(&text, width, "  "));
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
    notes.extend(common(summary));
    notes.extend(LoadSide::of(summary).map(|limit| limit.sentence()));
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
    let crowded = panel.crowded_on().map_or("", |_| " (crowded)");
    let threads = threads(panel);
    format!("{text} · {threads}{crowded} · batch {}", entry.batch)
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
    } else {
        let floor = |cell: &&CellSummary| cell.entry.control && !cell.entry.twin;
        let why = panel.cells.iter().filter(floor).filter_map(unmeasured);
        lines.extend(why.map(|why| format!("harness floor: not measured: {why}")));
    }
    let others = panel.cells.iter().filter(|cell| cell.entry.control);
    let others = others.filter(|cell| {
        let shown = panel.harness.as_ref();
        shown.is_some_and(|floor| floor.target != cell.entry.target)
    });
    lines.extend(others.filter_map(|cell| {
        let ns = cell.ns_per_op?.mid;
        Some(format!(
            "floor of servers: {} {ns:.1} ns/op",
            cell.entry.target
        ))
    }));
    if let Some(memory) = panel.entry.memory {
        lines.push(format!(
            "memory of {:.0} MiB: a dependent load takes {:.1} ns, {} M independent lines/s",
            memory.bytes as f64 / f64::from(1 << 20),
            memory.dependent_load_ps as f64 / 1000.0,
            figure(memory.lines_per_s as f64 / 1e6)
        ));
    }
    let ranked = panel
        .cells
        .iter()
        .any(|cell| cell.ranked() && cell.ratio.is_some());
    let mut twin = panel.cells.iter().filter(|cell| cell.entry.twin);
    let why = twin
        .find_map(unmeasured)
        .map_or(String::new(), |why| format!(": {why}"));
    match panel.noise_floor {
        Some(log) if panel.noise_band > log => lines.push(format!(
            "A/A noise: ±{}; over so few births a difference is held against the run's worst, ±{}",
            noise(log),
            noise(panel.noise_band)
        )),
        Some(log) => lines.push(format!("A/A noise: ±{}", noise(log))),
        None if !ranked => {}
        None if panel.noise_band > 0.0 => lines.push(format!(
            "A/A noise: not measured here{why}; ±{} in another panel",
            noise(panel.noise_band)
        )),
        None => lines.push(format!("A/A noise: not measured{why}")),
    }
    let without = panel
        .cells
        .iter()
        .filter_map(|cell| without_rate(panel, cell));
    lines.extend(without);
    lines.extend(failed_controls(panel));
    lines
}

/// Why a control gives no figure; a failed one has a line of its own.
fn unmeasured(cell: &CellSummary) -> Option<&'static str> {
    (cell.verdict == Verdict::NotMeasured).then(|| cell.why_no_rate())
}

fn failed_controls(panel: &PanelSummary) -> Vec<String> {
    let failed = |cell: &CellSummary| {
        let reason = cell.error.as_ref().filter(|_| !cell.ranked())?;
        let twin = if cell.entry.twin { "twin of " } else { "" };
        Some(format!("{twin}{} failed: {reason}", panel.label(cell)))
    };
    panel.cells.iter().filter_map(failed).collect()
}
