//! From a group of a suite to its workloads.

use super::suite::{Group, Suite};
use crate::base::{BadInput, ByteCount};
use crate::workload::Workload;

/// Each workload of a group with each of its numbers of entries, batches and budgets.
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
        for &entries in &entries {
            for &batch in &batches {
                let workload = suite.workload(name, entries, batch)?;
                for &corpus in group.corpus.as_deref().unwrap_or(&[workload.corpus]) {
                    let workload = if corpus == workload.corpus {
                        workload.clone()
                    } else {
                        workload.clone().with_corpus(corpus)?
                    };
                    for &budget in &budgets {
                        workloads.push(bounded(workload.clone(), group, budget)?);
                    }
                }
            }
        }
    }
    Ok(workloads)
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
