//! `bucketlab list`: what there is.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::args::{Kind, List};
use super::formats::Format;
use super::house::House;
use super::output;
use crate::analysis::format::wrap;
use crate::base::{BadInput, unknown_name};
use crate::catalog::Row;
use crate::hash::HASHES;
use crate::report::{self, Column, Kind as ColumnKind, Table, summary_columns};
use crate::run::{SUITE_SCHEMA, SUITES, Suite};
use crate::table::{Guarantees, WORD};
use crate::workload::{FORMATS, PRESETS, REFUSED};

/// A list of things: what they are, and a row for each.
struct Listing {
    title: &'static str,
    table: Table,
}

impl Listing {
    /// A list of names with what is to be said of them. Columns of sentences may be broken.
    fn new(
        title: &'static str,
        columns: impl IntoIterator<Item = (&'static str, ColumnKind)>,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Listing {
        let columns = columns.into_iter();
        let columns = columns.map(|(title, kind)| Column::new(kind, title));
        Listing {
            title,
            table: Table::of_texts(columns.collect(), rows),
        }
    }
}

impl Listing {
    /// Keeps the row of that name alone.
    fn keep(&mut self, name: &str) -> Result<(), BadInput> {
        let first = |row: &report::Row| row.cells.first().map(|cell| cell.text.clone());
        let names: Vec<String> = self.table.rows.iter().filter_map(first).collect();
        self.table
            .rows
            .retain(|row| first(row).as_deref() == Some(name));
        if self.table.rows.is_empty() {
            let kind = self
                .table
                .columns
                .first()
                .map_or("", |column| &column.title);
            return Err(unknown_name(kind, name, names.iter().map(String::as_str)));
        }
        Ok(())
    }
}

/// The TOML text of a built-in suite.
fn suite_text(name: &str) -> Result<&'static str, BadInput> {
    let suite = SUITES.iter().find(|(other, _)| *other == name);
    let names = SUITES.iter().map(|(name, _)| *name);
    suite
        .map(|(_, text)| *text)
        .ok_or_else(|| unknown_name("suite", name, names))
}

/// A row field by field, nothing left out.
fn in_full(listing: &Listing) -> String {
    let width = output::width().min(100);
    let mut text = String::new();
    for row in &listing.table.rows {
        for (column, cell) in listing.table.columns.iter().zip(&row.cells) {
            if cell.text.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{}", column.title);
            for part in cell.text.split("; ") {
                for line in wrap(part, width.saturating_sub(2).max(20), "  ") {
                    let _ = writeln!(text, "  {line}");
                }
            }
        }
    }
    text
}

pub(super) fn list(house: House<'_>, args: &List) -> anyhow::Result<ExitCode> {
    let kinds = match args.what {
        Some(kind) => vec![kind],
        None => vec![
            Kind::Strategies,
            Kind::Guarantees,
            Kind::Hashes,
            Kind::Workloads,
            Kind::Suites,
            Kind::Formats,
        ],
    };
    if args.schema {
        if args.what != Some(Kind::Suites) {
            let why = "--schema prints what suite files may have: bucketlab list suites --schema";
            return Err(BadInput(why.to_owned()).into());
        }
        output::print(SUITE_SCHEMA)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.toml && args.what != Some(Kind::Suites) {
        let why = "--toml prints the text of a suite: bucketlab list suites NAME --toml";
        return Err(BadInput(why.to_owned()).into());
    }
    if let Some(name) = args.name.as_deref().filter(|_| args.toml) {
        output::print(suite_text(name)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut listings: Vec<Listing> = kinds
        .iter()
        .map(|kind| listing(*kind, house.rows))
        .collect::<anyhow::Result<_>>()?;
    if let (Some(name), [listing]) = (&args.name, &mut listings[..]) {
        listing.keep(name)?;
    }
    let text = if args.format == Format::Json {
        let all: Map<String, Value> = listings
            .iter()
            .map(|listing| (listing.title.to_owned(), as_json(listing)))
            .collect();
        format!("{}\n", serde_json::to_string_pretty(&all)?)
    } else if args.markdown {
        listings
            .iter()
            .map(|listing| listing.table.markdown())
            .collect::<Vec<_>>()
            .join("\n")
    } else if args.name.is_some() {
        listings.iter().map(in_full).collect()
    } else {
        listings.iter().map(as_table).collect::<Vec<_>>().join("\n")
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn listing(kind: Kind, rows: &[Row]) -> anyhow::Result<Listing> {
    use ColumnKind::{Code, Text, Words};
    let words = |words: [&str; 3]| words.map(str::to_owned).to_vec();
    Ok(match kind {
        Kind::Strategies => Listing::new(
            "strategies",
            [
                ("strategy", Code),
                ("what it is", Words),
                ("parameters", Words),
                ("source", Words),
            ],
            rows.iter().map(|row| {
                let (name, about, source) = (row.name, row.about, row.source);
                [name, about, &parameters(row), source]
                    .map(str::to_owned)
                    .to_vec()
            }),
        ),
        Kind::Guarantees => {
            let columns = Guarantees::COLUMNS.map(|title| (title, Words));
            let columns = [("strategy", Code)].into_iter().chain(columns);
            // A control holds nothing, and what is wrong on purpose has no sample.
            let rows = rows
                .iter()
                .filter(|row| !row.control && !row.samples.is_empty());
            let told = |row: &Row| {
                let told = row.guarantees.told(row.walk);
                [row.name.to_owned()].into_iter().chain(told).collect()
            };
            Listing::new("guarantees", columns, rows.map(told))
        }
        Kind::Hashes => Listing::new(
            "hashes",
            [
                ("hash", Code),
                ("what it is", Words),
                ("bits", Text),
                ("keyed", Text),
                ("resists flooding", Text),
                ("source", Words),
            ],
            HASHES.iter().map(|hash| {
                vec![
                    hash.name.to_owned(),
                    hash.about.to_owned(),
                    hash.bits.to_string(),
                    yes(hash.keyed),
                    yes(hash.flood_resistant),
                    hash.source.to_owned(),
                ]
            }),
        ),
        Kind::Workloads => Listing::new(
            "workloads",
            [("workload", Code), ("what it is", Words), ("source", Words)],
            PRESETS
                .iter()
                .map(|preset| words([preset.name, preset.about, preset.source]))
                .chain(REFUSED.iter().map(|refused| {
                    let why = format!("refused: {}", refused.why);
                    words([refused.name, &why, refused.source])
                })),
        ),
        Kind::Suites => {
            let mut rows = Vec::new();
            for (name, _) in SUITES {
                rows.push(vec![(*name).to_owned(), Suite::load(name)?.about]);
            }
            let columns = [("suite", Code), ("what it measures", Words)];
            Listing::new("suites", columns, rows)
        }
        Kind::Formats => Listing::new(
            "formats",
            [
                ("format", Code),
                ("what it holds", Words),
                ("source", Words),
            ],
            FORMATS
                .iter()
                .map(|format| words([format.name, format.about, format.source])),
        ),
        Kind::Columns => Listing::new(
            "columns",
            [("column", Code), ("unit", Text), ("what it says", Words)],
            summary_columns().into_iter().map(words),
        ),
    })
}

fn parameters(row: &Row) -> String {
    let mut text = String::new();
    for param in row.params {
        let separator = if text.is_empty() { "" } else { "; " };
        let (name, default, range) = (param.name, param.default_value(), param.range_text());
        let _ = write!(
            text,
            "{separator}{name}={default} ({range}): {}",
            param.meaning
        );
    }
    text
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn as_table(listing: &Listing) -> String {
    let lines = listing.table.lines(output::width(), output::colour());
    let note = match listing.title {
        "guarantees" => format!("{WORD} the author's word; checks show the rest\n"),
        _ => String::new(),
    };
    format!("{}\n{}\n{note}", listing.title, lines.join("\n"))
}

fn as_json(listing: &Listing) -> Value {
    let columns = || listing.table.columns.iter();
    let rows = listing.table.rows.iter().map(|row| {
        let pairs = columns().zip(&row.cells);
        let pairs = pairs.map(|(column, cell)| (column.title.clone(), json!(cell.text)));
        Value::Object(pairs.collect())
    });
    rows.collect()
}
