//! The run that the README quotes is committed under `results/reference`: what the README shows follows
//! from its records, and from nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use bucketlab::record::Records;
use bucketlab::report;

/// Columns of what `run` prints where no terminal says another number.
const WIDTH: usize = 100;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn reference() -> PathBuf {
    root().join("results/reference/quick")
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn the_result_in_the_readme_is_what_the_records_say() {
    let summary = report::Summary::of(&Records::read(&reference()).unwrap());
    let table = report::table(&summary, WIDTH, false);
    let findings = report::bullets(&report::findings(&summary), WIDTH);
    let shown =
        format!("<!-- bucketlab run -->\n```text\n{table}\nFindings\n{findings}```\n<!-- end -->");
    assert!(
        readme().contains(&shown),
        "the README's result is not that of results/reference/quick; it should be:\n{shown}"
    );
}

#[test]
fn what_the_readme_says_of_the_peers_is_what_the_records_say() {
    let run = root().join("results/reference/peers");
    let summary = report::Summary::of(&Records::read(&run).unwrap());
    let findings = report::bullets(&report::findings(&summary), WIDTH);
    let shown =
        format!("<!-- bucketlab run peers -->\n```text\nFindings\n{findings}```\n<!-- end -->");
    assert!(
        readme().contains(&shown),
        "the README's findings are not those of results/reference/peers; they should be:\n{shown}"
    );
}

#[test]
fn the_chart_in_the_readme_is_drawn_from_the_records() {
    let records = Records::read(&reference()).unwrap();
    let charts = report::charts(&report::Summary::of(&records), &records);
    let readme = readme();
    let folder = "results/reference/quick/charts/";
    let shown: Vec<&str> = readme
        .match_indices(folder)
        .filter_map(|(at, _)| readme[at + folder.len()..].split(".svg").next())
        .collect();
    assert!(!shown.is_empty(), "the README shows no chart of {folder}");
    for name in shown {
        let chart = charts.iter().find(|chart| chart.file == name);
        let chart = chart.unwrap_or_else(|| panic!("the reference run has no chart {name}"));
        let committed =
            fs::read_to_string(root().join(folder).join(format!("{name}.svg"))).unwrap();
        assert!(
            committed == chart.standalone(),
            "{folder}{name}.svg is not current: scripts/readme draws it again"
        );
    }
}
