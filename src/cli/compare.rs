//! `bucketlab compare`: two runs, one of them perhaps kept as a baseline, or two targets of one run, cell by cell.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use super::args::Compare;
use super::formats::Sheet;
use super::house::House;
use super::output;
use super::run::{measured_anew, suites_of};
use crate::analysis::format::counted;
use crate::analysis::{Compared, Objection, Summary, failing};
use crate::base::{BadInput, Spec};
use crate::catalog;
use crate::machine;
use crate::record::{HashRecords, Records, Status, baseline, keep_baseline, write_page};
use crate::report;
use crate::run::{self, Plan};

pub(super) fn compare(house: House<'_>, args: &Compare) -> anyhow::Result<ExitCode> {
    if args.confirm && args.with.len() > 1 {
        return Err(
            BadInput("--confirm is for two runs: give the directory of a second".into()).into(),
        );
    }
    let code = match (&args.baseline, &args.with[..]) {
        (Some(name), _) => {
            let kept = baseline(root_of(&args.run), name)?;
            of_runs(house, args, &kept, &args.run)?
        }
        (None, [other]) => of_runs(house, args, &args.run, Path::new(other))?,
        (None, [first, second]) => {
            let summary = Summary::of(&read(&args.run)?);
            let compared = of_targets(house, &summary, first, second)?;
            says_something(&compared)?;
            show(args.format, &compared, None)?;
            let gates = args.fail_on.as_ref();
            let objections = gates.map(|gates| gates.objections(&compared, [&summary, &summary]));
            judge(args, &compared, &objections.unwrap_or_default())?
        }
        (None, _) => ExitCode::SUCCESS,
    };
    if let Some(name) = args
        .save_baseline
        .as_ref()
        .filter(|_| code == ExitCode::SUCCESS)
    {
        let last = match &args.with[..] {
            [other] => Path::new(other),
            _ => &args.run,
        };
        read(last)?;
        let kept = keep_baseline(root_of(last), name, last)?;
        output::complain(&format!(
            "baseline '{name}' is kept in {}\n",
            kept.display()
        ));
    }
    Ok(code)
}

/// The directory that a run is in.
fn root_of(run: &Path) -> &Path {
    match run.parent() {
        Some(root) if root != Path::new("") => root,
        _ => Path::new("."),
    }
}

fn of_runs(house: House<'_>, args: &Compare, run: &Path, other: &Path) -> anyhow::Result<ExitCode> {
    let (a, b) = (read(run)?, read(other)?);
    if !args.force {
        same_profile(&a, &b)?;
    }
    let (summary, summary_of_b) = (Summary::of(&a), Summary::of(&b));
    let compared = Compared::of_runs(&summary, &summary_of_b);
    says_something(&compared)?;
    let objections = args
        .fail_on
        .as_ref()
        .map(|gates| gates.objections(&compared, [&summary, &summary_of_b]))
        .unwrap_or_default();
    let failing = failing(&objections);
    let Some(gates) = args
        .fail_on
        .as_ref()
        .filter(|_| args.confirm && !failing.is_empty())
    else {
        show(args.format, &compared, None)?;
        return judge(args, &compared, &objections);
    };
    match confirmed(house, &a, (other, b), &failing)? {
        None => Ok(ExitCode::from(130)),
        Some((again, second)) => {
            show(args.format, &compared, Some(&again))?;
            let objections = gates.objections(&again, [&summary, &second]);
            judge_confirmed(args, &again, &objections)
        }
    }
}

/// # Errors
/// Where not one cell can be compared.
fn says_something(compared: &Compared) -> Result<(), BadInput> {
    if compared.says_something() {
        Ok(())
    } else {
        Err(nothing(compared))
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

/// Measures the panels of these cells again, as the second run did, and compares what comes out with the first;
/// returned with the summary of what came out. `None` after an interrupt.
fn confirmed(
    house: House<'_>,
    a: &Records,
    (path, b): (&Path, Records),
    ids: &BTreeSet<String>,
) -> anyhow::Result<Option<(Compared, Summary)>> {
    let of_failing = |records: &Records| -> BTreeSet<u32> {
        let cells = records.manifest.cells.iter();
        let cells = cells.filter(|cell| ids.contains(&cell.cell_id));
        cells.map(|cell| cell.panel).collect()
    };
    let suites = suites_of(path, &b, &[])?;
    let mut plan = Plan::within(house.rows, suites, b.manifest.bytes_available)?;
    let told_not_to = b.manifest.verification.as_ref();
    plan.program = house.program;
    plan.verify = told_not_to.is_none_or(|known| !known.skipped);
    run::again(&mut plan, house.executable, &b.manifest, &of_failing(&b))?;
    let out = path.parent().unwrap_or(Path::new("."));
    output::complain(&format!(
        "confirming: measuring {} of {} again\n",
        plan.panels.len(),
        counted(b.manifest.panels.len() as u64, "panel")
    ));
    let ended = measured_anew(house, &plan, (out, false))?;
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
    let again = Compared::of_runs(&first, &second).only(ids);
    Ok(Some((again, second)))
}

/// Fails where a cell fails again, or could not be judged again.
fn judge_confirmed(
    args: &Compare,
    again: &Compared,
    objections: &[Objection],
) -> anyhow::Result<ExitCode> {
    let unjudged = again.cells.iter().any(|cell| !cell.call.is_verdict());
    let code = judge(args, again, objections)?;
    if again.cells.is_empty() || unjudged {
        output::complain("not confirmed and not cleared: a cell could not be judged again\n");
        return Ok(ExitCode::FAILURE);
    }
    Ok(code)
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
        .map(|(reason, cells)| format!("{reason} ({})", counted(cells as u64, "cell")))
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

/// Names the cells that fail, for people and for what runs the comparison; what could not be judged is said.
fn judge(
    args: &Compare,
    compared: &Compared,
    objections: &[Objection],
) -> anyhow::Result<ExitCode> {
    let annotates = args.fail_on.is_some()
        && (args.github || std::env::var("GITHUB_ACTIONS").is_ok_and(|it| it == "true"));
    for one in objections {
        let note = if one.fails { "" } else { "note: " };
        output::complain(&format!(
            "{note}{} on {}: {}\n",
            one.target, one.place, one.why
        ));
        if annotates {
            // Workflow commands are read from either stream; stdout may be JSON.
            output::complain(&format!("{}\n", report::annotation(one)));
        }
    }
    if let Some(path) = &args.junit {
        write_page(path, &report::junit(compared, objections))?;
    }
    let failed = objections.iter().any(|one| one.fails);
    Ok(ExitCode::from(u8::from(failed)))
}
