//! The ranking of a run's targets, above everything else.

use super::model::{Block, Section};
use crate::analysis::Ranking;
use crate::analysis::figures::extremes;
use crate::report::charts::classes;
use crate::report::format::{counted, figure, listed};
use crate::report::labels::label_among;
use crate::report::rank;
use crate::report::summary::{CellSummary, Summary};
use crate::report::table::{Cell, Column, Table};

/// The targets in their order; none where there are fewer than two.
pub(super) fn section<'r>(summary: &Summary) -> Option<Section<'r>> {
    let ranking = Ranking::of(summary);
    if ranking.ranked.len() < 2 {
        return None;
    }
    let mut blocks = vec![Block::table(
        "ranking-table",
        "Ranking",
        table(summary, &ranking),
    )];
    let left_out = ranking.left_out.iter();
    let left_out: Vec<String> = left_out
        .map(|(target, why)| format!("{target}: {why}"))
        .collect();
    if !left_out.is_empty() {
        let title = format!(
            "{} without a rank",
            counted(left_out.len() as u64, "target")
        );
        blocks.push(Block::More(title, vec![Block::List(left_out)]));
    }
    Some(Section::new("ranking", "Ranking", blocks))
}

/// The table of a ranking with what a page has room for: looks, and what an entry takes.
fn table(summary: &Summary, ranking: &Ranking) -> Table {
    let mut table = rank::table(ranking);
    table.caption = format!(
        "Geometric mean of each target's rate over that of {}, paired, over {}, with its 95 % interval; bytes of \
         resident memory at rest.",
        listed(&ranking.baselines),
        counted(ranking.places.len() as u64, "workload")
    );
    let words = table.columns.len() - 1;
    table.columns.insert(words, Column::number("", "B/entry"));
    for (row, ranked) in table.rows.iter_mut().zip(&ranking.ranked) {
        let cells = cells_of(summary, &ranked.target);
        row.look = cells.first().map_or_else(String::new, |cell| classes(cell));
        let bytes = extremes(cells.iter().filter_map(|cell| cell.bytes_per_entry));
        let bytes = bytes.map(|(low, high)| {
            let (least, most) = (figure(low), figure(high));
            let shown = if least == most {
                most
            } else {
                format!("{least}–{most}")
            };
            (shown, high)
        });
        row.cells.insert(words, Cell::figure(bytes));
    }
    table
}

/// The cells of a target by its name in a ranking.
fn cells_of<'s>(summary: &'s Summary, target: &str) -> Vec<&'s CellSummary> {
    let all = || summary.panels.iter().flat_map(|panel| &panel.cells);
    all()
        .filter(|cell| cell.ranked() && label_among(&all(), cell) == target)
        .collect()
}
