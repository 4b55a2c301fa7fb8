//! The report of a hash laboratory's run: what it holds, in words and figures.

use std::fmt::Write;

use serde::Serialize;

use super::markdown::{escape, fenced, grid};
use super::method::{Source, commands, features, remarks};
use super::view::{ChartView, chart_view, grouped, machine, machine_line, when};
use crate::base::human_integer;
use crate::record::{HashFloodRow, HashRecords, Status};
use crate::report::charts::Chart;
use crate::report::format::counted;
use crate::report::hashes::{HashSummary, hash_columns, hash_findings};
use crate::stats;

/// The whole report.
#[derive(Serialize)]
pub(super) struct HashView<'r> {
    run_id: &'r str,
    /// Date and machine, to be set in one line.
    line: Vec<String>,
    /// What a reader must know before any figure.
    notes: Vec<String>,
    findings: Vec<Sentence>,
    table: Grid,
    charts: Vec<ChartView<'r>>,
    floods: Grid,
    method: Vec<String>,
    /// Names and what is in them.
    corpora: Vec<(String, String)>,
    not_measured: &'r [String],
    commands: Vec<String>,
    remarks: Vec<String>,
    files: Vec<(&'static str, String)>,
    machine: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Sentence {
    text: String,
    /// The anchor of the chart that shows it; empty for none.
    anchor: String,
    file: String,
}

#[derive(Serialize)]
struct Grid {
    caption: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl<'r> HashView<'r> {
    pub(super) fn of(
        summary: &'r HashSummary,
        records: &'r HashRecords,
        charts: &'r [Chart],
    ) -> HashView<'r> {
        let manifest = &summary.manifest;
        let source = Source {
            argv: &manifest.argv,
            seed: manifest.seed,
            version: &manifest.version,
            revision: &manifest.revision,
            binary_hash: &manifest.binary_hash,
            lockfile_hash: &manifest.lockfile_hash,
            features: features(&manifest.machine),
        };
        let mut line = vec![when(&manifest.started)];
        line.extend(machine_line(&manifest.machine));
        let about = |name: &str, about: &str, keys| {
            let text = format!("{}: {about}", counted_keys(keys));
            (name.to_owned(), text)
        };
        HashView {
            run_id: &manifest.run_id,
            line,
            notes: notes(summary),
            findings: sentences(summary, charts),
            table: functions(summary),
            charts: charts.iter().map(chart_view).collect(),
            floods: floods(&records.flood),
            method: method(summary),
            corpora: manifest
                .corpora
                .iter()
                .map(|corpus| about(&corpus.name, &corpus.about, corpus.keys))
                .collect(),
            not_measured: &manifest.not_measured,
            commands: commands(&source),
            remarks: remarks(&source, "keys"),
            files: files(records),
            machine: machine(&manifest.machine),
        }
    }
}

fn counted_keys(keys: u64) -> String {
    match keys {
        1 => "1 key".to_owned(),
        keys => format!("{} keys", grouped(keys)),
    }
}

fn notes(summary: &HashSummary) -> Vec<String> {
    let mut notes = Vec::new();
    if summary.manifest.status != Status::Complete {
        notes.push("Incomplete: the run has not ended, or was interrupted.".to_owned());
    }
    if summary.dropped_lines > 0 {
        notes.push(format!(
            "{} at the end of the CSV files cut short and left out.",
            counted(u64::from(summary.dropped_lines), "row")
        ));
    }
    notes
}

fn sentences(summary: &HashSummary, charts: &[Chart]) -> Vec<Sentence> {
    let findings = hash_findings(summary).into_iter();
    findings
        .map(|finding| {
            let chart = charts.iter().find(|chart| chart.file == finding.chart);
            Sentence {
                text: finding.text,
                anchor: chart.map_or_else(String::new, |chart| format!("chart-{}", chart.file)),
                file: chart.map_or_else(String::new, |chart| format!("charts/{}.svg", chart.file)),
            }
        })
        .collect()
}

fn functions(summary: &HashSummary) -> Grid {
    let columns = hash_columns();
    Grid {
        caption: "Times are medians in nanoseconds a call, the loop included; GB/s are 10^9 bytes. Low and \
                  high bits: in how many corpora keys pile up by chi-square where these bits pick the bucket. \
                  Worst bias: of a flipped bit of the key on a bit of the hash, 0 is ideal, 1 always or never. \
                  Longest chain: against what chance gives, where that is worst."
            .to_owned(),
        rows: summary
            .hashes
            .iter()
            .map(|hash| columns.iter().map(|(_, text)| text(hash)).collect())
            .collect(),
        columns: columns.into_iter().map(|(title, _)| title).collect(),
    }
}

fn floods(rows: &[HashFloodRow]) -> Grid {
    let row = |row: &HashFloodRow| {
        vec![
            row.hash.clone(),
            row.method.clone(),
            row.colliding_bits.to_string(),
            row.keys.to_string(),
            format!("{:.3}", row.elapsed_ns as f64 / 1e6),
            row.longest_seed_known.to_string(),
            row.longest_seed_unknown.to_string(),
            row.likely_longest.to_string(),
        ]
    };
    Grid {
        caption: "Keys made to collide under each function by someone who knows its structure \
                  (multicollision) or its seed (search: 2^16 tries a key), and the longest chain that they \
                  make in 2^16 buckets: under the seed that was known, and under another. A function is safe \
                  only if nobody can know or learn its seed and no multicollision is known."
            .to_owned(),
        columns: [
            "function",
            "method",
            "equal low bits",
            "keys",
            "ms to make",
            "chain, seed known",
            "seed unknown",
            "chance",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.iter().map(row).collect(),
    }
}

fn method(summary: &HashSummary) -> Vec<String> {
    let buckets: Vec<String> = summary
        .manifest
        .buckets
        .iter()
        .map(|buckets| human_integer(*buckets))
        .collect();
    vec![
        format!(
            "Speed: {} rounds; in each, every function hashes keys of every length for about 0.2 ms, in \
             balanced random order. Calls go through the function pointer that runs use, with lengths that \
             the compiler cannot see; keys lie in the first-level cache and no call waits for another. Figures \
             are medians over rounds, ratios are paired within rounds, intervals hold {:.0} % of {} \
             bootstrap resamples. Nothing is subtracted: the loop around a function that does nothing is \
             measured beside the others and stated.",
            summary.rounds,
            stats::CONFIDENCE * 100.0,
            grouped(u64::from(stats::RESAMPLES))
        ),
        format!(
            "Spread: all keys of a corpus, into {} buckets, by the hash's low bits as a mask takes them and \
             by its high bits as shards do. Chi-square is Pearson's, its score the normal one of Wilson and \
             Hilferty; above 5 chance is ruled out. Functions of 32 bits are widened by one multiply, as in \
             runs.",
            buckets.join(", ")
        ),
        "Avalanche: every bit of keys of 20 bytes (user and 16 digits) is flipped in turn. Floods: \
         multicollisions after Joux and, for Murmur3, Aumasson, Bernstein and Boßlet."
            .to_owned(),
    ]
}

fn files(records: &HashRecords) -> Vec<(&'static str, String)> {
    let rows = |count: usize| match count {
        1 => "1 row".to_owned(),
        count => format!("{} rows", grouped(count as u64)),
    };
    vec![
        (
            "hash_speed.csv",
            format!(
                "{}: one per function, length and round",
                rows(records.speed.len())
            ),
        ),
        (
            "hash_spread.csv",
            format!(
                "{}: chi-square and longest chain",
                rows(records.spread.len())
            ),
        ),
        (
            "hash_chains.csv",
            format!(
                "{}: buckets by the keys they hold",
                rows(records.chains.len())
            ),
        ),
        (
            "hash_avalanche.csv",
            format!(
                "{}: one per function and bit of the key",
                rows(records.avalanche.len())
            ),
        ),
        (
            "hash_flood.csv",
            format!("{}: floods", rows(records.flood.len())),
        ),
        ("hash.toml", "functions, corpora, machine".to_owned()),
    ]
}

/// The same as Markdown.
pub(super) fn document(view: &HashView<'_>) -> String {
    let mut text = String::from("# bucketlab: hash functions\n\n");
    let _ = writeln!(text, "{}\n", escape(&view.line.join(" · ")));
    for note in &view.notes {
        let _ = writeln!(text, "> **{}**\n", escape(note));
    }
    text += "## Findings\n\n";
    for finding in &view.findings {
        let _ = match finding.file.as_str() {
            "" => writeln!(text, "- {}", escape(&finding.text)),
            file => writeln!(text, "- {} ([chart]({file}))", escape(&finding.text)),
        };
    }
    text += "\n## Every function\n\n";
    let _ = writeln!(text, "{}\n", escape(&view.table.caption));
    grid_of(&mut text, &view.table, 1);
    for chart in &view.charts {
        let title = escape(chart.title);
        let _ = writeln!(text, "### {title}\n\n![{title}]({})\n", chart.file);
        let _ = writeln!(text, "{}\n", escape(chart.about));
    }
    if !view.floods.rows.is_empty() {
        let _ = writeln!(text, "## Floods\n\n{}\n", escape(&view.floods.caption));
        grid_of(&mut text, &view.floods, 2);
    }
    text += "## How it was measured\n\n";
    for paragraph in &view.method {
        let _ = writeln!(text, "{}\n", escape(paragraph));
    }
    pairs(&mut text, &view.corpora);
    for what in view.not_measured {
        let _ = writeln!(text, "- not measured: {}", escape(what));
    }
    text += "\n## Reproduce\n\n";
    fenced(&mut text, "sh", &view.commands.join("\n"));
    let _ = writeln!(text, "{}\n", escape(&view.remarks.join(" ")));
    for (file, holds) in &view.files {
        let _ = writeln!(text, "- [{file}]({file}): {}", escape(holds));
    }
    text += "\n## Machine\n\n";
    pairs(&mut text, &view.machine);
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
    text
}

fn grid_of(text: &mut String, table: &Grid, words: usize) {
    let columns = table.columns.iter().enumerate();
    let columns: Vec<(&str, bool)> = columns
        .map(|(at, title)| (title.as_str(), at >= words))
        .collect();
    grid(text, &columns, &table.rows);
}

fn pairs(text: &mut String, pairs: &[(String, String)]) {
    let rows: Vec<Vec<String>> = pairs
        .iter()
        .map(|(name, value)| vec![name.clone(), value.clone()])
        .collect();
    grid(text, &[("", false), ("", false)], &rows);
}
