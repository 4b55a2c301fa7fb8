//! What several connections read and write on shared keys is linearizable.
//!
//! Each key has a short history: a few connections do a few operations on it at once, each with the
//! times at which it was sent and answered. A history is fine if its operations can be put in an
//! order that keeps those that did not overlap apart and in which each answer is the one that a
//! single-threaded cache gives. Finding one is a search with a memory of dead ends (Wing and Gong,
//! "Testing and Verifying Concurrent Objects", 1993, with Lowe's cache, 2017).

use std::collections::HashSet;
use std::net::TcpStream;
use std::sync::Barrier;
use std::time::Instant;

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::server::{Server, line};

const CONNECTIONS: usize = 4;
const ROUNDS: usize = 6;
const KEYS: usize = 600;

/// An operation on one key.
#[derive(Clone, Debug, PartialEq)]
enum Op {
    Set(u64),
    Add(u64),
    Get,
    Incr(u64),
    Delete,
    /// The unique number that was read before, and the new value.
    Cas(u64, u64),
}

#[derive(Clone, Debug, PartialEq)]
enum Answer {
    Done,
    Not,
    Exists,
    /// Value and unique number.
    Value(u64, u64),
    Number(u64),
}

#[derive(Clone, Debug)]
struct Event {
    op: Op,
    answer: Answer,
    sent: Instant,
    answered: Instant,
}

/// A cache of one key: its value, and the unique number where it is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State(Option<(u64, Option<u64>)>);

impl State {
    /// The state after `op`, if the answer can be what was answered.
    fn after(&self, event: &Event) -> Option<State> {
        let fresh = |value| Some(State(Some((value, None))));
        match (&event.op, &event.answer, self.0) {
            (Op::Set(value), Answer::Done, _) | (Op::Add(value), Answer::Done, None) => {
                fresh(*value)
            }
            (Op::Get | Op::Delete | Op::Incr(_) | Op::Cas(..), Answer::Not, None)
            | (Op::Add(_), Answer::Not, Some(_)) => Some(self.clone()),
            (Op::Get, Answer::Value(value, unique), Some((held, known))) => (*value == held
                && known.is_none_or(|known| known == *unique))
            .then_some(State(Some((held, Some(*unique))))),
            (Op::Incr(by), Answer::Number(number), Some((held, _))) => {
                (held + by == *number).then_some(State(Some((*number, None))))
            }
            (Op::Delete, Answer::Done, Some(_)) => Some(State(None)),
            // Whoever expects a number has read it. So a state whose number nobody has read has another.
            (Op::Cas(expected, value), Answer::Done, Some((_, known))) => {
                (known == Some(*expected)).then_some(State(Some((*value, None))))
            }
            (Op::Cas(expected, _), Answer::Exists, Some((_, known))) => {
                (known != Some(*expected)).then(|| self.clone())
            }
            _ => None,
        }
    }
}

/// Whether the events have an order that explains them.
fn is_linearizable(events: &[Event]) -> bool {
    fn search(
        events: &[Event],
        done: u64,
        state: &State,
        dead: &mut HashSet<(u64, State)>,
    ) -> bool {
        if done.count_ones() as usize == events.len() {
            return true;
        }
        if !dead.insert((done, state.clone())) {
            return false;
        }
        let open = |index: &usize| done >> index & 1 == 0;
        let first_answered = (0..events.len())
            .filter(open)
            .map(|i| events[i].answered)
            .min()
            .unwrap();
        (0..events.len()).filter(open).any(|index| {
            // Nothing may go before what was answered before it was sent.
            events[index].sent <= first_answered
                && state
                    .after(&events[index])
                    .is_some_and(|next| search(events, done | 1 << index, &next, dead))
        })
    }
    assert!(events.len() <= 64);
    search(events, 0, &State(None), &mut HashSet::new())
}

fn ask(stream: &mut TcpStream, key: usize, op: &Op) -> Answer {
    let request = match op {
        Op::Set(value) => format!("set h{key} 0 0 8\r\n{value:08}\r\n"),
        Op::Add(value) => format!("add h{key} 0 0 8\r\n{value:08}\r\n"),
        Op::Get => format!("mg h{key} s c v\r\n"),
        Op::Incr(by) => format!("incr h{key} {by}\r\n"),
        Op::Delete => format!("delete h{key}\r\n"),
        Op::Cas(unique, value) => format!("cas h{key} 0 0 8 {unique}\r\n{value:08}\r\n"),
    };
    let answer = line(stream, request.as_bytes());
    match answer.trim_end() {
        "STORED" | "DELETED" => Answer::Done,
        "NOT_STORED" | "NOT_FOUND" | "EN" => Answer::Not,
        "EXISTS" => Answer::Exists,
        head if head.starts_with("VA ") => {
            let unique = head.rsplit('c').next().unwrap().parse().unwrap();
            let value = line(stream, b"");
            Answer::Value(
                value
                    .trim_end()
                    .trim_start_matches('0')
                    .parse()
                    .unwrap_or(0),
                unique,
            )
        }
        number => Answer::Number(number.parse().unwrap_or_else(|_| panic!("{number}"))),
    }
}

/// One connection's part in all histories.
fn take_part(server: &Server, who: usize, barrier: &Barrier) -> Vec<Vec<Event>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(who as u64);
    let mut stream = server.connect();
    let mut all = Vec::new();
    for key in 0..KEYS {
        barrier.wait();
        let mut events = Vec::new();
        let mut read = None;
        for round in 0..ROUNDS {
            let value = (1 + who * ROUNDS + round) as u64 * 1000;
            let op = match rng.random_range(0..10) {
                0 | 1 => Op::Set(value),
                2 => Op::Add(value),
                3 => Op::Delete,
                4 | 5 => Op::Incr(1 + who as u64),
                6 | 7 if read.is_some() => Op::Cas(read.unwrap(), value),
                _ => Op::Get,
            };
            let sent = Instant::now();
            let answer = ask(&mut stream, key, &op);
            let answered = Instant::now();
            if let Answer::Value(_, unique) = answer {
                read = Some(unique);
            }
            events.push(Event {
                op,
                answer,
                sent,
                answered,
            });
        }
        all.push(events);
    }
    all
}

#[test]
fn histories_of_shared_keys_are_linearizable() {
    for target in ["striped", "optimistic", "papaya"] {
        let server = Server::start(&[target, "-t", "4"]);
        let barrier = Barrier::new(CONNECTIONS);
        let parts: Vec<Vec<Vec<Event>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CONNECTIONS)
                .map(|who| {
                    let (server, barrier) = (&server, &barrier);
                    scope.spawn(move || take_part(server, who, barrier))
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let mut overlapping = 0;
        for key in 0..KEYS {
            let events: Vec<Event> = parts.iter().flat_map(|part| part[key].clone()).collect();
            overlapping += usize::from(overlaps(&events));
            assert!(is_linearizable(&events), "{target}, key {key}: {events:#?}");
        }
        // One after the other, anything would pass.
        assert!(overlapping * 2 > KEYS, "{target}: {overlapping} overlap");
    }
}

fn overlaps(events: &[Event]) -> bool {
    let pairs = events.iter().enumerate();
    pairs.clone().any(|(i, a)| {
        events[i + 1..]
            .iter()
            .any(|b| a.sent < b.answered && b.sent < a.answered)
    })
}

#[test]
fn the_checker_tells_good_from_bad() {
    let start = Instant::now();
    let at = |ms| start + std::time::Duration::from_millis(ms);
    let event = |op, answer, sent, answered| Event {
        op,
        answer,
        sent: at(sent),
        answered: at(answered),
    };
    let set = event(Op::Set(1), Answer::Done, 0, 10);
    let early = event(Op::Get, Answer::Value(1, 7), 5, 6);
    let late_miss = event(Op::Get, Answer::Not, 11, 12);
    assert!(is_linearizable(&[set.clone(), early.clone()]));
    assert!(!is_linearizable(&[set.clone(), late_miss.clone()]));
    // A miss may come before the set that it overlaps, but not behind who has read it.
    let miss = event(Op::Get, Answer::Not, 7, 9);
    assert!(is_linearizable(&[set.clone(), miss.clone()]));
    assert!(!is_linearizable(&[set.clone(), early, miss]));
    // Two counts may not come to the same number.
    let count = event(Op::Incr(1), Answer::Number(2), 20, 30);
    assert!(is_linearizable(&[set.clone(), count.clone()]));
    assert!(!is_linearizable(&[set.clone(), count.clone(), count]));
    // One unique number wins once.
    let read = event(Op::Get, Answer::Value(1, 7), 11, 12);
    let win = event(Op::Cas(7, 5), Answer::Done, 20, 30);
    assert!(is_linearizable(&[set.clone(), read.clone(), win.clone()]));
    assert!(!is_linearizable(&[set, read, win.clone(), win]));
}
