//! `bucketlab verify`: checks of tables.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Context;

use super::args::Verify;
use super::formats::Format;
use super::house::House;
use super::output;
use super::signals::{left_to_parent, raised_by_signals};
use crate::record::{Ending, Verdict};
use crate::report;
use crate::run::{self, VerifyOptions, VerifyPlan, VerifyWatch};

pub(super) fn verify(house: House<'_>, args: &Verify) -> anyhow::Result<ExitCode> {
    let options = VerifyOptions {
        targets: args.targets.clone(),
        stages: args.stage.clone(),
        hashes: args.hash.clone(),
        seed: args.seed,
        time_s: args.time,
        threads: args.threads,
        only: args.only.clone(),
        patience_s: args.patience,
        brief: args.brief,
    };
    let plan = VerifyPlan::new(house.rows, &options, args.here || !args.only.is_empty())?;
    if args.here {
        left_to_parent();
        run::verify_here(&plan)?;
        return Ok(ExitCode::SUCCESS);
    }
    let interrupted = raised_by_signals()?;
    let mut watch = Line {
        on_terminal: std::io::stderr().is_terminal(),
        target: String::new(),
    };
    let verdicts = run::verify(&plan, house.executable, &mut watch, &interrupted);
    watch.clear();
    let verdicts = verdicts.context("a process cannot be started")?;
    let shown = match args.format {
        Format::Table => report::verdicts_table(&verdicts, output::width(), output::colour()),
        Format::Json => {
            let json = serde_json::to_string_pretty(&report::verdicts_json(&verdicts))?;
            format!("{json}\n")
        }
    };
    output::print_if_read(&shown)?;
    draw(&verdicts, &args.out)?;
    let bad = |ending| matches!(ending, Ending::Failed | Ending::Unclear);
    Ok(if verdicts.iter().any(|verdict| bad(verdict.ending)) {
        ExitCode::FAILURE
    } else if interrupted.load(Ordering::Relaxed) {
        ExitCode::from(130)
    } else {
        ExitCode::SUCCESS
    })
}

/// Draws each history that has no explanation, and tells where.
fn draw(verdicts: &[Verdict], out: &Path) -> anyhow::Result<()> {
    for verdict in verdicts {
        let (Some(found), Some(chart)) = (&verdict.found, report::history_chart(verdict)) else {
            continue;
        };
        // Parameters have no letter that a file name cannot have, but for what shells and people take amiss.
        let target = verdict.target.replace([':', ',', '=', '^'], "-");
        let path = out.join(format!("history-{target}-{}.svg", found.seed));
        std::fs::create_dir_all(out)
            .with_context(|| format!("directory '{}' cannot be made", out.display()))?;
        std::fs::write(&path, chart)
            .with_context(|| format!("'{}' cannot be written", path.display()))?;
        output::complain(&format!("drawn: {}\n", path.display()));
    }
    Ok(())
}

/// What is being checked: on a terminal one line that changes, in a log a line for each target.
struct Line {
    on_terminal: bool,
    target: String,
}

impl VerifyWatch for Line {
    fn begins(&mut self, number: usize, of: usize, target: &str, stage: &str) {
        if self.on_terminal {
            output::complain(&format!("\r\x1b[K{number} of {of}: {target}, {stage}"));
        } else if self.target != target {
            output::complain(&format!("{number} of {of}: {target}\n"));
            target.clone_into(&mut self.target);
        }
    }
}

impl Line {
    fn clear(&self) {
        if self.on_terminal {
            output::complain("\r\x1b[K");
        }
    }
}
