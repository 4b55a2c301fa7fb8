//! A table in Markdown, with everything in it.

use std::fmt::Write;

use super::model::{Cell, Column, Kind, Table};

impl Table {
    /// The table as hosts of source code show it, an empty line not included. Bars are drawings, and left out.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        let columns = || {
            let columns = self.columns.iter().enumerate();
            columns.filter(|(_, column)| column.kind != Kind::Bar)
        };
        line(
            columns()
                .map(|(_, column)| escape(&column.heading()))
                .collect(),
        );
        let rule = |(_, column): (usize, &Column)| match column.kind {
            Kind::Number => "---:".to_owned(),
            _ => "---".to_owned(),
        };
        line(columns().map(rule).collect());
        for row in &self.rows {
            line(
                columns()
                    .map(|(at, column)| field(&row.cells[at], column.kind))
                    .collect(),
            );
        }
        text
    }
}

fn field(cell: &Cell, kind: Kind) -> String {
    if cell.missing {
        return "–".to_owned();
    }
    match kind {
        // A backtick would end the code; no name has one.
        Kind::Code => format!("`{}`", cell.text.replace('`', "")),
        _ => escape(&cell.shown(true)),
    }
}

/// A text in one line that shows as itself, whatever is in it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // Within a word it marks nothing.
            '_' if before.is_alphanumeric() && rest.peek().is_some_and(|c| c.is_alphanumeric()) => {
                escaped.push('_');
            }
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::Row;

    #[test]
    fn names_show_as_themselves() {
        assert_eq!(
            escape("<script>a|b</script>\n*x* [y](z) `c` \\ a_b _c_ d_"),
            "&lt;script&gt;a\\|b&lt;/script&gt; \\*x\\* \\[y\\](z) \\`c\\` \\\\ a_b \\_c\\_ d\\_"
        );
        assert_eq!(escape("fixed:buckets=2^10 ±3 %"), "fixed:buckets=2^10 ±3 %");
    }

    #[test]
    fn it_has_everything_and_nothing_that_is_markup() {
        let columns = vec![
            Column::new(Kind::Code, "name"),
            Column::number("B", "M ops/s").drops(1),
            Column::new(Kind::Bar, "interval"),
            Column::number("p99", "ns"),
        ];
        let figure = Cell::figure(Some(("12.5 [12.0–13.0]".to_owned(), 12.5)));
        let cells = vec![Cell::text("a|b"), figure, Cell::default(), Cell::missing()];
        let table = Table {
            columns,
            rows: vec![Row::new(cells)],
            ..Table::default()
        };
        assert_eq!(
            table.markdown(),
            "| name | B, M ops/s | p99, ns |\n| --- | ---: | ---: |\n\
             | `a|b` | 12.5 \\[12.0–13.0\\] | – |\n"
        );
    }
}
