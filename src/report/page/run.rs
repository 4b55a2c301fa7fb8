//! What a page of a run is made of.

use crate::record::Records;
use crate::report::charts::Chart;
use crate::report::summary::Summary;

/// One run with what is derived from it.
#[derive(Clone, Copy, Debug)]
pub struct Run<'r> {
    /// Its figures.
    pub summary: &'r Summary,
    /// Its rows.
    pub records: &'r Records,
    /// Its charts.
    pub charts: &'r [Chart],
}
