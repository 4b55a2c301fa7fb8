//! Two runs side by side.
//!
//! Nothing is paired across runs: between them the machine may have changed, and with it every rate.
//! What two runs can be compared by is each cell's ratio to the baseline of its own run; rates stand
//! beside each other with their quotient, whose interval takes the outermost ends of both.

use serde::Serialize;

use super::Run;
use super::table::{Cell, Column, Kind, Row, Shape, Table, colour, filters};
use super::view::{ChartView, Head, chart_view};
use crate::analysis::compare::{Place, pairs, places};
use crate::record::Manifest;
use crate::report::findings::findings;
use crate::report::format::{counted, figure, figure_within, times_within};
use crate::report::summary::{CellSummary, PanelSummary, Summary};
use crate::stats::Interval;

/// The whole page.
#[derive(Serialize)]
pub(super) struct Comparison<'r> {
    pub title: String,
    /// The two runs.
    pub sides: Vec<Side>,
    /// What a reader must know before any figure.
    pub notes: Vec<String>,
    /// What differs in how the runs came about: name, of A, of B.
    pub differences: Vec<[String; 3]>,
    pub table: Table,
    /// Charts of the same name, of A and of B.
    pub charts: Vec<[Option<ChartView<'r>>; 2]>,
}

#[derive(Serialize)]
pub(super) struct Side {
    /// `A` or `B`.
    pub name: &'static str,
    pub head: Head,
    /// Relative path of its report; may be empty.
    pub link: String,
    pub findings: Vec<String>,
}

impl<'r> Comparison<'r> {
    pub fn of(a: (Run<'r>, &str), b: (Run<'r>, &str)) -> Comparison<'r> {
        let (run_a, run_b) = (a.0.summary, b.0.summary);
        let both = pairs(run_a, run_b);
        let differences = differences(&run_a.manifest, &run_b.manifest);
        Comparison {
            title: format!("{} and {}", run_a.manifest.run_id, run_b.manifest.run_id),
            sides: vec![side("A", a), side("B", b)],
            notes: notes(run_a, run_b, both.len(), &differences),
            differences,
            table: table(&both),
            charts: charts(a.0, b.0),
        }
    }
}

fn side(name: &'static str, (run, link): (Run<'_>, &str)) -> Side {
    let texts = findings(run.summary).into_iter().map(|f| f.text);
    Side {
        name,
        head: Head::of(run.summary, run.records),
        link: link.to_owned(),
        findings: texts.collect(),
    }
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
    let more = [
        ("A × baseline", Kind::Number, "Paired within run A"),
        ("B × baseline", Kind::Number, "Paired within run B"),
        (
            "Standing",
            Kind::Verdict,
            "Whether the ratios to the baseline agree",
        ),
        ("A M ops/s", Kind::Number, "Millions of operations a second"),
        ("B M ops/s", Kind::Number, "Millions of operations a second"),
        ("B / A", Kind::Number, "Quotient of the rates, not paired"),
        ("A B/entry", Kind::Number, "Bytes of resident memory"),
        ("B B/entry", Kind::Number, "Bytes of resident memory"),
    ];
    columns.extend(more.map(|(title, kind, hint)| Column::new(title, kind, hint)));
    let rows: Vec<Row> = both.iter().map(|(a, b)| row(*a, *b, shape)).collect();
    Table {
        caption: format!(
            "{}Standing: whether the intervals of the two ratios to the baseline overlap, each widened by \
             the A/A noise of its panel. B / A is not paired, and its interval reaches from the least to \
             the most that the two intervals allow.",
            shape.shared(&panels)
        ),
        legend: "",
        columns,
        filters: filters(&rows),
        rows,
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
    Row {
        strategy: a.entry.strategy.clone(),
        workload: panel.entry.workload.clone(),
        threads: panel.entry.threads,
        class: match (&a.error, &b.error) {
            (None, None) if a.ranked() => "",
            (None, None) => "control",
            _ => "failed",
        },
        colour: colour(a),
        cells,
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
            return Cell {
                class: "failed",
                ..Cell::text(format!("failed in {name}: {reason}"))
            };
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
    let (text, class) = if low_b > high_a {
        ("better in B", "faster")
    } else if high_b < low_a {
        ("worse in B", "slower")
    } else {
        ("as in A", "")
    };
    Cell {
        class,
        ..Cell::text(text)
    }
}

/// Charts with the same file name stand beside each other; the others alone.
fn charts<'r>(a: Run<'r>, b: Run<'r>) -> Vec<[Option<ChartView<'r>>; 2]> {
    let find = |run: Run<'r>, file: &str| {
        let chart = run.charts.iter().find(|chart| chart.file == file);
        chart.map(chart_view)
    };
    let mut files: Vec<&str> = Vec::new();
    for chart in a.charts.iter().chain(b.charts) {
        if !files.contains(&chart.file.as_str()) {
            files.push(&chart.file);
        }
    }
    files
        .into_iter()
        .map(|file| [find(a, file), find(b, file)])
        .collect()
}
