//! `bucketlab history`: the rates of cells over many runs.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::formats::Format;
use super::output;
use super::sweep_args::History as Args;
use crate::analysis::{History, Summary};
use crate::base::BadInput;
use crate::record::{HashRecords, Records, runs_in, write_page};
use crate::report;

pub(super) fn history(args: &Args) -> anyhow::Result<ExitCode> {
    let mut paths = BTreeSet::new();
    for directory in &args.directories {
        let found = runs_in(directory)?;
        // One that is given twice, perhaps by its parent, is one.
        paths.extend(
            found
                .into_iter()
                .map(|path| path.canonicalize().unwrap_or(path)),
        );
    }
    let mut history = History::default();
    for path in paths.iter().filter(|path| !HashRecords::are_in(path)) {
        history.add(&Summary::of(&Records::read(path)?));
    }
    let history = history.dated();
    let Some(chart) = report::past_chart(&history) else {
        return Err(BadInput(
            "none of the runs has a cell with a rate: give runs of tables that have ended".into(),
        )
        .into());
    };
    let text = match args.format {
        Format::Table => report::past_table(&history, output::width(), output::colour()),
        Format::Json => {
            let json = report::past_json(&history);
            format!("{}\n", serde_json::to_string_pretty(&json)?)
        }
    };
    // That there is no chart is a failure, but not before the figures are shown.
    let written = write_page(&args.out, &chart);
    output::print_if_read(&text)?;
    written?;
    match args.format {
        Format::Table => output::print_path_if_read(&args.out)?,
        Format::Json => output::complain_path(&args.out),
    }
    Ok(ExitCode::SUCCESS)
}
