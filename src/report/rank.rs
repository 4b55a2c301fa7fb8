//! A ranking for people and for programs.

use serde_json::{Value, json};

use super::comparison::family;
use super::format::{counted, listed, times_within, wrap};
use super::table::{Cell, Column, Row, Table, escape};
use crate::analysis::{Difference, Ranking};
use crate::stats::Interval;

/// The ranking as a table of at most `width` characters a line.
#[must_use]
pub fn ranking_table(ranking: &Ranking, width: usize, colour: bool) -> String {
    let mut lines = wrap(&title(ranking), width, "  ");
    if !ranking.ranked.is_empty() {
        lines.extend(table(ranking).lines(width, colour));
    }
    for text in below(ranking) {
        lines.extend(wrap(&text, width, "  "));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The same as Markdown.
#[must_use]
pub fn ranking_markdown(ranking: &Ranking) -> String {
    let mut text = format!(
        "{}\n\n{}\n",
        escape(&title(ranking)),
        table(ranking).markdown()
    );
    for line in below(ranking) {
        text += &format!("- {}\n", escape(&line));
    }
    text
}

/// The same as one JSON object, keys in alphabetical order.
///
/// | field | meaning |
/// |---|---|
/// | `run_id`, `baselines[]` | the run; what ratios are taken over |
/// | `cells[]` | the workloads that the ranking rests on |
/// | `ranking[]` | `target`; `ratio`: geometric mean of its rate over the baseline's, an interval `{low, mid, high}`; `to_above`: its mean over that of the one above; its `verdict`: `slower`, `same` or `not-told-apart`, `null` of the first; `noise_band`: what a difference must lie outside of, `same_band`: what "same" must lie inside of, as parts of 1 |
/// | `verdicts` | how many are given `together`, one for each pair; `error_rate`: the chance, at most, that one or more of them calls a difference that is none; `confidence` that each is held to |
/// | `left_out[]` | `target` and `reason` |
#[must_use]
pub fn ranking_json(ranking: &Ranking) -> Value {
    let interval = |of: &Interval| json!({ "low": of.low, "mid": of.mid, "high": of.high });
    let ranked = ranking.ranked.iter().map(|row| {
        json!({
            "target": row.target,
            "ratio": interval(&row.ratio),
            "to_above": row.to_above.as_ref().map(interval),
            "verdict": row.difference.map(Difference::key),
            "noise_band": row.noise.apart.exp_m1(),
            "same_band": row.noise.same.exp_m1(),
        })
    });
    let left_out = ranking.left_out.iter();
    let left_out = left_out.map(|(target, why)| json!({ "target": target, "reason": why }));
    json!({
        "run_id": ranking.run_id,
        "baselines": ranking.baselines,
        "cells": ranking.places,
        "ranking": ranked.collect::<Vec<_>>(),
        "verdicts": family(ranking.family),
        "left_out": left_out.collect::<Vec<_>>(),
    })
}

fn title(ranking: &Ranking) -> String {
    format!(
        "{}: geometric mean of the rate over that of {}, over {}",
        ranking.run_id,
        listed(&ranking.baselines),
        counted(ranking.places.len() as u64, "workload")
    )
}

/// The ranking, a row for each target.
pub(super) fn table(ranking: &Ranking) -> Table {
    let rows = ranking.ranked.iter().zip(1..).map(|(row, place)| {
        let ratio = |of: &Interval| (times_within(of), of.mid);
        let words = match row.difference {
            Some(Difference::Same) => {
                format!("{} as above", Difference::Same.words(row.noise))
            }
            Some(Difference::NotToldApart) => "not told apart from the one above".to_owned(),
            _ => String::new(),
        };
        Row::new(vec![
            Cell::count(place),
            Cell::text(&row.target),
            Cell::figure(Some(ratio(&row.ratio))),
            Cell::figure(row.to_above.as_ref().map(ratio)),
            Cell::text(words),
        ])
    });
    let over = match ranking.baselines.as_slice() {
        [one] if one.len() <= 12 => one,
        _ => "baseline",
    };
    Table {
        columns: vec![
            Column::number("", ""),
            Column::target("target"),
            Column::number(&format!("× {over}"), "").narrows(3),
            Column::number("× above", "").narrows(1).drops(2),
            Column::words(""),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// What it rests on, and which targets it leaves out.
fn below(ranking: &Ranking) -> Vec<String> {
    let mut lines = Vec::new();
    if ranking.ranked.is_empty() {
        lines.push("Nothing can be ranked.".to_owned());
    } else {
        lines.push(format!("over {}", ranking.places.join("; ")));
    }
    if ranking.ranked.len() > 1 {
        lines.push(ranking.family.words());
    }
    let left_out = ranking.left_out.iter();
    lines.extend(left_out.map(|(target, why)| format!("not ranked: {target}: {why}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};

    fn ranking(run: Synthetic) -> Ranking {
        Ranking::of(&Summary::of(&run.records()))
    }

    fn run() -> Synthetic {
        Synthetic::new()
            .panel(
                "ycsb-a",
                1,
                &[
                    Cell::null(8.0, 5.0),
                    Cell::new("fixed", 400.0),
                    Cell::twin("fixed", 400.0),
                    Cell::new("resizable", 100.0),
                    Cell::new("striped", 50.0),
                    Cell::new("dash", 40.0).failing("value of another key"),
                ],
            )
            .panel(
                "ycsb-c",
                1,
                &[
                    Cell::null(8.0, 5.0),
                    Cell::new("fixed", 900.0),
                    Cell::twin("fixed", 900.0),
                    Cell::new("resizable", 100.0),
                    Cell::new("striped", 450.0),
                    Cell::new("dash", 45.0),
                    Cell::new("scc", 45.0),
                ],
            )
    }

    #[test]
    fn ratios_are_averaged_geometrically_over_what_all_share() {
        let ranking = ranking(run());
        let order: Vec<&str> = ranking.ranked.iter().map(|r| r.target.as_str()).collect();
        // 4 and 9 against 8 and 2: 6 and 4. A mean of rates would put striped first.
        assert_eq!(order, ["resizable", "striped", "fixed"]);
        let mid = |at: usize| ranking.ranked[at].ratio.mid;
        assert!((mid(0) - 6.0).abs() < 0.2 && (mid(1) - 4.0).abs() < 0.2);
        assert!((mid(2) - 1.0).abs() < 1e-12);
        assert!(ranking.ranked[0].ratio.contains(6.0));
        for row in &ranking.ranked[1..=2] {
            assert_eq!(row.difference, Some(Difference::Slower));
        }
        assert_eq!(ranking.places.len(), 2);
        assert_eq!(ranking.baselines, ["fixed"]);
    }

    #[test]
    fn who_failed_or_is_missing_is_left_out_with_the_reason() {
        let ranking = ranking(run());
        let [(dash, failed), (scc, missing)] = &ranking.left_out[..] else {
            panic!("{:?}", ranking.left_out);
        };
        assert_eq!((dash.as_str(), scc.as_str()), ("dash", "scc"));
        assert!(failed.contains("ycsb-a") && failed.contains("failed: value of another key"));
        assert!(missing.contains("not measured: ycsb-a"), "{missing}");
        for text in [
            ranking_table(&ranking, 100, false),
            ranking_markdown(&ranking),
        ] {
            for word in [
                "resizable",
                "striped",
                "dash",
                "scc",
                "2 workloads",
                "1 thread, chained",
            ] {
                assert!(text.contains(word), "no {word} in\n{text}");
            }
        }
        let json = ranking_json(&ranking);
        assert_eq!(json["ranking"][0]["target"], "resizable");
        assert_eq!(json["left_out"][0]["target"], "dash");
        assert_eq!(json["cells"].as_array().unwrap().len(), 2);
        for width in [40, 60, 80] {
            let table = ranking_table(&ranking, width, false);
            assert!(
                table.lines().all(|line| line.chars().count() <= width),
                "{table}"
            );
        }
    }

    #[test]
    fn equals_are_said_to_be_equal() {
        let ranking = ranking(Synthetic::new().panel(
            "ycsb-a",
            1,
            &[
                Cell::new("fixed", 400.0),
                Cell::twin("fixed", 400.0).jitter(0.1),
                Cell::new("resizable", 100.0),
                Cell::new("striped", 101.0),
            ],
        ));
        assert_eq!(ranking.ranked[1].difference, Some(Difference::Same));
        assert!(ranking_table(&ranking, 100, false).contains("the same within "));
    }

    #[test]
    fn an_empty_run_has_no_ranking() {
        let ranking = ranking(Synthetic::new());
        assert!(ranking.ranked.is_empty());
        assert!(ranking_table(&ranking, 80, false).contains("Nothing can be ranked"));
    }
}
