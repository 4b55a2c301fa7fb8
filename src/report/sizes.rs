//! The memory that tables take at a size, for people and for programs.

use serde_json::{Value, json};

use super::format::wrap;
use super::table::{Cell, Column, Row, Table};
use crate::analysis::{Extrapolated, SizeBytes, TableSize};

/// A row for each table, the smallest first; lines have at most `width` characters. `payload` is the bytes of a key
/// and its value together.
#[must_use]
pub fn sizes_table(
    sizes: &[TableSize],
    entries: u64,
    payload: u64,
    (width, colour): (usize, bool),
) -> String {
    let mut lines = table(sizes, entries, payload).lines(width, colour);
    for size in sizes {
        if let Err(why) = &size.bytes {
            lines.extend(wrap(&format!("{}: {why}", size.target), width, "  "));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The same for programs: an array of objects.
///
/// | field | meaning |
/// |---|---|
/// | `target`, `error` | the table; why it has no figures, or `null` |
/// | `at_rest_bytes`, `growing_bytes` | resident bytes of the whole table when it is filled, and the highest on the way; `null` where the machine does not count the second |
/// | `bytes_per_entry`, `over_payload_per_entry` | the first over the entries, and what of that is neither key nor value |
/// | `missed` | how far the same line missed the largest size that was filled, as a part of it, with its sign; `null` where nothing was extrapolated |
/// | `measured_bytes` | what the whole table took, at rest, where it was filled as well |
#[must_use]
pub fn sizes_json(sizes: &[TableSize], entries: u64, payload: u64) -> Value {
    let one = |size: &TableSize| {
        let bytes = size.bytes.as_ref().ok();
        let each = bytes.map(|bytes| bytes.at_rest.bytes / entries as f64);
        json!({
            "target": size.target,
            "error": size.bytes.as_ref().err(),
            "at_rest_bytes": bytes.map(|bytes| bytes.at_rest.bytes.round()),
            "growing_bytes": bytes.and_then(|bytes| Some(bytes.growing?.bytes.round())),
            "bytes_per_entry": each,
            "over_payload_per_entry": each.map(|each| each - payload as f64),
            "missed": bytes.and_then(|bytes| bytes.at_rest.missed),
            "measured_bytes": bytes.and_then(|bytes| bytes.measured),
        })
    };
    sizes.iter().map(one).collect()
}

fn table(sizes: &[TableSize], entries: u64, payload: u64) -> Table {
    let mut sorted: Vec<(&TableSize, &SizeBytes)> = sizes
        .iter()
        .filter_map(|size| Some((size, size.bytes.as_ref().ok()?)))
        .collect();
    sorted.sort_by(|(_, a), (_, b)| a.at_rest.bytes.total_cmp(&b.at_rest.bytes));
    let checked = sorted.iter().any(|(_, bytes)| bytes.measured.is_some());
    let extrapolated = sorted
        .iter()
        .any(|(_, bytes)| bytes.at_rest.missed.is_some());
    let mut columns = vec![
        Column::target("target"),
        Column::number("B/entry", ""),
        Column::number("over payload", "B"),
        Column::number("at rest", ""),
        Column::number("while growing", ""),
    ];
    if extrapolated {
        columns.push(Column::number("line missed by", "%").drops(2));
    }
    if checked {
        columns.push(Column::number("measured", ""));
        columns.push(Column::number("off by", "%"));
    }
    let row = |(size, bytes): &(&TableSize, &SizeBytes)| {
        let each = bytes.at_rest.bytes / entries as f64;
        let over = each - payload as f64;
        let percent = |part: f64| (format!("{:+.1}", 100.0 * part), 100.0 * part);
        let whole = |of: Extrapolated| (in_words(of.bytes), of.bytes);
        let mut cells = vec![
            Cell::text(&size.target),
            Cell::figure(Some((format!("{each:.1}"), each))),
            Cell::figure(Some((format!("{over:.1}"), over))),
            Cell::figure(Some(whole(bytes.at_rest))),
            Cell::figure(bytes.growing.map(whole)),
        ];
        if extrapolated {
            cells.push(Cell::figure(bytes.at_rest.missed.map(percent)));
        }
        if checked {
            let off = |measured: f64| percent(bytes.at_rest.bytes / measured - 1.0);
            cells.push(Cell::figure(bytes.measured.map(|it| (in_words(it), it))));
            cells.push(Cell::figure(bytes.measured.map(off)));
        }
        Row::new(cells)
    };
    Table {
        columns,
        rows: sorted.iter().map(row).collect(),
        ..Table::default()
    }
}

/// Bytes in the largest unit in which there is at least one: `9.83 GiB`.
fn in_words(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut left = bytes;
    let mut unit = 0;
    while left >= 1024.0 && unit + 1 < units.len() {
        left /= 1024.0;
        unit += 1;
    }
    let digits = match left {
        _ if unit == 0 => 0,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{left:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_listed_smallest_first_and_failures_said() {
        let bytes = |bytes: f64, measured| {
            Ok(SizeBytes {
                at_rest: Extrapolated {
                    bytes,
                    missed: Some(0.012),
                },
                growing: None,
                measured,
            })
        };
        let size = |target: &str, bytes| TableSize {
            target: target.to_owned(),
            bytes,
        };
        let sizes = [
            size("large", bytes(12e9, Some(12.1e9))),
            size("broken", Err("no memory".to_owned())),
            size("small", bytes(9.9e9, None)),
        ];
        insta::assert_snapshot!(sizes_table(&sizes, 100_000_000, 87, (100, false)));
        let json = sizes_json(&sizes, 100_000_000, 87);
        assert_eq!(json[2]["bytes_per_entry"], 99.0);
        assert_eq!(json[2]["over_payload_per_entry"], 12.0);
        assert_eq!(json[1]["error"], "no memory");
    }

    #[test]
    fn bytes_have_three_digits_and_a_unit() {
        for (bytes, words) in [
            (0.0, "0 B"),
            (1023.0, "1023 B"),
            (1536.0, "1.50 KiB"),
            (20.0 * 1024.0, "20.0 KiB"),
            (1e15, "909 TiB"),
        ] {
            assert_eq!(in_words(bytes), words);
        }
    }
}
