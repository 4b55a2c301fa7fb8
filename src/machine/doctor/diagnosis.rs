//! What a check finds, what it may know of this process, and how its figures are written.

use serde::{Deserialize, Serialize};

use crate::machine::counters::Seen;

/// How bad it is for figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// To be kept in mind when figures are read.
    Note,
    /// Figures suffer.
    Warning,
}

impl Severity {
    /// The word that people read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Ok => "ok",
            Severity::Note => "note",
            Severity::Warning => "warning",
        }
    }
}

/// What one check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What was looked at, in a word or two.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is seen, with its figure.
    pub seen: String,
    /// Why it matters; empty where all is well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What to do, a command where there is one; empty where nothing can be done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

impl Diagnosis {
    pub(super) fn ok(check: &str, seen: impl Into<String>) -> Diagnosis {
        Diagnosis {
            check: check.to_owned(),
            severity: Severity::Ok,
            seen: seen.into(),
            why: String::new(),
            advice: String::new(),
        }
    }

    pub(super) fn note(check: &str, seen: impl Into<String>, why: &str, advice: &str) -> Diagnosis {
        Diagnosis {
            severity: Severity::Note,
            why: why.to_owned(),
            advice: advice.to_owned(),
            ..Diagnosis::ok(check, seen)
        }
    }

    pub(super) fn warning(
        check: &str,
        seen: impl Into<String>,
        why: &str,
        advice: &str,
    ) -> Diagnosis {
        Diagnosis {
            severity: Severity::Warning,
            ..Diagnosis::note(check, seen, why, advice)
        }
    }
}

/// What this process knows of itself, beside what the kernel writes into files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Own {
    /// The cores that it may run on.
    pub(super) allowed: Vec<usize>,
    /// Whether it was built with debug assertions.
    pub(super) debug: bool,
    /// The Cargo profile that it was built with.
    pub(super) profile: &'static str,
    /// What one reading of the clock costs, in picoseconds.
    pub(super) clock_cost_ps: u64,
    /// The hardware counters that it can read.
    pub(super) counters: Seen,
}

/// A part of a whole in per cent, with one digit below ten: `3.4 %`, `25 %`.
pub(super) fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}
