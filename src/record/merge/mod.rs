//! Runs of parts of a sweep become one run.
//!
//! `inputs` finds the runs and refuses what does not belong together, `machine` tells unlike machines apart,
//! `manifest` makes the one `run.toml`, and `rows` copies the rows under new numbers.
//!
//! The runs are sorted by what they hold, never by how they were named, so that the same runs give the same bytes
//! in whatever order they are given. Figures of unlike machines never meet: each kind of machine has a run of its own. A
//! panel that several runs measured on like machines is one panel, whose tables were born so many times more: what lies between
//! two machines of a kind is then in the intervals, as what lies between two births is.

mod inputs;
mod machine;
mod manifest;
mod rows;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::directory::RunDirectory;
use super::records::Records;
use crate::base::{BadInput, counted};

pub use inputs::runs_in;
pub use machine::machine_kind;

use inputs::{Input, Inputs};

/// A merge, planned: what is there, what is missing, what is there twice.
#[derive(Debug)]
pub struct Merge {
    inputs: Inputs,
    /// For each kind of machine its runs, as places in the inputs.
    kinds: Vec<Kind>,
}

/// A kind of machine, and what was measured on it.
#[derive(Debug)]
struct Kind {
    words: String,
    runs: Vec<usize>,
}

/// What there is to say of a merge before it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergeNotes {
    /// Runs and panels that were left out, or came twice, a sentence each.
    pub notes: Vec<String>,
    /// Panels that no run has measured, and cells of measured panels that have no row.
    pub missing: Vec<String>,
}

impl Merge {
    /// Reads the manifests of runs: each directory is a run, or holds runs, or holds `tasks/` with runs.
    ///
    /// # Errors
    /// A directory without runs, or runs that are no parts of one sweep by one program: which they are, and in what
    /// they differ.
    pub fn of(directories: &[PathBuf]) -> Result<Merge, BadInput> {
        let inputs = Inputs::read(directories)?;
        let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, run) in inputs.runs.iter().enumerate() {
            kinds
                .entry(machine_kind(&run.manifest))
                .or_default()
                .push(at);
        }
        let kind = |(words, runs)| Kind { words, runs };
        let kinds = kinds.into_iter().map(kind).collect();
        Ok(Merge { inputs, kinds })
    }

    /// How many kinds of machine the runs were measured on.
    #[must_use]
    pub fn kinds(&self) -> usize {
        self.kinds.len()
    }

    /// Refuses runs of more than one kind of machine, and names what was measured on which.
    ///
    /// # Errors
    /// There is more than one kind.
    pub fn of_one_kind(&self) -> Result<(), BadInput> {
        let [_, _, ..] = self.kinds[..] else {
            return Ok(());
        };
        let mut text = format!(
            "the runs were measured on {} unlike machines, and figures of unlike machines share no panel:",
            self.kinds.len()
        );
        for (number, kind) in (1..).zip(&self.kinds) {
            let differs = machine::differences(&self.kinds[0].words, &kind.words);
            let differs = if number == 1 {
                kind.words.clone()
            } else {
                differs
            };
            let panels = self.labels_of(kind);
            text += &format!(
                "\n  machine {number} ({differs}): {}",
                listed_by("; ", &panels)
            );
        }
        for (label, cells) in self.mixed() {
            text += &format!("\n  on more than one: {label}: {}", listed(&cells));
        }
        text += "\ngive --each-machine to write a run for each of them into the directory";
        Err(BadInput(text))
    }

    /// The panels that more than one kind has measured, and their cells.
    fn mixed(&self) -> Vec<(String, Vec<String>)> {
        let mut kinds_of: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, kind) in self.kinds.iter().enumerate() {
            for id in kind
                .runs
                .iter()
                .flat_map(|&at| &self.inputs.runs[at].panels)
            {
                let kinds = kinds_of.entry(id).or_default();
                if !kinds.contains(&number) {
                    kinds.push(number);
                }
            }
        }
        let sweep = self.inputs.sweep.iter();
        let mixed = sweep.filter(|panel| {
            kinds_of
                .get(panel.id.as_str())
                .is_some_and(|kinds| kinds.len() > 1)
        });
        mixed
            .map(|panel| (panel.label.clone(), self.inputs.cells_of(&panel.id)))
            .collect()
    }

    fn labels_of(&self, kind: &Kind) -> Vec<String> {
        let runs = kind.runs.iter().map(|&at| &self.inputs.runs[at]);
        let ids: Vec<&String> = runs.flat_map(|run| &run.panels).collect();
        let sweep = self.inputs.sweep.iter();
        sweep
            .filter(|panel| ids.contains(&&panel.id))
            .map(|panel| panel.label.clone())
            .collect()
    }

    /// Writes the run of one kind of machine, `number` from 0, to a directory that is not there, or holds a run that
    /// was merged, which it replaces. The directory has its name when it is whole. Returns what is to be said.
    ///
    /// # Errors
    /// The directory holds something else, or cannot be written; a run cannot be read.
    ///
    /// # Panics
    /// If there are not so many kinds.
    pub fn write(&self, number: usize, to: &Path) -> anyhow::Result<MergeNotes> {
        let kind = &self.kinds[number];
        may_be_replaced(to)?;
        let runs: Vec<&Input> = kind.runs.iter().map(|&at| &self.inputs.runs[at]).collect();
        let mut notes = self.notes_of(&runs);
        let mut manifest = manifest::merged(&self.inputs.sweep, &runs);
        let unwritable = |error: std::io::Error| {
            BadInput(format!(
                "the merged run '{}' cannot be written: {error}",
                to.display()
            ))
        };
        let fresh = beside(to);
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir_all(&fresh).map_err(unwritable)?;
        let written = rows_of(
            &runs,
            (&fresh, &manifest.run_id.clone()),
            &mut manifest,
            &mut notes,
        );
        let named = written.and_then(|()| {
            if to.exists() {
                fs::remove_dir_all(to).map_err(unwritable)?;
            }
            Ok(fs::rename(&fresh, to).map_err(unwritable)?)
        });
        if named.is_err() {
            // Half a run is useless, and the first error is the one that counts.
            let _ = fs::remove_dir_all(&fresh);
        }
        named.map(|()| notes)
    }

    fn notes_of(&self, runs: &[&Input]) -> MergeNotes {
        let mut notes = self.inputs.notes.clone();
        let mut missing = Vec::new();
        let mut replicas: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for panel in &self.inputs.sweep {
            let copies = runs.iter().filter(|run| run.panels.contains(&panel.id));
            let label = &panel.label;
            match copies.count() {
                0 => missing.push(format!("panel {} ({label}): no run has it", panel.id)),
                1 => {}
                copies => replicas.entry(copies).or_default().push(label.clone()),
            }
        }
        for (copies, labels) in replicas {
            let panels = counted(labels.len() as u64, "panel");
            let were = if labels.len() == 1 { "was" } else { "were" };
            notes.push(format!(
                "{panels} {were} measured {copies} times, each time with births of its own: {}",
                listed_by("; ", &labels)
            ));
        }
        MergeNotes { notes, missing }
    }
}

/// Copies the rows of the runs, and completes the manifest by what they tell.
fn rows_of(
    runs: &[&Input],
    (path, run_id): (&Path, &str),
    manifest: &mut super::Manifest,
    notes: &mut MergeNotes,
) -> anyhow::Result<()> {
    let mut directory = RunDirectory::open(path, run_id.to_owned())
        .map_err(|error| BadInput(format!("'{}' cannot be written: {error}", path.display())))?;
    // The names of the rows' cells come from it.
    directory.manifest(manifest)?;
    let mut copied = rows::Copied::new(manifest);
    for (at, run) in runs.iter().enumerate() {
        let records = Records::read(&run.path)?;
        let first_births = copied.copy(
            &run.path,
            records,
            &manifest.merged[at].panels,
            &mut directory,
        )?;
        manifest.merged[at].first_births = first_births;
    }
    notes.missing.extend(copied.without_rows(manifest));
    manifest.notes.extend(notes.notes.iter().cloned());
    manifest.not_measured.extend(notes.missing.iter().cloned());
    manifest.status = manifest::status(copied.errors, !notes.missing.is_empty());
    if copied.latencies {
        manifest
            .not_measured
            .retain(|why| !why.starts_with("latency: "));
    }
    directory.manifest(manifest)
}

/// The first of a list in words, and how many more there are.
fn listed(all: &[String]) -> String {
    listed_by(", ", all)
}

fn listed_by(between: &str, all: &[String]) -> String {
    const SHOWN: usize = 8;
    let first = all
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(between);
    match all.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} and {}", counted(more as u64, "other")),
    }
}

/// A directory beside this one, for what is to get its name.
fn beside(to: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    to.with_file_name(name)
}

/// A directory is written over where it is empty, or holds what a merge wrote.
fn may_be_replaced(to: &Path) -> Result<(), BadInput> {
    let Ok(mut entries) = fs::read_dir(to) else {
        return if to.exists() {
            Err(BadInput(format!(
                "'{}' is no directory: give another -o",
                to.display()
            )))
        } else {
            Ok(())
        };
    };
    let merged = || super::Manifest::read(to).is_ok_and(|manifest| !manifest.merged.is_empty());
    if entries.next().is_none() || merged() {
        return Ok(());
    }
    Err(BadInput(format!(
        "'{}' is there and is no merged run: give another -o, or remove it",
        to.display()
    )))
}
