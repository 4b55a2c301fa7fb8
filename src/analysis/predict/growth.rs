//! A target over numbers of entries, and what its model says of others.

use super::fit::{COUNTS_FOR_A_MODEL, MissModel};
use super::held_out::{HeldOut, worst};
use super::point::Point;
use crate::analysis::extrapolate::{Grown, extrapolated};
use crate::analysis::figures::gather;
use crate::analysis::format;
use crate::analysis::structure::Structures;
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::base::{Between, asked_in_words};
use crate::stats::Interval;

/// Buckets of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// How many.
    pub count: u64,
    /// Whether the table grows to them; else they are a parameter to give.
    pub grows: bool,
}

/// A target under a workload, over numbers of entries, with one thread count.
pub(super) struct Growth<'s> {
    pub workload: String,
    pub target: String,
    pub cell: &'s CellSummary,
    /// Rising.
    pub points: Vec<Point>,
    rates: Vec<Interval>,
}

/// Targets over numbers of entries: of panels that differ in nothing else.
pub(super) fn growths<'s>(summary: &'s Summary, structures: &Structures<'_>) -> Vec<Growth<'s>> {
    let mut series: Vec<(_, Vec<(&PanelSummary, &CellSummary)>)> = Vec::new();
    for panel in &summary.panels {
        let entry = &panel.entry;
        let closed = entry.pace.is_none() && !entry.pass && entry.budget.is_none();
        if !closed || entry.entries == 0 || panel.crowded_on().is_some() {
            continue;
        }
        for cell in panel
            .cells
            .iter()
            .filter(|cell| cell.ranked() && !cell.entry.server && cell.rate.is_some())
        {
            let place = (
                entry.suite.as_str(),
                entry.workload.as_str(),
                (entry.batch, entry.asked()),
                entry.between,
            );
            let own = (entry.threads, entry.absent, entry.corpus.as_str());
            let of_cell = &cell.entry;
            let table = (
                of_cell.target_full.as_str(),
                of_cell.hash.as_str(),
                of_cell.allocator,
                of_cell.pages,
            );
            gather(&mut series, (place, own, table), (panel, cell));
        }
    }
    let growth = |mut cells: Vec<(&'s PanelSummary, &'s CellSummary)>| {
        cells.sort_by_key(|(panel, _)| panel.entry.entries);
        cells.dedup_by_key(|(panel, _)| panel.entry.entries);
        let measured = cells.iter().filter_map(|(panel, cell)| {
            let point = point(panel, cell, structures)?;
            Some((point, cell.rate?))
        });
        let (points, rates) = measured.unzip();
        let (panel, cell) = *cells.last()?;
        Some(Growth {
            workload: workload(panel),
            target: panel.label(cell),
            cell,
            points,
            rates,
        })
    };
    let all = series.into_iter().filter_map(|(_, cells)| growth(cells));
    all.filter(|growth| !growth.points.is_empty()).collect()
}

pub(super) fn workload(panel: &PanelSummary) -> String {
    let entry = &panel.entry;
    let mut text = entry.workload.clone();
    if entry.batch > 1 {
        text += &format!(", batch {}", entry.batch);
    }
    text += &asked_in_words(entry.connections, entry.depth);
    if !entry.corpus.is_empty() {
        text += &format!(", keys {}", entry.corpus);
    }
    format!("{text}, {}", entry.between.words())
}

fn point(panel: &PanelSummary, cell: &CellSummary, structures: &Structures<'_>) -> Option<Point> {
    let entries = panel.entry.entries as f64;
    let structure = structures.get(cell.entry.cell_id.as_str());
    // Only where the next operation waits for this one's value does it wait for a whole load.
    let dependent = panel.entry.batch <= 1 && panel.entry.between == Between::Chained;
    let memory = panel.entry.memory.filter(|_| dependent);
    Some(Point {
        entries,
        threads: panel.entry.threads,
        ns: cell.ns_per_op?.mid,
        floor_ns: panel.harness.as_ref().map_or(0.0, |floor| floor.floor_ns),
        latency_ns: memory.map_or(0.0, |memory| memory.dependent_load_ps as f64 / 1e3),
        walk: cell.mean_walk,
        bytes: cell.bytes_per_entry.unwrap_or(0.0) * entries,
        buckets: structure
            .map(|structure| structure.buckets)
            .filter(|&count| count > 0.0),
    })
}

impl Growth<'_> {
    pub fn threads(&self) -> u32 {
        self.points.first().map_or(0, |point| point.threads)
    }

    /// Why there is no miss model; `None` where there is one.
    pub fn why_no_model(&self) -> Option<String> {
        let count = self.points.len();
        if count < COUNTS_FOR_A_MODEL {
            return Some(format!(
                "the time of other numbers of entries needs {COUNTS_FOR_A_MODEL} of them, and {count} {} measured: \
                 bucketlab run --entries 100k,1M,10M",
                if count == 1 { "was" } else { "were" }
            ));
        }
        let without = self.points.iter().any(|point| point.latency_ns <= 0.0);
        without.then(|| {
            "the latency of memory is known only where operations are chained one by one: bucketlab run \
             --between chained --batch 1"
                .to_owned()
        })
    }

    /// Each number of entries, predicted from the others.
    pub fn left_out(&self) -> Vec<HeldOut> {
        if self.why_no_model().is_some() {
            return Vec::new();
        }
        let one = |at: usize| {
            let mut others = self.points.clone();
            let own = others.remove(at);
            let predicted = MissModel::fit(&others)?.ns(own.entries).mid;
            Some(HeldOut {
                target: self.target.clone(),
                what: format::counted(crate::base::whole(own.entries), "entry"),
                unit: "ns_per_op",
                measured: own.ns,
                predicted,
            })
        };
        (0..self.points.len()).filter_map(one).collect()
    }

    /// Nanoseconds of an operation at so many entries, with all that is not known of them.
    pub fn ns(&self, entries: f64, held_out: &[HeldOut]) -> Result<Interval, String> {
        if let Some(at) = self
            .points
            .iter()
            .position(|point| (point.entries - entries).abs() < 0.5)
        {
            let own = self.rates[at];
            return Ok(own.inverse(f64::from(self.threads()) * 1e9));
        }
        if let Some(why) = self.why_no_model() {
            return Err(why);
        }
        let model = MissModel::fit(&self.points).ok_or("its model has no fit")?;
        let missed = worst(held_out) * self.steps_beyond(entries).max(1.0);
        let ns = model.ns(entries);
        Ok(Interval {
            low: ns.low * (-missed).exp(),
            mid: ns.mid,
            high: ns.high * missed.exp(),
        })
    }

    /// How far a number of entries lies beyond the largest, in steps as long as the last, on a logarithmic scale.
    fn steps_beyond(&self, entries: f64) -> f64 {
        match self.points.as_slice() {
            [.., before, last] => {
                (entries / last.entries).ln() / (last.entries / before.entries).ln()
            }
            _ => 1.0,
        }
    }

    pub fn bytes(&self, entries: u64) -> Result<Interval, String> {
        let grown: Vec<Grown> = self
            .points
            .iter()
            .filter(|point| point.bytes > 0.0)
            .map(|point| Grown {
                entries: crate::base::whole(point.entries),
                bytes: point.bytes,
            })
            .collect();
        if let Some(own) = grown.iter().find(|one| one.entries == entries) {
            return Ok(exactly(own.bytes));
        }
        let found = extrapolated(&grown, entries).filter(|found| found.bytes > 0.0);
        let (Some(found), true) = (found, grown.len() >= COUNTS_FOR_A_MODEL) else {
            return Err(format!(
                "memory at other numbers of entries needs {COUNTS_FOR_A_MODEL} of them; `bucketlab size --entries {entries}` \
                 measures what it needs itself"
            ));
        };
        // A table that doubles may be anywhere between two doublings.
        let missed =
            found.missed.map_or(0.0, f64::abs) * self.steps_beyond(entries as f64).max(1.0);
        Ok(Interval {
            low: found.bytes / (1.0 + missed),
            mid: found.bytes,
            high: found.bytes * (1.0 + missed),
        })
    }

    /// The model in words, at so many entries; `None` where there is none.
    pub fn in_words(&self, entries: u64) -> Option<String> {
        if self.why_no_model().is_some() {
            return None;
        }
        let model = MissModel::fit(&self.points)?;
        let latency = model.latency_ns(entries as f64);
        Some(format!(
            "an operation: the harness, {:.0} ns, and {} dependent misses of {} each; fitted to {}",
            model.own_ns,
            format::figure(model.misses_at(entries as f64)),
            format::duration_within(&latency),
            format::counted(self.points.len() as u64, "size"),
        ))
    }

    pub fn buckets(&self, entries: u64) -> Option<Buckets> {
        let first = self.points.first()?.buckets?;
        let last = self.points.last()?;
        let count = last.buckets?;
        let grows = (count - first).abs() > 0.5;
        if !grows && self.points.len() > 1 {
            let count = entries.checked_next_power_of_two()?;
            return Some(Buckets { count, grows });
        }
        if self.points.len() == 1 {
            return None;
        }
        let doublings = (entries as f64 / last.entries).log2().ceil();
        let count = crate::base::whole(count * doublings.exp2());
        Some(Buckets { count, grows })
    }
}

fn exactly(value: f64) -> Interval {
    Interval {
        low: value,
        mid: value,
        high: value,
    }
}
