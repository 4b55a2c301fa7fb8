//! Searches for the highest rate that keeps a limit, over the births of a table.

use super::figures::gather;
use super::format::{counted, duration, figure};
use crate::base::{PerSecond, whole};
use crate::record::SloRow;
use crate::stats::{self, Interval};

/// Births from which on a rate that was searched has a least and a most. So few have no 95 % interval.
const BIRTHS_FOR_A_RATE: usize = 3;

/// A target's search for the highest rate that keeps a limit, over its births.
#[derive(Clone, Debug, PartialEq)]
pub struct Searched {
    /// The panel.
    pub panel: u32,
    /// The cell.
    pub cell_id: String,
    /// The target as people read it.
    pub target: String,
    /// The percentile: `p99`, `p99.9`.
    pub percentile: String,
    /// The limit on it, in nanoseconds.
    pub limit_ns: u64,
    /// Births that it was searched with.
    pub births: usize,
    /// Births in which the machine, and not the target, bounds the rate: what it is beyond is undecided.
    pub undecided: usize,
    /// The highest rate that kept it, in operations a second: the median over the births that kept one, with
    /// the least and the most of them; of fewer than three there is no range, so the ends are the median's.
    pub kept_per_s: Option<Interval>,
    /// Births that kept some rate.
    pub kept_births: usize,
    /// The percentile there, in nanoseconds, median over births.
    pub kept_ns: Option<f64>,
    /// The floor's percentile beside it.
    pub kept_floor_ns: Option<f64>,
    /// The lowest rate above it that broke it, median over the births in which one did.
    pub broken_per_s: Option<f64>,
    /// The percentile there.
    pub broken_ns: Option<f64>,
    /// The lowest rate above it that the machine left undecided, median over the births in which it did.
    pub undecided_per_s: Option<f64>,
    /// The floor's percentile there.
    pub undecided_floor_ns: Option<f64>,
    /// Steps in all births.
    pub steps: u32,
}

impl Searched {
    /// One for each target of a panel, in the order of the records.
    pub(crate) fn of(rows: &[SloRow]) -> Vec<Searched> {
        let mut searches: Vec<((u32, &str), Vec<&SloRow>)> = Vec::new();
        for row in rows {
            gather(&mut searches, (row.panel, row.cell_id.as_str()), row);
        }
        let of_rows = |(_, rows): ((u32, &str), Vec<&SloRow>)| Searched::of_rows(&rows);
        searches.into_iter().filter_map(of_rows).collect()
    }

    fn of_rows(rows: &[&SloRow]) -> Option<Searched> {
        let first = rows.first()?;
        let all = |of: fn(&SloRow) -> Option<u64>| -> Vec<f64> {
            let values = rows.iter().filter_map(|row| of(row));
            values.map(|value| value as f64).collect()
        };
        let median = |of: fn(&SloRow) -> Option<u64>| stats::median(&all(of));
        let kept = all(|row| row.kept_per_s);
        let kept_per_s = stats::median(&kept).map(|mid| {
            if kept.len() < BIRTHS_FOR_A_RATE {
                return Interval {
                    low: mid,
                    mid,
                    high: mid,
                };
            }
            Interval {
                low: kept.iter().copied().fold(f64::INFINITY, f64::min),
                mid,
                high: kept.iter().copied().fold(0.0, f64::max),
            }
        });
        Some(Searched {
            panel: first.panel,
            cell_id: first.cell_id.clone(),
            target: first.target.clone(),
            percentile: first.percentile.clone(),
            limit_ns: first.limit_ns,
            births: rows.len(),
            undecided: all(|row| row.undecided_per_s).len(),
            kept_per_s,
            kept_births: kept.len(),
            kept_ns: median(|row| row.kept_ns),
            kept_floor_ns: median(|row| row.kept_floor_ns),
            broken_per_s: median(|row| row.broken_per_s),
            broken_ns: median(|row| row.broken_ns),
            undecided_per_s: median(|row| row.undecided_per_s),
            undecided_floor_ns: median(|row| row.undecided_floor_ns),
            steps: rows.iter().map(|row| row.probes).sum(),
        })
    }

    /// Whether the machine bounds the rate in half of the births or more: then it is no figure of the target,
    /// which may do more.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.undecided > 0 && 2 * self.undecided >= self.births
    }

    /// Whether the rate has a least and a most over births.
    #[must_use]
    pub fn has_range(&self) -> bool {
        self.kept_births >= BIRTHS_FOR_A_RATE
    }

    /// What to sort by: the rate.
    pub(crate) fn rank(&self) -> u64 {
        self.kept_per_s.map_or(0, |kept| whole(kept.mid))
    }

    /// `1.05M [1.01M–1.09M]`, least to most of the births, or the rate alone where there are few; `None` without a rate.
    #[must_use]
    pub(crate) fn kept_in_words(&self) -> Option<String> {
        let Interval { low, mid, high } = self.kept_per_s?;
        let [low, mid, high] = [low, mid, high].map(|per_s| rate(whole(per_s)));
        if !self.has_range() {
            return Some(mid);
        }
        Some(format!("{mid} [{low}–{high}]"))
    }

    /// Why the search did not end between a rate that is kept and one that the target breaks; empty where it
    /// did.
    pub(crate) fn one_sided(&self) -> String {
        let kept = match self.kept_births {
            0 => "no rate keeps it".to_owned(),
            some if some < self.births => {
                format!(
                    "no rate keeps it in {} of {}",
                    self.births - some,
                    counted(self.births as u64, "birth")
                )
            }
            _ => String::new(),
        };
        let bound = match self.undecided {
            0 if self.kept_births > 0 && self.broken_per_s.is_none() => {
                "the clock paces no higher rate".to_owned()
            }
            0 => String::new(),
            some => {
                let at = self
                    .undecided_per_s
                    .map_or_else(String::new, |per_s| format!(" at {}/s", rate(whole(per_s))));
                let births = if some == self.births {
                    String::new()
                } else {
                    format!(" in {some} of {}", counted(self.births as u64, "birth"))
                };
                format!("undecided{at}{births}, the machine does")
            }
        };
        let few = match self.births {
            few if few < BIRTHS_FOR_A_RATE => {
                format!("{}, no range", counted(few as u64, "birth"))
            }
            _ => String::new(),
        };
        let parts = [kept, bound, few];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("; ")
    }
}

/// A rate that was searched: to the operation where few digits say it, else in three.
pub(crate) fn rate(per_s: u64) -> String {
    let exact = PerSecond(per_s).to_string();
    if exact.len() <= "1.05M".len() {
        exact
    } else {
        short_rate(per_s as f64)
    }
}

pub(crate) fn time(ns: u64) -> String {
    duration(ns as f64)
}

/// A rate in three digits: `99.9k`, `1.05M`.
pub(crate) fn short_rate(per_s: f64) -> String {
    match per_s {
        rate if rate >= 1e6 => format!("{}M", figure(rate / 1e6)),
        rate if rate >= 1e3 => format!("{}k", figure(rate / 1e3)),
        rate => figure(rate),
    }
}
