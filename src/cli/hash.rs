//! `bucketlab hash`: the hash laboratory.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::Hash;
use super::formats::Format;
use super::house::House;
use super::output;
use super::signals::raised_by_signals;
use crate::analysis::HashSummary;
use crate::base::{BadInput, Counts};
use crate::record::{HashRecords, Pages, Status, write_pages};
use crate::report;
use crate::run::{HashOptions, HashPlan, measure_hashes};

pub(super) fn hash(house: House<'_>, args: &Hash) -> anyhow::Result<ExitCode> {
    let plan = HashPlan::new(&HashOptions {
        hashes: args.hash.clone(),
        keys: args.keys.clone(),
        buckets: Counts::of(&args.buckets),
        entries: args.entries,
        time_s: args.time,
        seed: args.seed,
    })?;
    let interrupted = raised_by_signals()?;
    let command_line: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let on_terminal = std::io::stderr().is_terminal();
    let mut watch = |what: &str| {
        if on_terminal {
            output::complain(&format!("\r\x1b[K{what}"));
        }
    };
    let ended = measure_hashes(
        &plan,
        house.executable,
        &args.out,
        &command_line,
        &mut watch,
        &interrupted,
    );
    if on_terminal {
        output::complain("\r\x1b[K");
    }
    let ended = ended?;
    let records = HashRecords::read(&ended.path)?;
    let summary = HashSummary::of(&records);
    let page = write(&ended.path, &summary, &records);
    match args.format {
        Format::Table => {
            let (width, colour) = (output::width(), output::colour());
            output::print_if_read(&report::hash_table(&summary, width, colour))?;
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&report::hash_json(&summary))?;
            output::print_if_read(&format!("{json}\n"))?;
        }
    }
    // A report that cannot be written is a failure, but not before the figures are shown.
    let page = page?;
    match args.format {
        Format::Table => output::print_path_if_read(&page)?,
        Format::Json => output::complain_path(&page),
    }
    Ok(match ended.status {
        Status::Interrupted => ExitCode::from(130),
        _ => ExitCode::SUCCESS,
    })
}

/// Writes the report of a run into its directory and returns the path of the page.
pub(super) fn write(
    run: &Path,
    summary: &HashSummary,
    records: &HashRecords,
) -> Result<PathBuf, BadInput> {
    let charts = report::hash_charts(summary, records);
    let files = charts
        .iter()
        .map(|chart| (format!("{}.svg", chart.file), chart.standalone()));
    let pages = Pages {
        html: report::hash_html(summary, records, &charts),
        markdown: report::hash_markdown(summary, records, &charts),
        summary: None,
        charts: files.collect(),
    };
    write_pages(run, &pages)
}
