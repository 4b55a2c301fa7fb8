//! Baselines: copies of runs under names, in the folder [`BASELINES`] beside them.
//!
//! A baseline has the records alone, not the pages: it can be committed, or cached, and outlives its run.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::MANIFEST;
use crate::base::{BadInput, unknown_name};

/// The folder of the baselines, beside the runs that they are copies of.
pub const BASELINES: &str = "baselines";

/// Copies the records of a run to a baseline of this name in `root`, in place of an earlier one, and returns where
/// it is. A reader sees the old baseline or the new one: it gets its name when it is whole.
///
/// # Errors
/// [`BadInput`] if the name does not suit a file, or if something cannot be read or written, which is named.
pub fn keep_baseline(root: &Path, name: &str, run: &Path) -> Result<PathBuf, BadInput> {
    check(name)?;
    let folder = root.join(BASELINES);
    let place = folder.join(name);
    let fresh = folder.join(format!(".{name}.{}.new", std::process::id()));
    let copied = copy(run, &fresh).and_then(|()| {
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::rename(&fresh, &place)
    });
    copied.map_err(|error| {
        // Half a copy is useless, and the first error is the one that counts.
        let _ = fs::remove_dir_all(&fresh);
        BadInput(format!(
            "baseline '{name}' cannot be kept in '{}': {error}",
            folder.display()
        ))
    })?;
    Ok(place)
}

/// The directory of a baseline in `root`.
///
/// # Errors
/// [`BadInput`] with the nearest name of a baseline that is there, or how to keep the first.
pub fn baseline(root: &Path, name: &str) -> Result<PathBuf, BadInput> {
    check(name)?;
    let folder = root.join(BASELINES);
    let place = folder.join(name);
    if place.join(MANIFEST).is_file() {
        return Ok(place);
    }
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().join(MANIFEST).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    if names.is_empty() {
        return Err(BadInput(format!(
            "there is no baseline in '{}': keep one with `bucketlab run --save-baseline {name}`, or with \
             `bucketlab compare RUN --save-baseline {name}`",
            folder.display()
        )));
    }
    Err(unknown_name(
        "baseline",
        name,
        names.iter().map(String::as_str),
    ))
}

fn check(name: &str) -> Result<(), BadInput> {
    let suits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    if !name.is_empty() && !name.starts_with('.') && name.chars().all(suits) {
        return Ok(());
    }
    Err(BadInput(format!(
        "'{name}' is no name of a baseline: it has letters, digits and . _ - +, and does not begin with a dot"
    )))
}

/// Copies the manifest and the CSV files, each as a whole.
fn copy(run: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(run)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if name == MANIFEST || path.extension() == Some(OsStr::new("csv")) {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(root: &Path, name: &str, trials: &str) -> PathBuf {
        let run = root.join(name);
        fs::create_dir_all(run.join("charts")).unwrap();
        for (file, text) in [
            (MANIFEST, ""),
            ("trials.csv", trials),
            ("report.html", "<p>"),
        ] {
            fs::write(run.join(file), text).unwrap();
        }
        run
    }

    #[test]
    fn a_baseline_is_the_records_and_is_replaced_as_a_whole() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let kept = keep_baseline(root, "main", &run(root, "a", "1")).unwrap();
        assert_eq!(kept, root.join("baselines/main"));
        fs::write(kept.join("slices.csv"), "of the first").unwrap();
        keep_baseline(root, "main", &run(root, "b", "2")).unwrap();
        let mut files: Vec<_> = fs::read_dir(&kept)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, [MANIFEST, "trials.csv"]);
        assert_eq!(fs::read_to_string(kept.join("trials.csv")).unwrap(), "2");
        assert_eq!(baseline(root, "main").unwrap(), kept);
        assert_eq!(fs::read_dir(root.join(BASELINES)).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_there_is_named_with_what_is() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let none = baseline(root, "main").unwrap_err();
        assert!(none.0.contains("--save-baseline main"), "{none}");
        keep_baseline(root, "main", &run(root, "a", "1")).unwrap();
        let near = baseline(root, "mian").unwrap_err();
        assert!(near.0.contains("did you mean 'main'"), "{near}");
        for bad in ["", ".hidden", "../up", "a b"] {
            let run = root.join("a");
            let error = keep_baseline(root, bad, &run).unwrap_err();
            assert!(error.0.contains("no name of a baseline"), "{error}");
        }
        let missing = root.join("missing");
        let error = keep_baseline(root, "other", &missing).unwrap_err();
        assert!(error.0.contains("'other' cannot be kept"), "{error}");
        assert_eq!(fs::read_dir(root.join(BASELINES)).unwrap().count(), 1);
    }
}
