//! A drawing: plotters draws lines, areas, marks and text; what it does not write (hover titles,
//! CSS variables, a name for screen readers) is added here.

use std::fmt::Write;
use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::report::charts::axis::Axis;
use crate::report::charts::palette::{self, Ink, Marker, Style, Tone};
use crate::report::format::wrap;

/// Width of a chart for a window and for a file, in pixels.
const WIDTH: i32 = 760;
/// Width of one for a phone.
const NARROW: i32 = 366;
/// Size of text, in pixels.
const TEXT_PX: i32 = 13;
/// Size of lesser text.
const SMALL_PX: i32 = 12;
/// plotters divides by this when it writes `font-size`.
const PLOTTERS_FONT_FACTOR: f64 = 1.24;
/// Mean width of a character, in parts of its height: an estimate on the wide side.
const CHARACTER_WIDTH: f64 = 0.56;

/// Drawing into a string fails only where a region is drawn outside its parent.
pub(super) type Failed = DrawingAreaErrorKind<std::io::Error>;
pub(super) type Drawn = Result<(), Failed>;

/// Where a plot is, axes excluded: left, top, width, height in pixels.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub left: i32,
    pub top: i32,
    pub width: i32,
    pub height: i32,
}

impl Frame {
    pub fn right(self) -> i32 {
        self.left + self.width
    }

    pub fn bottom(self) -> i32 {
        self.top + self.height
    }

    /// The pixel of a value across, or of the nearest end.
    pub fn across(self, axis: &Axis, value: f64) -> i32 {
        self.left + pixels(f64::from(self.width) * axis.share(value))
    }

    /// The pixel of a value upwards, or of the nearest end.
    pub fn up(self, axis: &Axis, value: f64) -> i32 {
        self.bottom() - pixels(f64::from(self.height) * axis.share(value))
    }
}

/// Where a text stands at its point.
#[derive(Clone, Copy)]
pub(super) enum Align {
    Left,
    Centre,
    Right,
}

/// What a chart is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report::charts) enum Size {
    /// A window, or a file.
    Wide,
    /// A phone, where nothing rests a pointer: without titles on hover.
    Narrow,
}

impl Size {
    /// Pixels from left to right.
    pub(super) fn width(self) -> i32 {
        match self {
            Size::Wide => WIDTH,
            Size::Narrow => NARROW,
        }
    }

    /// Whether it is for a phone.
    pub(super) fn is_narrow(self) -> bool {
        self == Size::Narrow
    }
}

/// A chart in the making.
pub(super) struct Canvas<'a> {
    root: DrawingArea<SVGBackend<'a>, Shift>,
    hovers: String,
    pub size: Size,
    /// Pixels from left to right.
    pub width: i32,
}

/// Draws a chart of a size and a height; `title` is read out, not drawn. `None` where plotters refuses.
pub(super) fn draw(
    title: &str,
    (size, height): (Size, i32),
    paint: impl FnOnce(&mut Canvas<'_>) -> Drawn,
) -> Option<String> {
    let width = size.width();
    let pixels = (u32::try_from(width).ok()?, u32::try_from(height).ok()?);
    let mut svg = String::new();
    let hovers = {
        let root = SVGBackend::with_string(&mut svg, pixels).into_drawing_area();
        let mut canvas = Canvas {
            root,
            hovers: String::new(),
            size,
            width,
        };
        paint(&mut canvas).ok()?;
        canvas.root.present().ok()?;
        canvas.hovers
    };
    Some(finish(&svg, title, (!size.is_narrow()).then_some(&hovers)))
}

/// What plotters wrote, with our head and, where there are any, our hover titles.
fn finish(svg: &str, title: &str, hovers: Option<&String>) -> String {
    let body = svg.split_once(">\n").map_or("", |(_, body)| body);
    let body = body.trim_end().trim_end_matches("</svg>");
    let body = palette::apply(
        &body
            .replace(" font-family=\"system-ui\"", "")
            .replace(" opacity=\"1\"", ""),
    );
    let size = svg.split_once("<svg ").map_or("", |(_, from)| from);
    let size = size
        .split_once('>')
        .map_or("", |(attributes, _)| attributes);
    let (style, hovers) = hovers.map_or_else(Default::default, |hovers| {
        // The rules hold where the chart is a file of its own; in a page the page decides.
        let style = format!(
            "<style>svg:root{{background:var(--chart-paper,#FFFFFF)}}\
             @media (prefers-color-scheme:dark){{svg:root{{{}}}}}</style>\n",
            palette::dark_variables_of(&body)
        );
        let hovers = format!("<g fill=\"transparent\" stroke=\"none\">\n{hovers}</g>\n");
        (style, hovers)
    });
    format!(
        "<svg {size} role=\"img\" aria-label=\"{}\" \
         font-family=\"system-ui,-apple-system,'Segoe UI',Roboto,sans-serif\">\n\
         {style}{body}{hovers}</svg>\n",
        escape(title),
    )
}

/// Text for XML: the five characters with a meaning are written as entities, those that XML 1.0
/// cannot hold at all as `�`.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&apos;",
            other => escaped.push(printable(other)),
        }
    }
    escaped
}

fn printable(character: char) -> char {
    match character {
        '\n' | '\r' | '\t' => ' ',
        '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        other if other.is_control() => '\u{FFFD}',
        other => other,
    }
}

/// About how wide a text is, in pixels.
pub(super) fn text_width(text: &str) -> i32 {
    pixels(text.chars().count() as f64 * f64::from(TEXT_PX) * CHARACTER_WIDTH)
}

/// The same of lesser text, which is on the tight side.
pub(super) fn small_width(text: &str) -> i32 {
    pixels(text.chars().count() as f64 * f64::from(SMALL_PX) * 0.53)
}

/// The lines of a text in a width in pixels.
pub(super) fn lines(text: &str, width: i32) -> Vec<String> {
    let characters = f64::from(width) / (f64::from(TEXT_PX) * CHARACTER_WIDTH);
    let characters = usize::try_from(pixels(characters.floor())).unwrap_or(1);
    wrap(text, characters.max(1), "")
}

/// An axis without the ticks whose texts would lie on each other.
fn thinned(axis: &Axis, width: i32) -> Axis {
    let (low, high) = axis.range();
    let mut axis = axis.clone();
    let mut taken = i32::MIN;
    axis.ticks.retain(|(at, text)| {
        let middle = pixels(f64::from(width) * (at - low) / (high - low));
        let half = small_width(text) / 2 + 3;
        let free = middle - half >= taken;
        if free {
            taken = middle + half;
        }
        free
    });
    axis
}

/// A text cut to a width in pixels, with `…` for what is left out.
pub(super) fn clip(text: &str, width: i32) -> String {
    if text_width(text) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for character in text.chars() {
        short.push(character);
        if text_width(&short) + TEXT_PX > width {
            break;
        }
    }
    short + "…"
}

/// The nearest pixel.
pub(super) fn pixels(length: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "kept within reach of a drawing"
    )]
    let whole = length.clamp(-1e6, 1e6).round() as i32;
    whole
}

fn font<'s>(px: i32, tone: Tone) -> TextStyle<'s> {
    ("system-ui", f64::from(px) * PLOTTERS_FONT_FACTOR)
        .into_font()
        .color(&Ink::from(tone).placeholder())
}

impl Canvas<'_> {
    /// A text whose middle line is at a height.
    pub fn text(&self, text: &str, (x, y): (i32, i32), align: Align, tone: Tone) -> Drawn {
        if text.is_empty() {
            return Ok(());
        }
        let clean: String = text.chars().map(printable).collect();
        let px = if tone == Tone::Muted {
            SMALL_PX
        } else {
            TEXT_PX
        };
        let anchor = match align {
            Align::Left => HPos::Left,
            Align::Centre => HPos::Center,
            Align::Right => HPos::Right,
        };
        let style = font(px, tone).pos(Pos::new(anchor, VPos::Center));
        self.root.draw(&Text::new(clean, (x, y), style))
    }

    /// A straight line through points, in pixels.
    pub fn line(&self, points: &[(i32, i32)], ink: impl Into<Ink>, width: u32) -> Drawn {
        let style = ink.into().placeholder().stroke_width(width);
        self.root.draw(&PathElement::new(points.to_vec(), style))
    }

    /// A filled rectangle between two corners, in pixels.
    pub fn rectangle(&self, from: (i32, i32), to: (i32, i32), ink: impl Into<Ink>) -> Drawn {
        let style = ink.into().placeholder().filled();
        self.root.draw(&Rectangle::new([from, to], style))
    }

    /// An area in the grey of noise, between corners in pixels; none is drawn of fewer than three.
    pub fn area(&self, corners: Vec<(i32, i32)>) -> Drawn {
        if corners.len() < 3 {
            return Ok(());
        }
        let style = Ink::from(Tone::Band).placeholder().filled();
        self.root.draw(&Polygon::new(corners, style))
    }

    /// The outline of a rectangle between two corners.
    pub fn outline(&self, from: (i32, i32), to: (i32, i32), ink: impl Into<Ink>) -> Drawn {
        let style = ink.into().placeholder().stroke_width(1);
        self.root.draw(&Rectangle::new([from, to], style))
    }

    /// A point in its strategy's shape. A hollow one has nothing in it: it does not count as others do.
    pub fn mark(&self, (x, y): (i32, i32), style: Style, hollow: bool) -> Drawn {
        let colour = style.fill().placeholder();
        let (filled, outline) = (colour.filled(), colour.stroke_width(2));
        let paper = Ink::from(Tone::Paper).placeholder().filled();
        let circle =
            |radius, style: ShapeStyle| self.root.draw(&Circle::new((x, y), radius, style));
        let polygon = |points: &[(i32, i32)]| {
            let mut points: Vec<(i32, i32)> =
                points.iter().map(|(dx, dy)| (x + dx, y + dy)).collect();
            if !hollow {
                return self.root.draw(&Polygon::new(points, filled));
            }
            self.root.draw(&Polygon::new(points.clone(), paper))?;
            points.push(points[0]);
            self.root.draw(&PathElement::new(points, outline))
        };
        match style.marker {
            Marker::Circle if hollow => {
                circle(5, paper)?;
                circle(4, outline)
            }
            Marker::Circle => circle(4, filled),
            Marker::Square => polygon(&[(-4, -4), (4, -4), (4, 4), (-4, 4)]),
            Marker::Up => polygon(&[(0, -5), (5, 4), (-5, 4)]),
            Marker::Down => polygon(&[(0, 5), (5, -4), (-5, -4)]),
            Marker::Diamond => polygon(&[(0, -6), (5, 0), (0, 6), (-5, 0)]),
            // Those have nothing in them as it is: a ring of their colour sets them apart.
            Marker::Cross | Marker::Plus if hollow => {
                circle(7, paper)?;
                self.mark((x, y), style, false)?;
                circle(7, colour.stroke_width(1))
            }
            Marker::Cross => self.root.draw(&Cross::new((x, y), 4, outline)),
            Marker::Plus => {
                self.line(&[(x - 5, y), (x + 5, y)], style.fill(), 2)?;
                self.line(&[(x, y - 5), (x, y + 5)], style.fill(), 2)
            }
        }
    }

    /// A plain dot.
    pub fn dot(&self, at: (i32, i32), radius: i32) -> Drawn {
        let style = Ink::from(Tone::Ink).placeholder().filled();
        self.root.draw(&Circle::new(at, radius, style))
    }

    /// A ring around a point that asks for attention.
    pub fn ring(&self, at: (i32, i32), radius: i32) -> Drawn {
        let style = Ink::from(Tone::Ink).placeholder().stroke_width(2);
        self.root.draw(&Circle::new(at, radius, style))
    }

    /// A small triangle that points down: a resize.
    pub fn triangle(&self, (x, y): (i32, i32)) -> Drawn {
        let points = vec![(x - 4, y - 4), (x + 4, y - 4), (x, y + 3)];
        let style = Ink::from(Tone::Muted).placeholder().filled();
        self.root.draw(&Polygon::new(points, style))
    }

    /// A horizontal interval with whiskers at its ends.
    pub fn interval(
        &self,
        (low, high): (i32, i32),
        y: i32,
        ink: impl Into<Ink>,
        width: u32,
    ) -> Drawn {
        let ink = ink.into();
        self.line(&[(low, y), (high, y)], ink, width)?;
        for end in [low, high] {
            self.line(&[(end, y - 4), (end, y + 4)], ink, width)?;
        }
        Ok(())
    }

    /// A vertical interval with whiskers at its ends; one that is no longer than a point is left out.
    pub fn whiskers(&self, x: i32, (from, to): (i32, i32)) -> Drawn {
        if (from - to).abs() < 3 {
            return Ok(());
        }
        self.line(&[(x, from), (x, to)], Tone::Ink, 1)?;
        for end in [from, to] {
            self.line(&[(x - 4, end), (x + 4, end)], Tone::Ink, 1)?;
        }
        Ok(())
    }

    /// An interval in ink that is seen on a bar of any colour: it has a rim of the background.
    pub fn interval_on_bar(&self, ends: (i32, i32), y: i32) -> Drawn {
        self.interval(ends, y, Tone::Paper, 3)?;
        self.interval(ends, y, Tone::Ink, 1)
    }

    /// Shows a text where the pointer rests on a rectangle; no text shows nothing.
    pub fn hover(&mut self, (left, top): (i32, i32), (right, bottom): (i32, i32), text: &str) {
        if text.is_empty() {
            return;
        }
        let _ = writeln!(
            self.hovers,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
            (right - left).max(1),
            (bottom - top).max(1),
            escape(text)
        );
    }

    /// Shows a text around a point.
    pub fn hover_point(&mut self, (x, y): (i32, i32), text: &str) {
        self.hover((x - 7, y - 7), (x + 7, y + 7), text);
    }

    /// Axes and grid in a frame. An axis without a name and without ticks is not drawn.
    pub fn axes(&self, frame: Frame, x: &Axis, y: &Axis) -> Drawn {
        let left = if y.ticks.is_empty() { 0 } else { 46 } + if y.name.is_empty() { 0 } else { 20 };
        let below =
            if x.ticks.is_empty() { 0 } else { 22 } + if x.name.is_empty() { 0 } else { 20 };
        let x = &thinned(x, frame.width);
        let width = u32::try_from(frame.width + left).unwrap_or(1);
        let height = u32::try_from(frame.height + below).unwrap_or(1);
        let area = self
            .root
            .clone()
            .shrink((frame.left - left, frame.top), (width, height));
        let mut plot = ChartBuilder::on(&area)
            .set_label_area_size(LabelAreaPosition::Left, left)
            .set_label_area_size(LabelAreaPosition::Bottom, below)
            .build_cartesian_2d(x.clone(), y.clone())?;
        let name_of = |axis: &Axis| axis.name.chars().map(printable).collect::<String>();
        let x_label = |at: &f64| x.label(*at);
        let y_label = |at: &f64| y.label(*at);
        let grid = Ink::from(Tone::Grid).placeholder();
        let mut mesh = plot.configure_mesh();
        mesh.axis_style(grid)
            .light_line_style(TRANSPARENT)
            .bold_line_style(grid)
            .label_style(font(SMALL_PX, Tone::Muted))
            .axis_desc_style(font(SMALL_PX, Tone::Ink))
            .x_label_formatter(&x_label)
            .y_label_formatter(&y_label)
            .x_labels(x.ticks.len() + 1)
            .y_labels(y.ticks.len() + 1)
            .x_desc(name_of(x))
            .y_desc(name_of(y));
        if x.ticks.is_empty() {
            mesh.disable_x_mesh();
        }
        if y.ticks.is_empty() {
            mesh.disable_y_mesh();
        }
        mesh.draw()
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, at: &f64, (first, last): (i32, i32)) -> i32 {
        let (low, high) = Axis::range(self);
        let share = (at - low) / (high - low);
        first + pixels(f64::from(last - first) * share)
    }

    /// The ticks are chosen when the axis is made, whatever plotters would choose.
    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        let (low, high) = Axis::range(self);
        low..high
    }
}

/// A chart with a heading above it, for a file of its own.
pub(in crate::report::charts) fn with_heading(svg: &str, title: &str, about: &str) -> String {
    const LINE: i32 = 18;
    let Some((size, rest)) = svg
        .strip_prefix("<svg ")
        .and_then(|rest| rest.split_once(" xmlns"))
    else {
        return svg.to_owned();
    };
    let height = size
        .split("height=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let height: i32 = height.and_then(|digits| digits.parse().ok()).unwrap_or(0);
    // Characters in a line of each, by the estimated width.
    let title_lines = wrap(title, 78, "");
    let about_lines = wrap(about, 116, "");
    let lines = i32::try_from(title_lines.len() + about_lines.len()).unwrap_or(2);
    let above = lines * LINE + 22;
    let mut heading = String::new();
    let mut y = 8 - above;
    for (lines, look) in [
        (
            title_lines,
            "font-size=\"15\" font-weight=\"600\" fill=\"var(--chart-ink,#1F2328)\"",
        ),
        (
            about_lines,
            "font-size=\"12\" fill=\"var(--chart-muted,#59626D)\"",
        ),
    ] {
        for line in lines {
            y += LINE;
            let _ = writeln!(
                heading,
                "<text x=\"14\" y=\"{y}\" {look}>{}</text>",
                escape(&line)
            );
        }
    }
    let Some((attributes, body)) = rest.split_once("</style>\n") else {
        return svg.to_owned();
    };
    let whole = above + height;
    format!(
        "<svg width=\"{WIDTH}\" height=\"{whole}\" viewBox=\"0 {} {WIDTH} {whole}\" xmlns{attributes}</style>\n\
         <title>{}</title>\n{heading}{body}",
        -above,
        escape(title)
    )
}
