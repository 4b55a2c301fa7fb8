//! Whole tables under the schedules of shuttle: at each operation on a lock or an atomic, a scheduler says which thread
//! goes on.
//!
//! Three threads do a few operations each on two shared keys, and add keys of their own, so that tiny tables grow
//! meanwhile. Each shared key's history is searched for an order that explains it; what is left must be what was
//! stored. Half of the schedules are random, half of them give threads priorities that change at a few random points (PCT:
//! Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding
//! Bugs", ASPLOS 2010).
//!
//! In these schedules `optimistic` and `inline` move entries with each call that takes blocks from the slab or gives them
//! back to it, however few there are.
//!
//! A seed stands for a batch of schedules, because PCT learns from the first of them how long they are. `scripts/schedules`
//! runs them; it says how many, or which seed again.
//!
//! Every thread sees at once what another has written: *sequential consistency*. What a processor, or the compiler, may
//! reorder is not tried here; loom's models of the words that tables synchronise with are for that, and
//! `ThreadSanitizer` for locks that are not there.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rand::{RngExt, SeedableRng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner, thread};

use super::broken::{Broken, LOSES_UPDATES};
use super::failure::{Failure, Wrong};
use super::linear::{Did, Operation, Searched, search};
use super::sample::{Dice, Sample};
use super::structure::{self, Totals};
use super::unexplained::unexplained;
use super::unique;
use crate::base::{Journal, Params, Worker};
use crate::hash::{self, Hasher};
use crate::table::{
    Cuckoo, Dash, Edit, Env, ErasedTable, Fixed, Incremental, Inline, Kind, Linear, Optimistic,
    Resizable, RwLocked, Session, SpinBit, SplitOrdered, Stored, Striped, StripedRw, Tagged,
};

/// Tables so small that they grow, each with a few keys.
const TARGETS: &[(&str, Kind)] = &[
    ("fixed:buckets=1", Kind::of::<Fixed>()),
    ("resizable:buckets=1,load=0.5", Kind::of::<Resizable>()),
    ("rwlock:buckets=1,load=0.5", Kind::of::<RwLocked>()),
    (
        "striped:buckets=2,stripes=2,load=0.5",
        Kind::of::<Striped>(),
    ),
    (
        "striped-rw:buckets=2,stripes=2,load=0.5",
        Kind::of::<StripedRw>(),
    ),
    ("tagged:buckets=2,stripes=2,load=0.5", Kind::of::<Tagged>()),
    (
        "incremental:buckets=2,stripes=2,load=0.5,mover=writers,step=1",
        Kind::of::<Incremental>(),
    ),
    ("linear:buckets=2,stripes=2,load=0.5", Kind::of::<Linear>()),
    ("spinbit:buckets=1,load=0.5", Kind::of::<SpinBit>()),
    ("optimistic:buckets=1,load=0.1", Kind::of::<Optimistic>()),
    ("inline:buckets=1,load=0.05", Kind::of::<Inline>()),
    ("cuckoo:buckets=1,versions=1", Kind::of::<Cuckoo>()),
    (
        "split-ordered:buckets=1,load=0.5",
        Kind::of::<SplitOrdered>(),
    ),
    ("dash", Kind::of::<Dash>()),
];

/// Schedules of one seed.
const BATCH: usize = 25;

/// Schedules of each table, unless `BUCKETLAB_SCHEDULES` says another number.
const SCHEDULES: u64 = 500;

/// Threads of a schedule.
const THREADS: u32 = 3;

/// Operations of a thread on shared keys.
const EACH: usize = 4;

/// Shared keys.
const KEYS: usize = 2;

/// Lengths of values. The longest has a block in `inline`, too.
const LENGTHS: [usize; 3] = [16, 24, 240];

/// Changes of priority of a schedule of PCT.
const DEPTH: usize = 3;

/// Points of a schedule at most: one that has more waits for something that never comes.
const LONGEST: usize = 200_000;

/// States that a search may try: histories are short.
const BUDGET: usize = 1_000_000;

#[test]
fn shuttle_schedules_of_whole_tables_are_explained() {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let schedules = number("BUCKETLAB_SCHEDULES").unwrap_or(SCHEDULES);
    let (first, seeds) = match number("BUCKETLAB_SCHEDULE_SEED") {
        Some(seed) => (seed, 1),
        // Half of them each are random and of PCT.
        None => (1, schedules.div_ceil(2 * BATCH as u64)),
    };
    for (spec, kind) in TARGETS {
        let began = std::time::Instant::now();
        let mut histories = 0;
        for seed in first..first + seeds {
            for random in [true, false] {
                match batch(spec, kind, seed, random) {
                    Ok(searched) => histories += searched,
                    Err(failure) => panic!(
                        "{spec}, {} schedules: {failure}\nagain: scripts/schedules --seed {seed}",
                        if random { "random" } else { "PCT" }
                    ),
                }
            }
        }
        println!(
            "{spec}: {} schedules, {histories} histories, {:.1} s",
            2 * seeds * BATCH as u64,
            began.elapsed().as_secs_f64()
        );
    }
}

/// Both schedulers are of use: their histories show that an update is made of a get and a set.
#[test]
fn shuttle_schedules_find_an_update_that_is_lost() {
    static BROKEN: Kind = Kind::of::<Broken<Striped, LOSES_UPDATES>>();
    for random in [true, false] {
        let spec = "striped:buckets=2,stripes=2";
        let mut failures = (1..=20).filter_map(|seed| batch(spec, &BROKEN, seed, random).err());
        let failure = failures.next().expect("none of 500 schedules found it");
        assert!(failure.contains("an order of its operations"), "{failure}");
    }
}

/// Runs the schedules of one seed. How many histories were searched.
fn batch(spec: &'static str, kind: &'static Kind, seed: u64, random: bool) -> Result<u64, String> {
    let found = Arc::new(Mutex::new((0, None::<String>)));
    let into = Arc::clone(&found);
    let number = AtomicU64::new(0);
    let body = move || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let one = schedule(spec, kind, seed.wrapping_mul(1_000).wrapping_add(number));
        let mut found = into.lock().unwrap_or_else(PoisonError::into_inner);
        match one {
            Ok(histories) => found.0 += histories,
            Err(failure) => {
                found.1.get_or_insert(failure.to_string());
            }
        }
    };
    let ran = catch_unwind(AssertUnwindSafe(|| {
        if random {
            run(RandomScheduler::new_from_seed(seed, BATCH), body);
        } else {
            run(PctScheduler::new_from_seed(seed, DEPTH, BATCH), body);
        }
    }));
    let found = found.lock().unwrap_or_else(PoisonError::into_inner);
    match (&found.1, ran) {
        (Some(failure), _) => Err(failure.clone()),
        (None, Err(_)) => Err("it panicked, or waits for ever: see above".to_owned()),
        (None, Ok(())) => Ok(found.0),
    }
}

fn run(scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.max_steps = MaxSteps::FailAfter(LONGEST);
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(body);
}

fn hasher() -> Hasher {
    Hasher::new(hash::find("sip13").expect("it is there"), [1, 2])
}

fn open(spec: &str, kind: &Kind) -> Box<dyn ErasedTable> {
    let spec = spec.parse().expect("a spec");
    let params = Params::resolve(kind.params, &spec).expect("valid parameters");
    let env = Env {
        hasher: hasher(),
        clock: || 0,
        journal: Arc::new(Journal::new(0)),
        recency: false,
    };
    (kind.open)(&params, &env).expect("a small table")
}

/// What a thread did.
#[derive(Default)]
struct Done {
    histories: [Vec<Operation>; KEYS],
    own: Vec<Sample>,
}

/// One schedule: what its seed says, in the order that the scheduler says.
fn schedule(spec: &str, kind: &Kind, seed: u64) -> Result<u64, Failure> {
    let mut table = Arc::new(open(spec, kind));
    let time = Arc::new(AtomicU64::new(1));
    let threads: Vec<_> = (0..THREADS)
        .map(|me| {
            let (table, time) = (Arc::clone(&table), Arc::clone(&time));
            let dice = Dice::seed_from_u64(seed ^ u64::from(me) << 56);
            thread::spawn(move || work(table.as_ref().as_ref(), &time, me, dice))
        })
        .collect();
    let mut all: Vec<Done> = Vec::new();
    for thread in threads {
        let done = thread.join().map_err(|_| lost("a thread that ends"))?;
        all.push(done?);
    }
    let mut totals = Totals::default();
    let mut searched = 0;
    {
        let mut session = table.session(Worker::ALONE);
        for sample in all.iter().flat_map(|done| &done.own) {
            let bytes = sample.key().bytes;
            if session.get(sample.key(), |value| value == bytes) != Some(true) {
                return Err(lost("an entry that one thread has stored"));
            }
            totals.count(bytes, bytes);
        }
        for number in 0..KEYS {
            let key = shared(number);
            let mut history: Vec<Operation> = all
                .iter()
                .flat_map(|done| done.histories[number].iter().copied())
                .collect();
            let value = session.get(key.key(), <[u8]>::to_vec);
            let saw = value
                .as_deref()
                .map(|value| unique::number_of(value, number));
            let saw = saw.transpose().map_err(|wrong| wrong.during("read-back"))?;
            history.push(Operation {
                thread: THREADS,
                name: "read-back",
                from_ns: tick(&time),
                to_ns: tick(&time),
                did: Did::Saw(saw),
            });
            if let Some(value) = value {
                totals.count(key.key().bytes, &value);
            }
            match search(&history, BUDGET) {
                Searched::Explained => searched += 1,
                Searched::Spent => return Err(lost("a search within its budget")),
                Searched::Unexplained(order) => {
                    return Err(unexplained(&key, &history, &order).failure);
                }
            }
        }
    }
    let table = Arc::get_mut(&mut table).expect("the threads have ended");
    structure::check(table.as_mut(), totals)?;
    Ok(searched)
}

fn lost(expected: &str) -> Failure {
    Wrong::new(expected, "none").during("a schedule")
}

fn shared(number: usize) -> Sample {
    Sample::new(format!("shared {number}").into_bytes(), &hasher())
}

fn tick(time: &AtomicU64) -> u64 {
    time.fetch_add(1, Ordering::Relaxed)
}

fn work(
    table: &dyn ErasedTable,
    time: &AtomicU64,
    me: u32,
    mut dice: Dice,
) -> Result<Done, Failure> {
    let index = me;
    let mut session = table.session(Worker { index, of: THREADS });
    let mut done = Done::default();
    let mut value = Vec::new();
    for step in 0..EACH {
        let number = dice.random_range(0..KEYS);
        let written = (u64::from(me) << 32) | (step as u64 + 1);
        unique::write(
            written,
            number,
            LENGTHS[dice.random_range(0..LENGTHS.len())],
            &mut value,
        );
        let key = shared(number);
        let from_ns = tick(time);
        let (name, did) = act(
            &mut session,
            dice.random_range(0..8),
            &key,
            number,
            written,
            &value,
        )
        .map_err(|wrong| wrong.during("a schedule"))?;
        let to_ns = tick(time);
        done.histories[number].push(Operation {
            thread: me,
            name,
            from_ns,
            to_ns,
            did,
        });
        if dice.random_range(0..3) > 0 {
            let own = Sample::new(format!("own {me} {step}").into_bytes(), &hasher());
            if session.set(own.key(), own.key().bytes) != Stored::Created {
                return Err(lost("Created"));
            }
            done.own.push(own);
        }
    }
    Ok(done)
}

fn act<S: Session>(
    session: &mut S,
    kind: u32,
    key: &Sample,
    number: usize,
    written: u64,
    value: &[u8],
) -> Result<(&'static str, Did), Wrong> {
    Ok(match kind {
        0..3 => {
            let saw = session.get(key.key(), |value| {
                shuttle::thread::sleep(std::time::Duration::ZERO);
                unique::number_of(value, number)
            });
            ("get", Did::Saw(saw.transpose()?))
        }
        3..5 => {
            let replaced = session.set(key.key(), value) == Stored::Replaced;
            let value = written;
            ("set", Did::Set { value, replaced })
        }
        5 => ("remove", Did::Removed(session.remove(key.key()))),
        _ => {
            let (_, saw) = session.update(key.key(), |old, buffer| {
                shuttle::thread::sleep(std::time::Duration::ZERO);
                buffer.extend_from_slice(value);
                let saw = old.map(|old| unique::number_of(old, number)).transpose();
                (Edit::Store, saw)
            });
            let (saw, to) = (saw?, Some(written));
            ("update", Did::Changed { saw, to })
        }
    })
}
