//! The runs that are to be merged, and whether they belong together.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use crate::base::BadInput;
use crate::machine::{BUILD, CARGO_FEATURES};
use crate::record::{
    HashRecords, Manifest, SCHEMA_VERSION, Status, SweepPanel, place_in_words, task_id,
};

/// The folder of tasks in a directory of results, and how tasks that are not done are called.
const TASKS: &str = "tasks";
const UNDONE: [&str; 2] = ["part", "disturbed"];

/// A run that is to be merged.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
    /// The ids of its panels, in its order.
    pub(super) panels: Vec<String>,
    /// A hash of what it measured: two copies of a run have the same.
    digest: u64,
}

/// All of them, sorted by what they hold.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) runs: Vec<Input>,
    /// The panels of the whole sweep.
    pub(super) sweep: Vec<SweepPanel>,
    /// What was left out.
    pub(super) notes: Vec<String>,
}

impl Inputs {
    pub(super) fn read(directories: &[PathBuf]) -> Result<Inputs, BadInput> {
        let mut paths = BTreeSet::new();
        for directory in directories {
            // What an earlier merge wrote into a directory of runs is none of them.
            let is_part = |path: &PathBuf| {
                path == directory
                    || !Manifest::read(path).is_ok_and(|manifest| !manifest.merged.is_empty())
            };
            let found = runs_in(directory)?.into_iter().filter(is_part);
            // One that is given twice, perhaps by its parent, is one.
            paths.extend(found.map(|path| path.canonicalize().unwrap_or(path)));
        }
        let mut runs = paths
            .into_iter()
            .map(Input::read)
            .collect::<Result<Vec<Input>, BadInput>>()?;
        let mut notes = Vec::new();
        runs.sort_by_cached_key(Input::sorts_by);
        runs.retain(|run| match run.manifest.status {
            Status::Complete | Status::Errors => true,
            Status::Running | Status::Interrupted => {
                notes.push(format!(
                    "{} has not ended and is left out",
                    run.manifest.run_id
                ));
                false
            }
        });
        let mut seen = BTreeSet::new();
        runs.retain(|run| {
            let is_new = seen.insert(run.digest);
            if !is_new {
                notes.push(format!(
                    "{} is there twice and counts once",
                    run.manifest.run_id
                ));
            }
            is_new
        });
        let Some((first, others)) = runs.split_first() else {
            return Err(BadInput(
                "none of the runs has ended: there is nothing to merge".into(),
            ));
        };
        let sweep = first.sweep();
        others
            .iter()
            .try_for_each(|other| same(first, other, &sweep))?;
        let mut inputs = Inputs { runs, sweep, notes };
        inputs.sort();
        Ok(inputs)
    }

    /// By the places of their panels in the sweep, then by when they were begun.
    fn sort(&mut self) {
        let place = |id: &String| self.sweep.iter().position(|panel| panel.id == *id);
        let first = |run: &Input| run.panels.iter().filter_map(place).min();
        self.runs
            .sort_by_cached_key(|run| (first(run), run.sorts_by()));
    }

    /// The targets of a panel, as people read them.
    pub(super) fn cells_of(&self, id: &str) -> Vec<String> {
        let run = self.runs.iter().find_map(|run| {
            let at = run.panels.iter().position(|own| own == id)?;
            Some((run, u32::try_from(at).ok()?))
        });
        let Some((run, at)) = run else {
            return Vec::new();
        };
        let cells = run.manifest.cells.iter().filter(|cell| cell.panel == at);
        let ranked = cells.filter(|cell| !cell.control && !cell.twin);
        ranked.map(|cell| cell.target.clone()).collect()
    }
}

impl Input {
    fn read(path: PathBuf) -> Result<Input, BadInput> {
        if HashRecords::are_in(&path) {
            return Err(BadInput(format!(
                "'{}' is a run of hash functions, and these are not merged: give runs of tables",
                path.display()
            )));
        }
        let manifest = Manifest::read(&path)?;
        if manifest.schema_version != SCHEMA_VERSION {
            return Err(BadInput(format!(
                "'{}' has schema version {}, and only version {SCHEMA_VERSION} is merged: measure it again",
                path.display(),
                manifest.schema_version
            )));
        }
        if !manifest.merged.is_empty() {
            return Err(BadInput(format!(
                "'{}' is a merged run: give the runs that it was merged from",
                path.display()
            )));
        }
        let trials = path.join("trials.csv");
        let mut bytes = fs::read(&trials)
            .map_err(|error| BadInput(format!("{} cannot be read: {error}", trials.display())))?;
        bytes.extend(fs::read(path.join("run.toml")).unwrap_or_default());
        let panels = manifest.panels.iter().map(|panel| {
            let cells = manifest.cells.iter();
            let own = cells.filter(|cell| cell.panel == panel.panel);
            task_id(own.map(|cell| cell.cell_id.as_str()))
        });
        Ok(Input {
            panels: panels.collect(),
            digest: xxh3_64(&bytes),
            path,
            manifest,
        })
    }

    fn sorts_by(&self) -> (String, String, u64) {
        let manifest = &self.manifest;
        (
            manifest.started.clone(),
            manifest.run_id.clone(),
            self.digest,
        )
    }

    /// The sweep that it is a part of; a run that is no task is the whole of its own.
    fn sweep(&self) -> Vec<SweepPanel> {
        if let Some(task) = &self.manifest.task {
            return task.sweep.clone();
        }
        let panels = self.manifest.panels.iter().zip(&self.panels);
        panels
            .map(|(panel, id)| SweepPanel {
                id: id.clone(),
                label: place_in_words(
                    &panel.workload,
                    (panel.entries, panel.threads),
                    (panel.batch, panel.between),
                    panel.asked(),
                ),
            })
            .collect()
    }
}

/// The runs in a directory: itself, its tasks that are done, or those in it.
///
/// # Errors
/// There is none, or the directory cannot be read.
pub fn runs_in(directory: &Path) -> Result<Vec<PathBuf>, BadInput> {
    let is_run = |path: &Path| path.join("run.toml").is_file();
    if is_run(directory) {
        return Ok(vec![directory.to_owned()]);
    }
    let tasks = directory.join(TASKS);
    let folder = if tasks.is_dir() { &tasks } else { directory };
    let entries = fs::read_dir(folder)
        .map_err(|error| BadInput(format!("'{}' cannot be read: {error}", folder.display())))?;
    let mut runs: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let end = path.extension().and_then(|end| end.to_str());
            is_run(path) && !end.is_some_and(|end| UNDONE.contains(&end))
        })
        .collect();
    runs.sort();
    if runs.is_empty() {
        return Err(BadInput(format!(
            "'{}' holds no run: give directories of runs, or one that holds tasks/ or runs",
            directory.display()
        )));
    }
    Ok(runs)
}

/// Refuses two runs that are no parts of one sweep by one program.
fn same(first: &Input, other: &Input, sweep: &[SweepPanel]) -> Result<(), BadInput> {
    let (a, b) = (&first.manifest, &other.manifest);
    let fact = |of: &Manifest, name: &str| of.machine.get(name).cloned().unwrap_or_default();
    let program = |of: &Manifest| {
        let program = of.program.as_ref();
        program.map_or_else(String::new, |p| {
            format!("{} {} {}", p.name, p.version, p.revision)
        })
    };
    let mut differ: Vec<(&str, String, String)> =
        vec![("seed", a.seed.to_string(), b.seed.to_string())];
    // One executable is one program, whatever has become of its sources while the sweep went on.
    if a.binary_hash != b.binary_hash {
        differ.extend([
            ("version", a.version.clone(), b.version.clone()),
            ("revision", a.revision.clone(), b.revision.clone()),
            ("program", program(a), program(b)),
            ("lockfile", a.lockfile_hash.clone(), b.lockfile_hash.clone()),
        ]);
        // What a changed source was built from, only the executable itself says.
        if a.revision.is_empty() || a.revision.ends_with("-dirty") {
            differ.push(("executable", a.binary_hash.clone(), b.binary_hash.clone()));
        }
    }
    for name in [BUILD, CARGO_FEATURES, "rustc", "target_features"] {
        differ.push((name, fact(a, name), fact(b, name)));
    }
    differ.retain(|(_, of_a, of_b)| of_a != of_b);
    let names = |of: &Manifest| {
        let names = of
            .suites
            .iter()
            .filter_map(|suite| suite.get("name")?.as_str());
        names.collect::<Vec<_>>().join(" + ")
    };
    if a.suites != b.suites {
        let (of_a, of_b) = (names(a), names(b));
        differ.push(if of_a == of_b {
            ("suite", of_a, format!("{of_b} with other settings"))
        } else {
            ("suite", of_a, of_b)
        });
    } else if !other
        .sweep()
        .iter()
        .map(|panel| &panel.id)
        .eq(sweep.iter().map(|panel| &panel.id))
    {
        differ.push(("plan", "one set of panels".into(), "another".into()));
    }
    let Some((name, of_a, of_b)) = differ.first() else {
        return Ok(());
    };
    Err(BadInput(format!(
        "'{}' and '{}' are not parts of one sweep: {name} is {of_a} in the first and {of_b} in the second; merge \
         runs of one program and of the same suites and flags",
        first.path.display(),
        other.path.display()
    )))
}
