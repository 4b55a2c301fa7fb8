//! What was checked of a run's targets: the badge, the note of a run that was not, and the table.

use super::model::{Badge, Block};
use crate::record::{Ending, VerifiedEntry};
use crate::report::format::counted;
use crate::report::summary::Summary;
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::verified::{Verified, of_servers};

/// What is checked in every run, whether anything was before.
const WHILE_TIMED: &str = "While the clock ran, each outcome was compared with what is known of the key, each value \
                           with its key and, from 16 bytes on, with the thread's own last write of it; entries were \
                           counted after each slice. Not seen: a lost write that another thread has overwritten, and \
                           an old value of another thread";

/// The badge; none where there is nothing to say. `whole`: every cell has figures.
pub(super) fn badge(summary: &Summary, whole: bool) -> Option<Badge> {
    let verified = Verified::of(&summary.manifest);
    let servers = of_servers(&summary.manifest);
    let hint = format!("{} {WHILE_TIMED}", meaning(summary));
    let (text, class) = match verified {
        Verified::Skipped => ("not verified (--no-verify)".to_owned(), "bad"),
        Verified::NotRecorded if whole => ("checked while timed".to_owned(), ""),
        Verified::Checked([]) if servers.is_some() => {
            ("servers: checked while timed alone".to_owned(), "")
        }
        Verified::NotRecorded | Verified::Checked([]) => return None,
        Verified::Checked(entries) => {
            let passed = entries.iter().filter(|entry| entry.passed()).count();
            let what = if servers.is_some() { "table" } else { "target" };
            let targets = counted(entries.len() as u64, what);
            if passed == entries.len() {
                (format!("verified: {targets}"), "good")
            } else {
                (format!("verified: {passed} of {targets}"), "bad")
            }
        }
    };
    Some(Badge { text, class, hint })
}

/// What a reader must know of a run that did not check.
pub(super) fn note(summary: &Summary) -> Option<String> {
    let verified = Verified::of(&summary.manifest);
    (verified == Verified::Skipped).then(|| {
        "Not verified: the run had --no-verify. A fast table that gives wrong answers would stand here with its \
         speed."
            .to_owned()
    })
}

/// What was checked before the first slice, as words and a row per target.
pub(super) fn blocks<'r>(summary: &Summary) -> Vec<Block<'r>> {
    let verified = Verified::of(&summary.manifest);
    let mut blocks = vec![Block::text(meaning(summary))];
    if let Verified::Checked(entries @ [_, ..]) = verified {
        blocks.extend(Block::table_or_more(
            "",
            "Checks before the first slice",
            table(entries),
        ));
    }
    blocks
}

/// What was checked before the run, of tables and of servers.
fn meaning(summary: &Summary) -> String {
    let verified = Verified::of(&summary.manifest);
    match (verified, of_servers(&summary.manifest)) {
        (Verified::Checked([]), Some(servers)) => format!("{servers}."),
        (_, Some(servers)) => format!("{} {servers}.", verified.meaning()),
        (_, None) => verified.meaning(),
    }
}

fn table(entries: &[VerifiedEntry]) -> Table {
    let mut stages: Vec<&str> = Vec::new();
    for stage in entries.iter().flat_map(|entry| &entry.stages) {
        if !stages.contains(&stage.stage.as_str()) {
            stages.push(&stage.stage);
        }
    }
    let mut columns = vec![Column::target("checked target"), Column::words("hash")];
    columns.extend(stages.iter().map(|stage| Column::text(stage)));
    columns.push(Column::number("operations", ""));
    columns.push(Column::number("growths", ""));
    columns.push(Column::number("histories", ""));
    columns.push(Column::text("checked"));
    let row = |entry: &VerifiedEntry| {
        let mut cells = vec![
            Cell::text(entry.target.as_str()),
            Cell::text(entry.hashes.join(", ")),
        ];
        for name in &stages {
            let stage = entry.stages.iter().find(|stage| stage.stage == *name);
            cells.push(stage.map_or_else(Cell::missing, |stage| ending(stage.ending)));
        }
        let sum = |of: fn(&crate::record::VerifiedStage) -> u64| entry.stages.iter().map(of).sum();
        cells.push(Cell::count(sum(|stage| stage.operations)));
        cells.push(Cell::count(sum(|stage| stage.growths)));
        cells.push(Cell::count(sum(|stage| stage.histories)));
        let when = ["in this run", "in an earlier run"][usize::from(entry.cached)];
        cells.push(Cell::text(when));
        Row::new(cells)
    };
    Table {
        columns,
        rows: entries.iter().map(row).collect(),
        ..Table::default()
    }
}

fn ending(ending: Ending) -> Cell {
    let (word, tone) = match ending {
        Ending::Passed => ("passed", Tone::Good),
        Ending::Failed => ("failed", Tone::Failed),
        Ending::Unclear => ("could not look", Tone::Bad),
        Ending::NotApplicable | Ending::Unfinished => ("–", Tone::Plain),
    };
    Cell::text(word).tone(tone)
}
