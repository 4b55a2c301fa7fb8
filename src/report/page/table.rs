//! The table of a suite: a row per cell, with what to sort and filter it by.

use serde::Serialize;

use super::view::grouped;
use crate::report::format::{counted, duration_within, figure, figure_within, times_within};
use crate::report::summary::{CellSummary, PanelSummary, Tally, Verdict};

/// A table that sorts by its columns and filters by strategy, workload and threads.
#[derive(Serialize)]
pub(super) struct Table {
    /// What all rows have in common, and what a reader must know of the columns.
    pub caption: String,
    /// What a reader must know of the bars; empty where there are none.
    pub legend: &'static str,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    pub filters: Vec<Filter>,
}

#[derive(Serialize)]
pub(super) struct Column {
    pub title: String,
    /// What the figure is; empty where the title says it.
    pub hint: &'static str,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    /// A target, with its colour.
    Target,
    Text,
    Number,
    /// A drawing; it is left out where only text is shown.
    Bar,
    Verdict,
}

#[derive(Serialize)]
pub(super) struct Row {
    pub strategy: String,
    pub workload: String,
    pub threads: u32,
    /// Empty, or what sets the row apart: `control`, `failed`.
    pub class: &'static str,
    /// The colour of the strategy: the end of a class in the style sheet.
    pub colour: String,
    pub cells: Vec<Cell>,
}

#[derive(Default, Serialize)]
pub(super) struct Cell {
    pub text: String,
    /// What stands behind the text in small: an interval.
    pub note: String,
    /// What to sort by where that is not the text.
    pub value: Option<String>,
    pub bar: Option<Bar>,
    pub class: &'static str,
}

/// A median and its interval in percent of the scale, which starts at 0.
#[derive(Serialize)]
pub(super) struct Bar {
    pub low: String,
    pub mid: String,
    pub high: String,
}

/// A choice of what is shown.
#[derive(Serialize)]
pub(super) struct Filter {
    pub name: &'static str,
    pub values: Vec<String>,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell {
            text: text.into(),
            ..Cell::default()
        }
    }

    pub fn count(count: u64) -> Cell {
        Cell {
            value: Some(count.to_string()),
            ..Cell::text(grouped(count))
        }
    }

    /// A figure as shown, the interval behind it in small; what was not measured is a dash.
    pub fn figure(shown: Option<(String, f64)>) -> Cell {
        let Some((shown, value)) = shown else {
            return Cell::text("–");
        };
        let (text, note) = shown.split_once(' ').unwrap_or((&shown, ""));
        Cell {
            note: note.to_owned(),
            value: Some(sortable(value)),
            ..Cell::text(text)
        }
    }

    fn tally(tally: Option<Tally>) -> Cell {
        match tally {
            None => Cell::text("–"),
            Some(Tally::Each(count)) => Cell::count(count),
            Some(Tally::Median(count)) => Cell {
                text: format!("~{}", grouped(count)),
                ..Cell::count(count)
            },
        }
    }
}

/// A figure to sort by: six digits are more than the figure is good for.
fn sortable(figure: f64) -> String {
    format!("{figure:.5e}")
}

/// The optional columns of a table: what is the same in all rows needs none.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one per column, independent of each other"
)]
pub(super) struct Shape {
    entries: bool,
    batch: bool,
    hash: bool,
    answers: bool,
    longest: bool,
    counted: bool,
}

impl Shape {
    pub fn of(panels: &[&PanelSummary]) -> Shape {
        let cells = panels.iter().flat_map(|panel| &panel.cells);
        let longest = cells.clone().any(|cell| cell.longest_op_ns.is_some());
        let counted = |cell: &CellSummary| {
            cell.counted.instructions.is_some() || cell.counted.cycles.is_some()
        };
        Shape {
            longest,
            counted: cells.clone().any(counted),
            entries: distinct(panels.iter().map(|panel| panel.entry.entries)).len() > 1,
            batch: distinct(panels.iter().map(|panel| panel.entry.batch)).len() > 1,
            hash: distinct(cells.map(|cell| &cell.entry.hash)).len() > 1,
            answers: panels.iter().any(|panel| panel.has_misses()),
        }
    }

    /// The columns that say which cell a row is.
    pub fn first_columns(self) -> Vec<Column> {
        let optional = [
            (self.entries, "Entries", Kind::Number),
            (self.batch, "Batch", Kind::Number),
            (self.hash, "Hash", Kind::Text),
        ];
        let always = [
            (true, "Target", Kind::Target),
            (true, "Workload", Kind::Text),
            (true, "Threads", Kind::Number),
        ];
        always
            .into_iter()
            .chain(optional)
            .filter(|(shown, ..)| *shown)
            .map(|(_, title, kind)| Column::new(title, kind, ""))
            .collect()
    }

    /// What stands in them.
    pub fn first_cells(self, panel: &PanelSummary, cell: &CellSummary) -> Vec<Cell> {
        let entry = &panel.entry;
        let mut cells = vec![
            Cell::text(target(cell)),
            Cell::text(&entry.workload),
            Cell::count(u64::from(entry.threads)),
        ];
        if self.entries {
            cells.push(match entry.entries {
                0 => Cell::text("–"),
                entries => Cell::count(entries),
            });
        }
        if self.batch {
            cells.push(Cell::count(u64::from(entry.batch)));
        }
        if self.hash {
            cells.push(Cell::text(&cell.entry.hash));
        }
        cells
    }

    /// What they need not say because it is the same everywhere: a sentence, or nothing.
    pub fn shared(self, panels: &[&PanelSummary]) -> String {
        let Some(panel) = panels.first() else {
            return String::new();
        };
        let mut shared = Vec::new();
        if !self.entries && panel.entry.entries > 0 {
            shared.push(format!("{} entries", grouped(panel.entry.entries)));
        }
        if !self.batch {
            shared.push(match panel.entry.batch {
                1 => "one operation at a time".to_owned(),
                batch => format!("batches of {batch}"),
            });
        }
        if let Some(cell) = panel.cells.first().filter(|_| !self.hash) {
            shared.push(format!("hash {}", cell.entry.hash));
        }
        match shared.as_slice() {
            [] => String::new(),
            some => format!("All with {}. ", some.join(", ")),
        }
    }
}

impl Column {
    pub fn new(title: &str, kind: Kind, hint: &'static str) -> Column {
        Column {
            title: title.to_owned(),
            kind,
            hint,
        }
    }
}

impl Table {
    /// The table of some panels: each ranked, then what has no figures, then its controls.
    pub fn of(panels: &[&PanelSummary]) -> Table {
        // At a pace the rate is the one that was asked for: those have a table of their own.
        let free: Vec<&PanelSummary> = panels
            .iter()
            .copied()
            .filter(|panel| {
                panel.entry.pace.is_none() || panel.cells.iter().all(|cell| cell.latency.is_empty())
            })
            .collect();
        let panels = free.as_slice();
        let shape = Shape::of(panels);
        let rows: Vec<Row> = panels.iter().flat_map(|panel| rows(panel, shape)).collect();
        Table {
            caption: caption(panels, shape),
            legend: "A bar starts at 0 and is full at the highest rate of its panel; the line on it is the \
                     interval.",
            columns: columns(shape),
            filters: filters(&rows),
            rows,
        }
    }
}

/// The choices that the rows give, in the order in which they come.
pub(super) fn filters(rows: &[Row]) -> Vec<Filter> {
    let mut threads = distinct(rows.iter().map(|row| row.threads));
    threads.sort_unstable();
    vec![
        Filter {
            name: "strategy",
            values: distinct(rows.iter().map(|row| row.strategy.clone())),
        },
        Filter {
            name: "workload",
            values: distinct(rows.iter().map(|row| row.workload.clone())),
        },
        Filter {
            name: "threads",
            values: threads.iter().map(u32::to_string).collect(),
        },
    ]
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

fn caption(panels: &[&PanelSummary], shape: Shape) -> String {
    format!(
        "{}Rates are medians over slices or passes with their 95 % intervals, ratios are paired within \
         rounds.",
        shape.shared(panels)
    )
}

fn columns(shape: Shape) -> Vec<Column> {
    let mut columns = shape.first_columns();
    columns.extend([
        Column::new(
            "M ops/s",
            Kind::Number,
            "Millions of operations a second, over all threads",
        ),
        Column::new(
            "MAD",
            Kind::Number,
            "Median absolute deviation of the slices or passes, in percent of the rate; outliers lie further from \
             the median than 3.5 scaled MAD (Iglewicz and Hoaglin 1993) and are in all figures",
        ),
        Column::new(
            "Interval",
            Kind::Bar,
            "Part of the highest rate in its panel",
        ),
        Column::new(
            "ns/op",
            Kind::Number,
            "Nanoseconds of one thread an operation",
        ),
        Column::new(
            "× baseline",
            Kind::Number,
            "The rate over that of the panel's baseline, paired",
        ),
        Column::new("Verdict", Kind::Verdict, ""),
        Column::new(
            "B/entry",
            Kind::Number,
            "Growth of resident memory over the entries, in bytes",
        ),
    ]);
    if shape.counted {
        let hint = "In user space, the loop of the harness and the hash included";
        for title in ["Instr/op", "Cycles/op"] {
            columns.push(Column::new(title, Kind::Number, hint));
        }
    }
    if shape.longest {
        columns.push(Column::new(
            "Longest op",
            Kind::Number,
            "Of a pass with a clock around every operation, less run-queue delay: median and range",
        ));
    }
    if shape.answers {
        for title in ["Requests", "Hits", "Misses"] {
            columns.push(Column::new(title, Kind::Number, "In each trial"));
        }
    }
    columns
}

fn rows(panel: &PanelSummary, shape: Shape) -> Vec<Row> {
    let mut order = panel.ranking();
    let full = order
        .iter()
        .filter_map(|cell| cell.rate)
        .map(|rate| rate.high)
        .fold(0.0, f64::max);
    let rest = |cell: &&CellSummary| cell.ranked() && cell.rate.is_none();
    order.extend(panel.cells.iter().filter(rest));
    order.extend(panel.cells.iter().filter(|cell| !cell.ranked()));
    order
        .into_iter()
        .map(|cell| row(panel, cell, shape, full))
        .collect()
}

fn row(panel: &PanelSummary, cell: &CellSummary, shape: Shape, full: f64) -> Row {
    let entry = &panel.entry;
    let mut cells = shape.first_cells(panel, cell);
    let rate = cell.rate.map(|rate| rate.map(|rate| rate / 1e6));
    let ratio = cell.ratio.map(|ratio| ratio.interval);
    cells.extend([
        Cell::figure(rate.map(|rate| (figure_within(&rate), rate.mid))),
        spread(cell),
        Cell {
            value: cell.rate.map(|rate| sortable(rate.mid / full)),
            // A control answers without a table: its rate has no place on the scale of those that have one.
            bar: cell
                .rate
                .filter(|_| full > 0.0 && !cell.entry.control)
                .map(|rate| {
                    let percent = |rate: f64| format!("{:.1}", (rate / full * 100.0).min(100.0));
                    Bar {
                        low: percent(rate.low),
                        mid: percent(rate.mid),
                        high: percent(rate.high),
                    }
                }),
            ..Cell::default()
        },
        Cell::figure(cell.ns_per_op.map(|ns| (figure(ns.mid), ns.mid))),
        Cell::figure(ratio.map(|ratio| (times_within(&ratio), ratio.mid))),
        verdict(cell),
        Cell::figure(cell.bytes_per_entry.map(|bytes| (figure(bytes), bytes))),
    ]);
    if shape.counted {
        let both = [cell.counted.instructions, cell.counted.cycles];
        cells.extend(both.map(|count| Cell::figure(count.map(|count| (figure(count), count)))));
    }
    if shape.longest {
        let longest = cell.longest_op_ns;
        cells.push(Cell::figure(
            longest.map(|ns| (duration_within(&ns), ns.mid)),
        ));
    }
    if shape.answers {
        // Where nothing can miss, the counts say how long it was measured and no more; a control answers
        // every get.
        let told = panel.has_misses() && !cell.entry.control;
        cells.extend([cell.ops, cell.hits, cell.misses].map(|tally| {
            if told {
                Cell::tally(tally)
            } else {
                Cell::default()
            }
        }));
    }
    Row {
        strategy: cell.entry.strategy.clone(),
        workload: entry.workload.clone(),
        threads: entry.threads,
        class: match cell.verdict {
            Verdict::Error => "failed",
            _ if !cell.ranked() => "control",
            _ => "",
        },
        colour: colour(cell),
        cells,
    }
}

/// How far the rates lie apart, and how many of them lie outside.
fn spread(cell: &CellSummary) -> Cell {
    let part = cell.spread.zip(cell.rate).map(|(spread, rate)| {
        let part = spread.mad / rate.mid;
        (format!("{}\u{a0}%", figure(100.0 * part)), part)
    });
    let outliers = cell.spread.map_or(0, |spread| spread.outliers as u64);
    Cell {
        note: match outliers {
            0 => String::new(),
            some => counted(some, "outlier"),
        },
        ..Cell::figure(part)
    }
}

/// The target as people read it, with what sets it apart.
pub(super) fn target(cell: &CellSummary) -> String {
    if cell.entry.twin {
        format!("{} (twin)", cell.entry.target)
    } else {
        cell.entry.target.clone()
    }
}

/// The colour that the strategy has in the charts: one of eight, or that of controls.
pub(super) fn colour(cell: &CellSummary) -> String {
    if cell.entry.control {
        "c".to_owned()
    } else {
        (cell.entry.colour % 8).to_string()
    }
}

pub(super) fn verdict(cell: &CellSummary) -> Cell {
    let (text, class) = match cell.verdict {
        Verdict::Baseline => ("baseline".to_owned(), ""),
        Verdict::Faster => ("faster".to_owned(), "faster"),
        Verdict::Slower => ("slower".to_owned(), "slower"),
        Verdict::NoDifference => ("no difference".to_owned(), ""),
        Verdict::Undecided => match cell.ratio {
            Some(ratio) => (
                format!("undecided: {}", counted(ratio.pairs as u64, "pair")),
                "",
            ),
            None => ("no baseline".to_owned(), ""),
        },
        Verdict::Control if cell.entry.twin => ("A/A control".to_owned(), ""),
        Verdict::Control => ("harness floor".to_owned(), ""),
        Verdict::NotMeasured => ("not measured".to_owned(), "missing"),
        Verdict::OpenLoop => ("open loop".to_owned(), ""),
        Verdict::Error => {
            let reason = cell.error.as_deref().unwrap_or_default();
            (format!("failed: {reason}"), "failed")
        }
    };
    Cell {
        class,
        ..Cell::text(text)
    }
}
