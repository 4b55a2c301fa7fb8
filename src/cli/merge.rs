//! `bucketlab merge`: the runs of a sweep as one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::output;
use super::report as pages;
use super::sweep_args::Merge as Args;
use crate::analysis::Summary;
use crate::record::{Manifest, Merge, Records, Status};

pub(super) fn merge(args: &Args) -> anyhow::Result<ExitCode> {
    let merge = Merge::of(&args.directories)?;
    let places: Vec<PathBuf> = if args.each_machine {
        let numbers = 1..=merge.kinds();
        numbers.map(|n| args.out.join(n.to_string())).collect()
    } else {
        merge.of_one_kind()?;
        vec![args.out.clone()]
    };
    let mut whole = true;
    let mut last = None;
    for (number, place) in places.iter().enumerate() {
        let (status, page) = written(&merge, (number, place), args.no_report)?;
        whole &= status == Status::Complete;
        last = Some(page);
    }
    if let Some(page) = last {
        output::print_path_if_read(&page)?;
        if args.open {
            output::open(&page);
        }
    }
    Ok(ExitCode::from(u8::from(!whole)))
}

/// Writes a merged run with its report; how it ended, and the path of its page, or its own where it has none.
fn written(
    merge: &Merge,
    (number, place): (usize, &Path),
    no_report: bool,
) -> anyhow::Result<(Status, PathBuf)> {
    let said = merge.write(number, place)?;
    for note in &said.notes {
        output::complain(&format!("note: {note}\n"));
    }
    for missing in &said.missing {
        output::complain(&format!("missing: {missing}\n"));
    }
    if no_report {
        return Ok((Manifest::read(place)?.status, place.to_owned()));
    }
    let records = Records::read(place)?;
    let page = pages::write(place, &Summary::of(&records), &records)?;
    Ok((records.manifest.status, page))
}
