//! Axes: which part of a scale is shown, and where its ticks are.

use crate::report::format::{duration, figure};

/// A rate or count with three digits: `200`, `1.50 k`, `10.0 M`.
pub(super) fn amount(value: f64) -> String {
    let (value, suffix) = thousands(value);
    figure(value) + suffix
}

fn thousands(value: f64) -> (f64, &'static str) {
    match value.abs() {
        v if v >= 1e9 => (value / 1e9, " G"),
        v if v >= 1e6 => (value / 1e6, " M"),
        v if v >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    }
}

/// The same as an axis has it, without needless zeros: `1.5 k`, `10 M`.
fn short(value: f64) -> String {
    let (value, suffix) = thousands(value);
    let text = figure(value);
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{suffix}")
}

/// A time as an axis has it: `1 µs`, `1.5 ms`, `200 ns`.
fn short_duration(ns: f64) -> String {
    // Ticks are round numbers; their logarithms are not.
    let text = duration(ns * (1.0 + 1e-9));
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => text,
    }
}

/// One axis. Positions are on its own scale: values, or their decimal logarithms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// What is on it, with its unit; not drawn when empty.
    pub name: String,
    /// Positions and what is written there.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to a little over the largest value, with about so many ticks.
    pub fn from_zero(largest: f64, ticks: u32, name: &str) -> Axis {
        let largest = if largest.is_finite() && largest > 0.0 {
            largest
        } else {
            1.0
        };
        let step = round_step(largest / f64::from(ticks.max(1)));
        let high = largest * 1.05;
        let ticks = (0..=4 * ticks)
            .map(|n| f64::from(n) * step)
            .take_while(|at| *at <= high)
            .map(|at| (at, short(at)))
            .collect();
        Axis {
            low: 0.0,
            high,
            log: false,
            name: name.to_owned(),
            ticks,
        }
    }

    /// Between two values on a linear scale, without ticks or name.
    pub fn bare(low: f64, high: f64) -> Axis {
        Axis {
            low,
            high,
            log: false,
            name: String::new(),
            ticks: Vec::new(),
        }
    }

    /// A logarithmic scale that holds two positive values, with a little to spare on both sides.
    /// Its ticks are powers of ten, with 2 and 5 or more between them where there is room for so
    /// many.
    pub fn log(smallest: f64, largest: f64, most_ticks: usize, name: &str) -> Axis {
        const DIGITS: [&[f64]; 4] = [
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            &[1.0, 2.0, 5.0],
            &[1.0, 3.0],
            &[1.0],
        ];
        let (low, high) = (smallest.log10(), largest.log10());
        let spare = ((high - low) * 0.08).max(0.05);
        let (low, high) = (low - spare, high + spare);
        let ticks_of = |digits: &[f64]| {
            let mut ticks = Vec::new();
            let mut power = low.floor();
            while power <= high && ticks.len() < 700 {
                let places = digits.iter().map(|digit| power + digit.log10());
                ticks.extend(places.filter(|at| (low..=high).contains(at)));
                power += 1.0;
            }
            ticks
        };
        let few = |ticks: &Vec<f64>| ticks.len() <= most_ticks;
        let ticks = DIGITS.into_iter().map(ticks_of).find(few);
        let ticks = ticks.unwrap_or_else(|| {
            let decades = ticks_of(&[1.0]);
            let every = decades.len().div_ceil(most_ticks.max(1));
            decades.into_iter().step_by(every).collect()
        });
        Axis {
            low,
            high,
            log: true,
            name: format!("{name} (log scale)"),
            ticks: ticks
                .into_iter()
                .map(|at| (at, short(10_f64.powf(at))))
                .collect(),
        }
    }

    /// [`Axis::log`] of nanoseconds, its ticks with units.
    pub fn log_time(smallest_ns: f64, largest_ns: f64, most_ticks: usize, name: &str) -> Axis {
        let mut axis = Axis::log(smallest_ns, largest_ns, most_ticks, name);
        for (at, text) in &mut axis.ticks {
            *text = short_duration(10_f64.powf(*at));
        }
        axis
    }

    /// Between two values on a linear scale, with about so many ticks and without a name.
    pub fn between(low: f64, high: f64, ticks: u32) -> Axis {
        let step = round_step((high - low).max(f64::MIN_POSITIVE) / f64::from(ticks.max(1)));
        let first = (low / step).ceil();
        let places = (0..=4 * ticks).map(|n| (first + f64::from(n)) * step);
        let ticks = places
            .take_while(|at| *at <= high)
            .map(|at| (at, short(at)));
        Axis {
            ticks: ticks.collect(),
            ..Axis::bare(low, high)
        }
    }

    /// With other ticks: values and what is written there.
    pub fn with_ticks(mut self, ticks: impl IntoIterator<Item = (f64, String)>) -> Axis {
        self.ticks = ticks
            .into_iter()
            .map(|(value, text)| (self.at(value), text))
            .collect();
        self
    }

    /// The first and last position.
    pub fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// With `%` behind its ticks.
    pub fn in_percent(mut self) -> Axis {
        for (_, text) in &mut self.ticks {
            text.push_str(" %");
        }
        self
    }

    /// With ticks at whole numbers alone.
    pub fn whole(mut self) -> Axis {
        self.ticks.retain(|(at, _)| at.fract() == 0.0);
        self
    }

    /// Under another name.
    pub fn named(mut self, name: &str) -> Axis {
        name.clone_into(&mut self.name);
        self
    }

    /// Where a value is. On a logarithmic scale it must be positive.
    pub fn at(&self, value: f64) -> f64 {
        if self.log { value.log10() } else { value }
    }

    /// How far a value is from the first end, in parts of the way to the last; the nearest end for one
    /// that is outside.
    pub fn share(&self, value: f64) -> f64 {
        let at = self.at(value).clamp(self.low, self.high);
        (at - self.low) / (self.high - self.low)
    }

    /// Whether a value has a place on it.
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&self.at(value))
    }

    /// So many values from one to another, at even steps on the scale.
    pub fn steps(&self, from: f64, to: f64, count: u32) -> impl Iterator<Item = f64> + use<> {
        let (first, last, log) = (self.at(from), self.at(to), self.log);
        let each = (last - first) / f64::from(count.max(1));
        let places = (0..=count).map(move |step| first + each * f64::from(step));
        places.map(move |at| if log { 10_f64.powf(at) } else { at })
    }

    /// What is written at a position.
    pub fn label(&self, at: f64) -> String {
        let near = |tick: &&(f64, String)| (tick.0 - at).abs() < 1e-9 * (1.0 + at.abs());
        self.ticks
            .iter()
            .find(near)
            .map_or(String::new(), |(_, text)| text.clone())
    }
}

/// The step of 1, 2 or 5 times a power of ten that is not below the given one.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps
        .into_iter()
        .map(|step| step * power)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let labels = |axis: Axis| {
            axis.ticks
                .into_iter()
                .map(|(_, text)| text)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            labels(Axis::from_zero(12.3e6, 5, "x")),
            ["0", "5 M", "10 M"]
        );
        assert_eq!(
            labels(Axis::from_zero(0.9, 5, "x")),
            ["0", "0.2", "0.4", "0.6", "0.8"]
        );
        assert_eq!(
            Axis::from_zero(f64::NAN, 5, "x"),
            Axis::from_zero(1.0, 5, "x")
        );
        assert_eq!(
            labels(Axis::log(300.0, 2e6, 5, "x")),
            ["1000", "10 k", "100 k", "1 M"]
        );
        assert_eq!(labels(Axis::log(0.9, 5.0, 3, "x")), ["1", "2", "5"]);
    }

    #[test]
    fn times_have_units() {
        let labels = |low, high| -> Vec<String> {
            let axis = Axis::log_time(low, high, 8, "latency");
            axis.ticks.into_iter().map(|tick| tick.1).collect()
        };
        assert_eq!(
            labels(90.0, 2e6),
            ["100 ns", "1 µs", "10 µs", "100 µs", "1 ms"]
        );
        assert_eq!(labels(0.9e9, 2.2e9), ["1 s", "1.5 s", "2 s"]);
    }

    #[test]
    fn ticks_find_room() {
        assert!(Axis::log(1e-300, 1e300, 8, "x").ticks.len() <= 8);
        let labels: Vec<String> = Axis::between(57.5, 141.5, 4)
            .ticks
            .into_iter()
            .map(|t| t.1)
            .collect();
        assert_eq!(labels, ["100"]);
        assert_eq!(Axis::between(-0.5, 4.5, 5).ticks.len(), 5);
    }

    #[test]
    fn a_log_scale_says_so() {
        let axis = Axis::log(1.0, 1000.0, 5, "buckets");
        assert_eq!(axis.name, "buckets (log scale)");
        assert!((axis.at(100.0) - 2.0).abs() < 1e-12);
        assert!(axis.range().0 < 0.0 && axis.range().1 > 3.0);
    }
}
