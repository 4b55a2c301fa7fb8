//! The small plot of a distribution: bars, and what chance would give as a line with dots.

use super::axis::Axis;
use super::palette::{Ink, Tone};
use super::shape::{Bar, Mark, Plot, Series};

/// Things of `from..=to`: their share, and what chance gives.
pub(super) struct Column {
    pub from: f64,
    pub to: f64,
    pub share: f64,
    pub expected: f64,
    pub hover: String,
}

/// The plot of rising columns on an axis that shows `from..=to`; `name` is what is counted.
pub(super) fn plot(name: &str, fill: Ink, (from, to): (f64, f64), columns: &[Column]) -> Plot {
    let shares = columns
        .iter()
        .map(|column| column.share.max(column.expected));
    let tallest = 100.0 * shares.fold(0.0, f64::max);
    let x = Axis::between(from - 0.5, to + 0.5, 5).whole().named(name);
    let y = Axis::from_zero(tallest, 3, "").in_percent();
    let expected = columns.iter().map(|column| {
        let middle = f64::midpoint(column.from, column.to);
        (middle, 100.0 * column.expected)
    });
    let chance = Series {
        mark: Mark::Dot(2),
        ..Series::curve(Tone::Ink, 1, expected)
    };
    let bar = |column: &Column| Bar {
        from: column.from - 0.5,
        to: column.to + 0.5,
        height: 100.0 * column.share,
        fill,
        hover: column.hover.clone(),
    };
    Plot {
        bars: columns.iter().map(bar).collect(),
        ..Plot::new(x, y, vec![chance])
    }
}
