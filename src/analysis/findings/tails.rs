//! The tail of latencies: which target is slower there, how much of it are resizes, and what a closed loop hides.

use super::finding::{Finding, Topic, cell_ids, panel_numbers};
use super::places::Place;
use crate::analysis::figures::gather;
use crate::analysis::format::{counted, duration_within, figure, listed};
use crate::analysis::labels::threads;
use crate::analysis::percentiles::{Latency, Percentile};
use crate::analysis::rates::{PAIRS_FOR_A_VERDICT, Ratio};
use crate::analysis::summary::{CellSummary, PanelSummary, Summary};
use crate::analysis::verdict::{Difference, Family};
use crate::record::{LoopKind, TimeKind};
use crate::stats::Interval;

/// The percentile that findings compare: far out, and still of many operations.
const TAIL: Percentile = Percentile::P9999;
/// Targets that a sentence lists.
const LISTED: usize = 4;
/// From this ratio of the ends of an interval on nothing is said of a difference, not even that there is
/// none: a stall that is in one trial of three is no noise.
const DISAGREE_FROM: f64 = 2.0;
/// How many times as long a tail must be in the open loop before a sentence says what the closed hides.
const HIDDEN_FROM: f64 = 10.0;

/// All of them.
pub(crate) fn tails(summary: &Summary) -> Vec<Finding> {
    let panels = || summary.panels.iter();
    let mut findings = against_baselines(summary);
    findings.extend(panels().filter_map(in_resizes));
    findings.extend(panels().filter_map(|panel| hidden(summary, panel)));
    findings
}

/// Of each sweep over rates, the highest at which the baseline and others keep up.
fn against_baselines(summary: &Summary) -> Vec<Finding> {
    let mut sweeps: Vec<(_, Vec<&PanelSummary>)> = Vec::new();
    for panel in &summary.panels {
        let Some(pace) = &panel.entry.pace else {
            continue;
        };
        let key = (
            &panel.entry.suite,
            &pace.sweep,
            panel.entry.threads,
            (panel.entry.batch, panel.entry.asked()),
        );
        gather(&mut sweeps, key, panel);
    }
    let telling = |mut panels: Vec<&PanelSummary>| {
        let offered = |panel: &PanelSummary| panel.entry.pace.as_ref()?.offered_per_s;
        panels.sort_by_key(|panel| std::cmp::Reverse(offered(panel)));
        panels.into_iter().find_map(against_baseline)
    };
    sweeps
        .into_iter()
        .filter_map(|(_, panels)| telling(panels))
        .collect()
}

/// Where latencies of an open loop come from: `ycsb-c at 100000/s with 2 threads in an open loop`.
fn place(panel: &PanelSummary) -> String {
    let entry = &panel.entry;
    let workload = entry
        .pace
        .as_ref()
        .map_or(&entry.workload, |pace| &pace.sweep);
    let rate = entry.pace.as_ref().and_then(|pace| pace.offered_per_s);
    let rate = rate.map_or(String::new(), |rate| format!(" at {rate}/s"));
    format!("{workload}{rate} with {} in an open loop", threads(panel))
}

fn finding<'s>(
    text: String,
    topic: Topic,
    panels: impl IntoIterator<Item = &'s PanelSummary>,
    cells: impl IntoIterator<Item = &'s CellSummary>,
    effect: f64,
) -> Finding {
    Finding {
        text,
        topic,
        panels: panel_numbers(panels),
        cells: cell_ids(cells),
        effect,
    }
}

/// The ranked cells that kept up, with their response times.
fn kept_up(panel: &PanelSummary) -> Vec<(&CellSummary, &Latency)> {
    panel
        .cells
        .iter()
        .filter(|cell| cell.ranked())
        .filter_map(|cell| Some((cell, cell.response()?)))
        .filter(|(_, latency)| !latency.fell_behind() && !latency.is_undecided())
        .collect()
}

/// The tail of each against the baseline's, with a verdict on the trials that were measured together.
fn against_baseline(panel: &PanelSummary) -> Option<Finding> {
    let all = kept_up(panel);
    let is_baseline = |cell: &CellSummary| cell.entry.cell_id == panel.entry.baseline;
    let &(baseline, base) = all.iter().find(|(cell, _)| is_baseline(cell))?;
    let twin = panel.cells.iter().find(|cell| cell.entry.twin);
    let noise = twin
        .and_then(|twin| twin.response()?.ratio_to(base, TAIL, panel.seed))
        .filter(|ratio| ratio.pairs >= PAIRS_FOR_A_VERDICT)
        .map_or(0.0, |ratio| {
            ratio
                .interval
                .low
                .ln()
                .abs()
                .max(ratio.interval.high.ln().abs())
        });
    let mut others: Vec<(&CellSummary, &Latency, Ratio)> = all
        .iter()
        .filter(|(cell, _)| !is_baseline(cell))
        .filter_map(|(cell, latency)| {
            Some((*cell, *latency, latency.ratio_to(base, TAIL, panel.seed)?))
        })
        .collect();
    let size = |latency: &Latency| (latency.at(TAIL).mid / base.at(TAIL).mid).ln().abs();
    others.sort_by(|a, b| size(b.1).total_cmp(&size(a.1)));
    let effect = size(others.first()?.1);
    let left_out = others.len().saturating_sub(LISTED);
    others.truncate(LISTED);
    let clauses: Vec<String> = others
        .iter()
        .map(|(cell, latency, ratio)| {
            let Interval { low, mid, high } = ratio.interval;
            let [low, mid, high] = [low, mid, high].map(figure);
            format!(
                "{} {} ({mid}× [{low}–{high}] by trial, {})",
                panel.label(cell),
                shown(&latency.at(TAIL)),
                verdict(ratio, noise, panel.family)
            )
        })
        .collect();
    let rest = match left_out {
        0 => String::new(),
        more => format!(" ({} nearer to it)", counted(more as u64, "more target")),
    };
    let text = format!(
        "The response p99.99 of {} is {}, that of {}{rest}, under {}.",
        panel.label(baseline),
        shown(&base.at(TAIL)),
        listed(&clauses),
        place(panel)
    );
    let cells = std::iter::once(baseline).chain(others.iter().map(|(cell, ..)| *cell));
    Some(finding(text, Topic::Tail, [panel], cells, effect))
}

fn shown(ns: &Interval) -> String {
    let text = duration_within(ns);
    match text.split_once(" [") {
        Some((time, _)) if ns.high <= ns.low => time.to_owned(),
        _ => text,
    }
}

/// The ratio is of times: what takes longer is slower.
fn verdict(ratio: &Ratio, noise: f64, family: Family) -> String {
    if ratio.pairs < PAIRS_FOR_A_VERDICT {
        return "undecided".to_owned();
    }
    match Difference::of(ratio, noise, family) {
        Difference::Faster => Difference::Slower.words(noise),
        Difference::Slower => Difference::Faster.words(noise),
        Difference::NotToldApart if ratio.interval.high > DISAGREE_FROM * ratio.interval.low => {
            "trials disagree".to_owned()
        }
        even => even.words(noise),
    }
}

/// Which part of the tail overlaps resizes.
fn in_resizes(panel: &PanelSummary) -> Option<Finding> {
    let shares: Vec<(&CellSummary, f64)> = panel
        .cells
        .iter()
        .filter(|cell| cell.ranked())
        .filter_map(|cell| {
            let share = cell.latency.iter().find_map(Latency::tail_in_resizes)?;
            Some((cell, share))
        })
        .filter(|(_, share)| *share > 0.0)
        .collect();
    if shares.is_empty() {
        return None;
    }
    let clauses: Vec<String> = shares
        .iter()
        .map(|(cell, share)| {
            format!(
                "{} % of those of {}",
                figure(100.0 * share),
                panel.label(cell)
            )
        })
        .collect();
    let text = format!(
        "Of the operations above p99.9, {} overlap a resize under {} with {}.",
        listed(&clauses),
        panel.entry.workload,
        threads(panel)
    );
    let cells: Vec<&CellSummary> = shares.iter().map(|(cell, _)| *cell).collect();
    Some(finding(text, Topic::TailInResizes, [panel], cells, 0.0))
}

/// Where a stall shows in the open loop and not in the closed: the strongest of a panel's.
fn hidden(summary: &Summary, panel: &PanelSummary) -> Option<Finding> {
    let pairs = kept_up(panel).into_iter().filter_map(|(cell, open)| {
        let (place, closed) = sampled(summary, panel, cell)?;
        let (slow, fast) = (open.at(TAIL), closed.at(TAIL));
        Some((cell, place, slow, fast))
    });
    let factor = |slow: &Interval, fast: &Interval| slow.mid / fast.mid;
    let (cell, (closed_panel, closed_cell), slow, fast) = pairs
        .filter(|(.., slow, fast)| factor(slow, fast) >= HIDDEN_FROM)
        .max_by(|a, b| factor(&a.2, &a.3).total_cmp(&factor(&b.2, &b.3)))?;
    let text = format!(
        "The response p99.99 of {} is {} under {}, and its service p99.99 in a closed loop is {}: a closed \
         loop hides the delay that a stall causes.",
        panel.label(cell),
        shown(&slow),
        place(panel),
        shown(&fast)
    );
    let effect = factor(&slow, &fast).ln();
    Some(finding(
        text,
        Topic::Hidden,
        [panel, closed_panel],
        [cell, closed_cell],
        effect,
    ))
}

/// The closed-loop latency of the same target under the same workload: of its own panel, or of one
/// without a pace.
fn sampled<'s>(
    summary: &'s Summary,
    panel: &'s PanelSummary,
    cell: &CellSummary,
) -> Option<(Place<'s>, &'s Latency)> {
    let sweep = panel.entry.pace.as_ref().map(|pace| pace.sweep.as_str());
    let alike = summary.panels.iter().filter(|other| {
        let settings = |panel: &PanelSummary| {
            let entry = &panel.entry;
            (entry.threads, entry.batch, entry.entries, entry.asked())
        };
        let same = settings(other) == settings(panel);
        let plain = other.entry.pace.is_none() && Some(other.entry.workload.as_str()) == sweep;
        same && plain
    });
    std::iter::once(panel).chain(alike).find_map(|other| {
        let same = |known: &&CellSummary| {
            (
                &known.entry.target_full,
                &known.entry.hash,
                known.entry.twin,
            ) == (&cell.entry.target_full, &cell.entry.hash, cell.entry.twin)
        };
        let known = other.cells.iter().find(same)?;
        let latency = known.latency_of(LoopKind::Closed, TimeKind::Service)?;
        Some(((other, known), latency))
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::synthetic::{Paced, Synthetic};
    use crate::analysis::{Summary, findings};
    use crate::record::Records;

    fn texts(records: &Records) -> Vec<String> {
        let found = findings(&Summary::of(records));
        found.into_iter().map(|finding| finding.text).collect()
    }

    #[track_caller]
    fn has(texts: &[String], words: &[&str]) {
        let all = |text: &&String| words.iter().all(|word| text.contains(word));
        assert!(
            texts.iter().any(|text| all(&text)),
            "{words:?} in {texts:#?}"
        );
    }

    #[test]
    fn tails_have_intervals_and_verdicts_and_a_stall_is_told_by_its_loop() {
        let stalls = Paced::new("stalls", 400.0, 5e6).stall(50_000_000.0);
        let targets = [
            Paced::new("fixed", 400.0, 5e6),
            Paced::new("slow", 4_000.0, 5e6),
            Paced::new("stalls", 400.0, 5e6).stall(50_000_000.0),
        ];
        let records = Synthetic::new()
            .paced("ycsb-c", 100_000, &targets)
            .sampled(&stalls)
            .records();
        let texts = texts(&records);
        has(
            &texts,
            &[
                "The response p99.99 of fixed is ",
                "under ycsb-c at 100000/s with 1 thread in an open loop.",
                "slow 98.6 µs",
                " (10.0× [10.0–10.0] by trial, slower)",
                "stalls 49.7 ms [0.00949–49.9] (1.00× [1.00–5156] by trial, trials disagree)",
            ],
        );
        has(
            &texts,
            &[
                "The response p99.99 of stalls is 49.7 ms",
                "a closed loop hides",
            ],
        );
    }

    #[test]
    fn who_fell_behind_is_not_compared() {
        let targets = [
            Paced::new("fixed", 400.0, 5e6),
            Paced::new("slow", 4_000.0, 80_000.0),
        ];
        let texts = texts(
            &Synthetic::new()
                .paced("ycsb-c", 100_000, &targets)
                .records(),
        );
        assert!(
            !texts.iter().any(|text| text.contains("by trial")),
            "{texts:#?}"
        );
    }

    #[test]
    fn the_part_of_the_tail_in_resizes_is_told() {
        let targets = [
            Paced::new("fixed", 400.0, 5e6),
            Paced::new("striped", 400.0, 5e6),
        ];
        let mut records = Synthetic::new().paced("fill", 100_000, &targets).records();
        for row in records
            .latency
            .iter_mut()
            .filter(|row| row.cell_id == "p0-striped")
        {
            (row.tail_ops, row.tail_in_resize_ops) = (Some(100), Some(80 + u64::from(row.trial)));
        }
        let wanted =
            "Of the operations above p99.9, 81.0 % of those of striped overlap a resize under fill";
        has(&texts(&records), &[wanted]);
    }
}
