//! The table of hash functions: a row a function, for terminals, Markdown and pages.

use super::{HashFigures, HashSummary, hash_findings};
use crate::analysis::{AvalancheFigures, SpeedPoint};
use crate::record::Status;
use crate::report::format::{figure, wrap};
use crate::report::table::{Cell, Column, Row, Table};

/// The findings, then a row for each function, in lines of at most `width` characters where that
/// is possible at all; without `colour` there is no escape sequence.
#[must_use]
pub fn table(summary: &HashSummary, width: usize, colour: bool) -> String {
    let mut lines: Vec<String> = Vec::new();
    if summary.manifest.status != Status::Complete {
        lines.push("Incomplete: the run was interrupted; what was measured is here.".to_owned());
    }
    for finding in hash_findings(summary) {
        lines.extend(wrap(&format!("• {}", finding.text), width, "  "));
    }
    lines.push(String::new());
    lines.extend(functions(summary).lines(width, colour));
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

/// A row for each function.
pub(in crate::report) fn functions(summary: &HashSummary) -> Table {
    let columns = vec![
        Column::target("hash"),
        Column::number("bits", "").drops(2),
        Column::text("keyed").drops(8),
        Column::text("resists flood"),
        Column::number("8\u{a0}B", "ns").drops(3),
        Column::number("20\u{a0}B", "ns"),
        Column::number("64\u{a0}B", "ns").drops(4),
        Column::number("250\u{a0}B", "ns"),
        Column::number("250\u{a0}B", "GB/s").drops(1),
        Column::number("4\u{a0}KiB", "GB/s").drops(6),
        Column::number("low bits", ""),
        Column::number("high bits", ""),
        Column::number("worst bias", "").drops(7),
        Column::number("longest chain", "").drops(5),
    ];
    Table {
        caption: "Times are medians in nanoseconds a call, the loop included; GB/s are 10^9 bytes. Low and \
                  high bits: in how many corpora keys pile up by chi-square where these bits pick the bucket. \
                  Worst bias: of a flipped bit of the key on a bit of the hash, 0 is ideal, 1 always or never. \
                  Longest chain: against what chance gives, where that is worst."
            .to_owned(),
        columns,
        rows: summary.hashes.iter().map(row).collect(),
        sorts: true,
        ..Table::default()
    }
}

fn row(hash: &HashFigures) -> Row {
    Row::new(vec![
        Cell::text(&hash.entry.name),
        Cell::count(u64::from(hash.entry.bits)),
        Cell::text(yes(hash.entry.keyed)),
        Cell::text(yes(hash.entry.flood_resistant)),
        ns(hash, 8),
        ns(hash, 20),
        ns(hash, 64),
        ns(hash, 250),
        gigabytes(hash, 250),
        gigabytes(hash, 4096),
        piled(hash, "low"),
        piled(hash, "high"),
        bias(hash),
        chain(hash),
    ])
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn ns(hash: &HashFigures, bytes: u32) -> Cell {
    let ns = hash.at(bytes).map(|point| point.ns.mid);
    Cell::figure(ns.map(|ns| (figure(ns), ns)))
}

fn gigabytes(hash: &HashFigures, bytes: u32) -> Cell {
    let rate = hash.at(bytes).map(SpeedPoint::gigabytes);
    Cell::figure(rate.map(|rate| (figure(rate), rate)))
}

/// `ok`, or how many corpora pile up.
fn piled(hash: &HashFigures, bits: &str) -> Cell {
    if hash.spread.is_empty() {
        return Cell::missing();
    }
    let bad = hash.piles(bits).len();
    let text = match bad {
        0 => "ok".to_owned(),
        bad => format!("{bad} bad"),
    };
    Cell::figure(Some((text, bad as f64)))
}

fn bias(hash: &HashFigures) -> Cell {
    let worst = |avalanche: &AvalancheFigures| avalanche.worst.0;
    let worst = hash.avalanche.as_ref().map(worst);
    Cell::figure(worst.map(|worst| (format!("{worst:.2}"), worst)))
}

fn chain(hash: &HashFigures) -> Cell {
    let longest = hash.longest();
    Cell::figure(longest.map(|row| {
        let against = format!("{}/{}", row.longest, row.likely_longest);
        (against, row.longest as f64)
    }))
}
