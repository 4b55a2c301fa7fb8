//! Checks of walks through a table: what they show, what they change, and that growth hides nothing from them.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rand::{RngExt, SeedableRng};

use super::failure::{Failure, Wrong, caught, caught_whole, expect, panicked};
use super::open::open;
use super::plan::{Counts, Plan, Values};
use super::sample::{self, Dice, Sample, same, shown};
use super::structure::{self, Totals};
use crate::base::{Params, Worker, counted};
use crate::table::{Cursor, Edit, Env, ErasedTable, Keep, Kind, Session};

/// Buckets per call, and after so many rounds a walk counts as one that does not end: each call of
/// a table at rest visits a bucket, and no check has more of them.
const MOST_CALLS: usize = 1 << 22;

/// Entries at most: a walk looks at all of them, and a check walks some ten times.
const MOST_KEYS: usize = 4_000;

/// Checks the walks of a strategy that can be walked, on tables that mark uses and one that does
/// not:
///
/// - at rest a walk shows each entry once, with its value;
/// - gets, batches, updates and replacing sets mark what they find, and nothing else is marked, new
///   entries included; `Unmark` clears the mark, `Keep` does not; without recency nothing is marked;
/// - `Remove` removes that entry and no other;
/// - what is there throughout is seen while another session makes the table grow, between the calls of
///   a walk and at the same time.
///
/// # Errors
/// The first thing that the table did wrong.
pub fn walk(kind: &Kind, params: &Params, env: &Env, plan: &Plan) -> Result<Counts, Failure> {
    if !kind.walk {
        return Ok(Counts::default());
    }
    caught_whole(|| {
        let mut check = Check::new(env, plan);
        let marking = Env {
            recency: true,
            ..env.clone()
        };
        let mut table = open(kind, params, &marking)?;
        check.at_rest(table.as_ref())?;
        let totals = check.removes(table.as_ref())?;
        structure::check(table.as_mut(), totals)?;
        let without_marks = Env {
            recency: false,
            ..env.clone()
        };
        check.marks_nothing(open(kind, params, &without_marks)?.as_ref())?;
        check.growth_between_calls(open(kind, params, &marking)?.as_ref())?;
        check.growth_meanwhile(open(kind, params, &marking)?.as_ref())?;
        Ok(Counts {
            walked: check.walked,
            ..Counts::default()
        })
    })
}

struct Check {
    samples: Vec<Sample>,
    values: Vec<Vec<u8>>,
    /// The number of a key among the samples.
    numbers: HashMap<Vec<u8>, usize>,
    dice: Dice,
    walked: u64,
}

impl Check {
    fn new(env: &Env, plan: &Plan) -> Check {
        let mut dice = Dice::seed_from_u64(plan.seed ^ 0x7761_6c6b);
        let count = plan.key_space.min(MOST_KEYS);
        let samples = sample::keys(count, &env.hasher, &mut dice);
        let value = |dice: &mut Dice| {
            let mut value = Vec::new();
            sample::value(Values::Mixed, dice, &mut value);
            value.truncate(600);
            value
        };
        let values = samples.iter().map(|_| value(&mut dice)).collect();
        let keys = samples.iter().map(|sample| sample.key().bytes.to_vec());
        let numbers = keys.zip(0..).collect();
        Check {
            samples,
            values,
            numbers,
            dice,
            walked: 0,
        }
    }

    fn add<S: Session>(&self, session: &mut S, range: Range<usize>) {
        for number in range {
            session.set(self.samples[number].key(), &self.values[number]);
        }
    }

    /// A whole walk, so many buckets a call; `between` is called after each call.
    fn whole_walk<S: Session>(
        &mut self,
        session: &mut S,
        buckets: usize,
        mut see: impl FnMut(usize, &[u8], bool) -> Result<Keep, Wrong>,
        mut between: impl FnMut(&Check, &mut S),
    ) -> Result<(), Wrong> {
        let mut cursor: Cursor = 0;
        for _ in 0..MOST_CALLS {
            let mut result = Ok(());
            cursor = session.walk(cursor, buckets, |key, value, marked| {
                self.walked += 1;
                let seen = match self.numbers.get(key) {
                    Some(&number) => see(number, value, marked),
                    None => Err(Wrong::new("a key of the table", &shown(key))),
                };
                seen.unwrap_or_else(|wrong| {
                    result = Err(wrong);
                    Keep::Keep
                })
            });
            result?;
            if cursor == 0 {
                return Ok(());
            }
            between(self, session);
        }
        Err(Wrong::new("a walk that ends", "one that goes on"))
    }

    /// A walk at rest that must show each of these entries once, marked or not as `marked` says, and
    /// does `keep`.
    fn shows(
        &mut self,
        session: &mut impl Session,
        buckets: usize,
        marked: &HashSet<usize>,
        keep: Keep,
    ) -> Result<(), Wrong> {
        let mut seen = vec![0_u64; self.samples.len()];
        let values = self.values.clone();
        self.whole_walk(
            session,
            buckets,
            |number, value, is_marked| {
                seen[number] += 1;
                same(Some(&values[number]), Some(value))?;
                let expected = marked.contains(&number);
                expect(&expected, &is_marked).map_err(|wrong| Wrong {
                    expected: format!("{} as the mark of entry {number}", wrong.expected),
                    ..wrong
                })?;
                Ok(keep)
            },
            |_, _| (),
        )?;
        match seen.iter().position(|&seen| seen != 1) {
            None => Ok(()),
            Some(number) => Err(Wrong::new(
                &format!("entry {number} once"),
                &counted(seen[number], "time"),
            )),
        }
    }

    fn at_rest(&mut self, table: &dyn ErasedTable) -> Result<(), Failure> {
        let mut session = table.session(Worker::ALONE);
        let count = self.samples.len();
        self.add(&mut session, 0..count);
        let none = HashSet::new();
        for buckets in [1, 7, usize::MAX] {
            during("walk", || {
                self.shows(&mut session, buckets, &none, Keep::Keep)
            })?;
        }
        let used = self.use_some(&mut session);
        // A resize that is still going on must not lose marks either.
        for (buckets, keep) in [(3, Keep::Keep), (3, Keep::Unmark)] {
            during("walk after uses", || {
                self.shows(&mut session, buckets, &used, keep)
            })?;
        }
        during("walk after unmarking", || {
            self.shows(&mut session, 5, &none, Keep::Keep)
        })
    }

    /// Uses some entries in every way there is; which.
    fn use_some(&mut self, session: &mut impl Session) -> HashSet<usize> {
        let mut used = HashSet::new();
        let mut batch = Vec::new();
        for number in 0..self.samples.len() {
            let key = self.samples[number].key();
            match self.dice.random_range(0..10) {
                0 => drop(session.get(key, |_| ())),
                1 => drop(session.set(key, &self.values[number])),
                2 => drop(session.update(key, |_, _| (Edit::Keep, ()))),
                3 => {
                    // A value of another length may be in another place.
                    self.values[number].push(7);
                    let value = &self.values[number];
                    session.update(key, |_, new| {
                        new.extend_from_slice(value);
                        (Edit::Store, ())
                    });
                }
                4 => batch.push(key),
                _ => continue,
            }
            used.insert(number);
        }
        for keys in batch.chunks(40) {
            session.get_many(keys, |_, _| ());
        }
        used
    }

    fn removes(&mut self, table: &dyn ErasedTable) -> Result<Totals, Failure> {
        let mut session = table.session(Worker::ALONE);
        let goes: Vec<bool> = self.samples.iter().map(|_| self.dice.random()).collect();
        during("walk that removes", || {
            let what = [Keep::Keep, Keep::Remove];
            self.whole_walk(
                &mut session,
                2,
                |number, _, _| Ok(what[usize::from(goes[number])]),
                |_, _| (),
            )
        })?;
        let mut totals = Totals::default();
        for ((sample, value), goes) in self.samples.iter().zip(&self.values).zip(goes) {
            let key = sample.key();
            let expected = (!goes).then_some(value.as_slice());
            during("get after a walk that removed", || {
                session
                    .get(key, |value| same(expected, Some(value)))
                    .unwrap_or_else(|| same(expected, None))
            })
            .map_err(|failure| Failure {
                key: Some(shown(key.bytes)),
                ..failure
            })?;
            if !goes {
                totals.count(key.bytes, value);
            }
        }
        Ok(totals)
    }

    fn marks_nothing(&mut self, table: &dyn ErasedTable) -> Result<(), Failure> {
        let mut session = table.session(Worker::ALONE);
        let count = self.samples.len();
        self.add(&mut session, 0..count);
        self.use_some(&mut session);
        during("walk without recency", || {
            self.shows(&mut session, 4, &HashSet::new(), Keep::Keep)
        })
    }

    /// A quarter is there throughout; the rest is added while the walk goes on.
    fn growth_between_calls(&mut self, table: &dyn ErasedTable) -> Result<(), Failure> {
        let mut session = table.session(Worker::ALONE);
        let (count, base) = (self.samples.len(), self.samples.len() / 4);
        self.add(&mut session, 0..base);
        let mut seen = vec![false; count];
        let mut next = base;
        during("walk while the table grows", || {
            self.whole_walk(
                &mut session,
                1,
                |number, _, _| {
                    seen[number] = true;
                    Ok(Keep::Keep)
                },
                |check, session| {
                    let more = next..count.min(next + 8);
                    next = more.end;
                    check.add(session, more);
                },
            )?;
            all_seen(&seen[..base])
        })
    }

    fn growth_meanwhile(&mut self, table: &dyn ErasedTable) -> Result<(), Failure> {
        let (count, base) = (self.samples.len(), self.samples.len() / 4);
        self.add(&mut table.session(Worker::ALONE), 0..base);
        let (samples, values, stop) = (&self.samples, &self.values, AtomicBool::new(false));
        let worker = |index| Worker { index, of: 2 };
        let write = || {
            let mut session = table.session(worker(1));
            for number in base..count {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                session.set(samples[number].key(), &values[number]);
                // Changes of what others leave alone: entries move, buckets stay.
                if number % 3 == 0 {
                    session.remove(samples[number].key());
                }
                if number % 64 == 0 {
                    thread::yield_now();
                }
            }
        };
        let walk = || {
            let mut session = table.session(worker(0));
            for _ in 0..3 {
                let mut seen = vec![false; count];
                let mut cursor = 0;
                loop {
                    cursor = session.walk(cursor, 16, |key, _, _| {
                        if let Some(&number) = self.numbers.get(key) {
                            seen[number] = true;
                        }
                        Keep::Keep
                    });
                    if cursor == 0 {
                        break;
                    }
                }
                all_seen(&seen[..base])?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let writer = scope.spawn(write);
            let walked = during("walk beside a writer", walk);
            stop.store(true, Ordering::Relaxed);
            let joined = writer.join();
            walked?;
            joined.map_err(|p| panicked(p.as_ref()).during("writing beside a walk"))
        })
    }
}

fn all_seen(seen: &[bool]) -> Result<(), Wrong> {
    match seen.iter().position(|&seen| !seen) {
        None => Ok(()),
        Some(number) => Err(Wrong::new(
            &format!("entry {number}, which was there throughout"),
            "a walk without it",
        )),
    }
}

fn during<T>(operation: &str, work: impl FnOnce() -> Result<T, Wrong>) -> Result<T, Failure> {
    caught(work).map_err(|wrong| wrong.during(operation))
}
