//! A table without its generics, for all that is not timed: fills, checks and the server.
//!
//! What is generic over a strategy is compiled again for each of them, so only timed loops are. All
//! else holds an [`ErasedTable`] and works through its [`ErasedSession`]s: one indirect call for an
//! operation, or for many keys. An [`AnySession`] is such a session as a [`Session`], for code that
//! hands closures over.

use std::fmt;

use super::{Clock, Cursor, Edit, Env, Evicted, Keep, Keeper, Outcome, Session, Stored, Strategy};
use crate::base::{Census, Key, Param, Params, SpecError, Usage, Worker};

/// What an edit of [`ErasedSession::update`] is: what becomes of the value, and a tag that comes back.
pub type Editing<'e> = &'e mut dyn FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, usize);

/// What looks at the entries of a walk: key, value, and whether it was used.
pub type Seeing<'s> = &'s mut dyn FnMut(&[u8], &[u8], bool) -> Keep;

/// What says of a key and a value whether they count for nothing.
pub type Judging<'j> = &'j mut dyn FnMut(&[u8], &[u8]) -> bool;

/// How tables of one strategy are opened, without its type.
#[derive(Clone, Copy)]
pub struct Kind {
    /// [`Strategy::NAME`]
    pub name: &'static str,
    /// [`Strategy::PARAMS`]
    pub params: &'static [Param],
    /// [`Strategy::WALK`]
    pub walk: bool,
    /// [`Strategy::open`]
    pub open: fn(&Params, &Env) -> Result<Box<dyn ErasedTable>, SpecError>,
}

impl Kind {
    /// The kind of a strategy.
    #[must_use]
    pub const fn of<S: Strategy>() -> Kind {
        Kind {
            name: S::NAME,
            params: S::PARAMS,
            walk: S::WALK,
            open: |params, env| Ok(Box::new(Opened::new(S::open(params, env)?))),
        }
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kind").field(&self.name).finish()
    }
}

/// A [`Strategy`] that has been opened, with the hand of its [`Clock`].
pub trait ErasedTable: Send + Sync {
    /// [`Strategy::WALK`]
    fn walks(&self) -> bool;
    /// [`Strategy::BUCKET_BYTES`]
    fn bucket_bytes(&self) -> usize;
    /// [`Strategy::usage`]
    fn usage(&self) -> Usage;
    /// [`Strategy::settled`]
    fn settled(&self) -> bool;
    /// [`Strategy::census`]
    fn census(&mut self) -> Census;
    /// What makes room in it.
    fn clock(&self) -> &Clock;
    /// [`Strategy::session`]
    fn session(&self, who: Worker) -> AnySession<'_>;
}

/// A [`Session`] with its table.
pub trait ErasedSession {
    /// [`Session::get`]; whether there is an entry.
    fn get(&mut self, key: Key<'_>, read: &mut dyn FnMut(&[u8])) -> bool;
    /// [`Session::set`]
    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored;
    /// [`Session::insert_new`]
    fn insert_new(&mut self, key: Key<'_>, value: &[u8]);
    /// [`Session::remove`]
    fn remove(&mut self, key: Key<'_>) -> bool;
    /// [`Session::update`]; the tag is that of the edit that was made.
    fn update(&mut self, key: Key<'_>, edit: Editing<'_>) -> (Outcome, usize);
    /// [`Session::get_many`]
    fn get_many(&mut self, keys: &[Key<'_>], each: &mut dyn FnMut(usize, Option<&[u8]>));
    /// [`Session::prefetch`]
    fn prefetch(&self, key: Key<'_>);
    /// [`Session::set_many`]
    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], each: &mut dyn FnMut(usize, Stored));
    /// [`Session::walk`]
    fn walk(&mut self, from: Cursor, buckets: usize, see: Seeing<'_>) -> Cursor;
    /// [`Session::quiesce`]
    fn quiesce(&mut self);
    /// [`Clock::make_room`]
    fn make_room(&mut self, limit: u64, most_spared: u64, dead: Judging<'_>) -> Evicted;
    /// [`Keeper::wrote`], in a table in which nothing expires.
    fn wrote(&mut self, keeper: &mut Keeper<'_>, bytes: usize) -> Evicted;
}

/// A table with the hand of its clock.
#[derive(Debug)]
pub struct Opened<S> {
    /// The table.
    pub table: S,
    /// Makes room in it.
    pub clock: Clock,
}

impl<S: Strategy> Opened<S> {
    /// With a clock at its start.
    pub fn new(table: S) -> Opened<S> {
        Opened {
            table,
            clock: Clock::new(),
        }
    }
}

impl<S: Strategy> ErasedTable for Opened<S> {
    fn walks(&self) -> bool {
        S::WALK
    }

    fn bucket_bytes(&self) -> usize {
        S::BUCKET_BYTES
    }

    fn usage(&self) -> Usage {
        self.table.usage()
    }

    fn settled(&self) -> bool {
        self.table.settled()
    }

    fn census(&mut self) -> Census {
        self.table.census()
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn session(&self, who: Worker) -> AnySession<'_> {
        AnySession(Box::new(Bound {
            opened: self,
            session: self.table.session(who),
        }))
    }
}

/// A session with the table that it belongs to.
struct Bound<'t, S: Strategy> {
    opened: &'t Opened<S>,
    session: S::Session<'t>,
}

impl<S: Strategy> ErasedSession for Bound<'_, S> {
    fn get(&mut self, key: Key<'_>, read: &mut dyn FnMut(&[u8])) -> bool {
        self.session.get(key, read).is_some()
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.session.set(key, value)
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        self.session.insert_new(key, value);
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.session.remove(key)
    }

    fn update(&mut self, key: Key<'_>, edit: Editing<'_>) -> (Outcome, usize) {
        self.session.update(key, edit)
    }

    fn get_many(&mut self, keys: &[Key<'_>], each: &mut dyn FnMut(usize, Option<&[u8]>)) {
        self.session.get_many(keys, each);
    }

    fn prefetch(&self, key: Key<'_>) {
        self.session.prefetch(key);
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], each: &mut dyn FnMut(usize, Stored)) {
        self.session.set_many(entries, each);
    }

    fn walk(&mut self, from: Cursor, buckets: usize, see: Seeing<'_>) -> Cursor {
        self.session.walk(from, buckets, see)
    }

    fn quiesce(&mut self) {
        self.session.quiesce();
    }

    fn make_room(&mut self, limit: u64, most_spared: u64, dead: Judging<'_>) -> Evicted {
        let Opened { table, clock } = self.opened;
        clock.make_room(table, &mut self.session, limit, most_spared, dead)
    }

    fn wrote(&mut self, keeper: &mut Keeper<'_>, bytes: usize) -> Evicted {
        let table = &self.opened.table;
        keeper.wrote(bytes, table, &mut self.session, |_, _| false)
    }
}

/// A session of any strategy.
pub struct AnySession<'t>(Box<dyn ErasedSession + 't>);

impl<'t> AnySession<'t> {
    /// The session to which closures are handed as they are.
    pub fn erased(&mut self) -> &mut (dyn ErasedSession + 't) {
        self.0.as_mut()
    }
}

impl fmt::Debug for AnySession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySession")
    }
}

impl Session for AnySession<'_> {
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let (mut read, mut result) = (Some(read), None);
        let found = self.0.get(key, &mut |value| {
            let read = read.take().expect("a table reads a value once");
            result = Some(read(value));
        });
        result.filter(|_| found)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.0.set(key, value)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.0.remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        // One for each call of the edit: which of them counts is the table's to say.
        let mut results = Vec::new();
        let (outcome, made) = self.0.update(key, &mut |old, new| {
            let (edit, result) = edit(old, new);
            results.push(result);
            (edit, results.len() - 1)
        });
        (outcome, results.swap_remove(made))
    }

    fn get_many(&mut self, keys: &[Key<'_>], mut each: impl FnMut(usize, Option<&[u8]>)) {
        self.0.get_many(keys, &mut each);
    }

    fn prefetch(&self, key: Key<'_>) {
        self.0.prefetch(key);
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], mut each: impl FnMut(usize, Stored)) {
        self.0.set_many(entries, &mut each);
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        self.0.insert_new(key, value);
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        self.0.walk(from, buckets, &mut see)
    }

    fn quiesce(&mut self) {
        self.0.quiesce();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Null, Striped};
    use super::*;
    use crate::table::testing::{env, key};

    fn opened<S: Strategy>(spec: &str) -> Box<dyn ErasedTable> {
        let params = Params::resolve(S::PARAMS, &spec.parse().unwrap()).unwrap();
        let kind = Kind::of::<S>();
        assert_eq!((kind.name, kind.walk), (S::NAME, S::WALK));
        (kind.open)(&params, &env("sip13")).unwrap()
    }

    #[test]
    fn an_erased_session_does_what_its_table_does() {
        let mut table = opened::<Striped>("striped:buckets=4");
        assert!(table.walks() && !opened::<Null>("null").walks() && table.settled());
        let mut session = table.session(Worker::ALONE);
        session.insert_new(key("a"), b"one");
        assert_eq!(session.set(key("a"), b"two"), Stored::Replaced);
        assert_eq!(session.get(key("a"), <[u8]>::to_vec), Some(b"two".to_vec()));
        assert_eq!(session.get(key("b"), <[u8]>::to_vec), None);
        let updated = session.update(key("b"), |old, new| {
            new.extend_from_slice(b"three");
            (Edit::Store, old.is_none())
        });
        assert_eq!(updated, (Outcome::Created, true));
        let mut seen = [None; 3];
        session.get_many(&[key("a"), key("b"), key("c")], |index, value| {
            seen[index] = value.map(<[u8]>::len);
        });
        assert_eq!(seen, [Some(3), Some(5), None]);
        session.prefetch(key("c"));
        let mut stored = [None; 2];
        session.set_many(&[(key("a"), b"four"), (key("c"), b"")], |index, did| {
            stored[index] = Some(did);
        });
        assert_eq!(stored, [Some(Stored::Replaced), Some(Stored::Created)]);
        assert_eq!(session.get(key("a"), <[u8]>::len), Some(4));
        assert!(session.remove(key("c")));
        let mut walked = 0;
        let at = session.walk(0, usize::MAX, |_, _, _| {
            walked += 1;
            Keep::Keep
        });
        assert_eq!((at, walked), (0, 2));
        assert!(session.remove(key("a")) && !session.remove(key("a")));
        session.quiesce();
        let evicted = session.erased().make_room(0, u64::MAX, &mut |_, _| false);
        assert_eq!(evicted.entries, 1);
        drop(session);
        assert_eq!((table.usage().items, table.census().items), (0, 0));
    }

    /// Calls an edit twice, and goes by the first call.
    struct FirstOfTwo;

    impl ErasedSession for FirstOfTwo {
        fn get(&mut self, _: Key<'_>, _: &mut dyn FnMut(&[u8])) -> bool {
            false
        }

        fn set(&mut self, _: Key<'_>, _: &[u8]) -> Stored {
            Stored::Refused
        }

        fn insert_new(&mut self, _: Key<'_>, _: &[u8]) {}

        fn remove(&mut self, _: Key<'_>) -> bool {
            false
        }

        fn update(&mut self, _: Key<'_>, edit: Editing<'_>) -> (Outcome, usize) {
            let (_, first) = edit(None, &mut Vec::new());
            edit(None, &mut Vec::new());
            (Outcome::Kept, first)
        }

        fn get_many(&mut self, _: &[Key<'_>], _: &mut dyn FnMut(usize, Option<&[u8]>)) {}

        fn prefetch(&self, _: Key<'_>) {}

        fn set_many(&mut self, _: &[(Key<'_>, &[u8])], _: &mut dyn FnMut(usize, Stored)) {}

        fn walk(&mut self, _: Cursor, _: usize, _: Seeing<'_>) -> Cursor {
            0
        }

        fn quiesce(&mut self) {}

        fn make_room(&mut self, _: u64, _: u64, _: Judging<'_>) -> Evicted {
            Evicted::default()
        }

        fn wrote(&mut self, _: &mut Keeper<'_>, _: usize) -> Evicted {
            Evicted::default()
        }
    }

    #[test]
    fn an_update_returns_the_result_of_the_edit_that_was_made() {
        let mut calls = 0;
        let mut session = AnySession(Box::new(FirstOfTwo));
        let result = session.update(key("a"), |_, _| {
            calls += 1;
            (Edit::Keep, calls)
        });
        assert_eq!((result, calls), ((Outcome::Kept, 1), 2));
    }
}
