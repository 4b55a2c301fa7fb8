//! Chain lengths, and what keys spread at random would give: a small plot for each table.

use plotters::style::Color;

use super::axis::Axis;
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, pixel};
use super::palette::{Style, Tone};
use super::structure::{Structure, Structures};
use super::{Chart, Suite, buckets, positive, stem, table_of};
use crate::base::{human_integer, whole};
use crate::report::format::{counted, figure};
use crate::report::summary::CellSummary;

const COLUMNS: usize = 3;
/// Small plots in a chart: three rows.
const MOST_TABLES: usize = 9;
/// Bars in a small plot, about.
const BARS: f64 = 24.0;
const ROW: i32 = 186;
/// Entries a bucket above which nobody has a histogram to look at; it bounds the sums below.
const LARGEST_LOAD: f64 = 1e6;

/// One table's histogram.
struct Histogram<'s> {
    cell: &'s CellSummary,
    label: String,
    /// Buckets counted, and entries in them.
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

pub(super) fn charts(suite: &Suite<'_>, structures: &Structures<'_>, charts: &mut Vec<Chart>) {
    let (histograms, panels, left_out) = choose(suite, structures);
    if histograms.is_empty() {
        return;
    }
    let title = "Are chains as long as keys spread at random make them?".to_owned();
    let mut about = "Bars: the share of buckets that hold so many entries, counted by the census. Line with dots: \
                     the Poisson distribution with the same entries a bucket (α). Scales are linear and each \
                     plot's own."
        .to_owned();
    if left_out > 0 {
        about += &format!(" {} more not shown.", counted(left_out as u64, "table"));
    }
    let rows = i32::try_from(histograms.len().div_ceil(COLUMNS)).unwrap_or(1);
    let svg = canvas::draw(&title, rows * ROW + 8, |canvas| paint(canvas, &histograms));
    charts.extend(svg.map(|svg| Chart {
        file: stem(&["chains", suite.name]),
        suite: suite.name.to_owned(),
        panels,
        title,
        about,
        svg,
    }));
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
        let sweeps = buckets::sweeps(panel);
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

fn paint(canvas: &mut Canvas<'_>, histograms: &[Histogram<'_>]) -> Drawn {
    let columns = i32::try_from(COLUMNS).unwrap_or(1);
    let cell_width = WIDTH / columns;
    for (at, histogram) in (0..).zip(histograms) {
        let (column, row) = (at % columns, at / columns);
        let frame = Frame {
            left: column * cell_width + 56,
            top: row * ROW + 30,
            width: cell_width - 68,
            height: ROW - 30 - 50,
        };
        let heading = format!(
            "{}, α = {}",
            clip(&histogram.label, cell_width - 86),
            figure(histogram.load)
        );
        canvas.text(
            &heading,
            (column * cell_width + 14, frame.top - 16),
            Align::Left,
            Tone::Ink,
        )?;
        one(canvas, histogram, frame)?;
    }
    Ok(())
}

fn one(canvas: &mut Canvas<'_>, histogram: &Histogram<'_>, frame: Frame) -> Drawn {
    let bars = &histogram.bars;
    let (Some(lowest), Some(highest)) = (bars.first(), bars.last()) else {
        return Ok(());
    };
    let shares = bars.iter().map(|bar| bar.share.max(bar.expected));
    let y = Axis::from_zero(100.0 * shares.fold(0.0, f64::max), 3, "");
    let percent: Vec<(f64, String)> = y
        .ticks
        .iter()
        .map(|(at, text)| (*at, format!("{text} %")))
        .collect();
    let y = y.with_ticks(percent);
    let mut x = Axis::between(lowest.from - 0.5, highest.to + 0.5, 5);
    // Lengths are whole.
    x.ticks.retain(|(at, _)| at.fract() == 0.0);
    x.name = "entries in a bucket".into();
    let plot = canvas.plot(frame, &x, &y)?;
    let style = Style::of(&histogram.cell.entry);
    let mut expected = Vec::new();
    for bar in bars {
        let from = pixel(&plot, (bar.from - 0.5, 100.0 * bar.share));
        let to = pixel(&plot, (bar.to + 0.5, 0.0));
        let gap = i32::from(to.0 - from.0 > 4);
        if bar.share > 0.0 {
            canvas.rectangle(
                (from.0 + gap, from.1),
                (to.0 - gap, to.1),
                style.fill().filled(),
            )?;
        }
        expected.push(pixel(
            &plot,
            (f64::midpoint(bar.from, bar.to), 100.0 * bar.expected),
        ));
        let text = format!(
            "{}: {} % of {} buckets hold {}; Poisson expects {} %",
            histogram.label,
            figure(100.0 * bar.share),
            human_integer(whole(histogram.buckets)),
            label_of(bar),
            figure(100.0 * bar.expected)
        );
        canvas.hover((from.0, frame.top), (to.0, frame.top + frame.height), &text);
    }
    canvas.line(&expected, Tone::Ink.colour(), 1)?;
    for at in expected {
        canvas.dot(at, 2, Tone::Ink)?;
    }
    Ok(())
}

fn label_of(bar: &Bar) -> String {
    if bar.to > bar.from {
        format!("{}–{}", bar.from, bar.to)
    } else {
        bar.from.to_string()
    }
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
