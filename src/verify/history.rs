//! Records what several threads do to shared keys, and searches each key's history for an order that explains it.
//!
//! Each round opens a fresh table. All threads go through the shared keys in the same order, so that they meet on
//! them, and add keys of their own in between, so that the table grows meanwhile. Where fewer cores than
//! threads run them, one after the other would be the rule; so operations begin at common ticks of the clock,
//! threads give their core away between operations, and what a table calls in the middle of an operation (`read`,
//! `edit`, `each`, `see`) gives it away too, while a lock is held or a version was read.
//!
//! Times are those of the clock before the call and after the return, with a full fence beside each: so no
//! write of an operation becomes visible after the time of its return, and no read is older than that of its call.

use std::sync::Barrier;
use std::sync::atomic::{Ordering, fence};
use std::thread;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::failure::{Failure, Wrong, caught, caught_whole, panicked};
use super::linear::{Did, Operation, Searched, search};
use super::open::{growths, open_noting};
use super::progress;
use super::sample::{Dice, Sample, shown};
use super::structure::{self, Totals};
use super::unexplained::{Unexplained, unexplained};
use super::unique;
use crate::base::{Key, Params, Worker};
use crate::machine::now_ns;
use crate::table::{Edit, Env, ErasedTable, Keep, Kind, Outcome, Session, Stored};

/// Shared keys, each with a history of its own.
pub(super) const KEYS: usize = 4;

/// Operations of each thread on each key, those of batches and walks not counted.
const EACH: usize = 40;

/// Keys of its own that a thread adds between two operations, at most: some thousands in a round, so that a table of
/// 1,024 buckets grows, and one that never grows is not slowed down.
const MOST_FILL: u32 = 5;

/// The states that a search may try: a hundred times what histories of this length take.
const BUDGET: usize = 100_000;

/// Operations begin at multiples of so many nanoseconds, a power of two: some times what one takes.
const TICK_NS: u64 = 2_048;

/// How a round is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) seed: u64,
    pub(super) threads: u32,
}

/// What a round has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recorded {
    pub(super) histories: u64,
    pub(super) unsearched: u64,
    pub(super) operations: u64,
    pub(super) overlapping: u64,
    pub(super) growths: u64,
}

/// Does a round and searches its histories.
pub(super) fn linearizability(
    kind: &Kind,
    params: &Params,
    env: &Env,
    round: Round,
) -> Result<Recorded, Box<Unexplained>> {
    let shared: Vec<Sample> = (0..KEYS)
        .map(|number| Sample::new(format!("shared {number}").into_bytes(), &env.hasher))
        .collect();
    let Record {
        histories,
        growths,
        counted,
    } = caught_whole(|| record(kind, params, env, round, &shared))?;
    let mut recorded = Recorded {
        growths,
        ..Recorded::default()
    };
    for (key, history) in shared.iter().zip(&histories) {
        recorded.operations += history.len() as u64;
        recorded.overlapping += overlapping(history);
        progress::sign();
        match search(history, BUDGET) {
            Searched::Explained => recorded.histories += 1,
            Searched::Spent => recorded.unsearched += 1,
            Searched::Unexplained(order) => return Err(unexplained(key, history, &order)),
        }
    }
    // Last: where the final read is the wrong answer, the history says more than a sum of bytes.
    counted?;
    Ok(recorded)
}

/// What a round leaves.
struct Record {
    /// Of each shared key.
    histories: Vec<Vec<Operation>>,
    growths: u64,
    /// Whether usage and census are what was read back.
    counted: Result<(), Failure>,
}

/// Has the threads do a round, and reads back what they left.
fn record(
    kind: &Kind,
    params: &Params,
    env: &Env,
    round: Round,
    shared: &[Sample],
) -> Result<Record, Failure> {
    let mut dice = Dice::seed_from_u64(round.seed);
    let mut order: Vec<usize> = (0..KEYS * EACH).map(|index| index % KEYS).collect();
    order.shuffle(&mut dice);
    let (mut table, journal) = open_noting(kind, params, env)?;
    let fill = dice.random_range(0..=MOST_FILL);
    let threads: Vec<Thread<'_>> = (0..round.threads)
        .map(|me| Thread {
            me,
            shared,
            order: &order,
            fill,
            walks: kind.walk,
            dice: Dice::seed_from_u64(dice.random()),
            written: 0,
            value: Vec::new(),
            own: Vec::new(),
            histories: vec![Vec::new(); KEYS],
        })
        .collect();
    let threads = all_at_once(table.as_ref(), env, threads)?;
    let mut histories = vec![Vec::new(); KEYS];
    for thread in &threads {
        for (all, one) in histories.iter_mut().zip(&thread.histories) {
            all.extend_from_slice(one);
        }
    }
    let totals = {
        let mut session = table.session(Worker::ALONE);
        read_back(&mut session, round, shared, &threads, &mut histories)?
    };
    Ok(Record {
        counted: structure::check(table.as_mut(), totals),
        growths: growths(&journal),
        histories,
    })
}

/// Reads what the threads left: the shared keys as the last operation of each history, and the keys of their own.
fn read_back<S: Session>(
    session: &mut S,
    round: Round,
    shared: &[Sample],
    threads: &[Thread<'_>],
    histories: &mut [Vec<Operation>],
) -> Result<Totals, Failure> {
    let failed = |key: Key<'_>| {
        let key = shown(key.bytes);
        |wrong: Wrong| Failure {
            key: Some(key),
            ..wrong.during("read-back")
        }
    };
    let mut totals = Totals::default();
    // First: a read that is wrong once belongs into a history, which shows it.
    for (number, (sample, history)) in shared.iter().zip(histories).enumerate() {
        let key = sample.key();
        let from_ns = begin();
        let read = caught(|| {
            let value = session.get(key, <[u8]>::to_vec);
            let saw = value
                .as_deref()
                .map(|value| unique::number_of(value, number));
            Ok((saw.transpose()?, value))
        });
        let (saw, value) = read.map_err(failed(key))?;
        history.push(Operation {
            thread: round.threads,
            name: "read-back",
            from_ns,
            to_ns: end(),
            did: Did::Saw(saw),
        });
        if let Some(value) = value {
            totals.count(key.bytes, &value);
        }
    }
    for sample in threads.iter().flat_map(|thread| &thread.own) {
        let key = sample.key();
        let read = caught(|| {
            let found = session.get(key, |value| value == key.bytes);
            match found {
                Some(true) => Ok(()),
                Some(false) => Err(Wrong::new("its own value", "another")),
                None => Err(Wrong::new("an entry", "no entry")),
            }
        });
        read.map_err(failed(key))?;
        totals.count(key.bytes, key.bytes);
    }
    Ok(totals)
}

fn all_at_once<'r>(
    table: &dyn ErasedTable,
    env: &Env,
    threads: Vec<Thread<'r>>,
) -> Result<Vec<Thread<'r>>, Failure> {
    let of = u32::try_from(threads.len()).expect("few threads");
    let start = &Barrier::new(threads.len());
    thread::scope(|scope| {
        let running: Vec<_> = threads
            .into_iter()
            .map(|mut thread| {
                scope.spawn(move || {
                    let index = thread.me;
                    start.wait();
                    let mut session = table.session(Worker { index, of });
                    thread.work(&mut session, env).map(|()| thread)
                })
            })
            .collect();
        let joined = running.into_iter().zip(0..).map(|(thread, me)| {
            let result = thread.join();
            let result = result.unwrap_or_else(|p| Err(panicked(p.as_ref()).during("a session")));
            result.map_err(|failure| Failure {
                thread: Some(me),
                ..failure
            })
        });
        // All of them are awaited before the first failure is reported.
        let joined: Vec<_> = joined.collect();
        joined.into_iter().collect()
    })
}

/// A thread of a round.
struct Thread<'r> {
    me: u32,
    shared: &'r [Sample],
    /// The shared keys in the order in which all threads go through them.
    order: &'r [usize],
    /// Keys of its own that it adds between two operations, on average half of it.
    fill: u32,
    walks: bool,
    dice: Dice,
    /// Values written to shared keys so far.
    written: u32,
    value: Vec<u8>,
    own: Vec<Sample>,
    histories: Vec<Vec<Operation>>,
}

impl Thread<'_> {
    fn work<S: Session>(&mut self, session: &mut S, env: &Env) -> Result<(), Failure> {
        for (step, &number) in self.order.iter().enumerate() {
            let key = self.shared[number].key();
            let mut doing = "";
            caught(|| self.act(session, number, &mut doing)).map_err(|wrong| Failure {
                step: Some(step as u64 + 1),
                key: Some(shown(key.bytes)),
                ..wrong.during(doing)
            })?;
            self.fill(session, env).map_err(|wrong| Failure {
                step: Some(step as u64 + 1),
                ..wrong.during("set of a key that no other thread has")
            })?;
            if self.dice.random_range(0..4) == 0 {
                thread::yield_now();
            }
        }
        Ok(())
    }

    fn act<S: Session>(
        &mut self,
        session: &mut S,
        number: usize,
        doing: &mut &'static str,
    ) -> Result<(), Wrong> {
        // A walk looks at the keys of all threads, so walks are few.
        let kinds = if self.walks { 1_000 } else { 990 };
        let (name, did, from_ns) = match self.dice.random_range(0..kinds) {
            0..250 => self.get(session, number, doing)?,
            250..440 => self.set(session, number, doing)?,
            440..470 => return self.set_many(session, doing),
            470..570 => self.remove(session, number, doing),
            570..890 => self.update(session, number, doing)?,
            890..990 => return self.get_many(session, doing),
            _ => return self.walk(session, doing),
        };
        let to_ns = end();
        self.note(number, name, from_ns, to_ns, did);
        Ok(())
    }

    fn note(&mut self, number: usize, name: &'static str, from_ns: u64, to_ns: u64, did: Did) {
        self.histories[number].push(Operation {
            thread: self.me,
            name,
            from_ns,
            to_ns,
            did,
        });
    }

    fn get<S: Session>(
        &mut self,
        session: &mut S,
        number: usize,
        doing: &mut &'static str,
    ) -> Result<(&'static str, Did, u64), Wrong> {
        *doing = "get";
        let yields = self.yields();
        let from_ns = begin();
        let saw = session.get(self.shared[number].key(), |value| {
            give_way(yields);
            unique::number_of(value, number)
        });
        Ok(("get", Did::Saw(saw.transpose()?), from_ns))
    }

    fn set<S: Session>(
        &mut self,
        session: &mut S,
        number: usize,
        doing: &mut &'static str,
    ) -> Result<(&'static str, Did, u64), Wrong> {
        *doing = "set";
        let value = self.compose(number);
        let from_ns = begin();
        let replaced = match session.set(self.shared[number].key(), &self.value) {
            Stored::Created => false,
            Stored::Replaced => true,
            Stored::Refused => return Err(Wrong::new("Created or Replaced", "Refused")),
        };
        Ok(("set", Did::Set { value, replaced }, from_ns))
    }

    fn remove<S: Session>(
        &mut self,
        session: &mut S,
        number: usize,
        doing: &mut &'static str,
    ) -> (&'static str, Did, u64) {
        *doing = "remove";
        let from_ns = begin();
        let removed = session.remove(self.shared[number].key());
        ("remove", Did::Removed(removed), from_ns)
    }

    fn update<S: Session>(
        &mut self,
        session: &mut S,
        number: usize,
        doing: &mut &'static str,
    ) -> Result<(&'static str, Did, u64), Wrong> {
        *doing = "update";
        let (yields, wish) = (self.yields(), self.dice.random_range(0..8));
        let new = self.compose(number);
        let value = &self.value;
        let from_ns = begin();
        let (outcome, (saw, edit)) = session.update(self.shared[number].key(), |old, buffer| {
            give_way(yields);
            let saw = old.map(|old| unique::number_of(old, number)).transpose();
            let edit = match (wish, old) {
                (0, _) => Edit::Keep,
                (1, _) => Edit::Remove,
                (2.., Some(old)) if old.len() == value.len() => Edit::Patch { at: 0 },
                _ => Edit::Store,
            };
            buffer.extend_from_slice(value);
            (edit, (saw, edit))
        });
        let saw = saw?;
        let to = match edit {
            Edit::Keep => saw,
            Edit::Remove => None,
            Edit::Store | Edit::Patch { .. } => Some(new),
        };
        let wanted = match (edit, saw.is_some()) {
            (Edit::Keep, _) | (Edit::Remove, false) => Outcome::Kept,
            (Edit::Remove, true) => Outcome::Removed,
            (Edit::Store | Edit::Patch { .. }, true) => Outcome::Replaced,
            (Edit::Store | Edit::Patch { .. }, false) => Outcome::Created,
        };
        if outcome != wanted {
            return Err(Wrong::new(&format!("{wanted:?}"), &format!("{outcome:?}")));
        }
        Ok(("update", Did::Changed { saw, to }, from_ns))
    }

    /// Each key of a batch is looked up at a moment of its own.
    fn get_many<S: Session>(
        &mut self,
        session: &mut S,
        doing: &mut &'static str,
    ) -> Result<(), Wrong> {
        *doing = "get_many";
        let keys: Vec<Key<'_>> = self.shared.iter().map(Sample::key).collect();
        let mut saw = vec![Ok(None); keys.len()];
        let yields = self.yields();
        let from_ns = begin();
        session.get_many(&keys, |number, value| {
            give_way(yields && number == 0);
            saw[number] = value
                .map(|value| unique::number_of(value, number))
                .transpose();
        });
        let to_ns = end();
        for (number, saw) in saw.into_iter().enumerate() {
            self.note(number, "get_many", from_ns, to_ns, Did::Saw(saw?));
        }
        Ok(())
    }

    /// Each entry of a batch is set at a moment of its own.
    fn set_many<S: Session>(
        &mut self,
        session: &mut S,
        doing: &mut &'static str,
    ) -> Result<(), Wrong> {
        *doing = "set_many";
        let written: Vec<(u64, Vec<u8>)> = (0..KEYS)
            .map(|number| (self.compose(number), self.value.clone()))
            .collect();
        let keys = self.shared.iter().map(Sample::key);
        let values = written.iter().map(|(_, value)| value.as_slice());
        let entries: Vec<(Key<'_>, &[u8])> = keys.zip(values).collect();
        let mut outcomes = vec![None; entries.len()];
        let yields = self.yields();
        let from_ns = begin();
        session.set_many(&entries, |number, stored| {
            give_way(yields && number == 0);
            outcomes[number] = Some(stored);
        });
        let to_ns = end();
        for (number, ((value, _), stored)) in written.into_iter().zip(outcomes).enumerate() {
            let replaced = match stored {
                Some(Stored::Created) => false,
                Some(Stored::Replaced) => true,
                other => return Err(Wrong::new("Created or Replaced", &format!("{other:?}"))),
            };
            let did = Did::Set { value, replaced };
            self.note(number, "set_many", from_ns, to_ns, did);
        }
        Ok(())
    }

    /// What a call of a walk shows was there during that call; what the whole walk does not show was not there
    /// throughout it, so there was a moment without it.
    fn walk<S: Session>(&mut self, session: &mut S, doing: &mut &'static str) -> Result<(), Wrong> {
        *doing = "walk";
        let begun_ns = begin();
        let mut shown_once = [false; KEYS];
        let mut cursor = 0;
        loop {
            let mut seen: Vec<(usize, Result<u64, Wrong>)> = Vec::new();
            let yields = self.yields();
            let from_ns = begin();
            let shared = self.shared;
            cursor = session.walk(cursor, 64, |key, value, _| {
                if let Some(number) = shared.iter().position(|one| one.key().bytes == key) {
                    give_way(yields);
                    seen.push((number, unique::number_of(value, number)));
                }
                Keep::Keep
            });
            let to_ns = end();
            for (number, saw) in seen {
                shown_once[number] = true;
                self.note(number, "walk", from_ns, to_ns, Did::Saw(Some(saw?)));
            }
            if cursor == 0 {
                break;
            }
        }
        let to_ns = end();
        for number in (0..KEYS).filter(|&number| !shown_once[number]) {
            self.note(number, "walk", begun_ns, to_ns, Did::Saw(None));
        }
        Ok(())
    }

    /// Adds keys that no other thread has, so that the table grows.
    fn fill<S: Session>(&mut self, session: &mut S, env: &Env) -> Result<(), Wrong> {
        for _ in 0..self.dice.random_range(0..=self.fill) {
            let name = format!("own {} {}", self.me, self.own.len());
            let sample = Sample::new(name.into_bytes(), &env.hasher);
            let key = sample.key();
            let stored = caught(|| Ok(session.set(key, key.bytes)))?;
            if stored != Stored::Created {
                return Err(Wrong::new("Created", &format!("{stored:?}")));
            }
            self.own.push(sample);
        }
        Ok(())
    }

    /// Whether this operation gives its core away in the middle.
    fn yields(&mut self) -> bool {
        self.dice.random_range(0..4) == 0
    }

    /// Makes a value that no other has, often as long as others, and returns its number.
    fn compose(&mut self, number: usize) -> u64 {
        self.written += 1;
        let value = u64::from(self.me) << 32 | u64::from(self.written);
        let length = [16, 16, 64, 64, 300, 2_000][self.dice.random_range(0..6)];
        unique::write(value, number, length, &mut self.value);
        value
    }
}

/// The time at which an operation begins: at a tick, so that threads which run begin together.
fn begin() -> u64 {
    let tick = now_ns() / TICK_NS;
    while now_ns() / TICK_NS == tick {
        std::hint::spin_loop();
    }
    let now = now_ns();
    fence(Ordering::SeqCst);
    now
}

/// The time at which an operation has returned.
fn end() -> u64 {
    fence(Ordering::SeqCst);
    now_ns()
}

fn give_way(yields: bool) {
    if yields {
        thread::yield_now();
    }
}

/// Operations that ran at the same time as another thread's.
fn overlapping(history: &[Operation]) -> u64 {
    let meet = |a: &Operation, b: &Operation| {
        a.thread != b.thread && a.from_ns < b.to_ns && b.from_ns < a.to_ns
    };
    let overlap = history
        .iter()
        .filter(|a| history.iter().any(|b| meet(a, b)));
    overlap.count() as u64
}
