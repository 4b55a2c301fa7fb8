//! What the tests of tables share: an environment, keys, and tables opened from a spec.

use std::ops::Range;
use std::sync::Arc;

use super::strategy::{Env, Session, Strategy};
use crate::base::{Journal, Key, Params, Worker};
use crate::hash::{self, Hasher};

/// An environment with the named hash function and a clock that stands still.
pub(super) fn env(hash: &str) -> Env {
    Env {
        hasher: Hasher::new(hash::find(hash).unwrap(), [1, 2]),
        clock: || 0,
        journal: Arc::new(Journal::new(1024)),
        recency: false,
    }
}

/// Opens a table from its spec, under SipHash-1-3.
pub(super) fn open<S: Strategy>(spec: &str) -> S {
    open_in(spec, &env("sip13"))
}

/// Opens a table from its spec.
pub(super) fn open_in<S: Strategy>(spec: &str, env: &Env) -> S {
    let params = Params::resolve(S::PARAMS, &spec.parse().unwrap()).unwrap();
    assert_eq!(params.strategy(), S::NAME);
    S::open(&params, env).unwrap()
}

/// A key with its hash under [`env`]'s SipHash-1-3.
pub(super) fn key(bytes: &str) -> Key<'_> {
    let bytes = bytes.as_bytes();
    let hash = env("sip13").hasher.hash(bytes);
    Key { bytes, hash }
}

/// Adds the decimals of these numbers.
pub(super) fn fill<S: Strategy>(table: &S, numbers: Range<u64>) {
    let mut session = table.session(Worker::ALONE);
    for number in numbers {
        session.insert_new(key(&number.to_string()), b"value");
    }
}
