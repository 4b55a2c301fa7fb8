//! Floor 5: one row per strategy: the only list of them.
//!
//! A row is a struct of plain function pointers, each a loop that was compiled for that strategy:
//! the one dynamic call is around the loop, never inside it. `list`, the checks, the benchmarks and
//! the README's table follow from the rows.

use crate::base::{BadInput, Param, Params, Spec, SpecError, unknown_name};
use crate::bench::{self, Open, Pipe};
use crate::hash::Hasher;
use crate::serve;
use crate::table::{
    Cuckoo, Dash, DashMap, Env, Fixed, Flurry, Incremental, Linear, MutexHashbrown, Null,
    Optimistic, Papaya, Resizable, RwLocked, Scc, ShardedHashbrown, SpinBit, SplitOrdered,
    Strategy, Striped, StripedRw, Tagged,
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
    /// Whether parameters go together.
    pub check: fn(&Params) -> Result<(), SpecError>,
    /// Whether it is a control: not verified, not ranked, drawn as the floor.
    pub control: bool,
    /// Whether it is a map of others behind our interface.
    pub peer: bool,
    /// Whether it can be walked for eviction and expiry.
    pub walk: bool,
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

/// The built-in strategies, in the order of `list`. Append: a strategy's place fixes its colour.
pub const ROWS: &[Row] = &[
    Row::control::<Null>(),
    Row::of::<Fixed>(),
    Row::of::<Resizable>(),
    Row::of::<Striped>(),
    Row::of::<Dash>(),
    Row::of::<Cuckoo>(),
    Row::of::<Incremental>(),
    Row::of::<Linear>(),
    Row::of::<RwLocked>(),
    Row::of::<StripedRw>(),
    Row::of::<SpinBit>(),
    Row::of::<Optimistic>(),
    Row::of::<Tagged>(),
    Row::of::<MutexHashbrown>(),
    Row::of::<ShardedHashbrown>(),
    Row::of::<DashMap>(),
    Row::of::<Papaya>(),
    Row::of::<Scc>(),
    Row::of::<Flurry>(),
    Row::of::<SplitOrdered>(),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Slow<Resizable>>(),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Stall<Striped>>(),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::LostUpdate<Striped>>(),
    #[cfg(feature = "faults")]
    Row::of::<crate::table::Same<Resizable>>(),
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
            check: S::check,
            control: false,
            peer: S::PEER,
            walk: S::WALK,
            child: |open, pipe| bench::child::<S>(open, quick_check::<S>, pipe),
            verify: verify::run::<S>,
            micro: bench::micro::<S>,
            serve: serve::serve::<S>,
        }
    }

    /// The row of a control: a strategy that holds nothing.
    #[must_use]
    pub const fn control<S: Strategy>() -> Row {
        Row {
            control: true,
            child: |open, pipe| bench::control_child::<S>(open, pipe),
            verify: |_, _, _| Ok(verify::Counts::default()),
            ..Row::of::<S>()
        }
    }
}

/// What every table passes before it is timed.
fn quick_check<S: Strategy>(params: &Params, env: &Env) -> Result<(), String> {
    let plan = verify::Plan::quick();
    verify::run::<S>(params, env, &plan)
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
    use super::*;

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
    fn unknown_strategies_are_answered_with_the_nearest() {
        let error = resolve(ROWS, &"fixde:buckets=4".parse().unwrap()).unwrap_err();
        assert!(error.0.contains("did you mean 'fixed'"), "{error}");
    }
}
