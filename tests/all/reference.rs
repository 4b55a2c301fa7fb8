//! The runs that the documents quote are committed under `results/reference`: what the documents show
//! follows from their records, and from nothing else.

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
fn what_is_said_of_the_peers_is_what_the_records_say() {
    let run = root().join("results/reference/peers");
    let summary = analysis::Summary::of(&Records::read(&run).unwrap());
    let findings = report::bullets(&analysis::findings(&summary), WIDTH);
    let shown =
        format!("<!-- bucketlab run peers -->\n```text\nFindings\n{findings}```\n<!-- end -->");
    assert!(
        document("results/README.md").contains(&shown),
        "these findings are not those of results/reference/peers; they should be:\n{shown}"
    );
}

/// The charts that the README shows are among them, so it links none that is not there.
#[test]
fn the_pages_and_charts_of_the_committed_runs_are_drawn_from_their_records() {
    let mut stale = Vec::new();
    for suite in ["quick", "peers"] {
        let run = format!("results/reference/{suite}");
        let records = Records::read(&root().join(&run)).unwrap();
        let summary = analysis::Summary::of(&records);
        let charts = report::charts(&summary, &records);
        let mut files: Vec<(String, String)> = charts
            .iter()
            .map(|chart| {
                (
                    format!("{run}/charts/{}.svg", chart.file),
                    chart.standalone(),
                )
            })
            .collect();
        for shown in charts_of(&run) {
            let is_drawn = files.iter().any(|(name, _)| *name == shown);
            assert!(is_drawn, "{shown} is of no chart of that run");
        }
        let markdown = report::markdown(&summary, &records, &charts);
        files.push((format!("{run}/report.md"), markdown));
        let html = report::html(&summary, &records, &charts);
        files.push((format!("{run}/report.html"), html));
        for (name, drawn) in files {
            if fs::read_to_string(root().join(&name)).ok() != Some(drawn) {
                stale.push(name);
            }
        }
    }
    assert!(
        stale.is_empty(),
        "scripts/readme draws these again, which are not current: {stale:#?}"
    );
}

/// The charts of a run that are committed or that the README shows.
fn charts_of(run: &str) -> Vec<String> {
    let folder = format!("{run}/charts/");
    let documents = document("README.md") + &document("results/README.md");
    let shown = documents
        .match_indices(&folder)
        .filter_map(|(at, _)| documents[at..].split_once(".svg"))
        .map(|(path, _)| format!("{path}.svg"));
    let committed = fs::read_dir(root().join(&folder)).unwrap();
    let names = committed.map(|file| file.unwrap().file_name().into_string().unwrap());
    shown
        .chain(names.map(|name| folder.clone() + &name))
        .collect()
}
