//! A table behind plain function calls, so that one event loop serves every strategy.

use crate::base::{Key, Usage, Worker};
use crate::table::{Cursor, Edit, Keep, Outcome, Session, Stored, Strategy};

/// What an edit of [`Batch::update`] is.
pub(super) type Editing<'e> = &'e mut dyn FnMut(Option<&[u8]>, &mut Vec<u8>) -> Edit;

/// A [`Session`] without its generics: one indirect call for each operation, or for many keys.
pub(super) trait Batch {
    fn get_many(&mut self, keys: &[Key<'_>], each: &mut dyn FnMut(usize, Option<&[u8]>));
    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored;
    fn update(&mut self, key: Key<'_>, edit: Editing<'_>) -> Outcome;
    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        see: &mut dyn FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor;
    fn quiesce(&mut self);
}

impl<S: Session> Batch for S {
    fn get_many(&mut self, keys: &[Key<'_>], each: &mut dyn FnMut(usize, Option<&[u8]>)) {
        if let [key] = keys {
            if self.get(*key, |value| each(0, Some(value))).is_none() {
                each(0, None);
            }
        } else {
            Session::get_many(self, keys, each);
        }
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        Session::set(self, key, value)
    }

    fn update(&mut self, key: Key<'_>, edit: Editing<'_>) -> Outcome {
        Session::update(self, key, |value, buffer| (edit(value, buffer), ())).0
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        see: &mut dyn FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        Session::walk(self, from, buckets, see)
    }

    fn quiesce(&mut self) {
        Session::quiesce(self);
    }
}

/// A table that threads of the server take sessions of.
pub(super) trait Table: Sync {
    /// Whether its sessions can walk.
    fn walks(&self) -> bool;
    fn usage(&self) -> Usage;
    /// Makes a session and hands it to `work`, on the calling thread.
    fn with_session(&self, who: Worker, work: &mut dyn FnMut(&mut dyn Batch));
}

impl<S: Strategy> Table for S {
    fn walks(&self) -> bool {
        S::WALK
    }

    fn usage(&self) -> Usage {
        Strategy::usage(self)
    }

    fn with_session(&self, who: Worker, work: &mut dyn FnMut(&mut dyn Batch)) {
        let mut session = self.session(who);
        work(&mut session);
    }
}
