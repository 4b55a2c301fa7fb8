//! Slices beside which another hardware thread worked on the core.
//!
//! A program that the kernel does not see, on the core's other hardware thread, takes a part of the core's width and of
//! its window of instructions. Where one thread works on a table, it probes its core between its operations
//! ([`CoreShare`](crate::machine::CoreShare)), so a slice says itself how much it had of the core. Slices beside a
//! neighbour can then be left out of the figures without favour to any table, as long as enough others remain; where too
//! few do, all count, and the run says so.
//!
//! Two threads may be on two hardware threads of one core, and so may a table and its helper, or a client and its server:
//! what one has of the core is then what the table leaves it. There nothing is judged.

use std::collections::{BTreeMap, BTreeSet};

use super::rates::{Pairing, Rates};
use super::verdict::BIRTHS_FOR_AN_INTERVAL;
use crate::base::whole;
use crate::machine::OWN_SHARE;
use crate::record::{PanelEntry, Records, SliceRow};
use crate::stats;

/// What a core gives at best: a quantile of the run's slices, so that an odd probe does not decide.
const BEST: f64 = 0.98;

/// Rounds that a panel must keep in which no cell's slice was shared: ratios are paired within them.
const KEPT: usize = 12;

/// The part of a table's processor time from which on its helpers work beside it.
const HELPED: f64 = 0.01;

/// The throughput slices that count of the cells that have figures, by panel.
pub(super) type Cells<'r> = BTreeMap<u32, Vec<Vec<&'r SliceRow>>>;

/// The least that a core of its own gives, by panel: what is left out, and what was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SharedCore {
    /// Of panels whose shared slices are left out.
    least: BTreeMap<u32, u64>,
    /// What was seen in all panels; `None` where nothing was judged.
    pub(super) seen: Option<Shared>,
}

/// How many slices were shared with another hardware thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shared {
    /// Slices that probed their cores.
    pub probed: u64,
    /// Those in which a thread had less than its core gives.
    pub shared: u64,
    /// Those of the shared ones that no figure counts.
    pub left_out: u64,
}

impl Shared {
    /// As a clause, where any slice was shared.
    pub(super) fn clause(&self) -> Option<String> {
        let Shared {
            probed,
            shared,
            left_out,
        } = *self;
        if shared == 0 {
            return None;
        }
        let of_them = match left_out {
            0 => "they count, as too few others would remain".to_owned(),
            all if all == shared => "no figure counts these".to_owned(),
            some => format!(
                "no figure counts {some} of these, the others must count as too few would remain"
            ),
        };
        Some(format!(
            "another hardware thread worked on the core in {shared} of {probed} slices: {of_them}"
        ))
    }
}

impl SharedCore {
    pub(super) fn of(records: &Records, cells: &Cells<'_>) -> SharedCore {
        let judged: Vec<&PanelEntry> = records
            .manifest
            .panels
            .iter()
            .filter(|panel| is_alone(panel, records))
            .collect();
        let given: Vec<f64> = judged
            .iter()
            .filter_map(|panel| cells.get(&panel.panel))
            .flatten()
            .flatten()
            .filter_map(|row| row.additions_per_kcycle)
            .map(|given| given as f64)
            .collect();
        let mut found = SharedCore::default();
        if let Some(best) = stats::quantile(&given, BEST) {
            for panel in judged {
                let cells = cells.get(&panel.panel).map_or(&[][..], Vec::as_slice);
                found.add(panel.panel, whole(best * OWN_SHARE), cells);
            }
        }
        found
    }

    fn add(&mut self, panel: u32, least: u64, cells: &[Vec<&SliceRow>]) {
        let of = |slices: &[&SliceRow], least| Rates::of(slices.iter().copied(), false, least);
        let (mut all, mut kept): (BTreeSet<Pairing>, Option<BTreeSet<Pairing>>) =
            Default::default();
        let mut seen = Shared::default();
        for slices in cells {
            let own = of(slices, Some(least));
            seen.probed += (own.values.len() + own.shared) as u64;
            seen.shared += own.shared as u64;
            all.extend(of(slices, None).rounds());
            let own: BTreeSet<Pairing> = own.rounds().collect();
            kept = Some(kept.map_or(own.clone(), |kept| &kept & &own));
        }
        let kept = kept.unwrap_or_default();
        let births = |rounds: &BTreeSet<Pairing>| {
            let births: BTreeSet<u32> = rounds.iter().map(|(birth, _)| *birth).collect();
            births.len()
        };
        // Intervals are resampled from births.
        let enough = births(&all).min(BIRTHS_FOR_AN_INTERVAL);
        if kept.len() >= KEPT && births(&kept) >= enough {
            seen.left_out = seen.shared;
            self.least.insert(panel, least);
        }
        let sum = self.seen.get_or_insert_default();
        sum.probed += seen.probed;
        sum.shared += seen.shared;
        sum.left_out += seen.left_out;
    }

    /// The least that a slice of the panel must have had to count; `None` where all count.
    pub(super) fn least(&self, panel: u32) -> Option<u64> {
        self.least.get(&panel).copied()
    }
}

/// Whether one thread works on each table of a panel, and nothing of the run beside it.
fn is_alone(panel: &PanelEntry, records: &Records) -> bool {
    let is_helped = |helper_ns: Option<u64>, own_ns: Option<u64>| {
        helper_ns.unwrap_or(0) as f64 > own_ns.unwrap_or(0) as f64 * HELPED
    };
    let mut trials = records.trials.iter();
    let mut cells = records.manifest.cells.iter();
    panel.threads == 1
        && !panel.pass
        && !cells.any(|cell| cell.panel == panel.panel && cell.server)
        && !trials.any(|row| row.panel == panel.panel && is_helped(row.helper_cpu_ns, row.cpu_ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};

    /// Two cells of one thread; in rounds that `is_shared` names the core is shared and takes twice as long.
    fn records(is_shared: impl Fn(u32) -> bool) -> Records {
        let cells = [Cell::new("fixed", 400.0), Cell::new("striped", 80.0)];
        let mut records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
        for row in &mut records.slices {
            row.additions_per_kcycle = Some(3650);
            if is_shared(row.round) {
                row.additions_per_kcycle = Some(2100);
                row.elapsed_ns *= 2;
                row.discarded_ns *= 2;
            }
        }
        records
    }

    fn rate(records: &Records) -> f64 {
        let summary = Summary::of(records);
        let cells = &summary.panels[0].cells;
        let striped = cells.iter().find(|cell| cell.entry.target == "striped");
        striped.and_then(|cell| cell.rate).unwrap().mid
    }

    fn seen(records: &Records) -> Option<Shared> {
        Summary::of(records).disturbance.and_then(|all| all.shared)
    }

    #[test]
    fn shared_slices_are_left_out_where_enough_others_remain() {
        let alone = rate(&records(|_| false));
        let records = records(|round| round % 3 != 0);
        // Slices differ by some per cent.
        assert!((rate(&records) / alone - 1.0).abs() < 0.05);
        let seen = seen(&records).unwrap();
        assert_eq!((seen.probed, seen.shared, seen.left_out), (120, 80, 80));
        assert_eq!(
            seen.clause().unwrap(),
            "another hardware thread worked on the core in 80 of 120 slices: no figure counts these"
        );
    }

    #[test]
    fn where_too_few_rounds_remain_to_all_cells_all_count() {
        let alone = rate(&records(|_| false));
        let few = records(|round| round % 6 != 0);
        assert!(rate(&few) < alone * 0.6);
        let told = seen(&few).unwrap();
        assert_eq!((told.shared, told.left_out), (100, 0));
        assert!(
            told.clause()
                .unwrap()
                .ends_with("as too few others would remain")
        );
        // Each keeps thirty, none of which is the other's.
        let mut crossed = records(|_| false);
        for row in &mut crossed.slices {
            if (row.round % 2 == 0) == row.cell_id.contains("striped") {
                row.additions_per_kcycle = Some(2100);
            }
        }
        let told = seen(&crossed).unwrap();
        assert_eq!((told.shared, told.left_out), (60, 0));
    }

    #[test]
    fn births_that_would_go_whole_stay() {
        let mut records = records(|_| false);
        for row in &mut records.slices {
            row.birth = row.round / 20;
            let is_shared = row.birth == 2;
            row.additions_per_kcycle = Some(if is_shared { 2100 } else { 3650 });
        }
        // As many births as each cell has trials.
        for row in &mut records.trials {
            row.birth = row.trial;
        }
        let told = seen(&records).unwrap();
        assert_eq!((told.shared, told.left_out), (40, 0));
    }

    #[test]
    fn where_the_run_itself_works_beside_a_thread_nothing_is_judged() {
        let shared = |round| round % 3 != 0;
        let mut helped = records(shared);
        helped.trials[1].helper_cpu_ns = Some(2);
        helped.trials[1].cpu_ns = Some(100);
        assert_eq!(seen(&helped), None);
        let mut two = records(shared);
        two.manifest.panels[0].threads = 2;
        assert_eq!(seen(&two), None);
        let mut server = records(shared);
        server.manifest.cells[0].server = true;
        assert_eq!(seen(&server), None);
        let mut without = records(shared);
        for row in &mut without.slices {
            row.additions_per_kcycle = None;
        }
        assert_eq!(seen(&without), None);
        // A pass is measured as a whole.
        let mut pass = records(shared);
        pass.manifest.panels[0].pass = true;
        assert_eq!(seen(&pass), None);
    }

    #[test]
    fn nothing_shared_is_nothing_to_say() {
        let told = seen(&records(|_| false)).unwrap();
        assert_eq!((told.probed, told.shared, told.clause()), (120, 0, None));
    }
}
