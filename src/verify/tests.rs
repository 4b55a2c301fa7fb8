//! The checks reject strategies with deliberate errors. Tests of the catalog show that its strategies pass.

use std::sync::Arc;

use super::broken::{self, Broken};
use super::{Counts, Failure, Plan, Values, concurrent, differential, run, walk};
use crate::base::{Journal, Params};
use crate::hash::{self, HashRow, Hasher};
use crate::table::{Dash, Env, Fixed, Kind, Papaya, Resizable, Strategy, Striped};

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

/// Small enough to run for every strategy, parameter and hash.
const SMALL: Plan = Plan {
    seed: 7,
    steps: 2_000,
    key_space: 250,
    threads: 3,
    refusals: false,
    values: Values::Mixed,
};

fn env(row: &HashRow) -> Env {
    Env {
        hasher: Hasher::new(row, [3, 4]),
        clock: || 0,
        journal: Arc::new(Journal::new(8)),
        recency: false,
    }
}

fn sip() -> Env {
    env(hash::find("sip13").unwrap())
}

fn params<S: Strategy>(spec: &str) -> Params {
    Params::resolve(S::PARAMS, &spec.parse().unwrap()).unwrap()
}

#[test]
fn dash_conforms_while_segments_split() {
    // A segment holds all the keys of the samples' checks; these split several.
    let plan = Plan {
        steps: 16_000,
        key_space: 8_000,
        threads: 3,
        ..Plan::quick()
    };
    for hash in ["sip13", "identity"] {
        let env = env(hash::find(hash).unwrap());
        run(&Kind::of::<Dash>(), &params::<Dash>("dash"), &env, &plan).unwrap();
    }
}

/// papaya takes 5·log2(slots) entries of one hash, removed ones included until a resize drops them,
/// and with more tries one table after the other until memory is gone. It is given no more.
#[test]
fn papaya_conforms_with_as_many_collisions_as_it_bears() {
    let few = Plan {
        key_space: 20,
        ..SMALL
    };
    let roomy = params::<Papaya>("papaya:capacity=2^16");
    differential(&Kind::of::<Papaya>(), &roomy, &env(&CONSTANT), &few).unwrap();
}

#[test]
fn the_quick_plan_passes_does_everything_and_grows_a_table() {
    let params = params::<Resizable>("resizable");
    let plan = Plan::quick();
    let counts = run(&Kind::of::<Resizable>(), &params, &sip(), &plan).unwrap();
    let Counts {
        gets,
        hits,
        sets,
        inserts,
        removes,
        updates,
        batches,
        set_batches,
        quiesces,
        walked,
        growths,
    } = counts;
    for count in [
        hits,
        gets - hits,
        sets,
        inserts,
        removes,
        updates,
        batches,
        set_batches,
        quiesces,
        walked,
    ] {
        assert!(count > 200, "{counts:?}");
    }
    // One at least in each of both checks.
    assert!(growths >= 2, "{counts:?}");
    // Each thread's steps, and each key read back in both checks.
    let steps = plan.steps * (1 + u64::from(plan.threads)) + 2 * plan.key_space as u64;
    assert_eq!(counts.total(), steps);
    let grown = differential(
        &Kind::of::<Broken<Resizable, { broken::STAYS_SMALL }>>(),
        &params,
        &sip(),
        &plan,
    );
    assert!(grown.unwrap_err().got.contains("has grown"));
}

#[test]
fn the_same_plan_does_the_same() {
    let params = params::<Fixed>("fixed");
    let counts = differential(&Kind::of::<Fixed>(), &params, &sip(), &SMALL);
    assert_eq!(
        differential(&Kind::of::<Fixed>(), &params, &sip(), &SMALL),
        counts
    );
    let other = Plan { seed: 8, ..SMALL };
    assert_ne!(
        differential(&Kind::of::<Fixed>(), &params, &sip(), &other),
        counts
    );
}

#[test]
fn the_journal_of_the_measurement_stays_empty() {
    let env = sip();
    run(
        &Kind::of::<Resizable>(),
        &params::<Resizable>("resizable:buckets=1"),
        &env,
        &SMALL,
    )
    .unwrap();
    assert_eq!(env.journal.drain(), (vec![], 0));
}

/// What one session finds wrong.
fn alone<const FAULT: u8>() -> Failure {
    differential(
        &Kind::of::<Broken<Fixed, FAULT>>(),
        &params::<Fixed>("fixed"),
        &sip(),
        &Plan::quick(),
    )
    .unwrap_err()
}

/// What several sessions find wrong, where one alone finds nothing.
fn together<const FAULT: u8>() -> Failure {
    let (params, env) = (params::<Fixed>("fixed"), sip());
    let alone = differential(&Kind::of::<Broken<Fixed, FAULT>>(), &params, &env, &SMALL);
    assert!(alone.is_ok(), "{alone:?}");
    concurrent(&Kind::of::<Broken<Fixed, FAULT>>(), &params, &env, &SMALL).unwrap_err()
}

#[test]
fn a_wrapper_with_no_fault_passes() {
    let (params, env) = (params::<Striped>("striped"), sip());
    run(
        &Kind::of::<Broken<Striped, { broken::NOTHING }>>(),
        &params,
        &env,
        &SMALL,
    )
    .unwrap();
}

#[test]
fn a_lost_set_is_caught() {
    let failure = alone::<{ broken::LOSES_SETS }>();
    assert!(
        failure.key.is_some() && failure.step > Some(1000),
        "{failure}"
    );
    assert!(failure.expected.contains("the value"), "{failure}");
}

#[test]
fn a_stale_value_is_caught() {
    let failure = alone::<{ broken::STALE }>();
    assert!(failure.operation.contains("get"), "{failure}");
    assert!(failure.got.contains("the value"), "{failure}");
}

#[test]
fn a_wrong_census_is_caught() {
    let failure = alone::<{ broken::MISCOUNTS }>();
    assert_eq!((failure.operation.as_str(), failure.step), ("census", None));
    assert!(failure.expected.ends_with(" items"), "{failure}");
    let failure = alone::<{ broken::MISWEIGHS }>();
    assert!(failure.expected.contains("as usage says"), "{failure}");
}

#[test]
fn a_panic_is_caught_with_its_message() {
    let failure = alone::<{ broken::PANICS }>();
    assert_eq!(failure.operation, "set");
    assert!(
        failure.key.is_some() && failure.step > Some(700),
        "{failure}"
    );
    assert!(failure.got.contains("the table is on fire"), "{failure}");
    let failure = alone::<{ broken::CLOSED }>();
    assert!(failure.got.contains("no session for anybody"), "{failure}");
    let failure = concurrent(
        &Kind::of::<Broken<Fixed, { broken::CLOSED }>>(),
        &params::<Fixed>("fixed"),
        &sip(),
        &SMALL,
    );
    let failure = failure.unwrap_err();
    assert_eq!(failure.thread, Some(0));
    assert!(failure.got.contains("no session for anybody"), "{failure}");
}

#[test]
fn a_refusal_is_caught_unless_a_budget_is_in_force() {
    let failure = alone::<{ broken::REFUSES }>();
    assert_eq!(
        (failure.operation.as_str(), failure.got.as_str()),
        ("set", "Refused")
    );
    let plan = Plan {
        refusals: true,
        ..Plan::quick()
    };
    run(
        &Kind::of::<Broken<Fixed, { broken::REFUSES }>>(),
        &params::<Fixed>("fixed"),
        &sip(),
        &plan,
    )
    .unwrap();
}

#[test]
fn wrong_batches_buffers_and_removals_are_caught() {
    let failure = alone::<{ broken::SKIPS }>();
    assert_eq!(
        (failure.operation.as_str(), failure.got.as_str()),
        ("get_many", "0")
    );
    let failure = alone::<{ broken::SKIPS_SETS }>();
    assert_eq!(
        (failure.operation.as_str(), failure.got.as_str()),
        ("set_many", "0")
    );
    let failure = alone::<{ broken::LOSES_LAST }>();
    assert!(failure.expected.contains("the value"), "{failure}");
    let failure = alone::<{ broken::REVERSES_SETS }>();
    assert_eq!(failure.operation, "set_many", "{failure}");
    let failure = alone::<{ broken::DIRTY }>();
    assert_eq!(failure.expected, "an empty buffer");
    let failure = alone::<{ broken::BOASTS }>();
    assert_eq!(
        (failure.expected.as_str(), failure.got.as_str()),
        ("false", "true")
    );
}

#[test]
fn wrong_walks_are_caught() {
    fn walking<const FAULT: u8>() -> Failure {
        let params = params::<Resizable>("resizable:buckets=1");
        walk(
            &Kind::of::<Broken<Resizable, FAULT>>(),
            &params,
            &sip(),
            &SMALL,
        )
        .unwrap_err()
    }
    let failure = walking::<{ broken::WALKS_PAST }>();
    assert_eq!(failure.operation, "walk");
    assert!(failure.got == "0 times", "{failure}");
    let failure = walking::<{ broken::FORGETS_USES }>();
    assert_eq!(failure.operation, "walk after uses");
    assert!(failure.got == "false", "{failure}");
    let failure = walking::<{ broken::NEVER_UNMARKS }>();
    assert_eq!(failure.operation, "walk after unmarking");
    let failure = walking::<{ broken::NEVER_REMOVES }>();
    assert_eq!(failure.operation, "get after a walk that removed");
    assert!(failure.key.is_some(), "{failure}");
    let failure = walking::<{ broken::LOSES_ITS_PLACE }>();
    assert!(
        failure.expected.contains("was there throughout"),
        "{failure}"
    );
    let params = params::<Resizable>("resizable:buckets=1");
    let walked = walk(
        &Kind::of::<Broken<Resizable, { broken::NOTHING }>>(),
        &params,
        &sip(),
        &SMALL,
    );
    assert_eq!(
        walked,
        Ok(Counts::default()),
        "it says that it cannot be walked"
    );
}

#[test]
fn a_torn_value_is_caught() {
    let failure = together::<{ broken::TEARS }>();
    assert!(failure.got.contains("a torn value"), "{failure}");
}

#[test]
fn a_lost_update_is_caught() {
    together::<{ broken::LOSES_UPDATES }>();
}

#[test]
fn a_failure_reads_as_a_sentence() {
    let failure = Failure {
        step: Some(17),
        thread: Some(1),
        operation: "get".into(),
        key: Some("\"ab\\x00\" (3 B)".into()),
        expected: "the value \"x\" (1 B)".into(),
        got: "no entry".into(),
    };
    assert_eq!(
        failure.to_string(),
        "get of key \"ab\\x00\" (3 B) at step 17 of thread 1: expected the value \"x\" (1 B), got no entry"
    );
}
