//! The core of a thread that works alone on its table.

use std::mem::take;
use std::time::{Duration, Instant};

use super::cell::{Cell, Panel, Place};
use crate::machine::{OwnCore, allowed_cpus, cores_beside};

/// Where the only thread of a panel works, round by round.
#[derive(Debug, Default)]
pub(super) struct Lone {
    own: OwnCore,
    /// Those that it may move among, that of the birth first; empty where threads stay.
    candidates: Vec<usize>,
    core: Option<u32>,
    looking: Duration,
}

impl Lone {
    /// Begins a birth.
    pub(super) fn begin(&mut self, place: Place<'_>) {
        let allowed = allowed_cpus();
        self.core = None;
        self.candidates = if may_move(place.panel) && !allowed.is_empty() {
            cores_beside(allowed[place.birth as usize % allowed.len()])
        } else {
            Vec::new()
        };
    }

    /// Chooses the core of the next round.
    pub(super) fn choose(&mut self) {
        let began = Instant::now();
        let chosen = self.own.choose(&self.candidates);
        self.core = chosen.and_then(|core| u32::try_from(core).ok());
        self.looking += began.elapsed();
    }

    /// The core of this round; `None` where threads stay.
    pub(super) fn core(&self) -> Option<u32> {
        self.core
    }

    /// The time that choosing took since this was asked last.
    pub(super) fn take_looking(&mut self) -> Duration {
        take(&mut self.looking)
    }
}

/// Several threads stay where they are, and so do those beside a server. In a pass the work of one round is not
/// that of another, and at a pace the thread is idle most of the time.
fn may_move(panel: &Panel<'_>) -> bool {
    let is_served = |cell: &Cell<'_>| cell.target.server().is_some();
    panel.threads == 1
        && !panel.is_pass()
        && panel.workload.pace.is_none()
        && !panel.cells.iter().any(is_served)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Counts;
    use crate::catalog::ROWS;
    use crate::run::flags::Overrides;
    use crate::run::plan::Plan;
    use crate::run::suite::Suite;

    fn with_panel<T>(
        targets: &[&str],
        workload: &str,
        threads: u32,
        see: impl Fn(&Panel<'_>) -> T,
    ) -> T {
        let flags = Overrides {
            targets: targets.iter().map(ToString::to_string).collect(),
            workloads: vec![workload.to_owned()],
            threads: vec![Counts(vec![threads])],
            ..Overrides::default()
        };
        let plan = Plan::new(ROWS, vec![Suite::load("quick").unwrap().with(&flags)]).unwrap();
        see(&plan.panels[0])
    }

    #[test]
    fn a_lone_thread_moves_and_no_other() {
        let moves =
            |targets: &[&str], workload, threads| with_panel(targets, workload, threads, may_move);
        assert!(moves(&["fixed"], "ycsb-c", 1));
        assert!(!moves(&["fixed"], "ycsb-c", 2));
        assert!(!moves(&["fixed"], "fill", 1), "a pass");
        assert!(!moves(&["served:striped"], "ycsb-c", 1), "a server");
    }

    #[test]
    fn a_round_has_a_core_where_the_thread_may_move() {
        let begun = |threads| {
            with_panel(&["fixed"], "ycsb-c", threads, |panel| {
                let mut lone = Lone::default();
                lone.begin(Place {
                    run_id: "run",
                    panel,
                    index: 0,
                    seed: 1,
                    birth: 1,
                });
                assert_eq!(lone.core(), None, "before the first round");
                lone.choose();
                assert_ne!(lone.take_looking(), Duration::ZERO);
                assert_eq!(lone.take_looking(), Duration::ZERO);
                lone.core()
            })
        };
        let allowed = allowed_cpus();
        let core = begun(1).expect("there is a core");
        assert!(allowed.contains(&(core as usize)));
        assert_eq!(begun(2), None);
    }
}
