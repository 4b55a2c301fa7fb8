//! What strategies say of themselves in [`Guarantees`], held to what checks show.
//!
//! A check waits for something that must not happen only for a moment, and for what must happen as long as a busy machine
//! may take.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bucketlab::base::{Journal, Key, Params, Worker};
use bucketlab::catalog::{ROWS, Row};
use bucketlab::hash::{self, Hasher};
use bucketlab::machine::{counting, now_ns};
use bucketlab::record::{CheckLine, Ending};
use bucketlab::table::{Batch, Env, ErasedTable, Floods, Freed, Holds, Session, Stored, Waits};
use bucketlab::verify::{Stage, Task, examine};

/// How long what must not happen is waited for.
const MOMENT: Duration = Duration::from_millis(20);

/// How long what must happen is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// The rows that promise something: no control, nothing that is wrong on purpose.
fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter()
        .filter(|row| !row.control && !row.samples.is_empty())
}

fn params(row: &Row) -> Params {
    Params::resolve(row.params, &row.name.parse().unwrap()).unwrap()
}

fn env(clock: fn() -> u64) -> Env {
    Env {
        hasher: Hasher::new(hash::find("sip13").unwrap(), [1, 2]),
        clock,
        journal: Arc::new(Journal::new(1 << 16)),
        recency: false,
    }
}

fn open(row: &Row, env: &Env) -> Box<dyn ErasedTable> {
    (row.kind.open)(&params(row), env).unwrap()
}

fn key<'k>(env: &Env, bytes: &'k [u8]) -> Key<'k> {
    Key {
        bytes,
        hash: env.hasher.hash(bytes),
    }
}

fn name(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Whether something comes: waits for a moment where it must not, long where it must.
fn comes<T>(from: &Receiver<T>, must: bool) -> bool {
    // An error is also that of one that has been heard before.
    from.recv_timeout(if must { PATIENCE } else { MOMENT })
        .is_ok()
}

/// Whether any of them comes, in as long as it may take.
fn one_comes(from: &[Receiver<()>]) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if from.iter().any(|one| one.try_recv().is_ok()) {
            return true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    false
}

/// Does something in a thread of a scope, and tells when it is done.
fn in_thread<'s, 'e>(
    scope: &'s thread::Scope<'s, 'e>,
    table: &'e dyn ErasedTable,
    work: impl FnOnce(&mut dyn FnMut(&[u8], bool)) + Send + 's,
    env: &'e Env,
) -> Receiver<()> {
    let (done, comes) = channel();
    scope.spawn(move || {
        let mut session = table.session(Worker { index: 1, of: 2 });
        work(&mut |bytes, writes| {
            if writes {
                session.set(key(env, bytes), b"new value");
            } else {
                session.get(key(env, bytes), <[u8]>::len);
            }
        });
        // The other side may have stopped waiting.
        let _ = done.send(());
    });
    comes
}

#[test]
fn histories_of_every_strategy_are_explained_if_it_says_so() {
    for row in rows().filter(|row| row.guarantees.linearizable.shown) {
        let params = params(row);
        let task = Task {
            kind: &row.kind,
            params: &params,
            bears_one_hash: row.bears_one_hash,
            unclaimed: row.unclaimed,
            stage: Stage::Linearizability,
            hashes: vec![hash::find("sip13").unwrap()],
            seed: 1,
            threads: 4,
            time: Duration::from_millis(200),
            only: None,
            brief: true,
        };
        let mut last = None;
        examine(&task, &mut |line| {
            if let CheckLine::Verdict(verdict) = line {
                last = Some(verdict);
            }
        });
        let verdict = last.expect("a verdict");
        let explained = verdict.ending == Ending::Passed && verdict.exercised.histories > 0;
        assert_eq!(
            explained, row.guarantees.linearizable.says,
            "{}: {:?}",
            row.name, verdict.found
        );
    }
}

/// The checks give all keys one hash where a table is to bear that.
#[test]
fn a_table_that_floods_break_is_not_flooded_by_the_checks() {
    for row in rows() {
        let fails = row.guarantees.floods.says == Floods::Fails;
        assert_eq!(fails, !row.bears_one_hash, "{}", row.name);
    }
}

/// While `read` looks at a value, another thread reads that key, and then one sets it.
#[test]
fn a_lookup_holds_what_its_strategy_says() {
    let env = env(now_ns);
    for row in rows().filter(|row| row.guarantees.read.shown) {
        let (reads_on, writes_on) = match row.guarantees.read.says {
            Holds::Nothing => (true, true),
            Holds::Shared(_) => (true, false),
            Holds::Exclusive(_) => (false, false),
        };
        let table = open(row, &env);
        let table = table.as_ref();
        let mut session = table.session(Worker { index: 0, of: 2 });
        session.set(key(&env, b"key"), b"the value");
        thread::scope(|scope| {
            let mut seen = (false, false);
            session.get(key(&env, b"key"), |_| {
                let read = in_thread(scope, table, |act| act(b"key", false), &env);
                seen.0 = comes(&read, reads_on);
                let written = in_thread(scope, table, |act| act(b"key", true), &env);
                seen.1 = comes(&written, writes_on);
            });
            assert_eq!(
                seen,
                (reads_on, writes_on),
                "{}: others read, write",
                row.name
            );
        });
    }
}

/// A writer sets one key and then another to the same number, over and over. In what is of one moment the first is as
/// far as the second, or one ahead.
#[test]
fn a_batch_is_of_one_moment_where_its_strategy_says_so() {
    let env = env(now_ns);
    for row in rows().filter(|row| row.guarantees.batch.shown) {
        let of_one_moment = row.guarantees.batch.says != Batch::Keys;
        let table = open(row, &env);
        let table = table.as_ref();
        // Where each key has a lock, one between them may have the lock of one of them.
        let mut torn = (10..26).map(|between| is_torn(table, &env, between, of_one_moment));
        let torn = if of_one_moment {
            torn.take(3).any(|torn| torn)
        } else {
            torn.any(|torn| torn)
        };
        assert_eq!(torn, !of_one_moment, "{}", row.name);
        if let Batch::Groups(keys) = row.guarantees.batch.says {
            assert_eq!(keys, 16, "{}: what the documents say", row.name);
        }
    }
}

/// Looks up two keys with another between them, and waits there for the writer of the two to come round again.
fn is_torn(table: &dyn ErasedTable, env: &Env, between: u64, of_one_moment: bool) -> bool {
    let rounds = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let [first, middle, last] = [name(1), name(between), name(2)];
    let mut session = table.session(Worker { index: 0, of: 2 });
    for bytes in [&first, &middle, &last] {
        session.set(key(env, bytes), &name(0));
    }
    let mut found = [0; 3];
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut session = table.session(Worker { index: 1, of: 2 });
            for number in 1.. {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                session.set(key(env, &first), &name(number));
                session.set(key(env, &last), &name(number));
                rounds.store(number, Ordering::Release);
            }
        });
        let keys = [key(env, &first), key(env, &middle), key(env, &last)];
        session.get_many(&keys, |index, value| {
            let value = value.expect("it is there").try_into().expect("a number");
            found[index] = u64::from_be_bytes(value);
            if index == 1 {
                let before = rounds.load(Ordering::Acquire);
                let patience = if of_one_moment { MOMENT } else { 5 * MOMENT };
                let until = Instant::now() + patience;
                while rounds.load(Ordering::Acquire) < before + 3 && Instant::now() < until {
                    thread::yield_now();
                }
            }
        });
        over.store(true, Ordering::Relaxed);
    });
    found[0] != found[2] && found[0] != found[2] + 1
}

/// What the clock does when it is read next: tables read it as a growth begins and ends.
static AT_CLOCK: Mutex<Option<Box<dyn FnOnce() + Send>>> = Mutex::new(None);

fn trapping_clock() -> u64 {
    let trap = AT_CLOCK
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(trap) = trap {
        trap();
    }
    now_ns()
}

/// A growth is stopped as it begins; meanwhile others look up and set keys, that one among them whose insertion made the
/// table grow.
#[test]
fn those_wait_for_a_growth_of_which_the_strategy_says_so() {
    for row in rows().filter(|row| row.guarantees.growth.shown) {
        let env = env(trapping_clock);
        let table = open(row, &env);
        let mut table = table;
        let buckets = table.census().buckets;
        if row.guarantees.growth.says == Waits::Never {
            let mut session = table.session(Worker::ALONE);
            for number in 0..20_000 {
                session.set(key(&env, &name(number)), b"value");
            }
            drop(session);
            assert_eq!(table.census().buckets, buckets, "{}", row.name);
            continue;
        }
        growth_of(row, table.as_ref(), &env);
    }
}

/// Keys that are tried while a growth is stopped.
const TRIED: u64 = 12;

fn growth_of(row: &Row, table: &dyn ErasedTable, env: &Env) {
    let says = row.guarantees.growth.says;
    // In a part of the table that grows, others still do what they do elsewhere.
    let (reads_on, writes_on) = match says {
        Waits::All | Waits::Part(_) => (false, false),
        Waits::Writers => (true, false),
        Waits::Grower | Waits::Nobody => (true, true),
        Waits::Never => unreachable!("it does not grow"),
    };
    let inserted = AtomicU64::new(0);
    let (trapped, began): (Sender<()>, _) = channel();
    let (go_on, released) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut session = table.session(Worker { index: 0, of: 2 });
            let mut trap = Some((trapped, released));
            for number in 0..200_000 {
                inserted.store(number, Ordering::SeqCst);
                // A table in parts has several by now.
                if number == 9_000 {
                    let (trapped, released) = trap.take().expect("set once");
                    *AT_CLOCK.lock().unwrap() = Some(Box::new(move || {
                        let _ = trapped.send(());
                        let _ = released.recv();
                    }));
                }
                session.set(key(env, &name(number)), b"value");
                if number > 9_000 && AT_CLOCK.lock().unwrap().is_none() {
                    return;
                }
            }
        });
        assert!(comes(&began, true), "{} does not grow", row.name);
        let blamed = inserted.load(Ordering::SeqCst);
        let mut done = [0, 0];
        for (writes, must) in [(false, reads_on), (true, writes_on)] {
            let keys = (0..TRIED).chain([blamed]);
            let tried: Vec<_> = keys
                .map(|number| in_thread(scope, table, move |act| act(&name(number), writes), env))
                .collect();
            let part = matches!(says, Waits::Part(_));
            // Of a part, the one that is blamed must wait; of the others the first that can must not.
            if part {
                // However busy the machine is, one of the others comes.
                done[usize::from(writes)] += usize::from(one_comes(&tried));
            }
            done[usize::from(writes)] += tried.iter().filter(|one| comes(one, must)).count();
            if part {
                let blamed = tried.last().expect("it was tried");
                assert!(!comes(blamed, false), "{}: {writes}", row.name);
            }
        }
        let all = usize::try_from(TRIED).expect("few") + 1;
        let as_said = match says {
            Waits::Part(_) => done.iter().all(|done| (1..all).contains(done)),
            _ => done == [all * usize::from(reads_on), all * usize::from(writes_on)],
        };
        assert!(as_said, "{}: {done:?} of {all} did not wait", row.name);
        go_on.send(()).expect("it waits");
    });
}

/// One large entry is removed, then many; the thread that removes counts what it frees.
#[test]
fn memory_is_given_back_when_the_strategy_says() {
    const LARGE: i64 = 100_000;
    const MANY: u32 = 2_000;
    assert!(counting::installed());
    let env = env(now_ns);
    for row in rows().filter(|row| row.guarantees.memory.shown) {
        let table = open(row, &env);
        let mut session = table.session(Worker::ALONE);
        for number in 0..MANY {
            session.set(key(&env, &name(number.into())), &[1; 500]);
        }
        let stored = session.set(
            key(&env, b"large"),
            &vec![1; usize::try_from(LARGE).unwrap()],
        );
        assert_eq!(stored, Stored::Created);
        session.quiesce();
        counting::start();
        assert!(session.remove(key(&env, b"large")));
        let at_once = -counting::live().unwrap() > LARGE / 2;
        for number in 0..MANY {
            session.remove(key(&env, &name(number.into())));
        }
        for _ in 0..64 {
            session.get(key(&env, b"large"), <[u8]>::len);
            session.quiesce();
        }
        let in_the_end = -counting::stop().unwrap() > (LARGE + 500 * i64::from(MANY)) * 3 / 4;
        let expected = match row.guarantees.memory.says {
            Freed::AtOnce => (true, true),
            Freed::Unread => (false, true),
            Freed::Kept => (false, false),
        };
        assert_eq!(
            (at_once, in_the_end),
            expected,
            "{}: at once, later",
            row.name
        );
    }
}
