//! A table of figures that fits its reader: a terminal of some width, or Markdown.

use std::fmt::Write;

use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, presets,
};

use super::page::escape;

/// Columns that the words at the end of a row get at least, before figures give way.
const WORDS_WIDTH: usize = 24;

/// What a figure means for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
}

/// One field of a row.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// With its interval.
    wide: String,
    /// Without, where there is no room.
    narrow: String,
    tone: Tone,
}

impl Field {
    pub fn text(text: impl Into<String>) -> Field {
        let wide = text.into();
        Field {
            narrow: wide.clone(),
            wide,
            tone: Tone::Plain,
        }
    }

    /// A figure, in full and without its interval; empty without one.
    pub fn figure(figure: Option<(String, String)>) -> Field {
        let (wide, narrow) = figure.unwrap_or_default();
        Field {
            wide,
            narrow,
            tone: Tone::Plain,
        }
    }

    pub fn tone(self, tone: Tone) -> Field {
        Field { tone, ..self }
    }
}

/// How a column gives way to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Intervals are left out.
    Narrow(usize),
    /// The column is left out.
    Drop(usize),
}

/// The table.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    /// Titles; of figures, which stand on the right, and words.
    pub columns: Vec<(String, bool)>,
    pub rows: Vec<Vec<Field>>,
    /// What a narrow terminal goes without, first to last. The last column is of words, which may break.
    pub give_way: Vec<Step>,
}

impl Grid {
    /// Lines of at most `width` characters (below about 40 the columns are broken); without `colour`
    /// there is no escape sequence.
    pub fn lines(&self, width: usize, colour: bool) -> Vec<String> {
        let mut shown: Vec<(usize, bool)> = (0..self.columns.len()).map(|at| (at, true)).collect();
        for step in &self.give_way {
            if self.needed_width(&shown) <= width {
                break;
            }
            match *step {
                Step::Drop(column) => shown.retain(|(at, _)| *at != column),
                Step::Narrow(column) => {
                    for (at, wide) in &mut shown {
                        *wide &= *at != column;
                    }
                }
            }
        }
        let table = self.table(&shown, width, colour);
        let lines = table.lines().map(|line| line.trim_end().to_owned());
        lines.collect()
    }

    fn table(&self, shown: &[(usize, bool)], width: usize, colour: bool) -> Table {
        let mut table = bare_table(width, colour);
        let titles = shown.iter().map(|(at, _)| Cell::new(&self.columns[*at].0));
        table.set_header(titles.collect::<Vec<Cell>>());
        for row in &self.rows {
            let cells = shown.iter().map(|&(at, wide)| {
                let cell = Cell::new(text(&row[at], wide));
                match row[at].tone {
                    Tone::Plain => cell,
                    Tone::Good => cell.fg(Color::Green),
                    Tone::Bad => cell.fg(Color::Red),
                }
            });
            table.add_row(cells.collect::<Vec<Cell>>());
        }
        let fits = self.needed_width(shown) <= width;
        for (index, (at, _)) in shown.iter().enumerate() {
            let Some(column) = table.column_mut(index) else {
                continue;
            };
            if self.columns[*at].1 {
                column.set_cell_alignment(CellAlignment::Right);
            }
            if fits && *at + 1 < self.columns.len() {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        table
    }

    /// Characters of the widest line if no column is broken, but for long words at the end.
    fn needed_width(&self, shown: &[(usize, bool)]) -> usize {
        let width = |&(at, wide): &(usize, bool)| {
            let widest = self
                .rows
                .iter()
                .map(|row| text(&row[at], wide).chars().count())
                .map(|chars| {
                    if at + 1 == self.columns.len() {
                        chars.min(WORDS_WIDTH)
                    } else {
                        chars
                    }
                })
                .chain([self.columns[at].0.chars().count()])
                .max();
            // A column is padded by one on each side, and parted from the next by one more.
            widest.unwrap_or(0) + 3
        };
        shown.iter().map(width).sum::<usize>().saturating_sub(1)
    }

    /// The table as Markdown, with everything in it.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        let columns = || self.columns.iter();
        line(columns().map(|(title, _)| escape(title)).collect());
        let rule = |number: bool| if number { "---:" } else { "---" };
        line(columns().map(|(_, n)| rule(*n).to_owned()).collect());
        for row in &self.rows {
            line(row.iter().map(|field| escape(&field.wide)).collect());
        }
        text
    }
}

fn text(field: &Field, wide: bool) -> &str {
    if wide { &field.wide } else { &field.narrow }
}

/// A table without content, at most so many columns of the terminal wide.
pub(super) fn bare_table(width: usize, colour: bool) -> Table {
    let mut table = Table::new();
    // The rule under the header is all the lines that a ranking needs.
    let rule = presets::UTF8_HORIZONTAL_ONLY.header_separator;
    table.load_style(presets::NOTHING.header_separator(rule));
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(u16::try_from(width).unwrap_or(u16::MAX));
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        let figure = |wide: &str, narrow: &str| {
            Field::figure(Some((wide.to_owned(), narrow.to_owned()))).tone(Tone::Bad)
        };
        Grid {
            columns: ["target", "M ops/s", "B / A", ""]
                .iter()
                .enumerate()
                .map(|(at, title)| ((*title).to_owned(), at == 1 || at == 2))
                .collect(),
            rows: vec![vec![
                Field::text("striped"),
                figure("12.5 [12.0–13.0]", "12.5"),
                figure("0.91× [0.88–0.94]", "0.91×"),
                Field::text("slower, and the words for it go on and on until they break"),
            ]],
            give_way: vec![Step::Narrow(1), Step::Drop(1), Step::Narrow(2)],
        }
    }

    #[test]
    fn it_gives_way_in_the_order_asked() {
        for (width, there, gone) in [
            (120, "12.5 [12.0–13.0]", "nothing"),
            (70, "12.5", "13.0"),
            (60, "[0.88–0.94]", "12.5"),
            (45, "0.91×", "[0.88–0.94]"),
        ] {
            let lines = grid().lines(width, false);
            let all = lines.join("\n");
            assert!(
                lines.iter().all(|line| line.chars().count() <= width),
                "{all}"
            );
            assert!(
                all.contains(there) && !all.contains(gone),
                "{width}:\n{all}"
            );
            assert!(!all.contains('\x1b'));
        }
        assert!(grid().lines(120, true).join("\n").contains('\x1b'));
    }

    #[test]
    fn markdown_has_everything_and_nothing_that_is_markup() {
        let mut grid = grid();
        grid.rows[0][0] = Field::text("a|b");
        let text = grid.markdown();
        assert!(text.contains("| --- | ---: | ---: | --- |"));
        assert!(text.contains("a\\|b") && text.contains("13.0"));
    }
}
