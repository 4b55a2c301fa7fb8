//! What a run reports while it goes on.

use super::cell::Panel;

/// Receives the progress of a run.
pub trait Watch {
    /// A target is checked before the first panel: its place among all, how many there are, and its name. Not
    /// called for one that an earlier run has checked.
    fn verifying(&mut self, number: usize, of: usize, target: &str);
    /// A panel begins.
    fn panel(&mut self, index: usize, panel: &Panel<'_>);
    /// What is being done in it.
    fn step(&mut self, panel: u32, what: &str);
    /// A cell has failed.
    fn error(&mut self, what: &str);
}
