//! Two panels with the same targets under different conditions, and targets that change places between them.

use super::Verdict;
use super::figures::gather;
use super::rates::Ratio;
use super::summary::{CellSummary, PanelSummary};
use super::verdict::Difference;

/// One target over the panels that have figures of it.
pub(crate) type Line<'s> = (String, Vec<(&'s PanelSummary, &'s CellSummary)>);

/// The ranked targets of these panels, each over those that have figures of it.
pub(crate) fn lines<'s>(panels: &[&'s PanelSummary]) -> Vec<Line<'s>> {
    let mut lines: Vec<Line<'s>> = Vec::new();
    for &panel in panels {
        for cell in panel.cells.iter().filter(|cell| cell.ranked()) {
            if cell.ns_per_op.is_some() {
                gather(&mut lines, panel.label(cell), (panel, cell));
            }
        }
    }
    lines
}

/// A panel, its faster target, the other, and the ratio of their rates.
pub(crate) type Ahead<'s> = (&'s PanelSummary, &'s CellSummary, &'s CellSummary, Ratio);

/// Two targets of which one is faster in the first panel and the other in the last.
pub(crate) struct TurnOver<'s> {
    /// In the first panel.
    pub first: Ahead<'s>,
    /// In the last one, where the other target is faster.
    pub last: Ahead<'s>,
}

impl<'s> TurnOver<'s> {
    /// The two targets whose order differs most between two panels.
    pub fn between(first: &'s PanelSummary, last: &'s PanelSummary) -> Option<TurnOver<'s>> {
        let mut best: Option<(f64, TurnOver<'s>)> = None;
        for a in first.ranking() {
            for b in first.ranking() {
                let Some(turn) = TurnOver::of((first, last), a, b) else {
                    continue;
                };
                let size = turn.size();
                if best.as_ref().is_none_or(|(most, _)| size > *most) {
                    best = Some((size, turn));
                }
            }
        }
        best.map(|(_, turn)| turn)
    }

    fn of(
        (first, last): (&'s PanelSummary, &'s PanelSummary),
        a: &'s CellSummary,
        b: &'s CellSummary,
    ) -> Option<TurnOver<'s>> {
        let same = |cell: &CellSummary| {
            last.cells
                .iter()
                .find(|other| other.ranked() && other.is_target_of(cell))
        };
        let (later_a, later_b) = (same(a)?, same(b)?);
        Some(TurnOver {
            first: (first, a, b, faster(first, a, b)?),
            last: (last, later_b, later_a, faster(last, later_b, later_a)?),
        })
    }

    /// How far the order turns: the lesser of the two effects.
    pub fn size(&self) -> f64 {
        let effect = |ratio: &Ratio| ratio.interval.mid.ln();
        effect(&self.first.3).min(effect(&self.last.3))
    }
}

/// The ratio of two cells' rates, where the first is faster.
fn faster(panel: &PanelSummary, a: &CellSummary, b: &CellSummary) -> Option<Ratio> {
    let ratio = panel.ratio(a, b)?;
    let is = panel.verdict_on(&ratio) == Verdict::Is(Difference::Faster);
    is.then_some(ratio)
}
