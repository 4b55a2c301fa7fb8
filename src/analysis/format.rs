//! Figures as people read them.
//!
//! Three significant digits: a fourth is noise in any run that lasts minutes. An interval has the
//! decimals of its figure. `–` is between the ends of a range, `−` is minus.

pub(crate) use crate::base::counted;

use crate::base::things;
use crate::stats::Interval;

/// Decimals that give a figure three significant digits.
fn decimals(figure: f64) -> usize {
    if figure == 0.0 || !figure.is_finite() {
        return 0;
    }
    let mut scaled = figure.abs();
    let mut decimals = 0;
    // The rounded figure decides: 99.96 prints as 100, not as 100.0.
    while decimals < 9 && scaled < 99.95 {
        scaled *= 10.0;
        decimals += 1;
    }
    decimals
}

/// A figure with three significant digits: `0.0421`, `5.31`, `81.3`, `433`.
pub(crate) fn figure(figure: f64) -> String {
    format!("{figure:.*}", decimals(figure))
}

/// A figure and the interval it is known to, with the decimals of the figure: `12.3 [12.1–12.6]`. An
/// interval of no width (there was one value) is left out.
pub(crate) fn figure_within(interval: &Interval) -> String {
    let decimals = decimals(interval.mid);
    format!("{:.decimals$}{}", interval.mid, bounds(interval, decimals))
}

fn bounds(Interval { low, high, .. }: &Interval, decimals: usize) -> String {
    if high <= low {
        return String::new();
    }
    format!(" [{low:.decimals$}–{high:.decimals$}]")
}

/// Near 1 the third decimal of a factor is what matters.
fn factor_decimals(factor: f64) -> usize {
    if (0.9..1.1).contains(&factor) {
        3
    } else {
        decimals(factor)
    }
}

/// A factor: `5.31×`, `1.004×`.
pub(crate) fn times(factor: f64) -> String {
    format!("{factor:.*}×", factor_decimals(factor))
}

/// A factor and its interval: `5.31× [5.12–5.48]`.
pub(crate) fn times_within(factor: &Interval) -> String {
    let decimals = factor_decimals(factor.mid);
    format!("{}{}", times(factor.mid), bounds(factor, decimals))
}

/// Several factors as a range, with an interval around all of theirs: `4.87× to 5.35× [4.85–5.37]`; one
/// like [`times_within`].
pub(crate) fn times_between(factors: &[Interval]) -> String {
    let mids = || factors.iter().map(|factor| factor.mid);
    let smallest = mids().fold(f64::INFINITY, f64::min);
    let largest = mids().fold(0.0, f64::max);
    let around = Interval {
        mid: smallest,
        ..around(factors)
    };
    if times(smallest) == times(largest) {
        return times_within(&around);
    }
    let decimals = factor_decimals(smallest);
    format!(
        "{} to {}{}",
        times(smallest),
        times(largest),
        bounds(&around, decimals)
    )
}

/// How one rate stands to that of `over`, from the ratios: `at 32 to 33 % of striped's rate`; from twice on
/// `at 59 to 66 times fixed's rate`. The intervals stand in tables.
pub(crate) fn at_rate_of(ratios: &[Interval], over: &str) -> String {
    // A name with parameters is too long for an apostrophe.
    let rate = if over.contains(|c: char| !c.is_alphanumeric() && c != '-') {
        format!("the rate of {over}")
    } else {
        format!("{over}'s rate")
    };
    format!("at {} {rate}", share_of(ratios))
}

/// The part of a rate that another is: `32 to 33 % of`; from twice on `59 to 66 times`.
pub(crate) fn share_of(ratios: &[Interval]) -> String {
    if largest(ratios) >= 2.0 {
        return times_in_words(ratios);
    }
    let percent = |ratio: f64| match ratio * 100.0 {
        tiny if tiny < 0.95 => figure(tiny),
        near if near < 9.95 || (90.0..110.0).contains(&near) => format!("{near:.1}"),
        percent => format!("{percent:.0}"),
    };
    format!("{} % of", span(ratios, percent))
}

/// `98 times`, `2.1 to 2.4 times`: factors of 1 and more.
pub(crate) fn times_in_words(factors: &[Interval]) -> String {
    let decimals = match largest(factors) {
        near if near < 1.995 => 2,
        few if few < 9.95 => 1,
        _ => 0,
    };
    let digits = |factor: f64| format!("{factor:.decimals$}");
    format!("{} times", span(factors, digits))
}

fn largest(ratios: &[Interval]) -> f64 {
    ratios.iter().map(|ratio| ratio.mid).fold(0.0, f64::max)
}

/// The least and the most of the middles; one of them where they read alike.
fn span(ratios: &[Interval], words: impl Fn(f64) -> String) -> String {
    let smallest = ratios.iter().map(|ratio| ratio.mid);
    let smallest = words(smallest.fold(f64::INFINITY, f64::min));
    let largest = words(largest(ratios));
    if smallest == largest {
        return smallest;
    }
    format!("{smallest} to {largest}")
}

/// The interval that holds all of the intervals; its middle is the first's.
pub(crate) fn around(intervals: &[Interval]) -> Interval {
    let lows = intervals.iter().map(|interval| interval.low);
    let highs = intervals.iter().map(|interval| interval.high);
    Interval {
        low: lows.fold(f64::INFINITY, f64::min),
        mid: intervals.first().map_or(f64::NAN, |first| first.mid),
        high: highs.fold(f64::NEG_INFINITY, f64::max),
    }
}

/// The change that a factor means: `−1.2 %`, `+12 %`, `0 %`.
pub(crate) fn change(factor: f64) -> String {
    let percent = (factor - 1.0) * 100.0;
    let digits = percent_digits(percent.abs());
    match digits.as_str() {
        "0" => "0 %".to_owned(),
        _ if percent < 0.0 => format!("−{digits} %"),
        _ => format!("+{digits} %"),
    }
}

/// The changes between which a factor lies: `−1.2 % … +2.0 %`.
pub(crate) fn changes(low: f64, high: f64) -> String {
    format!("{} … {}", change(low), change(high))
}

/// A noise floor, given as a logarithm, in percent: `1.2 %`.
pub(crate) fn noise(log: f64) -> String {
    format!("{} %", percent_digits(log.exp_m1() * 100.0))
}

fn percent_digits(percent: f64) -> String {
    if percent < 0.05 {
        "0".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// A time with its unit: `17.0 ns`, `580 µs`, `4.80 s`.
pub(crate) fn duration(ns: f64) -> String {
    let (unit_ns, unit) = unit_of(ns);
    format!("{} {unit}", figure(ns / unit_ns))
}

/// A time with the range it lies in: `580 µs [510–640]`, in the unit of the middle.
pub(crate) fn duration_within(ns: &Interval) -> String {
    let (unit_ns, unit) = unit_of(ns.mid);
    let [low, mid, high] = [ns.low, ns.mid, ns.high].map(|ns| figure(ns / unit_ns));
    format!("{mid} {unit} [{low}–{high}]")
}

fn unit_of(ns: f64) -> (f64, &'static str) {
    match ns {
        ns if ns >= 1e9 => (1e9, "s"),
        ns if ns >= 1e6 => (1e6, "ms"),
        ns if ns >= 1e3 => (1e3, "µs"),
        _ => (1.0, "ns"),
    }
}

/// A count with commas between its thousands.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count with commas between its thousands, and what is counted: `1 key`, `200,000 keys`.
pub(crate) fn many(count: u64, thing: &str) -> String {
    format!("{} {}", grouped(count), things(count, thing))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed<S: AsRef<str>>(items: &[S]) -> String {
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text += if index + 1 == items.len() {
                " and "
            } else {
                ", "
            };
        }
        text += item.as_ref();
    }
    text
}

/// Breaks a text into lines of at most `width` characters, later ones behind `indent`. A word that
/// is longer than a line is cut.
pub(crate) fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    let width = width.max(indent.chars().count() + 8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        let fresh = |lines: &[String]| if lines.is_empty() { "" } else { indent };
        if used > 0 && used + 1 + word.len() > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        } else {
            line += fresh(&lines);
            used = line.chars().count();
        }
        while used + word.len() > width {
            let rest = word.split_off(width - used);
            line.extend(word);
            lines.push(std::mem::take(&mut line));
            line += indent;
            used = indent.chars().count();
            word = rest;
        }
        used += word.len();
        line.extend(word);
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.042_13, "0.0421"),
            (0.9994, "0.999"),
            (0.9996, "1.00"),
            (5.312, "5.31"),
            (9.996, "10.0"),
            (81.27, "81.3"),
            (99.96, "100"),
            (432.6, "433"),
            (76_118.4, "76118"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn intervals_have_the_decimals_of_their_figure() {
        let interval = |low, mid, high| Interval { low, mid, high };
        let rate = interval(9.81, 12.34, 14.0);
        assert_eq!(figure_within(&rate), "12.3 [9.8–14.0]");
        assert_eq!(figure_within(&interval(12.34, 12.34, 12.34)), "12.3");
        let near_one = interval(0.975, 1.004, 1.022);
        assert_eq!(times_within(&near_one), "1.004× [0.975–1.022]");
        let several = [interval(5.1, 5.31, 5.5), interval(4.8, 4.87, 4.9)];
        assert_eq!(times_between(&several), "4.87× to 5.31× [4.80–5.50]");
        assert_eq!(times_between(&several[..1]), "5.31× [5.10–5.50]");
    }

    #[test]
    fn changes_are_in_percent() {
        assert_eq!(changes(0.988, 1.02), "−1.2 % … +2.0 %");
        assert_eq!(changes(0.8, 1.25), "−20 % … +25 %");
        assert_eq!(change(1.000_1), "0 %");
        assert_eq!(noise(0.03), "3.0 %");
    }

    #[test]
    fn words_go_together() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
    }

    #[test]
    fn lines_stay_within_the_width() {
        assert_eq!(wrap("one two three", 8, "  "), ["one two", "  three"]);
        let lines = wrap("a 12345678901234567890123 b", 10, "  ");
        assert_eq!(lines, ["a", "  12345678", "  90123456", "  7890123", "  b"]);
        assert!(wrap("", 10, "").is_empty());
    }

    #[test]
    fn rates_are_percentages_below_twice_and_times_above() {
        let at = |mids: &[f64]| {
            let ratios: Vec<Interval> = mids
                .iter()
                .map(|&mid| Interval {
                    low: mid,
                    mid,
                    high: mid,
                })
                .collect();
            super::at_rate_of(&ratios, "fixed")
        };
        assert_eq!(at(&[0.316, 0.332]), "at 32 to 33 % of fixed's rate");
        assert_eq!(at(&[0.0526]), "at 5.3 % of fixed's rate");
        assert_eq!(at(&[1.012, 1.43]), "at 101.2 to 143 % of fixed's rate");
        assert_eq!(at(&[66.1, 59.3]), "at 59 to 66 times fixed's rate");
        assert_eq!(at(&[1.4, 2.41]), "at 1.4 to 2.4 times fixed's rate");
        let one = Interval {
            low: 0.5,
            mid: 0.5,
            high: 0.5,
        };
        assert_eq!(
            super::at_rate_of(&[one], "rw:stripes=16"),
            "at 50 % of the rate of rw:stripes=16"
        );
    }
}
