//! Rows of a run under the numbers that they have in the merged one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::record::directory::RunDirectory;
use crate::record::histograms;
use crate::record::{Manifest, Records};

/// What earlier runs have used of the numbers of a panel.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    births: u32,
    trials: u32,
    rounds: u32,
}

/// What has been copied so far.
#[derive(Debug)]
pub(super) struct Copied {
    used: Vec<Used>,
    /// Cells that have a census.
    counted: BTreeSet<String>,
    /// Cells that have a row in `trials.csv`, by panel.
    measured: BTreeSet<(u32, String)>,
    /// Simulations of replacement policies, which are the same on every machine.
    simulated: BTreeSet<String>,
    /// Whether a row is an error.
    pub(super) errors: bool,
    /// Whether there are latencies.
    pub(super) latencies: bool,
}

impl Copied {
    pub(super) fn new(manifest: &Manifest) -> Copied {
        Copied {
            used: vec![Used::default(); manifest.panels.len()],
            counted: BTreeSet::new(),
            measured: BTreeSet::new(),
            simulated: BTreeSet::new(),
            errors: false,
            latencies: false,
        }
    }

    /// Copies the rows of a run whose panels have these numbers in the merged run, and returns the first birth of each
    /// panel.
    pub(super) fn copy(
        &mut self,
        from: &Path,
        mut records: Records,
        numbers: &[u32],
        to: &mut RunDirectory,
    ) -> anyhow::Result<Vec<u32>> {
        let before = self.used.clone();
        let number = |panel: u32| numbers.get(panel as usize).copied().unwrap_or(u32::MAX);
        let base = |panel: u32| {
            before
                .get(number(panel) as usize)
                .copied()
                .unwrap_or_default()
        };
        let trials_of: BTreeMap<(String, u32), u32> = records
            .latency
            .iter()
            .map(|row| {
                (
                    (row.histogram.clone(), row.trial),
                    row.trial + base(row.panel).trials,
                )
            })
            .collect();
        for row in &mut records.trials {
            let base = base(row.panel);
            row.panel = number(row.panel);
            row.birth += base.births;
            row.trial += base.trials;
            self.errors |= !row.error.is_empty();
            self.measured.insert((row.panel, row.cell_id.clone()));
            self.use_up(row.panel, (row.birth, row.trial));
        }
        for row in &mut records.slices {
            let base = base(row.panel);
            row.panel = number(row.panel);
            row.birth += base.births;
            row.trial += base.trials;
            row.round += base.rounds;
            self.use_up(row.panel, (row.birth, row.trial));
            if let Some(used) = self.used.get_mut(row.panel as usize) {
                used.rounds = used.rounds.max(row.round + 1);
            }
        }
        for row in &mut records.marks {
            row.trial += base(row.panel).trials;
            row.panel = number(row.panel);
        }
        for row in &mut records.windows {
            row.trial += base(row.panel).trials;
            row.panel = number(row.panel);
        }
        for row in &mut records.latency {
            let base = base(row.panel);
            row.panel = number(row.panel);
            row.birth += base.births;
            row.trial += base.trials;
        }
        for row in &mut records.slo {
            row.birth += base(row.panel).births;
            row.panel = number(row.panel);
        }
        let fresh: BTreeSet<String> = records
            .census
            .iter()
            .map(|row| row.cell_id.clone())
            .filter(|id| !self.counted.contains(id))
            .collect();
        records.census.retain(|row| fresh.contains(&row.cell_id));
        self.counted.extend(fresh);
        records
            .misses
            .retain(|row| self.simulated.insert(format!("{row:?}")));
        self.latencies |= !records.latency.is_empty();
        let files: BTreeSet<&String> = records.latency.iter().map(|row| &row.histogram).collect();
        for file in files {
            let renumbered = |trial: u32| trials_of.get(&(file.clone(), trial)).copied();
            histograms::copy((from, to.path()), file, renumbered)?;
        }
        to.rows(&records)?;
        let first = |panel: u32| before.get(panel as usize).map_or(0, |used| used.births);
        Ok(numbers.iter().map(|&panel| first(panel)).collect())
    }

    fn use_up(&mut self, panel: u32, (birth, trial): (u32, u32)) {
        if let Some(used) = self.used.get_mut(panel as usize) {
            used.births = used.births.max(birth + 1);
            used.trials = used.trials.max(trial + 1);
        }
    }

    /// Cells of measured panels that have no row.
    pub(super) fn without_rows(&self, manifest: &Manifest) -> Vec<String> {
        let cells = manifest.cells.iter();
        let without = cells.filter(|cell| {
            let key = (cell.panel, cell.cell_id.clone());
            !self.measured.contains(&key)
        });
        let said = without.map(|cell| {
            let panel = manifest.panels.get(cell.panel as usize);
            let place = panel.map_or("", |panel| panel.workload.as_str());
            let twin = if cell.twin { " (twin)" } else { "" };
            format!(
                "cell {} ({}{twin} on {place}): it has no row",
                cell.cell_id, cell.target
            )
        });
        said.collect()
    }
}
