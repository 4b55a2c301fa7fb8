//! Slices beside which another hardware thread worked on the core.
//!
//! A program that the kernel does not see, on the core's other hardware thread, takes a part of the core's width and of
//! its window of instructions: a neighbour of a guest, or a sibling that the guest takes for a core. Each thread
//! probes its core between its operations ([`CoreShare`](crate::machine::CoreShare)), so a slice says itself how much it
//! had of the core. What a probe says does not depend on the table. So slices beside a neighbour can be left out of the
//! figures, without favour to any table, as long as enough others remain; where too few do, all count, and the
//! run says so.

use std::collections::BTreeMap;

use super::rates::Rates;
use crate::record::{Records, SliceKind, SliceRow};
use crate::stats;

/// A core that is a thread's own gives it all but a tenth of what a core gives at best. Beside another thread it gave
/// half to two thirds (Zen 4, [`CoreShare`](crate::machine::CoreShare)).
const OWN: f64 = 0.9;

/// What a core gives at best: a quantile of the slices, so that an odd probe does not decide.
const BEST: f64 = 0.98;

/// Slices that each cell of a panel must keep.
const KEPT: usize = 12;

/// The least that a core of its own gives, by panel: what is left out, and what was seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SharedCore {
    /// Of panels whose shared slices are left out.
    least: BTreeMap<u32, u64>,
    /// What was seen in all panels; `None` where nothing was probed.
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
            "another hardware thread worked on the cores in {shared} of {probed} slices: {of_them}"
        ))
    }
}

impl SharedCore {
    pub(super) fn of(records: &Records) -> SharedCore {
        let mut found = SharedCore::default();
        let mut best: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        let threads: BTreeMap<u32, u32> = (records.manifest.panels.iter())
            .filter(|panel| !panel.pass)
            .map(|panel| (panel.panel, panel.threads))
            .collect();
        for row in &records.slices {
            if let (Some(given), Some(threads)) =
                (row.additions_per_kcycle, threads.get(&row.panel))
            {
                best.entry(*threads).or_default().push(given as f64);
            }
        }
        // Threads that work on hardware threads of one core share it with each other, and that is what they are: the best
        // is that of slices with as many.
        let least: BTreeMap<u32, f64> = best
            .iter()
            .filter_map(|(threads, given)| Some((*threads, stats::quantile(given, BEST)? * OWN)))
            .collect();
        let mut panels: BTreeMap<u32, BTreeMap<&str, Vec<&SliceRow>>> = BTreeMap::new();
        for row in &records.slices {
            if row.kind == SliceKind::Throughput && threads.contains_key(&row.panel) {
                let cells = panels.entry(row.panel).or_default();
                cells.entry(&row.cell_id).or_default().push(row);
            }
        }
        for (panel, cells) in panels {
            let Some(least) = least.get(&threads[&panel]) else {
                continue;
            };
            let least = crate::base::whole(*least);
            found.add(panel, least, cells.values());
        }
        found
    }

    fn add<'c, 'r: 'c>(
        &mut self,
        panel: u32,
        least: u64,
        cells: impl Iterator<Item = &'c Vec<&'r SliceRow>>,
    ) {
        let (mut own, mut probed, mut shared) = (true, 0, 0);
        for slices in cells {
            let rates = Rates::of(slices.iter().copied(), false, Some(least));
            own &= rates.values.len() >= KEPT || rates.shared == 0;
            probed += (rates.values.len() + rates.shared) as u64;
            shared += rates.shared as u64;
        }
        let seen = self.seen.get_or_insert_default();
        seen.probed += probed;
        seen.shared += shared;
        if own {
            seen.left_out += shared;
            self.least.insert(panel, least);
        }
    }

    /// The least that a slice of the panel must have had to count; `None` where all count.
    pub(super) fn least(&self, panel: u32) -> Option<u64> {
        self.least.get(&panel).copied()
    }
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

    #[test]
    fn shared_slices_are_left_out_where_enough_others_remain() {
        let alone = rate(&records(|_| false));
        let records = records(|round| round % 3 != 0);
        // Slices differ by some per cent.
        assert!((rate(&records) / alone - 1.0).abs() < 0.05);
        let seen = SharedCore::of(&records).seen.unwrap();
        assert_eq!((seen.probed, seen.shared, seen.left_out), (120, 80, 80));
        assert_eq!(
            seen.clause().unwrap(),
            "another hardware thread worked on the cores in 80 of 120 slices: no figure counts these"
        );
    }

    #[test]
    fn where_too_few_others_remain_all_count() {
        let alone = rate(&records(|_| false));
        let records = records(|round| round % 6 != 0);
        assert!(rate(&records) < alone * 0.6);
        let seen = SharedCore::of(&records).seen.unwrap();
        assert_eq!((seen.shared, seen.left_out), (100, 0));
        assert!(
            seen.clause()
                .unwrap()
                .ends_with("as too few others would remain")
        );
    }

    #[test]
    fn a_slice_is_shared_if_the_core_of_one_thread_is_and_the_best_is_that_of_as_many_threads() {
        let cells = [Cell::new("striped", 80.0)];
        let mut records = Synthetic::new()
            .panel("ycsb-c", 1, &cells)
            .panel("ycsb-c", 2, &cells)
            .records();
        for row in &mut records.slices {
            // The two threads' cores are hardware threads of one.
            let alone = if row.panel == 0 { 3650 } else { 2000 };
            let is_shared = row.panel == 1 && row.thread == 1 && row.round < 30;
            row.additions_per_kcycle = Some(if is_shared { 1200 } else { alone });
        }
        let found = SharedCore::of(&records);
        let seen = found.seen.unwrap();
        assert_eq!((seen.probed, seen.shared, seen.left_out), (120, 30, 30));
        assert_eq!((found.least(0), found.least(1)), (Some(3285), Some(1800)));
    }

    #[test]
    fn without_probes_nothing_is_said_and_all_count() {
        let mut records = records(|round| round % 2 == 0);
        for row in &mut records.slices {
            row.additions_per_kcycle = None;
        }
        assert_eq!(SharedCore::of(&records), SharedCore::default());
        // As in a pass, which is measured as a whole.
        let cells = [Cell::new("striped", 80.0)];
        let records = Synthetic::new().pass("growth", 1, 1000, &cells).records();
        assert_eq!(SharedCore::of(&records).seen, None);
        assert_eq!(
            Shared {
                probed: 9,
                ..Shared::default()
            }
            .clause(),
            None
        );
    }
}
