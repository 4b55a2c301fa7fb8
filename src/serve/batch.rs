//! A table behind plain function calls, so that one event loop serves every strategy.

use crate::base::{Key, Usage, Worker};
use crate::table::{Clock, Cursor, Edit, Evicted, Keep, Outcome, Session, Stored, Strategy};

/// What an edit of [`Batch::update`] is.
pub(super) type Editing<'e> = &'e mut dyn FnMut(Option<&[u8]>, &mut Vec<u8>) -> Edit;

/// What looks at the entries of a walk: key, value, and whether it was used.
pub(super) type Seeing<'s> = &'s mut dyn FnMut(&[u8], &[u8], bool) -> Keep;

/// What says of a key and a value whether they count for nothing.
pub(super) type Judging<'j> = &'j mut dyn FnMut(&[u8], &[u8]) -> bool;

/// A [`Session`] without its generics: one indirect call for each operation, or for many keys.
pub(super) trait Batch {
    fn get_many(&mut self, keys: &[Key<'_>], each: &mut dyn FnMut(usize, Option<&[u8]>));
    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored;
    fn update(&mut self, key: Key<'_>, edit: Editing<'_>) -> Outcome;
    fn walk(&mut self, from: Cursor, buckets: usize, see: Seeing<'_>) -> Cursor;
    /// [`Clock::make_room`]
    fn make_room(&mut self, limit: u64, most_spared: u64, dead: Judging<'_>) -> Evicted;
    fn quiesce(&mut self);
}

/// A table with the hand of its clock.
pub(super) struct Opened<S> {
    table: S,
    clock: Clock,
}

impl<S: Strategy> Opened<S> {
    pub(super) fn new(table: S) -> Opened<S> {
        Opened {
            table,
            clock: Clock::new(),
        }
    }
}

/// A session with the table that it belongs to.
struct Bound<'t, S: Strategy> {
    opened: &'t Opened<S>,
    session: S::Session<'t>,
}

impl<S: Strategy> Batch for Bound<'_, S> {
    fn get_many(&mut self, keys: &[Key<'_>], each: &mut dyn FnMut(usize, Option<&[u8]>)) {
        if let [key] = keys {
            if self
                .session
                .get(*key, |value| each(0, Some(value)))
                .is_none()
            {
                each(0, None);
            }
        } else {
            self.session.get_many(keys, each);
        }
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.session.set(key, value)
    }

    fn update(&mut self, key: Key<'_>, edit: Editing<'_>) -> Outcome {
        self.session
            .update(key, |value, buffer| (edit(value, buffer), ()))
            .0
    }

    fn walk(&mut self, from: Cursor, buckets: usize, see: Seeing<'_>) -> Cursor {
        self.session.walk(from, buckets, see)
    }

    fn make_room(&mut self, limit: u64, most_spared: u64, dead: Judging<'_>) -> Evicted {
        let Opened { table, clock } = self.opened;
        clock.make_room(table, &mut self.session, limit, most_spared, dead)
    }

    fn quiesce(&mut self) {
        self.session.quiesce();
    }
}

/// A table that threads of the server take sessions of.
pub(super) trait Table: Sync {
    /// Whether its sessions can walk.
    fn walks(&self) -> bool;
    /// [`Strategy::BUCKET_BYTES`]
    fn bucket_bytes(&self) -> usize;
    fn usage(&self) -> Usage;
    /// Makes a session and hands it to `work`, on the calling thread.
    fn with_session(&self, who: Worker, work: &mut dyn FnMut(&mut dyn Batch));
}

impl<S: Strategy> Table for Opened<S> {
    fn walks(&self) -> bool {
        S::WALK
    }

    fn bucket_bytes(&self) -> usize {
        S::BUCKET_BYTES
    }

    fn usage(&self) -> Usage {
        self.table.usage()
    }

    fn with_session(&self, who: Worker, work: &mut dyn FnMut(&mut dyn Batch)) {
        let mut bound = Bound {
            opened: self,
            session: self.table.session(who),
        };
        work(&mut bound);
    }
}
