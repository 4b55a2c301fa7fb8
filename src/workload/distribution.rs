//! Which record an operation picks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use super::keys::fnv1a64;
use super::zipf::Zipf;
use crate::base::BadInput;

/// Which record an operation picks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "distribution", try_from = "Written")]
pub enum KeyDistribution {
    /// Every record alike.
    Uniform,
    /// YCSB's scrambled zipfian: ranks over 10^10 items (Gray et al., SIGMOD 1994), each scattered
    /// over the records by FNV-1a, so that hot records lie anywhere.
    Zipfian {
        /// The skew, 0 ≤ θ < 1; 0 is uniform.
        theta: f64,
    },
    /// Zipfian over recency: the record added last is the hottest. A thread counts the prefill and
    /// its own inserts.
    Latest {
        /// The skew, 0 ≤ θ < 1; 0 is uniform.
        theta: f64,
    },
    /// In order, each thread its own records: thread t of n picks t, t + n, t + 2n … and starts
    /// over after the last record.
    Sequential,
}

/// A distribution as suites write it. A tagged enum would ignore a θ where none belongs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    distribution: Name,
    /// 0.99, as in YCSB, where it is left out.
    theta: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Uniform,
    Zipfian,
    Latest,
    Sequential,
}

impl TryFrom<Written> for KeyDistribution {
    type Error = BadInput;

    fn try_from(written: Written) -> Result<KeyDistribution, BadInput> {
        let theta = written.theta.unwrap_or(0.99);
        let keys = match written.distribution {
            Name::Uniform => KeyDistribution::Uniform,
            Name::Zipfian => return Ok(KeyDistribution::Zipfian { theta }),
            Name::Latest => return Ok(KeyDistribution::Latest { theta }),
            Name::Sequential => KeyDistribution::Sequential,
        };
        match written.theta {
            None => Ok(keys),
            Some(theta) => Err(BadInput(format!(
                "theta = {theta} is not valid with {keys} keys: zipfian and latest have one"
            ))),
        }
    }
}

impl KeyDistribution {
    /// Checks the skew.
    ///
    /// # Errors
    /// A θ that the generator has no formula for, with the valid range.
    pub fn check(&self) -> Result<(), BadInput> {
        let (KeyDistribution::Zipfian { theta } | KeyDistribution::Latest { theta }) = *self else {
            return Ok(());
        };
        if (0.0..1.0).contains(&theta) {
            return Ok(());
        }
        #[expect(clippy::float_cmp, reason = "exactly 1 has a reason of its own")]
        let why = if theta == 1.0 {
            " (Gray's formula divides by 1 - theta)"
        } else {
            ""
        };
        let nearest = if theta >= 1.0 { "0.99" } else { "0" };
        Err(BadInput(format!(
            "theta = {theta} is not valid{why}: 0 <= theta < 1, such as {nearest}"
        )))
    }
}

impl fmt::Display for KeyDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyDistribution::Uniform => f.write_str("uniform"),
            KeyDistribution::Zipfian { theta } => write!(f, "zipfian {theta}"),
            KeyDistribution::Latest { theta } => write!(f, "latest {theta}"),
            KeyDistribution::Sequential => f.write_str("sequential"),
        }
    }
}

/// A distribution at work on one thread: where it stands and what it has precomputed.
#[derive(Clone, Debug)]
pub(super) enum Picker {
    Uniform {
        records: u64,
    },
    Zipfian {
        records: u64,
        zipf: Zipf,
    },
    Latest {
        /// How many records the prefill put in.
        records: u64,
        zipf: Zipf,
    },
    Sequential {
        records: u64,
        first: u64,
        step: u64,
        next: u64,
    },
}

/// Records that one thread inserts: its i-th is `first + i * step`, so that no two threads ever
/// insert the same.
#[derive(Clone, Debug)]
pub(super) struct Inserts {
    pub(super) first: u64,
    pub(super) step: u64,
    pub(super) done: u64,
}

impl Inserts {
    fn record(&self, index: u64) -> u64 {
        self.first + index * self.step
    }

    /// The next record to insert.
    pub(super) fn next(&mut self) -> u64 {
        let record = self.record(self.done);
        self.done += 1;
        record
    }
}

impl Picker {
    /// `keys` over `records` records as `thread` of `threads` sees them.
    pub(super) fn new(keys: &KeyDistribution, records: u64, thread: u32, threads: u32) -> Picker {
        match *keys {
            KeyDistribution::Uniform => Picker::Uniform { records },
            KeyDistribution::Zipfian { theta } => Picker::Zipfian {
                records,
                zipf: Zipf::ycsb(theta),
            },
            KeyDistribution::Latest { theta } => Picker::Latest {
                records,
                zipf: Zipf::new(records, theta),
            },
            KeyDistribution::Sequential => Picker::Sequential {
                records,
                first: thread.into(),
                step: threads.into(),
                next: thread.into(),
            },
        }
    }

    /// The record of the next operation.
    #[inline]
    pub(super) fn pick(&mut self, draws: &mut Draws, inserts: &Inserts) -> u64 {
        match self {
            Picker::Uniform { records } => draws.below(*records),
            Picker::Zipfian { records, zipf } => fnv1a64(zipf.rank(draws.unit())) % *records,
            Picker::Latest { records, zipf } => {
                let rank = zipf.rank(draws.unit());
                if rank < inserts.done {
                    inserts.record(inserts.done - 1 - rank)
                } else {
                    *records - 1 - (rank - inserts.done)
                }
            }
            Picker::Sequential {
                records,
                first,
                step,
                next,
            } => {
                let record = *next;
                *next += *step;
                if *next >= *records {
                    *next = *first;
                }
                record
            }
        }
    }

    /// Learns that the thread has inserted a record.
    #[inline]
    pub(super) fn inserted(&mut self) {
        if let Picker::Latest { zipf, .. } = self {
            zipf.grow();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_INSERTS: Inserts = Inserts {
        first: 0,
        step: 1,
        done: 0,
    };

    fn counts(keys: &KeyDistribution, records: u64, draws_count: u32) -> Vec<u32> {
        let mut picker = Picker::new(keys, records, 0, 1);
        let mut draws = Draws::new(5, 0);
        let mut counts = vec![0; usize::try_from(records).unwrap()];
        for _ in 0..draws_count {
            let record = picker.pick(&mut draws, &NO_INSERTS);
            counts[usize::try_from(record).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn theta_has_a_range() {
        for theta in [0.0, 0.5, 0.99, 0.999_999] {
            assert_eq!(KeyDistribution::Zipfian { theta }.check(), Ok(()));
        }
        for theta in [1.0, 1.5, -0.1, f64::NAN, f64::INFINITY] {
            for keys in [
                KeyDistribution::Zipfian { theta },
                KeyDistribution::Latest { theta },
            ] {
                let error = keys.check().unwrap_err().to_string();
                assert!(error.contains("0 <= theta < 1"), "{error}");
                assert!(error.contains(&theta.to_string()), "{error}");
            }
        }
        let error = KeyDistribution::Zipfian { theta: 1.0 }.check().unwrap_err();
        assert!(error.to_string().contains("divides by"), "{error}");
    }

    #[test]
    fn uniform_is_flat() {
        // Binomial(100000, 1/100) has a deviation of 31.5: five of them.
        let counts = counts(&KeyDistribution::Uniform, 100, 100_000);
        assert!(counts.iter().all(|n| (842..1158).contains(n)), "{counts:?}");
    }

    /// The three hottest records at 10,000 are facts of YCSB's scramble; the share of the hottest
    /// is 1/ζ and its part of the thinly spread rest.
    #[test]
    fn the_scramble_is_that_of_ycsb() {
        let counts = counts(&KeyDistribution::Zipfian { theta: 0.99 }, 10_000, 200_000);
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|record| std::cmp::Reverse(counts[*record]));
        assert_eq!(order[..3], [4405, 4996, 3223]);
        let share = f64::from(counts[4405]) / 200_000.0;
        assert!((0.0360..0.0400).contains(&share), "{share}");
    }

    #[test]
    fn latest_prefers_own_inserts_newest_first() {
        let mut picker = Picker::new(&KeyDistribution::Latest { theta: 0.99 }, 100, 1, 3);
        let mut inserts = Inserts {
            first: 101,
            step: 3,
            done: 0,
        };
        let mut draws = Draws::new(5, 1);
        let hottest = |picker: &mut Picker, draws: &mut Draws, inserts: &Inserts| {
            let mut counts = std::collections::BTreeMap::<u64, u32>::new();
            for _ in 0..5_000 {
                *counts.entry(picker.pick(draws, inserts)).or_default() += 1;
            }
            let known = |record: u64| record < 100 || (record - 101).is_multiple_of(3);
            assert!(counts.keys().all(|record| known(*record)));
            assert!(counts.keys().all(|record| *record < 101 + 3 * inserts.done));
            let mut order: Vec<_> = counts.into_iter().map(|(r, n)| (n, r)).collect();
            order.sort_unstable_by(|a, b| b.cmp(a));
            [order[0].1, order[1].1, order[2].1]
        };
        assert_eq!(hottest(&mut picker, &mut draws, &inserts), [99, 98, 97]);
        for record in [101, 104] {
            assert_eq!(inserts.next(), record);
            picker.inserted();
        }
        assert_eq!(hottest(&mut picker, &mut draws, &inserts), [104, 101, 99]);
    }

    #[test]
    fn sequential_threads_share_the_records_out() {
        let picks = |thread| {
            let mut picker = Picker::new(&KeyDistribution::Sequential, 8, thread, 3);
            let mut draws = Draws::new(0, thread);
            [(); 4].map(|()| picker.pick(&mut draws, &NO_INSERTS))
        };
        assert_eq!(picks(0), [0, 3, 6, 0]);
        assert_eq!(picks(1), [1, 4, 7, 1]);
        assert_eq!(picks(2), [2, 5, 2, 5]);
    }

    #[test]
    fn suites_may_leave_theta_out() {
        let read = |text: &str| toml::from_str::<KeyDistribution>(text);
        assert_eq!(
            read("distribution = 'zipfian'").unwrap(),
            KeyDistribution::Zipfian { theta: 0.99 }
        );
        assert_eq!(
            read("distribution = 'latest'\ntheta = 0").unwrap(),
            KeyDistribution::Latest { theta: 0.0 }
        );
        let error = read("distribution = 'zipfian'\nskew = 2").unwrap_err();
        assert!(error.to_string().contains("skew"), "{error}");
        let error = read("distribution = 'uniform'\ntheta = 0.5").unwrap_err();
        assert!(error.to_string().contains("theta"), "{error}");
    }
}
