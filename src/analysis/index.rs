//! The rows of a run by panel and cell, and the rates behind them.

use std::collections::{BTreeMap, BTreeSet};

use super::rates::Rates;
use super::shared_core::{Cells, Shared, SharedCore};
use crate::record::{Records, SliceKind, SliceRow, TrialRow};
use crate::stats::Interval;

/// Slices of the hash alone from which its time can be told.
const HASHES: usize = 4;

/// The rows of a run by panel and cell: each cell's are looked for once.
pub(crate) struct Index<'r> {
    trials: BTreeMap<(u32, &'r str), Vec<&'r TrialRow>>,
    slices: BTreeMap<(u32, &'r str), Vec<&'r SliceRow>>,
    shared: SharedCore,
}

impl<'r> Index<'r> {
    pub fn of(records: &'r Records) -> Index<'r> {
        // The last attempt at a trial is the one that counts.
        let mut attempts: BTreeMap<(u32, &str, u32, u32), &TrialRow> = BTreeMap::new();
        for row in &records.trials {
            let place = (row.panel, row.cell_id.as_str(), row.birth, row.trial);
            let kept = attempts.entry(place).or_insert(row);
            if row.attempt >= kept.attempt {
                *kept = row;
            }
        }
        let mut trials: BTreeMap<_, Vec<&TrialRow>> = BTreeMap::new();
        for ((panel, cell, ..), row) in attempts {
            trials.entry((panel, cell)).or_default().push(row);
        }
        let mut slices: BTreeMap<_, Vec<&SliceRow>> = BTreeMap::new();
        for row in &records.slices {
            let place = (row.panel, row.cell_id.as_str());
            slices.entry(place).or_default().push(row);
        }
        let mut index = Index {
            trials,
            slices,
            shared: SharedCore::default(),
        };
        let mut cells = Cells::default();
        for &(panel, cell) in index.slices.keys() {
            let counted = index.counted(panel, cell, SliceKind::Throughput);
            cells.entry(panel).or_default().push(counted);
        }
        index.shared = SharedCore::of(records, &cells);
        index
    }

    /// A cell's trials, failed ones included.
    pub fn trials<'s>(&'s self, panel: u32, cell: &'s str) -> &'s [&'s TrialRow] {
        self.trials.get(&(panel, cell)).map_or(&[], Vec::as_slice)
    }

    /// How many slices were shared with another hardware thread.
    pub fn shared(&self) -> Option<Shared> {
        self.shared.seen
    }

    /// A cell's slices of a kind that count. A slice whose trial has no row yet was never checked and does not; a
    /// cell with a failed trial has none at all.
    fn counted(&self, panel: u32, cell: &str, kind: SliceKind) -> Vec<&'r SliceRow> {
        let trials = self.trials(panel, cell);
        if trials.iter().any(|row| !row.error.is_empty()) {
            return Vec::new();
        }
        let checked: BTreeSet<(u32, u32)> =
            trials.iter().map(|row| (row.birth, row.trial)).collect();
        let slices = self.slices.get(&(panel, cell)).into_iter().flatten();
        slices
            .copied()
            .filter(|row| row.kind == kind && checked.contains(&(row.birth, row.trial)))
            .collect()
    }

    /// A cell's rates, without slices that were shared with another hardware thread where these are left out.
    pub fn rates(&self, panel: u32, cell: &str, kind: SliceKind, pass: bool) -> Rates {
        let counted = self.counted(panel, cell, kind);
        let of = |least| Rates::of(counted.iter().copied(), pass, least);
        let rates = of(self.shared.least(panel));
        // The hash alone is timed in few rounds, and needs none of the others'.
        if kind == SliceKind::Hash && rates.values.len() < HASHES {
            return of(None);
        }
        rates
    }
}

/// The rate of one cell over another's, measured together in the same panel: 2 means that `cell_a`
/// does twice the operations a second. `None` where they share no panel or one has no figures.
#[must_use]
pub fn ratio(records: &Records, cell_a: &str, cell_b: &str) -> Option<Interval> {
    let index = Index::of(records);
    records.manifest.panels.iter().find_map(|panel| {
        let rates = |cell| index.rates(panel.panel, cell, SliceKind::Throughput, panel.pass);
        let ratio = rates(cell_a).ratio_to(&rates(cell_b), records.manifest.seed)?;
        Some(ratio.interval)
    })
}
