//! Checks of tables: which stages of which targets, and a process of its own for each.
//!
//! A table that hangs, crashes or eats all memory ends the process of one stage, which is its verdict; the others
//! go on.

use std::io::{BufRead, BufReader, Write};
use std::ops::RangeInclusive;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::process::{describe, tail_of, with_last_words};
use crate::base::{BadInput, Params, Spec, split_targets, unknown_name};
use crate::catalog::{self, Row};
use crate::hash::{self, HashRow};
use crate::machine;
use crate::record::{CheckLine, Ending, Exercised, Found, Verdict};
use crate::verify::{Stage, Task, examine, signs_of_life};

/// The hash functions that rounds take in turn: one that spreads keys, and one that leaves them as they are.
const HASHES: [&str; 2] = ["sip13", "identity"];

/// How often a process of a stage says that it gets on.
const ALIVE: Duration = Duration::from_secs(1);

/// All stages of a brief check together.
const BRIEF: Duration = Duration::from_secs(1);

/// How long a table may go without a step in a brief check.
const BRIEF_PATIENCE: Duration = Duration::from_secs(10);

/// The most threads of a round of a brief check.
const BRIEF_THREADS: u32 = 4;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Targets; none for every strategy. A name without parameters stands for all samples of that strategy.
    pub targets: Vec<String>,
    /// Names of stages; none for all.
    pub stages: Vec<String>,
    /// Names of hash functions; none for one that spreads and one that does not.
    pub hashes: Vec<String>,
    /// The seed of the first round of each stage.
    pub seed: u64,
    /// Seconds for all stages of all targets.
    pub time_s: f64,
    /// The most threads of a round.
    pub threads: u32,
    /// The only steps of a differential round, from first to last of each range; empty for all.
    pub only: Vec<RangeInclusive<u64>>,
    /// Seconds without a step after which a table counts as one that hangs.
    pub patience_s: f64,
    /// Whether few rounds are enough, and nothing is shrunk.
    pub brief: bool,
}

/// What is to be checked.
#[derive(Debug)]
pub struct VerifyPlan<'r> {
    options: VerifyOptions,
    hashes: Vec<&'static HashRow>,
    jobs: Vec<(Target<'r>, Stage)>,
    /// The share of each job.
    time: Duration,
    patience: Duration,
}

#[derive(Clone, Debug)]
struct Target<'r> {
    row: &'r Row,
    params: Params,
}

/// What hears how a check gets on.
pub trait VerifyWatch {
    /// A stage of a target begins: the place of it among all, how many there are, target and stage.
    fn begins(&mut self, number: usize, of: usize, target: &str, stage: &str);
}

impl<'r> VerifyPlan<'r> {
    /// Resolves names and numbers; `exactly` if a name without parameters stands for its defaults alone.
    ///
    /// # Errors
    /// The first that names nothing or is out of range, with the nearest valid one.
    pub fn new(
        rows: &'r [Row],
        options: &'r VerifyOptions,
        exactly: bool,
    ) -> Result<VerifyPlan<'r>, BadInput> {
        let mut targets = Vec::new();
        let lists = options.targets.iter();
        for text in lists.flat_map(|list| split_targets(list)) {
            targets.extend(named(rows, &text, exactly)?);
        }
        if options.targets.is_empty() {
            let checked = rows.iter().filter(|row| !row.control);
            for row in checked {
                targets.extend(samples(rows, row)?);
            }
        }
        let stages = stages(&options.stages)?;
        let jobs: Vec<_> = targets
            .iter()
            .flat_map(|target| stages.iter().map(|stage| (target.clone(), *stage)))
            .collect();
        if !options.only.is_empty() && (jobs.len() != 1 || stages != [Stage::Differential]) {
            return Err(BadInput(
                "--only takes steps of one round: name one target with its parameters and \
                 --stage differential"
                    .to_owned(),
            ));
        }
        if !(1..=256).contains(&options.threads) {
            return Err(BadInput(format!(
                "--threads {}: must be from 1 to 256",
                options.threads
            )));
        }
        let time = seconds("--time", options.time_s)?;
        Ok(VerifyPlan {
            options: options.clone(),
            hashes: hashes(&options.hashes)?,
            time: time / u32::try_from(jobs.len().max(1)).unwrap_or(u32::MAX),
            patience: seconds("--patience", options.patience_s)?,
            jobs,
        })
    }

    /// What `run` asks of one target before it measures it: a second at most, under the hash functions that it is
    /// to be measured with.
    pub(super) fn brief(
        (row, params): (&'r Row, &Params),
        hashes: Vec<&'static HashRow>,
        seed: u64,
    ) -> VerifyPlan<'r> {
        let target = Target {
            row,
            params: params.clone(),
        };
        VerifyPlan {
            options: VerifyOptions {
                targets: Vec::new(),
                stages: Vec::new(),
                hashes: Vec::new(),
                seed,
                time_s: BRIEF.as_secs_f64(),
                threads: BRIEF_THREADS,
                only: Vec::new(),
                patience_s: BRIEF_PATIENCE.as_secs_f64(),
                brief: true,
            },
            hashes,
            jobs: Stage::BRIEF
                .iter()
                .map(|stage| (target.clone(), *stage))
                .collect(),
            time: BRIEF / u32::try_from(Stage::BRIEF.len()).expect("few stages"),
            patience: BRIEF_PATIENCE,
        }
    }
}

/// What a text on the command line names: one target, or all samples of a strategy.
fn named<'r>(rows: &'r [Row], text: &str, exactly: bool) -> Result<Vec<Target<'r>>, BadInput> {
    let spec: Spec = text.parse()?;
    let (row, params) = catalog::resolve(rows, &spec)?;
    if row.control {
        return Err(BadInput(format!(
            "'{}' is a control: it holds nothing, so there is nothing to verify",
            row.name
        )));
    }
    if !exactly && text == row.name && !row.samples.is_empty() {
        return samples(rows, row);
    }
    Ok(vec![Target { row, params }])
}

/// The samples of a strategy; tables with planted faults have none.
fn samples<'r>(rows: &'r [Row], row: &'r Row) -> Result<Vec<Target<'r>>, BadInput> {
    let one = |sample: &&str| {
        let (_, params) = catalog::resolve(rows, &sample.parse()?)?;
        Ok(Target { row, params })
    };
    row.samples.iter().map(one).collect()
}

fn stages(names: &[String]) -> Result<Vec<Stage>, BadInput> {
    if names.is_empty() {
        return Ok(Stage::ALL.to_vec());
    }
    let stage = |name: &String| {
        let known = Stage::ALL.iter().map(|stage| stage.name());
        Stage::named(name).ok_or_else(|| unknown_name("stage", name, known))
    };
    names.iter().map(stage).collect()
}

fn hashes(names: &[String]) -> Result<Vec<&'static HashRow>, BadInput> {
    let default = HASHES.map(str::to_owned);
    let names = if names.is_empty() {
        &default[..]
    } else {
        names
    };
    names.iter().map(|name| hash::find(name)).collect()
}

fn seconds(flag: &str, seconds: f64) -> Result<Duration, BadInput> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero() && time.as_secs() <= 7 * 86_400)
        .ok_or_else(|| {
            BadInput(format!(
                "{flag} {seconds}: write seconds above 0, a week at most"
            ))
        })
}

/// Runs all stages of all targets, one after the other, each in a process of its own. Once `interrupted` is set, or
/// a stage of a brief check has failed, what has not ended is unfinished.
///
/// # Errors
/// A process cannot be started.
pub fn verify(
    plan: &VerifyPlan<'_>,
    executable: &Path,
    watch: &mut dyn VerifyWatch,
    interrupted: &AtomicBool,
) -> std::io::Result<Vec<Verdict>> {
    let mut verdicts: Vec<Verdict> = Vec::new();
    for (number, (target, stage)) in plan.jobs.iter().enumerate() {
        let name = target.params.short();
        let mut checked = Checked::new(&name, *stage);
        let known = plan.options.brief && verdicts.iter().any(Verdict::failed);
        if !known && !interrupted.load(Ordering::Relaxed) {
            watch.begins(number + 1, plan.jobs.len(), &name, stage.name());
            let mut process = Process::start(plan, executable, target, *stage)?;
            process.follow(plan, &mut checked, interrupted);
        }
        verdicts.push(checked.verdict);
    }
    Ok(verdicts)
}

/// What is known of a stage so far.
struct Checked {
    verdict: Verdict,
    /// The round that is going on.
    hash: String,
    seed: u64,
}

impl Checked {
    fn new(target: &str, stage: Stage) -> Checked {
        let verdict = Verdict {
            target: target.to_owned(),
            stage: stage.name().to_owned(),
            ending: Ending::Unfinished,
            exercised: Exercised::default(),
            found: None,
        };
        Checked {
            verdict,
            hash: String::new(),
            seed: 0,
        }
    }

    fn hear(&mut self, line: CheckLine) {
        match line {
            CheckLine::Round { hash, seed } => {
                self.verdict.exercised.rounds += 1;
                (self.hash, self.seed) = (hash, seed);
            }
            CheckLine::Alive => {}
            CheckLine::Verdict(verdict) => self.verdict = *verdict,
        }
    }

    /// The process ended by itself, or was ended, for this reason. A verdict that was told before stays.
    fn ended(&mut self, why: String) {
        if self.verdict.ending == Ending::Unfinished {
            self.verdict.ending = Ending::Failed;
            self.verdict.found = Some(Found {
                what: why,
                hash: self.hash.clone(),
                seed: self.seed,
                only: Vec::new(),
                steps: Vec::new(),
                history: None,
            });
        }
    }
}

/// The process of one stage.
struct Process {
    child: Child,
    lines: Receiver<std::io::Result<CheckLine>>,
    last_words: Option<JoinHandle<String>>,
}

impl Process {
    fn start(
        plan: &VerifyPlan<'_>,
        executable: &Path,
        target: &Target<'_>,
        stage: Stage,
    ) -> std::io::Result<Process> {
        let VerifyOptions { seed, threads, .. } = &plan.options;
        let hashes: Vec<&str> = plan.hashes.iter().map(|hash| hash.name).collect();
        let mut command = Command::new(executable);
        command
            .args(["verify", &target.params.full(), "--here"])
            .args(["--stage", stage.name(), "--hash", &hashes.join(",")])
            .args(["--seed", &seed.to_string()])
            .args(["--threads", &threads.to_string()])
            .args(["--time", &plan.time.as_secs_f64().to_string()]);
        if !plan.options.only.is_empty() {
            let only = plan.options.only.iter();
            let only: Vec<String> = only.map(|r| format!("{}-{}", r.start(), r.end())).collect();
            command.args(["--only", &only.join(",")]);
        }
        if plan.options.brief {
            command.arg("--brief");
        }
        // Its own group: a Ctrl-C at the terminal reaches the parent alone.
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let line = line.and_then(|line| Ok(serde_json::from_str(&line)?));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Process {
            child,
            lines,
            last_words: Some(thread::spawn(move || tail_of(stderr))),
        })
    }

    /// Hears what the process says until it ends, or makes it end: when it says nothing, or on an interrupt.
    fn follow(&mut self, plan: &VerifyPlan<'_>, checked: &mut Checked, interrupted: &AtomicBool) {
        let mut heard = Instant::now();
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(Ok(line)) => {
                    heard = Instant::now();
                    checked.hear(line);
                }
                Ok(Err(error)) => {
                    checked.ended(format!("the answer of its process cannot be read: {error}"));
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    checked.ended(self.why_it_ended());
                    return;
                }
                Err(RecvTimeoutError::Timeout) if interrupted.load(Ordering::Relaxed) => return,
                Err(RecvTimeoutError::Timeout) if heard.elapsed() > plan.patience => {
                    let waited = plan.patience.as_secs_f64();
                    checked.ended(format!("hangs: no step within {waited} s, killed"));
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn why_it_ended(&mut self) -> String {
        let status = match self.child.wait() {
            Ok(status) => describe(status),
            Err(error) => format!("ended, and its exit status is unknown: {error}"),
        };
        let words = self.last_words.take().and_then(|words| words.join().ok());
        with_last_words(status, &words.unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the one stage of the one target that a plan names in this process, and writes [`CheckLine`]s to stdout.
///
/// # Errors
/// The plan names several, or stdout is closed.
pub fn verify_here(plan: &VerifyPlan<'_>) -> anyhow::Result<()> {
    let [(target, stage)] = plan.jobs.as_slice() else {
        anyhow::bail!("--here takes one target with its parameters and one stage");
    };
    // Nobody reads the verdict of an orphan.
    machine::die_with_parent();
    // A table that eats memory fails by itself before the kernel picks a victim.
    machine::limit_memory();
    thread::spawn(|| {
        let mut before = signs_of_life();
        loop {
            thread::sleep(ALIVE);
            let now = signs_of_life();
            if now != before && write_line(&CheckLine::Alive).is_err() {
                return;
            }
            before = now;
        }
    });
    let task = Task {
        kind: &target.row.kind,
        params: &target.params,
        bears_one_hash: target.row.bears_one_hash,
        unclaimed: target.row.unclaimed,
        stage: *stage,
        hashes: plan.hashes.clone(),
        seed: plan.options.seed,
        threads: plan.options.threads,
        time: plan.time,
        only: (!plan.options.only.is_empty())
            .then(|| plan.options.only.iter().cloned().flatten().collect()),
        brief: plan.options.brief,
    };
    let mut written = Ok(());
    examine(&task, &mut |line| {
        let result = write_line(&line);
        if written.is_ok() {
            written = result;
        }
    });
    Ok(written?)
}

/// One write, so that lines of two threads do not mix.
fn write_line(line: &CheckLine) -> std::io::Result<()> {
    let mut text = serde_json::to_string(line).expect("plain data");
    text.push('\n');
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
