//! Heat maps: figures as shades of one colour, each printed in its cell, and small maps of shades alone.
//!
//! The shades are one hue from pale to deep, mixed from the page's background and one colour, so
//! that they rise evenly in lightness for every eye and turn round where the page is dark. Numbers in
//! the cells say what the shade can only hint at.

use super::canvas::{Align, Canvas, Drawn, Size, clip, pixels, small_width, text_width};
use crate::report::charts::palette::{HEAT_STEPS, Ink, Tone};
use crate::report::charts::shape::{Heat, HeatCell, Map, Maps};

/// Height of a row, in pixels.
const ROW: i32 = 24;
/// Height of a level of heads, and what is between the last and the cells.
const LEVEL: i32 = 17;
const BELOW_HEADS: i32 = 6;
/// The least and the most room for the names of rows, and the most in a narrow chart.
const NAMES: (i32, i32) = (96, 240);
const NAMES_NARROW: i32 = 132;
/// The most that a column takes: wider ones are bars, not cells. And the least in a narrow chart, which shows
/// what has no room beside each other under each other.
const WIDEST: i32 = 110;
const LEAST: i32 = 42;
/// What parts rows that stand apart from the others.
const GAP: i32 = 8;
/// Room below for the key.
const KEY: i32 = 40;

/// Small maps beside each other, pixels of one column and of one row of them, and room around.
const MAPS: i32 = 3;
const DOT: (i32, i32) = (3, 6);
const MAP_LEFT: i32 = 44;
const MAP_ABOVE: i32 = 26;
const MAP_BELOW: i32 = 40;

/// Where the parts of a heat map are.
struct Layout {
    /// Where cells begin.
    left: i32,
    /// Width of a column.
    width: i32,
    /// Columns beside each other.
    columns: usize,
    /// Parts under each other.
    parts: usize,
    /// Lines that the innermost heads take turns on.
    turns: i32,
    /// Height of the heads, and of a part with them.
    heads: i32,
    part: i32,
}

impl Layout {
    fn of(heat: &Heat, size: Size) -> Layout {
        let names = heat.rows.iter().map(|(name, _)| text_width(name));
        let levels = heat.levels.iter().map(|name| small_width(name));
        let longest = names.chain(levels).max().unwrap_or(0);
        let most = if size.is_narrow() {
            NAMES_NARROW
        } else {
            NAMES.1
        };
        let left = longest.clamp(NAMES.0, most) + 14;
        let room = size.width() - 8 - left;
        let all = count(heat.columns.len()).max(1);
        let fitting = if size.is_narrow() {
            (room / LEAST).clamp(1, all)
        } else {
            all
        };
        let parts = (all + fitting - 1) / fitting;
        // As many in each part, not a rest in the last.
        let columns = (all + parts - 1) / parts;
        let width = (room / columns).min(WIDEST);
        let inner = heat.columns.iter().filter_map(|heads| heads.last());
        let is_crowded = inner.max_by_key(|name| small_width(name));
        let is_crowded = is_crowded.is_some_and(|name| small_width(name) > width);
        let turns = 1 + i32::from(is_crowded);
        let levels = heat.columns.first().map_or(0, |heads| count(heads.len()));
        let heads = (levels + turns - 1) * LEVEL + BELOW_HEADS;
        let gap = if heat.apart > 0 { GAP } else { 0 };
        Layout {
            left,
            width,
            columns: usize::try_from(columns).unwrap_or(1),
            parts: usize::try_from(parts).unwrap_or(1),
            turns,
            heads,
            part: heads + ROW * count(heat.rows.len()) + gap + BELOW_HEADS,
        }
    }
}

/// Pixels that a heat map takes from top to bottom.
pub(super) fn height(heat: &Heat, size: Size) -> i32 {
    let layout = Layout::of(heat, size);
    layout.part * count(layout.parts) + KEY
}

/// Draws a heat map.
pub(super) fn paint(canvas: &mut Canvas<'_>, heat: &Heat) -> Drawn {
    let layout = Layout::of(heat, canvas.size);
    for part in 0..layout.parts {
        let first = part * layout.columns;
        let end = (first + layout.columns).min(heat.columns.len());
        paint_part(canvas, heat, &layout, (first, end))?;
    }
    let below = layout.part * count(layout.parts) + 10;
    key(canvas, &heat.ends, (layout.left, below))
}

fn paint_part(
    canvas: &mut Canvas<'_>,
    heat: &Heat,
    layout: &Layout,
    (first, end): (usize, usize),
) -> Drawn {
    let Layout { left, width, .. } = *layout;
    let part = layout.part * count(first / layout.columns.max(1));
    heads(canvas, heat, layout, (first, end, part))?;
    for (at, (name, cells)) in heat.rows.iter().enumerate() {
        let gap = if heat.apart > 0 && at >= heat.apart {
            GAP
        } else {
            0
        };
        let top = part + layout.heads + ROW * count(at) + gap;
        let name = clip(name, left - 14);
        canvas.text(&name, (left - 8, top + ROW / 2), Align::Right, Tone::Ink)?;
        let cells = cells.iter().skip(first).take(end - first);
        for (column, cell) in (0..).zip(cells) {
            let from = (left + width * column, top);
            paint_cell(canvas, cell, from, (from.0 + width - 1, top + ROW - 1))?;
        }
    }
    Ok(())
}

/// The heads of some columns: neighbours with the same down to a level share a line under it.
fn heads(
    canvas: &Canvas<'_>,
    heat: &Heat,
    layout: &Layout,
    (first, end, top): (usize, usize, i32),
) -> Drawn {
    let columns = &heat.columns[first..end];
    let levels = columns.first().map_or(0, Vec::len);
    for level in 0..levels {
        let inner = level + 1 == levels;
        let middle = top + LEVEL * count(level) + LEVEL / 2;
        if let Some(name) = heat.levels.get(level) {
            let at = (layout.left - 8, middle);
            canvas.text(name, at, Align::Right, Tone::Muted)?;
        }
        let mut start = 0;
        for span in columns.chunk_by(|a, b| !inner && a[..=level] == b[..=level]) {
            let from = layout.left + layout.width * count(start);
            let (mut room, mut line) = (layout.width * count(span.len()), 0);
            if inner && layout.turns > 1 {
                // Names that are wider than their column take turns on two lines.
                (room, line) = (2 * layout.width - 6, count(start % 2));
            }
            let at = (
                from + layout.width * count(span.len()) / 2,
                middle + LEVEL * line,
            );
            let text = fitting(&span[0][level], room);
            let tone = if inner { Tone::Muted } else { Tone::Ink };
            canvas.text(&text, at, Align::Centre, tone)?;
            if !inner && !text.is_empty() {
                let y = middle + LEVEL / 2;
                canvas.line(&[(from + 3, y), (from + room - 4, y)], Tone::Grid, 1)?;
            }
            start += span.len();
        }
    }
    Ok(())
}

/// A head in its room: a lesser text takes less than others.
fn fitting(text: &str, room: i32) -> String {
    if small_width(text) <= room {
        return text.to_owned();
    }
    clip(text, room)
}

fn paint_cell(canvas: &mut Canvas<'_>, cell: &HeatCell, from: (i32, i32), to: (i32, i32)) -> Drawn {
    let middle = (i32::midpoint(from.0, to.0), i32::midpoint(from.1, to.1));
    let ink = match cell.depth {
        None => Tone::Muted,
        Some(depth) => {
            let step = step_of(depth);
            canvas.rectangle(from, to, Ink::of_heat(step))?;
            // The deeper half needs the background's colour on it.
            if step * 2 > HEAT_STEPS {
                Tone::Paper
            } else {
                Tone::Ink
            }
        }
    };
    if cell.best {
        let inside = ((from.0 + 1, from.1 + 1), (to.0 - 1, to.1 - 1));
        canvas.outline(inside.0, inside.1, Tone::Ink)?;
    }
    canvas.text(
        &fitting(&cell.text, to.0 - from.0),
        middle,
        Align::Centre,
        ink,
    )?;
    canvas.hover(from, to, &cell.hover);
    Ok(())
}

/// All shades between what the two ends of the scale are.
fn key(canvas: &Canvas<'_>, ends: &[String; 2], (left, top): (i32, i32)) -> Drawn {
    let (left, step) = if canvas.size.is_narrow() {
        (8, 10)
    } else {
        (left, 17)
    };
    canvas.text(&ends[0], (left, top + 7), Align::Left, Tone::Muted)?;
    let mut at = left + small_width(&ends[0]) + 12;
    for shade in 0..HEAT_STEPS {
        canvas.rectangle((at, top), (at + step - 1, top + 14), Ink::of_heat(shade))?;
        at += step;
    }
    let text = fitting(&ends[1], canvas.width - at - 10);
    canvas.text(&text, (at + 8, top + 7), Align::Left, Tone::Muted)
}

/// Pixels that small maps take from top to bottom.
pub(super) fn height_of_maps(maps: &Maps, size: Size) -> i32 {
    rows_of_maps(maps, size) * height_of_map(maps) + 44
}

/// How many small maps stand beside each other.
fn maps_beside(size: Size) -> i32 {
    if size.is_narrow() { 1 } else { MAPS }
}

fn rows_of_maps(maps: &Maps, size: Size) -> i32 {
    let beside = maps_beside(size);
    (count(maps.all.len()) + beside - 1) / beside
}

fn height_of_map(maps: &Maps) -> i32 {
    let rows = maps.all.iter().map(|map| map.rows.len()).max();
    MAP_ABOVE + count(rows.unwrap_or(0)) * DOT.1 + MAP_BELOW
}

/// Draws small maps.
pub(super) fn paint_maps(canvas: &mut Canvas<'_>, maps: &Maps) -> Drawn {
    let height = height_of_map(maps);
    let beside = maps_beside(canvas.size);
    for (at, map) in (0..).zip(&maps.all) {
        let corner = (at % beside * (canvas.width / beside), at / beside * height);
        paint_map(canvas, maps, map, corner)?;
    }
    let top = rows_of_maps(maps, canvas.size) * height + 14;
    key(canvas, &maps.ends, (MAP_LEFT, top))
}

fn paint_map(canvas: &mut Canvas<'_>, maps: &Maps, map: &Map, (x, y): (i32, i32)) -> Drawn {
    let (left, top) = (x + MAP_LEFT, y + MAP_ABOVE);
    let heading = clip(
        &map.heading,
        canvas.width / maps_beside(canvas.size) - MAP_LEFT,
    );
    canvas.text(&heading, (left, y + 12), Align::Left, Tone::Ink)?;
    for (at, (depths, hover)) in (0..).zip(&map.rows) {
        let from = top + at * DOT.1;
        let mut column = 0;
        // Neighbours of one shade are one rectangle.
        for alike in depths.chunk_by(|a, b| step_of(*a) == step_of(*b)) {
            let ends = [column, column + alike.len()].map(|column| left + DOT.0 * count(column));
            let shade = Ink::of_heat(step_of(alike[0]));
            canvas.rectangle((ends[0], from), (ends[1], from + DOT.1), shade)?;
            column += alike.len();
        }
        let right = left + DOT.0 * count(depths.len());
        canvas.hover((left, from), (right, from + DOT.1), hover);
    }
    let bottom = top + DOT.1 * count(map.rows.len());
    for (column, text) in &maps.ticks {
        let at = (left + DOT.0 * count(*column) + 1, bottom + 10);
        canvas.text(text, at, Align::Centre, Tone::Muted)?;
    }
    for (text, y) in maps.rows.iter().zip([top + 5, bottom - 6]) {
        canvas.text(text, (left - 6, y), Align::Right, Tone::Muted)?;
    }
    Ok(())
}

fn count(things: usize) -> i32 {
    i32::try_from(things).unwrap_or(0)
}

/// The shade of a depth from 0 to 1.
fn step_of(depth: f64) -> u8 {
    let last = f64::from(HEAT_STEPS - 1);
    u8::try_from(pixels(depth.clamp(0.0, 1.0) * last)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::canvas;
    use super::*;

    #[test]
    fn shades_rise_with_the_figure() {
        assert_eq!((step_of(0.0), step_of(1.0)), (0, HEAT_STEPS - 1));
        assert_eq!((step_of(-3.0), step_of(f64::NAN)), (0, 0));
    }

    #[test]
    fn a_map_is_drawn_with_its_numbers() {
        let cell = |depth| HeatCell {
            depth: Some(depth),
            text: format!("{depth}x"),
            best: true,
            hover: "what it is <&>".into(),
        };
        let heat = Heat {
            columns: vec![
                vec!["both".into(), "a".into()],
                vec!["both".into(), "b".into()],
            ],
            levels: vec!["level".into()],
            rows: vec![("one".into(), vec![cell(0.25), HeatCell::default()])],
            apart: 0,
            ends: ["low".into(), "high".into()],
        };
        let svg = canvas::draw("t", (Size::Wide, height(&heat, Size::Wide)), |canvas| {
            paint(canvas, &heat)
        });
        let svg = svg.expect("it is drawn");
        for part in [
            "0.25x",
            "both",
            "high",
            "level",
            "var(--heat2",
            "what it is &lt;&amp;&gt;",
        ] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        roxmltree::Document::parse(&svg).unwrap();
        assert_eq!(svg.matches("both").count(), 1, "neighbours share it");
    }
}
