//! `bucketlab plan`: suites as tasks for a scheduler.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::formats::Format;
use super::house::House;
use super::output;
use super::run::{give_notes, suites_named};
use super::stdin::refused_for_tasks;
use super::sweep_args::Plan as Args;
use crate::base::{BadInput, counted};
use crate::report::{Cell, Column, Row, Table};
use crate::run::{MOST_SHARDS, Panel, Plan, Task};

pub(super) fn plan(house: House<'_>, args: &Args) -> anyhow::Result<ExitCode> {
    refused_for_tasks(args.flags.trace.as_deref())?;
    if let Some(tasks) = args.tasks
        && !(1..=MOST_SHARDS).contains(&tasks)
    {
        return Err(BadInput(format!("--tasks {tasks} is not valid: 1 to {MOST_SHARDS}")).into());
    }
    let suites = suites_named(&args.suites, &args.flags)?;
    let mut plan = Plan::within(house.rows, suites, None)?;
    plan.verify = !args.no_verify;
    give_notes(&plan);
    let tasks = match args.tasks {
        Some(of) => plan.shared_out(of),
        None => plan.tasks(),
    };
    match args.format {
        Format::Table => output::print(&as_text(&plan, &tasks))?,
        Format::Json => {
            let own: Vec<String> = command(std::env::args().skip(1));
            let json: Value = tasks
                .iter()
                .map(|task| as_json(&plan, task, &own))
                .collect();
            output::print(&format!("{}\n", serde_json::to_string_pretty(&json)?))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The arguments of `run` that plan the same: those of `plan`, without what only `plan` takes.
fn command(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = vec!["run".to_owned()];
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        let name = argument.split('=').next().unwrap_or_default();
        match name {
            "--tasks" | "--format" if !argument.contains('=') => {
                arguments.next();
            }
            "--tasks" | "--format" => {}
            _ => kept.push(argument),
        }
    }
    kept
}

/// How `run` is told which part it is.
fn part(task: &Task) -> [String; 2] {
    match task.shard {
        Some(shard) => ["--shard".to_owned(), shard.to_string()],
        None => ["--task".to_owned(), task.id.clone()],
    }
}

/// A task for programs.
///
/// | field | meaning |
/// |---|---|
/// | `id` | the name of its directory below `OUT/tasks` |
/// | `shard` | `K/N`, where panels were shared out; else `null` |
/// | `cores`, `memory_bytes`, `seconds` | what it wants: a processor for each thread, and estimates; `seconds` is `null` where there is none |
/// | `panels` | `id`, `label`, `suite`, `workload`, `threads` and `cells` (how many) of each |
/// | `arguments`, `command` | what runs it: words, and the same for a shell |
fn as_json(plan: &Plan<'_>, task: &Task, own: &[String]) -> Value {
    let panel = |panel: &Panel<'_>, id: String| {
        json!({
            "id": id,
            "label": panel.words(),
            "suite": panel.suite,
            "workload": panel.workload.name,
            "threads": panel.threads,
            "cells": panel.cells.len(),
        })
    };
    let panels = task.panels.iter().map(|&at| {
        let of = &plan.panels[at];
        panel(of, of.id())
    });
    let arguments: Vec<String> = own.iter().cloned().chain(part(task)).collect();
    let words: Vec<String> = arguments.iter().map(|word| quoted(word)).collect();
    json!({
        "id": task.id,
        "shard": task.shard.map(|shard| shard.to_string()),
        "cores": task.cores,
        "memory_bytes": task.memory_bytes,
        "seconds": task.seconds.is_finite().then(|| task.seconds.ceil()),
        "panels": panels.collect::<Vec<Value>>(),
        "arguments": arguments,
        "command": format!("bucketlab {}", words.join(" ")),
    })
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+%^@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn as_text(plan: &Plan<'_>, tasks: &[Task]) -> String {
    let shared = tasks.iter().any(|task| task.shard.is_some());
    let mut columns = vec![Column::target("task")];
    if shared {
        columns.push(Column::text("shard"));
    }
    columns.extend([
        Column::number("cores", ""),
        Column::number("MiB", ""),
        Column::number("seconds", ""),
        Column::number("cells", ""),
        Column::words("panels"),
    ]);
    let row = |task: &Task| {
        let panels = || task.panels.iter().map(|&at| &plan.panels[at]);
        let mut cells = vec![Cell::text(&task.id)];
        if shared {
            let shard = task.shard.map(|shard| shard.to_string());
            cells.push(Cell::text(shard.unwrap_or_default()));
        }
        let seconds = task.seconds.is_finite();
        cells.extend([
            Cell::count(task.cores.into()),
            Cell::count(task.memory_bytes.div_ceil(1 << 20)),
            Cell::figure(seconds.then(|| (format!("{:.0}", task.seconds), task.seconds))),
            Cell::count(panels().map(|panel| panel.cells.len() as u64).sum()),
            Cell::text(panels().map(Panel::words).collect::<Vec<_>>().join("; ")),
        ]);
        Row::new(cells)
    };
    let table = Table {
        columns,
        rows: tasks.iter().map(row).collect(),
        ..Table::default()
    };
    let mut lines = table.lines(output::width(), output::colour());
    let sum: f64 = tasks.iter().map(|task| task.seconds).sum();
    let longest = tasks.iter().map(|task| task.seconds).fold(0.0, f64::max);
    let times = if sum.is_finite() {
        format!("about {sum:.0} s in all, {longest:.0} s the longest")
    } else {
        "the time is not known: some panels end by their trials alone".to_owned()
    };
    lines.push(format!(
        "{} of {}, {times}",
        counted(tasks.len() as u64, "task"),
        counted(plan.panels.len() as u64, "panel"),
    ));
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_runs_what_was_planned() {
        let words = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let planned = "plan ycsb --tasks 8 -t a,b --format=json --threads 1-4";
        assert_eq!(
            command(words(planned).into_iter()),
            words("run ycsb -t a,b --threads 1-4")
        );
        assert_eq!(quoted("fixed:buckets=2^16,x=1"), "fixed:buckets=2^16,x=1");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
