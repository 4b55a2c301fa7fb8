//! Floor 7: suites become panels, panels are dealt out in slices, slices become rows.
//!
//! A target's way from text to a table: [`Suite`] (text) → [`Plan`] ([`Target`]: strategy and parameters, resolved
//! once) → `fill` (the request to the child) → `bench::child`; of a server → `drive`.
//!
//! What is measured:
//! - [`suite`]: what a suite file says, and `shelf`: those that are built in; `limit`: limits on response times; `flags`: what flags change;
//! - [`Target`]: what a cell runs against, a table or a server; `cell`: panels and cells; [`plan`]: from suites to panels
//!   and cells, with `check` (numbers), `expand` (a group's workloads), `controls` (floors and twins), `pace` (rates and
//!   searches), `estimate` (times) and `fit` (memory).
//!
//! How it is measured:
//! - `process`: a child process that holds one table, and the requests to it; `live`: the children of a
//!   panel, and a slice of one; `fill`: their start; `order`: slices of latencies;
//! - `deal`: the order in which the cells of a panel get their slices;
//! - `patience`: passes that take longer than a day need `--yes`; `remote`: servers elsewhere need `--remote`;
//! - `guard`: disturbances while a slice was measured;
//! - `panel`: one panel measured, round by round; `search`: the highest rate that keeps a limit;
//! - `latency` and `tally`: from answers to rows; `misses`: what LRU and Belady's rule would miss;
//! - `execute`: a whole run, with its directory and its manifest (`built`, `entries`); `resume`: continuing
//!   an interrupted run; `done`: the progress of a panel; `watch`: what a run reports.
//!
//! `sweep` makes tasks of a plan, for schedulers, and `task` runs one of them: once, whole, and again where it was disturbed.
//!
//! [`verify`] checks tables, each stage in a process of its own, and measures nothing; `verified` is its brief form
//! before a run's first slice, `verified_cache` what has passed it before.
//!
//! `size` fills small tables and extrapolates how much memory a large one takes.
//!
//! [`measure_hashes`] is a run of the hash laboratory, which has no tables.

mod built;
mod cell;
mod check;
mod controls;
mod deal;
mod done;
mod entries;
mod estimate;
mod execute;
mod expand;
mod fill;
mod fit;
mod flags;
mod guard;
mod hash_flood;
mod hashes;
mod latency;
mod limit;
mod live;
mod lone;
mod misses;
mod order;
mod pace;
mod panel;
mod patience;
pub mod plan;
mod process;
mod remote;
mod resume;
mod search;
mod shelf;
mod size;
pub mod suite;
mod sweep;
mod tally;
mod target;
mod task;
#[cfg(test)]
mod tests;
mod verified;
mod verified_cache;
mod verify;
mod watch;

pub use built::{Program, revision};
pub use cell::{Cell, Panel};
pub use execute::{Ended, again, execute, resume};
pub use flags::{Overrides, text};
pub use hashes::{HashOptions, HashPlan, measure_hashes};
pub use limit::{Search, Slo};
pub use plan::Plan;
pub use process::CHILD_VERB;
pub use size::{SizeOptions, SizePlan};
pub use suite::{SUITE_SCHEMA, SUITES, Suite};
pub use sweep::{MOST_SHARDS, Shard, Task};
pub use target::Target;
pub use task::{Finish, run_task, task_done};
pub use verify::{VerifyOptions, VerifyPlan, VerifyWatch, verify, verify_here};
pub use watch::Watch;
