//! What one thread serves with.

use super::counts::Counts;
use super::credit::Credit;
use super::items::Items;
use super::lookups::{Lookup, TOGETHER};
use super::shared::Shared;
use crate::table::ErasedSession;

/// One thread's hands: its session and what it counts.
pub(super) struct Server<'a, 't> {
    pub(super) session: &'a mut dyn ErasedSession,
    pub(super) shared: &'a Shared<'t>,
    pub(super) counts: &'a Counts,
    pub(super) credit: Credit,
    /// Reads that are to be answered together.
    pub(super) lookups: Vec<Lookup>,
}

impl<'a, 't> Server<'a, 't> {
    pub(super) fn new(
        session: &'a mut dyn ErasedSession,
        shared: &'a Shared<'t>,
        counts: &'a Counts,
    ) -> Server<'a, 't> {
        Server {
            session,
            shared,
            counts,
            credit: Credit::default(),
            lookups: Vec::with_capacity(TOGETHER),
        }
    }

    pub(super) fn items(&mut self, now: u32) -> Items<'_, 't> {
        Items {
            session: &mut *self.session,
            shared: self.shared,
            counts: self.counts,
            now,
            credit: &mut self.credit,
        }
    }
}
