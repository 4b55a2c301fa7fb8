//! Charts of made-up runs: whole, well formed, and saying what went in.

use std::collections::BTreeSet;

use roxmltree::{Document, Node};

use super::{Chart, charts};
use crate::analysis::Summary;
use crate::analysis::synthetic::{Cell, Synthetic};
use crate::record::{CensusRow, MarkRow, Records};

const LONG: &[(u64, u64)] = &[(390, 128), (391, 128)];
const SHORT: &[(u64, u64)] = &[(0, 180_000), (1, 65_000), (2, 17_500)];

/// Everything that a chart is made of: two thread counts, a sweep, bytes, a fill with resizes.
fn ordinary() -> Records {
    let cells = |times: f64| {
        [
            Cell::null(8.0, 5.0),
            Cell::new("fixed", 400.0).chains(&[(97, 512), (98, 512)]),
            Cell::twin("fixed", 400.0),
            Cell::new("striped", 80.0 * times).chains(SHORT),
        ]
    };
    let sweep = [
        Cell::null(8.0, 5.0),
        Cell::new("fixed:buckets=2^8", 1600.0).chains(LONG),
        Cell::twin("fixed:buckets=2^8", 1600.0),
        Cell::new("fixed:buckets=2^12", 150.0),
        Cell::new("fixed:buckets=2^18", 70.0).chains(SHORT),
    ];
    let fill = [Cell::new("fixed", 600.0), Cell::new("striped", 120.0)];
    let mut records = Synthetic::new()
        .panel("ycsb-c", 1, &cells(1.0))
        .panel("ycsb-c", 2, &cells(1.2))
        .panel("ycsb-b", 1, &sweep)
        .pass("fill", 1, 100_000, &fill)
        .records();
    for cell in ["p0-fixed", "p0-striped"] {
        for (figure, label, count) in [
            ("total", "items", 100_000),
            ("bytes", "key", 1_000_000),
            ("bytes", "value", 4_000_000),
            ("bytes", "header", 1_600_000),
        ] {
            records.census.push(CensusRow {
                cell_id: cell.into(),
                figure: figure.into(),
                label: label.into(),
                count,
            });
        }
    }
    // Slices of a child follow each other, a millisecond apart.
    let mut clock = 5_000_000;
    for slice in records.slices.iter_mut().filter(|slice| slice.panel == 3) {
        slice.started_ns = clock;
        clock += slice.elapsed_ns + 1_000_000;
    }
    let second = records
        .slices
        .iter()
        .filter(|slice| slice.cell_id == "p3-striped");
    let second = second.cloned().collect::<Vec<_>>();
    for slice in second.iter().filter(|slice| slice.round % 20 == 1) {
        for (event, after) in [("begin", 1_000_000), ("end", 1_250_000)] {
            records.marks.push(MarkRow {
                panel: 3,
                cell_id: slice.cell_id.clone(),
                trial: slice.trial,
                at_ns: slice.started_ns + after,
                event: event.into(),
                from_buckets: 1024,
                to_buckets: 2048,
            });
        }
    }
    records
}

pub(super) fn drawn(records: &Records) -> Vec<Chart> {
    let charts = charts(&Summary::of(records), records);
    for chart in &charts {
        assert!(!chart.about.contains("  "), "a gap in: {}", chart.about);
    }
    charts
}

pub(super) fn titles(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).expect("it is well-formed XML");
    let titles = document
        .descendants()
        .filter(|node| node.has_tag_name("title"));
    titles
        .map(|node| node.text().unwrap_or("").to_owned())
        .collect()
}

pub(super) fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).expect("it is well-formed XML");
    let text = |node: Node<'_, '_>| node.text().unwrap_or("").trim().to_owned();
    let nodes = document
        .descendants()
        .filter(|node| node.has_tag_name("text"));
    nodes.map(text).collect()
}

#[track_caller]
pub(super) fn chart<'c>(charts: &'c [Chart], file: &str) -> &'c Chart {
    let files: Vec<&str> = charts.iter().map(|chart| chart.file.as_str()).collect();
    let found = charts.iter().find(|chart| chart.file == file);
    found.unwrap_or_else(|| panic!("{file} is not among {files:?}"))
}

#[track_caller]
pub(super) fn has(texts: &[String], wanted: &str) {
    assert!(
        texts.iter().any(|text| text.contains(wanted)),
        "no {wanted:?} in {texts:#?}"
    );
}

#[test]
fn each_question_has_its_chart() {
    let charts = drawn(&ordinary());
    let files: Vec<&str> = charts.iter().map(|chart| chart.file.as_str()).collect();
    assert_eq!(
        files,
        [
            "ratios-quick",
            "throughput-quick-ycsb-c",
            "throughput-quick-ycsb-b",
            "throughput-quick-fill",
            "buckets-quick-ycsb-b",
            "load-quick-ycsb-b",
            "scaling-quick-ycsb-c",
            "bytes-quick",
            "chains-quick",
            "time-quick-fill-1t",
        ]
    );
    // What the fewer threads do is in the chart of scaling.
    assert_eq!(chart(&charts, "throughput-quick-ycsb-c").panels, [1]);
    assert_eq!(chart(&charts, "scaling-quick-ycsb-c").panels, [0, 1]);
    for chart in &charts {
        assert!(chart.title.contains('?'), "{}", chart.title);
        assert!(chart.about.ends_with('.'), "{}", chart.about);
        let rated = !["chains", "bytes"]
            .iter()
            .any(|kind| chart.file.starts_with(kind));
        let said = chart.about.contains(" Operations ran chained.");
        assert_eq!(said, rated, "{}: {}", chart.file, chart.about);
        assert!(
            !titles(&chart.svg).is_empty(),
            "{} says nothing on hover",
            chart.file
        );
        assert!(
            chart.svg.contains("var(--c"),
            "{} has no colour",
            chart.file
        );
        assert!(
            !chart.svg.contains("\"#01"),
            "{} has a placeholder",
            chart.file
        );
        let alone = chart.standalone();
        has(
            &texts(&alone),
            chart.title.split_whitespace().next().unwrap(),
        );
        for variable in ["--chart-paper:", "--chart-ink:", "--chart-muted:"] {
            assert!(
                alone.contains(variable),
                "{variable} is not in {}",
                chart.file
            );
        }
        assert!(
            !alone.contains("--heat0:"),
            "{} declares what it does not use",
            chart.file
        );
        assert!(!chart.narrow.contains("<title>"), "{}", chart.file);
        titles(&chart.narrow);
    }
}

#[test]
fn hovering_tells_the_figures() {
    let charts = drawn(&ordinary());
    let of = |file| titles(&chart(&charts, file).svg);
    has(&of("throughput-quick-ycsb-c"), "striped, 2 threads: 18.");
    has(
        &of("throughput-quick-ycsb-c"),
        "M operations a second; 108 ns an operation",
    );
    has(&of("ratios-quick"), "striped: 5.0");
    has(&of("ratios-quick"), "pairs: faster");
    has(&of("ratios-quick"), "A/A noise ±");
    has(
        &of("buckets-quick-ycsb-b"),
        "fixed:buckets=2^8, 1 thread, 256 buckets: 0.553 [0.538–0.566] M operations a second; 1807 ns",
    );
    has(
        &of("buckets-quick-ycsb-b"),
        "a lookup walks 196 entries by the census",
    );
    has(
        &of("chains-quick"),
        "fixed: 50.0 % of 2^10 buckets hold 94–97; Poisson expects 15",
    );
    has(&of("bytes-quick"), "fixed: 40.0 bytes an entry of values");
    has(
        &of("bytes-quick"),
        "fixed: 96.0 bytes an entry resident, 66.0 claimed by the census, 30.0 between",
    );
    has(&of("time-quick-fill-1t"), "striped, 0–");
}

#[test]
fn a_resize_that_does_not_end_is_drawn_to_the_end_of_the_pass() {
    let widths = |keep: fn(&str) -> bool| -> Vec<String> {
        let mut records = ordinary();
        records.marks.retain(|mark| keep(&mark.event));
        let charts = drawn(&records);
        let svg = &chart(&charts, "time-quick-fill-1t").svg;
        let plain = |line: &&str| line.contains("<rect") && !line.contains("<title>");
        let bands = svg.lines().filter(plain);
        bands.map(str::to_owned).collect()
    };
    let (ended, open) = (widths(|_| true), widths(|event| event != "end"));
    assert_eq!(ended.len(), open.len());
    let wider = ended
        .iter()
        .zip(&open)
        .filter(|(ended, open)| ended != open);
    assert_eq!(wider.count(), 1, "{open:#?}");
}

#[test]
fn a_resize_is_where_its_slice_is() {
    let records = ordinary();
    let charts = drawn(&records);
    let titles = titles(&chart(&charts, "time-quick-fill-1t").svg);
    let resizes: Vec<&String> = titles
        .iter()
        .filter(|title| title.contains("resize from"))
        .collect();
    assert_eq!(resizes.len(), 1, "{titles:#?}");
    assert!(resizes[0].starts_with("striped: resize from 2^10 to 2^11 buckets at "));
    assert!(resizes[0].ends_with(", took 250 µs"));
    // One millisecond into the second slice, whatever lay between the two.
    let at = resizes[0]
        .split(" at ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let second = titles
        .iter()
        .filter(|title| title.starts_with("striped, "))
        .nth(1)
        .unwrap();
    let start = second
        .trim_start_matches("striped, ")
        .split('–')
        .next()
        .unwrap();
    let apart = at.parse::<f64>().unwrap() - start.parse::<f64>().unwrap();
    assert!((apart - 1.0).abs() < 0.02, "{apart} ms");
}

/// The horizontal texts of a chart: left, right and middle in pixels, by a width that is on the narrow
/// side, since fonts differ.
fn places(svg: &str) -> Vec<(f64, f64, f64, String)> {
    let document = Document::parse(svg).expect("it is well-formed XML");
    let level = |node: &Node<'_, '_>| node.has_tag_name("text") && !node.has_attribute("transform");
    let place = |node: Node<'_, '_>| {
        let number = |name| node.attribute(name).unwrap_or("12").parse::<f64>().unwrap();
        let text = node.text().unwrap_or("").trim().to_owned();
        let width = text.chars().count() as f64 * number("font-size") * 0.5;
        let left = match node.attribute("text-anchor") {
            Some("middle") => number("x") - width / 2.0,
            Some("end") => number("x") - width,
            _ => number("x"),
        };
        (left, left + width, number("y"), text)
    };
    document.descendants().filter(level).map(place).collect()
}

/// One strategy in all ways that its operations can reach it, beside a server of others.
fn behind_servers() -> Records {
    let cells = [
        Cell::null(8.0, 5.0),
        Cell::null_server(18_000.0),
        Cell::new("split-ordered", 200.0),
        Cell::server("parsed:split-ordered", 600.0),
        Cell::server("served-unix:split-ordered", 16_000.0),
        Cell::server("served:split-ordered", 30_000.0),
        Cell::server("start:redis-server", 20_000.0).of_others(),
    ];
    let run = Synthetic::new().panel("facebook-etc", 1, &cells);
    let mut records = run.panel("facebook-etc", 2, &cells).records();
    for panel in &mut records.manifest.panels {
        (panel.connections, panel.depth) = (1000, 16);
    }
    records
}

#[test]
fn no_text_lies_on_another_or_leaves_the_chart() {
    let mut failed = ordinary();
    for row in failed
        .trials
        .iter_mut()
        .filter(|row| row.target == "striped")
    {
        row.error = "a get returned another key's value".into();
    }
    let mut records = vec![ordinary(), failed, behind_servers()];
    for run in ["quick", "peers"] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let run = root.join("results/reference").join(run);
        records.push(Records::read(&run).unwrap());
    }
    for chart in records.iter().flat_map(drawn) {
        for (width, svg) in [(760.0, chart.standalone()), (366.0, chart.narrow)] {
            let places = places(&svg);
            for (at, (left, right, y, text)) in places.iter().enumerate() {
                let inside = *left >= 0.0 && *right <= width;
                assert!(inside, "{}: {text:?} leaves {width}", chart.file);
                let under = places[..at]
                    .iter()
                    .find(|(other_left, other_right, other_y, _)| {
                        (y - other_y).abs() < 9.0 && left < other_right && other_left < right
                    });
                assert!(
                    under.is_none(),
                    "{}, {width}: {text:?} lies on {under:?}",
                    chart.file
                );
            }
        }
    }
}

#[test]
fn a_model_that_leaves_the_scale_ends_there() {
    let mut records = ordinary();
    for row in &mut records.trials {
        if row.target == "fixed:buckets=2^12" {
            row.error = "killed".into();
        }
    }
    let charts = drawn(&records);
    let svg = &chart(&charts, "buckets-quick-ycsb-b").svg;
    let is_model = |line: &&str| line.contains("<polyline") && line.contains("--chart-muted");
    let model = svg.lines().find(is_model).expect("there is a model");
    let points = model
        .split("points=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let heights = points
        .split_whitespace()
        .filter_map(|at| at.split(',').nth(1));
    let heights: Vec<&str> = heights.collect();
    assert!(heights.len() > 10 && heights.len() < 49, "{points}");
    let last = heights[heights.len() - 1];
    assert!(
        heights[heights.len() - 2] != last,
        "it runs along the edge: {points}"
    );
}

#[test]
fn the_same_records_give_the_same_bytes() {
    assert_eq!(drawn(&ordinary()), drawn(&ordinary()));
}

#[test]
fn odd_names_cannot_break_a_chart() {
    const ODD: &str = "<script>&\"' #010203\u{1}\u{FFFF}\u{1F980}";
    let mut records = ordinary();
    for cell in &mut records.manifest.cells {
        cell.target += ODD;
    }
    for panel in &mut records.manifest.panels {
        panel.workload += ODD;
        panel.suite += ODD;
    }
    for row in records
        .trials
        .iter_mut()
        .filter(|row| row.cell_id == "p0-striped" && row.trial == 0)
    {
        row.error = ODD.into();
    }
    let charts = drawn(&records);
    assert_eq!(charts.len(), drawn(&ordinary()).len());
    for chart in &charts {
        let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(chart.file.chars().all(safe), "{}", chart.file);
        assert!(!chart.svg.contains("<script"), "{}", chart.file);
        has(
            &titles(&chart.svg),
            "<script>&\"' #010203\u{FFFD}\u{FFFD}\u{1F980}",
        );
        titles(&chart.standalone());
    }
}

#[test]
fn failed_cells_are_named_and_have_no_figure() {
    let mut records = ordinary();
    for row in &mut records.trials {
        if row.target == "striped" || row.target == "fixed:buckets=2^12" {
            row.error = "a get returned another key's value".into();
        }
    }
    let charts = drawn(&records);
    for file in [
        "ratios-quick",
        "throughput-quick-ycsb-c",
        "bytes-quick",
        "time-quick-fill-1t",
    ] {
        let svg = &chart(&charts, file).svg;
        let note = if file.starts_with("time") {
            "striped: failed"
        } else {
            "failed: a get"
        };
        has(&texts(svg), note);
        has(&titles(svg), "striped: a get returned another key's value");
        for title in titles(svg)
            .iter()
            .filter(|title| title.starts_with("striped"))
        {
            assert!(title.ends_with("another key's value"), "{file}: {title}");
        }
    }
    has(
        &texts(&chart(&charts, "buckets-quick-ycsb-b").svg),
        "fixed:buckets=2^12: failed",
    );
    for row in &mut records.trials {
        row.error = "killed".into();
    }
    assert_eq!(drawn(&records), []);
    assert_eq!(drawn(&Synthetic::new().records()), []);
}

#[test]
fn rows_without_sense_draw_nothing_odd() {
    let mut records = ordinary();
    for slice in records
        .slices
        .iter_mut()
        .filter(|slice| slice.cell_id == "p0-striped")
    {
        (slice.ops, slice.discarded_ops) = (0, 0);
    }
    for slice in records
        .slices
        .iter_mut()
        .filter(|slice| slice.cell_id == "p1-striped")
    {
        (slice.elapsed_ns, slice.discarded_ns) = (0, 0);
    }
    for (label, count) in [
        ("18446744073709551615", u64::MAX),
        ("0", u64::MAX),
        ("x", 1),
    ] {
        records.census.push(CensusRow {
            cell_id: "p0-fixed".into(),
            figure: "chain_length".into(),
            label: label.into(),
            count,
        });
    }
    for mark in &mut records.marks {
        mark.at_ns = u64::MAX;
    }
    for trial in &mut records.trials {
        trial.items = Some(0);
    }
    for chart in drawn(&records) {
        let mut words = texts(&chart.svg);
        words.extend(titles(&chart.svg));
        for word in words {
            assert!(
                !word.contains("NaN") && !word.contains("inf"),
                "{}: {word}",
                chart.file
            );
        }
    }
}

#[test]
fn charts_of_one_name_are_told_apart() {
    let mut records = ordinary();
    records.manifest.panels[2].workload = "ycsb/c".into();
    let files: Vec<String> = drawn(&records)
        .into_iter()
        .map(|chart| chart.file)
        .collect();
    assert!(
        files.contains(&"throughput-quick-ycsb-c-2".to_owned()),
        "{files:?}"
    );
    let distinct: BTreeSet<&String> = files.iter().collect();
    assert_eq!(distinct.len(), files.len());
}
