//! What holds of several strategies alike.

use super::testing::{env, key, open};
use super::*;
use crate::base::{Params, SpecError, Worker};

/// A growth that one leaves to another must not be left undone.
fn is_not_full_when_all_have_gone<S: Strategy>() {
    for _ in 0..2000 {
        let mut table: S = open(&format!("{}:buckets=1,load=1", S::NAME));
        std::thread::scope(|scope| {
            for index in 0..2 {
                let table = &table;
                scope.spawn(move || {
                    let mut session = table.session(Worker { index, of: 2 });
                    for number in 0..3 {
                        session.set(key(&format!("{index} {number}")), b"value");
                    }
                });
            }
        });
        assert!(table.settled());
        let census = table.census();
        assert_eq!((census.items, census.buckets), (6, 8), "{}", S::NAME);
    }
}

#[test]
fn no_growth_is_left_undone() {
    is_not_full_when_all_have_gone::<SpinBit>();
    is_not_full_when_all_have_gone::<SplitOrdered>();
}

fn absent_patch<S: Strategy>(spec: &str) {
    let table: S = open(spec);
    let mut session = table.session(Worker::ALONE);
    session.update(key("absent"), |_, _| (Edit::Patch { at: 0 }, ()));
}

#[test]
#[should_panic(expected = "a patch needs an entry")]
fn fixed_asserts_a_patch_of_nothing() {
    absent_patch::<Fixed>("fixed");
}

#[test]
#[should_panic(expected = "a patch needs an entry")]
fn resizable_asserts_a_patch_of_nothing() {
    absent_patch::<Resizable>("resizable");
}

#[test]
#[should_panic(expected = "a patch needs an entry")]
fn striped_asserts_a_patch_of_nothing() {
    absent_patch::<Striped>("striped");
}

#[test]
fn an_array_too_large_to_allocate_is_bad_input() {
    let spec = "resizable:load=0.1,capacity=2^40".parse().unwrap();
    let params = Params::resolve(Resizable::PARAMS, &spec).unwrap();
    let buckets = buckets::buckets_for(1 << 40, 0.1, 1024);
    assert_eq!(buckets, 1 << 44);
    let error = Resizable::open(&params, &env("sip13")).err().unwrap();
    assert!(error.0.contains("more than can be allocated"), "{error}");
}

fn check<S: Strategy>(text: &str) -> Result<(), SpecError> {
    S::check(&Params::resolve(S::PARAMS, &text.parse().unwrap())?)
}

#[test]
fn more_stripes_than_buckets_are_refused_but_not_the_default() {
    for text in [
        "striped:buckets=4",
        "striped:buckets=4,stripes=4",
        "striped:stripes=2048,capacity=10000",
    ] {
        assert!(check::<Striped>(text).is_ok(), "{text}");
    }
    let wanted = "stripes=2^11 is more than the 1024 buckets at the start, and a stripe covers whole \
                  buckets: at most stripes=2^10, or give buckets=2^11";
    for (name, refused) in [
        ("striped", check::<Striped>("striped:stripes=2048")),
        ("striped-rw", check::<StripedRw>("striped-rw:stripes=2048")),
        ("linear", check::<Linear>("linear:stripes=2048")),
        ("tagged", check::<Tagged>("tagged:stripes=2048")),
        (
            "incremental",
            check::<Incremental>("incremental:stripes=2048"),
        ),
    ] {
        assert_eq!(
            refused.unwrap_err().to_string(),
            format!("{name}: {wanted}")
        );
    }
    // A capacity sets the buckets at the start, and with them the most stripes.
    let text = "capacity=1000,load=0.9,stripes=65536";
    for (refused, name, buckets, most) in [
        (
            check::<Tagged>(&format!("tagged:{text}")),
            "tagged",
            2048,
            11,
        ),
        (
            check::<Linear>(&format!("linear:{text}")),
            "linear",
            1112,
            10,
        ),
    ] {
        let wanted = format!(
            "{name}: stripes=2^16 is more than the {buckets} buckets at the start, and a stripe covers \
             whole buckets: at most stripes=2^{most}, or give buckets=2^16"
        );
        assert_eq!(refused.unwrap_err().to_string(), wanted);
    }
    assert!(check::<Tagged>("tagged:capacity=1000,load=0.9,stripes=2048").is_ok());
    assert!(check::<Linear>("linear:capacity=10000,stripes=4096").is_ok());
    // What does not grow has no use for a capacity.
    assert!(check::<Striped>("striped:stripes=2048,capacity=10000,grow=off").is_err());
}

/// Batches of all lengths around those of groups and hints, in which keys repeat, do what a loop over `set` does.
fn sets_many<S: Strategy>(spec: &str) {
    let (many, single): (S, S) = (open(spec), open(spec));
    let (mut many_session, mut single_session) =
        (many.session(Worker::ALONE), single.session(Worker::ALONE));
    let mut turn = 0_usize;
    for length in (0..=70).chain([200, 1_000]) {
        let named: Vec<(String, Vec<u8>)> = (0..length)
            .map(|at| {
                turn += 1;
                let number = turn * turn % 700;
                // Some replace a value by one of its length, some by a longer or shorter one.
                let value = vec![b"abcdefgh"[turn % 8]; number + turn / 100 % 3 * 40];
                // Every fifth has the same key, so that keys repeat within a batch.
                let name = if at % 5 == 4 { 4 } else { number };
                (name.to_string(), value)
            })
            .collect();
        let entries: Vec<_> = named
            .iter()
            .map(|(name, value)| (key(name), value.as_slice()))
            .collect();
        let mut stored = vec![Vec::new(); entries.len()];
        many_session.set_many(&entries, |index, did| stored[index].push(did));
        for ((key, value), stored) in entries.iter().zip(stored) {
            assert_eq!(stored, [single_session.set(*key, value)], "{spec} {length}");
        }
        for (key, _) in &entries {
            many_session.prefetch(*key);
            let value = many_session.get(*key, <[u8]>::to_vec);
            assert!(value.is_some());
            let wanted = single_session.get(*key, <[u8]>::to_vec);
            assert_eq!(value, wanted, "{spec} {length}");
        }
    }
    assert_eq!(many.usage().items, single.usage().items);
}

#[test]
fn sets_of_a_batch_do_what_single_ones_do() {
    fn each<S: Strategy>() {
        for spec in S::SAMPLES {
            sets_many::<S>(spec);
        }
    }
    each::<Fixed>();
    each::<Resizable>();
    each::<RwLocked>();
    each::<Striped>();
    each::<StripedRw>();
    each::<Linear>();
    each::<Tagged>();
    each::<Incremental>();
    each::<SpinBit>();
    each::<SplitOrdered>();
    each::<Dash>();
    each::<Cuckoo>();
    each::<Optimistic>();
    each::<Inline>();
    each::<DashMap>();
}

/// What a hint asks for may be replaced, moved or divided meanwhile.
#[test]
fn hints_and_batches_go_on_while_the_table_grows() {
    fn beside_growth<S: Strategy>(spec: &str) {
        let table: S = open(spec);
        std::thread::scope(|scope| {
            for index in 0..2 {
                let table = &table;
                scope.spawn(move || {
                    let mut session = table.session(Worker { index, of: 2 });
                    let names: Vec<_> = (0..4_000).map(|n| format!("{index} {n}")).collect();
                    for names in names.chunks(50) {
                        let entries: Vec<_> = names
                            .iter()
                            .map(|name| (key(name), &b"value"[..]))
                            .collect();
                        session.set_many(&entries, |_, did| assert_eq!(did, Stored::Created));
                    }
                });
            }
        });
        assert_eq!(table.usage().items, 8_000, "{spec}");
    }
    beside_growth::<Cuckoo>("cuckoo:buckets=1");
    beside_growth::<Dash>("dash");
    beside_growth::<Inline>("inline:buckets=1");
    beside_growth::<Linear>("linear:buckets=1");
    beside_growth::<Optimistic>("optimistic:buckets=1");
    beside_growth::<SpinBit>("spinbit:buckets=1");
    beside_growth::<Striped>("striped:buckets=16");
    beside_growth::<Tagged>("tagged:buckets=16");
}
