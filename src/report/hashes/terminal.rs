//! The table at the end of a run: a row a function, no wider than the terminal.

use super::{HashFigures, HashSummary, hash_findings};
use crate::record::Status;
use crate::report::format::{figure, wrap};

/// What a function has in a column.
pub(in crate::report) type TextOf = fn(&HashFigures) -> String;

/// A column: its two lines of title, and what a function has in it.
pub(in crate::report) struct Column {
    pub over: &'static str,
    pub title: &'static str,
    pub text: TextOf,
}

/// All columns, in order.
pub(in crate::report) const COLUMNS: [Column; 14] = [
    Column {
        over: "",
        title: "hash",
        text: |hash| hash.entry.name.clone(),
    },
    Column {
        over: "",
        title: "bits",
        text: |hash| hash.entry.bits.to_string(),
    },
    Column {
        over: "",
        title: "keyed",
        text: |hash| yes(hash.entry.keyed),
    },
    Column {
        over: "resists",
        title: "flood",
        text: |hash| yes(hash.entry.flood_resistant),
    },
    Column {
        over: "ns at",
        title: "8 B",
        text: |hash| ns(hash, 8),
    },
    Column {
        over: "",
        title: "20 B",
        text: |hash| ns(hash, 20),
    },
    Column {
        over: "",
        title: "64 B",
        text: |hash| ns(hash, 64),
    },
    Column {
        over: "",
        title: "250 B",
        text: |hash| ns(hash, 250),
    },
    Column {
        over: "GB/s",
        title: "250 B",
        text: |hash| gigabytes(hash, 250),
    },
    Column {
        over: "",
        title: "4 KiB",
        text: |hash| gigabytes(hash, 4096),
    },
    Column {
        over: "low",
        title: "bits",
        text: |hash| verdict(hash, "low"),
    },
    Column {
        over: "high",
        title: "bits",
        text: |hash| verdict(hash, "high"),
    },
    Column {
        over: "worst",
        title: "bias",
        text: bias,
    },
    Column {
        over: "longest",
        title: "chain",
        text: chain,
    },
];

/// What a narrow terminal goes without, first to last.
const GIVE_WAY: [usize; 8] = [8, 1, 4, 6, 13, 9, 12, 2];

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

fn ns(hash: &HashFigures, bytes: u32) -> String {
    hash.at(bytes)
        .map_or_else(String::new, |point| figure(point.ns.mid))
}

fn gigabytes(hash: &HashFigures, bytes: u32) -> String {
    hash.at(bytes)
        .map_or_else(String::new, |point| figure(point.gigabytes()))
}

/// `ok`, or how many corpora pile up.
fn verdict(hash: &HashFigures, bits: &str) -> String {
    if hash.spread.is_empty() {
        return String::new();
    }
    match hash.piles(bits).len() {
        0 => "ok".to_owned(),
        bad => format!("{bad} bad"),
    }
}

fn bias(hash: &HashFigures) -> String {
    let worst = |avalanche: &super::AvalancheFigures| format!("{:.2}", avalanche.worst.0);
    hash.avalanche.as_ref().map_or_else(String::new, worst)
}

fn chain(hash: &HashFigures) -> String {
    hash.longest().map_or_else(String::new, |row| {
        format!("{}/{}", row.longest, row.likely_longest)
    })
}

/// Titles in one line and what a function has in each column.
pub(in crate::report) fn columns() -> Vec<(String, TextOf)> {
    let mut unit = "";
    COLUMNS
        .iter()
        .map(|column| {
            // A unit stands above the first of its columns only.
            let spans = column.title.ends_with('B');
            unit = if !spans || !column.over.is_empty() {
                column.over
            } else {
                unit
            };
            (
                format!("{unit} {}", column.title.replace(' ', "\u{a0}"))
                    .trim()
                    .to_owned(),
                column.text,
            )
        })
        .collect()
}

/// The findings, then a row for each function, in lines of at most `width` characters where that
/// is possible at all.
#[must_use]
pub fn table(summary: &HashSummary, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    if summary.manifest.status != Status::Complete {
        lines.push("Incomplete: the run was interrupted; what was measured is here.".to_owned());
    }
    for finding in hash_findings(summary) {
        lines.extend(wrap(&format!("• {}", finding.text), width, "  "));
    }
    lines.push(String::new());
    let mut shown: Vec<usize> = (0..COLUMNS.len()).collect();
    let mut grid = grid_of(summary, &shown);
    for gone in GIVE_WAY {
        if grid.iter().all(|line| line.chars().count() <= width) {
            break;
        }
        shown.retain(|at| *at != gone);
        grid = grid_of(summary, &shown);
    }
    lines.extend(grid);
    lines.extend(wrap(
        "low bits, high bits: in how many corpora keys pile up by chi-square; worst bias: of a flipped \
         bit of the key on a bit of the hash, 0 is ideal; longest chain: against what chance gives, \
         where it is worst.",
        width,
        "",
    ));
    lines.push(String::new());
    lines.join("\n")
}

fn grid_of(summary: &HashSummary, shown: &[usize]) -> Vec<String> {
    let columns: Vec<&Column> = shown.iter().map(|&at| &COLUMNS[at]).collect();
    let mut rows: Vec<Vec<String>> = vec![
        columns
            .iter()
            .map(|column| column.over.to_owned())
            .collect(),
        columns
            .iter()
            .map(|column| column.title.to_owned())
            .collect(),
    ];
    for hash in &summary.hashes {
        rows.push(columns.iter().map(|column| (column.text)(hash)).collect());
    }
    let widths: Vec<usize> = (0..columns.len())
        .map(|at| {
            rows.iter()
                .map(|row| row[at].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(at, (text, &width))| {
                    if at == 0 {
                        format!("{text:<width$}")
                    } else {
                        format!("{text:>width$}")
                    }
                });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    let whole = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    lines.insert(2, "═".repeat(whole));
    lines
}
