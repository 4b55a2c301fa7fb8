//! Heat maps: figures as shades of one colour, each printed in its cell, and small maps of shades alone.
//!
//! The shades are one hue from pale to deep, mixed from the page's background and one colour, so
//! that they rise evenly in lightness for every eye and turn round where the page is dark. Numbers in
//! the cells say what the shade can only hint at.

use super::canvas::{Align, Canvas, Drawn, WIDTH, clip, pixels, text_width};
use crate::report::charts::palette::{HEAT_STEPS, Ink, Tone};
use crate::report::charts::shape::{Heat, HeatCell, Map, Maps};

/// Height of a row, in pixels.
const ROW: i32 = 24;
/// Room above the cells for the heads of columns.
const HEAD: i32 = 52;
/// The least and the most room for the names of rows.
const NAMES: (i32, i32) = (96, 240);
/// The most that a column takes: wider ones are bars, not cells.
const WIDEST: i32 = 110;
/// Room below for the key.
const KEY: i32 = 40;

/// Small maps beside each other, pixels of one column and of one row of them, and room around.
const MAPS: i32 = 3;
const DOT: (i32, i32) = (3, 6);
const MAP_LEFT: i32 = 44;
const MAP_ABOVE: i32 = 26;
const MAP_BELOW: i32 = 40;

/// Pixels that a heat map takes from top to bottom.
pub(super) fn height(heat: &Heat) -> i32 {
    HEAD + ROW * count(heat.rows.len()) + KEY
}

/// Draws a heat map.
pub(super) fn paint(canvas: &mut Canvas<'_>, heat: &Heat) -> Drawn {
    let longest = heat.rows.iter().map(|(name, _)| text_width(name)).max();
    let left = longest.unwrap_or(0).clamp(NAMES.0, NAMES.1) + 14;
    let width = ((WIDTH - 8 - left) / count(heat.columns.len()).max(1)).min(WIDEST);
    heads(canvas, heat, left, width)?;
    for (at, (name, cells)) in (0..).zip(&heat.rows) {
        let top = HEAD + ROW * at;
        let name = clip(name, left - 14);
        canvas.text(&name, (left - 8, top + ROW / 2), Align::Right, Tone::Ink)?;
        for (column, cell) in (0..).zip(cells) {
            let from = (left + width * column, top);
            paint_cell(canvas, cell, from, (from.0 + width - 1, top + ROW - 1))?;
        }
    }
    key(canvas, &heat.ends, (left, height(heat) - KEY + 14))
}

fn heads(canvas: &Canvas<'_>, heat: &Heat, left: i32, width: i32) -> Drawn {
    let crowded = heat
        .columns
        .iter()
        .any(|(_, name)| text_width(name) > width);
    let mut start = 0;
    for (at, (over, name)) in heat.columns.iter().enumerate() {
        let place = count(at);
        // Names that are wider than their column take turns on two lines.
        let (room, line) = if crowded {
            (2 * width - 6, place % 2)
        } else {
            (width, 1)
        };
        let middle = (left + width * place + width / 2, HEAD - 24 + 13 * line);
        canvas.text(&clip(name, room), middle, Align::Centre, Tone::Muted)?;
        let next = heat.columns.get(at + 1);
        if next.is_some_and(|next| next.0 == *over) {
            continue;
        }
        if !over.is_empty() {
            let (first, spanned) = (left + width * count(start), count(at + 1 - start) * width);
            let middle = (first + spanned / 2, 10);
            canvas.text(&clip(over, spanned), middle, Align::Centre, Tone::Ink)?;
            let ends = [(first + 3, 19), (first + spanned - 4, 19)];
            canvas.line(&ends, Tone::Grid, 1)?;
        }
        start = at + 1;
    }
    Ok(())
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
    canvas.text(&clip(&cell.text, to.0 - from.0), middle, Align::Centre, ink)?;
    canvas.hover(from, to, &cell.hover);
    Ok(())
}

/// All shades between what the two ends of the scale are.
fn key(canvas: &Canvas<'_>, ends: &[String; 2], (left, top): (i32, i32)) -> Drawn {
    canvas.text(&ends[0], (left, top + 7), Align::Left, Tone::Muted)?;
    let mut at = left + text_width(&ends[0]) + 10;
    for step in 0..HEAT_STEPS {
        canvas.rectangle((at, top), (at + 16, top + 14), Ink::of_heat(step))?;
        at += 17;
    }
    canvas.text(&ends[1], (at + 8, top + 7), Align::Left, Tone::Muted)
}

/// Pixels that small maps take from top to bottom.
pub(super) fn height_of_maps(maps: &Maps) -> i32 {
    rows_of_maps(maps) * height_of_map(maps) + 44
}

fn rows_of_maps(maps: &Maps) -> i32 {
    (count(maps.all.len()) + MAPS - 1) / MAPS
}

fn height_of_map(maps: &Maps) -> i32 {
    let rows = maps.all.iter().map(|map| map.rows.len()).max();
    MAP_ABOVE + count(rows.unwrap_or(0)) * DOT.1 + MAP_BELOW
}

/// Draws small maps.
pub(super) fn paint_maps(canvas: &mut Canvas<'_>, maps: &Maps) -> Drawn {
    let height = height_of_map(maps);
    for (at, map) in (0..).zip(&maps.all) {
        let corner = (at % MAPS * (WIDTH / MAPS), at / MAPS * height);
        paint_map(canvas, maps, map, corner)?;
    }
    let top = rows_of_maps(maps) * height + 14;
    key(canvas, &maps.ends, (MAP_LEFT, top))
}

fn paint_map(canvas: &mut Canvas<'_>, maps: &Maps, map: &Map, (x, y): (i32, i32)) -> Drawn {
    let (left, top) = (x + MAP_LEFT, y + MAP_ABOVE);
    let heading = clip(&map.heading, WIDTH / MAPS - MAP_LEFT);
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
            hover: "what it is <&>".into(),
        };
        let heat = Heat {
            columns: vec![("both".into(), "a".into()), ("both".into(), "b".into())],
            rows: vec![("one".into(), vec![cell(0.25), HeatCell::default()])],
            ends: ["low".into(), "high".into()],
        };
        let svg = canvas::draw("t", height(&heat), |canvas| paint(canvas, &heat));
        let svg = svg.expect("it is drawn");
        for part in [
            "0.25x",
            "both",
            "high",
            "var(--heat2",
            "what it is &lt;&amp;&gt;",
        ] {
            assert!(svg.contains(part), "{part} is not in {svg}");
        }
        roxmltree::Document::parse(&svg).unwrap();
    }
}
