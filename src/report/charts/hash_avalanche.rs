//! Avalanche matrices: a small heat map a function.

use super::shape::{Map, Maps, Shape};
use super::suite::Draft;
use crate::report::format::figure;
use crate::report::hashes::{AvalancheFigures, HashSummary};

pub(super) fn chart(summary: &HashSummary) -> Option<Draft> {
    let matrices: Vec<(&str, &AvalancheFigures)> = summary
        .hashes
        .iter()
        .filter_map(|hash| Some((hash.entry.name.as_str(), hash.avalanche.as_ref()?)))
        .collect();
    let first = matrices.first()?.1;
    Some(Draft {
        file: "hash-avalanche".into(),
        panels: Vec::new(),
        title: "Does every bit of the key reach every bit of the hash?".to_owned(),
        about: format!(
            "Each small map: bytes of a 20-byte key from top to bottom, bits of the 64-bit hash \
             from the lowest on the left. Shade: the bias, which is how far the chance that the \
             hash's bit flips with a bit of that byte is from one half (mean of its eight bits, \
             {} keys): 0 is ideal, 1 is a bit that always or never flips. Functions of 32 bits \
             are widened by one multiply, as in tables.",
            first.keys
        ),
        shape: Shape::Maps(Maps {
            all: matrices
                .iter()
                .map(|(name, matrix)| map(name, matrix))
                .collect(),
            ticks: [0, 32, 63].map(|bit| (bit, bit.to_string())).into(),
            rows: ["first".into(), "last".into()],
            ends: ["bias 0".into(), "1".into()],
        }),
    })
}

fn map(name: &str, matrix: &AvalancheFigures) -> Map {
    let row = |(byte, biases): (usize, &Vec<f64>)| {
        let mean = biases.iter().sum::<f64>() / biases.len().max(1) as f64;
        let worst = biases.iter().copied().fold(0.0, f64::max);
        let hover = format!(
            "{name}, byte {byte} of the key: mean bias {} over the hash's bits, {} on the worst",
            figure(mean),
            figure(worst)
        );
        (biases.clone(), hover)
    };
    Map {
        heading: format!("{name}: worst {}", figure(matrix.worst.0)),
        rows: matrix.by_byte.iter().enumerate().map(row).collect(),
    }
}
