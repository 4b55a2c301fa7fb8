//! The flags of a run: what they change in every suite of it.

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::limit::Slo;
use super::suite::{Group, Suite};
use super::target::name_of;
use crate::base::{
    BadInput, Between, ByteCount, Counts, Factor, Nanoseconds, PerSecond, Percent, Percentage,
    Seconds, Written, of, split_targets,
};
use crate::machine::{Allocator, Pages};
use crate::workload::{Arrival, Origin, Oversize, Pacing};

/// What flags change in every suite of a run. Each field is a flag, and the group `Overrides` of the
/// command line has them all: what excludes them names the group.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// Target instead of the suite's, like fixed:buckets=2^16. May be repeated, or a list: behind a comma,
    /// name=value is one more parameter, and anything else the next target
    ///
    /// A target is a strategy, or a server: memcached://HOST:PORT and redis://HOST:PORT are there already;
    /// start:memcached and start:redis-server are started for the run; served:STRATEGY is a strategy behind our own
    /// server, served-unix:STRATEGY over a unix socket, parsed:STRATEGY without a socket.
    #[arg(short, long = "target", value_name = "TARGET", value_parser = text())]
    pub targets: Vec<String>,
    /// Server to start as a target, by its program: -t start:NAME for short
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = text())]
    pub start: Vec<String>,
    /// Allow servers on other machines as targets
    #[arg(long)]
    pub remote: bool,
    /// Workload instead of the suite's; may be repeated, or a list
    #[arg(short, long = "workload", value_name = "WORKLOAD", value_delimiter = ',', value_parser = text())]
    pub workloads: Vec<String>,
    /// Trace to replay instead of the suite's workloads; - reads standard input
    #[arg(long, value_name = "FILE[:FORMAT]", value_parser = text())]
    pub trace: Option<String>,
    /// Skip and count broken lines of the trace instead of stopping at the first
    #[arg(long)]
    pub lenient: bool,
    /// Values of the trace over the item limit of 1 MiB: cut them to it, skip their requests, or stop [default:
    /// error]
    #[arg(long, value_name = "clamp|skip|error")]
    pub oversize: Option<Oversize>,
    /// Hash functions instead of the suite's
    #[arg(long, value_name = "HASH", value_delimiter = ',', value_parser = text())]
    pub hash: Vec<String>,
    /// Allocators instead of the suite's: system, mimalloc
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allocator: Vec<Allocator>,
    /// Page modes instead of the suite's: default, small, huge
    #[arg(long, value_name = "MODE", value_delimiter = ',')]
    pub pages: Vec<Pages>,
    /// Thread counts instead of the suite's (1,2 or 1-4)
    #[arg(long, value_name = "N|N-N", value_delimiter = ',')]
    pub threads: Vec<Counts<u32>>,
    /// Records in each workload's key space (10M, 1e6, 2^20, 64Ki)
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub entries: Vec<Counts<u64>>,
    /// Trials of each cell, instead of as many as the time allows
    #[arg(long, value_name = "N", value_parser = u32::read)]
    pub trials: Option<u32>,
    /// Time for the slices of each panel (3s, 1m); a bare number is seconds [default: 1.6 for each cell of it]
    #[arg(long = "time", value_name = "TIME", value_parser = of::<Seconds, f64>)]
    pub time_s: Option<f64>,
    /// Continue each panel until its ratios to the baseline are this precise (2%)
    #[arg(long, value_name = "N%", value_parser = percent, conflicts_with = "trials")]
    pub precision: Option<f64>,
    /// The most time for slices that --precision may take a panel [default: ten times --time]
    #[arg(long = "max-time", value_name = "TIME", value_parser = of::<Seconds, f64>, requires = "precision")]
    pub max_time_s: Option<f64>,
    /// Gets, or plain sets, passed to the table in one batch
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub batch: Vec<Counts<u32>>,
    /// Connections to a server, over all threads [default: one a thread]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub connections: Vec<Counts<u32>>,
    /// Requests that a connection to a server sends together, before it waits for their answers [default: 1]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub depth: Vec<Counts<u32>>,
    /// Work between two operations of a thread: chained (the next key depends on this answer), none (back
    /// to back), or numbers of instructions (0,50,400) [default: chained]
    #[arg(long, value_name = "chained|none|N", value_delimiter = ',')]
    pub between: Vec<Between>,
    /// Shares of lookups whose keys were never stored (0%,50%), instead of the suite's
    #[arg(long, value_name = "N%", value_delimiter = ',')]
    pub absent: Vec<Percent>,
    /// Bytes that each table may hold, instead of the suite's budgets (64MB, 64MiB); tables evict entries
    #[arg(long, value_name = "BYTES", value_delimiter = ',')]
    pub budget: Vec<ByteCount>,
    /// Assumed cost of a miss at the origin (200us, 1.5ms), used for the effective latency
    #[arg(long, value_name = "TIME", value_parser = origin)]
    pub origin: Option<Origin>,
    /// Offered load in operations per second over all threads: measures latencies in an open loop. Several
    /// rates (10k,100k,1M) make a sweep
    #[arg(long, value_name = "RATE", value_delimiter = ',')]
    pub rate: Vec<PerSecond>,
    /// Distances between intended starts at those rates: fixed or poisson
    #[arg(long, value_name = "fixed|poisson")]
    pub arrival: Option<Arrival>,
    /// Replay a trace at its own times, FACTOR times as fast (2x)
    #[arg(long, value_name = "FACTOR", value_parser = of::<Factor, f64>, conflicts_with_all = ["rate", "arrival"])]
    pub speed: Option<f64>,
    /// Also sample service times in a closed loop, for one second at each birth of a table
    #[arg(long)]
    pub latency: bool,
    /// Search for the highest rate that keeps a limit on response times (p99=200us)
    #[arg(long, value_name = "PERCENTILE=TIME", conflicts_with = "speed")]
    pub slo: Option<Slo>,
    /// Seed of streams, dealing and bootstrap
    #[arg(long, value_name = "N", value_parser = u64::read)]
    pub seed: Option<u64>,
}

impl Suite {
    /// The suite with the flags applied.
    #[must_use]
    pub fn with(mut self, flags: &Overrides) -> Suite {
        let about_any_trace = flags.workloads.is_empty() && !self.trace.is_empty();
        if flags.has_workloads() && !about_any_trace {
            // The paragraph speaks of workloads that do not run now.
            self.analysis.clear();
        }
        for group in &mut self.group {
            flags.apply_to(group);
            if flags.time_s.is_some() || flags.trials.is_some() {
                group.time_s = None;
            }
        }
        self.latency |= flags.latency;
        self.lenient |= flags.lenient;
        self.oversize = flags.oversize.unwrap_or(self.oversize);
        self.seed = flags.seed.unwrap_or(self.seed);
        if flags.trials.is_some() {
            self.time_s = None;
        }
        replace(&mut self.slo, flags.slo);
        replace(&mut self.trials, flags.trials);
        replace(&mut self.time_s, flags.time_s);
        replace(&mut self.precision_percent, flags.precision);
        replace(&mut self.max_time_s, flags.max_time_s);
        self
    }
}

impl Overrides {
    /// What a run is called, and what is said of it, where no suite is named and targets, workloads or a trace are:
    /// after what it runs. `None` where neither is given.
    #[must_use]
    pub fn ad_hoc(&self) -> Option<(String, String)> {
        let names = |all: &[String]| {
            let mut names: Vec<String> = Vec::new();
            for one in all {
                let name = name_of(one);
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names
        };
        let targets = names(&self.all_targets());
        let trace = self.trace.as_deref().map(|trace| {
            if trace == "-" || trace.starts_with("-:") {
                return "stdin".to_owned();
            }
            let file = trace.rsplit('/').next().unwrap_or(trace);
            file.split(['.', ':']).next().unwrap_or(file).to_owned()
        });
        let mut workloads = names(&self.workloads);
        workloads.extend(trace);
        if targets.is_empty() && workloads.is_empty() {
            return None;
        }
        let part = |names: &[String], what: &str| match names.len() {
            0 => None,
            1..=3 => Some(names.join("-")),
            many => Some(format!("{many}-{what}")),
        };
        let parts = [part(&targets, "targets"), part(&workloads, "workloads")];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join("-");
        let words = |names: &[String], otherwise: &str| match names {
            [] => otherwise.to_owned(),
            names => names.join(", "),
        };
        let about = format!(
            "{} under {}, as asked on the command line.",
            words(&targets, "The tables of the suite quick"),
            words(&workloads, "the workloads of the suite quick")
        );
        Some((name, about))
    }

    fn all_targets(&self) -> Vec<String> {
        let lists = self.targets.iter();
        let started = self.start.iter().map(|name| format!("start:{name}"));
        let targets = lists.flat_map(|list| split_targets(list));
        targets.chain(started).collect()
    }

    fn has_workloads(&self) -> bool {
        !self.workloads.is_empty() || self.trace.is_some()
    }

    fn apply_to(&self, group: &mut Group) {
        if let Some(targets) = several(&self.all_targets()) {
            group.targets = targets;
        }
        if self.has_workloads() {
            // One kind alone is for comparison with the suite's other panels of its own workloads; several are
            // what the suite asks.
            if group.between.as_ref().is_some_and(|kinds| kinds.len() == 1) {
                group.between = None;
            }
            let trace = self.trace.iter().map(|trace| format!("trace={trace}"));
            group.workloads = self.workloads.iter().cloned().chain(trace).collect();
        }
        replace(&mut group.threads, several(&Counts::of(&self.threads)));
        replace(&mut group.hash, several(&self.hash));
        replace(&mut group.allocator, several(&self.allocator));
        replace(&mut group.pages, several(&self.pages));
        replace(&mut group.budget, several(&self.budget));
        replace(&mut group.entries, several(&Counts::of(&self.entries)));
        replace(&mut group.batch, several(&Counts::of(&self.batch)));
        replace(
            &mut group.connections,
            several(&Counts::of(&self.connections)),
        );
        replace(&mut group.depth, several(&Counts::of(&self.depth)));
        replace(&mut group.between, several(&self.between));
        replace(&mut group.absent, several(&self.absent));
        replace(&mut group.origin, self.origin);
        let rates = several(&self.rate);
        if rates.is_some() || self.speed.is_some() {
            group.pace = Some(Pacing {
                rate: rates,
                arrival: None,
                speed: self.speed,
            });
        }
        if self.arrival.is_some() {
            group.pace.get_or_insert_default().arrival = self.arrival;
        }
    }
}

/// A list that a flag gives; `None` where the flag is absent.
fn several<T: Clone>(given: &[T]) -> Option<Vec<T>> {
    (!given.is_empty()).then(|| given.to_vec())
}

/// A flag that is present replaces what the suite says.
fn replace<T>(of_suite: &mut Option<T>, of_flag: Option<T>) {
    if of_flag.is_some() {
        *of_suite = of_flag;
    }
}

fn origin(text: &str) -> Result<Origin, BadInput> {
    Nanoseconds::read(text).map(|latency| Origin { latency })
}

fn percent(text: &str) -> Result<f64, BadInput> {
    let Percentage(percent) = Percentage::read(text)?;
    let fits = Some(percent).filter(|percent| *percent > 0.0 && *percent < 100.0);
    fits.ok_or_else(|| {
        BadInput(format!(
            "'{text}' is not valid: above 0, below 100, such as 2%"
        ))
    })
}

/// Takes text, and names the argument whose bytes are none: clap's own parser of text does not.
pub fn text() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().try_map(|value| {
        value.into_string().map_err(|value| {
            format!(
                "it is not UTF-8 ({}): names of files, suites and formats must be UTF-8; rename \
                 the file, or give a link to it",
                value.as_encoded_bytes().escape_ascii()
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_names_the_run() {
        let all = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let named = |targets: &[&str], workloads: &[&str], trace: Option<&str>| {
            let flags = Overrides {
                targets: all(targets),
                workloads: all(workloads),
                trace: trace.map(str::to_owned),
                ..Overrides::default()
            };
            flags.ad_hoc().map(|(name, _)| name)
        };
        assert_eq!(named(&[], &[], None), None);
        assert_eq!(
            named(&["fixed:buckets=2^4", "fixed"], &[], None).unwrap(),
            "fixed"
        );
        assert_eq!(named(&["a", "b"], &["ycsb-a"], None).unwrap(), "a-b-ycsb-a");
        assert_eq!(
            named(&["a:x=1,y=2,b"], &["ycsb-a"], None).unwrap(),
            "a-b-ycsb-a"
        );
        let many = named(
            &["a", "b", "c", "d"],
            &[],
            Some("logs/web07.keys.txt.gz:keys"),
        );
        assert_eq!(many.unwrap(), "4-targets-web07");
    }
}
