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
