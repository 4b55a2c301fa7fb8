//! Picks records by a distribution, for one thread.

use std::hint::select_unpredictable;
use std::sync::Arc;

use super::KeyDistribution;
use super::alias::Alias;
use super::draws::{Draws, unit};
use super::keys::fnv1a64;
use super::modulus::Modulus;
use super::rejection::Rejection;
use super::segment::Kind;
use super::zipf::{YCSB_ITEMS, Zipf};

/// Zipf ranks. Distributions that are YCSB's have Gray's generator, as it has, where that has a formula
/// (θ below 1), and rejection-inversion elsewhere; Zipf's law over the records is exact for every θ.
#[derive(Clone)]
pub(super) enum Ranks {
    Gray(Zipf),
    Rejection(Rejection),
}

impl Ranks {
    /// Exactly Zipf's law.
    fn exact(items: u64, theta: f64) -> Ranks {
        Ranks::Rejection(Rejection::new(items, theta))
    }

    /// As YCSB draws them over so many items.
    fn new(items: u64, theta: f64) -> Ranks {
        if theta < 1.0 {
            Ranks::Gray(Zipf::new(items, theta))
        } else {
            Ranks::Rejection(Rejection::new(items, theta))
        }
    }

    /// Over YCSB's 10^10 items.
    fn ycsb(theta: f64) -> Ranks {
        if theta < 1.0 {
            Ranks::Gray(Zipf::ycsb(theta))
        } else {
            Ranks::Rejection(Rejection::new(YCSB_ITEMS, theta))
        }
    }

    /// What chance decides of a rank.
    #[inline]
    fn draw(&self, draws: &mut Draws) -> u64 {
        match self {
            Ranks::Gray(_) => draws.bits(),
            Ranks::Rejection(zipf) => zipf.rank(draws),
        }
    }

    /// Puts ranks in the place of what was drawn for these operations.
    #[inline]
    fn settle(&self, ops: &mut [(Kind, u64)]) {
        if let Ranks::Gray(zipf) = self {
            each_pick(ops, |drawn| zipf.power(unit(drawn)).to_bits());
            each_pick(ops, |power| zipf.rank_of(f64::from_bits(power)));
        }
    }

    fn grow(&mut self) {
        match self {
            Ranks::Gray(zipf) => zipf.grow(),
            Ranks::Rejection(zipf) => zipf.grow(),
        }
    }
}

/// Ranks laid over the records so that neighbours lie far apart, each on one of its own: steps of
/// about the golden section, which have no divisor in common with the number of records. Otherwise
/// hot records would be those that the prefill put in first, at one end of every chain.
#[derive(Clone, Debug)]
pub(super) struct Scatter {
    records: Modulus,
    step: u64,
}

impl Scatter {
    fn new(records: u64) -> Scatter {
        fn common(a: u64, b: u64) -> u64 {
            if b == 0 { a } else { common(b, a % b) }
        }
        // 0.618… as a fraction of 2^32; records are below 2^32.
        let mut step = (records * 2_654_435_769) >> 32;
        while common(records, step) != 1 {
            step += 1;
        }
        Scatter {
            records: Modulus::new(records),
            step,
        }
    }

    #[inline]
    fn record(&self, rank: u64) -> u64 {
        self.records.of(rank * self.step)
    }
}

/// The γ for which a truncated exponential law over 0..1, with density ∝ e^(-γ x), has `share` of
/// it below `within`. By bisection: the share grows with γ.
fn exponential_rate(share: f64, within: f64) -> f64 {
    let (mut low, mut high) = (1e-9, 1e9);
    for _ in 0..200 {
        let middle = libm::sqrt(low * high);
        let has = libm::expm1(-middle * within) / libm::expm1(-middle);
        if has < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// A distribution at work on one thread: where it stands and what it has precomputed.
#[derive(Clone)]
pub(super) enum Picker {
    Uniform {
        records: u64,
    },
    Zipfian {
        records: Modulus,
        zipf: Ranks,
    },
    Latest {
        /// How many records the prefill put in.
        records: u64,
        inserts: Inserts,
        zipf: Ranks,
    },
    Zipf {
        zipf: Ranks,
        scatter: Scatter,
    },
    Hotspot {
        /// How many records are hot.
        hot: u64,
        hot_ops: f64,
        scatter: Scatter,
    },
    Exponential {
        /// γ.
        rate: f64,
        /// 1 - e^-γ.
        span: f64,
        scatter: Scatter,
    },
    Weights {
        records: u64,
        parts: u64,
        alias: Arc<Alias>,
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
    first: u64,
    step: u64,
    pub(super) done: u64,
}

impl Inserts {
    /// Those of `thread` of `threads` from the record `first` on, which is thread 0's.
    pub(super) fn new(first: u64, thread: u32, threads: u32) -> Inserts {
        Inserts {
            first: first + u64::from(thread),
            step: threads.into(),
            done: 0,
        }
    }

    /// The record of an insert. Where there is no such insert the number means nothing.
    pub(super) fn record(&self, index: u64) -> u64 {
        self.first.wrapping_add(index.wrapping_mul(self.step))
    }

    /// The next record to insert.
    pub(super) fn next(&mut self) -> u64 {
        let record = self.record(self.done);
        self.done += 1;
        record
    }
}

impl Picker {
    /// `keys` over `records` records as `thread` of `threads` sees them, where inserts begin at
    /// `first_insert`.
    pub(super) fn new(
        keys: &KeyDistribution,
        records: u64,
        first_insert: u64,
        thread: u32,
        threads: u32,
    ) -> Picker {
        match keys {
            KeyDistribution::Uniform => Picker::Uniform { records },
            KeyDistribution::Zipfian { theta } => Picker::Zipfian {
                records: Modulus::new(records),
                zipf: Ranks::ycsb(*theta),
            },
            KeyDistribution::Latest { theta } => Picker::Latest {
                records,
                inserts: Inserts::new(first_insert, thread, threads),
                zipf: Ranks::new(records, *theta),
            },
            KeyDistribution::Zipf { theta } => Picker::Zipf {
                zipf: Ranks::exact(records, *theta),
                scatter: Scatter::new(records),
            },
            KeyDistribution::Hotspot { hot_keys, hot_ops } => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of the records"
                )]
                let hot = (hot_keys * records as f64).round() as u64;
                Picker::Hotspot {
                    hot: hot.clamp(1, records - 1),
                    hot_ops: *hot_ops,
                    scatter: Scatter::new(records),
                }
            }
            KeyDistribution::Exponential { share, within } => {
                let rate = exponential_rate(*share, *within);
                Picker::Exponential {
                    rate,
                    span: -libm::expm1(-rate),
                    scatter: Scatter::new(records),
                }
            }
            KeyDistribution::Weights { weights } => Picker::Weights {
                records,
                parts: weights.len() as u64,
                alias: Arc::new(Alias::new(weights)),
            },
            KeyDistribution::Sequential => Picker::Sequential {
                records,
                first: thread.into(),
                step: threads.into(),
                next: thread.into(),
            },
        }
    }

    /// What chance decides of the next operation's record: the first half of a pick, for
    /// [`Picker::settle`] to complete.
    #[inline]
    pub(super) fn draw(&mut self, draws: &mut Draws) -> u64 {
        match self {
            Picker::Uniform { records } => draws.below(*records),
            Picker::Zipfian { zipf, .. }
            | Picker::Latest { zipf, .. }
            | Picker::Zipf { zipf, .. } => zipf.draw(draws),
            Picker::Hotspot {
                hot,
                hot_ops,
                scatter,
            } => {
                if draws.unit() < *hot_ops {
                    draws.below(*hot)
                } else {
                    *hot + draws.below(scatter.records.divisor() - *hot)
                }
            }
            Picker::Exponential { .. } => draws.bits(),
            Picker::Weights {
                records,
                parts,
                alias,
            } => {
                let part = alias.at(draws.bits()) as u64;
                let (from, to) = (part * *records / *parts, (part + 1) * *records / *parts);
                from + draws.below(to - from)
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

    /// Puts records in the place of what was drawn for these operations. Every operation is to be
    /// shown once, in their order; the records of inserts and removes are no picks and stay.
    ///
    /// From a draw to its record it is a long way, each step waiting for the one before. Done for
    /// many draws together, a step at a time, steps of different draws overlap.
    #[inline]
    pub(super) fn settle(&mut self, ops: &mut [(Kind, u64)]) {
        match self {
            Picker::Uniform { .. } | Picker::Weights { .. } | Picker::Sequential { .. } => {}
            Picker::Zipfian { records, zipf } => {
                zipf.settle(ops);
                each_pick(ops, |rank| records.of(fnv1a64(rank)));
            }
            Picker::Zipf { zipf, scatter } => {
                zipf.settle(ops);
                each_pick(ops, |rank| scatter.record(rank));
            }
            Picker::Hotspot { scatter, .. } => each_pick(ops, |rank| scatter.record(rank)),
            Picker::Exponential {
                rate,
                span,
                scatter,
            } => each_pick(ops, |drawn| {
                let at = -libm::log1p(-unit(drawn) * *span) / *rate;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "at is in 0..=1, and rounding up to the end is cut off"
                )]
                let rank = (at * scatter.records.divisor() as f64) as u64;
                scatter.record(rank.min(scatter.records.divisor() - 1))
            }),
            Picker::Latest {
                records,
                inserts,
                zipf,
            } => {
                // What is latest stays so from one insert to the next.
                let between = ops.split_mut(|(kind, _)| *kind == Kind::Insert);
                for (before, ops) in between.enumerate() {
                    if before > 0 {
                        inserts.next();
                        zipf.grow();
                    }
                    zipf.settle(ops);
                    each_pick(ops, |rank| {
                        // Which of the two it is cannot be foreseen: both are computed, the wrong
                        // one out of its range.
                        let own = inserts.record(inserts.done.wrapping_sub(rank + 1));
                        let prefilled = *records - 1;
                        let prefilled = prefilled.wrapping_sub(rank.wrapping_sub(inserts.done));
                        select_unpredictable(rank < inserts.done, own, prefilled)
                    });
                }
            }
        }
    }

    /// Both halves of a pick at once.
    #[cfg(test)]
    pub(super) fn pick(&mut self, draws: &mut Draws) -> u64 {
        let mut op = [(Kind::Get, self.draw(draws))];
        self.settle(&mut op);
        op[0].1
    }
}

/// Replaces the number of each operation that picks its record.
#[inline]
fn each_pick(ops: &mut [(Kind, u64)], replacement: impl Fn(u64) -> u64) {
    for (kind, number) in ops {
        if !matches!(kind, Kind::Insert | Kind::Remove) {
            *number = replacement(*number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(keys: &KeyDistribution, records: u64, draws_count: u32) -> Vec<u32> {
        let mut picker = Picker::new(keys, records, records, 0, 1);
        let mut draws = Draws::new(5, 0);
        let mut counts = vec![0; usize::try_from(records).unwrap()];
        for _ in 0..draws_count {
            let record = picker.pick(&mut draws);
            counts[usize::try_from(record).unwrap()] += 1;
        }
        counts
    }

    /// Shares of operations within five deviations of a binomial.
    fn assert_share(count: u32, of: u32, share: f64, what: &str) {
        let noise = 5.0 * (f64::from(of) * share * (1.0 - share)).sqrt();
        let off = (f64::from(count) - f64::from(of) * share).abs();
        assert!(off <= noise, "{what}: {count} of {of}, expected {share}");
    }

    #[test]
    fn a_hotspot_takes_its_share() {
        let keys = KeyDistribution::Hotspot {
            hot_keys: 0.2,
            hot_ops: 0.8,
        };
        let counts = counts(&keys, 1_000, 100_000);
        let scatter = Scatter::new(1_000);
        let at = |rank: u64| counts[usize::try_from(scatter.record(rank)).unwrap()];
        assert_share((0..200).map(at).sum(), 100_000, 0.8, "hot");
        for rank in [0, 199] {
            assert_share(at(rank), 100_000, 0.8 / 200.0, "one hot record");
        }
        for rank in [200, 999] {
            assert_share(at(rank), 100_000, 0.2 / 800.0, "one cold record");
        }
    }

    #[test]
    fn exponential_keys_have_their_share_in_the_first_part() {
        let within = 6.0 / 7.0;
        let keys = KeyDistribution::Exponential {
            share: 0.95,
            within,
        };
        let counts = counts(&keys, 7_000, 200_000);
        let scatter = Scatter::new(7_000);
        let at = |rank: u64| counts[usize::try_from(scatter.record(rank)).unwrap()];
        assert_share(
            (0..6_000).map(at).sum(),
            200_000,
            0.95,
            "first six sevenths",
        );
        // And it is exponential: each seventh has the same part of the one before.
        let rate = exponential_rate(0.95, within);
        let below = |x: f64| -(-rate * x).exp_m1() / -(-rate).exp_m1();
        for seventh in 1..=6u64 {
            let share = below(seventh as f64 / 7.0);
            assert_share(
                (0..seventh * 1_000).map(at).sum(),
                200_000,
                share,
                "sevenths",
            );
        }
    }

    #[test]
    fn weights_are_shares_of_equal_parts() {
        let weights = vec![6.0, 0.0, 3.0, 1.0];
        let counts = counts(&KeyDistribution::Weights { weights }, 10, 100_000);
        let sum = |records: std::ops::Range<usize>| counts[records].iter().sum::<u32>();
        assert_share(sum(0..2), 100_000, 0.6, "first");
        assert_eq!(sum(2..5), 0);
        assert_share(sum(5..7), 100_000, 0.3, "third");
        assert_share(sum(7..10), 100_000, 0.1, "fourth");
        assert_share(sum(7..8), 100_000, 0.1 / 3.0, "alike within a part");
    }

    #[test]
    fn zipf_over_the_records_has_every_rank_on_a_record_of_its_own() {
        for records in [1, 2, 3, 10, 1_000, 65_536, 99_991] {
            let scatter = Scatter::new(records);
            let mut seen: Vec<u64> = (0..records).map(|rank| scatter.record(rank)).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..records), "{records}");
        }
        for theta in [0.0, 0.3, 0.5, 0.9, 0.99, 1.0, 1.4] {
            let counts = counts(&KeyDistribution::Zipf { theta }, 1_000, 400_000);
            let scatter = Scatter::new(1_000);
            let zeta: f64 = (1..=1_000u32).map(|i| f64::from(i).powf(-theta)).sum();
            for rank in 0..10u32 {
                let record = usize::try_from(scatter.record(rank.into())).unwrap();
                let share = f64::from(rank + 1).powf(-theta) / zeta;
                let what = format!("theta {theta}, rank {rank}");
                assert_share(counts[record], 400_000, share, &what);
            }
        }
        // The scramble of YCSB takes skews of 1 and more too.
        let counts = counts(&KeyDistribution::Zipfian { theta: 1.2 }, 10_000, 50_000);
        let hottest = (0..10_000).max_by_key(|record| counts[*record]);
        assert_eq!(hottest, Some(4405));
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
        let mut picker = Picker::new(&KeyDistribution::Latest { theta: 0.99 }, 100, 100, 1, 3);
        let mut inserts = Inserts::new(100, 1, 3);
        let mut draws = Draws::new(5, 1);
        let hottest = |picker: &mut Picker, draws: &mut Draws, inserts: &Inserts| {
            let mut counts = std::collections::BTreeMap::<u64, u32>::new();
            for _ in 0..5_000 {
                *counts.entry(picker.pick(draws)).or_default() += 1;
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
            picker.settle(&mut [(Kind::Insert, record)]);
        }
        assert_eq!(hottest(&mut picker, &mut draws, &inserts), [104, 101, 99]);
    }

    #[test]
    fn sequential_threads_share_the_records_out() {
        let picks = |thread| {
            let mut picker = Picker::new(&KeyDistribution::Sequential, 8, 8, thread, 3);
            let mut draws = Draws::new(0, thread);
            [(); 4].map(|()| picker.pick(&mut draws))
        };
        assert_eq!(picks(0), [0, 3, 6, 0]);
        assert_eq!(picks(1), [1, 4, 7, 1]);
        assert_eq!(picks(2), [2, 5, 2, 5]);
    }
}
