//! `bucketlab report`: a run directory, and nothing else, as pages and charts.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use super::args::Report;
use super::formats::Figures;
use super::output;
use crate::analysis::{HashSummary, Summary, findings};
use crate::base::BadInput;
use crate::record::{HashRecords, Pages, Records, write_page, write_pages};
use crate::report::{self, Chart};

pub(super) fn report(args: &Report) -> anyhow::Result<ExitCode> {
    if let Some(format) = args.format {
        output::print(&figures(&args.run, format)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = match &args.other {
        None if HashRecords::are_in(&args.run) => {
            let records = HashRecords::read(&args.run)?;
            super::hash::write(&args.run, &HashSummary::of(&records), &records)?
        }
        None => {
            let records = read(&args.run)?;
            let summary = Summary::of(&records);
            let page = write(&args.run, &summary, &records)?;
            if args.text {
                output::print(&in_words(&summary))?;
            }
            page
        }
        Some(other) => compare(&args.run, other, args.out.as_deref())?,
    };
    output::print_path(&path)?;
    if args.open {
        output::open(&path);
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures of a run for programs.
fn figures(run: &Path, format: Figures) -> anyhow::Result<String> {
    let pretty = |value: &serde_json::Value| serde_json::to_string_pretty(value);
    if HashRecords::are_in(run) {
        let summary = HashSummary::of(&HashRecords::read(run)?);
        return match format {
            Figures::Json => Ok(pretty(&report::hash_json(&summary))? + "\n"),
            Figures::Csv => Err(BadInput(format!(
                "'{}' is a run of hash functions, whose CSV files have a row for each already; --format json has \
                 its figures",
                run.display()
            ))
            .into()),
        };
    }
    let summary = Summary::of(&read(run)?);
    Ok(match format {
        Figures::Json => pretty(&report::json(&summary))? + "\n",
        Figures::Csv => report::summary_csv(&summary),
    })
}

/// The table and the findings, as they are printed at the end of a run.
pub(super) fn in_words(summary: &Summary) -> String {
    let mut text = report::table(summary, output::width(), output::colour());
    let findings = findings(summary);
    if !findings.is_empty() {
        text.push_str("\nFindings\n");
    }
    text.push_str(&report::bullets(&findings, output::width()));
    text.push('\n');
    text
}

/// Writes the report of a run into its directory and returns the path of the page.
pub(super) fn write(run: &Path, summary: &Summary, records: &Records) -> Result<PathBuf, BadInput> {
    let charts = report::charts(summary, records);
    let files = charts
        .iter()
        .map(|chart| (format!("{}.svg", chart.file), chart.standalone()));
    let pages = Pages {
        html: report::html(summary, records, &charts),
        markdown: report::markdown(summary, records, &charts),
        summary: Some(report::summary_csv(summary)),
        charts: files.collect(),
    };
    write_pages(run, &pages)
}

fn read(run: &Path) -> Result<Records, BadInput> {
    let records = Records::read(run)?;
    if records.trials.is_empty() {
        output::complain(&format!(
            "note: nothing was measured in {}: its trials.csv has no row\n",
            run.display()
        ));
    }
    Ok(records)
}

fn compare(a: &Path, b: &Path, out: Option<&Path>) -> anyhow::Result<PathBuf> {
    let records = [read(a)?, read(b)?];
    let summaries = records.each_ref().map(Summary::of);
    let charts: [Vec<Chart>; 2] =
        [0, 1].map(|side| report::charts(&summaries[side], &records[side]));
    let page = match out {
        Some(out) => out.to_owned(),
        None => a.join(format!("compare-{}.html", file_name(b)?)),
    };
    let folder = match page.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let side = |side: usize| report::Run {
        summary: &summaries[side],
        records: &records[side],
        charts: &charts[side],
    };
    let html = report::comparison((side(0), &link(folder, a)), (side(1), &link(folder, b)));
    write_page(&page, &html)?;
    Ok(page)
}

/// The name of the directory itself, also where the path ends in `..`.
fn file_name(run: &Path) -> anyhow::Result<String> {
    let run = run.canonicalize()?;
    let name = run.file_name().unwrap_or(OsStr::new("run"));
    Ok(name.to_string_lossy().into_owned())
}

/// A relative address of the report in `run` for a page in `folder`; empty where there is no report
/// or no way from one to the other.
fn link(folder: &Path, run: &Path) -> String {
    let (Ok(folder), Ok(report)) = (
        folder.canonicalize(),
        run.join("report.html").canonicalize(),
    ) else {
        return String::new();
    };
    let common = folder
        .components()
        .zip(report.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = folder.components().skip(common).map(|_| "..".to_owned());
    let down = report.components().skip(common).map(|part| match part {
        Component::Normal(name) => encoded(name),
        _ => String::new(),
    });
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// A name as a part of an address: all but letters, digits and `-._~` in percent.
fn encoded(name: &OsStr) -> String {
    let mut text = String::new();
    for &byte in name.as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text += &format!("%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_page_to_report() {
        let root = tempfile::tempdir().unwrap();
        for run in ["a", "b c"] {
            std::fs::create_dir(root.path().join(run)).unwrap();
            std::fs::write(root.path().join(run).join("report.html"), "").unwrap();
        }
        let (a, b) = (root.path().join("a"), root.path().join("b c"));
        assert_eq!(link(&a, &a), "report.html");
        assert_eq!(link(&a, &b), "../b%20c/report.html");
        assert_eq!(link(root.path(), &a), "a/report.html");
        assert_eq!(link(&a, &root.path().join("none")), "");
    }
}
