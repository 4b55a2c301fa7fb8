//! What the tests of tables share: an environment, keys, and tables opened from a spec.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::strategy::{Edit, Env, Session, Stored, Strategy};
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

/// Readers look for what is there and for what is not, one by one and in batches, all the while another session fills
/// the table up to `last`, which makes it grow again and again, and a third overwrites and moves.
pub(super) fn read_beside_growth<S: Strategy>(table: &S, last: u64, most: u64) {
    let filled = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..last {
                fill(table, number..number + 1);
                filled.store(number + 1, Ordering::Release);
            }
        });
        scope.spawn(|| {
            let mut session = table.session(Worker::ALONE);
            let mut round = 0;
            while filled.load(Ordering::Acquire) < last {
                // Another length, and so another place, at each turn.
                round += 1;
                session.set(key("moving"), &vec![b'm'; round % 500]);
            }
        });
        for batch in [1, most] {
            let filled = &filled;
            scope.spawn(move || {
                let mut session = table.session(Worker::ALONE);
                let mut turn = 0;
                loop {
                    let known = filled.load(Ordering::Acquire);
                    if known == last {
                        break;
                    }
                    turn = (turn * 5 + 1) % known.max(1);
                    let names: Vec<_> = (0..batch).map(|at| (turn + at).to_string()).collect();
                    let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
                    let mut seen = vec![0; keys.len()];
                    session.get_many(&keys, |index, value| {
                        seen[index] += 1;
                        let expected = turn + (index as u64) < known;
                        assert!(!expected || value == Some(b"value"), "{turn} of {known}");
                    });
                    assert!(seen.iter().all(|&times| times == 1));
                    assert!(session.get(key("absent"), |_| ()).is_none());
                    let moving = session.get(key("moving"), |v| v.iter().all(|b| *b == b'm'));
                    assert!(moving.is_none_or(|whole| whole));
                }
            });
        }
    });
    assert!(table.settled());
    assert_eq!(table.usage().items, last + 1);
}

/// Readers look up entries, one by one and in batches, whose values change their sizes all the while, all of them together:
/// so that memory of one size becomes that of another under the readers' eyes. Each value says whose it is.
pub(super) fn read_beside_other_sizes<S: Strategy>(table: &S, turns: usize) {
    const KEYS: usize = 400;
    const SIZES: [usize; 7] = [30, 3000, 200, 9000, 60, 700, 40_000];
    let names: Vec<String> = (0..KEYS).map(|number| format!("key {number:04}")).collect();
    let value = |name: &str, len: usize| -> Vec<u8> { name.bytes().cycle().take(len).collect() };
    let check = |name: &str, value: Option<&[u8]>| {
        let Some(value) = value else { return };
        let whole = value
            .chunks(name.len())
            .all(|part| name.as_bytes().starts_with(part));
        let known = SIZES.iter().any(|size| value.len().abs_diff(*size) < 100);
        assert!(whole && known, "{name}: {} bytes", value.len());
    };
    let left = AtomicU64::new(2);
    std::thread::scope(|scope| {
        for half in 0..2 {
            let (left, names) = (&left, &names);
            scope.spawn(move || {
                let mut session = table.session(Worker::ALONE);
                for turn in 0..turns {
                    let size = SIZES[turn % SIZES.len()];
                    for (number, name) in names.iter().enumerate().skip(half).step_by(2) {
                        session.set(key(name), &value(name, size + (number + turn) % 100));
                        if (number / 2 + turn).is_multiple_of(5) {
                            session.remove(key(name));
                        }
                    }
                }
                left.fetch_sub(1, Ordering::Release);
            });
            scope.spawn(move || {
                let mut session = table.session(Worker::ALONE);
                let mut at = 0;
                while left.load(Ordering::Acquire) > 0 {
                    at = (at * 5 + 3) % KEYS;
                    session.get(key(&names[at]), |value| check(&names[at], Some(value)));
                    let batch = &names[at..KEYS.min(at + 32)];
                    let keys: Vec<_> = batch.iter().map(|name| key(name)).collect();
                    session.get_many(&keys, |index, value| check(&batch[index], value));
                }
            });
        }
    });
    let mut session = table.session(Worker::ALONE);
    for (number, name) in names.iter().enumerate() {
        let kept = !(number / 2 + turns - 1).is_multiple_of(5);
        let found = session.get(key(name), |value| check(name, Some(value)));
        assert_eq!(found.is_some(), kept, "{name}");
    }
}

/// An edit that panics leaves the entry as it was, and the table at work.
pub(super) fn survives_a_panic_in_an_edit<S: Strategy>(table: &S) {
    fill(table, 0..1);
    let mut session = table.session(Worker::ALONE);
    let edit = std::panic::AssertUnwindSafe(|| {
        session.update(key("0"), |_, _| -> (Edit, ()) { panic!("an edit fails") });
    });
    assert!(std::panic::catch_unwind(edit).is_err());
    assert_eq!(
        session.get(key("0"), <[u8]>::to_vec),
        Some(b"value".to_vec())
    );
    assert_eq!(session.set(key("0"), b"other"), Stored::Replaced);
}
