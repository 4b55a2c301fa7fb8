//! Passes that take longer than a day, which need `--yes`.

use super::cell::Panel;
use super::plan::Plan;
use crate::base::{BadInput, counted};
use crate::workload::Pace;

/// Passes that take longer are not begun without a word.
const DAY_S: f64 = 86_400.0;

impl Plan<'_> {
    /// Checks that no pass at a trace's own times, or at a rate, takes longer than a day.
    ///
    /// # Errors
    /// The first pass that does, with its length and where that comes from.
    pub fn check_patience(&self) -> Result<(), BadInput> {
        self.panels
            .iter()
            .filter(|panel| panel.is_pass())
            .try_for_each(check)
    }
}

fn check(panel: &Panel<'_>) -> Result<(), BadInput> {
    let (seconds, from, remedy) = match (panel.workload.pace, &panel.trace) {
        (Some(Pace::Trace { speed }), Some(facts)) => {
            let (first_s, latest_s) = facts.times_s.unwrap_or_default();
            let from = format!(
                "its times go from {first_s} to {latest_s} s at speed {speed} (are all of them in \
                 seconds?)"
            );
            (facts.span_s() as f64 / speed, from, "--speed")
        }
        (Some(Pace::Rate { per_s, .. }), _) => {
            let ops = panel.workload.ops.unwrap_or(panel.workload.entries);
            let from = format!("it has {} at {per_s}/s", counted(ops, "operation"));
            (ops as f64 / per_s.0 as f64, from, "--rate")
        }
        _ => return Ok(()),
    };
    if seconds <= DAY_S {
        return Ok(());
    }
    Err(BadInput(format!(
        "{}: one pass takes {seconds:.0} s, which is {:.1} days: {from}; give a higher {remedy}, or --yes \
         to run it all the same",
        panel.label(),
        seconds / DAY_S,
    )))
}
