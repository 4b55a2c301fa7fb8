//! What a chart is made of, before it is drawn: data alone, in the units of its axes.
//!
//! There are three shapes, and small ones of the first and the last in rows and columns: series over
//! two axes, rows along one, and heat maps. `draw` knows how each looks.

use super::axis::Axis;
use super::palette::{Ink, Style};

/// One drawing.
pub(super) enum Shape {
    /// A plot over the whole width, with names at the ends of its lines.
    Plot(Single),
    /// Small plots beside and under each other.
    Multiples(Multiples),
    /// Rows along one axis.
    Rows(Rows),
    /// A table of shades with numbers in them.
    Heat(Heat),
    /// Small maps of shades alone.
    Maps(Maps),
}

/// Series, bars, rules and bands over two axes.
pub(super) struct Plot {
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// Lines and points, the first at the back.
    pub series: Vec<Series>,
    /// Bars of a histogram.
    pub bars: Vec<Bar>,
    /// Level lines through the whole plot; one off the scale is left out.
    pub rules: Vec<Rule>,
    /// Grey between two lines, behind all else: places on the x axis with both ends.
    pub noise: Vec<(f64, f64, f64)>,
    /// Spans of the x axis in grey, with a triangle on top.
    pub bands: Vec<Band>,
    /// Spans of the x axis that say something on hover.
    pub zones: Vec<Zone>,
}

impl Plot {
    /// A plot with series alone.
    pub fn new(x: Axis, y: Axis, series: Vec<Series>) -> Plot {
        Plot {
            x,
            y,
            series,
            bars: Vec::new(),
            rules: Vec::new(),
            noise: Vec::new(),
            bands: Vec::new(),
            zones: Vec::new(),
        }
    }
}

/// A plot over the whole width.
pub(super) struct Single {
    pub plot: Plot,
    /// Pixels from top to bottom, notes included.
    pub height: i32,
    /// Where the names of series stand.
    pub names: Names,
    /// What kinds of lines are, above the plot: how each is drawn, its width and its name.
    pub key: Vec<(Ink, u32, String)>,
    /// Lines of text below the plot.
    pub notes: Vec<Note>,
}

impl Single {
    /// A plot of the usual height, with names at the ends of its lines.
    pub fn new(plot: Plot) -> Single {
        Single {
            plot,
            height: 400,
            names: Names::AtEnds,
            key: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Where the names of series stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// At the right ends of the lines.
    AtEnds,
    /// In a list: the lines meet at their ends.
    Listed,
    /// In the upper right corner, where a falling line leaves room.
    InCorner,
}

/// Points, joined by a line or not.
#[derive(Default)]
pub(super) struct Series {
    /// How it is joined, and the width of the line in pixels; `None` for points alone.
    pub line: Option<(Ink, u32)>,
    /// How its points are drawn.
    pub mark: Mark,
    /// From left to right.
    pub points: Vec<Point>,
    /// What it is called, and what is said of it behind the name; not named when empty.
    pub name: (String, String),
}

impl Series {
    /// A line with the markers of its strategy.
    pub fn marked(style: Style, line: Ink, points: Vec<Point>) -> Series {
        Series {
            line: Some((line, 2)),
            mark: Mark::Of(style),
            points,
            name: Default::default(),
        }
    }

    /// A line without markers.
    pub fn curve(
        line: impl Into<Ink>,
        width: u32,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Series {
        let points = points.into_iter();
        Series {
            line: Some((line.into(), width)),
            points: points.map(|(x, y)| Point::new(x, y)).collect(),
            ..Series::default()
        }
    }

    /// The same with a name, and what is said of it.
    pub fn named(mut self, name: impl Into<String>, said: impl Into<String>) -> Series {
        self.name = (name.into(), said.into());
        self
    }
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mark {
    /// Not at all.
    #[default]
    Nothing,
    /// Small black dots of this radius.
    Dot(i32),
    /// The marker of a strategy.
    Of(Style),
}

/// One point, in the units of the axes.
pub(super) struct Point {
    pub x: f64,
    pub y: f64,
    /// Where its whiskers end.
    pub interval: Option<(f64, f64)>,
    /// Whether it does not count as the others do.
    pub hollow: bool,
    /// A ring around it with a word above it (`true`) or below it.
    pub flag: Option<(String, bool)>,
    /// What it says on hover.
    pub hover: String,
}

impl Point {
    pub fn new(x: f64, y: f64) -> Point {
        Point {
            x,
            y,
            interval: None,
            hollow: false,
            flag: None,
            hover: String::new(),
        }
    }

    /// The same with whiskers.
    pub fn within(mut self, low: f64, high: f64) -> Point {
        self.interval = Some((low, high));
        self
    }

    /// The same with what it says on hover.
    pub fn says(mut self, hover: String) -> Point {
        self.hover = hover;
        self
    }
}

/// A bar of a histogram, from the bottom up.
pub(super) struct Bar {
    pub from: f64,
    pub to: f64,
    pub height: f64,
    pub fill: Ink,
    pub hover: String,
}

/// A level or upright line with its name: the harness floor.
pub(super) struct Rule {
    pub at: f64,
    pub name: String,
}

/// A span of the x axis, a resize: one without an end goes on to the end of the plot's lines.
pub(super) struct Band {
    pub from: f64,
    pub to: f64,
    pub hover: String,
}

/// A span of the x axis that says something.
pub(super) struct Zone {
    pub from: f64,
    pub to: f64,
    pub hover: String,
}

/// A line of text, and what it says on hover.
pub(super) struct Note {
    pub text: String,
    pub hover: String,
}

/// Small plots beside and under each other, each with a heading.
pub(super) struct Multiples {
    /// How many stand beside each other.
    pub columns: i32,
    pub plots: Vec<(String, Plot)>,
    /// Lines of text below all of them.
    pub notes: Vec<Note>,
}

/// Rows along one axis, in groups.
pub(super) struct Rows {
    pub axis: Axis,
    /// Where bars begin, or where nothing differs: a line in ink.
    pub origin: Option<f64>,
    pub groups: Vec<Group>,
    /// What kinds of bars are, above the rows.
    pub key: Vec<(Piece, String)>,
    /// Upright lines through all rows, named above them.
    pub rules: Vec<Rule>,
    /// What has no room on the axis, at the upper right.
    pub beyond: String,
}

impl Rows {
    pub fn new(axis: Axis, groups: Vec<Group>) -> Rows {
        Rows {
            axis,
            origin: None,
            groups,
            key: Vec::new(),
            rules: Vec::new(),
            beyond: String::new(),
        }
    }
}

/// Rows that belong together.
#[derive(Default)]
pub(super) struct Group {
    /// A line of its own above the rows.
    pub heading: String,
    /// A grey band behind the rows: from, to, and what it says on hover.
    pub band: Option<(f64, f64, String)>,
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Default)]
pub(super) struct Row {
    pub label: String,
    /// The marker of its target, behind the label: bars alone have colours alone.
    pub sample: Option<Style>,
    /// Bars behind each other.
    pub pieces: Vec<Piece>,
    /// An upright stroke.
    pub stroke: Option<f64>,
    /// Where its whiskers end.
    pub interval: Option<(f64, f64)>,
    /// A point in the look of its strategy.
    pub point: Option<(f64, Style)>,
    /// Its figure: behind its bars, or in a column where there are none.
    pub value: String,
    /// A lesser word behind the figure, or in place of all else.
    pub word: String,
    /// Why it has no figure.
    pub failed: Option<String>,
    /// What it says on hover.
    pub hover: String,
}

impl Row {
    /// A row of a cell that failed, in the words of its error; `name` is the cell's in full.
    pub fn failed(label: String, name: &str, why: &str) -> Row {
        Row {
            label,
            failed: Some(why.to_owned()),
            hover: format!("{name}: {why}"),
            ..Row::default()
        }
    }

    /// A row with a lesser word in place of a figure.
    pub fn without_figure(label: String, word: &str) -> Row {
        Row {
            label,
            word: word.to_owned(),
            ..Row::default()
        }
    }
}

/// A part of a bar.
pub(super) struct Piece {
    pub from: f64,
    pub to: f64,
    /// `None` for one that is hollow.
    pub fill: Option<Ink>,
    /// What it says on hover; for all of a row the row does.
    pub hover: String,
}

/// A table of shades with numbers in them.
pub(super) struct Heat {
    /// Heads of columns, from the outermost level to the innermost. Neighbours with the same heads down to a level
    /// share it.
    pub columns: Vec<Vec<String>>,
    /// What the levels are, where heads do not say it.
    pub levels: Vec<String>,
    /// Names of rows with their cells.
    pub rows: Vec<(String, Vec<HeatCell>)>,
    /// How many rows at the top stand apart from the others.
    pub apart: usize,
    /// What the two ends of the scale are.
    pub ends: [String; 2],
}

/// One cell of a heat map.
#[derive(Clone, Debug, Default)]
pub(super) struct HeatCell {
    /// How deep, from 0 to 1; `None` for what was not measured.
    pub depth: Option<f64>,
    /// What is printed in it.
    pub text: String,
    /// Whether it has a frame: the best of its column.
    pub best: bool,
    /// What it says on hover.
    pub hover: String,
}

/// Small maps of shades, three beside each other.
pub(super) struct Maps {
    /// From left to right, then down.
    pub all: Vec<Map>,
    /// Ticks of the x axis: column and text.
    pub ticks: Vec<(usize, String)>,
    /// What the first and the last row are.
    pub rows: [String; 2],
    /// What the two ends of the scale are.
    pub ends: [String; 2],
}

/// One small map.
pub(super) struct Map {
    pub heading: String,
    /// Depths from 0 to 1 from left to right, and what the row says on hover.
    pub rows: Vec<(Vec<f64>, String)>,
}

/// How far a figure is between two others on a logarithmic scale, from 0 to 1.
pub(super) fn log_depth(figure: f64, low: f64, high: f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    ((figure / low).ln() / (high / low).ln()).clamp(0.0, 1.0)
}
