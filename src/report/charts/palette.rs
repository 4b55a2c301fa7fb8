//! Colours, lightnesses, markers and dashes: one combination per target, the same in all charts.
//!
//! A strategy has a colour and a marker; its targets with other parameters have a lightness, a marker and a dash of
//! their own. plotters writes fixed colours. Charts are drawn with placeholders (`#01DGII`: dash, group and index
//! of a colour), and [`apply`] turns each into a CSS variable with the light colour as its fallback, so
//! that a page decides on light and dark and a file works without one.

use std::sync::LazyLock;

use plotters::style::RGBColor;

use crate::record::HashEntry;
use crate::report::summary::{CellSummary, Variant};

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
const OF_STRATEGIES: [Colour; 8] = [
    BLACK,
    ORANGE,
    SKY_BLUE,
    BLUISH_GREEN,
    BLUE,
    VERMILION,
    REDDISH_PURPLE,
    YELLOW,
];
/// Lightnesses of a strategy's colour from its own on, then from the palest to the deepest: in percent, mixed with
/// the background where negative, and with the ink where positive. And those of black, which cannot go deeper: all
/// towards the background.
const LIGHTNESSES: [(i32, i32); 5] = [(0, 0), (-40, -62), (25, -15), (45, -30), (62, -45)];
/// Where [`LIGHTNESSES`] stand in the order of lightness.
const PALE_TO_DEEP: [u8; 5] = [1, 0, 2, 3, 4];
/// Colours of kinds of bytes, in the order of the census.
const OF_KINDS: [Colour; 5] = [
    Colour("--kind-key", "#08519C", "#2F6DB5"),
    Colour("--kind-value", "#6BAED6", "#7DB9E0"),
    Colour("--kind-header", "#B35806", "#C96A14"),
    Colour("--kind-buckets", "#F1A340", "#F5B55E"),
    Colour("--kind-slack", "#8E8E8E", "#8A8F96"),
];
/// Shades of heat maps, from the background's side to the other.
const OF_HEAT: [Colour; HEAT_STEPS as usize] = [
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
const OF_TONES: [Colour; 5] = [
    Colour("--chart-ink", "#1F2328", "#E6EAF0"),
    Colour("--chart-muted", "#59626D", "#A3ADB8"),
    Colour("--chart-grid", "#DDE1E6", "#363C45"),
    PAPER,
    Colour("--chart-band", "#C4CAD2", "#4A525D"),
];
const PAPER: Colour = Colour("--chart-paper", "#FFFFFF", "#14171B");

/// A colour as it is written.
struct Written {
    variable: String,
    light: String,
    dark: String,
}

/// What colours are for; a placeholder holds the group and the place in it.
static GROUPS: LazyLock<[Vec<Written>; 4]> = LazyLock::new(|| {
    let as_is = |colours: &[Colour]| colours.iter().map(|colour| colour.mixed(0, 0)).collect();
    let lightnesses = (0..).zip(LIGHTNESSES);
    let of_strategies = lightnesses.flat_map(|(at, (percent, of_black))| {
        OF_STRATEGIES.iter().map(move |colour| {
            let is_black = colour.0 == BLACK.0;
            colour.mixed(at, if is_black { of_black } else { percent })
        })
    });
    let of_strategies = of_strategies.collect();
    [
        of_strategies,
        as_is(&OF_TONES),
        as_is(&OF_KINDS),
        as_is(&OF_HEAT),
    ]
});
const STRATEGIES: u8 = 0;
const TONES: u8 = 1;
const KINDS: u8 = 2;
const HEAT: u8 = 3;

/// Shades of a heat map.
pub(super) const HEAT_STEPS: u8 = 8;
/// `stroke-dasharray` by index; the first is a solid line.
const DASHES: [&str; 5] = ["", "7 4", "2 3", "10 3 2 3", "14 5"];
const DASHED: u8 = 1;
const DOTTED: u8 = 2;

impl Colour {
    /// The colour in one of its lightnesses.
    fn mixed(&self, at: usize, percent: i32) -> Written {
        let Colour(name, light, dark) = *self;
        let Colour(_, paper, night) = PAPER;
        let towards = |own: &str, paper: &str, ink: &str| match percent {
            0 => own.to_owned(),
            pale if pale < 0 => mix(own, paper, -pale),
            deep => mix(own, ink, deep),
        };
        let end = if at == 0 {
            String::new()
        } else {
            format!("-{at}")
        };
        Written {
            variable: format!("{name}{end}"),
            light: towards(light, paper, BLACK.1),
            dark: towards(dark, night, "#FFFFFF"),
        }
    }
}

/// So many percent of the way from one colour to another.
fn mix(from: &str, to: &str, percent: i32) -> String {
    let parts = |colour: &str| {
        let whole = i32::from_str_radix(&colour[1..], 16).unwrap_or(0);
        [whole >> 16, whole >> 8 & 255, whole & 255]
    };
    let (from, to) = (parts(from), parts(to));
    let mixed = [0, 1, 2].map(|at| (from[at] * (100 - percent) + to[at] * percent + 50) / 100);
    format!("#{:02X}{:02X}{:02X}", mixed[0], mixed[1], mixed[2])
}

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

const MARKERS: [Marker; 7] = [
    Marker::Circle,
    Marker::Square,
    Marker::Up,
    Marker::Diamond,
    Marker::Down,
    Marker::Cross,
    Marker::Plus,
];

/// How a target is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    colour: Ink,
    /// The shape of its points.
    pub marker: Marker,
    dash: u8,
}

impl Style {
    /// The style of a cell's target. A control has the grey of the harness floor.
    pub fn of(cell: &CellSummary) -> Style {
        Style::of_strategy(cell).variant(cell.variant)
    }

    /// The style of a cell's strategy, whatever its parameters are.
    pub fn of_strategy(cell: &CellSummary) -> Style {
        Style::of_entry(cell.entry.control, cell.entry.colour)
    }

    /// The style of a strategy, from whether it is a control, and from its look.
    pub fn of_entry(control: bool, look: u32) -> Style {
        if control {
            return Style {
                colour: Tone::Muted.into(),
                marker: Marker::Circle,
                dash: 0,
            };
        }
        Style::of_look(look)
    }

    /// The style of a hash function.
    pub fn of_hash(hash: &HashEntry) -> Style {
        Style::of_look(hash.colour)
    }

    /// The style of a look, the number that a row of the catalog states. Looks of one colour differ in
    /// their marker, and in their dash as long as there are dashes: 280 styles before one comes again.
    fn of_look(look: u32) -> Style {
        let colours = OF_STRATEGIES.len() as u64;
        let (colour, block) = (u64::from(look) % colours, u64::from(look) / colours);
        Style {
            colour: Ink {
                group: STRATEGIES,
                index: u8::try_from(colour).unwrap_or(0),
                dash: 0,
            },
            // 9 is prime to 7: neighbours differ in their marker too, and so do seven of one colour.
            marker: MARKERS[place_among(MARKERS.len(), 9 * block + colour)],
            dash: dash_of(block),
        }
    }

    /// The style of one of a strategy's targets: from pale to deep in their order, with a marker and a dash of its
    /// own.
    fn variant(self, Variant { at, of }: Variant) -> Style {
        if at == 0 || self.colour.group != STRATEGIES {
            return self;
        }
        let steps = PALE_TO_DEEP.len() as u64;
        let (order, of) = (u64::from(at - 1), u64::from(of).max(1));
        let step = match of {
            // So few keep clear of the strategy's own lightness.
            1 => 3,
            2 => 3 * order,
            3 => 2 * order,
            _ => order * steps / of,
        };
        let step = PALE_TO_DEEP[place_among(PALE_TO_DEEP.len(), step)];
        let colours = u8::try_from(OF_STRATEGIES.len()).unwrap_or(0);
        let marker = MARKERS
            .iter()
            .position(|marker| *marker == self.marker)
            .unwrap_or(0);
        Style {
            colour: Ink {
                index: self.colour.index + step * colours,
                ..self.colour
            },
            // Never the strategy's own, and no two of one lightness the same.
            marker: MARKERS[place_among(MARKERS.len(), marker as u64 + 1 + order % 6)],
            dash: dash_of(u64::from(self.dash) + u64::from(at)),
        }
    }

    /// The same in another dash: the `other`th of lines that would look alike.
    pub fn in_dash(self, other: usize) -> Style {
        Style {
            dash: dash_of(u64::from(self.dash) + other as u64),
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

/// The classes that give an element of a page the colour and the marker of a cell's target, as in charts.
pub(in crate::report) fn classes(cell: &CellSummary) -> String {
    let style = Style::of(cell);
    if style.colour.group != STRATEGIES {
        return "kc m0".to_owned();
    }
    let marker = MARKERS.iter().position(|marker| *marker == style.marker);
    format!("k{} m{}", style.colour.index, marker.unwrap_or(0))
}

/// The rules of those classes: each sets `--k`.
#[must_use]
pub fn class_rules() -> String {
    let mut css = String::new();
    for (at, colour) in GROUPS[usize::from(STRATEGIES)].iter().enumerate() {
        css += &format!(".k{at}{{--k:var({})}}", colour.variable);
    }
    css
}

fn place_among(count: usize, number: u64) -> usize {
    usize::try_from(number % count as u64).unwrap_or(0)
}

fn dash_of(number: u64) -> u8 {
    u8::try_from(place_among(DASHES.len(), number)).unwrap_or(0)
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
        if let Some((dash, colour)) = known {
            done += &format!("=\"var({},{})\"", colour.variable, colour.light);
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
fn decode(digits: &str) -> Option<(&'static str, &'static Written)> {
    let digit = |at: usize| usize::from_str_radix(digits.get(at..=at)?, 16).ok();
    let dash = DASHES.get(digit(0)?)?;
    let colour = GROUPS.get(digit(1)?)?.get(16 * digit(2)? + digit(3)?)?;
    Some((dash, colour))
}

fn declarations(value: impl Fn(&Written) -> &str) -> String {
    let mut css = String::new();
    for colour in GROUPS.iter().flatten() {
        css += &format!("{}:{};", colour.variable, value(colour));
    }
    css
}

/// The CSS declarations of all colours on a light page, `--c1:#E69F00;…`, without a selector.
#[must_use]
pub fn light_variables() -> String {
    declarations(|colour| &colour.light)
}

/// The CSS declarations of all colours on a dark page, without a selector.
#[must_use]
pub fn dark_variables() -> String {
    declarations(|colour| &colour.dark)
}

/// The declarations on a dark page of the colours that a drawing uses, and of its background.
pub(super) fn dark_variables_of(svg: &str) -> String {
    let mut css = String::new();
    for colour in GROUPS.iter().flatten() {
        let used = svg.contains(&format!("var({},", colour.variable));
        if used || colour.variable == PAPER.0 {
            css += &format!("{}:{};", colour.variable, colour.dark);
        }
    }
    css
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
    fn targets_of_one_strategy_are_told_apart() {
        for of in 1..30 {
            let style = Style::of_look(1);
            let mut seen = vec![style];
            for at in 1..=of {
                let other = style.variant(Variant { at, of });
                let looks_like =
                    |seen: &&Style| (seen.colour, seen.marker) == (other.colour, other.marker);
                assert_eq!(seen.iter().find(looks_like), None, "{at} of {of}");
                seen.push(other);
            }
        }
        // They go from pale to deep.
        let lightness = |at| {
            let ink = Style::of_look(1).variant(Variant { at, of: 5 }).fill();
            let colour = &GROUPS[0][usize::from(ink.index)].light;
            u32::from_str_radix(&colour[1..3], 16).unwrap()
        };
        assert!((1..5).all(|at| lightness(at) >= lightness(at + 1)));
        assert!(lightness(1) > lightness(5));
        assert_eq!(mix("#000000", "#FFFFFF", 50), "#808080");
        assert!(class_rules().contains(".k9{--k:var(--c1-1)}"));
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
        for look in 0..8 {
            let style = Style::of_look(look);
            inks.push(style.fill());
            // Nine others are more than there are lightnesses, and have each of them.
            let others = (1..=9).map(|at| style.variant(Variant { at, of: 9 }).fill());
            let others: BTreeSet<u8> = others.map(|ink| ink.index).collect();
            assert_eq!(others.len(), LIGHTNESSES.len());
            inks.extend(others.into_iter().filter(|index| *index >= 8).map(|index| {
                let dash = 0;
                Ink {
                    group: STRATEGIES,
                    index,
                    dash,
                }
            }));
        }
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
        let colours: usize = GROUPS.iter().map(Vec::len).sum();
        assert_eq!(dark_variables().matches(':').count(), colours);
    }
}
