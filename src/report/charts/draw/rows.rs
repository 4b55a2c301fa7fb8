//! Rows along one axis: bars, intervals and points, each with its label and its figure.

use super::canvas::{self, Align, Canvas, Drawn, Frame, WIDTH, clip, text_width};
use crate::report::charts::axis::Axis;
use crate::report::charts::palette::Tone;
use crate::report::charts::shape::{Group, Piece, Row, Rows};

const ROW: i32 = 20;
/// Thickness of a bar.
const BAR: i32 = 14;
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

/// Draws rows as a chart.
pub(super) fn draw(title: &str, rows: &Rows) -> Option<String> {
    let layout = Layout::of(rows);
    let height = layout.frame.bottom() + BELOW;
    canvas::draw(title, height, |canvas| layout.paint(canvas))
}

/// Where everything is.
struct Layout<'r> {
    rows: &'r Rows,
    frame: Frame,
    /// Where labels end: those of groups, and those of rows.
    names: i32,
    labels: i32,
    /// Where figures end and words begin, where they stand in columns.
    values: i32,
    /// Whether figures stand behind bars.
    behind: bool,
}

impl Layout<'_> {
    fn of(rows: &Rows) -> Layout<'_> {
        let all = || rows.groups.iter().flat_map(|group| &group.rows);
        let widest = |texts: &mut dyn Iterator<Item = &String>| {
            texts.map(|text| text_width(text)).max().unwrap_or(0)
        };
        let named = widest(&mut rows.groups.iter().map(|group| &group.name));
        let labelled = widest(&mut all().map(|row| &row.label));
        let (names, labels) = if named > 0 {
            let names = named.clamp(LABELS.0, LABELS.1) + INDENT;
            (names, names + labelled + 10)
        } else {
            (0, labelled.clamp(LABELS.0, LABELS.1) + INDENT)
        };
        let behind = all().any(|row| !row.pieces.is_empty());
        let words = widest(
            &mut all()
                .filter(|row| !row.value.is_empty())
                .map(|row| &row.word),
        );
        let right = widest(&mut all().map(|row| &row.value)) + words;
        let right = right + 2 * EDGE + if words > 0 { EDGE } else { 0 };
        let lines = [
            rows.key.is_empty() && rows.rules.is_empty(),
            rows.beyond.is_empty(),
        ];
        let lines = lines.into_iter().filter(|is_empty| !is_empty).count();
        let above = LINE * i32::try_from(lines).unwrap_or(0);
        let height = rows.groups.iter().map(height_of).sum::<i32>();
        Layout {
            rows,
            frame: Frame {
                left: labels + 10,
                top: EDGE + above,
                width: WIDTH - labels - 10 - right.max(2 * EDGE),
                height,
            },
            names,
            labels,
            values: WIDTH - EDGE - words - if words > 0 { EDGE } else { 0 },
            behind,
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
            top += height_of(group);
        }
        Ok(())
    }

    fn key(&self, canvas: &Canvas<'_>) -> Drawn {
        let mut x = 20;
        for (piece, name) in &self.rows.key {
            let corners = ((x, 6), (x + 12, 18));
            if let Some(ink) = piece.fill {
                canvas.rectangle(corners.0, corners.1, ink)?;
            } else {
                canvas.outline(corners.0, corners.1, Tone::Muted)?;
                canvas.line(&[(x + 12, 4), (x + 12, 20)], Tone::Ink, 2)?;
            }
            canvas.text(name, (x + 18, 12), Align::Left, Tone::Ink)?;
            x += text_width(name) + 44;
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
            let middle = (x - half).min(WIDTH - EDGE - 2 * half).max(free) + half;
            free = middle + half + EDGE;
            canvas.text(
                &rule.name,
                (middle, middle_of_line),
                Align::Centre,
                Tone::Muted,
            )?;
            canvas.hover((x - 4, 0), (x + 4, bottom), &rule.name);
        }
        let right = (WIDTH - EDGE, 9);
        canvas.text(&self.rows.beyond, right, Align::Right, Tone::Muted)
    }

    fn group(&self, canvas: &mut Canvas<'_>, group: &Group, top: i32) -> Drawn {
        let bottom = top + height_of(group);
        let mut y = top + above_rows(group);
        if !group.heading.is_empty() {
            let heading = clip(&group.heading, WIDTH - 24);
            let at = (12, top + HEADING / 2 + 2);
            canvas.text(&heading, at, Align::Left, Tone::Muted)?;
        }
        let behind = if group.heading.is_empty() { top } else { y - 4 };
        if let Some((from, to, hover)) = &group.band {
            let (from, to) = (self.at(*from), self.at(*to));
            canvas.rectangle((from, behind), (to, bottom), Tone::Band)?;
            canvas.hover((from.min(to - 4), behind), (to, bottom), hover);
        }
        if let Some(origin) = self.rows.origin {
            let x = self.at(origin);
            canvas.line(&[(x, behind), (x, bottom)], Tone::Ink, 1)?;
        }
        let rows = ROW * i32::try_from(group.rows.len()).unwrap_or(1);
        let name = clip(&group.name, LABELS.1);
        let at = (self.names, y + rows / 2);
        canvas.text(&name, at, Align::Right, Tone::Ink)?;
        for row in &group.rows {
            let tone = if group.name.is_empty() {
                Tone::Ink
            } else {
                Tone::Muted
            };
            let label = clip(&row.label, LABELS.1);
            let at = (self.labels, y + ROW / 2);
            canvas.text(&label, at, Align::Right, tone)?;
            self.row(canvas, row, y)?;
            y += ROW;
        }
        Ok(())
    }

    fn row(&self, canvas: &mut Canvas<'_>, row: &Row, top: i32) -> Drawn {
        let (middle, bottom) = (top + ROW / 2, top + ROW);
        canvas.hover((0, top), (WIDTH, bottom), &row.hover);
        let at_start = (self.start(), middle);
        if let Some(why) = &row.failed {
            let text = clip(&format!("failed: {why}"), WIDTH - at_start.0);
            return canvas.text(&text, at_start, Align::Left, Tone::Ink);
        }
        if row.value.is_empty() {
            return canvas.text(&row.word, at_start, Align::Left, Tone::Muted);
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

fn above_rows(group: &Group) -> i32 {
    if group.heading.is_empty() {
        BETWEEN / 2
    } else {
        HEADING
    }
}

fn height_of(group: &Group) -> i32 {
    let below = if group.heading.is_empty() {
        BETWEEN - BETWEEN / 2
    } else {
        0
    };
    above_rows(group) + ROW * i32::try_from(group.rows.len()).unwrap_or(1) + below
}
