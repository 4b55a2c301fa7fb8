//! Files beside the records: the pages and charts of a report.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::BadInput;

/// The folder of the charts within a run directory.
const CHARTS: &str = "charts";

/// What a report consists of, as texts.
#[derive(Clone, Debug)]
pub struct Pages {
    /// `report.html`.
    pub html: String,
    /// `report.md`.
    pub markdown: String,
    /// `summary.csv`, where there is one.
    pub summary: Option<String>,
    /// Names and texts of the files in `charts/`, each name ending in `.svg`.
    pub charts: Vec<(String, String)>,
}

/// Writes `report.html`, `report.md`, `summary.csv` and `charts/*.svg` into a run directory and returns the path of
/// `report.html`. Charts of an earlier report that are not among these are removed. Each file
/// is replaced as a whole; the page comes last, so that what it links is there.
///
/// # Errors
/// [`BadInput`] naming the directory if it cannot be written.
///
/// # Panics
/// If a chart's name is no plain file name that ends in `.svg`.
pub fn write_pages(run: &Path, pages: &Pages) -> Result<PathBuf, BadInput> {
    let unwritable = |error: io::Error| {
        BadInput(format!(
            "the report cannot be written in '{}': {error}",
            run.display()
        ))
    };
    let html = run.join("report.html");
    let write = || -> io::Result<()> {
        let folder = run.join(CHARTS);
        if !pages.charts.is_empty() {
            fs::create_dir_all(&folder)?;
        }
        for (name, svg) in &pages.charts {
            let plain = Path::new(name).file_name() == Some(name.as_str().as_ref());
            assert!(plain && is_chart(name), "'{name}' is no name of a chart");
            replace(&folder.join(name), svg)?;
        }
        remove_other_charts(&folder, &pages.charts)?;
        replace(&run.join("report.md"), &pages.markdown)?;
        if let Some(summary) = &pages.summary {
            replace(&run.join("summary.csv"), summary)?;
        }
        replace(&html, &pages.html)
    };
    write().map_err(unwritable)?;
    Ok(html)
}

/// Writes one page wherever it is wanted, as a whole or not at all.
///
/// # Errors
/// [`BadInput`] naming the file if it cannot be written.
pub fn write_page(path: &Path, text: &str) -> Result<(), BadInput> {
    replace(path, text)
        .map_err(|error| BadInput(format!("'{}' cannot be written: {error}", path.display())))
}

fn is_chart(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "svg")
}

fn remove_other_charts(folder: &Path, charts: &[(String, String)]) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if is_chart(&name) && !charts.iter().any(|(kept, _)| *kept == name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes beside the file and renames: a reader sees the old text or the new one, never a part.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(format!(".{}.new", std::process::id()));
    let written = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, path));
    if written.is_err() {
        // Half a file is useless, and the first error is the one that counts.
        let _ = fs::remove_file(&fresh);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(charts: &[(&str, &str)]) -> Pages {
        let owned = |(name, svg): &(&str, &str)| ((*name).to_owned(), (*svg).to_owned());
        Pages {
            html: "<p>".to_owned(),
            markdown: "# a".to_owned(),
            summary: None,
            charts: charts.iter().map(owned).collect(),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_replaced_and_charts_of_old_removed() {
        let run = tempfile::tempdir().unwrap();
        let charts = run.path().join("charts");
        let first = pages(&[("a.svg", "1"), ("b.svg", "2")]);
        let path = write_pages(run.path(), &first).unwrap();
        assert_eq!(path, run.path().join("report.html"));
        fs::write(charts.join("notes.txt"), "mine").unwrap();
        write_pages(run.path(), &pages(&[("b.svg", "3")])).unwrap();
        assert_eq!(names(run.path()), ["charts", "report.html", "report.md"]);
        assert_eq!(names(&charts), ["b.svg", "notes.txt"]);
        assert_eq!(fs::read_to_string(charts.join("b.svg")).unwrap(), "3");
        // A run without a chart needs no folder for them.
        let bare = tempfile::tempdir().unwrap();
        write_pages(bare.path(), &pages(&[])).unwrap();
        assert_eq!(names(bare.path()), ["report.html", "report.md"]);
    }

    #[test]
    fn what_cannot_be_written_is_named_and_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("missing");
        let error = write_pages(&missing, &pages(&[])).unwrap_err();
        assert!(error.0.contains("missing' cannot") || error.0.contains("missing':"));
        let taken = root.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let error = write_page(&taken, "x").unwrap_err();
        assert!(error.0.contains("taken"), "{error}");
        assert_eq!(names(root.path()), ["taken"]);
    }

    #[test]
    #[should_panic(expected = "no name of a chart")]
    fn a_chart_stays_in_its_folder() {
        let run = tempfile::tempdir().unwrap();
        let _ = write_pages(run.path(), &pages(&[("../x.svg", "")]));
    }
}
