//! `bucketlab size`: how much memory tables take.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use super::args::Size;
use super::formats::Format;
use super::house::House;
use super::output;
use super::signals::raised_by_signals;
use crate::analysis::{
    TableSize,
    format::{grouped, many},
};
use crate::machine::Heap;
use crate::report;
use crate::run::{SizeOptions, SizePlan};

pub(super) fn size(house: House<'_>, args: &Size) -> anyhow::Result<ExitCode> {
    let options = SizeOptions {
        targets: args.targets.clone(),
        entries: args.entries,
        key: args.key,
        value: args.value,
        hash: args.hash.clone(),
        heap: Heap {
            allocator: args.allocator.unwrap_or_default(),
            pages: args.pages.unwrap_or_default(),
        },
        check: args.check,
    };
    let plan = SizePlan::new(house.rows, &options)?;
    let interrupted = raised_by_signals()?;
    let sizes = measured(house, &plan, &interrupted)?;
    let (entries, payload) = (args.entries, plan.payload());
    match args.format {
        Format::Table => {
            let shape = (output::width(), output::colour());
            let mut text = heading(&plan, entries);
            text += &report::sizes_table(&sizes, entries, payload, shape);
            output::print_if_read(&text)?;
        }
        Format::Json => {
            let json = report::sizes_json(&sizes, entries, payload);
            output::print_if_read(&format!("{}\n", serde_json::to_string_pretty(&json)?))?;
        }
    }
    Ok(if interrupted.load(Ordering::Relaxed) {
        ExitCode::from(130)
    } else {
        ExitCode::from(u8::from(sizes.iter().any(|size| size.bytes.is_err())))
    })
}

fn measured(
    house: House<'_>,
    plan: &SizePlan<'_>,
    interrupted: &AtomicBool,
) -> anyhow::Result<Vec<TableSize>> {
    let on_terminal = std::io::stderr().is_terminal();
    let of = plan.count();
    let watch = |at: usize, target: &str| {
        if on_terminal {
            output::complain(&format!("\r\x1b[Kfilling {target} ({} of {of})", at + 1));
        }
    };
    let sizes = plan.measure(house.executable, watch, interrupted);
    if on_terminal {
        output::complain("\r\x1b[K");
    }
    Ok(sizes?)
}

/// What the figures rest on.
fn heading(plan: &SizePlan<'_>, entries: u64) -> String {
    let whole = many(entries, "entry");
    let payload = plan.payload();
    match plan.sizes.as_slice() {
        [_] => format!("{whole} of {payload} B of key and value, filled and measured\n"),
        sizes => {
            let sizes: Vec<String> = sizes.iter().map(|&size| grouped(size)).collect();
            format!(
                "{whole} of {payload} B of key and value, extrapolated from {} entries\n",
                sizes.join(", ")
            )
        }
    }
}
