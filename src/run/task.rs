//! One task of a sweep: measured once, whole or not at all, whatever the scheduler does to it.
//!
//! ```text
//! OUT/tasks/ID/             a task that is done: the directory of a run; it gets this name when it is whole
//! OUT/tasks/ID.part/        one that is going on, or was stopped: the run to go on with
//! OUT/.locks/ID             held while a process is at it; it stays, as a file system of a network keeps what is open
//! OUT/tasks/ID.disturbed/   the last attempt that others disturbed too much
//! ```
//!
//! A task that is done is not done again. One that was stopped goes on where it was, if the program and the
//! machine are the same; else it begins anew, because figures of two machines are no panel.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use anyhow::Context;

use super::built::BuiltFrom;
use super::entries::{all_cells, suite_table};
use super::execute::{Ended, execute, resume};
use super::plan::Plan;
use super::resume::check;
use super::watch::Watch;
use crate::analysis::Disturbance;
use crate::base::BadInput;
use crate::machine;
use crate::record::{Manifest, Records, Status};

/// The directory of the tasks, in that of the results.
const TASKS: &str = "tasks";

/// The directory of their locks: beside them, so that all that is in theirs is tasks.
const LOCKS: &str = ".locks";

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Finish {
    /// It is done: now, or in an earlier call.
    Done {
        /// Its directory.
        path: PathBuf,
        /// Whether there was nothing to do.
        before: bool,
        /// Whether a cell has failed.
        errors: bool,
    },
    /// It was stopped, and is to be called again.
    Preempted,
    /// Another process is at it.
    Busy,
    /// Others disturbed this part of its slices, which is more than was allowed: it is to be measured again.
    Disturbed(f64),
}

/// Measures a plan that is a task, below `out`. A task more than `most_disturbed` (a part) of whose slices were
/// disturbed does not count.
///
/// # Errors
/// [`BadInput`] if the task was done with another build of the program or other flags, or the directory cannot
/// be written; otherwise like [`execute`].
pub fn run_task(
    plan: &mut Plan<'_>,
    executable: &Path,
    (out, argv): (&Path, &[String]),
    most_disturbed: f64,
    watch: &mut dyn Watch,
    interrupted: &AtomicBool,
) -> anyhow::Result<Finish> {
    let Some(task) = &plan.task else {
        anyhow::bail!("the plan is no task");
    };
    let place = Folder::of(out, &task.id);
    let Some(lock) = place.locked()? else {
        return Ok(Finish::Busy);
    };
    // The process that held the lock may have finished it meanwhile.
    if let Some(done) = place.done(plan, executable)? {
        place.clear();
        return Ok(done);
    }
    let ended = if let Some((path, records)) = place.begun(plan, executable) {
        resume(plan, executable, &path, records, watch, interrupted)?
    } else {
        place.empty()?;
        execute(plan, executable, &place.part, argv, watch, interrupted)?
    };
    let Ended { path, status } = ended;
    if matches!(status, Status::Interrupted | Status::Running) {
        return Ok(Finish::Preempted);
    }
    let records = Records::read(&path)?;
    let part = Disturbance::of(&records, None).map_or(0.0, |seen| seen.part());
    if part > most_disturbed {
        replaced(&path, &place.disturbed)?;
        place.clear();
        return Ok(Finish::Disturbed(part));
    }
    on_disk(&path)?;
    fs::rename(&path, &place.done)
        .with_context(|| format!("'{}' cannot be named", place.done.display()))?;
    place.clear();
    drop(lock);
    Ok(Finish::Done {
        path: place.done,
        before: false,
        errors: status == Status::Errors,
    })
}

/// The task of a plan as it was done in an earlier call, if it was. Nothing is made and no lock taken.
///
/// # Errors
/// [`BadInput`] if it was done with another build of the program or other flags.
pub fn task_done(
    plan: &Plan<'_>,
    executable: &Path,
    out: &Path,
) -> Result<Option<Finish>, BadInput> {
    match &plan.task {
        Some(task) => Folder::of(out, &task.id).done(plan, executable),
        None => Ok(None),
    }
}

/// The directories of a task.
struct Folder {
    id: String,
    done: PathBuf,
    part: PathBuf,
    lock: PathBuf,
    disturbed: PathBuf,
}

impl Folder {
    fn of(out: &Path, id: &str) -> Folder {
        let tasks = out.join(TASKS);
        Folder {
            id: id.to_owned(),
            done: tasks.join(id),
            part: tasks.join(format!("{id}.part")),
            lock: out.join(LOCKS).join(id),
            disturbed: tasks.join(format!("{id}.disturbed")),
        }
    }

    /// The task as it was done before; refused where what was done is not what is asked for now.
    fn done(&self, plan: &Plan<'_>, executable: &Path) -> Result<Option<Finish>, BadInput> {
        if !self.done.exists() {
            return Ok(None);
        }
        let manifest = Manifest::read(&self.done)?;
        let built_from = BuiltFrom::of(executable);
        let refuse = |why: &str| {
            Err(BadInput(format!(
                "task {} was done {why}, in '{}': remove that directory to measure it again, or give another --out",
                self.id,
                self.done.display()
            )))
        };
        if manifest.binary_hash != built_from.binary_hash {
            return refuse("by another build of this program");
        }
        if !same_suites(&manifest, plan) {
            return refuse("with other suites or flags");
        }
        Ok(Some(Finish::Done {
            path: self.done.clone(),
            before: true,
            errors: manifest.status == Status::Errors,
        }))
    }

    /// Holds the task as long as the file is open; `None` where another process does.
    fn locked(&self) -> Result<Option<File>, BadInput> {
        let unwritable = |error: io::Error| {
            BadInput(format!(
                "the task's directory '{}' cannot be written: {error}; give an --out that can",
                self.part.display()
            ))
        };
        let locks = self.lock.parent().unwrap_or(&self.lock);
        for directory in [&*self.part, locks] {
            fs::create_dir_all(directory).map_err(unwritable)?;
        }
        let file = File::create(&self.lock).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(unwritable(error)),
        }
    }

    /// The run that an earlier call began, if this one can go on with it.
    fn begun(&self, plan: &Plan<'_>, executable: &Path) -> Option<(PathBuf, Records)> {
        let path = self.runs().ok()?.into_iter().next()?;
        let records = Records::read(&path).ok()?;
        let built_from = BuiltFrom::of(executable);
        let goes_on = check(
            &records.manifest,
            &built_from,
            &all_cells(plan),
            &machine::fingerprint(),
        );
        (goes_on.is_ok() && same_suites(&records.manifest, plan)).then_some((path, records))
    }

    fn runs(&self) -> io::Result<Vec<PathBuf>> {
        let mut runs = Vec::new();
        for entry in fs::read_dir(&self.part)? {
            let path = entry?.path();
            if path.is_dir() {
                runs.push(path);
            }
        }
        runs.sort();
        Ok(runs)
    }

    /// Takes away what an earlier call began and this one cannot go on with.
    fn empty(&self) -> anyhow::Result<()> {
        let emptied = self
            .runs()
            .and_then(|runs| runs.iter().try_for_each(fs::remove_dir_all));
        emptied.with_context(|| format!("'{}' cannot be emptied", self.part.display()))
    }

    /// Takes away what is no longer needed. What cannot be removed does no harm: a task that has its name is done.
    fn clear(&self) {
        let _ = fs::remove_dir_all(&self.part);
    }
}

fn same_suites(manifest: &Manifest, plan: &Plan<'_>) -> bool {
    let suites: Vec<toml::Table> = plan.suites.iter().map(suite_table).collect();
    manifest.suites == suites
}

/// Gives a directory the name of one that is there.
fn replaced(from: &Path, to: &Path) -> anyhow::Result<()> {
    let renamed = match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::rename(from, to),
    };
    renamed.with_context(|| format!("'{}' cannot be replaced", to.display()))
}

/// Waits until the files of a run are on disk: it is about to get the name that says that they are.
fn on_disk(run: &Path) -> anyhow::Result<()> {
    let synced = fs::read_dir(run).and_then(|entries| {
        for entry in entries {
            let path = entry?.path();
            if path.is_file() {
                File::open(&path)?.sync_all()?;
            }
        }
        Ok(())
    });
    synced.with_context(|| format!("'{}' cannot be kept", run.display()))
}
