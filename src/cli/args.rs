//! The command line.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::formats::{Figures, Format, Sheet};
use super::run_args::Run;
use super::sweep_args::{History, Merge, Plan, Predict};
use crate::analysis::Gates;
use crate::base::{BadInput, ByteCount, Counts, Seconds, Written, of, read_range};
use crate::machine::{Allocator, Pages};
use crate::run::text;
use crate::workload::Oversize;

/// A laboratory for hash-table storage engines: runs tables under the same workloads and reports
/// which differences are real.
#[derive(Debug, Parser)]
#[command(
    name = "bucketlab",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  bucketlab run                              the quick suite, in about a minute
  bucketlab doctor                           what disturbs measurements on this machine
  bucketlab run -t fixed -t striped -w ycsb-b --threads 2
  bucketlab run --trace requests.txt.gz -t fixed -t resizable
  bucketlab plan ycsb --tasks 8              the tasks of a sweep over many machines
  bucketlab merge results -o results/all     one run of its tasks
  bucketlab report results/RUN               write its page and charts again
  bucketlab compare results/BEFORE results/AFTER
  bucketlab history results                  rates over many runs, and their changes
  bucketlab predict results/RUN --entries 1e9     rates, memory and servers
  bucketlab rank results/RUN                 targets over all workloads
  bucketlab trace requests.csv.zst           the statistics of a trace
  bucketlab hash                             which hash function for which use
  bucketlab size striped --entries 100M      how much memory a table takes
  bucketlab verify striped                   check a table for wrong answers
  bucketlab list strategies
  bucketlab serve striped -p 11211           a server for memcached clients

Exit codes: 0 success; 1 a cell failed, a cell is slower than --fail-on allows, a check of verify
failed, or doctor --strict found a warning; 2 invalid input; 75 a task of a sweep is to be run again;
130 interrupted."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Measure suites: tables under workloads, into a run directory
    Run(Box<Run>),
    /// Split suites into tasks for Slurm, GNU parallel and other schedulers
    Plan(Box<Plan>),
    /// Make one run of the tasks of a sweep, or of several runs of one suite
    Merge(Merge),
    /// Write the page and the charts of a run, or of two runs side by side
    Report(Report),
    /// Compare two runs, or two targets of one run, cell by cell
    Compare(Compare),
    /// Show the rates of cells over many runs, and where they changed
    History(History),
    /// Predict rates, memory and servers at other numbers of entries and threads
    Predict(Predict),
    /// Rank the targets of a run over its workloads
    Rank(Rank),
    /// Summarize a trace: requests, keys, operations, sizes, popularity
    Trace(Trace),
    /// Measure hash functions alone: speed, spread, avalanche, floods
    Hash(Hash),
    /// Tell how much memory tables take at a size, extrapolated from small ones
    Size(Size),
    /// Check tables: lost, stale, torn and foreign values, walks, and more
    Verify(Verify),
    /// Check whether this machine is fit for measuring, and suggest fixes
    Doctor(Doctor),
    /// Serve a table to memcached clients
    Serve(Box<super::serve::Serve>),
    /// List strategies, their guarantees, hashes, workloads, suites and trace formats
    List(List),
    /// Write a crate with a table of your own, which builds and runs
    NewStrategy(NewStrategy),
    /// Print the completions of a shell
    Completions(Completions),
    /// Print the manual page, or write one for each verb
    Man(Man),
    /// Serve one table to a parent process
    #[command(name = crate::run::CHILD_VERB, hide = true)]
    Child,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab report results/20260131T123456Z-quick-abc1234
  bucketlab report results/BEFORE results/AFTER      changes from the first run to the second
  bucketlab report results/A results/B --out ab.html
  bucketlab report results/RUN --format csv > cells.csv

report measures nothing. It reads only the records in the directory, and the same records give the
same bytes. One run: report.html, report.md, summary.csv and charts/*.svg in its directory. Two runs: one
page, compare-<name of the second>.html in the directory of the first. The last line of stdout is the
path of the page.")]
pub(super) struct Report {
    /// The directory of a run
    #[arg(value_name = "RUN_DIR")]
    pub(super) run: PathBuf,
    /// The directory of a second run, shown beside the first
    #[arg(value_name = "OTHER_RUN_DIR")]
    pub(super) other: Option<PathBuf>,
    /// File for the page of two runs [default: in the first run, named after the second]
    #[arg(long, value_name = "FILE", requires = "other")]
    pub(super) out: Option<PathBuf>,
    /// Open the page in a browser
    #[arg(long, conflicts_with = "format")]
    pub(super) open: bool,
    /// Also print the table and the findings, as `run` does
    #[arg(long, conflicts_with = "other")]
    pub(super) text: bool,
    /// Print the figures, and write nothing
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["other", "text"])]
    pub(super) format: Option<Figures>,
}

#[derive(Args, Debug)]
#[command(
    override_usage = "bucketlab compare [OPTIONS] <RUN_A> <RUN_B>\n       bucketlab compare [OPTIONS] <RUN> <TARGET> <TARGET>\n       bucketlab compare [OPTIONS] <RUN> --baseline <NAME>",
    after_help = "\
Examples:
  bucketlab compare results/BEFORE results/AFTER
  bucketlab compare results/BEFORE results/AFTER --fail-on slower=5%
  bucketlab compare results/BEFORE results/AFTER --fail-on slower=5% --confirm
  bucketlab compare results/BEFORE results/AFTER --fail-on slower=5%,p99=20%,bytes=2%,undecided
  bucketlab compare results/RUN --baseline main      a run that was kept with --save-baseline main
  bucketlab compare results/RUN fixed:buckets=2^16 striped
  bucketlab compare results/A results/B --format markdown > changes.md

B / A is the ratio of the rates. Faster or slower: its whole interval, widened for how many verdicts are
given together (Bonferroni), lies outside the A/A noise. Where nothing has changed, the chance that one
or more of the verdicts say faster or slower is to be at most 5 %; with few births that rests on the
noise. The same: the whole 95 % interval lies inside the panel's own noise. Anything else is not told
apart. Two targets of a run are paired slice by slice.
Nothing is paired across runs: each cell is taken relative to the peers in its own run, or else to the
control. That removes the machine's drift between the runs. The bootstrap resamples births before slices.
These peers are the reference and get no verdict: compare cannot see a change that slows them equally,
such as a slower hash or compiler. A peer in both runs (-t sharded-hashbrown) and a longer --time reveal
much smaller changes. Cells are not comparable if the machine, the allocator, the hash or a parameter of
the workload differs, or if a trial failed.

--confirm writes a run of its own beside the second one; its figures are compared with those of the first.

Exit codes: 0 success; 1 a cell is slower than --fail-on allows; 2 nothing can be compared, or --confirm is
not possible here; 130 interrupted."
)]
pub(super) struct Compare {
    /// The directory of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// The directory of another run, or two targets of this one
    #[arg(
        value_name = "RUN_B | TARGET TARGET",
        num_args = 1..=2,
        required_unless_present_any = ["baseline", "save_baseline"],
        value_parser = text()
    )]
    pub(super) with: Vec<String>,
    /// Compare this baseline, as A, with RUN: one that was kept in DIR/baselines, where RUN is in DIR
    #[arg(long, value_name = "NAME", conflicts_with = "with", value_parser = text())]
    pub(super) baseline: Option<String>,
    /// Keep the records of the last run that is named as a baseline of this name, unless the comparison fails
    #[arg(long, value_name = "NAME", value_parser = text())]
    pub(super) save_baseline: Option<String>,
    /// Exit with 1 if a cell is slower and the whole interval it is held by lies below 1 − N% (slower=5%), or
    /// if another figure is higher by more than N% (p99, bytes, instructions); with undecided, also where a
    /// change of that size could not have been seen
    #[arg(long, value_name = "slower=N%,…")]
    pub(super) fail_on: Option<Gates>,
    /// Before failing, measure the panels of the cells that would fail again, as the second run did, and judge
    /// these figures instead; only with the program and on the machine of that run
    #[arg(long, requires = "fail_on")]
    pub(super) confirm: bool,
    /// Also write what fails as XML that readers of test reports know (junit), a test case for each cell
    #[arg(long, value_name = "FILE", requires = "fail_on")]
    pub(super) junit: Option<PathBuf>,
    /// Also print what fails as annotations of GitHub Actions [default: where they say that they run it]
    #[arg(long, requires = "fail_on")]
    pub(super) github: bool,
    /// Compare runs of builds with different Cargo profiles
    #[arg(long)]
    pub(super) force: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Sheet::Table)]
    pub(super) format: Sheet,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab rank results/20260131T123456Z-quick-abc1234
  bucketlab rank results/RUN --format markdown

A target's score is the geometric mean of its rate relative to the baseline, over the workloads that all
ranked targets share. Targets that failed or lack a workload are listed below with the reason. Where no two
targets differ, the chance that one or more verdicts say slower is to be at most 5 %.")]
pub(super) struct Rank {
    /// The directory of a run
    #[arg(value_name = "RUN")]
    pub(super) run: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value_t = Sheet::Table)]
    pub(super) format: Sheet,
}

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
    pub(super) targets: Vec<String>,
    /// Entries of the table
    #[arg(long, value_name = "N", value_parser = u64::read)]
    pub(super) entries: u64,
    /// Bytes of a key [default: YCSB's names, of 23 bytes]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(super) key: Option<u32>,
    /// Bytes of a value (200, 4KiB)
    #[arg(long, value_name = "BYTES", value_parser = bytes, default_value = "64")]
    pub(super) value: u32,
    /// Hash function
    #[arg(long, value_name = "HASH", default_value = "sip13", value_parser = text())]
    pub(super) hash: String,
    /// Allocator: system, mimalloc [default: system]
    #[arg(long, value_name = "NAME")]
    pub(super) allocator: Option<Allocator>,
    /// Page mode: default, small, huge [default: default]
    #[arg(long, value_name = "MODE")]
    pub(super) pages: Option<Pages>,
    /// Fill the whole table too, and show how far off the extrapolation was
    #[arg(long)]
    pub(super) check: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab trace web07.oracleGeneral.bin.gz
  bucketlab trace cluster52.csv.zst:twitter --lenient --out charts
  bucketlab trace 'requests.csv:csv(time=1,key=2,size=3,unit=ms)'
  zcat access.log.*.gz | bucketlab trace -:nginx
  bucketlab trace requests.csv --convert requests.blt
  bucketlab trace requests.txt --format json

Without FORMAT, trace guesses the format from the name and the first bytes; `bucketlab list formats`
lists the formats. csv, jsonl, cdn and ibm take options: time=, op=, key=, size= and ttl= name columns (by
the header or, from 1, by number); sep= is comma, tab, semicolon, pipe, space or another character; unit= is
s, ms, us, ns or iso; ops=0:get/1:set says what operations are called; header=yes|no; fill=yes|no says
whether a get that misses fills. The zipf exponent is a least-squares line through ln count over ln rank.
trace also writes a chart of key popularity; the last line is the path of its file.")]
pub(super) struct Trace {
    /// The trace: plain, .gz or .zst; - reads standard input
    #[arg(value_name = "FILE[:FORMAT]", value_parser = text())]
    pub(super) file: String,
    /// Skip and count broken lines instead of stopping at the first
    #[arg(long)]
    pub(super) lenient: bool,
    /// Values over the item limit of 1 MiB: cut them to it, skip their requests, or stop
    #[arg(long, value_name = "clamp|skip|error", default_value = "error")]
    pub(super) oversize: Oversize,
    /// Write the requests to this file in format compact, which replays fastest, and no chart; packed with
    /// Zstandard if its name ends with .zst
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    pub(super) convert: Option<PathBuf>,
    /// Write the chart to this directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) out: PathBuf,
    /// Output format
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
    /// Functions to measure [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = text())]
    #[expect(clippy::struct_field_names, reason = "it is what the flag is called")]
    pub(super) hash: Vec<String>,
    /// Keys to hash; may be repeated [default: all corpora]
    #[arg(long, value_name = "CORPUS|FILE", value_parser = text())]
    pub(super) keys: Vec<String>,
    /// Bucket counts, powers of two [default: 2^6,2^10,2^16,2^20]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(super) buckets: Vec<Counts<u64>>,
    /// Keys of each corpus
    #[arg(long, value_name = "N", value_parser = u64::read, default_value = "200000")]
    pub(super) entries: u64,
    /// Time spent on measuring speed (6s, 1m); a bare number is seconds
    #[arg(long, value_name = "TIME", value_parser = of::<Seconds, f64>, default_value = "6s")]
    pub(super) time: f64,
    /// Seed of keys, hashes and bootstrap
    #[arg(long, value_name = "N", value_parser = u64::read, default_value = "1")]
    pub(super) seed: u64,
    /// Create run directories in this directory
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) out: PathBuf,
    /// Output format of the result; with json, all other output goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab verify                               every strategy, at its sample parameters
  bucketlab verify striped dash --time 60
  bucketlab verify striped:buckets=4,stripes=1 --stage ownership --threads 8
  bucketlab verify fixed --stage differential --hash sip13 --seed 17

A strategy's name alone stands for its sample parameters: the defaults, the smallest table, one that grows all
the time. Each stage of each target runs in a process of its own; a table that hangs, crashes or runs out of
memory fails its stage with the seed, and the others go on. A stage repeats rounds on fresh tables until its
share of --time is over. Under the table, each failure has the command that shows it again.

Stages: differential (one session against a model map), ownership (several sessions, keys of their own and
shared ones), walk (what walks show, mark and remove), linearizability (1,000 histories and more of shared
keys, each searched for an order of its operations that explains all answers; one that has none is drawn),
census (claimed against allocated bytes, entries against what was stored, what is left after the drop, garbage
that grows under churn).

Exit codes: 0 all passed; 1 a stage failed or could not look; 2 invalid input; 130 interrupted.")]
pub(super) struct Verify {
    /// Strategies, alone or with parameters like striped:buckets=2^16, also with commas between [default: every
    /// strategy]
    #[arg(value_name = "TARGET", value_parser = text())]
    pub(super) targets: Vec<String>,
    /// Seed of the first round of each stage; the next rounds count up
    #[arg(long, value_name = "N", value_parser = u64::read, default_value = "1")]
    pub(super) seed: u64,
    /// Time for all stages of all targets (60s, 10m); short shares still do the least number of rounds
    #[arg(long, value_name = "TIME", value_parser = of::<Seconds, f64>, default_value = "5m")]
    pub(super) time: f64,
    /// The most threads that work on a table at once
    #[arg(long, value_name = "N", value_parser = u32::read, default_value = "8")]
    pub(super) threads: u32,
    /// Stages to run [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = text())]
    pub(super) stage: Vec<String>,
    /// Hash functions that rounds take in turn [default: sip13,identity]
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = text())]
    pub(super) hash: Vec<String>,
    /// The only steps to do of one round of the differential stage (3,17-20)
    #[arg(long, value_name = "STEP|FROM-TO", value_delimiter = ',', value_parser = steps)]
    pub(super) only: Vec<RangeInclusive<u64>>,
    /// Time without a step after which a table counts as one that hangs
    #[arg(long, value_name = "TIME", value_parser = of::<Seconds, f64>, default_value = "30s")]
    pub(super) patience: f64,
    /// Write drawings of histories that have no explanation to this directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(super) out: PathBuf,
    /// Output format of the result; with json, all other output goes to stderr
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
    /// Run the one stage in this process, and write what a parent process reads
    #[arg(long, hide = true)]
    pub(super) here: bool,
    /// Few rounds, and nothing is shrunk
    #[arg(long, hide = true, requires = "here")]
    pub(super) brief: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab doctor
  bucketlab doctor --strict || echo not here          in a script, before a run
  bucketlab doctor --format json

doctor takes about two seconds and changes nothing. Start it on an idle machine: it observes other
processes for a second, then spins on every core and looks for interruptions. Every run records the
checks that need no observation, and its report repeats their warnings.

Exit codes: 0 success; 1 a warning, with --strict.")]
pub(super) struct Doctor {
    /// Exit with 1 if there is a warning
    #[arg(long)]
    pub(super) strict: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab list                      everything
  bucketlab list strategies           tables with their parameters
  bucketlab list guarantees           what they promise, and whether a check shows it
  bucketlab list strategies cuckoo    one of them in full
  bucketlab list suites quick --toml  the text of a suite, to start your own from
  bucketlab list suites --schema      a JSON schema of suite files, for editors
  bucketlab list workloads --format json")]
pub(super) struct List {
    /// What to list [default: everything]
    #[arg(value_enum)]
    pub(super) what: Option<Kind>,
    /// One of them, in full
    #[arg(requires = "what")]
    pub(super) name: Option<String>,
    /// Print the text of a suite, to start one of your own from
    #[arg(long, requires = "name", conflicts_with_all = ["format", "markdown"])]
    pub(super) toml: bool,
    /// Print the JSON schema of suite files
    #[arg(long, requires = "what", conflicts_with_all = ["name", "format", "markdown"])]
    pub(super) schema: bool,
    /// Print Markdown tables, as in the guide
    #[arg(long, conflicts_with = "format")]
    pub(super) markdown: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(super) format: Format,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab new-strategy my-table
  cd my-table && cargo run --profile edit -- run -t my-table -t striped")]
pub(super) struct NewStrategy {
    /// The table's name, which is the crate's too
    #[arg(value_name = "NAME", value_parser = text())]
    pub(super) name: String,
    /// Directory to make [default: the name]
    #[arg(long, value_name = "DIR")]
    pub(super) path: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab completions bash > ~/.local/share/bash-completion/completions/bucketlab
  bucketlab completions zsh > ~/.zfunc/_bucketlab
  bucketlab completions fish > ~/.config/fish/completions/bucketlab.fish")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bucketlab man | man -l -
  bucketlab man --out ~/.local/share/man/man1")]
pub(super) struct Man {
    /// Directory for the pages, one for each verb [default: the first alone, on stdout]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
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
    /// What each table promises beside its speed
    Guarantees,
    /// Trace formats
    Formats,
    /// Columns of a run's summary.csv
    Columns,
}

/// The length of a key or a value.
fn bytes(text: &str) -> Result<u32, BadInput> {
    let ByteCount(bytes) = ByteCount::read(text)?;
    u32::try_from(bytes)
        .map_err(|_| BadInput(format!("'{text}' is too large: at most {}", u32::MAX)))
}

/// More steps than any round has.
const MOST_STEPS: u64 = 10_000_000;

/// Steps of a round: one, or from one to another.
fn steps(text: &str) -> Result<RangeInclusive<u64>, BadInput> {
    let steps = read_range(text).ok();
    steps
        .filter(|steps| *steps.start() > 0 && *steps.end() <= MOST_STEPS)
        .ok_or_else(|| {
            BadInput(format!(
                "'{text}' names no steps: write one or a range, from 1 to {MOST_STEPS} (3,17-20)"
            ))
        })
}
