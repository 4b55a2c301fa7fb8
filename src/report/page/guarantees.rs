//! What the strategies of a run promise beside their speed.

use super::model::{Block, Section};
use crate::record::{GuaranteesEntry, Manifest};
use crate::report::format::many;
use crate::report::summary::Summary;
use crate::report::table::{Column, Table};

/// The matrix of a run with peers; none where there is no peer, or the run has not recorded it.
pub(super) fn section<'r>(summary: &Summary) -> Option<Section<'r>> {
    let manifest = &summary.manifest;
    let peers = manifest.cells.iter().any(|cell| cell.peer);
    if !peers || manifest.guarantees.is_empty() {
        return None;
    }
    let columns = vec![
        Column::target("strategy"),
        Column::words("linearizable"),
        Column::words("batch of one moment"),
        Column::words("a walk sees"),
        Column::words("held during read"),
        Column::words("waits while it grows"),
        Column::words("memory given back"),
        Column::words("resists floods"),
    ];
    let rows = manifest.guarantees.iter().map(|entry| row(entry, manifest));
    let about = "What a table promises beside its speed. Checks of bucketlab show each entry; a dagger (†) marks the \
                 author's word. The histories are those that were searched before this run.";
    let mut blocks = vec![Block::text(about)];
    blocks.extend(Block::table_or_more(
        "guarantees-table",
        "Guarantees",
        Table::of_texts(columns, rows),
    ));
    Some(Section::new("guarantees", "Guarantees", blocks))
}

fn row(entry: &GuaranteesEntry, manifest: &Manifest) -> Vec<String> {
    let linearizable = match histories(&entry.strategy, manifest) {
        0 => entry.linearizable.clone(),
        count => format!("{} ({})", entry.linearizable, many(count, "history")),
    };
    let GuaranteesEntry {
        strategy,
        batch,
        walk,
        read,
        growth,
        memory,
        floods,
        ..
    } = entry.clone();
    vec![
        strategy,
        linearizable,
        batch,
        walk,
        read,
        growth,
        memory,
        floods,
    ]
}

/// Histories that were searched of all targets of a strategy.
fn histories(strategy: &str, manifest: &Manifest) -> u64 {
    let of_strategy = |full: &str| {
        let mut cells = manifest.cells.iter();
        cells.any(|cell| cell.target_full == full && cell.strategy == strategy)
    };
    let entries = manifest
        .verification
        .iter()
        .flat_map(|known| &known.targets);
    let entries = entries.filter(|entry| of_strategy(&entry.target_full));
    let stages = entries.flat_map(|entry| &entry.stages);
    stages.map(|stage| stage.histories).sum()
}
