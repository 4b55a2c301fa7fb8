//! One parameter of a strategy over several values: what its extremes cost.

use super::claim::{Claim, clusters, even_words, finding, ratios, where_of};
use super::finding::{Finding, Topic};
use crate::analysis::figures::gather;
use crate::analysis::format::{figure, times_in_words};
use crate::analysis::labels::{Shared, without_param};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::analysis::verdict::Difference;
use crate::base::{Spec, Value};

/// Values from which on targets of one strategy are a sweep; two are a pair.
const VALUES_OF_A_SWEEP: usize = 3;

/// Cells of one panel that differ in one parameter of their strategy.
pub(crate) struct Sweep<'s> {
    pub strategy: &'s str,
    pub param: String,
    /// Highest rate first.
    pub points: Vec<Point<'s>>,
}

/// One value of a sweep.
pub(crate) struct Point<'s> {
    pub value: Value,
    pub cell: &'s CellSummary,
}

impl Point<'_> {
    pub fn is(&self, cell: &CellSummary) -> bool {
        self.cell.entry.cell_id == cell.entry.cell_id
    }
}

impl<'s> Sweep<'s> {
    pub fn has(&self, cell: &CellSummary) -> bool {
        self.points.iter().any(|point| point.is(cell))
    }

    pub fn fastest(&self) -> &Point<'s> {
        &self.points[0]
    }

    fn slowest(&self) -> &Point<'s> {
        &self.points[self.points.len() - 1]
    }
}

/// The sweeps among a panel's ranked cells.
pub(crate) fn of_panel(panel: &PanelSummary) -> Vec<Sweep<'_>> {
    let mut groups = Vec::new();
    for cell in panel.ranking() {
        let Some(spec) = cell.entry.spec() else {
            continue;
        };
        let entry = &cell.entry;
        let rest = (entry.hash.as_str(), entry.allocator, entry.pages);
        let key = (entry.strategy.as_str(), rest);
        gather(&mut groups, key, (spec, cell));
    }
    groups
        .into_iter()
        .filter(|(_, cells)| cells.len() >= VALUES_OF_A_SWEEP)
        .filter_map(|((strategy, _), cells)| {
            let param = the_one_that_differs(cells.iter().map(|(spec, _)| spec))?;
            let points = cells.into_iter().map(|(spec, cell)| {
                let value = value_of(&spec, &param)?.clone();
                Some(Point { value, cell })
            });
            let points = points.collect::<Option<_>>()?;
            Some(Sweep {
                strategy,
                param,
                points,
            })
        })
        .collect()
}

fn value_of<'s>(spec: &'s Spec, param: &str) -> Option<&'s Value> {
    let (_, value) = spec.params.iter().find(|(name, _)| name == param)?;
    Some(value)
}

/// The only parameter that is not the same in all specs.
fn the_one_that_differs<'s>(mut specs: impl Iterator<Item = &'s Spec> + Clone) -> Option<String> {
    let first = specs.next()?;
    let mut differing = first.params.iter().filter(|(name, value)| {
        specs
            .clone()
            .any(|other| value_of(other, name) != Some(value))
    });
    let (name, _) = differing.next()?;
    differing.next().is_none().then(|| name.clone())
}

/// What makes claims one sentence: answer, strategy, parameter, and the values of slowest
/// and fastest.
type Subject = (Difference, String, String, [String; 2]);

/// A sentence per strategy and parameter on the extremes.
pub(crate) fn sweeps(summary: &Summary) -> Vec<Finding> {
    let shared = Shared::of(summary.panels.iter());
    let mut groups: Vec<(Subject, Vec<(Claim<'_>, usize)>)> = Vec::new();
    for panel in &summary.panels {
        for sweep in of_panel(panel) {
            let (fastest, slowest) = (sweep.fastest(), sweep.slowest());
            let Some((answer, claim)) = Claim::of(panel, fastest.cell, slowest.cell) else {
                continue;
            };
            let values = if answer.is_one() {
                [slowest.value.to_string(), fastest.value.to_string()]
            } else {
                Default::default()
            };
            let label = without_param(&panel.label(fastest.cell), &sweep.param);
            let strategy = shared.without(&label);
            let points = sweep.points.len();
            let subject = (answer, strategy, sweep.param, values);
            gather(&mut groups, subject, (claim, points));
        }
    }
    let mut findings = Vec::new();
    for ((answer, strategy, param, values), claims) in groups {
        let points = claims.iter().map(|(_, points)| *points).max().unwrap_or(0);
        let claims: Vec<Claim<'_>> = claims.into_iter().map(|(claim, _)| claim).collect();
        if !answer.is_one() {
            let text = format!(
                "The fastest and the slowest of {points} values of {param} of {strategy} are {} under {}.",
                even_words(answer, &claims),
                where_of(summary, &claims)
            );
            findings.push(finding(text, Topic::NoDifference, &claims));
            continue;
        }
        for alike in clusters(claims) {
            let [slow, fast] = &values;
            let (with_slow, with_fast) = if param == "buckets" {
                (format!("in {slow} buckets"), format!("in {fast}"))
            } else {
                (
                    format!("with {param}={slow}"),
                    format!("with {param}={fast}"),
                )
            };
            let text = format!(
                "An operation of {strategy} takes {} as long {with_slow} as {with_fast} under {}{}.",
                times_in_words(&ratios(&alike)),
                where_of(summary, &alike),
                walks(&alike)
            );
            findings.push(finding(text, Topic::Sweep, &alike));
        }
    }
    findings
}

/// What the census says of the two, where it says the same in every panel and tells them apart.
fn walks(claims: &[Claim<'_>]) -> String {
    let pair = |claim: &Claim<'_>| {
        let (fast, slow) = (claim.cell.mean_walk?, claim.over.mean_walk?);
        Some((figure(slow), figure(fast)))
    };
    let pairs: Vec<Option<(String, String)>> = claims.iter().map(pair).collect();
    match &pairs[0] {
        Some((slow, fast)) if slow != fast && pairs.iter().all(|other| *other == pairs[0]) => {
            format!("; a lookup walks {slow} entries instead of {fast}")
        }
        _ => String::new(),
    }
}
