//! Floor 3: records in, figures out: rates, intervals, verdicts, comparison, ranking, findings.
//!
//! `history` is many runs over time, `predict` what was not measured. `rates` turns slices into rates and pairs them, `summary` is what a run measured and `derive` makes
//! it, `verdict` is the
//! one rule for "different", `findings` puts the main of it into sentences; `compare` and `rank` set runs and targets against
//! each other; `verified` puts the checks before a run into words. `structure`, `sweep`, `passes` and `windows` are the figures of charts. `format` has how
//! figures are written in words. Nothing here draws, and nothing measures:
//! the same records give the same figures.

pub(crate) mod absent;
mod answer;
mod baseline;
pub(crate) mod compare;
mod derive;
pub(crate) mod disturbance;
mod extrapolate;
pub(crate) mod figures;
pub(crate) mod findings;
pub(crate) mod format;
pub(crate) mod hashes;
pub(crate) mod history;
mod huge_pages;
mod index;
pub(crate) mod labels;
pub(crate) mod latency;
pub(crate) mod load_side;
mod memory;
pub(crate) mod model;
pub(crate) mod overlap;
pub(crate) mod parts;
pub(crate) mod passes;
pub(crate) mod percentiles;
pub(crate) mod predict;
mod rank;
pub(crate) mod rates;
pub(crate) mod sawtooth;
pub(crate) mod scaling;
mod searched;
mod shared_core;
pub(crate) mod structure;
pub(crate) mod summary;
pub(crate) mod sweep;
#[cfg(test)]
pub(crate) mod synthetic;
pub(crate) mod turn_over;
mod variants;
pub(crate) mod verdict;
pub(crate) mod verified;
pub(crate) mod windows;

pub use answer::answer;
pub use compare::{
    Call, CellComparison, Compared, Drift, Gates, Objection, Overall, Side, failing,
};
pub use disturbance::Disturbance;
pub use extrapolate::{Extrapolated, Grown, SizeBytes, TableSize, extrapolated, sizes_below};
pub use findings::{Ask, Finding, Topic, findings};
pub use hashes::{
    AvalancheFigures, Fall, HashFigures, HashFinding, HashSummary, SpeedPoint, hash_findings,
};
pub use history::{Change, FALSE_ALARMS, History, LEAST_RUNS, PastRun, PastSeries};
pub use huge_pages::HugePages;
pub use index::ratio;
pub use latency::unmet;
pub use percentiles::{Latency, Percentile};
pub use predict::{Buckets, HeldOut, Prediction, Question, errors_in_words, predict};
pub use rank::{Ranked, Ranking};
pub use rates::{PAIRS_FOR_A_VERDICT, Ratio, Share, Spread, precision};
pub use searched::Searched;
pub use shared_core::Shared;
pub use summary::{
    CellSummary, CountedPerOp, FloodCost, HarnessFloor, PanelSummary, ScalingLaw, Summary, Tally,
    Variant, Verdict,
};
pub use verdict::{Difference, Family, Noise};
pub use verified::Verified;
