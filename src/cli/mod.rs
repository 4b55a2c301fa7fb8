//! Roof: one file per verb. Each parses, calls one function, prints.

mod args;
mod child;
mod compare;
mod doctor;
mod formats;
mod hash;
mod history;
mod house;
mod list;
mod merge;
mod new_strategy;
mod output;
mod plan;
mod predict;
mod progress;
mod rank;
mod report;
mod run;
mod run_args;
mod serve;
mod shell;
mod signals;
mod size;
mod stdin;
mod suboptions;
mod sweep_args;
mod task;
mod trace;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::FromArgMatches;

use crate::base::BadInput;
use crate::catalog::Row;
use crate::run::Program;

use house::House;

/// The program: parses the command line, does what it says, and returns the exit code: 0 when all
/// is well, 1 when something failed while running or is slower than asked for, 2 for input that cannot be used, 75 for a
/// task that is to be run again, 130 after an interrupt.
///
/// `rows` are the strategies to offer, [`crate::catalog::ROWS`] with your own behind them;
/// `executable` is the program to start children from, normally [`std::env::current_exe`]: it
/// must call this function too.
pub fn main(rows: &[Row], executable: std::io::Result<PathBuf>) -> ExitCode {
    run_as(None, rows, executable)
}

/// [`main`] for a program of another crate, which the records and pages of its runs then name: what they are to be
/// reproduced with is that crate at its revision, not this one. `program` is [`crate::program!`]`()`.
pub fn main_of(program: Program, rows: &[Row], executable: std::io::Result<PathBuf>) -> ExitCode {
    run_as(Some(program), rows, executable)
}

/// The crate that this stands in: its name, its version, and where its sources are, for
/// [`main_of`](crate::cli::main_of).
///
/// ```
/// let program = bucketlab::program!();
/// assert!(!program.name.is_empty() && !program.version.is_empty());
/// ```
#[macro_export]
macro_rules! program {
    () => {
        $crate::run::Program {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            sources: env!("CARGO_MANIFEST_DIR"),
        }
    };
}

fn run_as(
    program: Option<Program>,
    rows: &[Row],
    executable: std::io::Result<PathBuf>,
) -> ExitCode {
    match with_args((program, rows), executable, std::env::args_os()) {
        Ok(code) => code,
        Err(error) => {
            // A reader that has gone away wants no message.
            let broken_pipe = error.chain().any(|cause| {
                cause
                    .downcast_ref::<std::io::Error>()
                    .map(std::io::Error::kind)
                    == Some(std::io::ErrorKind::BrokenPipe)
            });
            if broken_pipe {
                return ExitCode::SUCCESS;
            }
            output::complain(&format!("bucketlab: {error:#}\n"));
            let bad_input = error.chain().any(<dyn std::error::Error>::is::<BadInput>);
            ExitCode::from(if bad_input { 2 } else { 1 })
        }
    }
}

fn with_args(
    (program, rows): (Option<Program>, &[Row]),
    executable: std::io::Result<PathBuf>,
    args: impl Iterator<Item = OsString>,
) -> anyhow::Result<ExitCode> {
    let parsed = shell::command().try_get_matches_from(args.map(stdin::unlike_a_flag));
    let cli = match parsed.and_then(|matches| args::Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // Help goes to stdout, complaints to stderr; a closed pipe is no error.
            let _ = error.print();
            return Ok(ExitCode::from(code));
        }
    };
    let executable = executable
        .map_err(|error| anyhow::anyhow!("the path of this program cannot be had: {error}"))?;
    let house = House {
        rows,
        executable: &executable,
        program,
    };
    match cli.verb {
        args::Verb::Run(run) if run.part.is_asked_for() => task::task(house, &run),
        args::Verb::Run(run) => run::run(house, &run),
        args::Verb::Plan(plan) => plan::plan(house, &plan),
        args::Verb::Merge(merge) => merge::merge(&merge),
        args::Verb::Report(report) => report::report(&report),
        args::Verb::Compare(compare) => compare::compare(house, &compare),
        args::Verb::History(history) => history::history(&history),
        args::Verb::Predict(predict) => predict::predict(&predict),
        args::Verb::Rank(rank) => rank::rank(&rank),
        args::Verb::Trace(trace) => trace::trace(&trace),
        args::Verb::Size(size) => size::size(house, &size),
        args::Verb::Hash(hash) => hash::hash(house, &hash),
        args::Verb::Doctor(doctor) => doctor::doctor(&doctor),
        args::Verb::List(list) => list::list(house, &list),
        args::Verb::Serve(serve) => serve::serve(house, &serve),
        args::Verb::Verify(verify) => verify::verify(house, &verify),
        args::Verb::NewStrategy(new) => new_strategy::new_strategy(house, &new),
        args::Verb::Completions(completions) => shell::completions(&completions),
        args::Verb::Man(man) => shell::man(&man),
        args::Verb::Child => Ok(child::child(house)),
    }
}
