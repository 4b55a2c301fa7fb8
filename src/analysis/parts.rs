//! Where the time of a request goes: one strategy in process, through parser and answers, over a unix socket and over
//! TCP, in one panel.

use super::summary::{CellSummary, PanelSummary};

/// What a request over TCP goes through, from the table outwards, as charts and sentences name it.
pub(crate) const PARTS: [&str; 4] = ["table", "protocol", "socket", "TCP"];

/// One strategy in each of the ways that its operations can reach it.
pub(crate) struct Parts<'s> {
    /// The panel.
    pub panel: &'s PanelSummary,
    /// In process, through parser and answers, over a unix socket, over TCP.
    pub ways: [&'s CellSummary; PARTS.len()],
    /// Nanoseconds of one thread an operation in each of these ways.
    pub total_ns: [f64; PARTS.len()],
}

impl Parts<'_> {
    /// The strategies of a panel that were measured in all four ways.
    pub fn of(panel: &PanelSummary) -> Vec<Parts<'_>> {
        if panel.is_open_loop() {
            return Vec::new();
        }
        let over_tcp = panel.cells.iter().filter(|cell| cell.ranked());
        over_tcp.filter_map(|tcp| parts(panel, tcp)).collect()
    }

    /// What each part takes: the difference to the way before it. Below 0 where a way was faster than the one before.
    pub fn own_ns(&self) -> [f64; PARTS.len()] {
        let [table, parsed, unix, tcp] = self.total_ns;
        [table, parsed - table, unix - parsed, tcp - unix]
    }

    /// Whether both are ways of this strategy.
    pub fn has(&self, a: &CellSummary, b: &CellSummary) -> bool {
        let is_way = |cell: &CellSummary| {
            let mut ways = self.ways.iter();
            ways.any(|way| way.entry.cell_id == cell.entry.cell_id)
        };
        is_way(a) && is_way(b)
    }

    /// What it is called over TCP.
    pub fn label(&self) -> String {
        self.panel.label(self.ways[PARTS.len() - 1])
    }
}

fn parts<'s>(panel: &'s PanelSummary, tcp: &'s CellSummary) -> Option<Parts<'s>> {
    let whole = tcp.entry.target_full.strip_prefix("served:")?;
    let (plain, _) = whole.split_once('?').unwrap_or((whole, ""));
    let find = |target: &str| {
        let own = &tcp.entry;
        panel.cells.iter().find(|cell| {
            let of = &cell.entry;
            cell.ranked()
                && of.target_full == target
                && (&of.hash, of.allocator, of.pages) == (&own.hash, own.allocator, own.pages)
        })
    };
    let ways = [
        find(plain)?,
        find(&format!("parsed:{whole}"))?,
        find(&format!("served-unix:{whole}"))?,
        tcp,
    ];
    let mut total_ns = [0.0; PARTS.len()];
    for (total, way) in total_ns.iter_mut().zip(ways) {
        *total = way.ns_per_op?.mid;
    }
    Some(Parts {
        panel,
        ways,
        total_ns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::analysis::synthetic::{Cell, Synthetic};

    #[test]
    fn each_way_is_taken_off_the_next() {
        let cells = [
            Cell::null(10.0, 5.0),
            Cell::new("striped", 200.0),
            Cell::server("parsed:striped", 600.0),
            Cell::server("served-unix:striped", 20_000.0),
            Cell::server("served:striped", 30_000.0),
            // Not measured in all ways.
            Cell::server("served:fixed", 30_000.0),
        ];
        let summary = Summary::of(&Synthetic::new().panel("w", 1, &cells).records());
        let all = Parts::of(&summary.panels[0]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].label(), "served:striped");
        let near = |a: f64, b: f64| (a / b - 1.0).abs() < 0.3;
        for (own, wanted) in all[0]
            .own_ns()
            .into_iter()
            .zip([200.0, 400.0, 19_400.0, 10_000.0])
        {
            assert!(near(own, wanted), "{own} {wanted}");
        }
        let without = Summary::of(&Synthetic::new().panel("w", 1, &cells[..4]).records());
        assert!(Parts::of(&without.panels[0]).is_empty());
    }
}
