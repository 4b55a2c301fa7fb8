//! `bucketlab run`: measure suites.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use super::formats::Format;
use super::house::House;
use super::output;
use super::progress::Progress;
use super::report as pages;
use super::run_args::Run;
use super::signals::raised_by_signals;
use super::stdin::Spooled;
use crate::analysis::{self, format::counted};
use crate::base::BadInput;
use crate::machine;
use crate::record::{Records, Status, keep_baseline};
use crate::report;
use crate::run::suite::DEFAULT_SUITE;
use crate::run::{Ended, Overrides, Plan, Suite, execute, resume};

/// A run that is taken up again: its directory, and what it has recorded.
type Begun<'a> = (&'a Path, Records);

pub(super) fn run(house: House<'_>, args: &Run) -> anyhow::Result<ExitCode> {
    let begun = match &args.resume {
        Some(path) => Some((path.as_path(), Records::read(path).map_err(BadInput::from)?)),
        None => None,
    };
    let mut flags = args.flags.clone();
    // Its file lives as long as the run.
    let spooled = flags.trace.as_deref().map(Spooled::of).transpose()?;
    flags.trace = spooled.as_ref().map(|trace| trace.text().to_owned());
    let planned = planned(house, args, &flags, begun.as_ref()).map_err(Into::into);
    let mut plan = planned.map_err(|error| match &spooled {
        Some(spooled) => spooled.named(error),
        None => error,
    })?;
    if begun.is_none() && !flags.remote {
        plan.check_remote()?;
    }
    plan.verify = !args.no_verify;
    plan.overwrite = args.yes;
    plan.program = house.program;
    if !args.quiet {
        give_notes(&plan);
    }
    if args.dry {
        output::print(&describe(&plan))?;
        return Ok(ExitCode::SUCCESS);
    }
    if begun.is_none() && !args.yes {
        plan.check_patience()?;
    }
    let ended = measured(house, args, &plan, begun)?;
    if ended.status == Status::Interrupted {
        output::complain(&format!(
            "interrupted: the finished measurements are kept; continue with: bucketlab run --resume {}\n",
            ended.path.display()
        ));
    }
    if let Some(name) = args.save_baseline.as_ref()
        && ended.status != Status::Interrupted
    {
        let root = ended.path.parent().unwrap_or(Path::new("."));
        let kept = keep_baseline(root, name, &ended.path)?;
        if !args.quiet {
            output::complain(&format!(
                "baseline '{name}' is kept in {}\n",
                kept.display()
            ));
        }
    }
    let unmet = reported(&ended, args)?;
    if let Some(unmet) = unmet
        && ended.status == Status::Complete
    {
        return Err(BadInput(unmet).into());
    }
    Ok(match ended.status {
        Status::Interrupted => ExitCode::from(130),
        Status::Errors => ExitCode::FAILURE,
        Status::Running | Status::Complete => ExitCode::SUCCESS,
    })
}

/// The plan of the suites that are named, or of those of the run that is taken up again, which is planned
/// for the memory that it began with.
fn planned<'h>(
    house: House<'h>,
    args: &Run,
    flags: &Overrides,
    begun: Option<&Begun<'_>>,
) -> Result<Plan<'h>, BadInput> {
    let named = &args.suites[..];
    if let Some((path, records)) = begun {
        is_resumable(path, records)?;
        let suites = suites_of(path, records, named)?;
        return Plan::within(house.rows, suites, records.manifest.bytes_available);
    }
    let mut plan = Plan::new(house.rows, suites_named(named, flags)?)?;
    plan.name.clone_from(&args.name);
    Ok(plan)
}

/// Refuses parts and sums of runs, which go on in other ways.
fn is_resumable(path: &Path, records: &Records) -> Result<(), BadInput> {
    let manifest = &records.manifest;
    let why = match (&manifest.task, manifest.merged.is_empty()) {
        (Some(task), _) => format!(
            "it is task {} of a sweep: give the same `bucketlab run … --task` or `--shard` again",
            task.id
        ),
        (None, false) => {
            "it was merged: run the tasks that are missing, and merge again".to_owned()
        }
        (None, true) => return Ok(()),
    };
    let run = path.display();
    Err(BadInput(format!("run '{run}' cannot be resumed: {why}")))
}

/// The suites that are named, or the default one, with the flags applied; where flags alone say what is to be run,
/// they give the suite its name.
pub(super) fn suites_named(named: &[String], flags: &Overrides) -> Result<Vec<Suite>, BadInput> {
    let default = named.is_empty().then_some(DEFAULT_SUITE);
    let names = named.iter().map(String::as_str).chain(default);
    let mut suites = names
        .map(|name| Ok(Suite::load(name)?.with(flags)))
        .collect::<Result<Vec<Suite>, BadInput>>()?;
    if let ([suite], Some(_), Some((name, about))) = (&mut suites[..], default, flags.ad_hoc()) {
        (suite.name, suite.about) = (name, about);
        suite.analysis.clear();
        // The time of the default suite is for its many panels.
        suite.time_s = flags.time_s;
    }
    Ok(suites)
}

/// What a reader of the figures has to know before there are any.
pub(super) fn give_notes(plan: &Plan<'_>) {
    for note in &plan.notes {
        output::complain(&format!("note: {note}\n"));
    }
    for note in readings(plan) {
        output::complain(&format!("note: {note}\n"));
    }
    if let Some(note) = note_on_profile(machine::profile()) {
        output::complain(&note);
    }
}

/// How each trace is understood: its format, and its first request.
fn readings(plan: &Plan<'_>) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for panel in &plan.panels {
        let Some(source) = &panel.workload.trace else {
            continue;
        };
        // The plan has read the trace: what is wrong with it was said then.
        let Ok(first) = source.first_rows(1) else {
            continue;
        };
        let mut note = format!("trace {} is read as {}", source.name(), source.format);
        for part in first.reading.iter().chain(first.requests.first()) {
            note += &format!("; {part}");
        }
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// Measures the plan, or what is left of it, under a line of progress and until a signal.
fn measured(
    house: House<'_>,
    args: &Run,
    plan: &Plan<'_>,
    begun: Option<Begun<'_>>,
) -> anyhow::Result<Ended> {
    let Some((path, records)) = begun else {
        return measured_anew(house, plan, (&args.out, args.quiet));
    };
    let interrupted = raised_by_signals()?;
    let mut progress = Progress::new(plan, args.quiet);
    let executable = house.executable;
    let ended = resume(plan, executable, path, records, &mut progress, &interrupted);
    progress.finish();
    ended
}

/// Measures a plan from the start, into a directory below `out`, with a line of progress unless it is to be quiet.
pub(super) fn measured_anew(
    house: House<'_>,
    plan: &Plan<'_>,
    (out, quiet): (&Path, bool),
) -> anyhow::Result<Ended> {
    let interrupted = raised_by_signals()?;
    let mut progress = Progress::new(plan, quiet);
    let ended = execute(
        plan,
        house.executable,
        out,
        &command_line(),
        &mut progress,
        &interrupted,
    );
    progress.finish();
    ended
}

pub(super) fn command_line() -> Vec<String> {
    std::env::args_os()
        .map(|a| a.to_string_lossy().into_owned())
        .collect()
}

/// Writes the report of a run and prints its figures, then the report's path. Gives the sentence on searches
/// that met no limit, if there is one.
fn reported(ended: &Ended, args: &Run) -> anyhow::Result<Option<String>> {
    let records = Records::read(&ended.path)?;
    let summary = analysis::Summary::of(&records);
    let page = pages::write(&ended.path, &summary, &records);
    match args.format {
        Format::Table if args.quiet => {}
        Format::Table => {
            output::print_if_read(&pages::in_words(&summary))?;
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&report::json(&summary))?;
            output::print_if_read(&format!("{json}\n"))?;
        }
    }
    // A report that cannot be written is a failure, but not before the figures are shown.
    let page = page.map_err(|error| anyhow::anyhow!("{error}"))?;
    match args.format {
        Format::Table => output::print_path_if_read(&page)?,
        Format::Json => output::complain_path(&page),
    }
    if args.open {
        output::open(&page);
    }
    Ok(analysis::unmet(&summary))
}

/// One line where figures are not fit to be kept.
fn note_on_profile(profile: &str) -> Option<String> {
    let unfit = profile != machine::RELEASE;
    unfit.then(|| {
        format!(
            "note: a build of profile {profile}: its figures are for yourself; for figures to keep or \
             compare: cargo build --release\n"
        )
    })
}

/// The suites of a run that is taken up again; where suites are named, they must be these.
pub(super) fn suites_of(
    path: &Path,
    records: &Records,
    named: &[String],
) -> Result<Vec<Suite>, BadInput> {
    let differs = |why: String| {
        let run = path.display();
        Err(BadInput(format!(
            "run '{run}' cannot be resumed: {why}; leave the suites out to go on with its own"
        )))
    };
    let mut suites = Vec::new();
    for table in &records.manifest.suites {
        match table.clone().try_into::<Suite>() {
            Ok(suite) => suites.push(suite),
            Err(error) => {
                let file = path.join("run.toml");
                return Err(BadInput(format!("{}: suites: {error}", file.display())));
            }
        }
    }
    for name in named {
        let suite = Suite::load(name)?;
        match suites.iter().find(|own| own.name == suite.name) {
            None => return differs(format!("it has no suite '{}'", suite.name)),
            Some(own) if *own != suite => {
                return differs(format!(
                    "its suite '{}' differs from the one given, or was changed by flags",
                    suite.name
                ));
            }
            Some(_) => {}
        }
    }
    Ok(suites)
}

pub(super) fn describe(plan: &Plan<'_>) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let mut text = String::new();
    for (index, panel) in plan.panels.iter().enumerate() {
        let trials = panel
            .trials
            .map_or("trials as time allows".to_owned(), |n| {
                counted(n.into(), "trial")
            });
        let _ = writeln!(
            text,
            "panel {index}: {} ({})",
            panel.label(),
            panel.workload.describe()
        );
        let how = if panel.is_pass() { "passes" } else { "slices" };
        if panel.time_s.is_finite() {
            let _ = writeln!(text, "  {trials}, {:.1} s of {how}", panel.time_s);
        } else {
            let _ = writeln!(text, "  {trials}, {how}");
        }
        for (at, cell) in panel.cells.iter().enumerate() {
            let role = match (cell.target.control(), cell.twin, panel.baseline == Some(at)) {
                (true, _, _) => "  control",
                (_, true, _) => "  twin",
                (_, _, true) => "  baseline",
                _ => "",
            };
            let bytes = panel
                .cell_bytes(cell)
                .map_or_else(String::new, |bytes| format!("  about {} MiB", mib(bytes)));
            let _ = writeln!(
                text,
                "  {}  {} {}{}{role}{bytes}",
                cell.id,
                cell.target.full(),
                cell.hash,
                cell.heap.suffix()
            );
        }
    }
    let available = plan
        .bytes_available
        .map_or(String::new(), |b| format!(" of {} MiB available", mib(b)));
    let _ = match plan.checked_targets() {
        0 => writeln!(
            text,
            "not verified: no target is checked before the first slice"
        ),
        count => writeln!(
            text,
            "before the first slice: checks of {}, a second each at most, but for what passed them before",
            counted(count as u64, "target")
        ),
    };
    if plan.has_servers() {
        text += "servers are not checked before the first slice: each answer's value is checked while it is timed\n";
    }
    let seconds = plan.seconds();
    let time = if seconds.is_finite() {
        format!("about {seconds:.0} s")
    } else {
        "unknown time".into()
    };
    let _ = writeln!(
        text,
        "{} in {}, {time}, at most about {} MiB{available}",
        counted(plan.cell_count() as u64, "cell"),
        counted(plan.panels.len() as u64, "panel"),
        mib(plan.bytes),
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_release_build_alone_are_to_keep() {
        assert_eq!(note_on_profile("release"), None);
        let note = note_on_profile("edit").unwrap();
        assert!(note.contains("profile edit") && note.contains("for yourself"));
        assert_eq!(note.lines().count(), 1);
    }
}
