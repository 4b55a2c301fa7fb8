//! Chain lengths, and what keys spread at random would give: a small plot for each table.

use super::histogram::{Column, plot};
use super::palette::Style;
use super::shape::{Multiples, Plot, Shape};
use super::suite::{Draft, Suite, and_more, stem, table_of};
use crate::analysis::structure::{Bar, Histogram, Structure, Structures};
use crate::analysis::sweep;
use crate::base::{human_integer, things, whole};
use crate::report::format::figure;
use crate::report::summary::CellSummary;

const COLUMNS: i32 = 3;
/// Small plots in a chart: three rows.
const MOST_TABLES: usize = 9;
/// A table that is drawn.
struct Table<'s> {
    cell: &'s CellSummary,
    label: String,
    histogram: Histogram,
}

pub(super) fn chart(suite: &Suite<'_>, structures: &Structures<'_>) -> Option<Draft> {
    let (tables, panels, left_out) = choose(suite, structures);
    if tables.is_empty() {
        return None;
    }
    Some(Draft {
        file: stem(&["chains", suite.name]),
        panels,
        title: "Are chains as long as keys spread at random make them?".to_owned(),
        about: format!(
            "Bars: the share of buckets that hold so many entries, by the census. Line with dots: \
             the Poisson distribution with the same entries a bucket (α). Scales are linear; each \
             plot has its own.{}",
            and_more(left_out, "table")
        ),
        shape: Shape::Multiples(Multiples {
            columns: COLUMNS,
            plots: tables.iter().map(small).collect(),
            notes: Vec::new(),
        }),
    })
}

/// The small plot of a table, with its heading.
fn small(table: &Table<'_>) -> (String, Plot) {
    let histogram = &table.histogram;
    let fill = Style::of(table.cell).fill();
    let columns = histogram.bars.iter().map(|bar| Column {
        from: bar.from,
        to: bar.to,
        share: bar.share,
        expected: bar.expected,
        hover: format!(
            "{}: {} % of {} {} hold {}; Poisson expects {} %",
            table.label,
            figure(100.0 * bar.share),
            human_integer(whole(histogram.buckets)),
            things(whole(histogram.buckets), "bucket"),
            label_of(bar),
            figure(100.0 * bar.expected)
        ),
    });
    let columns: Vec<Column> = columns.collect();
    let heading = format!("{}, α = {}", table.label, figure(histogram.load));
    let from = columns.first().map_or(0.0, |column| column.from);
    let to = columns.last().map_or(1.0, |column| column.to);
    (
        heading,
        plot("entries in a bucket", fill, (from, to), &columns),
    )
}

fn label_of(bar: &Bar) -> String {
    if bar.to > bar.from {
        format!("{}–{}", bar.from, bar.to)
    } else {
        bar.from.to_string()
    }
}

/// Each table once, the baselines and other strategies before sweeps, of which the ends and the
/// middle stand for all; the panels they are from, and how many tables had no room.
fn choose<'s>(suite: &Suite<'s>, structures: &Structures<'_>) -> (Vec<Table<'s>>, Vec<u32>, usize) {
    let (mut plain, mut swept) = (Vec::new(), Vec::new());
    let mut seen = Vec::new();
    for &panel in &suite.panels {
        let sweeps = sweep::sweeps(panel);
        for cell in panel
            .cells
            .iter()
            .filter(|cell| cell.ranked() && cell.error.is_none())
        {
            let table = (table_of(cell), panel.entry.entries);
            let of_sweep = sweeps.iter().find(|sweep| sweep.has(cell));
            let is_baseline = cell.entry.cell_id == panel.entry.baseline;
            let telling = is_baseline
                || of_sweep.is_none_or(|sweep| {
                    sweep
                        .telling()
                        .iter()
                        .any(|other| other.entry.cell_id == cell.entry.cell_id)
                });
            if !telling || seen.contains(&table) {
                continue;
            }
            let structure = structures.get(cell.entry.cell_id.as_str());
            let Some(histogram) = structure.and_then(Structure::histogram) else {
                continue;
            };
            seen.push(table);
            let label = panel.label(cell);
            let shown = Table {
                cell,
                label,
                histogram,
            };
            let group = if is_baseline || of_sweep.is_none() {
                &mut plain
            } else {
                &mut swept
            };
            group.push((panel.entry.panel, shown));
        }
    }
    plain.append(&mut swept);
    let left_out = plain.len().saturating_sub(MOST_TABLES);
    plain.truncate(MOST_TABLES);
    let mut panels: Vec<u32> = plain.iter().map(|(panel, _)| *panel).collect();
    panels.sort_unstable();
    panels.dedup();
    (
        plain.into_iter().map(|(_, shown)| shown).collect(),
        panels,
        left_out,
    )
}
