//! The profile of a trace: popularity of keys, their sizes, and operations.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use xxhash_rust::xxh3::xxh3_128;

use super::facts::TraceFacts;
use super::reader::TraceReader;
use super::source::TraceSource;
use crate::base::BadInput;

/// What a trace is like.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceProfile {
    /// What a replay needs to know of it.
    pub facts: TraceFacts,
    /// Bytes of the keys of all requests.
    pub key_bytes: SizeFacts,
    /// Bytes of the values of all requests; `None` where the format does not say.
    pub value_bytes: Option<SizeFacts>,
    /// Seconds from the first request to the last, on the trace's own clock.
    pub span_s: u64,
    /// Keys that are asked for once.
    pub one_hit_wonders: u64,
    /// Requests of each key, the most popular first.
    pub popularity: Vec<u64>,
    /// The Zipf law that fits the popularity; `None` for too few keys or all alike.
    pub zipf: Option<ZipfFit>,
}

/// Sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeFacts {
    /// The least.
    pub min: u32,
    /// The mean.
    pub mean: f64,
    /// Half of them are at most so large.
    pub median: u32,
    /// 99 of 100 are at most so large.
    pub p99: u32,
    /// The greatest.
    pub max: u32,
}

/// A line through the popularity of keys on two logarithmic scales: `count ≈ first / rank^exponent`.
///
/// Ordinary least squares on (ln rank, ln count), at twenty ranks a decade so that the many keys of
/// the tail do not outweigh the head, from rank 1 to the last key with at least ten requests: below,
/// whole numbers make steps that are no law. Where fewer than a hundred keys have so many, to the
/// last key with two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZipfFit {
    /// The skew, like θ of the generators.
    pub exponent: f64,
    /// Requests of rank 1 by the line.
    pub first: f64,
    /// The last rank that was fitted.
    pub last_rank: u64,
    /// The share of the variance that the line explains, 0 to 1.
    pub r_squared: f64,
}

impl TraceProfile {
    /// Reads a trace once from end to end; holds some 50 bytes for each different key.
    ///
    /// # Errors
    /// As [`TraceFacts::scan`].
    pub fn read(source: &TraceSource) -> Result<TraceProfile, BadInput> {
        let mut reader = TraceReader::open(source)?;
        let mut facts = TraceFacts::default();
        // Requests and the largest value of each key.
        let mut keys: HashMap<u128, (u64, u32), FixedState> = HashMap::default();
        let (mut key_sizes, mut value_sizes) = (Sizes::default(), Sizes::default());
        let mut times: Option<(u64, u64)> = None;
        while let Some(request) = reader.next_request()? {
            facts.count(&request);
            key_sizes.add(u32::try_from(request.key.len()).unwrap_or(u32::MAX));
            if let Some(bytes) = request.value_bytes {
                value_sizes.add(bytes);
            }
            let (first, last) = times.get_or_insert((request.time_s, request.time_s));
            *first = request.time_s.min(*first);
            *last = request.time_s.max(*last);
            let (count, bytes) = keys.entry(xxh3_128(request.key)).or_insert_with(|| {
                facts.distinct += 1;
                facts.distinct_key_bytes += request.key.len() as u64;
                (0, 0)
            });
            *count += 1;
            *bytes = request.value_bytes.unwrap_or(0).max(*bytes);
        }
        facts.distinct_value_bytes = keys.values().map(|(_, bytes)| u64::from(*bytes)).sum();
        facts.end(&reader)?;
        let Some(key_bytes) = key_sizes.facts() else {
            return Err(reader.why_empty());
        };
        let mut popularity: Vec<u64> = keys.into_values().map(|(count, _)| count).collect();
        popularity.sort_unstable_by(|a, b| b.cmp(a));
        let ones = popularity.iter().rev().take_while(|count| **count == 1);
        Ok(TraceProfile {
            one_hit_wonders: ones.count() as u64,
            zipf: ZipfFit::of(&popularity),
            popularity,
            span_s: times.map_or(0, |(first, last)| last - first),
            key_bytes,
            value_bytes: value_sizes.facts(),
            facts,
        })
    }
}

/// How often each size occurs.
#[derive(Default)]
struct Sizes(HashMap<u32, u64, FixedState>);

impl Sizes {
    fn add(&mut self, bytes: u32) {
        *self.0.entry(bytes).or_default() += 1;
    }

    fn facts(self) -> Option<SizeFacts> {
        let sizes: BTreeMap<u32, u64> = self.0.into_iter().collect();
        let count: u64 = sizes.values().sum();
        let (min, max) = (*sizes.keys().next()?, *sizes.keys().next_back()?);
        let sum: f64 = sizes.iter().map(|(s, n)| f64::from(*s) * *n as f64).sum();
        let at = |hundredths: u64| {
            let wanted = (count * hundredths).div_ceil(100);
            let mut seen = 0;
            let reached = sizes.iter().find(|(_, n)| {
                seen += **n;
                seen >= wanted
            });
            reached.map_or(max, |(size, _)| *size)
        };
        Some(SizeFacts {
            min,
            mean: sum / count as f64,
            median: at(50),
            p99: at(99),
            max,
        })
    }
}

impl ZipfFit {
    /// Fits a line to counts in descending order.
    #[must_use]
    pub fn of(popularity: &[u64]) -> Option<ZipfFit> {
        const POINTS_A_DECADE: f64 = 20.0;
        let with = |least: u64| popularity.partition_point(|count| *count >= least);
        let last = match with(10) {
            many @ 100.. => many,
            _ => with(2),
        };
        if last < 10 {
            return None;
        }
        let mut ranks: Vec<usize> = (0..1_000)
            .map(|point| 10f64.powf(f64::from(point) / POINTS_A_DECADE))
            .take_while(|rank| *rank <= last as f64)
            .map(|rank| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "1 to the number of keys"
                )]
                let rank = rank.round() as usize;
                rank.min(last)
            })
            .collect();
        ranks.dedup();
        let points: Vec<(f64, f64)> = ranks
            .into_iter()
            .map(|rank| ((rank as f64).ln(), (popularity[rank - 1] as f64).ln()))
            .collect();
        let count = points.len() as f64;
        let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (x, y) in points {
            let (x, y) = (x - mean_x, y - mean_y);
            (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
        }
        if yy < 1e-12 {
            return None;
        }
        let slope = xy / xx;
        Some(ZipfFit {
            exponent: -slope,
            first: (mean_y - slope * mean_x).exp(),
            last_rank: last as u64,
            r_squared: xy * xy / (xx * yy),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fit_finds_the_exponent_of_a_zipf_law() {
        for exponent in [0.5, 0.8, 1.0, 1.4] {
            let counts: Vec<u64> = (1..=50_000u32)
                .map(|rank| {
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "up to 10^6"
                    )]
                    let count = (1e6 / f64::from(rank).powf(exponent)).round() as u64;
                    count
                })
                .collect();
            let fit = ZipfFit::of(&counts).unwrap();
            assert!((fit.exponent - exponent).abs() < 0.01, "{fit:?}");
            assert!((fit.first / 1e6 - 1.0).abs() < 0.05, "{fit:?}");
            assert!(fit.r_squared > 0.999, "{fit:?}");
        }
    }

    #[test]
    fn keys_that_are_all_alike_have_no_law() {
        assert_eq!(ZipfFit::of(&[5; 1000]), None);
        assert_eq!(ZipfFit::of(&[9, 3, 1]), None);
        assert_eq!(ZipfFit::of(&[]), None);
    }

    #[test]
    fn sizes_have_their_middle_and_their_end() {
        let mut sizes = Sizes::default();
        (1..=100).for_each(|size| sizes.add(size));
        let facts = sizes.facts().unwrap();
        assert_eq!(
            (facts.min, facts.median, facts.p99, facts.max),
            (1, 50, 99, 100)
        );
        assert!((facts.mean - 50.5).abs() < 1e-12);
        assert_eq!(Sizes::default().facts(), None);
    }
}
