//! A run's figures for programs.

use serde_json::{Value, json};

use super::comparison::family;
use super::disturbance::Disturbance;
use super::findings::findings;
use super::latency;
use super::rates::Ratio;
use super::summary::{
    CellSummary, CountedPerOp, PanelSummary, ScalingLaw, Summary, Tally, Verdict,
};
use crate::analysis::answer;
use crate::stats::Interval;

/// The figures and findings of a run as one JSON object, keys in alphabetical order. What was
/// not measured is `null`.
///
/// | field | meaning |
/// |---|---|
/// | `schema_version`, `run_id`, `name`, `started`, `status` | as in `run.toml` |
/// | `dropped_lines` | rows that were cut short and left out |
/// | `disturbance` | `slices` judged, `disturbed` of them, attempts `repeated`; `foreign`, `steal`: parts of our cores' time; `shared`: slices `probed`, `shared` with another hardware thread, `left_out` of the figures |
/// | `huge_pages` | of tables that asked for huge pages: `births` judged, those `short` of them, and the `least` part of a birth's memory that lies in them; `null` where none did |
/// | `verification` | as in `run.toml`: `skipped`, `targets[]` with their `stages[]`; `null` where it was not recorded |
/// | `guarantees[]` | as in `run.toml`: what each `strategy` promises, in words; `†` marks the author's word |
/// | `answer` | which table to take, in a sentence; `null` where there is none to choose |
/// | `findings[]` | `text`; `topic`; the `panels` and `cells` that it rests on; `effect`, the natural logarithm of its largest ratio |
/// | `panels[]` | `panel`, `suite`, `workload`, `about`, `threads`, `batch`, `connections` (0 for one a thread), `depth`, `between`, `absent_percent`, `entries`, `pass`, `points`, `baseline` as in `run.toml` |
/// | `panels[].noise_floor`, `.noise_band` | A/A noise measured in the panel, inside which is what is the same, and what a difference must lie outside of (the same where there are enough births): as a part of 1 |
/// | `verdicts` | how many are given `together`; `error_rate`: the chance, at most, that one or more of them calls a difference that is none; `confidence` that each is held to |
/// | `panels[].harness` | the control: `target`, `floor_ns`, `hash_ns`, `over_hash_ns` of one thread an operation |
/// | `panels[].memory` | as in `run.toml`: `bytes` tried, `dependent_load_ps`, `lines_per_s` of all threads |
/// | `panels[].cells[]` | `cell_id`, `strategy`, `target`, `target_full`, `hash`, `allocator`, `pages`, `control`, `server`, `twin`; `verdict`, `error`, `trials` |
/// | `….ops_per_s`, `….ns_per_op` | intervals `{low, mid, high}`: operations of all threads a second; nanoseconds of one thread an operation |
/// | `panels[].crowded_on_cores` | the cores that its threads take turns on, where they outnumber them |
/// | `….not_measured`, `….slices_without_rate` | why there is no rate; slices or passes without one, because a thread did nothing in them that counts |
/// | `….thread_share` | what the `slowest` and the `fastest` thread did of all operations, medians over slices; of a pass, of the sum of the threads' rates |
/// | `….dependent_loads`, `….share_of_lines` | dependent loads that a chained operation waits for; in batches, operations for each line that memory could deliver |
/// | `….mad_ops_per_s`, `….outliers` | median absolute deviation of the rates of slices or passes; how many of them lie beyond 3.5 of it, scaled |
/// | `….ratio`, `….pairs` | rate over the baseline's, an interval, and the pairs behind it |
/// | `….held_by` | the interval that the verdict is held by, wider than that of `ratio` |
/// | `….ops`, `….hits`, `….misses`, `….refused`, `….resizes` | a trial: `count`, and whether it is `exact` in each |
/// | `….bytes_per_entry`, `….peak_per_entry`, `….emptied_per_entry` | bytes resident: at rest, at most while filled, after all entries were removed |
/// | `….claimed_per_entry`, `….counted_per_entry` | bytes: by the census, by the allocator |
/// | `panels[].pace` | as in `run.toml` |
/// | `panels[].slo[]` | a target's search: `cell_id`, `target`, `percentile`, `limit_ns`; `births`, those that `kept` a rate and those that the machine leaves `undecided`; `kept_per_s`, the median over births as `mid`, the least and the most of them as `low` and `high`, which are `null` below three births; medians over births of `kept_ns`, `kept_floor_ns`, `broken_per_s`, `broken_ns`, `undecided_per_s`, `undecided_floor_ns`; `steps` |
/// | `….counted_per_op` | `cycles`, `instructions`, `branch_misses`, `llc_misses`, `dtlb_misses` in user space, the harness included |
/// | `….latency[]` | `loop` (`open`, `closed`), `time` (`response`, `service`), `offered_per_s`, `achieved_per_s`, `trials`, those that fell `behind` and those that the machine leaves `undecided`; percentiles in nanoseconds over all trials; `tail_share_in_resizes`, of the operations above p99.9 of a clocked pass |
/// | `laws[]` | a target's Universal Scalability Law: `target`, `panels`, `threads`, `lambda` (operations a second of one thread), `sigma` (contention) and `kappa` (coherency), intervals |
/// | `….mean_walk`, `….longest_chain` | entries, by the census |
#[must_use]
pub fn json(summary: &Summary) -> Value {
    let manifest = &summary.manifest;
    let findings: Vec<Value> = findings(summary)
        .into_iter()
        .map(|finding| {
            json!({
                "text": finding.text,
                "topic": finding.topic.word(),
                "panels": finding.panels,
                "cells": finding.cells,
                "effect": finding.effect,
            })
        })
        .collect();
    json!({
        "schema_version": manifest.schema_version,
        "run_id": manifest.run_id,
        "name": manifest.name,
        "started": manifest.started,
        "status": manifest.status,
        "dropped_lines": summary.dropped_lines,
        "disturbance": summary.disturbance.map(disturbance),
        "huge_pages": summary.huge_pages.map(|seen| {
            json!({ "births": seen.births, "short": seen.short, "least": seen.least })
        }),
        "verification": manifest.verification,
        "guarantees": manifest.guarantees,
        "answer": answer(summary),
        "findings": findings,
        "verdicts": family(summary.family),
        "laws": summary.laws.iter().map(law).collect::<Vec<_>>(),
        "panels": summary.panels.iter().map(|one| panel(summary, one)).collect::<Vec<_>>(),
    })
}

fn law(law: &ScalingLaw) -> Value {
    json!({
        "target": law.label,
        "panels": law.panels,
        "cells": law.cells,
        "threads": law.threads,
        "lambda": law.fit.lambda,
        "sigma": interval(Some(law.sigma)),
        "kappa": interval(Some(law.kappa)),
    })
}

fn disturbance(seen: Disturbance) -> Value {
    json!({
        "slices": seen.slices,
        "disturbed": seen.disturbed,
        "repeated": seen.repeated,
        "foreign": seen.foreign,
        "steal": seen.steal,
        "shared": seen.shared.map(|of| {
            json!({ "probed": of.probed, "shared": of.shared, "left_out": of.left_out })
        }),
    })
}

fn panel(summary: &Summary, panel: &PanelSummary) -> Value {
    let entry = &panel.entry;
    let harness = panel.harness.as_ref().map(|floor| {
        json!({
            "target": floor.target,
            "floor_ns": floor.floor_ns,
            "hash_ns": floor.hash_ns,
            "over_hash_ns": floor.over_hash_ns,
        })
    });
    json!({
        "panel": entry.panel,
        "suite": entry.suite,
        "workload": entry.workload,
        "about": entry.about,
        "threads": entry.threads,
        "crowded_on_cores": panel.crowded_on(),
        "batch": entry.batch,
        "connections": entry.connections,
        "depth": entry.depth,
        "between": entry.between,
        "absent_percent": entry.absent.get(),
        "entries": entry.entries,
        "pass": entry.pass,
        "points": entry.points,
        "baseline": entry.baseline,
        "noise_floor": panel.noise_floor.map(f64::exp_m1),
        "noise_band": panel.noise_band.exp_m1(),
        "harness": harness,
        "memory": entry.memory,
        "pace": panel.entry.pace,
        "slo": summary.searches(entry.panel).map(latency::json_of_search).collect::<Vec<_>>(),
        "cells": panel.cells.iter().map(|one| cell(panel, one)).collect::<Vec<_>>(),
    })
}

fn cell(panel: &PanelSummary, cell: &CellSummary) -> Value {
    let entry = &cell.entry;
    json!({
        "cell_id": entry.cell_id,
        "strategy": entry.strategy,
        "target": entry.target,
        "target_full": entry.target_full,
        "hash": entry.hash,
        "allocator": entry.allocator,
        "pages": entry.pages,
        "control": entry.control,
        "server": entry.server,
        "twin": entry.twin,
        "verdict": word(cell.verdict),
        "error": cell.error,
        "trials": cell.trials,
        "ops_per_s": interval(cell.rate),
        "mad_ops_per_s": cell.spread.map(|spread| spread.mad),
        "outliers": cell.spread.map(|spread| json!({ "count": spread.outliers, "of": spread.of })),
        "not_measured": (cell.verdict == Verdict::NotMeasured).then(|| cell.why_no_rate()),
        "slices_without_rate": cell.idle,
        "thread_share": cell.share.map(|share| json!({ "slowest": share.slowest, "fastest": share.fastest })),
        "ns_per_op": interval(cell.ns_per_op),
        "dependent_loads": panel.dependent_loads(cell),
        "share_of_lines": panel.share_of_lines(cell),
        "ratio": interval(cell.ratio.map(|Ratio { interval, .. }| interval)),
        "pairs": cell.ratio.map(|ratio| ratio.pairs),
        "held_by": interval(held_by(panel, cell)),
        "ops": tally(cell.ops),
        "hits": tally(cell.hits),
        "misses": tally(cell.misses),
        "refused": tally(cell.refused),
        "longest_op_ns": interval(cell.longest_op_ns),
        "evicted": tally(cell.evicted),
        "resizes": tally(cell.resizes),
        "bytes_per_entry": cell.bytes_per_entry,
        "peak_per_entry": cell.peak_per_entry,
        "emptied_per_entry": cell.emptied_per_entry,
        "claimed_per_entry": cell.claimed_per_entry,
        "counted_per_entry": cell.counted_per_entry,
        "counted_per_op": counted(&cell.counted),
        "mean_walk": cell.mean_walk,
        "longest_chain": cell.longest_chain,
        "latency": latency::json_of(cell),
    })
}

/// `None` where there is no verdict.
fn held_by(panel: &PanelSummary, cell: &CellSummary) -> Option<Interval> {
    let ratio = cell
        .ratio
        .filter(|_| matches!(cell.verdict, Verdict::Is(_)))?;
    Some(panel.family.held(&ratio.interval, ratio.units))
}

pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Baseline => "baseline",
        Verdict::Is(difference) => difference.key(),
        Verdict::Undecided => "undecided",
        Verdict::Control => "control",
        Verdict::Error => "error",
        Verdict::OpenLoop => "open-loop",
        Verdict::NotMeasured => "not-measured",
    }
}

fn interval(interval: Option<Interval>) -> Value {
    interval.map_or(
        Value::Null,
        |Interval { low, mid, high }| json!({ "low": low, "mid": mid, "high": high }),
    )
}

fn counted(counted: &CountedPerOp) -> Value {
    json!({
        "cycles": counted.cycles,
        "instructions": counted.instructions,
        "branch_misses": counted.branch_misses,
        "llc_misses": counted.llc_misses,
        "dtlb_misses": counted.dtlb_misses,
    })
}

fn tally(tally: Option<Tally>) -> Value {
    tally.map_or(
        Value::Null,
        |tally| json!({ "count": tally.count(), "exact": matches!(tally, Tally::Each(_)) }),
    )
}
