//! Plots: series, bars, rules and bands over two axes, one over the whole width or many small ones.

use super::canvas::{Align, Canvas, Drawn, Frame, Size, clip, lines, text_width};
use super::labels::{self, Label};
use crate::report::charts::palette::{Ink, Style, Tone};
use crate::report::charts::shape::{Mark, Multiples, Names, Note, Plot, Series, Single};

/// Room left of a plot for the ticks and the name of its axis, and in a narrow chart.
const LEFT: i32 = 84;
const LEFT_NARROW: i32 = 68;
/// What a narrow plot leaves of the height of a wide one.
const SHORTER: i32 = 100;
/// Room below a plot, for the same.
const BELOW: i32 = 56;
/// The least and the most room for names on the right.
const NAMES: (i32, i32) = (90, 262);
/// Height of a note.
const NOTE: i32 = 18;
/// Height of a row of small plots.
const SMALL: i32 = 186;
/// Height of a line in a list of names, and of the sample in front of it.
const LISTED: i32 = 20;
const SAMPLE: i32 = 28;

/// Pixels that a plot takes from top to bottom.
pub(super) fn height_of_single(single: &Single, size: Size) -> i32 {
    if !size.is_narrow() {
        return single.height;
    }
    // The names and the notes stand below, the key in lines.
    let wide = NOTE * count(single.notes.len());
    let notes = NOTE * count(note_lines(&single.notes, size).len());
    let key = LISTED * count(single.key.len().saturating_sub(1));
    single.height - SHORTER - wide + notes + key + height_of_names(single, size)
}

fn height_of_names(single: &Single, size: Size) -> i32 {
    if !size.is_narrow() || single.names == Names::InCorner {
        return 0;
    }
    let named = single.plot.series.iter().filter(|series| is_named(series));
    LISTED * count(named.count())
}

/// A plot over the whole width.
pub(super) fn single(canvas: &mut Canvas<'_>, single: &Single) -> Drawn {
    let plot = &single.plot;
    let size = canvas.size;
    let notes = NOTE * count(note_lines(&single.notes, size).len());
    let names = height_of_names(single, size);
    let height = height_of_single(single, size);
    let (key_lines, left, right) = if size.is_narrow() {
        (single.key.len(), LEFT_NARROW, 16)
    } else {
        (single.key.len().min(1), LEFT, room_for_names(single))
    };
    let top = 14 + LISTED * count(key_lines);
    let frame = Frame {
        left,
        top,
        width: canvas.width - left - right,
        height: height - top - BELOW - notes - names,
    };
    key(canvas, single, frame.left)?;
    canvas.axes(frame, &plot.x, &plot.y)?;
    paint(canvas, plot, frame)?;
    match single.names {
        Names::InCorner => corner(canvas, plot, frame)?,
        _ if size.is_narrow() => list(canvas, plot, (14, frame.bottom() + BELOW))?,
        Names::AtEnds => labels::draw(canvas, frame, at_ends(plot, frame))?,
        Names::Listed => list(canvas, plot, (frame.right() + 10, frame.top + 10))?,
    }
    paint_notes(canvas, &single.notes, height - notes)
}

/// What kinds of lines are: beside each other, or under each other where there is no room.
fn key(canvas: &Canvas<'_>, single: &Single, left: i32) -> Drawn {
    let (mut x, mut y) = (left, 14);
    for (ink, width, name) in &single.key {
        canvas.line(&[(x, y), (x + SAMPLE, y)], *ink, *width)?;
        canvas.text(name, (x + SAMPLE + 8, y), Align::Left, Tone::Muted)?;
        if canvas.size.is_narrow() {
            y += LISTED;
        } else {
            x += SAMPLE + 8 + text_width(name) + 20;
        }
    }
    Ok(())
}

fn room_for_names(single: &Single) -> i32 {
    let named = single.plot.series.iter().filter(|series| is_named(series));
    let room = |series: &Series| match single.names {
        Names::AtEnds => labels::room(&series.name.0, &series.name.1, style_of(series).is_some()),
        Names::Listed => SAMPLE + labels::room(&series.name.0, "", true),
        Names::InCorner => 0,
    };
    match named.map(room).max() {
        Some(room) if room > 0 => room.clamp(NAMES.0, NAMES.1),
        _ => 30,
    }
}

fn count(things: usize) -> i32 {
    i32::try_from(things).unwrap_or(0)
}

fn is_named(series: &Series) -> bool {
    !series.name.0.is_empty()
}

fn style_of(series: &Series) -> Option<Style> {
    match series.mark {
        Mark::Of(style) => Some(style),
        _ => None,
    }
}

fn at_ends(plot: &Plot, frame: Frame) -> Vec<Label> {
    let named = plot.series.iter().filter(|series| is_named(series));
    let label = |series: &Series| {
        let hollow = series.points.iter().any(|point| point.hollow);
        Some(Label {
            height: frame.up(&plot.y, series.points.last()?.y),
            text: series.name.clone(),
            mark: style_of(series).map(|style| (style, hollow)),
        })
    };
    named.filter_map(label).collect()
}

/// The names under each other, each behind a sample of its line: in the order of their first points,
/// highest first, those without a marker last.
fn list(canvas: &Canvas<'_>, plot: &Plot, (left, top): (i32, i32)) -> Drawn {
    let mut named: Vec<&Series> = plot.series.iter().filter(|s| is_named(s)).collect();
    let first = |series: &Series| series.points.first().map_or(0.0, |point| point.y);
    named.sort_by(|a, b| {
        let marked = style_of(b).is_some().cmp(&style_of(a).is_some());
        marked.then(first(b).total_cmp(&first(a)))
    });
    for (at, series) in (0..).zip(named) {
        let height = top + LISTED * at;
        if let Some((ink, width)) = series.line {
            canvas.line(&[(left, height), (left + SAMPLE, height)], ink, width)?;
        }
        let mut tone = Tone::Muted;
        if let Some(style) = style_of(series) {
            canvas.mark((left + SAMPLE / 2, height), style, false)?;
            tone = Tone::Ink;
        }
        // Where there is a line for each there is room for what is said of it.
        let said = if canvas.size.is_narrow() {
            series.name.1.as_str()
        } else {
            ""
        };
        let between = if said.is_empty() || said.starts_with(':') {
            ""
        } else {
            ": "
        };
        let text = format!("{}{between}{said}", series.name.0);
        let text = clip(&text, canvas.width - left - SAMPLE - 10);
        canvas.text(&text, (left + SAMPLE + 6, height), Align::Left, tone)?;
    }
    Ok(())
}

fn corner(canvas: &Canvas<'_>, plot: &Plot, frame: Frame) -> Drawn {
    for (at, series) in (0..).zip(plot.series.iter().filter(|series| is_named(series))) {
        let text = clip(&series.name.0, frame.width / 2);
        let (x, y) = (frame.right() - 12, frame.top + 18 + LISTED * at);
        let ends = ((x - text_width(&text) - 2, y - 10), (x + 4, y + 10));
        canvas.rectangle(ends.0, ends.1, Tone::Paper)?;
        canvas.text(&text, (x, y), Align::Right, Tone::Muted)?;
    }
    Ok(())
}

/// The lines of notes, each with what it says on hover: one for each note where there is room.
fn note_lines(notes: &[Note], size: Size) -> Vec<(String, &str)> {
    let room = size.width() - 32;
    let mut all = Vec::new();
    for note in notes {
        let lines = if size.is_narrow() {
            lines(&note.text, room)
        } else {
            vec![clip(&note.text, room)]
        };
        all.extend(lines.into_iter().map(|line| (line, note.hover.as_str())));
    }
    all
}

fn paint_notes(canvas: &mut Canvas<'_>, notes: &[Note], top: i32) -> Drawn {
    for (at, (text, hover)) in (0..).zip(note_lines(notes, canvas.size)) {
        let top = top + NOTE * at;
        canvas.text(&text, (16, top + NOTE / 2 - 1), Align::Left, Tone::Ink)?;
        canvas.hover((0, top), (canvas.width, top + NOTE), hover);
    }
    Ok(())
}

/// How many small plots stand beside each other.
fn columns_of(multiples: &Multiples, size: Size) -> i32 {
    if size.is_narrow() {
        (multiples.columns - 1).max(1)
    } else {
        multiples.columns
    }
}

/// Pixels that small plots take from top to bottom.
pub(super) fn height_of_multiples(multiples: &Multiples, size: Size) -> i32 {
    let plots = count(multiples.plots.len()).max(1);
    let columns = columns_of(multiples, size);
    let notes = NOTE * count(note_lines(&multiples.notes, size).len());
    (plots + columns - 1) / columns * SMALL + notes + 8
}

/// Small plots. Those of a row share the name of their y axis.
pub(super) fn multiples(canvas: &mut Canvas<'_>, multiples: &Multiples) -> Drawn {
    let columns = columns_of(multiples, canvas.size);
    let width = canvas.width / columns;
    for (at, (heading, plot)) in (0..).zip(&multiples.plots) {
        let (column, row) = (at % columns, at / columns);
        let name = if plot.y.name.is_empty() { 0 } else { 18 };
        let frame = Frame {
            left: column * width + 56 + name,
            top: row * SMALL + 30,
            width: width - 68 - name,
            height: SMALL - 30 - 50,
        };
        let start = frame.left - if name > 0 { 0 } else { 42 };
        let heading = clip(heading, (column + 1) * width - start - 8);
        canvas.text(&heading, (start, frame.top - 17), Align::Left, Tone::Ink)?;
        let y = plot.y.clone();
        let y = if column > 0 { y.named("") } else { y };
        canvas.axes(frame, &plot.x, &y)?;
        paint(canvas, plot, frame)?;
    }
    let height = height_of_multiples(multiples, canvas.size);
    let notes = NOTE * count(note_lines(&multiples.notes, canvas.size).len());
    paint_notes(canvas, &multiples.notes, height - notes - 8)
}

/// A plot in its frame: what is wide lies behind what is narrow.
fn paint(canvas: &mut Canvas<'_>, plot: &Plot, frame: Frame) -> Drawn {
    noise(canvas, plot, frame)?;
    bands(canvas, plot, frame)?;
    bars(canvas, plot, frame)?;
    rules(canvas, plot, frame)?;
    for series in &plot.series {
        if let Some((ink, width)) = series.line {
            let path = path(plot, series, frame);
            canvas.line(&path, ink, width)?;
        }
    }
    for zone in &plot.zones {
        let ends = [zone.from, zone.to].map(|at| frame.across(&plot.x, at));
        canvas.hover((ends[0], frame.top), (ends[1], frame.bottom()), &zone.hover);
    }
    for series in &plot.series {
        points(canvas, plot, series, frame)?;
    }
    // Above the zones, so that they are on top of them.
    for band in &plot.bands {
        let from = frame.across(&plot.x, band.from);
        canvas.hover(
            (from - 5, frame.top - 12),
            (from + 5, frame.top + 2),
            &band.hover,
        );
    }
    Ok(())
}

/// The area between two lines: along one and back along the other.
fn noise(canvas: &Canvas<'_>, plot: &Plot, frame: Frame) -> Drawn {
    let across = |x| frame.across(&plot.x, x);
    let along = plot.noise.iter();
    let along = along.map(|&(x, low, _)| (across(x), frame.up(&plot.y, low)));
    let back = plot.noise.iter().rev();
    let back = back.map(|&(x, _, high)| (across(x), frame.up(&plot.y, high)));
    canvas.area(along.chain(back).collect())
}

fn bands(canvas: &Canvas<'_>, plot: &Plot, frame: Frame) -> Drawn {
    for band in &plot.bands {
        let from = frame.across(&plot.x, band.from);
        let to = frame.across(&plot.x, band.to).max(from + 1);
        canvas.rectangle((from, frame.top), (to, frame.bottom()), Tone::Band)?;
        canvas.triangle((from, frame.top - 5))?;
    }
    Ok(())
}

fn bars(canvas: &mut Canvas<'_>, plot: &Plot, frame: Frame) -> Drawn {
    for bar in &plot.bars {
        let [from, to] = [bar.from, bar.to].map(|at| frame.across(&plot.x, at));
        let gap = i32::from(to - from > 4);
        if bar.height > 0.0 {
            // A share that is too small to see is still there.
            let top = frame.up(&plot.y, bar.height).min(frame.bottom() - 1);
            canvas.rectangle((from + gap, top), (to - gap, frame.bottom()), bar.fill)?;
        }
        canvas.hover((from, frame.top), (to, frame.bottom()), &bar.hover);
    }
    Ok(())
}

/// Level lines. Names that would lie on each other stand beside each other.
fn rules(canvas: &mut Canvas<'_>, plot: &Plot, frame: Frame) -> Drawn {
    let mut named: Vec<(i32, i32)> = Vec::new();
    for rule in plot.rules.iter().filter(|rule| plot.y.holds(rule.at)) {
        let (left, right) = (frame.left, frame.right());
        let y = frame.up(&plot.y, rule.at);
        canvas.line(&[(left, y), (right, y)], Ink::from(Tone::Muted).dotted(), 1)?;
        let near = named.iter().filter(|(other, _)| (other - y).abs() < 15);
        let start = near.map(|(_, end)| end + 16).max().unwrap_or(left + 6);
        // Above the line, or below it where that would be outside.
        let text = if y - frame.top < 16 { y + 9 } else { y - 9 };
        canvas.text(&rule.name, (start, text), Align::Left, Tone::Muted)?;
        named.push((y, start + text_width(&rule.name)));
        canvas.hover((left, y - 4), (right, y + 4), &rule.name);
    }
    Ok(())
}

/// The pixels of a line; of a level run its ends alone.
fn path(plot: &Plot, series: &Series, frame: Frame) -> Vec<(i32, i32)> {
    let mut path: Vec<(i32, i32)> = Vec::with_capacity(series.points.len());
    for point in &series.points {
        let at = (frame.across(&plot.x, point.x), frame.up(&plot.y, point.y));
        if let [.., (_, a), (_, b)] = path.as_slice()
            && (*a, *b) == (at.1, at.1)
        {
            path.pop();
        }
        path.push(at);
    }
    path
}

fn points(canvas: &mut Canvas<'_>, plot: &Plot, series: &Series, frame: Frame) -> Drawn {
    for point in &series.points {
        let (x, y) = (frame.across(&plot.x, point.x), frame.up(&plot.y, point.y));
        if let Some((low, high)) = point.interval {
            let ends = (frame.up(&plot.y, low), frame.up(&plot.y, high));
            canvas.whiskers(x, ends)?;
        }
        match series.mark {
            Mark::Nothing => {}
            Mark::Dot(radius) => canvas.dot((x, y), radius)?,
            Mark::Of(style) => canvas.mark((x, y), style, point.hollow)?,
        }
        if let Some((word, above)) = &point.flag {
            canvas.ring((x, y), 8)?;
            let away = if *above { -16 } else { 16 };
            canvas.text(word, (x, y + away), Align::Centre, Tone::Ink)?;
        }
        canvas.hover_point((x, y), &point.hover);
    }
    Ok(())
}
