//! Opening a table for a check.

use std::sync::Arc;

use super::failure::{Failure, Wrong};
use crate::base::{Journal, Params};
use crate::table::{Env, ErasedTable, Kind};

/// Opens a table for a check, with a journal that is not read.
pub(super) fn open(
    kind: &Kind,
    params: &Params,
    env: &Env,
) -> Result<Box<dyn ErasedTable>, Failure> {
    let env = Env {
        journal: Arc::new(Journal::new(0)),
        ..env.clone()
    };
    (kind.open)(params, &env).map_err(|error| Wrong::new("a table", &error.0).during("opening"))
}
