//! From a group of a suite to its workloads and heaps.

use super::suite::{Group, Suite};
use crate::base::{BadInput, Between, ByteCount};
use crate::machine::Heap;
use crate::workload::{Pace, Pacing, Workload};

/// Each workload of a group with each of its numbers of entries, batches, connections, requests on the way, works
/// between, shares of absent keys and budgets.
pub(super) fn workloads(suite: &Suite, group: &Group) -> Result<Vec<Workload>, BadInput> {
    let entries = group
        .entries
        .as_ref()
        .map_or(vec![None], |all| all.iter().copied().map(Some).collect());
    let batches = group
        .batch
        .as_ref()
        .map_or(vec![None], |all| all.iter().copied().map(Some).collect());
    let budgets = group
        .budget
        .as_ref()
        .map_or(vec![None], |all| all.iter().copied().map(Some).collect());
    let mut workloads = Vec::new();
    for name in &group.workloads {
        let paces = paces(suite, group, name)?;
        for &entries in &entries {
            for &batch in &batches {
                let workload = suite.workload(name, entries, batch)?;
                let asked = asked(suite, group, &workload);
                let with_between = |workload| with_between(suite, group, &workload);
                for workload in asked.into_iter().flat_map(with_between) {
                    for workload in with_keys(group, &workload)? {
                        for &pace in &paces {
                            let workload = match pace {
                                Some(pace) => workload.clone().at_pace(pace)?,
                                None => workload.clone(),
                            };
                            for &budget in &budgets {
                                workloads.push(bounded(workload.clone(), group, budget)?);
                            }
                        }
                    }
                }
            }
        }
    }
    Ok(workloads)
}

/// A workload with each of a group's numbers of connections, and of requests that one sends together.
fn asked(suite: &Suite, group: &Group, workload: &Workload) -> Vec<Workload> {
    let each = |of_group: &Option<Vec<u32>>, of_suite: Option<u32>, own: u32| {
        let of_group = of_group.clone();
        of_group.unwrap_or_else(|| vec![of_suite.unwrap_or(own)])
    };
    let connections = each(&group.connections, suite.connections, workload.connections);
    let depths = each(&group.depth, suite.depth, workload.depth);
    let mut all = Vec::new();
    for &connections in &connections {
        for &depth in &depths {
            all.push(Workload {
                connections,
                depth,
                ..workload.clone()
            });
        }
    }
    all
}

/// A workload with each of what a group has between two operations.
fn with_between(suite: &Suite, group: &Group, workload: &Workload) -> Vec<Workload> {
    let all: &[Between] = match (&group.between, &suite.between) {
        (Some(all), _) | (None, Some(all)) => all,
        (None, None) => &[workload.between],
    };
    all.iter()
        .map(|&between| Workload {
            between,
            ..workload.clone()
        })
        .collect()
}

/// A workload on each of the corpora of a group, with each of its shares of absent keys.
fn with_keys(group: &Group, workload: &Workload) -> Result<Vec<Workload>, BadInput> {
    let mut all = Vec::new();
    for &corpus in group.corpus.as_deref().unwrap_or(&[workload.corpus]) {
        let workload = if corpus == workload.corpus {
            workload.clone()
        } else {
            workload.clone().with_corpus(corpus)?
        };
        match &group.absent {
            None => all.push(workload),
            Some(shares) => {
                for &share in shares {
                    all.push(workload.clone().with_absent(share)?);
                }
            }
        }
    }
    Ok(all)
}

/// The paces of a workload of a group; without any, one of `None`. A search for a rate has none.
fn paces(suite: &Suite, group: &Group, name: &str) -> Result<Vec<Option<Pace>>, BadInput> {
    match pacing(suite, group, name) {
        Some(pacing) if group.slo.or(suite.slo).is_none() => {
            Ok(pacing.paces()?.into_iter().map(Some).collect())
        }
        _ => Ok(vec![None]),
    }
}

/// The pace that a group or a workload of the suite's own has in the file.
pub(super) fn pacing<'s>(suite: &'s Suite, group: &'s Group, name: &str) -> Option<&'s Pacing> {
    let own = || suite.workload.get(name)?.pace.as_ref();
    group.pace.as_ref().or_else(own)
}

/// Each allocator of a group in each of its page modes.
pub(super) fn heaps(suite: &Suite, group: &Group) -> Vec<Heap> {
    let allocators = group.allocator.as_ref().unwrap_or(&suite.allocator);
    let modes = group.pages.as_ref().unwrap_or(&suite.pages);
    allocators
        .iter()
        .flat_map(|&allocator| modes.iter().map(move |&pages| Heap { allocator, pages }))
        .collect()
}

/// A workload under a budget of its group, which becomes part of its name, with the group's origin.
fn bounded(
    mut workload: Workload,
    group: &Group,
    budget: Option<ByteCount>,
) -> Result<Workload, BadInput> {
    workload.budget = budget.or(workload.budget);
    workload.origin = group.origin.or(workload.origin);
    if let Some(budget) = workload.budget {
        workload.name = format!("{}@{budget}", workload.name);
    }
    workload.check()?;
    Ok(workload)
}
