//! A heat map: figures as shades of one colour, each printed in its cell.
//!
//! The shades are one hue from pale to deep, mixed from the page's background and one colour, so
//! that they rise evenly in lightness for every eye and turn round where the page is dark. Numbers in
//! the cells say what the shade can only hint at.

use plotters::style::Color;

use super::canvas::{Align, Canvas, Drawn, WIDTH, clip, pixels};
use super::palette::{HEAT_STEPS, Tone};

/// Height of a row, in pixels.
const ROW: i32 = 24;
/// Room above the cells for the heads of columns.
const HEAD: i32 = 52;
/// The least room for the names of rows.
const NAMES: i32 = 96;
/// The most that a column takes: wider ones are bars, not cells.
const WIDEST: i32 = 110;
/// Room below for the key.
const KEY: i32 = 40;

/// One cell.
#[derive(Clone, Debug, Default)]
pub(super) struct HeatCell {
    /// How deep, from 0 to 1; `None` for what was not measured.
    pub depth: Option<f64>,
    /// What is printed in it.
    pub text: String,
    /// What it says on hover.
    pub hover: String,
}

/// A heat map before it is drawn.
pub(super) struct Heat {
    /// Heads of columns, each with a lesser line above it that may span several.
    pub columns: Vec<(String, String)>,
    /// Names of rows with their cells.
    pub rows: Vec<(String, Vec<HeatCell>)>,
    /// What the two ends of the scale are.
    pub ends: [String; 2],
}

impl Heat {
    /// Pixels that it takes from top to bottom.
    pub fn height(&self) -> i32 {
        HEAD + ROW * i32::try_from(self.rows.len()).unwrap_or(1) + KEY
    }

    /// Draws it.
    pub fn paint(&self, canvas: &mut Canvas<'_>) -> Drawn {
        let count = i32::try_from(self.columns.len().max(1)).unwrap_or(1);
        let longest = self
            .rows
            .iter()
            .map(|(name, _)| super::canvas::text_width(name));
        let left = longest.max().unwrap_or(0).clamp(NAMES, 240) + 14;
        let width = ((WIDTH - 8 - left) / count).min(WIDEST);
        self.heads(canvas, left, width)?;
        for (at, (name, cells)) in (0..).zip(&self.rows) {
            let top = HEAD + ROW * at;
            canvas.text(
                &clip(name, left - 14),
                (left - 8, top + ROW / 2),
                Align::Right,
                Tone::Ink,
            )?;
            for (column, cell) in (0..).zip(cells) {
                let from = (left + width * column, top);
                let to = (from.0 + width - 1, top + ROW - 1);
                paint_cell(canvas, cell, from, to)?;
            }
        }
        self.key(canvas, left)
    }

    fn heads(&self, canvas: &Canvas<'_>, left: i32, width: i32) -> Drawn {
        let wide = |(_, name): &(String, String)| super::canvas::text_width(name) > width;
        let crowded = self.columns.iter().any(wide);
        let mut start = 0;
        for at in 0..self.columns.len() {
            let (over, name) = &self.columns[at];
            let place = i32::try_from(at).unwrap_or(0);
            let middle = left + width * place + width / 2;
            // Names that are wider than their column take turns on two lines.
            let (room, line) = if crowded {
                (2 * width - 6, place % 2)
            } else {
                (width, 1)
            };
            canvas.text(
                &clip(name, room),
                (middle, HEAD - 24 + 13 * line),
                Align::Centre,
                Tone::Muted,
            )?;
            let last = self.columns.get(at + 1).is_none_or(|next| next.0 != *over);
            if last && !over.is_empty() {
                let spanned = i32::try_from(at + 1 - start).unwrap_or(1) * width;
                let first = left + width * i32::try_from(start).unwrap_or(0);
                canvas.text(
                    &clip(over, spanned),
                    (first + spanned / 2, 10),
                    Align::Centre,
                    Tone::Ink,
                )?;
                canvas.line(
                    &[(first + 3, 19), (first + spanned - 4, 19)],
                    Tone::Grid.colour(),
                    1,
                )?;
            }
            if last {
                start = at + 1;
            }
        }
        Ok(())
    }

    fn key(&self, canvas: &Canvas<'_>, left: i32) -> Drawn {
        let top = self.height() - KEY + 14;
        let low = &self.ends[0];
        let from = left + super::canvas::text_width(low) + 10;
        canvas.text(low, (left, top + 7), Align::Left, Tone::Muted)?;
        let mut at = from;
        for step in 0..HEAT_STEPS {
            canvas.rectangle((at, top), (at + 16, top + 14), Tone::of_heat(step).filled())?;
            at += 17;
        }
        canvas.text(&self.ends[1], (at + 8, top + 7), Align::Left, Tone::Muted)
    }
}

fn paint_cell(canvas: &mut Canvas<'_>, cell: &HeatCell, from: (i32, i32), to: (i32, i32)) -> Drawn {
    let middle = (i32::midpoint(from.0, to.0), i32::midpoint(from.1, to.1));
    let ink = match cell.depth {
        None => Tone::Muted,
        Some(depth) => {
            let step = step_of(depth);
            canvas.rectangle(from, to, Tone::of_heat(step).filled())?;
            // The deeper half needs the background's colour on it.
            if step * 2 > HEAT_STEPS {
                Tone::Paper
            } else {
                Tone::Ink
            }
        }
    };
    canvas.text(&clip(&cell.text, to.0 - from.0), middle, Align::Centre, ink)?;
    if !cell.hover.is_empty() {
        canvas.hover(from, to, &cell.hover);
    }
    Ok(())
}

/// The shade of a depth from 0 to 1.
pub(super) fn step_of(depth: f64) -> u32 {
    let last = f64::from(HEAT_STEPS - 1);
    u32::try_from(pixels(depth.clamp(0.0, 1.0) * last)).unwrap_or(0)
}

/// How far a figure is between two others on a logarithmic scale.
pub(super) fn log_depth(figure: f64, low: f64, high: f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    ((figure / low).ln() / (high / low).ln()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_rise_with_the_figure() {
        assert_eq!((step_of(0.0), step_of(1.0)), (0, HEAT_STEPS - 1));
        assert_eq!((step_of(-3.0), step_of(f64::NAN)), (0, 0));
        assert!((log_depth(10.0, 1.0, 100.0) - 0.5).abs() < 1e-12);
        assert!(log_depth(5.0, 5.0, 5.0).abs() < 1e-12 && log_depth(1e9, 1.0, 2.0) >= 1.0);
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
        let svg = super::super::canvas::draw("t", heat.height(), |canvas| heat.paint(canvas));
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
