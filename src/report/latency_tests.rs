//! Open loops and searches for a rate: sentences, table and JSON.

use super::{json, table};
use crate::analysis::latency::rate;
use crate::analysis::synthetic::{Cell, Synthetic};
use crate::analysis::{Summary, findings, unmet};
use crate::record::{
    LatencyHistogram, LatencyRow, LoopKind, PaceEntry, Records, SloRow, TimeKind, empty_histogram,
};

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
            "The response p99.99 is 300 ns for striped (service 300 ns); stall (in 1 of 1 trial) falls \
             behind the offered rate under ycsb-c@100k/s with 1 thread in an open loop."
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
    let wanted = "The response p99 stays within 200 µs up to 1M/s for striped (broken at 1.05M) and no \
                  rate for stall under ycsb-c@100k/s with 1 thread in an open loop.";
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
