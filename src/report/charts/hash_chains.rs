//! Chains that each function makes, against those of chance: a small plot a function.

use std::collections::BTreeMap;

use plotters::style::Color;

use super::Chart;
use super::axis::Axis;
use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, pixel};
use super::palette::{Style, Tone};
use crate::base::human_integer;
use crate::record::{HashChainRow, HashRecords};
use crate::report::format::figure;
use crate::report::hashes::{HashFigures, HashSummary};

const COLUMNS: i32 = 3;
const ROW: i32 = 186;
/// Lengths in a small plot; what is longer is counted in the last.
const LENGTHS: u64 = 16;

/// One function's chains of the corpus that it spreads worst.
struct Histogram<'s> {
    hash: &'s HashFigures,
    corpus: &'s str,
    buckets: u64,
    longest: u64,
    /// By length: share of the buckets, and what chance gives.
    bars: BTreeMap<u64, (f64, f64)>,
}

pub(super) fn chart(summary: &HashSummary, records: &HashRecords) -> Option<Chart> {
    let histograms: Vec<Histogram<'_>> = summary
        .hashes
        .iter()
        .filter_map(|hash| histogram(hash, records))
        .collect();
    let first = histograms.first()?;
    let title = "Are chains as long as chance makes them?".to_owned();
    let about = format!(
        "For each function the corpus that it spreads worst, over {} buckets picked by low bits. Bars: the \
         share of buckets that hold so many keys; the last counts all that hold {LENGTHS} or more. Line with \
         dots: the Poisson distribution, what chance gives. Scales are linear and each plot's own.",
        human_integer(first.buckets)
    );
    let count = i32::try_from(histograms.len()).unwrap_or(1);
    let rows = (count + COLUMNS - 1) / COLUMNS;
    let svg = canvas::draw(&title, rows * ROW + 8, |canvas| {
        for (at, histogram) in (0..).zip(&histograms) {
            paint(canvas, histogram, (at % COLUMNS, at / COLUMNS))?;
        }
        Ok(())
    })?;
    Some(Chart {
        file: "hash-chains".into(),
        suite: "hash".into(),
        panels: Vec::new(),
        title,
        about,
        svg,
    })
}

/// Of the bucket counts the one nearest to the number of keys, where chains are of one key or
/// two.
fn histogram<'s>(hash: &'s HashFigures, records: &'s HashRecords) -> Option<Histogram<'s>> {
    let keys = hash.spread.iter().map(|row| row.keys).max()?;
    let distance = |buckets: u64| (buckets as f64 / keys.max(1) as f64).ln().abs();
    let counts = hash.spread.iter().map(|row| row.buckets);
    let buckets = counts.min_by(|a, b| distance(*a).total_cmp(&distance(*b)))?;
    let rows = hash.spread.iter();
    let rows = rows.filter(|row| row.bits == "low" && row.buckets == buckets);
    let worst = rows.max_by(|a, b| a.score.total_cmp(&b.score))?;
    let of_it = |row: &&HashChainRow| {
        row.hash == hash.entry.name
            && row.corpus == worst.corpus
            && row.bits == "low"
            && row.buckets == buckets
    };
    let mut bars: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for row in records.chains.iter().filter(of_it) {
        let bar = bars.entry(row.length.min(LENGTHS)).or_default();
        bar.0 += row.count as f64 / buckets as f64;
        bar.1 += row.expected / buckets as f64;
    }
    (!bars.is_empty()).then_some(Histogram {
        hash,
        corpus: &worst.corpus,
        buckets,
        longest: worst.longest,
        bars,
    })
}

fn paint(canvas: &mut Canvas<'_>, histogram: &Histogram<'_>, (column, row): (i32, i32)) -> Drawn {
    let width = WIDTH / COLUMNS;
    let frame = Frame {
        left: column * width + 56,
        top: row * ROW + 30,
        width: width - 68,
        height: ROW - 30 - 50,
    };
    let name = &histogram.hash.entry.name;
    let heading = format!(
        "{name}: {}, longest {}",
        histogram.corpus, histogram.longest
    );
    let heading = canvas::clip(&heading, width - 22);
    canvas.text(
        &heading,
        (column * width + 14, frame.top - 16),
        Align::Left,
        Tone::Ink,
    )?;
    let most = histogram.bars.keys().last().copied().unwrap_or(0).max(6);
    let tallest = histogram
        .bars
        .values()
        .fold(0.0_f64, |tallest, (share, expected)| {
            tallest.max(*share).max(*expected)
        });
    let y = Axis::from_zero(100.0 * tallest, 3, "");
    let percent: Vec<(f64, String)> = y
        .ticks
        .iter()
        .map(|(at, text)| (*at, format!("{text} %")))
        .collect();
    let y = y.with_ticks(percent);
    let mut x = Axis::between(-0.5, most as f64 + 0.5, 5);
    x.ticks.retain(|(at, _)| at.fract() == 0.0);
    x.name = "keys in a bucket".into();
    let plot = canvas.plot(frame, &x, &y)?;
    let mut expected = Vec::new();
    for (&length, &(share, chance)) in &histogram.bars {
        let middle = length as f64;
        let from = pixel(&plot, (middle - 0.5, 100.0 * share));
        let to = pixel(&plot, (middle + 0.5, 0.0));
        if share > 0.0 {
            let style = Style::of_hash(&histogram.hash.entry);
            // A share too small to see is still there.
            let top = from.1.min(to.1 - 1);
            canvas.rectangle((from.0 + 1, top), (to.0 - 1, to.1), style.fill().filled())?;
        }
        expected.push(pixel(&plot, (middle, 100.0 * chance)));
        let more = if length == LENGTHS { " or more" } else { "" };
        let text = format!(
            "{name}, {}: {} % of {} buckets hold {length}{more}; chance gives {} %",
            histogram.corpus,
            figure(100.0 * share),
            human_integer(histogram.buckets),
            figure(100.0 * chance)
        );
        canvas.hover((from.0, frame.top), (to.0, frame.top + frame.height), &text);
    }
    canvas.line(&expected, Tone::Ink.colour(), 1)?;
    for at in expected {
        canvas.dot(at, 2, Tone::Ink)?;
    }
    Ok(())
}
