//! How long operations took, percentile by percentile: the curve of a cell and how far its trials lie
//! apart, for charts and the page.

use std::collections::{BTreeMap, BTreeSet};

use super::rates::{Ratio, units};
use crate::record::{LatencyHistogram, LatencyRow, LoopKind, Records, TimeKind};
use crate::stats::{self, Interval};

/// Points of a curve for each further nine of its percentiles.
const POINTS_A_DECADE: u32 = 20;

/// A percentile that reports tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Percentile {
    /// Half of the operations took no longer.
    P50,
    /// 90 % of them.
    P90,
    /// 99 % of them.
    P99,
    /// 99.9 % of them.
    P999,
    /// 99.99 % of them.
    P9999,
    /// The longest.
    Max,
}

impl Percentile {
    /// All, in order.
    pub const ALL: [Percentile; 6] = [
        Percentile::P50,
        Percentile::P90,
        Percentile::P99,
        Percentile::P999,
        Percentile::P9999,
        Percentile::Max,
    ];

    /// `p50`, `p99.9`, `max`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Percentile::P50 => "p50",
            Percentile::P90 => "p90",
            Percentile::P99 => "p99",
            Percentile::P999 => "p99.9",
            Percentile::P9999 => "p99.99",
            Percentile::Max => "max",
        }
    }

    /// The part of the operations that take no longer.
    #[must_use]
    pub fn quantile(self) -> f64 {
        match self {
            Percentile::P50 => 0.5,
            Percentile::P90 => 0.9,
            Percentile::P99 => 0.99,
            Percentile::P999 => 0.999,
            Percentile::P9999 => 0.9999,
            Percentile::Max => 1.0,
        }
    }

    fn of(self, row: &LatencyRow) -> u64 {
        match self {
            Percentile::P50 => row.p50_ns,
            Percentile::P90 => row.p90_ns,
            Percentile::P99 => row.p99_ns,
            Percentile::P999 => row.p999_ns,
            Percentile::P9999 => row.p9999_ns,
            Percentile::Max => row.max_ns,
        }
    }
}

/// How long the operations of a cell took, in one loop and counted in one way, over all its trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Latency {
    /// The loop that the operations ran in.
    pub loop_kind: LoopKind,
    /// What the times count from.
    pub time: TimeKind,
    /// Trials behind the figures.
    pub trials: usize,
    /// Of them, those whose achieved rate fell short of the offered one while the floor beside it did well.
    pub behind: usize,
    /// Those whose achieved rate fell short, and the floor beside it broke too: the machine does, and nothing is
    /// known of the table.
    pub undecided: usize,
    /// Operations a second that were to begin: the median over trials, which differ only where a
    /// trace's own times are replayed. `None` in a closed loop.
    pub offered_per_s: Option<f64>,
    /// Operations a second that ended: the median over trials, between the least and the most.
    pub achieved_per_s: Interval,
    /// Operations whose times are known.
    pub recorded: u64,
    /// Nanoseconds at each of [`Percentile::ALL`].
    at: [Interval; 6],
    /// Times by the part of operations that take no longer: pairs of −log10(1 − part) and nanoseconds,
    /// rising. Empty where the histogram is missing.
    pub curve: Vec<(f64, f64)>,
    /// Operations above the 99.9th percentile of their trial, and of them those that overlap a resize;
    /// of passes that are clocked.
    pub tail: Option<(u64, u64)>,
    /// The natural logarithms of `at` in each trial, by birth and trial.
    logs: BTreeMap<(u32, u32), [f64; 6]>,
}

impl Latency {
    /// Nanoseconds at a percentile: of the operations of all trials together, between the least and
    /// the most of any trial.
    #[must_use]
    pub fn at(&self, percentile: Percentile) -> Interval {
        self.at[percentile as usize]
    }

    /// Whether half of the trials that are decided or more fell behind: then response times grow with the
    /// length of the slice and say nothing of the table at that rate.
    #[must_use]
    pub fn fell_behind(&self) -> bool {
        !self.is_undecided() && self.behind > 0 && 2 * self.behind >= self.trials - self.undecided
    }

    /// Whether the machine leaves half of the trials or more undecided.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.undecided > 0 && 2 * self.undecided >= self.trials
    }

    /// Whether its trials lie between ends: of one there is no interval, and no rank by its tail.
    #[must_use]
    pub fn has_interval(&self) -> bool {
        self.trials > 1
    }

    /// The part of the tail above p99.9 that overlaps a resize, from 0 to 1.
    #[must_use]
    pub fn tail_in_resizes(&self) -> Option<f64> {
        let (ops, in_resizes) = self.tail.filter(|(ops, _)| *ops > 0)?;
        Some(in_resizes as f64 / ops as f64)
    }

    /// This one's time at a percentile over another's, from the median log-ratio of the trials that
    /// were measured together.
    #[must_use]
    pub fn ratio_to(&self, other: &Latency, percentile: Percentile, seed: u64) -> Option<Ratio> {
        let mut births: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for (place, logs) in &self.logs {
            let Some(others) = other.logs.get(place) else {
                continue;
            };
            let log = logs[percentile as usize] - others[percentile as usize];
            births.entry(place.0).or_default().push(log);
        }
        let groups: Vec<&[f64]> = births.values().map(Vec::as_slice).collect();
        let interval =
            stats::bootstrap_median_in_groups(&groups, seed, stats::RESAMPLES, stats::CONFIDENCE)?;
        let pairs = groups.iter().map(|group| group.len()).sum();
        Some(Ratio {
            interval: interval.map(f64::exp),
            pairs,
            units: units(groups.len(), pairs),
        })
    }

    /// `machine` are the births and trials in which the floor broke.
    fn of(
        rows: &[&LatencyRow],
        histogram: Option<&LatencyHistogram>,
        machine: &BTreeSet<(u32, u32)>,
    ) -> Option<Latency> {
        let first = rows.first()?;
        // Of a trial that was repeated the last row counts.
        let trials: BTreeMap<(u32, u32), &LatencyRow> = rows
            .iter()
            .map(|row| ((row.birth, row.trial), *row))
            .collect();
        let rows = || trials.values();
        let spread = |of: &dyn Fn(&LatencyRow) -> u64| {
            let values: Vec<f64> = rows().map(|row| of(row) as f64).collect();
            Some(Interval {
                low: values.iter().copied().fold(f64::INFINITY, f64::min),
                mid: stats::median(&values)?,
                high: values.iter().copied().fold(0.0, f64::max),
            })
        };
        let histogram = histogram
            .map(|of_cell| &of_cell.histogram)
            .filter(|histogram| !histogram.is_empty());
        let mut at = [spread(&|row| row.achieved_per_s)?; 6];
        for (place, percentile) in at.iter_mut().zip(Percentile::ALL) {
            let mut ns = spread(&|row| percentile.of(row).max(1))?;
            if let Some(histogram) = histogram {
                let pooled = histogram.value_at_quantile(percentile.quantile()).max(1) as f64;
                // A cell that is in several panels has one histogram: there it may lie outside.
                (ns.mid, ns.low, ns.high) = (pooled, ns.low.min(pooled), ns.high.max(pooled));
            } else if percentile == Percentile::Max {
                ns.mid = ns.high;
            }
            *place = ns;
        }
        let offered: Vec<f64> = rows()
            .filter_map(|row| Some(row.offered_per_s? as f64))
            .collect();
        let behind = |by_machine: bool| {
            let behind = trials.iter().filter(|(_, row)| row.behind);
            behind
                .filter(|(place, _)| machine.contains(place) == by_machine)
                .count()
        };
        let tails = rows().filter_map(|row| Some((row.tail_ops?, row.tail_in_resize_ops?)));
        Some(Latency {
            loop_kind: first.loop_kind,
            time: first.time,
            trials: trials.len(),
            behind: behind(false),
            undecided: behind(true),
            offered_per_s: stats::median(&offered),
            achieved_per_s: spread(&|row| row.achieved_per_s)?,
            recorded: rows().map(|row| row.recorded).sum(),
            at,
            curve: histogram.map_or_else(Vec::new, curve),
            tail: tails.reduce(|(ops, inside), (more, more_inside)| {
                (ops.saturating_add(more), inside.saturating_add(more_inside))
            }),
            logs: trials
                .iter()
                .map(|(place, row)| {
                    let log = |percentile: Percentile| (percentile.of(row).max(1) as f64).ln();
                    (*place, Percentile::ALL.map(log))
                })
                .collect(),
        })
    }
}

/// A histogram as a line: what lies on a straight piece of it is left out.
fn curve(histogram: &hdrhistogram::Histogram<u64>) -> Vec<(f64, f64)> {
    let end = (histogram.len() as f64).log10();
    let step = 1.0 / f64::from(POINTS_A_DECADE);
    let mut points: Vec<(f64, f64)> = (0_u32..=u32::from(u16::MAX))
        .map(|n| f64::from(n) * step)
        .take_while(|at| *at < end)
        .map(|at| {
            let quantile = 1.0 - 10_f64.powf(-at);
            (at, histogram.value_at_quantile(quantile).max(1) as f64)
        })
        .collect();
    points.push((end, histogram.max().max(1) as f64));
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (at, point) in points.iter().enumerate() {
        let level = |other: Option<&(f64, f64)>| other.is_some_and(|other| other.1 <= point.1);
        let flat = kept.last().is_some_and(|last| last.1 >= point.1) && level(points.get(at + 1));
        if !flat {
            kept.push(*point);
        }
    }
    kept
}

/// The latencies of a run by panel and cell.
pub(crate) struct Latencies<'r> {
    rows: BTreeMap<(u32, &'r str), BTreeMap<(LoopKind, TimeKind), Vec<&'r LatencyRow>>>,
    histograms: BTreeMap<(&'r str, LoopKind, TimeKind), &'r LatencyHistogram>,
}

impl<'r> Latencies<'r> {
    pub fn of(records: &'r Records) -> Latencies<'r> {
        let mut rows: BTreeMap<_, BTreeMap<_, Vec<_>>> = BTreeMap::new();
        for row in &records.latency {
            let of_cell = rows.entry((row.panel, row.cell_id.as_str())).or_default();
            of_cell
                .entry((row.loop_kind, row.time))
                .or_default()
                .push(row);
        }
        let key = |of: &'r LatencyHistogram| (of.cell_id.as_str(), of.loop_kind, of.time);
        Latencies {
            rows,
            histograms: records.histograms.iter().map(|of| (key(of), of)).collect(),
        }
    }

    /// The births and trials of a panel in which its floor broke, so that those beside it are undecided.
    fn machine(&self, panel: u32, floor: Option<&str>) -> BTreeSet<(u32, u32)> {
        let kinds = floor.and_then(|floor| self.rows.get(&(panel, floor)));
        let rows = kinds.and_then(|kinds| kinds.get(&(LoopKind::Open, TimeKind::Response)));
        let rows = rows.into_iter().flatten();
        rows.filter(|row| row.tells_of_the_machine())
            .map(|row| (row.birth, row.trial))
            .collect()
    }

    /// Those of a cell: open loop before closed, response before service; beside the floor of its panel.
    pub fn of_cell(&self, panel: u32, cell_id: &str, floor: Option<&str>) -> Vec<Latency> {
        let machine = self.machine(panel, floor);
        let Some(kinds) = self.rows.get(&(panel, cell_id)) else {
            return Vec::new();
        };
        kinds
            .iter()
            .filter_map(|((loop_kind, time), rows)| {
                let histogram = self.histograms.get(&(cell_id, *loop_kind, *time)).copied();
                Latency::of(rows, histogram, &machine)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Paced, Synthetic};
    use crate::record::empty_histogram;

    #[test]
    fn percentiles_are_of_all_operations_and_lie_between_those_of_trials() {
        let records = Synthetic::new()
            .paced(
                "ycsb-c",
                10_000,
                &[
                    Paced::new("fixed", 400.0, 1e6),
                    Paced::new("stalls", 400.0, 1e6).stall(50_000_000.0),
                ],
            )
            .records();
        let summary = Summary::of(&records);
        let of = |at: usize| &summary.panels[0].cells[at].latency;
        assert_eq!(of(0).len(), 2);
        let (calm, stalls) = (&of(0)[0], &of(1)[0]);
        assert_eq!(
            (calm.loop_kind, calm.time, calm.trials, calm.behind),
            (LoopKind::Open, TimeKind::Response, 3, 0)
        );
        for percentile in Percentile::ALL {
            let ns = calm.at(percentile);
            assert!(ns.low <= ns.mid && ns.mid <= ns.high, "{ns:?}");
        }
        // The stall is in the second trial alone: half of that would hide it.
        let p9999 = stalls.at(Percentile::P9999);
        assert!(p9999.mid > 1e6 && p9999.low < 1e5, "{p9999:?}");
        assert!(calm.at(Percentile::P9999).mid < 1e5);
        let ratio = stalls.ratio_to(calm, Percentile::P50, 7).unwrap();
        assert!((ratio.interval.mid - 1.0).abs() < 0.05, "{ratio:?}");
        assert_eq!(ratio.pairs, 3);
        assert_eq!(calm.tail_in_resizes(), None);
    }

    #[test]
    fn a_curve_rises_to_the_longest() {
        let mut histogram = empty_histogram();
        histogram.record_n(100, 99_000).unwrap();
        histogram.record_n(5_000, 1_000).unwrap();
        let curve = curve(&histogram);
        assert!(
            curve
                .windows(2)
                .all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1)
        );
        assert!(
            curve.len() < 8,
            "straight pieces have ends alone: {curve:?}"
        );
        let last = curve[curve.len() - 1];
        assert!((last.0 - 5.0).abs() < 1e-9 && (4_990.0..=5_010.0).contains(&last.1));
    }
}
