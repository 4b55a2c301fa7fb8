//! One session against a model map.

use rand::SeedableRng;

use super::failure::{Failure, caught_whole};
use super::open::{growths, open_noting};
use super::plan::{Counts, Plan};
use super::sample::{self, Dice};
use super::structure;
use super::walker::Walker;
use crate::base::{Params, Worker};
use crate::table::{Env, Kind};

/// Does a seeded random sequence of all operations on a fresh table and on a model map, compares
/// every outcome and every value byte, reads all keys back, and compares usage and census.
///
/// # Errors
/// The first thing that the table did wrong.
pub fn differential(
    kind: &Kind,
    params: &Params,
    env: &Env,
    plan: &Plan,
) -> Result<Counts, Failure> {
    replay(kind, params, env, plan, 1..=plan.steps, None)
}

/// Does these steps alone of the sequence that the plan stands for: a step's operation follows from its
/// number, and what it finds from those that were done before. `told` gets a line for each step.
///
/// # Errors
/// The first thing that the table did wrong.
pub(super) fn replay(
    kind: &Kind,
    params: &Params,
    env: &Env,
    plan: &Plan,
    steps: impl Iterator<Item = u64>,
    mut told: Option<&mut Vec<String>>,
) -> Result<Counts, Failure> {
    caught_whole(|| {
        let mut dice = Dice::seed_from_u64(plan.seed);
        let samples = sample::keys(plan.key_space, &env.hasher, &mut dice);
        let mut walker = Walker::new(samples.iter().collect(), dice, plan);
        let (mut table, journal) = open_noting(kind, params, env)?;
        {
            let mut session = table.session(Worker::ALONE);
            for number in steps {
                let done = walker.step_number(number, &mut session);
                if let Some(told) = &mut told {
                    told.push(walker.described());
                }
                done?;
            }
            walker.read_back(&mut session)?;
        }
        structure::check(table.as_mut(), walker.totals())?;
        Ok(Counts {
            growths: growths(&journal),
            ..walker.counts
        })
    })
}
