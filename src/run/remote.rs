//! Servers on other machines, which need `--remote`.

use super::plan::Plan;
use crate::base::BadInput;

impl Plan<'_> {
    /// Checks that no server is on another machine: a name that was mistyped would put load on the server of others.
    ///
    /// # Errors
    /// The first server that is, and the flag that allows it.
    pub fn check_remote(&self) -> Result<(), BadInput> {
        let mut cells = self.panels.iter().flat_map(|panel| &panel.cells);
        let remote = cells.find_map(|cell| {
            let host = cell.target.server()?.remote()?;
            Some((cell.target.short(), host))
        });
        let Some((target, host)) = remote else {
            return Ok(());
        };
        Err(BadInput(format!(
            "target '{target}': {host} is not this machine; give --remote to put load on it all the same"
        )))
    }
}
