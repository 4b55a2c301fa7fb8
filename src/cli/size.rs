//! `bucketlab size`: how much memory tables take.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;

use super::args::Format;
use super::house::House;
use super::output;
use super::run::raised_by_signals;
use crate::analysis::{TableSize, format::grouped};
use crate::base::parse_count;
use crate::machine::{Allocator, Heap, Pages};
use crate::report;
use crate::run::{SizeOptions, SizePlan, text};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab size --entries 100M                        every table of bucketlab
  bucketlab size striped compact --entries 1e9 --key 16 --value 200
  bucketlab size striped --entries 4M --check          fill it as well, and see how far off that was

size fills three small tables of each target, of N/2^k entries up to a million, and extrapolates resident memory
along a line: a table that doubles is as full at N as at N/2 and N/4. The column \"line missed by\" is how far
the line through the two smaller ones misses the third. Up to 2^20 entries are filled and measured as they are.")]
pub(super) struct Size {
    /// Tables, as `run -t` takes them [default: every strategy of bucketlab]
    #[arg(value_name = "TARGET", value_parser = text())]
    targets: Vec<String>,
    /// Entries of the table
    #[arg(long, value_name = "N", value_parser = parse_count)]
    entries: u64,
    /// Bytes of a key [default: YCSB's names, of 23 bytes]
    #[arg(long, value_name = "BYTES")]
    key: Option<u32>,
    /// Bytes of a value
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    value: u32,
    /// Hash function
    #[arg(long, value_name = "HASH", default_value = "sip13", value_parser = text())]
    hash: String,
    /// Allocator: system, mimalloc [default: system]
    #[arg(long, value_name = "NAME")]
    allocator: Option<Allocator>,
    /// Page mode: default, small, huge [default: default]
    #[arg(long, value_name = "MODE")]
    pages: Option<Pages>,
    /// Fill the whole table too, and show how far off the extrapolation was
    #[arg(long)]
    check: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

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
    let whole = grouped(entries);
    let payload = plan.payload();
    match plan.sizes.as_slice() {
        [_] => format!("{whole} entries of {payload} B of key and value, filled and measured\n"),
        sizes => {
            let sizes: Vec<String> = sizes.iter().map(|&size| grouped(size)).collect();
            format!(
                "{whole} entries of {payload} B of key and value, extrapolated from {} entries\n",
                sizes.join(", ")
            )
        }
    }
}
