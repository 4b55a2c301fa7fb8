//! Whole pages on made-up runs.

use super::{Run, comparison, html, markdown};
use crate::analysis::synthetic::{Cell, Paced, Synthetic};
use crate::machine::doctor::{Diagnosis, Severity};
use crate::record::{ProgramEntry, Records, SloRow, Status};
use crate::report::charts::{Chart, charts};
use crate::report::summary::Summary;

/// A run with controls, a failure, misses, and a suite that says what it is about.
fn ordinary() -> Records {
    let cells = [
        Cell::null(8.0, 5.0),
        Cell::new("fixed", 433.0),
        Cell::twin("fixed", 433.0),
        Cell::new("resizable", 81.0),
        Cell::new("striped:stripes=2^4", 80.0).failing("the child hung"),
    ];
    let mut records = Synthetic::new()
        .panel("ycsb-c", 1, &cells)
        .panel("ycsb-c", 2, &cells[..4])
        .pass("fill", 1, 0, &[Cell::new("fixed", 600.0).answers(700, 300)])
        .status(Status::Errors)
        .records();
    let suite = "name = \"quick\"\nabout = \"One thing.\"\n\
                 analysis = \"\"\"\nHow `fixed` does.\n\nAnd the rest.\n\"\"\"\n";
    let manifest = &mut records.manifest;
    manifest.suites = vec![suite.parse().expect("TOML")];
    manifest.argv = [
        "target/release/bucketlab",
        "run",
        "-t",
        "fixed:buckets=[1,2]",
    ]
    .map(str::to_owned)
    .to_vec();
    manifest.revision = "abc1234".into();
    manifest.not_measured =
        vec!["latency: the slices of this panel measure throughput only".into()];
    for (name, value) in [
        ("cpu_model", "A CPU"),
        ("memory_total_bytes", "25253867520"),
    ] {
        manifest.machine.insert(name.into(), value.into());
    }
    records.trials[0].memory_reason = "a control holds no entries".into();
    records
}

fn page(records: &Records) -> String {
    let summary = Summary::of(records);
    html(&summary, records, &charts(&summary, records))
}

fn document(records: &Records) -> String {
    let summary = Summary::of(records);
    markdown(&summary, records, &charts(&summary, records))
}

fn compared(a: &Records, b: &Records) -> String {
    let (of_a, of_b) = (Summary::of(a), Summary::of(b));
    let run = |summary, records| Run {
        summary,
        records,
        charts: &[],
    };
    comparison((run(&of_a, a), "report.html"), (run(&of_b, b), ""))
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "'{word}' is not in:\n{text}");
    }
}

/// Every figure in words, in order: the document without the charts that it only links.
#[test]
fn the_markdown_word_for_word() {
    let records = ordinary();
    let summary = Summary::of(&records);
    let chart = Chart {
        file: "throughput".into(),
        suite: "quick".into(),
        kind: "Operations a second",
        panels: vec![0, 1],
        title: "Which table does most?".into(),
        about: "Whiskers are intervals.".into(),
        svg: "<svg></svg>".into(),
        narrow: String::new(),
    };
    insta::assert_snapshot!(markdown(&summary, &records, &[chart]));
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let records = ordinary();
    assert_eq!(page(&records), page(&records.clone()));
    assert_eq!(document(&records), document(&records.clone()));
    assert_eq!(
        compared(&records, &ordinary()),
        compared(&records.clone(), &records)
    );
}

#[test]
fn a_page_has_its_parts_in_order() {
    let text = page(&ordinary());
    let mut rest = text.as_str();
    for part in [
        "<h1>bucketlab: quick</h1>",
        "suite quick",
        "23.5 GiB memory",
        "failed cells 1 of 10",
        "noise floor ±",
        "<h2>Findings</h2>",
        "the child hung",
        "href=\"#chart-",
        "<h2>Suite quick</h2>",
        "How <code>fixed</code> does.",
        "<p>And the rest.</p>",
        "<figure",
        "<svg",
        "<h3>Every cell</h3>",
        "aria-sort=\"none\"",
        "failed: the child hung",
        "harness floor",
        "A&#x2f;A control",
        "<h2>How it was measured</h2>",
        "clock costs 20.0 ns",
        "latency: the slices of this panel measure throughput only",
        "memory in 1 trial: a control holds no entries",
        "<h2>Reproduce</h2>",
        "git checkout abc1234",
        "target&#x2f;release&#x2f;bucketlab run -t &#x27;fixed:buckets=[1,2]&#x27; --seed 42",
        "<a href=\"trials.csv\">",
        "<a href=\"timeline.csv\">",
        "<h2>Machine</h2>",
        "A CPU",
    ] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => panic!("'{part}' is not there or out of order in:\n{text}"),
        }
    }
    // What was not measured has no badge.
    assert!(!text.contains("disturbed") && !text.contains(">verified<"));
}

#[test]
fn a_program_of_another_crate_is_what_a_run_is_reproduced_with() {
    let mut records = ordinary();
    records.manifest.argv[0] = "/home/me/mine/target/release/mine".into();
    records.manifest.program = Some(ProgramEntry {
        name: "my-table".into(),
        version: "0.3.1".into(),
        revision: "fedcba9".into(),
    });
    has(
        &page(&records),
        &[
            "git checkout fedcba9",
            "cargo build --release --locked",
            "target&#x2f;release&#x2f;mine run",
            "my-table 0.3.1, seed 42",
            "built with bucketlab",
            "of abc1234",
        ],
    );
}

#[test]
fn findings_lead_to_charts_that_are_there() {
    let text = page(&ordinary());
    let targets: Vec<&str> = text
        .split("href=\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(targets.len() > 1, "findings link");
    for target in targets {
        assert!(text.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let records = ordinary();
    for text in [page(&records), compared(&records, &records)] {
        for word in [
            "http:",
            "https:",
            "src=",
            "@import",
            "url(",
            "<link rel=\"stylesheet",
        ] {
            let found = text.matches(word).count();
            let namespaces = text.matches("=\"http://www.w3.org/").count();
            let expected = if word == "http:" { namespaces } else { 0 };
            assert_eq!(found, expected, "{word}");
        }
        has(&text, &["default-src 'none'"]);
    }
}

/// A run whose every text is an attack on the page.
fn hostile() -> Records {
    let mut records = ordinary();
    let evil = |text: &mut String| {
        *text = format!("</style></script><script>alert(1)</script>\"'&|`*\u{0}{text}");
    };
    let manifest = &mut records.manifest;
    for text in [
        &mut manifest.run_id,
        &mut manifest.name,
        &mut manifest.started,
        &mut manifest.version,
        &mut manifest.revision,
        &mut manifest.binary_hash,
    ] {
        evil(text);
    }
    manifest.argv.iter_mut().for_each(evil);
    manifest.not_measured.iter_mut().for_each(evil);
    manifest.machine.values_mut().for_each(evil);
    let (name, value) = ("<script>x</script>".to_owned(), "\"><script>".to_owned());
    manifest.machine.insert(name, value);
    let suite = &mut manifest.suites[0];
    for field in ["name", "about", "analysis"] {
        let text = "<script>alert(2)</script>";
        suite.insert(field.into(), text.into());
    }
    for panel in &mut manifest.panels {
        panel.suite = "<script>alert(2)</script>".into();
        [&mut panel.workload, &mut panel.about]
            .into_iter()
            .for_each(evil);
    }
    for cell in &mut manifest.cells {
        [&mut cell.strategy, &mut cell.target, &mut cell.target_full]
            .into_iter()
            .for_each(evil);
    }
    manifest.cells[1].hash = "<script>alert(3)</script>".into();
    for row in &mut records.trials {
        evil(&mut row.memory_reason);
        if !row.error.is_empty() {
            evil(&mut row.error);
        }
    }
    records
}

#[test]
fn names_cannot_break_a_page() {
    let records = hostile();
    for text in [page(&records), compared(&records, &records)] {
        // One script and one style of our own, and the styles of charts.
        assert_eq!(text.matches("<script").count(), 1);
        assert_eq!(text.matches("</script").count(), 1);
        assert_eq!(
            text.matches("<style").count(),
            text.matches("</style").count()
        );
        assert_eq!(
            text.matches("<style").count(),
            1 + text.matches("<svg ").count()
                - text.matches("<svg class=\"bar").count()
                - text.matches("<div class=\"narrow\">").count()
        );
        assert!(!text.contains("alert(1)\"") && !text.contains("\"\"'"));
        has(&text, &["&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"]);
    }
    let text = document(&records);
    // What stands in a fence is code, and shows as it is.
    let (before, code) = text.split_once("```").expect("a fence");
    let after = code.trim_start_matches('`').split_once("\n```");
    for prose in [before, after.expect("its end").1] {
        assert!(!prose.contains("<script") && prose.contains("&lt;script&gt;"));
    }
    let text = &text[text.find("## Suite").expect("a suite")..];
    let rows = text
        .lines()
        .filter(|line| line.starts_with('|') && line.contains("alert(3)"));
    assert!(rows.clone().count() > 0);
    for row in rows {
        let bars = row.matches('|').count() - row.matches("\\|").count();
        let head = text.lines().find(|line| line.starts_with("| target"));
        assert_eq!(bars, head.unwrap().matches('|').count(), "{row}");
    }
}

#[test]
fn what_is_incomplete_is_said_first() {
    let mut records = ordinary();
    records.manifest.status = Status::Interrupted;
    records.dropped_lines = 2;
    records.trials[0].cell_id = "nobody's".into();
    let both = |records: &Records| [page(records), document(records)];
    for text in both(&records) {
        let before = &text[..text.find("Findings").unwrap()];
        has(
            before,
            &[
                "the run was interrupted",
                "2 rows at the end",
                "1 row of trials.csv left out",
            ],
        );
    }
    records.manifest.status = Status::Running;
    has(&page(&records), &["has not ended, or was killed"]);
    records.trials.clear();
    records.slices.clear();
    for text in both(&records) {
        has(
            &text,
            &[
                "Nothing was measured",
                "unmeasured cells 10 of 10",
                "not measured",
            ],
        );
        assert!(!text.contains("Findings") && !text.contains("verified"));
    }
    // Not even a plan.
    records.manifest.panels.clear();
    records.manifest.cells.clear();
    records.manifest.suites.clear();
    for text in both(&records) {
        has(&text, &["Nothing was measured", "Reproduce"]);
        assert!(!text.contains("verified"));
    }
}

#[test]
fn errors_everywhere_are_said() {
    let cells = ["fixed", "resizable"].map(|target| Cell::new(target, 80.0).failing("it <hung>"));
    let records = Synthetic::new().panel("w", 1, &cells).records();
    let text = page(&records);
    has(
        &text,
        &[
            "No cell has figures",
            "failed cells 2 of 2",
            "failed: it &lt;hung&gt;",
        ],
    );
    assert!(!text.contains("verified<") && !text.contains(">NaN"));
}

/// A sweep over rates, one target sampled in a closed loop besides.
fn paced() -> Records {
    let targets = [
        Paced::new("fixed", 400.0, 800_000.0),
        Paced::new("striped", 90.0, 5e6),
    ];
    let mut records = Synthetic::new()
        .paced("ycsb-c", 100_000, &targets)
        .paced("ycsb-c", 1_000_000, &targets)
        .sampled(&targets[1])
        .records();
    let rows = records.latency.iter_mut();
    for row in rows.filter(|row| row.cell_id == "p0-striped") {
        (row.tail_ops, row.tail_in_resize_ops) = (Some(200), Some(50));
    }
    records
}

#[test]
fn counts_have_columns_where_the_machine_has_counters() {
    let mut records = ordinary();
    let both = |records: &Records| [page(records).replace("&#x2f;", "/"), document(records)];
    for text in both(&records) {
        assert!(!text.contains("instr/op") && !text.contains("--features counters"));
    }
    for row in &mut records.trials {
        row.instructions = row.ops.map(|ops| ops * 237);
        (row.counters_enabled_ns, row.counters_running_ns) = (Some(1000), Some(750));
    }
    let features = "counters".to_owned();
    let facts = &mut records.manifest.machine;
    facts.insert("cargo_features".to_owned(), features);
    for text in both(&records) {
        has(
            &text,
            &[
                "instr/op",
                "cycles/op",
                "237",
                "75 %",
                "--features counters",
            ],
        );
    }
}

#[test]
fn latencies_have_a_table_that_says_which_loop_they_come_from() {
    let records = paced();
    for text in [page(&records), document(&records)] {
        has(
            &text,
            &[
                "Latencies",
                "response p99.99",
                "service p99.99",
                "fell behind",
                "kept",
                "closed, sampled",
                "25.0\u{a0}%",
            ],
        );
        // At a pace no target is ranked by rate, and none was left unmeasured.
        for word in [
            "Every cell",
            "unmeasured",
            ">NaN",
            "No panel",
            "No cell has figures",
        ] {
            assert!(!text.contains(word), "{word}");
        }
    }
    let text = document(&records);
    let row = "| fixed | ycsb-c | 1 | open | 1000000 | 800000 | ";
    assert!(
        text.lines()
            .any(|line| line.starts_with(row) && line.ends_with("| fell behind |")),
        "{text}"
    );
    let closed = text
        .lines()
        .find(|line| line.contains("| closed, sampled |"));
    has(
        closed.unwrap(),
        &[
            "| striped | ycsb-c | 1 | closed, sampled | – |",
            "| – | – | – | – | – | – |",
        ],
    );
    has(&text, &["[latency.csv](latency.csv): 27 rows"]);
    // Without any latency there is no such table.
    assert!(!document(&ordinary()).contains("Latencies"));
}

/// A search for a rate has a table and a chart of its own, and leaves no cell without figures.
#[test]
fn highest_rates_have_a_table_and_a_chart() {
    let target = |name| Paced::new(name, 90.0, 5e6);
    let mut records = Synthetic::new()
        .paced("ycsb-c", 100_000, &[target("fixed"), target("striped")])
        .records();
    records.latency.clear();
    let search = |name: &str, kept: Option<u64>, broken: Option<u64>| SloRow {
        panel: 0,
        cell_id: format!("p0-{name}"),
        target: name.into(),
        percentile: "p99".into(),
        limit_ns: 200_000,
        kept_per_s: kept,
        kept_ns: kept.map(|_| 150_000),
        broken_per_s: broken,
        broken_ns: broken.map(|_| 800_000),
        probes: 17,
        ..SloRow::default()
    };
    records.slo = vec![
        search("fixed", None, Some(20_000)),
        search("striped", Some(1_220_000), Some(1_280_000)),
    ];
    for text in [page(&records), document(&records)] {
        has(
            &text,
            &[
                "Highest rates",
                "1.22M",
                "1.28M",
                "no rate keeps it",
                "Up to which rate does each target keep p99 within 200",
                "slo.csv",
            ],
        );
        for word in ["Every cell", "No cell has figures", "No panel"] {
            assert!(!text.contains(word), "{word}");
        }
    }
    let text = document(&records);
    let striped = text.find("| striped | ycsb-c").unwrap();
    assert!(striped < text.find("| fixed | ycsb-c").unwrap(), "{text}");
    has(&text, &["[chart](charts/limit-quick.svg)"]);
    // What failed is found in the table that is there.
    records.trials[0].error = "the child hung".into();
    let text = page(&records);
    has(&text, &["#suite-0-limits", "failed: the child hung"]);
    assert!(!text.contains("#suite-0-table"), "{text}");
}

#[test]
fn what_is_wrong_with_the_machine_is_repeated() {
    let mut records = ordinary();
    assert!(!document(&records).contains("was checked before the run"));
    let one = |check: &str, severity| Diagnosis {
        check: check.into(),
        severity,
        seen: "power<save".into(),
        why: "the clock follows the load".into(),
        advice: String::new(),
    };
    records.manifest.doctor = vec![
        one("governor", Severity::Warning),
        one("turbo", Severity::Note),
    ];
    for text in [page(&records), document(&records)] {
        has(
            &text,
            &[
                "was checked before the run",
                "2 checks: 1 warning, 1 note.",
                "governor: power&lt;save: the clock follows the load",
            ],
        );
        assert!(!text.contains("turbo: power"));
    }
}

#[test]
fn two_runs_stand_side_by_side() {
    let cells = |ns| {
        [
            Cell::new("fixed", 400.0),
            Cell::new("resizable", ns),
            Cell::new("same", 100.0),
        ]
    };
    let run = |ns| Synthetic::new().panel("w", 1, &cells(ns)).records();
    let (a, mut b) = (run(100.0), run(50.0));
    b.manifest.seed = 43;
    b.manifest
        .machine
        .insert("cpu_model".into(), "Another".into());
    let text = compared(&a, &b);
    has(
        &text,
        &[
            "<a href=\"report.html\">",
            "What is faster or slower in B than in A?",
            "rate in B over that in A",
            "resizable: 2.0",
            "faster",
            "not told apart",
            "different machines",
            "<th scope=\"row\">seed</th><td class=\"words\">42</td><td class=\"words\">43</td>",
        ],
    );
    has(&compared(&b, &a), &["slower"]);
    has(&compared(&a, &a.clone()), &["Nothing: same command"]);
    let mut later = a.clone();
    for volatile in [
        "load_average",
        "memory_available_bytes",
        "memory_free_in_large_blocks",
    ] {
        let value = "another".to_owned();
        later.manifest.machine.insert(volatile.into(), value);
    }
    has(&compared(&a, &later), &["Nothing: same command"]);
    let other = Synthetic::new()
        .panel("w", 1, &[Cell::new("papaya", 10.0)])
        .records();
    has(&compared(&a, &other), &["no cell in common"]);
    let fewer = Synthetic::new().panel("w", 1, &cells(100.0)[..2]).records();
    has(&compared(&a, &fewer), &["1 cell of A not in the other run"]);
    let failed = Synthetic::new()
        .panel(
            "w",
            1,
            &[
                Cell::new("fixed", 400.0),
                Cell::new("resizable", 1.0).failing("no"),
            ],
        )
        .records();
    has(&compared(&a, &failed), &["failed in B: no"]);
}
