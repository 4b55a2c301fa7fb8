//! What is wrong with a machine for measuring, and what to do about it.
//!
//! [`look`] reads what the kernel says, which takes no time and is recorded with every run;
//! [`watch`] looks on for a second or so: who else is busy, and how smoothly time passes. Nothing
//! here changes the machine.

mod checks;
#[cfg(test)]
mod tests;
mod watch;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use watch::watch;

use super::counters::{self, Seen};

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
    fn ok(check: &str, seen: impl Into<String>) -> Diagnosis {
        Diagnosis {
            check: check.to_owned(),
            severity: Severity::Ok,
            seen: seen.into(),
            why: String::new(),
            advice: String::new(),
        }
    }

    fn note(check: &str, seen: impl Into<String>, why: &str, advice: &str) -> Diagnosis {
        Diagnosis {
            severity: Severity::Note,
            why: why.to_owned(),
            advice: advice.to_owned(),
            ..Diagnosis::ok(check, seen)
        }
    }

    fn warning(check: &str, seen: impl Into<String>, why: &str, advice: &str) -> Diagnosis {
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
    allowed: Vec<usize>,
    /// Whether it was built with debug assertions.
    debug: bool,
    /// The Cargo profile that it was built with.
    profile: &'static str,
    /// What one reading of the clock costs, in picoseconds.
    clock_cost_ps: u64,
    /// The hardware counters that it can read.
    counters: Seen,
}

/// Reads what there is to read. `clock_cost_ps` is what [`super::clock_cost_ps`] measured.
#[must_use]
pub fn look(clock_cost_ps: u64) -> Vec<Diagnosis> {
    let own = Own {
        allowed: super::allowed_cpus(),
        debug: cfg!(debug_assertions),
        profile: super::profile(),
        clock_cost_ps,
        counters: counters::seen().clone(),
    };
    checks::all(Path::new("/"), &own)
}

/// A part of a whole in per cent, with one digit below ten: `3.4 %`, `25 %`.
fn percent(part: f64) -> String {
    let percent = part * 100.0;
    if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}
