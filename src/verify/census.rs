//! What a table says of its memory and its entries, held against what was stored and what was allocated.
//!
//! One thread does all of it, because the counting allocator counts for one thread. What it counts are the sizes asked
//! for; what the heap adds to them is no table's.

use rand::{RngExt, SeedableRng};

use super::failure::{Failure, Wrong, caught, caught_whole, expect};
use super::open::open;
use super::progress;
use super::sample::{self, Dice, Sample};
use super::structure::{self, Totals};
use crate::base::{Params, Worker};
use crate::machine::counting;
use crate::table::{AnySession, Env, ErasedTable, Kind, Session, Stored as Outcome};

/// Entries of a table: as many as one chain can hold in reasonable time.
const ENTRIES: usize = 1_500;

/// Tables that are filled, churned and dropped one after the other; the first pays for what the process keeps.
const CYCLES: usize = 2;

/// Times that each entry is replaced, removed, stored again and read.
const CHURNS: usize = 10;

/// Churns before the bytes are first read: garbage that waits for its turn is bounded then.
const SETTLED: usize = 3;

/// The part of a table's bytes by which claim and count may differ.
const CLAIM: f64 = 0.02;

/// The part of a table's bytes by which churn may let it grow, and which may be left after it was dropped.
const GARBAGE: f64 = 0.03;

/// Bytes that may come and go whatever a table holds: lists of garbage, thread-local bags.
const SMALL: f64 = 16_384.0;

/// Operations between two calls of `quiesce`.
const QUIESCE: usize = 32;

/// What a round has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weighed {
    pub(super) operations: u64,
    /// Bytes that the table claimed, and those that were counted, for the same entries.
    pub(super) bytes: Option<(u64, u64)>,
}

impl Weighed {
    /// Whether claim and count differ by more than they may.
    pub(super) fn differ(&self) -> bool {
        self.bytes.is_some_and(|(claimed, counted)| {
            (float(claimed) - float(counted)).abs() > CLAIM * float(counted)
        })
    }
}

/// Fills a table, compares its claims with what was allocated, churns it and drops it, some times over.
pub(super) fn census(
    kind: &Kind,
    params: &Params,
    env: &Env,
    seed: u64,
) -> Result<Weighed, Failure> {
    caught_whole(|| {
        let mut dice = Dice::seed_from_u64(seed);
        let samples = sample::keys(ENTRIES, &env.hasher, &mut dice);
        let values: Vec<Vec<u8>> = samples
            .iter()
            .map(|_| vec![dice.random(); dice.random_range(0..200)])
            .collect();
        let stored = Stored { samples, values };
        let mut weighed = Weighed::default();
        let mut left = Vec::new();
        for _ in 0..CYCLES {
            let before = Meter::start();
            cycle(kind, params, env, &stored, &before, &mut weighed)?;
            left.push(before.read());
            Meter::stop();
        }
        if let (Some((_, counted)), Some(Some(left))) = (weighed.bytes, left.last()) {
            let most = GARBAGE * float(counted) + SMALL;
            if *left > most {
                let got = format!("{left:.0} B, of a table that held {counted} B");
                return Err(Wrong::new("next to nothing allocated", &got).during("after the drop"));
            }
        }
        Ok(weighed)
    })
}

struct Stored {
    samples: Vec<Sample>,
    values: Vec<Vec<u8>>,
}

/// The life of one table.
fn cycle(
    kind: &Kind,
    params: &Params,
    env: &Env,
    stored: &Stored,
    meter: &Meter,
    weighed: &mut Weighed,
) -> Result<(), Failure> {
    let mut table = open(kind, params, env)?;
    work(table.as_ref(), |session| fill(session, stored, weighed))
        .map_err(|wrong| wrong.during("filling"))?;
    rest(table.as_ref());
    structure::check(table.as_mut(), stored.totals())?;
    let counted = meter.read();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bytes of a table"
    )]
    let counted = counted.map(|bytes| bytes.max(0.0) as u64);
    weighed.bytes = counted.map(|counted| (table.usage().bytes, counted));
    let mut settled = None;
    for churn in 1..=CHURNS {
        work(table.as_ref(), |session| churned(session, stored, weighed))
            .map_err(|wrong| wrong.during("churning"))?;
        rest(table.as_ref());
        if churn == SETTLED {
            settled = meter.read();
        }
    }
    if let (Some(before), Some(after)) = (settled, meter.read())
        && after - before > GARBAGE * before + SMALL
    {
        let wrong = Wrong {
            expected: format!("the {before:.0} B that the same entries took before"),
            got: format!("{after:.0} B after {} more churns", CHURNS - SETTLED),
        };
        return Err(wrong.during("churning"));
    }
    structure::check(table.as_mut(), stored.totals())
}

fn work(
    table: &dyn ErasedTable,
    work: impl FnOnce(&mut AnySession<'_>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let mut session = table.session(Worker::ALONE);
    caught(|| work(&mut session))
}

fn fill(session: &mut impl Session, stored: &Stored, weighed: &mut Weighed) -> Result<(), Wrong> {
    for (at, (sample, value)) in stored.each().enumerate() {
        quiesce(session, at);
        expect(&Outcome::Created, &session.set(sample.key(), value))?;
        weighed.operations += 1;
    }
    Ok(())
}

/// Replaces, removes and stores each entry again, and reads it.
fn churned(
    session: &mut impl Session,
    stored: &Stored,
    weighed: &mut Weighed,
) -> Result<(), Wrong> {
    for (at, (sample, value)) in stored.each().enumerate() {
        quiesce(session, at);
        let key = sample.key();
        expect(&Outcome::Replaced, &session.set(key, value))?;
        expect(&true, &session.remove(key))?;
        expect(&Outcome::Created, &session.set(key, value))?;
        expect(&Some(true), &session.get(key, |found| found == value))?;
        weighed.operations += 4;
    }
    Ok(())
}

fn quiesce(session: &mut impl Session, at: usize) {
    if at.is_multiple_of(QUIESCE) {
        session.quiesce();
        progress::sign();
    }
}

/// Lets garbage that waits for its turn be freed.
fn rest(table: &dyn ErasedTable) {
    let mut session = table.session(Worker::ALONE);
    for _ in 0..QUIESCE {
        session.quiesce();
    }
}

impl Stored {
    fn each(&self) -> impl Iterator<Item = (&Sample, &[u8])> {
        self.samples
            .iter()
            .zip(self.values.iter().map(Vec::as_slice))
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for (sample, value) in self.each() {
            totals.count(sample.key().bytes, value);
        }
        totals
    }
}

/// Bytes that this thread has allocated and not freed; `None` in a program without the counting allocator.
struct Meter;

impl Meter {
    fn start() -> Meter {
        counting::start();
        Meter
    }

    fn read(&self) -> Option<f64> {
        let Meter = self;
        counting::live().map(|bytes| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "bytes of a table, far below 2^53"
            )]
            let bytes = bytes as f64;
            bytes
        })
    }

    fn stop() {
        counting::stop();
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "bytes of a table, far below 2^53"
)]
fn float(bytes: u64) -> f64 {
    bytes as f64
}
