//! Targets in the order of what they do over many workloads.
//!
//! A mean of rates would be decided by the workload with the highest; so each target's rate is taken
//! over the baseline's, paired within the panel, and the geometric mean of these ratios ranks (Fleming
//! and Wallace, "How not to lie with statistics: the correct way to summarize benchmark results",
//! CACM 29(3), 1986): which target is the baseline changes no place. It is taken over
//! the workloads that all ranked targets share, because a target that leaves out what it is bad at must
//! not gain by it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::compare::seed_of;
use super::format::{counted, listed, place_of, times, times_within, wrap};
use super::grid::{Field, Grid, Step, Tone};
use super::labels::label_among;
use super::page::escape;
use super::summary::{CellSummary, PAIRS_FOR_A_VERDICT, PanelSummary, Summary};
use crate::stats::{self, Interval, Resampled};

/// The ranking of a run's targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The run.
    pub run_id: String,
    /// What ratios are taken over; several where panels have different ones.
    pub baselines: Vec<String>,
    /// The workloads that it rests on, in words.
    pub places: Vec<String>,
    /// The targets, best first.
    pub ranked: Vec<Ranked>,
    /// Targets that have no rank, and why.
    pub left_out: Vec<(String, String)>,
}

/// A target with a rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The target as people read it.
    pub target: String,
    /// Geometric mean of its rate over the baseline's.
    pub ratio: Interval,
    /// Its mean over that of the target above; `None` for the first.
    pub to_above: Option<Interval>,
    /// Whether it is really below the one above: that whole interval is below 1 by more than the mean
    /// A/A noise of the workloads.
    pub below_above: bool,
}

/// One target's logarithms of ratios to the baseline by place, or why there is none.
struct Record {
    target: String,
    logs: BTreeMap<usize, Result<Resampled, String>>,
}

impl Ranking {
    /// Ranks the targets of a run. The same summary gives the same ranking.
    #[must_use]
    pub fn of(summary: &Summary) -> Ranking {
        let mut places: Vec<(String, f64)> = Vec::new();
        // Two suites may call different workloads by one name.
        let mut keys: Vec<(String, &str)> = Vec::new();
        let mut baselines = Vec::new();
        let mut records: Vec<Record> = Vec::new();
        // In an open loop the rate is the one asked for.
        let closed = |panel: &&PanelSummary| !panel.is_open_loop();
        for panel in summary.panels.iter().filter(closed) {
            let name = place_of(&panel.entry);
            let key = (name.clone(), panel.entry.about.as_str());
            let known = keys.iter().position(|other| *other == key);
            let at = known.unwrap_or_else(|| {
                keys.push(key);
                places.push((name, panel.noise_band));
                places.len() - 1
            });
            if let Some(baseline) = panel.baseline() {
                let label = label(summary, baseline);
                if !baselines.contains(&label) {
                    baselines.push(label);
                }
            }
            for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
                let target = label(summary, cell);
                let known = records.iter().position(|record| record.target == target);
                let known = known.unwrap_or_else(|| {
                    let logs = BTreeMap::new();
                    records.push(Record { target, logs });
                    records.len() - 1
                });
                records[known].logs.insert(at, log_ratio(panel, cell));
            }
        }
        rank(summary, baselines, &places, records)
    }
}

/// The target, with its hash function, allocator and pages where the run has several.
fn label(summary: &Summary, cell: &CellSummary) -> String {
    let cells = summary.panels.iter().flat_map(|panel| &panel.cells);
    label_among(&cells, cell)
}

fn log_ratio(panel: &PanelSummary, cell: &CellSummary) -> Result<Resampled, String> {
    if let Some(error) = &cell.error {
        return Err(format!("failed: {error}"));
    }
    let baseline = panel.baseline().filter(|baseline| baseline.rate.is_some());
    let Some(baseline) = baseline else {
        return Err("the baseline has no figures".into());
    };
    if baseline.entry.cell_id == cell.entry.cell_id {
        return Ok(Resampled::exactly(0.0, stats::RESAMPLES));
    }
    let groups = cell.rates.logs(&[&baseline.rates]);
    let pairs: usize = groups.iter().map(Vec::len).sum();
    if pairs < PAIRS_FOR_A_VERDICT {
        return Err(format!("only {}", counted(pairs as u64, "pair")));
    }
    let seed = seed_of(panel.seed, panel.entry.panel, 0);
    Resampled::median(&groups, seed, stats::RESAMPLES).ok_or_else(|| "not measured".into())
}

/// The set of places that lets most be compared: the most targets beyond the first, times places.
fn shared(records: &[Record]) -> BTreeSet<usize> {
    let has = |record: &Record| -> BTreeSet<usize> {
        let logs = record.logs.iter();
        logs.filter(|(_, log)| log.is_ok())
            .map(|(at, _)| *at)
            .collect()
    };
    let sets: Vec<BTreeSet<usize>> = records.iter().map(has).collect();
    let worth = |set: &BTreeSet<usize>| {
        let targets = sets.iter().filter(|other| set.is_subset(other)).count();
        (targets.saturating_sub(1) * set.len(), set.len())
    };
    let mut best: Option<&BTreeSet<usize>> = None;
    for set in &sets {
        if best.is_none_or(|best| worth(set) > worth(best)) {
            best = Some(set);
        }
    }
    best.cloned().unwrap_or_default()
}

fn rank(
    summary: &Summary,
    baselines: Vec<String>,
    places: &[(String, f64)],
    records: Vec<Record>,
) -> Ranking {
    let shared = shared(&records);
    let mut ranked: Vec<(String, Resampled)> = Vec::new();
    let mut left_out = Vec::new();
    for record in records {
        let log_at = |at: &usize| record.logs.get(at)?.as_ref().ok().cloned();
        let logs: Vec<Resampled> = shared.iter().filter_map(log_at).collect();
        let mean = Resampled::mean(&logs).filter(|_| logs.len() == shared.len());
        if let Some(mean) = mean {
            ranked.push((record.target, mean));
        } else {
            let why = why_left_out(&record, places, &shared);
            left_out.push((record.target, why));
        }
    }
    ranked.sort_by(|(_, a), (_, b)| b.mid.total_cmp(&a.mid));
    let band = shared.iter().map(|&at| places[at].1).sum::<f64>() / shared.len().max(1) as f64;
    let rows = (0..ranked.len()).map(|at| {
        let (target, mean) = &ranked[at];
        let above = at.checked_sub(1).map(|above| &ranked[above].1);
        let to_above = above.map(|above| mean.less(above).interval(stats::CONFIDENCE));
        Ranked {
            target: target.clone(),
            ratio: mean.interval(stats::CONFIDENCE).map(f64::exp),
            below_above: to_above.is_some_and(|to_above| to_above.high < -band),
            to_above: to_above.map(|log| log.map(f64::exp)),
        }
    });
    Ranking {
        run_id: summary.manifest.run_id.clone(),
        baselines,
        places: shared.iter().map(|&at| places[at].0.clone()).collect(),
        ranked: rows.collect(),
        left_out,
    }
}

fn why_left_out(record: &Record, places: &[(String, f64)], shared: &BTreeSet<usize>) -> String {
    let mut missing: Vec<&str> = Vec::new();
    // Where nothing is shared, the first place that has a reason will do.
    let all: BTreeSet<usize> = (0..places.len()).collect();
    for at in if shared.is_empty() { &all } else { shared } {
        match record.logs.get(at) {
            Some(Err(reason)) => return format!("{}: {reason}", places[*at].0),
            Some(Ok(_)) => {}
            None => missing.push(&places[*at].0),
        }
    }
    match missing.len() {
        0..=2 => format!("not measured: {}", listed(&missing)),
        many => format!("not measured in {many} of the {} workloads", shared.len()),
    }
}

/// The ranking as a table of at most `width` characters a line.
#[must_use]
pub fn ranking_table(ranking: &Ranking, width: usize, colour: bool) -> String {
    let mut lines = wrap(&title(ranking), width, "  ");
    if !ranking.ranked.is_empty() {
        lines.extend(grid(ranking).lines(width, colour));
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
        grid(ranking).markdown()
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
/// | `ranking[]` | `target`; `ratio`: geometric mean of its rate over the baseline's, an interval `{low, mid, high}`; `to_above`: its mean over that of the one above; `below_above`: whether that is a difference |
/// | `left_out[]` | `target` and `reason` |
#[must_use]
pub fn ranking_json(ranking: &Ranking) -> Value {
    let interval = |of: &Interval| json!({ "low": of.low, "mid": of.mid, "high": of.high });
    let ranked = ranking.ranked.iter().map(|row| {
        json!({
            "target": row.target,
            "ratio": interval(&row.ratio),
            "to_above": row.to_above.as_ref().map(interval),
            "below_above": row.below_above,
        })
    });
    let left_out = ranking.left_out.iter();
    let left_out = left_out.map(|(target, why)| json!({ "target": target, "reason": why }));
    json!({
        "run_id": ranking.run_id,
        "baselines": ranking.baselines,
        "cells": ranking.places,
        "ranking": ranked.collect::<Vec<_>>(),
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

fn grid(ranking: &Ranking) -> Grid {
    let rows = ranking.ranked.iter().zip(1..).map(|(row, place)| {
        let shown = |of: &Interval| (times_within(of), times(of.mid));
        let words = match (row.to_above, row.below_above) {
            (Some(_), false) => "no difference from the one above",
            _ => "",
        };
        vec![
            Field::figure(Some((place.to_string(), place.to_string()))),
            Field::text(&row.target),
            Field::figure(Some(shown(&row.ratio))),
            Field::figure(row.to_above.as_ref().map(shown)).tone(Tone::Plain),
            Field::text(words),
        ]
    });
    let baseline = match ranking.baselines.as_slice() {
        [one] if one.len() <= 12 => format!("× {one}"),
        _ => "× baseline".to_owned(),
    };
    let titles = [
        (String::new(), true),
        ("target".into(), false),
        (baseline, true),
        ("× above".into(), true),
        (String::new(), false),
    ];
    Grid {
        columns: titles.into(),
        rows: rows.collect(),
        give_way: vec![Step::Narrow(3), Step::Drop(3), Step::Narrow(2)],
    }
}

/// What it rests on, and who is not in it.
fn below(ranking: &Ranking) -> Vec<String> {
    let mut lines = Vec::new();
    if ranking.ranked.is_empty() {
        lines.push("Nothing can be ranked.".to_owned());
    } else {
        lines.push(format!("over {}", ranking.places.join("; ")));
    }
    let left_out = ranking.left_out.iter();
    lines.extend(left_out.map(|(target, why)| format!("not ranked: {target}: {why}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::synthetic::{Cell, Synthetic};

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
        assert!(ranking.ranked[1].below_above && ranking.ranked[2].below_above);
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
            for word in ["resizable", "striped", "dash", "scc", "2 workloads"] {
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
        assert!(!ranking.ranked[1].below_above);
        assert!(ranking_table(&ranking, 100, false).contains("no difference from the one above"));
    }

    #[test]
    fn an_empty_run_has_no_ranking() {
        let ranking = ranking(Synthetic::new());
        assert!(ranking.ranked.is_empty());
        assert!(ranking_table(&ranking, 80, false).contains("Nothing can be ranked"));
    }
}
