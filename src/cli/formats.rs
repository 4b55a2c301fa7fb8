//! How verbs print their results.

use clap::ValueEnum;

/// How a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

/// How a table of results is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Sheet {
    /// For people
    Table,
    /// For a message or a page
    Markdown,
    /// For programs
    Json,
}

/// How the figures of a run are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Figures {
    /// All figures and findings, as `run --format json` prints them
    Json,
    /// A row for each cell: what `summary.csv` has; `bucketlab list columns` explains it
    Csv,
}
