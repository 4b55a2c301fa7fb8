//! Floor 6: one row per strategy: the only list of them.
//!
//! A row is a struct of plain function pointers to what was compiled for that strategy: its timed loops, and a
//! table for all that is not timed. The dynamic call is around a chunk of a loop, never inside it. `list`, the checks, the benchmarks and
//! the guide's lists follow from the rows.

use crate::base::{BadInput, Param, Params, Spec, SpecError, unknown_name};
use crate::bench::{self, Open, Pipe, TimedKind};
use crate::hash::Hasher;
use crate::serve;
use crate::table::{
    Cuckoo, Dash, DashMap, Env, Fixed, Flurry, Guarantees, Incremental, Inline, Kind, Linear,
    MutexHashbrown, Null, Optimistic, Papaya, Resizable, RwLocked, Scc, ShardedHashbrown, SpinBit,
    SplitOrdered, Strategy, Striped, StripedRw, Tagged,
};
use crate::verify;

/// One strategy.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name in a spec.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Where the idea comes from.
    pub source: &'static str,
    /// The parameters.
    pub params: &'static [Param],
    /// Specs that the checks open tables with.
    pub samples: &'static [&'static str],
    /// What it promises beside its speed.
    pub guarantees: Guarantees,
    /// Whether it stays usable when all keys have one hash.
    pub bears_one_hash: bool,
    /// Whether parameters go together.
    pub check: fn(&Params) -> Result<(), SpecError>,
    /// Whether it is a control: not verified, not ranked, drawn as the floor.
    pub control: bool,
    /// Whether it is a map of others behind our interface.
    pub peer: bool,
    /// Which colour, marker and dash it has in charts, see [`Row::look`].
    pub look: Option<u32>,
    /// Whether it can be walked for eviction and expiry.
    pub walk: bool,
    /// How its tables are opened for all that is not timed.
    pub kind: Kind,
    /// Why it claims more or fewer bytes than it allocates, where it does.
    pub unclaimed: Option<&'static str>,
    /// Serves a table of this strategy to a parent process.
    pub child: fn(&Open, &mut dyn Pipe) -> anyhow::Result<()>,
    /// Checks tables with these parameters against a model.
    pub verify: fn(&Params, &Env, &verify::Plan) -> Result<verify::Counts, verify::Failure>,
    /// Times one kind of operation for a micro-benchmark.
    pub micro: fn(&Params, &Env, bench::MicroOp, &mut bench::Measure<'_>) -> anyhow::Result<()>,
    /// Serves a table behind the memcached protocol until a signal ends it.
    pub serve: Serve,
}

/// [`serve::serve`] for one strategy.
pub type Serve = fn(
    &Params,
    Hasher,
    &serve::Options,
    &mut dyn FnMut(&[&str]) -> anyhow::Result<()>,
) -> anyhow::Result<()>;

/// The built-in strategies, in the order of `list`. A new one takes a look that no other row has.
pub const ROWS: &[Row] = &[
    Row::control::<Null>().look(0),
    Row::of::<Fixed>().look(1),
    Row::of::<Resizable>().look(2),
    Row::of::<Striped>().look(3),
    Row::of::<Dash>().look(4),
    Row::of::<Cuckoo>().look(5),
    Row::of::<Incremental>().look(6),
    Row::of::<Linear>().look(7),
    Row::of::<RwLocked>().look(8),
    Row::of::<StripedRw>().look(9),
    Row::of::<SpinBit>().look(10),
    Row::of::<Optimistic>().look(11),
    Row::of::<Tagged>().look(12),
    Row::of::<MutexHashbrown>().look(13),
    Row::of::<ShardedHashbrown>().look(14),
    Row::of::<DashMap>().look(15),
    Row::of::<Papaya>().look(16),
    Row::of::<Scc>().look(17),
    Row::of::<Flurry>().look(18),
    Row::of::<SplitOrdered>().look(19),
    Row::of::<Inline>().look(24),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Slow<Resizable>>().look(20),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Stall<Striped>>().look(21),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::LostUpdate<Striped>>().look(22),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Same<Resizable>>().look(23),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::StaleAfterGrowth<Striped>>().look(40),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::MissesWhileGrowing<Striped>>().look(41),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Tears<Striped>>().look(42),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Leaks<Striped>>().look(43),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Miscounts<Striped>>().look(44),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Evicts<Striped>>().look(45),
];

impl Row {
    /// The row of a strategy.
    #[must_use]
    pub const fn of<S: Strategy>() -> Row {
        Row {
            name: S::NAME,
            about: S::ABOUT,
            source: S::SOURCE,
            params: S::PARAMS,
            samples: S::SAMPLES,
            guarantees: S::GUARANTEES,
            bears_one_hash: S::BEARS_ONE_HASH,
            check: S::check,
            control: false,
            peer: S::PEER,
            look: None,
            walk: S::WALK,
            kind: Kind::of::<S>(),
            unclaimed: S::UNCLAIMED,
            child: |open, pipe| bench::child(&TimedKind::of::<S>(), open, quick_check::<S>, pipe),
            verify: |params, env, plan| verify::run(&Kind::of::<S>(), params, env, plan),
            micro: |params, env, op, measure| {
                bench::micro(&TimedKind::of::<S>(), params, env, op, measure)
            },
            serve: |params, hasher, options, ready| {
                serve::serve(&Kind::of::<S>(), params, hasher, options, ready)
            },
        }
    }

    /// The row of a control: a strategy that holds nothing.
    #[must_use]
    pub const fn control<S: Strategy>() -> Row {
        Row {
            control: true,
            child: |open, pipe| bench::control_child(&TimedKind::of::<S>(), open, pipe),
            verify: |_, _, _| Ok(verify::Counts::default()),
            micro: |params, env, op, measure| {
                bench::control_micro(&TimedKind::of::<S>(), params, env, op, measure)
            },
            ..Row::of::<S>()
        }
    }

    /// The row with a look of its own: an index of colour, marker and dash. It belongs to the name for
    /// good, so that charts of all runs can be laid side by side.
    #[must_use]
    pub const fn look(self, index: u32) -> Row {
        Row {
            look: Some(index),
            ..self
        }
    }
}

/// The look of a row: its own, or for a row that states none one that no row of the list states.
#[must_use]
pub fn look_of(rows: &[Row], row: &Row) -> u32 {
    row.look.unwrap_or_else(|| {
        let stated = rows.iter().filter_map(|other| other.look);
        let free = stated.max().map_or(0, |last| last + 1);
        let without = rows.iter().filter(|other| other.look.is_none());
        let before = without.filter(|other| other.name < row.name).count();
        free.saturating_add(u32::try_from(before).unwrap_or(u32::MAX))
    })
}

/// What every table passes before it is timed.
fn quick_check<S: Strategy>(params: &Params, env: &Env) -> Result<(), String> {
    let plan = verify::Plan::quick();
    verify::run(&Kind::of::<S>(), params, env, &plan)
        .map(drop)
        .map_err(|failure| failure.to_string())
}

/// Finds a row by its name.
///
/// # Errors
/// An unknown strategy, with the nearest one.
pub fn find<'r>(rows: &'r [Row], name: &str) -> Result<&'r Row, BadInput> {
    let named = rows.iter().find(|row| row.name == name);
    named.ok_or_else(|| unknown_name("strategy", name, rows.iter().map(|row| row.name)))
}

/// Finds the row that a spec names and checks its parameters.
///
/// # Errors
/// An unknown strategy or parameter or a value out of range, with the nearest valid one.
pub fn resolve<'r>(rows: &'r [Row], spec: &Spec) -> Result<(&'r Row, Params), BadInput> {
    let row = find(rows, &spec.name)?;
    let params = Params::resolve(row.params, spec)?;
    (row.check)(&params)?;
    Ok((row, params))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::base::Journal;
    use crate::hash::{self, HashRow};

    #[test]
    fn names_are_unique_and_every_row_takes_a_capacity() {
        for (index, row) in ROWS.iter().enumerate() {
            assert!(
                ROWS[..index].iter().all(|other| other.name != row.name),
                "{}",
                row.name
            );
            assert!(
                row.params.iter().any(|param| param.name == "capacity"),
                "{}",
                row.name
            );
            assert!(
                !row.about.is_empty() && !row.about.contains('\n'),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn a_look_belongs_to_one_name_whatever_its_place() {
        let looks = |rows: &[Row]| -> Vec<(&str, u32)> {
            let looks = rows.iter().map(|row| (row.name, look_of(rows, row)));
            let mut looks: Vec<_> = looks.collect();
            looks.sort_unstable();
            looks
        };
        let mut turned = ROWS.to_vec();
        turned.reverse();
        assert_eq!(looks(ROWS), looks(&turned));
        // Committed runs have these.
        for (name, look) in [("null", 0), ("fixed", 1), ("striped", 3), ("papaya", 16)] {
            assert!(looks(ROWS).contains(&(name, look)), "{name}");
        }
        // Two without a look of their own still look like no other.
        for index in [2, 5] {
            turned[index].look = None;
        }
        for looks in [looks(ROWS), looks(&turned)] {
            let distinct: std::collections::BTreeSet<u32> =
                looks.iter().map(|(_, look)| *look).collect();
            assert_eq!(distinct.len(), ROWS.len(), "{looks:?}");
        }
    }

    #[test]
    fn unknown_strategies_are_answered_with_the_nearest() {
        let error = resolve(ROWS, &"fixde:buckets=4".parse().unwrap()).unwrap_err();
        assert!(error.0.contains("did you mean 'fixed'"), "{error}");
    }

    /// All keys collide in all bits.
    static CONSTANT: HashRow = HashRow {
        name: "constant",
        about: "the worst of hashes",
        source: "these tests",
        bits: 64,
        keyed: false,
        flood_resistant: false,
        look: 0,
        function: |_, _| 0x9e37_79b9_7f4a_7c15,
    };

    /// Checks the samples of a row against the model, under a hash that spreads, one that does not, and
    /// the worst.
    fn conforms(row: &Row) -> Result<(), String> {
        let plan = verify::Plan {
            seed: 7,
            steps: 2_000,
            key_space: 250,
            threads: 3,
            refusals: false,
            values: verify::Values::Mixed,
        };
        for sample in row.samples {
            let spec = sample
                .parse()
                .map_err(|error| format!("{sample}: {error}"))?;
            let (named, params) = resolve(ROWS, &spec).map_err(|error| error.to_string())?;
            assert_eq!(named.name, row.name, "{sample} is of another strategy");
            let good = ["sip13", "identity"].map(|name| hash::find(name).unwrap());
            let worst = row.bears_one_hash.then_some(&CONSTANT);
            for hash in good.into_iter().chain(worst) {
                let env = Env {
                    hasher: Hasher::new(hash, [3, 4]),
                    clock: || 0,
                    journal: Arc::new(Journal::new(8)),
                    recency: false,
                };
                (row.verify)(&params, &env, &plan)
                    .map_err(|failure| format!("{sample} under {}: {failure}", hash.name))?;
            }
        }
        Ok(())
    }

    /// Adding a strategy takes its file, a `mod` line and a row: this is the check of the new row too.
    #[test]
    fn every_strategy_conforms() {
        let next = AtomicUsize::new(0);
        let failed = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some(row) = ROWS.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(failure) = conforms(row) {
                            failed.lock().unwrap().push(failure);
                        }
                    }
                });
            }
        });
        let failed = failed.into_inner().unwrap();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }

    #[test]
    fn every_strategy_has_samples_and_one_of_its_defaults() {
        for row in ROWS {
            let wrong_on_purpose = cfg!(feature = "faults") && row.samples.is_empty();
            assert!(
                wrong_on_purpose || row.samples.contains(&row.name),
                "{}",
                row.name
            );
        }
    }
}
