//! Several sessions at once: keys of their own, and keys that they contend for.
//!
//! On its own keys each thread knows every outcome, whatever the others do. On shared keys it does not,
//! so each value carries the data to check it:
//!
//! ```text
//!   a contested value   │ checksum │ writer │ key │ count │ random bytes … │
//!                       └─ over all that follows    └─ of the writer's writes, rising
//! ```
//!
//! - A checksum that does not match shows a torn value, and the number of another key a foreign value.
//!   Writes to a key happen in one order, so a count below one that this thread has already seen (or
//!   written) from that writer under that key shows an old value that came back.
//! - Only updates increment shared counters: a sum that is not exact at the end shows a lost update.
//! - Races: every thread adds the same new keys in the same order, if absent. Exactly one thread creates
//!   each key.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rand::{RngExt, SeedableRng};

use super::contender::{Contender, Shared};
use super::failure::{Failure, caught_whole, panicked};
use super::open::{growths, open_noting};
use super::plan::{Counts, Plan};
use super::sample::{self, Dice};
use super::structure::{self, Totals};
use super::walker::Walker;
use crate::base::{Params, Worker};
use crate::table::{Env, ErasedTable, Kind};

/// After how many steps a thread lets others have its core: a short check would else be over before
/// they get one, where there are fewer cores than threads. No oftener, as each turn may cost
/// milliseconds on a busy machine.
const STEPS_A_TURN: u64 = 256;

/// Has `plan.threads` threads work on a fresh table, checks what each of them sees, then reads all keys
/// back and compares usage and census with the union of what they wrote.
///
/// # Errors
/// The first thing that the table did wrong, in the order of the threads.
pub fn concurrent(kind: &Kind, params: &Params, env: &Env, plan: &Plan) -> Result<Counts, Failure> {
    caught_whole(|| {
        let mut dice = Dice::seed_from_u64(plan.seed);
        let own = sample::keys(plan.key_space, &env.hasher, &mut dice);
        let shared = Shared::new(plan, &env.hasher);
        let parts = (0..plan.threads).map(|me| {
            // Neighbours in the list differ in little, and belong to different threads.
            let mine = own.iter().skip(me as usize).step_by(plan.threads as usize);
            let walker = Walker::new(mine.collect(), Dice::seed_from_u64(dice.random()), plan);
            let dice = Dice::seed_from_u64(dice.random());
            (walker, Contender::new(&shared, me, dice, plan))
        });
        let parts: Vec<_> = parts.collect();

        let (mut table, journal) = open_noting(kind, params, env)?;
        let (mut walkers, contenders) = all_at_once(table.as_ref(), plan, parts)?;

        let mut totals = Totals::default();
        let mut counts = Counts::default();
        {
            let mut session = table.session(Worker::ALONE);
            for walker in &mut walkers {
                walker.read_back(&mut session)?;
                totals += walker.totals();
                counts += walker.counts;
            }
            totals += shared.read_back(&mut session, &contenders)?;
        }
        structure::check(table.as_mut(), totals)?;
        Ok(Counts {
            growths: growths(&journal),
            ..counts
        })
    })
}

/// Runs each part in a thread of its own and gives the parts back when all are done.
fn all_at_once<'k>(
    table: &dyn ErasedTable,
    plan: &Plan,
    parts: Vec<(Walker<'k>, Contender<'k>)>,
) -> Result<(Vec<Walker<'k>>, Vec<Contender<'k>>), Failure> {
    let start = &Barrier::new(parts.len());
    let stop = &AtomicBool::new(false);
    let results: Vec<Result<_, Failure>> = thread::scope(|scope| {
        let threads: Vec<_> = parts
            .into_iter()
            .map(|(mut walker, mut contender)| {
                scope.spawn(move || {
                    start.wait();
                    let result = work(table, plan, stop, &mut walker, &mut contender);
                    if result.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    result.map(|()| (walker, contender))
                })
            })
            .collect();
        let joined = threads.into_iter().zip(0..).map(|(thread, me)| {
            // What panics outside the steps is the opening or the closing of a session.
            let result = thread.join();
            let result = result.unwrap_or_else(|p| Err(panicked(p.as_ref()).during("a session")));
            result.map_err(|failure| Failure {
                thread: Some(me),
                ..failure
            })
        });
        joined.collect()
    });
    let parts: Vec<_> = results.into_iter().collect::<Result<_, _>>()?;
    Ok(parts.into_iter().unzip())
}

fn work(
    table: &dyn ErasedTable,
    plan: &Plan,
    stop: &AtomicBool,
    walker: &mut Walker<'_>,
    contender: &mut Contender<'_>,
) -> Result<(), Failure> {
    let mut session = table.session(Worker {
        index: contender.index(),
        of: plan.threads,
    });
    for step in 1..=plan.steps {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        walker.step(&mut session)?;
        contender.step(&mut session, step)?;
        if step.is_multiple_of(STEPS_A_TURN) {
            thread::yield_now();
        }
    }
    Ok(())
}
