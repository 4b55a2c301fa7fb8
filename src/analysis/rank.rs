//! Targets in the order of what they do over many workloads.
//!
//! A mean of rates would be decided by the workload with the highest; so each target's rate is taken
//! over the baseline's, paired within the panel, and the geometric mean of these ratios ranks (Fleming
//! and Wallace, "How not to lie with statistics: the correct way to summarize benchmark results",
//! CACM 29(3), 1986): which target is the baseline changes no place. It is taken over
//! the workloads that all ranked targets share, because a target that leaves out what it is bad at must
//! not gain by it.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::seed_of;
use super::format::{counted, listed};
use super::labels::{label_among, place_of};
use super::overlap::spoken_of;
use super::rates::{PAIRS_FOR_A_VERDICT, Ratio, units};
use super::summary::{CellSummary, PanelSummary, Summary};
use super::verdict::{Difference, Family, Noise};
use crate::stats::{self, Interval, Resampled};

/// The ranking of a run's targets.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// The run.
    pub run_id: String,
    /// What ratios are taken over; several where panels have different ones.
    pub baselines: Vec<String>,
    /// The workloads that it rests on, in words.
    pub places: Vec<String>,
    /// The targets, best first.
    pub ranked: Vec<Ranked>,
    /// The verdicts that it gives together: every pair, because the order itself is chosen by what came out.
    pub family: Family,
    /// Targets that have no rank, and why.
    pub left_out: Vec<(String, String)>,
}

/// A target with a rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// The target as people read it.
    pub target: String,
    /// Geometric mean of its rate over the baseline's.
    pub ratio: Interval,
    /// Its mean over that of the target above; `None` for the first.
    pub to_above: Option<Interval>,
    /// How it compares with the one above; `None` for the first.
    pub difference: Option<Difference>,
    /// What `difference` is held against: the mean A/A noise of the workloads.
    pub noise: Noise,
}

/// One target's logarithms of ratios to the baseline by place, or why there is none.
struct Record {
    target: String,
    logs: BTreeMap<usize, Result<Log, String>>,
}

/// The logarithm of a ratio to the baseline.
#[derive(Clone)]
struct Log {
    of: Resampled,
    /// What was resampled first; of the baseline itself nothing was.
    units: usize,
}

impl Ranking {
    /// Ranks the targets of a run. The same summary gives the same ranking.
    #[must_use]
    pub fn of(summary: &Summary) -> Ranking {
        let mut places: Vec<(String, Noise)> = Vec::new();
        // Two suites may call different workloads by one name.
        let mut keys: Vec<(String, &str)> = Vec::new();
        let mut baselines = Vec::new();
        let mut records: Vec<Record> = Vec::new();
        // In an open loop the rate is the one asked for.
        let closed = |panel: &&PanelSummary| !panel.is_open_loop();
        for panel in spoken_of(summary).filter(closed) {
            let name = place_of(panel);
            let key = (name.clone(), panel.entry.about.as_str());
            let known = keys.iter().position(|other| *other == key);
            let at = known.unwrap_or_else(|| {
                keys.push(key);
                places.push((name, panel.noise()));
                places.len() - 1
            });
            if let Some(baseline) = panel.baseline() {
                let label = label(summary, baseline);
                if !baselines.contains(&label) {
                    baselines.push(label);
                }
            }
            for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
                let target = label(summary, cell);
                let known = records.iter().position(|record| record.target == target);
                let known = known.unwrap_or_else(|| {
                    let logs = BTreeMap::new();
                    records.push(Record { target, logs });
                    records.len() - 1
                });
                records[known].logs.insert(at, log_ratio(panel, cell));
            }
        }
        rank(summary, baselines, &places, records)
    }
}

/// The target, with its hash function, allocator and pages where the run has several.
fn label(summary: &Summary, cell: &CellSummary) -> String {
    let cells = summary.panels.iter().flat_map(|panel| &panel.cells);
    label_among(&cells, cell)
}

fn log_ratio(panel: &PanelSummary, cell: &CellSummary) -> Result<Log, String> {
    if let Some(error) = &cell.error {
        return Err(format!("failed: {error}"));
    }
    let baseline = panel.baseline().filter(|baseline| baseline.rate.is_some());
    let Some(baseline) = baseline else {
        return Err("the baseline has no figures".into());
    };
    if baseline.entry.cell_id == cell.entry.cell_id {
        return Ok(Log {
            of: Resampled::exactly(0.0, stats::RESAMPLES),
            units: usize::MAX,
        });
    }
    let groups = cell.rates.logs(&[&baseline.rates]);
    let pairs: usize = groups.iter().map(Vec::len).sum();
    if pairs < PAIRS_FOR_A_VERDICT {
        return Err(format!("only {}", counted(pairs as u64, "pair")));
    }
    let seed = seed_of(panel.seed, panel.entry.panel, 0);
    let of = Resampled::median(&groups, seed, stats::RESAMPLES).ok_or("not measured")?;
    let units = units(groups.len(), pairs);
    Ok(Log { of, units })
}

/// The set of places that lets most be compared: the most targets beyond the first, times places.
fn shared(records: &[Record]) -> BTreeSet<usize> {
    let has = |record: &Record| -> BTreeSet<usize> {
        let logs = record.logs.iter();
        logs.filter(|(_, log)| log.is_ok())
            .map(|(at, _)| *at)
            .collect()
    };
    let sets: Vec<BTreeSet<usize>> = records.iter().map(has).collect();
    let worth = |set: &BTreeSet<usize>| {
        let targets = sets.iter().filter(|other| set.is_subset(other)).count();
        (targets.saturating_sub(1) * set.len(), set.len())
    };
    let mut best: Option<&BTreeSet<usize>> = None;
    for set in &sets {
        if best.is_none_or(|best| worth(set) > worth(best)) {
            best = Some(set);
        }
    }
    best.cloned().unwrap_or_default()
}

fn rank(
    summary: &Summary,
    baselines: Vec<String>,
    places: &[(String, Noise)],
    records: Vec<Record>,
) -> Ranking {
    let shared = shared(&records);
    let mut ranked: Vec<(String, Log)> = Vec::new();
    let mut left_out = Vec::new();
    for record in records {
        let log_at = |at: &usize| record.logs.get(at)?.as_ref().ok().cloned();
        let logs: Vec<Log> = shared.iter().filter_map(log_at).collect();
        if let Some(mean) = mean(&logs).filter(|_| logs.len() == shared.len()) {
            ranked.push((record.target, mean));
        } else {
            let why = why_left_out(&record, places, &shared);
            left_out.push((record.target, why));
        }
    }
    ranked.sort_by(|(_, a), (_, b)| b.of.mid.total_cmp(&a.of.mid));
    let family = Family::of_pairs(ranked.len());
    let mean_of = |of: fn(Noise) -> f64| {
        shared.iter().map(|&at| of(places[at].1)).sum::<f64>() / shared.len().max(1) as f64
    };
    let noise = Noise {
        apart: mean_of(|noise| noise.apart),
        same: mean_of(|noise| noise.same),
    };
    let rows = (0..ranked.len()).map(|at| {
        let (target, mean) = &ranked[at];
        let above = at.checked_sub(1).map(|above| &ranked[above].1);
        let interval = |log: &Resampled| log.interval(stats::CONFIDENCE).map(f64::exp);
        let to_above = above.map(|above| Ratio {
            interval: interval(&mean.of.less(&above.of)),
            pairs: shared.len(),
            units: mean.units.min(above.units),
        });
        Ranked {
            target: target.clone(),
            ratio: interval(&mean.of),
            difference: to_above.map(|ratio| Difference::of(&ratio, noise, family)),
            noise,
            to_above: to_above.map(|ratio| ratio.interval),
        }
    });
    Ranking {
        run_id: summary.manifest.run_id.clone(),
        baselines,
        places: shared.iter().map(|&at| places[at].0.clone()).collect(),
        ranked: rows.collect(),
        family,
        left_out,
    }
}

/// The mean over places. It is known no better than the place with the fewest births lets it be.
fn mean(logs: &[Log]) -> Option<Log> {
    let figures: Vec<Resampled> = logs.iter().map(|log| log.of.clone()).collect();
    Some(Log {
        of: Resampled::mean(&figures)?,
        units: logs.iter().map(|log| log.units).min()?,
    })
}

fn why_left_out(record: &Record, places: &[(String, Noise)], shared: &BTreeSet<usize>) -> String {
    let mut missing: Vec<&str> = Vec::new();
    // Where nothing is shared, the first place that has a reason will do.
    let all: BTreeSet<usize> = (0..places.len()).collect();
    for at in if shared.is_empty() { &all } else { shared } {
        match record.logs.get(at) {
            Some(Err(reason)) => return format!("{}: {reason}", places[*at].0),
            Some(Ok(_)) => {}
            None => missing.push(&places[*at].0),
        }
    }
    match missing.len() {
        0..=2 => format!("not measured: {}", listed(&missing)),
        many => format!("not measured in {many} of the {} workloads", shared.len()),
    }
}
