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
            "Of one trial, so with no interval and no rank, the response p99.99 is 300 ns for striped (service \
             300 ns); stall (in 1 of 1 trial) falls behind the offered rate under ycsb-c@100k/s with 1 thread in \
             an open loop; that of the floor, null, is 300 ns."
        ]
    );
    let shown = table(&summary, 140, false);
    for words in [
        "open loop, fixed arrivals: response from the intended start",
        "service p99.99",
        "50.0 ms",
        "behind; one trial: no interval, no rank",
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

/// The same run with as many trials, in which the floor does badly in some.
fn repeated(trials: u32, floor_breaks_in: u32) -> Records {
    let mut records = paced();
    let once = std::mem::take(&mut records.latency);
    for trial in 0..trials {
        for row in &once {
            let mut row = LatencyRow {
                trial,
                elapsed_ns: 1_000_000_000,
                ..row.clone()
            };
            if row.cell_id == "p0-null" && trial < floor_breaks_in {
                row.p99_ns = 32_000_000;
            }
            if row.cell_id == "p0-striped" && row.time == TimeKind::Response {
                row.p9999_ns += u64::from(trial);
            }
            records.latency.push(row);
        }
    }
    records
}

#[test]
fn where_the_floor_breaks_too_nobody_falls_behind() {
    let told = |broken: u32| {
        let summary = Summary::of(&repeated(3, broken));
        let texts = findings(&summary).into_iter().map(|f| f.text);
        let told = texts.collect::<Vec<_>>().join("\n");
        let json = json(&summary);
        let stall = &json["panels"][0]["cells"][2]["latency"][0];
        let counts = (stall["behind"].as_u64(), stall["undecided"].as_u64());
        (told, table(&summary, 160, false), counts)
    };
    let (text, shown, counts) = told(0);
    assert!(
        text.contains("stall (in 3 of 3 trials) falls behind"),
        "{text}"
    );
    assert!(
        !text.contains("undecided") && !shown.contains("undecided"),
        "{shown}"
    );
    assert_eq!(counts, (Some(3), Some(0)));
    // One trial says nothing; the others do.
    let (text, shown, counts) = told(1);
    assert!(
        text.contains("stall (in 2 of 2 trials) falls behind"),
        "{text}"
    );
    assert!(
        shown.contains("undecided in 1 of 3, the machine does"),
        "{shown}"
    );
    assert_eq!(counts, (Some(2), Some(1)));
    let (text, shown, counts) = told(3);
    assert!(!text.contains("falls behind"), "{text}");
    assert!(
        text.contains("whether stall keeps up is undecided, the machine does"),
        "{text}"
    );
    assert!(shown.contains("undecided, the machine does"), "{shown}");
    assert_eq!(counts, (Some(0), Some(3)));
}

#[test]
fn several_trials_have_an_interval_and_a_rank_and_one_has_neither() {
    let of = |trials: u32| {
        let summary = Summary::of(&repeated(trials, 0));
        let text = findings(&summary).remove(0).text;
        (text, table(&summary, 160, false))
    };
    let (text, shown) = of(3);
    assert!(text.starts_with("The response p99.99 is 30"), "{text}");
    assert!(
        !shown.contains("no rank") && shown.contains("300 ns [300–302]"),
        "{shown}"
    );
    let (text, shown) = of(1);
    assert!(
        text.starts_with("Of one trial, so with no interval and no rank"),
        "{text}"
    );
    assert!(shown.contains("one trial: no interval, no rank"), "{shown}");
    assert!(!shown.contains("300 ns ["), "{shown}");
}

#[test]
fn rates_found_have_the_least_and_most_of_three_births_and_name_the_machine() {
    let birth =
        |birth: u32, kept: Option<u64>, broken: Option<u64>, undecided: Option<u64>| SloRow {
            cell_id: "p0-striped".into(),
            target: "striped".into(),
            percentile: "p99".into(),
            limit_ns: 50_000,
            kept_per_s: kept,
            kept_ns: kept.map(|_| 40_000),
            kept_floor_ns: kept.map(|_| 2_000),
            broken_per_s: broken,
            broken_ns: broken.map(|_| 90_000),
            undecided_per_s: undecided,
            undecided_floor_ns: undecided.map(|_| 32_000_000),
            probes: 10,
            birth,
            ..SloRow::default()
        };
    let told = |rows: &[SloRow]| {
        let mut records = paced();
        records.slo = rows.to_vec();
        let summary = Summary::of(&records);
        let texts = findings(&summary).into_iter().map(|f| f.text);
        let limit = texts
            .filter(|text| text.contains("stays within"))
            .collect::<String>();
        (
            limit,
            table(&summary, 200, false),
            json(&summary),
            unmet(&summary),
        )
    };
    let found = [
        birth(0, Some(1_000_000), Some(1_050_000), None),
        birth(1, Some(900_000), Some(950_000), None),
        birth(2, Some(1_100_000), Some(1_150_000), None),
    ];
    let (text, shown, json, _) = told(&found);
    assert!(
        text.contains("up to 1M [900k–1.1M]/s for striped (broken at 1.05M)"),
        "{text}"
    );
    assert!(shown.contains("1M [900k–1.1M]"), "{shown}");
    assert!(
        shown.contains("the median [least to most] of 3 births"),
        "{shown}"
    );
    let search = &json["panels"][0]["slo"][0];
    assert_eq!(search["kept_per_s"]["low"], 900_000.0);
    assert_eq!(
        (&search["births"], &search["steps"]),
        (&3.into(), &30.into())
    );
    // Of two births, as of an older program's one, there is no range.
    let (text, shown, json, _) = told(&found[..2]);
    assert!(text.contains("for striped (2 births, no range)"), "{text}");
    assert!(
        shown.contains("2 births, no range") && !shown.contains('['),
        "{shown}"
    );
    assert!(json["panels"][0]["slo"][0]["kept_per_s"]["low"].is_null());
    // The machine bounds two of three.
    let bounded = [
        birth(0, Some(1_000_000), None, Some(1_200_000)),
        birth(1, Some(900_000), None, Some(1_200_000)),
        found[2].clone(),
    ];
    let (text, shown, ..) = told(&bounded);
    let words = "undecided at 1.2M/s in 2 of 3 births, the machine does";
    assert!(
        text.contains(words) && shown.contains(words),
        "{text}\n{shown}"
    );
    // It leaves all undecided.
    let nothing = [0, 1, 2].map(|n| birth(n, None, None, Some(100)));
    let (text, shown, _, unmet) = told(&nothing);
    assert_eq!(text, "");
    assert!(
        shown.contains("undecided at 100/s, the machine does"),
        "{shown}"
    );
    let unmet = unmet.unwrap();
    assert!(
        unmet.contains("striped undecided at 100/s, the machine does"),
        "{unmet}"
    );
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
        ..SloRow::default()
    };
    records.slo = vec![row("stall", None), row("striped", Some(1_000_000))];
    let summary = Summary::of(&records);
    assert_eq!(unmet(&summary), None);
    let texts: Vec<String> = findings(&summary).into_iter().map(|f| f.text).collect();
    let wanted = "The response p99 stays within 200 µs up to 1M/s for striped (1 birth, no range) and \
                  no rate for stall under ycsb-c@100k/s with 1 thread in an open loop.";
    assert!(texts.iter().any(|text| text == wanted), "{texts:?}");
    let shown = table(&summary, 160, false);
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
