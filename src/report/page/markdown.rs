//! The report as Markdown (`CommonMark` with tables, as hosts of source code show it).

use std::fmt::Write;

use super::table::{Kind, Table};
use super::view::{Piece, Section, View};

/// The whole document.
pub(super) fn document(view: &View<'_>) -> String {
    let mut text = String::new();
    head(&mut text, view);
    if !view.findings.is_empty() {
        text += "## Findings\n\n";
        for finding in &view.findings {
            let _ = write!(text, "- {}", escape(&finding.text));
            match finding.link.as_ref().filter(|link| !link.file.is_empty()) {
                Some(link) => {
                    let _ = writeln!(text, " ([{}]({}))", escape(&link.text), link.file);
                }
                None => text.push('\n'),
            }
        }
        text.push('\n');
    }
    for section in &view.sections {
        suite(&mut text, section);
    }
    method(&mut text, view);
    reproduce(&mut text, view);
    text += "## Machine\n\n";
    let machine = view.machine.iter();
    let rows: Vec<Vec<String>> = machine.map(|(k, v)| vec![k.clone(), v.clone()]).collect();
    grid(&mut text, &[("", false), ("", false)], &rows);
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
    text
}

fn head(text: &mut String, view: &View<'_>) {
    let head = &view.head;
    let _ = writeln!(text, "# bucketlab: {}\n", escape(&head.title));
    let _ = writeln!(text, "{}\n", escape(&head.line.join(" · ")));
    let badges = head.badges.iter();
    let badges: Vec<String> = badges
        .map(|badge| format!("**{}**", escape(&badge.text)))
        .collect();
    if !badges.is_empty() {
        let _ = writeln!(text, "{}\n", badges.join(" · "));
    }
    for note in &head.notes {
        let _ = writeln!(text, "> **{}**\n", escape(note));
    }
}

fn suite(text: &mut String, section: &Section<'_>) {
    let _ = writeln!(text, "## Suite {}\n", escape(&section.name));
    if !section.about.is_empty() {
        let _ = writeln!(text, "{}\n", escape(&section.about));
    }
    for paragraph in &section.analysis {
        let pieces: Vec<String> = paragraph.iter().map(piece).collect();
        let _ = writeln!(text, "{}\n", pieces.concat());
    }
    for chart in &section.charts {
        let title = escape(chart.title);
        let _ = writeln!(text, "### {title}\n\n![{title}]({})\n", chart.file);
        if !chart.about.is_empty() {
            let _ = writeln!(text, "{}\n", escape(chart.about));
        }
    }
    if !section.table.rows.is_empty() {
        let _ = writeln!(text, "{}\n", escape(&section.table.caption));
        table(text, &section.table);
    } else if section.latency.is_none() && section.limit.is_none() {
        text.push_str("No panel of this suite was planned.\n\n");
    }
    if let Some(limit) = &section.limit {
        let _ = writeln!(text, "### Highest rates\n\n{}\n", escape(&limit.caption));
        table(text, limit);
    }
    if let Some(latency) = &section.latency {
        let _ = writeln!(text, "### Latencies\n\n{}\n", escape(&latency.caption));
        table(text, latency);
    }
}

fn piece(piece: &Piece) -> String {
    if piece.code {
        // The text was cut at backticks, so there is none in it.
        format!("`{}`", piece.text)
    } else {
        escape(&piece.text)
    }
}

fn table(text: &mut String, table: &Table) {
    let shown: Vec<usize> = (0..table.columns.len())
        .filter(|&at| table.columns[at].kind != Kind::Bar)
        .collect();
    let columns: Vec<(&str, bool)> = shown
        .iter()
        .map(|&at| &table.columns[at])
        .map(|column| (column.title.as_str(), column.kind == Kind::Number))
        .collect();
    let rows = table.rows.iter().map(|row| {
        let cells = shown.iter().map(|&at| &row.cells[at]);
        let cells = cells.map(|cell| format!("{} {}", cell.text, cell.note).trim().to_owned());
        cells.collect()
    });
    grid(text, &columns, &rows.collect::<Vec<Vec<String>>>());
}

/// A table; the columns are titles and whether they hold numbers.
pub(super) fn grid(text: &mut String, columns: &[(&str, bool)], rows: &[Vec<String>]) {
    let mut line = |cells: Vec<String>| {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(columns.iter().map(|(title, _)| escape(title)).collect());
    let rule = |number: bool| if number { "---:" } else { "---" };
    line(columns.iter().map(|(_, n)| rule(*n).to_owned()).collect());
    for row in rows {
        line(row.iter().map(|cell| escape(cell)).collect());
    }
    text.push('\n');
}

fn method(text: &mut String, view: &View<'_>) {
    let method = &view.method;
    text.push_str("## How it was measured\n\n");
    for paragraph in &method.paragraphs {
        let _ = writeln!(text, "{}\n", escape(paragraph));
    }
    let columns: Vec<(&str, bool)> = method.columns.iter().map(|title| (*title, false)).collect();
    grid(text, &columns, &method.panels);
    list(text, &method.machine, &method.warnings);
    if !method.not_measured.is_empty() {
        list(text, "Not measured:", &method.not_measured);
    }
}

/// A paragraph, and points under it, where there is one.
fn list(text: &mut String, paragraph: &str, points: &[String]) {
    if !paragraph.is_empty() {
        let _ = writeln!(text, "{}\n", escape(paragraph));
    }
    for point in points {
        let _ = writeln!(text, "- {}", escape(point));
    }
    if !points.is_empty() {
        text.push('\n');
    }
}

fn reproduce(text: &mut String, view: &View<'_>) {
    let reproduce = &view.reproduce;
    text.push_str("## Reproduce\n\n");
    fenced(text, "sh", &reproduce.commands.join("\n"));
    for remark in &reproduce.remarks {
        let _ = writeln!(text, "{}", escape(remark));
    }
    text.push('\n');
    for (file, holds) in &reproduce.files {
        let _ = writeln!(text, "- [{file}]({file}): {}", escape(holds));
    }
    text.push('\n');
}

/// A block of code behind a fence that is longer than any in it.
pub(super) fn fenced(text: &mut String, language: &str, code: &str) {
    let mut longest = 0;
    let mut run = 0;
    for c in code.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(3.max(longest + 1));
    let _ = writeln!(text, "{fence}{language}\n{code}\n{fence}\n");
}

/// A text in one line that shows as itself, whatever is in it.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
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
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_as_themselves() {
        assert_eq!(
            escape("<script>a|b</script>\n*x* [y](z) `c` \\ a_b"),
            "&lt;script&gt;a\\|b&lt;/script&gt; \\*x\\* \\[y\\](z) \\`c\\` \\\\ a\\_b"
        );
        assert_eq!(escape("fixed:buckets=2^10 ±3 %"), "fixed:buckets=2^10 ±3 %");
    }

    #[test]
    fn a_fence_holds_what_is_in_it() {
        let mut text = String::new();
        fenced(&mut text, "sh", "echo ```` x");
        assert_eq!(text, "`````sh\necho ```` x\n`````\n\n");
    }
}
