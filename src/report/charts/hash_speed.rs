//! What a call costs by key length: a line a function.

use super::axis::Axis;
use super::palette::{Ink, Style, Tone};
use super::shape::{Plot, Point, Series, Shape, Single};
use super::suite::{Draft, extremes, positive};
use crate::report::format::{figure, figure_within};
use crate::report::hashes::{HashFigures, HashSummary, SpeedPoint};

/// Lengths of keys with a tick.
const TICKS: [u32; 7] = [4, 8, 20, 64, 250, 1024, 4096];

pub(super) fn chart(summary: &HashSummary) -> Option<Draft> {
    let measured = || summary.hashes.iter().flat_map(|hash| &hash.speed);
    let mut lows = measured().filter_map(|point| positive(point.ns.low));
    lows.next()?;
    let all = || measured().chain(&summary.empty);
    let (least, most) = extremes(all().map(bytes))?;
    let times = extremes(all().map(|point| point.ns.mid))?;
    let ticks = TICKS.map(|bytes| (f64::from(bytes), bytes.to_string()));
    let x = Axis::log(least, most, 1, "bytes of a key").with_ticks(ticks);
    let y = Axis::log(times.0, times.1, 12, "ns a call");
    let floor = summary
        .empty
        .iter()
        .map(|point| (bytes(point), point.ns.mid));
    let floor = Series::curve(Ink::from(Tone::Muted).dotted(), 2, floor).named("nothing", "");
    let series = [floor].into_iter().chain(summary.hashes.iter().map(series));
    Some(Draft {
        file: "hash-speed".into(),
        panels: Vec::new(),
        title: "What does a call cost, by the length of the key?".to_owned(),
        about: format!(
            "Nanoseconds a call, medians of {} interleaved rounds; both axes are logarithmic; 95 \
             % bootstrap intervals on hover. The dotted grey line is the loop around a function \
             that does nothing; every figure includes it. Calls go through the same function \
             pointer as in runs and do not wait for each other.",
            summary.rounds
        ),
        shape: Shape::Plot(Single {
            height: 500,
            ..Single::new(Plot::new(x, y, series.collect()))
        }),
    })
}

/// A length that has a place on a logarithmic scale.
fn bytes(point: &SpeedPoint) -> f64 {
    f64::from(point.key_bytes.max(1))
}

fn series(hash: &HashFigures) -> Series {
    let (style, name) = (Style::of_hash(&hash.entry), &hash.entry.name);
    let point = |point: &SpeedPoint| {
        Point::new(bytes(point), point.ns.mid).says(format!(
            "{name} on keys of {} B: {} ns, {} GB/s",
            point.key_bytes,
            figure_within(&point.ns),
            figure(point.gigabytes())
        ))
    };
    let points = hash.speed.iter().map(point).collect();
    Series::marked(style, style.line(), points).named(name, "")
}
