//! The one `run.toml` of runs that are merged.

use std::collections::BTreeMap;

use super::inputs::Input;
use crate::base::counted;
use crate::record::{
    CellEntry, Manifest, MergedEntry, PanelEntry, SCHEMA_VERSION, Status, SweepPanel, Verification,
};

/// Facts of a machine that differ between runs, of which so many are named.
const FACTS_NAMED: usize = 3;

/// Flags of `run` that make a part of a sweep, each with a value.
const OF_A_PART: [&str; 4] = ["--task", "--shard", "--max-disturbed", "--out"];

/// The manifest of runs that belong together, in their order; its status and what the rows tell are not yet in it.
pub(super) fn merged(sweep: &[SweepPanel], runs: &[&Input]) -> Manifest {
    let manifests = || runs.iter().map(|run| &run.manifest);
    let mut first: Vec<&Manifest> = manifests().collect();
    first.sort_by(|a, b| (&a.started, &a.run_id).cmp(&(&b.started, &b.run_id)));
    let begun = first[0];
    let mut panels: Vec<PanelEntry> = Vec::new();
    let mut cells: Vec<CellEntry> = Vec::new();
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    for wanted in sweep {
        let has = runs.iter().find_map(|run| {
            let at = run.panels.iter().position(|id| *id == wanted.id)?;
            Some((&run.manifest, run.manifest.panels.get(at)?))
        });
        let Some((manifest, panel)) = has else {
            continue;
        };
        let number = u32::try_from(panels.len()).unwrap_or(u32::MAX);
        numbers.insert(&wanted.id, number);
        let own = manifest
            .cells
            .iter()
            .filter(|cell| cell.panel == panel.panel);
        cells.extend(own.map(|cell| CellEntry {
            panel: number,
            ..cell.clone()
        }));
        panels.push(PanelEntry {
            panel: number,
            ..panel.clone()
        });
    }
    let number_of = |id: &String| numbers.get(id.as_str()).copied().unwrap_or(u32::MAX);
    let merged = runs.iter().map(|run| MergedEntry {
        run_id: run.manifest.run_id.clone(),
        started: run.manifest.started.clone(),
        panels: run.panels.iter().map(number_of).collect(),
        first_births: Vec::new(),
    });
    let mut clock_costs: Vec<u64> = manifests().map(|one| one.clock_cost_ps).collect();
    clock_costs.sort_unstable();
    // Slices of latencies have a length of their own, which stands only where there are no others.
    let cut = |one: &&Manifest| one.panels.iter().any(|panel| panel.pace.is_none());
    let slices = manifests().find(cut).unwrap_or(begun);
    Manifest {
        schema_version: SCHEMA_VERSION,
        run_id: format!("{}-merged", begun.run_id),
        name: begun.name.clone(),
        started: begun.started.clone(),
        status: Status::Running,
        argv: whole(&begun.argv),
        seed: begun.seed,
        slice_ns: slices.slice_ns,
        discard_ns: slices.discard_ns,
        program: begun.program.clone(),
        version: begun.version.clone(),
        revision: begun.revision.clone(),
        binary_hash: begun.binary_hash.clone(),
        lockfile_hash: begun.lockfile_hash.clone(),
        clock_cost_ps: clock_costs[clock_costs.len() / 2],
        not_measured: union(manifests().flat_map(|one| one.not_measured.iter().cloned())),
        notes: union(
            manifests()
                .flat_map(|one| one.notes.iter().cloned())
                .chain([provenance(&first)]),
        ),
        bytes_available: None,
        resumed: manifests()
            .flat_map(|one| one.resumed.iter().cloned())
            .collect(),
        machine: facts(runs),
        doctor: doctor(runs),
        verification: verification(runs),
        suites: begun.suites.clone(),
        panels,
        cells,
        guarantees: union(manifests().flat_map(|one| one.guarantees.iter().cloned())),
        servers: union(manifests().flat_map(|one| one.servers.iter().cloned())),
        task: None,
        merged: merged.collect(),
    }
}

/// Where a merged run comes from; the runs are given by date.
fn provenance(runs: &[&Manifest]) -> String {
    let last = runs.last().map_or("", |run| run.started.as_str());
    format!(
        "merged from {}, begun from {} to {last}",
        counted(runs.len() as u64, "run"),
        runs[0].started
    )
}

/// How a merged run ended.
pub(super) fn status(errors: bool, missing: bool) -> Status {
    match (missing, errors) {
        (true, _) => Status::Interrupted,
        (false, true) => Status::Errors,
        (false, false) => Status::Complete,
    }
}

/// The command line of the whole, from that of a part.
fn whole(argv: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        let name = word.split('=').next().unwrap_or_default();
        if !OF_A_PART.contains(&name) {
            kept.push(word.clone());
        } else if !word.contains('=') {
            words.next();
        }
    }
    kept
}

/// All that are there, each once, in the order in which they come.
fn union<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    for one in all {
        if !kept.contains(&one) {
            kept.push(one);
        }
    }
    kept
}

/// The facts of the machines; where like machines differ in one, the values that there are.
fn facts(runs: &[&Input]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
    for (name, value) in runs.iter().flat_map(|run| &run.manifest.machine) {
        let values = all.entry(name).or_default();
        if !values.contains(&value) {
            values.push(value);
        }
    }
    let joined = |mut values: Vec<&String>| {
        if let [one] = values[..] {
            return one.clone();
        }
        values.sort();
        let named: Vec<&str> = values
            .iter()
            .take(FACTS_NAMED)
            .map(|value| value.as_str())
            .collect();
        let more = if values.len() > FACTS_NAMED {
            " …"
        } else {
            ""
        };
        format!("{} values: {}{more}", values.len(), named.join(" | "))
    };
    all.into_iter()
        .map(|(name, values)| (name.clone(), joined(values)))
        .collect()
}

/// What is wrong with the machines, each check once, as bad as it was anywhere.
fn doctor(runs: &[&Input]) -> Vec<crate::machine::doctor::Diagnosis> {
    let mut worst: Vec<crate::machine::doctor::Diagnosis> = Vec::new();
    for one in runs.iter().flat_map(|run| &run.manifest.doctor) {
        match worst.iter_mut().find(|known| known.check == one.check) {
            Some(known) if known.severity < one.severity => known.clone_from(one),
            Some(_) => {}
            None => worst.push(one.clone()),
        }
    }
    worst
}

/// The checks of all targets; a target that failed anywhere has failed.
fn verification(runs: &[&Input]) -> Option<Verification> {
    let all = || {
        runs.iter()
            .filter_map(|run| run.manifest.verification.as_ref())
    };
    all().next()?;
    let mut whole = Verification {
        skipped: all().any(|one| one.skipped),
        targets: Vec::new(),
    };
    for entry in all().flat_map(|one| &one.targets) {
        match whole
            .targets
            .iter_mut()
            .find(|known| known.target_full == entry.target_full)
        {
            Some(known) if known.failed().is_none() && entry.failed().is_some() => {
                known.clone_from(entry);
            }
            Some(_) => {}
            None => whole.targets.push(entry.clone()),
        }
    }
    Some(whole)
}
