//! The table of a run's cells: a panel's for a terminal, a suite's for a page.
//!
//! The columns are the same; a suite's rows say besides which workload and threads they are of, and
//! have what a page has room for.

use super::charts::classes;
use super::format::{counted, duration_within, figure, figure_within, grouped, many, times_within};
use super::labels::on_cores;
use super::summary::{CellSummary, PanelSummary, Tally, Verdict};
use super::table::{Bar, Cell, Column, Kind, Row, Standing, Table, Tone};
use crate::analysis::{Difference, Noise, Share};
use crate::base::asked_in_words;

/// What a page filters cells by; the keys of a row are these in this order.
pub(super) const FILTERS: [&str; 3] = ["strategy", "workload", "threads"];

/// The optional columns of a table: what is the same in all rows needs none.
#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one per column, independent of each other"
)]
pub(super) struct Shape {
    entries: bool,
    batch: bool,
    asked: bool,
    between: bool,
    hash: bool,
    ratio: bool,
    memory: bool,
    emptied: bool,
    answers: bool,
    shares: bool,
    loads: bool,
    longest: bool,
    counted: bool,
}

/// Cells of one panel: the ranked by rate, then those without figures.
pub(super) fn panel_table(panel: &PanelSummary) -> Table {
    let shape = Shape::of(&[panel]);
    let rows = ranked(panel).into_iter();
    Table {
        columns: [Column::target("target")]
            .into_iter()
            .chain(shape.panel_columns(panel))
            .collect(),
        rows: rows.map(|cell| shape.panel_row(panel, cell)).collect(),
        ..Table::default()
    }
}

/// Cells of some panels: each ranked, then what has no figures, then its controls.
pub(super) fn suite_table(panels: &[&PanelSummary]) -> Table {
    // At a pace the rate is the one that was asked for: those have a table of their own.
    let free = |panel: &&PanelSummary| {
        panel.entry.pace.is_none() || panel.cells.iter().all(|cell| cell.latency.is_empty())
    };
    let panels: Vec<&PanelSummary> = panels.iter().copied().filter(free).collect();
    let shape = Shape::of(&panels);
    Table {
        caption: format!(
            "{}Rates are medians over slices or passes with their 95 % intervals, ratios are paired within \
             rounds.",
            shape.shared(&panels)
        ),
        legend: "A bar starts at 0 and is full at the highest rate of its panel; the line on it is the interval.",
        columns: shape.suite_columns(),
        rows: panels
            .iter()
            .flat_map(|panel| shape.suite_rows(panel))
            .collect(),
        filters: FILTERS.to_vec(),
        sorts: true,
    }
}

impl Shape {
    pub fn of(panels: &[&PanelSummary]) -> Shape {
        let cells = || panels.iter().flat_map(|panel| &panel.cells);
        let ranked = || cells().filter(|cell| cell.ranked());
        let counted = |cell: &CellSummary| {
            cell.counted.instructions.is_some() || cell.counted.cycles.is_some()
        };
        Shape {
            ratio: ranked().any(|cell| cell.ratio.is_some()),
            memory: ranked().any(|cell| cell.bytes_per_entry.is_some()),
            emptied: ranked().any(|cell| cell.emptied_per_entry.is_some()),
            shares: cells().any(|cell| cell.share.is_some()),
            loads: panels
                .iter()
                .any(|panel| panel.cells.iter().any(|cell| loads(panel, cell).is_some())),
            longest: cells().any(|cell| cell.longest_op_ns.is_some()),
            counted: cells().any(counted),
            entries: differ(panels.iter().map(|panel| panel.entry.entries)),
            asked: differ(panels.iter().map(|panel| panel.entry.asked())),
            batch: differ(panels.iter().map(|panel| panel.entry.batch)),
            between: differ(panels.iter().map(|panel| panel.entry.between)),
            hash: differ(cells().map(|cell| &cell.entry.hash)),
            answers: panels.iter().any(|panel| panel.has_misses()),
        }
    }

    /// The columns that say which cell a row is.
    pub fn first_columns(self) -> Vec<Column> {
        let mut columns = vec![
            Column::target("target"),
            Column::text("workload"),
            Column::number("threads", ""),
        ];
        let optional = [
            (self.entries, Column::number("entries", "")),
            (self.batch, Column::number("batch", "")),
            (self.asked, Column::number("connections", "")),
            (self.asked, Column::number("depth", "")),
            (self.between, Column::text("between")),
            (self.hash, Column::text("hash")),
        ];
        let shown = optional.into_iter().filter(|(shown, _)| *shown);
        columns.extend(shown.map(|(_, column)| column));
        columns
    }

    /// What stands in them.
    pub fn first_cells(self, panel: &PanelSummary, cell: &CellSummary) -> Vec<Cell> {
        let entry = &panel.entry;
        let mut cells = vec![
            Cell::text(target(cell)),
            Cell::text(&entry.workload),
            threads(panel),
        ];
        if self.entries {
            cells.push(match entry.entries {
                0 => Cell::missing(),
                entries => Cell::count(entries),
            });
        }
        if self.batch {
            cells.push(Cell::count(u64::from(entry.batch)));
        }
        if self.asked {
            cells.extend(asked(panel));
        }
        if self.between {
            cells.push(Cell::text(entry.between.to_string()));
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
            shared.push(many(panel.entry.entries, "entry"));
        }
        if !self.batch {
            shared.push(match panel.entry.batch {
                1 => "one operation at a time".to_owned(),
                batch => format!("batches of {batch}"),
            });
        }
        let (connections, depth) = panel.entry.asked();
        let words = asked_in_words(connections, depth);
        if !self.asked && !words.is_empty() {
            shared.push(words.trim_start_matches(", ").to_owned());
        }
        if !self.between {
            shared.push(panel.entry.between.words());
        }
        if let Some(cell) = panel.cells.first().filter(|_| !self.hash) {
            shared.push(format!("hash {}", cell.entry.hash));
        }
        match shared.as_slice() {
            [] => String::new(),
            some => format!("All with {}. ", some.join(", ")),
        }
    }

    /// The columns of a panel after its targets; what gives way first is what others say again.
    fn panel_columns(self, panel: &PanelSummary) -> Vec<Column> {
        let over = match panel.baseline() {
            // A long baseline would set the width of the column.
            Some(baseline) if panel.label(baseline).len() <= 12 => panel.label(baseline),
            _ => "baseline".to_owned(),
        };
        let mut columns = vec![rate_column().narrows(1), time_column().drops(3)];
        if self.ratio {
            columns.push(ratio_column(&over).narrows(5).drops(6));
        }
        if self.memory {
            columns.push(memory_column().drops(2));
        }
        if self.emptied {
            let [peak, emptied] = emptied_columns();
            // A fill is about these.
            columns.extend([peak.drops(11), emptied.drops(10)]);
        }
        if self.loads {
            columns.push(loads_column().drops(1));
        }
        if self.longest {
            columns.push(longest_column().drops(9));
        }
        if self.answers {
            let [requests, hits, misses] = answer_columns();
            columns.extend([requests.drops(4), hits.drops(7), misses.drops(8)]);
        }
        if self.shares {
            // A rate over several threads means little without them.
            columns.push(share_column().drops(12));
        }
        columns.push(Column::words(""));
        columns
    }

    fn panel_row(self, panel: &PanelSummary, cell: &CellSummary) -> Row {
        let verdict = verdict(cell, panel.noise());
        let name = Cell::text(panel.label(cell));
        let mut cells = vec![
            if verdict.tone == Tone::Failed {
                name.tone(Tone::Failed)
            } else {
                name
            },
            rate(cell),
            time(cell),
        ];
        if self.ratio {
            cells.push(ratio(cell));
        }
        if self.memory {
            cells.push(memory(cell));
        }
        if self.emptied {
            cells.extend(emptied(cell));
        }
        if self.loads {
            cells.push(Cell::figure(loads(panel, cell)));
        }
        if self.longest {
            cells.push(longest(cell));
        }
        if self.answers {
            cells.extend(answers(panel, cell));
        }
        if self.shares {
            cells.push(share(panel, cell));
        }
        cells.push(verdict);
        row(panel, cell, cells)
    }

    /// What answers comes first; the rest a page shows when it is asked to.
    fn suite_columns(self) -> Vec<Column> {
        let mut columns = self.first_columns();
        columns.extend([
            rate_column(),
            Column::new(Kind::Bar, "interval").hint("Part of the highest rate in its panel"),
            ratio_column("baseline"),
            Column::words("verdict"),
            memory_column(),
        ]);
        if self.emptied {
            columns.extend(emptied_columns());
        }
        if self.longest {
            columns.push(longest_column());
        }
        let [requests, hits, misses] = answer_columns();
        if self.answers {
            columns.push(misses);
        }
        let spread = Column::number("MAD", "").hint(
            "Median absolute deviation of the slices or passes, in percent of the rate; outliers lie further \
             from the median than 3.5 scaled MAD (Iglewicz and Hoaglin 1993) and are in all figures",
        );
        let mut lesser = vec![time_column(), spread];
        if self.answers {
            lesser.extend([requests, hits]);
        }
        if self.counted {
            let hint = "In user space, the loop of the harness and the hash included";
            let units = ["instr/op", "cycles/op"];
            lesser.extend(units.map(|unit| Column::number("", unit).hint(hint)));
        }
        if self.loads {
            lesser.push(loads_column());
        }
        if self.shares {
            lesser.push(share_column());
        }
        columns.extend(lesser.into_iter().map(|column| column.drops(1)));
        columns
    }

    fn suite_rows(self, panel: &PanelSummary) -> Vec<Row> {
        let mut order = ranked(panel);
        let rates = order.iter().filter_map(|cell| cell.rate);
        let full = rates.map(|rate| rate.high).fold(0.0, f64::max);
        order.extend(panel.cells.iter().filter(|cell| !cell.ranked()));
        let order = order.into_iter();
        order
            .map(|cell| self.suite_row(panel, cell, full))
            .collect()
    }

    fn suite_row(self, panel: &PanelSummary, cell: &CellSummary, full: f64) -> Row {
        let mut cells = self.first_cells(panel, cell);
        cells.extend([
            rate(cell),
            bar(cell, full),
            ratio(cell),
            verdict(cell, panel.noise()),
            memory(cell),
        ]);
        if self.emptied {
            cells.extend(emptied(cell));
        }
        if self.longest {
            cells.push(longest(cell));
        }
        let [requests, hits, misses] = answers(panel, cell);
        if self.answers {
            cells.push(misses);
        }
        cells.extend([time(cell), spread(cell)]);
        if self.answers {
            cells.extend([requests, hits]);
        }
        if self.counted {
            let both = [cell.counted.instructions, cell.counted.cycles];
            cells.extend(both.map(|count| Cell::figure(count.map(|count| (figure(count), count)))));
        }
        if self.loads {
            cells.push(Cell::figure(loads(panel, cell)));
        }
        if self.shares {
            cells.push(share(panel, cell));
        }
        row(panel, cell, cells)
    }
}

/// A row of a cell, with what it is coloured and filtered by.
pub(super) fn row(panel: &PanelSummary, cell: &CellSummary, cells: Vec<Cell>) -> Row {
    Row {
        cells,
        standing: match (&cell.error, cell.ranked()) {
            (Some(_), _) => Standing::Failed,
            (None, false) => Standing::Control,
            (None, true) => Standing::Plain,
        },
        look: classes(cell),
        keys: vec![
            cell.entry.strategy.clone(),
            panel.entry.workload.clone(),
            panel.entry.threads.to_string(),
        ],
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

/// Ranked cells by rate, then those without figures.
fn ranked(panel: &PanelSummary) -> Vec<&CellSummary> {
    let mut order = panel.ranking();
    let without = |cell: &&CellSummary| cell.ranked() && cell.rate.is_none();
    order.extend(panel.cells.iter().filter(without));
    order
}

/// How many threads, and on how many cores where they take turns.
pub(super) fn threads(panel: &PanelSummary) -> Cell {
    let count = panel.entry.threads;
    Cell {
        value: Some(count.to_string()),
        ..Cell::text(on_cores(grouped(u64::from(count)), panel.crowded_on()))
    }
}

fn share_column() -> Column {
    Column::number("thread shares", "").hint(
        "Of all operations, those of the slowest and of the fastest thread, medians over slices; in a pass, \
         whose threads have equal work, of the sum of their rates",
    )
}

fn share(panel: &PanelSummary, cell: &CellSummary) -> Cell {
    let percent = |share: f64| figure(100.0 * share);
    let ends = |share: Share| {
        format!(
            "{}–{}\u{a0}%",
            percent(share.slowest),
            percent(share.fastest)
        )
    };
    match cell.share {
        Some(share) => Cell::figure(Some((ends(share), share.slowest))),
        // One thread does all of it.
        None if panel.entry.threads == 1 => Cell::default(),
        None => Cell::missing(),
    }
}

fn differ<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
    let first = values.next();
    values.any(|value| Some(value) != first)
}

fn rate_column() -> Column {
    Column::number("", "M ops/s").hint("Millions of operations a second, over all threads")
}

fn rate(cell: &CellSummary) -> Cell {
    let rate = cell.rate.map(|rate| rate.map(|rate| rate / 1e6));
    Cell::figure(rate.map(|rate| (figure_within(&rate), rate.mid)))
}

/// How far the rates lie apart, and how many of them lie outside.
fn spread(cell: &CellSummary) -> Cell {
    let part = cell.spread.zip(cell.rate).map(|(spread, rate)| {
        let part = spread.mad / rate.mid;
        (format!("{}\u{a0}%", figure(100.0 * part)), part)
    });
    let outliers = cell.spread.map_or(0, |spread| spread.outliers as u64);
    Cell {
        interval: match outliers {
            0 => String::new(),
            some => counted(some, "outlier"),
        },
        ..Cell::figure(part)
    }
}

fn bar(cell: &CellSummary, full: f64) -> Cell {
    // A control answers without a table: its rate has no place on the scale of those that have one.
    let drawn = cell.rate.filter(|_| full > 0.0 && !cell.entry.control);
    let percent = |rate: f64| (rate / full * 100.0).min(100.0);
    Cell {
        value: cell.rate.map(|rate| format!("{:.5e}", rate.mid / full)),
        bar: drawn.map(|rate| Bar {
            low: percent(rate.low),
            mid: percent(rate.mid),
            high: percent(rate.high),
        }),
        ..Cell::default()
    }
}

fn time_column() -> Column {
    Column::number("", "ns/op").hint("Nanoseconds of one thread an operation")
}

fn time(cell: &CellSummary) -> Cell {
    Cell::figure(cell.ns_per_op.map(|ns| (figure(ns.mid), ns.mid)))
}

fn ratio_column(over: &str) -> Column {
    Column::number(&format!("× {over}"), "")
        .hint("The rate over that of the panel's baseline, paired")
}

fn ratio(cell: &CellSummary) -> Cell {
    let ratio = cell.ratio.map(|ratio| ratio.interval);
    Cell::figure(ratio.map(|ratio| (times_within(&ratio), ratio.mid))).tone(match cell.verdict {
        Verdict::Is(Difference::Faster) => Tone::Good,
        Verdict::Is(Difference::Slower) => Tone::Bad,
        _ => Tone::Plain,
    })
}

fn memory_column() -> Column {
    Column::number("", "B/entry").hint("Growth of resident memory over the entries, in bytes")
}

fn memory(cell: &CellSummary) -> Cell {
    Cell::figure(cell.bytes_per_entry.map(|bytes| (figure(bytes), bytes)))
}

fn emptied_columns() -> [Column; 2] {
    [
        Column::number("peak", "B/entry").hint(
            "The highest growth of resident memory while the table was filled, over the entries, in bytes",
        ),
        Column::number("emptied", "B/entry").hint(
            "Growth of resident memory that is left after all entries were removed, over the entries that were \
             there, in bytes",
        ),
    ]
}

fn emptied(cell: &CellSummary) -> [Cell; 2] {
    let both = [cell.peak_per_entry, cell.emptied_per_entry];
    both.map(|bytes| Cell::figure(bytes.map(|bytes| (figure(bytes), bytes))))
}

fn loads_column() -> Column {
    Column::number("loads/op", "").hint(
        "Dependent loads that a chained operation waits for: its time beyond the harness, over that of one such \
         load on memory of the table's size. In batches: operations for each line that memory could deliver",
    )
}

/// Loads that an operation waits for, or lines that a batch reaches.
fn loads(panel: &PanelSummary, cell: &CellSummary) -> Option<(String, f64)> {
    let waited = panel.dependent_loads(cell);
    let reached = || panel.share_of_lines(cell);
    match waited {
        Some(loads) => Some((format!("{loads:.1}"), loads)),
        None => reached().map(|share| (format!("{:.0} % of lines", share * 100.0), share)),
    }
}

fn longest_column() -> Column {
    Column::number("longest op", "").hint(
        "Of a pass with a clock around every operation, less run-queue delay: median and range",
    )
}

fn longest(cell: &CellSummary) -> Cell {
    let longest = cell.longest_op_ns;
    Cell::figure(longest.map(|ns| (duration_within(&ns), ns.mid)))
}

fn answer_columns() -> [Column; 3] {
    ["requests", "hits", "misses"].map(|title| Column::number(title, "").hint("In each trial"))
}

fn answers(panel: &PanelSummary, cell: &CellSummary) -> [Cell; 3] {
    // Where nothing can miss, the counts say how long it was measured and no more; a control answers
    // every get.
    let told = panel.has_misses() && !cell.entry.control;
    [cell.ops, cell.hits, cell.misses].map(|tally| match tally {
        _ if !told => Cell::default(),
        None => Cell::missing(),
        Some(Tally::Each(count)) => Cell::count(count),
        Some(Tally::Median(count)) => Cell {
            text: format!("~{}", grouped(count)),
            ..Cell::count(count)
        },
    })
}

/// The verdict on a cell against its baseline, or what stands in its place.
fn verdict(cell: &CellSummary, noise: Noise) -> Cell {
    match cell.verdict {
        Verdict::Baseline => Cell::text("baseline"),
        Verdict::Is(difference) => Cell::text(difference.words(noise)).tone(match difference {
            Difference::Faster => Tone::Good,
            Difference::Slower => Tone::Bad,
            Difference::Same | Difference::NotToldApart => Tone::Plain,
        }),
        Verdict::Undecided => Cell::text(match cell.ratio {
            Some(ratio) => format!("undecided: {}", counted(ratio.pairs as u64, "pair")),
            None => "no baseline".to_owned(),
        }),
        Verdict::Control if cell.entry.twin => Cell::text("A/A control"),
        Verdict::Control => Cell::text("harness floor"),
        Verdict::NotMeasured => {
            Cell::text(format!("not measured: {}", cell.why_no_rate())).tone(Tone::Bad)
        }
        Verdict::OpenLoop => Cell::text("open loop"),
        Verdict::Error => {
            let reason = cell.error.as_deref().unwrap_or_default();
            Cell::text(format!("failed: {reason}")).tone(Tone::Failed)
        }
    }
}

/// Connections to the servers of a panel, at least one a thread, and requests that one sends together.
pub(super) fn asked(panel: &PanelSummary) -> [Cell; 2] {
    let (connections, depth) = panel.entry.asked();
    let connections = connections.max(panel.entry.threads);
    [connections, depth].map(|count| Cell::count(count.into()))
}
