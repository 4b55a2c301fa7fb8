//! Two runs side by side.
//!
//! Nothing is paired across runs: between them the machine may have changed, and with it every rate.
//! What two runs can be compared by is each cell's ratio to the baseline of its own run; rates stand
//! beside each other with their quotient, whose interval takes the outermost ends of both.

use super::Run;
use super::model::{Block, ChartView, FindingView, Page, Section, Side};
use super::view::head;
use crate::analysis::compare::{Place, pairs, places};
use crate::record::Manifest;
use crate::report::cells::{FILTERS, Shape, row as row_of_cell};
use crate::report::charts::Chart;
use crate::report::findings::findings;
use crate::report::format::{counted, figure, figure_within, times_within};
use crate::report::summary::{CellSummary, PanelSummary, Summary};
use crate::report::table::{Cell, Column, Row, Standing, Table, Tone};
use crate::stats::Interval;

/// The page of two runs. Each comes with the relative path of its report, which may be empty.
pub(super) fn page<'r>(a: (Run<'r>, &str), b: (Run<'r>, &str)) -> Page<'r> {
    let (run_a, run_b) = (a.0.summary, b.0.summary);
    let both = pairs(run_a, run_b);
    let differences = differences(&run_a.manifest, &run_b.manifest);
    let notes = notes(run_a, run_b, both.len(), &differences);
    let table = table(&both);
    let mut sections = vec![findings_of([a.0, b.0])];
    if !table.rows.is_empty() {
        let table = Block::table("cells-table", "Cells of both runs", table);
        sections.push(Section::new("cells", "Cells of both runs", vec![table]));
    }
    let charts = charts(a.0, b.0);
    if !charts.is_empty() {
        sections.push(Section::new("charts", "Charts", charts));
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
        "What differs in how they came about",
        vec![block],
    )
}

fn notes(a: &Summary, b: &Summary, both: usize, differences: &[[String; 3]]) -> Vec<String> {
    let mut notes = Vec::new();
    if both == 0 {
        notes.push(
            "The runs have no cell in common: nothing can be laid side by side but their findings."
                .to_owned(),
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

/// Facts of the machine that change by themselves and say nothing of what was measured.
const VOLATILE: [&str; 2] = ["load_average", "memory_available_bytes"];

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

fn table(both: &[(Place<'_>, Place<'_>)]) -> Table {
    let panels: Vec<&PanelSummary> = both.iter().map(|((panel, _), _)| *panel).collect();
    let shape = Shape::of(&panels);
    let mut columns = shape.first_columns();
    let ratio = |title, hint| Column::number(title, "").hint(hint);
    let rate = |title| Column::number(title, "M ops/s").hint("Millions of operations a second");
    let memory = |title| Column::number(title, "B/entry").hint("Bytes of resident memory");
    columns.extend([
        ratio("A × baseline", "Paired within run A"),
        ratio("B × baseline", "Paired within run B"),
        Column::words("standing").hint("Whether the ratios to the baseline agree"),
        rate("A"),
        rate("B"),
        ratio("B / A", "Quotient of the rates, not paired"),
        memory("A"),
        memory("B"),
    ]);
    Table {
        caption: format!(
            "{}Standing: whether the intervals of the two ratios to the baseline overlap, each widened by \
             the A/A noise of its panel. B / A is not paired, and its interval reaches from the least to \
             the most that the two intervals allow.",
            shape.shared(&panels)
        ),
        columns,
        rows: both.iter().map(|(a, b)| row(*a, *b, shape)).collect(),
        filters: FILTERS.to_vec(),
        sorts: true,
        ..Table::default()
    }
}

fn row((panel, a): Place<'_>, (other, b): Place<'_>, shape: Shape) -> Row {
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
    let quotient = quotient(a, b);
    let mut cells = shape.first_cells(panel, a);
    cells.extend([
        ratio(a),
        ratio(b),
        standing((panel, a), (other, b)),
        rate(a),
        rate(b),
        Cell::figure(quotient.map(|q| (times_within(&q), q.mid))),
        bytes(a),
        bytes(b),
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

/// The rate in B over that in A, as far as separate runs can say.
fn quotient(a: &CellSummary, b: &CellSummary) -> Option<Interval> {
    let (a, b) = (a.rate.filter(|rate| rate.low > 0.0)?, b.rate?);
    Some(Interval {
        low: b.low / a.high,
        mid: b.mid / a.mid,
        high: b.high / a.low,
    })
}

/// What became of the cell's ratio to the baseline from A to B.
fn standing((in_a, a): Place<'_>, (in_b, b): Place<'_>) -> Cell {
    for (name, cell) in [("A", a), ("B", b)] {
        if let Some(reason) = &cell.error {
            return Cell::text(format!("failed in {name}: {reason}")).tone(Tone::Failed);
        }
    }
    let (Some(of_a), Some(of_b)) = (a.ratio, b.ratio) else {
        let is_baseline = a.entry.cell_id == in_a.entry.baseline && a.rate.is_some();
        return Cell::text(if a.entry.control {
            "harness floor"
        } else if is_baseline && b.rate.is_some() {
            "baseline"
        } else {
            "not measured in both"
        });
    };
    let widened = |ratio: Interval, noise: f64| (ratio.low.ln() - noise, ratio.high.ln() + noise);
    let (low_a, high_a) = widened(of_a.interval, in_a.noise_band);
    let (low_b, high_b) = widened(of_b.interval, in_b.noise_band);
    let (text, tone) = if low_b > high_a {
        ("better in B", Tone::Good)
    } else if high_b < low_a {
        ("worse in B", Tone::Bad)
    } else {
        ("as in A", Tone::Plain)
    };
    Cell::text(text).tone(tone)
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
