//! Sweeps over the number of buckets as lines: their names and their looks.

use super::palette::Style;
use crate::analysis::structure::Structures;
use crate::analysis::sweep::{Sweep, fit};
use crate::report::labels;
use crate::report::model::Model;

/// A sweep as it is drawn.
pub(super) struct Line<'s> {
    pub sweep: Sweep<'s>,
    pub label: String,
    pub style: Style,
    pub model: Option<Model>,
}

impl<'s> Line<'s> {
    /// A sweep in the look of its strategy, with the model that fits it.
    pub fn new(sweep: Sweep<'s>, structures: &Structures<'_>) -> Line<'s> {
        let first = sweep.points[0].1;
        let threads = labels::threads(sweep.panel);
        Line {
            label: format!("{}, {threads}", first.entry.strategy),
            style: Style::of_strategy(first),
            model: fit(&sweep, structures),
            sweep,
        }
    }
}

/// Lines that would have one label get what tells them apart, and lines of one colour other dashes.
pub(super) fn tell_apart(lines: &mut [Line<'_>]) {
    let labels: Vec<String> = lines.iter().map(|line| line.label.clone()).collect();
    for (line, label) in lines.iter_mut().zip(&labels) {
        if labels.iter().filter(|other| *other == label).count() > 1 {
            let hash = &line.sweep.points[0].1.entry.hash;
            line.label = format!("{} {} {hash}", line.label, line.sweep.others);
        }
    }
    vary_dashes(lines);
}

/// Gives lines of one colour different dashes.
pub(super) fn vary_dashes(lines: &mut [Line<'_>]) {
    let styles: Vec<Style> = lines.iter().map(|line| line.style).collect();
    for (at, line) in lines.iter_mut().enumerate() {
        let before = styles[..at].iter().filter(|style| **style == styles[at]);
        line.style = line.style.in_dash(before.count());
    }
}
