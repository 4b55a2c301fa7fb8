//! A comparison for people and for programs.

use serde_json::{Value, json};

use crate::analysis::{Call, CellComparison, Compared, Difference, Drift, Family, Side};
use crate::report::format::{counted, figure_within, listed, noise, times_within, wrap};
use crate::report::table::{Cell, Column, Row, Table, Tone, escape};
use crate::stats::Interval;

/// The comparison as tables, one for each panel, with the sum of it in the last lines. Lines have at
/// most `width` characters; without `colour` there is no escape sequence.
#[must_use]
pub fn comparison_table(compared: &Compared, width: usize, colour: bool) -> String {
    let mut lines = Vec::new();
    for text in head(compared) {
        lines.extend(wrap(&text, width, "   "));
    }
    for note in &compared.notes {
        lines.extend(wrap(note, width, "  "));
    }
    for (place, cells) in by_place(compared) {
        lines.push(String::new());
        for line in wrap(place, width, "  ") {
            lines.push(if colour {
                format!("\x1b[1m{line}\x1b[0m")
            } else {
                line
            });
        }
        lines.extend(table(&cells).lines(width, colour));
        for line in below(compared, place, &cells) {
            lines.extend(wrap(&line, width, "  "));
        }
    }
    lines.push(String::new());
    for line in sum(compared) {
        lines.extend(wrap(&line, width, "  "));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The same as Markdown.
#[must_use]
pub fn comparison_markdown(compared: &Compared) -> String {
    let list = |lines: Vec<String>| {
        let lines = lines.iter().map(|line| format!("- {}", escape(line)));
        let lines: Vec<String> = lines.collect();
        format!("{}\n", lines.join("\n"))
    };
    let mut blocks = vec![list(head(compared))];
    let notes = compared.notes.iter();
    blocks.extend(notes.map(|note| format!("> {}\n", escape(note))));
    for (place, cells) in by_place(compared) {
        blocks.push(format!("**{}**\n", escape(place)));
        blocks.push(table(&cells).markdown());
        let below = below(compared, place, &cells);
        blocks.extend(below.iter().map(|line| format!("{}\n", escape(line))));
    }
    blocks.push(list(sum(compared)));
    blocks.join("\n")
}

/// The same as one JSON object, keys in alphabetical order; what was not measured is `null`.
///
/// | field | meaning |
/// |---|---|
/// | `of` | `runs` or `targets` |
/// | `a`, `b` | `name`: run or target; `about`: the run |
/// | `notes[]` | what a reader must know first |
/// | `cells[]` | `place`, `target`, the two `cell_ids`; `verdict`: `faster`, `slower`, `same` (the whole interval lies within `same_band`), `not-told-apart`, `not-comparable`, and the `reason` of that; `yardstick`: not judged, but others by it |
/// | `….ratio`, `….pairs` | rate of B over that of A, an interval `{low, mid, high}`; the pairs of slices behind it, of two runs the fewer slices |
/// | `….held_by` | the interval that the verdict is held by: wider than that of `ratio`, because the verdicts are given together; `null` where there is none |
/// | `….smallest_slowdown` | the smallest slowdown that would have been called slower, as a part of 1 |
/// | `….relative_to[]` | of two runs: the targets that its rates were taken relative to |
/// | `….noise_band` | what a difference must lie outside of, as a part of 1: the A/A noise or, over peers, how far two copies of a table came apart; `same_band`: what `same` must lie inside of, the panel's own noise |
/// | `….ops_per_s` | the rates of A and B, intervals |
/// | `yardsticks[]` | `place`, the targets `of` it, and `ratio`: what cells were taken relative to, and what that did from A to B |
/// | `verdicts` | how many are given `together`; `error_rate`: the chance, at most, that one or more of them calls a difference that is none; `confidence` that each is held to |
/// | `overall` | `ratio`: the geometric mean over `cells`; `null` where none is comparable |
/// | `count` | how many cells got each verdict |
/// | `confirmation` | with `--confirm`, where cells would fail: the same object of these cells alone, measured again; else absent |
#[must_use]
pub fn comparison_json(compared: &Compared) -> Value {
    let side = |side: &Side| json!({ "name": side.name, "about": side.about });
    let cells = compared.cells.iter().map(|cell| {
        json!({
            "place": cell.place,
            "target": cell.target,
            "cell_ids": cell.cell_ids.each_ref().map(|id| (!id.is_empty()).then_some(id)),
            "verdict": cell.call.key(),
            "reason": (!cell.reason.is_empty()).then_some(&cell.reason),
            "ratio": cell.ratio.map(|ratio| interval(&ratio.interval)),
            "pairs": cell.ratio.map(|ratio| ratio.pairs),
            "held_by": cell.held.as_ref().map(interval),
            "smallest_slowdown": cell.smallest_slowdown(),
            "relative_to": cell.over,
            "noise_band": cell.noise.apart.exp_m1(),
            "same_band": cell.noise.same.exp_m1(),
            "ops_per_s": cell.rates.map(|rate| rate.as_ref().map(interval)),
        })
    });
    let yardsticks = compared.drifts.iter().map(
        |Drift { place, of, ratio }| json!({ "place": place, "of": of, "ratio": interval(ratio) }),
    );
    let count: serde_json::Map<String, Value> = Call::ALL
        .iter()
        .map(|&call| (call.key().to_owned(), compared.count(call).into()))
        .collect();
    json!({
        "of": if compared.of_runs { "runs" } else { "targets" },
        "a": side(&compared.sides[0]),
        "b": side(&compared.sides[1]),
        "notes": compared.notes,
        "cells": cells.collect::<Vec<_>>(),
        "yardsticks": yardsticks.collect::<Vec<_>>(),
        "overall": compared.overall.map(|overall| {
            json!({ "ratio": interval(&overall.ratio), "cells": overall.cells })
        }),
        "verdicts": family(compared.family),
        "count": count,
    })
}

/// The promise that verdicts make together.
pub(super) fn family(family: Family) -> Value {
    json!({
        "together": family.verdicts(),
        "error_rate": Family::ERROR_RATE,
        "confidence": family.confidence(),
    })
}

fn interval(Interval { low, mid, high }: &Interval) -> Value {
    json!({ "low": low, "mid": mid, "high": high })
}

/// Which two.
fn head(compared: &Compared) -> Vec<String> {
    let [a, b] = &compared.sides;
    if compared.of_runs {
        let line = |name: &str, side: &Side| format!("{name}: {} ({})", side.name, side.about);
        vec![line("A", a), line("B", b)]
    } else {
        vec![
            format!("A: {}", a.name),
            format!("B: {}", b.name),
            format!("run {}", a.about),
        ]
    }
}

fn by_place(compared: &Compared) -> Vec<(&str, Vec<&CellComparison>)> {
    let mut places: Vec<(&str, Vec<&CellComparison>)> = Vec::new();
    for cell in &compared.cells {
        match places.iter_mut().find(|(place, _)| *place == cell.place) {
            Some((_, cells)) => cells.push(cell),
            None => places.push((&cell.place, vec![cell])),
        }
    }
    places
}

fn table(cells: &[&CellComparison]) -> Table {
    Table {
        columns: vec![
            Column::target("target"),
            Column::number("A", "M ops/s").narrows(1).drops(3),
            Column::number("B", "M ops/s").narrows(2).drops(4),
            Column::number("B / A", "").narrows(5),
            Column::words(""),
        ],
        rows: cells.iter().map(|cell| row(cell)).collect(),
        ..Table::default()
    }
}

fn row(cell: &CellComparison) -> Row {
    let rate = |rate: Option<Interval>| {
        let rate = rate.map(|rate| rate.map(|rate| rate / 1e6));
        Cell::figure(rate.map(|rate| (figure_within(&rate), rate.mid)))
    };
    let [ratio, words] = ratio_and_verdict(cell);
    Row::new(vec![
        Cell::text(&cell.target),
        rate(cell.rates[0]),
        rate(cell.rates[1]),
        ratio,
        words,
    ])
}

/// B / A, and what it says.
pub(super) fn ratio_and_verdict(cell: &CellComparison) -> [Cell; 2] {
    let tone = match cell.call {
        Call::Is(Difference::Faster) => Tone::Good,
        Call::Is(Difference::Slower) => Tone::Bad,
        _ => Tone::Plain,
    };
    let ratio = cell.ratio.map(|ratio| ratio.interval);
    let ratio = Cell::figure(ratio.map(|ratio| (times_within(&ratio), ratio.mid)));
    [ratio, Cell::text(cell.words())].map(|cell| cell.tone(tone))
}

/// What stands under the table of a panel.
fn below(compared: &Compared, place: &str, cells: &[&CellComparison]) -> Vec<String> {
    let mut lines = Vec::new();
    for drift in compared.drifts.iter().filter(|drift| drift.place == place) {
        let does = match drift.of.len() {
            1 => "does",
            _ => "do",
        };
        lines.push(format!(
            "the machine: {} {does} {} in B; B / A is relative to that (of a peer to the others, or the control)",
            listed(&drift.of),
            times_within(&drift.ratio)
        ));
    }
    let judged = cells.iter().filter(|cell| cell.call.is_verdict());
    let band = judged.map(|cell| cell.noise.apart).reduce(f64::max);
    match band {
        Some(band) if band > 0.0 => {
            let whose = if compared.of_runs { " of both" } else { "" };
            lines.push(format!("A/A noise{whose}: ±{}", noise(band)));
        }
        Some(_) => lines.push("A/A noise: not measured".to_owned()),
        None => {}
    }
    lines
}

/// The whole in a sentence or two.
fn sum(compared: &Compared) -> Vec<String> {
    let mut lines = Vec::new();
    match &compared.overall {
        Some(overall) => lines.push(format!(
            "B / A over {}: {} (geometric mean)",
            counted(overall.cells as u64, "cell"),
            times_within(&overall.ratio)
        )),
        None if compared.says_something() => {}
        None => lines.push("No cell is comparable.".to_owned()),
    }
    lines.push(counts(compared));
    lines.extend(smallest(compared));
    if compared.says_something() {
        lines.push(compared.family.words());
    }
    lines
}

/// The smallest slowdown that would have been called.
fn smallest(compared: &Compared) -> Option<String> {
    let finest = compared.finest();
    let (cell, worst) = finest.last()?;
    let percent = |part: f64| format!("{:.1} %", part * 100.0);
    if finest.len() == 1 {
        return Some(format!(
            "a slowdown of {} or more would have been called slower",
            percent(*worst)
        ));
    }
    let (_, median) = finest[(finest.len() - 1) / 2];
    Some(format!(
        "a slowdown of {} or more would have been called slower in half of the cells, one of {} in all (the \
         last is {} on {})",
        percent(median),
        percent(*worst),
        cell.target,
        cell.place
    ))
}

/// How many cells got each verdict: `2 slower, 0 faster, 4 the same, …`.
pub(super) fn counts(compared: &Compared) -> String {
    let judged = Call::ALL.iter().filter(|call| **call != Call::Yardstick);
    let counts: Vec<String> = judged
        .map(|&call| format!("{} {}", compared.count(call), call.name()))
        .collect();
    counts.join(", ")
}
