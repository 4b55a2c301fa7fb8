//! What a run measured: rates, ratios and verdicts. `derive` makes them from its rows.

use super::disturbance::Disturbance;
use super::huge_pages::HugePages;
use super::percentiles::Latency;
use super::rates::{PAIRS_FOR_A_VERDICT, Rates, Ratio, Share, Spread};
use super::searched::Searched;
use super::verdict::{Difference, Family, Noise};
use crate::base::ByteCount;
use crate::record::{CellEntry, LoopKind, Manifest, MissRow, PanelEntry, TimeKind};
use crate::stats::{Interval, Usl};
use crate::workload::absent_suffix;

/// Hash functions from which on a panel is about them; with two of them targets are compared as
/// ever.
const HASHES_IN_QUESTION: usize = 3;

/// A target under a flooded function and under one that is not.
#[derive(Clone, Copy, Debug)]
pub struct FloodCost<'p> {
    /// The cell whose function the keys flood.
    pub flooded: &'p CellSummary,
    /// The same target under another function.
    pub safe: &'p CellSummary,
    /// How many times as long an operation of the first takes.
    pub ratio: Ratio,
}

/// Everything that tables, charts and findings say, in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// What was run.
    pub manifest: Manifest,
    /// The panels, in the order of the manifest.
    pub panels: Vec<PanelSummary>,
    /// What replacement policies would have missed, as simulated.
    pub simulated: Vec<MissRow>,
    /// Searches for the highest rate that keeps a limit.
    pub searched: Vec<Searched>,
    /// How much of the run was disturbed; `None` where nothing watched.
    pub disturbance: Option<Disturbance>,
    /// How much of the tables that asked for huge pages lies in them; `None` where none did.
    pub huge_pages: Option<HugePages>,
    /// How targets scale by threads, where enough thread counts were measured to tell.
    pub laws: Vec<ScalingLaw>,
    /// The verdicts that it gives together.
    pub family: Family,
    /// Rows that were cut short and left out.
    pub dropped_lines: u32,
}

/// One panel.
#[derive(Clone, Debug, PartialEq)]
pub struct PanelSummary {
    /// What it is.
    pub entry: PanelEntry,
    /// Its cells, in the order of the manifest.
    pub cells: Vec<CellSummary>,
    /// The A/A noise, as the natural logarithm of a ratio: the end of the twin's interval that is
    /// further from 0. `None` where there was no twin, or too few pairs of it.
    pub noise_floor: Option<f64>,
    /// What a difference must lie outside of, as a logarithm: `noise_floor`; without one, or over two or
    /// three births, the worst of the run's panels, and 0 where no panel has one.
    pub noise_band: f64,
    /// The verdicts of the whole run, of which the panel's are some.
    pub family: Family,
    /// What the harness costs, where the panel has a control with figures.
    pub harness: Option<HarnessFloor>,
    /// Cores that the run could use; `None` where its machine does not say.
    pub cores: Option<u32>,
    pub(crate) seed: u64,
}

/// The harness's own cost, from the control that stores nothing. All in nanoseconds of one thread
/// an operation.
#[derive(Clone, Debug, PartialEq)]
pub struct HarnessFloor {
    /// The control.
    pub target: String,
    /// The whole loop around an operation that does nothing.
    pub floor_ns: f64,
    /// The hash alone, over the same stream.
    pub hash_ns: Option<f64>,
    /// What is between: the harness over the hash.
    pub over_hash_ns: Option<f64>,
}

/// One cell in one panel. A cell with an error has none of the figures.
#[derive(Clone, Debug, PartialEq)]
pub struct CellSummary {
    /// What it is.
    pub entry: CellEntry,
    /// Which of its strategy's targets it is.
    pub variant: Variant,
    /// How it compares with the baseline.
    pub verdict: Verdict,
    /// Why the first failed trial failed.
    pub error: Option<String>,
    /// Trials behind the figures, or recorded when it failed.
    pub trials: usize,
    /// Operations a second, over all threads: median over slices, or over passes.
    pub rate: Option<Interval>,
    /// How far the rates of slices, or of passes, lie from their median.
    pub spread: Option<Spread>,
    /// Slices, or passes, that have no rate because a thread did nothing in them that counts.
    pub idle: usize,
    /// What the slowest and the fastest thread did of all operations, medians over slices; of a pass, in
    /// which all have the same work, of the sum of their rates. `None` for one thread.
    pub share: Option<Share>,
    /// Nanoseconds of one thread an operation. Where threads take turns on a core, they wait in it too.
    pub ns_per_op: Option<Interval>,
    /// The rate over the baseline's. Not of the baseline itself, nor of a control.
    pub ratio: Option<Ratio>,
    /// Operations a trial.
    pub ops: Option<Tally>,
    /// Hits a trial.
    pub hits: Option<Tally>,
    /// Misses a trial.
    pub misses: Option<Tally>,
    /// Refused writes a trial.
    pub refused: Option<Tally>,
    /// Entries evicted a trial, where the workload has a budget.
    pub evicted: Option<Tally>,
    /// Bytes an entry: growth of resident memory over entries.
    pub bytes_per_entry: Option<f64>,
    /// Bytes an entry: the highest growth of resident memory while the table was filled.
    pub peak_per_entry: Option<f64>,
    /// Bytes an entry that was there: the growth that is left after all were removed.
    pub emptied_per_entry: Option<f64>,
    /// Bytes an entry that the census claims.
    pub claimed_per_entry: Option<f64>,
    /// Bytes an entry that the counting allocator saw.
    pub counted_per_entry: Option<f64>,
    /// Entries that a lookup walks on average, by the census.
    pub mean_walk: Option<f64>,
    /// Entries in the longest chain, by the census.
    pub longest_chain: Option<u64>,
    /// Resizes that ended within a trial.
    pub resizes: Option<Tally>,
    /// The longest operation of a clocked pass in nanoseconds, wall time less run-queue delay: the
    /// median over passes, between the least and the most of any.
    pub longest_op_ns: Option<Interval>,
    /// What the processor counted.
    pub counted: CountedPerOp,
    /// How long operations took: open loop before closed, response before service.
    pub latency: Vec<Latency>,
    pub(crate) rates: Rates,
}

/// A target among those of its strategy in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// 0 for the strategy as it is by default, or for its only target; the others count from 1.
    pub at: u32,
    /// How many others there are.
    pub of: u32,
}

/// What the processor counted, an operation: medians over trials. In user space, the harness's loop
/// and the hash included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CountedPerOp {
    /// Clock cycles.
    pub cycles: Option<f64>,
    /// Instructions.
    pub instructions: Option<f64>,
    /// Branches that were predicted wrong.
    pub branch_misses: Option<f64>,
    /// Reads that the last level of cache did not hold.
    pub llc_misses: Option<f64>,
    /// Reads whose page the data TLB did not hold.
    pub dtlb_misses: Option<f64>,
}

/// A count that each trial has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    /// The same in every trial.
    Each(u64),
    /// They differ; this is the lower median.
    Median(u64),
}

impl Tally {
    /// The figure itself.
    #[must_use]
    pub fn count(self) -> u64 {
        match self {
            Tally::Each(count) | Tally::Median(count) => count,
        }
    }

    pub(crate) fn of(mut counts: Vec<u64>) -> Option<Tally> {
        counts.sort_unstable();
        let (first, last) = (*counts.first()?, *counts.last()?);
        if first == last {
            return Some(Tally::Each(first));
        }
        Some(Tally::Median(counts[(counts.len() - 1) / 2]))
    }
}

/// The Universal Scalability Law, fitted to a target's rates.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalingLaw {
    /// The target as people read it.
    pub label: String,
    /// The panels behind it, by threads, rising: all within the machine's cores.
    pub panels: Vec<u32>,
    /// The target's cell in each of them.
    pub cells: Vec<String>,
    /// The thread counts.
    pub threads: Vec<u32>,
    /// Its coefficients.
    pub fit: Usl,
    /// σ with its bootstrap interval.
    pub sigma: Interval,
    /// κ with its bootstrap interval.
    pub kappa: Interval,
}

/// How a cell compares with its panel's baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the baseline.
    Baseline,
    /// Its rate is compared with the baseline's.
    Is(Difference),
    /// There is no baseline with figures, or fewer pairs than a verdict needs.
    Undecided,
    /// It is a control or the twin: never ranked.
    Control,
    /// Its operations began when they were due: its figures are latencies, its rate is the one
    /// asked for.
    OpenLoop,
    /// A trial failed: no figures.
    Error,
    /// No trial was recorded.
    NotMeasured,
}

impl Verdict {
    /// The verdict on a ratio, as one of a family.
    #[must_use]
    pub fn on(ratio: &Ratio, noise: impl Into<Noise>, family: Family) -> Verdict {
        if ratio.pairs < PAIRS_FOR_A_VERDICT {
            return Verdict::Undecided;
        }
        Verdict::Is(Difference::of(ratio, noise, family))
    }
}

/// Whether two cells have the same table, with every parameter, the hash function, the allocator and the page
/// mode; one of them may be the twin.
pub(super) fn is_copy(one: &CellEntry, other: &CellEntry) -> bool {
    let key = |entry: &CellEntry| (entry.allocator, entry.pages);
    one.target_full == other.target_full && one.hash == other.hash && key(one) == key(other)
}

impl CellSummary {
    /// Whether it is the same target in another panel: with every parameter, the hash function, the
    /// allocator and the page mode.
    #[must_use]
    pub fn is_target_of(&self, other: &CellSummary) -> bool {
        self.entry.twin == other.entry.twin && is_copy(&self.entry, &other.entry)
    }

    /// Whether it is compared and ranked: no control and no twin.
    #[must_use]
    pub fn ranked(&self) -> bool {
        !self.entry.control && !self.entry.twin
    }

    /// Why it has no rate, of a cell whose trials did not fail.
    #[must_use]
    pub fn why_no_rate(&self) -> &'static str {
        if self.trials == 0 {
            "no trial was recorded"
        } else if self.idle > 0 {
            "in each slice a thread was kept from running"
        } else {
            "no slice of it was recorded"
        }
    }

    /// How long its operations took in a loop, counted in one way.
    #[must_use]
    pub fn latency_of(&self, loop_kind: LoopKind, time: TimeKind) -> Option<&Latency> {
        self.latency
            .iter()
            .find(|latency| (latency.loop_kind, latency.time) == (loop_kind, time))
    }

    /// How long its operations took from their intended start.
    #[must_use]
    pub fn response(&self) -> Option<&Latency> {
        self.latency_of(LoopKind::Open, TimeKind::Response)
    }
}

impl Summary {
    /// What its verdicts promise together, in words; `None` where it gives none on a rate.
    #[must_use]
    pub fn promise(&self) -> Option<String> {
        let mut cells = self.panels.iter().flat_map(|panel| &panel.cells);
        let judged = cells.any(|cell| matches!(cell.verdict, Verdict::Is(_)));
        judged.then(|| self.family.words())
    }
}

impl CellSummary {
    /// The part of lookups that missed, from 0 to 1.
    #[must_use]
    pub fn miss_ratio(&self) -> Option<f64> {
        let (hits, misses) = (self.hits?.count() as f64, self.misses?.count() as f64);
        (hits + misses > 0.0).then(|| misses / (hits + misses))
    }

    /// The part of operations that go to the origin: lookups that missed over all operations, writes
    /// included, from 0 to 1.
    #[must_use]
    pub fn origin_share(&self) -> Option<f64> {
        let (misses, ops) = (self.misses?.count() as f64, self.ops?.count() as f64);
        (ops > 0.0).then(|| misses / ops)
    }
}

impl PanelSummary {
    /// The cores that its threads take turns on: `None` where each can have one of its own. What is
    /// measured then is how a table bears crowding, and not how it scales.
    #[must_use]
    pub fn crowded_on(&self) -> Option<u32> {
        self.cores.filter(|&cores| self.entry.threads > cores)
    }

    /// The workload's name without its budget.
    #[must_use]
    pub fn plain_workload(&self) -> &str {
        let name = self.entry.workload.as_str();
        let budget = self
            .entry
            .budget
            .map(|bytes| format!("@{}", ByteCount(bytes)));
        budget
            .and_then(|budget| name.strip_suffix(&budget))
            .unwrap_or(name)
    }

    /// The workload's name without its share of absent keys, which the panels of a sweep over it have in common.
    #[must_use]
    pub fn workload_without_absent(&self) -> String {
        let entry = &self.entry;
        entry.workload.replacen(&absent_suffix(entry.absent), "", 1)
    }

    /// Nanoseconds that an operation of a cell takes in the end, when misses go to the stated origin:
    /// the measured time an operation, and the origin's latency for the part of operations that miss.
    #[must_use]
    pub fn effective_ns(&self, cell: &CellSummary) -> Option<f64> {
        let origin_ns = self.entry.origin_ns? as f64;
        Some(cell.ns_per_op?.mid + cell.origin_share()? * origin_ns)
    }

    /// The cell that ratios are taken against, if it was measured or tried.
    #[must_use]
    pub fn baseline(&self) -> Option<&CellSummary> {
        self.cells
            .iter()
            .find(|cell| cell.entry.cell_id == self.entry.baseline)
    }

    /// What its verdicts are held against: a difference against the band, "the same" against its own noise where it
    /// has one.
    #[must_use]
    pub fn noise(&self) -> Noise {
        Noise {
            apart: self.noise_band,
            same: self.noise_floor.unwrap_or(self.noise_band),
        }
    }

    /// The rate of one of its cells over that of another.
    #[must_use]
    pub fn ratio(&self, cell: &CellSummary, over: &CellSummary) -> Option<Ratio> {
        cell.rates.ratio_to(&over.rates, self.seed)
    }

    /// The verdict on the ratio of two of its cells.
    #[must_use]
    pub fn verdict_on(&self, ratio: &Ratio) -> Verdict {
        Verdict::on(ratio, self.noise(), self.family)
    }

    /// The ranked cells that have figures, highest rate first.
    #[must_use]
    pub fn ranking(&self) -> Vec<&CellSummary> {
        let mut cells: Vec<(&CellSummary, f64)> = self
            .cells
            .iter()
            .filter(|cell| cell.ranked())
            .filter_map(|cell| Some((cell, cell.rate?.mid)))
            .collect();
        cells.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        cells.into_iter().map(|(cell, _)| cell).collect()
    }

    /// The function that the keys are made to flood.
    #[must_use]
    pub fn flooded(&self) -> Option<&str> {
        self.entry.corpus.strip_prefix("flood:")
    }

    /// Whether the question is what the hash function does: its keys flood one, or each target is
    /// measured under several.
    #[must_use]
    pub fn is_about_hashes(&self) -> bool {
        let ranked = self.cells.iter().filter(|cell| cell.ranked());
        let hashes: std::collections::BTreeSet<&str> =
            ranked.map(|cell| cell.entry.hash.as_str()).collect();
        hashes.len() >= HASHES_IN_QUESTION || (self.flooded().is_some() && hashes.len() > 1)
    }

    /// What the flood costs each target that was measured under the flooded function and under
    /// another; empty where the keys flood none.
    #[must_use]
    pub fn flood_costs(&self) -> Vec<FloodCost<'_>> {
        let Some(flooded) = self.flooded() else {
            return Vec::new();
        };
        let cells = || self.cells.iter().filter(|cell| cell.ranked());
        cells()
            .filter(|cell| cell.entry.hash == flooded)
            .filter_map(|cell| {
                let safe = cells().find(|other| {
                    other.entry.hash != flooded && other.entry.target == cell.entry.target
                })?;
                Some(FloodCost {
                    flooded: cell,
                    safe,
                    ratio: self.ratio(safe, cell)?,
                })
            })
            .collect()
    }

    /// Whether hits and misses are worth showing: a trace, or a workload with misses.
    #[must_use]
    pub fn has_misses(&self) -> bool {
        let missed = |cell: &CellSummary| cell.misses.is_some_and(|tally| tally.count() > 0);
        self.entry.entries == 0 || self.cells.iter().any(|cell| cell.ranked() && missed(cell))
    }
}
