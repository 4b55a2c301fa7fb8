//! What the verbs of the command line share.

use std::path::Path;

use crate::catalog::Row;
use crate::run::Program;

/// What every verb gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct House<'h> {
    /// The strategies.
    pub(super) rows: &'h [Row],
    /// The program that children are started from.
    pub(super) executable: &'h Path,
    /// The program itself, where it is one of another crate.
    pub(super) program: Option<Program>,
}
