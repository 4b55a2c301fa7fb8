//! Which of its strategy's targets a cell is: charts give each a lightness and a marker of its own, the same
//! throughout a run.

use super::summary::{CellSummary, PanelSummary, Variant, is_copy};

/// The targets of a strategy: with every parameter, the hash function, the allocator and the page mode.
struct Targets<'s> {
    strategy: &'s str,
    all: Vec<&'s CellSummary>,
}

/// Gives each cell its place among the targets of its strategy, in the order in which they come.
pub(super) fn assign(panels: &mut [PanelSummary]) {
    let places: Vec<Vec<Variant>> = {
        let strategies = strategies(panels);
        let of_panel = |panel: &PanelSummary| {
            let cells = panel.cells.iter();
            cells.map(|cell| place(&strategies, cell)).collect()
        };
        panels.iter().map(of_panel).collect()
    };
    for (panel, places) in panels.iter_mut().zip(places) {
        for (cell, place) in panel.cells.iter_mut().zip(places) {
            cell.variant = place;
        }
    }
}

fn strategies(panels: &[PanelSummary]) -> Vec<Targets<'_>> {
    let mut strategies: Vec<Targets<'_>> = Vec::new();
    for cell in panels.iter().flat_map(|panel| &panel.cells) {
        let strategy = cell.entry.strategy.as_str();
        let known = strategies.iter().position(|of| of.strategy == strategy);
        let at = known.unwrap_or_else(|| {
            let all = Vec::new();
            strategies.push(Targets { strategy, all });
            strategies.len() - 1
        });
        let all = &mut strategies[at].all;
        if !all.iter().any(|other| is_copy(&other.entry, &cell.entry)) {
            all.push(cell);
        }
    }
    strategies
}

fn place(strategies: &[Targets<'_>], cell: &CellSummary) -> Variant {
    let own = strategies
        .iter()
        .find(|of| of.strategy == cell.entry.strategy);
    let Some(Targets { all, .. }) = own.filter(|of| of.all.len() > 1) else {
        return Variant::default();
    };
    let is_plain = |cell: &CellSummary| cell.entry.target == cell.entry.strategy;
    let plain = all.iter().find(|other| is_plain(other));
    let mut others = all.iter().filter(|other| {
        let by_default = plain.is_some_and(|plain| is_copy(&plain.entry, &other.entry));
        !by_default
    });
    let of = u32::try_from(others.clone().count()).unwrap_or(u32::MAX);
    let at = others.position(|other| is_copy(&other.entry, &cell.entry));
    let at = at.map_or(0, |at| u32::try_from(at + 1).unwrap_or(u32::MAX));
    Variant { at, of }
}

#[cfg(test)]
mod tests {
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn targets_of_one_strategy_are_counted_once_in_a_run() {
        let cells = [
            Cell::new("fixed:buckets=2^8", 90.0),
            Cell::new("fixed", 90.0),
            Cell::twin("fixed", 90.0),
            Cell::new("fixed:buckets=2^9", 90.0),
            Cell::new("striped:stripes=2", 90.0),
        ];
        let run = Synthetic::new()
            .panel("a", 1, &cells)
            .panel("b", 1, &cells[3..]);
        let summary = Summary::of(&run.records());
        let places = |panel: usize| -> Vec<(u32, u32)> {
            let cells = summary.panels[panel].cells.iter();
            cells
                .map(|cell| (cell.variant.at, cell.variant.of))
                .collect()
        };
        assert_eq!(places(0), [(1, 2), (0, 2), (0, 2), (2, 2), (0, 0)]);
        assert_eq!(places(1), [(2, 2), (0, 0)]);
    }
}
