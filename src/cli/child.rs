//! The hidden verb: one table served to a parent process over the pipe.

use std::process::ExitCode;

use anyhow::bail;

use super::house::House;
use super::signals::left_to_parent;
use crate::bench::{Pipe, Reply, Request, StdPipe};
use crate::catalog;
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
            let row = catalog::find(house.rows, &open.strategy)?;
            workload::handed(&open.workload, &open.searched);
            (row.child)(&open, pipe)
        }
        Some(other) => bail!("the first request must open a table: {other:?}"),
    }
}
