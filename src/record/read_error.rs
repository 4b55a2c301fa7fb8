//! Why a run cannot be read back.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::manifest::MANIFEST;
use super::rows::{OLDEST_VERSION, SCHEMA_VERSION};
use crate::base::BadInput;

/// Why a run directory cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The directory or a file of it is not there.
    Missing(PathBuf),
    /// A file is there and cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A file has not even a header.
    Empty(PathBuf),
    /// The records have a version that this program does not know.
    Schema {
        /// The file that says so.
        file: PathBuf,
        /// The version it has.
        found: u32,
    },
    /// `run.toml` does not follow its form; the message names the line.
    Manifest(PathBuf, String),
    /// The header of a CSV file is not the one that its version has.
    Header {
        /// The file.
        file: PathBuf,
        /// What differs.
        why: String,
    },
    /// A row does not follow the header.
    Row {
        /// The file.
        file: PathBuf,
        /// The line, the header being line 1.
        line: u64,
        /// The column and what is wrong with it.
        why: String,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Missing(path) if path.file_name().is_some_and(|name| name == MANIFEST) => {
                write!(
                    f,
                    "{} is not there: a run directory holds {MANIFEST} and its CSV files",
                    path.display()
                )
            }
            ReadError::Missing(path) => write!(f, "{} is not there", path.display()),
            ReadError::Unreadable(path, error) => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
            ReadError::Empty(path) => write!(
                f,
                "{} is empty: not even its header was written",
                path.display()
            ),
            ReadError::Schema { file, found } => write!(
                f,
                "{} has schema version {found}; this program reads versions {OLDEST_VERSION} to \
                 {SCHEMA_VERSION}",
                file.display()
            ),
            ReadError::Manifest(path, why) => write!(f, "{}: {why}", path.display()),
            ReadError::Header { file, why } => write!(f, "{}, line 1: {why}", file.display()),
            ReadError::Row { file, line, why } => {
                write!(f, "{}, line {line}: {why}", file.display())
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Unreadable(_, error) => Some(error),
            _ => None,
        }
    }
}

impl From<ReadError> for BadInput {
    fn from(error: ReadError) -> BadInput {
        BadInput(error.to_string())
    }
}
