//! What all peers have in common. That they are right is the business of the checks one floor up.

use super::{DashMap, Flurry, MutexHashbrown, Papaya, Scc, ShardedHashbrown};
use crate::base::{Params, Worker};
use crate::table::testing::{env, fill, key, open};
use crate::table::{Edit, Outcome, Session, Stored, Strategy};

/// Usage and census agree through growth, replacement by other lengths, and removal, whichever
/// session did it.
fn accounts_agree<S: Strategy>(spec: &str) {
    let mut table: S = open(spec);
    fill(&table, 0..2000);
    let mut session = table.session(Worker::ALONE);
    for n in 0..1000 {
        let (name, value) = (n.to_string(), vec![7; n]);
        match n % 3 {
            0 => assert!(session.remove(key(&name))),
            1 => assert_eq!(session.set(key(&name), &value), Stored::Replaced),
            _ => {
                let store = |_: Option<&[u8]>, buffer: &mut Vec<u8>| {
                    buffer.extend_from_slice(&value);
                    (Edit::Store, ())
                };
                assert_eq!(session.update(key(&name), store).0, Outcome::Replaced);
            }
        }
    }
    session.quiesce();
    drop(session);
    let usage = table.usage();
    let census = table.census();
    assert_eq!((usage.items, census.items), (1666, 1666), "{spec}");
    assert_eq!(usage.bytes, census.bytes.total(), "{spec}");
    let values: usize = (0..1000).filter(|n| n % 3 != 0).sum::<usize>() + 1000 * b"value".len();
    assert_eq!(census.bytes.value, values as u64, "{spec}");
}

fn absent_patch<S: Strategy>(spec: &str) {
    let table: S = open(spec);
    let patch = |_: Option<&[u8]>, _: &mut Vec<u8>| (Edit::Patch { at: 0 }, ());
    let patching = std::panic::AssertUnwindSafe(|| {
        table.session(Worker::ALONE).update(key("absent"), patch);
    });
    let panic = std::panic::catch_unwind(patching).unwrap_err();
    let message = panic.downcast_ref::<String>().map(String::as_str);
    assert_eq!(
        message.or_else(|| panic.downcast_ref::<&str>().copied()),
        Some("a patch needs an entry"),
        "{spec}"
    );
}

macro_rules! peers {
    ($($name:ident: $strategy:ty, $spec:literal;)*) => {
        $(
            #[test]
            fn $name() {
                accounts_agree::<$strategy>($spec);
                accounts_agree::<$strategy>(&format!("{}:capacity=10000", $spec));
                absent_patch::<$strategy>($spec);
            }
        )*
    };
}

peers! {
    mutex_hashbrown: MutexHashbrown, "mutex-hashbrown";
    sharded_hashbrown: ShardedHashbrown, "sharded-hashbrown";
    dashmap: DashMap, "dashmap";
    papaya: Papaya, "papaya";
    scc: Scc, "scc";
    flurry: Flurry, "flurry";
}

#[test]
fn more_capacity_than_memory_is_bad_input() {
    fn refused<S: Strategy>() {
        let spec = format!("{}:capacity=2^40", S::NAME).parse().unwrap();
        let params = Params::resolve(S::PARAMS, &spec).unwrap();
        let error = S::open(&params, &env("sip13")).err().unwrap();
        assert!(error.0.contains("more than can be allocated"), "{error}");
    }
    refused::<MutexHashbrown>();
    refused::<ShardedHashbrown>();
    refused::<DashMap>();
    refused::<Papaya>();
    refused::<Scc>();
    refused::<Flurry>();
}
