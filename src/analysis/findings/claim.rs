//! What can be claimed of two cells of one panel, and the words for claims that are alike.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::places;
use crate::analysis::format::{around, changes, noise, times_between};
use crate::analysis::rates::Ratio;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary, Verdict};
use crate::analysis::verdict::{Difference, Noise};
use crate::stats::Interval;

/// Effects of the same targets go into one sentence while the largest is at most this many times
/// the smallest; beyond, one range would hide what differs.
const ALIKE: f64 = 2.0;

/// A verdict on two cells of one panel.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'s> {
    pub panel: &'s PanelSummary,
    pub cell: &'s CellSummary,
    pub over: &'s CellSummary,
    pub ratio: Interval,
}

impl<'s> Claim<'s> {
    /// The claim on two cells of a panel, if enough was measured for one.
    pub fn of(
        panel: &'s PanelSummary,
        cell: &'s CellSummary,
        over: &'s CellSummary,
    ) -> Option<(Difference, Claim<'s>)> {
        Claim::on(panel, cell, over, panel.ratio(cell, over)?)
    }

    /// The claim on two cells whose ratio is known, if it rests on enough pairs.
    pub fn on(
        panel: &'s PanelSummary,
        cell: &'s CellSummary,
        over: &'s CellSummary,
        ratio: Ratio,
    ) -> Option<(Difference, Claim<'s>)> {
        let Verdict::Is(answer) = panel.verdict_on(&ratio) else {
            return None;
        };
        let claim = Claim {
            panel,
            cell,
            over,
            ratio: ratio.interval,
        };
        Some((answer, claim))
    }
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

/// `the same within 3 % (−1 % … +2 %)` or `not told apart (−1 % … +9 %, floor 3 %)`, over all the claims.
pub(crate) fn even_words(answer: Difference, claims: &[Claim<'_>]) -> String {
    let Interval { low, high, .. } = around(&ratios(claims));
    let noises = claims.iter().map(|claim| claim.panel.noise());
    let floor = noises.fold(Noise::default(), Noise::or_worse);
    let (words, range) = (answer.words(floor), changes(low, high));
    if answer == Difference::Same {
        format!("{words} ({range})")
    } else {
        format!("{words} ({range}, floor {})", noise(floor.apart))
    }
}

/// Where the claims hold.
pub(crate) fn where_of(summary: &Summary, claims: &[Claim<'_>]) -> String {
    let panels: Vec<&PanelSummary> = claims.iter().map(|claim| claim.panel).collect();
    places(summary, &panels)
}
