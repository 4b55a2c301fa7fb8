//! What a check of a table came to: lines from the process that checked to the one that asked, and rows
//! of a table of verdicts.

use serde::{Deserialize, Serialize};

/// A line of a process that checks one stage of one target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckLine {
    /// A round begins: under which hash function, with which seed.
    Round {
        /// The hash function.
        hash: String,
        /// What this round's randomness comes from.
        seed: u64,
    },
    /// The check gets on.
    Alive,
    /// What the stage came to, as far as is known: a later line of this kind replaces an earlier one.
    Verdict(Box<Verdict>),
}

/// What a stage of checks came to on one target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Verdict {
    /// The target, as `-t` takes it.
    pub target: String,
    /// The stage.
    pub stage: String,
    /// How it ended.
    pub ending: Ending,
    /// What was exercised.
    pub exercised: Exercised,
    /// What was found wrong.
    pub found: Option<Found>,
}

impl Verdict {
    /// Whether something wrong was found.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.ending == Ending::Failed
    }
}

/// How a stage ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Nothing wrong was found.
    Passed,
    /// Something wrong was found.
    Failed,
    /// Nothing wrong was found, and too little could be looked at for a verdict.
    Unclear,
    /// The stage does not apply to the target.
    NotApplicable,
    /// The check was interrupted, or its turn never came.
    Unfinished,
}

/// What a stage exercised.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Exercised {
    /// Rounds, each on a fresh table.
    pub rounds: u64,
    /// Operations whose outcome was checked.
    pub operations: u64,
    /// Entries that walks showed.
    pub walked: u64,
    /// Growths that tables noted in their journals; a table that keeps none has 0.
    pub growths: u64,
    /// Histories that were searched to the end.
    pub histories: u64,
    /// Histories whose search spent its budget of states: nothing is known of them.
    pub unsearched: u64,
    /// Operations of histories that ran at the same time as another thread's on the same key.
    pub overlapping: u64,
    /// All operations of histories.
    pub recorded: u64,
    /// What else is to be said: figures of bytes, reasons.
    pub notes: Vec<String>,
}

impl Exercised {
    /// The share of recorded operations that overlapped with another thread's on the same key, from 0 to 1;
    /// `None` without a history.
    #[must_use]
    pub fn overlap(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
        (self.recorded > 0).then(|| self.overlapping as f64 / self.recorded as f64)
    }
}

impl std::ops::AddAssign<&Exercised> for Exercised {
    fn add_assign(&mut self, more: &Exercised) {
        self.rounds += more.rounds;
        self.operations += more.operations;
        self.walked += more.walked;
        self.growths += more.growths;
        self.histories += more.histories;
        self.unsearched += more.unsearched;
        self.overlapping += more.overlapping;
        self.recorded += more.recorded;
        for note in &more.notes {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
    }
}

/// Ranges of steps that a command names at most.
const MOST_RANGES: usize = 64;

/// What was found wrong, and how it is found again.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Found {
    /// What the table did, in a sentence.
    pub what: String,
    /// The hash function of the round.
    pub hash: String,
    /// The seed of the round.
    pub seed: u64,
    /// The only steps of the round that are needed, where the case could be shrunk; empty otherwise.
    pub only: Vec<u64>,
    /// What these steps do, a line each.
    pub steps: Vec<String>,
    /// The history that has no explanation.
    pub history: Option<DrawnHistory>,
}

impl Found {
    /// The command that shows it again.
    #[must_use]
    pub fn again(&self, verdict: &Verdict) -> String {
        let Verdict { target, stage, .. } = verdict;
        let (hash, seed) = (&self.hash, self.seed);
        let mut command =
            format!("bucketlab verify {target} --stage {stage} --hash {hash} --seed {seed}");
        let only = self.ranges();
        // A longer list is no help to a reader, and the seed alone shows the same.
        if !only.is_empty() && only.len() <= MOST_RANGES {
            command += " --only ";
            command += &only.join(",");
        }
        command
    }

    /// The steps as ranges: `3,17-20`.
    fn ranges(&self) -> Vec<String> {
        let runs = self.only.chunk_by(|before, after| before + 1 == *after);
        let range = |run: &[u64]| match run {
            [only] => only.to_string(),
            [first, .., last] => format!("{first}-{last}"),
            [] => String::new(),
        };
        runs.map(range).collect()
    }
}

/// A history of one key, as it is drawn.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct DrawnHistory {
    /// The operations around the break, in the order of their calls.
    pub operations: Vec<DrawnOperation>,
    /// How many operations of the whole history the longest order explains.
    pub explained: u64,
    /// When the operation returned that no order explains, in nanoseconds since the first call drawn.
    pub breaks_ns: u64,
}

/// An operation of a history, as it is drawn.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DrawnOperation {
    /// The thread, from 0.
    pub thread: u32,
    /// When it was called and when it returned, in nanoseconds since the first call drawn.
    pub from_ns: u64,
    /// See `from_ns`.
    pub to_ns: u64,
    /// What was asked and answered.
    pub what: String,
    /// Its place in the longest order that explains a part of the history, from 1; `None` where the order
    /// cannot go on to it.
    pub place: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_steps_as_ranges_if_they_are_few() {
        let mut found = Found {
            what: String::new(),
            hash: "sip13".into(),
            seed: 4,
            only: vec![3, 17, 18, 19, 40],
            steps: vec![],
            history: None,
        };
        let verdict = Verdict {
            target: "fixed:buckets=1".into(),
            stage: "differential".into(),
            ending: Ending::Failed,
            exercised: Exercised::default(),
            found: None,
        };
        let short = "bucketlab verify fixed:buckets=1 --stage differential --hash sip13 --seed 4";
        assert_eq!(found.again(&verdict), format!("{short} --only 3,17-19,40"));
        found.only = (0..200).step_by(2).collect();
        assert_eq!(found.again(&verdict), short);
    }
}
