//! Opening a table for a check.

use std::sync::Arc;

use super::failure::{Failure, Wrong};
use crate::base::{EventKind, Journal, Params};
use crate::table::{Env, ErasedTable, Kind};

/// Events that a journal keeps: more than any check makes a table note.
const EVENTS: usize = 1 << 12;

/// Opens a table for a check, with a journal that is not read.
pub(super) fn open(
    kind: &Kind,
    params: &Params,
    env: &Env,
) -> Result<Box<dyn ErasedTable>, Failure> {
    with_journal(kind, params, env, Journal::new(0)).map(|(table, _)| table)
}

/// Opens a table for a check, with a journal of its own.
pub(super) fn open_noting(
    kind: &Kind,
    params: &Params,
    env: &Env,
) -> Result<(Box<dyn ErasedTable>, Arc<Journal>), Failure> {
    with_journal(kind, params, env, Journal::new(EVENTS))
}

fn with_journal(
    kind: &Kind,
    params: &Params,
    env: &Env,
    journal: Journal,
) -> Result<(Box<dyn ErasedTable>, Arc<Journal>), Failure> {
    let journal = Arc::new(journal);
    let env = Env {
        journal: Arc::clone(&journal),
        ..env.clone()
    };
    let table = (kind.open)(params, &env);
    let table = table.map_err(|error| Wrong::new("a table", &error.0).during("opening"))?;
    Ok((table, journal))
}

/// How many growths began, by a journal.
pub(super) fn growths(journal: &Journal) -> u64 {
    let (events, _) = journal.drain();
    let begun = events.iter().filter(|event| event.kind == EventKind::Begin);
    begun.count() as u64
}
