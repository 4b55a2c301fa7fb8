//! `bucketlab compare`: two runs, or two targets of one run, cell by cell.

use std::path::Path;
use std::process::ExitCode;

use super::args::{Compare, FailOn, Sheet};
use super::house::House;
use super::output;
use crate::analysis::{Call, Compared, Summary};
use crate::base::{BadInput, Spec};
use crate::catalog;
use crate::machine;
use crate::record::{HashRecords, Records};
use crate::report;

pub(super) fn compare(house: House<'_>, args: &Compare) -> anyhow::Result<ExitCode> {
    let compared = match &args.with[..] {
        [other] => {
            let (a, b) = (read(&args.run)?, read(Path::new(other))?);
            if !args.force {
                same_profile(&a, &b)?;
            }
            Compared::of_runs(&Summary::of(&a), &Summary::of(&b))
        }
        [first, second] => of_targets(house, &Summary::of(&read(&args.run)?), first, second)?,
        _ => unreachable!("the parser takes one or two"),
    };
    if !compared.says_something() {
        return Err(nothing(&compared).into());
    }
    let text = match args.format {
        Sheet::Table => report::comparison_table(&compared, output::width(), output::colour()),
        Sheet::Markdown => report::comparison_markdown(&compared),
        Sheet::Json => {
            let json = report::comparison_json(&compared);
            format!("{}\n", serde_json::to_string_pretty(&json)?)
        }
    };
    output::print_if_read(&text)?;
    Ok(args
        .fail_on
        .map_or(ExitCode::SUCCESS, |limit| judge(&compared, limit)))
}

/// Refuses builds of two profiles: between them the compiler has changed every table.
fn same_profile(a: &Records, b: &Records) -> Result<(), BadInput> {
    let [of_a, of_b] = [a, b].map(|records| {
        let build = records.manifest.machine.get(machine::BUILD);
        build.and_then(|build| machine::profile_of(build))
    });
    match (of_a, of_b) {
        (Some(of_a), Some(of_b)) if of_a != of_b => Err(BadInput(format!(
            "A was measured with a build of profile {of_a}, B with one of profile {of_b}: measure both \
             with `cargo build --release`, or give --force to compare them all the same"
        ))),
        _ => Ok(()),
    }
}

/// Reads a run of tables that has rows.
pub(super) fn read(run: &Path) -> Result<Records, BadInput> {
    if HashRecords::are_in(run) {
        return Err(BadInput(format!(
            "{} is a run of `bucketlab hash`: give the directory of a `bucketlab run`",
            run.display()
        )));
    }
    let records = Records::read(run)?;
    if records.trials.is_empty() {
        return Err(BadInput(format!(
            "nothing was measured in {}: its trials.csv has no row",
            run.display()
        )));
    }
    Ok(records)
}

/// A target may be written as in the run's tables or in any other way that a run takes it.
fn of_targets(
    house: House<'_>,
    summary: &Summary,
    first: &str,
    second: &str,
) -> Result<Compared, BadInput> {
    let full = |text: &str| {
        let spec: Option<Spec> = text.parse().ok();
        let resolved = spec.and_then(|spec| catalog::resolve(house.rows, &spec).ok());
        resolved.map_or_else(|| text.to_owned(), |(_, params)| params.full())
    };
    Compared::of_targets(summary, first, second).or_else(|error| {
        Compared::of_targets(summary, &full(first), &full(second)).map_err(|_| error)
    })
}

/// Says why not one cell can be compared.
fn nothing(compared: &Compared) -> BadInput {
    let reasons: Vec<String> = compared
        .reasons()
        .into_iter()
        .take(3)
        .map(|(reason, cells)| match cells {
            1 => format!("{reason} (1 cell)"),
            cells => format!("{reason} ({cells} cells)"),
        })
        .collect();
    let why = if reasons.is_empty() {
        "no cell was measured".to_owned()
    } else {
        reasons.join("; ")
    };
    let valid = if compared.of_runs {
        "two runs of one suite on one machine can be compared, and `bucketlab report A B` lays any \
         two beside each other"
    } else {
        "two targets that were measured in one panel can be compared"
    };
    let [a, b] = &compared.sides;
    BadInput(format!(
        "no cell of {} is comparable with one of {}: {why}; {valid}",
        a.name, b.name
    ))
}

/// Names the cells that are too slow; what could not be judged is said, and fails nothing.
fn judge(compared: &Compared, FailOn { slower_percent }: FailOn) -> ExitCode {
    let mut failed = false;
    for cell in &compared.cells {
        if cell.call == Call::NotComparable {
            output::complain(&format!(
                "note: not judged: {} on {}: {}\n",
                cell.target, cell.place, cell.reason
            ));
        }
        if let Some(ratio) = cell
            .ratio
            .filter(|_| cell.is_slower_by(slower_percent / 100.0))
        {
            failed = true;
            output::complain(&format!(
                "slower by more than {slower_percent} %: {} on {}: {:.3} [{:.3} to {:.3}] of the rate\n",
                cell.target,
                cell.place,
                ratio.interval.mid,
                ratio.interval.low,
                ratio.interval.high
            ));
        }
    }
    ExitCode::from(u8::from(failed))
}
