//! The origin of a run: the program, its sources, and the seed of its hash function.

use std::path::Path;
use std::process::Command;

use xxhash_rust::xxh3::xxh3_64;

use crate::machine;
use crate::record::ProgramEntry;

/// The lockfile that the program was built with.
const LOCKFILE: &[u8] = include_bytes!("../../Cargo.lock");

/// A program of another crate that has this one's tables behind its own: [`crate::program!`] makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The crate's name.
    pub name: &'static str,
    /// The crate's version.
    pub version: &'static str,
    /// Where its sources were when it was built.
    pub sources: &'static str,
}

impl Program {
    /// What the records of a run say of it.
    pub(super) fn entry(self) -> ProgramEntry {
        ProgramEntry {
            name: self.name.to_owned(),
            version: self.version.to_owned(),
            revision: revision_of(self.sources),
        }
    }
}

/// What the program is made from.
pub(super) struct BuiltFrom {
    pub(super) revision: String,
    pub(super) binary_hash: String,
    pub(super) lockfile_hash: String,
}

impl BuiltFrom {
    pub(super) fn of(executable: &Path) -> BuiltFrom {
        BuiltFrom {
            revision: revision(),
            binary_hash: machine::file_hash(executable).unwrap_or_default(),
            lockfile_hash: format!("{:016x}", xxh3_64(LOCKFILE)),
        }
    }
}

/// 128 bits for a keyed hash out of the run's seed.
pub(super) fn hash_seed(seed: u64) -> [u64; 2] {
    let half = |salt: u8| {
        let mut bytes = seed.to_le_bytes().to_vec();
        bytes.push(salt);
        xxh3_64(&bytes)
    };
    [half(0), half(1)]
}

/// The revision of the sources that the program was built from, with `-dirty` where they have changed since; empty
/// where they are no longer there.
#[must_use]
pub fn revision() -> String {
    revision_of(env!("CARGO_MANIFEST_DIR"))
}

fn revision_of(sources: &str) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(sources)
            .args(arguments)
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(revision) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return String::new();
    };
    // Results are made by the program, not the program of them.
    let sources = ["--", ".", ":(exclude)results", ":(exclude)README.md"];
    let status = ["status", "--porcelain", "--untracked-files=no"];
    let changed = git(&[&status[..], &sources[..]].concat());
    let dirty = if changed.is_none_or(|changed| !changed.is_empty()) {
        "-dirty"
    } else {
        ""
    };
    format!("{revision}{dirty}")
}
