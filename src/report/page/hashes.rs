//! The page of a hash laboratory's run: what it holds, in words and figures.

use super::method::{Source, features, reproduce_section, without};
use super::model::{self, Block, FindingView, Head, Page, Section, chart_files, chart_link};
use super::view::{machine_line, machine_section, when};
use crate::base::human_integer;
use crate::record::{HashFloodRow, HashRecords, Status};
use crate::report::charts::Chart;
use crate::report::format::{counted, grouped, many};
use crate::report::hashes::{HashSummary, hash_findings, hash_functions};
use crate::report::table::{Cell, Column, Row, Table};
use crate::stats;

/// The page of a hash laboratory's run.
pub(super) fn page<'r>(
    summary: &'r HashSummary,
    records: &'r HashRecords,
    charts: &'r [Chart],
) -> Page<'r> {
    let manifest = &summary.manifest;
    let mut line = vec![when(&manifest.started)];
    line.extend(machine_line(&manifest.machine));
    let mut sections = Vec::new();
    let findings = findings(summary, charts);
    if !findings.is_empty() {
        let findings = vec![Block::Findings(findings)];
        sections.push(Section::new("findings", "Findings", findings));
    }
    let functions = Block::table("functions-table", "Functions", hash_functions(summary));
    sections.push(Section::new("functions", "Every function", vec![functions]));
    if !charts.is_empty() {
        let charts = model::charts(charts.iter());
        sections.push(Section::new("charts", "Charts", charts));
    }
    if !records.flood.is_empty() {
        let floods = Block::table("floods-table", "Floods", floods(&records.flood));
        sections.push(Section::new("floods", "Floods", vec![floods]));
    }
    sections.push(method(summary));
    sections.push(reproduce(summary, records, charts));
    sections.push(machine_section(&manifest.machine));
    Page {
        title: "hash functions".to_owned(),
        heading: "hash functions".to_owned(),
        heads: vec![Head {
            name: "",
            run_id: manifest.run_id.clone(),
            link: String::new(),
            line,
            answer: String::new(),
            badges: Vec::new(),
            notes: notes(summary),
        }],
        notes: Vec::new(),
        sections,
        footer: manifest.run_id.clone(),
    }
}

fn reproduce<'r>(summary: &HashSummary, records: &HashRecords, charts: &[Chart]) -> Section<'r> {
    let manifest = &summary.manifest;
    let source = Source {
        argv: &manifest.argv,
        program: None,
        seed: manifest.seed,
        version: &manifest.version,
        revision: &manifest.revision,
        binary_hash: &manifest.binary_hash,
        lockfile_hash: &manifest.lockfile_hash,
        features: features(&manifest.machine),
    };
    let files = files(records).into_iter();
    let mut files: Vec<(String, String)> = files
        .map(|(file, holds)| (file.to_owned(), holds))
        .collect();
    files.extend(chart_files(charts));
    reproduce_section(&source, "keys", Vec::new(), files)
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

fn findings(summary: &HashSummary, charts: &[Chart]) -> Vec<FindingView> {
    let findings = hash_findings(summary).into_iter();
    findings
        .map(|finding| {
            let chart = charts.iter().find(|chart| chart.file == finding.chart);
            FindingView {
                text: finding.text,
                class: "",
                link: chart.map(chart_link),
            }
        })
        .collect()
}

fn floods(rows: &[HashFloodRow]) -> Table {
    let row = |row: &HashFloodRow| {
        let ms = row.elapsed_ns as f64 / 1e6;
        Row::new(vec![
            Cell::text(&row.hash),
            Cell::text(&row.method),
            Cell::count(u64::from(row.colliding_bits)),
            Cell::count(row.keys),
            Cell::figure(Some((format!("{ms:.3}"), ms))),
            Cell::count(row.longest_seed_known),
            Cell::count(row.longest_seed_unknown),
            Cell::count(row.likely_longest),
        ])
    };
    Table {
        caption: "Keys made to collide under each function by an attacker who knows its structure \
                  (multicollision) or its seed (search: 2^16 tries a key), and the longest chain \
                  that they make in 2^16 buckets: under the known seed, and under another. A \
                  function is safe only if an attacker cannot learn its seed and no \
                  multicollision is known."
            .to_owned(),
        columns: vec![
            Column::target("function"),
            Column::text("method"),
            Column::number("equal low bits", ""),
            Column::number("keys", ""),
            Column::number("to make", "ms"),
            Column::number("chain, seed known", ""),
            Column::number("seed unknown", ""),
            Column::number("chance", ""),
        ],
        rows: rows.iter().map(row).collect(),
        sorts: true,
        ..Table::default()
    }
}

fn method<'r>(summary: &HashSummary) -> Section<'r> {
    let mut blocks: Vec<Block<'_>> = paragraphs(summary).into_iter().map(Block::text).collect();
    let corpora = summary.manifest.corpora.iter();
    let corpora = corpora.map(|corpus| {
        let text = format!("{}: {}", many(corpus.keys, "key"), corpus.about);
        (corpus.name.clone(), text)
    });
    blocks.push(Block::Pairs(corpora.collect()));
    blocks.extend(without(summary.manifest.not_measured.clone()));
    Section::new("method", "How it was measured", blocks)
}

fn paragraphs(summary: &HashSummary) -> Vec<String> {
    let buckets: Vec<String> = summary
        .manifest
        .buckets
        .iter()
        .map(|buckets| human_integer(*buckets))
        .collect();
    vec![
        format!(
            "Speed: {} rounds; in each, every function hashes keys of every length for about 0.2 \
             ms, in balanced random order. Calls go through the function pointer that runs use, \
             with lengths that the compiler cannot see; keys lie in the first-level cache and no \
             call waits for another. Figures are medians over rounds, ratios are paired within \
             rounds, intervals hold {:.0} % of {} bootstrap resamples. Nothing is subtracted: the \
             loop around a function that does nothing is measured beside the others.",
            summary.rounds,
            stats::CONFIDENCE * 100.0,
            grouped(u64::from(stats::RESAMPLES))
        ),
        format!(
            "Spread: all keys of a corpus, into {} buckets, by the hash's low bits (as a mask \
             takes them) and by its high bits (as shards do). Chi-square is Pearson's; its score \
             is the normal score of Wilson and Hilferty, and a score above 5 rules out chance. \
             Functions of 32 bits are widened by one multiply, as in runs.",
            buckets.join(", ")
        ),
        "Avalanche: every bit of keys of 20 bytes (user and 16 digits) is flipped in turn. Floods: \
         multicollisions after Joux and, for Murmur3, Aumasson, Bernstein and Boßlet."
            .to_owned(),
    ]
}

fn files(records: &HashRecords) -> Vec<(&'static str, String)> {
    let rows = |count: usize| many(count as u64, "row");
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
