//! The command lines of the verbs for sweeps over many machines.

use std::path::PathBuf;

use clap::Args;

use super::formats::Format;
use crate::base::{ByteCount, PerSecond, Percentage, Written, of};
use crate::run::{Overrides, text};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab plan ycsb                                a task for each panel, with its id
  bucketlab plan ycsb peers --tasks 8                eight tasks of about the same time
  bucketlab plan my-suite.toml --entries 1M,10M --format json > tasks.json
  bucketlab plan ycsb --tasks 8 --format json | jq -r '.[].command'

plan measures nothing. A panel is the least that one machine measures, because its ratios are paired; so it is
never split. Ids are hashes of what the panels are: the same suites and flags have the same ids on every
machine. `bucketlab run` with the same suites and flags runs a task: one panel with --task ID, the Kth of N
with --shard K/N. Seconds and memory are estimates.")]
pub(super) struct Plan {
    /// Built-in suites by name, or paths of .toml files [default: quick]
    #[arg(value_name = "SUITE|FILE.toml", value_parser = text())]
    pub(super) suites: Vec<String>,
    #[command(flatten)]
    pub(super) flags: Overrides,
    /// Share the panels out to so many tasks, the longest first [default: a task for each panel]
    #[arg(long, value_name = "N", value_parser = u32::read)]
    pub(super) tasks: Option<u32>,
    /// The tasks are to measure without checking the tables first
    #[arg(long)]
    pub(super) no_verify: bool,
    /// The tasks are to be measured again where more of their slices were disturbed
    #[arg(long, value_name = "N%", value_parser = of::<Percentage, f64>)]
    pub(super) max_disturbed: Option<f64>,
    /// Output format; json is an array with an object for each task
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab merge results -o results/all             the tasks that `run --task` or `--shard` left in results/tasks
  bucketlab merge node1/results node2/results -o all
  bucketlab merge results/RUN-1 results/RUN-2 -o both      two runs of one suite
  bucketlab merge results -o all --each-machine      a run for each kind of machine, all/1, all/2 and so on

DIR is a run, or holds runs, or holds tasks/ with runs. merge refuses runs of different suites, flags, seeds,
revisions, profiles or features. Figures of unlike machines share no run. A panel that several runs have
measured on like machines is one panel with the births of all, so that what differs between these
machines is in its intervals. A copy of a run counts once. The same runs give the same bytes in whatever
order they are given. A directory that merge has written is written over; any other is left alone.

Exit codes: 0 whole; 1 panels or cells are missing, or a cell failed: what is there is written all the same;
2 nothing is written.")]
pub(super) struct Merge {
    /// Directories of runs, or directories that hold them
    #[arg(value_name = "DIR", required = true)]
    pub(super) directories: Vec<PathBuf>,
    /// Directory of the merged run
    #[arg(short, long, value_name = "DIR")]
    pub(super) out: PathBuf,
    /// Write a run for each kind of machine, numbered from 1, into that directory
    #[arg(long)]
    pub(super) each_machine: bool,
    /// Write the records alone, without page and charts
    #[arg(long, conflicts_with = "open")]
    pub(super) no_report: bool,
    /// Open the page in a browser at the end
    #[arg(long)]
    pub(super) open: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab history results                     all runs in a directory
  bucketlab history results/2026*-quick-*       those of one suite
  bucketlab history results --format json | jq '.series[] | select(.changes != [])'

history shows the rate of each cell over the dates of its runs, and where its level changes. A cell is the
same where its target, workload, threads, hash and heap are; machines and build profiles that differ are
series of their own. Changes are found by E-divisive means, a permutation test (Matteson & James 2014), with a
chance of at most 5 % of one or more false alarms over all cells. A level must last three runs. The floor (null)
is among the cells: where it changes with the tables, the machine or the harness did.")]
pub(super) struct History {
    /// Directories of runs, or directories that hold them
    #[arg(value_name = "DIR", required = true)]
    pub(super) directories: Vec<PathBuf>,
    /// File for the chart
    #[arg(short, long, value_name = "FILE.svg", default_value = "history.svg")]
    pub(super) out: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab run -t striped,dash -w ycsb-c --entries 100k,1M,10M --threads 1,2      what predict needs, and then
  bucketlab predict results/RUN --entries 10^10
  bucketlab predict results/RUN --threads 128 --entries 10^10 --memory 512GiB --rate 500M

predict measures nothing. The time of an operation at other numbers of entries comes from the miss model: the
harness, and dependent misses times the latency of memory of that size, which the run has measured; it needs
three numbers of entries, chained. The rate at other numbers of threads comes from the Universal Scalability
Law, which needs four thread counts within the machine's cores. What a run cannot carry is said. Each cell is
left out of its fit in turn and predicted: these errors make the intervals, which grow with the distance.")]
pub(super) struct Predict {
    /// The directory of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Entries over all servers (10^10, 1e9) [default: the most that were measured]
    #[arg(long, value_name = "N", value_parser = u64::read)]
    pub(super) entries: Option<u64>,
    /// Threads of a server [default: the most that were measured]
    #[arg(long, value_name = "N", value_parser = u32::read)]
    pub(super) threads: Option<u32>,
    /// Memory of a server, of which tables take three fourths at most [default: that of the run's machine]
    #[arg(long, value_name = "BYTES")]
    pub(super) memory: Option<ByteCount>,
    /// Operations a second over all servers that are wanted (500M)
    #[arg(long, value_name = "RATE")]
    pub(super) rate: Option<PerSecond>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}
