//! The page of a run: what it holds, in words and figures.

use std::collections::BTreeMap;

use super::model::{
    self, Badge, Block, FindingView, Head, Link, Page, Piece, Placed, Section, chart_files,
    chart_link,
};
use super::{Run, guarantees, latency, limit, method, ranking, verified};
use crate::analysis::answer;
use crate::record::{Manifest, Records, Status};
use crate::report::cells::suite_table;
use crate::report::charts::Chart;
use crate::report::findings::{Finding, Topic, findings};
use crate::report::format::{counted, noise};
use crate::report::labels::common;
use crate::report::load_side::LoadSide;
use crate::report::summary::{PanelSummary, Summary, Verdict};
use crate::report::table::Table;

/// The page of a run.
pub(super) fn page(run: Run<'_>) -> Page<'_> {
    let Run {
        summary,
        records,
        charts,
    } = run;
    let suites = suites(summary, charts);
    let mut sections = Vec::new();
    sections.extend(ranking::section(summary));
    let findings = findings(summary);
    if !findings.is_empty() {
        let findings = findings.iter();
        let findings = findings.map(|finding| finding_view(finding, charts, &suites));
        let mut blocks = vec![Block::Findings(findings.collect())];
        blocks.extend(summary.promise().map(Block::text));
        sections.push(Section::new("findings", "Findings", blocks));
    }
    sections.extend(suites);
    sections.extend(guarantees::section(summary));
    sections.push(method::method(summary, records));
    sections.push(method::reproduce(records, chart_files(charts)));
    sections.push(machine_section(&summary.manifest.machine));
    Page {
        title: summary.manifest.name.clone(),
        heading: summary.manifest.name.clone(),
        heads: vec![head(summary, records, ("", ""))],
        notes: Vec::new(),
        sections,
        footer: summary.manifest.run_id.clone(),
    }
}

/// What stands above everything else; of two runs side by side with a name and a link to its report.
pub(super) fn head(
    summary: &Summary,
    records: &Records,
    (name, link): (&'static str, &str),
) -> Head {
    let manifest = &summary.manifest;
    Head {
        name,
        run_id: manifest.run_id.clone(),
        link: link.to_owned(),
        line: head_line(manifest)
            .into_iter()
            .chain(common(summary))
            .collect(),
        badges: badges(summary),
        answer: answer(summary).unwrap_or_default(),
        notes: notes(summary, records),
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
    badges.extend(verified::badge(summary, all > 0 && failed + missing == 0));
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
            hint: "The records have no trial of them".into(),
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
            hint: "How far two copies of the same table differ, by panel: smaller differences are \
                   noise"
                .into(),
        });
    }
    let judged = summary.disturbance.as_ref().filter(|all| all.slices > 0);
    if let Some(disturbance) = judged {
        badges.push(Badge {
            text: disturbance.badge(),
            class: if disturbance.is_much() { "bad" } else { "" },
            hint: format!(
                "Slices in which threads waited for a core for more than a tenth of the time: {}",
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
            "Incomplete: the run was interrupted. The page shows what was measured until then."
                .to_owned(),
        ),
        Status::Running => notes.push(
            "Incomplete: the run has not ended, or was killed. The page shows what was measured \
             until then."
                .to_owned(),
        ),
    }
    notes.extend(verified::note(summary));
    notes.extend(LoadSide::of(summary).map(|limit| limit.sentence()));
    if records.trials.is_empty() {
        notes.push("Nothing was measured: the records have a plan and no trial.".to_owned());
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
            "{rows} of trials.csv left out: run.toml does not have their cells."
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

/// A section for each suite, whether it was planned or has charts only.
fn suites<'r>(summary: &'r Summary, charts: &'r [Chart]) -> Vec<Section<'r>> {
    let suites = &summary.manifest.suites;
    let mut names: Vec<&str> = suites.iter().filter_map(|suite| name_of(suite)).collect();
    let of_panels = summary.panels.iter().map(|p| p.entry.suite.as_str());
    let of_charts = charts.iter().map(|chart| chart.suite.as_str());
    for name in of_panels.chain(of_charts) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let names = names.iter().enumerate();
    names
        .map(|(index, &name)| suite(summary, charts, &format!("suite-{index}"), name))
        .collect()
}

fn suite<'r>(summary: &'r Summary, charts: &'r [Chart], anchor: &str, name: &str) -> Section<'r> {
    let mut suites = summary.manifest.suites.iter();
    let suite = suites.find(|suite| name_of(suite) == Some(name));
    let text = |field: &str| {
        let text = suite.and_then(|suite| suite.get(field)?.as_str());
        text.unwrap_or_default()
    };
    let mut blocks = Vec::new();
    if !text("about").is_empty() {
        blocks.push(Block::About(text("about").to_owned()));
    }
    blocks.extend(prose(text("analysis")).into_iter().map(Block::Text));
    blocks.extend(model::charts_of_suite(
        charts.iter().filter(|chart| chart.suite == name),
    ));
    let tables = tables(summary, name);
    if tables.is_empty() {
        blocks.push(Block::text(
            "This suite has no panels of its own: its cells coincide with those of another suite, \
             or it has none.",
        ));
    }
    for (title, end, table) in tables {
        blocks.extend(Block::table_or_more(
            format!("{anchor}-{end}"),
            title,
            table,
        ));
    }
    Section::new(anchor, &format!("Suite {name}"), blocks)
}

/// The tables of a suite that have rows: their title, the end of their anchor, themselves.
fn tables(summary: &Summary, suite: &str) -> Vec<(&'static str, &'static str, Table)> {
    let panels = summary.panels.iter();
    let panels: Vec<&PanelSummary> = panels.filter(|panel| panel.entry.suite == suite).collect();
    let mut others = panels.clone();
    others.retain(|panel| !summary.is_searched(panel));
    let cells = suite_table(&others);
    [
        ("Every cell", "table", Some(cells)),
        ("Highest rates", "limits", limit::table(summary, &panels)),
        ("Latencies", "latencies", latency::table(&panels)),
    ]
    .into_iter()
    .filter_map(|(title, end, table)| Some((title, end, table?)))
    .filter(|(.., table)| !table.rows.is_empty())
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

/// A finding, and a link to the chart that shows it, or else to the first table.
fn finding_view(finding: &Finding, charts: &[Chart], suites: &[Section<'_>]) -> FindingView {
    let is_error = finding.topic == Topic::Error;
    let link = if is_error {
        None
    } else {
        chart_of(finding, charts).map(chart_link)
    };
    let table = || {
        let mut blocks = suites.iter().flat_map(|section| &section.blocks);
        blocks.find_map(first_table).map(|placed| Link {
            anchor: placed.anchor.clone(),
            file: String::new(),
            text: "table",
        })
    };
    FindingView {
        text: finding.text.clone(),
        class: if is_error { "failed" } else { "" },
        link: link.or_else(table),
    }
}

/// The table that a block is, or has folded away.
fn first_table<'b>(block: &'b Block<'_>) -> Option<&'b Placed> {
    match block {
        Block::Table(placed) => Some(placed),
        Block::More(_, blocks) => blocks.iter().find_map(first_table),
        _ => None,
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
        Topic::Overlap => &["overlap", "throughput"],
        Topic::Absent => &["absent", "throughput"],
        Topic::Scaling => &["throughput", "threads", "ratio"],
        Topic::Law => &["scaling"],
        Topic::Parts => &["parts"],
        Topic::Crowding => &["scaling", "throughput", "ratio"],
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

/// The machine in full.
pub(super) fn machine_section<'r>(machine: &BTreeMap<String, String>) -> Section<'r> {
    let facts = if machine.is_empty() {
        Block::text("Not recorded.")
    } else {
        let facts = facts(machine);
        let count = counted(facts.len() as u64, "fact");
        Block::More(format!("The machine in {count}"), vec![Block::Pairs(facts)])
    };
    Section::new("machine", "Machine", vec![facts])
}

fn facts(machine: &BTreeMap<String, String>) -> Vec<(String, String)> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn sizes_are_readable() {
        assert_eq!(binary(512), "512 B");
        assert_eq!(binary(4096), "4 KiB");
        assert_eq!(binary(25_253_867_520), "23.5 GiB");
    }

    #[test]
    fn what_is_long_is_folded_away_and_still_found() {
        let names: Vec<String> = (0..14)
            .map(|at| format!("striped:stripes=2^{at}"))
            .collect();
        let cells: Vec<Cell<'_>> = (0..)
            .zip(&names)
            .map(|(at, name)| Cell::new(name, 80.0 + 20.0 * f64::from(at)))
            .collect();
        let run = Synthetic::new()
            .panel("ycsb-a", 1, &cells)
            .panel("ycsb-b", 1, &cells)
            .panel("ycsb-c", 1, &cells)
            .panel("ycsb-c", 2, &cells);
        let records = run.records();
        let summary = Summary::of(&records);
        let charts = crate::report::charts(&summary, &records);
        let text = crate::report::html(&summary, &records, &charts);
        for part in [
            "<summary>Every cell: 56 rows</summary>",
            "<summary>Operations a second: 3 charts</summary>",
            "<summary>Threads: 1 chart</summary>",
            "data-all> all columns",
        ] {
            assert!(text.contains(part), "no {part}");
        }
        // The ranking comes first, then the map.
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part}"));
        assert!(at("<h2>Ranking</h2>") < at("<h2>Findings</h2>"));
        assert!(at("<h3>Which table is fast where?</h3>") < at("<summary>Every cell"));
        // Each target of the strategy has a look of its own in the ranking.
        let ranking = &text[at("id=\"ranking-table\"")..at("<h2>Findings</h2>")];
        let looks: std::collections::BTreeSet<&str> = ranking
            .split("<i class=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(looks.len(), names.len(), "{looks:?}");
    }
}
