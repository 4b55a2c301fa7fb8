//! Floor 4: figures in, tables, charts and pages out; computes nothing and never measures.
//!
//! `terminal`, `json` and `tidy` (CSV) show what a run measured, `charts` draws it, `page` puts all into one page;
//! `comparison` and `rank` show what [`crate::analysis`] says of runs and targets beside each other. `past` shows what changed over many runs, `predictions` what was not measured. `verdicts` shows what checks of
//! tables came to, `sizes` how much memory they take. `table` is the one model of tables, with a renderer each for terminals, Markdown and pages. The same records give the
//! same bytes.

mod annotations;
mod cells;
mod charts;
mod comparison;
#[cfg(test)]
mod comparison_tests;
mod doctor;
mod hashes;
mod json;
mod latency;
#[cfg(test)]
mod latency_tests;
mod page;
mod past;
mod predictions;
mod rank;
#[cfg(test)]
mod servers_tests;
mod sizes;
mod table;
mod terminal;
#[cfg(test)]
mod tests;
mod tidy;
mod verdicts;

use crate::analysis::{
    disturbance, findings, format, labels, load_side, model, parts, percentiles, rates, scaling,
    summary, verified,
};

pub use annotations::{annotation, junit};
pub use charts::{
    Chart, FittedLine, charts, class_rules, dark_variables, hash_charts, history_chart,
    light_variables, past_chart, popularity,
};
pub use comparison::{comparison_json, comparison_markdown, comparison_table};
pub use doctor::{doctor_table, doctor_verdict};
pub use hashes::{hash_json, hash_table};
pub use json::json;
pub use page::{Run, comparison, hash_html, hash_markdown, html, markdown};
pub use past::{past_json, past_table};
pub use predictions::{predictions_json, predictions_table};
pub use rank::{ranking_json, ranking_markdown, ranking_table};
pub use sizes::{sizes_json, sizes_table};
pub use table::{Bar, Cell, Column, Kind, Row, Standing, Table, Tone, UNLIMITED};
pub use terminal::{bullets, table};
pub use tidy::{summary_columns, summary_csv};
pub use verdicts::{verdicts_json, verdicts_table};
