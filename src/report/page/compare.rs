//! Two runs: B over A in one chart and one table, then side by side.
//!
//! B / A and its verdict are those of [`Compared::of_runs`], as `compare A B` prints them. Beside them stand
//! the rates and each cell's ratio to the baseline of its own run.

use super::Run;
use super::model::{Block, ChartView, FindingView, Page, Section, Side};
use super::view::head;
use crate::analysis::Compared;
use crate::analysis::compare::{Place, pairs, places};
use crate::record::Manifest;
use crate::report::cells::{FILTERS, Shape, row as row_of_cell};
use crate::report::charts::{Chart, comparison_chart};
use crate::report::comparison::{counts, ratio_and_verdict};
use crate::report::findings::findings;
use crate::report::format::{counted, figure, figure_within, times_within};
use crate::report::labels::place_of;
use crate::report::summary::{CellSummary, PanelSummary, Summary};
use crate::report::table::{Cell, Column, Row, Standing, Table, Tone};

/// The page of two runs. Each comes with the relative path of its report, which may be empty.
pub(super) fn page<'r>(a: (Run<'r>, &str), b: (Run<'r>, &str)) -> Page<'r> {
    let (run_a, run_b) = (a.0.summary, b.0.summary);
    let both = pairs(run_a, run_b);
    let differences = differences(&run_a.manifest, &run_b.manifest);
    let compared = Compared::of_runs(run_a, run_b);
    let mut notes = notes(run_a, run_b, both.len(), &differences);
    notes.extend(compared.notes.iter().cloned());
    let table = table(&both, &compared);
    let mut sections = Vec::new();
    if let Some(chart) = comparison_chart(&compared, &both) {
        let blocks = vec![
            Block::heading(&chart.title),
            Block::Chart(ChartView::owned(chart)),
        ];
        sections.push(Section::new("b-over-a", "B over A", blocks));
    }
    if !table.rows.is_empty() {
        let table = Block::table_or_more("cells-table", "Cells of both runs", table);
        sections.push(Section::new("cells", "Cells", table));
    }
    sections.push(findings_of([a.0, b.0]));
    let charts = charts(a.0, b.0);
    if !charts.is_empty() {
        let count = charts
            .iter()
            .filter(|block| matches!(block, Block::Sides(_)));
        let title = counted(count.count() as u64, "chart") + " side by side";
        let charts = vec![Block::More(title, charts)];
        sections.push(Section::new("charts", "Charts of each run", charts));
    }
    sections.push(differences_section(differences));
    Page {
        title: format!("{} and {}", run_a.manifest.run_id, run_b.manifest.run_id),
        heading: "two runs".to_owned(),
        heads: [("A", a), ("B", b)]
            .map(|(name, (run, link))| head(run.summary, run.records, (name, link)))
            .into(),
        notes,
        sections,
        footer: String::new(),
    }
}

fn findings_of(runs: [Run<'_>; 2]) -> Section<'_> {
    let sides = ["A", "B"].into_iter().zip(runs).map(|(name, run)| {
        let findings = findings(run.summary).into_iter();
        let findings: Vec<FindingView> = findings
            .map(|finding| FindingView {
                text: finding.text,
                class: "",
                link: None,
            })
            .collect();
        let block = if findings.is_empty() {
            Block::text("None: the figures give none.")
        } else {
            Block::Findings(findings)
        };
        Side {
            name,
            blocks: vec![block],
        }
    });
    let sides = Block::Sides(sides.collect());
    Section::new("findings", "Findings", vec![sides])
}

fn differences_section<'r>(differences: Vec<[String; 3]>) -> Section<'r> {
    let block = if differences.is_empty() {
        Block::text("Nothing: same command, seed, revision, program and machine.")
    } else {
        let columns = vec![
            Column::target("what"),
            Column::words("A"),
            Column::words("B"),
        ];
        let rows = differences.into_iter().map(Vec::from);
        Block::table("", "Differences", Table::of_texts(columns, rows))
    };
    Section::new(
        "differences",
        "Differences in how the runs were made",
        vec![block],
    )
}

fn notes(a: &Summary, b: &Summary, both: usize, differences: &[[String; 3]]) -> Vec<String> {
    let mut notes = Vec::new();
    if both == 0 {
        notes.push(
            "The runs have no cell in common: only their findings can be compared.".to_owned(),
        );
    }
    for (name, own) in [("A", a), ("B", b)] {
        let alone = places(own).count() - both;
        if both > 0 && alone > 0 {
            let cells = counted(alone as u64, "cell");
            notes.push(format!("{cells} of {name} not in the other run, left out."));
        }
    }
    if differences.iter().any(|[name, ..]| name == "cpu model") {
        notes.push(
            "The runs are of different machines: compare ratios to the baseline, not rates."
                .to_owned(),
        );
    }
    notes
}

/// Facts of the machine that change by themselves: they differ between any two runs, whatever was measured.
const VOLATILE: [&str; 3] = [
    "load_average",
    "memory_available_bytes",
    "memory_free_in_large_blocks",
];

fn differences(a: &Manifest, b: &Manifest) -> Vec<[String; 3]> {
    let mut found = Vec::new();
    let mut note = |name: &str, a: &str, b: &str| {
        if a != b {
            let shown = |text: &str| if text.is_empty() { "–" } else { text }.to_owned();
            found.push([name.replace('_', " "), shown(a), shown(b)]);
        }
    };
    let command = |manifest: &Manifest| manifest.argv.get(1..).unwrap_or_default().join(" ");
    note("command", &command(a), &command(b));
    note("seed", &a.seed.to_string(), &b.seed.to_string());
    note("version", &a.version, &b.version);
    note("revision", &a.revision, &b.revision);
    note("program's hash", &a.binary_hash, &b.binary_hash);
    let ms = |ns: u64| format!("{} ms", ns as f64 / 1e6);
    note("slice", &ms(a.slice_ns), &ms(b.slice_ns));
    let names: std::collections::BTreeSet<&String> =
        a.machine.keys().chain(b.machine.keys()).collect();
    for name in names {
        if !VOLATILE.contains(&name.as_str()) {
            let value = |of: &Manifest| of.machine.get(name).cloned().unwrap_or_default();
            note(name, &value(a), &value(b));
        }
    }
    found
}

fn table(both: &[(Place<'_>, Place<'_>)], compared: &Compared) -> Table {
    let panels: Vec<&PanelSummary> = both.iter().map(|((panel, _), _)| *panel).collect();
    let shape = Shape::of(&panels);
    let mut columns = shape.first_columns();
    let ratio = |title, hint| Column::number(title, "").hint(hint);
    let rate = |title| Column::number(title, "M ops/s").hint("Millions of operations a second");
    let memory = |title| Column::number(title, "B/entry").hint("Bytes of resident memory");
    columns.extend([
        ratio("B / A", "Relative to the peers or the control of each run"),
        Column::words("verdict").hint("What B / A says"),
        rate("A"),
        rate("B"),
        memory("A"),
        memory("B"),
        ratio("A × baseline", "Paired within run A").drops(1),
        ratio("B × baseline", "Paired within run B").drops(1),
    ]);
    Table {
        caption: format!(
            "{}B / A and the verdict are what `compare A B` says: the rate in B over that in A, each relative \
             to the peers or else the control of its own run. {}. {}.",
            shape.shared(&panels),
            counts(compared),
            compared.family.words()
        ),
        columns,
        rows: both
            .iter()
            .map(|(a, b)| row([*a, *b], shape, compared))
            .collect(),
        filters: FILTERS.to_vec(),
        sorts: true,
        ..Table::default()
    }
}

fn row([(panel, a), (_, b)]: [Place<'_>; 2], shape: Shape, compared: &Compared) -> Row {
    let rate = |cell: &CellSummary| {
        let rate = cell.rate.map(|rate| rate.map(|rate| rate / 1e6));
        Cell::figure(rate.map(|rate| (figure_within(&rate), rate.mid)))
    };
    let ratio = |cell: &CellSummary| {
        let ratio = cell.ratio.map(|ratio| ratio.interval);
        Cell::figure(ratio.map(|ratio| (times_within(&ratio), ratio.mid)))
    };
    let bytes = |cell: &CellSummary| {
        let bytes = cell.bytes_per_entry;
        Cell::figure(bytes.map(|bytes| (figure(bytes), bytes)))
    };
    let [quotient, verdict] = verdict([(panel, a), (panel, b)], compared);
    let mut cells = shape.first_cells(panel, a);
    cells.extend([
        quotient,
        verdict,
        rate(a),
        rate(b),
        bytes(a),
        bytes(b),
        ratio(a),
        ratio(b),
    ]);
    let row = row_of_cell(panel, a, cells);
    Row {
        standing: if b.error.is_some() {
            Standing::Failed
        } else {
            row.standing
        },
        ..row
    }
}

/// B / A as `compare` has it with what it says, or what stands in its place.
fn verdict([(panel, a), (_, b)]: [Place<'_>; 2], compared: &Compared) -> [Cell; 2] {
    for (name, cell) in [("A", a), ("B", b)] {
        if let Some(reason) = &cell.error {
            let text = format!("failed in {name}: {reason}");
            return [Cell::missing(), Cell::text(text).tone(Tone::Failed)];
        }
    }
    let place = place_of(panel);
    let cell = compared.cells.iter().find(|cell| {
        cell.place == place && cell.cell_ids == [&*a.entry.cell_id, &*b.entry.cell_id]
    });
    match cell {
        Some(cell) => ratio_and_verdict(cell),
        None if a.entry.twin => [Cell::default(), Cell::text("A/A control")],
        None => [Cell::default(), Cell::text("harness floor")],
    }
}

/// Charts with the same file name stand beside each other; the others alone.
fn charts<'r>(a: Run<'r>, b: Run<'r>) -> Vec<Block<'r>> {
    let mut either: Vec<&Chart> = a.charts.iter().collect();
    let only_b = |chart: &&Chart| !a.charts.iter().any(|other| other.file == chart.file);
    either.extend(b.charts.iter().filter(only_b));
    let side = |name, run: Run<'r>, file: &str| {
        let chart = run.charts.iter().find(|chart| chart.file == file);
        let block = chart.map(|chart| {
            Block::Chart(ChartView {
                // Both would have the same.
                anchor: String::new(),
                ..ChartView::of(chart)
            })
        });
        Side {
            name,
            blocks: vec![block.unwrap_or_else(|| Block::text("There is no such chart."))],
        }
    };
    let blocks = either.into_iter().flat_map(|chart| {
        let sides = vec![side("A", a, &chart.file), side("B", b, &chart.file)];
        [Block::heading(&chart.title), Block::Sides(sides)]
    });
    blocks.collect()
}
