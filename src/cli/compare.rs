//! `bucketlab compare`: two runs, or two targets of one run, cell by cell.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use super::args::{Compare, FailOn, Sheet};
use super::house::House;
use super::output;
use super::run::{measured_anew, suites_of};
use crate::analysis::{Call, Compared, Summary};
use crate::base::{BadInput, Spec};
use crate::catalog;
use crate::machine;
use crate::record::{HashRecords, Records, Status};
use crate::report;
use crate::run::{self, Plan};

pub(super) fn compare(house: House<'_>, args: &Compare) -> anyhow::Result<ExitCode> {
    if args.confirm && args.with.len() > 1 {
        return Err(
            BadInput("--confirm is for two runs: give the directory of a second".into()).into(),
        );
    }
    let mut runs = None;
    let compared = match &args.with[..] {
        [other] => {
            let (a, b) = (read(&args.run)?, read(Path::new(other))?);
            if !args.force {
                same_profile(&a, &b)?;
            }
            let compared = Compared::of_runs(&Summary::of(&a), &Summary::of(&b));
            runs = Some((a, (Path::new(other), b)));
            compared
        }
        [first, second] => of_targets(house, &Summary::of(&read(&args.run)?), first, second)?,
        _ => unreachable!("the parser takes one or two"),
    };
    if !compared.says_something() {
        return Err(nothing(&compared).into());
    }
    let Some(limit) = args.fail_on else {
        show(args.format, &compared, None)?;
        return Ok(ExitCode::SUCCESS);
    };
    let failing = failing(&compared, limit);
    let runs = runs.filter(|_| args.confirm && !failing.is_empty());
    let Some((a, b)) = runs else {
        show(args.format, &compared, None)?;
        return Ok(judge(&compared, limit));
    };
    match confirmed(house, &a, b, &failing)? {
        None => Ok(ExitCode::from(130)),
        Some(again) => {
            show(args.format, &compared, Some(&again))?;
            Ok(judge_confirmed(&again, limit))
        }
    }
}

fn show(format: Sheet, compared: &Compared, again: Option<&Compared>) -> anyhow::Result<()> {
    let title = "measured again, with new births:";
    let text = match format {
        Sheet::Table => {
            let table = |of| report::comparison_table(of, output::width(), output::colour());
            let again = again.map(|again| format!("{title}\n{}", table(again)));
            format!("{}{}", table(compared), again.unwrap_or_default())
        }
        Sheet::Markdown => {
            let again = again.map(report::comparison_markdown);
            let again = again.map(|again| format!("\n**{title}**\n\n{again}"));
            let first = report::comparison_markdown(compared);
            format!("{first}{}", again.unwrap_or_default())
        }
        Sheet::Json => {
            let mut json = report::comparison_json(compared);
            if let Some(again) = again {
                json["confirmation"] = report::comparison_json(again);
            }
            format!("{}\n", serde_json::to_string_pretty(&json)?)
        }
    };
    Ok(output::print_if_read(&text)?)
}

/// The cells that would fail, by their ids.
fn failing(compared: &Compared, FailOn { slower_percent }: FailOn) -> BTreeSet<String> {
    let cells = compared.cells.iter();
    cells
        .filter(|cell| cell.is_slower_by(slower_percent / 100.0))
        .flat_map(|cell| cell.cell_ids.iter().cloned())
        .collect()
}

/// Measures the panels of these cells again, as the second run did, and compares what comes out with the first;
/// `None` after an interrupt.
fn confirmed(
    house: House<'_>,
    a: &Records,
    (path, b): (&Path, Records),
    ids: &BTreeSet<String>,
) -> anyhow::Result<Option<Compared>> {
    let of_failing = |records: &Records| -> BTreeSet<u32> {
        let cells = records.manifest.cells.iter();
        let cells = cells.filter(|cell| ids.contains(&cell.cell_id));
        cells.map(|cell| cell.panel).collect()
    };
    let suites = suites_of(path, &b, &[])?;
    let mut plan = Plan::within(house.rows, suites, b.manifest.bytes_available)?;
    let told_not_to = b.manifest.verification.as_ref();
    plan.verify = told_not_to.is_none_or(|known| !known.skipped);
    run::again(&mut plan, house.executable, &b.manifest, &of_failing(&b))?;
    let out = path.parent().unwrap_or(Path::new("."));
    output::complain(&format!(
        "confirming: {} of {} panels are measured again\n",
        plan.panels.len(),
        b.manifest.panels.len()
    ));
    let ended = measured_anew(house, &plan, out)?;
    output::complain_path(&ended.path);
    if ended.status == Status::Interrupted {
        return Ok(None);
    }
    // Of cells that are in several panels, these panels' copies meet.
    let mut first = Summary::of(a);
    let panels = of_failing(a);
    first
        .panels
        .retain(|panel| panels.contains(&panel.entry.panel));
    let second = Summary::of(&Records::read(&ended.path)?);
    Ok(Some(Compared::of_runs(&first, &second).only(ids)))
}

/// Fails where a cell is slower again, or could not be judged again.
fn judge_confirmed(again: &Compared, limit: FailOn) -> ExitCode {
    let unjudged = again.cells.iter().any(|cell| !cell.call.is_verdict());
    let code = judge(again, limit);
    if again.cells.is_empty() || unjudged {
        output::complain("not confirmed and not cleared: a cell could not be judged again\n");
        return ExitCode::FAILURE;
    }
    code
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
