//! `bucketlab completions` and `bucketlab man`: what a shell and `man` know of the command line; and `--version`.

use std::path::Path;
use std::process::ExitCode;

use clap::{Command, CommandFactory};

use super::args::{Cli, Completions, Man};
use super::output;
use crate::base::BadInput;
use crate::machine;
use crate::run;

/// The command line with what only the running program knows.
pub(super) fn command() -> Command {
    Cli::command().long_version(long_version())
}

/// Prints the completions of a shell.
pub(super) fn completions(args: &Completions) -> anyhow::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "bucketlab", &mut text);
    output::print(&String::from_utf8(text)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page, or writes one for each verb.
pub(super) fn man(args: &Man) -> anyhow::Result<ExitCode> {
    let command = Cli::command();
    if let Some(folder) = &args.out {
        written(command, folder).map_err(|error| {
            BadInput(format!(
                "manual pages cannot be written to '{}': {error}",
                folder.display()
            ))
        })?;
        output::print_path(folder)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    output::print(&String::from_utf8(text)?)?;
    Ok(ExitCode::SUCCESS)
}

fn written(command: Command, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(command, folder)
}

/// Version, revision, profile and features.
fn long_version() -> String {
    let mut features = Vec::new();
    if cfg!(feature = "counters") {
        features.push("counters");
    }
    if cfg!(feature = "faults") {
        features.push("faults");
    }
    let features = if features.is_empty() {
        "none".to_owned()
    } else {
        features.join(", ")
    };
    let revision = run::revision();
    let revision = if revision.is_empty() {
        "not known: its sources are not here".to_owned()
    } else {
        revision
    };
    format!(
        "{}\nrevision: {revision}\nprofile:  {}\nfeatures: {features}",
        env!("CARGO_PKG_VERSION"),
        machine::profile(),
    )
}
