//! How long operations take when they begin at times of their own, and which rates keep a limit.

use super::{Finding, Topic, cell_ids, gather, panel_numbers, places};
use crate::record::{LoopKind, TimeKind};
use crate::report::format::{duration, listed};
use crate::report::latency::{behind_in_words, rate, time};
use crate::report::percentiles::{Latency, Percentile};
use crate::report::summary::{CellSummary, PanelSummary, Summary};

/// A sentence for each panel in an open loop, or for the highest rate of a sweep that a target keeps up
/// with: who responds within what, what of it is service, and who falls behind.
pub(super) fn latencies(summary: &Summary) -> Vec<Finding> {
    let mut sweeps: Vec<((&str, u32, &str), Vec<&PanelSummary>)> = Vec::new();
    for panel in summary.panels.iter().filter(|panel| panel.is_open_loop()) {
        let entry = &panel.entry;
        let sweep = entry.pace.as_ref().map_or("", |pace| pace.sweep.as_str());
        gather(&mut sweeps, (sweep, entry.threads, &entry.suite), panel);
    }
    let telling = |panels: Vec<&PanelSummary>| {
        let kept = |panel: &&&PanelSummary| {
            panel
                .cells
                .iter()
                .any(|cell| response(cell).is_some_and(|response| !response.fell_behind()))
        };
        let rate = |panel: &&&PanelSummary| panel.entry.pace.as_ref().and_then(|p| p.offered_per_s);
        let highest = panels.iter().filter(kept).max_by_key(rate);
        let panel = highest.or_else(|| panels.iter().min_by_key(rate))?;
        of_panel(summary, panel)
    };
    sweeps
        .into_iter()
        .filter_map(|(_, panels)| telling(panels))
        .collect()
}

/// The response times of a ranked cell in an open loop.
fn response(cell: &CellSummary) -> Option<&Latency> {
    cell.response().filter(|_| cell.ranked())
}

fn p9999_ns(latency: &Latency) -> f64 {
    latency.at(Percentile::P9999).mid
}

fn of_panel(summary: &Summary, panel: &PanelSummary) -> Option<Finding> {
    let mut with: Vec<(&CellSummary, &Latency)> = panel
        .cells
        .iter()
        .filter_map(|cell| Some((cell, response(cell)?)))
        .collect();
    with.sort_by(|(_, a), (_, b)| {
        let ns = p9999_ns(a).total_cmp(&p9999_ns(b));
        a.fell_behind().cmp(&b.fell_behind()).then(ns)
    });
    let (kept, behind): (Vec<_>, Vec<_>) =
        with.iter().partition(|(_, latency)| !latency.fell_behind());
    let clause = |(cell, latency): &&(&CellSummary, &Latency)| {
        let service = cell.latency_of(LoopKind::Open, TimeKind::Service);
        let service = service.map_or_else(String::new, |service| {
            format!(" (service {})", duration(p9999_ns(service)))
        });
        format!(
            "{} {}{service}",
            panel.label(cell),
            duration(p9999_ns(latency))
        )
    };
    let mut parts = Vec::new();
    // Of many, the ends say most.
    let ends: Vec<&&(&CellSummary, &Latency)> = match kept.as_slice() {
        [first, .., last] if kept.len() > 4 => vec![first, last],
        all => all.iter().collect(),
    };
    if !ends.is_empty() {
        let clauses: Vec<String> = ends.iter().map(|end| clause(end)).collect();
        parts.push(format!("p99.99 of responses is {}", listed(&clauses)));
    }
    if !behind.is_empty() {
        let names: Vec<String> = behind
            .iter()
            .map(|(cell, latency)| {
                format!("{} (in {})", panel.label(cell), behind_in_words(latency))
            })
            .collect();
        let verb = if behind.len() == 1 { "falls" } else { "fall" };
        parts.push(format!("{} {verb} behind the offered rate", listed(&names)));
    }
    let (best, worst) = (with.first()?, with.last()?);
    let ratio = p9999_ns(worst.1) / p9999_ns(best.1);
    Some(Finding {
        text: format!(
            "{}, open loop: {}.",
            places(summary, &[panel]),
            parts.join("; ")
        ),
        topic: Topic::Latency,
        panels: panel_numbers([panel]),
        cells: cell_ids(with.iter().map(|(cell, _)| *cell)),
        effect: ratio.ln().abs(),
    })
}

/// A sentence for each panel in which a rate was searched for.
pub(super) fn limits(summary: &Summary) -> Vec<Finding> {
    let of_panel = |panel: &PanelSummary| {
        let mut rows: Vec<_> = summary.searches(panel.entry.panel).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.kept_per_s));
        let first = rows.first()?;
        let clauses = rows
            .iter()
            .map(|row| match (row.kept_per_s, row.broken_per_s) {
                (None, _) => format!("{} at no rate", panel.searched_label(row)),
                (Some(kept), Some(broken)) => {
                    format!(
                        "{} {}/s (broken at {})",
                        panel.searched_label(row),
                        rate(kept),
                        rate(broken)
                    )
                }
                (Some(kept), None) => {
                    format!(
                        "{} {}/s, the most that the clock paces",
                        panel.searched_label(row),
                        rate(kept)
                    )
                }
            });
        let clauses: Vec<String> = clauses.collect();
        let rates: Vec<u64> = rows.iter().filter_map(|row| row.kept_per_s).collect();
        let (most, least) = (rates.first()?, rates.last()?);
        Some(Finding {
            text: format!(
                "{}, open loop: {} of responses stays within {} up to: {}.",
                places(summary, &[panel]),
                first.percentile,
                time(first.limit_ns),
                listed(&clauses)
            ),
            topic: Topic::Limit,
            panels: panel_numbers([panel]),
            cells: cell_ids(panel.cells.iter().filter(|cell| cell.ranked())),
            effect: (*most as f64 / *least as f64).ln(),
        })
    };
    summary.panels.iter().filter_map(of_panel).collect()
}

#[cfg(test)]
mod tests {
    use crate::record::{
        LatencyHistogram, LatencyRow, LoopKind, PaceEntry, Records, SloRow, TimeKind,
        empty_histogram,
    };
    use crate::report::latency::rate;
    use crate::report::synthetic::{Cell, Synthetic};
    use crate::report::{Summary, findings, json, table, unmet};

    /// A run of two targets at a rate: of the second, one operation in a thousand waits for a stall.
    fn paced() -> Records {
        let cells = [
            Cell::null(8.0, 5.0),
            Cell::new("striped", 100.0),
            Cell::new("stall", 100.0),
        ];
        let mut records = Synthetic::new().panel("ycsb-c@100k/s", 1, &cells).records();
        records.slices.clear();
        records.manifest.panels[0].pace = Some(PaceEntry {
            offered_per_s: Some(100_000),
            arrival: "fixed".into(),
            speed: None,
            sweep: "ycsb-c".into(),
        });
        for (id, stalls) in [
            ("p0-null", false),
            ("p0-striped", false),
            ("p0-stall", true),
        ] {
            for time in [TimeKind::Response, TimeKind::Service] {
                let mut histogram = empty_histogram();
                histogram.record_n(300, 100_000).unwrap();
                if stalls && time == TimeKind::Response {
                    histogram.record_n(50_000_000, 100).unwrap();
                }
                records.latency.push(LatencyRow {
                    offered_per_s: Some(100_000),
                    achieved_per_s: if stalls { 90_000 } else { 100_000 },
                    behind: stalls,
                    ..LatencyRow::of(id, LoopKind::Open, time, &histogram)
                });
                records.histograms.push(LatencyHistogram {
                    cell_id: id.into(),
                    loop_kind: LoopKind::Open,
                    time,
                    histogram,
                });
            }
        }
        records
    }

    #[test]
    fn a_run_in_an_open_loop_says_which_loop_and_who_fell_behind() {
        let summary = Summary::of(&paced());
        let texts: Vec<String> = findings(&summary).into_iter().map(|f| f.text).collect();
        assert_eq!(
            texts,
            [
                "ycsb-c@100k/s, 1 thread, open loop: p99.99 of responses is striped 300 ns (service \
                 300 ns); stall (in 1 of 1 trial) falls behind the offered rate."
            ]
        );
        let shown = table(&summary, 140, false);
        for words in [
            "open loop, fixed arrivals: response from the intended start",
            "service p99.99",
            "50.0 ms",
            "behind",
            "floor, harness and machine: null p50 300 ns",
        ] {
            assert!(shown.contains(words), "{words} is not in\n{shown}");
        }
        assert!(!shown.contains("M ops/s"), "{shown}");
        for width in [60, 100] {
            let shown = table(&summary, width, false);
            assert!(
                shown.lines().all(|line| line.chars().count() <= width),
                "{shown}"
            );
        }
        let json = json(&summary);
        let cell = &json["panels"][0]["cells"][1];
        assert_eq!(cell["verdict"], "open-loop");
        assert_eq!(cell["latency"][0]["p9999_ns"], 300);
        assert_eq!(json["panels"][0]["pace"]["offered_per_s"], 100_000);
    }

    #[test]
    fn a_failed_trial_has_no_latencies() {
        let mut records = paced();
        records.trials[3].error = "it hung".into();
        let failed = records.trials[3].cell_id.clone();
        let summary = Summary::of(&records);
        for cell in summary.panels.iter().flat_map(|panel| &panel.cells) {
            assert_eq!(cell.latency.is_empty(), cell.entry.cell_id == failed);
        }
    }

    #[test]
    fn limits_are_told_with_what_breaks_them() {
        let mut records = paced();
        let row = |target: &str, kept_per_s| SloRow {
            panel: 0,
            cell_id: format!("p0-{target}"),
            target: target.into(),
            percentile: "p99".into(),
            limit_ns: 200_000,
            kept_per_s,
            kept_ns: kept_per_s.map(|_| 150_000),
            broken_per_s: Some(1_050_000),
            broken_ns: Some(800_000),
            probes: 17,
        };
        records.slo = vec![row("stall", None), row("striped", Some(1_000_000))];
        let summary = Summary::of(&records);
        assert_eq!(unmet(&summary), None);
        let texts: Vec<String> = findings(&summary).into_iter().map(|f| f.text).collect();
        let wanted = "ycsb-c@100k/s, 1 thread, open loop: p99 of responses stays within 200 µs up to: \
                      striped 1M/s (broken at 1.05M) and stall at no rate.";
        assert!(texts.iter().any(|text| text == wanted), "{texts:?}");
        let shown = table(&summary, 120, false);
        assert!(
            shown.contains("highest rate/s with p99 ≤ 200 µs"),
            "{shown}"
        );
        assert!(shown.contains("no rate keeps it"), "{shown}");
        records.slo.truncate(1);
        let why = unmet(&Summary::of(&records)).unwrap();
        assert!(why.starts_with("no rate keeps p99 within 200 µs"), "{why}");
        assert!(why.contains("stall 800 µs at 1.05M/s"), "{why}");
        let shown = [100_000, 1_050_000, 157_700, 12_684_399].map(rate);
        assert_eq!(shown, ["100k", "1.05M", "158k", "12.7M"]);
    }
}
