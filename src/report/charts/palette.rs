//! Colours, markers and dashes: one combination per strategy, the same in all charts.
//!
//! plotters writes fixed colours. Charts are drawn with placeholders (`#01DGII`: dash, group and index
//! of a colour), and [`apply`] turns each into a CSS variable with the light colour as its fallback, so
//! that a page decides on light and dark and a file works without one.

use plotters::style::RGBColor;

use crate::record::{CellEntry, HashEntry};

/// A colour: its CSS variable, and its value on a light and on a dark page.
struct Colour(&'static str, &'static str, &'static str);

/// Okabe and Ito, "Color Universal Design" (2008). Their yellow cannot be seen on white and their
/// blue hardly on black, so each has a second shade for the other background; black is the ink of
/// the page.
const BLACK: Colour = Colour("--c0", "#000000", "#F2F2F2");
const ORANGE: Colour = Colour("--c1", "#E69F00", "#E69F00");
const SKY_BLUE: Colour = Colour("--c2", "#3D9FD3", "#56B4E9");
const BLUISH_GREEN: Colour = Colour("--c3", "#009E73", "#1DB88C");
const BLUE: Colour = Colour("--c4", "#0072B2", "#4C9BE0");
const VERMILION: Colour = Colour("--c5", "#D55E00", "#F0752A");
const REDDISH_PURPLE: Colour = Colour("--c6", "#CC79A7", "#D98CB6");
const YELLOW: Colour = Colour("--c7", "#B3A400", "#F0E442");

/// Colours of strategies, by [`Style`]; further strategies have the same in other markers and dashes.
const OF_STRATEGIES: &[Colour] = &[
    BLACK,
    ORANGE,
    SKY_BLUE,
    BLUISH_GREEN,
    BLUE,
    VERMILION,
    REDDISH_PURPLE,
    YELLOW,
];
/// Colours of kinds of bytes, in the order of the census.
const OF_KINDS: &[Colour] = &[
    Colour("--kind-key", "#08519C", "#2F6DB5"),
    Colour("--kind-value", "#6BAED6", "#7DB9E0"),
    Colour("--kind-header", "#B35806", "#C96A14"),
    Colour("--kind-buckets", "#F1A340", "#F5B55E"),
    Colour("--kind-slack", "#8E8E8E", "#8A8F96"),
];
/// Shades of heat maps, from the background's side to the other.
const OF_HEAT: &[Colour] = &[
    Colour("--heat0", "#EAF2FA", "#1D2733"),
    Colour("--heat1", "#CAD9E8", "#31404F"),
    Colour("--heat2", "#A9BFD7", "#45586A"),
    Colour("--heat3", "#89A6C5", "#597186"),
    Colour("--heat4", "#698CB3", "#6C8AA2"),
    Colour("--heat5", "#4973A1", "#80A3BE"),
    Colour("--heat6", "#285990", "#94BBD9"),
    Colour("--heat7", "#08407E", "#A8D4F5"),
];
/// Colours of everything else, by [`Tone`].
const OF_TONES: &[Colour] = &[
    Colour("--chart-ink", "#1F2328", "#E6EAF0"),
    Colour("--chart-muted", "#59626D", "#A3ADB8"),
    Colour("--chart-grid", "#DDE1E6", "#363C45"),
    Colour("--chart-paper", "#FFFFFF", "#14171B"),
    Colour("--chart-band", "#C4CAD2", "#4A525D"),
];

/// What colours are for; a placeholder holds the group and the place in it.
const GROUPS: [&[Colour]; 4] = [OF_STRATEGIES, OF_TONES, OF_KINDS, OF_HEAT];
const STRATEGIES: u8 = 0;
const TONES: u8 = 1;
const KINDS: u8 = 2;
const HEAT: u8 = 3;

/// Shapes of [`Marker`].
const MARKERS: u32 = 7;
/// Shades of a heat map.
pub(super) const HEAT_STEPS: u8 = 8;
/// `stroke-dasharray` by index; the first is a solid line.
const DASHES: [&str; 5] = ["", "7 4", "2 3", "10 3 2 3", "14 5"];
const DASHED: u8 = 1;
const DOTTED: u8 = 2;

/// What a line or an area is drawn in: a colour and, for lines, a dash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ink {
    group: u8,
    index: u8,
    dash: u8,
}

impl Ink {
    /// A shade of a heat map.
    pub fn of_heat(step: u8) -> Ink {
        Ink {
            group: HEAT,
            index: step.min(HEAT_STEPS - 1),
            dash: 0,
        }
    }

    /// A kind of bytes.
    pub fn of_kind(kind: usize) -> Ink {
        Ink {
            group: KINDS,
            index: u8::try_from(kind).unwrap_or(0),
            dash: 0,
        }
    }

    /// The same in dashes.
    pub fn dashed(self) -> Ink {
        Ink {
            dash: DASHED,
            ..self
        }
    }

    /// The same in dots.
    pub fn dotted(self) -> Ink {
        Ink {
            dash: DOTTED,
            ..self
        }
    }

    /// What plotters draws with.
    pub fn placeholder(self) -> RGBColor {
        RGBColor(1, self.dash << 4 | self.group, self.index)
    }
}

/// A colour of the charts that is no strategy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    /// Text and axes.
    Ink,
    /// Lesser text, the harness floor.
    Muted,
    /// Grid lines.
    Grid,
    /// The background.
    Paper,
    /// The A/A band.
    Band,
}

impl From<Tone> for Ink {
    fn from(tone: Tone) -> Ink {
        Ink {
            group: TONES,
            index: tone as u8,
            dash: 0,
        }
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
    colour: Ink,
    /// The shape of its points.
    pub marker: Marker,
    dash: u8,
}

impl Style {
    /// The style of a cell's strategy. A control has the grey of the harness floor.
    pub fn of(cell: &CellEntry) -> Style {
        if cell.control {
            return Style {
                colour: Tone::Muted.into(),
                marker: Marker::Circle,
                dash: 0,
            };
        }
        Style::of_look(cell.colour)
    }

    /// The style of a hash function.
    pub fn of_hash(hash: &HashEntry) -> Style {
        Style::of_look(hash.colour)
    }

    /// The style of a look, the number that a row of the catalog states. Looks of one colour differ in
    /// their marker, and in their dash as long as there are dashes: 280 styles before one comes again.
    fn of_look(look: u32) -> Style {
        let colours = u32::try_from(OF_STRATEGIES.len()).unwrap_or(1);
        let (colour, block) = (look % colours, look / colours);
        // 9 is prime to 7: neighbours differ in their marker too, and so do seven of one colour.
        let marker = match (9 * u64::from(block) + u64::from(colour)) % u64::from(MARKERS) {
            0 => Marker::Circle,
            1 => Marker::Square,
            2 => Marker::Up,
            3 => Marker::Diamond,
            4 => Marker::Down,
            5 => Marker::Cross,
            _ => Marker::Plus,
        };
        Style {
            colour: Ink {
                group: STRATEGIES,
                index: u8::try_from(colour).unwrap_or(0),
                dash: 0,
            },
            marker,
            dash: dash_of(block as usize),
        }
    }

    /// The same strategy with other parameters: the `variant`th in one chart has another dash.
    pub fn variant(self, variant: usize) -> Style {
        Style {
            dash: dash_of(usize::from(self.dash) + variant),
            ..self
        }
    }

    /// The colour for what is filled, for outlines and points.
    pub fn fill(self) -> Ink {
        self.colour
    }

    /// The colour for lines, with the dash.
    pub fn line(self) -> Ink {
        Ink {
            dash: self.dash,
            ..self.colour
        }
    }
}

fn dash_of(variant: usize) -> u8 {
    u8::try_from(variant % DASHES.len()).unwrap_or(0)
}

/// Turns placeholders into CSS variables. Text cannot be hit: in it quotes are escaped.
pub(super) fn apply(svg: &str) -> String {
    const MARK: &str = "=\"#01";
    let mut done = String::with_capacity(svg.len() * 5 / 4);
    let mut rest = svg;
    while let Some(at) = rest.find(MARK) {
        let (before, from) = rest.split_at(at);
        done += before;
        let known = from.get(5..9).and_then(decode);
        let known = known.filter(|_| from.as_bytes().get(9) == Some(&b'"'));
        if let Some((dash, Colour(name, light, _))) = known {
            done += &format!("=\"var({name},{light})\"");
            if !dash.is_empty() {
                done += &format!(" stroke-dasharray=\"{dash}\"");
            }
            rest = &from[10..];
        } else {
            done += MARK;
            rest = &from[MARK.len()..];
        }
    }
    done + rest
}

/// The dash and the colour of a placeholder's last four digits.
fn decode(digits: &str) -> Option<(&'static str, &'static Colour)> {
    let digit = |at: usize| usize::from_str_radix(digits.get(at..=at)?, 16).ok();
    let dash = DASHES.get(digit(0)?)?;
    let colour = GROUPS.get(digit(1)?)?.get(16 * digit(2)? + digit(3)?)?;
    Some((dash, colour))
}

fn declarations(value: impl Fn(&Colour) -> &'static str) -> String {
    let mut css = String::new();
    for colour in GROUPS.iter().copied().flatten() {
        css += &format!("{}:{};", colour.0, value(colour));
    }
    css
}

/// The CSS declarations of all colours on a light page, `--c1:#E69F00;…`, without a selector.
#[must_use]
pub fn light_variables() -> String {
    declarations(|Colour(_, light, _)| light)
}

/// The CSS declarations of all colours on a dark page, without a selector.
#[must_use]
pub fn dark_variables() -> String {
    declarations(|Colour(_, _, dark)| dark)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_strategies_look_alike() {
        let mut seen = BTreeSet::new();
        for look in 0..56 {
            let style = Style::of_look(look);
            let pair = (style.colour.index, format!("{:?}", style.marker));
            assert!(seen.insert(pair), "look {look} is another's");
        }
        assert_eq!(Style::of_look(3), Style::of_look(3));
        assert!(Style::of_look(u32::MAX).colour.index < 8);
    }

    #[test]
    fn placeholders_become_variables() {
        let svg =
            r##"<a fill="#010001"/><a stroke="#011001"/><a fill="#123456"/><a fill="#01FF01"/>"##;
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
    fn every_ink_is_a_colour_of_its_own() {
        let tones = [Tone::Ink, Tone::Muted, Tone::Grid, Tone::Paper, Tone::Band];
        let mut inks: Vec<Ink> = tones.into_iter().map(Ink::from).collect();
        inks.extend((0..OF_KINDS.len()).map(Ink::of_kind));
        inks.extend((0..HEAT_STEPS).map(Ink::of_heat));
        inks.extend((0..8).map(|look| Style::of_look(look).fill()));
        let names: BTreeSet<String> = inks
            .iter()
            .map(|ink| {
                let RGBColor(red, green, blue) = ink.placeholder();
                apply(&format!("x=\"#{red:02X}{green:02X}{blue:02X}\""))
            })
            .collect();
        assert_eq!(names.len(), inks.len());
        assert!(
            names.iter().all(|name| name.contains("var(--")),
            "{names:?}"
        );
    }

    #[test]
    fn variables_are_declared_for_both() {
        assert!(light_variables().contains("--c1:#E69F00;"));
        assert!(dark_variables().contains("--chart-paper:#14171B;"));
        let colours: usize = GROUPS.iter().map(|group| group.len()).sum();
        assert_eq!(dark_variables().matches(':').count(), colours);
    }
}
