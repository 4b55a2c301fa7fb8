//! Cell by cell: which of two runs, or of two targets in one run, is faster; and whether that can
//! be said at all.
//!
//! `pairs` says which cell of one run is which of another, `runs` compares two runs, `targets` two
//! targets of one run. Ratios are of rates and always the second over the first,
//! so that `compare BEFORE AFTER` says slower when it has become slower.
//!
//! Both follow the one rule of [`Difference::of`], which the table of a run and a ranking follow too: faster
//! or slower where the whole interval, widened for how many verdicts are given together, lies outside the
//! noise; the same where all of the interval that is shown lies inside; and not told apart otherwise. What
//! differs is the interval, and the noise that it is held against.
//!
//! **Two targets of one run** were measured slice by slice next to each other, so their ratio is paired
//! within rounds, and the noise is the panel's A/A noise.
//!
//! **Two runs** have no slices in common, and between them the machine may have changed. So
//!
//! 1. each cell's rate is taken relative to the other cells of its panel that no change to a table of
//!    ours can move, paired within rounds: what the neighbours took from both goes out. These are the
//!    peers, as long as both runs have the same ones: what the machine's memory does to a table it does
//!    to them. A peer that tables are relative to gets a ratio to the others, but no verdict: it cannot have
//!    changed. Where there is no peer it is the control (`null`, which stores nothing), and with it only what
//!    the cores do goes out. The baseline would do as well as a peer, but where it gets slower itself all
//!    others would seem faster;
//! 2. in each run births are resampled before the rounds within them, because a table's place in
//!    memory is luck that lasts as long as its process; the interval is of the difference of the
//!    two medians of log-ratios, resample by resample;
//! 3. the noise is the A/A noise of both runs, taken together as the root of the sum of their squares: they
//!    are independent of each other. The twin knows what resampling one run cannot: how far two copies of one
//!    table come apart. Relative to peers and over four births or more that distance itself is the noise, not
//!    the far end of its interval: of 40 A/A cells that 20 turns of `scripts/compare-trial` compared over
//!    peers, 1 had an interval without 1.
//!
//! Neither the yardstick nor the noise band does alone: bare rates, and rates relative to the control
//! without the band, call many A/A pairs different. What the band costs is power: on a noisy machine a
//! small slowdown is not seen across runs without a peer. The report says how large the noise is, and measuring
//! longer makes it smaller; in one run, where slices are paired, less is enough.
//! `scripts/compare-trial` shows how often verdicts are right on the machine at hand.

mod gates;
mod notes;
mod pairs;
mod runs;
mod targets;

pub use gates::{Gates, Objection, failing};
pub(crate) use pairs::{Place, pairs, places};

use std::collections::BTreeSet;

use super::rates::PAIRS_FOR_A_VERDICT;
use super::rates::Ratio;
use super::verdict::{Difference, Family, Noise};
use crate::record::Manifest;
use crate::stats::{self, Interval, Resampled};

/// What two runs, or two targets of one run, come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Which two.
    pub sides: [Side; 2],
    /// Whether the sides are runs; otherwise they are targets of one run.
    pub of_runs: bool,
    /// What a reader must know before any figure.
    pub notes: Vec<String>,
    /// The cells, panel by panel in the order of the first.
    pub cells: Vec<CellComparison>,
    /// What it is that rates were taken relative to, and what that itself did from one run to the
    /// other, panel by panel.
    pub drifts: Vec<Drift>,
    /// The verdicts that it gives together. Of two targets of a run they are some of the run's.
    pub family: Family,
    /// All comparable cells together.
    pub overall: Option<Overall>,
}

/// Cells that others are taken relative to.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Their panel, as [`CellComparison::place`] has it.
    pub place: String,
    /// The targets.
    pub of: Vec<String>,
    /// The geometric mean of the second's rates over the first's.
    pub ratio: Interval,
}

/// One of two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The run's identity, or the target.
    pub name: String,
    /// The run: program, revision and when.
    pub about: String,
}

/// One cell against another.
#[derive(Clone, Debug, PartialEq)]
pub struct CellComparison {
    /// Workload, threads and batch in words: the same for all cells of a panel.
    pub place: String,
    /// The target as people read it.
    pub target: String,
    /// The cells; empty where a side has none.
    pub cell_ids: [String; 2],
    /// Operations a second, not paired and not relative to anything.
    pub rates: [Option<Interval>; 2],
    /// The second's rate over the first's, and the pairs or slices behind it.
    pub ratio: Option<Ratio>,
    /// Of two runs: the targets that its rates were taken relative to.
    pub over: Vec<String>,
    /// The interval that its verdict is held by, wider than that of the ratio.
    pub held: Option<Interval>,
    /// What that is held against.
    pub noise: Noise,
    /// The verdict.
    pub call: Call,
    /// Why it is not comparable; empty where it is.
    pub reason: String,
}

/// The verdict on one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The second's rate is compared with the first's.
    Is(Difference),
    /// There is nothing that could be said.
    NotComparable,
    /// A peer that tables were taken relative to: they are judged by it, it is not.
    Yardstick,
}

impl Call {
    /// Whether it says how two cells compare.
    #[must_use]
    pub fn is_verdict(self) -> bool {
        !matches!(self, Call::NotComparable | Call::Yardstick)
    }

    /// Every verdict, in the order in which their counts are given.
    pub const ALL: [Call; 6] = [
        Call::Is(Difference::Slower),
        Call::Is(Difference::Faster),
        Call::Is(Difference::Same),
        Call::Is(Difference::NotToldApart),
        Call::NotComparable,
        Call::Yardstick,
    ];

    /// What it is called where the noise stands elsewhere.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Call::Is(difference) => difference.name(),
            Call::NotComparable => "not comparable",
            Call::Yardstick => "yardstick",
        }
    }

    /// What it is called in JSON.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Call::Is(difference) => difference.key(),
            Call::NotComparable => "not-comparable",
            Call::Yardstick => "yardstick",
        }
    }
}

/// The geometric mean of ratios over cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overall {
    /// The mean with its interval.
    pub ratio: Interval,
    /// Cells behind it.
    pub cells: usize,
}

/// A ratio that can be averaged with others.
struct Judged {
    ratio: Ratio,
    /// Its logarithm.
    log: Resampled,
}

impl Judged {
    fn of(log: Resampled, pairs: usize, units: usize) -> Judged {
        let ratio = Ratio {
            interval: log.interval(stats::CONFIDENCE).map(f64::exp),
            pairs,
            units,
        };
        Judged { ratio, log }
    }
}

impl CellComparison {
    /// Fills in the ratio and what it is held against; a reason that is there already stands.
    fn measured(&mut self, judged: Option<&Judged>, noise: Noise) {
        self.noise = noise;
        if !self.reason.is_empty() {
            return;
        }
        let Some(judged) = judged else {
            "not measured in both".clone_into(&mut self.reason);
            return;
        };
        self.ratio = Some(judged.ratio);
        let pairs = judged.ratio.pairs;
        if pairs < PAIRS_FOR_A_VERDICT {
            self.reason =
                format!("{pairs} of the {PAIRS_FOR_A_VERDICT} slices that a verdict needs");
        }
    }

    /// Whether there will be a verdict on it.
    fn can_be_judged(&self) -> bool {
        self.ratio.is_some() && self.reason.is_empty() && self.call != Call::Yardstick
    }

    /// Fills in the verdict, one of the family.
    fn judge(&mut self, family: Family) {
        let Some(ratio) = self.ratio.filter(|_| self.can_be_judged()) else {
            return;
        };
        self.held = Some(family.held(&ratio.interval, ratio.units));
        self.call = Call::Is(Difference::of(&ratio, self.noise, family));
    }

    /// The verdict in words, with the noise or the reason that belongs to it.
    #[must_use]
    pub fn words(&self) -> String {
        match self.call {
            Call::Is(difference) => difference.words(self.noise),
            Call::NotComparable => format!("not comparable: {}", self.reason),
            Call::Yardstick => Call::Yardstick.name().to_owned(),
        }
    }

    /// The smallest slowdown that the measurement would have called slower, as a part of 1 (0.05 is 5 %): what lies
    /// outside the noise by as much as the interval that the verdict is held by reaches above its middle.
    #[must_use]
    pub fn smallest_slowdown(&self) -> Option<f64> {
        let held = self.held?;
        let reach = (held.high / held.mid).ln();
        Some(-(-(self.noise.apart.max(0.0) + reach)).exp_m1())
    }

    /// Whether it is slower by more than `limit` (0.05 is 5 %): the verdict is slower, and the
    /// whole interval that it is held by lies below 1 − `limit`.
    #[must_use]
    pub fn is_slower_by(&self, limit: f64) -> bool {
        let beyond = |held: Interval| held.high < 1.0 - limit;
        self.call == Call::Is(Difference::Slower) && self.held.is_some_and(beyond)
    }
}

impl Compared {
    /// How many cells got this verdict.
    #[must_use]
    pub fn count(&self, call: Call) -> usize {
        self.cells.iter().filter(|cell| cell.call == call).count()
    }

    /// The same of some of its cells alone, judged as a family of their own: those whose id in both sides is
    /// among these.
    #[must_use]
    pub fn only(mut self, ids: &BTreeSet<String>) -> Compared {
        self.cells
            .retain(|cell| cell.cell_ids.iter().any(|id| ids.contains(id)));
        self.family = judge(&mut self.cells, None);
        let places: BTreeSet<&str> = self.cells.iter().map(|cell| cell.place.as_str()).collect();
        self.drifts
            .retain(|drift| places.contains(drift.place.as_str()));
        // It is of all cells.
        self.overall = None;
        self
    }

    /// The cells that have a verdict with the smallest slowdown that it would have called, the finest first.
    #[must_use]
    pub fn finest(&self) -> Vec<(&CellComparison, f64)> {
        let cells = self.cells.iter();
        let mut seen: Vec<(&CellComparison, f64)> = cells
            .filter_map(|cell| Some((cell, cell.smallest_slowdown()?)))
            .collect();
        seen.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        seen
    }

    /// Whether anything could be compared.
    #[must_use]
    pub fn says_something(&self) -> bool {
        self.cells.iter().any(|cell| cell.call.is_verdict())
    }

    /// Why cells could not be compared: each reason once, most frequent first, with how many.
    #[must_use]
    pub fn reasons(&self) -> Vec<(&str, usize)> {
        let mut reasons: Vec<(&str, usize)> = Vec::new();
        for cell in self.cells.iter().filter(|cell| !cell.reason.is_empty()) {
            match reasons
                .iter_mut()
                .find(|(reason, _)| *reason == cell.reason)
            {
                Some((_, count)) => *count += 1,
                None => reasons.push((&cell.reason, 1)),
            }
        }
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        reasons
    }
}

/// Gives the verdicts: as one family, or as some of another.
fn judge(cells: &mut [CellComparison], of: Option<Family>) -> Family {
    let own = cells.iter().filter(|cell| cell.can_be_judged()).count();
    let family = of.unwrap_or(Family::of(own));
    for cell in cells {
        cell.judge(family);
    }
    family
}

/// The geometric mean over the cells that got a verdict.
fn overall(judged: &[Option<Judged>], cells: &[CellComparison]) -> Option<Overall> {
    let logs: Vec<Resampled> = judged
        .iter()
        .zip(cells)
        .filter(|(_, cell)| cell.call.is_verdict())
        .filter_map(|(judged, _)| Some(judged.as_ref()?.log.clone()))
        .collect();
    let mean = Resampled::mean(&logs)?;
    Some(Overall {
        ratio: mean.interval(stats::CONFIDENCE).map(f64::exp),
        cells: logs.len(),
    })
}

fn side(manifest: &Manifest) -> Side {
    let mut about = vec![manifest.started.clone()];
    if !manifest.revision.is_empty() {
        about.push(format!("revision {}", manifest.revision));
    }
    Side {
        name: manifest.run_id.clone(),
        about: about.join(", "),
    }
}

/// The seed of what is drawn for one panel of one side: cells of a panel share it, so that what
/// disturbed them together is drawn together.
pub(crate) fn seed_of(seed: u64, panel: u32, side: u64) -> u64 {
    seed.wrapping_add((u64::from(panel) << 1 | side).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}
