//! Floor 3: records in, tables and findings out; never measures.
//!
//! `rates` turns slices into rates and pairs them, `summary` is what a run measured and `derive`
//! makes it, `findings` puts the main of it into sentences, `terminal` and `json` show both. The
//! same records give the same bytes.

mod charts;
mod derive;
mod findings;
mod format;
mod json;
mod model;
mod page;
mod rates;
mod summary;
#[cfg(test)]
pub(crate) mod synthetic;
mod terminal;
#[cfg(test)]
mod tests;

pub use charts::{Chart, FittedLine, charts, dark_variables, light_variables, popularity};
pub use findings::{Finding, Topic, findings};
pub use json::json;
pub use page::{Run, comparison, html, markdown};
pub use rates::{Ratio, ratio};
pub use summary::{
    CellSummary, HarnessFloor, PAIRS_FOR_A_VERDICT, PanelSummary, Summary, Tally, Verdict,
};
pub use terminal::{bullets, table};
