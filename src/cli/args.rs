//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::base::parse_count;
use crate::run::{Overrides, text};

/// A laboratory for hash-table storage engines: runs tables under the same workloads and says what
/// is really different.
#[derive(Debug, Parser)]
#[command(
    name = "bucketlab",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  bucketlab run                              the quick suite, in about a minute
  bucketlab doctor                           what is wrong with this machine for measuring
  bucketlab run -t fixed -t striped -w ycsb-b --threads 2
  bucketlab run --trace requests.txt.gz -t fixed -t resizable
  bucketlab report results/RUN               its page and charts again
  bucketlab compare results/BEFORE results/AFTER
  bucketlab rank results/RUN                 targets over all workloads
  bucketlab trace requests.csv.zst           what a trace is
  bucketlab hash                             which hash function for which use
  bucketlab list strategies
  bucketlab serve striped -p 11211           a server for memcached clients

Exit codes: 0 all is well; 1 a cell failed, or is slower
than --fail-on allows, or the doctor warns (--strict); 2 input that cannot be used; 130 interrupted."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Measure suites: tables under workloads, into a run directory
    Run(Box<Run>),
    /// Make the page and the charts of a run, or lay two runs side by side
    Report(Report),
    /// Say cell by cell which of two runs, or of two targets of a run, is faster
    Compare(Compare),
    /// Rank the targets of a run over its workloads
    Rank(Rank),
    /// Say what a trace is: requests, keys, operations, sizes, popularity
    Trace(Trace),
    /// Measure hash functions by themselves: speed, spread, avalanche, floods
    Hash(Hash),
    /// Say what is wrong with this machine for measuring, and what to do
    Doctor(Doctor),
    /// Serve a table to memcached clients
    Serve(Box<super::serve::Serve>),
    /// Say what there is: strategies, hashes, workloads, suites, formats
    List(List),
    /// Serve one table to a parent process
    #[command(name = crate::run::CHILD_VERB, hide = true)]
    Child,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab run                                  the quick suite
  bucketlab run ycsb --time 20                   twenty seconds a panel
  bucketlab run -t fixed:buckets=2^16 -t striped -w ycsb-c --threads 1,2
  bucketlab run --trace ../shared/traces/web07.keys.txt.gz -t fixed -t resizable
  bucketlab run --rate 100k,1M -t striped -w ycsb-c     response times at these rates
  bucketlab run --slo p99=200us -t striped -w ycsb-b    the highest rate that keeps them
  bucketlab run -t striped --allocator system,mimalloc --pages small,huge
  bucketlab run my-suite.toml --dry-run          what would be run, and how long it takes
  bucketlab run --resume results/RUN             go on with a run that was killed or interrupted

Flags replace what the suite says. The baseline's twin and the harness's floor are part of every
run. Progress goes to stderr, the result to stdout.")]
pub(super) struct Run {
    /// Built-in suites by name, or paths of .toml files [default: quick]
    #[arg(value_name = "SUITE|FILE.toml", value_parser = text())]
    pub(super) suites: Vec<String>,
    #[command(flatten)]
    pub(super) flags: Overrides,
    /// Replay a trace at its own times even where that takes longer than a day
    #[arg(long)]
    pub(super) yes: bool,
    /// Directory that run directories are made in
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// Go on with a run that was killed or interrupted, where it was; suites and flags are its own
    #[arg(long, value_name = "RUN_DIR", conflicts_with_all = ["Overrides", "out", "dry"])]
    pub(super) resume: Option<PathBuf>,
    /// Only say what would be run, how much memory and how long it takes
    #[arg(long = "dry-run")]
    pub(super) dry: bool,
    /// How the result is printed; with json, everything else goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab report results/20260131T123456Z-quick-abc1234
  bucketlab report results/BEFORE results/AFTER      what changed from one run to the other
  bucketlab report results/A results/B --out ab.html

Nothing is measured: the report is made from the records in the directory alone, and the same records
give the same bytes. One run: report.html, report.md and charts/*.svg in its directory. Two runs: one
page, compare-<name of the second>.html in the directory of the first. The last line of stdout is the
path of the page.")]
pub(super) struct Report {
    /// The directory of a run
    #[arg(value_name = "RUN_DIR")]
    pub(super) run: PathBuf,
    /// The directory of another run, to be laid beside the first
    #[arg(value_name = "OTHER_RUN_DIR")]
    pub(super) other: Option<PathBuf>,
    /// Where the page of two runs goes [default: in the first run, named after the second]
    #[arg(long, value_name = "FILE", requires = "other")]
    pub(super) out: Option<PathBuf>,
    /// Print the table and the findings too, as `run` does
    #[arg(long, conflicts_with = "other")]
    pub(super) text: bool,
}

#[derive(Args, Debug)]
#[command(
    override_usage = "bucketlab compare [OPTIONS] <RUN_A> <RUN_B>\n       bucketlab compare [OPTIONS] <RUN> <TARGET> <TARGET>",
    after_help = "\
Examples:
  bucketlab compare results/BEFORE results/AFTER
  bucketlab compare results/BEFORE results/AFTER --fail-on slower=5%
  bucketlab compare results/RUN fixed:buckets=2^16 striped
  bucketlab compare results/A results/B --format markdown > changes.md

B / A is the ratio of the rates. Faster or slower: its whole 95 % interval lies outside the A/A noise. The
same: the whole interval lies inside. Anything else is not told apart. Two targets of a run are paired
slice by slice. Nothing is paired across runs: each cell is taken relative to the peers in its own run, or
else to the control, which takes out what the machine did, and births are resampled before slices. Such
peers are the yardstick and have no verdict: what slows them as much, as a hash or a compiler may, is not
seen. With a peer in both runs (-t sharded-hashbrown) and a longer --time much smaller changes are seen.
Cells are not comparable where the machine, the allocator, the hash or a parameter of the workload
differs, or a trial failed.

Exit codes: 0; 1 where --fail-on says so; 2 where nothing can be compared."
)]
pub(super) struct Compare {
    /// The directory of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// The directory of another run, or two targets of this one
    #[arg(value_name = "RUN_B | TARGET TARGET", num_args = 1..=2, required = true, value_parser = text())]
    pub(super) with: Vec<String>,
    /// Exit with 1 where a cell is slower and its whole interval lies below 1 − this part (slower=5%)
    #[arg(long, value_name = "slower=N%")]
    pub(super) fail_on: Option<FailOn>,
    /// Compare runs of builds with different Cargo profiles
    #[arg(long)]
    pub(super) force: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Sheet::Table)]
    pub(super) format: Sheet,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab rank results/20260131T123456Z-quick-abc1234
  bucketlab rank results/RUN --format markdown

The geometric mean of each target's rate over that of the baseline, over the workloads that all ranked
targets share. Targets that were not measured in all of them, or failed, stand below with the reason.")]
pub(super) struct Rank {
    /// The directory of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Sheet::Table)]
    pub(super) format: Sheet,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab trace web07.oracleGeneral.bin.gz
  bucketlab trace cluster52.csv.zst:twitter --lenient --out charts
  bucketlab trace requests.txt --format json

The format is guessed from the name and the first bytes where it is not given; `bucketlab list
formats` says which there are. The zipf exponent is a least-squares line through ln count over ln rank.
A chart of the popularity of keys goes into a file, whose path is the last line.")]
pub(super) struct Trace {
    /// The trace: plain, .gz or .zst
    #[arg(value_name = "FILE[:FORMAT]", value_parser = text())]
    pub(super) file: String,
    /// Leave broken lines out and count them, instead of stopping at the first
    #[arg(long)]
    pub(super) lenient: bool,
    /// Directory that the chart goes to
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) out: PathBuf,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab hash                                 all functions, all corpora, about 20 seconds
  bucketlab hash --hash xxh3,sip13 --buckets 2^16
  bucketlab hash --keys url --keys requests.txt.gz
  bucketlab hash --format json > hashes.json

Corpora: user, sequential, decimal, url, uuid, one-byte; or a file with a key a line, plain or .gz, or a
trace (FILE:FORMAT). The last line of stdout is the path of the report.")]
pub(super) struct Hash {
    /// Functions to measure; all when left out
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = text())]
    #[expect(clippy::struct_field_names, reason = "it is what the flag is called")]
    pub(super) hash: Vec<String>,
    /// Keys to spread; all corpora when left out; may be repeated
    #[arg(long, value_name = "CORPUS|FILE", value_parser = text())]
    pub(super) keys: Vec<String>,
    /// Bucket counts, powers of two [default: 2^6,2^10,2^16,2^20]
    #[arg(long, value_name = "N", value_parser = parse_count, value_delimiter = ',')]
    pub(super) buckets: Vec<u64>,
    /// Keys of each corpus
    #[arg(long, value_name = "N", value_parser = parse_count, default_value = "200000")]
    pub(super) entries: u64,
    /// Seconds for measuring speed
    #[arg(long, value_name = "SECONDS", default_value_t = 6.0)]
    pub(super) time: f64,
    /// Seed of keys, hashes and bootstrap
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Directory that run directories are made in
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// How the result is printed; with json, everything else goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab doctor
  bucketlab doctor --strict || echo not here          in a script, before a run
  bucketlab doctor --format json

Takes about two seconds and changes nothing. Run it when nothing else runs: it looks at who else is busy
for a second, then spins on every core and looks for holes. Every run records what can be read
without looking on, and its report repeats the warnings.

Exit codes: 0; 1 with --strict where there is a warning.")]
pub(super) struct Doctor {
    /// Exit with 1 where there is a warning
    #[arg(long)]
    pub(super) strict: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab list                      everything
  bucketlab list strategies           tables with their parameters
  bucketlab list workloads --format json")]
pub(super) struct List {
    /// What to list; everything when left out
    #[arg(value_enum)]
    pub(super) what: Option<Kind>,
    /// Print Markdown tables, as in the guide
    #[arg(long, conflicts_with = "format")]
    pub(super) markdown: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// Tables, with their parameters
    Strategies,
    /// Hash functions
    Hashes,
    /// Workload presets, with their sources
    Workloads,
    /// Built-in suites
    Suites,
    /// Trace formats
    Formats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// How a table of results is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sheet {
    /// For people
    Table,
    /// For a message or a page
    Markdown,
    /// For programs
    Json,
}

/// What makes a comparison fail.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct FailOn {
    /// A cell slower by more than so many per cent.
    pub(super) slower_percent: f64,
}

impl std::str::FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<FailOn, String> {
        let percent = text
            .strip_prefix("slower=")
            .and_then(|rest| rest.strip_suffix('%'))
            .and_then(|percent| percent.trim_end().parse::<f64>().ok())
            .filter(|percent| (0.0..100.0).contains(percent));
        match percent {
            Some(slower_percent) => Ok(FailOn { slower_percent }),
            None => Err("write slower=N% with N from 0 to below 100: slower=5%".to_owned()),
        }
    }
}
