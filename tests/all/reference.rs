//! The runs that the documents quote are committed under `results/reference`: what the documents show
//! follows from their records, and from nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bucketlab::record::Records;
use bucketlab::{analysis, report};

/// Columns of what `run` prints where no terminal says another number.
const WIDTH: usize = 100;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn reference() -> PathBuf {
    root().join("results/reference/quick")
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// What `run` printed for the suite `quick`, without the path of the page.
fn quick() -> String {
    let summary = analysis::Summary::of(&Records::read(&reference()).unwrap());
    let table = report::table(&summary, WIDTH, false);
    let findings = report::bullets(&analysis::findings(&summary), WIDTH);
    format!("{table}\nFindings\n{findings}")
}

#[test]
fn the_results_are_what_the_records_say() {
    let shown = format!(
        "<!-- bucketlab run -->\n```text\n{}\n```\n<!-- end -->",
        quick().trim_matches('\n')
    );
    assert!(
        document("results/README.md").contains(&shown),
        "results/README.md does not show results/reference/quick (scripts/readme); it should be:\n{shown}"
    );
}

/// The README shows parts of the same text.
#[test]
fn the_result_in_the_readme_is_part_of_the_results() {
    let readme = document("README.md");
    let (_, block) = readme
        .split_once("<!-- bucketlab run -->\n```text\n")
        .unwrap();
    let (block, _) = block.split_once("\n```\n<!-- end -->").unwrap();
    let quick = quick();
    let whole: Vec<&str> = quick.trim_matches('\n').split("\n\n").collect();
    let parts: Vec<&str> = block.split("\n\n").collect();
    assert!(parts.len() >= 2, "{block}");
    for part in parts {
        assert!(whole.contains(&part), "not in the records: {part}");
    }
}

#[test]
fn what_is_said_of_other_suites_is_what_the_records_say() {
    for (suite, page) in [
        ("peers", "results/README.md"),
        ("fast", "results/README.md"),
        ("overlap", "src/guide/overlap.md"),
        ("servers", "src/guide/servers.md"),
        ("where-time-goes", "src/guide/servers.md"),
    ] {
        findings_stand_in(suite, page);
    }
}

fn findings_stand_in(suite: &str, page: &str) {
    let run = root().join("results/reference").join(suite);
    let summary = analysis::Summary::of(&Records::read(&run).unwrap());
    let findings = report::bullets(&analysis::findings(&summary), WIDTH);
    let shown =
        format!("<!-- bucketlab run {suite} -->\n```text\nFindings\n{findings}```\n<!-- end -->");
    assert!(
        document(page).contains(&shown),
        "the findings in {page} are not those of results/reference/{suite}; they should be:\n{shown}"
    );
}

/// The README's matrix: a row for each panel, with the fastest of ours and of others, and the ratio of the two.
#[test]
fn the_matrix_in_the_readme_is_what_the_records_say() {
    let run = root().join("results/reference/fast");
    let summary = analysis::Summary::of(&Records::read(&run).unwrap());
    let readme = document("README.md");
    let (_, block) = readme.split_once("<!-- bucketlab run fast -->\n").unwrap();
    let (block, _) = block.split_once("<!-- end -->").unwrap();
    let rows: Vec<Vec<&str>> = block
        .lines()
        .skip(2)
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), summary.panels.len());
    let number = |text: &str| text.trim_end_matches('×').parse::<f64>().unwrap();
    let close = |text: &str, value: f64| (number(text) / value - 1.0).abs() < 0.006;
    for (row, panel) in rows.iter().zip(&summary.panels) {
        let ranking = panel.ranking();
        let best = |peer| ranking.iter().find(|cell| cell.entry.peer == peer).unwrap();
        let (ours, other) = (best(false), best(true));
        let rate = |cell: &analysis::CellSummary| cell.rate.unwrap().mid / 1e6;
        let over =
            |cell: &analysis::CellSummary| cell.ratio.map_or(1.0, |ratio| ratio.interval.mid);
        assert_eq!(row[1], panel.entry.workload);
        assert_eq!(row[6], format!("`{}`", ours.entry.strategy), "{row:?}");
        assert_eq!(row[8], format!("`{}`", other.entry.strategy), "{row:?}");
        assert!(
            close(row[7], rate(ours)) && close(row[9], rate(other)),
            "{row:?}"
        );
        assert!(close(row[10], over(ours) / over(other)), "{row:?}");
    }
}

/// Pages and other charts are not committed: `bucketlab report` draws them.
#[test]
fn the_charts_that_the_documents_show_are_drawn_from_the_records() {
    let mut stale = Vec::new();
    let mut shown = 0;
    for suite in [
        "quick",
        "overlap",
        "peers",
        "fast",
        "servers",
        "where-time-goes",
    ] {
        let run = root().join("results/reference").join(suite);
        let records = Records::read(&run).unwrap();
        let summary = analysis::Summary::of(&records);
        let charts = report::charts(&summary, &records);
        let markdown = report::markdown(&summary, &records, &charts);
        let html = report::html(&summary, &records, &charts);
        let figures = html.matches("<figure").count();
        assert_eq!(figures, charts.len(), "{suite}: figures of report.html");
        for chart in &charts {
            let file = format!("charts/{}.svg", chart.file);
            assert!(
                markdown.contains(&file),
                "{suite}: {file} is not in report.md"
            );
        }
        for file in charts_shown(suite) {
            shown += 1;
            let drawn = charts.iter().find(|chart| chart.file == file);
            let drawn = drawn.unwrap_or_else(|| panic!("{suite}: {file} is no chart of that run"));
            let path = run.join(format!("charts/{file}.svg"));
            if fs::read_to_string(&path).ok() != Some(drawn.standalone()) {
                stale.push(path);
            }
        }
    }
    assert!(shown > 0, "the documents show no chart of a committed run");
    assert!(
        stale.is_empty(),
        "scripts/readme draws these again, which are not current: {stale:#?}"
    );
}

/// The charts of a committed run that documents show, by file name without the ending.
fn charts_shown(suite: &str) -> BTreeSet<String> {
    let folder = format!("reference/{suite}/charts/");
    let mut documents = document("README.md") + &document("results/README.md");
    for page in fs::read_dir(root().join("src/guide")).unwrap() {
        documents += &fs::read_to_string(page.unwrap().path()).unwrap();
    }
    documents
        .match_indices(&folder)
        .filter_map(|(at, _)| documents[at + folder.len()..].split_once(".svg"))
        .map(|(file, _)| file.to_owned())
        .collect()
}
