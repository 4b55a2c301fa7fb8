//! How much of a run was disturbed by what else went on.

use super::format::counted;
use super::shared_core::Shared;
use crate::record::{Records, TrialRow};

/// A part of the slices from which on a reader should run again on a quieter machine.
const MUCH: f64 = 0.05;

/// What the guard saw, over all trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disturbance {
    /// Slices that were judged, each in its last attempt.
    pub slices: u64,
    /// Those of them that others kept from running for more than a tenth of the time.
    pub disturbed: u64,
    /// Attempts that were thrown away because of that.
    pub repeated: u64,
    /// Part of our cores' time that went to other programs during slices.
    pub foreign: Option<f64>,
    /// Part of our cores' time that a hypervisor took during slices.
    pub steal: Option<f64>,
    /// Slices beside which another hardware thread worked on a core.
    pub shared: Option<Shared>,
}

impl Disturbance {
    /// `None` where nothing was judged.
    pub(crate) fn of(records: &Records, shared: Option<Shared>) -> Option<Disturbance> {
        let judged = || {
            let trials = records.trials.iter();
            trials.filter(|row| row.disturbed_slices.is_some())
        };
        if judged().next().is_none() && shared.is_none() {
            return None;
        }
        let sum = |of: fn(&TrialRow) -> u64| judged().map(of).sum::<u64>();
        let watched = judged().filter(|row| row.cores_ns.is_some());
        let (mut foreign_ns, mut steal_ns, mut cores_ns) = (0, 0, 0);
        for row in watched {
            foreign_ns += row.foreign_cpu_ns.unwrap_or(0);
            steal_ns += row.steal_ns.unwrap_or(0);
            cores_ns += row.cores_ns.unwrap_or(0);
        }
        let part = |ns: f64| (cores_ns > 0).then(|| ns.max(0.0) / cores_ns as f64);
        Some(Disturbance {
            slices: sum(|row| u64::from(row.slices)),
            disturbed: sum(|row| u64::from(row.disturbed_slices.unwrap_or(0))),
            repeated: sum(|row| u64::from(row.repeated_slices.unwrap_or(0))),
            foreign: part(foreign_ns as f64),
            steal: part(steal_ns as f64),
            shared,
        })
    }

    /// The part of the slices that was disturbed.
    pub(crate) fn part(&self) -> f64 {
        self.disturbed as f64 / self.slices.max(1) as f64
    }

    /// Whether it is more than a reader should put up with.
    pub(crate) fn is_much(&self) -> bool {
        self.disturbed as f64 > self.slices as f64 * MUCH
    }

    /// `disturbed slices 12 of 1240`.
    pub(crate) fn badge(&self) -> String {
        format!("disturbed slices {} of {}", self.disturbed, self.slices)
    }

    /// The badge's figures with all that is behind them.
    pub(crate) fn sentence(&self) -> String {
        let repeated = counted(self.repeated, "attempt");
        let mut text = format!("{}, {repeated} repeated", self.badge());
        let percent = |part: f64| format!("{:.1} %", part * 100.0);
        if let (Some(foreign), Some(steal)) = (self.foreign, self.steal) {
            text += &format!(
                "; other programs took {} of the cores meanwhile, a hypervisor {}",
                percent(foreign),
                percent(steal)
            );
        }
        if let Some(clause) = self.shared.and_then(|shared| shared.clause()) {
            text += &format!("; {clause}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn what_the_guard_saw_is_added_up() {
        let cells = [Cell::new("fixed", 400.0), Cell::new("striped", 80.0)];
        let mut records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
        assert_eq!(Disturbance::of(&records, None), None);
        for row in records.trials.iter_mut().take(2) {
            row.slices = 10;
            row.disturbed_slices = Some(1);
            row.repeated_slices = Some(3);
            row.foreign_cpu_ns = Some(-10);
            row.steal_ns = Some(20);
            row.cores_ns = Some(1000);
        }
        records.trials[1].foreign_cpu_ns = Some(210);
        let seen = Disturbance::of(&records, None).unwrap();
        assert_eq!((seen.slices, seen.disturbed, seen.repeated), (20, 2, 6));
        assert_eq!((seen.foreign, seen.steal), (Some(0.1), Some(0.02)));
        assert!(seen.is_much());
        assert_eq!(
            seen.sentence(),
            "disturbed slices 2 of 20, 6 attempts repeated; other programs took 10.0 % of the \
             cores meanwhile, a hypervisor 2.0 %"
        );
    }
}
