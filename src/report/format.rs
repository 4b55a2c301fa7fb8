//! Figures as people read them.
//!
//! Three significant digits: a fourth is noise in any run that lasts minutes. An interval has the
//! decimals of its figure. `–` is between the ends of a range, `−` is minus.

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
pub(super) fn figure(figure: f64) -> String {
    format!("{figure:.*}", decimals(figure))
}

/// The ends of an interval, with the decimals of its figure: `[5.12–5.48]`.
pub(super) fn bounds(interval: &Interval) -> String {
    ends(interval.low, interval.high, interval.mid)
}

/// Two ends with the decimals that `like` has.
pub(super) fn ends(low: f64, high: f64, like: f64) -> String {
    let decimals = decimals(like);
    format!("[{low:.decimals$}–{high:.decimals$}]")
}

/// A factor: `5.31×`.
pub(super) fn times(factor: f64) -> String {
    format!("{}×", figure(factor))
}

/// A factor and its interval: `5.31× [5.12–5.48]`.
pub(super) fn times_within(factor: &Interval) -> String {
    format!("{} {}", times(factor.mid), bounds(factor))
}

/// The change that a factor means: `−1.2 %`, `+12 %`, `0 %`.
pub(super) fn change(factor: f64) -> String {
    let percent = (factor - 1.0) * 100.0;
    let digits = percent_digits(percent.abs());
    match digits.as_str() {
        "0" => "0 %".to_owned(),
        _ if percent < 0.0 => format!("−{digits} %"),
        _ => format!("+{digits} %"),
    }
}

/// The changes between which a factor lies: `−1.2 % … +2.0 %`.
pub(super) fn changes(low: f64, high: f64) -> String {
    format!("{} … {}", change(low), change(high))
}

/// A noise floor, given as a logarithm, in percent: `1.2 %`.
pub(super) fn noise(log: f64) -> String {
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

/// `1 thread`, `2 threads`.
pub(super) fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed<S: AsRef<str>>(items: &[S]) -> String {
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
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
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
        assert_eq!(bounds(&interval(9.81, 12.34, 14.0)), "[9.8–14.0]");
        assert_eq!(
            times_within(&interval(0.975, 0.981, 1.002)),
            "0.981× [0.975–1.002]"
        );
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
        assert_eq!(counted(1, "thread"), "1 thread");
        assert_eq!(counted(2, "thread"), "2 threads");
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
}
