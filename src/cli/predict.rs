//! `bucketlab predict`: what was not measured, from what was.

use std::process::ExitCode;

use super::compare::read;
use super::formats::Format;
use super::output;
use super::sweep_args::Predict as Args;
use crate::analysis::{Question, Summary, predict as predicted};
use crate::base::BadInput;
use crate::report;

pub(super) fn predict(args: &Args) -> anyhow::Result<ExitCode> {
    for (name, value) in [
        ("--entries", args.entries),
        ("--threads", args.threads.map(u64::from)),
        ("--memory", args.memory.map(|memory| memory.0)),
        ("--rate", args.rate.map(|rate| rate.0)),
    ] {
        if value == Some(0) {
            return Err(BadInput(format!("{name} 0 is not valid: at least 1")).into());
        }
    }
    let records = read(&args.run)?;
    let summary = Summary::of(&records);
    let asked = Question {
        entries: args.entries,
        threads: args.threads,
        memory_bytes: args.memory.map(|memory| memory.0),
        rate: args.rate.map(|rate| rate.0 as f64),
    };
    let all = predicted(&records, &summary, asked);
    if all.is_empty() {
        return Err(BadInput(format!(
            "nothing can be predicted from {}: it has no target with a rate under a workload that keeps its keys, in a \
             closed loop, with a core for each thread",
            args.run.display()
        ))
        .into());
    }
    match args.format {
        Format::Table => {
            output::print(&report::predictions_table(
                &all,
                output::width(),
                output::colour(),
            ))?;
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&report::predictions_json(&all))?;
            output::print(&format!("{json}\n"))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
