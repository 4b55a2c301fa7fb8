//! `bucketlab run --task`, `--shard`: one task of a sweep, with exit codes that schedulers act on.

use std::error::Error;
use std::process::ExitCode;

use super::house::House;
use super::output;
use super::progress::Progress;
use super::run::{command_line, describe, give_notes, suites_named};
use super::run_args::Run;
use super::signals::raised_by_signals_or;
use super::stdin::refused_for_tasks;
use crate::base::BadInput;
use crate::run::{Finish, Plan, run_task, task_done};

/// Not now, but later: `EX_TEMPFAIL` of `sysexits.h`, at which schedulers are told to run a task again.
const AGAIN: u8 = 75;

pub(super) fn task(house: House<'_>, args: &Run) -> anyhow::Result<ExitCode> {
    // From here on: a scheduler may send its signal while the suites are planned.
    let interrupted = raised_by_signals_or(AGAIN.into())?;
    refused_for_tasks(args.flags.trace.as_deref())?;
    let suites = suites_named(&args.suites, &args.flags)?;
    let mut plan = Plan::within(house.rows, suites, None)?;
    plan.name.clone_from(&args.name);
    if !args.flags.remote {
        plan.check_remote()?;
    }
    plan.verify = !args.no_verify;
    plan.overwrite = args.yes;
    plan.program = house.program;
    let task = match (&args.part.task, args.part.shard) {
        (Some(id), _) => plan.task_of(id)?,
        (None, Some(shard)) => plan.share(shard),
        (None, None) => return Err(BadInput("give --task ID or --shard K/N".into()).into()),
    };
    if task.panels.is_empty() {
        let panels = plan.panels.len();
        output::complain(&format!(
            "nothing to do: the suites have {panels} panels, so that at most as many shards have work\n"
        ));
        return Ok(ExitCode::SUCCESS);
    }
    plan.keep(&task);
    if !args.quiet {
        give_notes(&plan);
    }
    if args.dry {
        output::print(&describe(&plan))?;
        return Ok(ExitCode::SUCCESS);
    }
    // First: what is done asks for no memory and no patience.
    if let Some(done) = task_done(&plan, house.executable, &args.out)? {
        return said(done, &task.id, args);
    }
    plan.check_memory()?;
    if !args.yes {
        plan.check_patience()?;
    }
    let mut progress = Progress::new(&plan, args.quiet);
    let finish = run_task(
        &mut plan,
        house.executable,
        (&args.out, &command_line()),
        args.max_disturbed / 100.0,
        &mut progress,
        &interrupted,
    );
    progress.finish();
    match finish {
        Ok(finish) => said(finish, &task.id, args),
        // A full disk, a process that could not be started: 1 would say that a cell had failed.
        Err(error) if !error.chain().any(<dyn Error>::is::<BadInput>) => {
            output::complain(&format!("task {}: {error:#}; run it again\n", task.id));
            Ok(ExitCode::from(AGAIN))
        }
        Err(error) => Err(error),
    }
}

/// Says how the task ended, and gives its exit code.
fn said(finish: Finish, id: &str, args: &Run) -> anyhow::Result<ExitCode> {
    let again = |why: &str| {
        output::complain(&format!("task {id}: {why}; run it again\n"));
        ExitCode::from(AGAIN)
    };
    Ok(match finish {
        Finish::Done {
            path,
            before,
            errors,
        } => {
            if before && !args.quiet {
                output::complain(&format!("task {id} was done before\n"));
            }
            output::print_path_if_read(&path)?;
            ExitCode::from(u8::from(errors))
        }
        Finish::Preempted => again("stopped by a signal, and what is measured is kept"),
        Finish::Busy => again("another process is at it"),
        Finish::Disturbed(part) => again(&format!(
            "{:.0} % of its slices were disturbed, more than --max-disturbed {:.0}% allows",
            part * 100.0,
            args.max_disturbed
        )),
    })
}
