//! What the tests of tables share: an environment, keys, and tables opened from a spec.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::strategy::{Edit, Env, Keep, Session, Stored, Strategy};
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

/// Values change their length little by little while keys come at random, and what is too much for a budget goes at
/// random. `see` is called now and then.
pub(super) fn drift<S: Strategy>(
    table: &S,
    lengths: [usize; 2],
    budget: u64,
    mut see: impl FnMut(&S),
) {
    const SETS: usize = 100_000;
    let [from, to, sets] = [lengths[0], lengths[1], SETS].map(|n| i64::try_from(n).unwrap());
    let mut dice = Dice(7);
    let mut present: Vec<usize> = Vec::new();
    let mut session = table.session(Worker::ALONE);
    for at in 0..SETS {
        let length = from + (to - from) * i64::try_from(at).unwrap() / sets;
        let number = dice.below(SETS);
        let value = vec![1; usize::try_from(length).unwrap()];
        if session.set(key(&number.to_string()), &value) == Stored::Created {
            present.push(number);
        }
        while table.usage().bytes > budget {
            let victim = present.swap_remove(dice.below(present.len()));
            assert!(session.remove(key(&victim.to_string())), "{victim}");
        }
        if at % 500 == 0 {
            see(table);
        }
    }
}

/// Numbers at random, the same at each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Threads read, write, remove and walk while another one moves entries all the time. There are more entries and fewer
/// by turns, so that pages become sparse. Each value says whose it is and how long it should be.
pub(super) fn work_beside_moves<S: Strategy>(
    table: &S,
    move_some: impl Fn(&mut S::Session<'_>) + Sync,
) {
    const OWN: usize = 2_000;
    const STAY: usize = 300;
    const TURNS: usize = 40_000;
    const LENGTHS: [usize; 4] = [40, 300, 500, 900];
    let value = |name: &str, len: usize| -> Vec<u8> {
        let start = len.to_string() + name;
        start.bytes().cycle().take(len).collect()
    };
    let is_whole = |name: &str, seen: &[u8]| seen == value(name, seen.len());
    let staying: Vec<String> = (0..STAY).map(|at| format!("stays {at}")).collect();
    let own: [Vec<String>; 2] =
        [0, 1].map(|me| (0..OWN).map(|at| format!("own {me} {at}")).collect());
    let left = AtomicU64::new(2);
    let write = |me: usize| {
        let mut session = table.session(Worker::ALONE);
        let mut dice = Dice(me as u64);
        let mut known: Vec<Option<usize>> = vec![None; OWN];
        for turn in 0..TURNS {
            let at = dice.below(OWN);
            let name = &own[me][at];
            let grows = turn / 4_000 % 2 == 0;
            if dice.below(10) < if grows { 8 } else { 1 } {
                let length = LENGTHS[dice.below(LENGTHS.len())];
                session.set(key(name), &value(name, length));
                known[at] = Some(length);
            } else if grows || dice.below(3) == 0 {
                let found = session.get(key(name), |seen| seen == value(name, seen.len()));
                assert_eq!(found, known[at].map(|_| true), "{name}");
            } else {
                assert_eq!(session.remove(key(name)), known[at].is_some(), "{name}");
                known[at] = None;
            }
            // Some of them here and there among the others.
            if turn % 20 == 0 && turn / 20 < STAY && me == 0 {
                let name = &staying[turn / 20];
                session.insert_new(key(name), &value(name, LENGTHS[turn / 20 % 4]));
            }
        }
        for (name, length) in own[me].iter().zip(known) {
            let found = session.get(key(name), <[u8]>::to_vec);
            assert_eq!(found, length.map(|length| value(name, length)), "{name}");
        }
        left.fetch_sub(1, Ordering::Release);
    };
    let read = || {
        let mut session = table.session(Worker::ALONE);
        let mut dice = Dice(3);
        let mut stays = 0;
        while left.load(Ordering::Acquire) > 0 {
            let from = dice.below(OWN - 16);
            let names = &own[from % 2][from..from + 16];
            let keys: Vec<_> = names.iter().map(|name| key(name)).collect();
            session.get_many(&keys, |index, seen| {
                assert!(seen.is_none_or(|seen| is_whole(&names[index], seen)));
            });
            // Those that are there stay.
            for name in &staying[..stays] {
                let found = session.get(key(name), |seen| is_whole(name, seen));
                assert_eq!(found, Some(true), "{name}");
            }
            while stays < STAY && session.get(key(&staying[stays]), |_| ()).is_some() {
                stays += 1;
            }
        }
    };
    let walk = || {
        let mut session = table.session(Worker::ALONE);
        while left.load(Ordering::Acquire) > 0 {
            let is_there = |name: &&String| session.get(key(name), |_| ()).is_some();
            let there: Vec<&String> = staying.iter().filter(is_there).collect();
            let (mut cursor, mut seen) = (0, HashSet::new());
            loop {
                cursor = session.walk(cursor, 3, |name, value, _| {
                    let name = std::str::from_utf8(name).unwrap();
                    assert!(is_whole(name, value), "{name}");
                    seen.insert(name.to_owned());
                    Keep::Keep
                });
                if cursor == 0 {
                    break;
                }
            }
            assert!(there.into_iter().all(|name| seen.contains(name)));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| write(0));
        scope.spawn(|| write(1));
        scope.spawn(read);
        scope.spawn(walk);
        scope.spawn(|| {
            let mut session = table.session(Worker::ALONE);
            while left.load(Ordering::Acquire) > 0 {
                move_some(&mut session);
            }
        });
    });
}

/// Marks of entries that move go with them; `move_some` is called until all have moved that are to.
pub(super) fn marks_move<S: Strategy>(table: &S, move_some: impl Fn(&mut S::Session<'_>)) {
    let mut session = table.session(Worker::ALONE);
    for number in 0..5_000_u32 {
        session.insert_new(key(&number.to_string()), &[7; 300]);
    }
    let kept = |number: u32| number % 10 == 3;
    let used = |number: u32| number % 20 == 3;
    for number in (0..5_000).filter(|number| !kept(*number)) {
        assert!(session.remove(key(&number.to_string())));
    }
    for number in (0..5_000).filter(|number| used(*number)) {
        assert!(session.get(key(&number.to_string()), |_| ()).is_some());
    }
    for _ in 0..1_000 {
        move_some(&mut session);
    }
    let (mut cursor, mut seen) = (0, 0);
    loop {
        cursor = session.walk(cursor, 1, |name, value, mark| {
            let number = std::str::from_utf8(name).unwrap().parse().unwrap();
            assert!(kept(number) && value == [7; 300]);
            assert_eq!(mark, used(number), "{number}");
            seen += 1;
            Keep::Keep
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen, 500);
}

/// Of entries with one hash, and so one tag, a use finds and marks the one that it asks for. The tag is that of an empty
/// slot in some tables.
pub(super) fn marks_one_of_a_hash<S: Strategy>(table: &S) {
    let names: Vec<String> = (0..12).map(|number| format!("{number}")).collect();
    let of = |at: usize| Key {
        bytes: names[at].as_bytes(),
        hash: 3,
    };
    let mut session = table.session(Worker::ALONE);
    for count in [4, 12] {
        for at in 0..count {
            assert_eq!(session.set(of(at), b"value"), Stored::Created);
        }
        // In tables that close no gap, an empty slot comes first.
        assert!(session.remove(of(0)));
        let used = [1, count - 2, count - 1];
        for at in used {
            let found = session.get(of(at), |value| value == b"value");
            assert_eq!(found, Some(true), "{at}");
        }
        assert!(session.get(of(0), |_| ()).is_none());
        let mut cursor = 0;
        loop {
            cursor = session.walk(cursor, 1, |name, _, mark| {
                let at = names.iter().position(|known| known.as_bytes() == name);
                assert_eq!(mark, used.contains(&at.unwrap()), "{at:?} of {count}");
                Keep::Unmark
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(session.set(of(2), b"other"), Stored::Replaced);
        for at in 1..count {
            assert!(session.remove(of(at)), "{at}");
        }
    }
}
