//! What tables ask of memory, beside what it could do.

use super::summary::{CellSummary, PanelSummary};
use crate::base::Between;

impl PanelSummary {
    /// How many dependent loads an operation waits for: what it takes beyond the harness, over the time of
    /// one such load on memory of the table's size. Only where operations are chained one by one: elsewhere
    /// loads overlap. A server's operations spend their time elsewhere.
    #[must_use]
    pub fn dependent_loads(&self, cell: &CellSummary) -> Option<f64> {
        let alone = self.entry.batch <= 1 && self.entry.between == Between::Chained;
        let memory = self
            .entry
            .memory
            .filter(|_| alone && cell.ranked() && !cell.entry.server)?;
        let own_ns = cell.ns_per_op?.mid - self.harness.as_ref()?.floor_ns;
        Some(own_ns.max(0.0) * 1000.0 / memory.dependent_load_ps as f64)
    }

    /// Operations for each line that memory could deliver in the same time, where they come in batches: one
    /// that needs a single line reaches 1 at best.
    #[must_use]
    pub fn share_of_lines(&self, cell: &CellSummary) -> Option<f64> {
        let memory = self.entry.memory.filter(|_| self.entry.batch > 1)?;
        let rate = cell.rate.filter(|_| cell.ranked() && !cell.entry.server)?;
        Some(rate.mid / memory.lines_per_s as f64)
    }
}

#[cfg(test)]
mod tests {
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};
    use crate::base::Between;
    use crate::machine::MemorySpeed;

    #[test]
    fn loads_are_counted_where_operations_are_chained_and_lines_in_batches() {
        let cells = [
            Cell::null(20.0, 10.0),
            Cell::null_server(9_000.0),
            Cell::new("fixed", 320.0),
            Cell::server("served:fixed", 12_000.0),
        ];
        let mut records = Synthetic::new().panel("w", 1, &cells).records();
        let panel = &mut records.manifest.panels[0];
        panel.memory = Some(MemorySpeed {
            bytes: 1 << 24,
            dependent_load_ps: 100_000,
            lines_per_s: 100_000_000,
        });
        let both = |records: &crate::record::Records| {
            let panel = &Summary::of(records).panels[0];
            let of = |name: &str| {
                let cell = panel.cells.iter().find(|c| c.entry.target == name).unwrap();
                (panel.dependent_loads(cell), panel.share_of_lines(cell))
            };
            for name in ["null", "null-server", "served:fixed"] {
                assert_eq!(of(name), (None, None), "{name}");
            }
            of("fixed")
        };
        let (loads, lines) = both(&records);
        assert!((loads.unwrap() - 3.0).abs() < 0.4, "{loads:?}");
        assert_eq!(lines, None);
        records.manifest.panels[0].between = Between::NONE;
        assert_eq!(both(&records), (None, None));
        records.manifest.panels[0].batch = 16;
        let (loads, lines) = both(&records);
        assert_eq!(loads, None);
        assert!((lines.unwrap() - 0.031).abs() < 0.01, "{lines:?}");
    }
}
