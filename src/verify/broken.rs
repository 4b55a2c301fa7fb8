//! Strategies with deliberate errors, to show that the checks find them.

use std::thread::sleep;
use std::time::Duration;

use crate::base::{Census, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::{Cursor, Edit, Env, Guarantees, Keep, Outcome, Session, Stored, Strategy};

/// Every 1000th set does nothing.
pub(super) const LOSES_SETS: u8 = 0;
/// The first get after a replacement finds the old value.
pub(super) const STALE: u8 = 1;
/// A set of unchanged length writes in two steps, not one.
pub(super) const TEARS: u8 = 2;
/// The census counts one entry too many.
pub(super) const MISCOUNTS: u8 = 3;
/// An update reads, lets others run, and writes.
pub(super) const LOSES_UPDATES: u8 = 4;
/// Every 700th set panics.
pub(super) const PANICS: u8 = 5;
/// Every 500th set is refused.
pub(super) const REFUSES: u8 = 6;
/// Large batches leave out their last key.
pub(super) const SKIPS: u8 = 7;
/// The buffer of an update is not cleared.
pub(super) const DIRTY: u8 = 8;
/// Usage forgets eight bytes.
pub(super) const MISWEIGHS: u8 = 9;
/// Every removal claims that there was something to remove.
pub(super) const BOASTS: u8 = 10;
/// A session cannot be opened.
pub(super) const CLOSED: u8 = 11;
/// Nothing is wrong, but a census of more than 1024 buckets panics: shows that a check grows tables.
pub(super) const STAYS_SMALL: u8 = 12;
/// Nothing is wrong.
pub(super) const NOTHING: u8 = 13;

/// A batch of sets says that it has set its last entry, and has not.
pub(super) const LOSES_LAST: u8 = 14;
/// Large batches of sets leave out their last entry.
pub(super) const SKIPS_SETS: u8 = 15;
/// A batch of sets begins with its last entry: of two with one key the earlier one stays.
pub(super) const REVERSES_SETS: u8 = 16;

/// A walk leaves out an entry now and then. From here on faults are of walks.
pub(super) const WALKS_PAST: u8 = 17;
/// A walk shows nothing as used.
pub(super) const FORGETS_USES: u8 = 18;
/// A walk does not clear marks.
pub(super) const NEVER_UNMARKS: u8 = 19;
/// A walk does not remove.
pub(super) const NEVER_REMOVES: u8 = 20;
/// A walk passes over a bucket where something was set since the last call.
pub(super) const LOSES_ITS_PLACE: u8 = 21;

/// How long a fault that needs another thread waits for one: long enough for others to be scheduled
/// where there are fewer cores than threads.
const WINDOW: Duration = Duration::from_micros(20);

/// `S` with a fault.
pub(super) struct Broken<S, const FAULT: u8> {
    inner: S,
}

pub(super) struct BrokenSession<T, const FAULT: u8> {
    inner: T,
    sets: u64,
    /// How many there had been at the last call of a walk.
    sets_at_walk: u64,
    /// The key last replaced, with its old value.
    stale: Option<(Vec<u8>, Vec<u8>)>,
}

impl<S: Strategy, const FAULT: u8> Strategy for Broken<S, FAULT> {
    const NAME: &'static str = S::NAME;
    const ABOUT: &'static str = "wrong on purpose";
    const SOURCE: &'static str = S::SOURCE;
    const PARAMS: &'static [Param] = S::PARAMS;
    const GUARANTEES: Guarantees = S::GUARANTEES;
    const WALK: bool = S::WALK && FAULT >= WALKS_PAST;
    type Session<'t> = BrokenSession<S::Session<'t>, FAULT>;

    fn open(params: &Params, env: &Env) -> Result<Self, SpecError> {
        let inner = S::open(params, env)?;
        Ok(Broken { inner })
    }

    fn session(&self, who: Worker) -> Self::Session<'_> {
        assert_ne!(FAULT, CLOSED, "no session for anybody");
        BrokenSession {
            inner: self.inner.session(who),
            sets: 0,
            sets_at_walk: 0,
            stale: None,
        }
    }

    fn usage(&self) -> Usage {
        let mut usage = self.inner.usage();
        if FAULT == MISWEIGHS {
            usage.bytes -= 8;
        }
        usage
    }

    fn census(&mut self) -> Census {
        let mut census = self.inner.census();
        if FAULT == MISCOUNTS {
            census.items += 1;
        }
        if FAULT == STAYS_SMALL {
            assert!(census.buckets <= 1024, "the table has grown");
        }
        census
    }
}

impl<T: Session, const FAULT: u8> BrokenSession<T, FAULT> {
    /// Says what a set would have done.
    fn lose(&mut self, key: Key<'_>) -> Stored {
        match self.inner.get(key, |_| ()) {
            Some(()) => Stored::Replaced,
            None => Stored::Created,
        }
    }
}

impl<T: Session, const FAULT: u8> Session for BrokenSession<T, FAULT> {
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        if let Some((_, old)) = self.stale.take_if(|(stale, _)| stale == key.bytes) {
            return Some(read(&old));
        }
        self.inner.get(key, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.sets += 1;
        match FAULT {
            LOSES_SETS if self.sets.is_multiple_of(1000) => {
                return self.lose(key);
            }
            STALE => {
                let old = self.inner.get(key, <[u8]>::to_vec);
                self.stale = old.map(|old| (key.bytes.to_vec(), old));
            }
            TEARS => {
                let half = &value[..value.len() / 2];
                self.inner.update(key, |old, buffer| {
                    buffer.extend_from_slice(half);
                    let fits = old.is_some_and(|old| old.len() == value.len());
                    ([Edit::Keep, Edit::Patch { at: 0 }][usize::from(fits)], ())
                });
                sleep(WINDOW);
            }
            PANICS => assert!(!self.sets.is_multiple_of(700), "the table is on fire"),
            REFUSES if self.sets.is_multiple_of(500) => return Stored::Refused,
            _ => {}
        }
        self.inner.set(key, value)
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.inner.remove(key) || FAULT == BOASTS
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        mut edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        if FAULT != LOSES_UPDATES {
            return self.inner.update(key, |value, buffer| {
                if FAULT == DIRTY {
                    buffer.push(0);
                }
                edit(value, buffer)
            });
        }
        let old = self.inner.get(key, <[u8]>::to_vec);
        let mut new = Vec::new();
        let (edit, result) = edit(old.as_deref(), &mut new);
        sleep(WINDOW);
        if let Edit::Patch { at } = edit {
            let mut patched = old.clone().unwrap();
            patched[at..at + new.len()].copy_from_slice(&new);
            new = patched;
        }
        let outcome = match (edit, old.is_some()) {
            (Edit::Keep, _) | (Edit::Remove, false) => Outcome::Kept,
            (Edit::Remove, true) => {
                self.inner.remove(key);
                Outcome::Removed
            }
            (_, present) => {
                self.inner.set(key, &new);
                [Outcome::Created, Outcome::Replaced][usize::from(present)]
            }
        };
        (outcome, result)
    }

    fn get_many(&mut self, keys: &[Key<'_>], each: impl FnMut(usize, Option<&[u8]>)) {
        let skipped = usize::from(FAULT == SKIPS && keys.len() > 30);
        self.inner.get_many(&keys[..keys.len() - skipped], each);
    }

    fn prefetch(&self, key: Key<'_>) {
        self.inner.prefetch(key);
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], mut each: impl FnMut(usize, Stored)) {
        match (FAULT, entries.split_last()) {
            (LOSES_LAST, Some(((key, _), before))) => {
                self.inner.set_many(before, &mut each);
                each(before.len(), self.lose(*key));
            }
            (SKIPS_SETS, Some((_, before))) if before.len() >= 30 => {
                self.inner.set_many(before, each);
            }
            (REVERSES_SETS, _) => {
                for (index, (key, value)) in entries.iter().enumerate().rev() {
                    each(index, self.inner.set(*key, value));
                }
            }
            _ => self.inner.set_many(entries, each),
        }
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        self.inner.insert_new(key, value);
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        let to = self.inner.walk(from, buckets, |key, value, used| {
            if FAULT == WALKS_PAST && key.len() % 5 == 4 {
                return Keep::Keep;
            }
            match see(key, value, used && FAULT != FORGETS_USES) {
                Keep::Unmark if FAULT == NEVER_UNMARKS => Keep::Keep,
                Keep::Remove if FAULT == NEVER_REMOVES => Keep::Keep,
                keep => keep,
            }
        });
        let wrote = std::mem::replace(&mut self.sets_at_walk, self.sets) != self.sets;
        if FAULT == LOSES_ITS_PLACE && wrote && from != 0 && to != 0 {
            return self.inner.walk(to, buckets, |_, _, _| Keep::Keep);
        }
        to
    }
}
