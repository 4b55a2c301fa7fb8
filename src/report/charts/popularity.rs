//! The popularity of keys: how often each is asked for, by its rank, on two logarithmic scales.

use super::axis::{Axis, amount};
use super::draw;
use super::palette::{Ink, Tone};
use super::shape::{Mark, Names, Plot, Point, Series, Shape, Single};
use crate::base::things;
use crate::report::format::figure;

/// Points a decade of ranks: more would lie on each other.
const POINTS_A_DECADE: f64 = 24.0;

/// A fitted Zipf law: `count = first / rank^exponent` from rank 1 to the last rank that was fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FittedLine {
    /// The exponent.
    pub exponent: f64,
    /// The count at rank 1.
    pub first: f64,
    /// The last rank that was fitted.
    pub last_rank: u64,
}

/// A chart of `(rank, count)` pairs, both at least 1 and in the order of ranks, as an SVG file with
/// its heading; `name` is what the trace is called. Ranks are thinned out evenly on the scale. `None`
/// without pairs.
#[must_use]
pub fn popularity(name: &str, points: &[(u64, u64)], fit: Option<FittedLine>) -> Option<String> {
    let points = thin(points);
    let (last_rank, _) = *points.last()?;
    let largest = points.iter().map(|(_, count)| *count).max()? as f64;
    let x = Axis::log(1.0, (last_rank as f64).max(2.0), 9, "rank of the key");
    let y = Axis::log(1.0, largest.max(2.0), 7, "requests for it");
    let keys = points.iter().map(|&(rank, count)| {
        Point::new(rank as f64, count as f64).says(format!(
            "rank {rank}: {} {}",
            amount(count as f64),
            things(count, "request")
        ))
    });
    let keys = Series {
        mark: Mark::Dot(3),
        points: keys.collect(),
        ..Series::default()
    };
    let fit = fit.filter(|fit| fit.exponent.is_finite() && fit.first > 0.0);
    let series = [keys].into_iter().chain(fit.map(line)).collect();
    let shape = Shape::Plot(Single {
        names: Names::InCorner,
        ..Single::new(Plot::new(x, y, series))
    });
    let title = format!("How popular are the keys of {name}?");
    let about = "Each dot is a key, the most popular on the left; both scales are logarithmic, so \
                 a Zipf law is a straight line. The dashed line is a least-squares fit to evenly \
                 spread ranks.";
    let svg = draw::svg(&title, &shape, draw::Size::Wide)?;
    Some(draw::with_heading(&svg, &title, about))
}

fn line(fit: FittedLine) -> Series {
    let end = fit.last_rank as f64;
    let ends = [1.0, end].map(|rank: f64| (rank, fit.first / rank.powf(fit.exponent)));
    let name = format!("fitted: rank to the power of -{}", figure(fit.exponent));
    Series::curve(Ink::from(Tone::Muted).dashed(), 2, ends).named(name, "")
}

/// The pairs whose ranks are the first of their step on a logarithmic scale, and the last pair.
fn thin(points: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut kept: Vec<(u64, u64)> = Vec::new();
    let mut next = 0.0;
    for (rank, count) in points {
        let place = (*rank as f64).log10() * POINTS_A_DECADE;
        if place >= next {
            kept.push((*rank, *count));
            next = place.floor() + 1.0;
        }
    }
    if let Some(last) = points.last()
        && kept.last() != Some(last)
    {
        kept.push(*last);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_dots_on_hover_and_the_line() {
        let points: Vec<(u64, u64)> = (1..=5_000).map(|rank| (rank, 100_000 / rank)).collect();
        let fit = FittedLine {
            exponent: 1.0,
            first: 100_000.0,
            last_rank: 5_000,
        };
        let svg = popularity("<web>", &points, Some(fit)).unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap();
        let titles: Vec<&str> = document
            .descendants()
            .filter(|node| node.has_tag_name("title"))
            .filter_map(|node| node.text())
            .collect();
        assert!(titles.contains(&"rank 1: 100 k requests"), "{titles:?}");
        assert!(titles.contains(&"rank 5000: 20.0 requests"), "{titles:?}");
        assert!((30..150).contains(&titles.len()), "{}", titles.len());
        assert!(svg.contains("power of -1.00") && svg.contains("&lt;web&gt;"));
        assert_eq!(svg, popularity("<web>", &points, Some(fit)).unwrap());
    }

    #[test]
    fn few_keys_and_none_are_no_trouble() {
        assert_eq!(popularity("x", &[], None), None);
        assert!(popularity("x", &[(1, 1)], None).is_some());
    }
}
