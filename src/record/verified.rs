//! What was checked of the targets of a run before its first slice, as `run.toml` has it.

use serde::{Deserialize, Serialize};

use super::verdicts::{Ending, Verdict};

/// The checks of a run's targets.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Verification {
    /// Whether the run was told not to check.
    pub skipped: bool,
    /// The targets, each once, in the order of the cells; none where nothing was checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<VerifiedEntry>,
}

/// The checks of one target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct VerifiedEntry {
    /// The target as people read it, defaults left out.
    pub target: String,
    /// The target with every parameter.
    pub target_full: String,
    /// The hash functions of its cells, which the rounds took in turn.
    pub hashes: Vec<String>,
    /// The seed of the first round of each stage.
    pub seed: u64,
    /// Whether an earlier run of the same program did them.
    pub cached: bool,
    /// The stages, in order; those after one that failed were not begun.
    pub stages: Vec<VerifiedStage>,
}

/// One stage of the checks of a target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct VerifiedStage {
    /// Its name, as `verify --stage` takes it.
    pub stage: String,
    /// How it ended.
    pub ending: Ending,
    /// Operations whose outcome was checked.
    pub operations: u64,
    /// Growths that the table noted.
    pub growths: u64,
    /// Histories that were searched to the end.
    pub histories: u64,
    /// Histories whose search spent its budget.
    pub unsearched: u64,
    /// Operations of histories that ran at the same time as another thread's on the same key.
    pub overlapping: u64,
    /// All operations of histories.
    pub recorded: u64,
    /// What the table did wrong, in a sentence; empty if nothing was found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found: String,
    /// The command that shows it again; empty if nothing was found.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub again: String,
}

impl From<&Verdict> for VerifiedStage {
    fn from(verdict: &Verdict) -> VerifiedStage {
        let exercised = &verdict.exercised;
        let found = verdict.found.as_ref();
        VerifiedStage {
            stage: verdict.stage.clone(),
            ending: verdict.ending,
            operations: exercised.operations,
            growths: exercised.growths,
            histories: exercised.histories,
            unsearched: exercised.unsearched,
            overlapping: exercised.overlapping,
            recorded: exercised.recorded,
            found: found.map_or_else(String::new, |found| found.what.clone()),
            again: found.map_or_else(String::new, |found| found.again(verdict)),
        }
    }
}

impl VerifiedEntry {
    /// The stage that failed, if one has.
    #[must_use]
    pub fn failed(&self) -> Option<&VerifiedStage> {
        let mut stages = self.stages.iter();
        stages.find(|stage| stage.ending == Ending::Failed)
    }

    /// Whether every stage ended, and none has failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        let held = |stage: &VerifiedStage| matches!(stage.ending, Ending::Passed | Ending::Unclear);
        !self.stages.is_empty() && self.stages.iter().all(held)
    }

    /// Whether the checks came to an end, with whatever verdict.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.passed() || self.failed().is_some()
    }
}
