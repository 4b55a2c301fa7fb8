//! One target against another, in the panels that have both.

use super::claim::{Claim, clusters, even_words, finding, ratios, where_of};
use super::finding::{Finding, Topic};
use super::sweep;
use crate::analysis::figures::gather;
use crate::analysis::format::at_rate_of;
use crate::analysis::parts::Parts;
use crate::analysis::rates::Ratio;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::analysis::verdict::Difference;

/// Targets of a panel up to which every pair is compared; with more, each with the fastest.
const ALL_PAIRS: usize = 4;

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
        // What lies between the ways of one strategy has a sentence of its own.
        let parts = Parts::of(panel);
        let of_one = |a: &CellSummary, b: &CellSummary| parts.iter().any(|one| one.has(a, b));
        // A sweep has a sentence of its own: of its values only the default is compared with the
        // baseline, and the default and the fastest with others.
        let swept = |cell: &CellSummary| {
            let default = cell.entry.target == cell.entry.strategy;
            !default && sweeps.iter().any(|sweep| sweep.has(cell))
        };
        let fastest_of_a_sweep =
            |cell: &CellSummary| sweeps.iter().any(|sweep| sweep.fastest().is(cell));
        let against = ranking.iter().filter(|cell| !swept(cell));
        for cell in against.filter(|cell| !of_one(cell, baseline)) {
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
            let slower = rivals[place + 1..].iter();
            for &slower in slower.filter(|slower| !of_one(faster, slower)) {
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
    if let Some((answer, claim)) = Claim::on(panel, cell, over, ratio) {
        let subject = (topic, answer, panel.label(cell), panel.label(over));
        gather(groups, subject, claim);
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
        "{cell} runs {} under {}.",
        at_rate_of(&ratios(claims), over),
        where_of(summary, claims)
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
        "{cell} and {over} are {} under {}.",
        even_words(answer, claims),
        where_of(summary, claims)
    );
    finding(text, Topic::NoDifference, claims)
}
