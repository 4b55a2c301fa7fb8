//! The contents of a table, independent of its renderer.

use crate::report::format::grouped;

/// A table: its columns, and rows with a cell for each of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What all rows have in common, and what a reader must know of the columns; may be empty.
    pub caption: String,
    /// What a reader must know of bars, which only a page draws; may be empty.
    pub legend: &'static str,
    /// The columns, from left to right.
    pub columns: Vec<Column>,
    /// The rows, from top to bottom.
    pub rows: Vec<Row>,
    /// What a page offers to filter by; each row has a key for each of them.
    pub filters: Vec<&'static str>,
    /// Whether a page lets its reader sort the rows.
    pub sorts: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it shows, in lower case; empty where the unit says it.
    pub title: String,
    /// The unit of its figures; empty for none.
    pub unit: &'static str,
    /// What the figure is, where title and unit do not say it.
    pub hint: &'static str,
    /// What stands in it.
    pub kind: Kind,
    /// When intervals are left out to make room: columns with lower numbers first.
    pub narrows: Option<u8>,
    /// When the whole column is left out to make room, in the same order.
    pub drops: Option<u8>,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the row is about, with its colour in a page.
    Target,
    /// A few words, which are not broken while there is room.
    Text,
    /// A name that one types: code in Markdown and pages.
    Code,
    /// Figures, which stand on the right.
    Number,
    /// A drawing, shown in pages only.
    Bar,
    /// Sentences, which may be broken into lines.
    Words,
}

/// A row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// A cell for each column.
    pub cells: Vec<Cell>,
    /// What sets it apart.
    pub standing: Standing,
    /// The classes in the style sheet that have its colour and its marker; empty for none.
    pub look: String,
    /// A key for each of the table's filters.
    pub keys: Vec<String>,
}

/// What sets a row apart from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    #[default]
    Plain,
    /// It is a control, not ranked.
    Control,
    /// Its figures are missing because something failed.
    Failed,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The figure or the words; empty where nothing belongs here.
    pub text: String,
    /// The interval of the figure, `[12.0–13.0]`, or another note to it; left out where there is no room.
    pub interval: String,
    /// What to sort by where that is not the text.
    pub value: Option<String>,
    /// The drawing in a column of bars.
    pub bar: Option<Bar>,
    /// What it means for the reader.
    pub tone: Tone,
    /// Whether it was not measured: a dash where there is room for one.
    pub missing: bool,
}

/// What a cell means for the reader: the verdict's tone, for example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// Better than what it is compared with.
    Good,
    /// Worse than that, or missing.
    Bad,
    /// Something failed.
    Failed,
}

/// A median and its interval in percent of a scale that starts at 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// The lower end of the interval.
    pub low: f64,
    /// The median.
    pub mid: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Column {
    /// A column without unit and hint that gives way to no other.
    #[must_use]
    pub fn new(kind: Kind, title: &str) -> Column {
        Column {
            title: title.to_owned(),
            unit: "",
            hint: "",
            kind,
            narrows: None,
            drops: None,
        }
    }

    /// What rows are about.
    #[must_use]
    pub fn target(title: &str) -> Column {
        Column::new(Kind::Target, title)
    }

    /// A few words.
    #[must_use]
    pub fn text(title: &str) -> Column {
        Column::new(Kind::Text, title)
    }

    /// Sentences.
    #[must_use]
    pub fn words(title: &str) -> Column {
        Column::new(Kind::Words, title)
    }

    /// Figures in a unit; either title or unit may be empty.
    #[must_use]
    pub fn number(title: &str, unit: &'static str) -> Column {
        Column {
            unit,
            ..Column::new(Kind::Number, title)
        }
    }

    /// The same column with an explanation of its figure.
    #[must_use]
    pub fn hint(self, hint: &'static str) -> Column {
        Column { hint, ..self }
    }

    /// The same column, its intervals the `at`th to be left out.
    #[must_use]
    pub fn narrows(self, at: u8) -> Column {
        Column {
            narrows: Some(at),
            ..self
        }
    }

    /// The same column, itself the `at`th to be left out.
    #[must_use]
    pub fn drops(self, at: u8) -> Column {
        Column {
            drops: Some(at),
            ..self
        }
    }

    /// Title and unit in one line: `A, M ops/s`.
    #[must_use]
    pub fn heading(&self) -> String {
        match (self.title.as_str(), self.unit) {
            (title, "") => title.to_owned(),
            ("", unit) => unit.to_owned(),
            (title, unit) => format!("{title}, {unit}"),
        }
    }
}

impl Cell {
    /// Words.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Cell {
        Cell {
            text: text.into(),
            ..Cell::default()
        }
    }

    /// What was not measured.
    #[must_use]
    pub fn missing() -> Cell {
        Cell {
            missing: true,
            ..Cell::default()
        }
    }

    /// A count, with commas between its thousands.
    #[must_use]
    pub fn count(count: u64) -> Cell {
        Cell {
            value: Some(count.to_string()),
            ..Cell::text(grouped(count))
        }
    }

    /// A figure as shown, `12.5 [12.0–13.0]`, and what to sort by; [`Cell::missing`] without one.
    #[must_use]
    pub fn figure(shown: Option<(String, f64)>) -> Cell {
        let Some((shown, value)) = shown else {
            return Cell::missing();
        };
        let (text, interval) = match shown.split_once(" [") {
            Some((text, interval)) => (text.to_owned(), format!("[{interval}")),
            None => (shown, String::new()),
        };
        Cell {
            text,
            interval,
            // Six digits are more than the figure is good for.
            value: Some(format!("{value:.5e}")),
            ..Cell::default()
        }
    }

    /// The same cell in another tone.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Cell {
        Cell { tone, ..self }
    }

    /// Text and interval in one line; without the interval if not `wide`.
    #[must_use]
    pub fn shown(&self, wide: bool) -> String {
        if wide && !self.interval.is_empty() {
            format!("{} {}", self.text, self.interval).trim().to_owned()
        } else {
            self.text.clone()
        }
    }
}

impl Row {
    /// A row that nothing sets apart.
    #[must_use]
    pub fn new(cells: Vec<Cell>) -> Row {
        Row {
            cells,
            ..Row::default()
        }
    }
}

impl Table {
    /// A table of texts, without caption.
    #[must_use]
    pub fn of_texts(columns: Vec<Column>, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
        let row = |texts: Vec<String>| Row::new(texts.into_iter().map(Cell::text).collect());
        Table {
            columns,
            rows: rows.into_iter().map(row).collect(),
            ..Table::default()
        }
    }

    /// Names and values, without header.
    #[must_use]
    pub fn of_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Table {
        let columns = vec![Column::text(""), Column::words("")];
        let rows = pairs.into_iter().map(|(name, value)| vec![name, value]);
        Table::of_texts(columns, rows)
    }
}
