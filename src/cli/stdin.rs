//! A trace from standard input: kept in a file for as long as the program runs, as a trace is read more than
//! once.

use std::ffi::OsString;
use std::fs::File;
use std::io;

use anyhow::Context;
use tempfile::TempDir;

use crate::base::BadInput;

/// What the file is called, and so the trace.
const FILE: &str = "stdin";

/// The name of standard input beside `-`.
const DEVICE: &str = "/dev/stdin";

/// `-:FORMAT` looks like a flag to the parser of the command line: it is `/dev/stdin:FORMAT` there.
pub(super) fn unlike_a_flag(argument: OsString) -> OsString {
    match argument.to_str().and_then(|text| text.strip_prefix("-:")) {
        Some(format) => format!("{DEVICE}:{format}").into(),
        None => argument,
    }
}

/// Refuses standard input where each task of a sweep reads the trace.
///
/// # Errors
/// The trace is standard input.
pub(super) fn refused_for_tasks(trace: Option<&str>) -> Result<(), BadInput> {
    let is_stdin = |text: &str| {
        let rest = text.strip_prefix(DEVICE).or_else(|| text.strip_prefix('-'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    };
    if trace.is_some_and(is_stdin) {
        return Err(BadInput(
            "a trace of a sweep cannot come from standard input, because each task reads it: give a file that \
             all machines see"
                .into(),
        ));
    }
    Ok(())
}

/// What a trace is called on the command line, and the file that stands for `-`.
pub(super) struct Spooled {
    text: String,
    /// Removed with its file when this is dropped.
    directory: Option<TempDir>,
}

impl Spooled {
    /// `FILE`, `FILE:FORMAT` or, from standard input, `-`, `/dev/stdin` or `/dev/stdin:FORMAT`.
    pub(super) fn of(text: &str) -> anyhow::Result<Spooled> {
        let Some(format) = text
            .strip_prefix(DEVICE)
            .or_else(|| text.strip_prefix('-'))
            .filter(|rest| rest.is_empty() || rest.starts_with(':'))
        else {
            return Ok(Spooled {
                text: text.to_owned(),
                directory: None,
            });
        };
        let directory = tempfile::Builder::new()
            .prefix("bucketlab-")
            .tempdir()
            .context("standard input cannot be kept: a temporary directory cannot be made")?;
        let path = directory.path().join(FILE);
        File::create(&path)
            .and_then(|mut file| io::copy(&mut io::stdin().lock(), &mut file))
            .with_context(|| {
                format!(
                    "standard input cannot be kept in '{}'; TMPDIR can name a place with more room",
                    path.display()
                )
            })?;
        Ok(Spooled {
            text: format!("{}{format}", path.display()),
            directory: Some(directory),
        })
    }

    /// An error that calls standard input `-`: its file is gone by the time that a reader can act on it.
    pub(super) fn named(&self, error: anyhow::Error) -> anyhow::Error {
        let Some(directory) = &self.directory else {
            return error;
        };
        let path = directory.path().join(FILE);
        match error.downcast::<BadInput>() {
            Ok(error) => BadInput(error.0.replace(&*path.to_string_lossy(), "-")).into(),
            Err(error) => error,
        }
    }

    /// The trace as all verbs take it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}
