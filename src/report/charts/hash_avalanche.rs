//! Avalanche matrices: a small heat map a function.

use plotters::style::Color;

use super::Chart;
use super::canvas::{self, Align, Canvas, Drawn, WIDTH};
use super::heat::step_of;
use super::palette::{HEAT_STEPS, Tone};
use crate::report::format::figure;
use crate::report::hashes::{AvalancheFigures, HashSummary};

const COLUMNS: i32 = 3;
/// Pixels of one bit of the hash, and of one byte of the key.
const BIT: i32 = 3;
const BYTE: i32 = 6;
const HEAD: i32 = 26;
const LEFT: i32 = 44;

pub(super) fn chart(summary: &HashSummary) -> Option<Chart> {
    let matrices: Vec<(&str, &AvalancheFigures)> = summary
        .hashes
        .iter()
        .filter_map(|hash| Some((hash.entry.name.as_str(), hash.avalanche.as_ref()?)))
        .collect();
    let first = matrices.first()?.1;
    let bytes = i32::try_from(first.by_byte.len()).unwrap_or(0);
    let row = HEAD + bytes * BYTE + 40;
    let rows = i32::try_from(matrices.len())
        .unwrap_or(1)
        .div_euclid(COLUMNS)
        + i32::from(!matrices.len().is_multiple_of(3));
    let title = "Does every bit of the key reach every bit of the hash?".to_owned();
    let about = format!(
        "Each small map: bytes of a 20-byte key from top to bottom, bits of the 64-bit hash from the lowest \
         on the left. Shade: how far from one half the chance is that the hash's bit flips when a bit of that \
         byte does (mean of its eight bits, {} keys; 0 is ideal, 1 a bit that always or never flips). \
         Functions of 32 bits are shown as tables get them, widened by one multiply.",
        first.keys
    );
    let svg = canvas::draw(&title, rows * row + 44, |canvas| {
        for (at, (name, matrix)) in (0..).zip(&matrices) {
            let corner = (at % COLUMNS * (WIDTH / COLUMNS), at / COLUMNS * row);
            paint(canvas, name, matrix, corner)?;
        }
        key(canvas, rows * row + 14)
    })?;
    Some(Chart {
        file: "hash-avalanche".into(),
        suite: "hash".into(),
        panels: Vec::new(),
        title,
        about,
        svg,
    })
}

fn paint(
    canvas: &mut Canvas<'_>,
    name: &str,
    matrix: &AvalancheFigures,
    (x, y): (i32, i32),
) -> Drawn {
    let heading = format!("{name}: worst {}", figure(matrix.worst.0));
    canvas.text(&heading, (x + LEFT, y + 12), Align::Left, Tone::Ink)?;
    let (left, top) = (x + LEFT, y + HEAD);
    let right = left + 64 * BIT;
    for (byte, biases) in (0..).zip(&matrix.by_byte) {
        let from = top + byte * BYTE;
        // Neighbours of one shade are one rectangle.
        let mut start = 0;
        for bit in 0..biases.len() {
            let step = step_of(biases[bit]);
            if biases
                .get(bit + 1)
                .is_none_or(|next| step_of(*next) != step)
            {
                let span = |bit: usize| left + BIT * i32::try_from(bit).unwrap_or(0);
                canvas.rectangle(
                    (span(start), from),
                    (span(bit + 1), from + BYTE),
                    Tone::of_heat(step).filled(),
                )?;
                start = bit + 1;
            }
        }
        let mean = biases.iter().sum::<f64>() / biases.len().max(1) as f64;
        let worst = biases.iter().copied().fold(0.0, f64::max);
        let text = format!(
            "{name}, byte {byte} of the key: mean bias {} over the hash's bits, {} on the worst",
            figure(mean),
            figure(worst)
        );
        canvas.hover((left, from), (right, from + BYTE), &text);
    }
    let bottom = top + BYTE * i32::try_from(matrix.by_byte.len()).unwrap_or(0);
    for (bit, text) in [(0, "0"), (32, "32"), (63, "63")] {
        canvas.text(
            text,
            (left + bit * BIT + 1, bottom + 10),
            Align::Centre,
            Tone::Muted,
        )?;
    }
    canvas.text("first", (left - 6, top + 5), Align::Right, Tone::Muted)?;
    canvas.text("last", (left - 6, bottom - 6), Align::Right, Tone::Muted)
}

fn key(canvas: &Canvas<'_>, top: i32) -> Drawn {
    canvas.text("bias 0", (LEFT, top + 7), Align::Left, Tone::Muted)?;
    let mut at = LEFT + 50;
    for step in 0..HEAT_STEPS {
        canvas.rectangle((at, top), (at + 16, top + 14), Tone::of_heat(step).filled())?;
        at += 17;
    }
    canvas.text("1", (at + 6, top + 7), Align::Left, Tone::Muted)
}
