//! What a report holds, in words and figures: the templates only place them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::method::{Method, Reproduce};
use super::table::Table;
use super::{Run, latency, limit};
use crate::record::{Manifest, Records, Status};
use crate::report::charts::Chart;
use crate::report::findings::{Finding, Topic, findings};
use crate::report::format::{counted, noise};
use crate::report::summary::{PanelSummary, Summary, Verdict};

/// The whole report.
#[derive(Serialize)]
pub(super) struct View<'r> {
    pub head: Head,
    pub findings: Vec<FindingView>,
    pub sections: Vec<Section<'r>>,
    pub method: Method,
    pub reproduce: Reproduce,
    /// Names and values.
    pub machine: Vec<(String, String)>,
}

/// What stands above everything else.
#[derive(Serialize)]
pub(super) struct Head {
    pub title: String,
    pub run_id: String,
    /// Date, suite and machine, to be set in one line.
    pub line: Vec<String>,
    pub badges: Vec<Badge>,
    /// What a reader must know before any figure.
    pub notes: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Badge {
    pub text: String,
    /// `good`, `bad` or empty.
    pub class: &'static str,
    /// What it means.
    pub hint: String,
}

#[derive(Serialize)]
pub(super) struct FindingView {
    pub text: String,
    pub class: &'static str,
    /// The chart that shows it, or else the table.
    pub link: Option<Link>,
}

#[derive(Serialize)]
pub(super) struct Link {
    /// The anchor within the page.
    pub anchor: String,
    /// The file within the run directory, for a report that has no anchors; empty for a table.
    pub file: String,
    pub text: String,
}

/// A suite.
#[derive(Serialize)]
pub(super) struct Section<'r> {
    pub anchor: String,
    pub name: String,
    pub about: String,
    /// Paragraphs, each in pieces that are plain or code.
    pub analysis: Vec<Vec<Piece>>,
    pub charts: Vec<ChartView<'r>>,
    pub table: Table,
    /// How long operations took, where that was measured.
    pub latency: Option<Table>,
    /// The highest rates that kept a limit, where they were searched for.
    pub limit: Option<Table>,
}

#[derive(Serialize)]
pub(super) struct Piece {
    pub text: String,
    pub code: bool,
}

#[derive(Serialize)]
pub(super) struct ChartView<'r> {
    pub anchor: String,
    /// The file within the run directory.
    pub file: String,
    pub title: &'r str,
    pub about: &'r str,
    /// The drawing as it stands within a page: without a prologue of its own.
    pub svg: &'r str,
}

impl<'r> View<'r> {
    pub fn of(run: Run<'r>) -> View<'r> {
        let Run {
            summary,
            records,
            charts,
        } = run;
        let sections = sections(summary, charts);
        View {
            head: Head::of(summary, records),
            findings: findings(summary)
                .iter()
                .map(|finding| finding_view(finding, charts, &sections))
                .collect(),
            sections,
            method: Method::of(summary, records),
            reproduce: Reproduce::of(records),
            machine: machine(&summary.manifest.machine),
        }
    }
}

impl Head {
    pub fn of(summary: &Summary, records: &Records) -> Head {
        let manifest = &summary.manifest;
        Head {
            title: manifest.name.clone(),
            run_id: manifest.run_id.clone(),
            line: head_line(manifest),
            badges: badges(summary),
            notes: notes(summary, records),
        }
    }
}

fn head_line(manifest: &Manifest) -> Vec<String> {
    let mut line = vec![when(&manifest.started)];
    let suites: Vec<&str> = manifest.suites.iter().filter_map(|s| name_of(s)).collect();
    match suites.as_slice() {
        [] => {}
        [one] => line.push(format!("suite {one}")),
        several => line.push(format!("suites {}", several.join(", "))),
    }
    line.extend(machine_line(&manifest.machine));
    line
}

/// A date and time as people read it.
pub(super) fn when(started: &str) -> String {
    started.replace('T', " ").replace('Z', " UTC")
}

/// The main of a machine: processor, CPUs, memory, whether it is virtual.
pub(super) fn machine_line(machine: &BTreeMap<String, String>) -> Vec<String> {
    let mut line = Vec::new();
    let known = |name: &str| {
        let value = machine.get(name)?;
        (!value.starts_with("unknown")).then_some(value.as_str())
    };
    line.extend(known("cpu_model").map(str::to_owned));
    let cpus = known("cpus_usable").and_then(|cpus| cpus.parse().ok());
    line.extend(cpus.map(|cpus| counted(cpus, "CPU")));
    let memory = known("memory_total_bytes").and_then(|bytes| bytes.parse().ok());
    line.extend(memory.map(|bytes| format!("{} memory", binary(bytes))));
    if known("hypervisor").is_some_and(|value| value.starts_with("yes")) {
        line.push("virtual".to_owned());
    }
    line
}

/// A badge for each thing that was measured; what was not has none.
fn badges(summary: &Summary) -> Vec<Badge> {
    let cells = || summary.panels.iter().flat_map(|panel| &panel.cells);
    let count = |verdict| cells().filter(|cell| cell.verdict == verdict).count();
    let (all, failed) = (cells().count(), count(Verdict::Error));
    let missing = count(Verdict::NotMeasured);
    let mut badges = Vec::new();
    if all > 0 && failed + missing == 0 {
        badges.push(Badge {
            text: "verified".into(),
            class: "good",
            hint:
                "Every table passed the check before its first slice, and every outcome and value \
                   was checked while it was timed"
                    .into(),
        });
    }
    if failed > 0 {
        badges.push(Badge {
            text: format!("failed cells {failed} of {all}"),
            class: "bad",
            hint: "The tables below have the reasons".into(),
        });
    }
    if missing > 0 {
        badges.push(Badge {
            text: format!("unmeasured cells {missing} of {all}"),
            class: "bad",
            hint: "No trial of theirs was recorded".into(),
        });
    }
    let floors = || summary.panels.iter().filter_map(|panel| panel.noise_floor);
    if floors().next().is_some() {
        let least = floors().fold(f64::INFINITY, f64::min);
        let worst = floors().fold(0.0, f64::max);
        let range = if noise(least) == noise(worst) {
            format!("±{}", noise(worst))
        } else {
            format!("±{} to ±{}", noise(least), noise(worst))
        };
        badges.push(Badge {
            text: format!("noise floor {range}"),
            class: "",
            hint: "How far two copies of the same table came out apart, by panel: a smaller \
                   difference is none"
                .into(),
        });
    }
    if let Some(disturbance) = &summary.disturbance {
        badges.push(Badge {
            text: disturbance.badge(),
            class: if disturbance.is_much() { "bad" } else { "" },
            hint: format!(
                "Slices whose threads were kept from running by others for more than a tenth of the \
                 time: {}",
                disturbance.sentence()
            ),
        });
    }
    badges
}

fn notes(summary: &Summary, records: &Records) -> Vec<String> {
    let mut notes = Vec::new();
    match summary.manifest.status {
        Status::Complete | Status::Errors => {}
        Status::Interrupted => notes.push(
            "Incomplete: the run was interrupted. What was measured until then is here.".to_owned(),
        ),
        Status::Running => notes.push(
            "Incomplete: the run has not ended, or was killed. What was measured until then is here."
                .to_owned(),
        ),
    }
    if records.trials.is_empty() {
        notes.push(
            "Nothing was measured: there is no trial in the records, only what was planned."
                .to_owned(),
        );
    } else if summary
        .panels
        .iter()
        .flat_map(|panel| &panel.cells)
        .all(|cell| cell.rate.is_none() && cell.latency.is_empty())
        && summary.searched.is_empty()
    {
        notes.push(
            "No cell has figures: every one failed or was not measured. The tables have the reasons."
                .to_owned(),
        );
    }
    notes.extend(
        summary
            .manifest
            .notes
            .iter()
            .map(|note| format!("Note: {note}.")),
    );
    if summary.dropped_lines > 0 {
        let lines = counted(u64::from(summary.dropped_lines), "row");
        notes.push(format!(
            "{lines} at the end of the CSV files cut short and left out: the program was killed while \
             it wrote."
        ));
    }
    let strangers = strangers(records);
    if strangers > 0 {
        let rows = counted(strangers, "row");
        notes.push(format!(
            "{rows} of trials.csv of no cell that run.toml knows, left out."
        ));
    }
    notes
}

/// Trials of cells that the manifest does not have.
fn strangers(records: &Records) -> u64 {
    let known: std::collections::BTreeSet<(u32, &str)> = records
        .manifest
        .cells
        .iter()
        .map(|cell| (cell.panel, cell.cell_id.as_str()))
        .collect();
    let strange = |row: &&crate::record::TrialRow| !known.contains(&(row.panel, &row.cell_id));
    records.trials.iter().filter(strange).count() as u64
}

fn sections<'r>(summary: &'r Summary, charts: &'r [Chart]) -> Vec<Section<'r>> {
    let suites = &summary.manifest.suites;
    let text = |suite: &toml::Table, field: &str| {
        let text = suite.get(field).and_then(toml::Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let mut names: Vec<&str> = suites.iter().filter_map(|suite| name_of(suite)).collect();
    let of_panels = summary.panels.iter().map(|p| p.entry.suite.as_str());
    let of_charts = charts.iter().map(|chart| chart.suite.as_str());
    for name in of_panels.chain(of_charts) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
        .iter()
        .enumerate()
        .map(|(index, &name)| {
            let suite = suites.iter().find(|suite| name_of(suite) == Some(name));
            let panels: Vec<&PanelSummary> = summary
                .panels
                .iter()
                .filter(|panel| panel.entry.suite == name)
                .collect();
            let mut others = panels.clone();
            others.retain(|panel| !summary.is_searched(panel));
            Section {
                anchor: format!("suite-{index}"),
                name: name.to_owned(),
                about: suite.map_or_else(String::new, |suite| text(suite, "about")),
                analysis: suite.map_or_else(Vec::new, |suite| prose(&text(suite, "analysis"))),
                charts: charts
                    .iter()
                    .filter(|chart| chart.suite == name)
                    .map(chart_view)
                    .collect(),
                latency: latency::table(&panels),
                limit: limit::table(summary, &panels),
                table: Table::of(&others),
            }
        })
        .collect()
}

fn name_of(suite: &toml::Table) -> Option<&str> {
    suite.get("name")?.as_str()
}

/// Paragraphs are parted by empty lines, code stands between backticks.
fn prose(text: &str) -> Vec<Vec<Piece>> {
    let pieces = |paragraph: &str| {
        let words: Vec<&str> = paragraph.split_whitespace().collect();
        let pieces = words.join(" ");
        let pieces = pieces.split('`').enumerate().map(|(index, text)| Piece {
            text: text.to_owned(),
            code: index % 2 == 1,
        });
        pieces.filter(|piece| !piece.text.is_empty()).collect()
    };
    text.split("\n\n")
        .filter(|paragraph| !paragraph.trim().is_empty())
        .map(pieces)
        .collect()
}

pub(super) fn chart_view(chart: &Chart) -> ChartView<'_> {
    // An XML prologue may stand at the start of a file only.
    let start = chart.svg.find("<svg").unwrap_or(0);
    ChartView {
        anchor: anchor(chart),
        file: format!("charts/{}.svg", chart.file),
        title: &chart.title,
        about: &chart.about,
        svg: chart.svg[start..].trim_end(),
    }
}

fn anchor(chart: &Chart) -> String {
    format!("chart-{}", chart.file)
}

fn finding_view(finding: &Finding, charts: &[Chart], sections: &[Section<'_>]) -> FindingView {
    let link = if finding.topic == Topic::Error {
        None
    } else {
        chart_of(finding, charts).map(|chart| Link {
            anchor: anchor(chart),
            file: format!("charts/{}.svg", chart.file),
            text: "chart".to_owned(),
        })
    };
    let table = || {
        let (section, table) = sections.iter().find_map(|section| {
            let tables = [
                (!section.table.rows.is_empty(), "table"),
                (section.limit.is_some(), "limits"),
                (section.latency.is_some(), "latencies"),
            ];
            let (_, table) = tables.into_iter().find(|(is_there, _)| *is_there)?;
            Some((section, table))
        })?;
        Some(Link {
            anchor: format!("{}-{table}", section.anchor),
            file: String::new(),
            text: "table".to_owned(),
        })
    };
    FindingView {
        text: finding.text.clone(),
        class: if finding.topic == Topic::Error {
            "failed"
        } else {
            ""
        },
        link: link.or_else(table),
    }
}

/// The chart that shows a finding: of those with its panels, the one whose subject is the finding's.
fn chart_of<'c>(finding: &Finding, charts: &'c [Chart]) -> Option<&'c Chart> {
    let subjects: &[&str] = match finding.topic {
        Topic::Error => &[],
        Topic::Sweep => &["buckets", "ratio", "throughput"],
        Topic::Baseline | Topic::Pair | Topic::NoDifference | Topic::Peers | Topic::Asked => {
            &["ratio", "throughput"]
        }
        Topic::Scaling => &["throughput", "threads", "ratio"],
        Topic::Law => &["scaling"],
        Topic::Tail | Topic::Hidden => &["percentiles"],
        Topic::TailInResizes => &["timeline-longest", "percentiles"],
        Topic::Misses => &["misses", "ratio"],
        Topic::Origin => &["latency", "ratio"],
        Topic::Latency => &["offered", "percentiles"],
        Topic::Limit => &["limit"],
        Topic::Hash => &["flood", "hashes", "ratio"],
        Topic::Replay | Topic::Batch => &["throughput", "ratio"],
        Topic::Model => &["load", "buckets"],
        Topic::Longest => &["longest"],
        Topic::Resizes => &["time-", "longest", "ratio"],
    };
    let shows = |chart: &&Chart| {
        let mut panels = finding.panels.iter();
        panels.any(|panel| chart.panels.contains(panel))
    };
    subjects
        .iter()
        .find_map(|subject| {
            let about = |chart: &&Chart| chart.file.contains(subject);
            charts.iter().filter(shows).find(about)
        })
        .or_else(|| charts.iter().find(shows))
}

pub(super) fn machine(machine: &BTreeMap<String, String>) -> Vec<(String, String)> {
    machine
        .iter()
        .map(
            |(name, value)| match (name.strip_suffix("_bytes"), value.parse()) {
                (Some(name), Ok(bytes)) => (name.replace('_', " "), binary(bytes)),
                _ => (name.replace('_', " "), value.clone()),
            },
        )
        .collect()
}

/// Bytes as people read them: `512 B`, `4 KiB`, `23.5 GiB`.
fn binary(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < units.len() {
        size /= 1024.0;
        unit += 1;
    }
    let digits = format!("{size:.1}");
    format!("{} {}", digits.trim_end_matches(".0"), units[unit])
}

/// A count with commas between its thousands.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_counts_are_readable() {
        assert_eq!(binary(512), "512 B");
        assert_eq!(binary(4096), "4 KiB");
        assert_eq!(binary(25_253_867_520), "23.5 GiB");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
