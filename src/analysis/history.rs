//! Many runs of one suite, in the order of their dates: where the rates of cells have changed.
//!
//! A cell on one kind of machine, built with one profile, is a series of its own: a change of machine is no change
//! of the table. Of the controls the floor is a series too: where it changes with the tables, it was the machine or the harness. Changes are
//! those of [`change_points`] on the logarithms of the rates. The chance that a history without any change shows one or more is at most
//! [`FALSE_ALARMS`]: each series is tested at that over the number of series (Bonferroni).

use std::collections::BTreeMap;

use super::labels::place_of;
use super::summary::{Summary, Verdict};
use crate::machine::BUILD;
use crate::record::{Manifest, machine_kind};
use crate::stats::{Interval, change_points, geometric_mean};

/// The chance of one or more false alarms in a history in which nothing has changed.
pub const FALSE_ALARMS: f64 = 0.05;

/// Runs that a level must last: what lasts shorter is an outlier.
pub const LEAST_RUNS: usize = 3;

/// Runs that are enough at any level that a double can say.
const MOST_RUNS: usize = 1000;

/// Seed of the permutations: the same history has the same changes.
const SEED: u64 = 0x6869_7374;

/// The rates of cells over runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// The runs, by date.
    pub runs: Vec<PastRun>,
    /// The machines that they were measured on, in words, the first that was used first.
    pub machines: Vec<String>,
    /// The series, in the order in which their cells come up.
    pub series: Vec<PastSeries>,
}

/// A run among others of its suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRun {
    /// Its identity.
    pub run_id: String,
    /// UTC, `2026-01-31T12:34:56Z`.
    pub started: String,
    /// Revision of the source; empty when unknown.
    pub revision: String,
    /// Its machine, as a place in [`History::machines`].
    pub machine: usize,
}

/// A cell on one machine over runs.
#[derive(Clone, Debug, PartialEq)]
pub struct PastSeries {
    /// The cell.
    pub cell_id: String,
    /// Workload and threads.
    pub place: String,
    /// The target as people read it.
    pub target: String,
    /// Index of the target's colour.
    pub colour: u32,
    /// Whether it is the floor.
    pub control: bool,
    /// The machine, as a place in [`History::machines`].
    pub machine: usize,
    /// Its rates, by date: the run, as a place in [`History::runs`], and operations a second.
    pub points: Vec<(usize, Interval)>,
    /// Where its level changes, by date.
    pub changes: Vec<Change>,
}

/// A change of a level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The first point of the new level.
    pub point: usize,
    /// The geometric mean of the rates between the change before and this one.
    pub before: f64,
    /// That of the rates from this change to the next.
    pub after: f64,
}

impl Change {
    /// The new level over the old one.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.after / self.before
    }
}

impl History {
    /// Adds a run; runs may come in any order.
    pub fn add(&mut self, summary: &Summary) {
        let manifest = &summary.manifest;
        let machine = self.machine(kind(manifest));
        let run = self.runs.len();
        self.runs.push(PastRun {
            run_id: manifest.run_id.clone(),
            started: manifest.started.clone(),
            revision: manifest.revision.clone(),
            machine,
        });
        for panel in &summary.panels {
            let measured = panel.cells.iter().filter(|cell| !cell.entry.twin);
            for cell in measured.filter(|cell| cell.verdict != Verdict::OpenLoop) {
                let Some(rate) = cell.rate.filter(|rate| rate.low > 0.0) else {
                    continue;
                };
                let known = self.series.iter_mut().find(|series| {
                    series.cell_id == cell.entry.cell_id && series.machine == machine
                });
                let point = (run, rate);
                match known {
                    // A cell that is in several panels of a run counts in the first.
                    Some(series) if series.points.last().is_some_and(|(at, _)| *at == run) => {}
                    Some(series) => series.points.push(point),
                    None => self.series.push(PastSeries {
                        cell_id: cell.entry.cell_id.clone(),
                        place: place_of(panel),
                        target: panel.label(cell),
                        colour: cell.entry.colour,
                        control: cell.entry.control,
                        machine,
                        points: vec![point],
                        changes: Vec::new(),
                    }),
                }
            }
        }
    }

    fn machine(&mut self, kind: String) -> usize {
        let known = self.machines.iter().position(|known| *known == kind);
        known.unwrap_or_else(|| {
            self.machines.push(kind);
            self.machines.len() - 1
        })
    }

    /// Puts the runs in the order of their dates, and finds the changes.
    #[must_use]
    pub fn dated(mut self) -> History {
        let key = |run: &PastRun| (run.started.clone(), run.run_id.clone());
        let mut order: Vec<usize> = (0..self.runs.len()).collect();
        order.sort_by_cached_key(|&at| key(&self.runs[at]));
        let place_of: BTreeMap<usize, usize> = order.iter().copied().zip(0..).collect();
        self.runs.sort_by_cached_key(key);
        for series in &mut self.series {
            for (run, _) in &mut series.points {
                *run = place_of[run];
            }
            series.points.sort_by_key(|(run, _)| *run);
        }
        self.name_machines_by_date();
        self.series.sort_by(|a, b| {
            (&a.place, a.control, &a.target, a.machine)
                .cmp(&(&b.place, b.control, &b.target, b.machine))
        });
        let least = self.least();
        let level = FALSE_ALARMS / self.tested().max(1) as f64;
        for series in &mut self.series {
            if series.points.len() >= least {
                series.find_changes(level);
            }
        }
        self
    }

    fn name_machines_by_date(&mut self) {
        let mut order: Vec<usize> = Vec::new();
        for run in &self.runs {
            if !order.contains(&run.machine) {
                order.push(run.machine);
            }
        }
        let place = |machine: usize| order.iter().position(|&at| at == machine).unwrap_or(0);
        for run in &mut self.runs {
            run.machine = place(run.machine);
        }
        for series in &mut self.series {
            series.machine = place(series.machine);
        }
        self.machines = order.iter().map(|&at| self.machines[at].clone()).collect();
    }

    /// Series that are long enough for a change to be found.
    #[must_use]
    pub fn tested(&self) -> usize {
        self.at_least(self.least())
    }

    /// Series of so many runs or more.
    fn at_least(&self, runs: usize) -> usize {
        let long = |series: &&PastSeries| series.points.len() >= runs;
        self.series.iter().filter(long).count()
    }

    /// Runs that a series needs for a change to be found at the level that is left to each: the more series are
    /// tested, the longer they must be.
    fn least(&self) -> usize {
        let enough = |&runs: &usize| {
            let tested = self.at_least(runs).max(1);
            least_runs(FALSE_ALARMS / tested as f64) <= runs
        };
        (2 * LEAST_RUNS..MOST_RUNS)
            .find(enough)
            .unwrap_or(MOST_RUNS)
    }

    /// What the changes promise together, in words.
    #[must_use]
    pub fn promise(&self) -> String {
        if self.tested() == 0 {
            return format!(
                "A change can be found in a series of {} runs or more, and there is none.",
                self.least()
            );
        }
        format!(
            "Changes are found by E-divisive means (Matteson & James 2014) over {} series of {} runs or more. Where \
             nothing changes, the chance of one or more false alarms is at most {:.0} %, if runs are independent.",
            self.tested(),
            self.least(),
            FALSE_ALARMS * 100.0
        )
    }
}

impl PastSeries {
    fn find_changes(&mut self, level: f64) {
        let rates: Vec<f64> = self.points.iter().map(|(_, rate)| rate.mid).collect();
        let logs: Vec<f64> = rates.iter().map(|rate| rate.ln()).collect();
        let cuts = change_points(&logs, level, LEAST_RUNS, SEED);
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends: Vec<usize> = cuts.iter().copied().chain([rates.len()]).collect();
        let levels: Vec<f64> = starts
            .zip(&ends)
            .filter_map(|(from, &to)| geometric_mean(&rates[from..to]))
            .collect();
        self.changes = cuts
            .into_iter()
            .zip(levels.windows(2))
            .map(|(point, pair)| Change {
                point,
                before: pair[0],
                after: pair[1],
            })
            .collect();
    }
}

/// The fewest runs of which a permutation test can say anything at a level: the clearest cut, between two halves, comes
/// up in two of all their orders (itself, and with the halves changed over).
fn least_runs(level: f64) -> usize {
    let ways = |runs: usize| {
        let half = runs / 2;
        (0..half).fold(1.0, |ways, at| ways * (runs - at) as f64 / (at + 1) as f64)
    };
    (2 * LEAST_RUNS..MOST_RUNS)
        .find(|&runs| 2.0 / ways(runs) <= level)
        .unwrap_or(MOST_RUNS)
}

/// What a series must have in common: the machine, and the profile of the build.
fn kind(manifest: &Manifest) -> String {
    let build = manifest
        .machine
        .get(BUILD)
        .map_or("not known", String::as_str);
    format!("{}; build {build}", machine_kind(manifest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::synthetic::{Cell, Synthetic};

    /// Deviations of a standard deviation of about 2 %, the same each time.
    fn noise(run: usize, cell: usize) -> f64 {
        let hash = |at: u64| {
            let mixed = (at ^ (at >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        };
        let from = ((run * 1000 + cell * 100) as u64).wrapping_mul(0x9e37_79b9);
        let sum: f64 = (1..=12_u64)
            .map(|n| hash(from.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))))
            .sum();
        1.0 + 0.02 * (sum - 6.0)
    }

    /// 30 runs; the second target takes a tenth longer from run `at` on.
    fn history(at: usize) -> History {
        let mut history = History::default();
        // The order in which they are given says nothing.
        for run in (0..30).rev() {
            let step = if run >= at { 1.1 } else { 1.0 };
            let cells = [
                Cell::new("fixed", 400.0 * noise(run, 1)),
                Cell::new("striped", 80.0 * step * noise(run, 2)),
            ];
            let mut records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
            records.manifest.started = format!("2026-01-{:02}T00:00:00Z", run + 1);
            records.manifest.run_id = format!("run-{run}");
            history.add(&Summary::of(&records));
        }
        history.dated()
    }

    #[test]
    fn a_series_that_is_too_short_for_its_level_is_not_tested() {
        // 2 of 35 orders are more than 5 %, 2 of 70 are less.
        assert_eq!(least_runs(0.05), 8);
        assert_eq!(least_runs(0.0005), 15);
        let (mut short, mut long) = (history(30), history(30));
        for (history, runs) in [(&mut short, 7), (&mut long, 10)] {
            for series in &mut history.series {
                series.points.truncate(runs);
            }
        }
        assert_eq!((short.tested(), short.least()), (0, 8));
        assert!(
            short
                .promise()
                .contains("8 runs or more, and there is none")
        );
        assert_eq!(long.tested(), long.series.len());
    }

    #[test]
    fn a_step_of_a_tenth_is_found_at_its_run_and_none_where_there_is_none() {
        let stepped = history(17);
        assert_eq!(stepped.runs[17].run_id, "run-17");
        let changes: Vec<(&str, usize)> = stepped
            .series
            .iter()
            .flat_map(|series| {
                series
                    .changes
                    .iter()
                    .map(|change| (series.target.as_str(), change.point))
            })
            .collect();
        assert_eq!(changes, [("striped", 17)]);
        let striped = stepped
            .series
            .iter()
            .find(|series| series.target == "striped")
            .unwrap();
        let ratio = striped.changes[0].ratio();
        assert!((ratio * 1.1 - 1.0).abs() < 0.02, "{ratio}");
        let flat = history(99);
        assert!(flat.series.iter().all(|series| series.changes.is_empty()));
        assert_eq!((flat.tested(), flat.machines.len()), (2, 1));
    }

    #[test]
    fn a_change_of_machine_is_another_series_and_no_change() {
        let mut history = History::default();
        for run in 0..20 {
            let slower = if run < 10 { 1.0 } else { 2.0 };
            let cells = [Cell::new("fixed", 400.0 * slower * noise(run, 1))];
            let mut records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
            let model = if run < 10 { "loom" } else { "old loom" };
            records
                .manifest
                .machine
                .insert("cpu_model".into(), model.into());
            records.manifest.started = format!("2026-01-{:02}T00:00:00Z", run + 1);
            history.add(&Summary::of(&records));
        }
        let history = history.dated();
        assert_eq!((history.machines.len(), history.series.len()), (2, 2));
        assert!(history.machines[0].contains("loom") && history.machines[1].contains("old loom"));
        assert!(
            history
                .series
                .iter()
                .all(|series| series.changes.is_empty())
        );
        assert_eq!(history.series[1].points[0].0, 10);
    }
}
