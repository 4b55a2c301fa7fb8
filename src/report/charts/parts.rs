//! Where the time of a request goes: the table, the protocol, the socket and TCP, on top of each other.

use super::axis::Axis;
use super::palette::Ink;
use super::shape::{Group, Piece, Row, Rows, Shape};
use super::suite::{Draft, Suite, and_more, extremes, numbers, stem};
use crate::record::PanelEntry;
use crate::report::format::{counted, figure};
use crate::report::parts::{PARTS, Parts};

/// Bars in a chart.
const MOST_ROWS: usize = 40;

pub(super) fn chart(suite: &Suite<'_>) -> Option<Draft> {
    let panels = suite.panels.iter().copied();
    let mut all: Vec<Parts<'_>> = panels.flat_map(Parts::of).collect();
    let left_out = all.len().saturating_sub(MOST_ROWS);
    all.truncate(MOST_ROWS);
    let ends = all.iter().flat_map(|parts| parts.total_ns);
    let (_, largest) = extremes(ends)?;
    let key = (0..).zip(PARTS).map(|(kind, name)| {
        let name = if kind == 0 {
            format!("{name}, in process")
        } else {
            name.to_owned()
        };
        (piece(0.0, 0.0, kind), name)
    });
    let mut groups: Vec<Group> = Vec::new();
    for parts in &all {
        let heading = heading(&all, parts);
        let row = row(&all, parts);
        match groups.iter_mut().find(|group| group.heading == heading) {
            Some(group) => group.rows.push(row),
            None => groups.push(Group {
                heading,
                rows: vec![row],
                ..Group::default()
            }),
        }
    }
    Some(Draft {
        file: stem(&["parts", suite.name]),
        panels: numbers(all.iter().map(|parts| parts.panel)),
        title: "Where does the time of a request go?".to_owned(),
        about: format!(
            "Bars from 0: microseconds of one thread a request, medians. The same strategy was measured in process (the \
             table), through parser and answers without a socket (what that adds is the protocol), over a unix socket \
             (the socket) and over TCP on the loopback (TCP). The figures behind a bar are its whole and its parts in \
             this order; one below 0 says that the way was faster than the one before it, and has no piece.{}",
            and_more(left_out, "bar")
        ),
        shape: Shape::Rows(Rows {
            origin: Some(0.0),
            key: key.collect(),
            ..Rows::new(
                Axis::from_zero(largest / 1e3, 6, "microseconds a request"),
                groups,
            )
        }),
    })
}

fn piece(from: f64, to: f64, kind: usize) -> Piece {
    Piece {
        from,
        to,
        fill: Some(Ink::of_kind(kind)),
        hover: String::new(),
    }
}

/// What the bars of one strategy share: its name, and the settings that no other bar has otherwise.
fn heading(all: &[Parts<'_>], parts: &Parts<'_>) -> String {
    let entry = &parts.panel.entry;
    let mut words = vec![parts.label()];
    if !differ(all, |entry| entry.connections) && entry.connections > 0 {
        words.push(counted(u64::from(entry.connections), "connection"));
    }
    if !differ(all, |entry| entry.threads) {
        words.push(counted(u64::from(entry.threads), "thread"));
    }
    words.join(", ")
}

/// What tells a bar from the others of its strategy.
fn label(all: &[Parts<'_>], parts: &Parts<'_>) -> String {
    let entry = &parts.panel.entry;
    let mut words = vec![entry.workload.clone()];
    if differ(all, |entry| entry.depth) {
        words.push(format!("depth {}", entry.depth));
    }
    if differ(all, |entry| entry.batch) {
        words.push(format!("batch {}", entry.batch));
    }
    if differ(all, |entry| entry.connections) {
        words.push(counted(u64::from(entry.connections), "connection"));
    }
    if differ(all, |entry| entry.threads) {
        words.push(counted(u64::from(entry.threads), "thread"));
    }
    words.join(", ")
}

fn differ(all: &[Parts<'_>], of: impl Fn(&PanelEntry) -> u32) -> bool {
    let mut values = all.iter().map(|parts| of(&parts.panel.entry));
    let first = values.next();
    values.any(|value| Some(value) != first)
}

fn row(all: &[Parts<'_>], parts: &Parts<'_>) -> Row {
    let label = label(all, parts);
    let mut pieces = Vec::new();
    let mut from: f64 = 0.0;
    let own = parts.own_ns().map(|ns| ns / 1e3);
    let totals = parts.total_ns.map(|ns| ns / 1e3);
    for (kind, (name, (own, total))) in PARTS.iter().zip(own.iter().zip(totals)).enumerate() {
        if total > from {
            pieces.push(Piece {
                hover: format!("{}, {label}: {name} {} µs", parts.label(), signed(*own)),
                ..piece(from, total, kind)
            });
            from = total;
        }
    }
    let whole = totals[PARTS.len() - 1];
    let each: Vec<String> = own.iter().map(|us| signed(*us)).collect();
    Row {
        value: format!("{} µs: {}", figure(whole), each.join(" + ")),
        label,
        pieces,
        ..Row::default()
    }
}

fn signed(us: f64) -> String {
    if us < 0.0 {
        format!("(−{})", figure(-us))
    } else {
        figure(us)
    }
}
