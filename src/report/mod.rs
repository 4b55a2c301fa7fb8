//! Floor 3: records in, tables and findings out; never measures.
//!
//! `rates` turns slices into rates and pairs them, `summary` is what a run measured and `derive`
//! makes it, `findings` puts the main of it into sentences, `terminal` and `json` show both; `compare`
//! and `rank` set runs and targets against each other. The same records give the same bytes.

mod charts;
mod compare;
mod derive;
mod disturbance;
mod doctor;
mod findings;
mod format;
mod grid;
mod hashes;
mod json;
mod labels;
mod latency;
mod model;
mod page;
mod percentiles;
mod rank;
mod rates;
mod scaling;
mod summary;
#[cfg(test)]
pub(crate) mod synthetic;
mod terminal;
#[cfg(test)]
mod tests;

pub use charts::{
    Chart, FittedLine, charts, dark_variables, hash_charts, light_variables, popularity,
};
pub use compare::{
    Call, CellComparison, Compared, Overall, Side, comparison_json, comparison_markdown,
    comparison_table,
};
pub use disturbance::Disturbance;
pub use doctor::{doctor_table, doctor_verdict};
pub use findings::{Ask, Finding, Topic, findings};
pub use hashes::{
    AvalancheFigures, Fall, HashFigures, HashFinding, HashSummary, SpeedPoint, hash_findings,
    hash_json, hash_table,
};
pub use json::json;
pub use latency::unmet;
pub use page::{Run, comparison, hash_html, hash_markdown, html, markdown};
pub use percentiles::{Latency, Percentile};
pub use rank::{Ranked, Ranking, ranking_json, ranking_markdown, ranking_table};
pub use rates::{Ratio, precision, ratio};
pub use scaling::ScalingLaw;
pub use summary::{
    CellSummary, CountedPerOp, FloodCost, HarnessFloor, PAIRS_FOR_A_VERDICT, PanelSummary, Spread,
    Summary, Tally, Verdict,
};
pub use terminal::{bullets, table};
