//! One thread's part in the contention for shared keys.

use rand::{Rng, RngExt};
use xxhash_rust::xxh3::xxh3_64;

use super::failure::{Failure, Wrong, caught, expect};
use super::plan::Plan;
use super::sample::{Dice, Sample, same, shown};
use super::structure::Totals;
use crate::hash::Hasher;
use crate::table::{Edit, Outcome, Session, Stored};

const CONTESTED: usize = 4;
const COUNTERS: usize = 4;

/// A shared operation follows each of a thread's own; every so many of them one is a race.
const STEPS_A_RACE: u64 = 8;

/// Bytes in front of a contested value's random ones.
const PROOF: usize = 24;

/// The keys that all threads use.
pub(super) struct Shared {
    contested: Vec<Sample>,
    counters: Vec<Sample>,
    races: Vec<Sample>,
    refusals: bool,
}

/// One thread's part in the contention.
pub(super) struct Contender<'s> {
    shared: &'s Shared,
    me: u32,
    dice: Dice,
    /// Contested values written so far.
    count: u64,
    /// The highest count seen, by contested key and writer.
    seen: Vec<Vec<u64>>,
    /// Increments done, by counter.
    increments: [u64; COUNTERS],
    /// What each counter was at last, as far as this thread knows.
    latest: [u64; COUNTERS],
    /// Whether each race was won, as far as they have been run.
    won: Vec<bool>,
    /// What is being done to which key, for the failure.
    doing: (&'static str, &'s Sample),
    value: Vec<u8>,
}

impl Shared {
    /// The shared keys of a plan. That no thread has them for its own is left to chance: those are
    /// random, and would have to begin with the same seven letters.
    pub(super) fn new(plan: &Plan, hasher: &Hasher) -> Shared {
        let named = |kind: &str, count: usize| -> Vec<Sample> {
            (0..count)
                .map(|n| Sample::new(format!("shared {kind} {n}").into_bytes(), hasher))
                .collect()
        };
        let races = usize::try_from(plan.steps / STEPS_A_RACE).expect("steps fit memory");
        Shared {
            contested: named("value", CONTESTED),
            counters: named("counter", COUNTERS),
            races: named("race", races),
            refusals: plan.refusals,
        }
    }

    /// Checks what the threads have left under the shared keys, and says how much it is.
    pub(super) fn read_back<S: Session>(
        &self,
        session: &mut S,
        contenders: &[Contender<'_>],
    ) -> Result<Totals, Failure> {
        let mut totals = Totals::default();
        for (number, sample) in self.contested.iter().enumerate() {
            totals += left(session, sample, |value| {
                value.map_or(Ok(()), |value| prove(value, number).map(drop))
            })?;
        }
        for (number, sample) in self.counters.iter().enumerate() {
            let sum: u64 = contenders.iter().map(|one| one.increments[number]).sum();
            totals += left(session, sample, |value| expect(&sum, &counter(value)?))?;
        }
        for (number, sample) in self.races.iter().enumerate() {
            let winners = contenders.iter().filter(|one| one.won[number]);
            let winners: Vec<u32> = winners.map(|one| one.me).collect();
            totals += left(session, sample, |value| match (value, winners.as_slice()) {
                (value, [winner]) => same(Some(&winner.to_le_bytes()), value),
                (None, []) if self.refusals => Ok(()),
                (_, winners) => Err(Wrong::new(
                    "one thread that created it",
                    &format!("threads {winners:?}"),
                )),
            })?;
        }
        Ok(totals)
    }
}

/// Judges what was left under a shared key, and says how much it is.
fn left<S: Session>(
    session: &mut S,
    sample: &Sample,
    judge: impl FnOnce(Option<&[u8]>) -> Result<(), Wrong>,
) -> Result<Totals, Failure> {
    let key = sample.key();
    let read = || {
        let value = session.get(key, <[u8]>::to_vec);
        judge(value.as_deref())?;
        let mut totals = Totals::default();
        if let Some(value) = value {
            totals.count(key.bytes, &value);
        }
        Ok(totals)
    };
    caught(read).map_err(|wrong| Failure {
        key: Some(shown(key.bytes)),
        ..wrong.during("read-back")
    })
}

impl<'s> Contender<'s> {
    pub(super) fn new(shared: &'s Shared, me: u32, dice: Dice, plan: &Plan) -> Contender<'s> {
        Contender {
            shared,
            me,
            dice,
            count: 0,
            seen: vec![vec![0; plan.threads as usize]; CONTESTED],
            increments: [0; COUNTERS],
            latest: [0; COUNTERS],
            won: Vec::new(),
            doing: ("", &shared.contested[0]),
            value: Vec::new(),
        }
    }

    /// The thread's index.
    pub(super) fn index(&self) -> u32 {
        self.me
    }

    /// Does one operation on a shared key and checks what can be known of it.
    pub(super) fn step<S: Session>(&mut self, session: &mut S, step: u64) -> Result<(), Failure> {
        caught(|| self.act(session, step)).map_err(|wrong| Failure {
            step: Some(step),
            key: Some(shown(self.doing.1.key().bytes)),
            ..wrong.during(self.doing.0)
        })
    }

    fn act<S: Session>(&mut self, session: &mut S, step: u64) -> Result<(), Wrong> {
        if step.is_multiple_of(STEPS_A_RACE) {
            return self.race(session);
        }
        match self.dice.random_range(0..16) {
            0..5 => self.increment(session),
            5..9 => self.write(session),
            9..12 => self.read(session),
            12..15 => self.rewrite(session),
            _ => {
                let (_, sample) = self.contested("remove (shared)");
                session.remove(sample.key());
                Ok(())
            }
        }
    }

    fn increment<S: Session>(&mut self, session: &mut S) -> Result<(), Wrong> {
        let number = self.dice.random_range(0..COUNTERS);
        let sample = &self.shared.counters[number];
        self.doing = ("update (increment)", sample);
        let patches: bool = self.dice.random();
        let (outcome, old) = session.update(sample.key(), |value, buffer| {
            let old = match counter(value) {
                Ok(old) => old,
                Err(wrong) => return (Edit::Keep, Err(wrong)),
            };
            buffer.extend_from_slice(&(old + 1).to_le_bytes());
            let edit = match value {
                Some(_) if patches => Edit::Patch { at: 0 },
                _ => Edit::Store,
            };
            (edit, Ok(old))
        });
        let old = old?;
        if self.shared.refusals && outcome == Outcome::Refused {
            return Ok(());
        }
        self.increments[number] += 1;
        let wanted = [Outcome::Replaced, Outcome::Created][usize::from(old == 0)];
        expect(&wanted, &outcome)?;
        let latest = std::mem::replace(&mut self.latest[number], old + 1);
        if old < latest {
            let latest = format!("a count of {latest} or more");
            return Err(Wrong::new(
                &latest,
                &format!("{old}: an increment was lost"),
            ));
        }
        Ok(())
    }

    fn write<S: Session>(&mut self, session: &mut S) -> Result<(), Wrong> {
        let (number, sample) = self.contested("set (shared)");
        self.compose(number);
        match session.set(sample.key(), &self.value) {
            Stored::Refused if self.shared.refusals => Ok(()),
            Stored::Refused => Err(Wrong::new("Created or Replaced", "Refused")),
            _ => self.note(number, (self.me, self.count)),
        }
    }

    fn read<S: Session>(&mut self, session: &mut S) -> Result<(), Wrong> {
        let (number, sample) = self.contested("get (shared)");
        match session.get(sample.key(), |value| prove(value, number)) {
            Some(proof) => self.note(number, proof?),
            None => Ok(()),
        }
    }

    /// Replaces what is there by a value of this thread, in one step.
    fn rewrite<S: Session>(&mut self, session: &mut S) -> Result<(), Wrong> {
        let (number, sample) = self.contested("update (shared)");
        self.compose(number);
        let value = &self.value;
        let (outcome, saw) = session.update(sample.key(), |old, buffer| {
            buffer.extend_from_slice(value);
            // In place, where what is there has the same length.
            let edit = match old {
                Some(old) if old.len() == value.len() => Edit::Patch { at: 0 },
                _ => Edit::Store,
            };
            (edit, old.map(|old| prove(old, number)).transpose())
        });
        let saw = saw?;
        if self.shared.refusals && outcome == Outcome::Refused {
            return Ok(());
        }
        let wanted = [Outcome::Created, Outcome::Replaced][usize::from(saw.is_some())];
        expect(&wanted, &outcome)?;
        if let Some(proof) = saw {
            self.note(number, proof)?;
        }
        self.note(number, (self.me, self.count))
    }

    fn race<S: Session>(&mut self, session: &mut S) -> Result<(), Wrong> {
        let sample = &self.shared.races[self.won.len()];
        self.doing = ("update (add)", sample);
        let mine = self.me.to_le_bytes();
        let (outcome, ()) = session.update(sample.key(), |value, buffer| {
            buffer.extend_from_slice(&mine);
            (
                if value.is_some() {
                    Edit::Keep
                } else {
                    Edit::Store
                },
                (),
            )
        });
        match outcome {
            Outcome::Created | Outcome::Kept => {}
            Outcome::Refused if self.shared.refusals => {}
            other => return Err(Wrong::new("Created or Kept", &format!("{other:?}"))),
        }
        self.won.push(outcome == Outcome::Created);
        Ok(())
    }

    /// Picks a contested key.
    fn contested(&mut self, doing: &'static str) -> (usize, &'s Sample) {
        let number = self.dice.random_range(0..CONTESTED);
        let sample = &self.shared.contested[number];
        self.doing = (doing, sample);
        (number, sample)
    }

    /// Makes the next value of this thread for a contested key: often of the same length as others.
    fn compose(&mut self, number: usize) {
        self.count += 1;
        let length = match self.dice.random_range(0..8) {
            0..4 => 64,
            4..7 => self.dice.random_range(0..600),
            _ => self.dice.random_range(0..5000),
        };
        self.value.resize(PROOF + length, 0);
        self.dice.fill_bytes(&mut self.value[PROOF..]);
        self.value[8..12].copy_from_slice(&self.me.to_le_bytes());
        self.value[12..16].copy_from_slice(&key_number(number).to_le_bytes());
        self.value[16..24].copy_from_slice(&self.count.to_le_bytes());
        let checksum = xxh3_64(&self.value[8..]);
        self.value[..8].copy_from_slice(&checksum.to_le_bytes());
    }

    /// Notes that a writer's value was seen under a contested key, which must be no older than what
    /// was seen of that writer there before.
    fn note(&mut self, number: usize, (writer, count): (u32, u64)) -> Result<(), Wrong> {
        let Some(seen) = self.seen[number].get_mut(writer as usize) else {
            return Err(Wrong::new(
                "a thread's value",
                "one that no thread has written",
            ));
        };
        if count < *seen {
            return Err(Wrong {
                expected: format!("thread {writer}'s value {seen} or a later one"),
                got: format!("its value {count}, which was overwritten before"),
            });
        }
        *seen = count;
        Ok(())
    }
}

fn key_number(number: usize) -> u32 {
    u32::try_from(number).expect("few keys are contested")
}

/// The writer and the count of a contested value, if it is whole and belongs to this key.
fn prove(value: &[u8], number: usize) -> Result<(u32, u64), Wrong> {
    let wrong = |got: &str| Wrong {
        expected: "a value as some thread wrote it to this key".to_owned(),
        got: format!("{got}: {}", shown(value)),
    };
    let (Some((checksum, rest)), true) = (value.split_first_chunk(), value.len() >= PROOF) else {
        return Err(wrong("a cut-off value"));
    };
    if u64::from_le_bytes(*checksum) != xxh3_64(rest) {
        return Err(wrong("a torn value"));
    }
    let (writer, rest) = rest.split_first_chunk().expect("as long as a proof");
    let (key, rest) = rest.split_first_chunk().expect("as long as a proof");
    let (count, _) = rest.split_first_chunk().expect("as long as a proof");
    if u32::from_le_bytes(*key) != key_number(number) {
        return Err(wrong("another key's value"));
    }
    Ok((u32::from_le_bytes(*writer), u64::from_le_bytes(*count)))
}

/// What a counter says; absent is 0.
fn counter(value: Option<&[u8]>) -> Result<u64, Wrong> {
    let Some(value) = value else { return Ok(0) };
    let bytes = value.try_into().map_err(|_| Wrong {
        expected: "a counter of 8 bytes".to_owned(),
        got: shown(value),
    })?;
    Ok(u64::from_le_bytes(bytes))
}
