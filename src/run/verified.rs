//! Each table of a run is checked before the first slice: a table that gives wrong answers gets an error row and
//! no figure.
//!
//! The checks are the first three stages of `verify` with what there is time for in a second, under the hash functions
//! that the target is measured with. They are over before anything is measured.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::cell::{Cell, Place};
use super::done::Done;
use super::plan::Plan;
use super::tally;
use super::verified_cache::Cache;
use super::verify::{VerifyPlan, VerifyWatch, verify};
use super::watch::Watch;
use crate::hash::{self, HashRow};
use crate::record::{Ending, RunDirectory, Verdict, Verification, VerifiedEntry, VerifiedStage};

/// A target, and the hash functions that it is measured with.
struct Target<'p, 'r> {
    cell: &'p Cell<'r>,
    hashes: Vec<&'static HashRow>,
}

/// Checks the targets of a plan, one after the other, or says that it was told not to.
///
/// # Errors
/// A process cannot be started.
pub(super) fn verified(
    plan: &Plan<'_>,
    executable: &Path,
    binary_hash: &str,
    watch: &mut dyn Watch,
    interrupted: &AtomicBool,
) -> std::io::Result<Verification> {
    if !plan.verify {
        return Ok(Verification {
            skipped: true,
            targets: Vec::new(),
        });
    }
    let cache = Cache::of(binary_hash);
    let targets = targets(plan);
    let mut entries = Vec::new();
    for (number, target) in (1..).zip(&targets) {
        let names: Vec<String> = target.hashes.iter().map(|h| h.name.to_owned()).collect();
        let mut entry = VerifiedEntry {
            target: target.cell.target.short(),
            target_full: target.cell.target.full(),
            hashes: names,
            seed: plan.seed,
            cached: false,
            stages: Vec::new(),
        };
        if let Some(known) = cache.find(&entry) {
            entries.push(known);
            continue;
        }
        watch.verifying(number, targets.len(), &entry.target);
        let table = target.cell.target.table().expect("tables are checked");
        let brief = VerifyPlan::brief(table, target.hashes.clone(), plan.seed);
        let verdicts = verify(&brief, executable, &mut Silent, interrupted)?;
        let begun = |verdict: &&Verdict| verdict.ending != Ending::Unfinished;
        entry.stages = verdicts
            .iter()
            .filter(begun)
            .map(VerifiedStage::from)
            .collect();
        if interrupted.load(Ordering::Relaxed) {
            break;
        }
        cache.keep(&entry);
        entries.push(entry);
    }
    Ok(Verification {
        skipped: false,
        targets: entries,
    })
}

/// The targets of a plan that are checked, each once: servers and controls are not.
fn targets<'p, 'r>(plan: &'p Plan<'r>) -> Vec<Target<'p, 'r>> {
    let mut targets: Vec<Target<'p, 'r>> = Vec::new();
    let cells = plan.panels.iter().flat_map(|panel| &panel.cells);
    for cell in cells.filter(|cell| cell.is_checked()) {
        let full = cell.target.full();
        let at = targets
            .iter()
            .position(|target| target.cell.target.full() == full);
        let at = at.unwrap_or_else(|| {
            let hashes = Vec::new();
            targets.push(Target { cell, hashes });
            targets.len() - 1
        });
        let hash = hash::find(&cell.hash).expect("the plan has checked its name");
        let hashes = &mut targets[at].hashes;
        if hashes.iter().all(|known| known.name != hash.name) {
            hashes.push(hash);
        }
    }
    targets
}

/// Whether the checks of a run that is taken up again are all there.
pub(super) fn is_whole(verification: Option<&Verification>, plan: &Plan<'_>) -> bool {
    verification.is_some_and(|known| {
        let entry = |full: &str| known.targets.iter().find(|one| one.target_full == full);
        let ended = |target: &Target<'_, '_>| {
            entry(&target.cell.target.full()).is_some_and(VerifiedEntry::ended)
        };
        known.skipped || targets(plan).iter().all(ended)
    })
}

/// Writes an error row for each cell whose target has failed, so that it is not measured. Cells that have one
/// already keep it.
pub(super) fn leave_out(
    plan: &Plan<'_>,
    (run_id, verification): (&str, &Verification),
    done: &mut [Done],
    directory: &mut RunDirectory,
    watch: &mut dyn Watch,
) -> anyhow::Result<()> {
    for ((index, panel), done) in (0..).zip(&plan.panels).zip(done) {
        let place = Place {
            run_id,
            panel,
            index,
            seed: plan.seed,
            birth: 0,
        };
        for cell in panel.cells.iter().filter(|cell| cell.is_checked()) {
            let full = cell.target.full();
            let entry = verification.targets.iter().find(|e| e.target_full == full);
            let Some(failed) = entry.and_then(VerifiedEntry::failed) else {
                continue;
            };
            if !done.failed.insert(cell.id.clone()) {
                continue;
            }
            let why = format!(
                "check failed: {}: {}; again: {}",
                failed.stage, failed.found, failed.again
            );
            let row = tally::error_row(place, cell, 0, &why);
            let label = panel.label();
            watch.error(&format!("{} on {label}: {}", cell.name(), row.error));
            directory.trial(&row)?;
        }
    }
    Ok(())
}

/// A run tells which target is checked, and no more.
struct Silent;

impl VerifyWatch for Silent {
    fn begins(&mut self, _: usize, _: usize, _: &str, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ROWS;
    use crate::run::flags::Overrides;
    use crate::run::suite::Suite;

    #[test]
    fn a_target_is_checked_once_whatever_its_workloads_and_under_all_its_functions() {
        let flags = Overrides {
            targets: vec!["fixed".into(), "striped".into()],
            workloads: vec!["ycsb-c".into(), "ycsb-a".into()],
            hash: vec!["sip13".into(), "fnv1a-64".into()],
            ..Overrides::default()
        };
        let suite = Suite::load("quick").unwrap().with(&flags);
        let plan = Plan::new(ROWS, vec![suite]).unwrap();
        let targets: Vec<(String, Vec<&str>)> = targets(&plan)
            .iter()
            .map(|target| {
                let hashes = target.hashes.iter().map(|hash| hash.name);
                (target.cell.target.short(), hashes.collect())
            })
            .collect();
        let hashes = vec!["sip13", "fnv1a-64"];
        assert_eq!(
            targets,
            [("fixed".into(), hashes.clone()), ("striped".into(), hashes)]
        );
    }
}
