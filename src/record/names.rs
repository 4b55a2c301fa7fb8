//! What the cells of a run are called, for the files whose rows have an id alone.

use std::collections::HashMap;

use super::manifest::Manifest;

/// The columns that [`Names`] can fill, in their order.
const KNOWN: [&str; 4] = ["workload", "target", "twin", "threads"];

/// What each cell of a run is called, by its id.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(HashMap<String, [String; 4]>);

impl Names {
    pub(super) fn of(manifest: &Manifest) -> Names {
        let named = manifest.cells.iter().filter_map(|cell| {
            let mut panels = manifest.panels.iter();
            let panel = panels.find(|panel| panel.panel == cell.panel)?;
            let names = [
                panel.workload.clone(),
                cell.target.clone(),
                cell.twin.to_string(),
                panel.threads.to_string(),
            ];
            Some((cell.cell_id.clone(), names))
        });
        Names(named.collect())
    }

    /// The fields of these columns for a cell; empty ones for a cell that is not known.
    pub(super) fn fields<'n>(
        &'n self,
        cell: &str,
        columns: &'n [&str],
    ) -> impl Iterator<Item = &'n str> {
        let names = self.0.get(cell);
        columns.iter().map(move |column| {
            let at = KNOWN.iter().position(|known| known == column);
            let field = names.and_then(|names| names.get(at?));
            field.map_or("", String::as_str)
        })
    }
}
