//! Eviction for every table that can be walked: CLOCK, with buckets around its face.
//!
//! A use sets an entry's mark ([`Env::recency`](super::Env::recency)). Where room is to be made, a hand
//! that all threads share goes on through the buckets: an entry with a mark loses it and stays; one
//! without goes. So what was used between two passages of the hand survives the second:
//!
//! ```text
//!               ┌───────── hand ─────────┐
//!               ▼                        │ a few buckets at a time
//!   buckets  [a•] [b] [c• d] [ ] [e•] …  ┘           • = used since the hand was last here
//!             ╰ stays, loses its mark
//!                  ╰ goes
//! ```
//!
//! A new entry has no mark: it has to be used once before the hand comes, or goes like any other,
//! so that what is used once only does not push out what is used again. As buckets are in the order
//! of hashes, not of age, the hand may come at once or after a whole round; on average the new entry has half
//! a round. The entries of a few buckets stand for those of all, since hashes spread them evenly.
//!
//! **How much at once.** A call of [`Clock::make_room`] visits a few hundred buckets at most
//! ([`Clock::MOST_BUCKETS`]) or a thousand entries or so ([`Clock::MOST_ENTRIES`]), tens of microseconds
//! where entries are in the cache, and a batch of buckets once begun is dealt with to its end. If that
//! was not enough the next call goes on. Where another thread has the hand, a thread comes back without
//! having done anything, unless the table is over its limit by more than a thirty-second part: then it
//! waits for its turn, so that writers cannot run away from the thread that makes room.
//!
//! **How often.** What a table holds is not cheap to ask of every kind of table (some add up a
//! thousand stripes), so that [`Keeper`], which each thread has one of, asks after so many bytes have
//! been written: a share of what is left to the limit, between 1/512 and 1/16 of the limit over all
//! threads. When it has to make room it makes some to spare, 1/128 of the limit, for the next writes. A
//! table is therefore above its limit by 1/512 or so now and then, and by what one call cannot make
//! up for.
//!
//! **Locking:** the hand's mutex, held for one batch of buckets and taken while holding no lock of the
//! table, which takes its own below.
//!
//! **Source:** F. J. Corbató, "A Paging Experiment with the Multics System", 1968; for a key-value
//! cache with one bit an entry, Fan, Andersen and Kaminsky, "`MemC3`", NSDI 2013, §3.2.

use parking_lot::Mutex;

use super::{Cursor, Keep, Session, Strategy};

/// The hand of the clock, shared by all threads that make room in one table.
#[derive(Debug, Default)]
pub struct Clock {
    hand: Mutex<Hand>,
}

#[derive(Debug, Default)]
struct Hand {
    at: Cursor,
    /// Rounds that have ended since something was last removed.
    idle_rounds: u32,
}

/// What was removed to make room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Entries, the dead included.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Entries among them that were dead already, as the caller said: expired.
    pub dead: u64,
    /// Entries that had been used, and stayed for it without their mark.
    pub spared: u64,
    /// Two rounds found nothing to remove, and the table is still above its limit: it takes more
    /// with no entry in it than it may.
    pub exhausted: bool,
}

impl std::ops::AddAssign for Evicted {
    fn add_assign(&mut self, more: Evicted) {
        self.entries += more.entries;
        self.bytes += more.bytes;
        self.dead += more.dead;
        self.spared += more.spared;
        self.exhausted |= more.exhausted;
    }
}

/// Bytes that an entry takes beside key and value, for how much to remove before the table is asked
/// again. A guess, as tables differ; none has less.
const HEADER: u64 = 16;

impl Clock {
    /// Buckets that are visited at a time.
    pub const BATCH: usize = 4;
    /// The most buckets that one call visits.
    pub const MOST_BUCKETS: usize = 256;
    /// After so many entries a call visits no further batch.
    pub const MOST_ENTRIES: u64 = 1024;

    /// A clock whose hand stands at the start.
    #[must_use]
    pub fn new() -> Clock {
        Clock::default()
    }

    /// Removes entries until the table holds `limit` bytes or less, or the call has done its share.
    /// `dead` says of a key and a value that the entry counts for nothing: it goes, used or not. So does what is
    /// used once `most_spared` entries have been let off for it, for callers that cannot wait for the hand to go
    /// round a table in which everything has been used.
    ///
    /// The table was opened with [`Env::recency`](super::Env::recency), so that uses are marked, and
    /// `session` is one of its sessions; the caller holds no lock of the table. `dead` must not
    /// touch it.
    ///
    /// # Panics
    /// If the strategy cannot be walked.
    pub fn make_room<S: Strategy>(
        &self,
        table: &S,
        session: &mut S::Session<'_>,
        limit: u64,
        most_spared: u64,
        mut dead: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Evicted {
        assert!(S::WALK, "only a table that can be walked is bounded");
        let mut evicted = Evicted::default();
        let (mut visited, mut seen) = (0, 0);
        let mut over = table.usage().bytes.saturating_sub(limit);
        while over > 0 && visited < Self::MOST_BUCKETS && seen < Self::MOST_ENTRIES {
            let hand = self.hand.try_lock();
            let hand = hand.or_else(|| (over > limit / 32).then(|| self.hand.lock()));
            let Some(mut hand) = hand else { break };
            if hand.idle_rounds >= 2 {
                hand.idle_rounds = 0;
                evicted.exhausted = true;
                break;
            }
            let before = evicted;
            hand.at = session.walk(hand.at, Self::BATCH, |key, value, used| {
                seen += 1;
                let dead = dead(key, value);
                if used && !dead && evicted.spared < most_spared {
                    evicted.spared += 1;
                    return Keep::Unmark;
                }
                evicted.entries += 1;
                evicted.bytes += (key.len() + value.len()) as u64;
                evicted.dead += u64::from(dead);
                Keep::Remove
            });
            visited += Self::BATCH;
            if evicted.entries > before.entries {
                hand.idle_rounds = 0;
            } else if hand.at == 0 {
                hand.idle_rounds += 1;
            }
            drop(hand);
            let entries = evicted.entries - before.entries;
            over = over.saturating_sub(evicted.bytes - before.bytes + HEADER * entries);
            if over == 0 {
                over = table.usage().bytes.saturating_sub(limit);
            }
        }
        evicted
    }

    /// Visits the next few buckets, whatever the table holds, and removes what is dead: for threads that
    /// has time to spare. Marks stay as they are. Nothing is done where another thread has the hand.
    pub fn remove_dead<S: Session>(
        &self,
        session: &mut S,
        mut dead: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Evicted {
        let mut evicted = Evicted::default();
        if let Some(mut hand) = self.hand.try_lock() {
            hand.at = session.walk(hand.at, Self::BATCH, |key, value, _| {
                if !dead(key, value) {
                    return Keep::Keep;
                }
                evicted.entries += 1;
                evicted.bytes += (key.len() + value.len()) as u64;
                evicted.dead += 1;
                Keep::Remove
            });
        }
        evicted
    }
}

/// One thread's part in keeping a table below its limit: says when it is time to look.
#[derive(Debug)]
pub struct Keeper<'c> {
    clock: &'c Clock,
    limit: u64,
    /// How many threads write.
    workers: u64,
    /// Bytes that may be written before the next look.
    left: u64,
}

impl<'c> Keeper<'c> {
    /// For one of `workers` threads that write to a table of at most `limit` bytes.
    #[must_use]
    pub fn new(clock: &'c Clock, limit: u64, workers: u32) -> Keeper<'c> {
        Keeper {
            clock,
            limit,
            workers: u64::from(workers.max(1)),
            left: 0,
        }
    }

    /// Whether an entry with so many bytes of key and value can stay below the limit at all. One that
    /// cannot is better passed over: stored, it would evict all others and then itself.
    #[inline]
    #[must_use]
    pub fn fits(&self, bytes: usize) -> bool {
        bytes as u64 + HEADER <= self.limit
    }

    /// Takes note of a write, after it: so many bytes of key and value. Makes room if need be;
    /// `dead` as for [`Clock::make_room`].
    #[inline]
    pub fn wrote<S: Strategy>(
        &mut self,
        bytes: usize,
        table: &S,
        session: &mut S::Session<'_>,
        dead: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Evicted {
        let bytes = bytes as u64 + HEADER;
        if bytes <= self.left {
            self.left -= bytes;
            return Evicted::default();
        }
        self.look(table, session, dead)
    }

    #[cold]
    fn look<S: Strategy>(
        &mut self,
        table: &S,
        session: &mut S::Session<'_>,
        dead: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Evicted {
        let mut bytes = table.usage().bytes;
        let mut evicted = Evicted::default();
        if bytes > self.limit {
            let spare = self.limit / 128;
            evicted = self
                .clock
                .make_room(table, session, self.limit - spare, u64::MAX, dead);
            bytes = table.usage().bytes;
        }
        let room = self.limit.saturating_sub(bytes);
        self.left = if room == 0 && !evicted.exhausted {
            0
        } else {
            // A quarter of the room at most, as entries take more than their bytes and arrays double.
            (room / 4).clamp(self.limit / 512, self.limit / 16) / self.workers
        };
        evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Key, Worker};
    use crate::table::testing::{env, open_in};
    use crate::table::{Cuckoo, Dash, Env, Fixed, Inline, Linear, Optimistic, Striped, Tagged};

    fn caching() -> Env {
        Env {
            recency: true,
            ..env("sip13")
        }
    }

    /// Writes many times what fits, and reads a few keys over and over.
    fn keeps_what_is_used<S: Strategy>(spec: &str, limit: u64) {
        let env = caching();
        let table: S = open_in(spec, &env);
        let clock = Clock::new();
        let mut session = table.session(Worker::ALONE);
        let mut keeper = Keeper::new(&clock, limit, 1);
        let value = [7; 100];
        let mut evicted = Evicted::default();
        let key = |name: &str| env.hasher.hash(name.as_bytes());
        let write = |session: &mut S::Session<'_>, name: &str, keeper: &mut Keeper<'_>| {
            let bytes = name.as_bytes();
            let hash = key(name);
            session.set(Key { bytes, hash }, &value);
            keeper.wrote(bytes.len() + 100, &table, session, |_, _| false)
        };
        for hot in 0..50 {
            evicted += write(&mut session, &format!("hot{hot}"), &mut keeper);
        }
        let (mut kept, mut looked) = (0, 0);
        for cold in 0..20_000 {
            evicted += write(&mut session, &format!("cold{cold}"), &mut keeper);
            let hot = format!("hot{}", cold % 50);
            let hash = key(&hot);
            let bytes = hot.as_bytes();
            looked += 1;
            kept += u32::from(session.get(Key { bytes, hash }, |_| ()).is_some());
            assert!(
                table.usage().bytes <= limit + limit / 16,
                "{spec}: {} of {limit}",
                table.usage().bytes
            );
        }
        let usage = table.usage();
        assert!(!evicted.exhausted, "{spec}");
        assert!(usage.bytes > limit / 2, "{spec}: {usage:?}");
        assert_eq!(evicted.entries + usage.items, 20_050, "{spec}");
        assert_eq!(evicted.dead, 0);
        assert!(kept * 10 >= looked * 9, "{spec}: {kept} of {looked}");
    }

    #[test]
    fn what_is_used_stays_and_the_limit_holds() {
        keeps_what_is_used::<Fixed>("fixed", 400_000);
        keeps_what_is_used::<Striped>("striped:buckets=64", 400_000);
        keeps_what_is_used::<Linear>("linear:buckets=1,stripes=1", 400_000);
        keeps_what_is_used::<Tagged>("tagged:buckets=64", 400_000);
        keeps_what_is_used::<Cuckoo>("cuckoo", 400_000);
        keeps_what_is_used::<Optimistic>("optimistic", 400_000);
        keeps_what_is_used::<Inline>("inline", 400_000);
        keeps_what_is_used::<Dash>("dash", 2_000_000);
    }

    fn add(session: &mut impl Session, env: &Env, names: std::ops::Range<u32>) {
        for name in names {
            let bytes = name.to_string();
            let hash = env.hasher.hash(bytes.as_bytes());
            let bytes = bytes.as_bytes();
            session.set(Key { bytes, hash }, b"value");
        }
    }

    #[test]
    fn the_dead_go_first_come_and_are_counted() {
        let env = caching();
        let table: Fixed = open_in("fixed:buckets=64", &env);
        let mut session = table.session(Worker::ALONE);
        add(&mut session, &env, 0..200);
        // All are used: a first round takes marks and the dead only.
        add(&mut session, &env, 0..200);
        let clock = Clock::new();
        let odd = |key: &[u8], _: &[u8]| key.ends_with(b"1");
        let limit = table.usage().bytes - 20 * 23;
        let evicted = clock.make_room(&table, &mut session, limit, u64::MAX, odd);
        assert_eq!(evicted.entries, evicted.dead);
        assert!(evicted.dead > 0 && !evicted.exhausted);
        let mut more = 0;
        for _ in 0..64 / Clock::BATCH {
            more += clock.remove_dead(&mut session, odd).dead;
        }
        assert_eq!(evicted.dead + more, 20);
        assert_eq!(table.usage().items, 180);
    }

    #[test]
    fn a_limit_below_the_array_empties_the_table_and_says_so() {
        let env = caching();
        let table: Fixed = open_in("fixed:buckets=64", &env);
        let mut session = table.session(Worker::ALONE);
        add(&mut session, &env, 0..100);
        let clock = Clock::new();
        let mut evicted = Evicted::default();
        for _ in 0..4 {
            evicted += clock.make_room(&table, &mut session, 100, u64::MAX, |_, _| false);
        }
        assert!(evicted.exhausted);
        assert_eq!((evicted.entries, table.usage().items), (100, 0));
    }

    #[test]
    fn one_call_does_a_bounded_share() {
        let env = caching();
        let table: Fixed = open_in("fixed:buckets=2^12", &env);
        let mut session = table.session(Worker::ALONE);
        add(&mut session, &env, 0..8_000);
        let clock = Clock::new();
        let evicted = clock.make_room(&table, &mut session, 0, u64::MAX, |_, _| false);
        let most = Clock::MOST_ENTRIES + 100;
        assert!((300..most).contains(&evicted.entries), "{evicted:?}");
    }

    #[test]
    fn many_threads_keep_one_limit() {
        let env = caching();
        let table: Striped = open_in("striped:buckets=256", &env);
        let (clock, limit) = (Clock::new(), 300_000);
        let evicted: u64 = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|index| {
                    let (env, table, clock) = (&env, &table, &clock);
                    scope.spawn(move || {
                        let mut session = table.session(Worker { index, of: 4 });
                        let mut keeper = Keeper::new(clock, limit, 4);
                        let mut evicted = 0;
                        for n in 0..5_000 {
                            let name = n * 4 + index;
                            add(&mut session, env, name..name + 1);
                            evicted += keeper.wrote(10, table, &mut session, |_, _| false).entries;
                        }
                        evicted
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        let usage = table.usage();
        assert_eq!(usage.items + evicted, 20_000);
        assert!(usage.bytes <= limit + limit / 8, "{usage:?}");
    }
}
