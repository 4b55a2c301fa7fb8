//! The servers of a run: what they said of themselves, and what the side that puts load on them was busy with.

use super::model::Block;
use crate::record::{Records, ServerEntry};
use crate::report::cells::target;
use crate::report::labels::place_of;
use crate::report::summary::Summary;
use crate::report::table::{Cell, Column, Row, Table};

/// How servers were measured, and the tables of a run that has any.
pub(super) fn blocks<'r>(summary: &Summary, records: &Records) -> Vec<Block<'r>> {
    let has_servers = summary.manifest.cells.iter().any(|cell| cell.server);
    if !has_servers {
        return Vec::new();
    }
    let about = "A server's operations go over connections that the threads share out evenly, as many requests at a \
                 time as the depth says; the threads wait for answers and check each of them. null-server is the floor \
                 of servers: it answers as soon as it has read, and stores nothing. Times have the load side in them, \
                 which runs on the same machine unless a server is elsewhere.";
    let mut blocks = vec![Block::text(about)];
    let servers = &summary.manifest.servers;
    if !servers.is_empty() {
        blocks.extend(Block::table_or_more("", "Servers", facts(servers)));
    }
    let load = load(summary, records);
    if !load.rows.is_empty() {
        blocks.extend(Block::table_or_more("", "The load side's processor", load));
    }
    blocks
}

fn facts(servers: &[ServerEntry]) -> Table {
    let columns = vec![
        Column::target("server"),
        Column::words("version"),
        Column::words("command"),
        Column::text("pinned to"),
    ];
    let rows = servers.iter().map(|server| {
        let ServerEntry {
            target,
            version,
            command,
            cpus,
        } = server.clone();
        vec![target, version, command, cpus]
    });
    Table::of_texts(columns, rows)
}

/// The part of their time that the load side's threads ran, of each server.
fn load(summary: &Summary, records: &Records) -> Table {
    let mut rows = Vec::new();
    for panel in &summary.panels {
        for cell in panel.cells.iter().filter(|cell| cell.entry.server) {
            let trials = records
                .trials
                .iter()
                .filter(|row| row.panel == panel.entry.panel && row.cell_id == cell.entry.cell_id);
            let spent = trials.filter_map(|row| Some((row.cpu_ns?, row.elapsed_ns?)));
            let (cpu_ns, elapsed_ns) =
                spent.fold((0, 0), |(cpu, all), (own, of)| (cpu + own, all + of));
            if elapsed_ns == 0 {
                continue;
            }
            let percent = 100.0 * cpu_ns as f64 / elapsed_ns as f64;
            rows.push(Row::new(vec![
                Cell::text(target(cell)),
                Cell::text(place_of(panel)),
                Cell::figure(Some((format!("{percent:.0}"), percent))),
            ]));
        }
    }
    Table {
        columns: vec![
            Column::target("server"),
            Column::words("where"),
            Column::number("load side's CPU", "% of a thread"),
        ],
        rows,
        ..Table::default()
    }
}
