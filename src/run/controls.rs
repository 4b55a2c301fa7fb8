//! What comes to a panel beside the targets that were asked for: the floors and the twin of the baseline.

use super::cell::{Cell, Panel, baseline};
use super::estimate;
use super::target::Target;
use crate::base::Spec;
use crate::catalog::Row;
use crate::drive::Server;

/// How many times its time a panel may take to become as precise as asked, by default.
const TIMES_LONGER: f64 = 10.0;

/// Adds the controls: the floors and the twin of the baseline; and settles the panel's time. Gives what is to be
/// noted of it.
pub(super) fn complete<'r>(panel: &mut Panel<'r>, rows: &'r [Row]) -> Option<String> {
    add_floors(panel, rows);
    if panel.search.is_some() {
        // Its targets are searched one after the other, each beside the floor, and not compared.
        let targets = panel.cells.iter().filter(|cell| !cell.target.control());
        panel.time_s = targets.count() as f64 * estimate::SEARCH_S;
        return None;
    }
    panel.baseline = baseline(&panel.cells);
    let mut note = None;
    if let Some(baseline) = panel.baseline {
        if panel.cells[baseline].target.is_there_already() {
            note = Some(format!(
                "{}: {} has no twin, because a server that is there already is one; no A/A noise is known of this \
                 panel",
                panel.label(),
                panel.cells[baseline].target.short()
            ));
        } else {
            let twin = panel.cells[baseline].twin(&panel.key);
            panel.cells.push(twin);
        }
    }
    if panel.time_s == 0.0 {
        panel.time_s = panel.cells.len() as f64 * estimate::cell_s(panel);
    }
    if let Some((_, max_s)) = &mut panel.precision
        && *max_s == 0.0
    {
        *max_s = panel.time_s * TIMES_LONGER;
    }
    note
}

/// The floors of a panel that names no control: the one of tables where it has tables, and then the one of servers
/// where it has servers.
fn add_floors<'r>(panel: &mut Panel<'r>, rows: &'r [Row]) {
    let Some(first) = panel.cells.first() else {
        return;
    };
    if panel.cells.iter().any(|cell| cell.target.control()) {
        return;
    }
    let (hash, heap) = (first.hash.clone(), first.heap);
    let has = |is_server: bool| {
        let mut cells = panel.cells.iter();
        cells.any(|cell| cell.target.server().is_some() == is_server)
    };
    let mut floors = Vec::new();
    if has(false)
        && let Some(control) = rows.iter().find(|row| row.control)
    {
        let spec = Spec {
            name: control.name.to_owned(),
            params: Vec::new(),
        };
        floors.push(Target::of_table(rows, &spec).expect("a control's defaults are valid"));
    }
    if has(true) {
        floors.push(Target::Server(Server::Null));
    }
    let floors = floors
        .into_iter()
        .map(|target| Cell::new(rows, target, (&hash, heap), &panel.key));
    let floors: Vec<Cell<'r>> = floors.collect();
    panel.cells.splice(0..0, floors);
}

/// The control of a kind: the floor beside a target.
pub(super) fn floor_of<'p, 'r>(panel: &'p Panel<'r>, cell: &Cell<'_>) -> Option<&'p Cell<'r>> {
    let is_server = cell.target.server().is_some();
    let controls = || panel.cells.iter().filter(|cell| cell.target.control());
    controls()
        .find(|control| control.target.server().is_some() == is_server)
        .or_else(|| controls().next())
}
