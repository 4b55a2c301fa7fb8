//! Where the time of a request goes: the table, the protocol, the socket and TCP, on top of each other.

use super::axis::Axis;
use super::palette::Ink;
use super::shape::{Group, Piece, Row, Rows, Shape};
use super::suite::{Draft, Suite, and_more, extremes, numbers, stem, workload_of};
use crate::report::format::figure;
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
    let rows = Group {
        rows: all.iter().map(row).collect(),
        ..Group::default()
    };
    Some(Draft {
        file: stem(&["parts", suite.name]),
        panels: numbers(all.iter().map(|parts| parts.panel)),
        title: "Where does the time of a request go?".to_owned(),
        about: format!(
            "Bars from 0: nanoseconds of one thread a request, medians. The same strategy was measured in process (the \
             table), through parser and answers without a socket (what that adds is the protocol), over a unix socket \
             (the socket) and over TCP on the loopback (TCP). The figures behind a bar are its whole and its parts in \
             this order; one below 0 says that the way was faster than the one before it, and has no piece.{}",
            and_more(left_out, "bar")
        ),
        shape: Shape::Rows(Rows {
            origin: Some(0.0),
            key: key.collect(),
            ..Rows::new(
                Axis::from_zero(largest, 6, "nanoseconds a request"),
                vec![rows],
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

fn row(parts: &Parts<'_>) -> Row {
    let entry = &parts.panel.entry;
    let threads = crate::report::format::counted(u64::from(entry.threads), "thread");
    let label = format!("{}, {}, {threads}", parts.label(), workload_of(parts.panel));
    let mut pieces = Vec::new();
    let mut from: f64 = 0.0;
    let own = parts.own_ns();
    for (kind, (name, (own, total))) in PARTS.iter().zip(own.iter().zip(parts.total_ns)).enumerate()
    {
        if total > from {
            pieces.push(Piece {
                hover: format!("{label}: {name} {} ns", signed(*own)),
                ..piece(from, total, kind)
            });
            from = total;
        }
    }
    let whole = parts.total_ns[PARTS.len() - 1];
    let each: Vec<String> = own.iter().map(|ns| signed(*ns)).collect();
    Row {
        value: format!("{} ns: {}", figure(whole), each.join(" + ")),
        label,
        pieces,
        ..Row::default()
    }
}

fn signed(ns: f64) -> String {
    if ns < 0.0 {
        format!("(−{})", figure(-ns))
    } else {
        figure(ns)
    }
}
