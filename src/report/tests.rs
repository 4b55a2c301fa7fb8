//! Whole reports on made-up runs: what a reader gets, word for word.

use serde_json::Value;

use super::{bullets, json, summary_columns, summary_csv, table};
use crate::analysis::synthetic::{Cell, Synthetic};
use crate::analysis::{Summary, findings};
use crate::record::{Records, Status};

/// Chains of 100 000 entries in so many buckets, all of one length.
const SHORT: &[(u64, u64)] = &[(0, 180_000), (1, 65_000), (2, 17_500)];
const LONG: &[(u64, u64)] = &[(390, 128), (391, 128)];

fn controls_and<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Vec<Cell<'a>> {
    let mut all = vec![
        Cell::null(8.1, 5.0),
        Cell::new("fixed", 433.0),
        Cell::twin("fixed", 433.0),
    ];
    all.extend(cells);
    all
}

/// Like the built-in suite: three workloads at one and two threads, a sweep, a fill.
fn ordinary() -> Records {
    let mut run = Synthetic::new();
    for (workload, slower) in [("ycsb-a", 1.1), ("ycsb-b", 1.05), ("ycsb-c", 1.0)] {
        let pair = |times: f64| {
            [
                Cell::new("resizable", 81.0 * slower * times),
                Cell::new("striped", 82.0 * slower),
            ]
        };
        let one = pair(1.0);
        let swept = [
            Cell::new("fixed:buckets=2^8", 1500.0).chains(LONG),
            Cell::new("fixed:buckets=2^18", 70.0).chains(SHORT),
        ];
        let cells = if workload == "ycsb-c" {
            controls_and(one.into_iter().chain(swept))
        } else {
            controls_and(one)
        };
        run = run.panel(workload, 1, &cells);
        run = run.panel(workload, 2, &controls_and(pair(2.4)));
    }
    let fill = [
        Cell::new("fixed", 600.0),
        Cell::twin("fixed", 600.0),
        Cell::new("resizable", 150.0).resizes(7),
        Cell::new("striped", 120.0).resizes(7),
    ];
    run.pass("fill", 1, 100_000, &fill).records()
}

/// The table and the findings, as a terminal shows them.
fn shown(records: &Records, width: usize) -> String {
    let summary = Summary::of(records);
    let text = format!(
        "{}\n{}",
        table(&summary, width, false),
        bullets(&findings(&summary), width)
    );
    for line in text.lines() {
        assert!(line.chars().count() <= width, "wider than {width}: {line}");
    }
    assert!(!text.contains('\x1b'), "no colour was asked for");
    text
}

#[test]
fn an_ordinary_run() {
    insta::assert_snapshot!(shown(&ordinary(), 110));
}

/// `summary.csv` has what the JSON has, a row for each cell.
#[test]
fn the_summary_has_a_row_for_each_cell() {
    let summary = Summary::of(&ordinary());
    let value = json(&summary);
    let text = summary_csv(&summary);
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let header: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    let known: Vec<&str> = summary_columns().iter().map(|one| one[0]).collect();
    for name in &header {
        let explained = known.contains(&name.as_str()) || name.starts_with("param_");
        assert!(explained, "{name} is not in the list of columns");
    }
    for name in known.iter().filter(|name| **name != "param_…") {
        assert_eq!(header.iter().filter(|one| one == name).count(), 1, "{name}");
    }
    let at = |name: &str| header.iter().position(|one| one == name).unwrap();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let panels = value["panels"].as_array().unwrap();
    let cells: Vec<(&Value, &Value)> = panels
        .iter()
        .flat_map(|panel| {
            panel["cells"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |cell| (panel, cell))
        })
        .collect();
    assert_eq!(rows.len(), cells.len());
    let mut swept = 0;
    for (row, (panel, cell)) in rows.iter().zip(cells) {
        let text = |name: &str| &row[at(name)];
        let number = |name: &str| text(name).parse().ok();
        for name in ["cell_id", "target", "hash", "verdict"] {
            assert_eq!(Some(text(name)), cell[name].as_str(), "{name}");
        }
        for name in ["workload", "between", "baseline"] {
            assert_eq!(Some(text(name)), panel[name].as_str(), "{name}");
        }
        for (name, figure) in [
            ("ops_per_s", &cell["ops_per_s"]["mid"]),
            ("ops_per_s_low", &cell["ops_per_s"]["low"]),
            ("ns_per_op_high", &cell["ns_per_op"]["high"]),
            ("ratio", &cell["ratio"]["mid"]),
            ("bytes_per_entry", &cell["bytes_per_entry"]),
            ("threads", &panel["threads"]),
        ] {
            assert_eq!(number(name), figure.as_f64(), "{name}");
        }
        let given = cell["target"].as_str().unwrap();
        if given == "fixed:buckets=2^18" {
            assert_eq!(text("param_buckets"), "262144");
            swept += 1;
        }
    }
    assert!(swept > 0, "the sweep has no parameter in the summary");
    // What the report tells of a share is a percentage here as well.
    let hits: Vec<&str> = rows.iter().map(|row| &row[at("hit_percent")]).collect();
    assert!(hits.contains(&"100"), "{hits:?}");
}

#[test]
fn a_narrow_terminal() {
    let records = ordinary();
    let text = shown(&records, 60);
    insta::assert_snapshot!(text.lines().take(12).collect::<Vec<_>>().join("\n"));
    for width in (40..=120).step_by(8) {
        let text = shown(&records, width);
        assert!(text.contains("resizable"));
    }
}

#[test]
fn a_reversed_winner() {
    let cells = controls_and([Cell::new("resizable", 900.0), Cell::new("striped", 470.0)]);
    let records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
    insta::assert_snapshot!(shown(&records, 100));
}

#[test]
fn no_difference() {
    let cells = controls_and([
        Cell::new("resizable", 433.0).jitter(0.2),
        Cell::new("striped", 431.0),
    ]);
    let records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
    insta::assert_snapshot!(shown(&records, 100));
}

#[test]
fn an_error_row() {
    let reason = "trial 2: a get of 'user4052466453699787802' returned the value of another key";
    let cells = controls_and([
        Cell::new("resizable", 81.0),
        Cell::new("striped", 80.0).failing(reason),
    ]);
    let records = Synthetic::new()
        .panel("ycsb-c", 1, &cells)
        .status(Status::Errors)
        .records();
    insta::assert_snapshot!(shown(&records, 100));
}

#[test]
fn a_baseline_that_fails_hands_its_part_to_the_next() {
    let cells = [
        Cell::new("fixed", 433.0).failing("the child was killed by signal 9"),
        Cell::twin("fixed", 433.0),
        Cell::new("resizable", 81.0),
        Cell::new("striped", 162.0),
    ];
    let records = Synthetic::new()
        .panel("ycsb-c", 1, &cells)
        .status(Status::Interrupted)
        .records();
    insta::assert_snapshot!(shown(&records, 100));
}

#[test]
fn a_trace() {
    let answers = |cell: Cell<'static>| cell.answers(55_634, 20_484);
    let cells = [
        Cell::null(9.0, 5.0),
        answers(Cell::new("fixed", 160.0)),
        answers(Cell::twin("fixed", 161.0)),
        answers(Cell::new("resizable", 90.0)).resizes(5),
        answers(Cell::new("striped", 91.0)).resizes(5),
    ];
    let records = Synthetic::new().pass("web07", 1, 0, &cells).records();
    let text = shown(&records, 110);
    assert!(text.contains("76118 requests with 55634 hits and 20484 misses"));
    insta::assert_snapshot!(text);
}

#[test]
fn targets_that_answer_differently_are_told_apart() {
    let cells = [
        Cell::new("fixed", 160.0).answers(55_634, 20_484),
        Cell::new("striped", 91.0).answers(55_633, 20_485),
    ];
    let records = Synthetic::new().pass("web07", 1, 0, &cells).records();
    let findings = findings(&Summary::of(&records));
    assert!(findings.iter().any(|finding| finding.text
        == "fixed answered 76118 requests with 55634 hits and 20484 misses; striped answered 76118 \
            requests with 55633 hits and 20485 misses under web07 with 1 thread."));
}

#[test]
fn colour_is_an_addition_only() {
    let summary = Summary::of(&ordinary());
    let painted = table(&summary, 110, true);
    assert!(painted.contains("\x1b["));
    let mut plain = String::new();
    for part in painted.split('\x1b') {
        plain += match part.strip_prefix('[') {
            Some(rest) => rest.split_once('m').expect("a colour ends").1,
            None => part,
        };
    }
    let trimmed = |text: &str| {
        let lines: Vec<String> = text.lines().map(|l| l.trim_end().to_owned()).collect();
        lines.join("\n")
    };
    assert_eq!(trimmed(&plain), trimmed(&table(&summary, 110, false)));
}

#[test]
fn json_has_the_same_figures() {
    let cells = controls_and([
        Cell::new("resizable", 81.0).chains(SHORT),
        Cell::new("striped", 80.0).failing("the child hung"),
    ]);
    let records = Synthetic::new().panel("ycsb-c", 1, &cells).records();
    let summary = Summary::of(&records);
    let value = json(&summary);
    let resizable = &value["panels"][0]["cells"][3];
    assert_eq!(resizable["target"], "resizable");
    assert_eq!(resizable["verdict"], "faster");
    let ratio = summary.panels[0].cells[3].ratio.unwrap();
    assert_eq!(resizable["ratio"]["mid"], ratio.interval.mid);
    assert_eq!(resizable["pairs"], 60);
    assert_eq!(value["panels"][0]["cells"][4]["error"], "the child hung");
    assert!(value["panels"][0]["cells"][4]["ops_per_s"].is_null());
    // The fields and the words; figures are held above and by the tables.
    insta::assert_json_snapshot!(shape(value));
}

/// The value with every fraction replaced by its type.
fn shape(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => Value::from("a fraction"),
        Value::Array(items) => items.into_iter().map(shape).collect(),
        Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, shape(v))).collect(),
        other => other,
    }
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let records = ordinary();
    let (first, second) = (Summary::of(&records), Summary::of(&records.clone()));
    assert_eq!(table(&first, 100, true), table(&second, 100, true));
    assert_eq!(json(&first).to_string(), json(&second).to_string());
}

#[test]
fn a_run_without_rows_has_no_findings() {
    let mut records = ordinary();
    records.trials.clear();
    records.slices.clear();
    let summary = Summary::of(&records);
    assert_eq!(findings(&summary), []);
    assert!(table(&summary, 80, false).contains("not measured"));
}

/// A panel of one thread and one of eight on two cores, in whose slices the thread 7 of a cell did nothing
/// that counts: in all of them, or in the first.
fn crowded(cell: &str, in_all: bool) -> Records {
    let cells = controls_and([Cell::new("striped", 82.0)]);
    let run = Synthetic::new().panel("w", 1, &cells).panel("w", 8, &cells);
    let mut records = run.records();
    let machine = &mut records.manifest.machine;
    machine.insert("cpus_usable".into(), "2".into());
    let mut rows = records.slices.iter_mut();
    let idle = rows
        .by_ref()
        .filter(|row| row.cell_id == format!("p1-{cell}") && row.thread == 7);
    for row in idle.take(if in_all { usize::MAX } else { 1 }) {
        (row.discarded_ns, row.discarded_ops) = (row.elapsed_ns, row.ops);
    }
    records
}

#[test]
fn threads_on_fewer_cores_are_called_crowded_and_have_their_shares() {
    let text = shown(&crowded("striped", false), 100);
    assert!(
        text.contains("w: the workload w · 8 threads on 2 cores (crowded) · batch 1"),
        "{text}"
    );
    assert!(text.contains("12.5–12.5\u{a0}%"), "{text}");
    let lost = "\nstriped: 1 of 60 slices have no rate, a thread did nothing in them that counts\n";
    assert!(text.contains(lost), "{text}");
    assert!(
        !shown(&crowded("striped", false), 60).contains("thread shares"),
        "it gives way first"
    );
    let json = json(&Summary::of(&crowded("striped", false)));
    assert_eq!(json["panels"][0]["crowded_on_cores"], Value::Null);
    assert_eq!(json["panels"][1]["crowded_on_cores"], 2);
    let striped = &json["panels"][1]["cells"][3];
    assert_eq!(
        (&striped["slices_without_rate"], &striped["not_measured"]),
        (&1.into(), &Value::Null)
    );
}

#[test]
fn what_is_not_measured_says_why() {
    let why = "not measured: in each slice a thread was kept from running";
    let of = |cell| shown(&crowded(cell, true), 150);
    assert!(of("striped").contains(why), "{}", of("striped"));
    assert!(
        of("null").contains(&format!("\nharness floor: {why}")),
        "{}",
        of("null")
    );
    let noise = why.replace("measured:", "measured here:");
    let text = of("fixed-twin");
    assert!(text.contains(&format!("\nA/A noise: {noise}; ±")), "{text}");
    let json = json(&Summary::of(&crowded("striped", true)));
    assert_eq!(
        json["panels"][1]["cells"][3]["not_measured"],
        why["not measured: ".len()..]
    );
}
