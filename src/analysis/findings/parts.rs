//! Where the time of a request goes, of a strategy that is asked in process and over sockets in one panel.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use crate::analysis::figures::gather;
use crate::analysis::format::listed;
use crate::analysis::parts::{PARTS, Parts};
use crate::analysis::summary::Summary;

/// A sentence for each strategy: of the panel in which a request takes longest, and of the one in which it takes least.
pub(crate) fn parts(summary: &Summary) -> Vec<Finding> {
    let mut by_target: Vec<(String, Vec<Parts<'_>>)> = Vec::new();
    for parts in summary.panels.iter().flat_map(Parts::of) {
        gather(&mut by_target, parts.label(), parts);
    }
    let all = by_target.into_iter();
    all.filter_map(|(label, parts)| sentence(summary, &label, parts))
        .collect()
}

fn sentence(summary: &Summary, label: &str, mut all: Vec<Parts<'_>>) -> Option<Finding> {
    all.sort_by(|a, b| whole_ns(b).total_cmp(&whole_ns(a)));
    let longest = all.first()?;
    let mut text = format!(
        "Of the {} that a request of {label} takes, {} under {}",
        time(whole_ns(longest)),
        each(longest),
        places(summary, &[longest.panel])
    );
    let mut told = vec![longest];
    if let Some(shortest) = all.last().filter(|_| all.len() > 1) {
        text += &format!(
            "; of the {} under {}, {}",
            time(whole_ns(shortest)),
            places(summary, &[shortest.panel]),
            each(shortest)
        );
        told.push(shortest);
    }
    let [table, .., tcp] = longest.total_ns;
    Some(Finding {
        text: text + ".",
        topic: Topic::Parts,
        panels: panel_numbers(told.iter().map(|parts| parts.panel)),
        cells: cell_ids(told.iter().flat_map(|parts| parts.ways)),
        effect: (tcp / table).ln().abs(),
    })
}

fn whole_ns(parts: &Parts<'_>) -> f64 {
    parts.total_ns[PARTS.len() - 1]
}

/// `0.20 µs are the table's, 0.41 µs the protocol's, 19 µs the socket's and 9.9 µs TCP's`.
fn each(parts: &Parts<'_>) -> String {
    let words = ["are the table's", "the protocol's", "the socket's", "TCP's"];
    let each = words.iter().zip(parts.own_ns());
    let each: Vec<String> = each
        .map(|(words, ns)| format!("{} {words}", time(ns)))
        .collect();
    listed(&each)
}

/// Microseconds with two digits that count; differences may be below 0.
fn time(ns: f64) -> String {
    let us = ns / 1e3;
    let sign = if us < 0.0 { "−" } else { "" };
    let us = us.abs();
    let decimals = match us {
        10.0.. => 0,
        1.0.. => 1,
        _ => 2,
    };
    format!("{sign}{us:.decimals$} µs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn a_request_is_taken_apart() {
        let cells = |tcp_ns| {
            [
                Cell::null(10.0, 5.0),
                Cell::new("striped", 200.0),
                Cell::server("parsed:striped", 600.0),
                Cell::server("served-unix:striped", tcp_ns / 2.0),
                Cell::server("served:striped", tcp_ns),
            ]
        };
        let run = Synthetic::new()
            .panel("a", 1, &cells(30_000.0))
            .panel("b", 1, &cells(4_000.0));
        let found = parts(&Summary::of(&run.records()));
        assert_eq!(found.len(), 1);
        let text = &found[0].text;
        for words in [
            "that a request of served:striped takes, 0.2",
            " µs are the table's, 0.",
            " the socket's and 1",
            "TCP's under a with 1 thread; of the ",
            "under b with 1 thread, 0.2",
        ] {
            assert!(text.contains(words), "{text}");
        }
        assert_eq!((found[0].panels.len(), found[0].cells.len()), (2, 8));
        assert_eq!(
            (time(-300.0).as_str(), time(31_400.0).as_str()),
            ("−0.30 µs", "31 µs")
        );
    }
}
