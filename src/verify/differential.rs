//! One session against a model map.

use rand::SeedableRng;

use super::failure::{Failure, caught_whole};
use super::open::open;
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
    caught_whole(|| {
        let mut dice = Dice::seed_from_u64(plan.seed);
        let samples = sample::keys(plan.key_space, &env.hasher, &mut dice);
        let mut walker = Walker::new(samples.iter().collect(), dice, plan);
        let mut table = open(kind, params, env)?;
        {
            let mut session = table.session(Worker::ALONE);
            for _ in 0..plan.steps {
                walker.step(&mut session)?;
            }
            walker.read_back(&mut session)?;
        }
        structure::check(table.as_mut(), walker.totals())?;
        Ok(walker.counts)
    })
}
