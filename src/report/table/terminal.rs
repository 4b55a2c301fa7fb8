//! A table in lines of a terminal. comfy-table sets them; what gives way where they are too long is
//! decided here.

use comfy_table::{
    Attribute, Cell as Field, CellAlignment, Color, ColumnConstraint, ContentArrangement,
    Table as Grid, presets,
};

use super::model::{Cell, Column, Kind, Table, Tone};

/// A width that nothing gives way to: what is not shown on a terminal is shown whole.
pub const UNLIMITED: usize = usize::MAX;

/// Characters that a column of sentences gets at least, before figures give way.
const WORDS_WIDTH: usize = 24;

/// What of the table is shown.
struct Layout<'t> {
    table: &'t Table,
    /// The columns, and whether with intervals.
    shown: Vec<(usize, bool)>,
    /// Whether titles stand in two lines.
    broken_titles: bool,
}

/// What can be done to make room.
#[derive(Clone, Copy)]
enum Step {
    BreakTitles,
    Narrow(usize),
    Drop(usize),
}

impl Table {
    /// Lines of at most `width` characters (below about 40 the columns are broken); without `colour`
    /// there is no escape sequence.
    #[must_use]
    pub fn lines(&self, width: usize, colour: bool) -> Vec<String> {
        let mut layout = Layout::full(self);
        for step in self.steps() {
            if layout.needed_width() <= width {
                break;
            }
            layout.take(step);
        }
        let grid = layout.grid(width, colour);
        let lines = grid.lines().map(|line| line.trim_end().to_owned());
        lines.collect()
    }

    /// What makes room, in the order in which it is done.
    fn steps(&self) -> Vec<Step> {
        let mut steps = vec![(0, Step::BreakTitles)];
        for (at, column) in self.columns.iter().enumerate() {
            steps.extend(column.narrows.map(|order| (order, Step::Narrow(at))));
            steps.extend(column.drops.map(|order| (order, Step::Drop(at))));
        }
        steps.sort_by_key(|(order, _)| *order);
        steps.into_iter().map(|(_, step)| step).collect()
    }
}

impl<'t> Layout<'t> {
    fn full(table: &'t Table) -> Layout<'t> {
        let columns = table.columns.iter().enumerate();
        let text = columns.filter(|(_, column)| column.kind != Kind::Bar);
        Layout {
            table,
            shown: text.map(|(at, _)| (at, true)).collect(),
            broken_titles: false,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::BreakTitles => self.broken_titles = true,
            Step::Drop(column) => self.shown.retain(|(at, _)| *at != column),
            Step::Narrow(column) => {
                for (at, wide) in &mut self.shown {
                    *wide &= *at != column;
                }
            }
        }
    }

    fn columns(&self) -> impl Iterator<Item = &'t Column> {
        let table = self.table;
        self.shown.iter().map(move |&(at, _)| &table.columns[at])
    }

    /// Characters of the widest line if no column is broken, but for long sentences.
    fn needed_width(&self) -> usize {
        // A column is padded by one on each side, and parted from the next by one more.
        let widths = self.shown.iter().map(|&(at, wide)| {
            let title = self.title(at, wide);
            let title = title.lines().map(chars).max().unwrap_or(0);
            title.max(self.content_width(at, wide)) + 3
        });
        widths.sum::<usize>().saturating_sub(1)
    }

    /// Characters of the widest cell of a column; of sentences, those that they need at least.
    fn content_width(&self, at: usize, wide: bool) -> usize {
        let rows = self.table.rows.iter();
        let widest = rows.map(|row| chars(&row.cells[at].shown(wide))).max();
        match self.table.columns[at].kind {
            Kind::Words => widest.unwrap_or(0).min(WORDS_WIDTH),
            _ => widest.unwrap_or(0),
        }
    }

    /// The title as it is shown, in one line or two.
    fn title(&self, at: usize, wide: bool) -> String {
        let column = &self.table.columns[at];
        let whole = column.heading();
        if !self.broken_titles || chars(&whole) <= self.content_width(at, wide) {
            return whole;
        }
        if !column.title.is_empty() && !column.unit.is_empty() {
            return format!("{}\n{}", column.title, column.unit);
        }
        let breaks = column.title.match_indices(' ');
        let broken = breaks.map(|(space, _)| {
            let (first, second) = column.title.split_at(space);
            (chars(first).max(chars(second) - 1), space)
        });
        match broken.min() {
            Some((_, space)) => {
                let (first, second) = column.title.split_at(space);
                format!("{first}\n{}", second.trim_start())
            }
            None => whole,
        }
    }

    fn grid(&self, width: usize, colour: bool) -> Grid {
        let mut grid = self.bare_grid(width, colour);
        if self.columns().any(|column| !column.heading().is_empty()) {
            let titles = self.shown.iter().map(|&(at, wide)| self.title(at, wide));
            grid.set_header(titles.map(Field::new).collect::<Vec<Field>>());
        }
        for row in &self.table.rows {
            let cells = self.shown.iter();
            let fields = cells.map(|&(at, wide)| field(&row.cells[at], wide));
            grid.add_row(fields.collect::<Vec<Field>>());
        }
        let fits = self.needed_width() <= width;
        for (index, column) in self.columns().enumerate() {
            let Some(shown) = grid.column_mut(index) else {
                continue;
            };
            if column.kind == Kind::Number {
                shown.set_cell_alignment(CellAlignment::Right);
            }
            if fits && column.kind != Kind::Words {
                shown.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        grid
    }

    /// A grid without content.
    fn bare_grid(&self, width: usize, colour: bool) -> Grid {
        let mut grid = Grid::new();
        let ruled = presets::UTF8_HORIZONTAL_ONLY;
        let words = self.columns().filter(|column| column.kind == Kind::Words);
        // Rows of several broken columns run into each other without a line between them; for all others
        // the rule under the header is all the lines that they need.
        if words.count() > 1 && width != UNLIMITED {
            grid.load_style(ruled);
        } else {
            grid.load_style(presets::NOTHING.header_separator(ruled.header_separator));
        }
        if width == UNLIMITED {
            grid.set_content_arrangement(ContentArrangement::Disabled);
        } else {
            grid.set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(u16::try_from(width).unwrap_or(u16::MAX));
        }
        if colour {
            grid.enforce_styling();
        } else {
            grid.force_no_tty();
        }
        grid
    }
}

fn field(cell: &Cell, wide: bool) -> Field {
    let field = Field::new(cell.shown(wide));
    match cell.tone {
        Tone::Plain => field,
        Tone::Good => field.fg(Color::Green),
        Tone::Bad => field.fg(Color::Red),
        Tone::Failed => field.fg(Color::Red).add_attribute(Attribute::Bold),
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::Row;

    fn table() -> Table {
        let figure = |text: &str| Cell::figure(Some((text.to_owned(), 1.0))).tone(Tone::Bad);
        Table {
            columns: vec![
                Column::target("target"),
                Column::number("A", "M ops/s").narrows(1).drops(2),
                Column::number("B / A", "").narrows(3),
                Column::words(""),
            ],
            rows: vec![Row::new(vec![
                Cell::text("striped"),
                figure("12.5 [12.0–13.0]"),
                figure("0.91× [0.88–0.94]"),
                Cell::text("slower, and the words for it go on and on until they break"),
            ])],
            ..Table::default()
        }
    }

    #[test]
    fn it_gives_way_in_the_order_asked() {
        for (width, there, gone) in [
            (120, "12.5 [12.0–13.0]", "nothing"),
            (74, "12.5", "13.0"),
            (62, "[0.88–0.94]", "12.5"),
            (45, "0.91×", "[0.88–0.94]"),
        ] {
            let lines = table().lines(width, false);
            let all = lines.join("\n");
            assert!(lines.iter().all(|line| chars(line) <= width), "{all}");
            assert!(
                all.contains(there) && !all.contains(gone),
                "{width}:\n{all}"
            );
            assert!(!all.contains('\x1b'));
        }
        assert!(table().lines(120, true).join("\n").contains('\x1b'));
    }

    #[test]
    fn without_a_limit_a_row_is_a_line() {
        let lines = table().lines(UNLIMITED, false);
        assert_eq!(lines.len(), 3);
        assert!(lines[0].contains("A, M ops/s"));
        for words in ["12.5 [12.0–13.0]", "0.91× [0.88–0.94]", "until they break"] {
            assert!(lines[2].contains(words), "{lines:?}");
        }
    }

    /// The unit stays with its figures in whatever is left of the table.
    #[test]
    fn a_unit_stands_over_its_column_in_every_width() {
        let columns = ["8 B", "20 B", "64 B"].map(|title| Column::number(title, "ns"));
        let mut columns = Vec::from(columns);
        columns.push(Column::number("64 B", "GB/s").drops(1));
        columns.insert(0, Column::target("hash"));
        let row = ["sip13", "1.00", "2.00", "3.00", "4.00"].map(str::to_owned);
        let table = Table::of_texts(columns, [row.to_vec()]);
        assert!(table.lines(UNLIMITED, false)[0].contains("64 B, ns"));
        let broken = table.lines(40, false);
        assert!(broken[0].contains("64 B") && !broken[0].contains("ns"));
        assert_eq!(broken[1].matches("ns").count(), 3);
        assert!(broken[1].contains("GB/s"), "{broken:?}");
        let dropped = table.lines(34, false).join("\n");
        assert_eq!(dropped.matches("ns").count(), 3, "{dropped}");
        assert!(!dropped.contains("GB/s") && !dropped.contains("4.00"));
    }

    #[test]
    fn pairs_have_no_header() {
        let table = Table::of_pairs([("keys".to_owned(), "12".to_owned())]);
        assert_eq!(table.lines(80, false), [" keys   12"]);
    }
}
