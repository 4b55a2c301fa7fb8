//! What all threads of a server see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use mio::Waker;

use super::clock::Clock;
use super::counts::AllCounts;
use super::header::Header;
use super::options::Options;
use crate::base::{EventKind, Journal};
use crate::hash::Hasher;
use crate::table::ErasedTable;
use crate::wire::Limits;

/// What all threads of a server see.
pub(super) struct Shared<'t> {
    pub(super) table: &'t dyn ErasedTable,
    /// The strategy with its parameters, for `stats`.
    pub(super) spec: String,
    pub(super) options: &'t Options,
    pub(super) hasher: Hasher,
    pub(super) journal: Arc<Journal>,
    pub(super) clock: Clock,
    pub(super) counts: AllCounts,
    pub(super) limits: Limits,
    /// Set when the server is to end.
    pub(super) stop: AtomicBool,
    /// Bytes that items may take.
    pub(super) limit_bytes: AtomicU64,
    /// Whether a full server refuses, instead of evicting.
    pub(super) refuses: bool,
    /// Bytes of items that were removed or replaced since there was room below the limit.
    pub(super) freed: AtomicU64,
    /// Bytes of the table before anything was stored.
    pub(super) empty_bytes: u64,
    /// Addresses that are listened on.
    pub(super) listeners: OnceLock<Vec<String>>,
    pub(super) verbosity: AtomicU32,
    /// The last cas that was given out.
    cas: AtomicU64,
    flushed: Flushed,
    pub(super) connections: Connections,
    guests: Mutex<BTreeMap<u64, Arc<Guest>>>,
    resizes: Mutex<Resizes>,
    walked: Mutex<Walked>,
    /// Whether `lru_crawler` was not told to stop. It lists keys; what has expired goes in any case.
    pub(super) crawling: AtomicBool,
    /// Wakes every thread that waits for events.
    wakers: Mutex<Vec<Arc<Waker>>>,
}

/// A connection, for `stats conns`.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) peer: String,
    pub(super) listener: String,
    /// When it last sent anything.
    pub(super) last_command: AtomicU32,
}

/// What the table's journal has told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Resizes {
    ended: u64,
    /// Buckets that they have added, less those that they have taken away.
    added: i64,
}

/// What the last walk through the whole table found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walked {
    pub(super) buckets: u64,
    /// Entries of the fullest bucket.
    pub(super) longest_chain: u64,
}

/// What `flush_all` leaves behind: items from before it count as gone, wherever they still lie.
#[derive(Debug, Default)]
struct Flushed {
    /// Items with a smaller cas are gone.
    cas: AtomicU64,
    /// From this time on, items that are not younger than it are gone; 0 for none.
    time: AtomicU32,
    /// The latest of such times that has come.
    past: AtomicU32,
}

/// How many connections there are and were.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub(super) now: AtomicUsize,
    pub(super) total: AtomicU64,
    pub(super) rejected: AtomicU64,
}

/// Why an item counts as gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    Expired,
    Flushed,
}

impl<'t> Shared<'t> {
    pub(super) fn new(
        table: &'t dyn ErasedTable,
        spec: String,
        options: &'t Options,
        hasher: Hasher,
        journal: Arc<Journal>,
    ) -> Shared<'t> {
        Shared {
            table,
            spec,
            options,
            hasher,
            journal,
            clock: Clock::start(),
            // One for each worker and one for the keeper.
            counts: AllCounts::new(options.threads + 1),
            limits: Limits {
                item_max: options.item_max,
                flush: options.flush_enabled,
            },
            stop: AtomicBool::new(false),
            limit_bytes: AtomicU64::new(options.memory_bytes),
            refuses: !(options.evict && table.walks()),
            freed: AtomicU64::new(0),
            empty_bytes: table.usage().bytes,
            listeners: OnceLock::new(),
            verbosity: AtomicU32::new(options.verbosity),
            cas: AtomicU64::new(0),
            flushed: Flushed::default(),
            connections: Connections::default(),
            guests: Mutex::default(),
            resizes: Mutex::default(),
            walked: Mutex::default(),
            crawling: AtomicBool::new(true),
            wakers: Mutex::default(),
        }
    }

    /// A thread that waits for events is to be woken by this when the server ends.
    pub(super) fn wake_with(&self, waker: Arc<Waker>) {
        lock(&self.wakers).push(waker);
    }

    /// Ends the server: every thread finishes what it has and returns.
    pub(super) fn end(&self) {
        self.stop.store(true, Ordering::Relaxed);
        for waker in lock(&self.wakers).iter() {
            // One that cannot be woken looks at the flag within a second.
            let _ = waker.wake();
        }
    }

    /// The connections, by their numbers.
    pub(super) fn guests(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Guest>>> {
        lock(&self.guests)
    }

    /// Resizes of the table so far.
    pub(super) fn resizes(&self) -> u64 {
        self.read_journal().ended
    }

    /// Bytes that the table takes now beside its items, at least: what it took while it was empty, and
    /// the buckets that have come since.
    pub(super) fn least_structure_bytes(&self) -> u64 {
        let added = u64::try_from(self.read_journal().added).unwrap_or(0);
        self.empty_bytes + added * self.table.bucket_bytes() as u64
    }

    /// Takes what the table's journal has to tell, before it is full.
    pub(super) fn read_journal(&self) -> Resizes {
        let mut resizes = lock(&self.resizes);
        let (events, dropped) = self.journal.drain();
        resizes.ended += dropped;
        for event in events.iter().filter(|event| event.kind == EventKind::End) {
            resizes.ended += 1;
            let buckets = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            resizes.added += buckets(event.to_buckets) - buckets(event.from_buckets);
        }
        *resizes
    }

    /// What the last walk through the whole table found.
    pub(super) fn walked(&self) -> Walked {
        *lock(&self.walked)
    }

    pub(super) fn set_walked(&self, walked: Walked) {
        *lock(&self.walked) = walked;
    }

    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// A cas that no store has had.
    #[inline]
    pub(super) fn next_cas(&self) -> u64 {
        self.cas.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether an item still counts.
    #[inline]
    pub(super) fn gone(&self, item: &Header, now: u32) -> Option<Gone> {
        if item.exptime != 0 && item.exptime <= now {
            return Some(Gone::Expired);
        }
        let flushed = &self.flushed;
        let time = flushed.time.load(Ordering::Relaxed);
        let dead = item.cas < flushed.cas.load(Ordering::Acquire)
            || time != 0 && time <= now && item.time <= time
            || item.time <= flushed.past.load(Ordering::Relaxed);
        dead.then_some(Gone::Flushed)
    }

    /// Makes everything that is there now, or will be there after `delay`, count as gone. Nothing is
    /// touched: this takes no longer for a million items than for one.
    ///
    /// A flush that was announced and has not come is forgotten, as in memcached. One that has come
    /// stays: memcached shows flushed items again when another flush is announced before it has
    /// come by them, which no client can want.
    pub(super) fn flush(&self, delay: i32, now: u32) {
        let flushed = &self.flushed;
        let until = if delay > 0 {
            self.clock.deadline(delay, now)
        } else {
            now
        } - 1;
        let pending = flushed.time.load(Ordering::Relaxed);
        if pending < now {
            flushed.past.fetch_max(pending, Ordering::Relaxed);
        } else if pending == now {
            // It covers what there is so far, not what the rest of this second brings.
            let next = self.cas.load(Ordering::Relaxed) + 1;
            flushed.cas.fetch_max(next, Ordering::Release);
        }
        if until <= now {
            let cas = self.next_cas();
            // A time so far back that the clock cannot say it flushes nothing.
            if until != 0 {
                flushed.cas.fetch_max(cas, Ordering::Release);
            }
        }
        // After a delay of one second this is now: what is stored in the rest of this second goes too.
        flushed.time.store(until, Ordering::Relaxed);
    }
}

/// What the mutexes here protect is whole at every moment, whichever thread panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
