//! Tables that are wrong on purpose, each in one way that a stage of the checks is meant to notice.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use crate::base::{Census, EventKind, Journal, Key, Param, Params, SpecError, Usage, Worker};
use crate::table::{Cursor, Edit, Env, Guarantees, Keep, Outcome, Session, Stored, Strategy};

/// The first get of a key, after a growth, that finds the value before the last: for the linearizability stage.
pub(super) const STALE: u8 = 0;
/// A get misses a present key once while the table grows: for the linearizability stage.
pub(super) const MISSES: u8 = 1;
/// A set of unchanged length writes in two steps: for the ownership stage.
pub(super) const TEARS: u8 = 2;
/// A KiB is lost in every hundred operations: for the census stage.
pub(super) const LEAKS: u8 = 3;
/// The census counts one entry too many: for the census stage.
pub(super) const MISCOUNTS: u8 = 4;
/// A walk removes every hundredth entry that its caller keeps: for the walk stage.
pub(super) const EVICTS: u8 = 5;

const NAMES: [&str; 6] = [
    "stale-after-growth",
    "misses-while-growing",
    "tears",
    "leaks",
    "miscounts",
    "evicts",
];

const ABOUTS: [&str; 6] = [
    "fault: another table, that answers one stale value after a growth",
    "fault: another table, that misses a present key once while it grows",
    "fault: another table, that writes a value in two steps",
    "fault: another table, that leaks 1 KiB in a hundred operations",
    "fault: another table, that counts one entry too many",
    "fault: another table, whose walks evict entries that their caller keeps",
];

/// How long the two steps of a torn write are apart.
const APART: Duration = Duration::from_micros(20);

/// Operations between two leaks, bytes of one, and entries between two evictions.
const EVERY: u64 = 100;
const LEAKED: usize = 1 << 10;

/// Replaced values that are kept for one that is stale.
const KEPT: usize = 8;

/// Events of the inner table's journal that are kept until they are passed on.
const EVENTS: usize = 1 << 12;

/// `S` with a fault.
pub struct Canary<S, const FAULT: u8> {
    table: S,
    /// The inner table's journal, and the one that it should have written to.
    inner: Arc<Journal>,
    env: Env,
    count: AtomicU64,
    moment: Mutex<Moment>,
}

/// What a fault waits for.
#[derive(Default)]
struct Moment {
    /// Keys that were replaced last, with the values before.
    replaced: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// Whether the table has grown and nothing wrong was answered since.
    grown: bool,
}

/// A session of [`Canary`].
pub struct CanarySession<'t, S: Strategy, const FAULT: u8> {
    canary: &'t Canary<S, FAULT>,
    session: S::Session<'t>,
}

impl<S, const FAULT: u8> Canary<S, FAULT> {
    fn moment(&self) -> MutexGuard<'_, Moment> {
        self.moment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes events on, and notices a growth.
    fn look(&self) {
        let (events, _) = self.inner.drain();
        for event in events {
            self.env.journal.note(event);
            if event.kind == EventKind::Begin {
                self.moment().grown = true;
            }
        }
    }

    fn count(&self) -> bool {
        (self.count.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(EVERY)
    }

    fn leak(&self) {
        if FAULT == LEAKS && self.count() {
            std::mem::forget(vec![0_u8; LEAKED]);
        }
    }
}

impl<S: Strategy, const FAULT: u8> Strategy for Canary<S, FAULT> {
    const NAME: &'static str = NAMES[FAULT as usize];
    const ABOUT: &'static str = ABOUTS[FAULT as usize];
    const SOURCE: &'static str = "bucketlab";
    const PARAMS: &'static [Param] = S::PARAMS;
    // They are wrong on purpose.
    const SAMPLES: &'static [&'static str] = &[];
    const WALK: bool = S::WALK;
    const GUARANTEES: Guarantees = S::GUARANTEES;
    const UNCLAIMED: Option<&'static str> = S::UNCLAIMED;
    const BUCKET_BYTES: usize = S::BUCKET_BYTES;
    type Session<'t>
        = CanarySession<'t, S, FAULT>
    where
        Self: 't;

    fn check(params: &Params) -> Result<(), SpecError> {
        S::check(params)
    }

    fn open(params: &Params, env: &Env) -> Result<Self, SpecError> {
        let inner = Arc::new(Journal::new(EVENTS));
        let of_table = Env {
            journal: Arc::clone(&inner),
            ..env.clone()
        };
        Ok(Canary {
            table: S::open(params, &of_table)?,
            inner,
            env: env.clone(),
            count: AtomicU64::new(0),
            moment: Mutex::default(),
        })
    }

    fn session(&self, who: Worker) -> CanarySession<'_, S, FAULT> {
        CanarySession {
            canary: self,
            session: self.table.session(who),
        }
    }

    fn usage(&self) -> Usage {
        self.table.usage()
    }

    fn settled(&self) -> bool {
        self.table.settled()
    }

    fn census(&mut self) -> Census {
        let mut census = self.table.census();
        if FAULT == MISCOUNTS {
            census.items += 1;
        }
        census
    }
}

impl<S: Strategy, const FAULT: u8> CanarySession<'_, S, FAULT> {
    /// The value of a key before the last, once after each growth.
    fn stale(&self, key: Key<'_>) -> Option<Vec<u8>> {
        if FAULT != STALE {
            return None;
        }
        let mut moment = self.canary.moment();
        let grown = moment.grown;
        let replaced = moment.replaced.iter().rev();
        let old = replaced
            .filter(|(replaced, _)| grown && replaced == key.bytes)
            .map(|(_, old)| old.clone())
            .next()?;
        moment.grown = false;
        Some(old)
    }

    /// Whether this present key is missed.
    fn misses(&mut self, key: Key<'_>) -> bool {
        if FAULT != MISSES || !self.canary.moment().grown {
            return false;
        }
        let present = self.session.get(key, |_| ()).is_some();
        present && std::mem::take(&mut self.canary.moment().grown)
    }
}

impl<S: Strategy, const FAULT: u8> Session for CanarySession<'_, S, FAULT> {
    fn get<R>(&mut self, key: Key<'_>, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.canary.leak();
        if let Some(old) = self.stale(key) {
            return Some(read(&old));
        }
        if self.misses(key) {
            return None;
        }
        self.session.get(key, read)
    }

    fn set(&mut self, key: Key<'_>, value: &[u8]) -> Stored {
        self.canary.leak();
        if FAULT == TEARS {
            let half = &value[..value.len() / 2];
            self.session.update(key, |old, buffer| {
                buffer.extend_from_slice(half);
                let fits = old.is_some_and(|old| old.len() == value.len());
                ([Edit::Keep, Edit::Patch { at: 0 }][usize::from(fits)], ())
            });
            sleep(APART);
        }
        let old = (FAULT == STALE).then(|| self.session.get(key, <[u8]>::to_vec));
        let stored = self.session.set(key, value);
        if let Some(Some(old)) = old {
            let mut moment = self.canary.moment();
            moment
                .replaced
                .retain(|(replaced, _)| replaced != key.bytes);
            moment.replaced.push_back((key.bytes.to_vec(), old));
            if moment.replaced.len() > KEPT {
                moment.replaced.pop_front();
            }
        }
        self.canary.look();
        stored
    }

    fn remove(&mut self, key: Key<'_>) -> bool {
        self.session.remove(key)
    }

    fn update<R>(
        &mut self,
        key: Key<'_>,
        edit: impl FnMut(Option<&[u8]>, &mut Vec<u8>) -> (Edit, R),
    ) -> (Outcome, R) {
        let result = self.session.update(key, edit);
        self.canary.look();
        result
    }

    fn get_many(&mut self, keys: &[Key<'_>], each: impl FnMut(usize, Option<&[u8]>)) {
        self.session.get_many(keys, each);
    }

    fn prefetch(&self, key: Key<'_>) {
        self.session.prefetch(key);
    }

    fn set_many(&mut self, entries: &[(Key<'_>, &[u8])], each: impl FnMut(usize, Stored)) {
        self.session.set_many(entries, each);
        self.canary.look();
    }

    fn insert_new(&mut self, key: Key<'_>, value: &[u8]) {
        self.session.insert_new(key, value);
        self.canary.look();
    }

    fn walk(
        &mut self,
        from: Cursor,
        buckets: usize,
        mut see: impl FnMut(&[u8], &[u8], bool) -> Keep,
    ) -> Cursor {
        self.session.walk(from, buckets, |key, value, used| {
            let keep = see(key, value, used);
            if FAULT == EVICTS && keep == Keep::Keep && self.canary.count() {
                return Keep::Remove;
            }
            keep
        })
    }

    fn quiesce(&mut self) {
        self.session.quiesce();
    }
}
