//! One target against another, in the panels that have both.

use super::{Finding, Topic, cell_ids, gather, panel_numbers, places, sweep};
use crate::analysis::format::{around, at_rate_of, changes, noise, times_between};
use crate::analysis::rates::Ratio;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary, Verdict};
use crate::analysis::verdict::Difference;
use crate::stats::Interval;

/// Effects of the same targets go into one sentence while the largest is at most this many times
/// the smallest; beyond, one range would hide what differs.
const ALIKE: f64 = 2.0;

/// Targets of a panel up to which every pair is compared; with more, each with the fastest.
const ALL_PAIRS: usize = 4;

/// A verdict on two cells of one panel.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'s> {
    pub panel: &'s PanelSummary,
    pub cell: &'s CellSummary,
    pub over: &'s CellSummary,
    pub ratio: Interval,
}

/// What makes claims one sentence: topic, answer and the labels of both targets.
type Subject = (Topic, Difference, String, String);

/// Targets against the baseline, and against each other.
pub(crate) fn comparisons(summary: &Summary) -> Vec<Finding> {
    let mut groups: Vec<(Subject, Vec<Claim<'_>>)> = Vec::new();
    for panel in &summary.panels {
        let ranking = panel.ranking();
        let Some(baseline) = panel.baseline().filter(|cell| cell.rate.is_some()) else {
            continue;
        };
        let sweeps = sweep::of_panel(panel);
        // A sweep has a sentence of its own: of its values only the default is compared with the
        // baseline, and the default and the fastest with others.
        let swept = |cell: &CellSummary| {
            let default = cell.entry.target == cell.entry.strategy;
            !default && sweeps.iter().any(|sweep| sweep.has(cell))
        };
        let fastest_of_a_sweep =
            |cell: &CellSummary| sweeps.iter().any(|sweep| sweep.fastest().is(cell));
        for cell in ranking.iter().filter(|cell| !swept(cell)) {
            if let Some(ratio) = cell.ratio {
                note(&mut groups, panel, cell, baseline, ratio, Topic::Baseline);
            }
        }
        let rivals: Vec<&CellSummary> = ranking
            .into_iter()
            .filter(|cell| cell.entry.cell_id != baseline.entry.cell_id)
            .filter(|cell| !swept(cell) || fastest_of_a_sweep(cell))
            .collect();
        for (place, &faster) in rivals.iter().enumerate() {
            if place > 0 && rivals.len() > ALL_PAIRS {
                break;
            }
            for &slower in &rivals[place + 1..] {
                // In the manifest's order, so that a pair has one name whichever won.
                let (cell, over) = if faster.entry.colour <= slower.entry.colour {
                    (faster, slower)
                } else {
                    (slower, faster)
                };
                if let Some(ratio) = panel.ratio(cell, over) {
                    note(&mut groups, panel, cell, over, ratio, Topic::Pair);
                }
            }
        }
    }
    let mut findings = Vec::new();
    for ((topic, answer, cell, over), claims) in groups {
        if !answer.is_one() {
            findings.push(no_difference(summary, answer, [&cell, &over], &claims));
            continue;
        }
        for alike in clusters(claims) {
            findings.push(difference(summary, topic, &cell, &over, &alike));
        }
    }
    findings
}

fn note<'s>(
    groups: &mut Vec<(Subject, Vec<Claim<'s>>)>,
    panel: &'s PanelSummary,
    cell: &'s CellSummary,
    over: &'s CellSummary,
    ratio: Ratio,
    topic: Topic,
) {
    let Verdict::Is(answer) = Verdict::on(&ratio, panel.noise_band) else {
        return;
    };
    let claim = Claim {
        panel,
        cell,
        over,
        ratio: ratio.interval,
    };
    let subject = (topic, answer, panel.label(cell), panel.label(over));
    gather(groups, subject, claim);
}

/// Cuts claims of one subject into runs of like effect; within each they keep the panels' order.
pub(crate) fn clusters(mut claims: Vec<Claim<'_>>) -> Vec<Vec<Claim<'_>>> {
    claims.sort_by(|a, b| a.ratio.mid.total_cmp(&b.ratio.mid));
    let mut clusters: Vec<Vec<Claim<'_>>> = Vec::new();
    for claim in claims {
        match clusters.last_mut() {
            Some(alike) if claim.ratio.mid <= alike[0].ratio.mid * ALIKE => alike.push(claim),
            _ => clusters.push(vec![claim]),
        }
    }
    for alike in &mut clusters {
        alike.sort_by_key(|claim| claim.panel.entry.panel);
    }
    clusters
}

/// The factor of the claims, a range where they are several.
pub(crate) fn factor(claims: &[Claim<'_>]) -> String {
    times_between(&ratios(claims))
}

pub(crate) fn ratios(claims: &[Claim<'_>]) -> Vec<Interval> {
    claims.iter().map(|claim| claim.ratio).collect()
}

/// A finding that rests on the claims; the effect is the largest among them.
pub(crate) fn finding(text: String, topic: Topic, claims: &[Claim<'_>]) -> Finding {
    let effect = match topic {
        Topic::NoDifference => 0.0,
        _ => claims
            .iter()
            .map(|claim| claim.ratio.mid.ln().abs())
            .fold(0.0, f64::max),
    };
    Finding {
        text,
        topic,
        panels: panel_numbers(claims.iter().map(|claim| claim.panel)),
        cells: cell_ids(claims.iter().flat_map(|claim| [claim.cell, claim.over])),
        effect,
    }
}

fn difference(
    summary: &Summary,
    topic: Topic,
    cell: &str,
    over: &str,
    claims: &[Claim<'_>],
) -> Finding {
    let text = format!(
        "{}: {cell} runs {}.",
        where_of(summary, claims),
        at_rate_of(&ratios(claims), over)
    );
    finding(text, topic, claims)
}

fn no_difference(
    summary: &Summary,
    answer: Difference,
    [cell, over]: [&str; 2],
    claims: &[Claim<'_>],
) -> Finding {
    let text = format!(
        "{}: {cell} and {over} are {}.",
        where_of(summary, claims),
        even_words(answer, claims)
    );
    finding(text, Topic::NoDifference, claims)
}

/// `the same within 3 % (−1 % … +2 %)` or `not told apart (−1 % … +9 %, floor 3 %)`, over all the claims.
pub(crate) fn even_words(answer: Difference, claims: &[Claim<'_>]) -> String {
    let Interval { low, high, .. } = around(&ratios(claims));
    let bands = claims.iter().map(|claim| claim.panel.noise_band);
    let floor = bands.fold(0.0, f64::max);
    let (words, range) = (answer.words(floor), changes(low, high));
    if answer == Difference::Same {
        format!("{words} ({range})")
    } else {
        format!("{words} ({range}, floor {})", noise(floor))
    }
}

pub(crate) fn where_of(summary: &Summary, claims: &[Claim<'_>]) -> String {
    let panels: Vec<&PanelSummary> = claims.iter().map(|claim| claim.panel).collect();
    places(summary, &panels)
}
