//! What the checks before a run's first slice came to, in words.

use super::format::{counted, grouped, many};
use crate::record::{Ending, Manifest, VerifiedEntry, VerifiedStage};

/// What is known of the checks of a run's targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verified<'m> {
    /// The run is older than the record of them.
    NotRecorded,
    /// The run was told not to check.
    Skipped,
    /// What each target came to.
    Checked(&'m [VerifiedEntry]),
}

impl<'m> Verified<'m> {
    /// What a run has recorded.
    #[must_use]
    pub fn of(manifest: &'m Manifest) -> Verified<'m> {
        match &manifest.verification {
            None => Verified::NotRecorded,
            Some(known) if known.skipped => Verified::Skipped,
            Some(known) => Verified::Checked(&known.targets),
        }
    }

    /// Whether each target was checked, and none failed.
    #[must_use]
    pub fn passed(self) -> bool {
        matches!(self, Verified::Checked(entries) if entries.iter().all(VerifiedEntry::passed))
    }

    /// One sentence for the terminal; `None` where there was nothing to check.
    #[must_use]
    pub fn line(self) -> Option<String> {
        match self {
            Verified::NotRecorded => {
                Some("verified: not recorded, the run is older than that".to_owned())
            }
            Verified::Skipped => Some(
                "NOT VERIFIED: the run had --no-verify, so nothing says that these tables give right answers"
                    .to_owned(),
            ),
            Verified::Checked([]) => None,
            Verified::Checked(entries) => Some(format!("verified: {}", checked(entries))),
        }
    }

    /// What the checks were and what they say, for the page.
    #[must_use]
    pub fn meaning(self) -> String {
        match self {
            Verified::NotRecorded => {
                "What was checked before the first slice is not recorded: the run is older than that."
                    .to_owned()
            }
            Verified::Skipped => {
                "The run had --no-verify: no target was checked before the first slice but by the short check that \
                 each process does of its table."
                    .to_owned()
            }
            Verified::Checked(entries) => format!(
                "Before the first slice each target was checked for a second at most, with the hash functions that it \
                 is measured with: one session against a model map that does the same, several sessions with keys of \
                 their own and shared ones, and histories of shared keys, each searched for an order of its operations \
                 that explains all answers (linearizability). Verified: {}. A target that fails has an error row and \
                 no rank. To pass says that this many operations gave no wrong answer; bucketlab verify looks longer, \
                 and at more (walks, bytes, garbage).",
                checked(entries)
            ),
        }
    }
}

/// What is to be said of the checks of servers, where a run has any.
#[must_use]
pub fn of_servers(manifest: &Manifest) -> Option<&'static str> {
    let has_servers = manifest.cells.iter().any(|cell| cell.server);
    has_servers.then_some(
        "Servers are not checked before the run; every answer's value is checked while it is timed",
    )
}

/// `3 targets: 48,000 operations …`, with what failed at the end.
fn checked(entries: &[VerifiedEntry]) -> String {
    let passed = entries.iter().filter(|entry| entry.passed()).count();
    let all = entries.len();
    let targets = if passed == all {
        counted(all as u64, "target")
    } else {
        format!("{passed} of {}", counted(all as u64, "target"))
    };
    let mut text = format!("{targets}, with {}", exercised(entries));
    let failed: Vec<String> = entries
        .iter()
        .filter_map(|entry| Some(format!("{} ({})", entry.target, entry.failed()?.stage)))
        .collect();
    if !failed.is_empty() {
        text += &format!("; failed, and not ranked: {}", failed.join(", "));
    }
    let unsure: Vec<&str> = entries
        .iter()
        .filter(|entry| entry.stages.iter().any(|s| s.ending == Ending::Unclear))
        .map(|entry| entry.target.as_str())
        .collect();
    if !unsure.is_empty() {
        text += &format!(
            "; no history was searched to the end of {}",
            unsure.join(", ")
        );
    }
    text
}

/// `48,000 operations checked and 300 histories searched (overlap 38 %)`.
fn exercised(entries: &[VerifiedEntry]) -> String {
    let sum = |of: fn(&VerifiedStage) -> u64| -> u64 {
        entries.iter().flat_map(|entry| &entry.stages).map(of).sum()
    };
    let (recorded, overlapping) = (sum(|stage| stage.recorded), sum(|stage| stage.overlapping));
    let mut text = format!(
        "{} checked and {} searched",
        many(sum(|stage| stage.operations), "operation"),
        many(sum(|stage| stage.histories), "history")
    );
    if recorded > 0 {
        let percent = 100.0 * overlapping as f64 / recorded as f64;
        text += &format!(
            " ({percent:.0} % of their operations overlapped with another thread's on the same key)"
        );
    }
    let unsearched = sum(|stage| stage.unsearched);
    if unsearched > 0 {
        text += &format!(", {} given up", grouped(unsearched));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: &str, ending: Ending) -> VerifiedEntry {
        let stage = |stage: &str, ending, operations, histories| VerifiedStage {
            stage: stage.into(),
            ending,
            operations,
            growths: 1,
            histories,
            unsearched: 0,
            overlapping: operations / 4,
            recorded: if histories > 0 { operations } else { 0 },
            found: String::new(),
            again: String::new(),
        };
        VerifiedEntry {
            target: target.into(),
            target_full: target.into(),
            hashes: vec!["sip13".into()],
            seed: 1,
            cached: false,
            stages: vec![
                stage("differential", Ending::Passed, 9_000, 0),
                stage("linearizability", ending, 1_000, 8),
            ],
        }
    }

    #[test]
    fn what_failed_is_named_and_what_was_exercised_counted() {
        let good = [
            entry("fixed", Ending::Passed),
            entry("dash", Ending::Passed),
        ];
        let checked = Verified::Checked(&good);
        assert!(checked.passed());
        let line = checked.line().unwrap();
        assert!(
            line.starts_with(
                "verified: 2 targets, with 20,000 operations checked and 16 histories"
            )
        );
        let bad = [
            entry("fixed", Ending::Passed),
            entry("dash", Ending::Failed),
        ];
        let checked = Verified::Checked(&bad);
        assert!(!checked.passed());
        let line = checked.line().unwrap();
        assert!(
            line.contains("1 of 2 targets") && line.ends_with("not ranked: dash (linearizability)")
        );
        let unsure = [entry("fixed", Ending::Unclear)];
        let line = Verified::Checked(&unsure).line().unwrap();
        assert!(
            line.ends_with("no history was searched to the end of fixed"),
            "{line}"
        );
    }

    #[test]
    fn no_checks_are_no_pass() {
        assert!(!Verified::NotRecorded.passed() && !Verified::Skipped.passed());
        assert!(
            Verified::Skipped
                .line()
                .unwrap()
                .starts_with("NOT VERIFIED")
        );
        assert!(
            Verified::NotRecorded
                .line()
                .unwrap()
                .contains("not recorded")
        );
        assert_eq!(Verified::Checked(&[]).line(), None);
    }
}
