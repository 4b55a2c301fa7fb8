//! The directory of a run, and reading and writing whole files in it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::read_error::ReadError;
use super::rows::{OLDEST_VERSION, SCHEMA_VERSION};
use crate::base::BadInput;

/// Makes the directory of a run, named as [`super::RunDirectory::create`] says, and lets `open` put files
/// into it, given its path and its name.
pub(super) fn make<D>(
    root: &Path,
    name: &str,
    revision: &str,
    utc_compact: &str,
    open: impl FnOnce(&Path, String) -> io::Result<D>,
) -> anyhow::Result<D> {
    let unwritable = |path: &Path, error: &io::Error| {
        BadInput(format!(
            "results directory '{}' cannot be written: {error}; give one that can",
            path.display()
        ))
    };
    fs::create_dir_all(root).map_err(|error| unwritable(root, &error))?;
    let mut wanted = format!("{}-{}", fit_for_name(utc_compact), fit_for_name(name));
    if !revision.is_empty() {
        wanted = format!("{wanted}-{}", fit_for_name(revision));
    }
    let (path, run_id) = claim(root, &wanted).map_err(|error| unwritable(root, &error))?;
    Ok(open(&path, run_id).map_err(|error| unwritable(&path, &error))?)
}

/// Letters, digits and the punctuation of names and versions stay; the rest becomes `-`.
fn fit_for_name(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '+' | '-' => c,
            _ => '-',
        })
        .collect()
}

/// Makes the first directory of `wanted`, `wanted-2`, `wanted-3` … that is not there; two programs
/// that start in the same second get one each.
fn claim(root: &Path, wanted: &str) -> io::Result<(PathBuf, String)> {
    let mut name = wanted.to_owned();
    let mut copy = 1_u64;
    loop {
        let path = root.join(&name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok((path, name)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                copy += 1;
                name = format!("{wanted}-{copy}");
            }
            Err(error) => return Err(error),
        }
    }
}

/// Holds the file as long as it is open, so that no second program writes to the run.
pub(super) fn lock(file: &File) -> io::Result<()> {
    file.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => io::Error::other("it is still going on in another process"),
        fs::TryLockError::Error(error) => error,
    })
}

/// Writes a manifest beside the one that is there and renames it.
pub(super) fn replace_manifest(
    directory: &Path,
    name: &str,
    manifest: &impl Serialize,
) -> anyhow::Result<()> {
    let text = toml::to_string(manifest).context("the manifest does not fit TOML")?;
    replace(&directory.join(name), text.as_bytes())
        .with_context(|| format!("cannot write {name} in {}", directory.display()))
}

/// Puts a file in place of one that is there, as a whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut fresh = path.to_owned().into_os_string();
    fresh.push(".new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    // On disk before it gets the name, or a power cut could leave the name on an empty file.
    file.sync_all()?;
    fs::rename(&fresh, path)
}

pub(super) fn open(path: &Path) -> Result<File, ReadError> {
    File::open(path).map_err(|error| cannot_read(path, error))
}

fn cannot_read(path: &Path, error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        _ => ReadError::Unreadable(path.to_owned(), error),
    }
}

pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, ReadError> {
    let bytes = fs::read(path).map_err(|error| cannot_read(path, error))?;
    if bytes.is_empty() {
        return Err(ReadError::Empty(path.to_owned()));
    }
    Ok(bytes)
}

pub(super) fn check_version(path: &Path, found: u32) -> Result<(), ReadError> {
    if (OLDEST_VERSION..=SCHEMA_VERSION).contains(&found) {
        return Ok(());
    }
    let file = path.to_owned();
    Err(ReadError::Schema { file, found })
}
