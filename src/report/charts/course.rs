//! The small plot of a pass: what holds for a while as level steps over the time of its slices, and its
//! resizes behind them.

use super::axis::Axis;
use super::palette::Ink;
use super::shape::{Band, Plot, Series, Zone};
use crate::analysis::passes::Resize;
use crate::base::human_integer;
use crate::report::format::figure;

/// What holds from one time to another, in nanoseconds since the pass began.
pub(super) type Span<T> = (f64, f64, T);

/// A pass as it is drawn.
pub(super) struct Course<'c> {
    pub label: &'c str,
    /// The line of its steps, and the width of the line in pixels.
    pub line: (Ink, u32),
    /// Where the axis ends, in nanoseconds.
    pub end_ns: f64,
    /// Steps that follow each other: their values.
    pub steps: Vec<Span<f64>>,
    /// What is said on hover.
    pub said: Vec<Span<String>>,
    pub resizes: &'c [Resize],
}

impl Course<'_> {
    /// The plot, upwards over `y`.
    pub fn plot(self, y: &Axis) -> Plot {
        let (unit_ns, unit) = unit_of(self.end_ns);
        let own_end_ns = self.steps.last().map_or(self.end_ns, |(_, to, _)| *to);
        let steps = self.steps.iter();
        let line =
            steps.flat_map(|(from, to, value)| [(from / unit_ns, *value), (to / unit_ns, *value)]);
        let zone = |(from, to, said): &Span<String>| {
            let (from, to) = (from / unit_ns, to / unit_ns);
            Zone {
                from,
                to,
                hover: format!(
                    "{}, {}–{} {unit}: {said}",
                    self.label,
                    figure(from),
                    figure(to)
                ),
            }
        };
        let band = |resize: &Resize| {
            let took = resize.took_ns.map_or("did not end".to_owned(), |ns| {
                format!("took {} µs", figure(ns / 1e3))
            });
            // One that did not end within the pass went on until its last slice.
            let ended = resize.took_ns.map_or(own_end_ns, |ns| resize.at_ns + ns);
            Band {
                from: resize.at_ns / unit_ns,
                to: ended / unit_ns,
                hover: format!(
                    "{}: resize from {} to {} buckets at {} {unit}, {took}",
                    self.label,
                    human_integer(resize.from_buckets),
                    human_integer(resize.to_buckets),
                    figure(resize.at_ns / unit_ns)
                ),
            }
        };
        let x = Axis::from_zero(self.end_ns / unit_ns, 5, &format!("time in slices, {unit}"));
        Plot {
            bands: self.resizes.iter().map(band).collect(),
            zones: self.said.iter().map(zone).collect(),
            ..Plot::new(
                x,
                y.clone(),
                vec![Series::curve(self.line.0, self.line.1, line)],
            )
        }
    }
}

/// The unit that suits a time axis with such an end: its nanoseconds and its name.
fn unit_of(end_ns: f64) -> (f64, &'static str) {
    match end_ns {
        ns if ns >= 2e9 => (1e9, "s"),
        ns if ns >= 2e6 => (1e6, "ms"),
        _ => (1e3, "µs"),
    }
}
