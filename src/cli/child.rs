//! The hidden verb: one table, or the load on a server, for a parent process over the pipe.

use std::process::ExitCode;

use anyhow::{Context, bail};

use super::house::House;
use super::signals::left_to_parent;
use crate::base::Params;
use crate::bench::{Pipe, Reply, Request, StdPipe};
use crate::catalog;
use crate::drive;
use crate::machine;
use crate::workload;

pub(super) fn child(house: House<'_>) -> ExitCode {
    // Nobody reads the answers of an orphan: it ends with its parent, even in the middle of a slice.
    machine::die_with_parent();
    left_to_parent();
    // A table that eats memory fails by itself before the kernel picks a victim.
    machine::limit_memory();
    let mut pipe = StdPipe;
    let served = serve(house, &mut pipe);
    if let Err(error) = served {
        // The parent may be gone; then no process reads this.
        let _ = pipe.reply(&Reply::Failed(format!("{error:#}")));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn serve(house: House<'_>, pipe: &mut dyn Pipe) -> anyhow::Result<()> {
    match pipe.next()? {
        None => Ok(()),
        Some(Request::Open(open)) => {
            workload::handed(&open.workload, &open.searched);
            let strategy = || {
                let row = catalog::find(house.rows, &open.strategy)?;
                anyhow::Ok((
                    row,
                    Params::of_values(&open.strategy, row.params, &open.values)?,
                ))
            };
            if open.server.is_none() {
                let (row, _) = strategy()?;
                return (row.child)(&open, pipe);
            }
            let served = match open.strategy.as_str() {
                "" => None,
                _ => Some(strategy()?),
            };
            let served = served.as_ref().map(|(row, params)| (&row.kind, params));
            let executable =
                std::env::current_exe().context("the program does not know its own file")?;
            drive::child(&open, served, &executable, pipe)
        }
        Some(other) => bail!("the first request must open a table: {other:?}"),
    }
}
