//! `summary.csv`: a row for each cell, a column for each figure, for spreadsheets and data frames.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::json;
use super::percentiles::{Latency, Percentile};
use super::summary::{CellSummary, PanelSummary, Summary, Tally};
use crate::analysis::Searched;
use crate::base;
use crate::stats::Interval;

/// What a row is made of.
struct Of<'s> {
    summary: &'s Summary,
    panel: &'s PanelSummary,
    cell: &'s CellSummary,
    latency: Option<&'s Latency>,
    search: Option<&'s Searched>,
}

/// A column: its name, its unit, what it says, and its text in a row, which is empty where there is no figure.
struct Column {
    name: &'static str,
    unit: &'static str,
    about: &'static str,
    text: fn(&Of<'_>) -> String,
}

const fn column(
    name: &'static str,
    unit: &'static str,
    about: &'static str,
    text: fn(&Of<'_>) -> String,
) -> Column {
    Column {
        name,
        unit,
        about,
        text,
    }
}

/// Columns before those of the targets' parameters.
const WHAT: &[Column] = &[
    column("run_id", "", "the run's directory", |of| {
        of.summary.manifest.run_id.clone()
    }),
    column("panel", "", "cells of one panel took turns", |of| {
        of.panel.entry.panel.to_string()
    }),
    column("cell_id", "", "the cell in every other file", |of| {
        of.cell.entry.cell_id.clone()
    }),
    column("suite", "", "the suite that asked for it", |of| {
        of.panel.entry.suite.clone()
    }),
    column("workload", "", "the workload", |of| {
        of.panel.entry.workload.clone()
    }),
    column("target", "", "as it was given", |of| {
        of.cell.entry.target.clone()
    }),
    column("strategy", "", "the target without parameters", |of| {
        of.cell.entry.strategy.clone()
    }),
];

/// Columns behind them.
const FIGURES: &[Column] = &[
    column("hash", "", "the hash function", |of| {
        of.cell.entry.hash.clone()
    }),
    column("allocator", "", "the allocator", |of| {
        word(of.cell.entry.allocator)
    }),
    column("pages", "", "the pages of large arrays", |of| {
        word(of.cell.entry.pages)
    }),
    column("threads", "threads", "threads that ran operations", |of| {
        of.panel.entry.threads.to_string()
    }),
    column(
        "batch",
        "operations",
        "gets, or plain sets, handed over together",
        |of| of.panel.entry.batch.to_string(),
    ),
    column(
        "connections",
        "connections",
        "to a server, over all threads, if it is one",
        |of| of_server(of, of.panel.entry.connections.max(of.panel.entry.threads)),
    ),
    column(
        "depth",
        "requests",
        "that a connection to a server sends together",
        |of| of_server(of, of.panel.entry.depth),
    ),
    column(
        "between",
        "",
        "what stood between two operations: `chained`, or instructions",
        |of| word(of.panel.entry.between),
    ),
    column(
        "absent_percent",
        "%",
        "lookups of keys that were never stored",
        |of| of.panel.entry.absent.get().to_string(),
    ),
    column("entries", "entries", "the table's entries", |of| {
        of.panel.entry.entries.to_string()
    }),
    column(
        "budget_bytes",
        "bytes",
        "what the table is kept to, if it is",
        |of| some(of.panel.entry.budget),
    ),
    column(
        "pass",
        "",
        "whether the stream ran once, from start to end",
        |of| of.panel.entry.pass.to_string(),
    ),
    column("server", "", "whether operations went to a server", |of| {
        of.cell.entry.server.to_string()
    }),
    column(
        "control",
        "",
        "`null` or `null-server`, which store nothing",
        |of| of.cell.entry.control.to_string(),
    ),
    column("peer", "", "a table or server of another project", |of| {
        of.cell.entry.peer.to_string()
    }),
    column("twin", "", "the second copy of the baseline", |of| {
        of.cell.entry.twin.to_string()
    }),
    column("baseline", "", "the target that ratios refer to", |of| {
        of.panel.entry.baseline.clone()
    }),
    column(
        "verdict",
        "",
        "faster, slower or the same as the baseline, or why there is none",
        |of| json::word(of.cell.verdict).to_owned(),
    ),
    column("error", "", "why the cell failed", |of| {
        of.cell.error.clone().unwrap_or_default()
    }),
    column("trials", "trials", "trials measured", |of| {
        of.cell.trials.to_string()
    }),
    column(
        "ops_per_s",
        "operations/s",
        "all threads together: the median",
        |of| mid(of.cell.rate),
    ),
    column(
        "ops_per_s_low",
        "operations/s",
        "its 95 % interval begins here",
        |of| low(of.cell.rate),
    ),
    column("ops_per_s_high", "operations/s", "and ends here", |of| {
        high(of.cell.rate)
    }),
    column(
        "ns_per_op",
        "ns",
        "time of one thread for an operation",
        |of| mid(of.cell.ns_per_op),
    ),
    column("ns_per_op_low", "ns", "its interval begins here", |of| {
        low(of.cell.ns_per_op)
    }),
    column("ns_per_op_high", "ns", "and ends here", |of| {
        high(of.cell.ns_per_op)
    }),
    column("ratio", "", "its rate over the baseline's", |of| {
        mid(ratio(of))
    }),
    column("ratio_low", "", "its 95 % interval begins here", |of| {
        low(ratio(of))
    }),
    column("ratio_high", "", "and ends here", |of| high(ratio(of))),
    column("pairs", "pairs", "slices behind the ratio", |of| {
        some(of.cell.ratio.map(|ratio| ratio.pairs))
    }),
    column(
        "noise_percent",
        "%",
        "a difference must lie outside of this",
        |of| (100.0 * of.panel.noise_band.exp_m1()).to_string(),
    ),
    column(
        "floor_ns",
        "ns",
        "what the harness alone takes, an operation of one thread",
        |of| some(of.panel.harness.as_ref().map(|floor| floor.floor_ns)),
    ),
    column(
        "hit_percent",
        "%",
        "reads that found their key",
        hit_percent,
    ),
    column("ops", "operations", "operations of a trial", |of| {
        tally(of.cell.ops)
    }),
    column("hits", "operations", "reads that hit, a trial", |of| {
        tally(of.cell.hits)
    }),
    column("misses", "operations", "reads that missed, a trial", |of| {
        tally(of.cell.misses)
    }),
    column(
        "refused",
        "operations",
        "writes that found no room, a trial",
        |of| tally(of.cell.refused),
    ),
    column("evicted", "entries", "evicted, a trial", |of| {
        tally(of.cell.evicted)
    }),
    column(
        "latency_loop",
        "",
        "the loop of the percentiles: open or closed",
        |of| some(of.latency.map(|one| word(one.loop_kind))),
    ),
    column(
        "latency_time",
        "",
        "what they count from: response (when it was due) or service (when it began)",
        |of| some(of.latency.map(|one| word(one.time))),
    ),
    column(
        "offered_per_s",
        "operations/s",
        "operations that were due, in an open loop",
        |of| some(of.latency.and_then(|one| one.offered_per_s)),
    ),
    column(
        "achieved_per_s",
        "operations/s",
        "operations that ended, in that loop",
        |of| some(of.latency.map(|one| one.achieved_per_s.mid)),
    ),
    column("p50_ns", "ns", "half took no longer", |of| {
        at(of, Percentile::P50)
    }),
    column("p90_ns", "ns", "90 % took no longer", |of| {
        at(of, Percentile::P90)
    }),
    column("p99_ns", "ns", "99 % took no longer", |of| {
        at(of, Percentile::P99)
    }),
    column("p999_ns", "ns", "99.9 % took no longer", |of| {
        at(of, Percentile::P999)
    }),
    column("p9999_ns", "ns", "99.99 % took no longer", |of| {
        at(of, Percentile::P9999)
    }),
    column("max_ns", "ns", "the longest", |of| at(of, Percentile::Max)),
    column(
        "longest_op_ns",
        "ns",
        "the longest operation of a pass",
        |of| mid(of.cell.longest_op_ns),
    ),
    column(
        "slo_percentile",
        "",
        "the percentile that a rate was searched for",
        |of| {
            of.search
                .map_or_else(String::new, |row| row.percentile.clone())
        },
    ),
    column("slo_limit_ns", "ns", "what it was to stay within", |of| {
        some(of.search.map(|row| row.limit_ns))
    }),
    column(
        "slo_kept_per_s",
        "operations/s",
        "the highest rate that kept it: the median over births",
        |of| mid(of.search.and_then(|row| row.kept_per_s)),
    ),
    column(
        "bytes_per_entry",
        "bytes",
        "resident memory at rest",
        |of| some(of.cell.bytes_per_entry),
    ),
    column(
        "peak_bytes_per_entry",
        "bytes",
        "the most while it was filled",
        |of| some(of.cell.peak_per_entry),
    ),
    column(
        "emptied_bytes_per_entry",
        "bytes",
        "what it kept after all entries were removed",
        |of| some(of.cell.emptied_per_entry),
    ),
    column(
        "claimed_bytes_per_entry",
        "bytes",
        "by the table's own count",
        |of| some(of.cell.claimed_per_entry),
    ),
    column(
        "counted_bytes_per_entry",
        "bytes",
        "by the allocator's count",
        |of| some(of.cell.counted_per_entry),
    ),
    column("resizes", "resizes", "resizes, a trial", |of| {
        tally(of.cell.resizes)
    }),
    column("mean_walk", "entries", "walked to a present key", |of| {
        some(of.cell.mean_walk)
    }),
    column("longest_chain", "entries", "in one bucket", |of| {
        some(of.cell.longest_chain)
    }),
    column(
        "dependent_loads",
        "loads",
        "loads in memory that a chained operation waits for, one after the other",
        |of| some(of.panel.dependent_loads(of.cell)),
    ),
    column(
        "share_of_lines",
        "",
        "in batches: operations for each line that memory could deliver",
        |of| some(of.panel.share_of_lines(of.cell)),
    ),
    column("cycles", "cycles/operation", "in user space", |of| {
        some(of.cell.counted.cycles)
    }),
    column(
        "instructions",
        "instructions/operation",
        "in user space, the harness included",
        |of| some(of.cell.counted.instructions),
    ),
    column(
        "branch_misses",
        "misses/operation",
        "mispredicted branches",
        |of| some(of.cell.counted.branch_misses),
    ),
    column(
        "llc_misses",
        "misses/operation",
        "misses of the last cache",
        |of| some(of.cell.counted.llc_misses),
    ),
    column(
        "dtlb_misses",
        "misses/operation",
        "misses of the data TLB",
        |of| some(of.cell.counted.dtlb_misses),
    ),
];

/// The cells of a run as CSV: a header, a row for each cell in the order of the run, a column `param_…` for each
/// parameter of its targets. What was not measured is empty. Figures are not rounded.
#[must_use]
pub fn summary_csv(summary: &Summary) -> String {
    let mut names = BTreeSet::new();
    for panel in &summary.panels {
        for cell in &panel.cells {
            names.extend(params(cell).into_iter().map(|(name, _)| name));
        }
    }
    let mut header: Vec<String> = WHAT.iter().map(|one| one.name.to_owned()).collect();
    header.extend(names.iter().map(|name| format!("param_{name}")));
    header.extend(FIGURES.iter().map(|one| one.name.to_owned()));
    let mut rows = vec![header];
    for panel in &summary.panels {
        for cell in &panel.cells {
            let of = Of {
                summary,
                panel,
                cell,
                latency: cell.latency.first(),
                search: summary
                    .searches(panel.entry.panel)
                    .find(|row| row.cell_id == cell.entry.cell_id),
            };
            let given = params(cell);
            let mut row: Vec<String> = WHAT.iter().map(|one| (one.text)(&of)).collect();
            row.extend(names.iter().map(|name| {
                let value = given.iter().find(|(other, _)| other == name);
                value.map_or_else(String::new, |(_, value)| value.clone())
            }));
            row.extend(FIGURES.iter().map(|one| (one.text)(&of)));
            rows.push(row);
        }
    }
    written(&rows)
}

/// The columns of `summary.csv`: name, unit, meaning.
#[must_use]
pub fn summary_columns() -> Vec<[&'static str; 3]> {
    let of = |one: &Column| [one.name, one.unit, one.about];
    let param = ["param_…", "", "a parameter of the target, or its default"];
    let what = WHAT.iter().map(of);
    what.chain([param]).chain(FIGURES.iter().map(of)).collect()
}

fn written(rows: &[Vec<String>]) -> String {
    let mut csv = csv::Writer::from_writer(Vec::new());
    for row in rows {
        csv.write_record(row)
            .expect("all rows have as many columns, and a Vec takes them");
    }
    let bytes = csv.into_inner().expect("a Vec takes them");
    String::from_utf8(bytes).expect("rows of text")
}

/// The parameters of a cell's target; numbers as numbers, not as powers.
fn params(cell: &CellSummary) -> Vec<(String, String)> {
    let params = cell.entry.spec().into_iter().flat_map(|spec| spec.params);
    params
        .map(|(name, value)| match value {
            base::Value::Integer(number) => (name, number.to_string()),
            other => (name, other.to_string()),
        })
        .collect()
}

/// A word of the records.
fn word(of: impl Serialize) -> String {
    match serde_json::to_value(of) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

fn ratio(of: &Of<'_>) -> Option<Interval> {
    of.cell.ratio.map(|ratio| ratio.interval)
}

fn at(of: &Of<'_>, percentile: Percentile) -> String {
    some(of.latency.map(|one| one.at(percentile).mid))
}

fn hit_percent(of: &Of<'_>) -> String {
    let (Some(hits), Some(misses)) = (of.cell.hits, of.cell.misses) else {
        return String::new();
    };
    let (hits, misses) = (hits.count(), misses.count());
    let reads = hits + misses;
    if reads == 0 {
        return String::new();
    }
    (100.0 * hits as f64 / reads as f64).to_string()
}

/// A figure that cells have whose operations go to a server.
fn of_server(of: &Of<'_>, figure: u32) -> String {
    some(of.cell.entry.server.then_some(figure))
}

fn some<T: ToString>(figure: Option<T>) -> String {
    figure.map_or_else(String::new, |figure| figure.to_string())
}

fn low(interval: Option<Interval>) -> String {
    some(interval.map(|one| one.low))
}

fn mid(interval: Option<Interval>) -> String {
    some(interval.map(|one| one.mid))
}

fn high(interval: Option<Interval>) -> String {
    some(interval.map(|one| one.high))
}

fn tally(tally: Option<Tally>) -> String {
    some(tally.map(Tally::count))
}
