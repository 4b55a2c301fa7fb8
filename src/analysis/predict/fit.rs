//! The miss model: an operation takes the harness's time, some time of its own, and a number of dependent misses,
//! each as long as a load from the level of memory that holds the table's lines.
//!
//! ```text
//! ns(n) = floor + c + d · w(n) · L(n)
//! ```
//!
//! `L` is measured beside each panel, on memory as large as its tables. `w` is the entries that a lookup walks, by the
//! census, where that changes with the number of entries (a fixed number of buckets), and 1 where it does not.
//! `c` and `d` are fitted by least squares of relative errors, neither below 0.

use super::point::Point;
use crate::stats::Interval;

/// How far a walk may change over the entries and still count as the same: loads go up and down between two
/// doublings by up to 2, and walks by less.
const SAME_WALK: f64 = 1.5;

/// Numbers of entries that the model needs: two coefficients, and one more to be wrong.
pub(super) const COUNTS_FOR_A_MODEL: usize = 3;

/// The fitted model of one target under one workload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MissModel {
    /// Nanoseconds of the harness.
    floor_ns: f64,
    /// c: nanoseconds that do not depend on memory.
    pub own_ns: f64,
    /// d: dependent misses, or misses for each entry that is walked.
    pub misses: f64,
    /// w, where it counts.
    walk: Option<Line>,
    latency: Latencies,
}

/// A value at the largest number of entries, and how much it grows by each entry from there.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Line {
    entries: f64,
    value: f64,
    slope: f64,
}

impl Line {
    fn at(&self, entries: f64) -> f64 {
        (self.value + self.slope * (entries - self.entries)).max(1.0)
    }
}

impl MissModel {
    /// Fits the model to points of rising numbers of entries; `None` with fewer than two.
    pub fn fit(points: &[Point]) -> Option<MissModel> {
        let [.., before, last] = points else {
            return None;
        };
        let walks: Option<Vec<f64>> = points.iter().map(|point| point.walk).collect();
        let changes = walks.as_ref().is_some_and(|walks| {
            let low = walks.iter().copied().fold(f64::INFINITY, f64::min);
            let high = walks.iter().copied().fold(0.0, f64::max);
            low > 0.0 && high / low > SAME_WALK
        });
        let walk = changes.then_some(()).and_then(|()| {
            let (near, far) = (before.walk?, last.walk?);
            Some(Line {
                entries: last.entries,
                value: far,
                slope: (far - near) / (last.entries - before.entries),
            })
        });
        let rows: Vec<(f64, f64)> = points
            .iter()
            .map(|point| {
                let walked = walk.and(point.walk).unwrap_or(1.0);
                (
                    walked * point.latency_ns,
                    (point.ns - point.floor_ns).max(0.0),
                )
            })
            .collect();
        let (own_ns, misses) = least_squares(&rows)?;
        Some(MissModel {
            floor_ns: last.floor_ns,
            own_ns,
            misses,
            walk,
            latency: Latencies::of(points),
        })
    }

    /// Nanoseconds of an operation at so many entries, and what is not known of the latency there.
    pub fn ns(&self, entries: f64) -> Interval {
        let walked = self.walk.map_or(1.0, |walk| walk.at(entries));
        self.latency_ns(entries)
            .map(|latency| self.floor_ns + self.own_ns + self.misses * walked * latency)
    }

    /// Nanoseconds of a dependent load at so many entries.
    pub fn latency_ns(&self, entries: f64) -> Interval {
        self.latency.at(entries)
    }

    /// Dependent misses of an operation at so many entries.
    pub fn misses_at(&self, entries: f64) -> f64 {
        self.misses * self.walk.map_or(1.0, |walk| walk.at(entries))
    }
}

/// The latency of memory by entries, rising.
#[derive(Clone, Debug, PartialEq)]
struct Latencies(Vec<(f64, f64)>);

impl Latencies {
    fn of(points: &[Point]) -> Latencies {
        Latencies(
            points
                .iter()
                .map(|point| (point.entries, point.latency_ns))
                .collect(),
        )
    }

    /// On a line over the logarithm of the size, between two of them and below the smallest. Beyond the largest, where the rise is that of pages
    /// and their tables, it may stay, rise as it did between the two largest, or twice as fast.
    fn at(&self, entries: f64) -> Interval {
        let exactly = |value: f64| Interval {
            low: value,
            mid: value,
            high: value,
        };
        let line = |(x, y): (f64, f64), (to_x, to_y): (f64, f64)| {
            let slope = (to_y - y) / (to_x.ln() - x.ln());
            y + slope * (entries.ln() - x.ln())
        };
        let all = &self.0;
        let Some(last) = all.last() else {
            return exactly(0.0);
        };
        if let [one, two, ..] = all[..]
            && entries <= one.0
        {
            return exactly(line(one, two).max(0.0));
        }
        if let Some(pair) = all.windows(2).find(|pair| entries <= pair[1].0) {
            return exactly(line(pair[0], pair[1]));
        }
        let risen = match all[..] {
            [.., before, last] => (line(before, last) - last.1).max(0.0),
            _ => 0.0,
        };
        Interval {
            low: last.1,
            mid: last.1 + risen,
            high: last.1 + 2.0 * risen,
        }
    }
}

/// The c and d that bring `c + d·x` nearest to `y` in parts of it, neither below 0.
fn least_squares(rows: &[(f64, f64)]) -> Option<(f64, f64)> {
    // (c + d x) / y should be 1: columns 1/y and x/y.
    let columns: Vec<(f64, f64)> = rows
        .iter()
        .filter(|(_, y)| *y > 0.0)
        .map(|(x, y)| (1.0 / y, x / y))
        .collect();
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| columns.iter().map(of).sum::<f64>();
    let (aa, ab, bb) = (
        sum(&|c| c.0 * c.0),
        sum(&|c| c.0 * c.1),
        sum(&|c| c.1 * c.1),
    );
    let (a, b) = (sum(&|c| c.0), sum(&|c| c.1));
    let determinant = aa * bb - ab * ab;
    let both = (
        (a * bb - b * ab) / determinant,
        (b * aa - a * ab) / determinant,
    );
    let alone = [(a / aa, 0.0), (0.0, b / bb)];
    let missed = |(c, d): (f64, f64)| sum(&|column| (c * column.0 + d * column.1 - 1.0).powi(2));
    let choices = std::iter::once(both).chain(alone);
    choices
        .filter(|(c, d)| c.is_finite() && d.is_finite() && *c >= 0.0 && *d >= 0.0)
        .min_by(|one, other| missed(*one).total_cmp(&missed(*other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(entries: f64, latency_ns: f64, ns: f64) -> Point {
        Point {
            entries,
            threads: 1,
            ns,
            floor_ns: 20.0,
            latency_ns,
            walk: None,
            bytes: 0.0,
            buckets: None,
        }
    }

    #[test]
    fn what_obeys_the_model_is_met() {
        let of =
            |(entries, latency): (f64, f64)| point(entries, latency, 20.0 + 15.0 + 2.5 * latency);
        let points: Vec<Point> = [(1e5, 30.0), (1e6, 90.0), (1e7, 120.0)].map(of).into();
        let model = MissModel::fit(&points).unwrap();
        assert!(
            (model.own_ns - 15.0).abs() < 1e-6 && (model.misses - 2.5).abs() < 1e-9,
            "{model:?}"
        );
        let between = model.ns(10_f64.powf(6.5));
        assert!((between.mid - (35.0 + 2.5 * 105.0)).abs() < 1e-6 && between.low >= between.high);
        // 30 ns a decade from there on, or none, or twice as much.
        let beyond = model.ns(1e9);
        assert!(
            (beyond.mid - (35.0 + 2.5 * 180.0)).abs() < 1e-6,
            "{beyond:?}"
        );
        assert!(
            (beyond.low - (35.0 + 2.5 * 120.0)).abs() < 1e-6,
            "{beyond:?}"
        );
        assert!(MissModel::fit(&points[..1]).is_none());
    }

    #[test]
    fn chains_that_grow_cost_a_miss_for_each_entry() {
        let points: Vec<Point> = [1e4, 1e5, 1e6]
            .map(|entries: f64| {
                let walk = 1.0 + entries / 2048.0;
                Point {
                    walk: Some(walk),
                    ..point(entries, 100.0, 20.0 + 10.0 + 0.8 * walk * 100.0)
                }
            })
            .into();
        let model = MissModel::fit(&points).unwrap();
        let wanted = 30.0 + 0.8 * (1.0 + 1e8 / 2048.0) * 100.0;
        assert!((model.ns(1e8).mid / wanted - 1.0).abs() < 1e-6);
        assert!((model.misses_at(1e8) / (0.8 * 1e8 / 2048.0) - 1.0).abs() < 1e-4);
    }

    #[test]
    fn coefficients_are_not_below_zero() {
        let points: Vec<Point> = [(1e5, 100.0, 120.0), (1e6, 50.0, 220.0), (1e7, 25.0, 320.0)]
            .map(|(entries, latency, ns)| point(entries, latency, ns))
            .into();
        let model = MissModel::fit(&points).unwrap();
        assert!(model.misses >= 0.0 && model.own_ns >= 0.0, "{model:?}");
    }
}
