//! Colours, markers and dashes: one combination per strategy, the same in all charts.
//!
//! plotters writes fixed colours. Charts are drawn with placeholders (`#01DDSS`: dash and colour),
//! and [`apply`] turns each into a CSS variable with the light colour as its fallback, so that a
//! page decides on light and dark and a file works without one.

use plotters::style::RGBColor;

use crate::record::{CellEntry, HashEntry};

/// Colours and what they are called in CSS: light, then dark.
///
/// Okabe and Ito, "Color Universal Design" (2008). Their yellow cannot be seen on white and their
/// blue hardly on black, so each has a second shade for the other background; black is the ink of
/// the page. What is behind them is ours: text, grid, background, shades for kinds of bytes, and those of heat maps.
const COLOURS: [(&str, &str, &str); 26] = [
    ("--c0", "#000000", "#F2F2F2"),
    ("--c1", "#E69F00", "#E69F00"),
    ("--c2", "#3D9FD3", "#56B4E9"),
    ("--c3", "#009E73", "#1DB88C"),
    ("--c4", "#0072B2", "#4C9BE0"),
    ("--c5", "#D55E00", "#F0752A"),
    ("--c6", "#CC79A7", "#D98CB6"),
    ("--c7", "#B3A400", "#F0E442"),
    ("--chart-ink", "#1F2328", "#E6EAF0"),
    ("--chart-muted", "#59626D", "#A3ADB8"),
    ("--chart-grid", "#DDE1E6", "#363C45"),
    ("--chart-paper", "#FFFFFF", "#14171B"),
    ("--chart-band", "#C4CAD2", "#4A525D"),
    ("--kind-key", "#08519C", "#2F6DB5"),
    ("--kind-value", "#6BAED6", "#7DB9E0"),
    ("--kind-header", "#B35806", "#C96A14"),
    ("--kind-buckets", "#F1A340", "#F5B55E"),
    ("--kind-slack", "#8E8E8E", "#8A8F96"),
    ("--heat0", "#EAF2FA", "#1D2733"),
    ("--heat1", "#CAD9E8", "#31404F"),
    ("--heat2", "#A9BFD7", "#45586A"),
    ("--heat3", "#89A6C5", "#597186"),
    ("--heat4", "#698CB3", "#6C8AA2"),
    ("--heat5", "#4973A1", "#80A3BE"),
    ("--heat6", "#285990", "#94BBD9"),
    ("--heat7", "#08407E", "#A8D4F5"),
];

/// Colours of strategies; further strategies have the same in other markers and dashes.
const STRATEGY_COLOURS: u32 = 8;
/// Shapes of [`Marker`].
const MARKERS: u32 = 7;
/// Shades of a heat map, from the background's side to the other.
pub(super) const HEAT_STEPS: u32 = 8;
/// Where they are among [`COLOURS`].
const FIRST_HEAT: u32 = 18;
/// `stroke-dasharray` by index; the first is a solid line.
const DASHES: [&str; 5] = ["", "7 4", "2 3", "10 3 2 3", "14 5"];

/// A colour of the charts that is no strategy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// Text and axes.
    Ink = 8,
    /// Lesser text, the harness floor.
    Muted = 9,
    /// Grid lines.
    Grid = 10,
    /// The background.
    Paper = 11,
    /// The A/A band.
    Band = 12,
    /// Bytes of keys; the other kinds follow in the order of the census.
    FirstKind = 13,
}

impl Tone {
    /// Its placeholder.
    pub fn colour(self) -> RGBColor {
        placeholder(0, self as u32)
    }

    /// Its placeholder, for a dashed line.
    pub fn dashed(self) -> RGBColor {
        placeholder(1, self as u32)
    }

    /// Its placeholder, for a dotted line.
    pub fn dotted(self) -> RGBColor {
        placeholder(2, self as u32)
    }

    /// The placeholder of a shade of a heat map.
    pub fn of_heat(step: u32) -> RGBColor {
        placeholder(0, FIRST_HEAT + step.min(HEAT_STEPS - 1))
    }

    /// The placeholder of a kind of bytes.
    pub fn of_kind(kind: usize) -> RGBColor {
        placeholder(0, Tone::FirstKind as u32 + u32::try_from(kind).unwrap_or(0))
    }
}

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    Circle,
    Square,
    Up,
    Diamond,
    Down,
    Cross,
    Plus,
}

/// How a target is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    colour: u32,
    /// The shape of its points.
    pub marker: Marker,
    dash: u32,
}

impl Style {
    /// The style of a cell's strategy. A control has the grey of the harness floor.
    pub fn of(cell: &CellEntry) -> Style {
        if cell.control {
            return Style {
                colour: Tone::Muted as u32,
                marker: Marker::Circle,
                dash: 0,
            };
        }
        Style::numbered(cell.colour)
    }

    /// The style of a hash function.
    pub fn of_hash(hash: &HashEntry) -> Style {
        Style::numbered(hash.colour)
    }

    /// Colours first; whoever shares a colour differs in its marker, and in its dash as long as
    /// there are dashes. 280 styles before one comes again.
    fn numbered(index: u32) -> Style {
        let (colour, block) = (index % STRATEGY_COLOURS, index / STRATEGY_COLOURS);
        // 9 is prime to 7: neighbours differ in their marker too, and so do seven of one colour.
        let marker = match (9 * block + colour) % MARKERS {
            0 => Marker::Circle,
            1 => Marker::Square,
            2 => Marker::Up,
            3 => Marker::Diamond,
            4 => Marker::Down,
            5 => Marker::Cross,
            _ => Marker::Plus,
        };
        let dashes = u32::try_from(DASHES.len()).unwrap_or(1);
        Style {
            colour,
            marker,
            dash: block % dashes,
        }
    }

    /// The same strategy with other parameters: the `variant`th in one chart has another dash.
    pub fn variant(self, variant: usize) -> Style {
        let dashes = DASHES.len();
        let dash = (self.dash as usize + variant) % dashes;
        Style {
            dash: u32::try_from(dash).unwrap_or(0),
            ..self
        }
    }

    /// The placeholder for what is filled, for outlines and points.
    pub fn fill(self) -> RGBColor {
        placeholder(0, self.colour)
    }

    /// The placeholder for a dashed line beside a plain one of the same target.
    pub fn dashed(self) -> RGBColor {
        placeholder(1, self.colour)
    }

    /// The placeholder for lines, with the dash.
    pub fn line(self) -> RGBColor {
        placeholder(self.dash, self.colour)
    }
}

fn placeholder(dash: u32, colour: u32) -> RGBColor {
    let byte = |index: u32| u8::try_from(index).unwrap_or(0);
    RGBColor(1, byte(dash), byte(colour))
}

/// Turns placeholders into CSS variables. Text cannot be hit: in it quotes are escaped.
pub(super) fn apply(svg: &str) -> String {
    const MARK: &str = "=\"#01";
    let mut done = String::with_capacity(svg.len() * 5 / 4);
    let mut rest = svg;
    while let Some(at) = rest.find(MARK) {
        let (before, from) = rest.split_at(at);
        let index = |range| {
            let digits = from.get(range)?;
            usize::from_str_radix(digits, 16).ok()
        };
        done += before;
        let (dash, colour) = (index(5..7), index(7..9));
        let known = dash.and_then(|at| DASHES.get(at));
        match (known, colour.and_then(|at| COLOURS.get(at))) {
            (Some(dash), Some((name, light, _))) if from.as_bytes().get(9) == Some(&b'"') => {
                done += &format!("=\"var({name},{light})\"");
                if !dash.is_empty() {
                    done += &format!(" stroke-dasharray=\"{dash}\"");
                }
                rest = &from[10..];
            }
            _ => {
                done += MARK;
                rest = &from[MARK.len()..];
            }
        }
    }
    done + rest
}

fn declarations(colour: impl Fn(&(&str, &str, &'static str)) -> String) -> String {
    COLOURS.iter().map(colour).collect()
}

/// The CSS declarations of all colours on a light page, `--c1:#E69F00;…`, without a selector.
#[must_use]
pub fn light_variables() -> String {
    declarations(|(name, light, _)| format!("{name}:{light};"))
}

/// The CSS declarations of all colours on a dark page, without a selector.
#[must_use]
pub fn dark_variables() -> String {
    declarations(|(name, _, dark)| format!("{name}:{dark};"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_strategies_look_alike() {
        let mut seen = BTreeSet::new();
        for index in 0..56 {
            let style = Style::numbered(index);
            let pair = (style.colour, format!("{:?}", style.marker));
            assert!(seen.insert(pair), "strategy {index} looks like another");
        }
        assert_eq!(Style::numbered(3), Style::numbered(3));
    }

    #[test]
    fn placeholders_become_variables() {
        let svg =
            r##"<a fill="#010001"/><a stroke="#010101"/><a fill="#123456"/><a fill="#01FF01"/>"##;
        assert_eq!(
            apply(svg),
            r##"<a fill="var(--c1,#E69F00)"/><a stroke="var(--c1,#E69F00)" stroke-dasharray="7 4"/><a fill="#123456"/><a fill="#01FF01"/>"##
        );
        // Text that looks like a placeholder is text.
        let text = "<text>=&quot;#010001&quot; #010001</text>";
        assert_eq!(apply(text), text);
        assert_eq!(apply("x=\"#01"), "x=\"#01");
        assert_eq!(apply("x=\"#01é€\""), "x=\"#01é€\"");
    }

    #[test]
    fn variables_are_declared_for_both() {
        assert!(light_variables().contains("--c1:#E69F00;"));
        assert!(dark_variables().contains("--chart-paper:#14171B;"));
        assert_eq!(dark_variables().matches(':').count(), COLOURS.len());
    }
}
