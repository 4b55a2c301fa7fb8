//! Keeping a table to a budget from inside the timed loop, or not.
//!
//! The loop is compiled once for tables without a limit, where nothing of this is left, and once for
//! bounded ones.

use crate::table::{Clock, Evicted, Keeper, Session, Strategy};

/// What the loop does after a write.
pub(super) trait Room<S: Session> {
    /// Whether an entry may go without having been removed: then a read that should find one need not.
    const EVICTS: bool;

    /// Whether an entry with so many bytes of key and value is stored; one larger than the whole budget
    /// is passed over.
    fn takes(&self, bytes: usize) -> bool;

    /// After a write of so many bytes of key and value; the entries that went.
    fn wrote(&mut self, bytes: usize, session: &mut S) -> u64;
}

/// A table without a limit.
pub(super) struct Unbounded;

impl<S: Session> Room<S> for Unbounded {
    const EVICTS: bool = false;

    #[inline]
    fn takes(&self, _bytes: usize) -> bool {
        true
    }

    #[inline]
    fn wrote(&mut self, _bytes: usize, _session: &mut S) -> u64 {
        0
    }
}

/// One thread's part in keeping a table to its budget.
pub(super) struct Bounded<'t, T> {
    table: &'t T,
    keeper: Keeper<'t>,
}

impl<'t, T: Strategy> Bounded<'t, T> {
    /// For one of `workers` threads; `budget` in bytes.
    pub(super) fn new(table: &'t T, clock: &'t Clock, budget: u64, workers: u32) -> Bounded<'t, T> {
        Bounded {
            table,
            keeper: Keeper::new(clock, budget, workers),
        }
    }
}

impl<'t, T: Strategy> Room<T::Session<'t>> for Bounded<'t, T> {
    const EVICTS: bool = true;

    #[inline]
    fn takes(&self, bytes: usize) -> bool {
        self.keeper.fits(bytes)
    }

    #[inline]
    fn wrote(&mut self, bytes: usize, session: &mut T::Session<'t>) -> u64 {
        let Evicted { entries, .. } = self.keeper.wrote(bytes, self.table, session, |_, _| false);
        entries
    }
}
