//! A page as Markdown (`CommonMark` with tables, as hosts of source code show it).

use std::fmt::Write;

use super::model::{Block, ChartView, FindingView, Head, Page, Piece, Placed};
use crate::report::table::{Table, escape};

/// The whole document.
pub(super) fn document(page: &Page<'_>) -> String {
    let mut text = format!("# bucketlab: {}\n\n", escape(&page.heading));
    for head in &page.heads {
        place_head(&mut text, head);
    }
    notices(&mut text, &page.notes);
    for section in &page.sections {
        let _ = writeln!(text, "## {}\n", escape(&section.title));
        for block in &section.blocks {
            place(&mut text, block);
        }
    }
    let end = text.trim_end().len();
    text.truncate(end);
    text.push('\n');
    text
}

fn place_head(text: &mut String, head: &Head) {
    if !head.name.is_empty() {
        let _ = writeln!(text, "**{}: {}**\n", head.name, escape(&head.run_id));
    }
    paragraph(text, &head.line.join(" · "));
    let badges = head.badges.iter();
    let badges = badges.map(|badge| format!("**{}**", escape(&badge.text)));
    let badges: Vec<String> = badges.collect();
    if !badges.is_empty() {
        let _ = writeln!(text, "{}\n", badges.join(" · "));
    }
    if !head.answer.is_empty() {
        let _ = writeln!(text, "**{}**\n", escape(&head.answer));
    }
    notices(text, &head.notes);
}

fn notices(text: &mut String, notes: &[String]) {
    for note in notes {
        let _ = writeln!(text, "> **{}**\n", escape(note));
    }
}

fn place(text: &mut String, block: &Block<'_>) {
    match block {
        Block::Heading(title) => {
            let _ = writeln!(text, "### {}\n", escape(title));
        }
        Block::About(about) => paragraph(text, about),
        Block::Text(pieces) => {
            let pieces: Vec<String> = pieces.iter().map(piece).collect();
            let _ = writeln!(text, "{}\n", pieces.concat());
        }
        Block::Findings(findings) => list(text, findings.iter().map(finding)),
        Block::Chart(chart) => place_chart(text, chart),
        Block::Table(Placed { table, .. }) => {
            paragraph(text, &table.caption);
            place_table(text, table);
        }
        Block::List(points) => list(text, points.iter().map(|point| escape(point))),
        Block::Commands(lines) => fenced(text, "sh", &lines.join("\n")),
        Block::Pairs(pairs) => place_table(text, &Table::of_pairs(pairs.iter().cloned())),
        Block::Files(files) => {
            let file =
                |(file, holds): &(String, String)| format!("[{file}]({file}): {}", escape(holds));
            list(text, files.iter().map(file));
        }
        // A document cannot fold; the manifest has it.
        Block::Folded(..) => {}
        // Nor can it here, but what follows has its name.
        Block::More(name, blocks) => {
            let _ = writeln!(text, "**{}**\n", escape(name));
            for block in blocks {
                place(text, block);
            }
        }
        Block::Sides(sides) => {
            for side in sides {
                let _ = writeln!(text, "**{}**\n", side.name);
                for block in &side.blocks {
                    place(text, block);
                }
            }
        }
    }
}

fn paragraph(text: &mut String, words: &str) {
    if !words.is_empty() {
        let _ = writeln!(text, "{}\n", escape(words));
    }
}

fn list(text: &mut String, points: impl ExactSizeIterator<Item = String>) {
    if points.len() > 0 {
        for point in points {
            let _ = writeln!(text, "- {point}");
        }
        text.push('\n');
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

fn finding(finding: &FindingView) -> String {
    let text = escape(&finding.text);
    match finding.link.as_ref().filter(|link| !link.file.is_empty()) {
        Some(link) => format!("{text} ([{}]({}))", escape(link.text), link.file),
        None => text,
    }
}

fn place_chart(text: &mut String, chart: &ChartView<'_>) {
    let _ = writeln!(text, "![{}]({})\n", escape(&chart.title), chart.file);
    paragraph(text, &chart.about);
}

fn place_table(text: &mut String, table: &Table) {
    text.push_str(&table.markdown());
    text.push('\n');
}

/// A block of code behind a fence that is longer than any in it.
fn fenced(text: &mut String, language: &str, code: &str) {
    let mut longest = 0;
    let mut run = 0;
    for c in code.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(3.max(longest + 1));
    let _ = writeln!(text, "{fence}{language}\n{code}\n{fence}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_holds_what_is_in_it() {
        let mut text = String::new();
        fenced(&mut text, "sh", "echo ```` x");
        assert_eq!(text, "`````sh\necho ```` x\n`````\n\n");
    }
}
