//! What the verbs of the command line share.

use std::path::Path;

use crate::catalog::Row;

/// What every verb gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct House<'h> {
    /// The strategies.
    pub(super) rows: &'h [Row],
    /// The program that children are started from.
    pub(super) executable: &'h Path,
}
