//! The command line of `bucketlab run`.

use std::path::PathBuf;

use clap::Args;

use super::formats::Format;
use crate::base::{Percentage, of};
use crate::run::{Overrides, Shard, text};

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab run                                  the quick suite
  bucketlab run ycsb --time 20s                  twenty seconds a panel
  bucketlab run -t fixed:buckets=2^16,striped -w ycsb-c --entries 10M --threads 1-4
  bucketlab run --trace ../shared/traces/web07.keys.txt.gz -t fixed -t resizable
  bucketlab run --rate 100k,1M -t striped -w ycsb-c     response times at these rates
  bucketlab run --slo p99=200us -t striped -w ycsb-b    the highest rate that keeps them
  bucketlab run -t striped --allocator system,mimalloc --pages small,huge
  bucketlab run -t start:memcached,served:striped --depth 16    a server, and a table behind ours
  bucketlab run my-suite.toml --dry-run          print the plan and its duration; run nothing
  bucketlab run --resume results/RUN             continue a run that was killed or interrupted
  bucketlab run ycsb --shard 3/8                 the third of eight tasks of a sweep over machines
  bucketlab run ycsb --task 0123456789abcdef     the panel that `bucketlab plan ycsb` lists under this id

Counts: 10M, 1e6, 2^20, 64Ki. Sizes: 64MB (10^6), 64MiB (2^20). Times: 200us, 3s, 1m. Shares: 2%. Lists: 1,2;
ranges: 1-4, which is 1,2,3,4. Specs and suites read them in the same way.
Flags replace the suite's settings. Every run also measures the baseline's twin (the A/A control) and the
harness's floor. Before the first slice each target is checked for a second at most (verify looks longer); one
that fails gets an error row and no rank; servers are not checked before, and every answer's value while it is
timed. What has passed is kept in $XDG_CACHE_HOME/bucketlab, by program and
parameters. Progress goes to stderr, the result to stdout.

A task (--task, --shard) is measured into DIR/tasks/ID, which has that name when it is whole: calling it again
does nothing, and one that was stopped goes on. `bucketlab merge` makes one run of all.

Exit codes: 0 done; 1 a cell failed; 2 it cannot be done, so do not try again; 130 interrupted. Of a task
that is to be run again: 75, because it was stopped by a signal, another process is at it, or it was disturbed.")]
pub(super) struct Run {
    /// Built-in suites by name, or paths of .toml files [default: quick]
    #[arg(value_name = "SUITE|FILE.toml", value_parser = text())]
    pub(super) suites: Vec<String>,
    #[command(flatten)]
    pub(super) flags: Overrides,
    /// Replay a trace at its own times even if that takes longer than a day; write to servers that hold keys already
    #[arg(long)]
    pub(super) yes: bool,
    /// Measure without checking the tables first; the report says so in red
    #[arg(long)]
    pub(super) no_verify: bool,
    /// Create run directories in this directory
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// Name of the run, in its directory and on its page [default: the suites', or what -t and -w ask for]
    #[arg(long, value_name = "NAME", value_parser = text(), conflicts_with = "resume")]
    pub(super) name: Option<String>,
    /// Keep the records as a baseline of this name in DIR/baselines, for `compare RUN --baseline NAME`
    #[arg(long, value_name = "NAME", value_parser = text())]
    pub(super) save_baseline: Option<String>,
    /// Open the page in a browser at the end
    #[arg(long)]
    pub(super) open: bool,
    /// Continue a run that was killed or interrupted; it keeps its own suites and flags
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["Overrides", "out", "dry"])]
    pub(super) resume: Option<PathBuf>,
    #[command(flatten)]
    pub(super) part: Part,
    /// A task more of whose slices were disturbed is to be run again: exit code 75
    #[arg(long, value_name = "N%", value_parser = of::<Percentage, f64>, requires = "Part", default_value = "25%")]
    pub(super) max_disturbed: f64,
    /// Print neither progress nor notes nor the table: the path of the report alone, and what goes wrong
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// Print the plan, its memory and its duration, and run nothing
    #[arg(long = "dry-run")]
    pub(super) dry: bool,
    /// Output format of the result; with json, all other output goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

/// The part of a sweep that is to be run.
#[derive(Args, Debug)]
#[group(multiple = false, conflicts_with_all = ["resume", "save_baseline", "open", "format"])]
pub(super) struct Part {
    /// Run one panel of the suites, by the id that `bucketlab plan` gives it
    #[arg(long, value_name = "ID", value_parser = text())]
    pub(super) task: Option<String>,
    /// Run the Kth of N tasks that the panels of the suites are shared out to
    #[arg(long, value_name = "K/N")]
    pub(super) shard: Option<Shard>,
}

impl Part {
    /// Whether it is a part, and not the whole.
    pub(super) fn is_asked_for(&self) -> bool {
        self.task.is_some() || self.shard.is_some()
    }
}
