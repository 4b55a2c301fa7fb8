//! Paces and searches: which panels can have them, and how a pace is recorded.

use super::cell::Panel;
use super::expand::pacing;
use super::limit::Search;
use super::order::highest_per_s;
use super::suite::{Group, Suite};
use crate::base::{BadInput, PerSecond};
use crate::record::PaceEntry;
use crate::workload::{Arrival, Pace, Workload};

/// The search that a suite asks for, if it does.
pub(super) fn search(
    suite: &Suite,
    group: &Group,
    workload: &Workload,
    threads: u32,
) -> Result<Option<Search>, BadInput> {
    let Some(slo) = group.slo.or(suite.slo) else {
        return Ok(None);
    };
    let bad = |why: &str| {
        let name = &workload.name;
        Err(BadInput(format!(
            "workload '{name}': slo = \"{slo}\" {why}"
        )))
    };
    if !workload.keeps_key_set() {
        return bad(
            "is not valid: a search for a rate needs workloads that keep the set of keys and have \
             no budget, such as ycsb-a, ycsb-b, ycsb-c or uniform",
        );
    }
    if workload.batch > 1 {
        return bad("is not valid with batches; give batch = 1");
    }
    let arrival_alone = |pacing: &crate::workload::Pacing| pacing.rate.is_none();
    let (start, arrival) = match pacing(suite, group, &workload.name) {
        None => (Search::START, Arrival::Fixed),
        Some(pacing) if arrival_alone(pacing) && pacing.speed.is_none() => {
            (Search::START, pacing.arrival.unwrap_or_default())
        }
        Some(pacing) => match pacing.paces()?.as_slice() {
            [Pace::Rate { per_s, arrival }] => (*per_s, *arrival),
            _ => return bad("needs one rate to start from: give one"),
        },
    };
    check_rate(&workload.name, start, threads)?;
    let search = Search {
        slo,
        start,
        arrival,
    };
    Ok(Some(search))
}

fn check_rate(workload: &str, per_s: PerSecond, threads: u32) -> Result<(), BadInput> {
    let highest = highest_per_s(threads);
    if per_s.0 <= highest {
        return Ok(());
    }
    // Rounded down to two digits: the clock's cost is not known better.
    let scale = 10_u64.pow(highest.max(1).ilog10().saturating_sub(1));
    Err(BadInput(format!(
        "workload '{workload}': {per_s} operations a second are more than the clock of this machine can \
         pace with {threads} thread{}: at most {}",
        if threads == 1 { "" } else { "s" },
        PerSecond(highest / scale * scale),
    )))
}

/// Checks what has a pace, and takes back what cannot be sampled, with a note.
pub(super) fn check_panels(
    panels: &mut [Panel<'_>],
    notes: &mut Vec<String>,
) -> Result<(), BadInput> {
    for panel in panels {
        if panel.workload.pace.is_some() || panel.search.is_some() {
            // There is no ratio of rates to be known better.
            panel.precision = None;
        }
        let name = &panel.workload.name;
        match panel.workload.pace {
            Some(Pace::Rate { per_s, .. }) => check_rate(name, per_s, panel.threads)?,
            Some(Pace::Trace { .. }) if panel.pass_s() == 0.0 => {
                return Err(BadInput(format!(
                    "workload '{name}': speed is not valid: the requests of this trace have no \
                     times; give a rate"
                )));
            }
            _ => {}
        }
        if panel.search.is_some() && panel.cells.iter().all(|cell| cell.target.control()) {
            return Err(BadInput(format!(
                "workload '{name}': slo: a control has no rate to search for; give another target"
            )));
        }
        let sampled = panel.latency && panel.workload.pace.is_none() && panel.search.is_none();
        if sampled && (panel.is_pass() || panel.workload.batch > 1) {
            notes.push(format!(
                "workload {name}: no latencies are sampled: only workloads that keep the set of \
                 keys, with batch = 1, are sampled"
            ));
        }
        panel.latency = sampled && !panel.is_pass() && panel.workload.batch == 1;
    }
    Ok(())
}

/// How a panel's pace is written down.
pub(super) fn pace_entry(panel: &Panel<'_>) -> Option<PaceEntry> {
    let sweep = panel.workload.sweep_name();
    if let Some(search) = panel.search {
        return Some(PaceEntry {
            offered_per_s: None,
            arrival: search.arrival.word().to_owned(),
            speed: None,
            sweep,
        });
    }
    let pace = panel.workload.pace?;
    let (offered_per_s, speed) = match pace {
        Pace::Rate { per_s, .. } => (Some(per_s.0), None),
        Pace::Trace { speed } => (None, Some(speed)),
    };
    Some(PaceEntry {
        offered_per_s,
        arrival: pace.arrival_word().to_owned(),
        speed,
        sweep,
    })
}
