//! One stage on one target, round after round until its time is over.
//!
//! The seed of the first round is the one that was asked for, and each round's is one more: shape, hash
//! function, keys and operations of a round follow from its seed, so any round can be run again as the first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::census::{Weighed, census};
use super::concurrent::concurrent;
use super::differential::{differential, replay};
use super::failure::{Failure, Wrong};
use super::history;
use super::plan::{Counts, Plan};
use super::shrink::shrink;
use super::stage::{ONE_HASH, Shape, Stage};
use super::unexplained::Unexplained;
use super::walk::walk;
use crate::base::{Journal, Params, counted};
use crate::hash::{HashRow, Hasher};
use crate::machine::now_ns;
use crate::record::{CheckLine, Ending, Exercised, Found, Verdict};
use crate::table::{Env, Kind};

/// How long a failing case is shrunk at most.
const SHRINKING: Duration = Duration::from_secs(10);

/// Histories that must be searched to the end for a verdict.
const LEAST_HISTORIES: u64 = 1_000;

/// The share of operations of histories that must overlap with another thread's on the same key: where threads run
/// one after the other, every history has an explanation.
const LEAST_OVERLAP: f64 = 0.05;

/// Steps at most of which a verdict tells what they do.
const MOST_TOLD: usize = 30;

/// Rounds of a brief check at most: a table that answers fast is done before its time is over.
const MOST_BRIEF: [(Stage, u64); 3] = [
    (Stage::Differential, 8),
    (Stage::Ownership, 6),
    (Stage::Linearizability, 40),
];

/// What is to be checked, and how long.
#[derive(Clone, Debug)]
pub struct Task<'t> {
    /// How its tables are opened.
    pub kind: &'t Kind,
    /// Their parameters.
    pub params: &'t Params,
    /// Whether it stays usable when all keys have one hash.
    pub bears_one_hash: bool,
    /// Why it claims more or fewer bytes than it allocates, where it does.
    pub unclaimed: Option<&'static str>,
    /// The kind of check.
    pub stage: Stage,
    /// The hash functions that rounds take in turn; not empty.
    pub hashes: Vec<&'static HashRow>,
    /// The seed of the first round.
    pub seed: u64,
    /// The most threads of a round.
    pub threads: u32,
    /// How long rounds begin. A stage does its least number of rounds however long they take.
    pub time: Duration,
    /// The only steps of one differential round to be done; `None` for all of all rounds.
    pub only: Option<Vec<u64>>,
    /// Whether few rounds are enough, and a case that fails is not shrunk: what `run` asks before it measures. A
    /// verdict then rests on what there was time for, and says how much that was.
    pub brief: bool,
}

/// Does a stage and tells what it came to, with [`CheckLine::Round`] as each round begins and
/// [`CheckLine::Verdict`] at the end; where a failing case can be shrunk, once before and once after.
pub fn examine(task: &Task<'_>, tell: &mut dyn FnMut(CheckLine)) {
    if task.stage == Stage::Walk && !task.kind.walk {
        let verdict = task.verdict(Ending::NotApplicable, Exercised::default());
        tell(CheckLine::Verdict(Box::new(verdict)));
        return;
    }
    let until = Instant::now() + task.time;
    let mut exercised = Exercised::default();
    let least = if task.only.is_some() { 1 } else { task.least() };
    for number in 0.. {
        let over =
            task.only.is_some() || exercised.rounds >= task.most() || Instant::now() >= until;
        if exercised.rounds >= least && over && !task.lacks(&exercised, least) {
            break;
        }
        let round = task.round(number);
        if task.brief && task.stage == Stage::Differential && Shape::of(round.seed) == Shape::Long {
            continue;
        }
        tell(CheckLine::Round {
            hash: round.hash.name.to_owned(),
            seed: round.seed,
        });
        exercised.rounds += 1;
        if let Err(wrong) = round.check(task, &mut exercised) {
            round.failed(task, &wrong, exercised, tell);
            return;
        }
    }
    tell(CheckLine::Verdict(Box::new(task.judged(exercised))));
}

fn note(exercised: &mut Exercised, counts: &Counts) {
    exercised.operations += counts.total();
    exercised.walked += counts.walked;
    exercised.growths += counts.growths;
}

impl Task<'_> {
    fn verdict(&self, ending: Ending, exercised: Exercised) -> Verdict {
        Verdict {
            target: self.params.short(),
            stage: self.stage.name().to_owned(),
            ending,
            exercised,
            found: None,
        }
    }

    /// What a stage comes to in which no round has failed.
    fn judged(&self, mut exercised: Exercised) -> Verdict {
        let mut ending = Ending::Passed;
        if self.brief {
            if self.stage == Stage::Linearizability && exercised.histories == 0 {
                ending = Ending::Unclear;
            }
        } else if self.stage == Stage::Linearizability {
            let overlap = exercised.overlap().unwrap_or(0.0);
            if overlap < LEAST_OVERLAP {
                ending = Ending::Failed;
                exercised.notes.push(format!(
                    "{:.1} % of the operations overlapped with another thread's on the same key, and fewer than \
                     {:.0} % show nothing",
                    100.0 * overlap,
                    100.0 * LEAST_OVERLAP
                ));
            } else if exercised.histories < LEAST_HISTORIES {
                ending = Ending::Unclear;
                exercised.notes.push(format!(
                    "{} searched to the end: fewer than {LEAST_HISTORIES} say too little",
                    counted(exercised.histories, "history")
                ));
            }
        }
        self.verdict(ending, exercised)
    }

    /// Holds a claim of bytes against what was counted. A table that has a reason to claim less says so once.
    fn claims(&self, weighed: Weighed, exercised: &mut Exercised) -> Result<(), Box<Unexplained>> {
        let Some((claimed, counted)) = weighed.bytes else {
            let note = "bytes were not counted: the program has no counting allocator";
            if exercised.notes.is_empty() {
                exercised.notes.push(note.to_owned());
            }
            return Ok(());
        };
        if !weighed.differ() {
            return Ok(());
        }
        let Some(reason) = self.unclaimed else {
            let wrong = Wrong {
                expected: format!("a claim within 2 % of {counted} B, which were allocated"),
                got: format!("{claimed} B"),
            };
            return Err(wrong.during("usage").into());
        };
        if exercised.notes.is_empty() {
            exercised.notes.push(format!(
                "claims {claimed} B, and {counted} B were allocated: {reason}"
            ));
        }
        Ok(())
    }

    /// Rounds that make the stage worth its name.
    fn least(&self) -> u64 {
        if self.brief {
            return 1;
        }
        match self.stage {
            Stage::Differential => Shape::ALL.len() as u64,
            Stage::Ownership | Stage::Walk | Stage::Census => self.hashes.len() as u64,
            Stage::Linearizability => LEAST_HISTORIES.div_ceil(history::KEYS as u64),
        }
    }

    /// Whether histories are to be recorded in the place of those whose search was given up: for as many rounds again
    /// at most, since a table whose histories are mostly too hard is not to hold up the others.
    fn lacks(&self, exercised: &Exercised, least: u64) -> bool {
        self.stage == Stage::Linearizability
            && !self.brief
            && self.only.is_none()
            && exercised.histories < LEAST_HISTORIES
            && exercised.rounds < 2 * least
    }

    /// Rounds after which it ends before its time is over.
    fn most(&self) -> u64 {
        let brief = MOST_BRIEF.iter().find(|(stage, _)| *stage == self.stage);
        brief
            .filter(|_| self.brief)
            .map_or(u64::MAX, |(_, most)| *most)
    }

    fn round(&self, number: u64) -> Round {
        let seed = self.seed.wrapping_add(number);
        // Each function meets each shape.
        let turn = seed / Shape::ALL.len() as u64 + seed;
        let turn = turn % self.hashes.len() as u64;
        Round {
            seed,
            hash: self.hashes[usize::try_from(turn).expect("few functions")],
        }
    }
}

/// What a round's seed stands for.
struct Round {
    seed: u64,
    hash: &'static HashRow,
}

impl Round {
    fn env(&self, row: &HashRow) -> Env {
        Env {
            hasher: Hasher::new(row, [self.seed, !self.seed]),
            clock: now_ns,
            journal: Arc::new(Journal::new(0)),
            recency: false,
        }
    }

    fn check(&self, task: &Task<'_>, exercised: &mut Exercised) -> Result<(), Box<Unexplained>> {
        let Task { kind, params, .. } = *task;
        let counts = match task.stage {
            Stage::Differential => {
                let (env, plan) = self.differential(task);
                match &task.only {
                    None => differential(kind, params, &env, &plan)?,
                    Some(only) => replay(kind, params, &env, &plan, only.iter().copied(), None)?,
                }
            }
            Stage::Ownership => {
                let env = self.env(self.hash);
                concurrent(kind, params, &env, &self.ownership(task))?
            }
            Stage::Walk => {
                let plan = Plan {
                    seed: self.seed,
                    key_space: 1_000,
                    ..Plan::quick()
                };
                walk(kind, params, &self.env(self.hash), &plan)?
            }
            Stage::Linearizability => {
                let round = self.linearizability(task);
                let env = self.env(self.hash);
                let recorded = history::linearizability(kind, params, &env, round)?;
                exercised.histories += recorded.histories;
                exercised.unsearched += recorded.unsearched;
                exercised.recorded += recorded.operations;
                exercised.overlapping += recorded.overlapping;
                exercised.operations += recorded.operations;
                exercised.growths += recorded.growths;
                return Ok(());
            }
            Stage::Census => {
                let weighed = census(kind, params, &self.env(self.hash), self.seed)?;
                exercised.operations += weighed.operations;
                return task.claims(weighed, exercised);
            }
        };
        note(exercised, &counts);
        Ok(())
    }

    /// Four threads to eight, or fewer where fewer are asked for.
    fn linearizability(&self, task: &Task<'_>) -> history::Round {
        let most = u64::from(task.threads.max(2));
        let least = most.min(4);
        let threads = least + self.seed % (most - least + 1);
        history::Round {
            seed: self.seed,
            threads: u32::try_from(threads).expect("at most as many as asked for"),
        }
    }

    fn differential(&self, task: &Task<'_>) -> (Env, Plan) {
        let shape = Shape::of(self.seed);
        let row = if shape == Shape::OneBucket && task.bears_one_hash {
            &ONE_HASH
        } else {
            self.hash
        };
        (self.env(row), shape.plan(self.seed))
    }

    /// Between two threads and all of them, on few keys or many.
    fn ownership(&self, task: &Task<'_>) -> Plan {
        let most = u64::from(task.threads.max(2));
        let threads = 2 + self.seed % (most - 1);
        Plan {
            seed: self.seed,
            steps: 4_000,
            key_space: [4_000, 400][usize::from(self.seed / 2 % 2 == 1)],
            threads: u32::try_from(threads).expect("at most as many as asked for"),
            ..Plan::quick()
        }
    }

    /// Tells of a failure at once, and again when the case has been shrunk.
    fn failed(
        &self,
        task: &Task<'_>,
        wrong: &Unexplained,
        exercised: Exercised,
        tell: &mut dyn FnMut(CheckLine),
    ) {
        let found = |failure: &Failure, only: Vec<u64>| Found {
            what: failure.to_string(),
            hash: self.hash.name.to_owned(),
            seed: self.seed,
            only,
            steps: Vec::new(),
            history: wrong.history.clone(),
        };
        let failure = &wrong.failure;
        let mut verdict = task.verdict(Ending::Failed, exercised);
        verdict.found = Some(found(failure, task.only.clone().unwrap_or_default()));
        tell(CheckLine::Verdict(Box::new(verdict.clone())));
        if task.stage == Stage::Differential
            && task.only.is_none()
            && !task.brief
            && let Some((only, steps, failure)) = self.shrunk(task, failure)
        {
            let found = found(&failure, only);
            verdict.found = Some(Found { steps, ..found });
            tell(CheckLine::Verdict(Box::new(verdict)));
        }
    }

    /// The steps of a differential round that are needed for a failure, what they do, and that failure; `None` where it does
    /// not come again.
    fn shrunk(
        &self,
        task: &Task<'_>,
        failure: &Failure,
    ) -> Option<(Vec<u64>, Vec<String>, Failure)> {
        let (env, plan) = self.differential(task);
        let again = |steps: &[u64], told: Option<&mut Vec<String>>| {
            let steps = steps.iter().copied();
            replay(task.kind, task.params, &env, &plan, steps, told).err()
        };
        let all: Vec<u64> = (1..=failure.step.unwrap_or(plan.steps)).collect();
        again(&all, None)?;
        let until = Instant::now() + SHRINKING;
        let steps = shrink(all, until, |steps| again(steps, None).is_some());
        let mut told = Vec::new();
        let failure = again(&steps, Some(&mut told))?;
        if told.len() > MOST_TOLD {
            told.clear();
        }
        Some((steps, told, failure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;
    use crate::table::{Fixed, Strategy};

    #[test]
    fn histories_that_were_given_up_are_made_up_for() {
        let params = Params::resolve(Fixed::PARAMS, &"fixed".parse().unwrap()).unwrap();
        let mut task = Task {
            kind: &Kind::of::<Fixed>(),
            params: &params,
            bears_one_hash: true,
            unclaimed: None,
            stage: Stage::Linearizability,
            hashes: vec![hash::find("sip13").unwrap()],
            seed: 1,
            threads: 4,
            time: Duration::ZERO,
            only: None,
            brief: false,
        };
        let after = |histories, rounds| Exercised {
            rounds,
            histories,
            ..Exercised::default()
        };
        let least = task.least();
        assert!(task.lacks(&after(LEAST_HISTORIES - 1, least), least));
        assert!(!task.lacks(&after(LEAST_HISTORIES, least), least));
        assert!(!task.lacks(&after(1, 2 * least), least), "it ends");
        task.brief = true;
        assert!(!task.lacks(&after(1, least), least));
    }
}
