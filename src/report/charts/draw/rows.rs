//! Rows along one axis: bars, intervals and points, each with its label and its figure.

use super::canvas::{self, Align, Canvas, Drawn, Frame, Size, clip, text_width};
use crate::report::charts::axis::Axis;
use crate::report::charts::palette::Tone;
use crate::report::charts::shape::{Group, Piece, Row, Rows};

const ROW: i32 = 20;
/// Thickness of a bar.
const BAR: i32 = 14;
/// Height of a label that stands above its bar, in a narrow chart.
const LABEL: i32 = 18;
/// Height of a group's heading, and what separates groups without one.
const HEADING: i32 = 26;
const BETWEEN: i32 = 9;
/// The least and the most room for labels; longer ones are cut.
const LABELS: (i32, i32) = (60, 330);
/// Room above the rows for a line of text: a key or the names of rules, and what is off the scale.
const LINE: i32 = 18;
/// Room below for the axis.
const BELOW: i32 = 60;
const EDGE: i32 = 8;
/// Room left of labels: they are further in than headings.
const INDENT: i32 = 22;
/// Room for a marker behind a label.
const SAMPLE: i32 = 16;

/// Pixels that rows take from top to bottom.
pub(super) fn height(rows: &Rows, size: Size) -> i32 {
    Layout::of(rows, size).frame.bottom() + BELOW
}

/// Draws rows as a chart.
pub(super) fn paint(canvas: &mut Canvas<'_>, rows: &Rows) -> Drawn {
    Layout::of(rows, canvas.size).paint(canvas)
}

/// Where everything is.
struct Layout<'r> {
    rows: &'r Rows,
    frame: Frame,
    /// Pixels from left to right.
    width: i32,
    /// Where labels end.
    labels: i32,
    /// Where figures end and words begin, where they stand in columns.
    values: i32,
    /// Whether figures stand behind bars.
    behind: bool,
    /// Whether labels and figures stand above their bars.
    above: bool,
    /// Room for a marker between a label and its bar.
    sample: i32,
    /// Heights of the lines of the key.
    key: i32,
}

impl Layout<'_> {
    fn of(rows: &Rows, size: Size) -> Layout<'_> {
        let all = || rows.groups.iter().flat_map(|group| &group.rows);
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| text_width(text)).max().unwrap_or(0)
        };
        let width = size.width();
        let above = size.is_narrow();
        let sample = if all().any(|row| row.sample.is_some()) {
            SAMPLE
        } else {
            0
        };
        let labelled = widest(&mut all().map(|row| &row.label));
        let labels = labelled.clamp(LABELS.0, LABELS.1) + INDENT;
        let behind = !above && all().any(|row| !row.pieces.is_empty());
        let words = widest(
            &mut all()
                .filter(|row| !row.value.is_empty())
                .map(|row| &row.word),
        );
        let right = widest(&mut all().map(|row| &row.value)) + words;
        let right = right + 2 * EDGE + if words > 0 { EDGE } else { 0 };
        let key = key_lines(rows, width);
        let lines = key.max(i32::from(!rows.rules.is_empty())) + i32::from(!rows.beyond.is_empty());
        let (left, right) = if above {
            (2 * EDGE, 2 * EDGE)
        } else {
            (labels + sample + 10, right.max(2 * EDGE))
        };
        let height_of = |group| height_of(group, row_height(above));
        Layout {
            rows,
            frame: Frame {
                left,
                top: EDGE + LINE * lines,
                width: width - left - right,
                height: rows.groups.iter().map(height_of).sum::<i32>(),
            },
            width,
            labels,
            values: width - EDGE - words - if words > 0 { EDGE } else { 0 },
            behind,
            above,
            sample,
            key,
        }
    }

    fn at(&self, value: f64) -> i32 {
        self.frame.across(&self.rows.axis, value)
    }

    /// Where a text begins that stands in place of a bar.
    fn start(&self) -> i32 {
        self.rows.origin.map_or(self.frame.left, |at| self.at(at)) + EDGE
    }

    fn paint(&self, canvas: &mut Canvas<'_>) -> Drawn {
        let frame = self.frame;
        canvas.axes(frame, &self.rows.axis, &Axis::bare(0.0, 1.0))?;
        self.key(canvas)?;
        self.rules(canvas)?;
        let mut top = frame.top;
        for group in &self.rows.groups {
            self.group(canvas, group, top)?;
            top += height_of(group, row_height(self.above));
        }
        Ok(())
    }

    fn key(&self, canvas: &Canvas<'_>) -> Drawn {
        for ((piece, name), (x, line)) in
            self.rows.key.iter().zip(key_places(self.rows, self.width))
        {
            let top = 6 + LINE * line;
            let corners = ((x, top), (x + 12, top + 12));
            if let Some(ink) = piece.fill {
                canvas.rectangle(corners.0, corners.1, ink)?;
            } else {
                canvas.outline(corners.0, corners.1, Tone::Muted)?;
                canvas.line(&[(x + 12, top - 2), (x + 12, top + 14)], Tone::Ink, 2)?;
            }
            canvas.text(name, (x + 18, top + 6), Align::Left, Tone::Ink)?;
        }
        Ok(())
    }

    /// Upright lines, their names beside each other where the lines are close.
    fn rules(&self, canvas: &mut Canvas<'_>) -> Drawn {
        let mut free = 0;
        let middle_of_line = self.frame.top - LINE + 1;
        for rule in &self.rows.rules {
            let (x, bottom) = (self.at(rule.at), self.frame.bottom());
            canvas.line(&[(x, middle_of_line + 9), (x, bottom)], Tone::Muted, 1)?;
            let half = text_width(&rule.name) / 2;
            let middle = (x - half).min(self.width - EDGE - 2 * half).max(free) + half;
            // Where there is no room for all names, the first stands for the others.
            if free == 0 || middle + half <= self.width {
                let at = (middle, middle_of_line);
                canvas.text(&rule.name, at, Align::Centre, Tone::Muted)?;
            }
            free = middle + half + EDGE;
            canvas.hover((x - 4, 0), (x + 4, bottom), &rule.name);
        }
        let right = (self.width - EDGE, 9 + LINE * self.key);
        let beyond = clip(&self.rows.beyond, self.width - 2 * EDGE);
        canvas.text(&beyond, right, Align::Right, Tone::Muted)
    }

    fn group(&self, canvas: &mut Canvas<'_>, group: &Group, top: i32) -> Drawn {
        let each = row_height(self.above);
        let bottom = top + height_of(group, each);
        let mut y = top + above_rows(group);
        if !group.heading.is_empty() {
            let heading = clip(&group.heading, self.width - 24);
            let at = (12, top + HEADING / 2 + 2);
            canvas.text(&heading, at, Align::Left, Tone::Muted)?;
        }
        // Behind all rows; where labels stand above their bars, behind the bars alone.
        let behind = if group.heading.is_empty() { top } else { y - 4 };
        let tops = (0..).map(|at| y + each * at + LABEL).take(group.rows.len());
        let spans: Vec<(i32, i32)> = if self.above {
            tops.map(|top| (top, top + ROW)).collect()
        } else {
            vec![(behind, bottom)]
        };
        for (upper, lower) in spans {
            if let Some((from, to, hover)) = &group.band {
                let (from, to) = (self.at(*from), self.at(*to));
                canvas.rectangle((from, upper), (to, lower), Tone::Band)?;
                canvas.hover((from.min(to - 4), upper), (to, lower), hover);
            }
            if let Some(origin) = self.rows.origin {
                let x = self.at(origin);
                canvas.line(&[(x, upper), (x, lower)], Tone::Ink, 1)?;
            }
        }
        for row in &group.rows {
            self.label(canvas, row, y)?;
            canvas.hover((0, y), (self.width, y + each), &row.hover);
            self.row(canvas, row, y + each - ROW)?;
            y += each;
        }
        Ok(())
    }

    /// The label and the marker of a row; above its bar with the figure at the other end.
    fn label(&self, canvas: &Canvas<'_>, row: &Row, top: i32) -> Drawn {
        if !self.above {
            let label = clip(&row.label, self.labels - INDENT);
            let middle = top + ROW / 2;
            let at = (self.labels, middle);
            canvas.text(&label, at, Align::Right, Tone::Ink)?;
            return match row.sample {
                Some(style) => canvas.mark((self.labels + 11, middle), style, false),
                None => Ok(()),
            };
        }
        let middle = top + LABEL / 2 + 2;
        let both = format!("{} {}", row.value, row.word);
        let right = self.width - EDGE;
        let room = self.width - 5 * EDGE - self.sample - text_width(&row.label);
        // What stands in place of a figure stands in place of the bar.
        let value = if row.value.is_empty() || text_width(&both) > room {
            clip(&row.value, self.width / 2)
        } else {
            both.trim().to_owned()
        };
        canvas.text(&value, (right, middle), Align::Right, Tone::Ink)?;
        if let Some(style) = row.sample {
            canvas.mark((2 * EDGE + 5, middle), style, false)?;
        }
        let left = 2 * EDGE + self.sample;
        let label = clip(&row.label, right - text_width(&value) - EDGE - left);
        canvas.text(&label, (left, middle), Align::Left, Tone::Ink)
    }

    fn row(&self, canvas: &mut Canvas<'_>, row: &Row, top: i32) -> Drawn {
        let middle = top + ROW / 2;
        let at_start = (self.start(), middle);
        if let Some(why) = &row.failed {
            let text = clip(&format!("failed: {why}"), self.width - at_start.0);
            return canvas.text(&text, at_start, Align::Left, Tone::Ink);
        }
        if row.value.is_empty() {
            let word = clip(&row.word, self.width - at_start.0);
            return canvas.text(&word, at_start, Align::Left, Tone::Muted);
        }
        let mut end = at_start.0 - EDGE;
        for piece in &row.pieces {
            end = end.max(self.piece(canvas, piece, top)?);
        }
        if let Some(at) = row.stroke {
            let x = self.at(at);
            let ends = [(x, middle - BAR / 2 - 2), (x, middle + BAR / 2 + 2)];
            canvas.line(&ends, Tone::Ink, 2)?;
            end = end.max(x);
        }
        let style = row.point.map(|(_, style)| style);
        if let Some((low, high)) = row.interval.map(|(a, b)| (self.at(a), self.at(b))) {
            match style {
                Some(style) => canvas.interval((low, high), middle, style.fill(), 2)?,
                None => canvas.interval_on_bar((low, high), middle)?,
            }
            end = end.max(high);
        }
        if let Some((at, style)) = row.point {
            canvas.mark((self.at(at), middle), style, false)?;
        }
        if self.above {
            return Ok(());
        }
        if self.behind {
            return canvas.text(&row.value, (end + EDGE, middle), Align::Left, Tone::Ink);
        }
        canvas.text(&row.value, (self.values, middle), Align::Right, Tone::Ink)?;
        let at = (self.values + EDGE, middle);
        canvas.text(&row.word, at, Align::Left, Tone::Muted)
    }

    /// Draws a part of a bar; gives where it ends. One without a width is not drawn.
    fn piece(
        &self,
        canvas: &mut Canvas<'_>,
        piece: &Piece,
        top: i32,
    ) -> Result<i32, canvas::Failed> {
        let (from, to) = (self.at(piece.from), self.at(piece.to));
        if to > from {
            let upper = top + (ROW - BAR) / 2;
            let corners = ((from, upper), (to, upper + BAR));
            match piece.fill {
                Some(ink) => canvas.rectangle(corners.0, corners.1, ink)?,
                None => canvas.outline(corners.0, corners.1, Tone::Muted)?,
            }
            canvas.hover((from, top), (to.max(from + EDGE), top + ROW), &piece.hover);
        }
        Ok(to)
    }
}

/// Where each entry of the key begins, and in which line.
fn key_places(rows: &Rows, width: i32) -> Vec<(i32, i32)> {
    let (mut x, mut line) = (20, 0);
    let place = |(_, name): &(Piece, String)| {
        let own = 18 + text_width(name);
        if x > 20 && x + own > width {
            (x, line) = (20, line + 1);
        }
        let place = (x, line);
        x += own + 26;
        place
    };
    rows.key.iter().map(place).collect()
}

fn key_lines(rows: &Rows, width: i32) -> i32 {
    key_places(rows, width)
        .last()
        .map_or(0, |(_, line)| line + 1)
}

/// Height of a row: with its label above it, or beside it.
fn row_height(above: bool) -> i32 {
    if above { LABEL + ROW } else { ROW }
}

fn above_rows(group: &Group) -> i32 {
    if group.heading.is_empty() {
        BETWEEN / 2
    } else {
        HEADING
    }
}

fn height_of(group: &Group, each: i32) -> i32 {
    let below = if group.heading.is_empty() {
        BETWEEN - BETWEEN / 2
    } else {
        0
    };
    above_rows(group) + each * i32::try_from(group.rows.len()).unwrap_or(1) + below
}
