//! When operations begin: at a rate, or at the times of a recorded trace.
//!
//! An open loop does not wait for the table: its operations have intended start times, and response
//! times count from these, so they include the delays that a stall causes (Tene, "How NOT to measure
//! latency", 2013; Schroeder, Wierman and Harchol-Balter, "Open versus closed: a cautionary tale",
//! NSDI 2006).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::draws::Draws;
use crate::base::{BadInput, Factor, PerSecond, some_list, some_of};

/// How intended start times follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// At equal distances, the threads' in between each other.
    #[default]
    Fixed,
    /// At exponentially distributed distances, each thread by itself: a Poisson process.
    Poisson,
}

impl Arrival {
    /// The word that files use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Arrival::Fixed => "fixed",
            Arrival::Poisson => "poisson",
        }
    }
}

impl std::str::FromStr for Arrival {
    type Err = BadInput;

    fn from_str(text: &str) -> Result<Arrival, BadInput> {
        let all = [Arrival::Fixed, Arrival::Poisson];
        let found = all.into_iter().find(|arrival| arrival.word() == text);
        found.ok_or_else(|| {
            crate::base::unknown_name("arrival", text, all.into_iter().map(Arrival::word))
        })
    }
}

/// When the operations of a workload are to begin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// So many a second, over all threads.
    Rate {
        /// Operations a second.
        per_s: PerSecond,
        /// How they follow each other.
        arrival: Arrival,
    },
    /// When a trace says that its requests came, so many times as fast.
    Trace {
        /// How many times as fast.
        speed: f64,
    },
}

impl Pace {
    /// A rate over all threads.
    #[must_use]
    pub fn rate(per_s: u64, arrival: Arrival) -> Pace {
        Pace::Rate {
            per_s: PerSecond(per_s),
            arrival,
        }
    }

    /// The word for how intended times follow each other: `fixed`, `poisson` or `trace`.
    #[must_use]
    pub fn arrival_word(self) -> &'static str {
        match self {
            Pace::Rate { arrival, .. } => arrival.word(),
            Pace::Trace { .. } => "trace",
        }
    }

    /// Checks what the types cannot.
    ///
    /// # Errors
    /// A rate or a speed that is none.
    pub fn check(self) -> Result<(), BadInput> {
        match self {
            Pace::Rate { per_s, .. } if per_s.0 == 0 => {
                Err(BadInput("rate = 0 is not valid: at least 1".into()))
            }
            Pace::Trace { speed } if !(speed > 0.0 && speed <= 1e9) => Err(BadInput(format!(
                "speed = {speed} is not valid: above 0, at most 10^9"
            ))),
            _ => Ok(()),
        }
    }
}

/// As a part of a workload's name: `100k/s`, `x10`.
impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pace::Rate { per_s, .. } => write!(f, "{per_s}/s"),
            Pace::Trace { speed } => write!(f, "x{speed}"),
        }
    }
}

/// Paces as a file writes them: `{ rate = "100k", arrival = "poisson" }`, with a list of rates for a
/// sweep; `{ speed = 10 }` for a trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pacing {
    /// Operations a second over all threads.
    #[serde(
        default,
        deserialize_with = "some_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub rate: Option<Vec<PerSecond>>,
    /// How they follow each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
    /// How many times as fast as recorded a trace is replayed.
    #[serde(
        default,
        deserialize_with = "some_of::<Factor, f64, _>",
        skip_serializing_if = "Option::is_none"
    )]
    pub speed: Option<f64>,
}

impl Pacing {
    /// The paces, one for each panel.
    ///
    /// # Errors
    /// Neither a rate nor a speed, or both.
    pub fn paces(&self) -> Result<Vec<Pace>, BadInput> {
        let arrival = self.arrival.unwrap_or_default();
        let rates = self.rate.as_deref().unwrap_or_default();
        let paces: Vec<Pace> = match (rates, self.speed) {
            ([], Some(speed)) if self.arrival.is_none() => vec![Pace::Trace { speed }],
            ([_, ..], None) => rates
                .iter()
                .map(|&per_s| Pace::Rate { per_s, arrival })
                .collect(),
            ([], Some(_)) => {
                return Err(BadInput(
                    "pace: arrival is not valid with speed: a trace has times of its own".into(),
                ));
            }
            _ => {
                return Err(BadInput(
                    "pace: give either a rate (rate = \"100k\", or a list of them) or, for a trace with \
                     times, a speed (speed = 10)"
                        .into(),
                ));
            }
        };
        paces.iter().try_for_each(|pace| pace.check())?;
        Ok(paces)
    }
}

/// Bits behind the point of a time in nanoseconds.
const POINT: u32 = 16;

/// Bits behind the point of a gap, in mean gaps.
const GAP_POINT: u32 = 24;

/// How many gaps are drawn before they come again; with 4 bytes each, 4 MiB.
const GAPS: usize = 1 << 20;

/// The intended start times of one thread at a rate: each a few instructions, from what was made
/// before the clock started.
#[derive(Clone, Debug)]
pub struct Arrivals {
    thread: u32,
    threads: u32,
    /// The next time, in 2^-[`POINT`] ns.
    next: u64,
    /// The distance of two, or the mean one, in the same unit.
    interval: u64,
    poisson: bool,
    /// Exponentially distributed with mean 1, in 2^-[`GAP_POINT`]; empty until they are needed.
    gaps: Vec<u32>,
    at: usize,
    seed: u64,
}

impl Arrivals {
    /// For one of `threads` threads; without a rate yet. Poisson gaps come from the seed and the
    /// thread alone, the same on every machine.
    #[must_use]
    pub fn new(seed: u64, thread: u32, threads: u32) -> Arrivals {
        Arrivals {
            thread,
            threads,
            next: u64::MAX,
            interval: 0,
            poisson: false,
            gaps: Vec::new(),
            at: 0,
            seed,
        }
    }

    /// Draws what Poisson arrivals need, once; untimed.
    pub fn prepare(&mut self, arrival: Arrival) {
        if arrival == Arrival::Poisson && self.gaps.is_empty() {
            let mut draws = Draws::new(self.seed ^ 0x6761_7073, self.thread);
            self.gaps = (0..GAPS).map(|_| gap(draws.unit())).collect();
        }
    }

    /// Starts a schedule at a rate over all threads, from time 0. Gaps go on where the last schedule
    /// left them.
    pub fn start(&mut self, per_s: PerSecond, arrival: Arrival) {
        self.prepare(arrival);
        let one = (u128::from(1_000_000_000_u64) << POINT) / u128::from(per_s.0.max(1));
        let interval = one * u128::from(self.threads);
        // Rates below one in some hours stay there.
        self.interval = u64::try_from(interval)
            .unwrap_or(u64::MAX >> 1)
            .min(u64::MAX >> 1);
        self.poisson = arrival == Arrival::Poisson;
        self.next = if self.poisson {
            self.gap()
        } else {
            u64::try_from(one * u128::from(self.thread)).unwrap_or(u64::MAX >> 1)
        };
    }

    /// The next intended start, in nanoseconds; it stays the next one.
    #[inline]
    #[must_use]
    pub fn peek(&self) -> u64 {
        self.next >> POINT
    }

    /// Goes on to the one after it.
    #[inline]
    pub fn advance(&mut self) {
        let gap = if self.poisson {
            self.gap()
        } else {
            self.interval
        };
        self.next = self.next.saturating_add(gap);
    }

    #[inline]
    fn gap(&mut self) -> u64 {
        let gap = u128::from(self.gaps[self.at & (GAPS - 1)]);
        self.at += 1;
        u64::try_from((gap * u128::from(self.interval)) >> GAP_POINT).unwrap_or(u64::MAX)
    }
}

/// An exponentially distributed gap with mean 1 by inversion, from a number in [0, 1).
fn gap(unit: f64) -> u32 {
    let gap = -libm::log(1.0 - unit) * f64::from(1_u32 << GAP_POINT);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 37 mean gaps, below 2^30"
    )]
    let gap = libm::round(gap) as u32;
    gap
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(per_s: u64, arrival: Arrival, thread: u32, threads: u32, count: usize) -> Vec<u64> {
        let mut arrivals = Arrivals::new(7, thread, threads);
        arrivals.start(PerSecond(per_s), arrival);
        (0..count)
            .map(|_| {
                let at = arrivals.peek();
                arrivals.advance();
                at
            })
            .collect()
    }

    #[test]
    fn threads_share_a_fixed_rate_in_turn() {
        assert_eq!(times(1_000_000, Arrival::Fixed, 0, 2, 3), [0, 2_000, 4_000]);
        assert_eq!(
            times(1_000_000, Arrival::Fixed, 1, 2, 3),
            [1_000, 3_000, 5_000]
        );
        // A rate that no whole number of nanoseconds makes does not drift.
        let last = times(3_000_000, Arrival::Fixed, 0, 1, 3_000_001)[3_000_000];
        assert!(last.abs_diff(1_000_000_000) < 100, "{last}");
        assert_eq!(times(1, Arrival::Fixed, 0, 1, 2), [0, 1_000_000_000]);
    }

    #[test]
    fn poisson_gaps_have_their_mean_and_spread() {
        let times = times(2_000_000, Arrival::Poisson, 1, 2, 500_001);
        let gaps: Vec<f64> = times.windows(2).map(|w| (w[1] - w[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        // Five deviations of the mean of half a million.
        assert!((mean / 1_000.0 - 1.0).abs() < 0.007, "{mean}");
        let longer = gaps.iter().filter(|gap| **gap > 3_000.0).count() as f64;
        let share = longer / gaps.len() as f64;
        assert!((share / (-3.0_f64).exp() - 1.0).abs() < 0.05, "{share}");
    }

    /// Whoever changes these changes when operations begin in every later run.
    #[test]
    fn poisson_times_are_pinned() {
        let other = times(1_000_000, Arrival::Poisson, 1, 2, 4);
        assert_ne!(times(1_000_000, Arrival::Poisson, 0, 2, 4), other);
        assert_eq!(
            times(1_000_000, Arrival::Poisson, 0, 1, 4),
            [3052, 4157, 4787, 5714]
        );
    }

    #[test]
    fn files_say_a_rate_several_or_a_speed() {
        let paces = |text: &str| {
            let pacing: Pacing = toml::from_str(text).unwrap();
            pacing.paces()
        };
        assert_eq!(
            paces("rate = [\"100k\", 5e3]").unwrap(),
            [
                Pace::rate(100_000, Arrival::Fixed),
                Pace::rate(5_000, Arrival::Fixed)
            ]
        );
        assert_eq!(
            paces("rate = \"1M\"\narrival = \"poisson\"").unwrap(),
            [Pace::rate(1_000_000, Arrival::Poisson)]
        );
        assert_eq!(
            paces("speed = 10.0").unwrap(),
            [Pace::Trace { speed: 10.0 }]
        );
        assert_eq!(
            paces("speed = \"2x\"").unwrap(),
            [Pace::Trace { speed: 2.0 }]
        );
        for text in [
            "",
            "arrival = \"fixed\"",
            "rate = []",
            "rate = 5\nspeed = 1.0",
            "speed = 1.0\narrival = \"fixed\"",
            "speed = 0",
        ] {
            assert!(paces(text).is_err(), "{text}");
        }
        for (text, word) in [
            ("rate = 0", "'0' is no rate"),
            ("speed = -1", "'-1' is no factor"),
        ] {
            let error = toml::from_str::<Pacing>(text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(
            "possion"
                .parse::<Arrival>()
                .unwrap_err()
                .0
                .contains("'poisson'")
        );
        assert_eq!(Pace::rate(1_500_000, Arrival::Fixed).to_string(), "1.5M/s");
        assert_eq!(Pace::Trace { speed: 0.5 }.to_string(), "x0.5");
    }
}
