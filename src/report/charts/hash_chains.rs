//! Chains that each function makes, against those of chance: a small plot a function.

use std::collections::BTreeMap;

use super::histogram::{Column, plot};
use super::palette::Style;
use super::shape::{Multiples, Plot, Shape};
use super::suite::Draft;
use crate::base::{human_integer, things};
use crate::record::{HashChainRow, HashRecords};
use crate::report::format::figure;
use crate::report::hashes::{HashFigures, HashSummary};

const COLUMNS: i32 = 3;
/// Lengths in a small plot; what is longer is counted in the last.
const LENGTHS: u64 = 16;
/// The least lengths that have room, so that few bars are not wide.
const LEAST_LENGTHS: u64 = 6;

/// One function's chains of the corpus that it spreads worst.
struct Histogram<'s> {
    hash: &'s HashFigures,
    corpus: &'s str,
    buckets: u64,
    longest: u64,
    /// By length: share of the buckets, and what chance gives.
    bars: BTreeMap<u64, (f64, f64)>,
}

pub(super) fn chart(summary: &HashSummary, records: &HashRecords) -> Option<Draft> {
    let histograms: Vec<Histogram<'_>> = summary
        .hashes
        .iter()
        .filter_map(|hash| histogram(hash, records))
        .collect();
    let first = histograms.first()?;
    Some(Draft {
        file: "hash-chains".into(),
        panels: Vec::new(),
        title: "Are chains as long as chance makes them?".to_owned(),
        about: format!(
            "For each function the corpus that it spreads worst, over {} buckets picked by low \
             bits. Bars: the share of buckets that hold so many keys; the last bar counts all \
             that hold {LENGTHS} or more. Line with dots: the Poisson distribution, which chance \
             gives. Scales are linear; each plot has its own.",
            human_integer(first.buckets)
        ),
        shape: Shape::Multiples(Multiples {
            columns: COLUMNS,
            plots: histograms.iter().map(small).collect(),
            notes: Vec::new(),
        }),
    })
}

/// The small plot of a function, with its heading.
fn small(histogram: &Histogram<'_>) -> (String, Plot) {
    let (name, corpus) = (&histogram.hash.entry.name, histogram.corpus);
    let most = histogram.bars.keys().last().copied().unwrap_or(0);
    let columns = histogram.bars.iter().map(|(&length, &(share, expected))| {
        let more = if length == LENGTHS { " or more" } else { "" };
        Column {
            from: length as f64,
            to: length as f64,
            share,
            expected,
            hover: format!(
                "{name}, {corpus}: {} % of {} {} hold {length}{more}; chance gives {} %",
                figure(100.0 * share),
                human_integer(histogram.buckets),
                things(histogram.buckets, "bucket"),
                figure(100.0 * expected)
            ),
        }
    });
    let columns: Vec<Column> = columns.collect();
    let heading = format!("{name}: {corpus}, longest {}", histogram.longest);
    let fill = Style::of_hash(&histogram.hash.entry).fill();
    let ends = (0.0, most.max(LEAST_LENGTHS) as f64);
    (heading, plot("keys in a bucket", fill, ends, &columns))
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
