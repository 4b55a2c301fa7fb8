//! The hash laboratory's records as figures and sentences: which function for which use.

mod findings;

use std::collections::{BTreeMap, BTreeSet};

use crate::record::{
    HashEntry, HashFloodRow, HashManifest, HashRecords, HashSpeedRow, HashSpreadRow,
};
use crate::stats::{self, Interval};

pub use findings::{HashFinding, findings as hash_findings};

/// The loop around a function that does nothing, as the records call it.
pub(crate) const EMPTY: &str = "empty";

/// Key length that sentences and rankings are about, in bytes: the keys of this lab's workloads.
pub(crate) const USUAL_BYTES: u32 = 20;

/// A score beyond which keys do not fall by chance: an ideal function exceeds it once in 1.7
/// million tests, and a run makes hundreds.
const SCORE_LIMIT: f64 = 5.0;

/// Everything that tables, charts and findings say, in figures.
#[derive(Clone, Debug, PartialEq)]
pub struct HashSummary {
    /// What was run.
    pub manifest: HashManifest,
    /// The functions, in the order of the manifest.
    pub hashes: Vec<HashFigures>,
    /// What the loop costs around a function that does nothing, by key length.
    pub empty: Vec<SpeedPoint>,
    /// Rounds of the speed measurement.
    pub rounds: usize,
    /// Rows that were cut short and left out.
    pub dropped_lines: u32,
}

/// What was measured of one function.
#[derive(Clone, Debug, PartialEq)]
pub struct HashFigures {
    /// What it is.
    pub entry: HashEntry,
    /// What a call costs, by key length, the loop included.
    pub speed: Vec<SpeedPoint>,
    /// How each corpus falls into buckets.
    pub spread: Vec<HashSpreadRow>,
    /// How far flipped bits go.
    pub avalanche: Option<AvalancheFigures>,
    /// What a flood of it looks like.
    pub flood: Option<HashFloodRow>,
}

/// What a call costs on keys of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct SpeedPoint {
    /// Bytes of a key.
    pub key_bytes: u32,
    /// Nanoseconds a call: the median over rounds.
    pub ns: Interval,
    /// Nanoseconds a call, by round.
    rounds: BTreeMap<u32, f64>,
}

impl SpeedPoint {
    /// Bytes hashed in a nanosecond: gigabytes a second.
    #[must_use]
    pub fn gigabytes(&self) -> f64 {
        f64::from(self.key_bytes) / self.ns.mid
    }
}

/// The avalanche of one function.
#[derive(Clone, Debug, PartialEq)]
pub struct AvalancheFigures {
    /// Keys tried.
    pub keys: u32,
    /// Mean bias over all pairs of bits, 0 to 1.
    pub mean: f64,
    /// The worst pair: bias, bit of the key, bit of the hash.
    pub worst: (f64, usize, usize),
    /// By byte of the key, the mean bias of its eight bits on each bit of the hash.
    pub by_byte: Vec<Vec<f64>>,
}

impl AvalancheFigures {
    /// The worst bias that chance alone gives an ideal function: the maximum of so many normal
    /// deviates of width 1/√keys is about √(2 ln 2n) of them.
    #[must_use]
    pub fn by_chance(&self) -> f64 {
        let pairs = (self.by_byte.len() * 8 * 64) as f64;
        ((2.0 * (2.0 * pairs).ln()) / f64::from(self.keys)).sqrt()
    }
}

/// How keys fall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fall {
    /// As chance would have them.
    Chance,
    /// More evenly than by chance: no harm.
    Even,
    /// Piled up.
    Piled,
}

impl Fall {
    /// The verdict on a row.
    #[must_use]
    pub fn of(row: &HashSpreadRow) -> Fall {
        if row.score > SCORE_LIMIT {
            Fall::Piled
        } else if row.score < -SCORE_LIMIT {
            Fall::Even
        } else {
            Fall::Chance
        }
    }
}

impl HashSummary {
    /// Derives the figures. The same records give the same summary.
    #[must_use]
    pub fn of(records: &HashRecords) -> HashSummary {
        let manifest = &records.manifest;
        let rounds: BTreeSet<u32> = records.speed.iter().map(|row| row.round).collect();
        HashSummary {
            hashes: manifest
                .hashes
                .iter()
                .map(|entry| figures(entry, records))
                .collect(),
            empty: speed_of(EMPTY, &records.speed, manifest.seed),
            rounds: rounds.len(),
            manifest: manifest.clone(),
            dropped_lines: records.dropped_lines,
        }
    }

    /// The functions that do not pile any corpus up where these bits pick the bucket, fastest first on
    /// keys of the usual length.
    pub(crate) fn sound(&self, bits: &str) -> Vec<&HashFigures> {
        let spreads = |hash: &&HashFigures| !hash.spread.is_empty() && hash.piles(bits).is_empty();
        let mut sound: Vec<&HashFigures> = self.hashes.iter().filter(spreads).collect();
        sound.sort_by(|a, b| a.usual_ns().total_cmp(&b.usual_ns()));
        sound
    }
}

impl HashFigures {
    /// What a call costs on keys of a length.
    #[must_use]
    pub fn at(&self, key_bytes: u32) -> Option<&SpeedPoint> {
        self.speed.iter().find(|point| point.key_bytes == key_bytes)
    }

    /// Nanoseconds a call on keys of the usual length; infinite where not measured.
    pub(crate) fn usual_ns(&self) -> f64 {
        self.at(USUAL_BYTES)
            .map_or(f64::INFINITY, |point| point.ns.mid)
    }

    /// The corpora that pile up in some number of buckets picked by these bits (`low` or `high`).
    #[must_use]
    pub fn piles(&self, bits: &str) -> Vec<&str> {
        let mut corpora: Vec<&str> = Vec::new();
        for row in self.spread.iter().filter(|row| row.bits == bits) {
            if Fall::of(row) == Fall::Piled && !corpora.contains(&row.corpus.as_str()) {
                corpora.push(&row.corpus);
            }
        }
        corpora
    }

    /// The row with the longest chain compared with what chance gives.
    #[must_use]
    pub fn longest(&self) -> Option<&HashSpreadRow> {
        let excess = |row: &HashSpreadRow| row.longest as f64 / row.likely_longest.max(1) as f64;
        self.spread
            .iter()
            .max_by(|a, b| excess(a).total_cmp(&excess(b)))
    }

    /// How many times as long a call takes as another function's, round by round.
    #[must_use]
    pub fn times(&self, other: &HashFigures, key_bytes: u32, seed: u64) -> Option<Interval> {
        let (ours, theirs) = (&self.at(key_bytes)?.rounds, &other.at(key_bytes)?.rounds);
        let logs: Vec<f64> = ours
            .iter()
            .filter_map(|(round, ns)| Some((ns / theirs.get(round)?).ln()))
            .collect();
        let interval = stats::bootstrap_median(&logs, seed, stats::RESAMPLES, stats::CONFIDENCE)?;
        Some(interval.map(f64::exp))
    }
}

fn figures(entry: &HashEntry, records: &HashRecords) -> HashFigures {
    let name = entry.name.as_str();
    HashFigures {
        entry: entry.clone(),
        speed: speed_of(name, &records.speed, records.manifest.seed),
        spread: records
            .spread
            .iter()
            .filter(|row| row.hash == name)
            .cloned()
            .collect(),
        avalanche: avalanche_of(name, records),
        flood: records.flood.iter().find(|row| row.hash == name).cloned(),
    }
}

fn speed_of(hash: &str, rows: &[HashSpeedRow], seed: u64) -> Vec<SpeedPoint> {
    let mut by_length: BTreeMap<u32, BTreeMap<u32, f64>> = BTreeMap::new();
    for row in rows
        .iter()
        .filter(|row| row.hash == hash && row.calls > 0 && row.elapsed_ns > 0)
    {
        let ns = row.elapsed_ns as f64 / row.calls as f64;
        by_length
            .entry(row.key_bytes)
            .or_default()
            .insert(row.round, ns);
    }
    let point = |(key_bytes, rounds): (u32, BTreeMap<u32, f64>)| {
        let values: Vec<f64> = rounds.values().copied().collect();
        let ns = stats::bootstrap_median(&values, seed, stats::RESAMPLES, stats::CONFIDENCE)?;
        Some(SpeedPoint {
            key_bytes,
            ns,
            rounds,
        })
    };
    by_length.into_iter().filter_map(point).collect()
}

/// A row whose counts cannot be read is left out.
fn avalanche_of(hash: &str, records: &HashRecords) -> Option<AvalancheFigures> {
    let rows = records.avalanche.iter().filter(|row| row.hash == hash);
    let mut figures = AvalancheFigures {
        keys: 0,
        mean: 0.0,
        worst: (0.0, 0, 0),
        by_byte: Vec::new(),
    };
    let mut inputs = 0;
    for (input, row) in rows.enumerate() {
        let flips = row.flips.split(' ').map(str::parse::<u32>);
        let flips: Vec<u32> = flips.collect::<Result<_, _>>().ok()?;
        if flips.len() != 64 || row.keys == 0 {
            return None;
        }
        figures.keys = row.keys;
        inputs += 1;
        if input % 8 == 0 {
            figures.by_byte.push(vec![0.0; 64]);
        }
        let byte = figures.by_byte.last_mut()?;
        for (output, flips) in flips.into_iter().enumerate() {
            let bias = (2.0 * f64::from(flips) / f64::from(row.keys) - 1.0).abs();
            figures.mean += bias;
            byte[output] += bias / 8.0;
            if bias > figures.worst.0 {
                figures.worst = (bias, input, output);
            }
        }
    }
    figures.mean /= f64::from(inputs) * 64.0;
    (inputs > 0).then_some(figures)
}
