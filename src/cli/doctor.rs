//! `bucketlab doctor`: what is wrong with this machine for measuring.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::args::Doctor;
use super::formats::Format;
use super::output;
use crate::machine::clock_cost_ps;
use crate::machine::doctor::{Severity, look, watch};
use crate::report;

/// How long it looks on without doing anything: a hundred of the kernel's ticks.
const IDLE: Duration = Duration::from_secs(1);

/// How long it spins: long enough for one or two scheduler turns of other processes on the core.
const SPINNING: Duration = Duration::from_millis(300);

/// How long it probes each core: a neighbour that came and went did so in turns of some 100 ms.
const PROBING: Duration = Duration::from_millis(700);

pub(super) fn doctor(args: &Doctor) -> anyhow::Result<ExitCode> {
    let mut found = look(clock_cost_ps());
    found.extend(watch(IDLE, SPINNING, PROBING));
    let warnings = found.iter().filter(|one| one.severity == Severity::Warning);
    let warnings = warnings.count();
    let text = match args.format {
        Format::Table => report::doctor_table(&found, output::width(), output::colour()),
        Format::Json => {
            let json = json!({ "warnings": warnings, "checks": found });
            format!("{}\n", serde_json::to_string_pretty(&json)?)
        }
    };
    output::print(&text)?;
    Ok(if args.strict && warnings > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
