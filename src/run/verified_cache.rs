//! Checks that targets have passed, kept from run to run: a file for each target in a directory for each program.
//!
//! A program is known by the hash of its executable, so whatever changes it begins anew. Failures are not kept, so
//! that they are looked at again. A cache that cannot be read or written costs a second a target, and is no error.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use xxhash_rust::xxh3::xxh3_64;

use crate::record::VerifiedEntry;

/// How long the checks of a program are kept after the last of them.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// What one program has checked.
pub(super) struct Cache {
    /// Its directory; `None` where there is no place for one, or the program is not known.
    folder: Option<PathBuf>,
}

impl Cache {
    /// The checks of the program with this hash, in `$XDG_CACHE_HOME/bucketlab/verified`, or else below
    /// `$HOME/.cache`.
    pub(super) fn of(binary_hash: &str) -> Cache {
        let set = |name: &str| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let home = || set("HOME").map(|home| home.join(".cache"));
        Cache::within(set("XDG_CACHE_HOME").or_else(home), binary_hash)
    }

    fn within(root: Option<PathBuf>, binary_hash: &str) -> Cache {
        let folder = root.map(|root| root.join("bucketlab/verified").join(binary_hash));
        Cache {
            folder: folder.filter(|_| !binary_hash.is_empty()),
        }
    }

    /// The checks that a target of this name, with these functions and this seed, has passed before.
    pub(super) fn find(&self, wanted: &VerifiedEntry) -> Option<VerifiedEntry> {
        let text = fs::read_to_string(self.file(wanted)?).ok()?;
        let known: VerifiedEntry = serde_json::from_str(&text).ok()?;
        let key = |entry: &VerifiedEntry| {
            let VerifiedEntry { hashes, seed, .. } = entry.clone();
            (entry.target_full.clone(), hashes, seed)
        };
        (key(&known) == key(wanted) && known.passed()).then_some(VerifiedEntry {
            cached: true,
            ..known
        })
    }

    /// Keeps what a target has passed.
    pub(super) fn keep(&self, entry: &VerifiedEntry) {
        if let (Some(file), true) = (self.file(entry), entry.passed()) {
            // A run does without; the next one checks again.
            let _ = write(&file, entry);
        }
    }

    fn file(&self, entry: &VerifiedEntry) -> Option<PathBuf> {
        let VerifiedEntry {
            target_full,
            hashes,
            seed,
            ..
        } = entry;
        let key = format!("{target_full}|{}|{seed}", hashes.join(","));
        let name = format!("{:016x}.json", xxh3_64(key.as_bytes()));
        Some(self.folder.as_ref()?.join(name))
    }
}

/// Writes a file in one step, so that no other run reads half of it; and forgets programs that are long gone.
fn write(file: &Path, entry: &VerifiedEntry) -> std::io::Result<()> {
    let folder = file.parent().expect("a file in a directory");
    if !folder.exists() {
        fs::create_dir_all(folder)?;
        if let Some(programs) = folder.parent() {
            forget_old(programs);
        }
    }
    let part = file.with_extension(format!("{}.part", std::process::id()));
    fs::write(&part, serde_json::to_string_pretty(entry)?)?;
    fs::rename(&part, file)
}

fn forget_old(programs: &Path) {
    let Ok(entries) = fs::read_dir(programs) else {
        return;
    };
    for entry in entries.flatten() {
        let changed = entry.metadata().and_then(|about| about.modified());
        let age = changed.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
        if age.is_ok_and(|age| age > KEPT) {
            // Another run may have done so.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Ending, VerifiedStage};

    fn entry(target: &str, ending: Ending) -> VerifiedEntry {
        VerifiedEntry {
            target: target.into(),
            target_full: format!("{target}:buckets=4"),
            hashes: vec!["sip13".into()],
            seed: 7,
            cached: false,
            stages: vec![VerifiedStage {
                stage: "differential".into(),
                ending,
                operations: 9,
                growths: 0,
                histories: 0,
                unsearched: 0,
                overlapping: 0,
                recorded: 0,
                found: String::new(),
                again: String::new(),
            }],
        }
    }

    #[test]
    fn what_has_passed_is_known_to_the_same_program_alone() {
        let root = tempfile::tempdir().unwrap();
        let of = |hash: &str| Cache::within(Some(root.path().to_owned()), hash);
        let (good, bad) = (entry("good", Ending::Passed), entry("bad", Ending::Failed));
        of("1").keep(&good);
        of("1").keep(&bad);
        let known = of("1").find(&good).expect("it was kept");
        assert!(known.cached && known.stages == good.stages);
        assert_eq!(of("1").find(&bad), None);
        assert_eq!(of("2").find(&good), None);
        let others = VerifiedEntry { seed: 8, ..good };
        assert_eq!(of("1").find(&others), None);
    }

    #[test]
    fn a_cache_that_is_not_there_or_broken_knows_nothing() {
        let root = tempfile::tempdir().unwrap();
        let good = entry("good", Ending::Passed);
        for nowhere in [
            Cache::within(None, "1"),
            Cache::within(Some(root.path().to_owned()), ""),
        ] {
            nowhere.keep(&good);
            assert_eq!(nowhere.find(&good), None);
        }
        let file = root.path().join("bucketlab");
        std::fs::write(&file, "in the way").unwrap();
        let blocked = Cache::within(Some(root.path().to_owned()), "1");
        blocked.keep(&good);
        assert_eq!(blocked.find(&good), None);
    }
}
