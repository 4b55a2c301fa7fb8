//! What the census says of each cell.

use std::collections::BTreeMap;

use super::figures::positive;
use crate::record::Records;

/// The kinds of bytes that a census tells apart, and what people call them.
pub(crate) const KINDS: [(&str, &str); 5] = [
    ("key", "keys"),
    ("value", "values"),
    ("header", "headers"),
    ("bucket_array", "bucket array"),
    ("slack", "slack"),
];

/// One cell's structure; several censuses of a cell are added up.
#[derive(Debug, Default)]
pub(crate) struct Structure {
    /// Entries.
    pub items: f64,
    /// Buckets.
    pub buckets: f64,
    /// Bytes, in the order of [`KINDS`].
    pub bytes: [f64; KINDS.len()],
    /// Buckets by the length of their chain.
    pub chains: BTreeMap<u64, f64>,
}

/// Bars of a histogram, about.
const BARS: f64 = 24.0;
/// Entries a bucket above which a histogram is not worth a look; it bounds the sums below.
const LARGEST_LOAD: f64 = 1e6;

/// Chain lengths of a table.
pub(crate) struct Histogram {
    /// Buckets that were counted.
    pub buckets: f64,
    /// Entries a bucket.
    pub load: f64,
    /// Rising, without gaps.
    pub bars: Vec<Bar>,
}

/// Chains of `from..=to` entries.
pub(crate) struct Bar {
    pub from: f64,
    pub to: f64,
    /// Shares of all buckets.
    pub share: f64,
    /// What the Poisson distribution of the same mean gives.
    pub expected: f64,
}

/// Structures by cell.
pub(crate) type Structures<'r> = BTreeMap<&'r str, Structure>;

/// Reads the census rows; a row that says nothing known is left out.
pub(crate) fn structures(records: &Records) -> Structures<'_> {
    let mut structures = Structures::new();
    for row in &records.census {
        let of_cell: &mut Structure = structures.entry(&row.cell_id).or_default();
        let count = row.count as f64;
        match (row.figure.as_str(), row.label.as_str()) {
            ("total", "items") => of_cell.items += count,
            ("total", "buckets") => of_cell.buckets += count,
            ("bytes", kind) => {
                if let Some(at) = KINDS.iter().position(|(name, _)| *name == kind) {
                    of_cell.bytes[at] += count;
                }
            }
            ("chain_length", length) => {
                if let (Ok(length), true) = (length.parse(), row.count > 0) {
                    *of_cell.chains.entry(length).or_default() += count;
                }
            }
            _ => {}
        }
    }
    structures
}

impl Structure {
    /// Bytes an entry by kind, where there are entries.
    pub fn per_entry(&self) -> Option<[f64; KINDS.len()]> {
        (self.items > 0.0).then(|| self.bytes.map(|bytes| bytes / self.items))
    }

    /// Buckets and entries that the chains add up to.
    pub fn in_chains(&self) -> (f64, f64) {
        let buckets = self.chains.values().sum();
        let entries = self
            .chains
            .iter()
            .map(|(&length, count)| length as f64 * count);
        (buckets, entries.sum())
    }

    /// How long its chains are, as bars, beside what keys spread at random would give.
    pub fn histogram(&self) -> Option<Histogram> {
        let (buckets, entries) = self.in_chains();
        let load = positive(entries / positive(buckets)?)?;
        if load > LARGEST_LOAD {
            return None;
        }
        let spread = 4.0 * load.sqrt();
        let shortest = *self.chains.first_key_value()?.0 as f64;
        let longest = *self.chains.last_key_value()?.0 as f64;
        let low = shortest.min((load - spread).max(0.0).floor());
        let high = longest.max((load + spread).ceil());
        let width = ((high - low + 1.0) / BARS).ceil().max(1.0);
        let mut bars = Vec::new();
        let mut from = low;
        while from <= high && bars.len() < 100 {
            let to = from + width - 1.0;
            let within = self
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
            buckets,
            load,
            bars,
        })
    }
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
