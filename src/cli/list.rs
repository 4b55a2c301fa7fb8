//! `bucketlab list`: what there is.

use std::fmt::Write;
use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Map, Value, json};

use super::args::{Format, Kind, List};
use super::house::House;
use super::output;
use crate::catalog::Row;
use crate::hash::HASHES;
use crate::run::{SUITES, Suite};
use crate::workload::{FORMATS, PRESETS, REFUSED};

/// A list of things: a title, the names of the columns, the rows.
struct Listing {
    title: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

pub(super) fn list(house: House<'_>, args: &List) -> anyhow::Result<ExitCode> {
    let kinds = match args.what {
        Some(kind) => vec![kind],
        None => vec![
            Kind::Strategies,
            Kind::Hashes,
            Kind::Workloads,
            Kind::Suites,
            Kind::Formats,
        ],
    };
    let listings: Vec<Listing> = kinds
        .iter()
        .map(|kind| listing(*kind, house.rows))
        .collect::<anyhow::Result<_>>()?;
    let text = if args.format == Format::Json {
        let all: Map<String, Value> = listings
            .iter()
            .map(|listing| (listing.title.to_owned(), as_json(listing)))
            .collect();
        format!("{}\n", serde_json::to_string_pretty(&all)?)
    } else if args.markdown {
        listings
            .iter()
            .map(as_markdown)
            .collect::<Vec<_>>()
            .join("\n")
    } else {
        listings.iter().map(as_table).collect::<Vec<_>>().join("\n")
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn listing(kind: Kind, rows: &[Row]) -> anyhow::Result<Listing> {
    Ok(match kind {
        Kind::Strategies => Listing {
            title: "strategies",
            columns: vec!["strategy", "what it is", "parameters", "source"],
            rows: rows
                .iter()
                .map(|row| {
                    vec![
                        row.name.to_owned(),
                        row.about.to_owned(),
                        parameters(row),
                        row.source.to_owned(),
                    ]
                })
                .collect(),
        },
        Kind::Hashes => Listing {
            title: "hashes",
            columns: vec![
                "hash",
                "what it is",
                "bits",
                "keyed",
                "resists flooding",
                "source",
            ],
            rows: HASHES
                .iter()
                .map(|hash| {
                    vec![
                        hash.name.to_owned(),
                        hash.about.to_owned(),
                        hash.bits.to_string(),
                        yes(hash.keyed),
                        yes(hash.flood_resistant),
                        hash.source.to_owned(),
                    ]
                })
                .collect(),
        },
        Kind::Workloads => Listing {
            title: "workloads",
            columns: vec!["workload", "what it is", "source"],
            rows: PRESETS
                .iter()
                .map(|preset| {
                    vec![
                        preset.name.to_owned(),
                        preset.about.to_owned(),
                        preset.source.to_owned(),
                    ]
                })
                .chain(REFUSED.iter().map(|refused| {
                    vec![
                        refused.name.to_owned(),
                        format!("refused: {}", refused.why),
                        refused.source.to_owned(),
                    ]
                }))
                .collect(),
        },
        Kind::Suites => {
            let mut rows = Vec::new();
            for (name, _) in SUITES {
                rows.push(vec![(*name).to_owned(), Suite::load(name)?.about]);
            }
            Listing {
                title: "suites",
                columns: vec!["suite", "what it measures"],
                rows,
            }
        }
        Kind::Formats => Listing {
            title: "formats",
            columns: vec!["format", "what it holds", "source"],
            rows: FORMATS
                .iter()
                .map(|format| {
                    let words = [format.name, format.about, format.source];
                    words.map(str::to_owned).to_vec()
                })
                .collect(),
        },
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
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(output::width()).unwrap_or(u16::MAX))
        .set_header(&listing.columns)
        .add_rows(&listing.rows);
    format!("{}\n{table}\n", listing.title)
}

fn as_markdown(listing: &Listing) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(listing.columns.iter().map(ToString::to_string).collect());
    text.push_str(&line(vec!["---".to_owned(); listing.columns.len()]));
    for row in &listing.rows {
        let mut cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        cells[0] = format!("`{}`", cells[0]);
        text.push_str(&line(cells));
    }
    text
}

fn as_json(listing: &Listing) -> Value {
    let object = |row: &Vec<String>| -> Value {
        let pairs = listing.columns.iter().zip(row);
        Value::Object(
            pairs
                .map(|(column, cell)| ((*column).to_owned(), json!(cell)))
                .collect(),
        )
    };
    listing.rows.iter().map(object).collect()
}
