//! A table for the template of pages: classes, keys and bars as it places them.

use serde::{Serialize, Serializer};

use super::model::{Cell, Column, Kind, Row, Standing, Table, Tone};

/// The template that places a table, for an environment to know by the name `table.html`.
pub(in crate::report) const TEMPLATE: &str = include_str!("table.html");

/// A table serialises as what the template places, and so can stand anywhere in the data of a page.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        View::of(self).serialize(to)
    }
}

#[derive(Serialize)]
struct View<'t> {
    /// What a reader must know of columns and bars; may be empty.
    caption: String,
    columns: Vec<Head<'t>>,
    rows: Vec<Line<'t>>,
    filters: Vec<Filter<'t>>,
    sorts: bool,
    /// Whether columns are shown only when a reader asks for them.
    folds: bool,
    /// Whether any column has a title.
    headed: bool,
}

#[derive(Serialize)]
struct Head<'t> {
    /// Title and unit in one line.
    heading: String,
    title: &'t str,
    unit: &'t str,
    hint: &'t str,
    kind: &'static str,
    lesser: bool,
}

#[derive(Serialize)]
struct Line<'t> {
    class: &'static str,
    look: &'t str,
    /// Names and values of attributes to filter by.
    keys: Vec<(&'t str, &'t str)>,
    cells: Vec<Field<'t>>,
}

#[derive(Serialize)]
struct Field<'t> {
    text: &'t str,
    interval: &'t str,
    value: Option<&'t str>,
    bar: Option<Drawn>,
    class: &'static str,
    kind: &'static str,
    lesser: bool,
}

/// A bar in percent, to one decimal.
#[derive(Serialize)]
struct Drawn {
    low: String,
    mid: String,
    high: String,
}

#[derive(Serialize)]
struct Filter<'t> {
    name: &'t str,
    values: Vec<&'t str>,
}

impl<'t> View<'t> {
    fn of(table: &'t Table) -> View<'t> {
        let filters = table.filters.iter().enumerate();
        View {
            caption: format!("{} {}", table.caption, table.legend)
                .trim()
                .to_owned(),
            columns: table
                .columns
                .iter()
                .map(|column| head(table, column))
                .collect(),
            rows: table.rows.iter().map(|row| line(table, row)).collect(),
            filters: filters
                .map(|(at, &name)| Filter {
                    name,
                    values: choices(&table.rows, at),
                })
                .collect(),
            sorts: table.sorts,
            folds: table.columns.iter().any(|column| is_lesser(table, column)),
            headed: table
                .columns
                .iter()
                .any(|column| !column.heading().is_empty()),
        }
    }
}

/// Whether a column waits to be asked for, so that a wide table with filters fits into a window.
fn is_lesser(table: &Table, column: &Column) -> bool {
    !table.filters.is_empty() && column.drops.is_some()
}

fn head<'t>(table: &Table, column: &'t Column) -> Head<'t> {
    Head {
        lesser: is_lesser(table, column),
        title: &column.title,
        unit: column.unit,
        hint: column.hint,
        kind: class_of(column.kind),
        heading: column.heading(),
    }
}

fn line<'t>(table: &'t Table, row: &'t Row) -> Line<'t> {
    let keys = table.filters.iter().copied();
    Line {
        class: match row.standing {
            Standing::Plain => "",
            Standing::Control => "control",
            Standing::Failed => "failed",
        },
        look: &row.look,
        keys: keys.zip(row.keys.iter().map(String::as_str)).collect(),
        cells: row
            .cells
            .iter()
            .zip(&table.columns)
            .map(|(cell, column)| field(cell, column.kind, is_lesser(table, column)))
            .collect(),
    }
}

fn field(cell: &Cell, kind: Kind, lesser: bool) -> Field<'_> {
    let percent = |part: f64| format!("{part:.1}");
    Field {
        lesser,
        text: if cell.missing { "–" } else { &cell.text },
        interval: &cell.interval,
        value: cell.value.as_deref(),
        bar: cell.bar.as_ref().map(|bar| Drawn {
            low: percent(bar.low),
            mid: percent(bar.mid),
            high: percent(bar.high),
        }),
        class: match cell.tone {
            Tone::Plain => "",
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Failed => "failed",
        },
        kind: class_of(kind),
    }
}

fn class_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Target => "target",
        Kind::Text => "text",
        Kind::Code => "code",
        Kind::Number => "number",
        Kind::Bar => "bar",
        Kind::Words => "words",
    }
}

/// The keys that rows have for a filter: numbers by size, others in the order in which they come.
fn choices(rows: &[Row], filter: usize) -> Vec<&str> {
    let mut choices: Vec<&str> = Vec::new();
    for key in rows.iter().filter_map(|row| row.keys.get(filter)) {
        if !choices.contains(&key.as_str()) {
            choices.push(key);
        }
    }
    let numbers: Option<Vec<u64>> = choices.iter().map(|key| key.parse().ok()).collect();
    if let Some(numbers) = numbers {
        let mut sorted: Vec<(u64, &str)> = numbers.into_iter().zip(choices).collect();
        sorted.sort_unstable();
        choices = sorted.into_iter().map(|(_, key)| key).collect();
    }
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_of_numbers_are_in_order() {
        let row = |threads: &str, name: &str| Row {
            keys: vec![threads.to_owned(), name.to_owned()],
            ..Row::default()
        };
        let rows = [row("16", "b"), row("2", "a"), row("16", "b")];
        assert_eq!(choices(&rows, 0), ["2", "16"]);
        assert_eq!(choices(&rows, 1), ["b", "a"]);
    }
}
