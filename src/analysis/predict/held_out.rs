//! Cells that were left out of a fit, and predicted from the others.

use crate::analysis::format::counted;
use crate::stats::median;

/// A cell that was left out of a fit.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    /// The target.
    pub target: String,
    /// What was left out: a number of entries or of threads.
    pub what: String,
    /// What `measured` and `predicted` count: `ns_per_op` or `ops_per_s`.
    pub unit: &'static str,
    /// The figure as measured.
    pub measured: f64,
    /// The same as predicted from the other cells.
    pub predicted: f64,
}

impl HeldOut {
    /// How far off the prediction is, as a part of what was measured, with its sign.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.predicted / self.measured - 1.0
    }

    /// The same as a logarithm, without its sign.
    pub(super) fn log(&self) -> f64 {
        (self.predicted / self.measured).ln().abs()
    }
}

/// Errors in words: `median 4.1 %, at worst 9.7 %, over 12 cells`; `None` without any.
#[must_use]
pub fn errors_in_words(all: &[HeldOut]) -> Option<String> {
    let errors: Vec<f64> = all.iter().map(|one| one.error().abs()).collect();
    let worst = errors.iter().copied().fold(0.0, f64::max);
    Some(format!(
        "a median of {:.1} % and {:.1} % at worst, over {}",
        median(&errors)? * 100.0,
        worst * 100.0,
        counted(errors.len() as u64, "cell"),
    ))
}

/// The largest error, as a logarithm.
pub(super) fn worst(all: &[HeldOut]) -> f64 {
    all.iter().map(HeldOut::log).fold(0.0, f64::max)
}
