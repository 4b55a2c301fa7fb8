//! Which cell of one run is which cell of another.

use std::collections::{BTreeMap, VecDeque};

use crate::analysis::summary::{CellSummary, PanelSummary, Summary};

/// A cell in its panel.
pub(crate) type Place<'s> = (&'s PanelSummary, &'s CellSummary);

/// The cells that both runs have, in the order of the first. A cell that is in several panels meets
/// the copy in the other run that is at the same place among its copies.
pub(crate) fn pairs<'s>(a: &'s Summary, b: &'s Summary) -> Vec<(Place<'s>, Place<'s>)> {
    let mut rest: BTreeMap<&str, VecDeque<Place<'_>>> = BTreeMap::new();
    for place in places(b) {
        rest.entry(&place.1.entry.cell_id)
            .or_default()
            .push_back(place);
    }
    places(a)
        .filter_map(|place| {
            let other = rest.get_mut(place.1.entry.cell_id.as_str())?.pop_front()?;
            Some((place, other))
        })
        .collect()
}

/// Every cell of a run in its panel, in the order of the manifest.
pub(crate) fn places(summary: &Summary) -> impl Iterator<Item = Place<'_>> {
    let cells = |panel| move |cell| (panel, cell);
    summary
        .panels
        .iter()
        .flat_map(move |panel| panel.cells.iter().map(cells(panel)))
}
