//! Chain lengths, and what keys spread at random would give: a small plot for each table.

use super::histogram::{Column, plot};
use super::palette::Style;
use super::shape::{Multiples, Plot, Shape};
use super::structure::{Structure, Structures};
use super::suite::{Draft, Suite, and_more, positive, stem, table_of};
use super::sweep;
use crate::base::{human_integer, whole};
use crate::report::format::figure;
use crate::report::summary::CellSummary;

const COLUMNS: i32 = 3;
/// Small plots in a chart: three rows.
const MOST_TABLES: usize = 9;
/// Bars in a small plot, about.
const BARS: f64 = 24.0;
/// Entries a bucket above which nobody has a histogram to look at; it bounds the sums below.
const LARGEST_LOAD: f64 = 1e6;

/// One table's histogram.
struct Histogram<'s> {
    cell: &'s CellSummary,
    label: String,
    /// Buckets counted, and entries in each of them.
    buckets: f64,
    load: f64,
    bars: Vec<Bar>,
}

/// Chains of `from..=to` entries.
struct Bar {
    from: f64,
    to: f64,
    /// Shares of all buckets.
    share: f64,
    expected: f64,
}

pub(super) fn chart(suite: &Suite<'_>, structures: &Structures<'_>) -> Option<Draft> {
    let (histograms, panels, left_out) = choose(suite, structures);
    if histograms.is_empty() {
        return None;
    }
    Some(Draft {
        file: stem(&["chains", suite.name]),
        panels,
        title: "Are chains as long as keys spread at random make them?".to_owned(),
        about: format!(
            "Bars: the share of buckets that hold so many entries, counted by the census. Line with dots: \
             the Poisson distribution with the same entries a bucket (α). Scales are linear and each \
             plot's own.{}",
            and_more(left_out, "table")
        ),
        shape: Shape::Multiples(Multiples {
            columns: COLUMNS,
            plots: histograms.iter().map(small).collect(),
            notes: Vec::new(),
        }),
    })
}

/// The small plot of a table, with its heading.
fn small(histogram: &Histogram<'_>) -> (String, Plot) {
    let fill = Style::of(&histogram.cell.entry).fill();
    let columns = histogram.bars.iter().map(|bar| Column {
        from: bar.from,
        to: bar.to,
        share: bar.share,
        expected: bar.expected,
        hover: format!(
            "{}: {} % of {} buckets hold {}; Poisson expects {} %",
            histogram.label,
            figure(100.0 * bar.share),
            human_integer(whole(histogram.buckets)),
            label_of(bar),
            figure(100.0 * bar.expected)
        ),
    });
    let columns: Vec<Column> = columns.collect();
    let heading = format!("{}, α = {}", histogram.label, figure(histogram.load));
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
fn choose<'s>(
    suite: &Suite<'s>,
    structures: &Structures<'_>,
) -> (Vec<Histogram<'s>>, Vec<u32>, usize) {
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
            let Some(mut histogram) = structure.and_then(|structure| histogram(cell, structure))
            else {
                continue;
            };
            seen.push(table);
            histogram.label = panel.label(cell);
            let group = if is_baseline || of_sweep.is_none() {
                &mut plain
            } else {
                &mut swept
            };
            group.push((panel.entry.panel, histogram));
        }
    }
    plain.append(&mut swept);
    let left_out = plain.len().saturating_sub(MOST_TABLES);
    plain.truncate(MOST_TABLES);
    let mut panels: Vec<u32> = plain.iter().map(|(panel, _)| *panel).collect();
    panels.sort_unstable();
    panels.dedup();
    (
        plain.into_iter().map(|(_, histogram)| histogram).collect(),
        panels,
        left_out,
    )
}

fn histogram<'s>(cell: &'s CellSummary, structure: &Structure) -> Option<Histogram<'s>> {
    let (buckets, entries) = structure.in_chains();
    let load = positive(entries / positive(buckets)?)?;
    if load > LARGEST_LOAD {
        return None;
    }
    let spread = 4.0 * load.sqrt();
    let shortest = *structure.chains.first_key_value()?.0 as f64;
    let longest = *structure.chains.last_key_value()?.0 as f64;
    let low = shortest.min((load - spread).max(0.0).floor());
    let high = longest.max((load + spread).ceil());
    let width = ((high - low + 1.0) / BARS).ceil().max(1.0);
    let mut bars = Vec::new();
    let mut from = low;
    while from <= high && bars.len() < 100 {
        let to = from + width - 1.0;
        let within = structure
            .chains
            .iter()
            .filter(|(length, _)| (from..=to).contains(&(**length as f64)));
        bars.push(Bar {
            from,
            to,
            share: within.fold(0.0, |sum, (_, count)| sum + count) / buckets,
            expected: poisson(load, from, to),
        });
        from += width;
    }
    Some(Histogram {
        cell,
        label: String::new(),
        buckets,
        load,
        bars,
    })
}

/// The probability of `from..=to` under a Poisson distribution. What is further than fifteen
/// standard deviations from the mean is nothing.
fn poisson(mean: f64, from: f64, to: f64) -> f64 {
    let reach = 15.0 * mean.sqrt() + 15.0;
    let mut n = from.max((mean - reach).floor()).max(0.0);
    let last = to.min(mean + reach);
    let mut sum = 0.0;
    while n <= last {
        sum += (n * mean.ln() - mean - libm::lgamma(n + 1.0)).exp();
        n += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up() {
        assert!((poisson(97.6, 0.0, 300.0) - 1.0).abs() < 1e-9);
        assert!((poisson(0.5, 0.0, 0.0) - (-0.5_f64).exp()).abs() < 1e-12);
        // Far from everything, and cheap.
        assert!(poisson(1.0, 1e15, 1e18) < 1e-12);
    }
}
