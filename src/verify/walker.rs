//! One session that does random operations, beside a model that does the same.

use std::collections::HashMap;

use rand::{RngExt, SeedableRng};

use super::failure::{Failure, Wrong, caught, expect};
use super::plan::{Counts, Plan, Values};
use super::progress;
use super::sample::{self, Dice, Sample, same, shown};
use super::structure::Totals;
use crate::base::Key;
use crate::table::{Edit, Outcome, Session, Stored};

/// How many keys get half of all operations.
const HOT_KEYS: usize = 16;

/// The greatest number of keys handed to `get_many` or `set_many`.
const BATCH: usize = 40;

/// What a step does.
#[derive(Clone, Copy)]
enum Action {
    Get,
    Set,
    Insert,
    Remove,
    Update(Change),
    GetMany,
    SetMany,
    Quiesce,
}

/// What an update does.
#[derive(Clone, Copy)]
enum Change {
    Keep,
    Store,
    Append,
    Patch,
    Remove,
}

/// Actions with their weights, in percent.
const MIX: [(Action, u32); 12] = [
    (Action::Get, 24),
    (Action::Set, 17),
    (Action::Insert, 16),
    (Action::Remove, 7),
    (Action::Update(Change::Store), 7),
    (Action::Update(Change::Append), 5),
    (Action::Update(Change::Patch), 7),
    (Action::Update(Change::Keep), 3),
    (Action::Update(Change::Remove), 3),
    (Action::GetMany, 6),
    (Action::SetMany, 3),
    (Action::Quiesce, 2),
];

/// Walks over keys that no other session touches, and knows what each holds.
pub(super) struct Walker<'k> {
    keys: Vec<&'k Sample>,
    model: HashMap<&'k [u8], Vec<u8>>,
    /// The seed of all steps.
    seed: u64,
    /// Those of this step.
    dice: Dice,
    refusals: bool,
    values: Values,
    /// What was done so far.
    pub(super) counts: Counts,
    step: u64,
    /// The key of the last step.
    sample: Option<&'k Sample>,
    /// What is being done, for the failure of an operation that panics.
    doing: &'static str,
    /// The value being written.
    value: Vec<u8>,
}

impl<'k> Walker<'k> {
    /// A walk over these keys, none of which is in the table.
    pub(super) fn new(keys: Vec<&'k Sample>, mut dice: Dice, plan: &Plan) -> Walker<'k> {
        Walker {
            keys,
            model: HashMap::new(),
            seed: dice.random(),
            dice,
            refusals: plan.refusals,
            values: plan.values,
            counts: Counts::default(),
            step: 0,
            sample: None,
            doing: "",
            value: Vec::new(),
        }
    }

    /// Does the next operation and checks all of it.
    pub(super) fn step<S: Session>(&mut self, session: &mut S) -> Result<(), Failure> {
        self.step_number(self.step + 1, session)
    }

    /// Does the operation of this number and checks all of it. What it does follows from the number and the
    /// model alone, so that steps between can be left out.
    pub(super) fn step_number<S: Session>(
        &mut self,
        number: u64,
        session: &mut S,
    ) -> Result<(), Failure> {
        self.step = number;
        self.dice = Dice::seed_from_u64(self.seed.wrapping_add(number));
        progress::step(number);
        let action = self.action();
        let sample = match action {
            Action::Insert => self.pick_absent(),
            _ => self.pick(),
        };
        self.sample = Some(sample);
        self.guarded(sample.key(), |walker| walker.act(session, sample, action))
    }

    /// What the last step did.
    pub(super) fn described(&self) -> String {
        let key = self
            .sample
            .map_or_else(String::new, |one| shown(one.key().bytes));
        format!("step {}: {} of key {key}", self.step, self.doing)
    }

    /// Reads every key, whether the table should have it or not.
    pub(super) fn read_back<S: Session>(&mut self, session: &mut S) -> Result<(), Failure> {
        self.doing = "read-back";
        for at in 0..self.keys.len() {
            let key = self.keys[at].key();
            self.guarded(key, |walker| walker.get(session, key))?;
        }
        Ok(())
    }

    /// What the table must hold.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (key, value) in &self.model {
            totals.count(key, value);
        }
        totals
    }

    fn guarded(
        &mut self,
        key: Key<'_>,
        work: impl FnOnce(&mut Self) -> Result<(), Wrong>,
    ) -> Result<(), Failure> {
        caught(|| work(self)).map_err(|wrong| Failure {
            step: Some(self.step),
            key: Some(shown(key.bytes)),
            ..wrong.during(self.doing)
        })
    }

    fn pick(&mut self) -> &'k Sample {
        let among = if self.dice.random() {
            self.keys.len().min(HOT_KEYS)
        } else {
            self.keys.len()
        };
        self.keys[self.dice.random_range(0..among)]
    }

    /// Picks a key that is not in the table, if there is one near where the dice fall.
    fn pick_absent(&mut self) -> &'k Sample {
        let at = self.dice.random_range(0..self.keys.len());
        let near = &self.keys[at..self.keys.len().min(at + 16)];
        let absent = |sample: &&&'k Sample| !self.model.contains_key(sample.key().bytes);
        near.iter().find(absent).unwrap_or(&self.keys[at])
    }

    fn action(&mut self) -> Action {
        let mut roll = self.dice.random_range(0..100);
        for (action, weight) in MIX {
            if roll < weight {
                return action;
            }
            roll -= weight;
        }
        unreachable!("the weights add up to 100")
    }

    fn act<S: Session>(
        &mut self,
        session: &mut S,
        sample: &'k Sample,
        action: Action,
    ) -> Result<(), Wrong> {
        let key = sample.key();
        match action {
            Action::Get => {
                self.doing = "get";
                self.get(session, key)
            }
            Action::Set => self.set(session, key),
            // Its caller knows the key to be absent, and it cannot say that it was refused.
            Action::Insert if self.refusals || self.model.contains_key(key.bytes) => {
                self.set(session, key)
            }
            Action::Insert => {
                self.doing = "insert_new";
                self.counts.inserts += 1;
                sample::value(self.values, &mut self.dice, &mut self.value);
                session.insert_new(key, &self.value);
                self.model.insert(key.bytes, self.value.clone());
                Ok(())
            }
            Action::Remove => {
                self.doing = "remove";
                self.counts.removes += 1;
                let present = self.model.remove(key.bytes).is_some();
                expect(&present, &session.remove(key))
            }
            Action::Update(change) => self.update(session, key, change),
            Action::GetMany => self.get_many(session),
            Action::SetMany => self.set_many(session),
            Action::Quiesce => {
                self.doing = "quiesce";
                self.counts.quiesces += 1;
                session.quiesce();
                Ok(())
            }
        }
    }

    fn get<S: Session>(&mut self, session: &mut S, key: Key<'_>) -> Result<(), Wrong> {
        let expected = self.model.get(key.bytes).map(Vec::as_slice);
        self.counts.gets += 1;
        self.counts.hits += u64::from(expected.is_some());
        session
            .get(key, |value| same(expected, Some(value)))
            .unwrap_or_else(|| same(expected, None))
    }

    fn set<S: Session>(&mut self, session: &mut S, key: Key<'k>) -> Result<(), Wrong> {
        self.doing = "set";
        self.counts.sets += 1;
        self.compose(key);
        let stored = session.set(key, &self.value);
        let value = self.value.clone();
        self.was_set(key, value, stored)
    }

    /// Makes the value that a set of `key` writes.
    fn compose(&mut self, key: Key<'_>) {
        sample::value(self.values, &mut self.dice, &mut self.value);
        if let (Some(old), 0) = (self.model.get(key.bytes), self.step % 4) {
            // Values of unchanged length take a path of their own in many tables.
            self.value.resize(old.len(), 0xa5);
        }
    }

    /// Learns what a set has come to.
    fn was_set(&mut self, key: Key<'k>, value: Vec<u8>, stored: Stored) -> Result<(), Wrong> {
        if self.refusals && stored == Stored::Refused {
            return Ok(());
        }
        match self.model.insert(key.bytes, value) {
            Some(_) => expect(&Stored::Replaced, &stored),
            None => expect(&Stored::Created, &stored),
        }
    }

    fn update<S: Session>(
        &mut self,
        session: &mut S,
        key: Key<'k>,
        change: Change,
    ) -> Result<(), Wrong> {
        self.counts.updates += 1;
        sample::value(self.values, &mut self.dice, &mut self.value);
        let old = self.model.get(key.bytes);
        // What is asked for, and what it makes of the entry.
        let (doing, edit, new) = match (change, old) {
            (Change::Patch, Some(old)) => {
                let at = self.dice.random_range(0..=old.len());
                self.value.truncate(old.len() - at);
                let mut new = old.clone();
                new[at..at + self.value.len()].copy_from_slice(&self.value);
                ("update (patch)", Edit::Patch { at }, Some(new))
            }
            (Change::Append, Some(old)) if old.len() < 10_000 => {
                let new = [old.as_slice(), &self.value].concat();
                ("update (append)", Edit::Store, Some(new))
            }
            (Change::Store | Change::Append, _) => {
                ("update (store)", Edit::Store, Some(self.value.clone()))
            }
            (Change::Remove, _) => ("update (remove)", Edit::Remove, None),
            (Change::Keep | Change::Patch, old) => ("update (keep)", Edit::Keep, old.cloned()),
        };
        self.doing = doing;
        let appends = doing == "update (append)";
        let payload = &self.value;
        let (outcome, saw) = session.update(key, |value, buffer| {
            let mut saw = same(old.map(Vec::as_slice), value);
            // On every call, the second try of a table that lost a race included.
            if !buffer.is_empty() {
                saw = Err(Wrong::new("an empty buffer", &shown(buffer)));
            }
            if appends {
                buffer.extend_from_slice(value.unwrap_or_default());
            }
            buffer.extend_from_slice(payload);
            (edit, saw)
        });
        saw?;
        if self.refusals
            && outcome == Outcome::Refused
            && matches!(edit, Edit::Store | Edit::Patch { .. })
        {
            return Ok(());
        }
        let wanted = match (edit, old.is_some()) {
            (Edit::Keep, _) | (Edit::Remove, false) => Outcome::Kept,
            (Edit::Store, false) => Outcome::Created,
            (Edit::Store | Edit::Patch { .. }, _) => Outcome::Replaced,
            (Edit::Remove, true) => Outcome::Removed,
        };
        match new {
            Some(new) => self.model.insert(key.bytes, new),
            None => self.model.remove(key.bytes),
        };
        expect(&wanted, &outcome)
    }

    fn get_many<S: Session>(&mut self, session: &mut S) -> Result<(), Wrong> {
        self.doing = "get_many";
        self.counts.batches += 1;
        let keys: Vec<Key<'_>> = (0..self.dice.random_range(0..=BATCH))
            .map(|_| self.pick().key())
            .collect();
        let mut calls = vec![0; keys.len()];
        let mut result = Ok(());
        session.get_many(&keys, |index, value| {
            calls[index] += 1;
            let expected = self.model.get(keys[index].bytes).map(Vec::as_slice);
            if let (Ok(()), Err(wrong)) = (&result, same(expected, value)) {
                let key = shown(keys[index].bytes);
                result = Err(Wrong {
                    expected: format!("{} for index {index}, key {key}", wrong.expected),
                    got: wrong.got,
                });
            }
        });
        result?;
        called_once(&calls)
    }

    /// Keys may repeat: sets of a batch are done in order.
    fn set_many<S: Session>(&mut self, session: &mut S) -> Result<(), Wrong> {
        self.doing = "set_many";
        self.counts.set_batches += 1;
        let mut values = Vec::new();
        for _ in 0..self.dice.random_range(0..=BATCH) {
            let key = self.pick().key();
            self.compose(key);
            values.push((key, self.value.clone()));
        }
        let entries: Vec<(Key<'_>, &[u8])> = values
            .iter()
            .map(|(key, value)| (*key, value.as_slice()))
            .collect();
        let (mut calls, mut outcomes) = (vec![0; values.len()], vec![None; values.len()]);
        session.set_many(&entries, |index, stored| {
            calls[index] += 1;
            outcomes[index] = Some(stored);
        });
        called_once(&calls)?;
        for (index, ((key, value), stored)) in values.into_iter().zip(outcomes).enumerate() {
            let stored = stored.expect("it was called");
            self.was_set(key, value, stored).map_err(|wrong| Wrong {
                expected: format!(
                    "{} for index {index}, key {}",
                    wrong.expected,
                    shown(key.bytes)
                ),
                got: wrong.got,
            })?;
        }
        Ok(())
    }
}

/// Whether `each` of a batch was called as often as it is to be.
fn called_once(calls: &[u32]) -> Result<(), Wrong> {
    match calls.iter().position(|&calls| calls != 1) {
        None => Ok(()),
        Some(index) => Err(Wrong {
            expected: format!("one call for index {index} of {}", calls.len()),
            got: format!("{}", calls[index]),
        }),
    }
}
